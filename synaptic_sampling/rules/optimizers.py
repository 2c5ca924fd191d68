"""Optimizers, which turn gradients into directions, slot by slot; their state is reset for each new connection.

l1 and noise never go through an optimizer: they act on theta afterwards, with the plain learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_number
from synaptic_sampling._kernels.dynamics import adam, momentum

if TYPE_CHECKING:
    from synaptic_sampling.connections.slots import Slots

__all__ = ["SGD", "Adam", "Momentum", "Optimizer", "bias_corrections", "check_optimizer"]

#: For larger values, the table of bias corrections would exceed 4 million entries.
LARGEST_DECAY = 0.99999


class Optimizer(Protocol):
    """The contract of an optimizer."""

    @property
    def num_moments(self) -> int:
        """The number of state variables per connection."""

    def direction(self, gradient: NDArray[Any], connections: Slots) -> NDArray[Any]:
        """Return the direction of steepest ascent, and update the moments in place."""


@dataclass(frozen=True)
class SGD:
    """Plain gradient descent."""

    num_moments = 0

    def direction(self, gradient: NDArray[Any], connections: Slots) -> NDArray[Any]:
        """Return the gradient itself."""
        return gradient


@dataclass(frozen=True)
class Momentum:
    """Heavy-ball momentum: velocity = momentum * velocity + gradient.

    Parameters
    ----------
    momentum : float
        Fraction of the velocity that is kept, 0 <= momentum <= 0.99999.
    """

    momentum: float = 0.9
    num_moments = 1

    def __post_init__(self) -> None:
        _check_decay("momentum", self.momentum)

    def direction(self, gradient: NDArray[Any], connections: Slots) -> NDArray[Any]:
        """Return the velocity."""
        slope = np.empty_like(gradient)
        momentum(gradient, float(self.momentum), connections.moments[0], slope)
        return slope


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015), with a step count of its own for the bias correction of each connection.

    The count starts when the connection is formed, or with the first step of this optimizer if that is later.

    Parameters
    ----------
    beta1, beta2 : float
        Decay per step of the first and second moment, 0 <= beta <= 0.99999.
    epsilon : float
        Added to the root of the second moment, > 0.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    num_moments = 2

    def __post_init__(self) -> None:
        _check_decay("beta1", self.beta1)
        _check_decay("beta2", self.beta2)
        check_number("epsilon", self.epsilon, above=0.0)

    def direction(self, gradient: NDArray[Any], connections: Slots) -> NDArray[Any]:
        """Return the first moment over the root of the second, both corrected for their initial value of 0."""
        slope = np.empty_like(gradient)
        betas = (float(self.beta1), float(self.beta2))
        corrections = (bias_corrections(betas[0]), bias_corrections(betas[1]))
        adam(gradient, connections.moment_age, betas, corrections, float(self.epsilon), *connections.moments, slope)
        return slope


def check_optimizer(optimizer: object) -> None:
    """Raise an error unless this is an optimizer."""
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "direction", None)):
        raise TypeError(f"optimizer must be SGD(), Momentum() or Adam(), got {optimizer!r}.")


def _check_decay(name: str, value: Any) -> None:
    check_number(name, value, minimum=0.0, maximum=LARGEST_DECAY)


@lru_cache(maxsize=16)
def bias_corrections(beta: float) -> NDArray[np.float64]:
    """Return 1 - beta**age for age = 0, 1, ..., up to the age where it equals 1 in float64."""
    power, table = 1.0, [0.0]
    while table[-1] < 1.0:
        power *= beta
        table.append(1.0 - power)
    return np.array(table)
