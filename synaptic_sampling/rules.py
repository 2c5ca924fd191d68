"""The rules by which connections change: their parameters, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, owens_t

from synaptic_sampling._checks import (
    check_array,
    check_number,
    check_parameter,
    is_schedule,
    number_of,
    plain_number,
    schedules,
)
from synaptic_sampling.optimizers import SGD, Optimizer

__all__ = ["DeepR", "FixedWiring", "PruneAndRegrow", "SoftDeepR", "SynapticSampling", "Transition"]


@dataclass(frozen=True)
class DeepR:
    """DEEP R with a hard budget (Bellec, Kappel, Maass, Legenstein 2018, Algorithm 1).

    Every step moves theta by ``-learning_rate*(dE/dtheta + l1) + sqrt(2*learning_rate*temperature)*nu``, retracts
    the connections with theta < 0, and lets as many be born with theta = 0 at uniformly random vacant sites.

    Numbers, or quantities of Brian2 where theta or the gradient has a unit; for `Rewiring` also strings of t or a
    TimedArray.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    l1 : float
        alpha, >= 0: slope of the exponential prior, which pulls theta towards 0.
    temperature : float
        T, >= 0. The stationary law is the posterior to the power 1/T. 0 is allowed, and has to be said:
        without noise this is no sampler but a search.
    optimizer : Optimizer
        What the gradient passes through before it acts on theta; l1 and noise do not.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The code of the authors adds noise ``learning_rate*s*nu``; the same temperature is
    ``temperature = learning_rate*s**2/2``.
    """

    learning_rate: float
    l1: float
    temperature: float
    optimizer: Optimizer = field(default_factory=SGD)

    #: What a connection must have for this rule.
    variables: ClassVar[tuple[str, ...]] = ("theta", "gradient", "polarity")

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        check_parameter("l1", self.l1, minimum=0.0)
        check_parameter("temperature", self.temperature, minimum=0.0)
        _check_optimizer(self.optimizer)

    @property
    def noise_scale(self) -> float:
        """Return the standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return _noise_scale(self)

    @property
    def step_ratio(self) -> float:
        """Return r, the l1 step in units of the noise per step; infinite without noise.

        Turnover, survival and weights over the noise per step depend on r alone where there is no gradient, whatever
        the optimizer (``statistics.exact``).
        """
        if self.noise_scale == 0.0:
            return math.inf
        return number_of(self, "learning_rate") * number_of(self, "l1") / self.noise_scale

    def expected_turnover(self) -> float:
        """Return the share of the connections that chance alone lets die in a step, in the stationary law.

        Returns
        -------
        float
            ``statistics.exact.turnover_rate``; 0 without l1, where there is no stationary law.

        Raises
        ------
        ValueError
            Without noise, where nothing is left to chance.
        """
        from synaptic_sampling.statistics.exact import turnover_rate  # noqa: PLC0415 (needs SciPy)

        if self.noise_scale == 0.0:
            raise ValueError("temperature must be > 0 for a turnover by chance, got 0.")
        return turnover_rate(self.step_ratio)


