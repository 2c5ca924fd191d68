"""Connect neurons by an exact number of random connections."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Synapses, get_local_namespace
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_array, check_callable, check_flag, check_integer, check_number
from synaptic_sampling.brian import expressions, program, surgery
from synaptic_sampling.connections import Connections
from synaptic_sampling.sites import Condition

__all__ = ["allowed_pairs", "connect_exactly", "new_seed"]


def connect_exactly(
    synapses: Any,
    connections: int | None = None,
    *,
    connectivity: float | None = None,
    autapses: bool = False,
    candidates: str | ArrayLike | Condition | None = None,
    p: str | float | ArrayLike | Condition = 1.0,
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
    candidates : str, array_like or callable, optional
        Which pairs may be connected: a Brian2 string such as ``'abs(x_pre - x_post) < 200*um'``, an array of True
        and False, pairs, or a function of pre and post. All by default.
    p : str, number, array_like or callable
        With which a drawn pair is accepted: ``'exp(-abs(x_pre - x_post)/(100*um))'``.
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
    if not isinstance(synapses, Synapses):
        raise TypeError(f"synapses must be a Synapses object, got {synapses!r}.")
    if (connections is None) == (connectivity is None):
        raise TypeError("give either connections, a number, or connectivity, a share of the pairs.")
    if surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is connected already; connect it once, by connect_exactly alone.")
    num_pre, num_post, options = allowed_pairs(synapses, autapses, candidates, p, get_local_namespace(level=1))
    options["seed"] = new_seed() if seed is None else seed
    if connectivity is not None:
        share = check_number("connectivity", connectivity, above=0.0, maximum=1.0)
        pairs = Connections(num_pre, num_post, [], [], **options).num_sites
        connections = round(share * pairs)
        if not connections:
            raise ValueError(f"connectivity = {share:g} of {pairs} pairs is less than one connection; ask for more.")
    drawn = Connections.random(
        num_pre, num_post, check_integer("connections", connections, minimum=1, maximum=2**31 - 1), **options
    )
    # Ordered by presynaptic neuron: a spike then visits neighbours in memory.
    order = np.lexsort((drawn.post, drawn.pre))
    synapses.connect(i=drawn.pre[order], j=drawn.post[order])


def allowed_pairs(
    synapses: Any, autapses: bool, candidates: Any, p: Any, namespace: Any
) -> tuple[int, int, dict[str, Any]]:
    """Return the sizes of both groups, and what `Connections` is to be told of the pairs.

    Parameters
    ----------
    synapses : Synapses
        Between groups or subgroups.
    autapses : bool
        Whether a neuron may connect to itself.
    candidates, p : object
        As given by the user.
    namespace : dict
        What names in strings mean.

    Returns
    -------
    num_pre, num_post : int
        Numbers of neurons.
    options : dict
        Arguments of `Connections`.
    """
    check_flag("autapses", autapses)
    num_pre, num_post, diagonal = surgery.groups(synapses)
    options: dict[str, Any] = {} if diagonal is None else {"autapses": autapses, "diagonal": diagonal}
    if candidates is not None:
        text = isinstance(candidates, str)
        options["candidates"] = (
            expressions.PairExpression(synapses, candidates, np.bool_, namespace) if text else candidates
        )
    if isinstance(p, str):
        options["probability"] = expressions.PairExpression(synapses, p, np.float64, namespace)
    elif callable(p):
        check_callable("p", p)
        options["probability"] = p
    elif check_array("p", p).ndim:
        if np.shape(p) != (num_pre, num_post):
            raise ValueError(f"p must be one number, or have shape ({num_pre}, {num_post}), got {np.shape(p)}.")
        options["probability"] = p
    else:
        # One number for all makes no difference to which pairs are drawn.
        check_number("p", p, above=0.0, maximum=1.0)
    return num_pre, num_post, options


def new_seed() -> int:
    """Return a seed from NumPy's generator, which Brian2's ``seed`` governs; in standalone mode, from one like it.

    Returns
    -------
    int
        0 to 2**63 - 1.
    """
    generator = program.generator() if program.is_standalone() else np.random
    return int(generator.randint(2**63, dtype=np.uint64))
