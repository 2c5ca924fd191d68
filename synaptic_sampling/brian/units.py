"""Rules with units, and the same rules in the plain numbers of the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, get_dimensions

from synaptic_sampling.rules import DeepR, FixedWiring, PruneAndRegrow

__all__ = ["without_units"]


def without_units(
    rule: DeepR | FixedWiring | PruneAndRegrow, synapses: Any, names: Mapping[str, str]
) -> DeepR | FixedWiring | PruneAndRegrow:
    """Return the rule in SI numbers, after a check that its units fit those of the synapses' variables.

    theta moves by ``learning_rate*(gradient + l1)`` and ``sqrt(2*learning_rate*temperature)``: hence the units are
    theta/gradient for the learning rate, that of gradient for l1, theta*gradient for the temperature.

    Parameters
    ----------
    rule : DeepR, FixedWiring or PruneAndRegrow
        With numbers or quantities.
    synapses : Synapses
        Has the variables.
    names : dict
        Their names.

    Returns
    -------
    DeepR, FixedWiring or PruneAndRegrow
        With plain numbers.

    Raises
    ------
    DimensionMismatchError
        If units do not fit.
    """
    if isinstance(rule, PruneAndRegrow):
        return rule
    theta, gradient, polarity = (synapses.variables[names[role]].dim for role in ("theta", "gradient", "polarity"))
    if not polarity.is_dimensionless:
        raise DimensionMismatchError(f"variable {names['polarity']!r} must have no unit", polarity)
    wanted = {"learning_rate": theta / gradient}
    if isinstance(rule, DeepR):
        wanted |= {"l1": gradient, "temperature": theta * gradient}
    for name, unit in wanted.items():
        value = getattr(rule, name)
        # 0 fits every unit, as in Brian2.
        if np.asarray(value).item() != 0 and get_dimensions(value) != unit:
            raise DimensionMismatchError(
                f"{name} of the rule does not fit the units of {names['theta']!r} and {names['gradient']!r} "
                f"of '{synapses.name}'",
                get_dimensions(value),
                unit,
            )
    return replace(rule, **{name: np.asarray(getattr(rule, name)).item() for name in wanted})
