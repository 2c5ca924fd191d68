"""Limits on the number of connections per neuron, as on neuromorphic chips."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array

__all__ = ["Degrees", "FreeDegrees"]

#: Remaining out-degree of each presynaptic and in-degree of each postsynaptic neuron; of size 0 without a limit.
FreeDegrees = tuple[NDArray[np.int64], NDArray[np.int64]]


class Degrees:
    """The largest in-degrees and out-degrees of neurons; arguments as in `Sites`."""

    def __init__(
        self, num_pre: int, num_post: int, max_in_degree: ArrayLike | None, max_out_degree: ArrayLike | None
    ) -> None:
        self._numbers = num_pre, num_post
        self._max_out = _limits("max_out_degree", max_out_degree, num_pre)
        self._max_in = _limits("max_in_degree", max_in_degree, num_post)

    @property
    def limited(self) -> bool:
        """Whether any degree is limited."""
        return self._max_out.size > 0 or self._max_in.size > 0

    @property
    def limits_both(self) -> bool:
        """Whether degrees of both sides are limited, so that a draw may be stuck before its number is the largest."""
        return self._max_out.size > 0 and self._max_in.size > 0

    @property
    def capacity(self) -> int | None:
        """An upper bound on the number of connections if each pair is connected at most once; None without a limit."""
        num_pre, num_post = self._numbers
        sides = ((self._max_out, num_post), (self._max_in, num_pre))
        return min((int(np.minimum(limits, most).sum()) for limits, most in sides if limits.size), default=None)

    @property
    def digest(self) -> str:
        """Return a hash of all limits."""
        parts = (f"{limits.size} ".encode() + limits.tobytes() for limits in (self._max_out, self._max_in))
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]

    def check(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Raise an error that names the first neuron with more connections than allowed."""
        free_out, free_in = self.free(pre, post, np.empty(0, np.int32))
        for side, free, limit in (("pre", free_out, self._max_out), ("post", free_in, self._max_in)):
            full = np.flatnonzero(free < 0)
            if len(full):
                n = full[0]
                raise ValueError(
                    f"{side}synaptic neuron {n} has {limit[n] - free[n]} connections, but "
                    f"max_{'out' if side == 'pre' else 'in'}_degree allows {limit[n]}."
                )

    def free(self, pre: NDArray[np.int32], post: NDArray[np.int32], eliminated: NDArray[np.int32]) -> FreeDegrees:
        """Return how many more connections each neuron may have, given all endpoints and the slots eliminated."""
        return _free(self._max_out, pre, eliminated), _free(self._max_in, post, eliminated)


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


def _free(limits: NDArray[np.int64], neurons: NDArray[np.int32], eliminated: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the remaining degree of each neuron of one side."""
    if not limits.size:
        return limits
    degree = np.bincount(neurons, minlength=limits.size) - np.bincount(neurons[eliminated], minlength=limits.size)
    return limits - degree
