"""Exact laws of synaptic sampling at any step size, with a constant gradient.

Both schemes make theta an autoregressive process, theta' = mean + keep*(theta - mean) + gain*gradient + scale*nu
(``SynapticSampling.transition``); all laws follow from its stationary mean, variance and correlation. Theta must not
be clipped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.laws.arguments import check_constant
from synaptic_sampling.laws.quadrature import quadrature

if TYPE_CHECKING:
    from synaptic_sampling.rules import SynapticSampling

__all__ = [
    "active_share",
    "correlation",
    "stationary_mean",
    "stationary_std",
    "survival_of_all",
    "survival_of_newborns",
    "turnover_ratio",
]

#: For larger correlations, the quadrature of the survival would need too many nodes.
LARGEST_CORRELATION = 0.9999
#: Distance from the mean, in standard deviations, that theta practically never exceeds.
FAR = 9.0


def correlation(rule: SynapticSampling, steps: int = 1) -> float:
    """Return the autocorrelation of theta.

    Parameters
    ----------
    rule : SynapticSampling
        The rule.
    steps : int
        The lag in steps.

    Returns
    -------
    float
        keep**steps.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    check_constant(rule, "transition")
    return rule.transition.keep ** check_integer("steps", steps, minimum=0, maximum=2**62)


def stationary_mean(rule: SynapticSampling, gradient: float = 0.0) -> float:
    """Return the mean of theta in the stationary law.

    Parameters
    ----------
    rule : SynapticSampling
        The rule.
    gradient : float
        A constant gradient.

    Returns
    -------
    float
        mean + std**2*gradient, with both schemes.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or not finite.
    """
    check_constant(rule, "transition")
    return float(rule.mean + rule.std**2 * check_number("gradient", gradient))


def stationary_std(rule: SynapticSampling) -> float:
    """Return the standard deviation of theta in the stationary law.

    Parameters
    ----------
    rule : SynapticSampling
        The rule.

    Returns
    -------
    float
        std*sqrt(T); with scheme 'euler' larger, std*sqrt(T/(1 - learning_rate*interval/(2*std**2))).

    Raises
    ------
    TypeError
        If it is not a SynapticSampling, or one of its parameters changes with time.
    """
    check_constant(rule, "transition")
    variance = rule.temperature * rule.std**2
    if rule.scheme == "euler":
        variance /= 1.0 - 0.5 / rule.steps_per_memory
    return math.sqrt(variance)


def active_share(rule: SynapticSampling, gradient: float = 0.0) -> float:
    """Return the fraction of potential connections that are active.

    Parameters
    ----------
    rule : SynapticSampling
        With temperature > 0.
    gradient : float
        A constant gradient.

    Returns
    -------
    float
        Phi(mean/SD), in the stationary law.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or the temperature is 0.
    """
    deviation = check_number("temperature of the rule", stationary_std(rule), above=0.0)
    return float(ndtr(stationary_mean(rule, gradient) / deviation))


def turnover_ratio(rho: float) -> float:
    """Return the turnover ratio (gained + lost)/(N1 + N2) of two time points, where the mean of theta is 0.

    Parameters
    ----------
    rho : float
        Correlation of theta between both, -1 to 1.

    Returns
    -------
    float
        1/2 - arcsin(rho)/pi.

    Raises
    ------
    TypeError, ValueError
        If ``rho`` is of the wrong type or out of range.
    """
    return 0.5 - math.asin(check_number("rho", rho, minimum=-1.0, maximum=1.0)) / math.pi


def survival_of_all(rho: float, num_intervals: int, mean: float = 0.0) -> NDArray[np.float64]:
    """Return the fraction of active connections that are also active at each of the next observations.

    Parameters
    ----------
    rho : float
        Correlation of theta between two observations, 0 to 0.9999.
    num_intervals : int
        The number of further observations.
    mean : float
        Mean of theta, in its standard deviations.

    Returns
    -------
    ndarray, shape (num_intervals + 1,)
        The first is 1. With mean 0 the second is 1/2 + arcsin(rho)/pi.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    theta, weight, stay = _staying(rho, mean)
    return _survival(np.exp(-0.5 * (theta - mean) ** 2), weight, stay, num_intervals)


def survival_of_newborns(rho: float, num_intervals: int, mean: float = 0.0) -> NDArray[np.float64]:
    """Return the fraction of connections new at one observation that are also active at each of the next.

    Parameters
    ----------
    rho : float
        Correlation of theta between two observations, 0 to 0.9999.
    num_intervals : int
        The number of further observations.
    mean : float
        Mean of theta, in its standard deviations.

    Returns
    -------
    ndarray, shape (num_intervals + 1,)
        The first is 1. With mean 0 the second is (1/8 - arcsin(rho**2)/(4 pi))/(1/4 - arcsin(rho)/(2 pi)).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    theta, weight, stay = _staying(rho, mean)
    # The process is reversible: a connection was below 0 one observation earlier with this probability.
    came = ndtr(-(mean + rho * (theta - mean)) / math.sqrt(1.0 - rho**2))
    return _survival(np.exp(-0.5 * (theta - mean) ** 2) * came, weight, stay, num_intervals)


def _staying(rho: float, mean: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights over theta >= 0 in standard deviations, and the transition density between them."""
    rho = check_number("rho", rho, minimum=0.0, maximum=LARGEST_CORRELATION)
    mean = check_number("mean", mean, minimum=-FAR + 1.0, maximum=1e3)
    noise = math.sqrt(1.0 - rho**2)
    theta, weight = quadrature(mean + FAR, noise)
    z = (theta - mean - rho * (theta - mean)[:, None]) / noise
    return theta, weight, np.exp(-0.5 * z * z) / (noise * math.sqrt(2.0 * math.pi))


def _survival(
    density: NDArray[np.float64], weight: NDArray[np.float64], stay: NDArray[np.float64], num_intervals: int
) -> NDArray[np.float64]:
    """Return the mass that remains after each transition, relative to the start."""
    left = []
    for _ in range(check_integer("num_intervals", num_intervals, minimum=0, maximum=10**6) + 1):
        left.append(density @ weight)
        density = (density * weight) @ stay
    return np.array(left) / left[0]
