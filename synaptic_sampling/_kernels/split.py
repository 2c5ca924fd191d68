"""How new connections are divided among several sets."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.philox import philox
from synaptic_sampling._numba import jit

__all__ = ["split_births"]

BITS_11, BITS_21 = np.uint64(11), np.uint64(21)
UNIT = 2.0**-53


@jit
def split_births(births, step, stream, k0, k1, spare, weight, shrink, counts):
    """Assign each new connection to a set, in proportion to ``weight`` among sets with ``spare`` capacity.

    Each takes 1 from the spare capacity of its set and ``shrink`` from its weight, in place. Adds to ``counts`` and
    returns how many could be assigned. The n-th has the address (n, step, stream, 0).
    """
    for n in range(births):
        total = 0.0
        for s in range(weight.size):
            total += weight[s] if spare[s] > 0 else 0.0
        if total <= 0.0:
            return n
        word, more, _, _ = philox(np.uint64(n), step, stream, np.uint64(0), k0, k1)
        mark = (np.float64((word << BITS_21) | (more >> BITS_11)) + 0.5) * UNIT * total
        chosen = -1
        for s in range(weight.size):
            if spare[s] > 0 and weight[s] > 0.0 and (chosen < 0 or mark >= 0.0):
                chosen = s
                mark -= weight[s]
        spare[chosen] -= 1
        weight[chosen] -= shrink[chosen]
        counts[chosen] += 1
    return births
