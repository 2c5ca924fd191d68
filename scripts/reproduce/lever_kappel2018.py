"""A recurrent network that moves a lever for reward, and a swap of up and down (Kappel et al. 2018).

The values that the paper prints are not known to us: directions are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from models.reward_lever import LEARNING, LEVEL, LOOK, NO_REWARD, learn, start
from scripts.reproduce import swaps
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from scripts.reproduce.swaps import curve, late

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Simulated seconds before and after the swap.
SECONDS = 2400.0
MEASURES = ("successes", "seconds")


@timed
def swap(*, duration: float, seed: int) -> dict[str, Any]:
    """Learn the task, then the swapped one in each of three ways; also run the first part without a gradient."""
    found = swaps.in_arms(start, learn, MEASURES, duration=duration, seed=seed)
    unrewarded = learn(start(seed), seconds=duration, swapped=False, seed=seed, learning=NO_REWARD)
    return found | swaps.noted("no reward", unrewarded, MEASURES)


def measure(runs: Runs) -> pd.DataFrame:
    """Return the courses of all seeds; a quick run takes a third of the time."""
    return runs(swap, [{"duration": 800.0 if runs.quick else SECONDS}])


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    rewarded = {name: 100 * curve(table, name, "successes") for name in ("before", "full", "no reward")}
    first, after = (late(curve(table, name, "seconds")) for name in ("before", "full"))
    gain = late(rewarded["before"]) - late(rewarded["no reward"])
    drop = rewarded["before"][:, -1] - rewarded["full"][:, 0]
    what = "trials rewarded within 10 s"
    text = f"{what} in the last {LOOK:g} s before the swap minus those in the first {LOOK:g} s after it"
    return [
        Claim(f"{what}, before the swap (last quarter)", *summary(late(rewarded["before"])), None, "%"),
        Claim(f"{what}, without a gradient (same time)", *summary(late(rewarded["no reward"])), None, "%"),
        Claim("the difference, above 0 in every seed", *summary(gain), bool((gain > 0).all()), "points"),
        Claim("mean duration of a trial, before the swap (last quarter)", *summary(first), None, "s"),
        Claim(text, *summary(drop), None, "points"),
        *swaps.recovery(table, "successes", "percentage of trials that are rewarded"),
        Claim("mean duration of a trial, after the swap (last quarter)", *summary(after), None, "s"),
        *swaps.turnover(table, LEARNING, LOOK),
    ]


def draw(table: pd.DataFrame) -> Figure:
    """Plot the fraction of rewarded trials against time."""
    null = 100 * curve(table, "no reward", "successes").mean(axis=0)
    return swaps.drawn(table, "successes", "trials rewarded", LOOK, {"without a gradient": null})


STUDY = Study(
    title="a recurrent network that moves a lever for reward (Kappel et al. 2018)",
    about=(
        "60 excitatory and 20 inhibitory stochastic neurons form a recurrent network. The difference of the rates of "
        "two groups of ten, over 300 ms, moves a lever. In a trial, 50 Poisson inputs are on, and the lever has to go "
        f"below -{LEVEL:g} Hz and then above {LEVEL:g} Hz within 10 s; if it does, there is reward for 0.3 s. Then the "
        "groups exchange their roles. 10 080 potential connections, from inputs and among excitatory neurons, follow "
        "synaptic sampling with the policy gradient of the paper, in Brian2, as a compiled program. The task is that "
        "of an example of SPORE, the authors' module for NEST, with these differences besides those of "
        "`reward-kappel2018`: two potential connections per pair instead of up to ten, the level (15 Hz there), "
        "weights five times as large, weaker inhibition, and a rate of 1.6 Hz without input; the reward is divided by "
        "its average or by 0.1 (0.02 there) if that is larger, since rare rewards were followed by too large steps. "
        "About 30 settings were tried on the seeds 101 and 102, by the success before the swap. A network that has "
        "learned moves the lever within seconds, but loses this again and again, and learns it anew. Without noise, "
        "it does not relearn the task. Right after the swap some networks fail and others do not, probably since a "
        "lever that swings passes both levels in either order."
    ),
    seeds=5,
    quick_seeds=1,
    minutes=20,
    measure=measure,
    claims=claims,
    draw=draw,
)
