"""Sequences of frames as samples, and a layer that is applied to each frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from synaptic_sampling._checks import check_integer
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.layer import Activations, Layer
from synaptic_sampling.rate.layers.parameters import Parameter, aligned
from synaptic_sampling.rate.layers.shapes import Frames, Shape
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["EachFrame", "pack"]


def pack(sequences: list[Activations], steps: int | None = None) -> Activations:
    """Return sequences of different lengths as samples of a network whose first layer is a masked LSTM.

    Parameters
    ----------
    sequences : list of ndarray, shape (length, features)
        The frames of each.
    steps : int, optional
        Number of frames per sample; by default the length of the longest sequence.

    Returns
    -------
    ndarray of float32, shape (n, steps * (features + 1))
        Each frame followed by 1; zeros after the end of a sequence.

    Raises
    ------
    TypeError, ValueError
        If there are no sequences, their shapes differ in more than their lengths, or one is longer than ``steps``.
    """
    if not isinstance(sequences, list | tuple):
        raise TypeError(f"sequences must be a list of arrays [length, features], got {type(sequences).__name__}.")
    if not sequences or any(np.ndim(frames) != 2 for frames in sequences):
        raise ValueError("sequences must be a list of arrays [length, features] with at least one array.")
    features, longest = sequences[0].shape[1], max(map(len, sequences))
    steps = longest if steps is None else check_integer("steps", steps, minimum=1, maximum=2**31)
    if longest > steps:
        raise ValueError(
            f"sequences: a sequence of {longest} frames does not fit in {steps}; increase steps or shorten it."
        )
    out = np.zeros((len(sequences), steps, features + 1), np.float32)
    for row, frames in zip(out, sequences, strict=True):
        if frames.shape[1] != features:
            raise ValueError(f"sequences: all frames must have {features} features, got {frames.shape[1]}.")
        row[: len(frames), :features], row[: len(frames), features] = frames, 1
    return out.reshape(len(out), -1)


class EachFrame(Layer):
    """A layer that is applied to every frame of a sequence with the same weights; it must follow a layer of frames.

    Parameters
    ----------
    layer : Layer
        For example a SparseLinear or a Linear.

    Raises
    ------
    TypeError
        If ``layer`` is not a layer.
    """

    def __init__(self, layer: Layer) -> None:
        if not isinstance(layer, Layer):
            raise TypeError(f"layer must be a layer such as SparseLinear, got {layer!r}.")
        self.layer = layer

    def __repr__(self) -> str:
        return f"EachFrame({self.layer})"

    @property
    def parameters(self) -> list[Parameter]:  # type: ignore[override]
        """Return what the layer learns."""
        return self.layer.parameters

    @property
    def weighted(self) -> list[Any]:
        """Return the layer that is applied, if it has weights."""
        return self.layer.weighted

    @property
    def details(self) -> dict[str, Any]:
        """Return those of the layer that is applied."""
        return self.layer.details

    def outputs_after(self, num_before: int | Shape | None) -> Frames:
        """Return the frames of the output, which have no marks."""
        if not isinstance(num_before, Frames):
            raise ValueError(f"{self} must follow a layer of frames, such as SparseLSTM(..., output='all').")
        self.before = num_before
        self.after = Frames(num_before.steps, int(self.layer.outputs_after(num_before.features)))
        self._columns = aligned(0, 0)
        return self.after

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Draw the weights of the layer."""
        self.layer.build(seed, index, storage)

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return the outputs for all frames."""
        steps, features, batch = self.before.steps, self.before.features, x.shape[1]
        if self._columns.shape[1] != steps * batch:
            self._columns = aligned(features, steps * batch)
        frames = x.reshape(*self.before.shape, batch)[:, :features]
        self._columns.reshape(features, steps, batch)[:] = frames.transpose(1, 0, 2)
        return self._turned(self.layer.forward(self._columns, training=training), self.after.features, steps)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of the layer; return dE/dx."""
        steps, batch = self.before.steps, delta.shape[1]
        slopes = aligned(self.after.features, steps * batch)
        slopes.reshape(-1, steps, batch)[:] = delta.reshape(steps, -1, batch).transpose(1, 0, 2)
        own = self.layer.backward(slopes, wanted=wanted)
        dx = np.zeros((*self.before.shape, batch), np.float32)
        if wanted:
            dx[:, : self.before.features] = own.reshape(-1, steps, batch).transpose(1, 0, 2)
        return dx.reshape(self.before.size, batch)

    def arrays(self) -> dict[str, Activations]:
        """Return the arrays of the layer."""
        return self.layer.arrays()

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return the same application of a new layer."""
        return EachFrame(self.layer.copied(counts))

    def write(self, graph: Graph) -> None:
        """Append the layer between two changes of shape: frames take the place of samples."""
        graph.reshape(-1, self.before.features)
        self.layer.write(graph)
        graph.reshape(-1, self.after.size)

    @staticmethod
    def _turned(columns: Activations, features: int, steps: int) -> Activations:
        """Return [feature, (frame, batch)] as [(frame, feature), batch]."""
        frames = columns.reshape(features, steps, -1).transpose(1, 0, 2)
        return np.ascontiguousarray(frames).reshape(steps * features, -1)
