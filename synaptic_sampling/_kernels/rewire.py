"""Rewiring many layers without Python between them: each for itself, or all from one budget.

What dies, is born and moves, and in what order it is written down, is as in ``sampler``, to the last bit.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.dynamics import MOVE, regrow, retract, write_event
from synaptic_sampling._kernels.split import split_births
from synaptic_sampling._kernels.vacancy import draw_by_enumeration, draw_by_rejection, vacant_sites
from synaptic_sampling._numba import inlined, jit

__all__ = ["rewire_all", "rewire_each"]


@jit
def _draw(s, slots, occupied, now, key):
    """Return a site drawn uniformly from the vacant ones for each slot, as ``Sites.draw`` does."""
    keys = np.empty(slots.size, np.int64)
    grid, none, stream = s.grid, np.empty(0, np.int64), s.streams[1]
    vacant = grid[0] * grid[1] - occupied
    if vacant - slots.size >= s.crowded:
        draw_by_rejection(slots, none, grid, False, np.uint64(now), stream, key[0], key[1], s.table, keys)
    else:
        sites = np.empty(vacant, np.int64)
        vacant_sites(none, grid, s.table, sites)
        draw_by_enumeration(slots, sites, vacant, np.uint64(now), stream, key[0], key[1], s.table, keys)
    return keys


@jit
def _forget(moments, slots):
    """Let what is remembered of some slots start afresh."""
    if moments is not None:
        for moment in (moments.first, moments.second):
            for n in range(slots.size if moment.size else 0):
                moment[slots[n]] = 0.0


@inlined
def _die(c, s, dying, now, events):
    """Retract the connections in some slots."""
    retract(dying, c.pre, c.post, c.polarity, s.grid[1], now, s.set_index, s.table, events)


@inlined
def _bear(c, s, slots, occupied, now, key, events):
    """Let connections be born in some slots; ``occupied`` is the number of the others."""
    keys = _draw(s, slots, occupied, now, key)
    state = (c.pre, c.post, c.theta, c.polarity, s.birth_step)
    regrow(slots, keys, s.signs, s.grid[1], now, s.set_index, s.streams[2], key[0], key[1], state, events)
    _forget(s.moments, slots)


@inlined
def rewire_each(wirings, slots, sizes, numbers, step, key, events):
    """Let as many be born in each layer as die there, ``numbers``; return how many ``events`` it were."""
    used = 0
    for n in range(len(wirings)):
        c, s, dying = wirings[n], slots[n], slots[n].retracted[: numbers[n]]
        if dying.size > 0:
            now = s.steps_done + step
            _die(c, s, dying, now, events[used:])
            _bear(c, s, dying, sizes[n] - dying.size, now, key, events[used + dying.size :])
            used += 2 * dying.size
    return used


@jit
def _births(sizes, numbers, sharing, now, key):
    """Return how many are born in each layer, as ``Budget.share_out`` does."""
    counts = np.zeros(sizes.size, np.int64)
    survivors = sizes - numbers
    vacant = sharing.num_sites - survivors
    room = np.minimum(vacant, sharing.total - survivors)
    weight, shrink = vacant.astype(np.float64), np.ones(sizes.size)
    missing = sharing.total - survivors.sum()
    split_births(missing, np.uint64(now), sharing.stream, key[0], key[1], room, weight, shrink, counts)
    return counts


@jit
def _places(dying, births, size):
    """Return the slots where connections are born: those of the dying, then those behind all others."""
    slots = np.empty(births, np.int32)
    for n in range(births):
        slots[n] = dying[n] if n < dying.size else size + n - dying.size
    return slots


@jit
def _remember(moments, old, new):
    """Let what is remembered of a slot be that of another."""
    if moments is not None:
        for moment in (moments.first, moments.second):
            if moment.size:
                moment[new] = moment[old]


@jit
def close(c, s, gaps, size, now, events):
    """Let the last connections move into gaps, both ascending; return how many did, each of which makes two events."""
    number = size - gaps.size
    late = np.searchsorted(gaps, number)
    old = number
    for n in range(np.int64(late)):
        while late < gaps.size and gaps[late] == old:
            late, old = late + 1, old + 1
        new = gaps[n]
        for values in (c.pre, c.post):
            values[new] = values[old]
        c.theta[new], c.polarity[new], s.birth_step[new] = c.theta[old], c.polarity[old], s.birth_step[old]
        _remember(s.moments, old, new)
        write_event(events, 2 * n, now, c.pre[new], c.post[new], old, s.set_index, -MOVE, c.polarity[new])
        write_event(events, 2 * n + 1, now, c.pre[new], c.post[new], new, s.set_index, MOVE, c.polarity[new])
        old += 1
    return np.searchsorted(gaps, number)


@inlined
def rewire_all(wirings, slots, sizes, numbers, sharing, step, key, events):
    """Let as many be born as are missing in all layers, in whichever; changes ``sizes``, returns how many ``events``.

    ``numbers`` are those of the dying. Deaths of all layers come before any birth, and these before any move.
    """
    used = 0
    for n in range(len(wirings)):
        _die(wirings[n], slots[n], slots[n].retracted[: numbers[n]], slots[n].steps_done + step, events[used:])
        used += numbers[n]
    births = _births(sizes, numbers, sharing, slots[0].steps_done + step, key)
    for n in range(len(wirings)):
        s, dying = slots[n], slots[n].retracted[: numbers[n]]
        places = _places(dying, births[n], sizes[n])
        _bear(wirings[n], s, places, sizes[n] - dying.size, s.steps_done + step, key, events[used:])
        used += births[n]
    for n in range(len(wirings)):
        gaps = slots[n].retracted[births[n] : max(births[n], numbers[n])]
        used += 2 * close(wirings[n], slots[n], gaps, sizes[n], slots[n].steps_done + step, events[used:])
        sizes[n] += births[n] - numbers[n]
    return used
