"""Soft DEEP R in Synapses of Brian2 whose number of slots is proportional to the active connections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, schedules
from synaptic_sampling.brian.internals import queues, surgery
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.schedules import Schedule
from synaptic_sampling.brian.units import without_units
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules import Rule

__all__ = ["SoftProjection"]

#: By default, so many times the slots that are expected to be used.
RESERVE = 2


class SoftProjection(Projection):
    """Synapses with slots for active and tracked connections; all others are counted. Parameters as in `Projection`.

    The user's synapses are the active connections at the start. Tracked ones stay in the spike queues like other
    synapses: the user's equations set the weight to 0 where theta is negative. A connection that forms in the slot in
    which it was tracked keeps all variables except those of ``birth=``, one that returns at another site starts with 0.
    """

    connections: SoftConnections

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make `SoftConnections` of the synapses, or raise an error where an option does not apply to them."""
        num_pre, num_post, allowed = pairs
        chosen = ["p"] * ("probability" in allowed) + ["multapses"] * options.pop("multapses")
        chosen += [name for name in ("max_in_degree", "max_out_degree") if options.pop(name) is not None]
        if chosen:
            raise ValueError(f"{chosen[0]} does not apply to {type(self.rule).__name__} with depth; leave it out.")
        pre, post = self._given_endpoints()
        self._given = len(pre)
        rule, capacity = self._first_rule(options.pop("namespace")), options.pop("capacity")
        if capacity is not None:
            check_integer("capacity", capacity, minimum=1, maximum=MAX_NEURONS)
        options["dtype"] = self.synapses.variables[self.names["theta"]].dtype
        self._choose_signs(options)
        signs = options.pop("polarity", None)
        try:
            self.connections = SoftConnections(
                num_pre, num_post, pre, post, rule=rule, theta=self._given_theta(), capacity=capacity,
                **allowed, **options,
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(f"'{self.synapses.name}' cannot be rewired: {error}") from error
        self._check_site_signs(signs)
        if capacity is None:
            self.connections.capacity = self._expected_capacity(rule)

    def _given_theta(self) -> NDArray[Any] | None:
        """Return theta of the connections that are active at the start."""
        return self._array("theta")

    def _first_rule(self, namespace: Mapping[str, Any]) -> Rule:
        """Return the rule at the start, in SI numbers; its noise is the unit of the depth."""
        if not schedules(self.given_rule):
            return self.rule
        schedule = Schedule(self.given_rule, {**namespace, **self.synapses.namespace})
        return without_units(schedule.at(0.0), self.synapses, self.names)

    def _check_site_signs(self, signs: NDArray[np.int8] | None) -> None:
        """Raise an error for signs other than those of the sites, which would return with another sign."""
        if signs is None:
            return
        wrong = np.flatnonzero(self.connections.polarity[: self._given] != signs)
        if len(wrong):
            k, name = int(wrong[0]), self.synapses.name
            raise ValueError(
                f"{self.names['polarity']!r} of '{name}' is {signs[k]} for synapse {k}, where the sign of the site is "
                f"{-signs[k]}; leave it 0 to have signs drawn, or pass signs=... of all sites."
            )

    def _expected_capacity(self, rule: Any) -> int:
        """Return a number of slots that is not exceeded unless learning multiplies the number of connections.

        It is the same for all seeds, so that these share a C++ program.
        """
        c = self.connections
        near = min(1.0, c.depth * c.noise_scale / -c.theta_min)
        start = self._given + near * (c.num_sites - self._given)
        tracked = c.depth * rule.learning_rate * rule.l1 / c.noise_scale
        expected = math.ceil(RESERVE * max(start, rule.connectivity * c.num_sites * (1.0 + tracked)))
        return max(len(c), min(c.num_sites, expected))

    def settle(self, owner: Any) -> None:
        """Add slots, write tracked connections and signs, and register ``owner``."""
        c, given = self.connections, self._given
        tracked = np.arange(given, len(c), dtype=np.int32)
        if c.capacity > given:
            surgery.append(self.synapses, c.capacity - given)
        surgery.reconnect(self.synapses, c.edges(tracked[:0]), c.edges(tracked))
        self._array("theta")[: len(c)] = c.theta
        queues.repeat_delays(self.synapses, given)
        surgery.park(self.synapses, len(c))
        surgery.count_multapses(self.synapses, len(c), False)
        self._write_signs(slice(len(c)), c.polarity)
        self._write(self.names["connected"], slice(len(c)), c.connected)
        self._claim(owner)

    def compile(self, namespace: Any) -> None:
        """Compile the strings of new connections; raise an error if theta has been set since the construction."""
        c = self.connections
        if not c.steps_done and not np.array_equal(c.connected, np.arange(len(c)) < self._given):
            raise ValueError(
                f"{self.names['theta']!r} of '{self.synapses.name}' was changed after its Rewiring was created, also "
                "where connections are retracted; set it before."
            )
        super().compile(namespace)

    def check_rule(self, rule: Rule) -> None:
        """Raise an error unless another rule fits units and neurons, and has the same theta_min."""
        super().check_rule(rule)
        if not schedules(rule):
            self.connections.check_rule(without_units(rule, self.synapses, self.names))

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots, polarity 0 where not connected."""
        c = self.connections
        return c.pre, c.post, c.theta, np.where(c.connected, c.polarity, 0).astype(np.int8)

    def operate(self, info: RewiringInfo) -> None:
        """Apply an event to Brian2's synapses: flags, and the slots of connections that leave and return."""
        c, s, born = self.connections, self.synapses, info.born.slot
        vacated, filled, old, new = c.exchanged
        slots = np.unique(np.concatenate([info.slots, vacated.slot, filled.slot, old, new]))
        if not len(slots):
            return
        owners = queues.owners(s, slots)
        # What follows sets theta to 0 in slots that are vacated or filled, and relocates it a second time.
        theta, landed = c.theta.copy(), c.theta[filled.slot]
        self._write(self.names["connected"], info.died.slot, 0)
        surgery.reconnect(s, vacated, filled)
        c.theta[filled.slot] = landed
        queues.drop_spikes(s, born)
        self._write_signs(filled.slot, filled.polarity)
        self._write(self.names["connected"], born, 1)
        self._births.set(born)
        if len(old):
            surgery.move(s, old, new)
        c.theta[:] = theta
        queues.use_first(s, len(c))
        surgery.count_multapses(s, len(c), False)
        queues.follow(s, slots, owners)

    def resume(self, state: Mapping[str, NDArray[Any]], *, until: float) -> None:
        """Take on a state, whose slots replace those at the start; see `Projection`."""
        c = self.connections
        before = c.edges(np.arange(len(c), dtype=np.int32))
        c.restore(state)
        surgery.reconnect(self.synapses, before, c.edges(np.arange(len(c), dtype=np.int32)))
        c.theta[:] = state["theta"]
        queues.use_first(self.synapses, len(c))
        surgery.count_multapses(self.synapses, len(c), False)
        self._write_signs(slice(len(c)), c.polarity)
        self._write(self.names["connected"], slice(len(c)), c.connected)

    def check_release(self) -> None:
        """Raise an error: another Rewiring could tell neither parked slots nor tracked connections from others."""
        raise ValueError(
            f"'{self.synapses.name}' has slots without a connection, and another Rewiring would treat these as "
            "connections; rebuild the network instead."
        )
