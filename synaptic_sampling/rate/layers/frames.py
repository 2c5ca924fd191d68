"""Sequences of frames: how many, how wide, and a layer that is applied to each of them."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._checks import check_integer
from synaptic_sampling.rate.layers.linear import Activations, Layer, Signs
from synaptic_sampling.rate.layers.parameters import Parameter, aligned

__all__ = ["EachFrame", "Frames", "pack"]


class Frames(int):
    """A number of outputs that knows in which frames they are arranged: frame, then feature.

    Parameters
    ----------
    steps, features : int
        How many frames, and numbers in each.
    masked : bool
        Whether each frame ends with one number more: above 0 if the frame is there. By it sequences of different
        lengths stand in one batch.
    """

    steps: int
    features: int
    masked: bool

    def __new__(cls, steps: int, features: int, masked: bool = False) -> Frames:
        """Return the number."""
        self = super().__new__(cls, steps * (features + masked))
        self.steps, self.features, self.masked = steps, features, masked
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Return steps, and numbers in each."""
        return self.steps, self.features + self.masked


def pack(sequences: list[Activations], steps: int | None = None) -> Activations:
    """Return sequences of different lengths as samples of a network that begins with a masked LSTM.

    Parameters
    ----------
    sequences : list of ndarray, shape (length, features)
        The frames of each.
    steps : int, optional
        Frames that a sample holds; by default the length of the longest.

    Returns
    -------
    ndarray of float32, shape (n, steps * (features + 1))
        Each frame followed by 1; zeros where a sequence has ended.

    Raises
    ------
    TypeError, ValueError
        If there are no sequences, one has another shape, or one is longer than ``steps``.
    """
    if not isinstance(sequences, list | tuple):
        raise TypeError(f"sequences must be a list of arrays [length, features], got {type(sequences).__name__}.")
    if not sequences or any(np.ndim(frames) != 2 for frames in sequences):
        raise ValueError("sequences must be a list of arrays [length, features] and hold one at least.")
    features, longest = sequences[0].shape[1], max(map(len, sequences))
    steps = longest if steps is None else check_integer("steps", steps, minimum=1, maximum=2**31)
    if longest > steps:
        raise ValueError(f"a sequence of {longest} frames does not fit in {steps}; give more steps or cut it.")
    out = np.zeros((len(sequences), steps, features + 1), np.float32)
    for row, frames in zip(out, sequences, strict=True):
        if frames.shape[1] != features:
            raise ValueError(f"all frames must have {features} features, got {frames.shape[1]}.")
        row[: len(frames), :features], row[: len(frames), features] = frames, 1
    return out.reshape(len(out), -1)


class EachFrame:
    """A layer that is applied to every frame of a sequence, with the same weights; it must follow a layer of frames.

    Parameters
    ----------
    layer : Layer
        Such as SparseLinear or Linear.

    Raises
    ------
    TypeError
        If ``layer`` is none.
    """

    def __init__(self, layer: Layer) -> None:
        if not callable(getattr(layer, "backward", None)):
            raise TypeError(f"layer must be a layer such as SparseLinear, got {layer!r}.")
        self.layer = layer

    def __repr__(self) -> str:
        return f"EachFrame({self.layer})"

    @property
    def parameters(self) -> list[Parameter]:
        """Return what the layer learns."""
        return self.layer.parameters

    def outputs_after(self, num_before: int | None) -> Frames:
        """Return the frames of the output; they end with no mark of whether they are there.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before.

        Returns
        -------
        Frames
            Their number, which knows their arrangement.

        Raises
        ------
        ValueError
            If what comes before is no frames, or the layer does not fit.
        """
        if not isinstance(num_before, Frames):
            raise ValueError(f"{self} must follow a layer of frames, such as SparseLSTM(..., output='all').")
        self.before = num_before
        self.after = Frames(num_before.steps, int(self.layer.outputs_after(num_before.features)))
        self._columns = aligned(0, 0)
        return self.after

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Draw the weights of the layer.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : str, int or array_like
            See `Connections`.
        """
        self.layer.build(seed, index, signs)

    def forward(self, x: Activations) -> Activations:
        """Return the outputs of all frames.

        Parameters
        ----------
        x : ndarray of float32, shape (num_in, batch)
            The input.

        Returns
        -------
        ndarray of float32, shape (num_out, batch)
            The output.
        """
        steps, features, batch = self.before.steps, self.before.features, x.shape[1]
        if self._columns.shape[1] != steps * batch:
            self._columns = aligned(features, steps * batch)
        frames = x.reshape(*self.before.shape, batch)[:, :features]
        self._columns.reshape(features, steps, batch)[:] = frames.transpose(1, 0, 2)
        return self._turned(self.layer.forward(self._columns), self.after.features, steps)

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Write the gradients of the layer.

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
        steps, batch = self.before.steps, delta.shape[1]
        slopes = aligned(self.after.features, steps * batch)
        slopes.reshape(-1, steps, batch)[:] = delta.reshape(steps, -1, batch).transpose(1, 0, 2)
        own = self.layer.backward(slopes, wanted=wanted)
        dx = np.zeros((*self.before.shape, batch), np.float32)
        if wanted:
            dx[:, : self.before.features] = own.reshape(-1, steps, batch).transpose(1, 0, 2)
        return dx.reshape(int(self.before), batch)

    @staticmethod
    def _turned(columns: Activations, features: int, steps: int) -> Activations:
        """Return [feature, (frame, batch)] as [(frame, feature), batch]."""
        frames = columns.reshape(features, steps, -1).transpose(1, 0, 2)
        return np.ascontiguousarray(frames).reshape(steps * features, -1)
