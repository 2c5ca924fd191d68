"""Whether lives have a heavy tail: fits and their comparison by likelihood, with the powerlaw package.

A straight line through points on two logarithmic axes is no evidence of a power law; and without any learning, lives
under DEEP R with small l1 have one (exponent 3/2, of the first passage of a random walk) up to a cut-off.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.sources import log_of

__all__ = ["ALTERNATIVES", "Alternative", "LifetimeFit", "fit_lifetimes", "lifetimes_within"]

#: Laws that powerlaw can set against a power law.
ALTERNATIVES = ("exponential", "lognormal", "stretched_exponential", "truncated_power_law")


MOST = 2**62


class Alternative(NamedTuple):
    """A law that is set against the power law.

    Attributes
    ----------
    name : str
        One of ``ALTERNATIVES``.
    ratio : float
        Log-likelihood ratio: above 0 the power law fits better, below 0 this one; divided by its standard deviation,
        but for 'truncated_power_law', of which the power law is a special case.
    p_value : float
        Of so large a ratio if both fitted equally well (Vuong 1989): above 0.05 or so, neither is shown to be better.
    """

    name: str
    ratio: float
    p_value: float


class LifetimeFit(NamedTuple):
    """A power law fitted to lives, and what other laws make of them.

    Attributes
    ----------
    exponent, error : float
        alpha of p(n) proportional to n**(-alpha), by maximum likelihood, and its standard error.
    shortest, longest : int
        Lives between these, both included, were fitted.
    number : int
        How many those were.
    alternatives : tuple of Alternative
        In the order asked for.
    """

    exponent: float
    error: float
    shortest: int
    longest: int
    number: int
    alternatives: tuple[Alternative, ...]


def lifetimes_within(
    log: RewiringLog, longest: int | None = None, index: int | None = None, *, from_step: int = 0
) -> NDArray[np.int64]:
    """Return the lives that ended within some steps, of all those born early enough to be seen so long.

    Fits by likelihood know no lives that go on. Among all lives that ended in a record short ones are too many, since
    long ones begun late are missing; among these, each length up to the longest is as frequent as it should be.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.
    longest : int, optional
        The greatest length; by default half the steps of the record.
    index : int, optional
        Number of the set; all by default.
    from_step : int
        Births in this step and before do not count.

    Returns
    -------
    ndarray of int64
        In steps, 1 to ``longest``; may be empty.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    log = log_of(log)
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
    """Fit a power law to lives that have ended, and compare it with other laws (Clauset, Shalizi and Newman 2009).

    Parameters
    ----------
    lifetimes : array_like of int
        In steps, from ``lifetimes_within``.
    shortest : int or None
        Shorter ones are left out; None lets powerlaw choose where the power law begins to fit best.
    longest : int, optional
        The ``longest`` of ``lifetimes_within``; longer ones are left out. By default the longest there is.
    alternatives : sequence of str
        Some of ``ALTERNATIVES``; those with two parameters take some seconds.
    most : int
        If there are more lives, evenly spread ones are taken.

    Returns
    -------
    LifetimeFit
        All laws are fitted to the same range, and are discrete.

    Raises
    ------
    ImportError
        If the powerlaw package is missing.
    ValueError
        If the lives are no positive integers, fewer than ten are in the range, or an alternative is not known.
    """
    powerlaw = _powerlaw()
    if not isinstance(alternatives, list | tuple) or not all(
        isinstance(name, str) and name in ALTERNATIVES for name in alternatives
    ):
        raise ValueError(f"alternatives must be some of {list(ALTERNATIVES)}, got {alternatives!r}.")
    values = check_array("lifetimes", lifetimes)
    if values.ndim != 1 or values.dtype.kind not in "iu" or values.min(initial=1) < 1:
        raise ValueError("lifetimes must be a vector of integers >= 1; take them from lifetimes_within.")
    limit = int(values.max(initial=1)) if longest is None else longest
    limit = check_integer("longest", limit, minimum=1, maximum=MOST)
    least = 1 if shortest is None else check_integer("shortest", shortest, minimum=1, maximum=limit)
    values = values[(values >= least) & (values <= limit)]
    taken = check_integer("most", most, minimum=10, maximum=MOST)
    values = values[:: max(1, math.ceil(len(values) / taken))]
    if len(values) < 10 or values.min() == values.max():
        raise ValueError(f"{len(values)} lives between {least} and {limit} steps are too few, or all equal.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # On bounds of parameters that laws reach which do not fit at all.
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
    """Return the standard error of the exponent, by Fisher's information: the variance of the logarithm of a life."""
    logs = np.log(np.arange(shortest, longest + 1))
    share = np.exp(-exponent * (logs - logs[0]))
    share /= share.sum()
    variance = float(share @ logs**2 - (share @ logs) ** 2)
    return 1.0 / math.sqrt(number * variance)


def _powerlaw() -> Any:
    try:
        import powerlaw  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "fits of heavy tails need the powerlaw package: pip install 'synaptic-sampling[analysis]'."
        ) from error
    return powerlaw
