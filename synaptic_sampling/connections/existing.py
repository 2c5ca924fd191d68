"""K connections in K slots, and which sites are vacant; memory is proportional to K, not to the number of sites."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all, take_each
from synaptic_sampling.connections.completion import completed
from synaptic_sampling.connections.options import ConnectionOptions, sites_and_signs
from synaptic_sampling.connections.rewire import Decision, rewire, rewire_at
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.connections.slots import Slots, check_count
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import Stream

__all__ = ["Connections"]

#: Entries of the table of occupied sites per connection.
TABLE_FACTOR = 2.0
#: Factor by which the table is enlarged when it is too small.
GROWTH = 1.25


class Connections(Slots):
    """Connections between two groups of neurons, each in a slot of its own.

    A slot holds a presynaptic and a postsynaptic index, a parameter theta >= 0, a polarity +1 or -1, and the step
    in which the connection was formed; the weight is ``polarity * theta``. A new connection takes the slot of an
    eliminated one. No two slots hold the same pair, unless multapses are allowed.

    The number of connections is constant under `DeepR` and `replace`. Where it varies (`Budget`, or ``replace`` with
    another number of births), connections occupy the first slots without a gap: the last ones are relocated into
    slots that become free, and the arrays are views that are valid until the next such step.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (K,)
        Endpoints of the connections at the start.
    theta : array_like, shape (K,), optional
        Parameters at the start, >= 0; zeros by default.
    polarity : array_like of +1 and -1, shape (K,), optional
        Signs at the start; by default those given by ``signs``.
    capacity : int, optional
        Largest number of connections; by default the number at the start.
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.
    index : int
        Number of this set in a run with several sets, which draw different random numbers.
    dtype : float32 or float64
        Type of theta.
    **options
        ``signs`` and ``excitatory``, as in `Signs`; ``autapses``, ``diagonal``, ``candidates``, ``probability``,
        ``multapses``, ``max_in_degree`` and ``max_out_degree``, as in `Sites`.

    Attributes
    ----------
    sites : Sites
        Which pairs may be connected.
    signs : Signs
        The rule for the sign of new connections.
    steps_done : int
        Number of steps so far.
    birth_step : ndarray of int64, shape (K,)
        Step in which each connection was formed, 0 for those present at the start.
    moments : tuple of ndarray
        The optimizer's state of each connection.
    missing : int
        Number of connections that were eliminated but could not be replaced, which happens only with limits on
        degrees; every step tries again.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, if two connections share a pair, or if there are more
        connections than sites.
    """

    #: The hash set of occupied sites; not used with multapses.
    table: NDArray[np.int64]

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        pre: ArrayLike,
        post: ArrayLike,
        *,
        theta: ArrayLike | None = None,
        polarity: ArrayLike | None = None,
        capacity: int | None = None,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        sites, signs = sites_and_signs(type(self).__name__, num_pre, num_post, options, ConnectionOptions, seed, index)
        self.missing = 0
        number = check_array("pre", pre, "iu").size
        self.capacity = number if capacity is None else capacity
        check_integer("capacity", self.capacity, minimum=number, maximum=MAX_NEURONS)
        self._may_grow = capacity is None
        super().__init__(
            sites, signs, pre, post, theta=theta, polarity=polarity, smallest=0.0, seed=seed, index=index, dtype=dtype
        )

    @classmethod
    def random(cls, num_pre: int, num_post: int, connections: int, **options: Any) -> Connections:
        """Return exactly ``connections`` distinct connections, drawn at random.

        All sets of that size are equally likely, except with ``probability`` or limits on degrees: then one connection
        after the other is drawn from the sites that are free at that point, in proportion to their probabilities.

        Parameters
        ----------
        num_pre, num_post : int
            Numbers of neurons on both sides.
        connections : int
            Number of connections.
        **options
            Further arguments of the class; theta and polarity have shape (connections,).

        Returns
        -------
        Connections
            With the given theta, or 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong type or out of range, or if there are fewer sites than connections, or fewer
            connections are possible with these limits on degrees.

        Notes
        -----
        With limits on both degrees, the last neurons with free degrees may have no vacant site between them. Randomly
        chosen connections are then exchanged for others, as few as possible, until the number is reached.
        """
        of_each = {"theta", "polarity"}
        self = cls(num_pre, num_post, [], [], **{name: options[name] for name in options.keys() - of_each})
        check_integer("connections", connections, minimum=0, maximum=MAX_NEURONS)
        most = connections if self.sites.multapses else min(connections, self.num_pre * self.num_post)
        keys = self.draw_vacant(np.arange(most, dtype=np.int32), np.empty(0, np.int32), Stream.WIRING, 0)
        if self.sites.degrees.limits_both:
            keys = completed(self.sites, keys, connections, self.seed, self.index)
        if len(keys) < connections:
            room, hint = f"in {len(keys)} sites", "ask for fewer connections or a lower connectivity"
            if self.sites.degrees.limited:
                room = f"where allowed pairs and limits on degrees leave room for {len(keys)}"
                hint = "ask for fewer connections, a lower connectivity, or larger max_in_degree and max_out_degree"
            raise ValueError(f"{connections} connections do not fit {room}; {hint}.")
        return cls(num_pre, num_post, keys // self.num_post, keys % self.num_post, **options)

    def __repr__(self) -> str:
        return f"<{len(self)} connections from {self.num_pre} to {self.num_post} neurons>"

    @property
    def num_sites(self) -> int:
        """The number of pairs that may be connected."""
        return self.sites.number

    @property
    def weights(self) -> NDArray[Any]:
        """The weights polarity * theta, a new array."""
        return self.polarity * self.theta

    def active(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return for some slots whether the connection is active, which all are."""
        return np.ones(len(slots), np.bool_)

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Eliminate and form connections as decided by a rule."""
        if isinstance(decision.births, np.ndarray):
            return rewire_at(self, decision.deaths, decision.births, decision.wanted)
        return rewire(self, decision.deaths, decision.births)

    def live_state(self) -> dict[str, NDArray[Any]]:
        """Return what ``state`` returns, not copied: valid until the next step, and not checked."""
        return {**super().live_state(), "missing": np.array(self.missing)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state of connections created with the same arguments; their number may differ.

        Parameters
        ----------
        state : mapping of str to ndarray
            The result of ``state``.

        Raises
        ------
        ValueError
            If there are more connections than ``capacity``, or a pair may not be connected; nothing changes then.
        """
        super().restore(state)
        self.missing = int(state["missing"])

    def draw_vacant(
        self, slots: NDArray[np.int32], eliminated: NDArray[np.int32], stream: Stream, step: int
    ) -> NDArray[np.int64]:
        """Occupy a random vacant site for each slot; return the keys, fewer if no more sites are vacant."""
        occupied = len(self) - len(eliminated)
        self.reserve(occupied + len(slots), eliminated)
        address = np.uint64(step), self.stream(stream), *self.key
        free = self.sites.degrees.free(self.pre, self.post, eliminated)
        return self.sites.draw(slots, occupied, address, self.table, free)

    def take(
        self, keys: NDArray[np.int64], eliminated: NDArray[np.int32], chances: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Occupy proposed sites that are allowed, vacant and more probable than their ``chances``; return them."""
        self.reserve(len(self) - len(eliminated) + len(keys), eliminated)
        taken = self.sites.accepts(keys, chances)
        free = self.sites.degrees.free(self.pre, self.post, eliminated)
        take_each(self.table, keys, self.num_post, self.sites.multapses, *free, taken)
        return keys[taken]

    def reserve(self, number: int, eliminated: NDArray[np.int32]) -> None:
        """Enlarge the table of occupied sites where it is too small for a number of connections."""
        if not self.sites.multapses and len(self.table) < _table_size(number):
            keys = np.delete(self.sites.keys(self.pre, self.post), eliminated)
            self.table = _table_with(keys, int(GROWTH * number))[0]

    def allow(self, number: int) -> None:
        """Raise the capacity to ``number``, unless the user gave a capacity."""
        if self._may_grow:
            self.capacity = max(self.capacity, number)

    def close(self, gaps: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Remove slots by relocating the last connections into them; return the slots left and their new slots."""
        number = len(self) - len(gaps)
        new, stays = gaps[gaps < number], np.ones(len(gaps), np.bool_)
        stays[gaps[gaps >= number] - number] = False
        old = (number + np.flatnonzero(stays)).astype(np.int32)
        self._columns.relocate(old, new)
        self._columns.resize(number)
        return old, new

    def _check_number(self, number: int) -> None:
        """Raise an error for a state with more connections than the capacity."""
        if number > self.capacity:
            raise ValueError(f"the state holds {number} connections, but the capacity is {self.capacity}.")

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless ``restore`` accepts this state and a run can continue from it; changes nothing."""
        super().check_state(state)
        check_count("missing", state["missing"], MAX_NEURONS)

    def _check_wiring(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Raise the error that ``_wire`` would raise; changes nothing."""
        self._table_for(pre, post)
        super()._check_wiring(pre, post)

    def _wire(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Replace all endpoints, and build the table of occupied sites."""
        table = self._table_for(pre, post)
        super()._wire(pre, post)
        self.table = table

    def _table_for(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the table of occupied sites, unless a neuron has too many connections or a pair occurs twice."""
        self.sites.degrees.check(pre, post)
        occupied = self.sites.keys(pre, post) if not self.sites.multapses else np.empty(0, np.int64)
        table, k = _table_with(occupied, len(occupied))
        if k >= 0:
            raise ValueError(
                f"connection {k} ({pre[k]} -> {post[k]}) exists twice; give each pair at most once, "
                "or allow them by multapses=True."
            )
        return table


def _table_size(connections: int) -> int:
    # At least one entry always stays empty, which ends every search.
    return math.ceil(TABLE_FACTOR * connections) + 1


def _table_with(keys: NDArray[np.int64], capacity: int) -> tuple[NDArray[np.int64], int]:
    """Return a table of occupied sites for ``capacity`` keys, and the index of the first repeated key, or -1."""
    table = np.full(_table_size(capacity), EMPTY)
    return table, int(insert_all(table, keys))
