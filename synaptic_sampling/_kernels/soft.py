"""The move of soft DEEP R: connected ones drift and diffuse, retracted ones diffuse above a floor.

Symbols are those of Bellec et al. (2018), Algorithm 2. Arithmetic is float64, rounded once when stored.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.philox import CHUNK, _fill_chunk
from synaptic_sampling._numba import jit

__all__ = ["_soft"]


@jit
def _soft(slope, polarity, eta, alpha, sigma, floor, step, stream, k0, k1, theta, crossed):
    """Move ``theta`` of the connected by -eta*(dE/dtheta + alpha) + sigma*nu, of the retracted by sigma*nu.

    Nothing falls below ``floor``. Write the slots where theta crossed 0 into ``crossed`` and return their number.
    """
    nu = np.empty(CHUNK, np.float32)
    active = np.empty(CHUNK, np.bool_)
    n = 0
    for start in range(0, theta.size, CHUNK):
        s, p, th = slope[start : start + CHUNK], polarity[start : start + CHUNK], theta[start : start + CHUNK]
        _fill_chunk(start // CHUNK, step, stream, k0, k1, nu)
        for i in range(th.size):
            active[i] = th[i] >= 0.0
            drift = eta * (np.float64(p[i]) * np.float64(s[i]) + alpha) if active[i] else 0.0
            th[i] = max((np.float64(th[i]) - drift) + sigma * np.float64(nu[i]), floor)
        for i in range(th.size):
            if (th[i] >= 0.0) != active[i]:
                crossed[n] = start + i
                n += 1
    return n
