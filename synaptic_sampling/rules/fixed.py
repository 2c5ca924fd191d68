"""Gradient descent on fixed connections, the baseline of every rule that rewires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from synaptic_sampling._checks import check_parameter, number_of
from synaptic_sampling.rules.base import Units
from synaptic_sampling.rules.langevin import LangevinRule
from synaptic_sampling.rules.optimizers import SGD, Optimizer, check_optimizer

__all__ = ["FixedWiring"]


@dataclass(frozen=True)
class FixedWiring(LangevinRule):
    """Gradient descent on connections that never change: the baseline of every rule that rewires.

    Weights may change sign, since theta may become negative; there is no l1, no noise and no elimination.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    optimizer : Optimizer
        Transforms the gradient before it acts on theta.

    Raises
    ------
    TypeError
        If a parameter is of the wrong type.
    ValueError
        If the learning rate is out of its range.
    """

    learning_rate: float
    optimizer: Optimizer = field(default_factory=SGD)

    forms: ClassVar[bool] = False
    signed_theta: ClassVar[bool] = True
    units: ClassVar[Mapping[str, Callable[[Units], Any] | None]] = {"learning_rate": lambda u: u.theta / u.gradient}

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        check_optimizer(self.optimizer)

    @property
    def parameters(self) -> tuple[float, ...]:
        """The parameters eta, no l1 and no noise."""
        return number_of(self, "learning_rate"), 0.0, 0.0
