"""Maximum-likelihood fits of weight distributions: exponential, log-normal, and truncated log-normal.

Without a gradient, DEEP R gives exponential weights with mean T/alpha, and synaptic sampling log-normal weights
truncated at the weight of theta = 0, so the two samplers can be distinguished by their weights.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr

from synaptic_sampling._checks import check_array, check_number
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["LAWS", "LikelihoodRatio", "WeightFit", "fit_weights", "likelihood_ratio"]

LAWS = ("exponential", "log-normal", "truncated log-normal")

LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)
#: Largest distance between the location of a truncated log-normal law and the data, in standard deviations of log w;
#: beyond it, the law cannot be distinguished from a power law.
FARTHEST = 30.0


class WeightFit(NamedTuple):
    """A distribution fitted to weights by maximum likelihood.

    Attributes
    ----------
    name : str
        One of ``LAWS``.
    parameters : dict of str to float
        'scale' of the exponential law, the mean above ``lower``; 'mu' and 'sigma' of log w before truncation.
    lower : float
        Lower bound of the distribution.
    log_likelihood : float
        Of all weights.
    aic : float
        2*(number of fitted parameters) - 2*log_likelihood (Akaike 1974); smaller is better.
    """

    name: str
    parameters: dict[str, float]
    lower: float
    log_likelihood: float
    aic: float

    def log_density(self, weights: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of the density.

        Parameters
        ----------
        weights : array_like
            Weights > 0.

        Returns
        -------
        ndarray
            -inf below ``lower``.
        """
        w = check_array("weights", weights).astype(float)
        if not np.isfinite(w).all():
            raise ValueError(f"weights must be finite, got {w[~np.isfinite(w)].flat[0]}.")
        if self.name == "exponential":
            density = _exponential(w - self.lower, self.parameters["scale"])
        else:
            # The density is 0 for weights <= 0, which have no logarithm.
            density = np.where(
                w > 0,
                _log_normal(np.where(w > 0, w, 1.0), self.parameters["mu"], self.parameters["sigma"], self.lower),
                -np.inf,
            )
        return np.where(w >= self.lower, density, -np.inf)


class LikelihoodRatio(NamedTuple):
    """Log-likelihood ratio of two laws over its standard deviation, and its two-sided p-value."""

    statistic: float
    p_value: float


def fit_weights(weights: ArrayLike, lower: float | None = None) -> list[WeightFit]:
    """Fit all distributions to the sizes of weights.

    Parameters
    ----------
    weights : array_like, shape (n,)
        Signs are ignored; zeros (new connections of DEEP R) are left out.
    lower : float, optional
        Known lower bound, such as ``rule.weight(0)`` of synaptic sampling: smaller weights are left out, and the
        exponential law starts there too. By default, the exponential and the log-normal law start at 0, and the
        truncated one at the smallest weight, which counts as a fitted parameter; it then fits better than the
        log-normal law by a few units of AIC even without truncation.

    Returns
    -------
    list of WeightFit
        Best fit (smallest AIC) first.

    Raises
    ------
    TypeError, ValueError
        If fewer than ten different weights remain, one is not finite, or ``lower`` is negative.
    """
    sizes = np.abs(check_array("weights", weights).astype(float)).ravel()
    floor = 0.0 if lower is None else check_number("lower", lower, minimum=0.0)
    if not np.isfinite(sizes).all():
        raise ValueError(f"weights must be finite, got {sizes[~np.isfinite(sizes)][0]}.")
    sizes = sizes[(sizes > 0) & (sizes >= floor)]
    if len(np.unique(sizes)) < 10:
        raise ValueError(
            f"weights must contain at least ten different values above {floor:g}, got {len(np.unique(sizes))}."
        )
    cut = float(sizes.min()) if lower is None else floor
    logs = np.log(sizes)
    mu, sigma = float(logs.mean()), float(logs.std())
    fits = [
        _fit("exponential", {"scale": float(sizes.mean()) - floor}, floor, sizes, 1),
        _fit("log-normal", {"mu": mu, "sigma": sigma}, 0.0, sizes, 2),
    ]
    if cut > 0:
        fits.append(_fit("truncated log-normal", _fit_truncated(logs, math.log(cut)), cut, sizes, 2 + (lower is None)))
    return sorted(fits, key=lambda fit: fit.aic)


def likelihood_ratio(weights: ArrayLike, first: WeightFit, second: WeightFit) -> LikelihoodRatio:
    """Test whether one distribution fits better than another (Vuong 1989).

    Parameters
    ----------
    weights : array_like
        The weights to which both were fitted.
    first, second : WeightFit
        Two distributions, neither of which is a special case of the other.

    Returns
    -------
    LikelihoodRatio
        Positive if the first fits better.

    Raises
    ------
    ValueError
        If there are no weights, or the distributions do not differ on them.
    """
    check_kind("first", first, WeightFit)
    check_kind("second", second, WeightFit)
    sizes = np.abs(check_array("weights", weights).astype(float)).ravel()
    sizes = sizes[(sizes > 0) & (sizes >= max(first.lower, second.lower))]
    ratio = first.log_density(sizes) - second.log_density(sizes)
    spread = float(ratio.std()) if len(ratio) else 0.0
    if spread <= 0:
        raise ValueError("first and second do not differ on these weights.")
    statistic = float(ratio.sum() / (spread * math.sqrt(len(ratio))))
    return LikelihoodRatio(statistic, math.erfc(abs(statistic) / math.sqrt(2.0)))


def _fit(
    name: str, parameters: dict[str, float], lower: float, sizes: NDArray[np.float64], num_fitted: int
) -> WeightFit:
    fit = WeightFit(name, parameters, lower, 0.0, 0.0)
    total = float(fit.log_density(sizes).sum())
    return fit._replace(log_likelihood=total, aic=2.0 * num_fitted - 2.0 * total)


def _fit_truncated(logs: NDArray[np.float64], cut: float) -> dict[str, float]:
    """Return location and width of a truncated normal law of log w."""
    mean, deviation = float(logs.mean()), float(logs.std())
    square = float(np.mean((logs - mean) ** 2))

    def loss(at: NDArray[np.float64]) -> float:
        mu, sigma = mean + at[0] * deviation, deviation * math.exp(at[1])
        within = (square + (mean - mu) ** 2) / (2.0 * sigma * sigma)
        return float(within + math.log(sigma) + log_ndtr((mu - cut) / sigma))

    bounds = [(-FARTHEST, 3.0), (-5.0, math.log(FARTHEST))]
    found = minimize(loss, [0.0, 0.0], method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9}).x
    return {"mu": mean + float(found[0]) * deviation, "sigma": deviation * math.exp(float(found[1]))}


def _exponential(above: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    return -above / scale - math.log(scale)


def _log_normal(w: NDArray[np.float64], mu: float, sigma: float, lower: float) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(w)
    kept = float(log_ndtr((mu - math.log(lower)) / sigma)) if lower > 0 else 0.0
    return -0.5 * ((logs - mu) / sigma) ** 2 - math.log(sigma) - LOG_ROOT_2_PI - logs - kept
