"""When to look at a run, so that as much of it is replaced between two looks as in an imaging study."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["matched_looks"]

#: Fewest looks that show both seen and newly seen connections, and most that a record is searched for.
FEWEST_LOOKS, MOST_LOOKS = 3, 1000


def matched_looks(log: Source, turnover: float, looks: int = 8, *, index: int | None = None) -> NDArray[np.int64]:
    """Return the steps at which to observe a run, at equal intervals matched to an imaging study by turnover.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations. It is looked at in the second half of its record.
    turnover : float
        Turnover ratio between two looks of the study, above 0 and below 1 (``changes``).
    looks : int
        Number of looks of the study, at least 3; fewer are returned where the record ends before.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    ndarray of int64
        For ``log.observe``; at least 3.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, less is replaced in a quarter of the record, or more in a
        single step.
    """
    record = log_of(log)
    target = check_number("turnover", turnover, above=0.0, maximum=1.0 - 1e-9)
    number = check_integer("looks", looks, minimum=FEWEST_LOOKS, maximum=MOST_LOOKS)
    middle = (record.first_step + record.last_step) // 2
    longest = (record.last_step - middle) // (FEWEST_LOOKS - 1)
    if longest < 1 or _turnover(record, middle, longest, index) < target:
        raise ValueError(
            f"the log is too short to match a turnover of {100 * target:.3g} %, that of the study: less is replaced in "
            f"{longest} steps, a quarter of the record; record for longer."
        )
    low, high = 1, longest
    if _turnover(record, middle, low, index) > 2 * target:
        raise ValueError(
            f"the steps of the log are too long to match a turnover of {100 * target:.3g} %, that of the study: more "
            "than twice as much is replaced in each."
        )
    while high - low > max(1, low // 50):
        between = math.isqrt(low * high) if high > 4 * low else (low + high) // 2
        between = min(max(between, low + 1), high - 1)
        if _turnover(record, middle, between, index) < target:
            low = between
        else:
            high = between
    every = min((low, high), key=lambda own: abs(_turnover(record, middle, own, index) - target))
    return middle + every * np.arange(min(number, (record.last_step - middle) // every + 1))


def _turnover(record: RewiringLog, begin: int, interval: int, index: int | None) -> float:
    seen = record.observe([begin, begin + interval], index=index).seen
    changed = np.count_nonzero(seen[:, 0] != seen[:, 1])
    return changed / max(1, int(seen.sum()))
