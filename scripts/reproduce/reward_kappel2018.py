"""Learning by reward, and the swap of the task: with noise and rewiring, and without one of them (Kappel et al. 2018).

The values that the paper prints are not known to us: directions are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.reward import Arm
from models.reward_patterns import LEARNING, LOOK, Course, learn, start
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from synaptic_sampling import SynapticSampling
from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, in_house_style, legend

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Simulated seconds before and after the swap.
SECONDS = 2000.0
#: Names of what happens after the swap, and what is left out.
ARMS = {"full": Arm(), "no noise": Arm(noise=False), "no rewiring": Arm(rewiring=False)}
RECALLED = "Kappel et al. 2018, as we recall it; its values are not known to us"


@timed
def swap(*, duration: float, seed: int) -> dict[str, Any]:
    """Learn the task, then the swapped one from there in each of three ways; return accuracy in all sessions."""
    before = learn(start(seed), seconds=duration, swapped=False, seed=seed)
    found = _noted("before", before)
    for name, arm in ARMS.items():
        after = learn(before.theta[-1], seconds=duration, swapped=True, seed=seed, arm=arm)
        found |= _noted(name, after)
        if arm.rewiring:
            found[f"{name} kept"] = _kept(before.theta[-1] >= 0, after.theta >= 0)
    return found


def _noted(name: str, course: Course) -> dict[str, Any]:
    """Return accuracy in all sessions, connectivity at the end, and the turnover ratio of successive sessions."""
    found = {f"{name} accuracy {n}": round(float(value), 4) for n, value in enumerate(course.accuracy)}
    active = course.theta >= 0
    changed, there = active[1:] != active[:-1], active[1:].sum() + active[:-1].sum()
    return found | {
        f"{name} active": round(float(active[-1].mean()), 4),
        f"{name} turnover": round(float(changed.sum() / there), 4),
    }


def _kept(first: NDArray[np.bool_], then: NDArray[np.bool_]) -> float:
    """Return the fraction of the first connections that are there in all sessions."""
    return round(float((first & then.all(axis=0)).sum() / first.sum()), 4)


def measure(runs: Runs) -> pd.DataFrame:
    """Return the courses of all seeds; a quick run takes three quarters of the time."""
    return runs(swap, [{"duration": 1500.0 if runs.quick else SECONDS}])


def accuracy(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return accuracy in percent, a row per seed."""
    number = sum(column.startswith("full accuracy") for column in table)
    return 100 * table[[f"{name} accuracy {n}" for n in range(number)]].to_numpy(float)


def late(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return accuracy in the last quarter of the time, for each seed."""
    values = accuracy(table, name)
    return values[:, -(values.shape[1] // 4) :].mean(axis=1)


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    before, after = late(table, "before"), late(table, "full")
    first = accuracy(table, "full")[:, 0]
    found = [
        Claim("accuracy before the swap (last quarter); chance is 50", *summary(before), None, "%"),
        Claim(
            f"accuracy in the first {LOOK:g} s after the swap, below 50", *summary(first), bool(first.mean() < 50), "%"
        ),
    ]
    ratio = after / before
    text = "accuracy in the last quarter after the swap, relative to that before; at least 0.9"
    found.append(Claim(text, *summary(ratio), bool(ratio.mean() >= 0.9), "", "recovers", RECALLED))
    for name in ("no noise", "no rewiring"):
        gain = _means(table, "full") - _means(table, name)
        bound = 2 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
        text = f"mean accuracy after the swap: with noise and rewiring minus {name}, above two standard errors"
        found.append(Claim(text, *summary(gain), bool(gain.mean() > bound), "points", "recovers worse", RECALLED))
        text = f"the same in the last quarter: minus {name}"
        found.append(Claim(text, *summary(after - late(table, name)), None, "points"))
        found.append(Claim(f"seeds in which the mean is higher than with {name}", float((gain > 0).sum()), None, None))
    law = 100 * _turnover_of_prior()
    for name, when in (("before", "before the swap"), ("full", "after it")):
        turnover = 100 * table[f"{name} turnover"].to_numpy(float)
        text = f"turnover ratio of sessions {LOOK:g} s apart, {when}, above 0 (prior and noise alone: {law:.1f} %)"
        held = bool((turnover > 0).all())
        found.append(Claim(text, *summary(turnover), held, "%", "connections turn over throughout", RECALLED))
    text = "connections at the swap that are seen in all sessions after it"
    return [*found, Claim(text, *summary(100 * table["full kept"].to_numpy(float)), None, "%")]


def _means(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return accuracy(table, name).mean(axis=1)


def _turnover_of_prior() -> float:
    """Return the exact turnover ratio between sessions in the stationary law of prior and noise."""
    rule = SynapticSampling(LEARNING.rate, LEARNING.temperature, LEARNING.mean, LEARNING.std, interval=LOOK)
    return rule.expected_turnover()


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot accuracy against time: mean over seeds, and its standard error."""
    figure, axes = plt.subplots(figsize=(7, 3.8))
    _band(axes, accuracy(table, "before"), 0, "0.4", None)
    number = accuracy(table, "before").shape[1]
    for name, colour in zip(ARMS, COLOURS, strict=False):
        label = {"full": "noise and rewiring"}.get(name, name)
        _band(axes, accuracy(table, name), number, colour, label)
    axes.axhline(50, label="chance", **NULL_STYLE)
    axes.axvline(number * LOOK / 60, color="0.8", zorder=0)
    axes.set(
        xlabel="simulated minutes; the task is swapped at the line",
        ylabel="accuracy (%), ± standard error",
        ylim=(0, 100),
    )
    legend(axes)
    return figure


def _band(axes: Any, values: NDArray[np.float64], first: int, colour: str, label: str | None) -> None:
    minutes = (first + np.arange(values.shape[1]) + 0.5) * LOOK / 60
    mean = values.mean(axis=0)
    axes.plot(minutes, mean, "-", color=colour, label=label)
    if len(values) > 1:
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        axes.fill_between(minutes, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)


STUDY = Study(
    title="learning by reward, and a swap of the task (Kappel et al. 2018)",
    about=(
        "Two pools of ten stochastic neurons learn from reward alone which of them should fire more while one of two "
        "patterns of 50 Poisson inputs is shown; then the pools exchange their patterns. 2000 potential connections "
        "follow synaptic sampling with the policy gradient of the paper, in Brian2, as a compiled program. After the "
        "swap, each network goes on in three ways: as before, without noise (T = 0), or without rewiring (connections "
        "that are retracted at the swap stay so, the others keep theta >= 0). Equations and network are those of an "
        "example of SPORE, the authors' module for NEST, with these differences: the learning rate is 1e-3 instead of "
        "5e-5 per second, so that an hour stands for nearly a day; the average reward is subtracted; the gradient is "
        "forgotten within 10 s instead of 50 s, and has a factor of 0.1; the prior has mean -0.75 instead of 0; "
        "weights are twice as large; a neuron without input fires at 1 Hz instead of 0.05 Hz, and its adaptation "
        "decays exponentially; the reward is steeper, and 1/2 where both pools fire alike. About 20 settings were "
        "tried on seeds 101 to 103. Accuracy is the fraction of time in which the right pool fires more. Seeds differ "
        "by more than the three ways do, probably because a network that is right most of the time learns little from "
        "further reward and drifts, and because the connections that exist at the swap often suffice for the other "
        "task. The second task of the paper, a recurrent network that moves a lever, is not reproduced."
    ),
    seeds=10,
    quick_seeds=1,
    minutes=6,
    measure=measure,
    claims=claims,
    draw=draw,
)
