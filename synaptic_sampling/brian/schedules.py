"""Parameters of a rule that change with time: strings of t and TimedArrays, evaluated at each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Quantity, second
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS

from synaptic_sampling._checks import schedules
from synaptic_sampling.log.metadata import plain

__all__ = ["Schedule", "described", "description"]


class Schedule:
    """A rule some of whose parameters change with time: strings of t, or TimedArrays.

    Names in the strings are looked up in ``namespace``, besides t and the units and functions of Brian2. Raises
    ValueError if a string is not an expression.
    """

    def __init__(self, rule: Any, namespace: Mapping[str, Any]) -> None:
        self._rule = rule
        self._names = {**DEFAULT_UNITS, **DEFAULT_CONSTANTS, **DEFAULT_FUNCTIONS, **namespace, "__builtins__": {}}
        self._parameters = {name: _compiled(name, getattr(rule, name)) for name in schedules(rule)}

    def at(self, seconds: float) -> Any:
        """Return the rule at this simulated time, with numbers and quantities only.

        Raises an error that names the time if a string has no value, or one that the rule does not allow.
        """
        t = Quantity(seconds, dim=second.dim)
        try:
            return replace(self._rule, **{name: self._value(name, t) for name in self._parameters})
        except (TypeError, ValueError) as error:
            raise type(error)(f"at t = {t}: {error}") from error

    def at_all(self, times: Sequence[float]) -> list[Any]:
        """Return the rule at each of many times, in seconds.

        Strings are evaluated for all times at once, where they allow it, to find spans in which nothing changes.
        """
        t = Quantity(times, dim=second.dim)
        try:
            rows = np.stack([np.broadcast_to(self._evaluate(name, t), len(times)) for name in self._parameters])
        except (TypeError, ValueError):  # Such as 'a if t < 1*second else b', or an error, whose time is then named.
            return [self.at(seconds) for seconds in times]
        changes = np.flatnonzero(np.any(rows[:, 1:] != rows[:, :-1], axis=0)) + 1
        rules: list[Any] = []
        for start, end in pairwise([0, *changes.tolist(), len(times)]):
            first, last = self.at(times[start]), self.at(times[end - 1])
            # Numbers and arrays may be rounded differently, hence the comparison.
            same = first == last
            rules += [first] * (end - start) if same else [self.at(seconds) for seconds in times[start:end]]
        return rules

    def _value(self, name: str, t: Quantity) -> Any:
        value = self._evaluate(name, t)
        if np.ndim(value):
            raise TypeError(f"{name} must be a single number at any time, got {value!r}.")
        return value if isinstance(value, Quantity) else np.asarray(value).item()

    def _evaluate(self, name: str, t: Quantity) -> Any:
        """Return the value of a parameter at one time or at several."""
        parameter = self._parameters[name]
        if callable(parameter):
            return parameter(t)
        try:
            return eval(parameter, {**self._names, "t": t})
        except (NameError, TypeError, AttributeError) as error:
            raise ValueError(f"{name} = {getattr(self._rule, name)!r} cannot be evaluated: {error}.") from error


def described(rule: Any, given: Any) -> dict[str, Any]:
    """Return a rule for a log; schedules are text, as in the given rule, and leave no null law."""
    varying = {name: description(getattr(given, name)) for name in schedules(given)}
    about = {**plain(rule), **varying}
    if varying and about.get("law", "") is not None:
        about["law"] = f"{' and '.join(varying)} of {about['class']} changed with time"
    return about


def description(parameter: Any) -> str:
    """Return a parameter that changes with time as text, the same in every run; values are in SI units."""
    if isinstance(parameter, str):
        return parameter
    return f"TimedArray({np.asarray(parameter.values).tolist()}, dt={float(parameter.dt)!r}*second)"


def _compiled(name: str, parameter: Any) -> Any:
    """Return the code of a string, and a TimedArray as it is."""
    if not isinstance(parameter, str):
        return parameter
    try:
        return compile(parameter.strip(), f"<{name}>", "eval")
    except SyntaxError as error:
        raise ValueError(f"{name} = {parameter!r} is not an expression: {error.msg}.") from error
