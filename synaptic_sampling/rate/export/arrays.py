"""Weights for other programs: sparse matrices of SciPy, and arrays in the layouts of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synaptic_sampling.rate.layers.layer import Layer
from synaptic_sampling.rate.layers.parameters import SparseParameter
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["to_arrays", "to_scipy"]

Array = NDArray[np.float32]


def to_scipy(layer: Layer) -> sparse.csr_array:
    """Return the connections of a sparse layer as a matrix.

    A connection of weight 0 is a stored entry, so that the matrix has as many entries as the layer has connections.

    Parameters
    ----------
    layer : SparseLinear, SparseConv2d, SparseLSTM, or EachFrame of one
        Part of a network.

    Returns
    -------
    csr_array of float32
        [output, input]; [output channel, (input channel, row, column)] of a convolution; [gate and unit, input and
        unit] of an LSTM, without its dense matrices.

    Raises
    ------
    TypeError
        If the layer is of another kind.
    ValueError
        If it is not yet part of a network.
    """
    parameters = [each for inner in _weighted(layer) for each in inner.parameters if isinstance(each, SparseParameter)]
    if not parameters:
        raise TypeError(f"layer must be a SparseLinear, SparseConv2d or SparseLSTM, got {layer!r}.")
    c, active = parameters[0].connections, parameters[0].active()
    matrix = sparse.coo_array((active.weights, (active.post.copy(), active.pre.copy())), shape=(c.num_post, c.num_pre))
    return sparse.csr_array(matrix)


def to_arrays(source: RateNetwork | Layer) -> dict[str, Array]:
    """Return all weights and biases as dense arrays, with zeros where there is no connection.

    Parameters
    ----------
    source : RateNetwork or layer
        A network, or a layer of one.

    Returns
    -------
    dict of str to ndarray of float32
        For a layer: ``weight`` [output, input] or [output channel, input channel, row, column], and ``bias``; for an
        LSTM ``weight_ih``, ``weight_hh`` and ``bias`` with gates in the order input, forget, cell, output, all as in
        PyTorch, where the bias is the sum of two. Nothing for a layer without weights. For a network: the same, after
        the number of the layer, such as ``0.weight``.

    Raises
    ------
    TypeError
        If it is neither a network nor a layer.
    ValueError
        If a layer is not yet part of a network.
    """
    if isinstance(source, RateNetwork):
        parts = ((number, to_arrays(layer)) for number, layer in enumerate(source.layers))
        return {f"{number}.{name}": values for number, arrays in parts for name, values in arrays.items()}
    if not isinstance(source, Layer):
        raise TypeError(f"source must be a RateNetwork or a layer, got {source!r}.")
    _weighted(source)
    return source.arrays()


def _weighted(layer: Any) -> list[Any]:
    """Return the layer that has the weights, if there is one; raise an error if it is not part of a network."""
    weighted = layer.weighted if isinstance(layer, Layer) else []
    if any(not inner.parameters for inner in weighted):
        raise ValueError(f"{layer} has no weights before it is part of a RateNetwork.")
    return weighted
