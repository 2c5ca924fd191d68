"""Laws of what a microscope sees: the probability that a connection seen at one look is seen at all of the next ones.

This sequence is all that the likelihood of presence data needs (``statistics.observed``). It is a function of the times
of all looks: under laws in which a connection may return between two looks, of each of them; under the others, of the
last one only. Parameters that contain a time are in units of the interval between looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, zeta

from synaptic_sampling._checks import check_array, check_callable, check_instance, check_number
from synaptic_sampling.laws import deepr
from synaptic_sampling.laws.quadrature import quadrature

__all__ = ["LAWS", "Parameter", "PresenceLaw"]

#: Distance in standard deviations that Gaussian variables exceed with a probability of 1e-9.
FAR = 6.0
#: Panels of the quadrature as wide as this many standard deviations of a step: errors below 1e-7.
COARSE = 2.0
#: Steps whose deviations differ by at most this fraction are equal.
EQUAL = 1e-9


@dataclass(frozen=True)
class Parameter:
    """A parameter of a law.

    Attributes
    ----------
    name : str
        Its name.
    low, high : float
        Its range.
    logarithmic : bool
        Whether it is searched on a logarithmic scale.
    points : int
        Number of values at which a fit starts to search.
    """

    name: str
    low: float
    high: float
    logarithmic: bool = True
    points: int = 12

    def __post_init__(self) -> None:
        check_instance("name", self.name, str)
        low = check_number("low", self.low)
        check_number("high", self.high, above=low)
        if self.logarithmic:
            check_number("low", self.low, above=0.0)

    def at(self, place: Any) -> Any:
        """Return the values at places between 0 and 1, on its scale."""
        if self.logarithmic:
            return self.low * (self.high / self.low) ** np.asarray(place)
        return self.low + (self.high - self.low) * np.asarray(place)

    def place(self, value: Any) -> Any:
        """Return the place of a value, the inverse of ``at``."""
        if self.logarithmic:
            return np.log(np.asarray(value) / self.low) / math.log(self.high / self.low)
        return (np.asarray(value) - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class PresenceLaw:
    """A law of presence, which can be fitted to observations.

    Attributes
    ----------
    name : str
        Its name in tables and figures.
    parameters : tuple of Parameter
        In the order in which ``seen_at_all`` takes their values.
    seen_at_all : callable
        ``seen_at_all(values, times)``, with looks at ``times`` of shape (n,), which ascend from 0: the probabilities,
        shape (n,), that a connection seen at the first look is seen at all of the first 1, 2, ..., n looks, in the
        stationary state. The first is 1.
    """

    name: str
    parameters: tuple[Parameter, ...]
    seen_at_all: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

    def __post_init__(self) -> None:
        check_instance("name", self.name, str)
        check_callable("seen_at_all", self.seen_at_all)
        if not isinstance(self.parameters, tuple) or not all(isinstance(own, Parameter) for own in self.parameters):
            raise TypeError(f"parameters must be a tuple of Parameter, got {self.parameters!r}.")

    def survival_of_seen(self, values: Any, times: Any) -> NDArray[np.float64]:
        """Return the probability that a connection seen at the first look is seen at all looks until each time.

        Parameters
        ----------
        values : array_like
            The parameters, in their order.
        times : array_like, shape (n,)
            Times of the looks in units of the interval for which the parameters hold, ascending from 0.

        Returns
        -------
        ndarray, shape (n,)
            The first is 1.

        Raises
        ------
        TypeError, ValueError
            If the values or times are not such numbers.
        """
        own, looks = self._checked(values, times)
        return self.seen_at_all(own, looks)

    def survival_of_newly_seen(self, values: Any, times: Any) -> NDArray[np.float64]:
        """Return the probability that a connection seen first at the second look is seen at all later ones.

        Parameters
        ----------
        values : array_like
            The parameters, in their order.
        times : array_like, shape (n,)
            Times of the looks, as for ``survival_of_seen``; n >= 2.

        Returns
        -------
        ndarray, shape (n - 1,)
            The first is 1. With a_k for the survival of seen ones and equal intervals: (a_k - a_(k+1))/(1 - a_1).

        Raises
        ------
        TypeError, ValueError
            If the values or times are not such numbers.
        """
        own, looks = self._checked(values, times)
        if len(looks) < 2:
            raise ValueError(f"times must be two or more looks, got {looks}.")
        later = self.seen_at_all(own, looks[1:] - looks[1])
        return (later - self.seen_at_all(own, looks)[1:]) / (1.0 - self.seen_at_all(own, looks[:2])[1])

    def _checked(self, values: Any, times: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        own, looks = (check_array(name, what).astype(float) for name, what in (("values", values), ("times", times)))
        if own.shape != (len(self.parameters),) or not np.isfinite(own).all():
            names = ", ".join(parameter.name for parameter in self.parameters)
            raise ValueError(f"values must be {len(self.parameters)} numbers ({names}), got {own}.")
        if looks.ndim != 1 or not len(looks) or looks[0] != 0 or (np.diff(looks) <= 0).any() or np.isinf(looks).any():
            raise ValueError(f"times must ascend from 0, got {looks}.")
        return own, looks


def _constant(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-values[0] * times)


def _two_states(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    labile, fast, slow = values
    return labile * np.exp(-fast * times) + (1.0 - labile) * np.exp(-slow * times)


def _threshold(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Theta is an Ornstein-Uhlenbeck process, seen wherever it is above 0 (``laws.synaptic_sampling``)."""
    memory, mean = values
    if len(times) == 1:
        return np.ones(1)
    rho, whole = np.exp(-np.diff(times) / memory), math.exp(-times[-1] / memory)
    noise = np.sqrt(-np.expm1(-2.0 * np.diff(times) / memory))
    # From beyond, theta does not come back to 0 within these looks; or it is practically never there.
    far = mean + (FAR * math.sqrt(-math.expm1(-2.0 * times[-1] / memory)) - mean) / max(whole, 1e-300)
    end = min(far, mean + math.sqrt(min(mean, 0.0) ** 2 + FAR**2))
    x, weight = quadrature(end, COARSE * float(noise.min()))
    lost = _lost(x, weight, mean + rho[:, None] * (x - mean), noise, end)
    share = np.exp(-0.5 * (x - mean) ** 2) * weight / (math.sqrt(2.0 * math.pi) * ndtr(mean))
    return np.concatenate([[1.0], 1.0 - lost @ share])


