"""The Langevin step, alone in its file since the fused path of rate networks needs it too.

State may be float32 or float64; the arithmetic is float64 and rounded once when stored, the noise has the 24 bits of
a float32.
"""

from __future__ import annotations

from synaptic_sampling._kernels.sweep import sweep

__all__ = ["langevin", "sweep_langevin"]


def langevin(theta, gradient, polarity, nu, parameters):
    """Return theta after -eta*(dE/dtheta + alpha) + sigma*nu (Bellec et al. 2018, Algorithm 1)."""
    eta, alpha, sigma = parameters
    return (theta - eta * (polarity * gradient + alpha)) + sigma * nu


#: Lists the slots with theta < 0.
sweep_langevin = sweep(langevin, always_active=True)
