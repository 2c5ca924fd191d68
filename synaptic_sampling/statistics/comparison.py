"""Several runs, spiking and rate-based, on one scale: in units of time that they have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_choice, check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.lifetables import HalfLife, Survival, half_life, halved, life_table, survival_curve
from synaptic_sampling.statistics.sources import Source, check_kind, log_of
from synaptic_sampling.statistics.survival import survival_of_all

__all__ = ["UNITS", "Compared", "clock", "compare", "half_life_at_one_rate", "in_half_lives", "survival_in"]

UNITS = ("steps", "samples", "seconds", "half-lives")

#: Steps whose lengths differ by at most this fraction count as equally long.
EVEN = 1e-9


class Compared(NamedTuple):
    """One of several runs, on their common scale.

    Attributes
    ----------
    survival : Survival
        Of all connections present at one step, against the time since then.
    half_life : HalfLife
        In steps, samples or seconds; in steps if the unit is half-lives.
    turnover_per_half_life : float
        Formations per connection in the time in which half of the connections present are replaced: 1/2 if each were
        replaced once and permanently; larger if many new connections are soon eliminated.
    """

    survival: Survival
    half_life: HalfLife
    turnover_per_half_life: float


def clock(log: Source, unit: str) -> NDArray[np.float64]:
    """Return the time of each step of a record, including its start.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With times in this unit.
    unit : {'steps', 'samples', 'seconds'}
        Unit of time.

    Returns
    -------
    ndarray, shape (1 + number of steps,)
        From ``first_step`` to ``last_step``. The first step is assumed to last as long as the second.

    Raises
    ------
    ValueError
        If the unit is unknown, the log does not have it, or its times decrease.
    """
    log = log_of(log)
    steps = np.arange(log.first_step, log.last_step + 1)
    check_choice("unit", unit, ("samples", "seconds", "steps"))
    if unit == "steps":
        return steps.astype(float)
    times = log.times
    passed, at = times[unit], times["step"]
    if not len(at) or not np.isfinite(passed).all():
        raise ValueError(f"the log has no {unit}; pass {unit}=... when recording, or choose another unit.")
    if (np.diff(passed) < 0).any():
        raise ValueError(f"the {unit} of the log decrease.")
    pace = (passed[1] - passed[0]) / (at[1] - at[0]) if len(at) > 1 else passed[0] / max(1, at[0] - steps[0])
    begin = passed[0] - pace * (at[0] - steps[0])
    if at[0] > steps[0]:
        at, passed = np.concatenate([steps[:1], at]), np.concatenate([[begin], passed])
    return np.interp(steps, at, passed)


def survival_in(log: Source, unit: str, at_step: int | None = None, index: int | None = None) -> Survival:
    """Estimate the survival of the connections present after a step, in any unit of time.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations, and times in this unit.
    unit : {'steps', 'samples', 'seconds', 'half-lives'}
        Unit of time.
    at_step : int, optional
        The step; the middle of the record by default.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Survival
        Against the time since that step.

    Raises
    ------
    ValueError
        If the unit is unknown, the log does not have it, or, for half-lives, fewer than half were eliminated.
    """
    log = log_of(log, observed="survival_of_seen")
    first, last = log.first_step, log.last_step
    step = check_integer("at_step", (first + last) // 2 if at_step is None else at_step, minimum=first, maximum=last)
    check_choice("unit", unit, UNITS)
    if unit in ("steps", "half-lives"):
        curve = survival_of_all(log, step, index)
        return curve if unit == "steps" else in_half_lives(curve)
    times = clock(log, unit) - clock(log, unit)[step - log.first_step]
    paces = np.diff(times)
    if not len(paces) or np.ptp(paces) <= EVEN * np.abs(paces).max():
        curve = survival_of_all(log, step, index)
        return curve._replace(time=curve.time * (paces[0] if len(paces) else 1.0))
    durations, dead = [], []
    for lives in log.life_blocks(index):
        there = lives[(lives["birth"] <= step) & ((lives["end"] > step) | ~lives["dead"])]
        durations.append(times[there["end"] - log.first_step])
        dead.append(there["dead"])
    return survival_curve(life_table(np.concatenate(durations), np.concatenate(dead)))


def in_half_lives(curve: Survival) -> Survival:
    """Return a survival curve against time in units of its half-life.

    Parameters
    ----------
    curve : Survival
        A curve that falls to 1/2.

    Returns
    -------
    Survival
        At time 1 it is at or just below 1/2.

    Raises
    ------
    ValueError
        If it does not fall to 1/2.
    """
    unit = half_life(curve).value
    if not 0 < unit < math.inf:
        raise ValueError(
            "curve has no half-life: fewer than half were eliminated in the record, or half at once. Record for "
            "longer, or use another unit."
        )
    return curve._replace(time=curve.time / unit)


def half_life_at_one_rate(curve: Survival) -> float:
    """Return the half-life of a curve; if it ends above 1/2, that of a constant hazard rate with the same end.

    Brains are rarely imaged for a half-life; the extrapolation puts them, and short runs, on the same scale.

    Parameters
    ----------
    curve : Survival
        In any unit of time.

    Returns
    -------
    float
        The time at which it falls to 1/2, or t*log(2)/-log(S(t)) at its last time t; infinite if none was eliminated.
    """
    check_kind("curve", curve, Survival)
    left, time = float(curve.probability[-1]), float(curve.time[-1])
    if halved(left):
        return half_life(curve).value
    return time * math.log(2.0) / -math.log(left) if left < 1.0 else math.inf


def compare(logs: Mapping[str, Source], unit: str = "half-lives", *, index: int | None = None) -> dict[str, Compared]:
    """Put several runs on one scale.

    Parameters
    ----------
    logs : mapping of str to RewiringLog, or to objects that have one as ``log``
        By name, for example ``{'spiking': monitor.log, 'rate-based': trainer.log}``.
    unit : {'half-lives', 'samples', 'seconds', 'steps'}
        Steps of different networks differ in length. Spiking and rate-based networks have presented samples in common;
        half-lives also allow comparison with brains.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    dict of str to Compared
        Each run is followed from the middle of its record on.

    Raises
    ------
    ValueError
        If there are no logs, or one of them does not have this unit.
    """
    if not isinstance(logs, Mapping):
        raise TypeError(f"logs must be a mapping of names to logs, got {logs!r}.")
    if not logs:
        raise ValueError("logs must contain at least one log to compare, got none.")
    check_choice("unit", unit, UNITS)
    return {name: _compared(log_of(log), unit, index) for name, log in logs.items()}


def _compared(log: RewiringLog, unit: str, index: int | None) -> Compared:
    plain = "steps" if unit == "half-lives" else unit
    middle = (log.first_step + log.last_step) // 2
    curve = survival_in(log, plain, middle, index)
    in_steps = curve if plain == "steps" else survival_in(log, "steps", middle, index)
    births = sum(int(np.count_nonzero(events["kind"] == 1)) for events in log.event_blocks(index, after=middle))
    present = sum(len(log.wiring(middle, n)[0]) for n in (sorted(log.sets) if index is None else [index]))
    rate = births / max(1, log.last_step - middle) / max(1, present)
    return Compared(
        in_half_lives(curve) if unit == "half-lives" else curve,
        half_life(curve),
        rate * half_life(in_steps).value,
    )
