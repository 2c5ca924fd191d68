"""How a network stores the connections of its sparse layers, which follows from its rule."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.connections import Budget, Connections, PotentialConnections, Sites, SoftConnections
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.connections.soft import SMALLEST_DEPTH
from synaptic_sampling.randomness import Stream, normals, uniforms
from synaptic_sampling.rate.layers.parameters import SparseParameter
from synaptic_sampling.rules.base import Rule

__all__ = ["Signs", "Storage", "kind_of"]

Signs = str | int | ArrayLike

_log = logging.getLogger(__name__)

#: Kinds of connections in order of preference: those that need less memory first.
KINDS = (Connections, SoftConnections, PotentialConnections)
BUDGETS = ("layer", "network")
#: Options of `Connections` that other kinds do not have.
LIMITS = ("max_in_degree", "max_out_degree")


def kind_of(rule: Any) -> type | None:
    """Return the kind of connections that a network uses for a rule, None if there is none."""
    return next((kind for kind in KINDS if kind in getattr(rule, "storage", ())), None)


@dataclass(frozen=True)
class Storage:
    """What the layers of a network have in common when they draw their connections.

    Parameters
    ----------
    rule : Rule
        The first rule of the network.
    signs : str, int or array_like
        Signs of connections, see `Connections`.
    depth : float, optional
        See `SoftConnections`, whose default it has.
    capacity : int, optional
        Largest number of slots in each layer with `SoftConnections`.
    """

    rule: Rule
    signs: Signs = "site"
    depth: float | None = None
    capacity: int | None = None

    def __post_init__(self) -> None:
        for name in ("depth", "capacity"):
            if getattr(self, name) is not None and kind_of(self.rule) is not SoftConnections:
                raise ValueError(
                    f"{name} applies to rules such as SoftDeepR, under which the number of connections varies; leave "
                    f"it out for {type(self.rule).__name__}."
                )
        if self.depth is not None:
            check_number("depth", self.depth, minimum=SMALLEST_DEPTH)
        if self.capacity is not None:
            check_integer("capacity", self.capacity, minimum=1, maximum=MAX_NEURONS)

    def shared(self, budget: Any, sets: Sequence[Any]) -> Budget | None:
        """Return the budget that all sets share, None if each has its own, or raise an error if they cannot."""
        if not isinstance(budget, str) or budget not in BUDGETS:
            raise ValueError(f"budget must be 'layer' or 'network', got {budget!r}.")
        if budget == "network" and kind_of(self.rule) is not Connections:
            raise ValueError(
                f"budget must be 'layer' for {type(self.rule).__name__}, whose number of connections varies."
            )
        if budget == "network" and not sets:
            raise ValueError("budget must be 'layer' in a network without sparse layers, got 'network'.")
        return Budget(sets) if budget == "network" else None

    def check_rule(self, rule: Rule, sets: Sequence[Any]) -> None:
        """Raise an error unless another rule can change the connections that were drawn for the first one."""
        kind, own = kind_of(rule), kind_of(self.rule)
        if sets and kind is not own:
            raise ValueError(
                f"rule must act on {getattr(own, '__name__', own)} as {type(self.rule).__name__} does, got "
                f"{rule!r}; make a new network for it."
            )
        for c in sets:
            c.check_rule(rule)

    def draw(
        self, num_pre: int, num_post: int, number: int, scale: float, *, seed: int, index: int, **options: Any
    ) -> SparseParameter:
        """Return random connections, with weights |N(0, scale**2)| unless the rule says otherwise.

        Parameters
        ----------
        num_pre, num_post : int
            Numbers of neurons on both sides.
        number : int
            Number of active connections; see `Connections.random`.
        scale : float
            Standard deviation of the weights, as if they had either sign.
        seed, index : int
            Key of all random numbers, and number of the layer.
        **options
            ``candidates``, ``max_in_degree``, ``max_out_degree``, as in `Connections`.

        Returns
        -------
        SparseParameter
            Of the kind of connections on which the rule acts.
        """
        options |= {"signs": self.signs, "seed": seed, "index": index, "dtype": np.float32}
        make: Mapping[Any, Callable[..., Any]] = {
            Connections: self._existing,
            SoftConnections: self._soft,
            PotentialConnections: self._potential,
        }
        kind = kind_of(self.rule)
        if kind is not Connections:
            options = self._without_limits(options)
        return SparseParameter(make[kind]((num_pre, num_post, number), scale, options), self.rule)

    def _without_limits(self, options: dict[str, Any]) -> dict[str, Any]:
        for name in LIMITS:
            if options.pop(name, None) is not None:
                raise ValueError(f"{name} does not apply to {type(self.rule).__name__}; leave it out.")
        return options

    @staticmethod
    def _existing(sizes: tuple[int, int, int], scale: float, options: dict[str, Any]) -> Connections:
        c = Connections.random(*sizes, **options)
        c.theta[:] = _half_normal(sizes[2], scale, options)
        return c

    def _soft(self, sizes: tuple[int, int, int], scale: float, options: dict[str, Any]) -> SoftConnections:
        theta = _half_normal(sizes[2], scale, options)
        options |= {"rule": self.rule, "capacity": self.capacity, "theta": theta}
        if self.depth is not None:
            options["depth"] = self.depth
        c = SoftConnections.random(*sizes, **options)
        if c.threshold == -math.inf:
            _log.warning(
                "every site of layer %d has a slot of its own, since theta_min of %s is less than %g times the noise "
                "below 0; a smaller connectivity of the rule or a smaller depth spares most of them.",
                options["index"], self.rule, c.depth,
            )  # fmt: skip
        return c

    def _potential(self, sizes: tuple[int, int, int], scale: float, options: dict[str, Any]) -> PotentialConnections:
        drawn = Connections.random(*sizes, **options)
        candidates = options.pop("candidates", None)
        keys = Sites(*sizes[:2], candidates=candidates).all_keys()
        active = np.isin(keys, drawn.sites.keys(drawn.pre, drawn.post), assume_unique=True)
        quantile = uniforms(options["seed"], Stream.THETA, 0, len(keys), options["index"])
        theta = self.rule.initial_theta(active, quantile, scale)
        return PotentialConnections(*sizes[:2], *np.divmod(keys, sizes[1]), theta=theta, **options)


def _half_normal(number: int, scale: float, options: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return weights at the start without their sign."""
    draws = normals(options["seed"], Stream.THETA, 0, number, options["index"])
    return np.multiply(scale, np.abs(draws, out=draws), out=draws)
