"""Slots that also hold retracted connections: active where theta >= 0, without weight where theta < 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.connections.slots import Slots

__all__ = ["Retracting"]


class Retracting(Slots):
    """What `PotentialConnections` and `SoftConnections` have in common."""

    @property
    def connected(self) -> NDArray[np.bool_]:
        """Whether each slot holds an active connection (theta >= 0), a new array."""
        return self.theta >= 0

    @property
    def active_slots(self) -> NDArray[np.intp]:
        """The slots of active connections, ascending."""
        return np.flatnonzero(self.connected)

    @property
    def num_active(self) -> int:
        """The number of active connections."""
        return int(np.count_nonzero(self.connected))

    @property
    def weights(self) -> NDArray[Any]:
        """The weights under `SoftDeepR`, a new array: polarity * theta where theta >= 0, and 0 elsewhere.

        Those under `SynapticSampling` are ``polarity * rule.weight(theta)``.
        """
        return self.polarity * np.maximum(self.theta, 0)

    def active(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return for some slots whether the connection is active, theta >= 0."""
        return self.theta[slots] >= 0

    def signs_in(self, state: Mapping[str, NDArray[Any]]) -> NDArray[np.int8]:
        """Return the sign of each slot in a state, 0 where the connection is retracted."""
        return np.where(state["theta"] >= 0, state["polarity"], 0).astype(np.int8)
