"""Verify the sampler, every rule, against exact laws, and the verification against samplers that are wrong on purpose.

    python -m scripts.verify_sampler                 # under an hour
    python -m scripts.verify_sampler --quick         # under a minute
    python -m scripts.verify_sampler --json FILE     # and pictures beside it

Prints a table of laws, each with its statistic, its bound and the verdict, and a table of controls, all of which have
to be rejected by at least one law. Every bound is passed by a right sampler with probability 1 - 1e-6.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from scripts import rule_laws
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

__all__ = ["main"]


def draw(pictures: dict[str, Any]) -> Figure:
    """Draw turnover, and wirings counted against their exact laws.

    Parameters
    ----------
    pictures : dict
        Counts and laws.

    Returns
    -------
    Figure
        With four panels.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    ratios, measured = pictures["turnover"]
    fine = np.geomspace(0.02, 1, 100)
    curve, limit = axes[0]
    curve.plot(fine, [exact.turnover_rate(r) for r in fine], color="0.35", label="exact")
    curve.plot(fine, np.sqrt(2) * fine, color="0.35", linestyle=":", label="small steps")
    curve.plot(ratios, measured, "o", color="#0072B2", label="sampler")
    curve.set(xscale="log", yscale="log", xlabel="l1 step / noise per step", ylabel="share replaced per step")
    etas = np.geomspace(1e-3, 0.3, 8)
    limit.plot(etas, [distance_to_posterior(eta) for eta in etas], "o-", color="0.35", markersize=4, label="exact law")
    limit.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="total variation to the posterior")
    for ax, name in zip(axes[1], ("learning rate 0.1", "learning rate 0.3"), strict=True):
        counts, law = pictures[name]
        share, error = counts / counts.sum(), np.sqrt(counts) / counts.sum()
        ax.bar(range(len(law)), list(law.values()), color="0.8", label="exact")
        ax.errorbar(range(len(law)), share, 3 * error, fmt="o", markersize=3, color="#D55E00", label="sampler, 3 s.e.")
        ax.set(xlabel="wiring", ylabel="probability", title=name, xticks=[])
    for ax in axes.flat[:3]:
        ax.legend(frameon=False, loc="upper left")
    return figure


def turnover_curve() -> tuple[NDArray[np.float64], list[float]]:
    """Return the measured turnover at some ratios of l1 step and noise.

    Returns
    -------
    ratios : ndarray
        r.
    measured : list of float
        Share replaced per step.
    """
    ratios, measured = np.array([0.03, 0.1, 0.3, 1.0]), []
    for r in ratios:
        rule = replace(CHANCE, l1=r * CHANCE.noise_scale / CHANCE.learning_rate)
        c, relaxed = Connections.random(100, 100, 1000, seed=1), int(3 / r**2) + 100
        deaths = [step(c, np.zeros(1000), rule).num_deaths for _ in range(2 * relaxed)]
        measured.append(float(np.mean(deaths[relaxed:])) / 1000)
    return ratios, measured


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Verify, print both tables, write JSON and pictures.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    int
        0 if all laws are kept and all controls rejected.
    """
    parser = Parser("Verify the sampler against exact laws.")
    parser.add_quick("a short verification, under a minute")
    parser.add_json("where results go; pictures get the same name")
    given = parser.parse_measurement(argv)
    begin, effort = time.perf_counter(), QUICK if given.quick else FULL
    pictures: dict[str, Any] = {"turnover": turnover_curve()}
    laws: list[Law] = []
    with tqdm(total=7 + len(WRONG) + len(rule_laws.WRONG), unit="part") as bar:
        laws += chance(step, effort)
        bar.update()
        laws.append(uniformity(step, effort)[0])
        bar.update()
        for eta in (0.1, 0.3):
            more, pictures[f"learning rate {eta:g}"] = posterior(step, effort, eta)
            laws += more
            bar.update()
        for check in rule_laws.LAWS.values():
            laws += check(step, rule_laws.QUICK if given.quick else rule_laws.FULL)
            bar.update()
        controls = []
        for name, (make, first) in WRONG.items():
            by = rejected(make(), first, QUICK)
            controls.append((name, by))
            bar.update()
        for name, (do, kind) in rule_laws.WRONG.items():
            failed = [law.name for law in rule_laws.LAWS[kind](do, rule_laws.QUICK) if not law.passed]
            controls.append((name, failed[0] if failed else ""))
            bar.update()
    for law in laws:
        print(f"{law.name:62} {law.statistic:9.2f} {law.bound:9.2f}  {'passed' if law.passed else 'FAILED'}")
    for name, by in controls:
        print(f"{name:62} {f'rejected by {by}' if by else 'NOT REJECTED'}")
    print(f"{time.perf_counter() - begin:.0f} s")
    if given.json:
        rows = [{**asdict(law), "passed": law.passed} for law in laws]
        verdicts = [{"name": name, "rejected": bool(by), "by": by} for name, by in controls]
        write_measurement(given.json, {"laws": rows, "controls": verdicts}, draw(pictures))
    return 0 if all(law.passed for law in laws) and all(by for _, by in controls) else 1


if __name__ == "__main__":
    sys.exit(main())
