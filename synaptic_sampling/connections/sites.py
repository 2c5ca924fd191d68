"""Which pairs of neurons may be connected, and how vacant ones are drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_flag, check_integer
from synaptic_sampling._kernels.vacancy import (
    EMPTY,
    draw_by_enumeration,
    draw_by_rejection,
    propose_each,
    vacant_sites,
)
from synaptic_sampling.connections.degrees import Degrees, FreeDegrees
from synaptic_sampling.connections.draw import Blocks, Grid, Listed, Pool, draw_by_proposals, pieces

__all__ = ["UNLIMITED", "Address", "PairFunction", "Sites"]

MAX_NEURONS = 2**31 - 1
#: If a smaller fraction of the sites is vacant, vacant sites are listed instead of found by trial.
CROWDED = 1 / 16
#: Largest number of pairs for which a function is evaluated in advance: a few seconds, and half a byte per pair.
MAX_ASKED = 2**28
#: This is done if a smaller fraction of the pairs is accepted, as estimated from a sample of this size.
THIN, SAMPLE = 1 / 8, 1024

#: Free degrees of neurons without limits.
UNLIMITED = np.empty(0, np.int64), np.empty(0, np.int64)

#: Step, stream word, both words of the key; together with a slot, the address of a random number.
Address = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
#: A function of presynaptic and postsynaptic indices that returns True and False, or probabilities.
PairFunction = Callable[[NDArray[np.int32], NDArray[np.int32]], ArrayLike]


class Sites:
    """The pairs that may be connected.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    autapses : bool
        Whether a neuron may connect to itself; False makes sense only if pre and post are the same neurons.
    diagonal : int
        With ``autapses=False``: the pair (i, i + diagonal) is the same neuron (0 unless the groups are shifted parts
        of one group).
    candidates : array_like or callable, optional
        Which pairs may be connected: an array of True and False, shape (num_pre, num_post); pairs, shape (n, 2);
        or a function of arrays pre, post that always returns the same result. All by default.
    probability : array_like or callable, optional
        Probability with which a drawn pair is accepted, as in ``Synapses.connect(p=...)``: vacant candidates are drawn
        in proportion to it. Shape (num_pre, num_post), or a function of arrays pre, post.
    multapses : bool
        Whether a pair may have several connections. New connections are then drawn from all pairs.
    max_in_degree, max_out_degree : int or array_like of int, optional
        Largest number of connections of any postsynaptic or presynaptic neuron, or of each. Each new connection is
        drawn from the pairs that are still free at that point.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Notes
    -----
    Functions and probabilities that accept fewer than one in 8 pairs are evaluated once for all pairs, at the first
    draw; after that, a new connection costs about as much as evaluating 32 pairs. With more than 2**28 pairs, random
    pairs are evaluated until one is accepted, which is slow if few are: pass a list of pairs in this case.
    """

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        *,
        autapses: bool = True,
        diagonal: int = 0,
        candidates: ArrayLike | PairFunction | None = None,
        probability: ArrayLike | PairFunction | None = None,
        multapses: bool = False,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
    ) -> None:
        self.num_pre = check_integer("num_pre", num_pre, minimum=1, maximum=MAX_NEURONS)
        self.num_post = check_integer("num_post", num_post, minimum=1, maximum=MAX_NEURONS)
        self.autapses, self.multapses = check_flag("autapses", autapses), check_flag("multapses", multapses)
        self.degrees = Degrees(self.num_pre, self.num_post, max_in_degree, max_out_degree)
        own = check_integer("diagonal", diagonal, minimum=-MAX_NEURONS, maximum=MAX_NEURONS)
        # Where autapses are allowed, a number that no difference post - pre equals.
        self.forbidden = MAX_NEURONS + 1 if autapses else own
        self.grid = (self.num_pre, self.num_post, self.forbidden)
        self._condition: PairFunction | None = candidates if _is_function(candidates) else None
        self._probability = _probability(probability, (self.num_pre, self.num_post))
        self.listed = np.empty(0, np.int64)
        self._is_listed = candidates is not None and self._condition is None
        if self._is_listed:
            self.listed = self._list(candidates)

    @property
    def has_probability(self) -> bool:
        """Whether some sites are less likely than others."""
        return self._probability is not None

    @property
    def _is_uneven(self) -> bool:
        """Whether some pairs of the grid or the list are rejected, always or by chance."""
        return self._condition is not None or self._probability is not None

    @cached_property
    def number(self) -> int:
        """The number of pairs that may be connected; a user's function is evaluated once for all pairs."""
        if self._is_uneven:
            return sum(int(np.count_nonzero(self.acceptance(keys))) for keys in pieces(self.pools(UNLIMITED)[1]))
        if self._is_listed:
            return len(self.listed)
        both = min(self.num_pre, self.num_post - self.forbidden) - max(0, -self.forbidden)
        return self.num_pre * self.num_post - max(0, both)

    def keys(self, pre: NDArray[Any], post: NDArray[Any]) -> NDArray[np.int64]:
        """Return the key of each pair, ``pre * num_post + post``."""
        return pre.astype(np.int64) * self.num_post + post

    def all_keys(self) -> NDArray[np.int64]:
        """Return the keys of all pairs that may be connected, ascending."""
        return np.concatenate([keys[self.acceptance(keys) > 0] for keys in pieces(self._all)])

    def acceptance(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the acceptance probability of each key; 0 for ``EMPTY`` and for pairs that may not be connected."""
        pre, post = np.divmod(keys, self.num_post)
        allowed = (keys != EMPTY) & (post - pre != self.forbidden)
        accepted = allowed.astype(float)
        if self._is_uneven:
            accepted[allowed] = self._evaluate(pre[allowed].astype(np.int32), post[allowed].astype(np.int32))
        return accepted

    def _evaluate(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.float64]:
        """Evaluate the user's functions for some pairs."""
        accepted = np.ones(len(pre))
        if self._condition is not None:
            answer = np.asarray(self._condition(pre, post))
            if answer.dtype != np.bool_ or answer.shape != pre.shape:
                raise TypeError(
                    f"candidates must return True or False for each of {len(pre)} pairs, "
                    f"got {answer.dtype}, shape {answer.shape}."
                )
            accepted *= answer
        if self._probability is not None:
            accepted *= _checked(self._probability(pre, post), pre.shape)
        return accepted

    def accepts(self, keys: NDArray[np.int64], chances: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which proposed pairs are accepted, given one uniform random number per pair."""
        accepted = keys % self.num_post - keys // self.num_post != self.forbidden
        if self._is_listed:
            accepted &= np.isin(keys, self.listed)
        accepted[accepted] = chances[accepted] < self.acceptance(keys[accepted])
        return accepted

    def first_forbidden(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> tuple[int, str] | None:
        """Return the index of the first pair that may not be connected, and the reason; None if all may be."""
        keys = self.keys(pre, post)
        checks = [(post.astype(np.int64) - pre == self.forbidden, "an autapse; leave it out or set autapses=True")]
        if self._is_listed:
            checks.append((~np.isin(keys, self.listed), "not a candidate; leave it out or include it in candidates"))
        if self._is_uneven:
            checks.append((self.acceptance(keys) == 0, "not a candidate, or has probability 0; leave it out"))
        for wrong, why in checks:
            if wrong.any():
                return int(np.flatnonzero(wrong)[0]), why
        return None

    def draw(
        self, slots: NDArray[np.int32], occupied: int, address: Address, table: NDArray[np.int64], free: FreeDegrees
    ) -> NDArray[np.int64]:
        """Occupy a random vacant site for each slot, in proportion to acceptance probabilities.

        Changes ``table`` and ``free``; returns keys, fewer than slots if no more sites are vacant.
        """
        if self._is_uneven or free[0].size or free[1].size:
            return draw_by_proposals(self, slots, address, table, free)
        keys = np.empty(len(slots), np.int64)
        vacant = self.number - occupied
        roomy = vacant - len(slots) >= CROWDED * self.number
        # Without slots, all sites of a crowded grid would be listed for nothing.
        if not len(slots) or roomy or (self.multapses and self.number):
            draw_by_rejection(slots, self.listed, self.grid, self.multapses, *address, table, keys)
            return keys
        sites = np.empty(max(0, vacant), np.int64)
        num_vacant = vacant_sites(self.listed, self.grid, table, sites) if self.number else 0
        return keys[: draw_by_enumeration(slots, sites, num_vacant, *address, table, keys)]

    def pools(self, free: FreeDegrees) -> tuple[Pool, Pool]:
        """Return two pools that contain all free sites: one to draw proposals from, and the smallest one."""
        limited = not self._is_listed and (free[0].size or free[1].size)
        pool = Grid(self, free) if limited else self._all
        return (pool, pool) if self._blocks is None else (self._blocks, min(pool, self._blocks, key=lambda p: p.size))

    @cached_property
    def _all(self) -> Pool:
        """All sites, whatever the degrees of their neurons."""
        return Listed(self, self.listed) if self._is_listed else Grid(self, UNLIMITED)

    @cached_property
    def _blocks(self) -> Blocks | None:
        """The sites in blocks with their probabilities; None where proposals are efficient without."""
        if not self._is_uneven or self._all.size > MAX_ASKED:
            return None
        keys, words, zero = np.empty(SAMPLE, np.int64), np.empty(SAMPLE, np.uint64), np.uint64(0)
        slots = np.arange(SAMPLE, dtype=np.int32)
        propose_each(slots, self.listed, self.grid, zero, zero, zero, zero, zero, keys, words)
        return Blocks(self, self._all) if self.acceptance(keys).sum() < THIN * SAMPLE else None

    def _list(self, candidates: Any) -> NDArray[np.int64]:
        """Return the keys of the given candidates, ascending, without forbidden autapses."""
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
                raise ValueError(f"candidates must not hold {pair}, outside {self.num_pre} by {self.num_post} neurons.")
            keys = np.unique(self.keys(*given.T.astype(np.int64)))
        keys = keys[keys % self.num_post - keys // self.num_post != self.forbidden]
        if not len(keys):
            raise ValueError("candidates must hold at least one pair that may be connected.")
        return keys


class _Table:
    """Probabilities in an array, as a function that can be pickled."""

    def __init__(self, table: NDArray[Any]) -> None:
        self._table = table

    def __call__(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[Any]:
        return self._table[pre, post]


def _is_function(given: Any) -> TypeGuard[PairFunction]:
    """Return whether this is a function of pairs; a class is callable too, but is not one."""
    return callable(given) and not isinstance(given, type)


def _probability(given: Any, shape: tuple[int, int]) -> PairFunction | None:
    """Return the probabilities as a function of pre and post."""
    if given is None or _is_function(given):
        return given
    table = np.array(check_array("probability", given))
    if table.ndim == 0:
        raise TypeError(f"probability must be an array or a function of pre and post, got {given!r}.")
    _checked(table, shape)
    return _Table(table)


def _checked(answer: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return probabilities, or raise an error that says what is wrong with them."""
    values = check_array("probability", answer).astype(float)
    if values.shape != shape:
        raise ValueError(f"probability must have shape {shape}, got {values.shape}.")
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise ValueError(f"probability must be between 0 and 1, got {values[wrong].flat[0]}.")
    return values
