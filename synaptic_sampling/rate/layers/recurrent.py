"""Long short-term memory, sparse and dense, over sequences whose lengths may differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels import lstm
from synaptic_sampling._kernels.tiles import in_groups
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.export.sequences import append_lstm
from synaptic_sampling.rate.layers.budget import Limits, check_budget, warn_if_dense
from synaptic_sampling.rate.layers.layer import Activations, Layer, WeightedLayer
from synaptic_sampling.rate.layers.parameters import DenseParameter, aligned
from synaptic_sampling.rate.layers.shapes import Frames, Shape
from synaptic_sampling.rate.layers.steps import by_columns, weight_gradient
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["LSTM", "SparseLSTM"]

Array = NDArray[Any]
Long = NDArray[np.int64]

#: Input, forget, cell and output gate, in this order.
GATES = "ifgo"
#: The eight matrices: from the input (x) or the units (h) to each of the gates.
MATRICES = tuple(source + gate for source in "xh" for gate in GATES)
OUTPUTS = ("last", "all")
MAX_STEPS = 2**20


class _Recurrent(WeightedLayer):
    """What sparse and dense LSTMs have in common; see `SparseLSTM` for the arguments."""

    #: Dense parts of the matrix [gate and unit, input and unit]: rows, columns, weights.
    blocks: list[tuple[slice, slice, DenseParameter]]
    #: Connections, in a sparse one.
    _sparse: Any = None
    _active: Any = None

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
        super().__init__(bias)
        self.blocks = []

    @property
    def details(self) -> dict[str, Any]:
        """Return the number of frames, how they are read, and how far errors are propagated back."""
        return {"steps": self.before.steps, "masked": self.masked, "output": self.output, "window": self.window}

    def outputs_after(self, num_before: int | Shape | None) -> int | Shape:
        """Return the number of outputs, or the frames of the output."""
        self.check_unused()
        steps = num_before.steps if isinstance(num_before, Frames) else self.steps
        if steps is None:
            raise ValueError(f"{self} must know how many frames its input has; give steps=.")
        before = Frames(steps, self.inputs, self.masked)
        if not before.accepts(num_before):
            raise ValueError(
                f"{self} has {steps} frames of {self.inputs} inputs{' and a mark' if self.masked else ''}, but the "
                f"layer before it has {num_before} outputs."
            )
        self.before, self.num_in = before, before.size
        self.after = Frames(steps, self.units, self.masked)
        self.num_out = self.after.size if self.output == "all" else self.units
        self._z = np.empty((0, 0, 0), np.float32)
        return self.after if self.output == "all" else self.units

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return h after the last frame, or after every frame, followed by its mark."""
        self._load(x.reshape(*self.before.shape, -1))
        self._active = None if self._sparse is None else self._sparse.active()
        steps, own = self._length, self._sorted(by="target")
        self._by_target = own
        present, z, gates, cells = self._present, self._z, self._gates[:steps], self._cells
        if not self.blocks:
            by_columns(lstm.forward, z, self.units, *own[:3], self.bias, present, z, gates, cells)
        every = 0, x.shape[1]
        for t in range(steps if self.blocks else 0):
            lstm.row_sums(*own[:3], self.bias, z, t, gates, every)
            for rows, columns, block in self.blocks:
                gates[t, rows] += block.value @ z[t, columns]
            lstm.cell(t, present, gates, cells, z, every)
        h = z[:, self.inputs :]
        if self.output == "last":
            return h[steps].copy()
        out = np.empty((*self.after.shape, x.shape[1]), np.float32)
        out[:steps, : self.units], out[steps:, : self.units] = h[1 : steps + 1], h[steps]
        if self.masked:
            out[:, self.units] = present
        return out.reshape(self.num_out, -1)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of weights and biases; return dE/dx."""
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

    def dense_weights(self) -> Activations:
        """Return the weights [gate and unit, input and unit], zeros where there is none."""
        shape = 4 * self.units, self.inputs + self.units
        weights = np.zeros(shape, np.float32) if self._sparse is None else self._sparse.matrix()
        for rows, columns, block in self.blocks:
            weights[rows, columns] = block.value
        return weights

    def arrays(self) -> dict[str, Activations]:
        """Return copies of both matrices and of the biases, gates in the order input, forget, cell, output."""
        weights = self.dense_weights()
        parts = {"weight_ih": weights[:, : self.inputs], "weight_hh": weights[:, self.inputs :]}
        return {**{name: np.ascontiguousarray(part) for name, part in parts.items()}, "bias": self.bias.copy()}

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer of the same size, for the same frames."""
        options: dict[str, Any] = {name: getattr(self, name) for name in ("steps", "masked", "output", "window")}
        if counts is None:
            return LSTM(self.inputs, self.units, **options)
        if isinstance(self, SparseLSTM):
            options |= {"dense": self.dense, **self.limits.options}
        return SparseLSTM(self.inputs, self.units, connections=next(counts), **options)

    def write(self, graph: Graph) -> None:
        """Append an LSTM, with the lengths of masked sequences."""
        if self.masked and self.output == "all":
            super().write(graph)
        graph.reshape(-1, *self.before.shape)
        append_lstm(
            graph, *self.arrays().values(), features=self.inputs, masked=self.masked, last=self.output == "last"
        )
        graph.reshape(-1, self.num_out)

    def _load(self, frames: Array) -> None:
        """Write the input beside the place of h, and allocate memory for batches of another width."""
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
        #: Steps up to the last frame of the longest sequence, after which nothing changes.
        self._length = int(there[-1]) + 1 if len(there) else 0

    def _unroll(self, outside: Array, dh: Array, dc: Array, flow: Array) -> None:
        """Propagate back through all steps; the gates become dE/d(sum)."""
        gates, own, first = self._gates[: self._length], self._sorted(by="source"), self.inputs
        if not self.blocks:
            state = self._present, gates, self._cells, outside, dh, dc, flow
            by_columns(lstm.backward, self._z, self.units, *own[:3], self.window, first, *state)
            return
        every = 0, dh.shape[1]
        for t in range(self._length - 1, -1, -1):
            dh += outside[t]
            keep = np.float32(t % self.window != 0)
            lstm.cell_backward(t, keep, self._present, gates, self._cells, dh, dc, every)
            if keep:
                lstm.flow_back(t, first, *own[:3], gates, flow, every)
                dh += flow
                for rows, columns, block in self.blocks:
                    if columns.stop > first:
                        dh += block.value[:, -self.units :].T @ gates[t, rows]

    def _input_gradient(self) -> Array:
        """Return dE/dx [step, input, batch]."""
        gates = self._gates[: self._length]
        dx = np.empty((self._length, self.inputs, gates.shape[2]), np.float32)
        by_columns(lstm.input_gradient, self._z, self.units, *self._sorted(by="source")[:3], gates, dx)
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
        """Return connections sorted by 'target' or 'source': starts of groups, weights, places that are read, order."""
        number = 4 * self.units if by == "target" else self.inputs + self.units
        starts, active = np.zeros(number + 1, np.int64), self._active
        if active is None:
            return starts, np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
        group, other = (active.post, active.pre) if by == "target" else (active.pre, active.post)
        order = np.empty(len(group), np.int64)
        in_groups(group.astype(np.int64), starts, order)
        return starts, active.weights[order], other[order] * np.int64(self._z.shape[2]), order


class SparseLSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, forget gates of Gers et al. 2000) with sparse matrices.

    All sparse matrices form one set of connections with one budget, as a layer does in the paper: DEEP R can move a
    connection from one gate to another, or from the input to the recurrent side, as well as within a matrix.
    Presynaptic are the inputs, followed by the units; postsynaptic is ``gate * units + unit``, with the gates input,
    forget, cell, output.

    Parameters
    ----------
    inputs, units : int
        Number of features per frame, and of memory cells.
    connectivity : float, optional
        Fraction of the weights of the sparse matrices that exist.
    connections : int, optional
        Number of connections, instead of ``connectivity``.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The largest number of sparse connections of any gate of a unit, (4*units,), and of any input or unit to all
        gates, (inputs + units,): at the start and after every rewiring.
    dense : sequence or set of str
        Matrices that are dense instead: 'x' (from the input) or 'h' (from the units), followed by the gate 'i', 'f',
        'g' (cell) or 'o', for example 'xg'. Not all of them; by default, all are sparse.
    steps : int, optional
        Number of frames per sample, for the first layer; known for later ones.
    masked : bool
        Whether each frame is followed by a mark, which is above 0 if the frame is present (see `pack`). An absent
        frame leaves the state unchanged.
    output : {'last', 'all'}
        h after the last frame that is present, or after every frame, followed by the mark of the frame if masked.
    window : int, optional
        Truncated backpropagation: gradients do not flow back beyond the frames 0, ``window``, 2 ``window``, ..., so
        that an error is propagated back by less than ``window`` frames; where one of these frames is absent, they flow
        on to the one before. By default an error is propagated through all.
    forget_bias : float
        Bias of the forget gates at the start; 1 keeps memory open (Jozefowicz et al. 2015).

    Attributes
    ----------
    num_connections : int
        K, see `SparseLinear`.
    connections : Connections, SoftConnections or PotentialConnections
        Once the layer is part of a network; theta starts as ``|N(0, 1/n)|`` for n connections per gate on average.

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
            raise TypeError(f"dense must be a list of names of matrices such as 'xg', got {dense!r}.")
        if set(dense) - set(MATRICES) or len(set(dense)) == len(MATRICES):
            raise ValueError(f"dense must contain some of {', '.join(MATRICES)}, not all, got {dense!r}.")
        self.dense = tuple(name for name in MATRICES if name in dense)
        sites = sum(units * (inputs if name[0] == "x" else units) for name in MATRICES if name not in self.dense)
        self.num_connections = check_budget(connectivity, connections, sites)
        self.limits = Limits((inputs + units, 4 * units), self.num_connections, max_in_degree, max_out_degree)
        warn_if_dense(self, self.num_connections, sites, "LSTM")

    def __repr__(self) -> str:
        dense = f", dense={self.dense}" if self.dense else ""
        return f"SparseLSTM({self.inputs}, {self.units}, connections={self.num_connections}{self.limits}{dense})"

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw connections and weights."""
        sources, number, inputs, units = self.inputs + self.units, self.num_connections, self.inputs, self.units
        options = dict(self.limits.options)
        if self.dense:
            sparse = np.array([name not in self.dense for name in MATRICES]).reshape(2, len(GATES))
            options["candidates"] = lambda pre, post: sparse[(pre >= inputs).astype(np.int8), post // units]
        scale = math.sqrt(1.0 / max(1.0, number / (4 * units)))
        self._sparse = storage.draw(sources, 4 * units, number, scale, seed=seed, index=index, **options)
        self.connections = self._sparse.connections
        self.blocks = []
        # Those of connections come first.
        draws = normals(seed, Stream.THETA, 0, number + len(self.dense) * units * max(inputs, units), index)
        for n, name in enumerate(self.dense):
            gate, columns = GATES.index(name[1]), slice(0, inputs) if name[0] == "x" else slice(inputs, sources)
            width = columns.stop - columns.start
            values = draws[number + n * units * max(inputs, units) :][: units * width] / math.sqrt(sources)
            block = DenseParameter(values.astype(np.float32).reshape(units, width))
            self.blocks.append((slice(gate * units, (gate + 1) * units), columns, block))
        self._learn(self._sparse, *(block for _, _, block in self.blocks))

    def _weight_gradients(self) -> None:
        starts, _, base, order = self._by_target
        weight_gradient(starts, base, order, self._z, self._gates[: self._length], self._active.gradient)
        self._sparse.keep(self._active)
        super()._weight_gradients()


class LSTM(_Recurrent):
    """Long short-term memory with dense matrices, by matrix products.

    Parameters
    ----------
    inputs, units : int
        Number of features per frame, and of memory cells.
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

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw the weights, N(0, 1/(inputs + units))."""
        shape = 4 * self.units, self.inputs + self.units
        draws = normals(seed, Stream.THETA, 0, shape[0] * shape[1], index) / math.sqrt(shape[1])
        block = DenseParameter(draws.astype(np.float32).reshape(shape))
        self.blocks = [(slice(0, shape[0]), slice(0, shape[1]), block)]
        self._learn(block)
