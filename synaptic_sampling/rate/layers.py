"""Layers: from activations [feature, batch] to activations, and gradients back.

A batch is padded with zeros to a multiple of 16 columns; gradients are 0 there. What ``forward`` and ``backward``
return is overwritten by their next call.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels import linear
from synaptic_sampling.connections import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.parameters import DenseWeights, SparseWeights, Weights

__all__ = ["Layer", "Linear", "ReLU", "SparseLinear", "Tanh"]

Activations = NDArray[np.float32]

#: One cache line, and one AVX-512 register; NumPy itself promises 16 bytes.
ALIGNMENT = 64


class Layer(Protocol):
    """The contract of a layer.

    Attributes
    ----------
    weights : dict of str to Weights
        What it learns, by name; empty until ``begin``.
    """

    weights: dict[str, Weights]

    def num_outputs(self, num_inputs: int | None) -> int | None:
        """Return how many features leave; None stands for any. Raise ValueError if ``num_inputs`` do not fit."""

    def begin(self, seed: int, index: int) -> None:
        """Draw the weights at the start."""

    def forward(self, x: Activations) -> Activations:
        """Return the output."""

    def backward(self, delta: Activations, to_input: bool) -> Activations:
        """Write the gradients of the weights; return that of the input, if it is asked for, else ``delta``."""


class Buffer:
    """Memory for activations that is kept while its shape stays the same."""

    def __init__(self) -> None:
        self._array = np.zeros((0, 0), np.float32)

    def __call__(self, rows: int, width: int) -> Activations:
        """Return an array that begins at a multiple of 64 bytes, with any content.

        Parameters
        ----------
        rows, width : int
            Its shape.

        Returns
        -------
        ndarray of float32
            C-contiguous.
        """
        if self._array.shape != (rows, width):
            memory = np.zeros(4 * rows * width + ALIGNMENT, np.uint8)
            start = -memory.ctypes.data % ALIGNMENT
            self._array = memory[start : start + 4 * rows * width].view(np.float32).reshape(rows, width)
        return self._array


class _Affine:
    """What sparse and dense layers have in common: sizes and biases."""

    def __init__(self, num_in: int, num_out: int, bias: bool) -> None:
        self.num_in = check_integer("num_in", num_in, minimum=1, maximum=MAX_NEURONS)
        self.num_out = check_integer("num_out", num_out, minimum=1, maximum=MAX_NEURONS)
        if not isinstance(bias, bool):
            raise TypeError(f"bias must be True or False, got {bias!r}.")
        self.weights: dict[str, Weights] = {}
        self._bias = DenseWeights(np.zeros(num_out, np.float32))
        self._has_bias = bias
        self._out, self._dx = Buffer(), Buffer()
        self._x = self._out(0, 0)

    @property
    def bias(self) -> Activations:
        """Return the biases, shape (num_out,); zeros for ever where there are none."""
        return self._bias.value

    def num_outputs(self, num_inputs: int | None) -> int:
        """Return ``num_out``.

        Parameters
        ----------
        num_inputs : int or None
            Features that arrive; None stands for any.

        Returns
        -------
        int
            Features that leave.

        Raises
        ------
        ValueError
            If ``num_inputs`` is not ``num_in``.
        """
        if num_inputs not in {None, self.num_in}:
            raise ValueError(f"{self!r} takes {self.num_in} features, but {num_inputs} arrive.")
        return self.num_out

    def _add_bias(self) -> None:
        if self._has_bias:
            self.weights["bias"] = self._bias

    def _bias_gradient(self, delta: Activations) -> None:
        if self._has_bias:
            linear._row_sums(delta, self._bias.gradient)


class SparseLinear(_Affine):
    """Every output is a bias plus the weighted sum of those inputs that are connected to it.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of neurons on both sides.
    connectivity : float
        Share of the ``num_in * num_out`` sites that hold a connection, above 0 and at most 1. The number of
        connections is that share rounded, at least 1, and never changes.
    bias : bool
        Whether outputs have biases, which are learned too, and are no connections.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        Signs of the newborn, as for `Connections`.

    Attributes
    ----------
    num_connections : int
        K.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(
        self, num_in: int, num_out: int, *, connectivity: float, bias: bool = True, signs: Any = "site"
    ) -> None:
        super().__init__(num_in, num_out, bias)
        self.connectivity = check_number("connectivity", connectivity, above=0.0, maximum=1.0)
        self.num_connections = max(1, round(num_in * num_out * self.connectivity))
        self._signs = signs

    def __repr__(self) -> str:
        return f"SparseLinear({self.num_in}, {self.num_out}, connectivity={self.connectivity:g})"

    def begin(self, seed: int, index: int) -> None:
        """Draw wiring and weights.

        Parameters
        ----------
        seed, index : int
            Key of the random numbers, and number of the set.
        """
        self._sparse = SparseWeights(
            self.num_in, self.num_out, self.num_connections, seed=seed, index=index, signs=self._signs
        )
        self.connections = self._sparse.connections
        self.weights["weights"] = self._sparse
        self._add_bias()

    def forward(self, x: Activations) -> Activations:
        """Return the output.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, width)
            Kept for ``backward``.

        Returns
        -------
        ndarray of float32, shape (num_out, width)
            Bias plus weighted sum.
        """
        self._x = x
        out = self._out(self.num_out, x.shape[1])
        c = self.connections
        linear._forward(c.pre, c.post, c.polarity, c.theta, self.bias, x, out)
        return out

    def backward(self, delta: Activations, to_input: bool) -> Activations:
        """Write dE/dw of each connection and of the biases.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, width)
            dE/d(output).
        to_input : bool
            Whether the gradient of the input is wanted.

        Returns
        -------
        ndarray of float32
            dE/dx if it is wanted, else ``delta``.
        """
        self._bias_gradient(delta)
        c, x, gradient = self.connections, self._x, self._sparse.gradient
        if not to_input:
            linear._weight_gradient(c.pre, c.post, x, delta, gradient)
            return delta
        dx = self._dx(*x.shape)
        linear._backward(c.pre, c.post, c.polarity, c.theta, x, delta, gradient, dx)
        return dx


