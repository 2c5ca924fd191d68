"""The check of what a rule decides, before it is carried out: compiled code would write to any slot or site."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.connections.retracting import Retracting
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.connections.slots import Slots
from synaptic_sampling.rules.base import Decision, Rule

__all__ = ["checked_decision"]


def checked_decision(decision: Any, c: Slots, rule: Rule) -> Decision:
    """Return a decision with slots as int32 and numbers as int, or raise an error that names the rule."""
    name = type(rule).__name__
    if not isinstance(decision, Decision):
        raise TypeError(f"decide() of {name} must return a Decision, got {decision!r}.")
    deaths = _slots("deaths", rule, decision.deaths, len(c))
    crossed = _slots("crossed", rule, decision.crossed, len(c))
    if isinstance(c, Retracting) and len(deaths):
        raise ValueError(f"deaths of {name} must be empty for {c!r}; return Decision(crossed=slots).")
    if not isinstance(c, Retracting) and len(crossed):
        raise ValueError(f"crossed of {name} must be empty for {c!r}; return Decision(deaths=slots).")
    births, wanted = decision.births, decision.wanted
    if isinstance(births, np.ndarray):
        _check_keys(f"births of {name}", births, c.num_pre * c.num_post)
    elif births is not None:
        births = check_integer(f"births of {name}", births, minimum=0, maximum=MAX_NEURONS)
    if wanted is not None:
        wanted = check_integer(f"wanted of {name}", wanted, minimum=0, maximum=MAX_NEURONS)
    return Decision(deaths, births, crossed, wanted, decision.noise_scale)


def _slots(what: str, rule: Rule, given: Any, number: int) -> NDArray[np.int32]:
    """Return slots, or raise an error unless they are integers, ascending, and below ``number``."""
    if isinstance(given, np.ndarray) and given.dtype == np.int32 and given.ndim == 1 and _fit(given, number):
        return given  # At once, since this is done in every step.
    name = f"{what} of {type(rule).__name__}"
    if getattr(given, "dtype", None) == np.bool_:
        raise TypeError(f"{name} must hold numbers of slots, got True and False; pass np.flatnonzero of them.")
    slots = check_array(name, given, "iu")
    if slots.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {slots.shape}.")
    if (slots[1:] <= slots[:-1]).any():
        k = int(np.flatnonzero(slots[1:] <= slots[:-1])[0])
        raise ValueError(
            f"{name} must be ascending, each slot once, got {slots[k]} before {slots[k + 1]}; pass np.unique of them."
        )
    if len(slots) and (slots[0] < 0 or slots[-1] >= number):
        raise ValueError(f"{name} must be from 0 to {number - 1}, got {slots[0] if slots[0] < 0 else slots[-1]}.")
    return slots.astype(np.int32, copy=False)


def _fit(slots: NDArray[np.int32], number: int) -> bool:
    return not len(slots) or bool(slots[0] >= 0 and slots[-1] < number and (slots[1:] > slots[:-1]).all())


def _check_keys(name: str, keys: NDArray[Any], number: int) -> None:
    """Raise an error unless these are keys of pairs of neurons."""
    if keys.dtype != np.int64 or keys.ndim != 1:
        raise TypeError(
            f"{name} must be a number, or keys pre * num_post + post of int64, shape (n,), which do not overflow; "
            f"got {keys.dtype}, shape {keys.shape}."
        )
    outside = np.flatnonzero((keys < 0) | (keys >= number))
    if len(outside):
        raise ValueError(f"{name} must hold keys from 0 to {number - 1}, got {keys[outside[0]]}.")
