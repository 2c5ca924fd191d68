"""How long connections live, from logs, in which many are still alive at the end; streamed, in memory of the steps.

All estimates are those of ``lifetables``: of Kaplan and Meier, with censoring and truncation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.lifetables import (
    Hazard,
    LifeTable,
    LogRank,
    Survival,
    hazard,
    kaplan_meier,
    log_rank,
    survival_curve,
)
from synaptic_sampling.statistics.sources import log_of

__all__ = [
    "Survival",
    "compare_newborns",
    "hazard_of_newborns",
    "kaplan_meier",
    "survival_during",
    "survival_of_all",
    "survival_of_newborns",
    "survival_of_old",
    "table_of_newborns",
]

MAX_STEP = 2**62


def table_of_newborns(log: RewiringLog, index: int | None = None, *, from_step: int = 0) -> LifeTable:
    """Count how many of those born while the log was kept reached each age, and died then; block by block.

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
    LifeTable
        Over steps since birth.

    Raises
    ------
    ValueError
        If none was born.
    """
    log = log_of(log)
    begin = log.check_step("from_step", from_step)
    return _table(log, index, lambda lives: (~lives["initial"] & (lives["birth"] > begin), lives["birth"], None))


def survival_of_newborns(log: RewiringLog, index: int | None = None, *, from_step: int = 0) -> Survival:
    """Estimate how long connections live that were born while the log was kept.

    Parameters
    ----------
    log, index, from_step
        As for ``table_of_newborns``.

    Returns
    -------
    Survival
        Over steps since birth. Its law without a gradient is ``exact.survival_of_newborns``.

    Raises
    ------
    ValueError
        If none was born.
    """
    log = log_of(log)
    return survival_curve(table_of_newborns(log, index, from_step=from_step))


def survival_during(log: RewiringLog, begin: int, end: int, index: int | None = None) -> Survival:
    """Estimate how long newborns would live if all their life were as the steps between two times.

    Each connection born in the record counts with the ages that it had in these steps: first seen at the age that it
    had at ``begin`` (truncated on the left), last seen at ``end`` (censored on the right).

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    begin, end : int
        Two steps, begin < end.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Survival
        Over steps since birth.

    Raises
    ------
    ValueError
        If the steps do not ascend or are beyond the record, or no such connection was alive between them.
    """
    log = log_of(log)
    first = log.check_step("begin", begin)
    last = check_integer("end", log.check_step("end", end), minimum=first + 1, maximum=MAX_STEP)

    def seen(lives: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        there = ~lives["initial"] & (lives["birth"] < last) & (lives["end"] > first)
        return there, lives["birth"], np.maximum(first - lives["birth"], 0)

    return survival_curve(_table(log, index, seen, last))


def survival_of_all(log: RewiringLog, at_step: int, index: int | None = None) -> Survival:
    """Estimate how long the connections that are there after a step stay.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    at_step : int
        Which step, at most the last.
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
    log = log_of(log)
    return survival_of_old(log, at_step, 0, index)


def survival_of_old(log: RewiringLog, at_step: int, age: int, index: int | None = None) -> Survival:
    """Estimate how long those connections stay that at a step have been there for some steps.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths, from ``at_step - age`` on.
    at_step : int
        Which step.
    age : int
        How many steps they must have survived; those of the first wiring have the age they have in the record.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Survival
        Over steps since then. Its stationary law without a gradient is ``exact.survival_of_old``.

    Raises
    ------
    ValueError
        If there were none.
    """
    log = log_of(log)
    step = check_integer("at_step", at_step, minimum=0, maximum=log.last_step)
    latest = step - check_integer("age", age, minimum=0, maximum=MAX_STEP)

    def seen(lives: NDArray[Any]) -> tuple[NDArray[np.bool_], int, None]:
        return (lives["birth"] <= latest) & ((lives["end"] > step) | ~lives["dead"]), step, None

    return survival_curve(_table(log, index, seen))


def hazard_of_newborns(
    log: RewiringLog, edges: ArrayLike | None = None, index: int | None = None, *, from_step: int = 0
) -> Hazard:
    """Estimate the probability to die in a step by age, of those born while the log was kept.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    edges : array_like, optional
        As for ``hazard``, in steps; by default 0, 1, 2, 4, 8, ... up to the greatest age.
    index, from_step
        As for ``table_of_newborns``.

    Returns
    -------
    Hazard
        Its law without a gradient is ``exact.hazard``.

    Raises
    ------
    ValueError
        If none was born.
    """
    log = log_of(log)
    table = table_of_newborns(log, index, from_step=from_step)
    if edges is None:
        doublings = max(1, math.ceil(math.log2(max(1.0, table.time[-1]))))
        edges = np.concatenate([[0.0], 2.0 ** np.arange(doublings + 1)])
    return hazard(table, edges)


def compare_newborns(first: RewiringLog, second: RewiringLog, index: int | None = None) -> LogRank:
    """Test whether those born in two logs die at the same rate at every age, in steps.

    Parameters
    ----------
    first, second : RewiringLog
        With births and deaths.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    LogRank
        Negative where those of the first log live longer.

    Raises
    ------
    ValueError
        If in one of them none was born, or none died.
    """
    first, second = log_of(first), log_of(second)
    return log_rank(table_of_newborns(first, index), table_of_newborns(second, index))


def _table(
    log: RewiringLog,
    index: int | None,
    seen: Callable[[NDArray[Any]], tuple[NDArray[np.bool_], Any, Any]],
    last: int = MAX_STEP,
) -> LifeTable:
    """Count the lives in whole steps; ``seen`` says which ones, since when, and from which age on."""
    size = log.last_step - log.first_step + 1
    left, died, late = (np.zeros(size, np.int64) for _ in range(3))
    for lives in log.life_blocks(index):
        which, since, entry = seen(lives)
        age = (np.minimum(lives["end"], last) - since)[which]
        dead = lives["dead"][which] & (lives["end"][which] <= last)
        np.add.at(left, age, 1)
        np.add.at(died, age[dead], 1)
        if entry is not None:
            entered = entry[which]
            np.add.at(late, entered[entered > 0], 1)
    if not left.any():
        raise ValueError("there are no lives to estimate from; record for longer.")
    at_risk = np.cumsum((left - late)[::-1])[::-1]
    time = np.flatnonzero(left + late)
    return LifeTable(time.astype(float), at_risk[time], died[time])
