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


def replay(begin: Snapshot, events: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return the wiring that the events lead to, checking that each of them is possible.

    Parameters
    ----------
    begin : Snapshot
        Where they begin.
    events : ndarray of EVENT
        All of its set since then, in order.

    Returns
    -------
    pre, post, polarity : ndarray, shape (K,)
        Slot by slot.

    Raises
    ------
    LogError
        If an event contradicts the wiring.
    """
    pre, post, polarity = begin.pre.tolist(), begin.post.tolist(), begin.polarity.tolist()
    slot_of: dict[tuple[int, int], int] = {pair: slot for slot, pair in enumerate(zip(pre, post, strict=True))}
    for step, i, j, slot, _, kind, sign in events.tolist():
        dead = kind < 0
        if dead and slot_of.pop((i, j), None) != slot:
            raise _contradiction(step, i, j, slot, kind)
        if not dead:
            if (i, j) in slot_of or not 0 <= slot < len(pre) or slot_of.get((pre[slot], post[slot])) == slot:
                raise _contradiction(step, i, j, slot, kind)
            pre[slot], post[slot], polarity[slot] = i, j, sign
            slot_of[i, j] = slot
    if len(slot_of) != len(pre):
        raise LogError(f"the events leave {len(pre) - len(slot_of)} slots without a connection.")
    return np.array(pre, np.int32), np.array(post, np.int32), np.array(polarity, np.int8)


def lives(start: Snapshot, events: NDArray[Any], last_step: int) -> NDArray[Any]:
    """Return the lives of one set, checking that each event is possible.

    Parameters
    ----------
    start : Snapshot
        Who was there at first.
    events : ndarray of EVENT
        All of its set since then, in order.
    last_step : int
        When who was not dead was last seen.

    Returns
    -------
    ndarray of LIFE
        First the initial ones, then those born, in the order of their births.

    Raises
    ------
    LogError
        If an event contradicts the wiring.
    """
    size, births = len(start.pre), events[events["kind"] > 0]
    all_lives = np.empty(size + len(births), LIFE)
    for name in ("pre", "post", "polarity"):
        all_lives[name] = np.concatenate([getattr(start, name), births[name]])
    all_lives["birth"] = np.concatenate([np.full(size, start.step), births["step"]])
    all_lives["initial"] = np.arange(len(all_lives)) < size
    all_lives["set"], all_lives["dead"], all_lives["end"] = start.set_index, False, last_step
    dying, life = _who_dies(size, births["slot"], events)
    same = (events["pre"][dying] == all_lives["pre"][life]) & (events["post"][dying] == all_lives["post"][life])
    _refuse(events, dying[~same])
    all_lives["dead"][life], all_lives["end"][life] = True, events["step"][dying]
    if len(births) != len(dying):
        raise LogError(f"the events leave {len(dying) - len(births)} slots without a connection.")
    _refuse(births, _second_at_a_site(all_lives) - size)
    return all_lives


def _who_dies(
    size: int, birth_slots: NDArray[np.int32], events: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of the events are deaths, and for each of them the number of the life that it ends."""
    order = np.argsort(events["slot"], kind="stable")
    slots, born = events["slot"][order], events["kind"][order] > 0
    # In each slot deaths and births take turns, and a death comes first.
    rank = np.arange(len(order)) - np.searchsorted(slots, slots)
    _refuse(events, order[(slots < 0) | (slots >= size) | (born != rank % 2)])
    slot_of_life = np.concatenate([np.arange(size), birth_slots])
    by_slot = np.argsort(slot_of_life, kind="stable")
    first = np.searchsorted(slot_of_life[by_slot], slots[~born])
    return order[~born], by_slot[first + rank[~born] // 2]


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
        step, i, j, slot, _, kind, _ = events[wrong.min()].tolist()
        raise _contradiction(step, i, j, slot, kind)


def _contradiction(step: int, i: int, j: int, slot: int, kind: int) -> LogError:
    what = "is born in slot {}, which is not free for it" if kind > 0 else "dies in slot {}, where it was not"
    return LogError(f"step {step}: connection {i} -> {j} {what.format(slot)}.")
