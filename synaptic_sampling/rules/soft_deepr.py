"""Soft DEEP R: retracted connections continue to diffuse below 0, and the number of active ones fluctuates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from numpy.typing import NDArray

from synaptic_sampling._checks import check_number, check_parameter, number_of
from synaptic_sampling._kernels.soft_langevin import soft, sweep_soft
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.laws.soft_deepr import soft_law
from synaptic_sampling.rules.base import Decision, GradientRule, Signal, Units, run_sweep
from synaptic_sampling.rules.deepr import DeepR, noise_scale
from synaptic_sampling.rules.optimizers import SGD, Optimizer, check_optimizer

__all__ = ["SoftDeepR"]


@dataclass(frozen=True)
class SoftDeepR(GradientRule):
    """Soft DEEP R (Bellec, Kappel, Maass, Legenstein 2018, Algorithm 2): the number of connections fluctuates.

    Every step changes theta of an active connection by ``-learning_rate*(dE/dtheta + l1) + sqrt(2*learning_rate*
    temperature)*nu``, and that of a retracted one by the noise alone; no theta falls below ``theta_min``. Connections
    with theta < 0 after the step are retracted, the others are active. For `PotentialConnections` and
    `SoftConnections`.

    Parameters are numbers, or Brian2 quantities where theta or the gradient has a unit; `Rewiring` also accepts
    strings of t and TimedArrays.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    l1 : float
        alpha, > 0. With 0 there is no stationary law: theta of active connections would diverge.
    temperature : float
        T, > 0. With 0 retracted connections never return.
    connectivity : float
        p, above 0 and below 1: the fraction that is active without a gradient, in the limit of small steps.
        ``laws.soft_deepr`` has the fraction at finite steps.
    optimizer : Optimizer
        Transforms the gradient before it acts on theta; l1 and noise are not transformed. Its state is reset when a
        connection becomes active again.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The floor also applies to a connection whose last step ended far below 0, as in the authors' code. Their noise is
    ``learning_rate*s*nu``, which corresponds to ``temperature = learning_rate*s**2/2``.
    """

    learning_rate: float
    l1: float
    temperature: float
    connectivity: float
    optimizer: Optimizer = field(default_factory=SGD)

    signals: ClassVar[tuple[Signal, ...]] = (Signal("gradient", accumulated=True),)
    storage: ClassVar[tuple[type, ...]] = (PotentialConnections, SoftConnections)
    signed_theta: ClassVar[bool] = True
    move: ClassVar[Callable[..., float] | None] = staticmethod(soft)
    units: ClassVar[Mapping[str, Callable[[Units], Any] | None]] = DeepR.units

    def __post_init__(self) -> None:
        check_parameter("learning_rate", self.learning_rate, above=0.0)
        check_parameter("l1", self.l1, above=0.0)
        check_parameter("temperature", self.temperature, above=0.0)
        if check_number("connectivity", self.connectivity, above=0.0) >= 1.0:
            raise ValueError(
                f"connectivity must be < 1, got {self.connectivity}; use FixedWiring to have all connected."
            )
        check_optimizer(self.optimizer)

    @property
    def noise_scale(self) -> float:
        """The standard deviation of the noise per step, sqrt(2 eta T), in SI units."""
        return noise_scale(number_of(self, "learning_rate"), number_of(self, "temperature"))

    @property
    def theta_min(self) -> float:
        """The floor of theta, -T (1 - p) / (alpha p), in SI units."""
        p = number_of(self, "connectivity")
        return -number_of(self, "temperature") * (1.0 - p) / (number_of(self, "l1") * p)

    def expected_turnover(self) -> float:
        """Return the fraction of active connections that noise and l1 alone retract per step, in the stationary law.

        Returns
        -------
        float
            From ``laws.soft_deepr.soft_law``, without a gradient.
        """
        law = soft_law(replace(self, optimizer=SGD()))
        return law.turnover / law.active_share

    def annealed(self, learning_rate: float, temperature: float) -> SoftDeepR:
        """Return the rule with other factors, where l1 is multiplied by that of the temperature: theta_min stays."""
        eta, l1, cold = self.learning_rate * learning_rate, self.l1 * temperature, self.temperature * temperature
        return replace(self, learning_rate=eta, l1=l1, temperature=cold)

    @property
    def parameters(self) -> tuple[float, ...]:
        """The parameters eta, alpha, sigma and the floor."""
        return number_of(self, "learning_rate"), number_of(self, "l1"), self.noise_scale, self.theta_min

    def parameters_on(self, connections: Any) -> tuple[float, ...]:
        """Return the parameters with the floor of `SoftConnections`, which may differ in the last bits."""
        return *self.parameters[:-1], getattr(connections, "theta_min", self.theta_min)

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta of all connections; eliminate and form them where theta crosses 0."""
        slope = self.optimizer.direction(gradient, connections)
        crossed = run_sweep(sweep_soft, connections, slope, self.parameters_on(connections), noisy=True)
        return Decision(crossed=crossed, noise_scale=self.noise_scale)
