"""K connections in K slots, and which sites are vacant; memory in proportion to K, never to all sites."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number, check_seed
from synaptic_sampling._kernels import dynamics
from synaptic_sampling._kernels.vacancy import EMPTY, _insert_all
from synaptic_sampling.randomness import MAX_SET, Stream, key_words, stream_word
from synaptic_sampling.sites import MAX_NEURONS, Condition, Sites

__all__ = ["SIGNS", "Connections"]

#: Rules for the sign of a newborn connection.
SIGNS = {
    "site": dynamics.SIGN_OF_SITE,
    "presynaptic": dynamics.SIGN_OF_PRE,
    "redrawn": dynamics.SIGN_REDRAWN,
}

#: Places in the table of occupied sites, per connection.
TABLE_FACTOR = 1.5


class Connections:
    """Connections between two groups of neurons, each in a slot of its own.

    A slot holds a presynaptic and a postsynaptic index, a parameter theta >= 0, a polarity +1 or -1, and the step
    of birth; the weight is ``polarity * theta``. When a connection dies, the newborn takes its slot. No two slots
    hold the same pair.

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
        (num_pre, num_post), or a function of arrays pre, post.
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

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, if two connections share a pair, or if there are more
        of them than sites.
    """

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
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        self.sites = Sites(
            num_pre,
            num_post,
            autapses=autapses,
            diagonal=diagonal,
            candidates=candidates,
            probability=probability,
        )
        self.num_pre, self.num_post, self.autapses = self.sites.num_pre, self.sites.num_post, self.sites.autapses
        self._set_randomness(seed, index, signs, excitatory)
        self.pre = _endpoints("pre", pre, self.num_pre)
        self.post = _endpoints("post", post, self.num_post)
        if self.pre.shape != self.post.shape:
            raise ValueError(f"pre and post must have equal lengths, got {len(self.pre)} and {len(self.post)}.")
        self._table = self._occupied_by(self.pre, self.post)
        self.theta = _parameters(theta, len(self.pre), dtype)
        self.polarity = self.signs_of(self.pre, self.post) if polarity is None else _polarities(polarity, self.pre)
        self.birth_step = np.zeros(len(self.pre), np.int64)
        self.moments: tuple[NDArray[Any], ...] = ()
        self.steps_done = 0

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
        room = min(connections, self.num_pre * self.num_post)
        self._table = _empty_table(room)
        keys = self.draw_vacant(np.arange(room, dtype=np.int32), 0, Stream.WIRING, 0)
        if len(keys) < connections:
            raise ValueError(
                f"{connections} connections do not fit in {len(keys)} sites; "
                "ask for fewer connections or a lower connectivity."
            )
        return cls(num_pre, num_post, keys // self.num_post, keys % self.num_post, **options)

    def __repr__(self) -> str:
        return f"<{len(self)} connections from {self.num_pre} to {self.num_post} neurons>"

    def __len__(self) -> int:
        return len(self.pre)

    @property
    def num_sites(self) -> int:
        """Return how many pairs may be connected."""
        return self.sites.number

    @property
    def num_active(self) -> int:
        """Return how many connections there are."""
        return len(self.pre)

    @property
    def weights(self) -> NDArray[Any]:
        """Return polarity * theta, a new array."""
        return self.polarity * self.theta

    @property
    def age(self) -> NDArray[np.int64]:
        """Return the steps since the birth of each connection, a new array."""
        return self.steps_done - self.birth_step

    def signs_of(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int8]:
        """Return the signs that connections born now at the given pairs have.

        Parameters
        ----------
        pre, post : ndarray of int32, shape (n,)
            The pairs; with 'redrawn' signs, the n-th pair is taken to be born in slot n before the first step.

        Returns
        -------
        ndarray of int8, shape (n,)
            +1 or -1.
        """
        out = np.empty(len(pre), np.int8)
        dynamics._polarities(pre, post, self._sign_rule, self.num_post, self._stream(Stream.SIGN), *self._key, out)
        return out

    def draw_vacant(self, slots: NDArray[np.int32], occupied: int, stream: Stream, step: int) -> NDArray[np.int64]:
        """Occupy a uniformly random vacant site for each slot.

        Parameters
        ----------
        slots : ndarray of int32, shape (n,)
            Slots in ascending order; with ``stream`` and ``step`` the addresses of the random numbers.
        occupied : int
            How many sites are occupied now.
        stream : Stream
            What the sites are for.
        step : int
            The step.

        Returns
        -------
        ndarray of int64
            Keys ``pre * num_post + post``; fewer than n if no more sites are vacant.
        """
        address = np.uint64(step), self._stream(stream), *self._key
        return self.sites.draw(slots, occupied, address, self._table)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next step needs, besides the arguments of the class.

        Returns
        -------
        dict of str to ndarray
            ``pre``, ``post``, ``theta``, ``polarity``, ``birth_step`` and the moments, not copied; ``steps_done``.
        """
        names = ("pre", "post", "theta", "polarity", "birth_step")
        moments = {f"moment{n}": moment for n, moment in enumerate(self.moments)}
        return {**{name: getattr(self, name) for name in names}, "steps_done": np.array(self.steps_done), **moments}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take on the state of connections that were made with the same arguments.

        Parameters
        ----------
        state : mapping of str to ndarray
            What ``state`` returned.

        Raises
        ------
        ValueError
            If the number of connections differs, or two share a pair. Nothing has changed then.
        """
        if len(state["pre"]) != len(self):
            raise ValueError(f"the state is one of {len(state['pre'])} connections, but there are {len(self)}.")
        pre, post = (_endpoints(name, state[name], n) for name, n in (("pre", self.num_pre), ("post", self.num_post)))
        self._table = self._occupied_by(pre, post)
        self.pre, self.post = pre, post
        self.theta[:] = state["theta"]
        self.polarity[:] = state["polarity"]
        self.birth_step[:] = state["birth_step"]
        self.steps_done = int(state["steps_done"])
        count = sum(name.startswith("moment") for name in state)
        self.moments = tuple(np.array(state[f"moment{n}"]) for n in range(count))

    def _stream(self, stream: Stream) -> np.uint64:
        return stream_word(stream, self.index)

    def _set_randomness(self, seed: int, index: int, signs: Any, excitatory: float) -> None:
        """Keep the key of the random numbers and the rule for signs."""
        self.seed = check_seed(seed)
        self.index = check_integer("index", index, minimum=0, maximum=MAX_SET)
        self._key = key_words(self.seed)
        share = check_number("excitatory", excitatory, minimum=0.0, maximum=1.0)
        mode, table = _sign_rule(signs, self.num_pre, self.num_post)
        self._sign_rule = mode, table, np.uint64(round(share * 2**32))

    def _occupied_by(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the table of occupied sites for these endpoints."""
        wrong = self.sites.first_forbidden(pre, post)
        if wrong:
            k, why = wrong
            raise ValueError(f"connection {k} ({pre[k]} -> {post[k]}) is {why}.")
        table = _empty_table(len(pre))
        k = _insert_all(table, self.sites.keys(pre, post))
        if k >= 0:
            raise ValueError(f"connection {k} ({pre[k]} -> {post[k]}) exists twice; give each pair at most once.")
        return table