class Linear(_Affine):
    """Every output is a bias plus the weighted sum of all inputs.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of neurons on both sides.
    bias : bool
        Whether outputs have biases.

    Attributes
    ----------
    matrix : ndarray of float32, shape (num_out, num_in)
        The weights, N(0, 2 / num_in) at the start (He et al. 2015).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        super().__init__(num_in, num_out, bias)

    def __repr__(self) -> str:
        return f"Linear({self.num_in}, {self.num_out})"

    def begin(self, seed: int, index: int) -> None:
        """Draw the weights.

        Parameters
        ----------
        seed, index : int
            Key of the random numbers, and number of the set.
        """
        draws = normals(seed, Stream.THETA, 0, self.num_in * self.num_out, index)
        matrix = (math.sqrt(2.0 / self.num_in) * draws).astype(np.float32).reshape(self.num_out, self.num_in)
        self._dense = DenseWeights(matrix)
        self.matrix = self._dense.value
        self.weights["weights"] = self._dense
        self._add_bias()

    def forward(self, x: Activations) -> Activations:
        """Return the output.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, width)
            Kept for ``backward``.

        Returns
        -------
        ndarray of float32, shape (num_out, width)
            Bias plus weighted sum.
        """
        self._x = x
        out = np.dot(self.matrix, x, out=self._out(self.num_out, x.shape[1]))
        out += self.bias[:, np.newaxis]
        return out

    def backward(self, delta: Activations, to_input: bool) -> Activations:
        """Write the gradients of matrix and biases.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, width)
            dE/d(output).
        to_input : bool
            Whether the gradient of the input is wanted.

        Returns
        -------
        ndarray of float32
            dE/dx if it is wanted, else ``delta``.
        """
        self._bias_gradient(delta)
        np.dot(delta, self._x.T, out=self._dense.gradient)
        return np.dot(self.matrix.T, delta, out=self._dx(*self._x.shape)) if to_input else delta


class _Activation:
    """A function of each number alone."""

    def __init__(self) -> None:
        self.weights: dict[str, Weights] = {}
        self._out, self._dx = Buffer(), Buffer()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def num_outputs(self, num_inputs: int | None) -> int | None:
        """Return ``num_inputs``.

        Parameters
        ----------
        num_inputs : int or None
            Features that arrive; None stands for any.

        Returns
        -------
        int or None
            Features that leave.
        """
        return num_inputs

    def begin(self, seed: int, index: int) -> None:
        """Do nothing: there are no weights.

        Parameters
        ----------
        seed, index : int
            Not used.
        """


class ReLU(_Activation):
    """max(x, 0)."""

    def forward(self, x: Activations) -> Activations:
        """Return max(x, 0).

        Parameters
        ----------
        x : ndarray of float32
            The input.

        Returns
        -------
        ndarray of float32
            The output; NaN where x is NaN.
        """
        out = self._out(*x.shape)
        linear._relu(x, out)
        return out

    def backward(self, delta: Activations, to_input: bool) -> Activations:
        """Return dE/dx.

        Parameters
        ----------
        delta : ndarray of float32
            dE/d(output).
        to_input : bool
            Not used.

        Returns
        -------
        ndarray of float32
            ``delta`` where the output was above 0, else 0.
        """
        dx = self._dx(*delta.shape)
        linear._relu_backward(self._out(*delta.shape), delta, dx)
        return dx


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Activations) -> Activations:
        """Return tanh(x).

        Parameters
        ----------
        x : ndarray of float32
            The input.

        Returns
        -------
        ndarray of float32
            The output.
        """
        out = self._out(*x.shape)
        linear._tanh(x, out)
        return out

    def backward(self, delta: Activations, to_input: bool) -> Activations:
        """Return dE/dx.

        Parameters
        ----------
        delta : ndarray of float32
            dE/d(output).
        to_input : bool
            Not used.

        Returns
        -------
        ndarray of float32
            ``delta * (1 - out**2)``.
        """
        dx = self._dx(*delta.shape)
        linear._tanh_backward(self._out(*delta.shape), delta, dx)
        return dx
