"""How the sizes of connections change, and whether large connections live longer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.statistics.lifetables import LogRank, Survival, life_table, log_rank, survival_curve
from synaptic_sampling.statistics.sources import Source, log_of, sizes_in

__all__ = ["ChangeComponents", "SizeLifetime", "change_components", "matched_sizes", "size_lifetime"]

#: Number of iterations of the reweighted regressions.
ROUNDS = 20


class ChangeComponents(NamedTuple):
    """Dependence of changes on size w: mean intercept + slope*w, variance additive + multiplicative*w**2.

    Attributes
    ----------
    intercept, slope : float
        Of the mean change against the initial size; with a negative slope, sizes tend to -intercept/slope.
    additive, multiplicative : float
        Variances of the change that is independent of size, and of the relative change. They may be negative, so that
        they are unbiased.
    errors : tuple of float
        Standard errors of these four, in this order.
    number : int
        Number of connections.
    """

    intercept: float
    slope: float
    additive: float
    multiplicative: float
    errors: tuple[float, float, float, float]
    number: int


class SizeLifetime(NamedTuple):
    """Survival of connections by size.

    Attributes
    ----------
    size, remaining : ndarray
        Size of each connection at the time of the snapshot, and the number of steps for which it was observed after it.
    dead : ndarray of bool
        Whether it was eliminated then.
    edges : ndarray
        Sizes that separate the groups, including the smallest and the largest size.
    survival : tuple of Survival
        Of each group, smallest sizes first.
    test : LogRank
        Of the group of smallest against that of largest sizes; positive if small connections are eliminated sooner.
    """

    size: NDArray[np.float64]
    remaining: NDArray[np.int64]
    dead: NDArray[np.bool_]
    edges: NDArray[np.float64]
    survival: tuple[Survival, ...]
    test: LogRank


def matched_sizes(log: Source, begin: int, end: int, index: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes at two snapshots of the connections that persist between them.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With snapshots after both steps.
    begin, end : int
        The two steps.
    index : int
        Index of the set.

    Returns
    -------
    before, after : ndarray
        theta, in the same order. A connection that was eliminated and formed again counts as a new one, and is left
        out.

    Raises
    ------
    LogError
        If one of the snapshots is missing.
    ValueError
        If the log contains no weights.
    """
    log = log_of(log)
    former, later = log.survivors(begin, end, index)
    sizes = []
    for step, places in ((begin, former), (end, later)):
        taken = log.snapshot_at(step, index)
        sizes.append(sizes_in(log, taken).astype(float)[places])
    return sizes[0], sizes[1]


def change_components(before: ArrayLike, after: ArrayLike) -> ChangeComponents:
    """Separate the change of sizes into parts that scale with size and parts that do not.

    Parameters
    ----------
    before, after : array_like, shape (n,)
        Sizes of the same connections, as from ``matched_sizes``.

    Returns
    -------
    ChangeComponents
        By regression on the size and on its square, weighted by the fitted variance; standard errors are valid for any
        distribution of the noise (White 1980).

    Raises
    ------
    ValueError
        If they differ in shape, are fewer than ten, not finite, or all of the same size.

    Notes
    -----
    The model is that of Kesten processes, w' = (1 + a) w + b, which Statman et al. (2014) find in culture;
    Loewenstein et al. (2011) find that the multiplicative part dominates in vivo. Without a gradient, theta of DEEP R
    changes by l1 and noise, without a multiplicative part. Eliminated connections are missing, which biases the mean
    upwards at small sizes.
    """
    w, later = check_array("before", before).astype(float), check_array("after", after).astype(float)
    if w.shape != later.shape:
        raise ValueError(f"before and after must be equally long vectors, got shapes {w.shape} and {later.shape}.")
    change = later - w
    if w.ndim != 1 or len(w) < 10 or not (np.isfinite(w) & np.isfinite(change)).all() or np.ptp(w) == 0:
        raise ValueError("before and after must be equally long vectors of ten or more finite, different sizes.")
    linear, square = np.column_stack([np.ones(len(w)), w]), np.column_stack([np.ones(len(w)), w * w])
    variance = np.full(len(w), max(float(change.var()), np.finfo(float).tiny))
    for _ in range(ROUNDS):
        mean, mean_errors = _regress(linear, change, 1.0 / variance)
        squares = (change - linear @ mean) ** 2
        parts, part_errors = _regress(square, squares, 1.0 / variance**2)
        variance = np.maximum(square @ parts, 0.05 * max(float(squares.mean()), np.finfo(float).tiny))
    intercept, slope, additive, multiplicative = (float(value) for value in (*mean, *parts))
    return ChangeComponents(intercept, slope, additive, multiplicative, (*mean_errors, *part_errors), len(w))


def size_lifetime(log: Source, step: int, index: int = 0, *, groups: int = 4) -> SizeLifetime:
    """Estimate the survival of the connections in a snapshot, in equally large groups by size.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a snapshot after this step.
    step : int
        Step of the snapshot.
    index : int
        Index of the set.
    groups : int
        Number of groups.

    Returns
    -------
    SizeLifetime
        With Kaplan-Meier estimates, because many connections outlast the record.

    Raises
    ------
    LogError
        If there is no such snapshot.
    ValueError
        If the log contains no weights, there are fewer connections than groups, or so many of equal size that a group
        is empty, or none was eliminated.
    """
    log = log_of(log, observed="loss_by_weight")
    taken = log.snapshot_at(step, index)
    size = sizes_in(log, taken).astype(float)
    number = check_integer("groups", groups, minimum=2, maximum=max(2, len(size)))
    fates = log.fates(step, index)
    remaining, dead = fates["end"] - step, fates["dead"].astype(bool)
    edges = np.quantile(size, np.linspace(0.0, 1.0, number + 1)) if len(size) else np.zeros(number + 1)
    group = np.clip(np.searchsorted(edges, size, side="right") - 1, 0, number - 1)
    if len(np.unique(group)) < number:
        raise ValueError(
            f"{len(size)} connections cannot be divided into {number} groups by size; choose fewer groups."
        )
    tables = [life_table(remaining[group == n], dead[group == n]) for n in range(number)]
    test = log_rank(tables[0], tables[-1])
    return SizeLifetime(size, remaining, dead, edges, tuple(map(survival_curve, tables)), test)


def _regress(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Return the coefficients of a weighted regression and their standard errors."""
    weighted = x * weight[:, None]
    inverse = np.linalg.inv(weighted.T @ x)
    found = inverse @ (weighted.T @ y)
    scores = weighted * (y - x @ found)[:, None]
    first, second = np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse)).tolist()
    return found, (first, second)
