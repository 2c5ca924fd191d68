"""DEEP R: a fixed number of connections, Langevin steps, random rewiring."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from synaptic_sampling._checks import check_parameter, number_of
from synaptic_sampling.laws.deepr import null_law, turnover_rate
from synaptic_sampling.rules.base import Units
from synaptic_sampling.rules.langevin import LangevinRule
from synaptic_sampling.rules.optimizers import SGD, Optimizer, check_optimizer

__all__ = ["DeepR", "noise_scale"]


@dataclass(frozen=True)
class DeepR(LangevinRule):
    """DEEP R with a hard budget (Bellec, Kappel, Maass, Legenstein 2018, Algorithm 1).

    Every step changes theta by ``-learning_rate*(dE/dtheta + l1) + sqrt(2*learning_rate*temperature)*nu``, eliminates
    connections with theta < 0, and forms as many with theta = 0 at uniformly random vacant sites.

    Parameters are numbers, or Brian2 quantities where theta or the gradient has a unit; `Rewiring` also accepts
    strings of t and TimedArrays.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    l1 : float
        alpha, >= 0: slope of the exponential prior, which pulls theta towards 0.
    temperature : float
        T, >= 0. The stationary law is the posterior to the power 1/T. With 0 there is no noise, and the rule searches
        rather than samples.
    optimizer : Optimizer
        Transforms the gradient before it acts on theta; l1 and noise are not transformed.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The authors' code adds the noise ``learning_rate*s*nu``, which corresponds to
    ``temperature = learning_rate*s**2/2``.
    """

    learning_rate: float
    l1: float
    temperature: float
    optimizer: Optimizer = field(default_factory=SGD)

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
        """The standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return noise_scale(number_of(self, "learning_rate"), number_of(self, "temperature"))

    @property
    def step_ratio(self) -> float:
        """The ratio r of the l1 step to the noise per step; infinite without noise.

        Without a gradient, turnover, survival, and weights in units of the noise depend only on r, whatever the
        optimizer (``laws.deepr``).
        """
        eta, alpha, sigma = self.parameters
        return eta * alpha / sigma if sigma > 0.0 else math.inf

    @property
    def law(self) -> Mapping[str, Any] | str | None:
        """The null law, that of ``laws.deepr``; a reason if there is no noise."""
        return null_law(self.step_ratio)

    def expected_turnover(self) -> float:
        """Return the fraction of connections that noise and l1 alone eliminate per step, in the stationary law.

        Returns
        -------
        float
            ``laws.deepr.turnover_rate``; 0 without l1, where there is no stationary law.

        Raises
        ------
        ValueError
            Without noise, where nothing happens by chance.
        """
        if self.noise_scale == 0.0:
            raise ValueError("temperature must be > 0 for turnover by chance, got 0.")
        return turnover_rate(self.step_ratio)

    @property
    def parameters(self) -> tuple[float, ...]:
        """The parameters eta, alpha and sigma."""
        return number_of(self, "learning_rate"), number_of(self, "l1"), self.noise_scale


def noise_scale(learning_rate: float, temperature: float) -> float:
    """Return the standard deviation of the noise per step, sqrt(2 eta T)."""
    return math.sqrt(2.0 * learning_rate * temperature)
