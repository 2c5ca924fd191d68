"""Signals with one value per neuron: variables of the neurons on both sides of a Synapses object."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError
from brian2.core.variables import ArrayVariable, Subexpression
from numpy.typing import NDArray

from synaptic_sampling.brian.signals import neuron_signals
from synaptic_sampling.rules import Rule

__all__ = ["NeuronVariables"]

#: Exclusive and accumulated variables in use: identity of the group, name, first neuron and one past the last, the
#: synapses.
_CLAIMED: list[tuple[str, str, int, int, weakref.ref[Any]]] = []


class NeuronVariables:
    """The variables of neurons that a rule reads, by the name of the signal unless the rule or ``given`` renames it.

    Raises an error if the neurons have no such variable, it has a unit, or other synapses use it exclusively.
    """

    def __init__(self, synapses: Any, rule: Rule, given: Mapping[str, str]) -> None:
        groups = {"presynaptic neuron": synapses.source, "postsynaptic neuron": synapses.target}
        of, kind = {signal.name: signal.of for signal in rule.signals}, type(rule).__name__
        named = {signal: given.get(signal, name) for signal, name in neuron_signals(rule).items()}
        self._sides = {signal: (groups[of[signal]], name) for signal, name in named.items()}
        for signal, (group, name) in self._sides.items():
            variable = getattr(group, "variables", {}).get(name)
            if isinstance(variable, Subexpression):
                raise ValueError(
                    f"{name!r} of '{group.name}' is an expression, whose value {kind} cannot read at an event; "
                    "append '(constant over dt)' to it."
                )
            if not isinstance(variable, ArrayVariable) or variable.scalar:
                rename = f"{kind}({signal}=...)" if hasattr(rule, signal) else f"variables={{{signal!r}: ...}}"
                raise ValueError(
                    f"{kind} needs the variable {name!r} of each neuron of '{group.name}', which does not exist; "
                    f"add a line such as 'd{name}/dt = ... : 1' to its equations, or name yours by {rename}."
                )
            if not variable.dim.is_dimensionless:
                raise DimensionMismatchError(f"variable {name!r} of '{group.name}' must be dimensionless", variable.dim)
        self._synapses = weakref.ref(synapses)
        self._accumulated = [self._sides[each.name] for each in rule.signals if each.accumulated and each.name in named]
        for group, name in self._accumulated:
            if group.variables[name].read_only:
                raise ValueError(
                    f"{name!r} of '{group.name}' must be a variable that can be set, because {kind} accumulates it: it "
                    f"is set to 0 after each event; write '{name} : 1' in the equations."
                )
        exclusive = [self._sides[signal.name] for signal in rule.signals if signal.exclusive] + self._accumulated
        self._places = [(_identity(group), name, group.start, group.stop) for group, name in exclusive]
        for place in self._places:
            _check_free(synapses, *place)

    def claim(self) -> None:
        """Reserve the exclusive variables for these synapses, as long as the synapses exist."""
        _CLAIMED.extend((*place, self._synapses) for place in self._places)

    def clear(self) -> None:
        """Set accumulated values to 0."""
        for group, name in self._accumulated:
            getattr(group, f"{name}_")[:] = 0

    def values(self, signal: str) -> NDArray[Any]:
        """Return a copy of the present values of a signal, one for each neuron."""
        group, name = self._sides[signal]
        return np.array(getattr(group, f"{name}_")[:])


def _identity(group: Any) -> str:
    """Return the identity of a group, the same for its subgroups."""
    return getattr(group, "source", group).id


def _check_free(synapses: Any, group: str, name: str, start: int, stop: int) -> None:
    """Raise an error if other synapses use some of these values: each would be used, or set to 0, by two rules."""
    _CLAIMED[:] = [each for each in _CLAIMED if each[-1]() is not None]
    for whose, variable, begin, end, reference in _CLAIMED:
        other: Any = reference()
        if other is not synapses and (whose, variable) == (group, name) and begin < stop and start < end:
            raise ValueError(
                f"variable {name!r} belongs to '{other.name}' already, whose rule alone may use its values; use a "
                f"separate variable for '{synapses.name}'."
            )
