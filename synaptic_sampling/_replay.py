"""What follows from the first wiring and the events since then: every later wiring, and the life of each connection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._log_file import LogError, Snapshot

__all__ = ["LIFE", "lives", "replay"]

#: One connection from its birth to its death. ``initial``: it was there at the start, its true birth is not known.
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


def replay(
    begin: Snapshot, events: NDArray[Any], multapses: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return the wiring that the events lead to, checking that each of them is possible.

    Parameters
    ----------
    begin : Snapshot
        Where they begin.
    events : ndarray of EVENT
        All of its set since then, in order.
    multapses : bool
        Whether two connections may share a pair of neurons.

    Returns
    -------
    pre, post, polarity : ndarray, shape (K,)
        In the order of slots.

    Raises
    ------
    LogError
        If an event contradicts the wiring.
    """
    rows = zip(begin.pre.tolist(), begin.post.tolist(), begin.polarity.tolist(), strict=True)
    held = {slot: row for slot, row in enumerate(rows) if row[2] != 0}
    pairs = {row[:2] for row in held.values()}
    for step, i, j, slot, _, kind, sign in events.tolist():
        row = (i, j, sign)
        if kind < 0:
            possible = held.pop(slot, None) == row
            pairs.discard(row[:2])
        else:
            possible = slot >= 0 and slot not in held and (multapses or row[:2] not in pairs)
            held[slot] = row
            pairs.add(row[:2])
        if not possible:
            raise _contradiction(step, i, j, slot, kind)
    columns = np.array([held[slot] for slot in sorted(held)], np.int32).reshape(-1, 3)
    return columns[:, 0].copy(), columns[:, 1].copy(), columns[:, 2].astype(np.int8)


def lives(start: Snapshot, events: NDArray[Any], last_step: int, multapses: bool = False) -> NDArray[Any]:
    """Return the lives of one set, checking that each event is possible.

    Parameters
    ----------
    start : Snapshot
        Who was there at first.
    events : ndarray of EVENT
        All of its set since then, in order.
    last_step : int
        When who was not dead was last seen.
    multapses : bool
        Whether two connections may share a pair of neurons.

    Returns
    -------
    ndarray of LIFE
        First the initial ones, then those born, in the order of their births.

    Raises
    ------
    LogError
        If an event contradicts the wiring.
    """
    stays = _stays(start, events)
    begun, ended = _begins_and_ends(stays, events)
    life_of = _follow_moves(begun, ended, events)
    first = np.flatnonzero(life_of == np.arange(len(life_of)))  # The stay with which each life begins.
    all_lives = np.empty(len(first), LIFE)
    for name in ("pre", "post", "polarity"):
        all_lives[name] = stays[name][first]
    born = begun[first] >= 0
    all_lives["initial"], all_lives["set"] = ~born, start.set_index
    all_lives["birth"] = start.step
    all_lives["birth"][born] = events["step"][begun[first[born]]]
    all_lives["dead"], all_lives["end"] = False, last_step
    dying = np.flatnonzero(ended >= 0)
    dying = dying[events["kind"][ended[dying]] == -1]
    life = np.searchsorted(first, life_of[dying])
    all_lives["dead"][life], all_lives["end"][life] = True, events["step"][ended[dying]]
    if not multapses:
        born_by = events[events["kind"] == 1]
        _refuse(born_by, _second_at_a_site(all_lives) - int(np.count_nonzero(~born)))
    return all_lives


def _stays(start: Snapshot, events: NDArray[Any]) -> NDArray[Any]:
    """Return who came into which slot: first those there at the start, then those of the events."""
    there = np.flatnonzero(start.polarity)
    arrivals = events[events["kind"] > 0]
    fields = ("slot", "pre", "post", "polarity")
    stays = np.empty(len(there) + len(arrivals), [(name, events.dtype[name]) for name in fields])
    stays["slot"] = np.concatenate([there, arrivals["slot"]])
    for name in fields[1:]:
        stays[name] = np.concatenate([getattr(start, name)[there], arrivals[name]])
    return stays


def _begins_and_ends(stays: NDArray[Any], events: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the events with which each stay in a slot begins and ends, -1 where there is none."""
    arriving = np.flatnonzero(events["kind"] > 0)
    leaving = np.flatnonzero(events["kind"] < 0)
    begun = np.concatenate([np.full(len(stays) - len(arriving), -1), arriving])
    # In each slot arrivals and departures take turns, and an arrival comes first.
    when = np.concatenate([begun, leaving])
    slots = np.concatenate([stays["slot"], events["slot"][leaving]])
    order = np.lexsort([when, slots])
    leaves = order >= len(stays)
    rank = np.arange(len(order)) - np.searchsorted(slots[order], slots[order])
    _refuse(events, when[order[(slots[order] < 0) | (leaves != rank % 2)]])
    ended = np.full(len(stays), -1)
    places = np.flatnonzero(leaves)
    stay, end = order[places - 1], when[order[places]]
    ended[stay] = end
    same = np.ones(len(stay), np.bool_)
    for name in ("pre", "post", "polarity"):
        same &= events[name][end] == stays[name][stay]
    _refuse(events, end[~same])
    return begun, ended


def _follow_moves(begun: NDArray[np.int64], ended: NDArray[np.int64], events: NDArray[Any]) -> NDArray[np.int64]:
    """Return, for each stay, the stay with which the life began that goes on in it."""
    kind = events["kind"]
    arrived = np.flatnonzero(kind == 2)
    # A move is two rows in succession: it leaves one slot, and arrives in another.
    pair = arrived - 1
    broken = (arrived == 0) | (kind[pair] != -2)
    for name in ("step", "pre", "post", "polarity"):
        broken |= events[name][pair] != events[name][arrived]
    _refuse(events, arrived[broken])
    lost = np.flatnonzero(kind == -2)
    _refuse(events, lost[~np.isin(lost + 1, arrived)])
    stay_of_begin, stay_of_end = np.full(len(events), -1), np.full(len(events), -1)
    stay_of_begin[begun[begun >= 0]] = np.flatnonzero(begun >= 0)
    stay_of_end[ended[ended >= 0]] = np.flatnonzero(ended >= 0)
    life_of = np.arange(len(begun))
    life_of[stay_of_begin[arrived]] = stay_of_end[pair]
    # Each round follows twice as many moves as the one before.
    while True:
        further = life_of[life_of]
        if np.array_equal(further, life_of):
            return life_of
        life_of = further


def _second_at_a_site(all_lives: NDArray[Any]) -> NDArray[np.int64]:
    """Return the lives that began at a site where another had not ended."""
    site = all_lives["pre"].astype(np.int64) << 32 | all_lives["post"]
    order = np.argsort(site, kind="stable")  # Of one site: by birth.
    former, later = all_lives[order[:-1]], all_lives[order[1:]]
    shared = (site[order[:-1]] == site[order[1:]]) & (~former["dead"] | (former["end"] > later["birth"]))
    return order[1:][shared]


def _refuse(events: NDArray[Any], wrong: NDArray[np.int64]) -> None:
    """Raise the error that names the first of the wrong events."""
    if len(wrong):
        step, i, j, slot, _, kind, _ = events[max(0, wrong.min())].tolist()
        raise _contradiction(step, i, j, slot, kind)


def _contradiction(step: int, i: int, j: int, slot: int, kind: int) -> LogError:
    what = "is born in slot {}, which is not free for it" if kind > 0 else "dies in slot {}, where it was not"
    return LogError(f"step {step}: connection {i} -> {j} {what.format(slot)}.")
