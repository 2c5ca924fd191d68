"""Conversion of rules with units to the plain SI numbers that kernels take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brian2 import DimensionMismatchError, get_dimensions, second

from synaptic_sampling._checks import plain_number, schedules
from synaptic_sampling.rules import Rule
from synaptic_sampling.rules.base import Units

__all__ = ["without_units"]


def without_units(rule: Any, synapses: Any, names: Mapping[str, str]) -> Any:
    """Return the rule in SI numbers, after a check that its units fit those of the synapses' variables.

    The rule declares in ``units`` how those of its parameters follow from those of theta and the gradient. Parameters
    that change with time stay as they are.
    """
    if not rule.has_theta:
        return rule
    dims = {role: synapses.variables[names[role]].dim for role in rule.variables}
    if not dims["polarity"].is_dimensionless:
        raise DimensionMismatchError(f"variable {names['polarity']!r} must be dimensionless", dims["polarity"])
    expected = _expected(rule, dims)
    for role in set(expected) & set(dims):
        if dims[role] != expected[role]:
            raise DimensionMismatchError(
                f"{names[role]!r} of '{synapses.name}' must have the unit of 1/{names['theta']!r}",
                dims[role],
                expected[role],
            )
    parameters = {name: unit for name, unit in expected.items() if name not in dims}
    for name, unit in parameters.items():
        _check_parameter(rule, name, unit, synapses, names)
    return replace(rule, **{name: _plain(getattr(rule, name)) for name in parameters})


def _expected(rule: Rule, dims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unit required of each parameter of the rule, and of some signals."""
    others = [dim for role, dim in dims.items() if role not in {"theta", "polarity"}]
    units = Units(dims["theta"], others[0] if others else dims["theta"], second.dim)
    varying = schedules(rule)
    expected = {}
    for name, unit in rule.units.items():
        value = getattr(rule, name, None)
        if name in dims or (value is not None and name not in varying):
            expected[name] = get_dimensions(value) if unit is None else unit(units)
    return expected


def _check_parameter(rule: Rule, name: str, unit: Any, synapses: Any, names: Mapping[str, str]) -> None:
    for value in _each(getattr(rule, name)):
        found = get_dimensions(value)
        # A plain 0 fits every unit, as in Brian2.
        if found != unit and not (plain_number(value) == 0 and found.is_dimensionless):
            own = " and ".join(repr(names[role]) for role in rule.variables[:-1])
            raise DimensionMismatchError(
                f"{name} of the rule does not fit the units of {own} of '{synapses.name}'", found, unit
            )


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _plain(value: Any) -> Any:
    numbers = tuple(float(plain_number(number)) for number in _each(value))
    return numbers if isinstance(value, tuple) else numbers[0]
