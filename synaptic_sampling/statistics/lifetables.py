"""Survival analysis of arrays: life tables, Kaplan-Meier estimates, hazard rates and the log-rank test.

The mean of completed lifetimes is biased, because long ones tend to end after the observation. Here those still alive
count for as long as they were observed (right censoring), and those first observed at some age count from that age on
(left truncation). Deaths are eliminations of connections, births are formations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import chi2

from synaptic_sampling._checks import check_array, check_number
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.statistics.sources import check_kind

__all__ = [
    "HalfLife",
    "Hazard",
    "LifeTable",
    "LogRank",
    "Survival",
    "half_life",
    "halved",
    "hazard",
    "kaplan_meier",
    "life_table",
    "log_rank",
    "survival_curve",
]

#: Relative error of a survival probability by rounding, at most.
ROUNDING = 1e-9


class LifeTable(NamedTuple):
    """Numbers at risk just before each time, and of deaths at it; arrays in ascending order of time.

    Between two of these times, the number at risk is that of the later one.
    """

    time: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    deaths: NDArray[np.int64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


class Survival(NamedTuple):
    """A survival curve with a pointwise confidence band; arrays of equal length, in ascending order of time."""

    time: NDArray[np.float64]
    probability: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


class HalfLife(NamedTuple):
    """The time after which half are left, with confidence limits; infinite if the record is too short."""

    value: float
    low: float
    high: float


class Hazard(NamedTuple):
    """Hazard rate by age, with confidence limits; one entry per interval of ages."""

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    deaths: NDArray[np.int64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


class LogRank(NamedTuple):
    """Log-rank test of equal hazard rates: observed deaths of the first group, and those expected under equal rates."""

    statistic: float
    p_value: float
    observed: int
    expected: float


def life_table(durations: ArrayLike, dead: ArrayLike, entry: ArrayLike | None = None) -> LifeTable:
    """Count the numbers at risk and of deaths at each time.

    Parameters
    ----------
    durations : array_like, shape (n,)
        Age at which each was last observed, in any unit, >= 0.
    dead : array_like of bool, shape (n,)
        Whether it died then; otherwise it was last observed alive.
    entry : array_like, shape (n,), optional
        Age at which each was first observed, if not at its birth: it is at risk at later ages only, and those that
        died younger were never observed.

    Returns
    -------
    LifeTable
        One row for each time at which any was first or last observed.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not contain numbers, differ in shape or are empty, or a duration is negative, not finite or
        less than the entry.
    """
    lasted, died = check_array("durations", durations).astype(float), check_array("dead", dead, "biu").astype(bool)
    if lasted.shape != died.shape or lasted.ndim != 1:
        raise ValueError(f"durations and dead must be vectors of equal length, got {lasted.shape} and {died.shape}.")
    if not len(lasted):
        raise ValueError("durations is empty: there are no lifetimes to estimate from; record for longer.")
    _check_ages("durations", lasted)
    entered = np.zeros(len(lasted)) if entry is None else check_array("entry", entry).astype(float)
    if entered.shape != lasted.shape:
        raise ValueError(f"entry must have the shape of durations, {lasted.shape}, got {entered.shape}.")
    _check_ages("entry", entered)
    if (entered > lasted).any():
        raise ValueError("entry must not exceed durations: none can be first observed after it was last observed.")
    late = entered > 0
    died = died & ~(late & (entered == lasted))  # Observed at its death only: it was never at risk.
    time = np.unique(np.concatenate([lasted, entered[late]]))
    last_seen = np.bincount(np.searchsorted(time, lasted), minlength=len(time))
    deaths = np.bincount(np.searchsorted(time, lasted[died]), minlength=len(time))
    first_seen = np.bincount(np.searchsorted(time, entered[late]), minlength=len(time))
    at_risk = np.cumsum((last_seen - first_seen)[::-1])[::-1]
    return LifeTable(time, at_risk, deaths)


def survival_curve(table: LifeTable, confidence: float = 0.95) -> Survival:
    """Estimate the survival probability (Kaplan and Meier 1958).

    Parameters
    ----------
    table : LifeTable
        Deaths d and numbers at risk n.
    confidence : float
        Confidence level of the band at each time, between 0 and 1.

    Returns
    -------
    Survival
        S(t) = product of 1 - d/n until t; starts at time 0 with probability 1. The band assumes that log(-log S) is
        normal with Greenwood's variance, the sum of d/(n (n - d)); if S is 0 or 1, it equals the estimate.

    Notes
    -----
    Equals ``scipy.stats.ecdf`` of ``CensoredData``, which supports neither left truncation nor counts.
    """
    check_kind("table", table, LifeTable)
    z = float(ndtri(0.5 + 0.5 * check_number("confidence", confidence, above=0.0, maximum=1.0 - 1e-12)))
    deaths, at_risk = table.deaths.astype(float), np.maximum(table.at_risk, 1).astype(float)
    probability = np.cumprod(1.0 - deaths / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths))))
        spread = np.exp(z * error / np.log(probability))  # Below 1.
        low, high = probability ** (1.0 / spread), probability**spread
    within = (probability > 0) & (probability < 1)
    low, high = (np.where(within, limit, probability) for limit in (low, high))
    columns = (table.time, probability, low, high)
    return Survival(*(np.concatenate([[first], values]) for first, values in zip((0, 1, 1, 1), columns, strict=True)))


def kaplan_meier(durations: ArrayLike, dead: ArrayLike, entry: ArrayLike | None = None) -> Survival:
    """Estimate the survival probability, with a 95 % band, from lifetimes some of which are censored.

    Parameters
    ----------
    durations, dead, entry : array_like
        As for ``life_table``.

    Returns
    -------
    Survival
        As from ``survival_curve``.

    Raises
    ------
    ValueError
        As from ``life_table``.
    """
    return survival_curve(life_table(durations, dead, entry))


def half_life(curve: Survival) -> HalfLife:
    """Return the time at which half are left (Brookmeyer and Crowley 1982).

    Parameters
    ----------
    curve : Survival
        An estimate with its confidence band.

    Returns
    -------
    HalfLife
        The first times at which the estimate, its lower and its upper limit are at or below 1/2.

    Raises
    ------
    TypeError
        If it is not a Survival.
    """
    check_kind("curve", curve, Survival)
    return HalfLife(*(_first_at_half(curve.time, values) for values in (curve.probability, curve.low, curve.high)))


def halved(probability: ArrayLike) -> NDArray[np.bool_]:
    """Return whether at most half are left.

    Parameters
    ----------
    probability : array_like
        Survival probabilities. A product of the fractions that remain may exceed 1/2 by rounding where exactly half
        are left, which counts as half.

    Returns
    -------
    ndarray of bool
        One per probability.

    Raises
    ------
    TypeError
        If probabilities are not numbers.
    """
    return check_array("probability", probability) <= 0.5 * (1.0 + ROUNDING)


def hazard(table: LifeTable, edges: ArrayLike, confidence: float = 0.95) -> Hazard:
    """Estimate the hazard rate by age: deaths over time at risk.

    Parameters
    ----------
    table : LifeTable
        Of ages since birth.
    edges : array_like, shape (m + 1,)
        Ages between which the rate is assumed constant, ascending; intervals exclude their start and include their end.
    confidence : float
        Confidence level of the limits, which are exact for Poisson counts (Garwood 1936).

    Returns
    -------
    Hazard
        Per unit of time, m entries; NaN if none was at risk. If time is in steps, the probability of death per step.

    Raises
    ------
    TypeError, ValueError
        If the table is not a LifeTable, or the edges are negative or do not ascend.
    """
    check_kind("table", table, LifeTable)
    ages = check_array("edges", edges).astype(float)
    if ages.ndim != 1 or len(ages) < 2 or not (np.diff(ages) > 0).all() or ages[0] < 0 or not np.isfinite(ages).all():
        raise ValueError(f"edges must be ascending ages >= 0, at least two, got {ages}.")
    tail = 0.5 * (1.0 - check_number("confidence", confidence, above=0.0, maximum=1.0 - 1e-12))
    died = np.concatenate([[0], np.cumsum(table.deaths)])[np.searchsorted(table.time, ages, side="right")]
    # Between two times in the table the number at risk is that at the later one.
    starts = np.concatenate([[0.0], table.time])
    lived = np.concatenate([[0.0], np.cumsum(np.diff(starts) * table.at_risk)])
    exposure, deaths = np.diff(np.interp(ages, starts, lived)), np.diff(died)
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = (0.5 * chi2.ppf(tail, 2 * deaths), 0.5 * chi2.ppf(1.0 - tail, 2 * deaths + 2))
        rate, low, high = (np.where(exposure > 0, count / exposure, np.nan) for count in (deaths, *limits))
    return Hazard(ages[:-1], ages[1:], rate, np.where((deaths == 0) & (exposure > 0), 0.0, low), high, deaths)


def log_rank(first: LifeTable, second: LifeTable) -> LogRank:
    """Test whether two groups have the same hazard rate at every age (Mantel 1966).

    Parameters
    ----------
    first, second : LifeTable
        Of the two groups, in the same unit of time.

    Returns
    -------
    LogRank
        Under equal rates the statistic is standard normal; it is negative if the first group lives longer.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a LifeTable, or none died while both groups were at risk.

    Notes
    -----
    Equals ``scipy.stats.logrank``, which supports neither left truncation nor counts.
    """
    check_kind("first", first, LifeTable)
    check_kind("second", second, LifeTable)
    time = np.union1d(first.time, second.time)
    risk_1, deaths_1 = _spread(first, time)
    risk_2, deaths_2 = _spread(second, time)
    risk, deaths = risk_1 + risk_2, deaths_1 + deaths_2
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(risk > 0, deaths * risk_1 / risk, 0.0)
        variance = np.where(risk > 1, expected * (risk_2 / risk) * (risk - deaths) / (risk - 1.0), 0.0)
    if variance.sum() <= 0:
        raise ValueError("first and second cannot be compared: none died while both groups were at risk.")
    statistic = float((deaths_1.sum() - expected.sum()) / math.sqrt(variance.sum()))
    return LogRank(statistic, math.erfc(abs(statistic) / math.sqrt(2.0)), int(deaths_1.sum()), float(expected.sum()))


def _spread(table: LifeTable, time: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numbers at risk and of deaths at times that include those of the table."""
    place = np.searchsorted(table.time, time)
    risk = np.concatenate([table.at_risk, [0]])[place].astype(float)
    deaths = np.zeros(len(time))
    deaths[np.searchsorted(time, table.time)] = table.deaths
    return risk, deaths


def _first_at_half(time: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    below = np.flatnonzero(halved(values))
    return float(time[below[0]]) if len(below) else math.inf


def _check_ages(name: str, ages: NDArray[np.float64]) -> None:
    wrong = ~(np.isfinite(ages) & (ages >= 0))
    if wrong.any():
        raise ValueError(f"{name} must be finite and >= 0, got {ages[wrong][0]}.")
