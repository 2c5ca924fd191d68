"""Convolutions of planes: what all have in common, and dense ones.

Activations are [feature, batch] as everywhere; a feature is (channel, row, column) in this order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.layers.linear import Activations, Signs
from synaptic_sampling.rate.layers.maps import MAX_SIZE, Maps, check_pair
from synaptic_sampling.rate.layers.parameters import DenseParameter, Parameter, aligned

__all__ = ["Conv2d", "Convolution", "planes"]

Array = NDArray[Any]
Long = NDArray[np.int64]


def planes(channels: int, height: int, width: int, batch: int) -> Activations:
    """Return zeros [channel, row, column, batch], aligned.

    Parameters
    ----------
    channels, height, width, batch : int
        The shape.

    Returns
    -------
    ndarray of float32
        C-contiguous.
    """
    return aligned(channels * height * width, batch).reshape(channels, height, width, batch)


class Convolution:
    """What sparse and dense convolutions have in common: sizes, biases, borders."""

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
        if not isinstance(bias, bool):
            raise TypeError(f"bias must be True or False, got {bias!r}.")
        self.parameters: list[Parameter] = []
        self._bias = DenseParameter(np.zeros(self.out_channels, np.float32))
        self._has_bias = bias

    @property
    def bias(self) -> Activations:
        """Return the biases, shape (out_channels,); zeros for ever in a layer without."""
        return self._bias.value

    @property
    def fan_in(self) -> int:
        """Return how many weights an output could have."""
        return self.in_channels * self.kernel[0] * self.kernel[1]

    def outputs_after(self, num_before: int | None) -> Maps:
        """Return the planes of the output, if the layer can stand where it is put.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before; None for the first layer.

        Returns
        -------
        Maps
            Their number, which knows their arrangement.

        Raises
        ------
        ValueError
            If the layer before has other outputs, the size is not known, the kernel is larger than the input, or the
            layer is part of a network already.
        """
        if self.parameters:
            raise ValueError(f"{self} is part of a network already; make a new layer.")
        size = self.size
        if isinstance(num_before, Maps):
            size = num_before.height, num_before.width
        if size is None:
            raise ValueError(f"{self} must know the size of its input; give size=(height, width).")
        before = Maps(self.in_channels, *size)
        if num_before not in {None, before} or self.size not in {None, size}:
            raise ValueError(
                f"{self} has {self.in_channels} planes of {self.size or size} as input, but the layer before it has "
                f"{getattr(num_before, 'shape', num_before)} outputs."
            )
        rows, columns = ((n + 2 * self.padding - k) // self.stride + 1 for n, k in zip(size, self.kernel, strict=True))
        if rows < 1 or columns < 1:
            raise ValueError(f"{self}: a kernel of {self.kernel} does not fit in {size} with padding {self.padding}.")
        self.before, self.after = before, Maps(self.out_channels, rows, columns)
        self.num_in, self.num_out = int(before), int(self.after)
        self._out, self._dx = planes(1, 1, 1, 0), planes(1, 1, 1, 0)
        return self.after

    def _learn(self, weights: Parameter) -> None:
        self.parameters = [weights, self._bias] if self._has_bias else [weights]

    def _make_memory(self, batch: int) -> None:
        """Make memory for batches of a width, if it is not there."""
        if self._out.shape[3] != batch:
            self._out, self._dx = planes(*self.after.shape, batch), planes(*self.before.shape, batch)

    def _bias_gradient(self, delta: Activations) -> None:
        if self._has_bias:
            np.sum(delta.reshape(self.out_channels, -1), axis=1, out=self._bias.gradient)


class Conv2d(Convolution):
    """Convolution with a kernel of which every weight exists, by matrix products.

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
    size : int or (int, int), optional
        Height and width of the input, for the first layer; later ones learn it from the layer before.
    bias : bool
        Whether output channels have biases.

    Attributes
    ----------
    before, after : Maps
        Planes of input and output, as soon as the layer is part of a network.

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

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw the weights, N(0, 2/fan_in) (He et al. 2015).

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            Not used: weights have both signs.
        """
        draws = normals(seed, Stream.THETA, 0, self.fan_in * self.out_channels, index)
        draws *= math.sqrt(2.0 / self.fan_in)
        self._dense = DenseParameter(draws.astype(np.float32).reshape(self.out_channels, self.fan_in))
        self._learn(self._dense)

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
        images, p = x.reshape(*self.before.shape, -1), self.padding
        self._source = np.pad(images, ((0, 0), (p, p), (p, p), (0, 0))) if p else images
        for y in range(self.after.height):
            out = self.matrix @ self._windows(self._source, y)
            self._out[:, y] = out.reshape(self.out_channels, -1, x.shape[1]) + self.bias[:, np.newaxis, np.newaxis]
        return self._out.reshape(self.num_out, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases.

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
