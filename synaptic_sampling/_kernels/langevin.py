"""The Langevin step, in a file of its own because rules and the fused path of rate networks share it.

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


#: The compiled sweep, which lists the slots with theta < 0.
sweep_langevin = sweep(langevin, always_active=True)
