"""Synapses of Brian2 that are all potential connections: each keeps its place for ever, some are connected."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.brian.internals import queues, surgery
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.events import RewiringInfo

__all__ = ["PotentialProjection"]


class PotentialProjection(Projection):
    """Synapses whose theta crosses 0; parameters as in `Projection`.

    Nothing in Brian2 moves: endpoints, delays and variables stay, the user's equations make the weight 0 where theta
    is negative. What is written are the flag ``connected`` and the values for births; spikes that were on their way
    when a connection was born are dropped, since they were emitted before it was there.
    """

    connections: PotentialConnections  # type: ignore[assignment]

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make the potential connections that the synapses hold; nothing of Brian2 changes yet.

        Parameters
        ----------
        pairs : tuple
            From ``allowed_pairs``.
        spare : int
            0: no slots are added.
        **options
            Further arguments of `PotentialConnections`.

        Raises
        ------
        ValueError
            If they cannot be sampled, or an argument has no meaning for potential connections.
        """
        num_pre, num_post, allowed = pairs
        chosen: list[str] = [name for name in ("candidates", "probability") if name in allowed]
        chosen += [name for name in ("max_in_degree", "max_out_degree") if options.pop(name) is not None]
        if chosen:
            raise ValueError(
                f"{chosen[0]} has no meaning for {type(self.rule).__name__}: every synapse is a candidate and nothing "
                "is drawn; connect those that may be connected."
            )
        options.pop("multapses")
        pre, post = surgery.endpoints(self.synapses)
        theta = self._array("theta")
        self._choose_signs(options)
        try:
            self.connections = PotentialConnections(
                num_pre, num_post, pre, post, theta=theta, dtype=theta.dtype, **allowed, **options
            )
        except ValueError as error:
            raise ValueError(f"'{self.synapses.name}' cannot be sampled: {error}") from error

    def settle(self, owner: Any) -> None:
        """Write signs and who is connected, and let no other Rewiring have these synapses.

        Parameters
        ----------
        owner : Rewiring
            Who has them.
        """
        self._write_signs(slice(None), self.connections.polarity)
        self._claim(owner)
        self._flag()

    @property
    def multapses(self) -> bool:
        """Return whether two potential connections share a pair of neurons."""
        c = self.connections
        return len(np.unique(c.sites.keys(c.pre, c.post))) < len(c)

    def _delays_of_newborn(self) -> list[tuple[NDArray[Any], float]]:
        """Return none: a potential connection keeps its delay."""
        return []

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots, polarity 0 where not connected."""
        c = self.connections
        return c.pre, c.post, c.theta, np.where(c.connected, c.polarity, 0).astype(np.int8)

    def compile(self, namespace: Any) -> None:
        """Compile the strings of births; theta may have been set since the construction."""
        super().compile(namespace)
        self._flag()

    def operate(self, info: RewiringInfo) -> None:
        """Write who is connected, and the values of newborns.

        Parameters
        ----------
        info : RewiringInfo
            What died and was born.
        """
        queues.drop_spikes(self.synapses, info.born.slot)
        self._write(self.names["connected"], info.died.slot, 0)
        self._write(self.names["connected"], info.born.slot, 1)
        self._set_births(info.born.slot)

    def check_number(self, owner: str) -> None:
        """Refuse synapses that were added by others.

        Parameters
        ----------
        owner : str
            Name of the Rewiring.

        Raises
        ------
        ValueError
            If there are more synapses than slots.
        """
        self._check_same(owner, len(self.connections))

    def follow_restore(self) -> None:
        """Nothing moves, so there is nothing to follow."""

    def restore(self, state: Any) -> None:
        """Take on what ``state`` returned.

        Parameters
        ----------
        state : dict
            From ``state``.
        """
        self.connections.restore({**state["connections"], "theta": self._array("theta")})
        self.fetch_theta()
        queues.restore_delays(self.synapses, state["delays"])
        queues.restore_time_steps(self.synapses, state["time_steps"])

    def _flag(self) -> None:
        """Write who is connected."""
        self.fetch_theta()
        self._write(self.names["connected"], slice(None), self.connections.connected)
