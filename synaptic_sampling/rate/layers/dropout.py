"""Dropout (Srivastava et al. 2014): during training, a random part of the activations is set to 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from synaptic_sampling._checks import check_number
from synaptic_sampling.randomness import Stream, uniforms
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.layers.layer import Activations, Layer
from synaptic_sampling.rate.layers.parameters import StepCount
from synaptic_sampling.rate.layers.shapes import Frames, Shape
from synaptic_sampling.rate.layers.storage import Storage

__all__ = ["Dropout"]


class Dropout(Layer):
    """During training, set activations to 0 at random and divide the others by the fraction that is kept.

    Which activations are dropped is a pure function of (seed, layer, step), so an interrupted and resumed training is
    bit-identical to an uninterrupted one.

    Parameters
    ----------
    rate : float
        Probability with which an activation is dropped, 0 to below 1.

    Attributes
    ----------
    clock : Parameter
        The number of steps of training so far.

    Raises
    ------
    TypeError, ValueError
        If ``rate`` is of the wrong kind or out of range.
    """

    def __init__(self, rate: float) -> None:
        self.rate = check_number("rate", rate, minimum=0)
        if self.rate >= 1:
            raise ValueError(f"rate must be below 1, got {rate}; at 1, every activation would be dropped.")
        self.parameters = []
        self.clock = StepCount()
        self._scale: Activations | None = None

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"

    @property
    def details(self) -> dict[str, Any]:
        """Return the rate, of which ``repr`` shows six digits."""
        return {"rate": self.rate}

    def outputs_after(self, num_before: int | Shape | None) -> int | Shape:
        """Return as many outputs as there are inputs."""
        if num_before is None:
            raise ValueError(f"{self} cannot be the first layer; start with a layer that has weights.")
        self.check_unused()
        self._frames = num_before if isinstance(num_before, Frames) else None
        return num_before

    def build(self, seed: int, index: int, storage: Storage) -> None:
        """Set the key of the random numbers."""
        self._seed, self._index = seed, index
        self.parameters = [self.clock]

    def forward(self, x: Activations, *, training: bool = False) -> Activations:
        """Return x; in training, what dropout leaves of it."""
        self._scale = None
        if not training:
            return x
        draws = uniforms(self._seed, Stream.DROPOUT, self.clock.steps_done, x.size, self._index).reshape(x.shape)
        self._scale = np.where(draws >= self.rate, np.float32(1 / (1 - self.rate)), np.float32(0))
        if self._frames is not None:  # Marks are not activations.
            self._scale.reshape(*self._frames.shape, -1)[:, self._frames.features :] = 1
        return x * self._scale

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx, written over ``delta``: 0 where the activation was dropped."""
        if self._scale is not None:
            delta *= self._scale
        return delta

    def copied(self, counts: Iterator[int] | None) -> Layer:
        """Return a new layer with the same rate, at the same step."""
        new = Dropout(self.rate)
        new.clock.steps_done = self.clock.steps_done
        return new

    def write(self, graph: Graph) -> None:
        """Append nothing: dropout acts in training only."""
