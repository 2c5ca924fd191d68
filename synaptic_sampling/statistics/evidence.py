"""Evidence against a hypothesis that specifies the probability of success of each trial; exact for any number."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synaptic_sampling._checks import check_array

__all__ = ["Evidence", "gather"]

#: Log odds ratios that are tested; effects far below the smallest are not detected.
TILTS = 0.05 * 1.6 ** np.arange(10)
#: Ages above which the odds may differ.
FROM_AGES = np.concatenate([[0], 2 ** np.arange(15)])


class Evidence(NamedTuple):
    """Natural logarithms of two test martingales; under the hypothesis each exceeds log(1/p) with probability <= p.

    Attributes
    ----------
    fewer, more : float
        Evidence for fewer, and for more, successes than under the hypothesis.
    """

    fewer: float
    more: float


def gather(successes: NDArray[Any], trials: NDArray[Any], probability: NDArray[Any], ages: NDArray[Any]) -> Evidence:
    """Return the evidence of successes against their hypothetical probabilities.

    Parameters
    ----------
    successes, trials : ndarray, shape (n,)
        Numbers of successes and of trials in each class.
    probability : ndarray, shape (n,)
        Of a success under the hypothesis, given all previous trials.
    ages : ndarray, shape (n,)
        Ages of the connections in each class; the odds may differ above some age.

    Returns
    -------
    Evidence
        0 if there are no trials.

    Raises
    ------
    TypeError, ValueError
        If these are not vectors of finite numbers of equal length.

    Notes
    -----
    With x successes, exp(lambda x) prod(1 + p (exp(lambda) - 1))^-1 is a martingale of mean 1 for any lambda (Ville
    1939), and so is the mean of several of them: over a fixed grid of lambda, positive or negative, and of minimal
    ages. No large-sample approximation is made.
    """
    given = {"successes": successes, "trials": trials, "probability": probability, "ages": ages}
    arrays = [check_array(name, own).astype(float) for name, own in given.items()]
    if any(own.ndim != 1 or own.shape != arrays[0].shape or not np.isfinite(own).all() for own in arrays):
        shapes = [own.shape for own in arrays]
        raise ValueError(f"{', '.join(given)} must be vectors of finite numbers of equal length, got {shapes}.")
    order = np.argsort(arrays[3], kind="stable")
    x, n, p, age = (own[order] for own in arrays)
    begin = np.searchsorted(age, FROM_AGES, side="right")
    found = []
    for sign in (-1.0, 1.0):
        values = []
        for tilt in sign * TILTS:
            # If p is 1, a failure refutes the hypothesis; the logarithm is still finite.
            terms = tilt * x - n * np.log1p(p * math.expm1(tilt))
            after = np.concatenate([[0.0], np.cumsum(terms[::-1])])[::-1]
            values.append(after[begin])
        found.append(float(logsumexp(values) - math.log(np.size(values))))
    return Evidence(*found)
