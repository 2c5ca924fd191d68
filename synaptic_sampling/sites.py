"""Which pairs of neurons may be connected, and the draw of vacant ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_flag, check_integer
from synaptic_sampling._kernels.vacancy import (
    EMPTY,
    _draw_by_enumeration,
    _draw_by_rejection,
    _propose_each,
    _vacant_sites,
)
from synaptic_sampling._proposals import Blocks, Grid, Listed, Pool, draw_by_proposals, pieces
from synaptic_sampling.degrees import Degrees, Rooms

__all__ = ["Address", "Sites"]

MAX_NEURONS = 2**31 - 1
#: With less than this share of the sites vacant, they are listed instead of searched by trial.
CROWDED = 1 / 16
#: The most pairs about which a function is asked beforehand: some seconds, and half a byte for each.
MAX_ASKED = 2**28
#: That is done where a smaller share of the pairs is accepted; how large it is, so many random ones tell.
THIN, SAMPLE = 1 / 8, 1024

#: The rooms of neurons without limits.
UNLIMITED = np.empty(0, np.int64), np.empty(0, np.int64)

#: Step, stream word, both words of the key: with a slot, the address of a random number.
Address = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
#: From presynaptic and postsynaptic indices to True and False, or to probabilities.
Condition = Callable[[NDArray[np.int32], NDArray[np.int32]], ArrayLike]


class Sites:
    """The pairs that may be connected.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    autapses : bool
        Whether a neuron may connect to itself.
    diagonal : int
        With ``autapses=False``: the pair (i, i + diagonal) is the same neuron.
    candidates : array_like or callable, optional
        Which pairs may be connected: an array of True and False, shape (num_pre, num_post); pairs, shape (n, 2);
        or a function of arrays pre, post that always answers the same. All by default.
    probability : array_like or callable, optional
        With which a drawn pair is accepted, 0 to 1, as in ``Synapses.connect(p=...)``: vacant candidates are drawn in
        proportion to it. Shape (num_pre, num_post), or a function of arrays pre, post.
    multapses : bool
        Whether a pair may have several connections.
    max_in_degree, max_out_degree : int or array_like of int, optional
        The most connections of any postsynaptic, presynaptic neuron, or of each.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    Notes
    -----
    Functions and probabilities that accept fewer than one of 8 pairs are asked about all pairs once, at the first draw;
    after that, a newborn costs about as much as it takes to ask about 32 pairs. With more than 2**28 pairs they are
    asked about random ones until one is accepted, which takes long where hardly any is: give a list of pairs then.
    """

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        *,
        autapses: bool = True,
        diagonal: int = 0,
        candidates: ArrayLike | Condition | None = None,
        probability: ArrayLike | Condition | None = None,
        multapses: bool = False,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
    ) -> None:
        self.num_pre = check_integer("num_pre", num_pre, minimum=1, maximum=MAX_NEURONS)
        self.num_post = check_integer("num_post", num_post, minimum=1, maximum=MAX_NEURONS)
        self.autapses, self.multapses = check_flag("autapses", autapses), check_flag("multapses", multapses)
        self.degrees = Degrees(self.num_pre, self.num_post, max_in_degree, max_out_degree)
        own = check_integer("diagonal", diagonal, minimum=-MAX_NEURONS, maximum=MAX_NEURONS)
        # Never equal to a difference post - pre, where autapses are allowed.
        self._forbidden = MAX_NEURONS + 1 if autapses else own
        self._grid = (self.num_pre, self.num_post, self._forbidden)
        self._condition: Condition | None = candidates if _is_function(candidates) else None
        self._probability = _probability(probability, (self.num_pre, self.num_post))
        self._listed = np.empty(0, np.int64)
        self._is_listed = candidates is not None and self._condition is None
        if self._is_listed:
            self._listed = self._list(candidates)

    @property
    def has_probability(self) -> bool:
        """Return whether some sites are less likely than others."""
        return self._probability is not None

    @property
    def _is_uneven(self) -> bool:
        """Return whether some pairs of the grid or the list are accepted less than always."""
        return self._condition is not None or self._probability is not None

    @cached_property
    def number(self) -> int:
        """Return how many pairs may be connected; where a function tells, it is asked once about all pairs."""
        if self._is_uneven:
            return sum(int(np.count_nonzero(self.acceptance(keys))) for keys in pieces(self.pools(UNLIMITED)[1]))
        if self._is_listed:
            return len(self._listed)
        both = min(self.num_pre, self.num_post - self._forbidden) - max(0, -self._forbidden)
        return self.num_pre * self.num_post - max(0, both)

    def keys(self, pre: NDArray[Any], post: NDArray[Any]) -> NDArray[np.int64]:
        """Return one number for each pair.

        Parameters
        ----------
        pre, post : ndarray of int, shape (n,)
            The pairs.

        Returns
        -------
        ndarray of int64, shape (n,)
            ``pre * num_post + post``.
        """
        return pre.astype(np.int64) * self.num_post + post

    def all_keys(self) -> NDArray[np.int64]:
        """Return all pairs that may be connected.

        Returns
        -------
        ndarray of int64
            Their keys, ascending.
        """
        return np.concatenate([keys[self.acceptance(keys) > 0] for keys in pieces(self._all)])

    def acceptance(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability with which each site is accepted when drawn.

        Parameters
        ----------
        keys : ndarray of int64, shape (n,)
            Sites that the grid or the list holds, or ``EMPTY``.

        Returns
        -------
        ndarray of float64, shape (n,)
            0 where a pair is no candidate, an autapse that is not allowed, or ``EMPTY``.

        Raises
        ------
        TypeError, ValueError
            If the user's function answers with something else than candidates or probabilities.
        """
        pre, post = np.divmod(keys, self.num_post)
        asked = (keys != EMPTY) & (post - pre != self._forbidden)
        accepted = asked.astype(float)
        if self._is_uneven:
            accepted[asked] = self._answer(pre[asked].astype(np.int32), post[asked].astype(np.int32))
        return accepted

    def _answer(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return what the user's functions say of some pairs."""
        accepted = np.ones(len(pre))
        if self._condition is not None:
            answer = np.asarray(self._condition(pre, post))
            if answer.dtype != np.bool_ or answer.shape != pre.shape:
                raise TypeError(
                    f"candidates must return one True or False for each of {len(pre)} pairs, "
                    f"got {answer.dtype}, shape {answer.shape}."
                )
            accepted *= answer
        if self._probability is not None:
            accepted *= _checked(self._probability(pre, post), pre.shape)
        return accepted

    def accepts(self, keys: NDArray[np.int64], lots: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of some proposed pairs are accepted.

        Parameters
        ----------
        keys : ndarray of int64, shape (n,)
            Any pairs.
        lots : ndarray of float64, shape (n,)
            Uniform numbers, for probabilities.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where a pair is no candidate, is an autapse that is not allowed, or loses by its lot.
        """
        accepted = keys % self.num_post - keys // self.num_post != self._forbidden
        if self._is_listed:
            accepted &= np.isin(keys, self._listed)
        accepted[accepted] = lots[accepted] < self.acceptance(keys[accepted])
        return accepted

    def first_forbidden(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> tuple[int, str] | None:
        """Return the first of some pairs that may not be connected, and why.

        Parameters
        ----------
        pre, post : ndarray of int32, shape (n,)
            The pairs.

        Returns
        -------
        tuple of int and str, or None
            Its place, and what it is; None if all may be.
        """
        keys = self.keys(pre, post)
        checks = [(post.astype(np.int64) - pre == self._forbidden, "an autapse; leave it out or set autapses=True")]
        if self._is_listed:
            checks.append((~np.isin(keys, self._listed), "no candidate; leave it out or let candidates include it"))
        if self._is_uneven:
            checks.append((self.acceptance(keys) == 0, "no candidate, or has probability 0; leave it out"))
        for wrong, why in checks:
            if wrong.any():
                return int(np.flatnonzero(wrong)[0]), why
        return None

    def draw(
        self, slots: NDArray[np.int32], occupied: int, address: Address, table: NDArray[np.int64], rooms: Rooms
    ) -> NDArray[np.int64]:
        """Occupy a random vacant site for each slot, in proportion to their probabilities.

        Parameters
        ----------
        slots : ndarray of int32, shape (n,)
            In ascending order.
        occupied : int
            How many sites are occupied now.
        address : Address
            Of the random numbers, but for the slot.
        table : ndarray of int64
            The occupied sites; changed in place. Of no use with multapses.
        rooms : tuple of two ndarray
            How many more connections each neuron may have; changed in place.

        Returns
        -------
        ndarray of int64
            Keys; fewer than n if no more sites are vacant.
        """
        if self._is_uneven or rooms[0].size or rooms[1].size:
            return draw_by_proposals(self, slots, address, table, rooms)
        keys = np.empty(len(slots), np.int64)
        vacant = self.number - occupied
        if vacant - len(slots) >= CROWDED * self.number or (self.multapses and self.number):
            _draw_by_rejection(slots, self._listed, self._grid, self.multapses, *address, table, keys)
            return keys
        sites = np.empty(max(0, vacant), np.int64)
        num_vacant = _vacant_sites(self._listed, self._grid, table, sites) if self.number else 0
        return keys[: _draw_by_enumeration(slots, sites, num_vacant, *address, table, keys)]

    def pools(self, rooms: Rooms) -> tuple[Pool, Pool]:
        """Return two pools that hold all sites that may be free.

        Parameters
        ----------
        rooms : tuple of two ndarray
            How many more connections each neuron may have.

        Returns
        -------
        from_which, smallest : Pool
            The one to make proposals from, and the one to list.
        """
        limited = not self._is_listed and (rooms[0].size or rooms[1].size)
        pool = Grid(self, rooms) if limited else self._all
        return (pool, pool) if self._blocks is None else (self._blocks, min(pool, self._blocks, key=lambda p: p.size))

    @cached_property
    def _all(self) -> Pool:
        """Return all sites, whether they have room or not."""
        return Listed(self, self._listed) if self._is_listed else Grid(self, UNLIMITED)

    @cached_property
    def _blocks(self) -> Blocks | None:
        """Return the sites in blocks with their probabilities, or None where proposals do well without."""
        if not self._is_uneven or self._all.size > MAX_ASKED:
            return None
        keys, lots, zero = np.empty(SAMPLE, np.int64), np.empty(SAMPLE, np.uint64), np.uint64(0)
        slots = np.arange(SAMPLE, dtype=np.int32)
        _propose_each(slots, self._listed, self._grid, zero, zero, zero, zero, zero, keys, lots)
        return Blocks(self, self._all) if self.acceptance(keys).sum() < THIN * SAMPLE else None

    def _list(self, candidates: Any) -> NDArray[np.int64]:
        """Return the keys of given candidates, ascending, without autapses where these are not allowed."""
        given = check_array("candidates", candidates)
        if given.dtype == np.bool_:
            if given.shape != (self.num_pre, self.num_post):
                raise ValueError(f"candidates must have shape {(self.num_pre, self.num_post)}, got {given.shape}.")
            keys = np.flatnonzero(given).astype(np.int64)
        else:
            if given.ndim != 2 or given.shape[1] != 2 or not np.issubdtype(given.dtype, np.integer):
                raise TypeError(
                    "candidates must be an array of True and False, pairs of indices with shape (n, 2), "
                    f"or a function of pre and post; got {given.dtype}, shape {given.shape}."
                )
            outside = (given < 0) | (given >= [self.num_pre, self.num_post])
            if outside.any():
                pair = tuple(given[outside.any(axis=1)][0].tolist())
                raise ValueError(f"candidate {pair} is outside of {self.num_pre} by {self.num_post} neurons.")
            keys = np.unique(self.keys(given[:, 0], given[:, 1]))
        keys = keys[keys % self.num_post - keys // self.num_post != self._forbidden]
        if not len(keys):
            raise ValueError("candidates must hold at least one pair that may be connected.")
        return keys


def _is_function(given: Any) -> TypeGuard[Condition]:
    """Return whether this can be asked about pairs; a class would make an object of them."""
    return callable(given) and not isinstance(given, type)


def _probability(given: Any, shape: tuple[int, int]) -> Condition | None:
    """Return the probabilities as a function of pre and post."""
    if given is None or _is_function(given):
        return given
    table = check_array("probability", given)
    if table.ndim == 0:
        raise TypeError(f"probability must be an array or a function of pre and post, got {given!r}.")
    _checked(table, shape)
    return lambda pre, post: table[pre, post]


def _checked(answer: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return probabilities, or raise an error that says what is wrong with them."""
    values = check_array("probability", answer).astype(float)
    if values.shape != shape:
        raise ValueError(f"probability must have shape {shape}, got {values.shape}.")
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise ValueError(f"probability must be between 0 and 1, got {values[wrong].flat[0]}.")
    return values