def _empty_table(connections: int) -> NDArray[np.int64]:
    # At least one place stays empty for ever, which ends every search.
    return np.full(math.ceil(TABLE_FACTOR * connections) + 1, EMPTY)


def _integers(name: str, values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {array.shape}.")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must hold integers, got {array.dtype}.")
    return array


def _endpoints(name: str, values: ArrayLike, num_neurons: int) -> NDArray[np.int32]:
    array = _integers(name, values)
    outside = np.flatnonzero((array < 0) | (array >= num_neurons))
    if len(outside):
        k = outside[0]
        raise ValueError(f"{name}[{k}] must be between 0 and {num_neurons - 1}, got {array[k]}.")
    return array.astype(np.int32)


def _parameters(theta: ArrayLike | None, size: int, dtype: Any) -> NDArray[Any]:
    dtype = np.dtype(dtype)
    if dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
        raise TypeError(f"dtype must be float32 or float64, got {dtype}.")
    if theta is None:
        return np.zeros(size, dtype)
    array = np.array(theta, dtype=dtype)
    if array.shape != (size,):
        raise ValueError(f"theta must have shape ({size},), got {array.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if len(wrong):
        raise ValueError(f"theta must be finite and >= 0, got {array[wrong[0]]} for connection {wrong[0]}.")
    return array


def _check_signs(name: str, array: NDArray[Any]) -> NDArray[np.int8]:
    if array.size and not np.all((array == 1) | (array == -1)):
        wrong = array[(array != 1) & (array != -1)].flat[0]
        raise ValueError(f"{name} must hold +1 and -1 only, got {wrong}.")
    return array.astype(np.int8)


def _polarities(polarity: ArrayLike, pre: NDArray[np.int32]) -> NDArray[np.int8]:
    array = np.asarray(polarity)
    if array.shape != pre.shape:
        raise ValueError(f"polarity must have shape {pre.shape}, got {array.shape}.")
    return _check_signs("polarity", array)


def _sign_rule(signs: Any, num_pre: int, num_post: int) -> tuple[int, NDArray[np.int8]]:
    """Return how signs are found, and the given ones if they are given."""
    if isinstance(signs, str):
        if signs not in SIGNS:
            raise ValueError(f"signs must be one of {', '.join(map(repr, SIGNS))}, +1, -1 or an array, got {signs!r}.")
        return SIGNS[signs], np.empty(0, np.int8)
    try:
        given = np.asarray(signs)
        table = _check_signs("signs", given)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"signs must be one of {', '.join(map(repr, SIGNS))}, +1, -1 or an array of +1 and -1, got {signs!r}."
        ) from error
    if given.ndim == 0:
        return dynamics.SIGN_GIVEN_PRE, np.full(num_pre, table, np.int8)
    if given.shape == (num_pre,):
        return dynamics.SIGN_GIVEN_PRE, table
    if given.shape == (num_pre, num_post):
        return dynamics.SIGN_GIVEN_SITE, table.ravel()
    raise ValueError(f"signs must have shape ({num_pre},) or ({num_pre}, {num_post}), got {given.shape}.")