@dataclass(frozen=True)
class SoftDeepR:
    """Soft DEEP R (Bellec, Kappel, Maass, Legenstein 2018, Algorithm 2): the number of connections fluctuates.

    Every step moves theta of a connected one by ``-learning_rate*(dE/dtheta + l1) + sqrt(2*learning_rate*temperature)
    * nu`` and that of a retracted one by the noise alone; no theta falls below ``theta_min``. Who is below 0 after
    the step is retracted, the others are connected. For `PotentialConnections`.

    Numbers, or quantities of Brian2 where theta or the gradient has a unit; for `Rewiring` also strings of t or a
    TimedArray.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    l1 : float
        alpha, > 0. With 0 there is no stationary law: connected ones would walk away for ever.
    temperature : float
        T, > 0. With 0 no retracted connection ever comes back.
    connectivity : float
        p, above 0 and below 1: the share that is connected without a gradient, in the limit of small steps.
        ``statistics.soft`` has the share at these very steps.
    optimizer : Optimizer
        What the gradient passes through before it acts on theta; l1 and noise do not. What it remembers of a
        connection starts afresh when it is connected again.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The floor also holds for a connection whose last step went far below 0, as in the code of the authors. Their
    noise is ``learning_rate*s*nu``; the same temperature is ``temperature = learning_rate*s**2/2``.
    """

    learning_rate: float
    l1: float
    temperature: float
    connectivity: float
    optimizer: Optimizer = field(default_factory=SGD)

    variables: ClassVar[tuple[str, ...]] = ("theta", "gradient", "polarity")

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        check_parameter("l1", self.l1, above=0.0)
        check_parameter("temperature", self.temperature, above=0.0)
        if check_number("connectivity", self.connectivity, above=0.0) >= 1.0:
            raise ValueError(f"connectivity must be < 1, got {self.connectivity}; with FixedWiring all are connected.")
        _check_optimizer(self.optimizer)

    @property
    def noise_scale(self) -> float:
        """Return the standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return _noise_scale(self)

    @property
    def theta_min(self) -> float:
        """Return the floor of theta, -T (1 - p) / (alpha p), in SI units."""
        p = number_of(self, "connectivity")
        return -number_of(self, "temperature") * (1.0 - p) / (number_of(self, "l1") * p)

    def expected_turnover(self) -> float:
        """Return the share of the connected ones that chance alone retracts in a step, in the stationary law.

        Returns
        -------
        float
            By ``statistics.soft.soft_law``, without a gradient.
        """
        from synaptic_sampling.statistics.soft import soft_law  # noqa: PLC0415 (it needs the rules)

        law = soft_law(replace(self, optimizer=SGD()))
        return law.turnover / law.active_share


class Transition(NamedTuple):
    """One step of synaptic sampling: theta becomes ``mean + keep*(theta - mean) + gain*gradient + scale*nu``."""

    keep: float
    gain: float
    scale: float


@dataclass(frozen=True)
class SynapticSampling:
    """Synaptic sampling (Kappel et al. 2015, 2018): theta of every potential connection diffuses for ever.

    ``dtheta = learning_rate*((mean - theta)/std**2 + gradient) dt + sqrt(2*temperature*learning_rate) dW`` with the
    Gaussian prior N(mean, std**2). Whose theta is at least 0 is connected, with weight ``w0*exp(theta - theta0)``.
    The stationary law is the posterior to the power 1/temperature. For `PotentialConnections`.

    Numbers, or quantities of Brian2 such as ``learning_rate=5e-5/second, interval=100*ms``; for `Rewiring` the first
    four also as strings of t or a TimedArray.

    Parameters
    ----------
    learning_rate : float
        beta (b in the paper of 2015), > 0, per time: theta forgets within std**2/learning_rate.
    temperature : float
        T, >= 0.
    mean, std : float
        mu and sigma > 0 of the prior.
    interval : float
        Time between two steps, > 0.
    scheme : {'exact', 'euler'}
        'exact': the transition law of the diffusion, the gradient held constant within a step; with a gradient of
        0 there is no error at any interval. 'euler': as in the code of Kappel et al. (SPORE), where the variance
        comes out larger by the factor 1/(1 - interval*learning_rate/(2*std**2)).
    theta_range : tuple of two floats, optional
        Where theta is clipped to; (-2, 5) in SPORE. Not clipped by default.
    max_gradient : float, optional
        The gradient is clipped to plus or minus this; 40 in SPORE.
    w0, theta0 : float
        Of the weights; w0 > 0.

    Raises
    ------
    TypeError
        If a parameter is of the wrong kind.
    ValueError
        If a parameter is out of its range, or 'euler' does not converge with such a long interval.
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

    variables: ClassVar[tuple[str, ...]] = ("theta", "gradient", "polarity")

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
                "theta would grow without end. Use scheme='exact'."
            )

    @property
    def steps_per_memory(self) -> float:
        """Return std**2/(learning_rate*interval), the steps within which theta forgets."""
        return number_of(self, "std") ** 2 / (number_of(self, "learning_rate") * number_of(self, "interval"))

    @property
    def transition(self) -> Transition:
        """Return the coefficients of one step, in SI units."""
        variance, temperature = number_of(self, "std") ** 2, number_of(self, "temperature")
        if self.scheme == "exact":
            keep = math.exp(-1.0 / self.steps_per_memory)
            forgotten = -math.expm1(-1.0 / self.steps_per_memory)
            scale = math.sqrt(-temperature * variance * math.expm1(-2.0 / self.steps_per_memory))
            return Transition(keep, variance * forgotten, scale)
        gain = number_of(self, "learning_rate") * number_of(self, "interval")
        return Transition(1.0 - 1.0 / self.steps_per_memory, gain, math.sqrt(2.0 * temperature * gain))

    def expected_turnover(self) -> float:
        """Return the share of the connected ones that the prior alone retracts in a step, in the stationary law.

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
        """Return the size of the weight, which jumps from 0 to w0*exp(-theta0) at theta = 0.

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
        # No exponential of retracted ones, which are of no use and may underflow.
        with np.errstate(over="ignore"):
            size = number_of(self, "w0") * np.exp(np.maximum(values, 0) - number_of(self, "theta0"))
        if not np.isfinite(size).all():
            raise ValueError(f"theta must give finite weights, got {values[~np.isfinite(size)].flat[0]}.")
        return np.where(values >= 0, size, 0).astype(size.dtype)


