"""The contract of a layer, and what all layers with weights have in common.

Activations are float32 arrays [feature, batch]. The batch is padded to a multiple of 16 columns, and gradients are 0 in
the padding. What ``forward`` and ``backward`` return is overwritten by their next call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.parameters import DenseParameter, Parameter
from synaptic_sampling.rate.layers.shapes import Shape
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["Activations", "Layer", "WeightedLayer", "outputs_of"]

Activations = NDArray[np.float32]


class Layer:
    """The contract of a layer, from which layers of your own are derived.

    ``outputs_after``, ``forward`` and ``backward`` must be implemented, and ``build`` where there are weights. The
    other methods are needed only for export, `prune` and `RigL`.

    Attributes
    ----------
    parameters : list of Parameter
        What the layer learns; empty until it is part of a network.
    connections : Connections, SoftConnections, PotentialConnections or None
        The sparse weights, once the layer is part of a network; None in a layer without sparse weights.
    in_network : bool
        Whether the layer is part of a network.
    """

    parameters: list[Parameter]
    connections: Any = None
    in_network = False

    @property
    def weighted(self) -> list[Any]:
        """Return the layers with weights of which this one consists: itself, another one that it applies, or none."""
        return []

    @property
    def details(self) -> dict[str, Any]:
        """Return what ``repr`` leaves out although training depends on it, in values that JSON can represent.

        A checkpoint is refused by a network in which ``repr`` or ``details`` of a layer differs.
        """
        return {}

    def check_unused(self) -> None:
        """Raise an error if the layer is part of a network already."""
        if self.in_network:
            raise ValueError(f"{self} is part of a network already; make a new layer.")

    def outputs_after(self, num_before: int | Shape | None) -> int | Shape:
        """Return the number of outputs, or raise a ValueError if the layer cannot stand in this place.

        Parameters
        ----------
        num_before : int, Shape or None
            Outputs of the layer before: their number, or their arrangement in frames or planes, of which ``int`` gives
            the number. None for the first layer.

        Returns
        -------
        int or Shape
            Outputs of this layer.
        """
        raise NotImplementedError

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw the connections and the weights, if there are any; anew if the first network could not be made.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        storage : Storage
            Draws connections, of the kind on which the rule of the network acts; without effect on dense weights.
        """

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return the output, and remember what ``backward`` needs: values of the output as a copy.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The input, which may be overwritten.
        training : bool
            Whether the network is learning, which matters to `Dropout` only.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            The output, which the next layer may overwrite.
        """
        raise NotImplementedError

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of the parameters, and return that of the input.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, batch)
            dE/d(output), which may be overwritten.
        wanted : bool
            Whether the gradient of the input is needed; if False, anything may be returned.

        Returns
        -------
        ndarray of float32, shape (num_in, batch)
            dE/d(input).
        """
        raise NotImplementedError

    def arrays(self) -> dict[str, Activations]:
        """Return all weights and biases as dense arrays, in the layout of PyTorch."""
        return {}

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer of the same form, sparse with the next of the counts as its number of connections.

        Parameters
        ----------
        counts : iterator of int or None
            Numbers of connections; None: the new layer is dense.

        Returns
        -------
        Layer
            Not yet part of a network.
        """
        raise TypeError(f"{self!r} is of a kind of layer that has no sparse or dense counterpart.")

    def write(self, graph: Graph) -> None:
        """Append the layer to a graph of ONNX."""
        raise NotImplementedError


class WeightedLayer(Layer):
    """A layer with weights and with one bias for each output, feature map or gate.

    Parameters
    ----------
    bias : ndarray of float32
        The biases at the start.
    has_bias : bool
        Whether they are learned; otherwise they stay as they are.
    """

    def __init__(self, bias: Activations, has_bias: object = True) -> None:
        if not isinstance(has_bias, bool):
            raise TypeError(f"bias must be True or False, got {has_bias!r}.")
        self.parameters = []
        self.has_bias = has_bias
        self._bias = DenseParameter(bias)

    @property
    def bias(self) -> Activations:
        """Return the biases, not copied; permanently 0 in a layer without biases."""
        return self._bias.value

    @property
    def weighted(self) -> list[Any]:
        """Return this layer."""
        return [self]

    def dense_weights(self) -> Activations:
        """Return the weights as a matrix, with zeros where there is no connection; not copied if they are dense."""
        raise NotImplementedError

    def _learn(self, *weights: Parameter) -> None:
        self.parameters = [*weights, self._bias] if self.has_bias else [*weights]


def outputs_of(layers: Sequence[Any]) -> int | Shape:
    """Return the outputs of the last of several layers, or raise an error if they cannot follow one another."""
    if not layers:
        raise ValueError("layers must contain at least one layer.")
    outputs: int | Shape | None = None
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers must contain layers, such as SparseLinear or ReLU, got {layer!r}.")
        if layer in layers[:index]:
            raise ValueError(f"layers must contain each layer once, got {layer} twice; make a new layer for each.")
        outputs = layer.outputs_after(outputs)
    weighted = [inner for layer in layers for inner in layer.weighted]
    for index, layer in enumerate(weighted):
        if layer in weighted[:index]:
            raise ValueError(f"layers must apply each layer once, got {layer} twice; make a new layer for each.")
    assert outputs is not None
    return outputs
