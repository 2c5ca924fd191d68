"""Long short-term memory, sparse and dense, over sequences whose lengths may differ."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels import lstm
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.tiles import SLOTS, _group
from synaptic_sampling.connections import Connections
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.budget import Limits, check_budget, warn_if_full
from synaptic_sampling.rate.frames import Frames
from synaptic_sampling.rate.layers import Activations, Signs
from synaptic_sampling.rate.parameters import DenseParameter, Parameter, SparseParameter, aligned
from synaptic_sampling.sites import MAX_NEURONS

__all__ = ["LSTM", "SparseLSTM"]

Array = NDArray[Any]
Long = NDArray[np.int64]

#: Input, forget, cell and output gate, in this order.
GATES = "ifgo"
#: The eight matrices: from the input (x) or the units (h) to each of the gates.
MATRICES = tuple(source + gate for source in "xh" for gate in GATES)
OUTPUTS = ("last", "all")
MAX_STEPS = 2**20


class _Recurrent:
    """What sparse and dense LSTMs have in common; see `SparseLSTM` for the arguments."""

    connections: Connections | None = None

    def __init__(
        self,
        inputs: int,
        units: int,
        steps: int | None,
        masked: bool,
        output: str,
        window: int | None,
        forget_bias: float,
    ) -> None:
        self.inputs = check_integer("inputs", inputs, minimum=1, maximum=MAX_NEURONS)
        self.units = check_integer("units", units, minimum=1, maximum=MAX_NEURONS // 4)
        self.steps = None if steps is None else check_integer("steps", steps, minimum=1, maximum=MAX_STEPS)
        if not isinstance(masked, bool):
            raise TypeError(f"masked must be True or False, got {masked!r}.")
        if not isinstance(output, str) or output not in OUTPUTS:
            raise ValueError(f"output must be 'last' or 'all', got {output!r}.")
        self.masked, self.output = masked, output
        self.window = MAX_STEPS if window is None else check_integer("window", window, minimum=1, maximum=MAX_STEPS)
        bias = np.zeros(4 * units, np.float32)
        bias[units : 2 * units] = check_number("forget_bias", forget_bias)
        self.parameters: list[Parameter] = []
        self._bias = DenseParameter(bias)
        self.blocks: list[tuple[slice, slice, DenseParameter]] = []

    @property
    def bias(self) -> Activations:
        """Return the biases of input, forget, cell and output gates, shape (4*units,)."""
        return self._bias.value

    def outputs_after(self, num_before: int | None) -> int:
        """Return the number of outputs, if the layer can stand where it is put.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before; None for the first layer.

        Returns
        -------
        int
            ``units``; with ``output='all'`` a number that knows the arrangement in frames.

        Raises
        ------
        ValueError
            If the layer before has other outputs, the number of steps is not known, or the layer is part of a
            network already.
        """
        if self.parameters:
            raise ValueError(f"{self} is part of a network already; make a new layer.")
        steps = num_before.steps if isinstance(num_before, Frames) else self.steps
        if steps is None:
            raise ValueError(f"{self} must know how many frames its input has; give steps.")
        before = Frames(steps, self.inputs, self.masked)
        if num_before not in {None, before} or getattr(num_before, "shape", before.shape) != before.shape:
            raise ValueError(
                f"{self} has {steps} frames of {self.inputs} inputs{' and a mark' if self.masked else ''}, but the "
                f"layer before it has {getattr(num_before, 'shape', num_before)} outputs."
            )
        self.before, self.num_in = before, int(before)
        self.after = Frames(steps, self.units, self.masked)
        self.num_out = int(self.after) if self.output == "all" else self.units
        self._z = np.empty((0, 0, 0), np.float32)
        return self.after if self.output == "all" else self.units

    def forward(self, x: Activations) -> Activations:
        """Return h of all steps, or of the last.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The frames.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            The last one, or all, each followed by its mark where frames have marks.
        """
        self._load(x.reshape(*self.before.shape, -1))
        steps, own = self._length, self._sorted(by="target")
        present, z, gates, cells = self._present, self._z, self._gates[:steps], self._cells
        if not self.blocks:
            lstm._forward(*own[:3], self.bias, present, z, gates, cells)
        for t in range(steps if self.blocks else 0):
            lstm._sums(*own[:3], self.bias, z, t, gates)
            for rows, columns, block in self.blocks:
                gates[t, rows] += block.value @ z[t, columns]
            lstm._cell(t, present, gates, cells, z)
        h = z[:, self.inputs :]
        if self.output == "last":
            return h[steps].copy()
        out = np.empty((*self.after.shape, x.shape[1]), np.float32)
        out[:steps, : self.units], out[steps:, : self.units] = h[1 : steps + 1], h[steps]
        if self.masked:
            out[:, self.units] = present
        return out.reshape(self.num_out, -1)

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
        steps, batch = self._length, delta.shape[1]
        outside = np.zeros((steps, self.units, batch), np.float32)
        dh, dc, flow = (aligned(self.units, batch) for _ in range(3))
        if self.output == "all":
            slopes = delta.reshape(*self.after.shape, batch)[:, : self.units]
            outside[:] = slopes[:steps]
            dh[:] = slopes[steps:].sum(axis=0)
        else:
            dh[:] = delta
        self._unroll(outside, dh, dc, flow)
        np.sum(self._gates[:steps], axis=(0, 2), out=self._bias.gradient)
        self._weight_gradients()
        dx = np.zeros((*self.before.shape, batch), np.float32)
        if wanted:
            dx[:steps, : self.inputs] = self._input_gradient()
        return dx.reshape(self.num_in, batch)

    def _learn(self, weights: list[Parameter]) -> None:
        self.parameters = [*weights, self._bias]

    def _load(self, frames: Array) -> None:
        """Write the input where h will stand beside it, and make memory for batches of its width."""
        steps, _, batch = frames.shape
        wide = self.inputs + self.units
        if self._z.shape[2] != batch:
            self._z = aligned((steps + 1) * wide, batch).reshape(steps + 1, wide, batch)
            self._gates = aligned(steps * 4 * self.units, batch).reshape(steps, 4 * self.units, batch)
            self._cells = aligned((steps + 1) * self.units, batch).reshape(steps + 1, self.units, batch)
            self._present: Activations = np.ones((steps, batch), np.float32)
        self._z[:steps, : self.inputs] = frames[:, : self.inputs]
        if self.masked:
            self._present[:] = frames[:, self.inputs] > 0
        there = np.flatnonzero(self._present.any(axis=1))
        #: Steps up to the last frame of the longest sequence; nothing changes after.
        self._length = int(there[-1]) + 1 if len(there) else 0

    def _unroll(self, outside: Array, dh: Array, dc: Array, flow: Array) -> None:
        """Go back through all steps; the gates become dE/d(sum)."""
        gates, own, first = self._gates[: self._length], self._sorted(by="source"), self.inputs
        if not self.blocks:
            lstm._backward(*own[:3], self.window, first, self._present, gates, self._cells, outside, dh, dc, flow)
            return
        for t in range(self._length - 1, -1, -1):
            dh += outside[t]
            keep = np.float32(t % self.window != 0)
            lstm._cell_backward(t, keep, self._present, gates, self._cells, dh, dc)
            if keep:
                lstm._flow(t, first, *own[:3], gates, flow)
                dh += flow
                for rows, columns, block in self.blocks:
                    if columns.stop > first:
                        dh += block.value[:, -self.units :].T @ gates[t, rows]

    def _input_gradient(self) -> Array:
        """Return dE/dx [step, input, batch]."""
        gates = self._gates[: self._length]
        dx = np.empty((self._length, self.inputs, gates.shape[2]), np.float32)
        lstm._input_gradient(*self._sorted(by="source")[:3], gates, dx)
        for rows, columns, block in self.blocks:
            if columns.start < self.inputs:
                dx += np.matmul(block.value[:, : self.inputs].T, gates[:, rows])
        return dx

    def _weight_gradients(self) -> None:
        """Write dE/dw of every block."""
        for rows, columns, block in self.blocks:
            sources, slopes = self._z[: self._length, columns], self._gates[: self._length, rows]
            block.gradient[:] = np.tensordot(slopes, sources, axes=((0, 2), (0, 2)))

    def _sorted(self, *, by: str) -> tuple[Long, Activations, Long, Long]:
        """Return the connections sorted by 'target' or 'source': starts, weights, places they read, slots."""
        number = 4 * self.units if by == "target" else self.inputs + self.units
        starts, c = np.zeros(number + 1, np.int64), self.connections
        if c is None:
            return starts, np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
        group, other = (c.post, c.pre) if by == "target" else (c.pre, c.post)
        order = np.empty(len(group), np.int64)
        _group(group.astype(np.int64), starts, order)
        return starts, c.weights[order], other[order] * np.int64(self._z.shape[2]), order


class SparseLSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, forget gates of Gers et al. 2000) with sparse matrices.

    All sparse matrices are one set of connections with one budget, as the paper has one for a layer: DEEP R can move
    a connection from one gate to another, or from the input to the recurrent side, as well as within a matrix. A site
    is a weight: presynaptic are the inputs, then the units; postsynaptic ``gate * units + unit`` with the gates input,
    forget, cell, output.

    Parameters
    ----------
    inputs, units : int
        Numbers in a frame, and of memory cells.
    connectivity : float, optional
        Share of the weights of the sparse matrices that exist.
    connections : int, optional
        How many, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The most sparse connections of any gate of a unit, (4*units,), and of any input or unit to all gates,
        (inputs + units,): at the start, and however the layer is rewired.
    dense : sequence or set of str
        Which matrices are dense instead: 'x' (from the input) or 'h' (from the units) and the gate 'i', 'f', 'g'
        (cell) or 'o', such as 'xg'. None by default; not all.
    steps : int, optional
        Frames in a sample, for the first layer; later ones learn it from the layer before.
    masked : bool
        Whether each frame is followed by a mark, above 0 if it is there (see `pack`). A frame that is not there
        leaves the state as it is.
    output : {'last', 'all'}
        h after the last frame that is there, or after every frame, followed by the mark of the frame if masked.
    window : int, optional
        Truncated backpropagation: gradients do not flow back through the frames 0, ``window``, 2 ``window``, ...,
        so that an error is sent back less than ``window`` frames. By default they flow through all.
    forget_bias : float
        Bias of the forget gates at first; 1 keeps memory open (Jozefowicz et al. 2015).

    Attributes
    ----------
    num_connections : int
        K, as given.
    connections : Connections
        As soon as the layer is part of a network. theta is at first |N(0, 1/n)| for n connections per gate on average.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    connections: Connections

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        connectivity: float | None = None,
        connections: int | None = None,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        dense: Sequence[str] | Set[str] = (),
        steps: int | None = None,
        masked: bool = False,
        output: str = "last",
        window: int | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(inputs, units, steps, masked, output, window, forget_bias)
        if (
            isinstance(dense, str)
            or not isinstance(dense, Sequence | Set)
            or not all(isinstance(n, str) for n in dense)
        ):
            raise TypeError(f"dense must be a list of names such as 'xg', got {dense!r}.")
        if set(dense) - set(MATRICES) or len(set(dense)) == len(MATRICES):
            raise ValueError(f"dense must hold some of {', '.join(MATRICES)}, not all, got {dense!r}.")
        self.dense = tuple(name for name in MATRICES if name in dense)
        sites = sum(units * (inputs if name[0] == "x" else units) for name in MATRICES if name not in self.dense)
        self.num_connections = check_budget(connectivity, connections, sites)
        self.limits = Limits((inputs + units, 4 * units), self.num_connections, max_in_degree, max_out_degree)
        warn_if_full(self, self.num_connections, sites, "LSTM")

    def __repr__(self) -> str:
        dense = f", dense={self.dense}" if self.dense else ""
        return f"SparseLSTM({self.inputs}, {self.units}, connections={self.num_connections}{self.limits}{dense})"

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw wiring and weights.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            See `Connections`.
        """
        sources, number, inputs, units = self.inputs + self.units, self.num_connections, self.inputs, self.units
        options = self.limits.options | {"signs": signs, "seed": seed, "index": index, "dtype": np.float32}
        if self.dense:
            sparse = np.array([name not in self.dense for name in MATRICES]).reshape(2, len(GATES))
            options["candidates"] = lambda pre, post: sparse[(pre >= inputs).astype(np.int8), post // units]
        c = Connections.random(sources, 4 * units, number, **options)
        draws = normals(seed, Stream.THETA, 0, number + len(self.dense) * units * max(inputs, units), index)
        c.theta[:] = math.sqrt(1.0 / max(1.0, number / (4 * units))) * np.abs(draws[:number])
        self.connections, self._sparse = c, SparseParameter(c)
        for n, name in enumerate(self.dense):
            gate, columns = GATES.index(name[1]), slice(0, inputs) if name[0] == "x" else slice(inputs, sources)
            width = columns.stop - columns.start
            values = draws[number + n * units * max(inputs, units) :][: units * width] / math.sqrt(sources)
            block = DenseParameter(values.astype(np.float32).reshape(units, width))
            self.blocks.append((slice(gate * units, (gate + 1) * units), columns, block))
        self._learn([self._sparse, *(block for _, _, block in self.blocks)])

    def _weight_gradients(self) -> None:
        starts, _, base, order = self._sorted(by="target")
        sums, gates = np.empty(SLOTS * LANES, np.float32), self._gates[: self._length]
        lstm._weight_gradient(starts, base, order, self._z, gates, sums, self._sparse.gradient)
        super()._weight_gradients()


class LSTM(_Recurrent):
    """Long short-term memory in which every weight exists, by matrix products.

    Parameters
    ----------
    inputs, units : int
        Numbers in a frame, and of memory cells.
    steps, masked, output, window, forget_bias
        As for `SparseLSTM`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        steps: int | None = None,
        masked: bool = False,
        output: str = "last",
        window: int | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(inputs, units, steps, masked, output, window, forget_bias)

    def __repr__(self) -> str:
        return f"LSTM({self.inputs}, {self.units})"

    @property
    def matrix(self) -> Activations:
        """Return the weights [gate and unit, input and unit], not copied."""
        return self.blocks[0][2].value

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw the weights, N(0, 1/(inputs + units)).

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            Not used: weights have both signs.
        """
        shape = 4 * self.units, self.inputs + self.units
        draws = normals(seed, Stream.THETA, 0, shape[0] * shape[1], index) / math.sqrt(shape[1])
        block = DenseParameter(draws.astype(np.float32).reshape(shape))
        self.blocks = [(slice(0, shape[0]), slice(0, shape[1]), block)]
        self._learn([block])
