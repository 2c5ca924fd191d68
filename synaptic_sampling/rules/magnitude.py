"""Rules that eliminate the weakest connections: SET and RigL, baselines of sparse training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels.langevin import langevin
from synaptic_sampling._kernels.vacancy import take_each
from synaptic_sampling.rules.base import Decision, Rule, Signal
from synaptic_sampling.rules.fixed import FixedWiring

__all__ = ["SET", "RigL", "SETDescent"]


@dataclass(frozen=True)
class SET(Rule):
    """Sparse evolutionary training (Mocanu et al. 2018): replace the weakest connections at random sites.

    Parameters
    ----------
    fraction : float
        Fraction of connections replaced per step, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If the fraction is not a number in this range.

    Notes
    -----
    New connections have weight 0. The published rule uses random weights, which disturb a trained network.
    """

    fraction: float = 0.3

    num_moments: ClassVar[None] = None
    keeps_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def decide(self, connections: Any) -> Decision:
        """Eliminate the weakest connections and form as many at random sites."""
        return Decision(_weakest(connections, self.fraction))


@dataclass(frozen=True)
class SETDescent(FixedWiring):
    """Gradient descent that replaces the weakest connections from time to time, by `SET`.

    Parameters
    ----------
    learning_rate : float
        eta, > 0, per step.
    optimizer : Optimizer
        Transforms the gradient before it acts on theta.
    fraction : float
        Fraction of connections replaced, above 0 and below 1.
    every : int
        Number of steps from one replacement to the next.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or is out of its range.
    """

    fraction: float = 0.3
    every: int = 100

    forms: ClassVar[bool] = True
    move: ClassVar[Callable[..., float] | None] = staticmethod(langevin)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_fraction(self.fraction)
        check_integer("every", self.every, minimum=1, maximum=2**31 - 1)

    @property
    def replaces(self) -> tuple[float, int]:
        """The fraction of the weakest connections that is replaced, and the number of steps between replacements."""
        return self.fraction, self.every

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta against its gradient; in some steps, replace the weakest connections."""
        super().decide(connections, gradient)
        due = connections.steps_done % self.every == 0
        return Decision(_weakest(connections, self.fraction)) if due else Decision(births=0)


@dataclass(frozen=True)
class RigL(Rule):
    """The rigged lottery (Evci et al. 2020): replace the weakest connections where the gradient is largest.

    Parameters
    ----------
    fraction : float
        Fraction of connections replaced per step, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If the fraction is not a number in this range.

    Notes
    -----
    The signal ``site_gradient`` is dE/dw at every pair of neurons, connected or not: a dense matrix. Its sign does
    not matter, and entries at pairs that may not be connected have no effect.
    """

    fraction: float = 0.3

    signals: ClassVar[tuple[Signal, ...]] = (Signal("site_gradient", of="site"),)
    num_moments: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def decide(self, connections: Any, site_gradient: ArrayLike) -> Decision:
        """Eliminate the weakest connections and form as many where the gradient is largest."""
        c, weak = connections, _weakest(connections, self.fraction)
        number = len(weak) + c.missing
        size = np.full(c.num_pre * c.num_post, -1.0, np.float64)
        candidates = c.sites.all_keys()
        size[candidates] = np.abs(site_gradient).ravel()[candidates]
        size[np.delete(c.sites.keys(c.pre, c.post), weak)] = -1.0
        return Decision(weak, np.sort(_largest(c, size, weak, number)), wanted=number)


def _weakest(c: Any, fraction: float) -> NDArray[np.int32]:
    """Return the slots of the connections with the smallest weights, ascending."""
    return np.sort(np.argsort(np.abs(c.theta), kind="stable")[: int(fraction * len(c))]).astype(np.int32)


def _largest(c: Any, size: NDArray[np.float64], weak: NDArray[np.int32], number: int) -> NDArray[np.int64]:
    """Return the sites with the largest values >= 0, at most ``number`` and as many as degrees allow."""
    if not c.sites.degrees.limited:
        keys = np.argpartition(-size, number - 1)[:number] if number else np.empty(0, np.int64)
        return keys[size[keys] >= 0]
    keys = np.argsort(-size, kind="stable")
    keys = keys[size[keys] >= 0]
    fit, free = np.ones(len(keys), np.bool_), c.sites.degrees.free(c.pre, c.post, weak)
    # All of these sites are vacant, so only free degrees are tested, with an empty table.
    take_each(np.empty(0, np.int64), keys, c.num_post, True, *free, fit)
    return keys[fit][:number]


def _check_fraction(fraction: float) -> None:
    if check_number("fraction", fraction, above=0.0) >= 1.0:
        raise ValueError(f"fraction must be > 0 and < 1, got {fraction}.")
