"""Rules that eliminate connections and form none, in C++ standalone mode: the number of connections falls."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables
from numpy.typing import NDArray

from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.program import name_of
from synaptic_sampling.brian.standalone.projection import StandaloneProjection

__all__ = ["StandaloneVaryingProjection"]

#: State per slot.
PER_SLOT = ("pre", "post", "theta", "polarity", "birth_step")


class StandaloneVaryingProjection(StandaloneProjection):
    """Synapses of which the first ones hold connections, for the generated program; parameters as in `Projection`."""

    def settle(self, owner: Any) -> None:
        """Generate code that reads the connections, and code before each run that lets the other slots be silent."""
        super().settle(owner)
        program.at_each_run(f"_park_{owner.name}")

    def resume(self, state: Mapping[str, NDArray[Any]], *, until: float) -> None:
        """Generate code that takes on a state, at this place of the script; see `Projection`."""
        super().resume({"in_use": np.array([len(state["pre"])]), **state}, until=until)

    def describe_snapshot(self) -> dict[str, Any]:
        """Return the context of the slots in use for the code of a monitor."""
        context = super().describe_snapshot()
        number = f"{name_of(self._own['in_use'])}[0]"
        names = [name for name in ("pre", "post", "theta", "polarity") if context[name] is not None]
        return context | {name: f"first({context[name]}, {number})" for name in names}

    def _in_use(self, state: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of the slots that are in use."""
        number = own["in_use"][0]
        return state | {name: state[name][:number] for name in state if name in PER_SLOT or name.startswith("moment")}

    def _own_variables(self, owner: Any) -> dict[str, Any]:
        """Return the variables of the connections that Brian2 does not have."""
        variables = Variables(owner)
        variables.add_array("in_use", size=1, dtype=np.int64, read_only=True)
        return {**super()._own_variables(owner), **variables}

    def _describe_connections(self, owner: Any) -> SimpleNamespace:
        """Return the context of the connections."""
        context = super()._describe_connections(owner)
        context.storage, context.in_use = "varying", name_of(self._own["in_use"])
        moved = [context.pre, context.post, context.polarity, context.birth_step, *context.moments, *context.reset]
        context.columns = moved + [pathway.delays for pathway in context.pathways if pathway.scalar == "false"]
        return context
