"""The number of connections of a layer, and limits on the degrees of its neurons."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.connections.degrees import Degrees

__all__ = ["Limits", "check_budget", "warn_if_dense"]

_log = logging.getLogger(__name__)

#: Fraction of the sites above which a step of a dense layer is faster, and number of sites from which it matters.
DENSE_IS_FASTER, LARGE = 0.25, 2**16


def check_budget(connectivity: float | None, connections: int | None, sites: int) -> int:
    """Return the number of connections, or raise an error unless exactly one of both arguments states it."""
    if (connectivity is None) == (connections is None):
        raise TypeError("give either connectivity or connections.")
    if connections is not None:
        return check_integer("connections", connections, minimum=1, maximum=sites)
    fraction = check_number("connectivity", connectivity, above=0)
    if fraction > 1:
        raise ValueError(f"connectivity must be <= 1, got {fraction:g}; 5 % is 0.05.")
    return max(1, round(sites * fraction))


class Limits:
    """Limits on the degrees of the neurons of a layer.

    Parameters
    ----------
    sizes : tuple of int
        Numbers of presynaptic and postsynaptic neurons.
    connections : int
        Number of connections, which must fit.
    max_in_degree, max_out_degree : int or array_like of int, optional
        See `Connections`.

    Attributes
    ----------
    options : dict
        Keyword arguments for `Connections` and for a layer of the same size.
    """

    def __init__(
        self,
        sizes: tuple[int, int],
        connections: int,
        max_in_degree: ArrayLike | None,
        max_out_degree: ArrayLike | None,
    ) -> None:
        capacity = Degrees(*sizes, max_in_degree, max_out_degree).capacity
        self.options: dict[str, Any] = {"max_in_degree": max_in_degree, "max_out_degree": max_out_degree}
        if capacity is not None and connections > capacity:
            raise ValueError(
                f"{connections} connections do not fit, since{str(self)[1:]} allows at most {capacity}; "
                "use fewer connections, a lower connectivity or a larger limit."
            )

    def __str__(self) -> str:
        return "".join(f", {name}={value}" for name, value in self.options.items() if value is not None)


def warn_if_dense(layer: object, number: int, sites: int, dense: str) -> None:
    """Warn if a sparse layer has all connections, or a large one so many that the dense layer to be named is faster."""
    if number == sites:
        _log.warning(
            "%s has every possible connection, so nothing can be rewired unless their number may fall, as with one "
            "budget for the network or under SoftDeepR; otherwise use %s.",
            layer,
            dense,
        )
    elif number > DENSE_IS_FASTER * sites and sites >= LARGE:
        _warn_once(type(layer).__name__, sites, dense)


@cache
def _warn_once(kind: str, sites: int, dense: str) -> None:
    """Warn that a dense layer is faster, for all layers of a size together."""
    _log.warning(
        "a %s with %d possible connections has more than %.0f %% of them; if they need not be rewired, use %s, which "
        "takes less time per step.",
        kind,
        sites,
        100 * DENSE_IS_FASTER,
        dense,
    )
