"""Survival of connections, from logs: Kaplan-Meier estimates and hazard rates, with censoring and truncation.

Logs are read block by block; memory grows with the number of steps only. The estimators are those of ``lifetables``.
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
from synaptic_sampling.statistics.sources import Source, log_of

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

#: Above all steps.
MAX_STEP = 2**62


def table_of_newborns(log: Source, index: int | None = None, *, from_step: int = 0) -> LifeTable:
    """Count, for each age, the new connections at risk and those eliminated.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    index : int, optional
        Index of the set; all by default.
    from_step : int
        Connections formed in this step or before are left out, for example those of an initial transient.

    Returns
    -------
    LifeTable
        Against age in steps.

    Raises
    ------
    ValueError
        If no connection was formed.
    """
    log = log_of(log, observed="survival_of_newly_seen")
    begin = log.check_step("from_step", from_step)
    return _table(log, index, lambda lives: (~lives["initial"] & (lives["birth"] > begin), lives["birth"], None))


def survival_of_newborns(log: Source, index: int | None = None, *, from_step: int = 0) -> Survival:
    """Estimate the survival of connections formed during the record.

    Parameters
    ----------
    log, index, from_step
        As for ``table_of_newborns``.

    Returns
    -------
    Survival
        Against age in steps. Its null law is ``laws.deepr.survival_of_newborns``.

    Raises
    ------
    ValueError
        If no connection was formed.
    """
    log = log_of(log, observed="survival_of_newly_seen")
    return survival_curve(table_of_newborns(log, index, from_step=from_step))


def survival_during(log: Source, begin: int, end: int, index: int | None = None) -> Survival:
    """Estimate the survival of new connections under the conditions between two steps.

    Each connection formed during the record counts at the ages that it has between these steps: first observed at its
    age at ``begin`` (left truncation), last observed at ``end`` (right censoring).

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    begin, end : int
        Two steps; begin < end.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Survival
        Against age in steps.

    Raises
    ------
    ValueError
        If the steps do not ascend or are after the end of the record, or no such connection existed between them.
    """
    log = log_of(log, observed="survival_of_newly_seen")
    first = log.check_step("begin", begin)
    last = check_integer("end", log.check_step("end", end), minimum=first + 1, maximum=MAX_STEP)

    def seen(lives: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        there = ~lives["initial"] & (lives["birth"] < last) & (lives["end"] > first)
        return there, lives["birth"], np.maximum(first - lives["birth"], 0)

    return survival_curve(_table(log, index, seen, last))


def survival_of_all(log: Source, at_step: int, index: int | None = None) -> Survival:
    """Estimate the survival of the connections present after a step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    at_step : int
        The step; at most the last one.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Survival
        Against steps since then. Its stationary null law is ``laws.deepr.survival_of_all``.

    Raises
    ------
    ValueError
        If there are no connections.
    """
    log = log_of(log, observed="survival_of_seen")
    return survival_of_old(log, at_step, 0, index)


def survival_of_old(log: Source, at_step: int, age: int, index: int | None = None) -> Survival:
    """Estimate the survival of the connections that have reached some age at a step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations, from ``at_step - age`` on.
    at_step : int
        The step.
    age : int
        Minimal age in steps. Ages of initial connections are counted from the start of the record.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Survival
        Against steps since then. Its stationary null law is ``laws.deepr.survival_of_old``.

    Raises
    ------
    ValueError
        If there are no such connections.
    """
    log = log_of(log, observed="survival_of_seen")
    step = check_integer("at_step", at_step, minimum=0, maximum=log.last_step)
    latest = step - check_integer("age", age, minimum=0, maximum=MAX_STEP)

    def seen(lives: NDArray[Any]) -> tuple[NDArray[np.bool_], int, None]:
        return (lives["birth"] <= latest) & ((lives["end"] > step) | ~lives["dead"]), step, None

    return survival_curve(_table(log, index, seen))


def hazard_of_newborns(
    log: Source, edges: ArrayLike | None = None, index: int | None = None, *, from_step: int = 0
) -> Hazard:
    """Estimate the hazard rate per step by age of the connections formed during the record.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    edges : array_like, optional
        As for ``hazard``, in steps; by default 0, 1, 2, 4, 8, ... up to the greatest age.
    index, from_step
        As for ``table_of_newborns``.

    Returns
    -------
    Hazard
        Its null law is ``laws.deepr.hazard``.

    Raises
    ------
    ValueError
        If no connection was formed.
    """
    log = log_of(log, observed="survival_of_newly_seen")
    table = table_of_newborns(log, index, from_step=from_step)
    if edges is None:
        doublings = max(1, math.ceil(math.log2(max(1.0, table.time[-1]))))
        edges = np.concatenate([[0.0], 2.0 ** np.arange(doublings + 1)])
    return hazard(table, edges)


def compare_newborns(first: Source, second: Source, index: int | None = None) -> LogRank:
    """Test whether new connections of two logs have the same hazard rate at every age in steps.

    Parameters
    ----------
    first, second : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    LogRank
        Negative if those of the first log live longer.

    Raises
    ------
    ValueError
        If in one of them no connection was formed, or none was eliminated.
    """
    first, second = (log_of(own, observed="survival_of_newly_seen") for own in (first, second))
    return log_rank(table_of_newborns(first, index), table_of_newborns(second, index))


def _table(
    log: RewiringLog,
    index: int | None,
    seen: Callable[[NDArray[Any]], tuple[NDArray[np.bool_], Any, Any]],
    last: int = MAX_STEP,
) -> LifeTable:
    """Count lifetimes by step; ``seen`` returns which lives count, since when, and from which age on."""
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
        raise ValueError("the log contains no lives to estimate from; record for longer.")
    at_risk = np.cumsum((left - late)[::-1])[::-1]
    time = np.flatnonzero(left + late)
    return LifeTable(time.astype(float), at_risk[time], died[time])
