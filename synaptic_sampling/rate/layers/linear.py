"""Layers that compute weighted sums, sparse and dense."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_integer
from synaptic_sampling._kernels import linear
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.budget import Limits, check_budget, warn_if_dense
from synaptic_sampling.rate.layers.layer import Activations, Layer, WeightedLayer
from synaptic_sampling.rate.layers.parameters import DenseParameter, SparseParameter, aligned
from synaptic_sampling.rate.layers.shapes import Shape
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["Linear", "LinearView", "SparseLinear"]


class LinearView(NamedTuple):
    """What compiled code reads and writes of a `SparseLinear` during a batch; valid until the next batch.

    Attributes
    ----------
    weights : SparseParameter
        The connections, and the gradient of each.
    bias : DenseParameter
        The biases, and the gradient of each.
    learns_bias : bool
        Whether the biases are learned; otherwise they are 0.
    output : ndarray of float32, shape (num_out, width)
        Where the output goes.
    input_gradient : ndarray of float32, shape (num_in, width)
        Where dE/d(input) goes, if it is needed; otherwise of any shape.
    """

    weights: SparseParameter
    bias: DenseParameter
    learns_bias: bool
    output: Activations
    input_gradient: Activations


class _Affine(WeightedLayer):
    """What sparse and dense layers have in common: sizes, and memory for activations."""

    def __init__(self, num_in: int, num_out: int, bias: bool) -> None:
        self.num_in = check_integer("num_in", num_in, minimum=1, maximum=MAX_NEURONS)
        self.num_out = check_integer("num_out", num_out, minimum=1, maximum=MAX_NEURONS)
        super().__init__(np.zeros(num_out, np.float32), bias)
        self._x = self._out = self._dx = aligned(0, 0)

    @property
    def input(self) -> Activations:
        """Return the last input, shape (num_in, width)."""
        return self._x

    def outputs_after(self, num_before: int | Shape | None) -> int:
        """Return ``num_out``."""
        number = num_before.size if isinstance(num_before, Shape) else num_before
        if number not in {None, self.num_in}:
            raise ValueError(f"{self} has {self.num_in} inputs, but the layer before it has {number} outputs.")
        self.check_unused()
        return self.num_out

    def arrays(self) -> dict[str, Activations]:
        """Return copies of the weights and of the biases."""
        return {"weight": self.dense_weights().copy(), "bias": self.bias.copy()}

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer of the same size."""
        if counts is None:
            return Linear(self.num_in, self.num_out, bias=self.has_bias)
        limits = self.limits.options if isinstance(self, SparseLinear) else {}
        return SparseLinear(self.num_in, self.num_out, connections=next(counts), bias=self.has_bias, **limits)

    def write(self, graph: Graph) -> None:
        """Append a matrix product."""
        graph.node("Gemm", *map(graph.constant, self.arrays().values()), transB=1)

    def _remember(self, x: Activations) -> None:
        """Keep the input, and memory for batches of its width."""
        self._x = x
        if self._out.shape[1] != x.shape[1]:
            self._out = aligned(self.num_out, x.shape[1])

    def _input_gradient(self) -> Activations:
        """Return memory for the gradient of the input, which the first layer of a network does not need."""
        if self._dx.shape != self._x.shape:
            self._dx = aligned(*self._x.shape)
        return self._dx

    def _bias_gradient(self, delta: Activations) -> None:
        if self.has_bias:
            linear.sum_rows(delta, self._bias.gradient)


class SparseLinear(_Affine):
    """Every output is a bias plus the weighted sum of the inputs that are connected to it.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of neurons on both sides.
    connectivity : float, optional
        Fraction of the ``num_in * num_out`` sites that hold a connection, above 0 and at most 1; under a rule such as
        `SoftDeepR`, at the start.
    connections : int, optional
        Number of connections, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The largest number of connections of any output, of any input, or of each, as on neuromorphic chips: at the
        start and after every rewiring. A connection for which there is no vacant site is missing until there is one.
    bias : bool
        Whether outputs have biases, which are learned too and are not connections.

    Attributes
    ----------
    num_connections : int
        K: the given number, or ``connectivity`` of the sites, rounded, at least 1. Under a rule such as `SoftDeepR` it
        is the number of active connections at the start; otherwise it is constant, unless limits on degrees leave no
        vacant site.
    connections : Connections, SoftConnections or PotentialConnections
        Once the layer is part of a network; theta starts as ``|N(0, 2/n)|`` for n connections per output on average
        (He et al. 2015).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

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
        warn_if_dense(self, self.num_connections, num_in * num_out, "Linear")

    def __repr__(self) -> str:
        return f"SparseLinear({self.num_in}, {self.num_out}, connections={self.num_connections}{self.limits})"

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw connections and weights."""
        number, sizes = self.num_connections, (self.num_in, self.num_out)
        scale = math.sqrt(2.0 / max(1.0, number / self.num_out))
        self._sparse = storage.draw(*sizes, number, scale, seed=seed, index=index, **self.limits.options)
        self.connections = self._sparse.connections
        self._learn(self._sparse)

    def dense_weights(self) -> Activations:
        """Return the weights [output, input], zeros where there is no connection."""
        return self._sparse.matrix()

    def view(self, x: Activations, *, wanted: bool) -> LinearView:
        """Return what compiled code needs for a batch.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, width)
            Where the input will be.
        wanted : bool
            Whether the gradient of the input is needed.

        Returns
        -------
        LinearView
            Arrays of this layer, not copied.
        """
        self._remember(x)
        dx = self._input_gradient() if wanted else self._dx
        return LinearView(self._sparse, self._bias, self.has_bias, self._out, dx)

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return bias plus weighted sum."""
        self._remember(x)
        self._active = active = self._sparse.active()
        linear.forward(active.pre, active.post, active.polarity, active.size, self.bias, x, self._out)
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write dE/dw of each connection and of the biases; return dE/dx."""
        self._bias_gradient(delta)
        active = self._active
        linear.weight_gradient(active.pre, active.post, self._x, delta, active.gradient)
        self._sparse.keep(active)
        if wanted:
            linear.input_gradient(active.pre, active.post, active.polarity, active.size, delta, self._input_gradient())
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
        """Return the weights, shape (num_out, num_in), not copied; N(0, 2/num_in) at the start (He et al. 2015)."""
        return self._dense.value

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw the weights."""
        draws = math.sqrt(2.0 / self.num_in) * normals(seed, Stream.THETA, 0, self.num_in * self.num_out, index)
        self._dense = DenseParameter(draws.astype(np.float32).reshape(self.num_out, self.num_in))
        self._learn(self._dense)

    def dense_weights(self) -> Activations:
        """Return the weights [output, input], not copied."""
        return self.matrix

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return bias plus weighted sum."""
        self._remember(x)
        np.dot(self.matrix, x, out=self._out)
        self._out += self.bias[:, np.newaxis]
        return self._out

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases; return dE/dx."""
        self._bias_gradient(delta)
        np.dot(delta, self._x.T, out=self._dense.gradient)
        if wanted:
            np.dot(self.matrix.T, delta, out=self._input_gradient())
        return self._dx
