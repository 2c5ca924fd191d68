"""What the likelihood of a law needs of presence data: how often each kind of run of looks was seen.

A run is a maximal series of imaged looks at which a connection was seen. With A(u..v) for the probability to be seen at
all looks u to v, given the first of them, a run from look i to look j has the probability A(i..j) - A(i-1..j) -
A(i..j+1) + A(i-1..j+1), where the terms before the first and after the last look of the study are left out. Given
that it was first seen at look i, it is divided by 1 - A(i-1..i), or by 1 at the first look. Conditioning on the look of
first sight keeps the likelihood valid where the number of connections drifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.laws.presence import PresenceLaw
from synaptic_sampling.observations import Observations
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["Runs", "log_of_terms", "log_probability", "runs_of", "values_at"]

#: Logarithms of probabilities that a law makes zero or negative are cut off here.
SMALLEST = 1e-300
#: Times are compared after rounding to so many digits, in units of the interval.
DIGITS = 9

#: The intervals before, within and after a run; None at the first and the last look of a study.
Kind = tuple[float | None, tuple[float, ...], float | None]


class Runs(NamedTuple):
    """Kinds of runs, and how often each was seen.

    Attributes
    ----------
    unit : float
        The shortest interval between two looks; all times are in this unit.
    series : tuple of tuple of float
        Times of looks, each from 0; each law is evaluated at all of them.
    terms : ndarray of int64, shape (kinds, 4)
        Where among the values of a law, series after series, A(i..j), A(i-1..j), A(i..j+1), A(i-1..j+1) are; -1 where
        a term is left out.
    first : ndarray of int64, shape (kinds,)
        Where A(i-1..i) is; -1 for runs from the first look on.
    counts : ndarray of float64, shape (groups, kinds)
        Number of runs of each kind in each group.
    kinds : tuple
        For each kind the intervals before, within and after the run; None at the first and the last look of the study.
    """

    unit: float
    series: tuple[tuple[float, ...], ...]
    terms: NDArray[np.int64]
    first: NDArray[np.int64]
    counts: NDArray[np.float64]
    kinds: tuple[Kind, ...]


def runs_of(observations: Observations, unit: float | None = None) -> Runs:
    """Count the runs of each kind.

    Parameters
    ----------
    observations : Observations
        Presence at two or more looks.
    unit : float, optional
        Unit of time; the shortest interval by default.

    Returns
    -------
    Runs
        Of all connections seen at least once.
    """
    check_kind("observations", observations, Observations)
    length = float(np.diff(observations.times).min()) if unit is None else unit
    found: dict[Kind, NDArray[np.float64]] = {}
    for looks, rows in _designs(observations):
        times = observations.times[looks] / length
        for kind, groups in _runs_at(observations.seen[np.ix_(rows, looks)], observations.group[rows], times):
            counts = found.setdefault(kind, np.zeros(len(observations.groups)))
            np.add.at(counts, groups, 1.0)
    if not found:
        raise ValueError("observations contain no connection that was seen.")
    kinds = list(found)
    series = _series(kinds)
    starts = np.cumsum([0, *map(len, series)]).tolist()
    # Each window is the beginning of one of the series.
    at = {own[: k + 1]: start + k for own, start in zip(series, starts, strict=False) for k in range(len(own))}
    terms = np.array([[at[w] if w else -1 for w in _windows(kind)] for kind in kinds], np.int64)
    first = np.array([-1 if before is None else at[_times((before,))] for before, _, _ in kinds], np.int64)
    return Runs(length, series, terms, first, np.column_stack([found[kind] for kind in kinds]), tuple(kinds))


def log_probability(law: PresenceLaw, values: NDArray[np.float64], runs: Runs) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each kind of run under a law, given the look of first sight."""
    return log_of_terms(values_at(law, values, runs.series), runs)


def values_at(
    law: PresenceLaw, values: NDArray[np.float64], series: tuple[tuple[float, ...], ...]
) -> NDArray[np.float64]:
    """Return a law at the looks of all series, one after the other; then 0, for the terms that are left out."""
    return np.concatenate([*(law.seen_at_all(values, np.array(times)) for times in series), [0.0]])


def log_of_terms(a: NDArray[np.float64], runs: Runs) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each kind of run from ``values_at``, along the last axis."""
    own, before, after, both = np.moveaxis(a[..., runs.terms], -1, 0)
    seen = np.log(np.maximum(own - before - after + both, SMALLEST))
    return seen - np.log(np.maximum(1.0 - a[..., runs.first], SMALLEST))


def _designs(observations: Observations) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the looks at which some connections were imaged, and the numbers of these connections."""
    patterns, row = np.unique(observations.imaged, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(pattern), np.flatnonzero(row.ravel() == number)


def _runs_at(
    seen: NDArray[np.bool_], group: NDArray[np.int64], times: NDArray[np.float64]
) -> Iterator[tuple[Kind, NDArray[np.int64]]]:
    """Yield each kind of run, with the groups in which it was seen."""
    padded = np.pad(seen, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    row, begin = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1] - 1
    last = len(times) - 1
    intervals = tuple(np.diff(times).round(DIGITS).tolist())
    for i, j in sorted(set(zip(begin.tolist(), end.tolist(), strict=True))):
        own = (begin == i) & (end == j)
        before, after = intervals[i - 1] if i else None, intervals[j] if j < last else None
        yield (before, intervals[i:j], after), group[row[own]]


def _windows(kind: Kind) -> list[tuple[float, ...]]:
    """Return the times of the looks of the four terms of a kind of run, each from 0; empty where one is left out."""
    before, inner, after = kind
    earlier = None if before is None else (before, *inner)
    later = None if after is None else (*inner, after)
    both = None if earlier is None or after is None else (*earlier, after)
    return [() if window is None else _times(window) for window in (inner, earlier, later, both)]


def _times(intervals: tuple[float, ...]) -> tuple[float, ...]:
    return (0.0, *np.cumsum(intervals).round(DIGITS).tolist())


def _series(kinds: list[Kind]) -> tuple[tuple[float, ...], ...]:
    """Return the windows of all kinds that are not the beginning of another one."""
    windows = {window for kind in kinds for window in _windows(kind) if window}
    windows |= {_times((before,)) for before, _, _ in kinds if before is not None}
    begins = {window[:k] for window in windows for k in range(1, len(window))}
    return tuple(sorted(windows - begins))
