"""Rules that eliminate the weakest connections: SET and RigL, the baselines of sparse training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_number
from synaptic_sampling.rules.base import Decision, Rule, Signal

__all__ = ["SET", "RigL"]


@dataclass(frozen=True)
class SET(Rule):
    """Sparse evolutionary training (Mocanu et al. 2018): the weakest connections move to random sites.

    Parameters
    ----------
    fraction : float
        Fraction of the connections that is replaced in a step, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If the fraction is not a number in this range.

    Notes
    -----
    New connections have weight 0 rather than, as published, a random one, which disturbs a trained network.
    """

    fraction: float = 0.3

    num_moments: ClassVar[None] = None  # type: ignore[assignment]
    shares_budget: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def decide(self, connections: Any) -> Decision:
        """Eliminate the weakest connections and form as many at random sites.

        Parameters
        ----------
        connections : Connections
            One set.

        Returns
        -------
        Decision
            The number of connections stays the same.
        """
        return Decision(_weakest(connections, self.fraction))


@dataclass(frozen=True)
class RigL(Rule):
    """The rigged lottery (Evci et al. 2020): the weakest connections move to where the gradient is largest.

    Parameters
    ----------
    fraction : float
        Fraction of the connections that is replaced in a step, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If the fraction is not a number in this range.

    Notes
    -----
    The signal ``site_gradient`` is dE/dw at every pair of neurons, whether connected or not: a dense matrix. Its
    sign does not matter. Entries at pairs that may not be connected must be NaN-free; such pairs are never chosen.
    """

    fraction: float = 0.3

    signals: ClassVar[tuple[Signal, ...]] = (Signal("site_gradient", of="site"),)
    num_moments: ClassVar[None] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def decide(self, connections: Any, site_gradient: ArrayLike) -> Decision:
        """Eliminate the weakest connections and form as many where the gradient is largest.

        Parameters
        ----------
        connections : Connections
            One set.
        site_gradient : array_like, shape (num_pre, num_post)
            dE/dw at every site.

        Returns
        -------
        Decision
            At which sites connections are formed.
        """
        c, weak = connections, _weakest(connections, self.fraction)
        size = np.abs(site_gradient).ravel()
        candidates = c.sites.all_keys()
        allowed = np.zeros(len(size), np.bool_)
        allowed[candidates] = True
        allowed[np.delete(c.sites.keys(c.pre, c.post), weak)] = False
        size = np.where(allowed, size, -1.0)
        best = np.argpartition(-size, len(weak) - 1)[: len(weak)] if len(weak) else np.empty(0, np.int64)
        return Decision(weak, np.sort(best[allowed[best]]))


def _weakest(c: Any, fraction: float) -> NDArray[np.int32]:
    """Return the slots of the connections with the smallest weights, ascending."""
    return np.sort(np.argsort(np.abs(c.theta), kind="stable")[: int(fraction * len(c))]).astype(np.int32)


def _check_fraction(fraction: float) -> None:
    if check_number("fraction", fraction, above=0.0) >= 1.0:
        raise ValueError(f"fraction must be < 1, got {fraction}.")
