"""Turnover of connections without learning, with the parameters of Kappel et al. (2018), over 48 hours.

Their parameters are those of the authors' code (SPORE, a module of NEST); the values that the paper prints are not
known to us. Without a signal, theta is an Ornstein-Uhlenbeck process, whose turnover follows exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scripts.reproduce.ranges import ranges
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from synaptic_sampling import Observations, PotentialConnections, SynapticSampling, step
from synaptic_sampling.laws import synaptic_sampling as exact
from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, in_house_style, legend
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.statistics.observed.presence import changes, survival_of_newly_seen, survival_of_seen

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Seconds between two sessions, and hours at which results are given.
LOOK, HOURS = 1800.0, (0.5, 1, 2, 4, 8, 24, 48)
#: Sites along both sides.
SIDE = 100
#: What is reported, and how.
TOLD = {
    "turnover 1": "turnover ratio of sessions 1 h apart",
    "turnover 24": "turnover ratio of sessions 24 h apart",
    "new 1": "new connections that are seen in all sessions for 1 h",
    "new 4": "new connections that are seen in all sessions for 4 h",
    "new 24": "new connections that are seen in all sessions for 24 h",
}
#: As few as possible: the spread is that over seeds.
RESAMPLES = 20
#: Bounds of theta in SPORE.
BOUNDS = (-2.0, 5.0)


def rule(interval: float, *, bounded: bool) -> SynapticSampling:
    """Return SPORE's rule with its default parameters; it takes a step every 100 ms."""
    limits = BOUNDS if bounded else None
    return SynapticSampling(5e-5, 0.1, 0.0, 2.0, interval=interval, scheme="euler", theta_range=limits)


@timed
def watch(*, hours: float, interval: float, bounded: bool, seed: int) -> dict[str, Any]:
    """Let all potential connections diffuse, and observe them every half hour, as an imaging study would."""
    chosen = rule(interval, bounded=bounded)
    start = exact.stationary_std(rule(interval, bounded=False)) * normals(seed, Stream.THETA, 0, SIDE * SIDE)
    c = PotentialConnections(SIDE, SIDE, theta=np.clip(start, *BOUNDS) if bounded else start, seed=seed)
    steps, still = round(LOOK / interval), np.zeros(SIDE * SIDE)
    presence = [c.theta >= 0]
    for _ in range(round(3600 * hours / LOOK)):
        for _ in range(steps):
            step(c, chosen, gradient=still)
        presence.append(c.theta >= 0)
    return measured(np.array(presence).T)


def measured(presence: NDArray[np.bool_]) -> dict[str, float]:
    """Return turnover and survival at all hours that the record has."""
    seen = Observations(presence, np.arange(presence.shape[1]) * LOOK / 3600)
    survival = {
        "all": survival_of_seen(seen, resamples=RESAMPLES),
        "new": survival_of_newly_seen(seen, resamples=RESAMPLES),
    }
    found = {}
    for hours in HOURS:
        lag = sessions(hours)
        if lag >= presence.shape[1]:
            break
        thinned = Observations(presence[:, ::lag], seen.times[::lag])
        found[f"turnover {hours:g}"] = float(changes(thinned, resamples=RESAMPLES).turnover.value[0])
        for name, curve in survival.items():
            at = np.flatnonzero(np.isclose(curve.at, hours))
            if len(at):
                found[f"{name} {hours:g}"] = float(curve.value[at[0]])
    return found


def expected(interval: float) -> dict[str, NDArray[np.float64]]:
    """Return what the exact law predicts after 0, 1, ... sessions, without bounds of theta."""
    rho = rule(interval, bounded=False).transition.keep ** round(LOOK / interval)
    last = sessions(HOURS[-1])
    return {
        "turnover": np.array([exact.turnover_ratio(rho**lag) for lag in range(last + 1)]),
        "all": exact.survival_of_all(rho, last),
        "new": exact.survival_of_newborns(rho, last),
    }


def sessions(hours: float) -> int:
    """Return the number of sessions after so many hours."""
    return round(3600 * hours / LOOK)


def measure(runs: Runs) -> pd.DataFrame:
    """Return what was seen with and without bounds of theta; a quick run takes steps of 20 s instead of 100 ms."""
    interval = 20.0 if runs.quick else 0.1
    return runs(watch, [{"hours": 48, "interval": interval, "bounded": bounded} for bounded in (False, True)])


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    free, law = table[~table["bounded"]], expected(table["interval"].iloc[0])
    found = []
    for column, text in TOLD.items():
        mean, spread = summary(100 * free[column])
        name, hours = column.split()
        bound = 100 * float(law[name][sessions(float(hours))])
        bounded = f"{text}: within 1 point of the exact {bound:.1f} %"
        found.append(Claim(bounded, mean, spread, abs(mean - bound) <= 1, "%", source="not known to us"))
    for column in ("turnover 1", "turnover 24", "new 1"):
        mean, spread = summary(100 * table.loc[table["bounded"], column])
        found.append(
            Claim(
                f"{TOLD[column]}, theta between -2 and 5 as in SPORE", mean, spread, None, "%", source="not known to us"
            )
        )
    return found


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot turnover and survival against time: mean and range over seeds, and the exact law."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    law, free = expected(table["interval"].iloc[0]), table[~table["bounded"]]
    shown = ((left, "turnover", "turnover ratio"), (right, "all", "seen at first"), (right, "new", "newly seen"))
    for (axes, name, label), colour in zip(shown, COLOURS, strict=False):
        own = [hours for hours in HOURS if f"{name} {hours:g}" in free]
        values = free[[f"{name} {hours:g}" for hours in own]].to_numpy(float).T
        ranges(axes, own, values, colour=colour, label=label, line="")
        after = np.arange(1, sessions(own[-1]) + 1)
        axes.plot(after * LOOK / 3600, law[name][after], **NULL_STYLE)
    left.set(ylabel="turnover ratio", ylim=(0, 0.55))
    right.set(ylabel="fraction seen in all sessions", yscale="log")
    ticks = [0.1, 0.2, 0.5, 1]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    for axes in (left, right):
        axes.set(xscale="log", xlabel="hours")
        axes.set_xticks(HOURS, [f"{hours:g}" for hours in HOURS])
        axes.minorticks_off()
        axes.plot([], [], label="exact law", **NULL_STYLE)
        legend(axes, loc="upper left" if axes is left else "lower left")
    return figure


STUDY = Study(
    title="turnover without learning, with the parameters of Kappel et al. (2018)",
    about=(
        "10 000 potential connections diffuse for 48 hours in steps of 100 ms, under the prior alone, with the "
        "parameters of SPORE, the authors' module for NEST (learning rate 5e-5 per second, T = 0.1, prior N(0, 2²), so "
        "that theta has a time constant of 22.2 hours). They are observed every half hour, as in imaging sessions. "
        "Theta is then an Ornstein-Uhlenbeck process, whose turnover and survival are known exactly. The values "
        "printed in the paper are not known to us."
    ),
    seeds=5,
    quick_seeds=1,
    minutes=12,
    measure=measure,
    claims=claims,
    draw=draw,
)
