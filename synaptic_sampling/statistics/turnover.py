"""How fast connections are replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index, check_integer, check_number
from synaptic_sampling._kernels.replay import meet_each
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.log.recorder import LogError, RewiringLog, SetInfo, Snapshot
from synaptic_sampling.statistics.changes import compare_wirings
from synaptic_sampling.statistics.sources import log_of

__all__ = [
    "Established",
    "Turnover",
    "deaths_beyond_age",
    "established",
    "rewired_per_samples",
    "rewired_per_second",
    "rewired_per_step",
    "turnover_ratio",
    "visited_by_chance",
    "visited_share",
]


MAX_STEP = 2**62


class Turnover(NamedTuple):
    """A rate or a share over time; arrays of equal length."""

    time: NDArray[np.float64]
    rate: NDArray[np.float64]


class Established(NamedTuple):
    """The connections that have survived some steps: how many there are, were gained and lost, after each step."""

    step: NDArray[np.int64]
    number: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]


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
    log = log_of(log)
    steps = log.times["step"]
    counts = np.zeros(len(steps))
    blocks = _births(log, index) if older_than is None else _deaths_of_the_old(log, older_than, index)
    for when in blocks:
        np.add.at(counts, np.searchsorted(steps, when), 1.0)
    return Turnover(steps.astype(float), counts)


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
    TypeError, ValueError
        If the log has no presented samples, or an argument is of the wrong kind or out of range.
    """
    log = log_of(log)
    number = check_number("per", per, above=0.0)
    time, rate = _rewired_per(log, "samples", bins, index, older_than)
    return Turnover(time, number * rate)


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
    log = log_of(log)
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
        (gained + lost)/(N1 + N2), between 0 and 1. Its law without a gradient is ``exact.turnover_ratio``.

    Raises
    ------
    LogError
        If there is no snapshot to begin with.
    """
    log = log_of(log)
    steps = (check_integer(name, step, minimum=0, maximum=2**62) for name, step in (("begin", begin), ("end", end)))
    first, second = (log.wiring(step, index)[:2] for step in steps)
    return float(compare_wirings(first, second).turnover[0])


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
        Without a gradient, ``K*exact.established_turnover`` in the stationary law.
    """
    log = log_of(log)
    steps = log.last_step - log.first_step
    return sum(map(len, _deaths_of_the_old(log, age, index))) / max(1, steps)


def established(log: RewiringLog, age: int, index: int | None = None) -> Established:
    """Follow the connections that have survived a number of steps: those that die young are left out.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths. Those of the first wiring have the age they have in the record, so that none is
        established in its first ``age`` steps.
    age : int
        Steps they must have survived.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Established
        After each step of the record, begin included. Without a gradient, ``K*exact.established_turnover`` are gained
        and lost in a step.

    Raises
    ------
    TypeError, ValueError
        If ``age`` is no integer or negative.
    """
    log = log_of(log)
    survived, first = check_integer("age", age, minimum=0, maximum=MAX_STEP), log.first_step
    gained, lost = np.zeros((2, log.last_step - first + 1), np.int64)
    for lives in log.life_blocks(index):
        since = lives["birth"] + survived
        reached = (since < lives["end"]) | (~lives["dead"] & (since == lives["end"]))
        np.add.at(gained, since[reached] - first, 1)
        np.add.at(lost, lives["end"][reached & lives["dead"]] - first, 1)
    return Established(np.arange(first, log.last_step + 1), np.cumsum(gained - lost), gained, lost)


