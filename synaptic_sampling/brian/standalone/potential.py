"""Potential connections in C++ standalone mode: endpoints never change, and the program notes where theta crosses 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.brian.potential import PotentialProjection
from synaptic_sampling.brian.standalone.projection import StandaloneProjection

__all__ = ["StandalonePotentialProjection"]


class StandalonePotentialProjection(StandaloneProjection, PotentialProjection):  # type: ignore[misc]
    """Synapses that are all potential connections, for the generated program; parameters as in `Projection`."""

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make `PotentialConnections` of the synapses, none where they are not known."""
        PotentialProjection.adopt(self, pairs, spare, **options)

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots, polarity 0 where not connected."""
        pre, post, theta, polarity = super().held()
        return pre, post, theta, np.where(theta >= 0, polarity, 0).astype(np.int8)

    def describe_snapshot(self) -> dict[str, Any]:
        """Return the context of the connections for the code of a monitor."""
        context = super().describe_snapshot()
        return {**context, "polarity": f"signs_of_active({context['polarity']}, {context['theta']})"}

    def _given_theta(self) -> None:
        """Return no theta: it is not known yet."""

    def _flag(self) -> None:
        """Do nothing: the program writes the flags."""

    def _describe_start(self) -> dict[str, Any]:
        """Return the context of theta at the start, which may have either sign."""
        return {"theta": None}

    def _make_room(self, number: int) -> None:
        """Make room for a state with this number of connections."""
        self._connections.resize(number)

    def _describe_connections(self, owner: Any) -> Any:
        """Return the context of the connections: several may share a pair, and none changes its endpoints."""
        context = super()._describe_connections(owner)
        context.storage, context.multapses = "potential", "true"
        return context

    @property
    def flag_in_program(self) -> str:  # type: ignore[override]
        """Return what ``connected`` of slot k is, in C++."""
        return f"{self._name('theta')}[k] >= 0"
