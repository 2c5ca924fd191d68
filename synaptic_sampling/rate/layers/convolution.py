"""Convolutions of planes, sparse and dense.

Activations are [feature, batch] as everywhere; a feature is (channel, row, column) in this order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.tiles import in_groups
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.budget import Limits, check_budget, warn_if_dense
from synaptic_sampling.rate.layers.layer import Activations, Layer, WeightedLayer
from synaptic_sampling.rate.layers.maps import MAX_SIZE, check_pair, planes
from synaptic_sampling.rate.layers.parameters import DenseParameter
from synaptic_sampling.rate.layers.planes import bordered, gather, weight_gradient
from synaptic_sampling.rate.layers.shapes import Maps, Shape
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["Conv2d", "SparseConv2d"]

Array = NDArray[Any]
Long = NDArray[np.int64]


class _Convolution(WeightedLayer):
    """What sparse and dense convolutions have in common: sizes, and memory for activations."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int | tuple[int, int],
        stride: int,
        padding: int,
        size: int | tuple[int, int] | None,
        bias: bool,
    ) -> None:
        self.in_channels = check_integer("in_channels", channels[0], minimum=1, maximum=MAX_NEURONS)
        self.out_channels = check_integer("out_channels", channels[1], minimum=1, maximum=MAX_NEURONS)
        self.kernel = check_pair("kernel", kernel)
        self.stride = check_integer("stride", stride, minimum=1, maximum=MAX_SIZE)
        self.padding = check_integer("padding", padding, minimum=0, maximum=min(self.kernel) - 1)
        self.size = None if size is None else check_pair("size", size)
        super().__init__(np.zeros(self.out_channels, np.float32), bias)

    @property
    def fan_in(self) -> int:
        """Return the number of weights per output in a dense layer."""
        return self.in_channels * self.kernel[0] * self.kernel[1]

    @property
    def details(self) -> dict[str, Any]:
        """Return the size of the input."""
        return {"size": [self.before.height, self.before.width]}

    def outputs_after(self, num_before: int | Shape | None) -> Maps:
        """Return the planes of the output, whose size follows from that of the input."""
        self.check_unused()
        size = self.size
        if isinstance(num_before, Maps):
            size = num_before.height, num_before.width
        if size is None:
            raise ValueError(f"{self} must know the size of its input; give size=(height, width).")
        before = Maps(self.in_channels, *size)
        if not before.accepts(num_before) or self.size not in {None, size}:
            raise ValueError(
                f"{self} has {self.in_channels} planes of {self.size or size} as input, but the layer before it has "
                f"{num_before} outputs."
            )
        rows, columns = ((n + 2 * self.padding - k) // self.stride + 1 for n, k in zip(size, self.kernel, strict=True))
        if rows < 1 or columns < 1:
            raise ValueError(f"{self}: a kernel of {self.kernel} does not fit in {size} with padding {self.padding}.")
        self.before, self.after = before, Maps(self.out_channels, rows, columns)
        self.num_in, self.num_out = before.size, self.after.size
        self._out, self._dx = planes(1, 1, 1, 0), planes(1, 1, 1, 0)
        return self.after

    def arrays(self) -> dict[str, Activations]:
        """Return copies of the weights [output channel, input channel, row, column] and of the biases."""
        weight = self.dense_weights().reshape(self.out_channels, self.in_channels, *self.kernel)
        return {"weight": weight.copy(), "bias": self.bias.copy()}

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer with the same kernel."""
        sizes = self.in_channels, self.out_channels, self.kernel, self.stride, self.padding
        if counts is None:
            return Conv2d(*sizes, size=self.size, bias=self.has_bias)
        limits = self.limits.options if isinstance(self, SparseConv2d) else {}
        return SparseConv2d(*sizes, connections=next(counts), size=self.size, bias=self.has_bias, **limits)

    def write(self, graph: Graph) -> None:
        """Append a convolution between two changes of shape."""
        graph.reshape(-1, *self.before.shape)
        constants = map(graph.constant, self.arrays().values())
        graph.node("Conv", *constants, pads=[self.padding] * 4, strides=[self.stride] * 2)
        graph.reshape(-1, self.after.size)

    def _make_memory(self, batch: int) -> None:
        """Allocate memory for batches of another width."""
        if self._out.shape[3] != batch:
            self._out, self._dx = planes(*self.after.shape, batch), planes(*self.before.shape, batch)

    def _bias_gradient(self, delta: Activations) -> None:
        if self.has_bias:
            np.sum(delta.reshape(self.out_channels, -1), axis=1, out=self._bias.gradient)


class SparseConv2d(_Convolution):
    """Convolution with a sparse kernel: only some of its weights exist, the same at every place.

    A site is a weight of the kernel: from (input channel, row, column of the kernel) to an output channel. Time
    and memory are proportional to the number of existing weights and of activations.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of planes of the input and of the output.
    kernel : int or (int, int)
        Height and width of the kernel.
    stride : int
        Distance between two places of the kernel, in both directions.
    padding : int
        Width of the border of zeros around the input; smaller than the kernel.
    connectivity : float, optional
        Fraction of the ``in_channels * height * width * out_channels`` weights of the kernel that exist.
    connections : int, optional
        Number of connections, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The largest number of connections of any output channel, of any weight position (input channel, row, column)
        of the kernel, or of each: at the start and after every rewiring.
    size : int or (int, int), optional
        Height and width of the input, for the first layer; known for later ones.
    bias : bool
        Whether output channels have biases, which are learned too and are not connections.

    Attributes
    ----------
    num_connections : int
        K, see `SparseLinear`.
    before, after : Maps
        Planes of input and output, once the layer is part of a network.
    connections : Connections, SoftConnections or PotentialConnections
        Once the layer is part of a network; presynaptic is ``(channel * height + row) * width + column`` of the
        kernel, postsynaptic the output channel. theta starts as ``|N(0, 2/n)|`` for n connections per output channel on
        average (He et al. 2015).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        connectivity: float | None = None,
        connections: int | None = None,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        size: int | tuple[int, int] | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__((in_channels, out_channels), kernel, stride, padding, size, bias)
        sizes = self.fan_in, self.out_channels
        self.num_connections = check_budget(connectivity, connections, math.prod(sizes))
        self.limits = Limits(sizes, self.num_connections, max_in_degree, max_out_degree)
        warn_if_dense(self, self.num_connections, math.prod(sizes), "Conv2d")

    def __repr__(self) -> str:
        return (
            f"SparseConv2d({self.in_channels}, {self.out_channels}, {self.kernel}, {self.stride}, {self.padding}, "
            f"connections={self.num_connections}{self.limits})"
        )

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw connections and weights."""
        number, sizes = self.num_connections, (self.fan_in, self.out_channels)
        scale = math.sqrt(2.0 / max(1.0, number / self.out_channels))
        self._sparse = storage.draw(*sizes, number, scale, seed=seed, index=index, **self.limits.options)
        self.connections = self._sparse.connections
        self._source = self._slopes = np.empty((0, 0, 0, 0, 0), np.float32)
        self._learn(self._sparse)

    def dense_weights(self) -> Activations:
        """Return the weights [output channel, (input channel, row, column)], zeros where there is no connection."""
        return self._sparse.matrix()

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return bias plus weighted sum, at every place."""
        self._make_memory(x.shape[1])
        p, (_, height, width) = self.padding, self.before.shape
        self._source = bordered(x.reshape(*self.before.shape, -1), (p, p), height + 2 * p, width + 2 * p, self._source)
        self._active = self._sparse.active()
        starts, order = self._sorted(self._active.post.astype(np.int64), self.out_channels)
        self._reads = starts, order, self._bases()[order]
        weight = self._active.weights[order]
        _, rows, columns = self.after.shape
        corner = np.arange(self.out_channels) * (rows * columns * x.shape[1])
        stride = self.stride, 1, rows, columns
        gather(starts, weight, self._reads[2], self.bias, self._source, stride, self._out, corner)
        return self._out.reshape(self.num_out, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases; return dE/dx."""
        self._bias_gradient(delta)
        starts, order, base = self._reads
        slopes = delta.reshape(*self.after.shape, -1)
        weight_gradient(starts, base, order, self._source, self.stride, slopes, self._active.gradient)
        self._sparse.keep(self._active)
        if wanted:
            self._input_gradient(slopes)
        return self._dx.reshape(self.num_in, -1)

    def _offsets(self) -> tuple[Long, Long, Long]:
        """Return channel, row and column of the kernel for each connection."""
        places, column = np.divmod(self._active.pre.astype(np.int64), self.kernel[1])
        channel, row = np.divmod(places, self.kernel[0])
        return channel, row, column

    def _bases(self) -> Long:
        """Return the place in the source at which each connection starts to read."""
        channel, row, column = self._offsets()
        _, _, height, width, _ = self._source.shape
        return ((channel * height + row) * width + column) * LANES

    @staticmethod
    def _sorted(group: Long, number: int) -> tuple[Long, Long]:
        """Return the start of each group among the sorted slots, and the sorted slots."""
        starts, order = np.empty(number + 1, np.int64), np.empty(len(group), np.int64)
        in_groups(group, starts, order)
        return starts, order

    def _input_gradient(self, delta: Array) -> None:
        """Write dE/dx: the transposed convolution, as one gather for each phase of the stride.

        Row i of the input is read by row y of the output through row k of the kernel if i + padding = s*y + k. With
        i = s*a + r that is r = (k - padding) mod s and y = a + e with e = (r + padding - k)/s; likewise for columns.
        """
        s, p, (channels, height, width), batch = self.stride, self.padding, self.before.shape, delta.shape[3]
        rows, columns = -(-height // s), -(-width // s)
        above, before = ((k - 1 - p) // s for k in self.kernel)
        reach = (s - 1 + p) // s
        border = above + max(self.after.height, rows + reach), before + max(self.after.width, columns + reach)
        self._slopes = bordered(delta, (above, before), *border, self._slopes)
        channel, row, column = self._offsets()
        phase, across = (row - p) % s, (column - p) % s
        base = self._active.post.astype(np.int64) * border[0] + above + (phase + p - row) // s
        base = (base * border[1] + before + (across + p - column) // s) * LANES
        groups = channels * s * s
        starts, order = self._sorted((channel * s + phase) * s + across, groups)
        exact = rows * s == height and columns * s == width
        target = self._dx if exact else planes(channels, rows * s, columns * s, batch)
        c, phases = np.divmod(np.arange(groups), s * s)
        corner = ((c * rows * s + phases // s) * columns * s + phases % s) * batch
        weight, zeros = self._active.weights[order], np.zeros(groups, np.float32)
        gather(starts, weight, base[order], zeros, self._slopes, (1, s, rows, columns), target, corner)
        if not exact:
            self._dx[:] = target[:, :height, :width]


class Conv2d(_Convolution):
    """Convolution with a dense kernel, by matrix products.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of planes of the input and of the output.
    kernel : int or (int, int)
        Height and width of the kernel.
    stride : int
        Distance between two places of the kernel, in both directions.
    padding : int
        Width of the border of zeros around the input; smaller than the kernel.
    size : int or (int, int), optional
        Height and width of the input, for the first layer; known for later ones.
    bias : bool
        Whether output channels have biases.

    Attributes
    ----------
    before, after : Maps
        Planes of input and output, once the layer is part of a network.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        size: int | tuple[int, int] | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__((in_channels, out_channels), kernel, stride, padding, size, bias)

    def __repr__(self) -> str:
        return f"Conv2d({self.in_channels}, {self.out_channels}, {self.kernel}, {self.stride}, {self.padding})"

    @property
    def matrix(self) -> Activations:
        """Return the weights [output channel, (input channel, row, column)], not copied."""
        return self._dense.value

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw the weights, N(0, 2/fan_in) (He et al. 2015)."""
        draws = normals(seed, Stream.THETA, 0, self.fan_in * self.out_channels, index)
        draws *= math.sqrt(2.0 / self.fan_in)
        self._dense = DenseParameter(draws.astype(np.float32).reshape(self.out_channels, self.fan_in))
        self._learn(self._dense)

    def dense_weights(self) -> Activations:
        """Return the weights [output channel, (input channel, row, column)], not copied."""
        return self.matrix

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return bias plus weighted sum, at every place."""
        self._make_memory(x.shape[1])
        images, p = x.reshape(*self.before.shape, -1), self.padding
        self._source = np.pad(images, ((0, 0), (p, p), (p, p), (0, 0))) if p else images
        for y in range(self.after.height):
            out = self.matrix @ self._windows(self._source, y)
            self._out[:, y] = out.reshape(self.out_channels, -1, x.shape[1]) + self.bias[:, np.newaxis, np.newaxis]
        return self._out.reshape(self.num_out, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases; return dE/dx."""
        self._bias_gradient(delta)
        slopes, gradient = delta.reshape(*self.after.shape, -1), self._dense.gradient
        whole = np.zeros_like(self._source) if wanted else self._source
        gradient[:] = 0
        for y in range(self.after.height):
            row = np.ascontiguousarray(slopes[:, y]).reshape(self.out_channels, -1)
            gradient += row @ self._windows(self._source, y).T
            if wanted:
                flow = (self.matrix.T @ row).reshape(self.in_channels, *self.kernel, self.after.width, -1)
                for part, (i, j) in self._parts(whole, y):
                    np.add(part, flow[:, i, j], out=part)
        if wanted:
            p, (_, height, width, _) = self.padding, whole.shape
            self._dx[:] = whole[:, p : height - p, p : width - p]
        return self._dx.reshape(self.num_in, -1)

    def _windows(self, source: Activations, y: int) -> Activations:
        """Return what row y of the output reads, [(channel, row, column of the kernel), (column, batch)]."""
        shape = self.in_channels, *self.kernel, self.after.width, source.shape[3]
        windows = np.empty(shape, np.float32)
        for part, (i, j) in self._parts(source, y):
            windows[:, i, j] = part
        return windows.reshape(self.fan_in, -1)

    def _parts(self, source: Activations, y: int) -> list[tuple[Activations, tuple[int, int]]]:
        """Return for each weight of a kernel the part of the source that it reads for row y, and its place."""
        s, (height, width) = self.stride, self.kernel
        end = s * self.after.width
        return [(source[:, s * y + i, j : j + end : s], (i, j)) for i in range(height) for j in range(width)]
