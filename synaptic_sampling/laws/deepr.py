"""Exact null distributions of DEEP R: noise and l1 without a gradient, at any step size.

Without a gradient, theta of a connection is a random walk from 0 with increments N(-mu, sigma^2), killed below 0,
mu = learning_rate*l1 and sigma^2 = 2*learning_rate*temperature. All laws here depend on the ratio r = mu/sigma alone
(``DeepR.step_ratio``) and follow from the fluctuation theory of random walks: Spitzer (1956), A combinatorial lemma
and its application to probability theory, Trans. Amer. Math. Soc. 82; Sparre Andersen (1954).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from synaptic_sampling._checks import check_integer, check_number

__all__ = [
    "NULL_LAW",
    "established_turnover",
    "hazard",
    "mean_lifetime",
    "mean_theta",
    "null_law",
    "overlap",
    "std_theta",
    "step_ratio",
    "survival_of_all",
    "survival_of_newborns",
    "survival_of_old",
    "turnover_rate",
    "turnover_ratio",
]

#: The name of the null law in a log.
NULL_LAW = "deepr"
#: Number of terms of a series that are added one by one; the rest is approximated by an integral. By the midpoint rule
#: the error is at most 1/24 of the total variation of the slope of the remaining terms, which decreases from its first
#: value: less than 1e-9 relative to the sum in all laws here.
NUM_TERMS = 20_000
#: Above this ratio, theta > 0 is too rare for a double.
LARGEST_RATIO = 40.0


def step_ratio(learning_rate: float, l1: float, temperature: float) -> float:
    """Return r, the l1 step in units of the noise per step, on which all laws of this module depend.

    Parameters
    ----------
    learning_rate, l1, temperature : float
        Parameters of DEEP R: > 0, >= 0, >= 0.

    Returns
    -------
    float
        ``learning_rate*l1/sqrt(2*learning_rate*temperature)``; infinite without noise.

    Raises
    ------
    TypeError, ValueError
        If one is not a number in its range.
    """
    eta = check_number("learning_rate", learning_rate, above=0.0)
    alpha = check_number("l1", l1, minimum=0.0)
    sigma = math.sqrt(2.0 * eta * check_number("temperature", temperature, minimum=0.0))
    return eta * alpha / sigma if sigma > 0.0 else math.inf


def null_law(step_ratio: float) -> dict[str, Any] | str:
    """Return the ``law`` of a rule whose connections follow the laws of this module, for a log.

    Parameters
    ----------
    step_ratio : float
        r, >= 0.

    Returns
    -------
    dict or str
        Name and r; without noise (infinite r), the reason why there is no law.

    Raises
    ------
    TypeError, ValueError
        If ``step_ratio`` is of the wrong type or negative.
    """
    ratio = _check_ratio(step_ratio)
    return "at temperature 0 there is no noise" if ratio == math.inf else {"name": NULL_LAW, "step_ratio": ratio}


def survival_of_newborns(step_ratio: float, num_steps: int) -> NDArray[np.float64]:
    """Return the probability that a new connection survives 0, 1, ..., num_steps steps.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0. With 0 this is C(2n, n)/4^n, for any symmetric noise.
    num_steps : int
        The largest number of steps.

    Returns
    -------
    ndarray, shape (num_steps + 1,)
        q_n, with n q_n = sum_k Phi(-r sqrt(k)) q_(n-k).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    n_max = check_integer("num_steps", num_steps, minimum=0, maximum=10**6)
    p = _positive(_check_ratio(step_ratio), np.arange(1, n_max + 1))
    q = np.ones(n_max + 1)
    for n in range(1, n_max + 1):
        q[n] = p[:n] @ q[n - 1 :: -1][:n] / n
    return q


