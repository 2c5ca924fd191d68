"""What the variables and delays of a new connection are set to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2.utils.stringtools import get_identifiers
from numpy.typing import NDArray

from synaptic_sampling.brian import expressions
from synaptic_sampling.brian.arguments import births_of
from synaptic_sampling.brian.internals import queues, surgery

__all__ = ["Births"]


class Births:
    """Values of new connections in one Synapses object: those of ``birth=``, and delays that all synapses have."""

    def __init__(self, synapses: Any, birth: Mapping[str, Any] | None, names: Mapping[str, str]) -> None:
        self._synapses = synapses
        self._values = births_of(synapses, birth, names)
        self._delays: list[tuple[NDArray[Any], float]] = []
        #: Whether a new connection may have another delay than the one whose slot it takes.
        self.change_delays = any(name.rpartition(".")[2] == "delay" for name in self._values)
        #: One for each value, once compiled.
        self.compiled: list[expressions.Birth] = []

    @property
    def strings(self) -> list[str]:
        """Return the values that are strings."""
        return [value for value in self._values.values() if isinstance(value, str)]

    def compile(self, namespace: Any) -> None:
        """Compile the strings; names have the meaning that they have in ``namespace``."""
        self.compiled = [
            expressions.Birth(self._synapses, name, value, namespace) for name, value in self._values.items()
        ]

    def unset(self, condition: str) -> list[str]:
        """Return the variables of synapses in a condition that are 0 for a new connection, as ``birth`` sets none."""
        names = sorted(get_identifiers(condition))
        owned = [name for name in names if surgery.per_synapse(self._synapses, name) is not None]
        return [name for name in owned if name not in self._values]

    def sets(self, name: str) -> bool:
        """Return whether a variable, or a delay such as ``'pre.delay'``, is set in new connections."""
        return name in self._values or (name == "pre.delay" and "delay" in self._values)

    def find_delays(self, number: int) -> None:
        """Note the delay of the first ``number`` synapses, in pathways whose delays ``birth`` does not set.

        Raises ValueError where these delays differ, since that of a new connection is then ambiguous.
        """
        self._delays, self.change_delays = [], False
        for name, delays in queues.delays_by_name(self._synapses).items():
            if self.sets(name):
                self.change_delays = True
                continue
            used = np.unique(delays[:number])
            if len(used) > 1:
                raise ValueError(
                    f"synapses of '{self._synapses.name}' differ in {name}, so the delay of a new one is ambiguous; "
                    f"set birth={{'{name}': ...}}, to a time or a string such as '2*ms*rand()'."
                )
            if len(used) and (delays != used[0]).any():
                self._delays.append((delays, used[0]))
                self.change_delays = True

    def set(self, slots: NDArray[np.int32]) -> None:
        """Write the values into slots that hold new connections; raise an error for a delay below 0."""
        for delays, own in self._delays:
            delays[slots] = own
        for birth in self.compiled:
            birth.set(slots)
        for name, delays in queues.delays_by_name(self._synapses).items():
            if self.sets(name):
                self._check_delays(name, delays, slots)

    def _check_delays(self, name: str, delays: NDArray[Any], slots: NDArray[np.int32]) -> None:
        """Raise an error unless a spike queue can use these delays: it would access memory that is not its own."""
        wrong = slots[~((delays[slots] >= 0) & (delays[slots] < np.inf))]
        if len(wrong):
            raise ValueError(
                f"birth sets {name} of synapse {wrong[0]} of '{self._synapses.name}' to {delays[wrong[0]]:g} s, but a "
                "delay must be >= 0; change the string, for example by clip(..., 0*ms, 5*ms)."
            )
