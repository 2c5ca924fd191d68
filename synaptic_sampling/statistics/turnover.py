"""How fast connections are replaced, and which fraction of possible connections is visited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index, check_integer, check_number
from synaptic_sampling._kernels.replay import meet_each
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.log.recorder import LogError, RewiringLog, SetInfo, Snapshot
from synaptic_sampling.statistics.changes import compare_wirings
from synaptic_sampling.statistics.comparison import clock
from synaptic_sampling.statistics.sources import Source, log_of

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
#: Above all steps.
MAX_STEP = 2**62


class Turnover(NamedTuple):
    """A rate or a fraction over time; arrays of equal length."""

    time: NDArray[np.float64]
    rate: NDArray[np.float64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


class Established(NamedTuple):
    """Numbers of connections that have survived some steps: present, gained and lost after each step."""

    step: NDArray[np.int64]
    number: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


def rewired_per_step(log: Source, index: int | None = None, *, older_than: int | None = None) -> Turnover:
    """Return the number of connections rewired in each step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    index : int, optional
        Index of the set; all by default.
    older_than : int, optional
        Count eliminations of connections that had survived more than this many steps, instead of all formations: if no
        gradient holds them, half of all new connections are eliminated in their first step. Ages of initial connections
        are counted from the start of the record.

    Returns
    -------
    Turnover
        Step, number of connections.
    """
    log = log_of(log, observed="changes")
    steps = log.times["step"]
    counts = np.zeros(len(steps))
    blocks = _births(log, index) if older_than is None else _deaths_of_the_old(log, older_than, index)
    for when in blocks:
        np.add.at(counts, np.searchsorted(steps, when), 1.0)
    return Turnover(steps.astype(float), counts)


def rewired_per_samples(
    log: Source, per: float = 1000.0, *, bins: int = 40, index: int | None = None, older_than: int | None = None
) -> Turnover:
    """Return the number of connections rewired per number of presented samples.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With presented samples as times.
    per : float
        Number of samples to which the rate refers.
    bins : int
        Number of intervals of equal length; fewer if the record has fewer steps.
    index : int, optional
        Index of the set; all by default.
    older_than : int, optional
        As for ``rewired_per_step``.

    Returns
    -------
    Turnover
        Presented samples at the middle of each interval, and connections formed per ``per`` samples in it.

    Raises
    ------
    TypeError, ValueError
        If the log has no presented samples, or an argument is of the wrong kind or out of range.
    """
    log = log_of(log, observed="changes")
    number = check_number("per", per, above=0.0)
    time, rate = _rewired_per(log, "samples", bins, index, older_than)
    return Turnover(time, number * rate)


def rewired_per_second(log: Source, *, bins: int = 40, index: int | None = None) -> Turnover:
    """Return the number of connections formed per second of simulated time.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With seconds as times.
    bins : int
        Number of intervals of equal length; fewer if the record has fewer steps.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Turnover
        Seconds at the middle of each interval, and connections formed per second in it.

    Raises
    ------
    ValueError
        If the log has no seconds.
    """
    log = log_of(log, observed="changes")
    return _rewired_per(log, "seconds", bins, index, None)


def _rewired_per(log: RewiringLog, unit: str, bins: int, index: int | None, older_than: int | None) -> Turnover:
    passed = clock(log, unit)
    steps = len(passed) - 1
    number = min(check_integer("bins", bins, minimum=1, maximum=10**6), steps)
    # Intervals contain whole steps; their numbers of steps differ by at most one.
    last = np.linspace(0, steps, number + 1).round().astype(int)
    edges = passed[last]
    births = np.add.reduceat(rewired_per_step(log, index, older_than=older_than).rate, last[:-1])
    return Turnover((edges[1:] + edges[:-1]) / 2, births / np.diff(edges))


def turnover_ratio(log: Source, begin: int, end: int, index: int = 0) -> float:
    """Return the turnover ratio between two time points, as in imaging studies.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a snapshot at or before ``begin``.
    begin, end : int
        The two steps. A connection formed and eliminated between them is not seen, so always state the interval.
    index : int
        Index of the set.

    Returns
    -------
    float
        (gained + lost)/(N1 + N2), between 0 and 1. Its null law is ``laws.deepr.turnover_ratio``.

    Raises
    ------
    LogError
        If there is no snapshot to start from.
    """
    log = log_of(log, observed="changes")
    steps = (check_integer(name, step, minimum=0, maximum=2**62) for name, step in (("begin", begin), ("end", end)))
    first, second = (log.wiring(step, index)[:2] for step in steps)
    return float(compare_wirings(first, second).turnover[0])


def deaths_beyond_age(log: Source, age: int, index: int | None = None) -> float:
    """Return the number of eliminations per step of connections that had survived a number of steps.

    If no gradient holds them, half of all new connections are eliminated in their first step; they are left out here.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations. Ages of initial connections are counted from the start of the record.
    age : int
        Number of steps survived.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    float
        Under the null model, ``K*laws.deepr.established_turnover`` in the stationary state.
    """
    log = log_of(log)
    steps = log.last_step - log.first_step
    return sum(map(len, _deaths_of_the_old(log, age, index))) / max(1, steps)


def established(log: Source, age: int, index: int | None = None) -> Established:
    """Follow the connections that have survived a number of steps, without short-lived ones.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations. Ages of initial connections are counted from the start of the record, so none
        is established in its first ``age`` steps.
    age : int
        Number of steps survived.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Established
        After each step of the record, including its start. Under the null model, ``K*laws.deepr.established_turnover``
        connections are gained and lost per step.

    Raises
    ------
    TypeError, ValueError
        If ``age`` is not an integer, or negative.
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


