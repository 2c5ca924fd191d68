"""Prune and regrow: connections are eliminated where a condition holds, and as many are formed at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.connections.budget import Budget
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules.base import Decision, Rule, Signal
from synaptic_sampling.rules.stepping import step

__all__ = ["PruneAndRegrow", "replace"]


@dataclass(frozen=True)
class PruneAndRegrow(Rule):
    """Structural plasticity without a gradient: prune where a condition holds; regrow as many at random, or none.

    Parameters
    ----------
    condition : str, optional
        Which connections are eliminated: an expression of synaptic variables such as ``'w < 0.02'``, for `Rewiring`.
        ``step`` takes the values of the condition as the signal ``condition`` instead.
    regrow : bool
        Whether as many connections are formed as are eliminated.

    Raises
    ------
    TypeError
        If the condition is not a string, or ``regrow`` is not True or False.
    ValueError
        If the condition is empty.
    """

    condition: str | None = None
    regrow: bool = True

    signals: ClassVar[tuple[Signal, ...]] = (Signal("condition", condition=True),)
    has_theta: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.condition is not None and not isinstance(self.condition, str):
            raise TypeError(f"condition must be a string such as 'w < 0.02', got {self.condition!r}.")
        if self.condition is not None and not self.condition.strip():
            raise ValueError("condition must not be empty, got an empty string; write for example 'w < 0.02'.")
        if not isinstance(self.regrow, bool):
            raise TypeError(f"regrow must be True or False, got {self.regrow!r}.")

    @property
    def keeps_number(self) -> bool:
        """Whether as many connections are formed as are eliminated."""
        return self.regrow

    @property
    def forms(self) -> bool:
        """Whether the rule ever forms connections."""
        return self.regrow

    def decide(self, connections: Any, condition: NDArray[np.bool_]) -> Decision:
        """Eliminate the connections for which the condition holds; form as many, or none."""
        return Decision(np.flatnonzero(condition).astype(np.int32), None if self.regrow else 0)


def replace(connections: Any, retract: Any, births: int | None = None) -> RewiringInfo:
    """Eliminate chosen connections and form others at vacant sites; theta of the rest does not change.

    Parameters
    ----------
    connections : Connections or Budget
        Changed in place.
    retract : ndarray of bool, shape (K,)
        Which connections are eliminated; for a `Budget`, a list of such arrays.
    births : int, optional
        Number of connections formed in one set, at most as many as its capacity allows; by default as many as are
        eliminated. Any other value changes the number of connections.

    Returns
    -------
    RewiringInfo
        Which connections were eliminated and formed.

    Raises
    ------
    TypeError, ValueError
        If ``retract`` has the wrong type or shape, or ``births`` is given for a budget; nothing changes then.
    """
    if births is not None and isinstance(connections, Budget):
        raise ValueError("births must not be given for a Budget, whose number of connections is fixed.")
    if births is not None:
        check_integer("births", births, minimum=0, maximum=MAX_NEURONS)
    return step(connections, _Replacement(births), retract=retract)


@dataclass(frozen=True)
class _Replacement(Rule):
    """The rule behind ``replace``: the user decides."""

    births: int | None
    signals: ClassVar[tuple[Signal, ...]] = (Signal("retract", condition=True),)
    has_theta: ClassVar[bool] = False
    keeps_number: ClassVar[bool] = True

    def decide(self, connections: Any, retract: NDArray[np.bool_]) -> Decision:
        """Return the decision of the user."""
        return Decision(np.flatnonzero(retract).astype(np.int32), self.births)
