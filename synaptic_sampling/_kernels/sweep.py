"""The loop over all connections common to rules with noise: chunk by chunk, noise, move, list of crossings.

A rule supplies its move, a few lines of arithmetic; ``sweep`` compiles them into the loop.
"""

from __future__ import annotations

import hashlib
from types import FunctionType
from typing import Any

import numpy as np

from synaptic_sampling._cache import content_of, is_determined
from synaptic_sampling._kernels.philox import BLOCK, CHUNK, fill_chunks
from synaptic_sampling._numba import inlined, jit, merged

__all__ = ["sweep"]


def sweep(move: Any, *, always_active: bool = False) -> Any:
    """Return the compiled sweep of a move.

    Parameters
    ----------
    move : callable
        ``move(theta, gradient, polarity, nu, parameters)`` returns the new theta, by plain arithmetic that Numba
        can compile. ``nu`` is standard normal, ``parameters`` a tuple of numbers.
    always_active : bool
        Whether all connections are active before a step, so that each one with theta < 0 after the step is listed. By
        default, those whose theta changed sign are listed.

    Returns
    -------
    callable
        ``kernel(gradient, polarity, parameters, noisy, step, stream, k0, k1, theta, crossed)`` changes ``theta`` in
        place, writes slots into ``crossed`` and returns their number. Without noise (``noisy`` False) nu is 0.
    """
    # Numba looks up called functions among the globals and the cache knows functions by name, so each move gets a copy
    # of the loop with its own globals and name. The hash in the name renews the cache when the move is edited, which is
    # defined in another file, and tells both loops of one move apart.
    content = content_of(move), always_active
    code = hashlib.sha256(repr(content).encode()).hexdigest()[:24]
    variables = {**globals(), "move": inlined(move), "ALWAYS_ACTIVE": always_active}
    loop = FunctionType(_sweep.__code__, variables, f"sweep_{move.__name__}_{code}")
    loop.__qualname__, loop.__module__, loop.__doc__ = loop.__name__, __name__, _sweep.__doc__
    return jit(loop, cached=is_determined(move))


#: A placeholder, replaced in the copies of the loop like ``move``.
ALWAYS_ACTIVE = False


def move(theta, gradient, polarity, nu, parameters):
    """Hold the place of the move of a rule, which replaces it in the copies of the loop."""
    return theta


def _sweep(gradient, polarity, parameters, noisy, step, stream, k0, k1, theta, crossed):
    """Move every theta; write the slots where it crossed 0 into ``crossed`` and return their number."""
    words, nu = np.empty(BLOCK, np.uint32), np.zeros(BLOCK, np.float32)
    active = np.ones(BLOCK, np.bool_)
    n = 0
    for start in range(0, theta.size, BLOCK):
        # Views that start at 0 make checks for negative indices unnecessary: twice as fast.
        g, p, th = gradient[start : start + BLOCK], polarity[start : start + BLOCK], theta[start : start + BLOCK]
        if noisy:
            fill_chunks(start // CHUNK, (th.size + CHUNK - 1) // CHUNK, step, stream, k0, k1, words, nu)
        for i in range(th.size):
            if not ALWAYS_ACTIVE:
                active[i] = th[i] >= 0.0
            th[i] = move(np.float64(th[i]), np.float64(g[i]), np.float64(p[i]), np.float64(nu[i]), parameters)
        for begin in range(0, th.size, CHUNK):
            part, before = th[begin : begin + CHUNK], active[begin : begin + CHUNK]
            n = _list(start + begin, part, before, ALWAYS_ACTIVE, crossed, n)
    return n


@merged
def _list(start, theta, active, always_active, crossed, n):
    """Write the slots of a chunk where theta crossed 0 into ``crossed`` behind the first ``n``; return how many."""
    # One bit each, set by vector units and read in groups of eight, most of them 0: three times as fast as one by one.
    changed = np.uint64(0)
    for i in range(theta.size):
        crosses = theta[i] < 0.0 if always_active else (theta[i] >= 0.0) ^ active[i]
        changed |= np.uint64(crosses) << np.uint64(i)
    if changed == np.uint64(0):
        return n
    for eight in range(0, theta.size, 8):
        if (changed >> np.uint64(eight)) & np.uint64(255):
            for i in range(eight, min(eight + 8, theta.size)):
                if (changed >> np.uint64(i)) & np.uint64(1):
                    crossed[n] = start + i
                    n += 1
    return n
