"""The connections of Synapses for other programs: sparse matrices of SciPy, graphs of networkx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.projection import Projection

__all__ = ["to_matrix", "to_networkx"]


def to_matrix(projection: Projection, weights: str | None) -> sparse.coo_array:
    """Return the connections as a matrix; one that has the value 0 is an entry that is stored.

    Parameters
    ----------
    projection : Projection
        Of one Synapses object.
    weights : str or None
        The variable whose values are the entries, in SI units; ones by default.

    Returns
    -------
    coo_array, shape (presynaptic neurons, postsynaptic neurons)
        Connections that share a pair are entries of their own, which SciPy adds up.

    Raises
    ------
    TypeError, ValueError
        If no synapse has such a variable.
    """
    pre, post, _, sign = projection.held()
    slots = np.flatnonzero(sign)
    values = np.ones(len(slots), np.int8) if weights is None else _values(projection, weights)[slots]
    shape = projection.connections.num_pre, projection.connections.num_post
    return sparse.coo_array((values, (pre[slots], post[slots])), shape=shape)


def to_networkx(projections: Sequence[Projection], variables: Sequence[str]) -> Any:
    """Return the connections as a directed graph that may have several edges between two neurons.

    Parameters
    ----------
    projections : sequence of Projection
        One or several.
    variables : sequence of str
        Whose values edges carry, in SI units.

    Returns
    -------
    MultiDiGraph
        Nodes are (name of a group, index of a neuron in it), all neurons of the groups or subgroups; an edge knows its
        ``synapses`` by name.

    Raises
    ------
    ImportError
        If networkx is not installed.
    TypeError, ValueError
        If no synapse has such a variable.
    """
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
        raise ValueError(f"'{synapses.name}' has no variable {name!r} for each synapse.")
    return np.asarray(getattr(synapses, f"{name}_")[:])
