"""How many connections a layer is given."""

from __future__ import annotations

import logging
from typing import Any

from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.connections.degrees import Degrees

__all__ = ["Limits", "check_budget", "warn_if_full"]

_log = logging.getLogger(__name__)


def check_budget(connectivity: float | None, connections: int | None, sites: int) -> int:
    """Return the number of connections, or raise an error.

    Parameters
    ----------
    connectivity : float or None
        Share of the sites, above 0 and at most 1.
    connections : int or None
        How many, instead.
    sites : int
        How many there could be.

    Returns
    -------
    int
        As given; or ``connectivity`` of the sites, rounded, at least 1.

    Raises
    ------
    TypeError, ValueError
        If not exactly one of both is given, or it is out of range.
    """
    if (connectivity is None) == (connections is None):
        raise TypeError("give either connectivity or connections.")
    if connections is not None:
        return check_integer("connections", connections, minimum=1, maximum=sites)
    fraction = check_number("connectivity", connectivity, above=0)
    if fraction > 1:
        raise ValueError(f"connectivity must be <= 1, got {fraction:g}; 5 % is 0.05.")
    return max(1, round(sites * fraction))


class Limits:
    """How many connections a neuron of a layer may have.

    Parameters
    ----------
    sizes : tuple of int
        Numbers of presynaptic and postsynaptic neurons.
    connections : int
        How many there are to be.
    max_in_degree, max_out_degree : int or array_like of int, optional
        See `Connections`.

    Attributes
    ----------
    options : dict
        For `Connections`, and for a layer of the same size.

    Raises
    ------
    TypeError, ValueError
        If a limit is of the wrong kind or shape, or the connections do not fit.
    """

    def __init__(
        self,
        sizes: tuple[int, int],
        connections: int,
        max_in_degree: ArrayLike | None,
        max_out_degree: ArrayLike | None,
    ) -> None:
        room = Degrees(*sizes, max_in_degree, max_out_degree).capacity
        self.options: dict[str, Any] = {"max_in_degree": max_in_degree, "max_out_degree": max_out_degree}
        if room is not None and connections > room:
            raise ValueError(
                f"{connections} connections do not fit, since{str(self)[1:]} leaves room for {room}; "
                "ask for fewer connections, a lower connectivity or a larger limit."
            )

    def __str__(self) -> str:
        return "".join(f", {name}={value}" for name, value in self.options.items() if value is not None)


def warn_if_full(layer: object, number: int, sites: int, dense: str) -> None:
    """Say so where a sparse layer has all connections.

    Parameters
    ----------
    layer : object
        Which.
    number, sites : int
        Connections, and how many there could be.
    dense : str
        What to take instead.
    """
    if number == sites:
        _log.warning("%s has every possible connection, so that nothing can rewire; use %s.", layer, dense)
