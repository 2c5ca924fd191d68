"""Verify soft DEEP R with untracked connections against exact laws, and against a slot for every site.

    python -m scripts.verify_soft --quick         # under a minute
    python -m scripts.verify_soft --json FILE     # about ten minutes; also writes a figure

Prints a table of laws with statistic, bound and verdict; a correct sampler passes each bound with probability 1 - 1e-6.
Then follow measurements: errors by depth, fraction of forgotten identities, cost, and learning with both storages.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from scripts.soft_laws import agreement, cost, errors_by_depth, fractions, identities, learning, times_of_return
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style, plain_ticks

__all__ = ["main"]


@in_house_style
def draw(results: dict[str, Any]) -> Figure:
    """Plot returning connections, forgotten identities, cost and learning."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7))
    (back, forget), (price, learn) = axes
    due, expected = results["returns"]
    back.plot(np.arange(1, len(due) + 1), due, ".", markersize=2, color=COLOURS[1], label="sampled")
    back.plot(np.arange(1, len(due) + 1), expected, color="0.2", label="exact walk")
    back.set(xlabel="step", ylabel="untracked connections that return per step", xscale="log")
    depth = [row["depth"] for row in results["identities"]]
    forget.plot(depth, [row["forgotten"] for row in results["identities"]], "o", color=COLOURS[1], label="measured")
    forget.plot(depth, [row["formula"] for row in results["identities"]], color="0.2", label="1.209/(D + 1.165)")
    forget.set(
        xlabel="depth D / noise per step", ylabel="fraction formed at a forgotten site", xscale="log", yscale="log"
    )
    forget.set_xticks(depth, [f"{d:g}" for d in depth])
    forget.minorticks_off()
    for name, color in (("stored", "0.2"), ("counted", COLOURS[1])):
        rows = [row for row in results["cost"] if f"{name} ms" in row]
        price.plot([r["connections"] for r in rows], [r[f"{name} ms"] for r in rows], "o-", color=color, label=name)
    price.set(xlabel="connections, 1 % of the sites", ylabel="ms per step", xscale="log", yscale="log")
    colors = ("0.2", COLOURS[1], COLOURS[4], COLOURS[0], COLOURS[5])
    for (name, curves), color in zip(results["learning"].items(), colors, strict=True):
        mean, (low, high) = np.mean(curves, axis=0), np.quantile(curves, [0.16, 0.84], axis=0)
        at = 50 * np.arange(1, len(mean) + 1)
        learn.plot(at, mean, color=color, label=name)
        learn.fill_between(at, low, high, color=color, alpha=0.2, linewidth=0)
    learn.set(xlabel="step", ylabel="test error / variance", yscale="log")
    plain_ticks(back.xaxis, forget.yaxis, price.xaxis, price.yaxis, learn.yaxis)
    for ax in axes.flat:
        ax.legend()
    return figure


def _print_rows(title: str, rows: Sequence[dict[str, float]]) -> None:
    print(f"\n{title}")
    print("  ".join(f"{name:>26}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{row[name]:26.4g}" if name in row else f"{'-':>26}" for name in rows[0]))


def _final_errors(curves: dict[str, list[list[float]]]) -> list[dict[str, Any]]:
    """Return means and standard deviations over seeds after both tasks, and of the paired differences."""
    rows = []
    for name, own in curves.items():
        ends = np.array(own)[:, [len(own[0]) // 2 - 1, -1]]
        base = np.array(curves["stored"])[:, [len(own[0]) // 2 - 1, -1]]
        whole, other = np.mean(own, axis=1), np.mean(curves["stored"], axis=1)
        rows.append(
            {
                "storage": name,
                "first task": [float(ends[:, 0].mean()), float(ends[:, 0].std(ddof=1))],
                "second task": [float(ends[:, 1].mean()), float(ends[:, 1].std(ddof=1))],
                "all steps": [float(whole.mean()), float(whole.std(ddof=1))],
                "difference to stored": [float((whole - other).mean()), float((whole - other).std(ddof=1))],
                "seeds": len(base),
            }
        )
    return rows


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Verify, print, and write JSON and a figure."""
    parser = Parser("Verify soft DEEP R with untracked connections.")
    parser.add_quick("a short verification, under a minute")
    parser.add_json("file for the results; a figure is written next to it")
    given = parser.parse_measurement(argv)
    laws, returns = times_of_return(given.quick)
    learned, curves = learning(given.quick)
    laws += [*fractions(given.quick), *agreement(given.quick), *learned]
    for law in laws:
        print(f"{law.name:62} {law.statistic:9.2f} {law.bound:9.2f}  {'passed' if law.passed else 'FAILED'}")
    results: dict[str, Any] = {"depths": errors_by_depth(), "identities": identities(given.quick)}
    results["cost"] = cost(given.quick)
    results["errors of learning: mean, standard deviation"] = _final_errors(curves)
    _print_rows("errors of the return time, floor at 30", results["depths"])
    _print_rows("formation at a forgotten site", results["identities"])
    _print_rows("cost of a step", results["cost"])
    print("\nlearning: test error / variance, mean and standard deviation over seeds")
    for row in results["errors of learning: mean, standard deviation"]:
        print(row)
    if given.json:
        rows = [{**asdict(law), "passed": law.passed} for law in laws]
        figure = draw({**results, "returns": returns, "learning": curves})
        write_measurement(given.json, {"laws": rows, **results}, figure)
    return 0 if all(law.passed for law in laws) else 1


if __name__ == "__main__":
    sys.exit(main())
