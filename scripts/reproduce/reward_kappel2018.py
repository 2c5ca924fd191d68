"""Learning by reward, and the swap of the task: with noise and rewiring, and without one of them (Kappel et al. 2018).

The values that the paper prints are not known to us: directions are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from models.reward_patterns import LEARNING, LOOK, learn, start
from scripts.reproduce import swaps
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from scripts.reproduce.swaps import curve, late

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Simulated seconds before and after the swap.
SECONDS = 2000.0


@timed
def swap(*, duration: float, seed: int) -> dict[str, Any]:
    """Learn the task, then the swapped one from there in each of three ways; return accuracy in all sessions."""
    return swaps.in_arms(start, learn, ["accuracy"], duration=duration, seed=seed)


def measure(runs: Runs) -> pd.DataFrame:
    """Return the courses of all seeds; a quick run takes three quarters of the time."""
    return runs(swap, [{"duration": 1500.0 if runs.quick else SECONDS}])


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    before, first = late(100 * curve(table, "before", "accuracy")), 100 * curve(table, "full", "accuracy")[:, 0]
    text = f"accuracy in the first {LOOK:g} s after the swap, below 50"
    return [
        Claim("accuracy before the swap (last quarter); chance is 50", *summary(before), None, "%"),
        Claim(text, *summary(first), bool(first.mean() < 50), "%"),
        *swaps.recovery(table, "accuracy", "accuracy"),
        *swaps.turnover(table, LEARNING, LOOK),
    ]


def draw(table: pd.DataFrame) -> Figure:
    """Plot accuracy against time."""
    number = curve(table, "before", "accuracy").shape[1] + curve(table, "full", "accuracy").shape[1]
    return swaps.drawn(table, "accuracy", "accuracy", LOOK, {"chance": np.full(number, 50.0)})


STUDY = Study(
    title="learning by reward, and a swap of the task (Kappel et al. 2018)",
    about=(
        "Two pools of ten stochastic neurons learn from reward alone which of them should fire more while one of two "
        "patterns of 50 Poisson inputs is shown; then the pools exchange their patterns. 2000 potential connections "
        "follow synaptic sampling with the policy gradient of the paper, in Brian2, as a compiled program. After the "
        "swap, each network continues in three ways: as before, without noise (T = 0), or without rewiring "
        "(connections that are retracted at the swap stay so, the others keep theta >= 0). Equations and network are "
        "those of an example of SPORE, the authors' module for NEST, with these differences: the learning rate is 1e-3 "
        "instead of 5e-5 per second, so that an hour stands for nearly a day; the average reward is subtracted; the "
        "gradient is averaged over 10 s instead of 50 s, and has a factor of 0.1; the prior has mean -0.75 instead of "
        "0; weights are twice as large; a neuron without input fires at 1 Hz instead of 0.05 Hz, and its adaptation "
        "decays exponentially; the reward is steeper, and 1/2 where both pools fire alike. About 20 settings were "
        "tried on seeds 101 to 103. Accuracy is the fraction of time in which the right pool fires more. Seeds differ "
        "by more than the three ways do, probably because a network that is right most of the time learns little from "
        "further reward and drifts, and because the connections that exist at the swap often suffice for the other "
        "task. The second task of the paper is `lever-kappel2018`."
    ),
    seeds=10,
    quick_seeds=1,
    minutes=6,
    measure=measure,
    claims=claims,
    draw=draw,
)
