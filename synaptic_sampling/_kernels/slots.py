"""Values of some slots, which are spread over arrays too large for any cache: prefetched, three times as fast."""

from __future__ import annotations

from synaptic_sampling._kernels.lanes import fetch
from synaptic_sampling._kernels.vacancy import AHEAD
from synaptic_sampling._numba import jit

__all__ = ["move_ends", "values_of"]


@jit
def values_of(slots, values, number, out):
    """Write the value of each slot into ``out``, -1 for slots from ``number`` on."""
    for n in range(slots.size):
        if n + AHEAD < slots.size:
            fetch(values, slots[n + AHEAD])
        out[n] = values[slots[n]] if slots[n] < number else -1


@jit
def move_ends(old, new, slots, start, ends, degrees):
    """Count synapses out at their old neurons and in at the new ones, which become the ends of the slots.

    Neurons are counted from ``start`` on.
    """
    for n in range(old.size):
        degrees[old[n] + start] -= 1
    for n in range(new.size):
        if n + AHEAD < new.size:
            fetch(ends, slots[n + AHEAD])
        degrees[new[n] + start] += 1
        ends[slots[n]] = new[n] + start
