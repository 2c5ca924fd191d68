"""Estimates with errors from resampled groups: connections of one dendrite, cell or animal are not independent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2, t

from synaptic_sampling._checks import check_integer, check_seed
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.randomness import Stream, uniforms

__all__ = ["FEW_GROUPS", "Estimate", "Kind", "check_resamples", "error_and_limits", "estimate", "group_sums",
           "resampled_groups"]  # fmt: skip

MOST_RESAMPLES = 10**5
#: From so many groups on, 95 % limits are quantiles over resamples; with fewer they are those of Student's t. In
#: simulated studies of groups that lose about 10 %, quantiles contain the truth in 91 % of the studies of 14 groups, in
#: 86, 85 and 59 % of those of 6, 3 and 2 groups, and Student's t in 93, 96 and 99 %.
FEW_GROUPS = 10

#: What an estimate is: a fraction of connections, a number of events per connection, or a mean or a correlation.
Kind = Literal["fraction", "rate", "mean", "correlation"]
RANGES: dict[Kind, tuple[float, float]] = {
    "fraction": (0.0, 1.0), "rate": (0.0, math.inf), "mean": (-math.inf, math.inf), "correlation": (-1.0, 1.0)
}  # fmt: skip


class Estimate(NamedTuple):
    """An estimate at each of several times, lags, ages or weights; arrays of equal length.

    Attributes
    ----------
    at : ndarray of float64
        Times, lags or ages in the unit of the observations, or weights.
    value : ndarray of float64
        The estimate; NaN where nothing was observed.
    error : ndarray of float64
        Its standard error: the standard deviation over resamples of whole groups. With observations in G < 10 groups it
        is multiplied by sqrt(G/(G - 1)); with G < 2 it is NaN.
    low, high : ndarray of float64
        95 % limits: the 2.5 % and 97.5 % quantiles over these resamples; with G < 10 groups, value -+ error times the
        97.5 % quantile of Student's t with G - 1 degrees of freedom, as far as possible values go. Where no resample
        differs, for example because no connection was lost, fractions and numbers have exact binomial and Poisson
        limits, as if connections were independent.
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


def error_and_limits(value: float, resampled: NDArray[np.float64], groups: int) -> tuple[float, float, float]:
    """Return standard error, lower and upper 95 % limit of an estimate.

    Parameters
    ----------
    value : float
        The estimate.
    resampled : ndarray
        Its values in resamples of whole groups.
    groups : int
        Number of groups with observations, at least 2.

    Returns
    -------
    tuple of float
        As `Estimate` describes them.
    """
    error = float(resampled.std(ddof=1))
    if groups >= FEW_GROUPS:
        low, high = np.quantile(resampled, [0.025, 0.975])
        return error, float(low), float(high)
    error *= math.sqrt(groups / (groups - 1))
    half = float(t.ppf(0.975, groups - 1)) * error
    return error, value - half, value + half


def estimate(
    at: NDArray[np.floating[Any]],
    sums: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    kind: Kind,
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
    kind : {'fraction', 'rate', 'mean', 'correlation'}
        What is estimated.
    resamples : int
        Number of resamples.
    seed : int
        Of the random numbers.

    Returns
    -------
    Estimate
        With errors of NaN where only one group has observations.
    """
    drawn = resampled_groups(len(sums), check_resamples(resamples), seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = statistic(sums.sum(axis=0))
        found = statistic(np.asarray(np.tensordot(drawn, sums, axes=1), float))
    number, groups = sums[:, 0].sum(axis=0).astype(np.int64), np.count_nonzero(sums[:, 0], axis=0)
    error, low, high = np.full((3, len(value)), np.nan)
    for n, own in enumerate(found.T):
        known = own[np.isfinite(own)]
        if groups[n] > 1 and len(known) > 1:
            error[n], low[n], high[n] = error_and_limits(value[n], known, int(groups[n]))
            if kind in ("fraction", "rate") and np.ptp(known) == 0:
                low[n], high[n] = _exact_limits(kind, round(value[n] * number[n]), int(number[n]))
    low, high = np.clip([low, high], *RANGES[kind])
    return Estimate(np.asarray(at, float), value, error, low, high, number)


def _exact_limits(kind: Kind, events: int, number: int) -> tuple[float, float]:
    """Return 95 % limits if connections are independent: of a binomial law for a fraction, else of a Poisson law."""
    if kind == "fraction":
        limits = binomtest(events, number).proportion_ci()
        return float(limits.low), float(limits.high)
    low = float(chi2.ppf(0.025, 2 * events)) if events else 0.0
    return low / (2 * number), float(chi2.ppf(0.975, 2 * events + 2)) / (2 * number)
