"""How long connections live: Kaplan-Meier estimates from a log, in which many are still alive at the end."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import CensoredData, ecdf

from synaptic_sampling._checks import check_integer
from synaptic_sampling.log import RewiringLog

__all__ = ["Survival", "kaplan_meier", "survival_of_all", "survival_of_newborns"]


class Survival(NamedTuple):
    """A survival curve with its 95 % confidence band; arrays of equal length, in ascending order of time."""

    time: NDArray[np.float64]
    probability: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def kaplan_meier(durations: ArrayLike, dead: ArrayLike) -> Survival:
    """Estimate the probability to survive, from lives of which some had not ended (Kaplan and Meier 1958).

    Parameters
    ----------
    durations : array_like, shape (n,)
        How long each was seen alive, in any unit, >= 0.
    dead : array_like of bool, shape (n,)
        Whether it died then; otherwise it was last seen alive.

    Returns
    -------
    Survival
        Begins at time 0 with probability 1. Where none died, or none is left, the band is the estimate itself.

    Raises
    ------
    ValueError
        If the arrays differ in shape, are empty, or a duration is negative or not finite.
    """
    lasted, died = np.asarray(durations, float), np.asarray(dead, bool)
    if lasted.shape != died.shape or lasted.ndim != 1:
        raise ValueError(f"durations and dead must be vectors of equal length, got {lasted.shape} and {died.shape}.")
    if not len(lasted):
        raise ValueError("there are no lives to estimate from; record for longer.")
    if not (np.isfinite(lasted) & (lasted >= 0)).all():
        raise ValueError(f"durations must be finite and >= 0, got {lasted[~(np.isfinite(lasted) & (lasted >= 0))][0]}.")
    curve = ecdf(CensoredData(uncensored=lasted[died], right=lasted[~died])).sf
    with warnings.catch_warnings():
        # SciPy warns that the band is undefined where the estimate is 0 or 1.
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(method="log-log")
    columns = [curve.quantiles, curve.probabilities, band.low.probabilities, band.high.probabilities]
    columns[2:] = [np.where(np.isnan(limit), curve.probabilities, limit) for limit in columns[2:]]
    return Survival(*(np.concatenate([[first], values]) for first, values in zip((0, 1, 1, 1), columns, strict=True)))


def survival_of_newborns(log: RewiringLog, index: int | None = None, *, from_step: int = 0) -> Survival:
    """Estimate how long connections live that were born while the log was kept.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    index : int, optional
        Number of the set; all by default.
    from_step : int
        Births in this step and before do not count, to leave out how it began.

    Returns
    -------
    Survival
        Over steps since birth. Its law without a gradient is ``exact.survival_of_newborns``.

    Raises
    ------
    ValueError
        If none was born.
    """
    lives = log.lives(index)
    begin = check_integer("from_step", from_step, minimum=0, maximum=2**62)
    born = lives[~lives["initial"] & (lives["birth"] > begin)]
    return kaplan_meier(born["end"] - born["birth"], born["dead"])


def survival_of_all(log: RewiringLog, at_step: int, index: int | None = None) -> Survival:
    """Estimate how long the connections that are there after a step stay.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    at_step : int
        Which step.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Survival
        Over steps since then. Its stationary law without a gradient is ``exact.survival_of_all``.

    Raises
    ------
    ValueError
        If there were no connections.
    """
    step = check_integer("at_step", at_step, minimum=0, maximum=2**62)
    lives = log.lives(index)
    there = lives[(lives["birth"] <= step) & ((lives["end"] > step) | ~lives["dead"])]
    return kaplan_meier(there["end"] - step, there["dead"])
