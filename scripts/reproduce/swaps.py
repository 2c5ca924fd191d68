"""Learning a task, then the swapped one, with noise and rewiring and without one of them: runs, claims and figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.reward import Arm, Learning
from scripts.reproduce.study import Claim, summary
from synaptic_sampling import SynapticSampling
from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, in_house_style, legend

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECALLED", "curve", "drawn", "in_arms", "kept", "late", "noted", "recovery", "turnover"]

#: Names of what happens after the swap, and what is left out.
ARMS = {"full": Arm(), "no noise": Arm(noise=False), "no rewiring": Arm(rewiring=False)}
RECALLED = "Kappel et al. 2018, as we recall it; its values are not known to us"


def in_arms(
    start: Callable[..., Any], learn: Callable[..., Any], measures: Sequence[str], *, duration: float, seed: int
) -> dict[str, float]:
    """Learn a task, then the swapped one from there in each of three ways; return measures in all sessions."""
    before = learn(start(seed), seconds=duration, swapped=False, seed=seed)
    found = noted("before", before, measures)
    for name, arm in ARMS.items():
        after = learn(before.theta[-1], seconds=duration, swapped=True, seed=seed, arm=arm)
        found |= noted(name, after, measures)
        if arm.rewiring:
            found[f"{name} kept"] = kept(before.theta[-1] >= 0, after.theta >= 0)
    return found


def noted(name: str, course: Any, measures: Sequence[str]) -> dict[str, float]:
    """Return measures in all sessions, connectivity at the end, and the turnover ratio of successive sessions."""
    found = {
        f"{name} {measure} {n}": round(float(value), 4)
        for measure in measures
        for n, value in enumerate(getattr(course, measure))
    }
    active = course.theta >= 0
    changed, there = active[1:] != active[:-1], active[1:].sum() + active[:-1].sum()
    return found | {
        f"{name} active": round(float(active[-1].mean()), 4),
        f"{name} turnover": round(float(changed.sum() / there), 4),
    }


def kept(first: NDArray[np.bool_], then: NDArray[np.bool_]) -> float:
    """Return the fraction of the first connections that are there in all sessions."""
    return round(float((first & then.all(axis=0)).sum() / first.sum()), 4)


def curve(table: pd.DataFrame, name: str, measure: str) -> NDArray[np.float64]:
    """Return a measure in all sessions, a row per seed."""
    number = sum(column.startswith(f"{name} {measure} ") for column in table)
    return table[[f"{name} {measure} {n}" for n in range(number)]].to_numpy(float)


def late(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the last quarter of the sessions, for each seed."""
    return values[:, -(values.shape[1] // 4) :].mean(axis=1)


def recovery(table: pd.DataFrame, measure: str, what: str) -> list[Claim]:
    """Return claims about a measure, a fraction, after the swap: it recovers, and with noise and rewiring best."""
    percent = {name: 100 * curve(table, name, measure) for name in ("before", *ARMS)}
    ratio = late(percent["full"]) / late(percent["before"])
    text = f"{what} in the last quarter after the swap, relative to that before; at least 0.9"
    found = [Claim(text, *summary(ratio), bool(ratio.mean() >= 0.9), "", "recovers", RECALLED)]
    for name in ("no noise", "no rewiring"):
        gain = percent["full"].mean(axis=1) - percent[name].mean(axis=1)
        bound = 2 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else None
        held = None if bound is None else bool(gain.mean() > bound)
        text = f"mean {what} after the swap: with noise and rewiring minus {name}, above two standard errors"
        found.append(Claim(text, *summary(gain), held, "points", "recovers worse", RECALLED))
        text = f"the same in the last quarter: minus {name}"
        found.append(Claim(text, *summary(late(percent["full"]) - late(percent[name])), None, "points"))
        found.append(Claim(f"seeds in which the mean is higher than with {name}", float((gain > 0).sum()), None, None))
    return found


def turnover(table: pd.DataFrame, learning: Learning, look: float) -> list[Claim]:
    """Return claims about turnover, beside the exact law of prior and noise in their stationary state."""
    rule = SynapticSampling(learning.rate, learning.temperature, learning.mean, learning.std, interval=look)
    law, found = 100 * rule.expected_turnover(), []
    for name, when in (("before", "before the swap"), ("full", "after it")):
        ratio = 100 * table[f"{name} turnover"].to_numpy(float)
        text = (
            f"turnover ratio of sessions {look:g} s apart, {when}; at least half that of prior and noise ({law:.1f} %)"
        )
        held = bool((ratio > law / 2).all())
        found.append(Claim(f"{text}, in every seed", *summary(ratio), held, "%", "turn over throughout", RECALLED))
    text = "connections at the swap that are seen in all sessions after it"
    return [*found, Claim(text, *summary(100 * table["full kept"].to_numpy(float)), None, "%")]


@in_house_style
def drawn(table: pd.DataFrame, measure: str, label: str, look: float, nulls: dict[str, NDArray[np.float64]]) -> Figure:
    """Plot a measure in percent against time: mean over seeds, and its standard error.

    ``nulls`` are curves without learning, a value per session.
    """
    figure, axes = plt.subplots(figsize=(7, 3.8))
    before = 100 * curve(table, "before", measure)
    _band(axes, before, 0, look, "0.4", "before the swap")
    number = before.shape[1]
    for name, colour in zip(ARMS, COLOURS, strict=False):
        _band(
            axes,
            100 * curve(table, name, measure),
            number,
            look,
            colour,
            {"full": "noise and rewiring"}.get(name, name),
        )
    for name, values in nulls.items():
        axes.plot((np.arange(len(values)) + 0.5) * look / 60, values, label=name, **NULL_STYLE)
    axes.axvline(number * look / 60, color="0.8", zorder=0)
    axes.set(xlabel="simulated minutes; the task is swapped at the line", ylabel=f"{label} (%), ± standard error")
    axes.set_ylim(-3, 103)  # Curves at 0 and 100 are seen.
    legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return figure


def _band(axes: Axes, values: NDArray[np.float64], first: int, look: float, colour: str, label: str) -> None:
    minutes = (first + np.arange(values.shape[1]) + 0.5) * look / 60
    mean = values.mean(axis=0)
    axes.plot(minutes, mean, "-", color=colour, label=label)
    if len(values) > 1:
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        axes.fill_between(minutes, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
