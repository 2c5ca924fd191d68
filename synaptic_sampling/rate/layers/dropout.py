"""Dropout (Srivastava et al. 2014): while learning, a random part of the activations is set to 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synaptic_sampling._checks import check_number
from synaptic_sampling.connections.slots import check_count
from synaptic_sampling.randomness import LAST_STEP, Stream, uniforms
from synaptic_sampling.rate.layers.frames import Frames
from synaptic_sampling.rate.layers.linear import Activations, Signs
from synaptic_sampling.rate.layers.parameters import Array, Parameter, aligned
from synaptic_sampling.rules.base import GradientRule

__all__ = ["Dropout"]


class _Clock:
    """Counts the steps of learning, as a parameter does: with a checkpoint, dropout goes on where it was."""

    def __init__(self) -> None:
        self.steps_done = 0

    def check(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Do nothing: a count has no gradient."""

    def step(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Count one step."""
        self.steps_done += 1

    def state(self) -> dict[str, Array]:
        """Return the count."""
        return {"steps_done": np.array(self.steps_done)}

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Refuse what is no count."""
        check_count("steps_done", state["steps_done"], LAST_STEP)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take on a count."""
        self.steps_done = int(state["steps_done"])


class Dropout:
    """While learning, set activations to 0 at random and divide the others by the share that is left.

    Which ones is a pure function of (seed, layer, step): a run that was cut goes on as if it had not been.

    Parameters
    ----------
    rate : float
        Probability with which an activation is dropped, 0 to below 1.

    Attributes
    ----------
    drop_next : bool
        Whether the next ``forward`` drops; the network says so where it learns.

    Raises
    ------
    TypeError, ValueError
        If ``rate`` is of the wrong kind or out of range.
    """

    def __init__(self, rate: float) -> None:
        self.rate = check_number("rate", rate, minimum=0)
        if self.rate >= 1:
            raise ValueError(f"rate must be below 1, got {rate}: nothing would be left.")
        self.parameters: list[Parameter] = []
        self.drop_next = False
        self._clock = _Clock()
        self._scale = aligned(0, 0)

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"

    def outputs_after(self, num_before: int | None) -> int:
        """Return as many outputs as there are inputs.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before.

        Returns
        -------
        int
            ``num_before``.

        Raises
        ------
        ValueError
            If there is no layer before.
        """
        if num_before is None:
            raise ValueError(f"{self} cannot be the first layer; begin with a layer that has weights.")
        self._frames = num_before if isinstance(num_before, Frames) else None
        return num_before

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Take on the key of the random numbers.

        Parameters
        ----------
        seed, index : int
            Key of all random numbers, and number of the layer.
        signs : object
            Not used.
        """
        self._seed, self._index = seed, index
        self.parameters = [self._clock]

    def forward(self, x: Activations) -> Activations:
        """Return x, or what is left of it.

        Parameters
        ----------
        x : ndarray of float32
            The input.

        Returns
        -------
        ndarray of float32
            The output.
        """
        if self.drop_next:
            draws = uniforms(self._seed, Stream.DROPOUT, self._clock.steps_done, x.size, self._index).reshape(x.shape)
            self._scale = np.where(draws >= self.rate, np.float32(1 / (1 - self.rate)), np.float32(0))
            if self._frames is not None:
                self._scale.reshape(*self._frames.shape, -1)[:, self._frames.features :] = 1  # marks are no activations
            x = x * self._scale
        self.drop_next = False
        return x

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx, written over ``delta``.

        Parameters
        ----------
        delta : ndarray of float32
            dE/d(output), of the last ``forward`` that dropped.
        wanted : bool
            Not used.

        Returns
        -------
        ndarray of float32
            ``delta``, 0 where the activation was dropped.
        """
        delta *= self._scale
        return delta
