"""K connections in K slots, and which sites are vacant; memory in proportion to K, never to all sites."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all, take_each
from synaptic_sampling.connections.rewire import Decision, rewire, rewire_at
from synaptic_sampling.connections.sites import MAX_NEURONS, Condition, Sites
from synaptic_sampling.connections.slots import Slots, check_count
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import Stream, uniforms

__all__ = ["Connections"]

#: Places in the table of occupied sites, per connection.
TABLE_FACTOR = 2.0
#: By how much the table is enlarged where it is too small.
GROWTH = 1.25


class Connections(Slots):
    """Connections between two groups of neurons, each in a slot of its own.

    A slot holds a presynaptic and a postsynaptic index, a parameter theta >= 0, a polarity +1 or -1, and the step
    of birth; the weight is ``polarity * theta``. When a connection dies, the newborn takes its slot. No two slots
    hold the same pair, unless multapses are allowed.

    The number of connections stays the same under `DeepR` and `replace`. Where it varies (`Budget`, or ``replace``
    with another number of births), connections stand in the first slots without a gap: the last ones move into slots
    that become free, and the arrays are views that are good until the next such step.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (K,)
        Endpoints of the connections at the start.
    theta : array_like, shape (K,), optional
        Parameters at the start, >= 0; zeros by default.
    polarity : array_like of +1 and -1, shape (K,), optional
        Signs at the start; by default those that ``signs`` gives.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        Sign of a newborn connection. 'site': drawn once for ever for each pair, by a keyed hash, without memory
        (the paper's rule). 'presynaptic': drawn once for each presynaptic neuron (Dale's law). 'redrawn': drawn at
        each birth. +1 or -1: the same for all. An array of +1 and -1, shape (num_pre,) or (num_pre, num_post): given.
    excitatory : float
        Probability of +1 where signs are drawn.
    autapses : bool
        Whether a neuron may connect to itself; to be False only where pre and post are the same neurons.
    diagonal : int
        With ``autapses=False``: the pair (i, i + diagonal) is the same neuron (0 unless the groups are shifted parts
        of one group).
    candidates : array_like or callable, optional
        Which pairs may be connected: an array of True and False, shape (num_pre, num_post); pairs, shape (n, 2); or
        a function of arrays pre, post that always answers the same. All by default.
    probability : array_like or callable, optional
        With which a drawn pair is accepted, 0 to 1: births are in proportion to it. An array of shape
        (num_pre, num_post), or a function of arrays pre, post. Functions that accept few pairs are asked about all of
        them once; see `Sites`.
    multapses : bool
        Whether two connections may share a pair. Each newborn then draws from all pairs.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The most connections that any postsynaptic, presynaptic neuron may have, or each of them, as on neuromorphic
        chips. Each newborn draws from the pairs that are still free when its turn comes.
    capacity : int, optional
        The most connections there may ever be; by default as many as at the start.
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.
    index : int
        Number of this set among those of one run; sets draw different random numbers.
    dtype : float32 or float64
        Type of theta.

    Attributes
    ----------
    sites : Sites
        Which pairs may be connected.
    steps_done : int
        Steps so far.
    birth_step : ndarray of int64, shape (K,)
        Step in which each connection was born, 0 for the first ones.
    moments : tuple of ndarray
        What the optimizer remembers of each connection.
    missing : int
        Connections that died and found no place to be born again, which needs limits on degrees; they try again in
        every step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, if two connections share a pair, or if there are more
        of them than sites.
    """

    #: The occupied sites, of no use with multapses.
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
        signs: str | int | ArrayLike = "site",
        excitatory: float = 0.5,
        autapses: bool = True,
        diagonal: int = 0,
        candidates: ArrayLike | Condition | None = None,
        probability: ArrayLike | Condition | None = None,
        multapses: bool = False,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        capacity: int | None = None,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        sites = Sites(
            num_pre,
            num_post,
            autapses=autapses,
            diagonal=diagonal,
            candidates=candidates,
            probability=probability,
            multapses=multapses,
            max_in_degree=max_in_degree,
            max_out_degree=max_out_degree,
        )
        self.missing = 0
        number = check_array("pre", pre, "iu").size
        self.capacity = number if capacity is None else capacity
        check_integer("capacity", self.capacity, minimum=number, maximum=MAX_NEURONS)
        self._may_grow = capacity is None
        super().__init__(
            sites,
            pre,
            post,
            theta=theta,
            polarity=polarity,
            smallest=0.0,
            signs=signs,
            excitatory=excitatory,
            seed=seed,
            index=index,
            dtype=dtype,
        )

    @classmethod
    def random(cls, num_pre: int, num_post: int, connections: int, **options: Any) -> Connections:
        """Return exactly ``connections`` distinct connections, all sets of that size equally likely.

        Parameters
        ----------
        num_pre, num_post : int
            Numbers of neurons on both sides.
        connections : int
            How many.
        **options
            Further arguments of the class.

        Returns
        -------
        Connections
            With theta = 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or out of range, or if there are fewer sites than connections.
        """
        self = cls(num_pre, num_post, [], [], **options)
        check_integer("connections", connections, minimum=0, maximum=MAX_NEURONS)
        room = connections if self.sites.multapses else min(connections, self.num_pre * self.num_post)
        keys = self.draw_vacant(np.arange(room, dtype=np.int32), np.empty(0, np.int32), Stream.WIRING, 0)
        if len(keys) < connections:
            limits = " or larger max_in_degree and max_out_degree" if self.sites.degrees.limited else ""
            raise ValueError(
                f"{connections} connections do not fit in {len(keys)} sites; "
                f"ask for fewer connections or a lower connectivity{limits}."
            )
        return cls(num_pre, num_post, keys // self.num_post, keys % self.num_post, **options)

    def __repr__(self) -> str:
        return f"<{len(self)} connections from {self.num_pre} to {self.num_post} neurons>"

    @property
    def num_sites(self) -> int:
        """Return how many pairs may be connected."""
        return self.sites.number

    @property
    def num_active(self) -> int:
        """Return how many connections there are."""
        return len(self)

    @property
    def weights(self) -> NDArray[Any]:
        """Return polarity * theta, a new array."""
        return self.polarity * self.theta

    def active(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which of some slots hold an active connection: all of them."""
        return np.ones(len(slots), np.bool_)

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Eliminate and form connections as a rule has decided."""
        if isinstance(decision.births, np.ndarray):
            return rewire_at(self, decision.deaths, decision.births, decision.wanted)
        return rewire(self, decision.deaths, decision.births)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next step needs, besides the arguments of the class.

        Returns
        -------
        dict of str to ndarray
            As in `Slots.state`, and ``missing``.
        """
        return {**super().state(), "missing": np.array(self.missing)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take on the state of connections that were made with the same arguments, be there fewer or more of them.

        Parameters
        ----------
        state : mapping of str to ndarray
            What ``state`` returned.

        Raises
        ------
        ValueError
            If there are more connections than ``capacity``, or they cannot be. Nothing has changed then.
        """
        super().restore(state)
        self.missing = int(state["missing"])

    def draw_vacant(
        self, slots: NDArray[np.int32], retracted: NDArray[np.int32], stream: Stream, step: int
    ) -> NDArray[np.int64]:
        """Occupy a uniformly random vacant site for each slot."""
        occupied = len(self) - len(retracted)
        self.make_room(occupied + len(slots), retracted)
        address = np.uint64(step), self.stream(stream), *self.key
        rooms = self.sites.degrees.rooms(self.pre, self.post, retracted)
        return self.sites.draw(slots, occupied, address, self.table, rooms)

    def take(
        self, keys: NDArray[np.int64], retracted: NDArray[np.int32], stream: Stream, step: int
    ) -> NDArray[np.int64]:
        """Occupy proposed sites, except those that may not be connected, are occupied, or are rejected by chance."""
        self.make_room(len(self) - len(retracted) + len(keys), retracted)
        wanted = self.sites.accepts(keys, uniforms(self.seed, stream, step, len(keys), self.index))
        rooms = self.sites.degrees.rooms(self.pre, self.post, retracted)
        take_each(self.table, keys, self.num_post, self.sites.multapses, *rooms, wanted)
        return keys[wanted]

    def make_room(self, number: int, retracted: NDArray[np.int32]) -> None:
        """Have a table of occupied sites that is large enough."""
        if not self.sites.multapses and len(self.table) < _table_size(number):
            keys = np.delete(self.sites.keys(self.pre, self.post), retracted)
            self.table = _table_with(keys, int(GROWTH * number))[0]

    def allow(self, number: int) -> None:
        """Let there be more connections than at the start, unless a capacity was given."""
        if self._may_grow:
            self.capacity = max(self.capacity, number)

    def resize(self, number: int) -> None:
        """Let there be another number of slots; new ones hold anything until they are filled."""
        self._columns.resize(number)

    def close(self, gaps: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Remove slots: the last connections move into them, in ascending order."""
        number = len(self) - len(gaps)
        new = gaps[gaps < number]
        old = np.setdiff1d(np.arange(number, len(self), dtype=np.int32), gaps, assume_unique=True)
        self._columns.move(old, new)
        self._columns.resize(number)
        return old, new

    def _check_number(self, number: int) -> None:
        """Refuse a state of more connections than there may be."""
        if number > self.capacity:
            raise ValueError(f"the state is one of {number} connections, but there may be {self.capacity} at most.")

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless ``restore`` can take this on, and a run can go on from it; changes nothing."""
        super().check_state(state)
        check_count("missing", state["missing"], MAX_NEURONS)

    def _check_wiring(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Refuse endpoints that ``_wire`` would refuse."""
        self._table_for(pre, post)
        super()._check_wiring(pre, post)

    def _wire(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Take on endpoints, and make the table of occupied sites for them."""
        table = self._table_for(pre, post)
        super()._wire(pre, post)
        self.table = table

    def _table_for(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the table of occupied sites, unless a neuron has too many connections or a pair is there twice."""
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
    # At least one place stays empty for ever, which ends every search.
    return math.ceil(TABLE_FACTOR * connections) + 1


def _table_with(keys: NDArray[np.int64], room: int) -> tuple[NDArray[np.int64], int]:
    """Return a table of occupied sites with room for more, and the first key that was there already, or -1."""
    table = np.full(_table_size(room), EMPTY)
    return table, int(insert_all(table, keys))
