"""Soft DEEP R in C++ standalone mode, with slots for active and tracked connections alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables
from numpy.typing import NDArray

from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.soft import SoftProjection
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.pairs import AcceptedPairs
from synaptic_sampling.brian.standalone.program import name_of
from synaptic_sampling.brian.standalone.varying import PER_SLOT, StandaloneVaryingProjection
from synaptic_sampling.connections.deep import exit_times, overshoots, span_of
from synaptic_sampling.connections.soft import SoftConnections

__all__ = ["StandaloneSoftProjection"]

logger = logging.getLogger(__name__)

#: What the program reads of slots at the start.
START = ("pre", "post", "theta")


class StandaloneSoftProjection(StandaloneVaryingProjection, SoftProjection):  # type: ignore[misc]
    """Synapses with slots for active and tracked connections, for the generated program; parameters as in `Projection`.

    The connections at the start are made here, with the theta of tracked ones; that of active ones is known to the
    program.
    """

    _connections: SoftConnections

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make `SoftConnections` of the synapses; raise an error where these are not known."""
        if not program.is_known(self.synapses.variables["_synaptic_pre"]):
            raise refuse("depth", f"'{self.synapses.name}'")
        AcceptedPairs(*pairs).check_known()
        super().adopt(pairs, spare, **options)

    def settle(self, owner: Any) -> None:
        """Add slots, and generate code that writes tracked connections and signs, at this place of the script."""
        none = np.zeros(self._connections.capacity - self._given, np.int32)
        if len(none):
            self.synapses.connect(i=none, j=none)
        super().settle(owner)

    def resume(self, state: Mapping[str, NDArray[Any]], *, until: float) -> None:
        """Generate code that replaces the slots at the start by those of a state; see `Projection`."""
        c, owner = self._connections, REWIRED[self.synapses]()
        # Arrays of fixed size, since the program is the same for all states.
        slots = {
            name: np.append(values, np.zeros(c.capacity - len(values), values.dtype))
            for name, values in state.items()
            if name in PER_SLOT or name.startswith("moment")
        }
        number = np.array([len(state["pre"])])
        names = {f"resumed_{each}": self._keep(owner, f"resumed_{each}", slots[each]) for each in START}
        names |= {"resumed": self._keep(owner, "resumed", number), "theta": self._name("theta")}
        r = SimpleNamespace(**vars(self._static), **names)
        program.make_code(self.synapses, "rewiring_soft_resume", f"{owner.name}_resume*", r=r)()
        own = {"in_use": number, "wheel": state["wheel"].ravel(), "unplaced": np.zeros(1)}
        super().resume({**state, **slots, **own}, until=until)

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots, polarity 0 where not connected."""
        pre, post, theta, polarity = super().held()
        return pre, post, theta, np.where(theta >= 0, polarity, 0).astype(np.int8)

    def check_number(self, owner: str) -> None:
        """Do nothing: the program checks the number."""

    def describe_snapshot(self) -> dict[str, Any]:
        """Return the context of the slots in use for the code of a monitor."""
        context = super().describe_snapshot()
        return {**context, "polarity": f"signs_of_active({context['polarity']}, {context['theta']})"}

    def _given_theta(self) -> None:
        """Return no theta: it is not known yet."""

    def _make_room(self, number: int) -> None:
        """Do nothing: there is room for all slots."""

    def _in_use(self, state: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of the slots that are in use, and of untracked connections; report those without a slot."""
        unplaced = own["unplaced"][0]
        if unplaced:
            logger.warning(
                "all %d slots of '%s' were in use when connections returned, %d times in all; these returned later. "
                "Give the Rewiring a larger capacity.",
                self._connections.capacity, self.synapses.name, unplaced,
            )  # fmt: skip
        wheel = own["wheel"].reshape(self._connections.deep.wheel.shape)
        return {**super()._in_use(state, own), "wheel": wheel, "clock": own["clock"]}

    def _own_variables(self, owner: Any) -> dict[str, Any]:
        """Return the variables of the connections that Brian2 does not have."""
        variables = Variables(owner)
        variables.add_array("unplaced", size=1, dtype=np.int64, read_only=True)
        variables.add_array("wheel", size=self._connections.deep.wheel.size, dtype=np.int64, read_only=True)
        variables.add_array("clock", size=1, dtype=np.float64, read_only=True)
        return {**super()._own_variables(owner), **variables}

    def _describe_connections(self, owner: Any) -> SimpleNamespace:
        """Return the context of the connections."""
        c, context = self._connections, super()._describe_connections(owner)
        context.storage, context.given = "soft", self._given
        own = {name: name_of(self._own[name]) for name in ("unplaced", "wheel", "clock")}
        context.common_delays = [
            (f"{name}.delay", pathway.delays)
            for name, pathway in zip(program.names_of_pathways(self.synapses), context.pathways, strict=True)
            if pathway.scalar == "false" and not self._births.sets(f"{name}.delay")
        ]
        # Arrays of fixed size, since programs for other seeds are the same.
        for name in START:
            values = getattr(c, name)
            padded = np.append(values, np.zeros(c.capacity - len(c), values.dtype))
            own[f"tracked_{name}"] = self._keep(owner, f"tracked_{name}", padded)
        own["tracked_wheel"] = self._keep(owner, "tracked_wheel", c.deep.wheel.ravel().copy())
        own["number"] = self._keep(owner, "number", np.array([len(c)]))
        own["depth"] = self._keep(owner, "depth", np.array([c.threshold]))
        own["exits"], own["overshoots"] = (
            self._keep(owner, name, table) for name, table in (("exits", exit_times()), ("overshoots", overshoots()))
        )
        return SimpleNamespace(**vars(context), **own)

    def _row(self, rule: Any) -> tuple[float, ...]:
        """Return the parameters of the update, then the noise, the ticks of the clock and the span of the walk."""
        c = self._connections
        c.check_rule(rule)
        sigma = rule.noise_scale
        return *rule.parameters_on(c), sigma, c.ticks(sigma), span_of(c.theta_min, sigma)

    @property
    def flag_in_program(self) -> str:  # type: ignore[override]
        """Return what ``connected`` of slot k is, in C++."""
        return f"{self._name('theta')}[k] >= 0"
