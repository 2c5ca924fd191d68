"""Layers with weights: from activations [feature, batch] to activations, and gradients back.

A batch is padded to a multiple of 16 columns; gradients are 0 in the padding. What ``forward`` and ``backward``
return is overwritten by their next call.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling._kernels import linear
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.layers.budget import Limits, check_budget, warn_if_full
from synaptic_sampling.rate.layers.parameters import DenseParameter, Parameter, SparseParameter, aligned

__all__ = ["Activations", "Layer", "Linear", "Signs", "SparseLinear"]

Activations = NDArray[np.float32]
Signs = str | int | ArrayLike


class Layer(Protocol):
    """The contract of a layer.

    Attributes
    ----------
    parameters : list of Parameter
        What it learns; empty until it is built.
    """

    parameters: list[Parameter]

    def outputs_after(self, num_before: int | None) -> int:
        """Return how many outputs there are, if the layer can follow one that has ``num_before``, or be the first."""

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw the weights."""

    def forward(self, x: Activations) -> Activations:
        """Return the output, and remember what ``backward`` needs."""

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of the parameters; return that of the input if it is wanted, else anything."""


class _Affine:
    """What sparse and dense layers have in common: sizes, biases, memory for activations."""

    def __init__(self, num_in: int, num_out: int, bias: bool) -> None:
        self.num_in = check_integer("num_in", num_in, minimum=1, maximum=MAX_NEURONS)
        self.num_out = check_integer("num_out", num_out, minimum=1, maximum=MAX_NEURONS)
        if not isinstance(bias, bool):
            raise TypeError(f"bias must be True or False, got {bias!r}.")
        self.parameters: list[Parameter] = []
        self._bias = DenseParameter(np.zeros(num_out, np.float32))
        self._has_bias = bias
        self._x = self._out = self._dx = aligned(0, 0)

    @property
    def bias(self) -> Activations:
        """Return the biases, shape (num_out,); zeros for ever in a layer without."""
        return self._bias.value

    @property
    def input(self) -> Activations:
        """Return the last input, shape (num_in, width)."""
        return self._x

    def outputs_after(self, num_before: int | None) -> int:
        """Return ``num_out``, if the layer can stand where it is put.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before; None for the first layer.

        Returns
        -------
        int
            ``num_out``.

        Raises
        ------
        ValueError
            If the layer before has other outputs, or the layer is part of a network already.
        """
        if num_before not in {None, self.num_in}:
            raise ValueError(f"{self} has {self.num_in} inputs, but the layer before it has {num_before} outputs.")
        if self.parameters:
            raise ValueError(f"{self} is part of a network already; make a new layer.")
        return self.num_out

    def _learn(self, weights: Parameter) -> None:
        self.parameters = [weights, self._bias] if self._has_bias else [weights]

    def _remember(self, x: Activations) -> None:
        """Keep the input, and memory for batches of its width."""
        self._x = x
        if self._out.shape[1] != x.shape[1]:
            self._out = aligned(self.num_out, x.shape[1])

    def _input_gradient(self) -> Activations:
        """Return memory for the gradient of the input, which the first layer of a network does without."""
        if self._dx.shape != self._x.shape:
            self._dx = aligned(*self._x.shape)
        return self._dx

    def _bias_gradient(self, delta: Activations) -> None:
        if self._has_bias:
            linear.sum_rows(delta, self._bias.gradient)


class SparseLinear(_Affine):
    """Every output is a bias plus the weighted sum of those inputs that are connected to it.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of neurons on both sides.
    connectivity : float, optional
        Share of the ``num_in * num_out`` sites that hold a connection, above 0 and at most 1.
    connections : int, optional
        How many connections, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The most connections of any output, of any input, or of each, as on neuromorphic chips: at the start, and
        however the layer is rewired. A connection that finds no place for its regrowth tries again in every step.
    bias : bool
        Whether outputs have biases, which are learned too, and are no connections.

    Attributes
    ----------
    num_connections : int
        K, which never changes, but where limits on degrees leave no place: as given, or ``connectivity`` of the sites,
        rounded, at least 1.
    connections : Connections
        As soon as the layer is part of a network; theta is at first |N(0, 2/n)| for n connections per output on
        average (He et al. 2015).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    connections: Connections

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        connectivity: float | None = None,
        connections: int | None = None,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(num_in, num_out, bias)
        self.num_connections = check_budget(connectivity, connections, num_in * num_out)
        self.limits = Limits((num_in, num_out), self.num_connections, max_in_degree, max_out_degree)
        warn_if_full(self, self.num_connections, num_in * num_out, "Linear")

    def __repr__(self) -> str:
        return f"SparseLinear({self.num_in}, {self.num_out}, connections={self.num_connections}{self.limits})"

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
        c = Connections.random(self.num_in, self.num_out, number, **options)
        scale = math.sqrt(2.0 / max(1.0, number / self.num_out))
        draws = normals(seed, Stream.THETA, 0, number, index)
        c.theta[:] = np.multiply(scale, np.abs(draws, out=draws), out=draws)
        self.connections, self._sparse = c, SparseParameter(c)
        self._learn(self._sparse)

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
        self._remember(x)
        c = self.connections
        linear.forward(c.pre, c.post, c.polarity, c.theta, self.bias, x, self._out)
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write dE/dw of each connection, and of the biases.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, width)
            dE/d(output).
        wanted : bool
            Whether the gradient of the input is.

        Returns
        -------
        ndarray of float32, shape (num_in, width)
            dE/dx, if it is wanted.
        """
        self._bias_gradient(delta)
        c = self.connections
        linear.weight_gradient(c.pre, c.post, self._x, delta, self._sparse.gradient)
        if wanted:
            linear.input_gradient(c.pre, c.post, c.polarity, c.theta, delta, self._input_gradient())
        return self._dx


class Linear(_Affine):
    """Every output is a bias plus the weighted sum of all inputs.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of neurons on both sides.
    bias : bool
        Whether outputs have biases.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        super().__init__(num_in, num_out, bias)

    def __repr__(self) -> str:
        return f"Linear({self.num_in}, {self.num_out})"

    @property
    def matrix(self) -> Activations:
        """Return the weights, shape (num_out, num_in), not copied; N(0, 2/num_in) at first (He et al. 2015)."""
        return self._dense.value

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw the weights.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            Not used: weights have both signs.
        """
        draws = math.sqrt(2.0 / self.num_in) * normals(seed, Stream.THETA, 0, self.num_in * self.num_out, index)
        self._dense = DenseParameter(draws.astype(np.float32).reshape(self.num_out, self.num_in))
        self._learn(self._dense)

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
        self._remember(x)
        np.dot(self.matrix, x, out=self._out)
        self._out += self.bias[:, np.newaxis]
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases.

        Parameters
        ----------
        delta : ndarray of float32, shape (num_out, width)
            dE/d(output).
        wanted : bool
            Whether the gradient of the input is.

        Returns
        -------
        ndarray of float32, shape (num_in, width)
            dE/dx, if it is wanted.
        """
        self._bias_gradient(delta)
        np.dot(delta, self._x.T, out=self._dense.gradient)
        if wanted:
            np.dot(self.matrix.T, delta, out=self._input_gradient())
        return self._dx
