"""How newborn connections are shared out among several sets."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.philox import philox
from synaptic_sampling._numba import jit

__all__ = ["split_births"]

BITS_11, BITS_21 = np.uint64(11), np.uint64(21)
UNIT = 2.0**-53


@jit
def split_births(births, step, stream, k0, k1, room, weight, shrink, counts):
    """Give births to sets, one after the other, each in proportion to ``weight`` among those with ``room`` left.

    What a set gets takes 1 from its room and ``shrink`` from its weight, in place. Adds to ``counts``; returns how
    many births found a set. The n-th has the address (n, step, stream, 0).
    """
    for n in range(births):
        total = 0.0
        for s in range(weight.size):
            total += weight[s] if room[s] > 0 else 0.0
        if total <= 0.0:
            return n
        word, more, _, _ = philox(np.uint64(n), step, stream, np.uint64(0), k0, k1)
        lot = (np.float64((word << BITS_21) | (more >> BITS_11)) + 0.5) * UNIT * total
        chosen = -1
        for s in range(weight.size):
            if room[s] > 0 and weight[s] > 0.0 and (chosen < 0 or lot >= 0.0):
                chosen = s
                lot -= weight[s]
        room[chosen] -= 1
        weight[chosen] -= shrink[chosen]
        counts[chosen] += 1
    return births
