"""Events of connections, and the result of one step.

Formations and eliminations are called births and deaths in code, the terms of birth-death processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index

__all__ = ["EVENT", "Edges", "RewiringInfo", "events_of", "join_events"]

#: One formation (kind +1) or elimination (kind -1) of a connection; 24 bytes. Where the number of connections varies, a
#: connection may be relocated: two consecutive rows, as it leaves one slot (kind -2) and arrives in another (kind +2).
EVENT = np.dtype(
    [
        ("step", "<i8"),
        ("pre", "<i4"),
        ("post", "<i4"),
        ("slot", "<i4"),
        ("set", "<u2"),
        ("kind", "i1"),
        ("polarity", "i1"),
    ]
)


_BYTES = np.dtype((np.void, EVENT.itemsize))


class Edges(NamedTuple):
    """Slots, endpoints and signs of some connections, arrays of equal length."""

    slot: NDArray[np.int32]
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    polarity: NDArray[np.int8]


class RewiringInfo(NamedTuple):
    """The result of one step.

    Attributes
    ----------
    step : int
        Number of the step; the first is 1.
    events : ndarray of EVENT
        All eliminations, then all formations, each in ascending order of slots; then relocations.
    num_deaths : int
        Number of connections eliminated.
    num_unplaced : int
        Number of connections that could not be formed, because no site was vacant.
    num_moves : int
        Number of connections relocated to another slot, which was vacated without replacement.
    """

    step: int
    events: NDArray[Any]
    num_deaths: int
    num_unplaced: int
    num_moves: int = 0

    @property
    def num_births(self) -> int:
        """The number of connections formed."""
        return len(self.events) - self.num_deaths - 2 * self.num_moves

    @property
    def slots(self) -> NDArray[np.int32]:
        """The slots of all events, each once, in ascending order."""
        if not self.num_moves and np.array_equal(self.died.slot, self.born.slot):
            return np.ascontiguousarray(self.born.slot)
        slots = np.sort(self.events["slot"])
        first = np.ones(len(slots), np.bool_)
        first[1:] = np.diff(slots) > 0
        return slots[first]

    @property
    def died(self) -> Edges:
        """The connections that were eliminated, as they were before the step."""
        return _edges(self.events[: self.num_deaths])

    @property
    def born(self) -> Edges:
        """The connections that were formed, in the slots where they were formed."""
        return _edges(self.events[self.num_deaths : self.num_deaths + self.num_births])

    @property
    def moved(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The slots that relocated connections left, and those in which they arrived after all formations."""
        moves = self.events[len(self.events) - 2 * self.num_moves :]
        return moves["slot"][0::2], moves["slot"][1::2]

    def of_set(self, index: int) -> RewiringInfo:
        """Return the result for one of several sets."""
        check_index(index)
        own = self.events[self.events["set"] == index]
        deaths, moves = (int(np.count_nonzero(own["kind"] == kind)) for kind in (-1, -2))
        return RewiringInfo(self.step, own, deaths, 0, moves)


def events_of(connections: Any, slots: NDArray[np.int32], kind: int) -> NDArray[Any]:
    """Return one event for each of some slots, with their present endpoints and signs."""
    c, events = connections, np.empty(len(slots), EVENT)
    events["step"], events["set"], events["slot"], events["kind"] = c.steps_done, c.index, slots, kind
    for name, values in (("pre", c.pre), ("post", c.post), ("polarity", c.polarity)):
        events[name] = values[slots]
    return events


def join_events(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the concatenated events."""
    # As bytes, which NumPy copies much faster than records.
    return np.concatenate([events.view(_BYTES) for events in parts]).view(EVENT)


def _edges(events: NDArray[Any]) -> Edges:
    return Edges(events["slot"], events["pre"], events["post"], events["polarity"])
