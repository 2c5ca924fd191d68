"""When events happen: at multiples of the time step of the synapses, or at the ticks of another clock."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2 import Clock, DimensionMismatchError, Quantity, get_dimensions, second

from synaptic_sampling._checks import plain_number

__all__ = [
    "check_interval",
    "check_multiple",
    "check_when",
    "interval_of",
    "number_of_steps",
    "steps_between",
    "synchronized",
    "uninterrupted",
    "whole",
]


def check_interval(dt: Any, name: str = "dt") -> None:
    """Raise an error that names an argument unless it is a single time above 0."""
    try:
        is_time = get_dimensions(dt) == second.dim
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a time such as 100*ms, got {dt!r}.") from error
    if not is_time:
        raise DimensionMismatchError(f"{name} must be a time, got {dt}", get_dimensions(dt), second.dim)
    if np.ndim(dt) or not 0.0 < float(dt) < math.inf:
        raise ValueError(f"{name} must be above 0 and finite, a single time, got {dt}.")


def interval_of(rule: Any, dt: Any, clock: Any) -> Any:
    """Return the time between events, None if the user gives none; raise an error if dt, clock or rule disagree."""
    if dt is not None:
        check_interval(dt)
    if clock is not None and not isinstance(getattr(clock, "dt", None), Quantity):
        raise TypeError(f"clock must be a Clock of Brian2, got {clock!r}.")
    if clock is not None and dt is not None:
        raise ValueError(f"give either dt or a clock, not both; got dt={dt} and clock={clock!r}.")
    if not hasattr(rule, "interval"):
        return dt
    given = clock.dt if clock is not None else dt
    own = Quantity(plain_number(rule.interval), dim=second.dim)
    if given is not None and not math.isclose(float(given), float(own), rel_tol=1e-9):
        raise ValueError(f"events every {given} do not fit the rule's interval of {own}; leave out dt.")
    return None if clock is not None else own


def number_of_steps(interval: Any, clock: Any) -> int | None:
    """Return the number of steps of a clock in an interval, or None if it is not a whole number."""
    ratio = float(interval) / clock.dt_
    number = round(ratio)
    return number if number >= 1 and math.isclose(ratio, number, rel_tol=1e-9) else None


def check_multiple(interval: Any, clock: Any) -> None:
    """Raise an error unless an interval, if given, is a multiple of the time step: events would be unevenly spaced."""
    if interval is not None and number_of_steps(interval, clock) is None:
        raise ValueError(
            f"dt must be a multiple of the synapses' dt = {clock.dt}, got {interval}; choose one, "
            "and set the synapses' dt before creating the Rewiring."
        )


def steps_between(rewiring: Any) -> int:
    """Return the number of time steps from event to event; raise an error if dt has been changed and no longer fits."""
    interval_of(rewiring.rule, rewiring.interval, None)
    steps = number_of_steps(rewiring.interval, rewiring.clock)
    if steps is None:
        raise ValueError(
            f"'{rewiring.name}' has events every {rewiring.interval}, which is not a multiple of dt = "
            f"{rewiring.clock.dt}; set dt before creating the Rewiring."
        )
    return steps


def check_when(when: Any) -> None:
    """Raise an error for scheduling slots between spikes and synapses."""
    slot = str(when).removeprefix("before_").removeprefix("after_")
    if slot not in {"start", "end"}:
        raise ValueError(
            f"when must be 'end' or 'start' (or before or after one of them), got {when!r}; "
            "in other slots, rewiring would come between the spikes of a time step and their transmission."
        )


@contextmanager
def synchronized(clock: Any, projections: Iterable[Any]) -> Iterator[None]:
    """Set the clocks of the synapses to the time of an event at a tick of another clock, as long as the event lasts.

    Brian2 has set clocks that do not tick at this time to the time of their next tick.
    """
    now, ahead = clock.variables["t"].item(), []
    for other in {projection.synapses.clock for projection in projections}:
        time = other.variables["t"].get_value()
        if time.item() - now > Clock.epsilon_dt * other.dt_:
            ahead.append((time, time.item()))
            time[:] = now
    try:
        yield
    finally:
        for time, later in ahead:
            time[:] = later


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl+C until the block is done, so that an event happens completely or not at all."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *arguments: caught.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        before(*caught[0])


@contextmanager
def whole(projections: Sequence[Any]) -> Iterator[None]:
    """Mark connections as unfinished if an exception ends an event after a step of theirs has been counted.

    Synapses, queues or a log then lack what the step has changed.
    """
    before = [projection.connections.steps_done for projection in projections]
    try:
        yield
    except BaseException:
        for projection, steps in zip(projections, before, strict=True):
            projection.connections.unfinished |= projection.connections.steps_done > steps
        raise
