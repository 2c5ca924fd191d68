"""Draw vacant sites by proposals, where degrees are limited or some sites are less likely than others.

Each new connection is drawn from the sites that are free at that point, in proportion to their probabilities.
Accepted sites follow this law whatever the source of the proposals, as long as every free site is proposed and accepted
in proportion to its probability, and other sites never are. Proposals therefore come from the cheapest source (neurons
with free degrees, a list of candidates, blocks of sites by their probability), for all new connections at once, and,
if this fails for long, from a list of all free sites.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.vacancy import EMPTY, contains_each, propose_each, take_each, uniforms_each
from synaptic_sampling.connections.degrees import FreeDegrees

if TYPE_CHECKING:
    from synaptic_sampling.connections.sites import Address, Sites

__all__ = ["BLOCK", "Blocks", "Grid", "Listed", "Pool", "draw_by_proposals", "pieces"]

#: Number of neighbouring sites in a block, of which only the sum of the probabilities is stored.
BLOCK = 32
#: Fixed cost of a round of proposals, in sites examined.
ROUND = 2000
#: Proposals may cost this many times as much as examining all possibly free sites; then these are listed.
PATIENCE = 1.0
#: Number of sites examined at a time where all must be examined; a multiple of BLOCK.
PIECE = 1 << 20
#: A value that no difference post - pre has.
NO_DIAGONAL = 2**31


class Pool(Protocol):
    """Sites that may be free, from which proposals are drawn."""

    #: Number of places; each holds a site or is empty.
    size: int
    #: Number of sites to examine for one proposal.
    cost: int

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites at some places, ``EMPTY`` where a place is empty."""

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a site for each slot in proportion to its probability, or ``EMPTY`` if rejected by chance."""


class Grid:
    """All pairs of neurons with free degrees."""

    cost = 1

    def __init__(self, sites: Sites, free: FreeDegrees) -> None:
        self._sites = sites
        self._open = [np.flatnonzero(degree > 0) if degree.size else None for degree in free]
        num_pre, num_post = (
            total if neurons is None else len(neurons)
            for total, neurons in zip((sites.num_pre, sites.num_post), self._open, strict=True)
        )
        self._is_whole = sites.num_pre == num_pre and sites.num_post == num_post
        self._shape = num_pre, num_post, NO_DIAGONAL
        self.size = num_pre * num_post

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the pairs at some places."""
        if self._is_whole:
            return places
        pre, post = (
            index if neurons is None else neurons[index]
            for index, neurons in zip(np.divmod(places, self._shape[1]), self._open, strict=True)
        )
        return np.where(places == EMPTY, EMPTY, pre * self._sites.num_post + post)

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a pair for each slot, ``EMPTY`` where it is forbidden or rejected by its probability."""
        places, words = _random_places(slots, np.empty(0, np.int64), self._shape, address, attempt)
        keys = self.at(places)
        return np.where(words < 2.0**32 * self._sites.acceptance(keys), keys, EMPTY)


class Listed:
    """A list of candidates."""

    cost = 1

    def __init__(self, sites: Sites, keys: NDArray[np.int64]) -> None:
        self._sites, self._keys, self.size = sites, keys, len(keys)

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the candidates at some places."""
        return self._keys[places]

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a candidate for each slot, ``EMPTY`` where it is rejected by its probability."""
        keys, words = _random_places(slots, self._keys, (0, 0, NO_DIAGONAL), address, attempt)
        return np.where(words < 2.0**32 * self._sites.acceptance(keys), keys, EMPTY)


class Blocks:
    """All sites with a probability above 0, in blocks of neighbours, with the sum of each block.

    A block is drawn by its sum, and a site in it by its probability, which is evaluated again. Only the sums are
    stored: half a byte per site for a function that is above 0 everywhere.
    """

    cost = BLOCK

    def __init__(self, sites: Sites, pool: Pool) -> None:
        self._sites, self._pool = sites, pool
        blocks, sums = [np.empty(0, np.int64)], [np.empty(0)]
        for start in range(0, pool.size, PIECE):
            places = np.arange(start, min(start + PIECE, -(-pool.size // BLOCK) * BLOCK))
            sums_here = sites.acceptance(self._within(places)).reshape(-1, BLOCK).sum(axis=1)
            there = np.flatnonzero(sums_here)
            blocks.append(start // BLOCK + there)
            sums.append(sums_here[there])
        self._blocks, self._bounds = np.concatenate(blocks), np.cumsum(np.concatenate(sums))
        self.size = len(self._blocks) * BLOCK

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites at some places, ``EMPTY`` beyond the end of the pool."""
        return self._within(self._blocks[places // BLOCK] * BLOCK + places % BLOCK)

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a site for each slot, ``EMPTY`` only if the user's function returns something else than before."""
        first, second = _uniforms(slots, address, attempt)
        block = _choose(self._bounds, first)
        keys = self.at(block[:, None] * BLOCK + np.arange(BLOCK))
        bounds = np.cumsum(self._sites.acceptance(keys.ravel()).reshape(keys.shape), axis=1)
        whole = bounds[:, -1:]
        # As in _choose, row by row.
        chosen = np.minimum((bounds <= second[:, None] * whole).sum(axis=1), (bounds < whole).sum(axis=1))
        return np.where(whole[:, 0] > 0, keys[np.arange(len(keys)), chosen], EMPTY)

    def _within(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites of the pool at some places, ``EMPTY`` beyond its end."""
        return np.where(places < self._pool.size, self._pool.at(np.minimum(places, self._pool.size - 1)), EMPTY)


def draw_by_proposals(
    sites: Sites, slots: NDArray[np.int32], address: Address, table: NDArray[np.int64], free: FreeDegrees
) -> NDArray[np.int64]:
    """Do what ``Sites.draw`` does, by proposals; fewer keys than slots only if no site is free any more."""
    draw, effort = _Draw(sites, slots, address, table, free), 0
    while len(draw.pending):
        pool, smallest = sites.pools(free)
        if effort >= PATIENCE * smallest.size:
            draw.list_free(smallest)
            break
        effort += ROUND + pool.cost * len(draw.pending)
        draw.take(pool.propose(slots[draw.pending], address, draw.rounds))
    return draw.keys[draw.keys != EMPTY]


def pieces(pool: Pool) -> Iterator[NDArray[np.int64]]:
    """Return all sites of a pool, piece by piece."""
    for start in range(0, pool.size, PIECE):
        yield pool.at(np.arange(start, min(start + PIECE, pool.size)))


class _Draw:
    """State of one draw: the key of each slot, the slots that are pending, and the number of rounds of proposals."""

    def __init__(
        self, sites: Sites, slots: NDArray[np.int32], address: Address, table: NDArray[np.int64], free: FreeDegrees
    ) -> None:
        self._sites, self._slots, self._address, self._table, self._free = sites, slots, address, table, free
        self.keys, self.pending, self.rounds = np.full(len(slots), EMPTY), np.arange(len(slots)), 0

    def take(self, proposed: NDArray[np.int64]) -> None:
        """Occupy the free ones among the sites proposed to pending slots, in the order of the slots."""
        taken = proposed != EMPTY
        take_each(self._table, proposed, self._sites.num_post, self._sites.multapses, *self._free, taken)
        self.keys[self.pending[taken]] = proposed[taken]
        self.pending = self.pending[~taken]
        self.rounds += 1

    def list_free(self, pool: Pool) -> None:
        """List all free sites of a pool, and draw from the list until all slots have a site or the list is empty.

        In each round the first proposal finds its site free, and most others do; sites that are no longer free are
        then removed from the list.
        """
        free, weight = self._all_free(pool)
        while len(self.pending) and len(free):
            chances, _ = _uniforms(self._slots[self.pending], self._address, self.rounds)
            self.take(free[_choose(np.cumsum(weight), chances)])
            if len(self.pending):
                still = self._are_free(free)
                free, weight = free[still], weight[still]

    def _all_free(self, pool: Pool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return all free sites of a pool and their probabilities."""
        found, weights = [np.empty(0, np.int64)], [np.empty(0)]
        for keys in pieces(pool):
            free = keys[self._are_free(keys)]
            weight = self._sites.acceptance(free)
            found.append(free[weight > 0])
            weights.append(weight[weight > 0])
        return np.concatenate(found), np.concatenate(weights)

    def _are_free(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which sites are vacant (or may be used again) and lie between neurons with free degrees."""
        free = np.ones(len(keys), np.bool_)
        for neurons, degree in zip(np.divmod(keys, self._sites.num_post), self._free, strict=True):
            if degree.size:
                free &= degree[neurons] > 0
        if not self._sites.multapses:
            # A lookup in the table costs more than everything else.
            occupied = np.empty(np.count_nonzero(free), np.bool_)
            contains_each(self._table, keys[free], occupied)
            free[free] = ~occupied
        return free


def _choose(bounds: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a place for each uniform random number, by cumulative probabilities; never one with probability 0.

    It is the first place whose bound exceeds the number or, where rounding leaves none, the last possible one.
    """
    last = np.searchsorted(bounds, bounds[-1])
    return np.minimum(np.searchsorted(bounds, chances * bounds[-1], side="right"), last)


def _random_places(
    slots: NDArray[np.int32], listed: NDArray[np.int64], shape: tuple[int, int, int], address: Address, attempt: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return a random candidate (or a place of the grid if none is listed) and a random word, for each slot."""
    places, words = np.empty(len(slots), np.int64), np.empty(len(slots), np.uint64)
    propose_each(slots, listed, shape, *address, np.uint64(attempt), places, words)
    return places, words


def _uniforms(
    slots: NDArray[np.int32], address: Address, attempt: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two uniform random numbers for each slot."""
    first, second = np.empty(len(slots)), np.empty(len(slots))
    uniforms_each(slots, *address, np.uint64(attempt), first, second)
    return first, second