@dataclass(frozen=True)
class FixedWiring:
    """Gradient descent on a wiring that never changes: the baseline of every rule that rewires.

    Weights may change their sign, theta may become negative; there is no l1, no noise, no retraction.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    optimizer : Optimizer
        What the gradient passes through.

    Raises
    ------
    TypeError
        If a parameter is of the wrong kind.
    ValueError
        If the learning rate is out of its range.
    """

    learning_rate: float
    optimizer: Optimizer = field(default_factory=SGD)

    variables: ClassVar[tuple[str, ...]] = ("theta", "gradient", "polarity")

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        _check_optimizer(self.optimizer)


@dataclass(frozen=True)
class PruneAndRegrow:
    """Structural plasticity without a gradient: retract where a condition holds, regrow as many at random, or none.

    Parameters
    ----------
    condition : str
        Which connections are retracted, an expression over synaptic variables such as ``'w < 0.02'``.
    regrow : bool
        Whether as many are born as die.

    Raises
    ------
    TypeError
        If the condition is not a string, or ``regrow`` not True or False.
    ValueError
        If it is empty.
    """

    condition: str
    regrow: bool = True

    variables: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.condition, str):
            raise TypeError(f"condition must be a string such as 'w < 0.02', got {self.condition!r}.")
        if not self.condition.strip():
            raise ValueError("condition must not be empty; write for example 'w < 0.02'.")
        if not isinstance(self.regrow, bool):
            raise TypeError(f"regrow must be True or False, got {self.regrow!r}.")


def _check_optimizer(optimizer: object) -> None:
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "direction", None)):
        raise TypeError(f"optimizer must be SGD(), Momentum() or Adam(), got {optimizer!r}.")


def _check_range(given: object) -> None:
    if given is None:
        return
    if not isinstance(given, tuple) or len(given) != 2:
        raise TypeError(f"theta_range must be a tuple of two numbers such as (-2, 5), got {given!r}.")
    low, high = (check_number("theta_range", plain_number(value)) for value in given)
    if low >= high:
        raise ValueError(f"theta_range must begin below its end, got {given!r}.")


def _noise_scale(rule: DeepR | SoftDeepR) -> float:
    return math.sqrt(2.0 * number_of(rule, "learning_rate") * number_of(rule, "temperature"))
