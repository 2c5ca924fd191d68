"""The sweep over all connections that every rule with noise shares: chunk by chunk, noise, move, list of crossings.

A rule brings its move, a few lines; ``sweep`` compiles them into the loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from synaptic_sampling._kernels.philox import CHUNK, fill_chunk
from synaptic_sampling._numba import inlined, jit

__all__ = ["sweep"]


def sweep(move: Callable[..., float], *, always_active: bool = False) -> Any:
    """Return the compiled sweep of a move.

    Parameters
    ----------
    move : callable
        ``move(theta, gradient, polarity, nu, parameters)`` returns the new theta; plain arithmetic on numbers, which
        Numba compiles. ``nu`` is standard normal, ``parameters`` a tuple of numbers.
    always_active : bool
        Whether all connections are active before a step, so that each with theta < 0 after it is listed. By default
        those are listed whose theta has another sign than before.

    Returns
    -------
    callable
        ``kernel(gradient, polarity, parameters, noisy, step, stream, k0, k1, theta, crossed)`` changes ``theta`` in
        place, writes slots into ``crossed`` and returns their number. Without noise (``noisy`` False) nu is 0.
    """
    # Numba finds what a function calls among its globals, and keeps its cache under the name of the function: so each
    # move gets a copy of the loop with globals and a name of its own. The code in the name renews the cache when the
    # move is edited in another file than this one.
    code = hashlib.sha256(repr((move.__code__.co_code, move.__code__.co_consts)).encode()).hexdigest()[:12]
    variables = {**globals(), "move": inlined(move), "ALWAYS_ACTIVE": always_active}
    loop = FunctionType(_sweep.__code__, variables, f"sweep_{move.__name__}_{code}")
    loop.__qualname__, loop.__module__, loop.__doc__ = loop.__name__, __name__, _sweep.__doc__
    return jit(loop)


#: Replaced in the copies of the loop, as ``move`` is.
ALWAYS_ACTIVE = False


def move(theta, gradient, polarity, nu, parameters):
    """Stand in for the move of a rule, which takes this place in the copies of the loop."""
    return theta


def _sweep(gradient, polarity, parameters, noisy, step, stream, k0, k1, theta, crossed):
    """Move every theta; write the slots where it crossed 0 into ``crossed`` and return their number."""
    nu = np.zeros(CHUNK, np.float32)
    active = np.ones(CHUNK, np.bool_)
    changed = np.zeros(CHUNK, np.uint8)
    eights = changed.view(np.uint64)
    n = 0
    for start in range(0, theta.size, CHUNK):
        # Views that begin at 0 spare the compiler the question whether an index is negative: twice as fast.
        g, p, th = gradient[start : start + CHUNK], polarity[start : start + CHUNK], theta[start : start + CHUNK]
        if noisy:
            fill_chunk(start // CHUNK, step, stream, k0, k1, nu)
        for i in range(th.size):
            if not ALWAYS_ACTIVE:
                active[i] = th[i] >= 0.0
            th[i] = move(np.float64(th[i]), np.float64(g[i]), np.float64(p[i]), np.float64(nu[i]), parameters)
        # Tested by vector units and looked at in eights, most of them 0: twice as fast as one by one.
        for i in range(th.size):
            changed[i] = th[i] < 0.0 if ALWAYS_ACTIVE else (th[i] >= 0.0) ^ active[i]
        for eight in range(eights.size):
            if eights[eight]:
                for i in range(8 * eight, min(8 * eight + 8, th.size)):
                    if changed[i]:
                        crossed[n] = start + i
                        n += 1
    return n
