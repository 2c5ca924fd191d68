"""Synaptic sampling: theta of every potential connection follows an Ornstein-Uhlenbeck process with a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, owens_t

from synaptic_sampling._checks import (
    check_array,
    check_number,
    check_parameter,
    is_schedule,
    number_of,
    plain_number,
    schedules,
)
from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.rules.base import Decision, Rule, Signal, Units, run_sweep

__all__ = ["SynapticSampling", "Transition"]


def diffusion(theta: float, gradient: float, polarity: float, nu: float, parameters: tuple[float, ...]) -> float:
    """Return theta after a step of an Ornstein-Uhlenbeck process with a gradient (Kappel et al. 2015, 2018)."""
    mean, keep, gain, scale, limit, low, high = parameters
    push = gain * min(max(gradient, -limit), limit)
    return min(max(((mean + keep * (theta - mean)) + push) + scale * nu, low), high)


sweep_diffusion = sweep(diffusion)

#: Distance of a retracted connection from 0 at the start, at least.
SMALLEST_THETA = 1e-6


class Transition(NamedTuple):
    """One step of synaptic sampling: theta becomes ``mean + keep*(theta - mean) + gain*gradient + scale*nu``."""

    keep: float
    gain: float
    scale: float


@dataclass(frozen=True)
class SynapticSampling(Rule):
    """Synaptic sampling (Kappel et al. 2015, 2018): theta of every potential connection diffuses permanently.

    ``dtheta = learning_rate*((mean - theta)/std**2 + gradient) dt + sqrt(2*temperature*learning_rate) dW`` with the
    Gaussian prior N(mean, std**2). Connections with theta >= 0 are active, with weight ``w0*exp(theta - theta0)``. The
    stationary law is the posterior to the power 1/temperature. For `PotentialConnections`.

    Parameters are numbers or Brian2 quantities such as ``learning_rate=5e-5/second, interval=100*ms``; for `Rewiring`
    the first four may also be strings of t or TimedArrays.

    Parameters
    ----------
    learning_rate : float
        beta (b in the paper of 2015), > 0, per time; the memory of theta lasts for std**2/learning_rate.
    temperature : float
        T, >= 0.
    mean, std : float
        mu and sigma > 0 of the prior.
    interval : float
        Time between two steps, > 0.
    scheme : {'exact', 'euler'}
        'exact': the transition law of the diffusion with the gradient held constant within a step; without a gradient
        it is exact for any interval. 'euler': as in the code of Kappel et al. (SPORE), where the variance is larger by
        the factor 1/(1 - interval*learning_rate/(2*std**2)).
    theta_range : tuple of two floats, optional
        Range to which theta is clipped; (-2, 5) in SPORE. Not clipped by default.
    max_gradient : float, optional
        Bound to which the gradient is clipped on both sides; 40 in SPORE.
    w0, theta0 : float
        Parameters of the weights; w0 > 0.

    Raises
    ------
    TypeError
        If a parameter is of the wrong type.
    ValueError
        If a parameter is out of its range, or the interval is too long for 'euler' to converge.
    """

    learning_rate: float
    temperature: float
    mean: float
    std: float
    interval: float
    scheme: str = "exact"
    theta_range: tuple[float, float] | None = None
    max_gradient: float | None = None
    w0: float = 1.0
    theta0: float = 3.0

    signals: ClassVar[tuple[Signal, ...]] = (Signal("gradient"),)
    storage: ClassVar[tuple[type, ...]] = (PotentialConnections,)
    signed_theta: ClassVar[bool] = True
    linear_weight: ClassVar[bool] = False
    move: ClassVar[Callable[..., float] | None] = staticmethod(diffusion)
    units: ClassVar[Mapping[str, Callable[[Units], Any] | None]] = {
        "learning_rate": lambda u: u.theta**2 / u.time,
        "mean": lambda u: u.theta,
        "std": lambda u: u.theta,
        "interval": lambda u: u.time,
        "theta0": lambda u: u.theta,
        "theta_range": lambda u: u.theta,
        "max_gradient": lambda u: u.theta**-1,
        "gradient": lambda u: u.theta**-1,
        # The unit of the weight, which need not be a variable.
        "w0": None,
    }

    def __post_init__(self) -> None:
        for name in ("interval", "w0"):
            check_number(name, plain_number(getattr(self, name)), above=0.0)
        for name in ("learning_rate", "std"):
            check_parameter(name, getattr(self, name), above=0.0)
        if not is_schedule(self.temperature):
            check_number("temperature", self.temperature, minimum=0.0)
        check_parameter("mean", self.mean)
        check_number("theta0", plain_number(self.theta0))
        if self.max_gradient is not None:
            check_number("max_gradient", plain_number(self.max_gradient), above=0.0)
        _check_range(self.theta_range)
        if not isinstance(self.scheme, str) or self.scheme not in {"exact", "euler"}:
            raise ValueError(f"scheme must be 'exact' or 'euler', got {self.scheme!r}.")
        if self.scheme == "euler" and not schedules(self) and self.steps_per_memory <= 0.5:
            raise ValueError(
                f"interval must be below 2*std**2/learning_rate with scheme 'euler', got {self.interval!r}: "
                "theta would diverge. Use scheme='exact'."
            )

    @property
    def steps_per_memory(self) -> float:
        """The memory of theta in steps, std**2/(learning_rate*interval)."""
        return number_of(self, "std") ** 2 / (number_of(self, "learning_rate") * number_of(self, "interval"))

    @property
    def transition(self) -> Transition:
        """The coefficients of one step, in SI units."""
        variance, temperature = number_of(self, "std") ** 2, number_of(self, "temperature")
        if self.scheme == "exact":
            keep = math.exp(-1.0 / self.steps_per_memory)
            forgotten = -math.expm1(-1.0 / self.steps_per_memory)
            scale = math.sqrt(-temperature * variance * math.expm1(-2.0 / self.steps_per_memory))
            return Transition(keep, variance * forgotten, scale)
        gain = number_of(self, "learning_rate") * number_of(self, "interval")
        return Transition(1.0 - 1.0 / self.steps_per_memory, gain, math.sqrt(2.0 * temperature * gain))

    def expected_turnover(self) -> float:
        """Return the fraction of active connections that are retracted per step under the prior, in the stationary law.

        Returns
        -------
        float
            P(theta' < 0 | theta >= 0) for successive steps, without a gradient and without ``theta_range``:
            ``1/2 - arcsin(keep)/pi`` if the mean is 0. 0 if the temperature is 0.

        Notes
        -----
        ``2 T(m, a)/Phi(m)`` with Owen's function T, ``a = sqrt((1 - keep)/(1 + keep))`` and m, the mean in units of
        the stationary standard deviation.
        """
        keep, _, scale = self.transition
        if scale == 0.0:
            return 0.0
        m = number_of(self, "mean") * math.sqrt(1.0 - keep**2) / scale
        return float(2.0 * owens_t(m, math.sqrt((1.0 - keep) / (1.0 + keep))) / ndtr(m))

    def weight(self, theta: ArrayLike) -> NDArray[Any]:
        """Return the absolute value of the weight, which jumps from 0 to w0*exp(-theta0) at theta = 0.

        Parameters
        ----------
        theta : array_like
            Parameters.

        Returns
        -------
        ndarray
            ``w0*exp(theta - theta0)`` where theta >= 0, else 0, in SI units.

        Raises
        ------
        TypeError, ValueError
            If theta does not hold numbers, or a weight is not finite.
        """
        values = check_array("theta", theta)
        # No exponential for retracted connections, whose weight is 0; it could underflow.
        with np.errstate(over="ignore"):
            size = number_of(self, "w0") * np.exp(np.maximum(values, 0) - number_of(self, "theta0"))
        if not np.isfinite(size).all():
            raise ValueError(f"theta must give finite weights, got {values[~np.isfinite(size)].flat[0]}.")
        return np.where(values >= 0, size, 0).astype(size.dtype)

    def slope(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Return the derivative of ``weight``, which is the weight itself."""
        return self.weight(theta)

    def initial_theta(self, active: NDArray[np.bool_], quantile: NDArray[np.float64], scale: float) -> NDArray[Any]:
        """Return draws from the prior, given which connections are active; ``scale`` has no effect."""
        mean, std = number_of(self, "mean"), number_of(self, "std")
        retracted = ndtr(-mean / std)
        below = np.where(active, retracted + (1.0 - retracted) * quantile, retracted * quantile)
        theta = mean + std * ndtri(below)
        # Rounding must not move a connection across 0.
        theta = np.where(active, np.maximum(theta, 0.0), np.minimum(theta, -SMALLEST_THETA))
        return theta if self.theta_range is None else np.clip(theta, *map(plain_number, self.theta_range))

    @property
    def parameters(self) -> tuple[float, ...]:
        """The mean, the transition of one step, and the bounds of gradient and theta."""
        limit = math.inf if self.max_gradient is None else self.max_gradient
        bounds = (limit, *(self.theta_range or (-math.inf, math.inf)))
        return (number_of(self, "mean"), *self.transition, *(float(plain_number(bound)) for bound in bounds))

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta up the gradient and towards the mean of the prior, with noise."""
        return Decision(crossed=run_sweep(sweep_diffusion, connections, gradient, self.parameters, noisy=True))


def _check_range(given: object) -> None:
    if given is None:
        return
    if not isinstance(given, tuple) or len(given) != 2:
        raise TypeError(f"theta_range must be a tuple of two numbers such as (-2, 5), got {given!r}.")
    low, high = (check_number("theta_range", plain_number(value)) for value in given)
    if low >= high:
        raise ValueError(f"theta_range must hold a lower and a larger upper bound, got {given!r}.")
