"""What happens to connections: births and deaths, and what one step returns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVENT", "Edges", "RewiringInfo"]

#: One birth (kind +1) or death (kind -1) of a connection; 24 bytes.
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
        All deaths, then all births, each in ascending order of slots.
    num_deaths : int
        How many of the events are deaths.
    num_unplaced : int
        Connections that could not be regrown since no vacant site was left.
    """

    step: int
    events: NDArray[Any]
    num_deaths: int
    num_unplaced: int

    @property
    def num_births(self) -> int:
        """Return how many connections were born."""
        return len(self.events) - self.num_deaths

    @property
    def died(self) -> Edges:
        """Return the connections that were retracted, as they were before the step."""
        return _edges(self.events[: self.num_deaths])

    @property
    def born(self) -> Edges:
        """Return the connections that were born."""
        return _edges(self.events[self.num_deaths :])


def _edges(events: NDArray[Any]) -> Edges:
    return Edges(events["slot"], events["pre"], events["post"], events["polarity"])
