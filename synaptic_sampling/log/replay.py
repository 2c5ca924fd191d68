"""Replaying events from a snapshot: the connectivity after any step, and the life of each connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.replay import ENDED, LEFT, NEXT, NUM_COUNTERS, WHEN, follow
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all
from synaptic_sampling.log.file import LogError
from synaptic_sampling.log.snapshots import Snapshot

__all__ = ["LIFE", "Walk", "Wiring", "lives"]

#: The life of a connection. ``initial``: it was present at the start, so its true birth is unknown.
LIFE = np.dtype(
    [
        ("pre", "<i4"),
        ("post", "<i4"),
        ("set", "<u2"),
        ("polarity", "i1"),
        ("initial", "?"),
        ("dead", "?"),
        ("birth", "<i8"),
        ("end", "<i8"),
    ]
)

#: Number of slots that may be unused: slot numbers far above all others would exhaust memory.
FREE_SLOTS = 2**20

#: Endpoints and signs of all connections, in the order of slots.
Wiring = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]


class Walk:
    """Follows one set of connections through its events; memory grows with the number of connections only."""

    def __init__(self, start: Snapshot, multapses: bool = False) -> None:
        there = np.flatnonzero(start.polarity)
        self._held = np.zeros(len(start.polarity), LIFE)
        for name in ("pre", "post", "polarity"):
            self._held[name] = getattr(start, name)
        self._held["birth"], self._held["initial"] = start.step, True
        self._set, self._distinct, self._num_held = start.set_index, not multapses, len(there)
        self._num_slots, self._num_born = len(start.polarity), 0
        self._number = np.zeros(len(self._held), np.int64)
        self._number[there] = np.arange(len(there))
        self._counters = np.zeros(NUM_COUNTERS, np.int64)
        self._counters[NEXT], self._counters[LEFT] = len(there), -1
        self._table = np.full(16, EMPTY)
        if self._distinct:
            sites = start.pre[there].astype(np.int64) << 32 | start.post[there]
            self._grow_table(0)
            twice = insert_all(self._table, sites)
            if twice >= 0:
                raise LogError(
                    f"step {start.step}: connection {start.pre[there[twice]]} -> {start.post[there[twice]]} occurs "
                    "twice in the snapshot."
                )

    def feed(self, events: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Follow the next events, check each, and return the lives that end, with their numbers."""
        kind = events["kind"]
        num_deaths, num_births = (int(np.count_nonzero(kind == n)) for n in (-1, 1))
        ended, numbers = np.empty(num_deaths, LIFE), np.empty(num_deaths, np.int64)
        if self._distinct:
            self._grow_table(num_births)
        self._num_born += num_births
        slot = int(events["slot"][kind > 0].max(initial=-1))
        if slot >= FREE_SLOTS + 64 * (self._num_slots + self._num_born):
            raise LogError(f"an event is in slot {slot}, far above all others.")
        self._make_slots(slot + 1)
        self._counters[ENDED] = 0
        wrong = follow(events, self._table, self._distinct, self._counters, self._held, self._number, ended, numbers)
        if wrong >= 0:
            step, i, j, slot, _, kind, _ = events[wrong].tolist()
            done = "formed in slot {}, which is not free" if kind > 0 else "eliminated in slot {}, where it was not"
            raise LogError(f"step {step}: connection {i} -> {j} is {done.format(slot)}.")
        self._num_held += num_births - num_deaths
        ended["set"] = self._set
        return ended, numbers

    def wiring(self) -> Wiring:
        """Return the current connections."""
        held = self._held[self._there()]
        return held["pre"].copy(), held["post"].copy(), held["polarity"].copy()

    def alive(self, last_step: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the lives of the current connections, observed until ``last_step``, and their numbers."""
        there = self._there()
        alive = self._held[there]
        alive["end"], alive["set"] = last_step, self._set
        return alive, self._number[there]

    def _there(self) -> NDArray[np.int64]:
        if self._counters[LEFT] >= 0:
            slot, step = self._counters[LEFT], self._counters[WHEN]
            raise LogError(f"step {step}: the connection in slot {slot} leaves it, but does not arrive in another one.")
        return np.flatnonzero(self._held["polarity"])

    def _grow_table(self, num_births: int) -> None:
        """Keep the hash table less than half full."""
        number = self._num_held + num_births
        if 2 * number >= len(self._table):
            old, self._table = self._table, np.full(4 * number, EMPTY)
            insert_all(self._table, old[old != EMPTY])

    def _make_slots(self, number: int) -> None:
        if number > len(self._held):
            size = max(number, 2 * len(self._held))
            held, numbers = self._held, self._number
            self._held, self._number = np.zeros(size, LIFE), np.zeros(size, np.int64)
            self._held[: len(held)], self._number[: len(held)] = held, numbers


def lives(walk: Walk, blocks: Iterable[NDArray[Any]], last_step: int, *, born: bool = True) -> NDArray[Any]:
    """Return the lives of one set: initial connections by slot, then new ones (if ``born``) in order of formation."""
    found = []
    for some, numbers in _pieces(walk, blocks, last_step):
        chosen = slice(None) if born else some["initial"]
        found.append((some[chosen], numbers[chosen]))
    all_lives = np.empty(sum(len(some) for some, _ in found), LIFE)
    while found:
        some, numbers = found.pop()
        all_lives[numbers] = some
    return all_lives


def _pieces(
    walk: Walk, blocks: Iterable[NDArray[Any]], last_step: int
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Yield the lives that end in each block, then those that have not ended, with their numbers."""
    for events in blocks:
        yield walk.feed(events)
    yield walk.alive(last_step)
