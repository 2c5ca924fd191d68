"""Who is in which slot, followed through births, deaths and moves; arrays of EVENT and LIFE (see ``_replay``)."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.vacancy import _insert, _remove
from synaptic_sampling._numba import jit

__all__ = [
    "ENDED",
    "FINE",
    "GOES_BACK",
    "LEFT",
    "NEGATIVE",
    "NEXT",
    "NO_EVENT",
    "NO_STEP",
    "NUM_COUNTERS",
    "WHEN",
    "_check_rows",
    "_follow",
    "_meet_each",
]

#: Places in ``counters``: number of the next life; lives ended in this call; slot left by a move, or -1; its step.
NEXT, ENDED, LEFT, WHEN, NUM_COUNTERS = 0, 1, 2, 3, 4

#: What `_check_rows` finds.
FINE, GOES_BACK, NO_STEP, NO_EVENT, NEGATIVE = 0, 1, 2, 3, 4

BITS_32 = np.int64(32)


@jit
def _is(event, life):
    """Return whether the event is about the connection that is held."""
    return event["pre"] == life["pre"] and event["post"] == life["post"] and event["polarity"] == life["polarity"]


@jit
def _leave(event, slot, table, distinct, counters, held, number, ended, ended_number):
    """Let a connection die, or begin its move; return False where it is not in this slot."""
    if held[slot]["polarity"] == 0 or not _is(event, held[slot]):
        return False
    if event["kind"] == -2:
        counters[LEFT], counters[WHEN] = slot, event["step"]
        return True
    if distinct:
        _remove(table, (np.int64(event["pre"]) << BITS_32) | np.int64(event["post"]))
    n = counters[ENDED]
    ended[n] = held[slot]
    ended[n]["dead"] = True
    ended[n]["end"] = event["step"]
    ended_number[n] = number[slot]
    counters[ENDED] = n + 1
    held[slot]["polarity"] = 0
    return True


@jit
def _arrive(event, slot, table, distinct, counters, held, number):
    """Let a connection be born, or end its move; return False where the slot or its site is not free for it."""
    if held[slot]["polarity"] != 0:
        return False
    if event["kind"] == 2:
        left = counters[LEFT]
        if event["step"] != counters[WHEN] or not _is(event, held[left]):
            return False
        held[slot] = held[left]
        number[slot] = number[left]
        held[left]["polarity"] = 0
        counters[LEFT] = -1
        return True
    if event["pre"] < 0 or event["post"] < 0:
        return False
    if distinct and not _insert(table, (np.int64(event["pre"]) << BITS_32) | np.int64(event["post"])):
        return False
    held[slot]["pre"] = event["pre"]
    held[slot]["post"] = event["post"]
    held[slot]["polarity"] = event["polarity"]
    held[slot]["initial"] = False
    held[slot]["birth"] = event["step"]
    number[slot] = counters[NEXT]
    counters[NEXT] += 1
    return True


@jit
def _follow(events, table, distinct, counters, held, number, ended, ended_number):
    """Follow the events of one set; return the place of the first that contradicts the wiring, or -1.

    Changes ``table`` (occupied sites, where ``distinct``), ``counters``, and slot by slot ``held`` and ``number``;
    writes the lives that end, and their numbers, in the order of the deaths.
    """
    for n in range(events.size):
        event = events[n]
        slot = event["slot"]
        # A move is two rows in succession: nothing stands between them.
        possible = 0 <= slot < held.size and (counters[LEFT] >= 0) == (event["kind"] == 2)
        if possible and event["kind"] < 0:
            possible = _leave(event, slot, table, distinct, counters, held, number, ended, ended_number)
        elif possible:
            possible = _arrive(event, slot, table, distinct, counters, held, number)
        if not possible:
            return n
    return -1


@jit
def _check_rows(events, steps, place):
    """Return why these cannot be events, one of the reasons above; ``steps[place]`` may be that of the first.

    Rows of steps beyond the last of ``steps`` end the check.
    """
    last = np.int64(-1)
    for n in range(events.size):
        event = events[n]
        if event["step"] < last:
            return GOES_BACK
        last = event["step"]
        while place < steps.size and steps[place] < event["step"]:
            place += 1
        if place == steps.size:
            return FINE
        if steps[place] != event["step"]:
            return NO_STEP
        if abs(event["polarity"]) != 1 or not 1 <= abs(event["kind"]) <= 2:
            return NO_EVENT
        if event["pre"] < 0 or event["post"] < 0 or event["slot"] < 0:
            return NEGATIVE
    return FINE


@jit
def _meet_each(table, sites, new):
    """Write which of the sites were not yet in ``table``, and put them there, one after the other."""
    for n in range(sites.size):
        new[n] = _insert(table, sites[n])
