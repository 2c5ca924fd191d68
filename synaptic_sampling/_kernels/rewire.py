"""Rewiring of many layers without Python in between: each layer separately, or all with one budget.

Eliminations, formations, relocations and the order of their events are bit-identical to ``connections.rewire``.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.dynamics import MOVE, regrow, retract, write_event
from synaptic_sampling._kernels.split import split_births
from synaptic_sampling._kernels.vacancy import draw_by_enumeration, draw_by_rejection, vacant_sites
from synaptic_sampling._numba import inlined, jit

__all__ = ["close", "draw", "places", "reset", "rewire_all", "rewire_each"]


@jit
def draw(s, slots, occupied, now, key):
    """Return a site drawn uniformly from the vacant ones for each slot, as ``Sites.draw`` does."""
    keys = np.empty(slots.size, np.int64)
    grid, none, stream = s.grid, np.empty(0, np.int64), s.streams[1]
    vacant = grid[0] * grid[1] - occupied
    # Without slots, all sites of a crowded grid would be listed for nothing.
    if slots.size == 0 or vacant - slots.size >= s.crowded:
        draw_by_rejection(slots, none, grid, False, np.uint64(now), stream, key[0], key[1], s.table, keys)
    else:
        sites = np.empty(vacant, np.int64)
        vacant_sites(none, grid, s.table, sites)
        draw_by_enumeration(slots, sites, vacant, np.uint64(now), stream, key[0], key[1], s.table, keys)
    return keys


@jit
def reset(moments, slots):
    """Reset the optimizer's state of some slots."""
    if moments is not None:
        for moment in (moments.first, moments.second):
            for n in range(slots.size if moment.size else 0):
                moment[slots[n]] = 0.0


@inlined
def _eliminate(c, s, eliminated, now, events):
    """Eliminate the connections in some slots."""
    retract(eliminated, c.pre, c.post, c.polarity, s.grid[1], now, s.set_index, s.table, events)


@inlined
def _form(c, s, slots, occupied, now, key, events):
    """Form connections in some slots; ``occupied`` is the number of the others."""
    keys = draw(s, slots, occupied, now, key)
    state = (c.pre, c.post, c.theta, c.polarity, s.birth_step)
    regrow(slots, keys, s.signs, s.grid[1], now, s.set_index, s.streams[2], key[0], key[1], state, events)
    reset(s.moments, slots)


@inlined
def rewire_each(layers, slots, sizes, numbers, step, key, events):
    """Replace ``numbers`` of connections in each layer; return the number of ``events`` written."""
    used = 0
    for n in range(len(layers)):
        c, s, eliminated = layers[n], slots[n], slots[n].retracted[: numbers[n]]
        if eliminated.size > 0:
            now = s.steps_done + step
            _eliminate(c, s, eliminated, now, events[used:])
            _form(c, s, eliminated, sizes[n] - eliminated.size, now, key, events[used + eliminated.size :])
            used += 2 * eliminated.size
    return used


@jit
def _births(sizes, numbers, sharing, now, key):
    """Return the number of new connections of each layer, as ``Budget.share_out`` does."""
    counts = np.zeros(sizes.size, np.int64)
    survivors = sizes - numbers
    vacant = sharing.num_sites - survivors
    spare = np.minimum(vacant, sharing.total - survivors)
    weight, shrink = vacant.astype(np.float64), np.ones(sizes.size)
    missing = sharing.total - survivors.sum()
    split_births(missing, np.uint64(now), sharing.stream, key[0], key[1], spare, weight, shrink, counts)
    return counts


@jit
def places(eliminated, births, size):
    """Return the slots of new connections: those of the eliminated, then those behind all others."""
    slots = np.empty(births, np.int32)
    for n in range(births):
        slots[n] = eliminated[n] if n < eliminated.size else size + n - eliminated.size
    return slots


@jit
def _copy_moments(moments, old, new):
    """Copy the optimizer's state of a slot to another."""
    if moments is not None:
        for moment in (moments.first, moments.second):
            if moment.size:
                moment[new] = moment[old]


@jit
def close(c, s, gaps, size, now, events):
    """Relocate the last connections into gaps, both ascending; return the number of events, two for each active one."""
    used, number = 0, size - gaps.size
    late = np.searchsorted(gaps, number)
    old = number
    for n in range(np.int64(late)):
        while late < gaps.size and gaps[late] == old:
            late, old = late + 1, old + 1
        new = gaps[n]
        for values in (c.pre, c.post):
            values[new] = values[old]
        c.theta[new], c.polarity[new], s.birth_step[new] = c.theta[old], c.polarity[old], s.birth_step[old]
        _copy_moments(s.moments, old, new)
        if c.theta[new] >= 0.0:
            write_event(events, used, now, c.pre[new], c.post[new], old, s.set_index, -MOVE, c.polarity[new])
            write_event(events, used + 1, now, c.pre[new], c.post[new], new, s.set_index, MOVE, c.polarity[new])
            used += 2
        old += 1
    return used


@inlined
def rewire_all(layers, slots, sizes, numbers, sharing, step, key, events):
    """Form as many connections as are missing in all layers; changes ``sizes``, returns the number of ``events``.

    ``numbers`` are those of the eliminated. Eliminations of all layers precede formations, and these relocations.
    """
    used = 0
    for n in range(len(layers)):
        _eliminate(layers[n], slots[n], slots[n].retracted[: numbers[n]], slots[n].steps_done + step, events[used:])
        used += numbers[n]
    births = _births(sizes, numbers, sharing, slots[0].steps_done + step, key)
    for n in range(len(layers)):
        s, eliminated = slots[n], slots[n].retracted[: numbers[n]]
        filled = places(eliminated, births[n], sizes[n])
        _form(layers[n], s, filled, sizes[n] - eliminated.size, s.steps_done + step, key, events[used:])
        used += births[n]
    for n in range(len(layers)):
        gaps = slots[n].retracted[births[n] : max(births[n], numbers[n])]
        used += close(layers[n], slots[n], gaps, sizes[n], slots[n].steps_done + step, events[used:])
        sizes[n] += births[n] - numbers[n]
    return used
