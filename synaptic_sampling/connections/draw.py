"""Vacant sites drawn where degrees are limited or some sites are less likely: proposed, and accepted or not.

Each newborn is to draw from the sites that are free when its turn comes, in proportion to their probabilities. What is
accepted has this law whatever the proposals are made from, as long as every free site is proposed and accepted in
proportion to its own probability, and what is not free never is. So they are made from what is cheapest (the neurons
that have room, a list of candidates, blocks of sites by their probability), all newborns at a time, and where that
finds nothing for long, from a list of all that is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.vacancy import EMPTY, contains_each, propose_each, take_each, uniforms_each
from synaptic_sampling.connections.degrees import Rooms

if TYPE_CHECKING:
    from synaptic_sampling.connections.sites import Address, Sites

__all__ = ["BLOCK", "Blocks", "Grid", "Listed", "Pool", "draw_by_proposals", "pieces"]

#: So many neighbouring sites make a block, of which only the sum of the probabilities is kept.
BLOCK = 32
#: A round of proposals takes as long as a look at so many sites, however few newborns it is for.
ROUND = 2000
#: Proposals may cost so many times as much as a look at all sites that may be free; then these are listed.
PATIENCE = 1.0
#: Sites that are looked at in one piece where all have to be; a multiple of BLOCK.
PIECE = 1 << 20
#: No difference post - pre.
NO_DIAGONAL = 2**31


class Pool(Protocol):
    """Sites that may be free, from which some are proposed.

    Attributes
    ----------
    size : int
        How many places it has; each holds a site or none.
    cost : int
        Sites that have to be looked at for one proposal.
    """

    size: int
    cost: int

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites at some places, ``EMPTY`` where there is none."""

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a site for each slot in proportion to its probability, ``EMPTY`` where chance has it so."""


class Grid:
    """All pairs of neurons that have room."""

    cost = 1

    def __init__(self, sites: Sites, rooms: Rooms) -> None:
        self._sites = sites
        self._open = [np.flatnonzero(room > 0) if room.size else None for room in rooms]
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
        """Return a pair for each slot, ``EMPTY`` where it is none or is rejected by its probability."""
        places, lots = _random_places(slots, np.empty(0, np.int64), self._shape, address, attempt)
        keys = self.at(places)
        return np.where(lots < 2.0**32 * self._sites.acceptance(keys), keys, EMPTY)


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
        keys, lots = _random_places(slots, self._keys, (0, 0, NO_DIAGONAL), address, attempt)
        return np.where(lots < 2.0**32 * self._sites.acceptance(keys), keys, EMPTY)


class Blocks:
    """All sites that have a probability above 0, in blocks of neighbours, with the sum of each block.

    A block is drawn by its sum, and a site in it by its probability, which is asked for again: so few numbers are kept
    that a function which is above 0 everywhere needs half a byte per site.
    """

    cost = BLOCK

    def __init__(self, sites: Sites, pool: Pool) -> None:
        self._sites, self._pool = sites, pool
        blocks, sums = [np.empty(0, np.int64)], [np.empty(0)]
        for begin in range(0, pool.size, PIECE):
            places = np.arange(begin, min(begin + PIECE, -(-pool.size // BLOCK) * BLOCK))
            sums_here = sites.acceptance(self._within(places)).reshape(-1, BLOCK).sum(axis=1)
            there = np.flatnonzero(sums_here)
            blocks.append(begin // BLOCK + there)
            sums.append(sums_here[there])
        self._blocks, self._bounds = np.concatenate(blocks), np.cumsum(np.concatenate(sums))
        self.size = len(self._blocks) * BLOCK

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites at some places, ``EMPTY`` behind the end of the last block."""
        return self._within(self._blocks[places // BLOCK] * BLOCK + places % BLOCK)

    def propose(self, slots: NDArray[np.int32], address: Address, attempt: int) -> NDArray[np.int64]:
        """Return a site for each slot, ``EMPTY`` only if the user's function has changed its mind."""
        first, second = _uniforms(slots, address, attempt)
        block = _choose(self._bounds, first)
        keys = self.at(block[:, None] * BLOCK + np.arange(BLOCK))
        bounds = np.cumsum(self._sites.acceptance(keys.ravel()).reshape(keys.shape), axis=1)
        whole = bounds[:, -1:]
        # As in _choose, for each row.
        chosen = np.minimum((bounds <= second[:, None] * whole).sum(axis=1), (bounds < whole).sum(axis=1))
        return np.where(whole[:, 0] > 0, keys[np.arange(len(keys)), chosen], EMPTY)

    def _within(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites of the pool at some places, ``EMPTY`` where it has ended."""
        return np.where(places < self._pool.size, self._pool.at(np.minimum(places, self._pool.size - 1)), EMPTY)


def draw_by_proposals(
    sites: Sites, slots: NDArray[np.int32], address: Address, table: NDArray[np.int64], rooms: Rooms
) -> NDArray[np.int64]:
    """Occupy a random vacant site for each slot, in proportion to their probabilities."""
    draw, effort = _Draw(sites, slots, address, table, rooms), 0
    while len(draw.pending):
        pool, smallest = sites.pools(rooms)
        if effort >= PATIENCE * smallest.size:
            draw.list_free(smallest)
            break
        effort += ROUND + pool.cost * len(draw.pending)
        draw.take(pool.propose(slots[draw.pending], address, draw.rounds))
    return draw.keys[draw.keys != EMPTY]


def pieces(pool: Pool) -> Iterator[NDArray[np.int64]]:
    """Return all sites of a pool, some at a time."""
    for begin in range(0, pool.size, PIECE):
        yield pool.at(np.arange(begin, min(begin + PIECE, pool.size)))


class _Draw:
    """What one draw has found so far: a key for each slot, which of them are pending, and rounds of proposals."""

    def __init__(
        self, sites: Sites, slots: NDArray[np.int32], address: Address, table: NDArray[np.int64], rooms: Rooms
    ) -> None:
        self._sites, self._slots, self._address, self._table, self._rooms = sites, slots, address, table, rooms
        self.keys, self.pending, self.rounds = np.full(len(slots), EMPTY), np.arange(len(slots)), 0

    def take(self, proposed: NDArray[np.int64]) -> None:
        """Occupy those of the sites proposed to the pending slots that are free, in the order of the slots."""
        taken = proposed != EMPTY
        take_each(self._table, proposed, self._sites.num_post, self._sites.multapses, *self._rooms, taken)
        self.keys[self.pending[taken]] = proposed[taken]
        self.pending = self.pending[~taken]
        self.rounds += 1

    def list_free(self, pool: Pool) -> None:
        """List all sites of a pool that are free, and draw from these until all is placed or none is left.

        The first proposal of a round always finds its site free, and most others do; after it, those that are not
        leave the list.
        """
        free, weight = self._all_free(pool)
        while len(self.pending) and len(free):
            lots, _ = _uniforms(self._slots[self.pending], self._address, self.rounds)
            self.take(free[_choose(np.cumsum(weight), lots)])
            if len(self.pending):
                still = self._are_free(free)
                free, weight = free[still], weight[still]

    def _all_free(self, pool: Pool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return all sites of a pool that can be taken, and their probabilities."""
        found, weights = [np.empty(0, np.int64)], [np.empty(0)]
        for keys in pieces(pool):
            free = keys[self._are_free(keys)]
            weight = self._sites.acceptance(free)
            found.append(free[weight > 0])
            weights.append(weight[weight > 0])
        return np.concatenate(found), np.concatenate(weights)

    def _are_free(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which sites are vacant, or may be taken again, between neurons that have room."""
        free = np.ones(len(keys), np.bool_)
        for neurons, room in zip(np.divmod(keys, self._sites.num_post), self._rooms, strict=True):
            if room.size:
                free &= room[neurons] > 0
        if not self._sites.multapses:
            # A look into the table costs more than all the rest.
            occupied = np.empty(np.count_nonzero(free), np.bool_)
            contains_each(self._table, keys[free], occupied)
            free[free] = ~occupied
        return free


def _choose(bounds: NDArray[np.float64], lots: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a place for each lot, by cumulative probabilities; never one whose own is 0.

    It is the first whose bound lies above the lot, or the last that has a probability where rounding leaves none.
    """
    last = np.searchsorted(bounds, bounds[-1])
    return np.minimum(np.searchsorted(bounds, lots * bounds[-1], side="right"), last)


def _random_places(
    slots: NDArray[np.int32], listed: NDArray[np.int64], shape: tuple[int, int, int], address: Address, attempt: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return a random candidate, or place of a grid where none is listed, and a lot below 2**32, for each slot."""
    places, lots = np.empty(len(slots), np.int64), np.empty(len(slots), np.uint64)
    propose_each(slots, listed, shape, *address, np.uint64(attempt), places, lots)
    return places, lots


def _uniforms(
    slots: NDArray[np.int32], address: Address, attempt: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two uniform numbers for each slot."""
    first, second = np.empty(len(slots)), np.empty(len(slots))
    uniforms_each(slots, *address, np.uint64(attempt), first, second)
    return first, second
