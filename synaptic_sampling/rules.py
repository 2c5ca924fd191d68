"""The rules by which connections change: their parameters, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from synaptic_sampling._checks import check_number, plain_number
from synaptic_sampling.optimizers import SGD, Optimizer

__all__ = ["DeepR", "FixedWiring", "PruneAndRegrow"]


@dataclass(frozen=True)
class DeepR:
    """DEEP R with a hard budget (Bellec, Kappel, Maass, Legenstein 2018, Algorithm 1).

    Every step moves theta by ``-learning_rate*(dE/dtheta + l1) + sqrt(2*learning_rate*temperature)*nu``, retracts
    the connections with theta < 0, and lets as many be born with theta = 0 at uniformly random vacant sites.

    Numbers, or quantities of Brian2 where theta or the gradient has a unit.

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
        check_number("learning_rate", self.learning_rate, above=0.0)
        check_number("l1", self.l1, minimum=0.0)
        check_number("temperature", self.temperature, minimum=0.0)
        _check_optimizer(self.optimizer)

    @property
    def noise_scale(self) -> float:
        """Return the standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return math.sqrt(2.0 * plain_number(self.learning_rate) * plain_number(self.temperature))

    @property
    def step_ratio(self) -> float:
        """Return r, the l1 step in units of the noise per step; infinite without noise.

        Turnover, survival and weights in the absence of a gradient depend on r alone (``statistics.exact``).
        """
        if self.noise_scale == 0.0:
            return math.inf
        return plain_number(self.learning_rate) * plain_number(self.l1) / self.noise_scale


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
        check_number("learning_rate", self.learning_rate, above=0.0)
        _check_optimizer(self.optimizer)


@dataclass(frozen=True)
class PruneAndRegrow:
    """Structural plasticity without a gradient: retract where a condition holds, regrow as many at random.

    Parameters
    ----------
    condition : str
        Which connections are retracted, an expression over synaptic variables such as ``'w < 0.02'``.

    Raises
    ------
    TypeError
        If the condition is not a string.
    ValueError
        If it is empty.
    """

    condition: str

    variables: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.condition, str):
            raise TypeError(f"condition must be a string such as 'w < 0.02', got {self.condition!r}.")
        if not self.condition.strip():
            raise ValueError("condition must not be empty; write for example 'w < 0.02'.")


def _check_optimizer(optimizer: object) -> None:
    if not callable(getattr(optimizer, "direction", None)):
        raise TypeError(f"optimizer must be SGD(), Momentum() or Adam(), got {optimizer!r}.")
