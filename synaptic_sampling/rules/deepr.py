"""DEEP R: a fixed number of connections, Langevin steps, random rewiring."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import NDArray

from synaptic_sampling._checks import check_parameter, number_of
from synaptic_sampling._kernels.langevin import langevin, sweep_langevin
from synaptic_sampling.laws.deepr import step_ratio, turnover_rate
from synaptic_sampling.rules.base import Decision, GradientRule, Signal, Units, run_sweep
from synaptic_sampling.rules.optimizers import SGD, Optimizer, check_optimizer

__all__ = ["DeepR", "noise_scale"]


@dataclass(frozen=True)
class DeepR(GradientRule):
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

    signals: ClassVar[tuple[Signal, ...]] = (Signal("gradient", accumulated=True),)
    keeps_number: ClassVar[bool] = True
    move: ClassVar[Callable[..., float] | None] = staticmethod(langevin)
    units: ClassVar[Mapping[str, Callable[[Units], Any] | None]] = {
        "learning_rate": lambda u: u.theta / u.gradient,
        "l1": lambda u: u.gradient,
        "temperature": lambda u: u.theta * u.gradient,
    }

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        check_parameter("l1", self.l1, minimum=0.0)
        check_parameter("temperature", self.temperature, minimum=0.0)
        check_optimizer(self.optimizer)

    @property
    def noise_scale(self) -> float:
        """Return the standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return noise_scale(number_of(self, "learning_rate"), number_of(self, "temperature"))

    @property
    def step_ratio(self) -> float:
        """Return r, the l1 step in units of the noise per step; infinite without noise.

        Turnover, survival and weights over the noise per step depend on r alone where there is no gradient, whatever
        the optimizer (``statistics.exact``).
        """
        return step_ratio(*(number_of(self, name) for name in ("learning_rate", "l1", "temperature")))

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
        if self.noise_scale == 0.0:
            raise ValueError("temperature must be > 0 for a turnover by chance, got 0.")
        return turnover_rate(self.step_ratio)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return eta, alpha and sigma."""
        return number_of(self, "learning_rate"), number_of(self, "l1"), self.noise_scale

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta down its gradient with noise; connections with theta < 0 are eliminated and as many are formed."""
        slope, parameters = self.optimizer.direction(gradient, connections), self.parameters
        return Decision(run_sweep(sweep_langevin, connections, slope, parameters, noisy=parameters[-1] > 0.0))


def noise_scale(learning_rate: float, temperature: float) -> float:
    """Return the standard deviation of the noise per step, sqrt(2 eta T)."""
    return math.sqrt(2.0 * learning_rate * temperature)
