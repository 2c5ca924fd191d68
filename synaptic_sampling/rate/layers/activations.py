"""Activation functions: layers without weights that act on every number separately."""

from __future__ import annotations

from collections.abc import Iterator

from synaptic_sampling._kernels import linear
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.layer import Activations, Layer
from synaptic_sampling.rate.layers.parameters import aligned
from synaptic_sampling.rate.layers.shapes import Shape
from synaptic_sampling.rate.threads import divided, equal_parts

__all__ = ["ReLU", "Tanh"]

#: What one number costs in multiply-adds of sixteen lanes, whose operands are in the cache.
COST_OF_RELU, COST_OF_TANH = 4, 128


class _Activation(Layer):
    """A function that follows a layer with weights.

    The input is not overwritten, since ``backward`` of the layer before may need its values; nor does ``backward`` need
    those of the output, over which the next layer may write.
    """

    def __init__(self) -> None:
        self.parameters = []
        self._out = self._kept = aligned(0, 0)

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

    def _copy(self, x: Activations) -> None:
        """Copy the input to the memory of the output."""
        if self._out.shape != x.shape:
            self._out = aligned(*x.shape)
        self._out[:] = x


class ReLU(_Activation):
    """max(x, 0)."""

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return max(x, 0); NaN where x is NaN."""
        self._kept = x
        self._copy(x)
        divided(linear.relu, _rows(COST_OF_RELU, self._out))
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return ``delta`` where x is above 0, else 0, written over ``delta``."""
        divided(linear.relu_backward, _rows(COST_OF_RELU, self._kept, delta))
        return delta

    def write(self, graph: Graph) -> None:
        """Append the function."""
        graph.node("Relu")


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return tanh(x)."""
        self._copy(x)
        divided(linear.tanh, _rows(COST_OF_TANH, self._out))
        if self._kept.shape != x.shape:
            self._kept = aligned(*x.shape)
        self._kept[:] = self._out
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return ``delta * (1 - tanh(x)**2)``, written over ``delta``."""
        divided(linear.tanh_backward, _rows(COST_OF_RELU, self._kept, delta))
        return delta

    def write(self, graph: Graph) -> None:
        """Append the function."""
        graph.node("Tanh")


def _rows(cost: float, *arrays: Activations) -> list[tuple[Activations, ...]]:
    """Return rows of arrays of one shape for each thread."""
    ends = equal_parts(len(arrays[0]), cost * arrays[0].size)
    return [tuple(array[start:end] for array in arrays) for start, end in ends]
