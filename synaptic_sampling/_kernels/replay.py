"""Which connection is in which slot, followed through all events; arrays of EVENT and LIFE (see ``log.replay``)."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.vacancy import insert, remove
from synaptic_sampling._numba import jit

__all__ = [
    "BEYOND",
    "ENDED",
    "FINE",
    "GOES_BACK",
    "LEFT",
    "NEGATIVE",
    "NEXT",
    "NO_EVENT",
    "NO_SET",
    "NO_STEP",
    "NUM_COUNTERS",
    "WHEN",
    "check_rows",
    "follow",
    "meet_each",
]

#: Indices of ``counters``: number of the next life; lives ended in this call; slot just left, or -1; step of that.
NEXT, ENDED, LEFT, WHEN, NUM_COUNTERS = 0, 1, 2, 3, 4

#: Results of `check_rows`.
FINE, GOES_BACK, NO_STEP, NO_EVENT, NEGATIVE, NO_SET, BEYOND = 0, 1, 2, 3, 4, 5, 6

BITS_32 = np.int64(32)


@jit
def _site(pre, post):
    """Return the number of a pair of neurons."""
    return (np.int64(pre) << BITS_32) | np.int64(post)


@jit
def follow(events, table, distinct, counters, held, number, ended, ended_number):
    """Follow the events of one set; return the index of the first that contradicts the connectivity, or -1.

    Changes ``table`` (occupied sites, where ``distinct``), ``counters``, and slot by slot ``held`` and ``number``;
    writes the lives that end, and their numbers, in the order of eliminations. Columns are extracted from the tables
    first: reading row by row would take three times as long.
    """
    steps, kinds, slots = events["step"], events["kind"], events["slot"]
    all_pre, all_post, signs = events["pre"], events["post"], events["polarity"]
    held_pre, held_post, held_sign = held["pre"], held["post"], held["polarity"]
    held_birth, held_initial = held["birth"], held["initial"]
    ended_pre, ended_post, ended_sign = ended["pre"], ended["post"], ended["polarity"]
    ended_birth, ended_initial, ended_end, ended_dead = ended["birth"], ended["initial"], ended["end"], ended["dead"]
    for n in range(events.size):
        kind, slot, pre, post, sign = kinds[n], slots[n], all_pre[n], all_post[n], signs[n]
        # A relocation is two consecutive rows.
        if not 0 <= slot < held.size or (counters[LEFT] >= 0) != (kind == 2):
            return n
        # A connection that leaves a slot must be in it; one that arrives must find it free, having just left another.
        there = slot if kind < 0 else counters[LEFT]
        if kind != 1 and (held_pre[there] != pre or held_post[there] != post or held_sign[there] != sign or sign == 0):
            return n
        if kind > 0 and (held_sign[slot] != 0 or (kind == 2 and steps[n] != counters[WHEN])):
            return n
        if kind == -2:
            counters[LEFT], counters[WHEN] = slot, steps[n]
        elif kind == -1:
            if distinct:
                remove(table, _site(pre, post))
            at = counters[ENDED]
            ended_pre[at], ended_post[at], ended_sign[at], ended_dead[at] = pre, post, sign, True
            ended_birth[at], ended_initial[at], ended_end[at] = held_birth[slot], held_initial[slot], steps[n]
            ended_number[at] = number[slot]
            counters[ENDED] = at + 1
            held_sign[slot] = 0
        elif kind == 2:
            held_pre[slot], held_post[slot], held_sign[slot] = pre, post, sign
            held_birth[slot], held_initial[slot], number[slot] = held_birth[there], held_initial[there], number[there]
            held_sign[there] = 0
            counters[LEFT] = -1
        else:
            if pre < 0 or post < 0 or (distinct and not insert(table, _site(pre, post))):
                return n
            held_pre[slot], held_post[slot], held_sign[slot] = pre, post, sign
            held_birth[slot], held_initial[slot], number[slot] = steps[n], False, counters[NEXT]
            counters[NEXT] += 1
    return -1


@jit
def check_rows(events, steps, place, limits):
    """Return why these rows cannot be events, one of the results above; ``steps[place]`` may be that of the first.

    The check ends at rows of steps beyond the last of ``steps``. ``limits`` are the numbers of neurons on both sides of
    each set, 0 where there is no such set; if it is empty, nothing is known about the sets.
    """
    own, kinds, signs = events["step"], events["kind"], events["polarity"]
    pre, post, slots, sets = events["pre"], events["post"], events["slot"], events["set"]
    last = np.int64(-1)
    for n in range(events.size):
        if own[n] < last:
            return GOES_BACK
        last = own[n]
        while place < steps.size and steps[place] < last:
            place += 1
        if place == steps.size:
            return FINE
        if steps[place] != last:
            return NO_STEP
        found = _check_row(kinds[n], signs[n], pre[n], post[n], slots[n], sets[n], limits)
        if found != FINE:
            return found
    return FINE


@jit
def _check_row(kind, sign, pre, post, slot, index, limits):
    """Return why this row cannot be an event, whatever its step."""
    if abs(sign) != 1 or not 1 <= abs(kind) <= 2:
        return NO_EVENT
    if pre < 0 or post < 0 or slot < 0:
        return NEGATIVE
    if len(limits) == 0:
        return FINE
    if index >= len(limits) or limits[index, 0] == 0:
        return NO_SET
    return BEYOND if pre >= limits[index, 0] or post >= limits[index, 1] else FINE


@jit
def meet_each(table, sites, new):
    """Write which of the sites are not yet in ``table``, and add them, one after the other."""
    for n in range(sites.size):
        new[n] = insert(table, sites[n])
