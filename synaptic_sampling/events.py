"""What happens to connections: births and deaths, and what one step returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index

__all__ = ["EVENT", "Edges", "RewiringInfo", "events_of", "join_events"]

#: One birth (kind +1) or death (kind -1) of a connection; 24 bytes. Where the number of connections varies, one of them
#: may move to another slot: two rows in succession, by which it leaves one (kind -2), arrives in the other (kind +2).
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
    """Some connections: their slots, endpoints and signs, arrays of equal length."""

    slot: NDArray[np.int32]
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    polarity: NDArray[np.int8]


class RewiringInfo(NamedTuple):
    """What one step did to the wiring.

    Attributes
    ----------
    step : int
        Number of the step; the first is 1.
    events : ndarray of EVENT
        All deaths, then all births, each in ascending order of slots; then the moves.
    num_deaths : int
        How many of the events are deaths.
    num_unplaced : int
        Connections that could not be regrown since no vacant site was left.
    num_moves : int
        How many connections have moved to another slot, where others died without a newborn in their place.
    """

    step: int
    events: NDArray[Any]
    num_deaths: int
    num_unplaced: int
    num_moves: int = 0

    @property
    def num_births(self) -> int:
        """Return how many connections were born."""
        return len(self.events) - self.num_deaths - 2 * self.num_moves

    @property
    def slots(self) -> NDArray[np.int32]:
        """Return the slots in which anything happened, each once, in ascending order."""
        slots = np.sort(self.events["slot"])
        first = np.ones(len(slots), np.bool_)
        first[1:] = np.diff(slots) > 0
        return slots[first]

    @property
    def died(self) -> Edges:
        """Return the connections that were retracted, as they were before the step."""
        return _edges(self.events[: self.num_deaths])

    @property
    def born(self) -> Edges:
        """Return the connections that were born, in the slots where they were born."""
        return _edges(self.events[self.num_deaths : self.num_deaths + self.num_births])

    @property
    def moved(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the slots that connections left, and those in which they arrived after all births."""
        moves = self.events[len(self.events) - 2 * self.num_moves :]
        return moves["slot"][0::2], moves["slot"][1::2]

    def of_set(self, index: int) -> RewiringInfo:
        """Return what was done to one of several sets."""
        check_index(index)
        own = self.events[self.events["set"] == index]
        deaths, moves = (int(np.count_nonzero(own["kind"] == kind)) for kind in (-1, -2))
        return RewiringInfo(self.step, own, deaths, 0, moves)


def events_of(connections: Any, slots: NDArray[np.int32], kind: int) -> NDArray[Any]:
    """Return one event for each of some slots, with the endpoints and sign that stand there now."""
    c, events = connections, np.empty(len(slots), EVENT)
    events["step"], events["set"], events["slot"], events["kind"] = c.steps_done, c.index, slots, kind
    for name, values in (("pre", c.pre), ("post", c.post), ("polarity", c.polarity)):
        events[name] = values[slots]
    return events


def join_events(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return events one after the other."""
    # As bytes, which NumPy copies many times as fast as records.
    return np.concatenate([events.view(_BYTES) for events in parts]).view(EVENT)


def _edges(events: NDArray[Any]) -> Edges:
    return Edges(events["slot"], events["pre"], events["post"], events["polarity"])
