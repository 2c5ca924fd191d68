"""The same network with other layers: sparse ones in the place of dense ones, or dense ones of sparse ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.rate.layers.activations import ReLU, Tanh
from synaptic_sampling.rate.layers.convolution import SparseConv2d
from synaptic_sampling.rate.layers.dense_convolution import Conv2d, Convolution
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.frames import EachFrame
from synaptic_sampling.rate.layers.linear import Linear, SparseLinear
from synaptic_sampling.rate.layers.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["DENSE", "dense_twin", "matrix_of", "sparse_twin", "weighted"]

#: Layers all of whose weights exist, and all layers that have weights.
DENSE = (Linear, Conv2d, LSTM)
WEIGHTED = (*DENSE, SparseLinear, SparseConv2d, SparseLSTM)


def weighted(network: RateNetwork) -> list[Any]:
    """Return the layers that have weights, those that are applied to each frame among them.

    Parameters
    ----------
    network : RateNetwork
        Any.

    Returns
    -------
    list of layer
        In the order of the network.
    """
    inner = [layer.layer if isinstance(layer, EachFrame) else layer for layer in network.layers]
    return [layer for layer in inner if isinstance(layer, WEIGHTED)]


def matrix_of(layer: Any) -> NDArray[np.float32]:
    """Return the weights of a layer, zeros where no connection is.

    Parameters
    ----------
    layer : layer
        One of `weighted`.

    Returns
    -------
    ndarray of float32, shape (num_post, num_pre)
        Of dense layers not copied.
    """
    if isinstance(layer, DENSE):
        return layer.matrix
    c = layer.connections
    matrix = np.zeros((c.num_post, c.num_pre), np.float32)
    matrix[c.post, c.pre] = c.weights
    for rows, columns, block in getattr(layer, "blocks", ()):
        matrix[rows, columns] = block.value
    return matrix


def dense_twin(network: RateNetwork) -> RateNetwork:
    """Return a network that computes the same by dense layers.

    Parameters
    ----------
    network : RateNetwork
        Stays as it is.

    Returns
    -------
    RateNetwork
        With the same rule, seed, weights and biases, and without dropout.

    Raises
    ------
    TypeError
        If a layer is of an unknown kind.
    """
    layers = [_twin(layer, None) for layer in network.layers if not isinstance(layer, Dropout)]
    twin = RateNetwork(layers, network.rule, seed=network.seed)
    for old, new in zip(weighted(network), weighted(twin), strict=True):
        new.matrix[:], new.bias[:] = matrix_of(old), old.bias
    return twin


def sparse_twin(network: RateNetwork, counts: Sequence[int]) -> RateNetwork:
    """Return a network of sparse layers with random wiring and weights.

    Parameters
    ----------
    network : RateNetwork
        Stays as it is.
    counts : sequence of int
        Connections of each layer that has weights.

    Returns
    -------
    RateNetwork
        With the same rule, seed and biases; matrices that `SparseLSTM` has dense are dense, with the same weights.

    Raises
    ------
    TypeError
        If a layer is of an unknown kind.
    ValueError
        If there is not one number for each layer that has weights, or one of them is out of range.
    """
    if len(counts) != len(weighted(network)):
        raise ValueError(f"counts must hold {len(weighted(network))} numbers, one per layer, got {len(counts)}.")
    rest = iter(counts)
    twin = RateNetwork([_twin(layer, rest) for layer in network.layers], network.rule, seed=network.seed)
    for old, new in zip(weighted(network), weighted(twin), strict=True):
        new.bias[:] = old.bias
        for (_, _, block), (_, _, own) in zip(getattr(old, "blocks", ()), getattr(new, "blocks", ()), strict=False):
            own.value[:] = block.value
    return twin


def _twin(layer: Any, counts: Iterator[int] | None) -> Any:
    """Return a new layer: a sparse one with the next of the counts, a dense one without counts."""
    if isinstance(layer, EachFrame):
        return EachFrame(_twin(layer.layer, counts))
    if isinstance(layer, WEIGHTED):
        (dense, sparse), sizes, options = _form(layer)
        if counts is None:
            return dense(*sizes, **options)
        kept = {"dense": layer.dense} if isinstance(layer, SparseLSTM) else {}
        limits = {} if isinstance(layer, DENSE) else layer.limits.options
        return sparse(*sizes, connections=next(counts), **options, **kept, **limits)
    if isinstance(layer, Dropout):
        twin = Dropout(layer.rate)
        twin._clock.restore(layer._clock.state())
        return twin
    if isinstance(layer, MaxPool2d | AveragePool2d):
        return type(layer)(layer.kernel, layer.stride)
    if isinstance(layer, ReLU | Tanh):
        return type(layer)()
    raise TypeError(f"{layer!r} is a kind of layer of which no sparse or dense twin is known.")


def _form(layer: Any) -> tuple[tuple[Any, Any], tuple[Any, ...], dict[str, Any]]:
    """Return the dense and the sparse class, sizes and options of a layer that has weights."""
    if isinstance(layer, LSTM | SparseLSTM):
        names = ("steps", "masked", "output", "window")
        return (LSTM, SparseLSTM), (layer.inputs, layer.units), {name: getattr(layer, name) for name in names}
    bias = {"bias": len(layer.parameters) == 2}
    if isinstance(layer, Convolution):
        sizes = layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.padding
        return (Conv2d, SparseConv2d), sizes, {"size": layer.size, **bias}
    return (Linear, SparseLinear), (layer.num_in, layer.num_out), bias
