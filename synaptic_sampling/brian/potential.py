"""Synapses of Brian2 that are all potential connections: endpoints never change, and some are connected."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.brian.internals import queues
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.events import RewiringInfo

__all__ = ["PotentialProjection"]


class PotentialProjection(Projection):
    """Synapses whose theta crosses 0; parameters as in `Projection`.

    Endpoints and variables of Brian2 do not change; the user's equations set the weight to 0 where theta is negative.
    Only the flag ``connected`` and the values of ``birth=`` are written, delays included. Spikes in flight through a
    connection when it forms are dropped, since they were emitted before it existed.
    """

    connections: PotentialConnections  # type: ignore[assignment]

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make `PotentialConnections` of the synapses, or raise an error where an option does not apply to them."""
        num_pre, num_post, allowed = pairs
        chosen: list[str] = [name for name in ("candidates", "probability") if name in allowed]
        chosen += [name for name in ("max_in_degree", "max_out_degree") if options.pop(name) is not None]
        if chosen:
            name = "p" if chosen[0] == "probability" else chosen[0]
            raise ValueError(
                f"{name} does not apply to {type(self.rule).__name__}, for which every synapse is a candidate; "
                f"leave out {name}, and connect the pairs that may be connected."
            )
        options.pop("multapses")
        pre, post = self._given_endpoints()
        options["dtype"] = self.synapses.variables[self.names["theta"]].dtype
        self._choose_signs(options)
        try:
            self.connections = PotentialConnections(
                num_pre, num_post, pre, post, theta=self._given_theta(), **allowed, **options
            )
        except ValueError as error:
            raise ValueError(f"'{self.synapses.name}' cannot be sampled: {error}") from error

    def _given_theta(self) -> NDArray[Any] | None:
        """Return theta as set by the user."""
        return self._array("theta")

    def settle(self, owner: Any) -> None:
        """Write signs and flags, and register ``owner``."""
        self._write_signs(slice(None), self.connections.polarity)
        self._claim(owner)
        self._flag()

    @property
    def multapses(self) -> bool:
        """Return whether two potential connections share a pair of neurons."""
        c = self.connections
        return len(np.unique(c.sites.keys(c.pre, c.post))) < len(c)

    def _find_delays(self) -> None:
        """Do nothing: a potential connection keeps its delay, unless ``birth`` sets another."""

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots, polarity 0 where not connected."""
        c = self.connections
        return c.pre, c.post, c.theta, np.where(c.connected, c.polarity, 0).astype(np.int8)

    def compile(self, namespace: Any) -> None:
        """Compile the strings of new connections; theta may have been set since the construction."""
        super().compile(namespace)
        self._flag()

    def operate(self, info: RewiringInfo) -> None:
        """Write flags, and the values of new connections."""
        if not len(info.events):
            return
        born = np.ascontiguousarray(info.born.slot)
        queues.drop_spikes(self.synapses, born)
        self._write(self.names["connected"], info.died.slot, 0)
        self._write(self.names["connected"], born, 1)
        self._births.set(born)
        if self._births.change_delays:
            queues.follow(self.synapses, born, queues.owners(self.synapses, born))

    def check_number(self, owner: str) -> None:
        """Raise an error if synapses were added after the Rewiring named ``owner`` was created."""
        self._check_same(owner, len(self.connections))

    def start_run(self) -> None:
        """Do nothing: endpoints never change."""

    def restore(self, state: Any) -> None:
        """Restore what ``state`` returned."""
        self.connections.restore({**state["connections"], "theta": self._array("theta")})
        self.fetch_theta()
        queues.restore_delays(self.synapses, state["delays"])
        queues.restore_time_steps(self.synapses, state["time_steps"])

    def _flag(self) -> None:
        """Write which synapses are connected."""
        self.fetch_theta()
        self._write(self.names["connected"], slice(None), self.connections.connected)