def _lost(
    x: NDArray[np.float64], weight: NDArray[np.float64], to: NDArray[np.float64], noise: NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """Return the probability to be below 0 at any of the first 1, 2, ... looks, from each x; none is lost beyond end.

    Look k is reached by a step from x to a normal variable with the mean ``to[k, x]`` and the deviation ``noise[k]``.
    """
    stay = [
        np.exp(-0.5 * ((x - m[:, None]) / s) ** 2) * (weight / (s * math.sqrt(2.0 * math.pi)))
        for m, s in zip(to, noise, strict=True)
    ]
    beyond = ndtr((to - end) / noise[:, None])
    if np.ptp(noise) < EQUAL * noise[0]:  # Then what comes after the first step is the same as before.
        alive = [np.ones_like(x)]
        for _ in noise:
            alive.append(stay[0] @ alive[-1] + beyond[0])
        return 1.0 - np.array(alive[1:])
    found = []
    for last in range(1, len(noise) + 1):
        left = np.ones_like(x)
        for k in range(last - 1, -1, -1):
            left = stay[k] @ left + beyond[k]
        found.append(1.0 - left)
    return np.array(found)


def _deepr(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """DEEP R with a number of steps per look, which need not be whole: looks then fall anywhere between two steps."""
    ratio, per_look = values
    return _after(_of_all(ratio, per_look * times[-1]), per_look * times)


def _deepr_from_age(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """DEEP R whose connections are seen once they have reached an age, given in looks."""
    ratio, per_look, age = values
    present = _after(_of_all(ratio, per_look * (age + times[-1])), per_look * (age + times))
    return present / max(present[0], 1e-300)


def _of_all(ratio: float, steps: float) -> NDArray[np.float64]:
    """Return ``deepr.survival_of_all`` at 0, 1, ... steps, with the mean lifetime as a power series.

    exp(-r/sqrt(2 pi) sum_n zeta(1/2 - n)/(n! (2 n + 1)) (-r^2/2)^n)/(sqrt(2) r), for r < 2 sqrt(pi) (Chang and Peres
    1997, Ladder heights, Gaussian random walks and the Riemann zeta function, Ann. Probab. 25).
    """
    q = deepr.survival_of_newborns(float(ratio), math.ceil(steps - 1e-9) + 1)
    series = float(_ZETA @ (-0.5 * ratio * ratio) ** np.arange(len(_ZETA)))
    lifetime = math.exp(-ratio / math.sqrt(2.0 * math.pi) * series) / (math.sqrt(2.0) * ratio)
    return 1.0 - np.concatenate([[0.0], np.cumsum(q[:-1])]) / lifetime


# Coefficients of the series; for r <= 2 the terms that are left out are below 1e-16.
_ZETA = np.array([zeta(0.5 - n) / (math.factorial(n) * (2 * n + 1)) for n in range(60)])


def _after(law: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(steps, np.arange(len(law)), law)


def _driftless(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Theta is a random walk without drift, seen wherever it is above 0; its density near 0 is uniform.

    Of those seen, a fraction ``loss`` is gone after one unit of time. With equal intervals, the loss in the k-th one is
    proportional to k**(-1/2): the mean increase of the maximum of k steps (Spitzer 1956).
    """
    return 1.0 - values[0] * _mean_maximum(tuple(np.diff(times).round(9)))


@lru_cache(maxsize=4096)
def _mean_maximum(intervals: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the mean of the maximum of 0 and a Gaussian walk at each look, in units of that after one unit of time."""
    if len(set(intervals)) <= 1:
        step = math.sqrt(intervals[0]) if intervals else 0.0
        return np.concatenate([[0.0], step * np.cumsum(1.0 / np.sqrt(np.arange(1, len(intervals) + 1)))])
    sigma = np.sqrt(intervals)
    end = FAR * math.sqrt(sum(intervals))
    x, weight = quadrature(end, COARSE * float(sigma.min()))
    lost = _lost(x, weight, np.tile(x, (len(sigma), 1)), sigma, end)
    return np.concatenate([[0.0], math.sqrt(2.0 * math.pi) * lost @ weight])


def _walk(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Theta is a walk with the stationary density exp(-theta), seen wherever it is above 0; ``step``: noise per look.

    Its drift is -step**2/2 per look. It is DEEP R, with theta in units of its mean T/alpha, whose connections are
    eliminated where a look finds theta below 0, and the limit of synaptic sampling with a mean far below 0.
    """
    if len(times) == 1:
        return np.ones(1)
    (step,), intervals = values, np.diff(times)
    noise = step * np.sqrt(intervals)
    end = min(FAR * step * math.sqrt(times[-1]) + 0.5 * step**2 * times[-1], 0.5 * FAR**2)
    x, weight = quadrature(end, COARSE * float(noise.min()))
    lost = _lost(x, weight, x - 0.5 * step**2 * intervals[:, None], noise, end)
    return np.concatenate([[1.0], 1.0 - lost @ (np.exp(-x) * weight)])


def _killed(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Theta is a walk in continuous time, born at a height above 0, with a drift towards 0, where it is killed.

    It is the limit of DEEP R for small steps, whose connections are seen, or formed, above a limit.

    In units of the noise per look, a connection is still there after a time t with the probability
    q = Phi((z - d t)/sqrt(t)) - exp(2 d z) Phi(-(z + d t)/sqrt(t)) (inverse Gaussian law); its mean lifetime is z/d.
    """
    drift, z = values
    begin = times[:-1, None]
    t = begin + (times[1:, None] - begin) * _NODES**2
    root = np.sqrt(t)
    q = ndtr((z - drift * t) / root) - np.exp(2.0 * drift * z + log_ndtr(-(z + drift * t) / root))
    lost = np.cumsum((q @ (2.0 * _NODES * _WEIGHTS)) * np.diff(times)) * drift / z
    return np.concatenate([[1.0], 1.0 - lost])


# On [0, 1], for the square root of time; errors are below 1e-7.
_node, _weight = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_node + 1.0) / 2.0, _weight / 2.0

_RATIO = Parameter("step_ratio", 2e-3, 2.0, points=16)
_PER_LOOK = Parameter("steps_per_look", 1.0, 40.0, points=7)

#: The laws that presence data can tell apart, or cannot, by name.
LAWS: dict[str, PresenceLaw] = {
    law.name: law
    for law in (
        PresenceLaw("constant", (Parameter("rate", 1e-4, 5.0, points=40),), _constant),
        PresenceLaw(
            "two states",
            (
                Parameter("labile", 2e-3, 0.9, points=12),
                Parameter("fast", 0.02, 20.0, points=10),
                Parameter("slow", 1e-5, 1.0, points=10),
            ),
            _two_states,
        ),
        PresenceLaw(
            "synaptic sampling",
            (Parameter("memory", 0.5, 1e6, points=24), Parameter("mean", -6.0, 3.5, logarithmic=False, points=8)),
            _threshold,
        ),
        PresenceLaw("DEEP R", (_RATIO, _PER_LOOK), _deepr),
        PresenceLaw(
            "DEEP R from an age on",
            (_RATIO, _PER_LOOK, Parameter("age", 0.0, 4.0, logarithmic=False, points=5)),
            _deepr_from_age,
        ),
        PresenceLaw(
            "killed walk", (Parameter("drift", 1e-4, 5.0, points=16), Parameter("height", 5e-2, 10.0)), _killed
        ),
        PresenceLaw("walk", (Parameter("step", 1e-3, 3.0, points=40),), _walk),
        PresenceLaw("driftless walk", (Parameter("loss", 1e-4, 0.5, points=40),), _driftless),
    )
}
