"""How fast connections are replaced."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.log import RewiringLog

__all__ = [
    "Turnover",
    "deaths_beyond_age",
    "rewired_per_samples",
    "rewired_per_second",
    "rewired_per_step",
    "turnover_ratio",
]


class Turnover(NamedTuple):
    """A rate over time; arrays of equal length."""

    time: NDArray[np.float64]
    rate: NDArray[np.float64]


def rewired_per_step(log: RewiringLog, index: int | None = None, *, older_than: int | None = None) -> Turnover:
    """Return how many connections were rewired in each step.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    index : int, optional
        Number of the set; all by default.
    older_than : int, optional
        Count the deaths of connections that had survived so many steps, instead of all births: half of all newborns
        die in their first step if nothing holds them. Those of the first wiring have the age they have in the record.

    Returns
    -------
    Turnover
        Step, number of connections.
    """
    steps = log.times["step"]
    if older_than is None:
        events = log.events
        when = events["step"][(events["kind"] == 1) & ((events["set"] == index) | (index is None))]
    else:
        when = _deaths_of_the_old(log, older_than, index)
    counts = np.bincount(np.searchsorted(steps, when), minlength=len(steps))
    return Turnover(steps.astype(float), counts.astype(float))


def rewired_per_samples(
    log: RewiringLog, per: float = 1000.0, *, bins: int = 40, index: int | None = None, older_than: int | None = None
) -> Turnover:
    """Return how many connections were rewired while a number of samples was presented.

    Parameters
    ----------
    log : RewiringLog
        With presented samples in its times.
    per : float
        Number of samples.
    bins : int
        In how many intervals of equal length the record is divided, or fewer if it has fewer steps.
    index : int, optional
        Number of the set; all by default.
    older_than : int, optional
        Count only deaths after more than so many steps, see `rewired_per_step`.

    Returns
    -------
    Turnover
        Samples presented at the middle of each interval, births per ``per`` samples in it.

    Raises
    ------
    ValueError
        If the log has no presented samples.
    """
    time, rate = _rewired_per(log, "samples", bins, index, older_than)
    return Turnover(time, per * rate)


def rewired_per_second(log: RewiringLog, *, bins: int = 40, index: int | None = None) -> Turnover:
    """Return how many connections were born per second of simulated time.

    Parameters
    ----------
    log : RewiringLog
        With seconds in its times.
    bins : int
        In how many intervals of equal length the record is divided, or fewer if it has fewer steps.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Turnover
        Seconds at the middle of each interval, births per second in it.

    Raises
    ------
    ValueError
        If the log has no seconds.
    """
    return _rewired_per(log, "seconds", bins, index, None)


def _rewired_per(log: RewiringLog, unit: str, bins: int, index: int | None, older_than: int | None) -> Turnover:
    passed = log.times[unit]
    if not len(passed) or not np.isfinite(passed).all():
        raise ValueError(f"the log has no {unit}; record it with {unit}=... .")
    number = min(check_integer("bins", bins, minimum=1, maximum=10**6), len(passed))
    # Intervals hold whole steps: n steps, give or take one.
    last = np.linspace(0, len(passed), number + 1).round().astype(int)
    edges = np.concatenate([[0.0], passed])[last]
    births = np.add.reduceat(rewired_per_step(log, index, older_than=older_than).rate, last[:-1])
    return Turnover((edges[1:] + edges[:-1]) / 2, births / np.diff(edges))


def turnover_ratio(log: RewiringLog, begin: int, end: int, index: int = 0) -> float:
    """Return the share of connections gained and lost between two looks, as imaging studies do.

    Parameters
    ----------
    log : RewiringLog
        With a snapshot at or before ``begin``.
    begin, end : int
        The two steps. What is born and dies between them is not seen: always state the interval.
    index : int
        Number of the set.

    Returns
    -------
    float
        (gained + lost)/(N1 + N2), between 0 and 1.
    """
    first, second = (_pairs(*log.wiring(step, index)[:2]) for step in (begin, end))
    return len(first ^ second) / max(1, len(first) + len(second))


def deaths_beyond_age(log: RewiringLog, age: int, index: int | None = None) -> float:
    """Return how many connections that had survived a number of steps died, per step.

    Half of all newborns die in their first step if nothing holds them; this leaves them out.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths. Those of the first wiring count with the age they have in the record.
    age : int
        Steps survived.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    float
        Without a gradient, ``K*q_age/L`` in the stationary law (``exact.survival_of_newborns``, ``mean_lifetime``).
    """
    steps = log.last_step - log.first_step
    return len(_deaths_of_the_old(log, age, index)) / max(1, steps)


def _deaths_of_the_old(log: RewiringLog, age: int, index: int | None) -> NDArray[np.int64]:
    """Return the steps in which connections died that had survived a number of steps."""
    survived = check_integer("age", age, minimum=0, maximum=2**62)
    lives = log.lives(index)
    return lives["end"][lives["dead"] & (lives["end"] - lives["birth"] > survived)]


def _pairs(pre: NDArray[np.int32], post: NDArray[np.int32]) -> set[tuple[int, int]]:
    return set(zip(pre.tolist(), post.tolist(), strict=True))
