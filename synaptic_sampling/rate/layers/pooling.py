"""Pooling: the largest activation, or the mean, of each window of a plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling._kernels import convolution
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.layer import Activations, Layer
from synaptic_sampling.rate.layers.maps import MAX_SIZE, maps_before, planes
from synaptic_sampling.rate.layers.shapes import Maps, Shape
from synaptic_sampling.rate.threads import divided, equal_parts

__all__ = ["AveragePool2d", "MaxPool2d"]

MAX_KERNEL = 2**10
#: What one number of a window costs in multiply-adds of sixteen lanes, whose operands are in the cache.
COST = 8


class _Pool(Layer):
    """A reduction that follows a layer whose outputs are planes."""

    #: The operator of ONNX.
    operator: str

    def __init__(self, kernel: int, stride: int | None = None) -> None:
        self.kernel = check_integer("kernel", kernel, minimum=1, maximum=MAX_KERNEL)
        self.stride = check_integer("stride", kernel if stride is None else stride, minimum=1, maximum=MAX_SIZE)
        self.parameters = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel}, {self.stride})"

    def outputs_after(self, num_before: int | Shape | None) -> Maps:
        """Return the planes of the output; rows and columns that do not fill a window are left out."""
        self.before = maps_before(self, num_before)
        channels, *size = self.before.shape
        if min(size) < self.kernel:
            raise ValueError(f"{self}: the window is larger than its input of {size[0]} x {size[1]}.")
        rows, columns = ((n - self.kernel) // self.stride + 1 for n in size)
        self.after = Maps(channels, rows, columns)
        self._out, self._dx = planes(1, 1, 1, 0), planes(1, 1, 1, 0)
        self._place: NDArray[np.int32] = np.empty((1, 1, 1, 0), np.int32)
        return self.after

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer of this kind with the same window."""
        return type(self)(self.kernel, self.stride)

    def write(self, graph: Graph) -> None:
        """Append the reduction between two changes of shape."""
        graph.reshape(-1, *self.before.shape)
        graph.node(self.operator, kernel_shape=[self.kernel] * 2, strides=[self.stride] * 2)
        graph.reshape(-1, self.after.size)

    def _input(self, x: Activations) -> NDArray[Any]:
        """Return the input as planes, and allocate memory for batches of its width."""
        batch = x.shape[1]
        if self._out.shape[3] != batch:
            self._out, self._dx = planes(*self.after.shape, batch), planes(*self.before.shape, batch)
            self._place = np.empty(self._out.shape, np.int32)
        return x.reshape(*self.before.shape, batch)

    def _planes(self, *arrays: NDArray[Any]) -> list[tuple[Any, ...]]:
        """Return the channels of each thread: of the first array, kernel and stride, and of the others."""
        ends = equal_parts(self.after.channels, COST * self.kernel**2 * self._out.size)
        pieces = [[array[start:end] for array in arrays] for start, end in ends]
        return [(first, self.kernel, self.stride, *others) for first, *others in pieces]


class MaxPool2d(_Pool):
    """The maximum of each window; the gradient goes to its place, the first one where several are equal.

    Parameters
    ----------
    kernel : int
        Height and width of the window.
    stride : int, optional
        Distance between two windows; by default they are adjacent.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    operator = "MaxPool"

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return the maximum of each window, NaN where the window contains one."""
        divided(convolution.max_pool, self._planes(self._input(x), self._out, self._place))
        return self._out.reshape(self.after.size, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx: ``delta`` at the maximum of each window, summed where windows overlap, else 0."""
        slopes = delta.reshape(self._out.shape)
        divided(convolution.max_pool_backward, self._planes(slopes, self._place, self._dx))
        return self._dx.reshape(self.before.size, -1)


class AveragePool2d(_Pool):
    """The mean of each window.

    Parameters
    ----------
    kernel : int
        Height and width of the window.
    stride : int, optional
        Distance between two windows; by default they are adjacent.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    operator = "AveragePool"

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return the mean of each window."""
        divided(convolution.average_pool, self._planes(self._input(x), self._out))
        return self._out.reshape(self.after.size, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx: ``delta`` divided equally among the places of each window."""
        divided(convolution.average_pool_backward, self._planes(delta.reshape(self._out.shape), self._dx))
        return self._dx.reshape(self.before.size, -1)
