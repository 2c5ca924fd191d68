"""Rules with units, and the same rules in the plain numbers of the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brian2 import DimensionMismatchError, get_dimensions, second

from synaptic_sampling._checks import plain_number, schedules
from synaptic_sampling.rules import DeepR, PruneAndRegrow, SoftDeepR, SynapticElements, SynapticSampling

__all__ = ["without_units"]


def without_units(rule: Any, synapses: Any, names: Mapping[str, str]) -> Any:
    """Return the rule in SI numbers, after a check that its units fit those of the synapses' variables.

    DEEP R moves theta by ``learning_rate*(gradient + l1)`` and ``sqrt(2*learning_rate*temperature)``: hence the units
    are theta/gradient for the learning rate, that of gradient for l1, theta*gradient for the temperature. Synaptic
    sampling moves it by ``learning_rate*((mean - theta)/std**2 + gradient)*interval``: those of mean and std are that
    of theta, that of the learning rate is theta**2/second, that of gradient 1/theta.

    Parameters
    ----------
    rule : DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticElements or SynapticSampling
        With numbers or quantities.
    synapses : Synapses
        Has the variables.
    names : dict
        Their names.

    Returns
    -------
    DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticElements or SynapticSampling
        With plain numbers; what changes with time is left as it is.

    Raises
    ------
    DimensionMismatchError
        If units do not fit.
    """
    if isinstance(rule, PruneAndRegrow | SynapticElements):
        return rule
    theta, gradient, polarity = (synapses.variables[names[role]].dim for role in ("theta", "gradient", "polarity"))
    if not polarity.is_dimensionless:
        raise DimensionMismatchError(f"variable {names['polarity']!r} must have no unit", polarity)
    wanted = _wanted(rule, theta, gradient)
    if isinstance(rule, SynapticSampling) and not (theta * gradient).is_dimensionless:
        raise DimensionMismatchError(
            f"{names['gradient']!r} of '{synapses.name}' must have the unit of 1/{names['theta']!r}",
            gradient,
            theta**-1,
        )
    for name in schedules(rule):
        wanted.pop(name, None)
    for name, unit in wanted.items():
        for value in _each(getattr(rule, name)):
            found = get_dimensions(value)
            # A plain 0 fits every unit, as in Brian2.
            if found != unit and not (plain_number(value) == 0 and found.is_dimensionless):
                raise DimensionMismatchError(
                    f"{name} of the rule does not fit the units of {names['theta']!r} and {names['gradient']!r} "
                    f"of '{synapses.name}'",
                    found,
                    unit,
                )
    return replace(rule, **{name: _plain(getattr(rule, name)) for name in wanted})


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _plain(value: Any) -> Any:
    numbers = tuple(float(plain_number(number)) for number in _each(value))
    return numbers if isinstance(value, tuple) else numbers[0]


def _wanted(rule: Any, theta: Any, gradient: Any) -> dict[str, Any]:
    """Return the unit that each number of the rule has to have."""
    if isinstance(rule, SynapticSampling):
        time, limits = second.dim, {"theta_range": theta, "max_gradient": theta**-1}
        wanted = {"learning_rate": theta**2 / time, "mean": theta, "std": theta, "interval": time, "theta0": theta}
        # That of the weight, which the synapses need not have as a variable.
        wanted["w0"] = get_dimensions(rule.w0)
        return wanted | {name: unit for name, unit in limits.items() if getattr(rule, name) is not None}
    wanted = {"learning_rate": theta / gradient}
    if isinstance(rule, DeepR | SoftDeepR):
        wanted |= {"l1": gradient, "temperature": theta * gradient}
    return wanted
