"""The step of soft DEEP R, in a file of its own because the rule and the fused path of rate networks share it."""

from __future__ import annotations

from synaptic_sampling._kernels.sweep import sweep

__all__ = ["soft", "sweep_soft"]


def soft(theta: float, gradient: float, polarity: float, nu: float, parameters: tuple[float, ...]) -> float:
    """Return theta after a step: drift where active, noise everywhere, a floor (Bellec et al. 2018, Algorithm 2)."""
    eta, alpha, sigma, floor = parameters
    drift = eta * (polarity * gradient + alpha) if theta >= 0.0 else 0.0
    return max((theta - drift) + sigma * nu, floor)


#: The compiled sweep, which lists the slots where theta crossed 0.
sweep_soft = sweep(soft)
