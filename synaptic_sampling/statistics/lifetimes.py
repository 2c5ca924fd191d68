"""Heavy-tailed lifetimes: fits and their comparison by likelihood, with the powerlaw package.

A straight line in a log-log plot is not evidence of a power law. Even without learning, lifetimes under DEEP R with
small l1 follow one (exponent 3/2, from the first passage of a random walk) up to a cut-off.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["ALTERNATIVES", "Alternative", "LifetimeFit", "fit_lifetimes", "lifetimes_within"]

#: Distributions that powerlaw can compare with a power law.
ALTERNATIVES = ("exponential", "lognormal", "stretched_exponential", "truncated_power_law")
#: Largest integer that is accepted.
MOST = 2**62


class Alternative(NamedTuple):
    """A distribution that is compared with the power law.

    Attributes
    ----------
    name : str
        One of ``ALTERNATIVES``.
    ratio : float
        Log-likelihood ratio: > 0 if the power law fits better, < 0 if this one does; divided by its standard deviation,
        except for 'truncated_power_law', of which the power law is a special case.
    p_value : float
        Probability of such a ratio if both fit equally well (Vuong 1989); if large, neither is shown to fit better.
    """

    name: str
    ratio: float
    p_value: float


class LifetimeFit(NamedTuple):
    """A power law fitted to lifetimes, and its comparison with other distributions.

    Attributes
    ----------
    exponent, error : float
        alpha of p(n) proportional to n**(-alpha), by maximum likelihood, and its standard error.
    shortest, longest : int
        Range of the fitted lifetimes, both included.
    number : int
        Number of fitted lifetimes.
    alternatives : tuple of Alternative
        In the requested order.
    """

    exponent: float
    error: float
    shortest: int
    longest: int
    number: int
    alternatives: tuple[Alternative, ...]


def lifetimes_within(
    log: Source, longest: int | None = None, index: int | None = None, *, from_step: int = 0
) -> NDArray[np.int64]:
    """Return the lifetimes that ended within some steps, of connections formed early enough to be observed so long.

    Likelihood fits do not account for censoring. Among all lifetimes that end within a record, short ones are
    overrepresented, since long ones that start late are missing; among those returned here, each length up to the
    longest has its correct frequency.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    longest : int, optional
        The greatest lifetime; by default half the steps of the record.
    index : int, optional
        Index of the set; all by default.
    from_step : int
        Connections formed in this step or before are left out.

    Returns
    -------
    ndarray of int64
        In steps, 1 to ``longest``; may be empty.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    log = log_of(log, observed="survival_of_newly_seen")
    most = max(1, log.last_step - log.first_step)
    limit = max(1, most // 2) if longest is None else check_integer("longest", longest, minimum=1, maximum=most)
    begin = log.check_step("from_step", from_step)
    found = [np.empty(0, np.int64)]
    for lives in log.life_blocks(index):
        length = lives["end"] - lives["birth"]
        born = ~lives["initial"] & (lives["birth"] > begin) & (lives["birth"] <= log.last_step - limit)
        found.append(length[born & lives["dead"] & (length <= limit)])
    return np.concatenate(found)


def fit_lifetimes(
    lifetimes: ArrayLike,
    *,
    shortest: int | None = 1,
    longest: int | None = None,
    alternatives: Sequence[str] = ALTERNATIVES,
    most: int = 20_000,
) -> LifetimeFit:
    """Fit a power law to lifetimes, and compare it with other distributions (Clauset, Shalizi and Newman 2009).

    Parameters
    ----------
    lifetimes : array_like of int
        In steps, from ``lifetimes_within``.
    shortest : int or None
        Shorter ones are left out; with None, powerlaw chooses the value above which the power law fits best.
    longest : int, optional
        The ``longest`` of ``lifetimes_within``; longer ones are left out. By default the longest lifetime.
    alternatives : sequence of str
        Some of ``ALTERNATIVES``; those with two parameters take a few seconds.
    most : int
        If there are more lifetimes, an evenly spaced selection is used.

    Returns
    -------
    LifetimeFit
        All distributions are discrete and fitted to the same range.

    Raises
    ------
    ImportError
        If the powerlaw package is missing.
    ValueError
        If the lifetimes are not positive integers, fewer than ten are in the range, or an alternative is unknown.
    """
    powerlaw = _powerlaw()
    if not isinstance(alternatives, list | tuple) or not all(
        isinstance(name, str) and name in ALTERNATIVES for name in alternatives
    ):
        raise ValueError(f"alternatives must be some of {list(ALTERNATIVES)}, got {alternatives!r}.")
    values = check_array("lifetimes", lifetimes)
    if values.ndim != 1 or values.dtype.kind not in "iu" or values.min(initial=1) < 1:
        raise ValueError("lifetimes must be a vector of integers >= 1, as returned by lifetimes_within.")
    limit = int(values.max(initial=1)) if longest is None else longest
    limit = check_integer("longest", limit, minimum=1, maximum=MOST)
    least = 1 if shortest is None else check_integer("shortest", shortest, minimum=1, maximum=limit)
    values = values[(values >= least) & (values <= limit)]
    taken = check_integer("most", most, minimum=10, maximum=MOST)
    values = values[:: max(1, math.ceil(len(values) / taken))]
    if len(values) < 10 or values.min() == values.max():
        raise ValueError(
            f"lifetimes must contain at least ten different values between {least} and {limit} steps; "
            f"got {len(values)}, or all equal."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Distributions that do not fit reach the bounds of their parameters.
        fit = powerlaw.Fit(values, discrete=True, xmin=shortest, xmax=limit, verbose=0)
        compared = [_compare(fit, name) for name in alternatives]
    begin, exponent = int(fit.xmin), float(fit.power_law.alpha)
    number = int(np.count_nonzero(values >= begin))
    return LifetimeFit(exponent, _error(exponent, begin, limit, number), begin, limit, number, tuple(compared))


def _compare(fit: Any, name: str) -> Alternative:
    nested = name == "truncated_power_law"
    ratio, p_value = fit.distribution_compare("power_law", name, nested=nested, normalized_ratio=not nested)
    return Alternative(name, float(ratio), float(p_value))


def _error(exponent: float, shortest: int, longest: int, number: int) -> float:
    """Return the standard error of the exponent; Fisher information is the variance of the logarithm."""
    logs = np.log(np.arange(shortest, longest + 1))
    weight = np.exp(-exponent * (logs - logs[0]))
    weight /= weight.sum()
    variance = float(weight @ logs**2 - (weight @ logs) ** 2)
    return 1.0 / math.sqrt(number * variance)


def _powerlaw() -> Any:
    try:
        import powerlaw  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "fit_lifetimes needs the powerlaw package: pip install 'synaptic-sampling[analysis]'."
        ) from error
    return powerlaw