def visited_share(log: Source, index: int = 0) -> Turnover:
    """Return the fraction of possible connections that have ever been tried so far.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set, and a snapshot at its start.
    index : int
        Index of the set.

    Returns
    -------
    Turnover
        Steps and fractions, at the start and after each step. For formations at random sites, ``visited_by_chance`` is
        expected.

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


def visited_by_chance(log: Source, index: int = 0) -> Turnover:
    """Return the fraction of possible connections expected to have been tried if formations chose sites at random.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set, and a snapshot at its start.
    index : int
        Index of a set in which no two connections may join the same pair of neurons.

    Returns
    -------
    Turnover
        Steps and expected fractions, from the numbers of formations and eliminations of each step
        (``laws.wiring.visited_share``). For DEEP R this holds under any gradient; if connections return to former
        sites, fewer are visited.

    Raises
    ------
    LogError
        If the set was not described, or has no snapshot.
    ValueError
        If connections may share pairs, or a step has more formations than vacant sites.
    """
    log = log_of(log)
    about, start = _start_of(log, index)
    if about.multapses:
        raise ValueError(f"in set {index} connections may share a pair of neurons, for which no law is known.")
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
        raise LogError(f"set {index} was not described, or has no snapshot, so its possible connections are not known.")
    return log.sets[number], start


class _Known:
    """The sites visited so far; memory grows with their number only."""

    def __init__(self) -> None:
        self.number = 0
        self._table = np.full(1024, EMPTY)

    def add(self, sites: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Add sites, and return which of them are new."""
        if 2 * (self.number + len(sites)) > len(self._table):
            old, self._table = self._table, np.full(4 * (self.number + len(sites)), EMPTY)
            insert_all(self._table, old[old != EMPTY])
        new = np.empty(len(sites), np.bool_)
        meet_each(self._table, sites, new)
        self.number += int(np.count_nonzero(new))
        return new


def _sites(multapses: bool, slot: Any, pre: Any, post: Any) -> NDArray[np.int64]:
    """Return a unique number for each site: its pair of neurons, or its slot if several may share a pair."""
    return slot.astype(np.int64) if multapses else pre.astype(np.int64) << 32 | post


def _births(log: RewiringLog, index: int | None) -> Iterator[NDArray[np.int64]]:
    """Yield the steps in which connections were formed."""
    for events in log.event_blocks(index):
        yield events["step"][events["kind"] == 1]


def _deaths_of_the_old(log: RewiringLog, age: int, index: int | None) -> Iterator[NDArray[np.int64]]:
    """Yield the steps in which connections that had survived a number of steps were eliminated."""
    survived = check_integer("age", age, minimum=0, maximum=MAX_STEP)
    for lives in log.life_blocks(index):
        yield lives["end"][lives["dead"] & (lives["end"] - lives["birth"] > survived)]
