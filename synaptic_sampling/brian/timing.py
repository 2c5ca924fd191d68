"""When events come: every so many steps of the synapses' own clock, or at the ticks of another one."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, get_dimensions, second

from synaptic_sampling._checks import plain_number
from synaptic_sampling.rules import SynapticSampling

__all__ = ["check_multiple", "check_when", "interval_of", "number_of_steps", "steps_between", "uninterrupted"]


def interval_of(rule: Any, dt: Any, clock: Any) -> Any:
    """Return the time between events, which synaptic sampling knows already.

    Parameters
    ----------
    rule : Rule
        With units.
    dt : Quantity or None
        As given by the user.
    clock : Clock or None
        As given by the user.

    Returns
    -------
    Quantity or None
        None where the user gives none.

    Raises
    ------
    DimensionMismatchError
        If dt is no time.
    TypeError
        If dt or the clock is something else.
    ValueError
        If it is not that of the rule, or not above 0, or both dt and a clock are given.
    """
    try:
        is_time = dt is None or get_dimensions(dt) == second.dim
    except (TypeError, ValueError) as error:
        raise TypeError(f"dt must be a time such as 100*ms, got {dt!r}.") from error
    if not is_time:
        raise DimensionMismatchError(f"dt must be a time, got {dt}", get_dimensions(dt), second.dim)
    if dt is not None and (np.ndim(dt) or not 0.0 < float(dt) < math.inf):
        raise ValueError(f"dt must be above 0 and finite, one for all, got {dt}.")
    if clock is not None and not isinstance(getattr(clock, "dt", None), Quantity):
        raise TypeError(f"clock must be a Clock of Brian2, got {clock!r}.")
    if clock is not None and dt is not None:
        raise ValueError("give either dt or a clock, not both.")
    if not isinstance(rule, SynapticSampling):
        return dt
    given = clock.dt if clock is not None else dt
    own = Quantity(plain_number(rule.interval), dim=second.dim)
    if given is not None and not math.isclose(float(given), float(own), rel_tol=1e-9):
        raise ValueError(f"events every {given} do not fit the rule's interval of {own}; leave dt out.")
    return None if clock is not None else own


def number_of_steps(interval: Any, clock: Any) -> int | None:
    """Return how many steps of a clock an interval has, or None if it is no whole number of them.

    Parameters
    ----------
    interval : Quantity
        Between two events.
    clock : Clock
        Of the synapses.

    Returns
    -------
    int or None
        At least 1.
    """
    ratio = float(interval) / clock.dt_
    number = round(ratio)
    return number if number >= 1 and math.isclose(ratio, number, rel_tol=1e-9) else None


def check_multiple(interval: Any, clock: Any) -> None:
    """Refuse an interval that is no whole number of steps: events would come at uneven times.

    Parameters
    ----------
    interval : Quantity
        Between two events.
    clock : Clock
        Of the synapses.

    Raises
    ------
    ValueError
        Names both.
    """
    if number_of_steps(interval, clock) is None:
        raise ValueError(
            f"events every {interval} are no multiple of the synapses' dt = {clock.dt}; choose one, "
            "and set dt before you make the Rewiring."
        )


def steps_between(rewiring: Any) -> int:
    """Return how many steps of its clock a Rewiring has from event to event.

    Parameters
    ----------
    rewiring : Rewiring
        Whose clock may be that of the synapses.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If dt was changed, and its interval is no multiple of it any more, or not that of the rule.
    """
    interval_of(rewiring.rule, rewiring.interval, None)
    steps = number_of_steps(rewiring.interval, rewiring.clock)
    if steps is None:
        raise ValueError(
            f"'{rewiring.name}' has events every {rewiring.interval}, which is no multiple of dt = "
            f"{rewiring.clock.dt}; set dt before you make the Rewiring."
        )
    return steps


def check_when(when: Any) -> None:
    """Refuse to rewire where it would change the meaning of a time step.

    Parameters
    ----------
    when : str
        Scheduling slot.

    Raises
    ------
    ValueError
        If it lies between spikes and synapses.
    """
    slot = str(when).removeprefix("before_").removeprefix("after_")
    if slot not in {"start", "end"}:
        raise ValueError(
            f"when must be 'end' or 'start' (or before or after one of them), got {when!r}; "
            "between spikes and synapses, a rewiring would change the meaning of a time step."
        )


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl+C wait until the block is done, so that an event is done in full or not at all."""
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
