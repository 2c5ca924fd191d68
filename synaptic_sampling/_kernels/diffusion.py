"""The move of synaptic sampling: one step of an Ornstein-Uhlenbeck process with a gradient (Kappel et al. 2015, 2018).

Arithmetic is float64, rounded once when stored.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.philox import CHUNK, _fill_chunk
from synaptic_sampling._numba import jit

__all__ = ["_diffuse"]


@jit
def _diffuse(gradient, mean, keep, gain, scale, limit, low, high, step, stream, k0, k1, theta, crossed):
    """Replace ``theta`` by mean + keep*(theta - mean) + gain*gradient + scale*nu, clipped to [low, high].

    The gradient is clipped to +-``limit``. Write the slots where theta crossed 0 into ``crossed`` and return their
    number.
    """
    nu = np.empty(CHUNK, np.float32)
    active = np.empty(CHUNK, np.bool_)
    n = 0
    for start in range(0, theta.size, CHUNK):
        g, th = gradient[start : start + CHUNK], theta[start : start + CHUNK]
        _fill_chunk(start // CHUNK, step, stream, k0, k1, nu)
        for i in range(th.size):
            active[i] = th[i] >= 0.0
            push = gain * min(max(np.float64(g[i]), -limit), limit)
            x = ((mean + keep * (np.float64(th[i]) - mean)) + push) + scale * np.float64(nu[i])
            th[i] = min(max(x, low), high)
        for i in range(th.size):
            if (th[i] >= 0.0) != active[i]:
                crossed[n] = start + i
                n += 1
    return n
