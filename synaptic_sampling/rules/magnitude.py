"""Rules that eliminate the weakest connections: SET and RigL, baselines of sparse training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels.langevin import langevin
from synaptic_sampling._kernels.vacancy import take_each
from synaptic_sampling.rules.base import Decision, Replacement, Rule, Signal
from synaptic_sampling.rules.fixed import FixedWiring

__all__ = ["SET", "RigL", "RigLDescent", "SETDescent"]


#: dE/dw at every pair of neurons.
SITE_GRADIENT = Signal("site_gradient", of="site", accumulated=True)

#: Makes up for rounding where a fraction of the connections is a whole number: 0.29*100 is 28.999999999999996.
ROUNDED = 1.0 + 1e-12


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
    until : int, optional
        Step from which on nothing is replaced; until then, the fraction decreases from ``fraction`` to 0 as half a
        cosine (Evci et al. 2020). By default it stays the same.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or is out of its range.
    """

    fraction: float = 0.3
    every: int = 100
    until: int | None = None

    forms: ClassVar[bool] = True
    move: ClassVar[Callable[..., float] | None] = staticmethod(langevin)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_fraction(self.fraction)
        check_integer("every", self.every, minimum=1, maximum=2**31 - 1)
        if self.until is not None:
            check_integer("until", self.until, minimum=1, maximum=2**31 - 1)

    @property
    def replaces(self) -> Replacement:
        """Which fraction of the weakest connections is replaced in which steps."""
        return Replacement(self.every, _fractions(self.fraction, self.every, self.until))

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Move theta against its gradient; in some steps, replace the weakest connections."""
        super().decide(connections, gradient)
        fraction = self.replaces.fraction_in(connections.steps_done)
        return Decision(_weakest(connections, fraction)) if fraction else Decision(births=0)


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
    not matter, and entries at pairs that may not be connected have no effect. Of equal gradients, those of the first
    presynaptic neurons come first, and among these those of the first postsynaptic neurons.
    """

    fraction: float = 0.3

    signals: ClassVar[tuple[Signal, ...]] = (SITE_GRADIENT,)

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def decide(self, connections: Any, site_gradient: ArrayLike) -> Decision:
        """Eliminate the weakest connections and form as many where the gradient is largest."""
        return _move_to_largest(connections, _weakest(connections, self.fraction), site_gradient)


@dataclass(frozen=True)
class RigLDescent(SETDescent):
    """Gradient descent that moves the weakest connections from time to time to the largest gradients, by `RigL`.

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
    until : int, optional
        Step from which on nothing is replaced; until then, the fraction decreases from ``fraction`` to 0 as half a
        cosine (Evci et al. 2020). By default it stays the same.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or is out of its range.

    Notes
    -----
    The signal ``site_gradient`` is that of `RigL`, summed over what came before this step, as ``gradient`` is. It has
    an effect in every n-th step only; any other matrix of numbers will do in between. Weights are also updated in the
    steps that replace connections, unlike in the paper.
    """

    signals: ClassVar[tuple[Signal, ...]] = (*FixedWiring.signals, SITE_GRADIENT)
    move: ClassVar[Callable[..., float] | None] = staticmethod(langevin)

    def decide(  # type: ignore[override]
        self, connections: Any, gradient: NDArray[Any], site_gradient: ArrayLike
    ) -> Decision:
        """Move theta against its gradient; in some steps, move the weakest connections to the largest gradients."""
        decision = super().decide(connections, gradient)
        if decision.births is not None:  # Nothing is due.
            return decision
        return _move_to_largest(connections, decision.deaths, site_gradient)


def _move_to_largest(c: Any, weak: NDArray[np.int32], site_gradient: ArrayLike) -> Decision:
    """Eliminate connections and form as many where the gradient is largest."""
    number = len(weak) + c.missing
    size = np.full(c.num_pre * c.num_post, -1.0)
    candidates = c.sites.all_keys()
    size[candidates] = np.abs(site_gradient).ravel()[candidates]
    size[np.delete(c.sites.keys(c.pre, c.post), weak)] = -1.0
    return Decision(weak, np.sort(_largest(c, size, weak, number)), wanted=number)


def _weakest(c: Any, fraction: float) -> NDArray[np.int32]:
    """Return the slots of the connections with the smallest weights, ascending."""
    number = int(fraction * len(c) * ROUNDED)
    return np.sort(np.argsort(np.abs(c.theta), kind="stable")[:number]).astype(np.int32)


def _largest(c: Any, size: NDArray[np.float64], weak: NDArray[np.int32], number: int) -> NDArray[np.int64]:
    """Return the sites with the largest values >= 0, at most ``number`` and as many as degrees allow."""
    if not c.sites.degrees.limited:
        return _first_largest(size, number)
    keys = np.argsort(-size, kind="stable")
    keys = keys[size[keys] >= 0]
    fit, free = np.ones(len(keys), np.bool_), c.sites.degrees.free(c.pre, c.post, weak)
    # All of these sites are vacant, so only free degrees are tested, with an empty table.
    take_each(np.empty(0, np.int64), keys, c.num_post, True, *free, fit)
    return keys[fit][:number]


def _first_largest(size: NDArray[np.float64], number: int) -> NDArray[np.int64]:
    """Return the indices of the largest values >= 0; of equal ones, the first."""
    number = min(number, len(size))
    if not number:
        return np.empty(0, np.int64)
    last = np.partition(size, -number)[-number]
    above, equal = np.flatnonzero(size > last), np.flatnonzero(size == last)
    return np.concatenate([above, equal[: number - len(above)]]) if last >= 0 else np.flatnonzero(size >= 0)


@lru_cache(maxsize=16)
def _fractions(fraction: float, every: int, until: int | None) -> tuple[float, ...]:
    """Return the fraction of each replacement: constant, or half a cosine that reaches 0 at the step ``until``."""
    if until is None:
        return (float(fraction),)
    steps = range(every, until, every)
    return (*(fraction / 2 * (1 + math.cos(math.pi * step / until)) for step in steps), 0.0)


def _check_fraction(fraction: float) -> None:
    if check_number("fraction", fraction, above=0.0) >= 1.0:
        raise ValueError(f"fraction must be > 0 and < 1, got {fraction}.")
