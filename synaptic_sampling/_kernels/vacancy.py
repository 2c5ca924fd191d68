"""Occupied sites, and the draw of vacant ones, in memory proportional to the number of connections.

A site is the key ``pre * num_post + post`` (int64). Occupied keys are in an open-addressing hash set with linear
probing; removal shifts later entries back, so that the set never fills with tombstones, however long a run is.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.lanes import fetch
from synaptic_sampling._kernels.philox import bounded, philox
from synaptic_sampling._numba import jit

__all__ = [
    "AHEAD",
    "EMPTY",
    "contains",
    "contains_each",
    "draw_by_enumeration",
    "draw_by_rejection",
    "insert",
    "insert_all",
    "propose_each",
    "remove",
    "remove_all",
    "take_each",
    "uniforms_each",
    "vacant_sites",
]

EMPTY = np.int64(-1)

#: Memory is prefetched this many places ahead, because a large table is not in any cache.
AHEAD = 16

MASK = np.uint64(0xFFFFFFFF)
BITS_32 = np.uint64(32)
BITS_20 = np.uint64(20)
BITS_16 = np.uint64(16)
BITS_15 = np.uint64(15)
BITS_12 = np.uint64(12)
#: Odd multipliers of the integer hash (32 by 32 bits, so that no product overflows).
MIX_LOW = np.uint64(0x9E3779B1)
MIX_HIGH = np.uint64(0x85EBCA77)
MIX_1 = np.uint64(0x7FEB352D)
MIX_2 = np.uint64(0x846CA68B)


@jit
def _home(key, capacity):
    """Return the place in the table where the search for ``key`` starts."""
    word = np.uint64(key)
    h = (((word & MASK) * MIX_LOW) & MASK) ^ (((word >> BITS_32) * MIX_HIGH) & MASK)
    h = ((h ^ (h >> BITS_16)) * MIX_1) & MASK
    h = ((h ^ (h >> BITS_15)) * MIX_2) & MASK
    h = h ^ (h >> BITS_16)
    return np.int64((h * np.uint64(capacity)) >> BITS_32)


@jit
def contains(table, key):
    """Return whether the site is occupied."""
    capacity = table.size
    place = _home(key, capacity)
    while table[place] != EMPTY:
        if table[place] == key:
            return True
        place = place + 1 if place + 1 < capacity else 0
    return False


@jit
def insert(table, key):
    """Occupy a site in ``table``; return False, and change nothing, if it is occupied already."""
    capacity = table.size
    place = _home(key, capacity)
    while table[place] != EMPTY:
        if table[place] == key:
            return False
        place = place + 1 if place + 1 < capacity else 0
    table[place] = key
    return True


@jit
def insert_all(table, keys):
    """Occupy all sites in ``table``; return the first index whose site is occupied already, or -1."""
    for k in range(keys.size):
        if not insert(table, keys[k]):
            return k
    return -1


@jit
def remove(table, key):
    """Vacate a site in ``table``; return False, and change nothing, if it is vacant already."""
    capacity = table.size
    hole = _home(key, capacity)
    while table[hole] != key:
        if table[hole] == EMPTY:
            return False
        hole = hole + 1 if hole + 1 < capacity else 0
    place = hole
    while True:
        place = place + 1 if place + 1 < capacity else 0
        if table[place] == EMPTY:
            break
        home = _home(table[place], capacity)
        # An entry may move back into the hole only if its search passes there on its way from home to place.
        from_home, from_hole = place - home, place - hole
        from_home += capacity if from_home < 0 else 0  # A division would cost as much as everything else.
        from_hole += capacity if from_hole < 0 else 0
        if from_home >= from_hole:
            table[hole] = table[place]
            hole = place
    table[hole] = EMPTY
    return True


@jit
def remove_all(table, keys):
    """Vacate all sites in ``table``."""
    for n in range(keys.size):
        if n + AHEAD < keys.size:
            fetch(table, _home(keys[n + AHEAD], table.size))
        remove(table, keys[n])


@jit
def _allowed(key, num_post, forbidden_diagonal):
    """Return whether a site is not an autapse; ``forbidden_diagonal`` is post - pre of an autapse, or out of range."""
    return key % num_post - key // num_post != forbidden_diagonal


@jit
def _propose(sites, num_pre, num_post, forbidden_diagonal, w0, w1):
    """Return a uniformly random site key, or -1 if these words must be rejected.

    ``sites`` lists the candidates; if it is empty, every pair except the forbidden diagonal is one.
    """
    if sites.size > 0:
        place = bounded(w0, np.uint64(sites.size))
        return sites[place] if place >= 0 else EMPTY
    pre = bounded(w0, np.uint64(num_pre))
    post = bounded(w1, np.uint64(num_post))
    if pre < 0 or post < 0 or post - pre == forbidden_diagonal:
        return EMPTY
    return pre * num_post + post


@jit
def propose_each(slots, sites, grid, step, stream, k0, k1, attempt, keys, words):
    """Write a random site for each slot into ``keys``, -1 where rejected, and a random 32-bit word into ``words``."""
    num_pre, num_post, forbidden_diagonal = grid
    for n in range(slots.size):
        w0, w1, w2, _ = philox(np.uint64(slots[n]), step, stream, attempt, k0, k1)
        keys[n] = _propose(sites, num_pre, num_post, forbidden_diagonal, w0, w1)
        words[n] = w2


@jit
def uniforms_each(slots, step, stream, k0, k1, attempt, first, second):
    """Write two uniform random numbers in (0, 1), with 52 random bits, for each slot into ``first`` and ``second``."""
    for n in range(slots.size):
        w0, w1, w2, w3 = philox(np.uint64(slots[n]), step, stream, attempt, k0, k1)
        first[n] = (np.float64(w0 << BITS_20 | w1 >> BITS_12) + 0.5) * 2.0**-52
        second[n] = (np.float64(w2 << BITS_20 | w3 >> BITS_12) + 0.5) * 2.0**-52


@jit
def take_each(table, keys, num_post, multapses, free_out, free_in, taken):
    """Occupy the sites marked in ``taken``, in order; write False into ``taken`` where one cannot be occupied.

    This is the case if the site is occupied and multapses are not allowed, or if its presynaptic or postsynaptic neuron
    has no free degree; free degrees of size 0 are unlimited.
    """
    for n in range(keys.size):
        if not taken[n]:
            continue
        pre, post = keys[n] // num_post, keys[n] % num_post
        if (free_out.size and free_out[pre] <= 0) or (free_in.size and free_in[post] <= 0):
            taken[n] = False
        else:
            taken[n] = multapses or insert(table, keys[n])
        if taken[n] and free_out.size:
            free_out[pre] -= 1
        if taken[n] and free_in.size:
            free_in[post] -= 1


@jit
def contains_each(table, keys, found):
    """Write into ``found`` which sites are occupied."""
    for n in range(keys.size):
        found[n] = contains(table, keys[n])


@jit
def draw_by_rejection(slots, sites, grid, multapses, step, stream, k0, k1, table, keys):
    """Draw a site for each slot uniformly from the vacant ones; occupy it in ``table``, write it into ``keys``.

    With multapses, sites are drawn from all, and ``table`` does not change. Each proposal has the address (slot, step,
    stream, attempt). For use where vacant sites are not rare.
    """
    num_pre, num_post, forbidden_diagonal = grid
    # The words of first attempts have a loop of their own, which vector units process: five times as fast.
    words = np.empty((2, slots.size), np.uint64)
    for n in range(slots.size):
        words[0, n], words[1, n], _, _ = philox(np.uint64(slots[n]), step, stream, np.uint64(0), k0, k1)
    for n in range(slots.size):
        keys[n] = _propose(sites, num_pre, num_post, forbidden_diagonal, words[0, n], words[1, n])
    for n in range(slots.size):
        if n + AHEAD < slots.size:
            fetch(table, _home(keys[n + AHEAD], table.size))
        attempt = np.uint64(0)
        while keys[n] == EMPTY or not (multapses or insert(table, keys[n])):
            attempt += np.uint64(1)
            w0, w1, _, _ = philox(np.uint64(slots[n]), step, stream, attempt, k0, k1)
            keys[n] = _propose(sites, num_pre, num_post, forbidden_diagonal, w0, w1)


@jit
def vacant_sites(sites, grid, occupied, vacant):
    """Write all vacant sites, ascending, into ``vacant`` and return their number; ``occupied`` is the hash set.

    Costs one lookup per site; for sets so dense that there are not many more sites than connections.
    """
    num_pre, num_post, forbidden_diagonal = grid
    n = 0
    for place in range(sites.size if sites.size > 0 else num_pre * num_post):
        key = sites[place] if sites.size > 0 else np.int64(place)
        if (sites.size > 0 or _allowed(key, num_post, forbidden_diagonal)) and not contains(occupied, key):
            vacant[n] = key
            n += 1
    return n


@jit
def draw_by_enumeration(slots, vacant, num_vacant, step, stream, k0, k1, table, keys):
    """Do what ``draw_by_rejection`` does, but consume a list of all vacant sites; return how many sites were drawn."""
    placed = min(slots.size, num_vacant)
    for n in range(placed):
        attempt = np.uint64(0)
        place = np.int64(-1)
        while place < 0:
            w0, _, _, _ = philox(np.uint64(slots[n]), step, stream, attempt, k0, k1)
            attempt += np.uint64(1)
            place = bounded(w0, np.uint64(num_vacant - n))
        keys[n] = vacant[place]
        vacant[place] = vacant[num_vacant - n - 1]
        insert(table, keys[n])
    return placed
