"""The exact stationary law of soft DEEP R without a gradient, at any step size.

Each theta is a Markov chain on [theta_min, infinity): it makes steps N(-learning_rate*l1, sigma**2) from theta >= 0 and
N(0, sigma**2) from theta < 0, and is set to theta_min if it falls below. For small steps its law tends to an
exponential with mean T/alpha above 0, of mass p, and a uniform distribution below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.laws.arguments import check_constant
from synaptic_sampling.laws.quadrature import quadrature

if TYPE_CHECKING:
    from synaptic_sampling.rules import SoftDeepR

__all__ = ["SoftLaw", "share_still_retracted", "soft_law"]

#: The grid ends some steps beyond the point where the exponential law has decreased to exp(-FOLDS).
FOLDS, STEPS_BEYOND = 36.0, 8.0
#: A dense system of equations of this size takes a few seconds and 1 GB.
MAX_NODES = 6000


class SoftLaw(NamedTuple):
    """The stationary law of theta after a step.

    Attributes
    ----------
    active_share : float
        Probability of theta >= 0.
    floor_share : float
        Probability of theta = theta_min.
    turnover : float
        Formations, and eliminations, per step and potential connection.
    theta, weight : ndarray
        Nodes and weights of a quadrature over theta > theta_min.
    density : ndarray
        Density of theta at the nodes; it integrates to 1 - ``floor_share``.
    """

    active_share: float
    floor_share: float
    turnover: float
    theta: NDArray[np.float64]
    weight: NDArray[np.float64]
    density: NDArray[np.float64]


def soft_law(rule: SoftDeepR) -> SoftLaw:
    """Return the exact law of each potential connection.

    Parameters
    ----------
    rule : SoftDeepR
        With SGD as its optimizer.

    Returns
    -------
    SoftLaw
        Solved by Gauss-Legendre quadrature (Nystroem's method), errors below 1e-9.

    Raises
    ------
    TypeError
        If it is not a SoftDeepR, or one of its parameters changes with time.
    ValueError
        If steps are so small relative to theta_min or T/alpha that the grid would be too large; the limit of small
        steps then holds, with errors proportional to the step.
    """
    check_constant(rule, "theta_min")
    sigma = rule.noise_scale
    floor, end = rule.theta_min / sigma, FOLDS * rule.temperature / rule.l1 / sigma + STEPS_BEYOND
    if 6.0 * (end - floor) > MAX_NODES:
        raise ValueError(
            f"rule must have larger steps: its law spans {end - floor:.0f} of them, at most {MAX_NODES / 6:.0f} can be "
            "solved. With such small steps the active fraction is the connectivity of the rule."
        )
    below, weight_below = quadrature(-floor, 1.0)
    above, weight_above = quadrature(end, 1.0)
    x = np.concatenate([floor + below, above, [floor]])
    weight = np.concatenate([weight_below, weight_above, [1.0]])
    active = x >= 0.0
    mean = x - np.where(active, rule.learning_rate * rule.l1 / sigma, 0.0)

    # Rows are starting points. The last column is the probability of ending at the floor, the others are densities.
    moves = np.exp(-0.5 * (x - mean[:, None]) ** 2) / np.sqrt(2.0 * np.pi)
    moves[:, -1] = ndtr(floor - mean)
    balance = np.eye(len(x)) - moves.T * weight
    balance[-1] = weight  # Replaces one equation, which is redundant: the total mass is 1.
    law = np.linalg.solve(balance, np.eye(len(x))[-1])
    mass = law * weight
    return SoftLaw(
        active_share=float(mass[active].sum()),
        floor_share=float(mass[-1]),
        turnover=float(mass[active] @ ndtr(-mean[active])),
        theta=x[:-1] * sigma,
        weight=weight[:-1] * sigma,
        density=law[:-1] / sigma,
    )


def share_still_retracted(rule: SoftDeepR, theta: float, num_steps: int) -> NDArray[np.float64]:
    """Return the exact probability that a retracted connection has not returned within n steps.

    Parameters
    ----------
    rule : SoftDeepR
        The rule.
    theta : float
        Its present theta, from ``rule.theta_min`` to below 0.
    num_steps : int
        N, the largest number of steps.

    Returns
    -------
    ndarray, shape (N + 1,)
        For n = 0 to N; errors below 1e-9.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or theta_min is so many steps away that the grid would be
        too large.
    """
    check_constant(rule, "theta_min")
    check_integer("num_steps", num_steps, minimum=0, maximum=10**6)
    if check_number("theta", theta, minimum=rule.theta_min) >= 0.0:
        raise ValueError(f"theta must be below 0, got {theta:g}, which is connected.")
    floor = rule.theta_min / rule.noise_scale
    if -6.0 * floor > MAX_NODES:
        raise ValueError(
            f"rule must have larger steps: theta_min is {-floor:.0f} steps of the noise from 0, "
            f"at most {MAX_NODES / 6:.0f} can be solved."
        )
    below, weight = quadrature(-floor, 1.0)
    x = np.append(floor + below, floor)
    # Rows are starting points; the last column is the floor.
    moves = np.exp(-0.5 * (x - x[:, None]) ** 2) / np.sqrt(2.0 * np.pi) * np.append(weight, 1.0)
    moves[:, -1] = ndtr(floor - x)
    first = np.exp(-0.5 * (x - theta / rule.noise_scale) ** 2) / np.sqrt(2.0 * np.pi) * np.append(weight, 1.0)
    first[-1] = ndtr(floor - theta / rule.noise_scale)
    shares, mass = np.ones(num_steps + 1), first
    for n in range(1, num_steps + 1):
        shares[n] = mass.sum()
        mass = mass @ moves
    return shares