def visited_share(log: RewiringLog, index: int = 0) -> Turnover:
    """Return which share of all sites was connected at any time so far.

    Parameters
    ----------
    log : RewiringLog
        In which the set was described, with a snapshot at its start.
    index : int
        Number of the set.

    Returns
    -------
    Turnover
        Step, share: at the start and after each step. Of births at random ``visited_by_chance`` is to be expected.

    Raises
    ------
    LogError
        If the set was not described, or has no snapshot.
    """
    log = log_of(log)
    about, start = _start_of(log, index)
    there = start.polarity != 0
    slots = np.arange(len(there), dtype=np.int32)
    known, fresh = _Known(), np.zeros(log.last_step - log.first_step + 1, np.int64)
    known.add(_sites(about.multapses, slots[there], start.pre[there], start.post[there]))
    fresh[start.step - log.first_step] = known.number
    for events in log.event_blocks(index):
        born = events[(events["kind"] == 1) & (events["step"] > start.step)]
        new = known.add(_sites(about.multapses, born["slot"], born["pre"], born["post"]))
        np.add.at(fresh, born["step"][new] - log.first_step, 1)
    steps = np.arange(log.first_step, log.last_step + 1)
    return Turnover(steps.astype(float), np.cumsum(fresh) / max(1, about.num_sites))


def visited_by_chance(log: RewiringLog, index: int = 0) -> Turnover:
    """Return which share of all sites would have been connected at any time so far if births chose them at random.

    Parameters
    ----------
    log : RewiringLog
        In which the set was described, with a snapshot at its start.
    index : int
        Number of the set, in which no two connections may share a pair of neurons.

    Returns
    -------
    Turnover
        Step, expected share, from the births and deaths of each step (``wiring_laws.visited_share``). With DEEP R it
        holds under any gradient; where connections grow again from where they were, less is visited.

    Raises
    ------
    LogError
        If the set was not described, or has no snapshot.
    ValueError
        If connections may share pairs, or there are more births in a step than vacant sites.
    """
    log = log_of(log)
    about, start = _start_of(log, index)
    if about.multapses:
        raise ValueError(f"in set {index} connections may share a pair: of its sites no law is known.")
    steps = np.arange(start.step, log.last_step + 1)
    counts = np.zeros((2, len(steps)))
    for events in log.event_blocks(index, after=start.step):
        for row, kind in zip(counts, (1, -1), strict=True):
            np.add.at(row, events["step"][events["kind"] == kind] - start.step, 1)
    (births, deaths), number = counts[:, 1:], int(np.count_nonzero(start.polarity))
    return Turnover(steps.astype(float), wiring_laws.visited_share(births, about.num_sites, number, deaths))


def _start_of(log: RewiringLog, index: int) -> tuple[SetInfo, Snapshot]:
    number = check_index(index)
    start = next((taken for taken in log.snapshots if taken.set_index == number), None)
    if number not in log.sets or start is None:
        raise LogError(f"set {index} was not described, or has no snapshot: its sites are not known.")
    return log.sets[number], start


class _Known:
    """Sites that were met, in memory proportional to their number."""

    def __init__(self) -> None:
        self.number = 0
        self._table = np.full(1024, EMPTY)

    def add(self, sites: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of them are new, and keep them."""
        if 2 * (self.number + len(sites)) > len(self._table):
            old, self._table = self._table, np.full(4 * (self.number + len(sites)), EMPTY)
            insert_all(self._table, old[old != EMPTY])
        new = np.empty(len(sites), np.bool_)
        meet_each(self._table, sites, new)
        self.number += int(np.count_nonzero(new))
        return new


def _sites(multapses: bool, slot: Any, pre: Any, post: Any) -> NDArray[np.int64]:
    """Return a number for each site: its pair of neurons, or its slot where several may share a pair."""
    return slot.astype(np.int64) if multapses else pre.astype(np.int64) << 32 | post


def _births(log: RewiringLog, index: int | None) -> Iterator[NDArray[np.int64]]:
    """Yield the steps in which connections were born."""
    for events in log.event_blocks(index):
        yield events["step"][events["kind"] == 1]


def _deaths_of_the_old(log: RewiringLog, age: int, index: int | None) -> Iterator[NDArray[np.int64]]:
    """Yield the steps in which connections died that had survived a number of steps."""
    survived = check_integer("age", age, minimum=0, maximum=MAX_STEP)
    for lives in log.life_blocks(index):
        yield lives["end"][lives["dead"] & (lives["end"] - lives["birth"] > survived)]
