"""Conversion of connections to SciPy sparse matrices and networkx graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.projection import Projection

__all__ = ["to_matrix", "to_networkx"]


def to_matrix(projection: Projection, weights: str | None) -> sparse.coo_array:
    """Return the connections as a matrix, see `Rewiring.to_scipy`; connections of one pair are separate entries."""
    pre, post, _, sign = projection.held()
    slots = np.flatnonzero(sign)
    values = np.ones(len(slots), np.int8) if weights is None else _values(projection, weights)[slots]
    shape = projection.connections.num_pre, projection.connections.num_post
    return sparse.coo_array((values, (pre[slots], post[slots])), shape=shape)


def to_networkx(projections: Sequence[Projection], variables: Sequence[str]) -> Any:
    """Return the connections as a directed multigraph with all neurons of the groups, see `Rewiring.to_networkx`."""
    try:
        import networkx  # noqa: PLC0415 (an optional package)
    except ImportError as error:
        raise ImportError("to_networkx needs networkx: pip install networkx.") from error
    graph = networkx.MultiDiGraph()
    for projection in projections:
        pre, post, _, sign = projection.held()
        slots = np.flatnonzero(sign)
        sources, targets = surgery.neurons(projection.synapses)
        graph.add_nodes_from([*sources, *targets])
        columns = [_values(projection, name)[slots].tolist() for name in variables]
        rows = zip(*columns, strict=True) if columns else [()] * len(slots)
        graph.add_edges_from(
            (
                sources[i],
                targets[j],
                {"synapses": projection.synapses.name, **dict(zip(variables, row, strict=True))},
            )
            for i, j, row in zip(pre[slots].tolist(), post[slots].tolist(), rows, strict=True)
        )
    return graph


def _values(projection: Projection, name: str) -> Any:
    """Return the values of a variable or subexpression for all slots, without unit."""
    synapses = projection.synapses
    if not isinstance(name, str):
        raise TypeError(f"weights and variables must be names of variables of the synapses, got {name!r}.")
    if name not in synapses.variables or synapses.variables[name].scalar:
        raise ValueError(f"'{synapses.name}' has no variable {name!r} for each synapse; name a variable of its model.")
    return np.asarray(getattr(synapses, f"{name}_")[:])
