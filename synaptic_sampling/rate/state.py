"""The state of a network as a mapping of arrays, such as a checkpoint holds: validation before it is restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_instance
from synaptic_sampling.connections import Budget, Connections
from synaptic_sampling.rate.layers.parameters import Parameter, SparseParameter

__all__ = ["checked_parts", "state_of"]


def state_of(parameters: Sequence[Parameter]) -> dict[str, NDArray[Any]]:
    """Return copies of the arrays of all parameters, or raise an error if the last step was not completed."""
    for parameter in parameters:
        if isinstance(parameter, SparseParameter):
            parameter.connections.check_finished()
    return {
        f"{number}/{name}": np.array(values)
        for number, parameter in enumerate(parameters)
        for name, values in parameter.state().items()
    }


def checked_parts(
    state: Mapping[str, NDArray[Any]], parameters: Sequence[Parameter], budget: Budget | None, *, negative: bool
) -> list[dict[str, NDArray[Any]]]:
    """Return the part of each parameter, or raise an error that names the wrong entry of a state."""
    check_instance("state", state, Mapping)
    parts: list[dict[str, NDArray[Any]]] = [{} for _ in parameters]
    for key, values in state.items():
        number, _, name = key.partition("/")
        if not (number.isdigit() and int(number) < len(parts)):
            raise ValueError(f"the state has the entry {key!r}, which this network does not have.")
        parts[int(number)][name] = values
    for place, (parameter, part) in enumerate(zip(parameters, parts, strict=True)):
        own, got = _names(parameter.state()), _names(part)
        if own != got:
            raise ValueError(f"parameter {place} of the state has {got}, but here it has {own}.")
        try:
            parameter.check_state(part, negative=negative)
        except (TypeError, ValueError) as error:
            raise type(error)(f"parameter {place} of the state: {error}") from error
    _check_numbers(parameters, parts, budget)
    return parts


def _check_numbers(
    parameters: Sequence[Parameter], parts: Sequence[Mapping[str, NDArray[Any]]], budget: Budget | None
) -> None:
    """Raise an error unless the numbers of connections and of steps fit the budgets."""
    pairs = zip(parameters, parts, strict=True)
    sparse = [(c.connections, part) for c, part in pairs if isinstance(c, SparseParameter)]
    if budget is None:
        for c, part in sparse:
            if type(c) is not Connections:
                continue  # Its sites are counted by ``check_state``.
            got, own = len(part["pre"]) + int(part["missing"]), len(c) + c.missing
            if got != own:
                raise ValueError(f"layer {c.index} of the state has {got} connections, but here it has {own}.")
        return
    got = sum(len(part["pre"]) for _, part in sparse)
    if got > budget.total:
        raise ValueError(f"the state has {got} connections, but the budget is {budget.total}.")
    if len({int(part["steps_done"]) for _, part in sparse}) > 1:
        raise ValueError("the state has different numbers of steps for layers that share a budget.")


def _names(state: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the names of the arrays of a state without moments, which exist only after the first step."""
    return sorted(name for name in state if not name.startswith("moment"))
