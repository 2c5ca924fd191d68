"""What differs between the wirings at two looks, as in imaging studies: turnover, formation, elimination, overlap."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.sources import log_of

__all__ = ["Changes", "LagTurnover", "changes_between", "changes_since", "compare_wirings", "turnover_by_lag"]


class Changes(NamedTuple):
    """How many connections there were at two looks, and how many at both; one entry for each pair of looks.

    Attributes
    ----------
    begin, end : ndarray of int64
        Steps of the two looks.
    before, after : ndarray of int64
        Connected pairs at the first and at the second look.
    kept : ndarray of int64
        Pairs connected at both, whether in between or not.
    """

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    kept: NDArray[np.int64]

    @property
    def gained(self) -> NDArray[np.int64]:
        """Return how many pairs are connected at the second look only."""
        return self.after - self.kept

    @property
    def lost(self) -> NDArray[np.int64]:
        """Return how many pairs are connected at the first look only."""
        return self.before - self.kept

    @property
    def turnover(self) -> NDArray[np.float64]:
        """Return (gained + lost)/(N1 + N2); 0 where there is nothing at either look."""
        return (self.gained + self.lost) / np.maximum(1, self.before + self.after)

    @property
    def formation(self) -> NDArray[np.float64]:
        """Return gained/N1; NaN where there was nothing."""
        return _share(self.gained, self.before)

    @property
    def elimination(self) -> NDArray[np.float64]:
        """Return lost/N1; NaN where there was nothing."""
        return _share(self.lost, self.before)

    @property
    def overlap(self) -> NDArray[np.float64]:
        """Return kept/N1, the share of the first that is there at the second look; NaN where there was nothing."""
        return _share(self.kept, self.before)

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """Return kept/(N1 + N2 - kept), what both have over what any has; NaN where there is nothing at either look."""
        return _share(self.kept, self.before + self.after - self.kept)


class LagTurnover(NamedTuple):
    """The turnover ratio against the time between two looks: mean and standard deviation over first looks."""

    lag: NDArray[np.float64]
    turnover: NDArray[np.float64]
    spread: NDArray[np.float64]


def compare_wirings(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike]) -> Changes:
    """Compare two wirings.

    Parameters
    ----------
    first, second : (pre, post)
        Endpoints of all connections, array_like of int >= 0. A pair counts once.

    Returns
    -------
    Changes
        One entry, from 0 to 1.

    Raises
    ------
    ValueError
        If pre and post differ in length or are no neurons.
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


def changes_between(log: RewiringLog, steps: ArrayLike, index: int = 0) -> Changes:
    """Compare the wiring at each of some looks with that at the next.

    Parameters
    ----------
    log : RewiringLog
        With a snapshot at or before the first of them.
    steps : array_like of int, shape (n,)
        When one looks, ascending. What is born and dies between two looks is not seen: always state the interval.
    index : int
        Number of the set.

    Returns
    -------
    Changes
        n - 1 intervals.

    Raises
    ------
    ValueError
        If there are fewer than two steps, they do not ascend, or they go beyond the end of the record.
    LogError
        If there is no snapshot to begin with.
    """
    log = log_of(log)
    looks = _check_looks(log, steps)
    pairs = map(_pairs, log.wirings(looks, index))
    return _changes(looks[:-1], looks[1:], itertools.pairwise(pairs))


def changes_since(log: RewiringLog, steps: ArrayLike, index: int = 0) -> Changes:
    """Compare the wiring at the first of some looks with that at each of the later ones.

    Parameters
    ----------
    log, steps, index
        As for ``changes_between``.

    Returns
    -------
    Changes
        n - 1 intervals with the same begin. The law of ``overlap`` without a gradient is ``exact.overlap``.

    Raises
    ------
    ValueError
        If there are fewer than two steps, they do not ascend, or they go beyond the end of the record.
    LogError
        If there is no snapshot to begin with.
    """
    log = log_of(log)
    looks = _check_looks(log, steps)
    pairs = map(_pairs, log.wirings(looks, index))
    first = next(pairs)
    return _changes(np.repeat(looks[:1], len(looks) - 1), looks[1:], ((first, later) for later in pairs))


def turnover_by_lag(log: RewiringLog, lags: ArrayLike, index: int = 0, *, starts: int = 10) -> LagTurnover:
    """Return the turnover ratio between two looks against the time between them.

    Parameters
    ----------
    log : RewiringLog
        With a snapshot at its start.
    lags : array_like of int, shape (n,)
        Steps between the looks, at least 1 and at most the length of the record.
    index : int
        Number of the set.
    starts : int
        How many first looks, evenly spread over the record.

    Returns
    -------
    LagTurnover
        Over all first looks. Its law without a gradient is ``exact.turnover_ratio``.

    Raises
    ------
    ValueError
        If the lags are no integers, or out of range.
    LogError
        If there is no snapshot to begin with.
    """
    log = log_of(log)
    apart = np.atleast_1d(check_array("lags", lags))
    latest = log.last_step - int(apart.max(initial=0)) if apart.dtype.kind in "iu" else -1
    if not apart.size or apart.min() < 1 or latest < log.first_step:
        raise ValueError(f"lags must be integers from 1 to {log.last_step - log.first_step}, got {apart}.")
    number = check_integer("starts", starts, minimum=1, maximum=10**6)
    first = np.unique(np.linspace(log.first_step, latest, number).round().astype(np.int64))
    looks = np.unique(np.concatenate([first, (first[:, None] + apart).ravel()]))
    ratio = np.empty((len(apart), len(first)))
    held: dict[int, NDArray[np.int64]] = {}  # Those of the first looks that are still to be compared.
    for look, pairs in zip(looks.tolist(), map(_pairs, log.wirings(looks, index)), strict=True):
        if look in first:
            held[look] = pairs
        for begin in [begin for begin in held if begin + apart.max() < look]:
            del held[begin]
        for begin, then in held.items():
            wanted = np.flatnonzero(apart == look - begin)
            if len(wanted):
                changes = _changes([begin], [look], [(then, pairs)])
                ratio[wanted, np.searchsorted(first, begin)] = changes.turnover[0]
    return LagTurnover(apart.astype(float), ratio.mean(axis=1), ratio.std(axis=1))


def _check_looks(log: RewiringLog, steps: ArrayLike) -> NDArray[np.int64]:
    looks = check_array("steps", steps)
    if looks.ndim != 1 or len(looks) < 2 or looks.dtype.kind not in "iu" or (np.diff(looks) <= 0).any():
        raise ValueError(f"steps must be two or more ascending integers, got {looks}.")
    log.check_step("steps", int(looks[-1]))
    return looks.astype(np.int64)


def _pairs(wiring: tuple[Any, ...]) -> NDArray[np.int64]:
    """Return the connected pairs as numbers, ascending."""
    return np.unique(wiring[0].astype(np.int64) << 32 | wiring[1])


def _changes(begin: ArrayLike, end: ArrayLike, looks: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Changes:
    """Count what is there in each pair of looks."""
    counts = [(len(one), len(two), len(np.intersect1d(one, two, assume_unique=True))) for one, two in looks]
    return Changes(np.asarray(begin), np.asarray(end), *np.array(counts, np.int64).T)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
