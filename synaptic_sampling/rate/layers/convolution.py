"""Sparse convolutions of planes.

Activations are [feature, batch] as everywhere; a feature is (channel, row, column) in this order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._kernels import convolution
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.tiles import in_groups
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.layers.budget import Limits, check_budget, warn_if_full
from synaptic_sampling.rate.layers.dense_convolution import Convolution, planes
from synaptic_sampling.rate.layers.linear import Activations, Signs
from synaptic_sampling.rate.layers.parameters import SparseParameter, aligned

__all__ = ["SparseConv2d"]

Array = NDArray[Any]
Long = NDArray[np.int64]


class SparseConv2d(Convolution):
    """Convolution with a kernel of which only some weights exist; the same at every place.

    A site is a weight of the kernel: from (input channel, row, column of the kernel) to an output channel. Forward
    and backward touch existing weights only, and memory is in proportion to them and to the activations.

    Parameters
    ----------
    in_channels, out_channels : int
        Numbers of planes on both sides.
    kernel : int or (int, int)
        Height and width of the kernel.
    stride : int
        Steps between two places of the kernel, both ways.
    padding : int
        Zeros around the input, on each side; smaller than the kernel.
    connectivity : float, optional
        Share of the ``in_channels * height * width * out_channels`` weights of the kernel that exist.
    connections : int, optional
        How many, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The most connections of any output channel, of any weight position (input channel, row, column) of the kernel,
        or of each: at the start, and however the layer is rewired.
    size : int or (int, int), optional
        Height and width of the input, for the first layer; later ones learn it from the layer before.
    bias : bool
        Whether output channels have biases, which are learned too, and are no connections.

    Attributes
    ----------
    num_connections : int
        K, as given.
    before, after : Maps
        Planes of input and output, as soon as the layer is part of a network.
    connections : Connections
        As soon as the layer is part of a network: presynaptic is ``(channel * height + row) * width + column`` of
        the kernel, postsynaptic the output channel. theta is at first |N(0, 2/n)| for n connections per output
        channel on average (He et al. 2015).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    connections: Connections

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
        warn_if_full(self, self.num_connections, math.prod(sizes), "Conv2d")

    def __repr__(self) -> str:
        return (
            f"SparseConv2d({self.in_channels}, {self.out_channels}, {self.kernel}, {self.stride}, {self.padding}, "
            f"connections={self.num_connections}{self.limits})"
        )

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw wiring and weights.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            See `Connections`.
        """
        number = self.num_connections
        options = self.limits.options | {"signs": signs, "seed": seed, "index": index, "dtype": np.float32}
        c = Connections.random(self.fan_in, self.out_channels, number, **options)
        scale = math.sqrt(2.0 / max(1.0, number / self.out_channels))
        c.theta[:] = scale * np.abs(normals(seed, Stream.THETA, 0, number, index))
        self.connections, self._sparse = c, SparseParameter(c)
        self._source = self._slopes = np.empty((0, 0, 0, 0, 0), np.float32)
        self._learn(self._sparse)

    def forward(self, x: Activations) -> Activations:
        """Return the output.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The input.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            Bias plus weighted sum, at every place.
        """
        self._make_memory(x.shape[1])
        p, (_, height, width) = self.padding, self.before.shape
        self._source = _bordered(x.reshape(*self.before.shape, -1), (p, p), height + 2 * p, width + 2 * p, self._source)
        post = self.connections.post.astype(np.int64)
        starts, order = self._sorted(post, self.out_channels)
        self._reads = starts, order, self._bases()[order]
        weight = self.connections.weights[order]
        _, rows, columns = self.after.shape
        corner = np.arange(self.out_channels) * (rows * columns * x.shape[1])
        convolution.gather(
            starts, weight, self._reads[2], self.bias, self._source, (self.stride, 1, rows, columns), self._out, corner
        )
        return self._out.reshape(self.num_out, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write dE/dw of each connection, and of the biases.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, batch)
            dE/d(output).
        wanted : bool
            Whether the gradient of the input is.

        Returns
        -------
        ndarray of float32, shape (num_in, batch)
            dE/dx, if it is wanted.
        """
        self._bias_gradient(delta)
        starts, order, base = self._reads
        slopes = delta.reshape(*self.after.shape, -1)
        sums = np.empty(len(order) * LANES, np.float32)
        gradient = self._sparse.gradient
        convolution.weight_gradient(starts, base, order, self._source, self.stride, slopes, sums, gradient)
        if wanted:
            self._input_gradient(slopes)
        return self._dx.reshape(self.num_in, -1)

    def _offsets(self) -> tuple[Long, Long, Long]:
        """Return channel, row and column of the kernel for each connection."""
        places, column = np.divmod(self.connections.pre.astype(np.int64), self.kernel[1])
        channel, row = np.divmod(places, self.kernel[0])
        return channel, row, column

    def _bases(self) -> Long:
        """Return where in the source each connection begins to read."""
        channel, row, column = self._offsets()
        _, _, height, width, _ = self._source.shape
        return ((channel * height + row) * width + column) * LANES

    @staticmethod
    def _sorted(group: Long, number: int) -> tuple[Long, Long]:
        """Return where each group begins among the sorted slots, and these."""
        starts, order = np.empty(number + 1, np.int64), np.empty(len(group), np.int64)
        in_groups(group, starts, order)
        return starts, order

    def _input_gradient(self, delta: Array) -> None:
        """Write dE/dx: the transposed convolution, as one gather for each phase of the stride.

        Row i of the input is read by row y of the output through row k of the kernel if i + padding = s*y + k. With
        i = s*a + r that is r = (k - padding) mod s and y = a + e with e = (r + padding - k)/s; alike for columns.
        """
        s, p, (channels, height, width), batch = self.stride, self.padding, self.before.shape, delta.shape[3]
        rows, columns = -(-height // s), -(-width // s)
        above, before = ((k - 1 - p) // s for k in self.kernel)
        reach = (s - 1 + p) // s
        border = above + max(self.after.height, rows + reach), before + max(self.after.width, columns + reach)
        self._slopes = _bordered(delta, (above, before), *border, self._slopes)
        channel, row, column = self._offsets()
        phase, across = (row - p) % s, (column - p) % s
        base = self.connections.post.astype(np.int64) * border[0] + above + (phase + p - row) // s
        base = (base * border[1] + before + (across + p - column) // s) * LANES
        groups = channels * s * s
        starts, order = self._sorted((channel * s + phase) * s + across, groups)
        exact = rows * s == height and columns * s == width
        target = self._dx if exact else planes(channels, rows * s, columns * s, batch)
        c, phases = np.divmod(np.arange(groups), s * s)
        corner = ((c * rows * s + phases // s) * columns * s + phases % s) * batch
        weight, zeros = self.connections.weights[order], np.zeros(groups, np.float32)
        convolution.gather(starts, weight, base[order], zeros, self._slopes, (1, s, rows, columns), target, corner)
        if not exact:
            self._dx[:] = target[:, :height, :width]


def _bordered(x: Array, corner: tuple[int, int], height: int, width: int, room: Array) -> Array:
    """Return planes of a height and width, zeros but for ``x``, as [part of the batch, channel, row, column, lane].

    Written into ``room``, as this function returned it, if it has the right shape.
    """
    shape = x.shape[3] // LANES, x.shape[0], height, width, LANES
    if room.shape != shape:
        room = aligned(math.prod(shape[:4]), LANES).reshape(shape)
    convolution.border(x, *corner, room)
    return room
