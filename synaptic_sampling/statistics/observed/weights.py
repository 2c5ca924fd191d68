"""Weights of connections that were seen at a few looks: loss by weight, weight by age, autocorrelation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.observations import Observations
from synaptic_sampling.statistics.observed.resampling import Estimate, estimate, group_sums
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["loss_by_weight", "weight_autocorrelation", "weight_by_age"]

MOST_CLASSES = 1000


def loss_by_weight(observations: Observations, *, classes: int = 4, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Estimate the fraction of connections that is gone at the next look, by weight.

    Parameters
    ----------
    observations : Observations
        With weights.
    classes : int
        Number of classes of equally many connections; 4 for quartiles.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    Estimate
        Against the median weight of each class. With equal weights, classes may be empty: NaN.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or there are no weights.
    """
    weights = _weights(observations)
    number = check_integer("classes", classes, minimum=1, maximum=MOST_CLASSES)
    risk = observations.seen[:, :-1] & observations.imaged[:, 1:]
    row, _ = np.nonzero(risk)
    size, gone = weights[:, :-1][risk], ~observations.seen[:, 1:][risk]
    if not len(size):
        raise ValueError("observations contain no connection that was seen and imaged again at the next look.")
    edges = np.quantile(size, np.arange(1, number) / number)
    own = np.searchsorted(edges, size, side="left")
    sums = group_sums((len(observations.groups), number), observations.group[row], own, [np.ones(len(own)), gone])
    middle = np.array([np.median(size[own == n]) if (own == n).any() else np.nan for n in range(number)])
    return estimate(middle, sums, _mean, "fraction", resamples, seed)


def weight_by_age(observations: Observations, *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Estimate the mean logarithm of the weights of newly seen connections at 0, 1, ... looks since first sight.

    Parameters
    ----------
    observations : Observations
        With weights, at equal intervals. Weights of 0 have no logarithm and are left out.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    Estimate
        Mean natural logarithm against the time since first sight, of those still seen.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, there are no weights, or intervals differ.
    """
    logs = _logarithms(observations)
    interval = _interval(observations)
    number = len(observations.times) - 1
    age = np.full((len(observations), number), -1)  # In looks since first sight; -1 where that was not observed.
    for n in range(number):
        before, now = observations.presence[:, n], observations.presence[:, n + 1]
        older = np.where((before > 0) & (age[:, n - 1] >= 0), age[:, n - 1] + 1, -1) if n else -1
        age[:, n] = np.where(now <= 0, -1, np.where(before == 0, 0, older))
    row, look = np.nonzero((age >= 0) & np.isfinite(logs[:, 1:]))
    parts = [np.ones(len(row)), logs[row, look + 1]]
    sums = group_sums((len(observations.groups), number), observations.group[row], age[row, look], parts)
    return estimate(interval * np.arange(number), sums, _mean, "mean", resamples, seed)


def weight_autocorrelation(observations: Observations, *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Estimate the correlation of the logarithms of weights at two looks, against the lag between them.

    Parameters
    ----------
    observations : Observations
        With weights, at equal intervals. Weights of 0 have no logarithm and are left out.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    Estimate
        Over connections seen at both looks; all pairs of looks with the same lag are pooled.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, there are no weights, or intervals differ.
    """
    logs = _logarithms(observations)
    interval = _interval(observations)
    lags = np.arange(1, len(observations.times))
    found = []
    for lag in lags.tolist():
        row, look = np.nonzero(np.isfinite(logs[:, :-lag]) & np.isfinite(logs[:, lag:]))
        x, y = logs[row, look], logs[row, look + lag]
        own, column = observations.group[row], np.zeros(len(x), np.int64)
        found.append(
            group_sums((len(observations.groups), 1), own, column, [np.ones(len(x)), x, y, x * x, y * y, x * y])
        )
    sums = np.concatenate(found, axis=2)
    return estimate(interval * lags, sums, _correlation, "correlation", resamples, seed)


def _weights(observations: Observations) -> NDArray[np.float64]:
    check_kind("observations", observations, Observations)
    if observations.weights is None:
        raise ValueError(
            "observations contain no weights; pass weights= when they are made, and for a log take snapshots at the "
            "looks."
        )
    return observations.weights


def _logarithms(observations: Observations) -> NDArray[np.float64]:
    weights = _weights(observations)
    return np.log(np.where(weights > 0, weights, np.nan))


def _interval(observations: Observations) -> float:
    if observations.interval is None:
        raise ValueError("the looks of observations must have equal intervals; choose some with at_looks.")
    return observations.interval


def _mean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[..., 1, :] / sums[..., 0, :]


def _correlation(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -2, 0)
    return (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
