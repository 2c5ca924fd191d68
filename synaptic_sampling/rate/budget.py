"""How many connections a layer is given."""

from __future__ import annotations

from synaptic_sampling._checks import check_integer, check_number

__all__ = ["check_budget"]


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
    return max(1, round(sites * check_number("connectivity", connectivity, above=0, maximum=1)))
