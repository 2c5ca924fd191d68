"""Connect neurons by an exact number of random connections."""

from __future__ import annotations

from typing import Any

import numpy as np

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.brian import surgery
from synaptic_sampling.connections import Connections

__all__ = ["connect_exactly", "new_seed"]


def connect_exactly(
    synapses: Any,
    connections: int | None = None,
    *,
    connectivity: float | None = None,
    autapses: bool = False,
    seed: int | None = None,
) -> None:
    """Connect distinct random pairs, exactly so many, all sets of that size equally likely.

    Brian2's ``connect(p=...)`` makes a random number of connections; DEEP R has a budget.

    Parameters
    ----------
    synapses : Synapses
        Without connections so far.
    connections : int, optional
        How many; or give ``connectivity``.
    connectivity : float, optional
        Share of the possible pairs, above 0 and at most 1; the number is rounded.
    autapses : bool
        Whether a neuron may connect to itself, where both sides are the same neurons.
    seed : int, optional
        0 to 2**64 - 1; by default drawn from NumPy's generator, which Brian2's ``seed`` governs.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, if there are fewer pairs than connections, or if the
        synapses are connected already.

    Examples
    --------
    >>> connect_exactly(S, connections=1000)  # doctest: +SKIP
    """
    if (connections is None) == (connectivity is None):
        raise TypeError("give either connections, a number, or connectivity, a share of the pairs.")
    if surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is connected already; connect it once, by connect_exactly alone.")
    num_pre, num_post, diagonal = surgery.sites(synapses)
    options: dict[str, Any] = {"seed": new_seed() if seed is None else seed}
    if diagonal is not None:
        options.update(autapses=autapses, diagonal=diagonal)
    if connectivity is not None:
        share = check_number("connectivity", connectivity, above=0.0, maximum=1.0)
        connections = round(share * Connections(num_pre, num_post, [], [], **options).num_sites)
    drawn = Connections.random(
        num_pre, num_post, check_integer("connections", connections, minimum=1, maximum=2**31 - 1), **options
    )
    # Ordered by presynaptic neuron: a spike then visits neighbours in memory.
    order = np.lexsort((drawn.post, drawn.pre))
    synapses.connect(i=drawn.pre[order], j=drawn.post[order])


def new_seed() -> int:
    """Return a seed from NumPy's generator, which Brian2's ``seed`` governs.

    Returns
    -------
    int
        0 to 2**63 - 1.
    """
    return int(np.random.randint(2**63, dtype=np.uint64))  # noqa: NPY002 (Brian2 seeds this one)