def survival_of_all(step_ratio: float, num_steps: int) -> NDArray[np.float64]:
    """Return the fraction of connections present at one time that still exist 0, 1, ..., num_steps steps later.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0. With 0 it is 1: there is no stationary law.
    num_steps : int
        The largest number of steps.

    Returns
    -------
    ndarray, shape (num_steps + 1,)
        1 - sum_(k<n) q_k / L, in the stationary law.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    q = survival_of_newborns(step_ratio, num_steps)
    lost = np.concatenate([[0.0], np.cumsum(q[:-1])]) / mean_lifetime(step_ratio)
    return 1.0 - lost


def survival_of_old(step_ratio: float, age: int, num_steps: int) -> NDArray[np.float64]:
    """Return the fraction of connections older than ``age`` that still exist 0, 1, ..., num_steps steps later.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, > 0.
    age : int
        The least number of steps they have survived. With 0 this is ``survival_of_all``.
    num_steps : int
        The largest number of steps.

    Returns
    -------
    ndarray, shape (num_steps + 1,)
        S_all(age + n)/S_all(age), in the stationary law.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or less than 1 in 1e9 connections reaches this age.
    """
    survived = check_integer("age", age, minimum=0, maximum=10**6)
    steps = check_integer("num_steps", num_steps, minimum=0, maximum=10**6 - survived)
    present = survival_of_all(step_ratio, survived + steps)[survived:]
    if present[0] < 1e-9:
        raise ValueError(f"age must be smaller, got {age}: only a fraction of {present[0]:.1e} gets so old.")
    return present / present[0]


def hazard(step_ratio: float, num_steps: int) -> NDArray[np.float64]:
    """Return the hazard rate: the probability of elimination in the 1st, 2nd, ... step, given survival so far.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0.
    num_steps : int
        The number of steps.

    Returns
    -------
    ndarray, shape (num_steps,)
        1 - q_n/q_(n-1).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    q = survival_of_newborns(step_ratio, num_steps)
    with np.errstate(invalid="ignore"):
        return 1.0 - q[1:] / q[:-1]


def overlap(step_ratio: float, num_steps: int, connectivity: float = 0.0) -> NDArray[np.float64]:
    """Return the fraction of connected pairs that are connected, still or again, 0, 1, ..., num_steps steps later.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0.
    num_steps : int
        The largest number of steps; time grows as its square, memory linearly.
    connectivity : float
        p, the fraction of all sites that is connected, 0 to 1: new connections may form at a former pair by chance.

    Returns
    -------
    ndarray, shape (num_steps + 1,)
        o_n = S_all(n) + sum_(s=1..n) f_s q_(n-s)/L, in the stationary law, where f_s is the chance that a formation in
        step s occurs at one of the pairs: p (1 - o'_s)/(1 - p + p/L), with o'_s the overlap after the eliminations of
        that step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Notes
    -----
    The walks do not depend on the sites; so, given all lifetimes, the expected number of connected pairs is linear in
    the sites of formations, which are uniform over the vacant sites. The numbers of formations per step are replaced
    by their mean, which is exact for many connections.
    """
    p = check_number("connectivity", connectivity, minimum=0.0, maximum=1.0)
    stays, q = survival_of_all(step_ratio, num_steps), survival_of_newborns(step_ratio, num_steps)
    rate = turnover_rate(step_ratio)
    if p == 0.0 or rate == 0.0:
        return stays
    shared, found = stays.copy(), np.zeros(len(stays))
    for n in range(1, len(stays)):
        after_deaths = stays[n] + rate * (found[1:n] @ q[n - 1 : 0 : -1])
        found[n] = p * (1.0 - after_deaths) / (1.0 - p + p * rate)
        shared[n] = after_deaths + rate * found[n]
    return shared


