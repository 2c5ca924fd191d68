"""Different nets on one scale: spiking and rate-based logs through the same functions, in units that both have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_choice, check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.lifetables import HalfLife, Survival, half_life, life_table, survival_curve
from synaptic_sampling.statistics.sources import check_kind, log_of
from synaptic_sampling.statistics.survival import survival_of_all

__all__ = ["UNITS", "Compared", "clock", "compare", "half_life_at_one_rate", "in_half_lives", "survival_in"]

UNITS = ("steps", "samples", "seconds", "half-lives")

#: Steps whose lengths differ by no more than this share are taken as equally long.
EVEN = 1e-9


class Compared(NamedTuple):
    """One of several runs, on the scale that all of them share.

    Attributes
    ----------
    survival : Survival
        Of all connections present at one step, over the time since then.
    half_life : HalfLife
        In steps, samples or seconds: also where the curve is in half-lives, the length of one in steps.
    turnover_per_half_life : float
        Births per connection in the time in which half of those present are replaced: 1/2 if each were replaced once
        and for good; the more, the more of the births are in vain.
    """

    survival: Survival
    half_life: HalfLife
    turnover_per_half_life: float


def clock(log: RewiringLog, unit: str) -> NDArray[np.float64]:
    """Return the time of each step of a record, begin included.

    Parameters
    ----------
    log : RewiringLog
        With this unit in its times.
    unit : {'steps', 'samples', 'seconds'}
        Of time.

    Returns
    -------
    ndarray, shape (1 + number of steps,)
        From ``first_step`` to ``last_step``. The first step is taken to last as long as the second.

    Raises
    ------
    ValueError
        If the unit is another, the log does not have it, or its times do not ascend.
    """
    log = log_of(log)
    steps = np.arange(log.first_step, log.last_step + 1)
    check_choice("unit", unit, ("samples", "seconds", "steps"))
    if unit == "steps":
        return steps.astype(float)
    times = log.times
    passed, at = times[unit], times["step"]
    if not len(at) or not np.isfinite(passed).all():
        raise ValueError(f"the log has no {unit}; record it with {unit}=... .")
    if (np.diff(passed) < 0).any():
        raise ValueError(f"the {unit} of the log go back.")
    pace = (passed[1] - passed[0]) / (at[1] - at[0]) if len(at) > 1 else passed[0] / max(1, at[0] - steps[0])
    begin = passed[0] - pace * (at[0] - steps[0])
    if at[0] > steps[0]:
        at, passed = np.concatenate([steps[:1], at]), np.concatenate([[begin], passed])
    return np.interp(steps, at, passed)


def survival_in(log: RewiringLog, unit: str, at_step: int | None = None, index: int | None = None) -> Survival:
    """Estimate how long the connections that are there after a step stay, in any unit.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths, and the unit in its times.
    unit : {'steps', 'samples', 'seconds', 'half-lives'}
        Of time.
    at_step : int, optional
        Which step; the middle of the record by default.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    Survival
        Over the time since that step.

    Raises
    ------
    ValueError
        If the unit is another or the log does not have it, or, for half-lives, if fewer than half died.
    """
    log = log_of(log)
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
    """Return a survival curve over time in units of its half-life.

    Parameters
    ----------
    curve : Survival
        That falls to 1/2.

    Returns
    -------
    Survival
        At time 1 it is 1/2 or just below.

    Raises
    ------
    ValueError
        If it does not fall to 1/2.
    """
    unit = half_life(curve).value
    if not 0 < unit < math.inf:
        raise ValueError("fewer than half died in the record, or half at once; record for longer, or use another unit.")
    return curve._replace(time=curve.time / unit)


def half_life_at_one_rate(curve: Survival) -> float:
    """Return the half-life of a curve, or, where it ends above 1/2, that of one rate of death with the same end.

    Brains are rarely watched for a half-life: this is how they, and short runs, come onto one scale.

    Parameters
    ----------
    curve : Survival
        Of any unit of time.

    Returns
    -------
    float
        Where it falls to 1/2, or t*log(2)/-log(S(t)) at its last time t; infinite if nobody died.
    """
    check_kind("curve", curve, Survival)
    share, time = float(curve.probability[-1]), float(curve.time[-1])
    if share <= 0.5:
        return half_life(curve).value
    return time * math.log(2.0) / -math.log(share) if share < 1.0 else math.inf


def compare(
    logs: Mapping[str, RewiringLog], unit: str = "half-lives", *, index: int | None = None
) -> dict[str, Compared]:
    """Put several runs on one scale.

    Parameters
    ----------
    logs : mapping of str to RewiringLog
        By name, for example ``{'spiking': monitor.log, 'rate-based': trainer.log}``.
    unit : {'half-lives', 'samples', 'seconds', 'steps'}
        Steps of different nets are not the same time; presented samples are what a spiking and a rate-based net have
        in common, and half-lives what they have in common with a brain.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    dict of str to Compared
        From the middle of each record on.

    Raises
    ------
    ValueError
        If there are no logs, or one of them has not this unit.
    """
    if not isinstance(logs, Mapping):
        raise TypeError(f"logs must be a mapping of names to logs, got {logs!r}.")
    if not logs:
        raise ValueError("there are no logs to compare.")
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
