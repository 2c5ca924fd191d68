"""Weights for other programs: sparse matrices of SciPy, and arrays in the layouts of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synaptic_sampling.rate.layers.convolution import SparseConv2d
from synaptic_sampling.rate.layers.dense_convolution import Conv2d
from synaptic_sampling.rate.layers.frames import EachFrame
from synaptic_sampling.rate.layers.linear import Layer, Linear, SparseLinear
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["to_arrays", "to_scipy"]

Array = NDArray[np.float32]


def to_scipy(layer: Layer) -> sparse.csr_array:
    """Return the connections of a sparse layer as a matrix.

    A connection of weight 0 is an entry that is stored, so that the matrix has as many as the layer has connections.

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
    layer = _inner(layer)
    if not isinstance(layer, SparseLinear | SparseConv2d | SparseLSTM):
        raise TypeError(f"layer must be a SparseLinear, SparseConv2d or SparseLSTM, got {layer!r}.")
    c = layer.connections
    matrix = sparse.coo_array((c.weights, (c.post.copy(), c.pre.copy())), shape=(c.num_post, c.num_pre))
    return sparse.csr_array(matrix)


def to_arrays(source: RateNetwork | Layer) -> dict[str, Array]:
    """Return all weights and biases as dense arrays, zeros where no connection is.

    Parameters
    ----------
    source : RateNetwork or layer
        A network, or a layer of one.

    Returns
    -------
    dict of str to ndarray of float32
        Of a layer: ``weight`` [output, input] or [output channel, input channel, row, column] and ``bias``; of an LSTM
        ``weight_ih``, ``weight_hh`` and ``bias``, gates in the order input, forget, cell, output, all as in
        PyTorch, where the bias is the sum of two. Nothing for layers without weights. Of a network: these
        with the number of the layer, such as ``0.weight``.

    Raises
    ------
    ValueError
        If a layer is not yet part of a network.
    """
    if isinstance(source, RateNetwork):
        parts = ((number, to_arrays(layer)) for number, layer in enumerate(source.layers))
        return {f"{number}.{name}": values for number, arrays in parts for name, values in arrays.items()}
    if not callable(getattr(source, "forward", None)) or isinstance(source, type):
        raise TypeError(f"source must be a RateNetwork or a layer, got {source!r}.")
    layer: Any = _inner(source)
    if not isinstance(layer, SparseLinear | Linear | SparseConv2d | Conv2d | SparseLSTM | LSTM):
        return {}
    weight = layer.matrix.copy() if isinstance(layer, Linear | Conv2d | LSTM) else to_scipy(layer).toarray()
    if isinstance(layer, SparseConv2d | Conv2d):
        weight = weight.reshape(layer.out_channels, layer.in_channels, *layer.kernel)
    if not isinstance(layer, SparseLSTM | LSTM):
        return {"weight": weight, "bias": layer.bias.copy()}
    for rows, columns, block in layer.blocks:
        weight[rows, columns] = block.value
    own = {"weight_ih": weight[:, : layer.inputs], "weight_hh": weight[:, layer.inputs :]}
    return {**{name: np.ascontiguousarray(values) for name, values in own.items()}, "bias": layer.bias.copy()}


def _inner(layer: Layer) -> Layer:
    """Return the layer that has the weights, if it has been built."""
    layer = layer.layer if isinstance(layer, EachFrame) else layer
    if isinstance(layer, SparseLinear | Linear | SparseConv2d | Conv2d | SparseLSTM | LSTM) and not layer.parameters:
        raise ValueError(f"{layer} has no weights before it is part of a RateNetwork.")
    return layer
