"""Axonal and dendritic elements: variables of the neurons on both sides of a Synapses object."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError
from brian2.core.variables import ArrayVariable, Subexpression
from numpy.typing import NDArray

from synaptic_sampling.brian.signals import neuron_signals
from synaptic_sampling.rules import Rule

__all__ = ["Elements"]

#: Elements in use: identity of the group, name of the variable, first neuron and one past the last, the synapses.
_PAIRED: list[tuple[str, str, int, int, weakref.ref[Any]]] = []


class Elements:
    """The variables of neurons that a rule with signals of neurons, such as `SynapticElements`, names.

    Raises an error if the neurons have no such variable, it has a unit, or it counts elements for other synapses.
    """

    def __init__(self, synapses: Any, rule: Rule) -> None:
        groups = {"presynaptic neuron": synapses.source, "postsynaptic neuron": synapses.target}
        of, kind = {signal.name: signal.of for signal in rule.signals}, type(rule).__name__
        self._sides = {signal: (groups[of[signal]], name) for signal, name in neuron_signals(rule).items()}
        for signal, (group, name) in self._sides.items():
            variable = getattr(group, "variables", {}).get(name)
            if isinstance(variable, Subexpression):
                raise ValueError(
                    f"{name!r} of '{group.name}' is an expression, whose value {kind} cannot read at an event; "
                    "append '(constant over dt)' to it."
                )
            if not isinstance(variable, ArrayVariable) or variable.scalar:
                raise ValueError(
                    f"{kind} needs the variable {name!r} of each neuron of '{group.name}', which does not exist; "
                    f"add a line such as 'd{name}/dt = growth*(1 - calcium/target) : 1' to its equations, "
                    f"or name yours by {signal}=... in the rule."
                )
            if not variable.dim.is_dimensionless:
                raise DimensionMismatchError(f"variable {name!r} of '{group.name}' must be dimensionless", variable.dim)
        self._synapses = weakref.ref(synapses)
        self._places = [(_identity(group), name, group.start, group.stop) for group, name in self._sides.values()]
        for place in self._places:
            _check_free(synapses, *place)

    def claim(self) -> None:
        """Reserve these elements for these synapses, as long as the synapses exist."""
        _PAIRED.extend((*place, self._synapses) for place in self._places)

    def numbers(self) -> dict[str, NDArray[Any]]:
        """Return copies of the present values, one for each neuron, by signal."""
        return {signal: np.array(getattr(group, f"{name}_")[:]) for signal, (group, name) in self._sides.items()}


def _identity(group: Any) -> str:
    """Return the identity of a group, the same for its subgroups."""
    return getattr(group, "source", group).id


def _check_free(synapses: Any, group: str, name: str, start: int, stop: int) -> None:
    """Raise an error if other synapses use some of these elements: each would be used twice."""
    _PAIRED[:] = [each for each in _PAIRED if each[-1]() is not None]
    for whose, variable, begin, end, reference in _PAIRED:
        other: Any = reference()
        if other is not synapses and (whose, variable) == (group, name) and begin < stop and start < end:
            raise ValueError(
                f"variable {name!r} counts the elements for '{other.name}' already; use a separate variable for "
                f"'{synapses.name}'."
            )
