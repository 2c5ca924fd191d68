"""The step that DEEP R and gradient descent on fixed connections have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from synaptic_sampling._kernels.langevin import langevin, sweep_langevin
from synaptic_sampling.rules.base import Decision, GradientRule, Signal, run_sweep

__all__ = ["LangevinRule"]


class LangevinRule(GradientRule):
    """A rule whose ``parameters`` are learning rate, l1 and noise per step, and whose only signal is the gradient.

    Connections with theta < 0 are replaced, unless the rule never forms connections.
    """

    signals: ClassVar[tuple[Signal, ...]] = (Signal("gradient", accumulated=True),)
    keeps_number: ClassVar[bool] = True
    move: ClassVar[Callable[..., float] | None] = staticmethod(langevin)

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta against its gradient, with l1 and noise; decide which connections are replaced."""
        slope, parameters = self.optimizer.direction(gradient, connections), self.parameters
        negative = run_sweep(sweep_langevin, connections, slope, parameters, noisy=parameters[-1] > 0.0)
        return Decision(negative) if self.forms else Decision(births=0)
