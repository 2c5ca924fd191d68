"""Layers without weights that make planes smaller: the largest, or the mean, of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling._kernels import convolution
from synaptic_sampling.rate.layers.dense_convolution import planes
from synaptic_sampling.rate.layers.linear import Activations, Signs
from synaptic_sampling.rate.layers.maps import Maps, maps_before
from synaptic_sampling.rate.layers.parameters import Parameter

__all__ = ["AveragePool2d", "MaxPool2d"]

MAX_KERNEL = 2**10


class _Pool:
    """What stands after a layer that gives planes."""

    def __init__(self, kernel: int, stride: int | None = None) -> None:
        self.kernel = check_integer("kernel", kernel, minimum=1, maximum=MAX_KERNEL)
        self.stride = check_integer("stride", kernel if stride is None else stride, minimum=1, maximum=2**15)
        self.parameters: list[Parameter] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel}, {self.stride})"

    def outputs_after(self, num_before: int | None) -> Maps:
        """Return the planes of the output; rows and columns that fill no window are left out.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before.

        Returns
        -------
        Maps
            Their number, which knows their arrangement.

        Raises
        ------
        ValueError
            If what comes before is no planes, or they are smaller than the window.
        """
        self.before = maps_before(self, num_before)
        channels, *size = self.before.shape
        if min(size) < self.kernel:
            raise ValueError(f"{self}: the window is larger than its input of {size[0]} x {size[1]}.")
        rows, columns = ((n - self.kernel) // self.stride + 1 for n in size)
        self.after = Maps(channels, rows, columns)
        self._out, self._dx = planes(1, 1, 1, 0), planes(1, 1, 1, 0)
        self._place: NDArray[np.int32] = np.empty((1, 1, 1, 0), np.int32)
        return self.after

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Do nothing: there are no weights.

        Parameters
        ----------
        seed, index, signs : object
            Not used.
        """

    def _input(self, x: Activations) -> NDArray[Any]:
        """Return the input as planes, and make memory for batches of its width."""
        batch = x.shape[1]
        if self._out.shape[3] != batch:
            self._out, self._dx = planes(*self.after.shape, batch), planes(*self.before.shape, batch)
            self._place = np.empty(self._out.shape, np.int32)
        return x.reshape(*self.before.shape, batch)


class MaxPool2d(_Pool):
    """The largest of each window; the gradient goes to it, the first where several are equal.

    Parameters
    ----------
    kernel : int
        Height and width of the window.
    stride : int, optional
        Steps between two windows; by default they touch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def forward(self, x: Activations) -> Activations:
        """Return the largest of each window.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The input.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            The output; NaN where one is in the window.
        """
        convolution.max_pool(self._input(x), self.kernel, self.stride, self._out, self._place)
        return self._out.reshape(int(self.after), -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, batch)
            dE/d(output).
        wanted : bool
            Not used.

        Returns
        -------
        ndarray of float32, shape (num_in, batch)
            ``delta`` at the largest of each window, summed where windows overlap, else 0.
        """
        slopes = delta.reshape(self._out.shape)
        convolution.max_pool_backward(slopes, self.kernel, self.stride, self._place, self._dx)
        return self._dx.reshape(int(self.before), -1)


class AveragePool2d(_Pool):
    """The mean of each window.

    Parameters
    ----------
    kernel : int
        Height and width of the window.
    stride : int, optional
        Steps between two windows; by default they touch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def forward(self, x: Activations) -> Activations:
        """Return the mean of each window.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The input.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            The output.
        """
        convolution.average_pool(self._input(x), self.kernel, self.stride, self._out)
        return self._out.reshape(int(self.after), -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, batch)
            dE/d(output).
        wanted : bool
            Not used.

        Returns
        -------
        ndarray of float32, shape (num_in, batch)
            ``delta`` shared among the places of each window.
        """
        convolution.average_pool_backward(delta.reshape(self._out.shape), self.kernel, self.stride, self._dx)
        return self._dx.reshape(int(self.before), -1)
