"""Long short-term memory in a graph of ONNX, whose sequences are [step, n, feature]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.rate.export.graph import Graph

__all__ = ["append_lstm"]

#: Gates in the order of ONNX (input, output, forget, cell).
GATES = (0, 3, 1, 2)
#: The type int32 of ONNX.
INT32 = 6

Array = NDArray[np.float32]


def append_lstm(
    graph: Graph, from_input: Array, from_units: Array, bias: Array, *, features: int, masked: bool, last: bool
) -> None:
    """Append an LSTM from frames [n, step, feature] to states, [n, step, 1, unit] or the last one [1, n, unit].

    Parameters
    ----------
    graph : Graph
        Whose last array are the frames.
    from_input, from_units : ndarray, shape (4 * units, features) and (4 * units, units)
        Weights, gates in the order input, forget, cell, output.
    bias : ndarray, shape (4 * units,)
        Biases.
    features : int
        Number of features of a frame without its mark.
    masked : bool
        Whether each frame ends with a mark, above 0 if it is present. Frames that are present come first.
    last : bool
        Whether the last state is wanted only.
    """
    units = from_units.shape[1]
    frames, lengths = graph.node("Transpose", perm=[1, 0, 2]), ""
    if masked:
        mark, end, axis = (graph.integers(n) for n in (features, features + 1, 2))
        graph.node("Slice", mark, end, axis)
        graph.node("Greater", graph.constant(np.float32(0)))
        graph.node("Cast", to=INT32)
        lengths = graph.node("ReduceSum", graph.integers(0, 2), keepdims=0)
        graph.last = frames
        graph.node("Slice", graph.integers(0), mark, axis)
    gates = [part.reshape(4, units, -1)[GATES, :].reshape(1, 4 * units, -1) for part in (from_input, from_units, bias)]
    gates[2] = np.concatenate([gates[2][:, :, 0], np.zeros((1, 4 * units), np.float32)], axis=1)
    names = [f"{name}_{len(graph.nodes)}" for name in ("states", "last")]
    graph.node("LSTM", *map(graph.constant, gates), lengths, outputs=tuple(names), hidden_size=units)
    if not last:
        graph.last = names[0]
        graph.node("Transpose", perm=[2, 0, 1, 3])  # From [step, direction, n, unit].
