"""The axonal and dendritic elements of the neurons on both sides of a Synapses object."""

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

#: Whose elements are paired: identity of the group, the variable, first neuron and that behind the last, the synapses.
_PAIRED: list[tuple[str, str, int, int, weakref.ref[Any]]] = []


class Elements:
    """The variables of neurons that a rule names.

    Parameters
    ----------
    synapses : Synapses
        Between the neurons.
    rule : Rule
        With signals of neurons, such as `SynapticElements`.

    Raises
    ------
    DimensionMismatchError
        If a variable has a unit.
    ValueError
        If the neurons have no such variable, or it counts elements for other synapses already.
    """

    def __init__(self, synapses: Any, rule: Rule) -> None:
        groups = {"presynaptic neuron": synapses.source, "postsynaptic neuron": synapses.target}
        of, kind = {signal.name: signal.of for signal in rule.signals}, type(rule).__name__
        self._sides = {signal: (groups[of[signal]], name) for signal, name in neuron_signals(rule).items()}
        for signal, (group, name) in self._sides.items():
            variable = getattr(group, "variables", {}).get(name)
            if isinstance(variable, Subexpression):
                raise ValueError(
                    f"{name!r} of '{group.name}' is an expression; write '(constant over dt)' behind it, "
                    "for {kind} to know its value at the time of an event."
                )
            if not isinstance(variable, ArrayVariable) or variable.scalar:
                raise ValueError(
                    f"{kind} needs the variable {name!r} of each neuron of '{group.name}', which has none; "
                    f"add a line such as 'd{name}/dt = growth*(1 - calcium/target) : 1' to its equations, "
                    f"or name yours by {signal}=... in the rule."
                )
            if not variable.dim.is_dimensionless:
                raise DimensionMismatchError(f"variable {name!r} of '{group.name}' must have no unit", variable.dim)
        self._synapses = weakref.ref(synapses)
        self._places = [(_identity(group), name, group.start, group.stop) for group, name in self._sides.values()]
        for place in self._places:
            _check_free(synapses, *place)

    def claim(self) -> None:
        """Let no other synapses count these elements, as long as these live."""
        _PAIRED.extend((*place, self._synapses) for place in self._places)

    def numbers(self) -> dict[str, NDArray[Any]]:
        """Return the values of the variables now.

        Returns
        -------
        dict of str to ndarray
            By signal, one value for each neuron; copies.
        """
        return {signal: np.array(getattr(group, f"{name}_")[:]) for signal, (group, name) in self._sides.items()}


def _identity(group: Any) -> str:
    """Return what tells a group from others, for a part of it too."""
    return getattr(group, "source", group).id


def _check_free(synapses: Any, group: str, name: str, start: int, stop: int) -> None:
    """Refuse elements that other synapses count as well: each would be used twice."""
    _PAIRED[:] = [each for each in _PAIRED if each[-1]() is not None]
    for whose, variable, begin, end, reference in _PAIRED:
        other: Any = reference()
        if other is not synapses and (whose, variable) == (group, name) and begin < stop and start < end:
            raise ValueError(
                f"variable {name!r} counts the elements for '{other.name}' already; those for '{synapses.name}' need a "
                "variable of their own."
            )
