"""The exact stationary law of DEEP R with a gradient, for energies that are sums over connections.

With E(w) = sum_k E_k(theta_k) and formations uniform over all vacant sites, those just vacated included, the law of
connectivity c and parameters after a step is, at any step size, ::

    p(c, theta) = prod_{k in c} G_k(theta_k) / sum_{c'} prod_{k in c'} L_k,     |c| = K,

where G_k is the expected occupation density of the walk of site k, which starts at 0 and ends below 0, and L_k its
integral, the mean lifetime. For small steps L_k tends to a multiple of the posterior's Z_k = integral exp(-V_k/T),
V_k = E_k(theta) - E_k(0) + l1*theta.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from synaptic_sampling._checks import check_array, check_integer, check_number
from synaptic_sampling.laws.arguments import check_constant
from synaptic_sampling.laws.quadrature import quadrature

if TYPE_CHECKING:
    from synaptic_sampling.rules import DeepR

__all__ = ["SiteLaw", "limit_of_small_steps", "site_law", "wiring_law"]


Slope = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class SiteLaw(NamedTuple):
    """The law of the walk of one site.

    Attributes
    ----------
    lifetime : float
        L, mean number of steps from formation to elimination.
    theta, weight : ndarray
        Nodes and weights of a quadrature over theta >= 0.
    density : ndarray
        Density of theta after a step, given that the site is connected, at the nodes; it integrates to 1 - ``newborn``.
    newborn : float
        Probability 1/L that the connection is new, theta = 0.
    sigma : float
        Standard deviation of the noise per step.
    next_mean : ndarray
        Mean of theta after a step from 0, and from each node.
    """

    lifetime: float
    theta: NDArray[np.float64]
    weight: NDArray[np.float64]
    density: NDArray[np.float64]
    newborn: float
    sigma: float
    next_mean: NDArray[np.float64]

    def probability_below(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return the probability that theta is at most a value, given that the site is connected.

        Parameters
        ----------
        theta : array_like
            Values >= 0.

        Returns
        -------
        ndarray
            The distribution function, computed by one more step from the stationary law, which is exact between nodes.
        """
        x = check_array("theta", theta).astype(float)[..., None]
        mass = np.concatenate([[self.newborn], self.density * self.weight])
        reached = ndtr((x - self.next_mean) / self.sigma) - ndtr(-self.next_mean / self.sigma)
        below: NDArray[np.float64] = self.newborn + reached @ mass
        return below


def site_law(rule: DeepR, slope: Slope, largest: float) -> SiteLaw:
    """Return the exact law of a site whose energy has the given slope.

    Parameters
    ----------
    rule : DeepR
        With temperature > 0, and SGD as its optimizer.
    slope : callable
        dE/dtheta for an array of theta >= 0.
    largest : float
        A theta that the walk practically never exceeds.

    Returns
    -------
    SiteLaw
        Solved on a grid by Gauss-Legendre quadrature (Nystroem's method).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    check_constant(rule, "step_ratio")
    _check_function("slope", slope)
    sigma = check_number("noise_scale of the rule", rule.noise_scale, above=0.0)
    theta, weight = quadrature(check_number("largest", largest, above=0.0), sigma)

    start = np.concatenate([[0.0], theta])
    next_mean = start - rule.learning_rate * (slope(start) + rule.l1)
    z = (theta - next_mean[:, None]) / sigma
    kernel = np.exp(-0.5 * z * z) / (sigma * np.sqrt(2.0 * np.pi))
    # Occupation after formation: g = P(0, .) + integral g(x) P(x, .) dx.
    occupation = np.linalg.solve(np.eye(len(theta)) - (kernel[1:] * weight[:, None]).T, kernel[0])
    lifetime = 1.0 + float(occupation @ weight)
    return SiteLaw(lifetime, theta, weight, occupation / lifetime, 1.0 / lifetime, sigma, next_mean)


def wiring_law(lifetimes: ArrayLike, num_active: int) -> dict[tuple[int, ...], float]:
    """Return the exact probability of every set of connections.

    Parameters
    ----------
    lifetimes : array_like, shape (M,)
        L of each site, or numbers proportional to it, such as Z.
    num_active : int
        K, the number of connected sites.

    Returns
    -------
    dict of tuple to float
        For each set of K sites, in lexical order.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    values = check_array("lifetimes", lifetimes).astype(float)
    if values.ndim != 1 or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"lifetimes must be a vector of numbers > 0, got {lifetimes!r}.")
    k = check_integer("num_active", num_active, minimum=0, maximum=len(values))
    subsets = list(combinations(range(len(values)), k))
    products = np.array([np.prod(values[list(subset)]) for subset in subsets])
    return dict(zip(subsets, (products / products.sum()).tolist(), strict=True))


def limit_of_small_steps(rule: DeepR, energy: Slope, largest: float) -> float:
    """Return Z of a site, to which its mean lifetime is proportional in the limit of small steps.

    Parameters
    ----------
    rule : DeepR
        With temperature > 0.
    energy : callable
        E for an array of theta >= 0.
    largest : float
        A theta beyond which the integrand practically vanishes.

    Returns
    -------
    float
        The integral of exp(-(E(theta) - E(0) + l1*theta)/T); E(0) is the energy of the vacant site.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    check_constant(rule, "step_ratio")
    _check_function("energy", energy)
    check_number("temperature of the rule", rule.temperature, above=0.0)
    theta, weight = quadrature(check_number("largest", largest, above=0.0), largest / 50.0)
    at_rest: Any = energy(np.zeros(1))
    return float(weight @ np.exp(-(energy(theta) - at_rest[0] + rule.l1 * theta) / rule.temperature))


def _check_function(name: str, value: Any) -> None:
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} must be a function of an array of theta, got {value!r}.")
