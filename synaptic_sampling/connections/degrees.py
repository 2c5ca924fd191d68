"""How many connections a neuron may have, as on neuromorphic chips."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array

__all__ = ["Degrees", "Rooms"]

#: How many more connections each presynaptic and each postsynaptic neuron may have; of size 0 without a limit.
Rooms = tuple[NDArray[np.int64], NDArray[np.int64]]


class Degrees:
    """The largest degrees of neurons."""

    def __init__(
        self, num_pre: int, num_post: int, max_in_degree: ArrayLike | None, max_out_degree: ArrayLike | None
    ) -> None:
        self._numbers = num_pre, num_post
        self._max_out = _limits("max_out_degree", max_out_degree, num_pre)
        self._max_in = _limits("max_in_degree", max_in_degree, num_post)

    @property
    def limited(self) -> bool:
        """Return whether any neuron has a largest degree."""
        return self._max_out.size > 0 or self._max_in.size > 0

    @property
    def capacity(self) -> int | None:
        """Return how many connections there are room for at most, where each pair is connected once; None: no limit."""
        num_pre, num_post = self._numbers
        sides = ((self._max_out, num_post), (self._max_in, num_pre))
        return min((int(np.minimum(limits, most).sum()) for limits, most in sides if limits.size), default=None)

    def check(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Refuse connections of which a neuron has more than it may have."""
        room_out, room_in = self.rooms(pre, post, np.empty(0, np.int32))
        for side, room, limit in (("pre", room_out, self._max_out), ("post", room_in, self._max_in)):
            full = np.flatnonzero(room < 0)
            if len(full):
                n = full[0]
                raise ValueError(
                    f"{side}synaptic neuron {n} has {limit[n] - room[n]} connections, at most {limit[n]} are allowed "
                    f"by max_{'out' if side == 'pre' else 'in'}_degree."
                )

    def rooms(self, pre: NDArray[np.int32], post: NDArray[np.int32], retracted: NDArray[np.int32]) -> Rooms:
        """Return how many more connections each neuron may have."""
        return _room(self._max_out, pre, retracted), _room(self._max_in, post, retracted)


def _limits(name: str, given: ArrayLike | None, num_neurons: int) -> NDArray[np.int64]:
    """Return the largest degree of each neuron, of size 0 without a limit."""
    if given is None:
        return np.empty(0, np.int64)
    limits = check_array(name, given, "iu")
    if limits.shape not in {(), (num_neurons,)}:
        raise ValueError(f"{name} must be one number or have shape ({num_neurons},), got shape {limits.shape}.")
    if (limits < 0).any():
        raise ValueError(f"{name} must be >= 0, got {limits.min()}.")
    return np.full(num_neurons, limits, np.int64)


def _room(limits: NDArray[np.int64], neurons: NDArray[np.int32], retracted: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how far each neuron is from its largest degree."""
    if not limits.size:
        return limits
    degree = np.bincount(neurons, minlength=limits.size) - np.bincount(neurons[retracted], minlength=limits.size)
    return limits - degree
