"""The axonal and dendritic elements of the neurons on both sides of a Synapses object."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import DimensionMismatchError
from brian2.core.variables import ArrayVariable
from numpy.typing import NDArray

from synaptic_sampling.homeostasis import SynapticElements

__all__ = ["Elements"]


class Elements:
    """The variables of neurons that a `SynapticElements` names.

    Parameters
    ----------
    synapses : Synapses
        Between the neurons.
    rule : SynapticElements
        The names.

    Raises
    ------
    DimensionMismatchError
        If a variable has a unit.
    ValueError
        If the neurons have no such variable.
    """

    def __init__(self, synapses: Any, rule: SynapticElements) -> None:
        self._sides = (synapses.source, rule.axonal), (synapses.target, rule.dendritic)
        for group, name in self._sides:
            variable = getattr(group, "variables", {}).get(name)
            if not isinstance(variable, ArrayVariable) or variable.scalar:
                raise ValueError(
                    f"SynapticElements needs the variable {name!r} of each neuron of '{group.name}', which has none; "
                    f"add a line such as 'd{name}/dt = growth*(1 - calcium/target) : 1' to its equations, "
                    "or name yours by axonal=... and dendritic=... ."
                )
            if not variable.dim.is_dimensionless:
                raise DimensionMismatchError(f"variable {name!r} of '{group.name}' must have no unit", variable.dim)

    def numbers(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return how many axonal elements the source neurons have now, and dendritic ones the targets.

        Returns
        -------
        tuple of ndarray
            Copies.
        """
        axonal, dendritic = (np.array(getattr(group, f"{name}_")[:]) for group, name in self._sides)
        return axonal, dendritic
