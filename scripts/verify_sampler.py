"""Verify the samplers of all rules against exact laws, and the tests against deliberately incorrect samplers.

    python -m scripts.verify_sampler                 # under an hour
    python -m scripts.verify_sampler --quick         # under a minute
    python -m scripts.verify_sampler --json FILE     # also writes a figure (arrays only)
    python -m scripts.verify_sampler --device cpp_standalone --quick     # rules in compiled Brian2 programs; minutes

Prints a table of laws with statistic, bound and verdict, and a table of negative controls, each of which must be
rejected by at least one law. A correct sampler passes each bound with probability 1 - 1e-6.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from scripts import compiled_laws, rule_laws
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from scripts.sampler_laws import (
    CHANCE,
    FULL,
    QUICK,
    Law,
    chance,
    distance_to_posterior,
    posterior,
    rejected,
    uniformity,
)
from scripts.wrong_samplers import WRONG
from synaptic_sampling import Connections, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style, plain_ticks

__all__ = ["main"]


@in_house_style
def draw(results: dict[str, Any]) -> Figure:
    """Plot turnover, and the counts of each connectivity against their exact laws."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7))
    ratios, measured = results["turnover"]
    fine = np.geomspace(0.02, 1, 100)
    curve, limit = axes[0]
    curve.plot(fine, [exact.turnover_rate(r) for r in fine], color="0.35", label="exact")
    curve.plot(fine, np.sqrt(2) * fine, color="0.35", linestyle=":", label="small steps")
    curve.plot(ratios, measured, "o", color=COLOURS[0], label="sampler")
    curve.set(xscale="log", yscale="log", xlabel="l1 step / noise per step", ylabel="fraction replaced per step")
    etas = np.geomspace(1e-3, 0.3, 8)
    limit.plot(etas, [distance_to_posterior(eta) for eta in etas], "o-", color="0.35", markersize=4, label="exact law")
    limit.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="total variation distance to the posterior")
    plain_ticks(curve.xaxis, curve.yaxis, limit.xaxis, limit.yaxis)
    for ax, name in zip(axes[1], ("learning rate 0.1", "learning rate 0.3"), strict=True):
        counts, law = results[name]
        frequency, error = counts / counts.sum(), np.sqrt(counts) / counts.sum()
        ax.bar(range(len(law)), list(law.values()), color="0.8", label="exact")
        ax.errorbar(
            range(len(law)), frequency, 3 * error, fmt="o", markersize=3, color=COLOURS[1], label="sampler, 3 s.e."
        )
        ax.set(xlabel="set of connected sites", ylabel="probability", title=name, xticks=[])
    for ax in axes.flat[:3]:
        ax.legend(loc="upper left")
    return figure


def turnover_curve() -> tuple[NDArray[np.float64], list[float]]:
    """Return the measured turnover for several ratios of l1 step to noise."""
    ratios, measured = np.array([0.03, 0.1, 0.3, 1.0]), []
    for r in ratios:
        rule = replace(CHANCE, l1=r * CHANCE.noise_scale / CHANCE.learning_rate)
        c, relaxed = Connections.random(100, 100, 1000, seed=1), int(3 / r**2) + 100
        deaths = [step(c, rule, gradient=np.zeros(1000)).num_deaths for _ in range(2 * relaxed)]
        measured.append(float(np.mean(deaths[relaxed:])) / 1000)
    return ratios, measured


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Verify, print both tables, and write JSON and a figure."""
    parser = Parser("Verify the samplers of all rules against exact laws.")
    parser.add_quick("a short verification, under a minute")
    parser.add_json("file for the results; a figure is written next to it")
    text = "'arrays': rules stepped from Python; 'cpp_standalone': as parts of Brian2's C++ programs"
    parser.add_argument("--device", choices=["arrays", "cpp_standalone"], default="arrays", help=text)
    given = parser.parse_measurement(argv)
    if given.device == "cpp_standalone":
        return reported(*compiled(quick=given.quick), given.json, None)
    start, effort = time.perf_counter(), QUICK if given.quick else FULL
    measured: dict[str, Any] = {"turnover": turnover_curve()}
    laws: list[Law] = []
    with tqdm(total=7 + len(WRONG) + len(rule_laws.WRONG), unit="part") as bar:
        laws += chance(step, effort)
        bar.update()
        laws.append(uniformity(step, effort)[0])
        bar.update()
        for eta in (0.1, 0.3):
            more, measured[f"learning rate {eta:g}"] = posterior(step, effort, eta)
            laws += more
            bar.update()
        for check in rule_laws.LAWS.values():
            laws += check(step, rule_laws.QUICK if given.quick else rule_laws.FULL)
            bar.update()
        controls = []
        for name, (make, first) in WRONG.items():
            controls.append((name, rejected(make(), first, QUICK)))
            bar.update()
        for name, (do, kind) in rule_laws.WRONG.items():
            failed = [law.name for law in rule_laws.LAWS[kind](do, rule_laws.QUICK) if not law.passed]
            controls.append((name, failed[0] if failed else ""))
            bar.update()
    status = reported(laws, controls, given.json, draw(measured) if given.json else None)
    print(f"{time.perf_counter() - start:.0f} s")
    return status


def compiled(*, quick: bool) -> tuple[list[Law], list[tuple[str, str]]]:
    """Return the laws of compiled rules, and by which law each incorrect version was rejected."""
    laws: list[Law] = []
    controls = []
    effort = compiled_laws.QUICK if quick else compiled_laws.FULL
    with (
        compiled_laws.Programs() as programs,
        tqdm(total=len(compiled_laws.LAWS) + len(compiled_laws.WRONG), unit="part") as bar,
    ):
        for check in compiled_laws.LAWS.values():
            laws += check(programs, effort)
            bar.update()
        for name, check in compiled_laws.WRONG.items():
            failed = [law.name for law in check(programs, compiled_laws.QUICK) if not law.passed]
            controls.append((name, failed[0] if failed else ""))
            bar.update()
    return laws, controls


def reported(laws: list[Law], controls: list[tuple[str, str]], path: Path | None, figure: Figure | None) -> int:
    """Print both tables, and write them; return 1 if a law failed or a control passed."""
    for law in laws:
        print(f"{law.name:62} {law.statistic:9.2f} {law.bound:9.2f}  {'passed' if law.passed else 'FAILED'}")
    for name, by in controls:
        print(f"{name:62} {f'rejected by {by}' if by else 'NOT REJECTED'}")
    if path:
        rows = [{**asdict(law), "passed": law.passed} for law in laws]
        verdicts = [{"name": name, "rejected": bool(by), "by": by} for name, by in controls]
        write_measurement(path, {"laws": rows, "controls": verdicts}, figure)
    return 0 if all(law.passed for law in laws) and all(by for _, by in controls) else 1


if __name__ == "__main__":
    sys.exit(main())