def turnover_ratio(step_ratio: float, num_steps: int, connectivity: float = 0.0) -> NDArray[np.float64]:
    """Return the turnover ratio (gained + lost)/(N1 + N2) of two time points 0, 1, ..., num_steps steps apart.

    Parameters
    ----------
    step_ratio, num_steps, connectivity
        As for ``overlap``.

    Returns
    -------
    ndarray, shape (num_steps + 1,)
        1 - overlap, for a constant number of connections.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    return 1.0 - overlap(step_ratio, num_steps, connectivity)


def established_turnover(step_ratio: float, age: int) -> float:
    """Return the fraction of all connections that are eliminated per step after surviving ``age`` steps.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0.
    age : int
        Steps survived; with 0 this is ``turnover_rate``.

    Returns
    -------
    float
        q_age/L, in the stationary law; the same fraction reaches this age per step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    return float(survival_of_newborns(step_ratio, age)[-1]) * turnover_rate(step_ratio)


def mean_lifetime(step_ratio: float) -> float:
    """Return the mean number of steps from formation to elimination.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0. With 0 the mean is infinite.

    Returns
    -------
    float
        L = exp(sum_k Phi(-r sqrt(k))/k).

    Raises
    ------
    TypeError, ValueError
        If ``step_ratio`` is of the wrong type or negative.
    """
    r = _check_ratio(step_ratio)
    return math.inf if r == 0.0 else math.exp(_series(r, lambda k: _positive(r, k) / k))


def turnover_rate(step_ratio: float) -> float:
    """Return the fraction of all connections that is replaced per step.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, >= 0.

    Returns
    -------
    float
        1/L, in the stationary law.

    Raises
    ------
    TypeError, ValueError
        If ``step_ratio`` is of the wrong type or negative.
    """
    return 1.0 / mean_lifetime(step_ratio)


def mean_theta(step_ratio: float) -> float:
    """Return the mean of theta after a step, new connections included, in units of sigma.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, > 0.

    Returns
    -------
    float
        For small steps 1/(2r), that is T/alpha: the mean of the exponential law.

    Raises
    ------
    TypeError, ValueError
        If ``step_ratio`` is of the wrong type or not positive.
    """
    r = min(check_number("step_ratio", step_ratio, above=0.0), LARGEST_RATIO)
    return _series(r, lambda k: (np.sqrt(k) * _density(r, k) - r * k * _positive(r, k)) / k)


def std_theta(step_ratio: float) -> float:
    """Return the standard deviation of theta after a step, new connections included, in units of sigma.

    Parameters
    ----------
    step_ratio : float
        r = mu/sigma, > 0.

    Returns
    -------
    float
        For small steps 1/(2r), as for the exponential law.

    Raises
    ------
    TypeError, ValueError
        If ``step_ratio`` is of the wrong type or not positive.
    """
    r = min(check_number("step_ratio", step_ratio, above=0.0), LARGEST_RATIO)
    variance = _series(r, lambda k: (1.0 + r * r * k) * _positive(r, k) - r * np.sqrt(k) * _density(r, k))
    return math.sqrt(variance)


def _check_ratio(step_ratio: Any) -> float:
    # Without noise, l1 eliminates every new connection in its first step.
    if isinstance(step_ratio, float) and step_ratio == math.inf:
        return math.inf
    return check_number("step_ratio", step_ratio, minimum=0.0)


def _positive(r: float, k: Any) -> Any:
    return ndtr(-r * np.sqrt(k))


def _density(r: float, k: Any) -> Any:
    return np.exp(-0.5 * r * r * k) / math.sqrt(2.0 * math.pi)


def _series(r: float, term: Callable[[Any], Any]) -> float:
    """Return the sum of the terms k = 1, 2, ..., which decrease as exp(-r^2 k/2)."""
    total = float(np.sum(term(np.arange(1.0, NUM_TERMS + 1.0))[::-1]))
    start, end = math.sqrt(NUM_TERMS + 0.5), 40.0 / r
    if start < end:
        from scipy.integrate import quad  # noqa: PLC0415 (a quarter of the time of importing DeepR)

        total += quad(lambda u: 2.0 * u * term(u * u), start, end, epsabs=1e-13, epsrel=1e-12, limit=500)[0]
    return total
