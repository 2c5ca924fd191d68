"""Estimates with errors from resampled groups: connections of one dendrite, cell or animal are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_seed
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.randomness import Stream, uniforms

__all__ = ["Estimate", "check_resamples", "estimate", "group_sums", "resampled_groups"]

MOST_RESAMPLES = 10**5


class Estimate(NamedTuple):
    """An estimate at each of several times, lags, ages or weights; arrays of equal length.

    Attributes
    ----------
    at : ndarray of float64
        Times, lags or ages in the unit of the observations, or weights.
    value : ndarray of float64
        The estimate; NaN where nothing was observed.
    error : ndarray of float64
        Its standard error: the standard deviation over resamples of whole groups.
    low, high : ndarray of float64
        The 2.5 % and 97.5 % quantiles over these resamples.
    number : ndarray of int64
        Number of observations behind each value.
    """

    at: NDArray[np.float64]
    value: NDArray[np.float64]
    error: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    number: NDArray[np.int64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


def check_resamples(resamples: int) -> int:
    """Return a number of resamples, or raise an error."""
    return check_integer("resamples", resamples, minimum=20, maximum=MOST_RESAMPLES)


def resampled_groups(groups: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often each group is drawn in each resample, shape (resamples, groups)."""
    key = check_seed(seed)
    drawn = [
        np.bincount((uniforms(key, Stream.BOOTSTRAP, n, groups) * groups).astype(np.int64), minlength=groups)
        for n in range(resamples)
    ]
    return np.array(drawn, float)


def group_sums(
    shape: tuple[int, int], group: NDArray[np.int64], column: NDArray[Any], parts: Sequence[NDArray[Any]]
) -> NDArray[np.float64]:
    """Return the sums of each of several quantities over groups and columns, shape (groups, parts, columns)."""
    at = group * shape[1] + column
    sums = [np.bincount(at, weights=own, minlength=shape[0] * shape[1]).reshape(shape) for own in parts]
    return np.stack(sums, axis=1)


def estimate(
    at: NDArray[np.floating[Any]],
    sums: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    resamples: int,
    seed: int,
) -> Estimate:
    """Return an estimate that depends on sums over connections.

    Parameters
    ----------
    at : ndarray, shape (m,)
        What the estimates refer to.
    sums : ndarray, shape (groups, parts, m)
        Sums over the connections of each group; the first part is the number of observations.
    statistic : callable
        From sums over groups, shape (..., parts, m), to the estimates, shape (..., m).
    resamples : int
        Number of resamples.
    seed : int
        Of the random numbers.

    Returns
    -------
    Estimate
        With errors of NaN if there is only one group.
    """
    drawn = resampled_groups(len(sums), check_resamples(resamples), seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = statistic(sums.sum(axis=0))
        found = statistic(np.asarray(np.tensordot(drawn, sums, axes=1), float))
    number = sums[:, 0].sum(axis=0).astype(np.int64)
    error, low, high = np.full((3, len(value)), np.nan)
    for n, own in enumerate(found.T if len(sums) > 1 else ()):
        known = own[np.isfinite(own)]
        if len(known) > 1:
            error[n] = known.std(ddof=1)
            low[n], high[n] = np.quantile(known, [0.025, 0.975])
    return Estimate(np.asarray(at, float), value, error, low, high, number)
