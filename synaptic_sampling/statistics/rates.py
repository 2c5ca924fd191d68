"""How many connections are formed and eliminated per connection and step, with intervals that allow for clusters."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["Rate", "Rates", "formation_and_elimination"]

#: The 97.5 % quantile of the standard normal distribution.
QUANTILE = 1.959964


class Rate(NamedTuple):
    """A number of events per connection and step, with the limits of its 95 % interval."""

    value: float
    low: float
    high: float


class Rates(NamedTuple):
    """Rates of formation and elimination.

    Attributes
    ----------
    formation, elimination : Rate
        Per connection and step.
    lived : int
        Steps that all connections lived, in sum.
    """

    formation: Rate
    elimination: Rate
    lived: int


def formation_and_elimination(log: Source, index: int | None = None) -> Rates:
    """Estimate how many connections are formed and eliminated per connection and step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Rates
        NaN if no connection lived for a step. The intervals hold if connections live independently of each other.

    Notes
    -----
    Both are ratios of sums over connections, with the variance of such ratios (Cochran 1977, chapter 6), and limits
    that are symmetric for the logarithm. Counts are not Poisson: the hazard rate falls with age, so that new
    connections are soon eliminated in their turn, and formations come in clusters. With noise and l1 alone, the
    variance of a count is several times its mean. Where there was no event, the upper limit is that of a constant rate.
    """
    record: RewiringLog = log_of(log)
    lived, squares, events, products = 0, 0.0, np.zeros(2), np.zeros(2)
    for lives in record.life_blocks(index):
        steps = lives["end"] - lives["birth"]
        counted = np.array([lives["birth"] > record.first_step, lives["dead"]])
        lived += int(steps.sum())
        squares += float((steps.astype(float) ** 2).sum())
        events += counted.sum(axis=1)
        products += counted @ steps
    if not lived:
        unknown = Rate(math.nan, math.nan, math.nan)
        return Rates(unknown, unknown, 0)
    rate = events / lived
    variance = events - 2 * rate * products + rate**2 * squares
    formation, elimination = (_rate(*each, lived) for each in zip(events.tolist(), variance.tolist(), strict=True))
    return Rates(formation, elimination, lived)


def _rate(events: float, variance: float, lived: int) -> Rate:
    if not events:
        return Rate(0.0, 0.0, -math.log(0.025) / lived)
    factor = math.exp(QUANTILE * math.sqrt(max(0.0, variance)) / events)
    return Rate(events / lived, events / lived / factor, events / lived * factor)
