"""Connect neurons with an exact number of random connections."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from brian2 import Synapses, get_local_namespace
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_array, check_callable, check_flag, check_integer, check_number
from synaptic_sampling.brian.expressions import PairExpression
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.pairs import ProgramPairExpression
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.sites import PairFunction

__all__ = ["Pairs", "allowed_pairs", "connect_exactly", "new_seed"]


class Pairs(NamedTuple):
    """Which pairs of neurons may be connected, as given by the user; see `Rewiring`."""

    autapses: Any
    candidates: Any
    p: Any


def connect_exactly(
    synapses: Any,
    connections: int | None = None,
    *,
    connectivity: float | None = None,
    autapses: bool = False,
    candidates: str | ArrayLike | PairFunction | None = None,
    p: str | float | ArrayLike | PairFunction = 1.0,
    seed: int | None = None,
) -> None:
    """Connect an exact number of distinct random pairs.

    All sets of this size are equally likely; with ``p``, one pair after the other is drawn from those that are left, in
    proportion to ``p``. Brian2's ``connect(p=...)`` makes a random number of connections, whereas DEEP R keeps a fixed
    number.

    Parameters
    ----------
    synapses : Synapses
        Without connections so far.
    connections : int, optional
        Number of connections; or give ``connectivity``.
    connectivity : float, optional
        Fraction of the possible pairs, above 0 and at most 1; the number is rounded.
    autapses : bool
        Whether a neuron may connect to itself, where both sides are the same neurons.
    candidates : str, array_like or callable, optional
        Which pairs may be connected: a Brian2 string such as ``'abs(x_pre - x_post) < 200*um'``, an array of True
        and False, pairs, or a function of pre and post. All by default.
    p : str, number, array_like or callable
        Probability with which a drawn pair is accepted: ``'exp(-abs(x_pre - x_post)/(100*um))'``.
    seed : int, optional
        0 to 2**64 - 1; by default drawn from NumPy's generator, which Brian2's ``seed`` controls.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range, if there are fewer pairs than connections, or if the
        synapses are connected already.
    NotImplementedError
        In C++ standalone mode, if a string refers to values that only the program knows.

    Examples
    --------
    >>> connect_exactly(S, connections=1000)  # doctest: +SKIP
    """
    if not isinstance(synapses, Synapses):
        raise TypeError(f"synapses must be a Synapses object, got {synapses!r}.")
    if (connections is None) == (connectivity is None):
        raise TypeError(
            "give either connections, a number, or connectivity, a fraction of the pairs; "
            f"got connections={connections!r} and connectivity={connectivity!r}."
        )
    if surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is connected already; call connect_exactly once, instead of connect().")
    num_pre, num_post, options = allowed_pairs(synapses, Pairs(autapses, candidates, p), get_local_namespace(level=1))
    options["seed"] = new_seed() if seed is None else seed
    if connectivity is not None:
        fraction = check_number("connectivity", connectivity, above=0.0, maximum=1.0)
        pairs = Connections(num_pre, num_post, [], [], **options).num_sites
        connections = round(fraction * pairs)
        if not connections:
            raise ValueError(
                f"connectivity must give at least one connection, got {fraction:g} of {pairs} pairs; increase it."
            )
    drawn = Connections.random(
        num_pre, num_post, check_integer("connections", connections, minimum=1, maximum=2**31 - 1), **options
    )
    # Sorted by presynaptic neuron: the synapses that a spike reaches are then adjacent in memory.
    order = np.lexsort((drawn.post, drawn.pre))
    synapses.connect(i=drawn.pre[order], j=drawn.post[order])


def allowed_pairs(synapses: Any, pairs: Pairs, namespace: Any) -> tuple[int, int, dict[str, Any]]:
    """Return the sizes of both groups, and the arguments of `Connections` that describe the allowed pairs."""
    autapses, candidates, p = pairs
    check_flag("autapses", autapses)
    num_pre, num_post, diagonal = surgery.groups(synapses)
    options: dict[str, Any] = {} if diagonal is None else {"autapses": autapses, "diagonal": diagonal}
    expression: Any = ProgramPairExpression if program.is_standalone() else PairExpression
    if candidates is not None:
        text = isinstance(candidates, str)
        options["candidates"] = expression(synapses, candidates, np.bool_, namespace) if text else candidates
    if isinstance(p, str):
        options["probability"] = expression(synapses, p, np.float64, namespace)
    elif callable(p):
        check_callable("p", p)
        options["probability"] = p
    elif check_array("p", p).ndim:
        if np.shape(p) != (num_pre, num_post):
            raise ValueError(f"p must be one number, or have shape ({num_pre}, {num_post}), got {np.shape(p)}.")
        options["probability"] = p
    else:
        # The same probability for all pairs does not affect which pairs are drawn.
        check_number("p", p, above=0.0, maximum=1.0)
    return num_pre, num_post, options


def new_seed() -> int:
    """Return a seed from NumPy's generator, which Brian2's ``seed`` controls; in standalone mode, from an equal one."""
    generator = program.generator() if program.is_standalone() else np.random
    return int(generator.randint(2**63, dtype=np.uint64))
