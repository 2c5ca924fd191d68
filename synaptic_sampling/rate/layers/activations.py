"""Activation functions: layers without weights that act on every number separately."""

from __future__ import annotations

from collections.abc import Iterator

from synaptic_sampling._kernels import linear
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.layer import Activations, Layer
from synaptic_sampling.rate.layers.parameters import aligned
from synaptic_sampling.rate.layers.shapes import Shape

__all__ = ["ReLU", "Tanh"]


class _Activation(Layer):
    """A function that follows a layer with weights."""

    def __init__(self) -> None:
        self.parameters = []
        self._out = aligned(0, 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def outputs_after(self, num_before: int | Shape | None) -> int | Shape:
        """Return as many outputs as there are inputs."""
        if num_before is None:
            raise ValueError(f"{self} cannot be the first layer; start with SparseLinear or Linear.")
        return num_before

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer of this kind."""
        return type(self)()


class ReLU(_Activation):
    """max(x, 0)."""

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return max(x, 0), written over x; NaN where x is NaN."""
        linear.relu(x)
        self._out = x
        return x

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return ``delta`` where the output is above 0, else 0, written over ``delta``."""
        linear.relu_backward(self._out, delta)
        return delta

    def write(self, graph: Graph) -> None:
        """Append the function."""
        graph.node("Relu")


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return tanh(x), written over x."""
        linear.tanh(x)
        self._out = x
        return x

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return ``delta * (1 - tanh(x)**2)``, written over ``delta``."""
        linear.tanh_backward(self._out, delta)
        return delta

    def write(self, graph: Graph) -> None:
        """Append the function."""
        graph.node("Tanh")
