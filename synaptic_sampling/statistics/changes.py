"""Differences between time points, as in imaging studies: turnover, formation, elimination, overlap."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["Changes", "LagTurnover", "changes_between", "changes_since", "compare_wirings", "turnover_by_lag"]


class Changes(NamedTuple):
    """Numbers of connected pairs at two time points, and at both; one entry per interval.

    Attributes
    ----------
    begin, end : ndarray of int64
        Steps at the start and the end of the interval.
    before, after : ndarray of int64
        Connected pairs at the start and at the end.
    kept : ndarray of int64
        Pairs connected at both, whether or not in between.
    """

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    kept: NDArray[np.int64]

    def _repr_html_(self) -> str:
        return vectors_html(self)

    @property
    def gained(self) -> NDArray[np.int64]:
        """Return the number of pairs connected at the end only."""
        return self.after - self.kept

    @property
    def lost(self) -> NDArray[np.int64]:
        """Return the number of pairs connected at the start only."""
        return self.before - self.kept

    @property
    def turnover(self) -> NDArray[np.float64]:
        """Return (gained + lost)/(N1 + N2); 0 if there are no connections at either time."""
        return (self.gained + self.lost) / np.maximum(1, self.before + self.after)

    @property
    def formation(self) -> NDArray[np.float64]:
        """Return gained/N1; NaN if there were no connections."""
        return _fraction(self.gained, self.before)

    @property
    def elimination(self) -> NDArray[np.float64]:
        """Return lost/N1; NaN if there were no connections."""
        return _fraction(self.lost, self.before)

    @property
    def overlap(self) -> NDArray[np.float64]:
        """Return kept/N1, the fraction still connected at the end; NaN if there were no connections."""
        return _fraction(self.kept, self.before)

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """Return kept/(N1 + N2 - kept), the Jaccard index; NaN if there are no connections at either time."""
        return _fraction(self.kept, self.before + self.after - self.kept)


class LagTurnover(NamedTuple):
    """Turnover ratio against lag: mean and standard deviation (``spread``) over starting times; NaN if there is one."""

    lag: NDArray[np.float64]
    turnover: NDArray[np.float64]
    spread: NDArray[np.float64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


def compare_wirings(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike]) -> Changes:
    """Compare two sets of connections.

    Parameters
    ----------
    first, second : (pre, post)
        Endpoints of all connections, array_like of int >= 0. A pair that is connected several times counts once.

    Returns
    -------
    Changes
        One entry, whose steps are 0 and 1.

    Raises
    ------
    ValueError
        If pre and post differ in length, or are not integers >= 0.
    """
    pairs = []
    for wiring in (first, second):
        if not isinstance(wiring, tuple | list) or len(wiring) != 2:
            raise TypeError(f"first and second must be pairs of arrays (pre, post), got {wiring!r}.")
        pre, post = (check_array(name, ends) for name, ends in zip(("pre", "post"), wiring, strict=True))
        if pre.shape != post.shape or pre.ndim != 1:
            raise ValueError(f"pre and post must be vectors of equal length, got {pre.shape} and {post.shape}.")
        if len(pre) and (pre.dtype.kind not in "iu" or post.dtype.kind not in "iu" or min(pre.min(), post.min()) < 0):
            raise ValueError(f"pre and post must be integers >= 0, got {pre.dtype}, {post.dtype}.")
        pairs.append(_pairs((pre, post)))
    return _changes([0], [1], [(pairs[0], pairs[1])])


def changes_between(log: Source, steps: ArrayLike, index: int = 0) -> Changes:
    """Compare the connectivity at each of several time points with that at the next.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a snapshot at or before the first of them.
    steps : array_like of int, shape (n,)
        Time points, ascending. A connection formed and eliminated between two of them is not seen, so always state
        the interval.
    index : int
        Index of the set.

    Returns
    -------
    Changes
        n - 1 intervals.

    Raises
    ------
    ValueError
        If there are fewer than two steps, they do not ascend, or one is after the end of the record.
    LogError
        If there is no snapshot to start from.
    """
    log = log_of(log, observed="changes")
    points = _check_points(log, steps)
    pairs = map(_pairs, log.wirings(points, index))
    return _changes(points[:-1], points[1:], itertools.pairwise(pairs))


def changes_since(log: Source, steps: ArrayLike, index: int = 0) -> Changes:
    """Compare the connectivity at the first of several time points with that at each later one.

    Parameters
    ----------
    log, steps, index
        As for ``changes_between``.

    Returns
    -------
    Changes
        n - 1 intervals with the same start. The null law of ``overlap`` is ``laws.deepr.overlap``.

    Raises
    ------
    ValueError
        If there are fewer than two steps, they do not ascend, or one is after the end of the record.
    LogError
        If there is no snapshot to start from.
    """
    log = log_of(log, observed="survival_of_seen")
    points = _check_points(log, steps)
    pairs = map(_pairs, log.wirings(points, index))
    first = next(pairs)
    return _changes(np.repeat(points[:1], len(points) - 1), points[1:], ((first, later) for later in pairs))


def turnover_by_lag(log: Source, lags: ArrayLike, index: int = 0, *, starts: int = 10) -> LagTurnover:
    """Return the turnover ratio between two time points against the lag between them.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a snapshot at its start.
    lags : array_like of int, shape (n,)
        Steps between the time points, at least 1 and at most the length of the record.
    index : int
        Index of the set.
    starts : int
        Number of starting times, the same for all lags: evenly spaced from the start of the record to the last step
        at which the longest lag still fits.

    Returns
    -------
    LagTurnover
        Over all starting times. Its null law is ``laws.deepr.turnover_ratio``, in the stationary state: initial weights
        that noise and l1 alone would not give change the ratio until they are forgotten.

    Raises
    ------
    ValueError
        If the lags are not integers, or out of range.
    LogError
        If there is no snapshot to start from.
    """
    log = log_of(log, observed="changes")
    apart = np.atleast_1d(check_array("lags", lags))
    latest = log.last_step - int(apart.max(initial=0)) if apart.dtype.kind in "iu" else -1
    if not apart.size or apart.min() < 1 or latest < log.first_step:
        raise ValueError(f"lags must be integers from 1 to {log.last_step - log.first_step}, got {apart}.")
    number = check_integer("starts", starts, minimum=1, maximum=10**6)
    first = np.unique(np.linspace(log.first_step, latest, number).round().astype(np.int64))
    points = np.unique(np.concatenate([first, (first[:, None] + apart).ravel()]))
    ratio = np.empty((len(apart), len(first)))
    held: dict[int, NDArray[np.int64]] = {}  # Connections at starting times that are still needed.
    for now, pairs in zip(points.tolist(), map(_pairs, log.wirings(points, index)), strict=True):
        if now in first:
            held[now] = pairs
        for begin in [begin for begin in held if begin + apart.max() < now]:
            del held[begin]
        for begin, then in held.items():
            found = np.flatnonzero(apart == now - begin)
            if len(found):
                changes = _changes([begin], [now], [(then, pairs)])
                ratio[found, np.searchsorted(first, begin)] = changes.turnover[0]
    spread = ratio.std(axis=1) if len(first) > 1 else np.full(len(apart), np.nan)
    return LagTurnover(apart.astype(float), ratio.mean(axis=1), spread)


def _check_points(log: RewiringLog, steps: ArrayLike) -> NDArray[np.int64]:
    points = check_array("steps", steps)
    if points.ndim != 1 or len(points) < 2 or points.dtype.kind not in "iu" or (np.diff(points) <= 0).any():
        raise ValueError(f"steps must be two or more ascending integers, got {points}.")
    log.check_step("steps", int(points[-1]))
    return points.astype(np.int64)


def _pairs(wiring: tuple[Any, ...]) -> NDArray[np.int64]:
    """Return the connected pairs as single integers, in ascending order."""
    return np.unique(wiring[0].astype(np.int64) << 32 | wiring[1])


def _changes(begin: ArrayLike, end: ArrayLike, pairs: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Changes:
    """Count the connected pairs at both ends of each interval, and those in common."""
    counts = [(len(one), len(two), len(np.intersect1d(one, two, assume_unique=True))) for one, two in pairs]
    return Changes(np.asarray(begin), np.asarray(end), *np.array(counts, np.int64).T)


def _fraction(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
