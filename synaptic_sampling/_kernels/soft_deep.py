"""Return times of untracked connections in soft DEEP R, stored as numbers of connections per block of time.

Times are in ticks, one per step while the noise is that of the first rule; lengths are in standard deviations of the
noise per step. Level l, place b % RING of the wheel holds how many connections return in the ticks b*2**l to
(b + 1)*2**l - 1, for blocks that are not over. When a block starts, it is split into two blocks of the level below,
with a fair coin for each connection. Within a tick, all times are equally likely: the number of returns in a step that
is a part of a tick is binomial.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._kernels.philox import gauss_pair, philox
from synaptic_sampling._numba import jit

__all__ = [
    "FINENESS",
    "LEVELS",
    "MAX_DELAY",
    "NEAR",
    "REACH",
    "RING",
    "advance",
    "binomial",
    "count_heads",
    "enter",
    "land",
    "spread",
]

#: Delays of NEAR*2**l to 2*NEAR*2**l - 1 ticks belong to level l: blocks are 64 to 128 times shorter than the delay.
NEAR = 64
RING = 256
#: Enough for a run of 2**32 steps.
LEVELS = 29
MAX_DELAY = NEAR * 2.0**LEVELS
#: The tables of `_interpolate` start at -REACH and have FINENESS places per unit; no normal number exceeds 6.8.
REACH, FINENESS = 7, 256
#: Half of all 32-bit words: a fair coin.
HALF = np.uint64(1 << 31)
BITS = 53
#: Address of the returns in a part of a tick; neither a block nor a class of `spread` has it.
PARTIAL = 1 << 25

FIVES, THREES, FS = np.uint64(0x55555555), np.uint64(0x33333333), np.uint64(0x0F0F0F0F)
ONES, BYTES = np.uint64(0x01010101), np.uint64(0xFFFFFFFF)


@jit
def _bits(word):
    """Return how many of 32 bits are set."""
    word = word - ((word >> np.uint64(1)) & FIVES)
    word = (word & THREES) + ((word >> np.uint64(2)) & THREES)
    word = (word + (word >> np.uint64(4))) & FS
    return np.int64(((word * ONES) & BYTES) >> np.uint64(24))


@jit
def count_heads(number, slot, step, stream, k0, k1, attempt):
    """Return the number of heads among fair coins, exactly Binomial(number, 1/2), and the next attempt."""
    heads = np.int64(0)
    for first in range(0, number, 128):
        words = philox(np.uint64(slot), step, stream, attempt, k0, k1)
        attempt += np.uint64(1)
        for lane in range(4):
            coins = min(max(number - first - 32 * lane, 0), 32)
            heads += _bits(words[lane] & np.uint64((1 << coins) - 1))
    return heads, attempt


@jit
def binomial(number, p, slot, step, stream, k0, k1):
    """Return how many of ``number`` uniform random numbers are below p, which is rounded to 53 bits.

    All numbers are compared with p bit by bit, from the highest; each bit decides half of those that are undecided.
    """
    target = np.int64(p * 2.0**BITS)
    if target >> BITS:
        return number
    below, attempt = np.int64(0), np.uint64(0)
    for bit in range(BITS - 1, -1, -1):
        ones, attempt = count_heads(number, slot, step, stream, k0, k1, attempt)
        if (target >> bit) & 1:
            below += number - ones
            number = ones
        else:
            number -= ones
    return below


@jit
def spread(number, below, step, stream, k0, k1, counts):
    """Draw a multinomial: ``below[n]`` is the probability of all classes before n; writes ``counts`` (2**m of them)."""
    counts[:] = 0
    counts[0] = number
    width = counts.size
    while width > 1:
        half = width // 2
        for first in range(0, counts.size, width):
            whole = below[first + width] - below[first]
            fraction = (below[first + half] - below[first]) / whole if whole > 0.0 else 0.0
            taken = binomial(counts[first], fraction, first + half, step, stream, k0, k1)
            counts[first + half] = counts[first] - taken
            counts[first] = taken
        width = half


@jit
def _interpolate(table, x):
    """Return the value of a function at x, interpolated."""
    place = (x + REACH) * FINENESS
    n = int(place)
    return table[n] + (place - n) * (table[n + 1] - table[n])


@jit
def _draws(slots, step, stream, k0, k1, normals, coins):
    """Write the first normal number and the first random word of each slot, in a loop that vector units process."""
    for n in range(slots.size):
        w0, w1, coins[n], _ = philox(np.uint64(slots[n]), step, stream, np.uint64(0), k0, k1)
        normals[n], _ = gauss_pair(np.uint32(w0), np.uint32(w1))


@jit
def _sojourn(distance, span, normal, coin, slot, step, stream, k0, k1, exits):
    """Return when a Brownian motion first reaches 0, starting at ``distance`` from it and reflected at ``span``.

    The largest symmetric interval around the present position, which ends at 0 or its mirror image, is left after a
    time of known law, at either end with probability 1/2: at 0, or twice as far from it (Muller 1956, walk on spheres).
    ``exits`` maps a normal number to the time at which a Brownian motion from 0 leaves (-1, 1); ``normal`` and ``coin``
    are the first draws.
    """
    time = distance * distance * _interpolate(exits, np.float64(normal))
    attempt = np.uint64(1)
    while coin >= HALF:
        distance = min(2.0 * distance, 2.0 * span - 2.0 * distance)
        w0, w1, coin, _ = philox(np.uint64(slot), step, stream, attempt, k0, k1)
        normal, _ = gauss_pair(np.uint32(w0), np.uint32(w1))
        time += distance * distance * _interpolate(exits, np.float64(normal))
        attempt += np.uint64(1)
    return time


@jit
def enter(slots, theta, sigma, shift, span, scale, now, step, stream, k0, k1, exits, wheel):
    """Draw a return time for the connections in ``slots`` and count them in ``wheel``.

    ``span`` is in units of sigma; ``scale`` ticks pass in a step. docs/guide/soft_deepr.md explains shift and 1/4.
    """
    normals, coins = np.empty(slots.size, np.float32), np.empty(slots.size, np.uint64)
    _draws(slots, step, stream, k0, k1, normals, coins)
    for n in range(slots.size):
        k = slots[n]
        distance = shift - np.float64(theta[k]) / sigma
        time = _sojourn(distance, span, normals[n], coins[n], k, step, stream, k0, k1, exits)
        delay = np.int64(min(max(math.ceil((time - 0.25) * scale), 1.0), MAX_DELAY - 1.0))
        level = 0
        while delay >> level >= 2 * NEAR:
            level += 1
        wheel[level, ((now + delay) >> level) % RING] += 1


@jit
def _start(wheel, now, step, stream, k0, k1):
    """Split the blocks that start with tick ``now``, if that has not been done; return the place of the tick."""
    for level in range(LEVELS - 1, 0, -1):
        if now % (1 << level) == 0:
            block = now >> level
            number = wheel[level, block % RING]
            wheel[level, block % RING] = 0
            # A step may have many ticks, so the block is part of the address.
            address = np.uint64(level << 26 | block & 0x3FFFFFF)
            first, _ = count_heads(number, address, step, stream, k0, k1, np.uint64(0))
            wheel[level - 1, 2 * block % RING] += first
            wheel[level - 1, (2 * block + 1) % RING] += number - first
    return now % RING


@jit
def advance(wheel, clock, ticks, step, stream, k0, k1):
    """Advance the clock by one step; return how many connections return. Tick n ends when the clock is n."""
    time, end = clock[0], clock[0] + ticks
    due, now = np.int64(0), np.int64(time) + 1
    while now <= end:
        place = _start(wheel, now, step, stream, k0, k1)
        due += wheel[0, place]
        wheel[0, place] = 0
        time = np.float64(now)
        now += 1
    if time < end:
        place = _start(wheel, now, step, stream, k0, k1)
        share = (end - time) / (np.float64(now) - time)
        returning = binomial(wheel[0, place], share, PARTIAL, step, stream, k0, k1)
        wheel[0, place] -= returning
        due += returning
    clock[0] = end
    return due


@jit
def land(slots, sigma, step, stream, k0, k1, overshoots, theta):
    """Write the theta, above 0, of connections that return in ``slots``."""
    normals, coins = np.empty(slots.size, np.float32), np.empty(slots.size, np.uint64)
    _draws(slots, step, stream, k0, k1, normals, coins)
    for n in range(slots.size):
        theta[slots[n]] = sigma * _interpolate(overshoots, np.float64(normals[n]))
