"""More connections where a draw with limits on the degrees of both sides is stuck: some of those drawn are exchanged.

The last vacant sites may lie between neurons of which one has no free degree, although more connections are possible: a
connection then leaves room for another one by moving to another neuron. Such exchanges form an augmenting path of a
bipartite graph, from a presynaptic to a postsynaptic neuron with free degree. Without one, the number is the largest.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.randomness import Stream, permutation

if TYPE_CHECKING:
    from synaptic_sampling.connections.sites import Sites

__all__ = ["completed"]

#: Larger than every key.
LAST_KEY = np.iinfo(np.int64).max


def completed(sites: Sites, keys: NDArray[np.int64], number: int, seed: int, index: int) -> NDArray[np.int64]:
    """Return the keys of ``number`` connections, or of as many as are possible, given those of a draw that is stuck."""
    exchanges = 0
    while len(keys) < number:
        exchanges += 1
        order = permutation(seed, Stream.WIRING, exchanges, sites.num_pre + sites.num_post, index)
        added, removed = _shortest_path(sites, keys, order)
        if not added:
            break
        keys = np.append(keys, added[0])
        keys[removed] = added[1:]
    return keys


def _shortest_path(sites: Sites, keys: NDArray[np.int64], order: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return keys to add, one more than those to remove, and the places of the latter; no keys if there is no path.

    ``order`` is a random order of all neurons, which decides between paths of equal length.
    """
    pre, post = np.divmod(keys, sites.num_post)
    free_out, free_in = sites.degrees.free(pre, post, np.empty(0, np.int32))
    occupied = np.append(np.sort(keys), LAST_KEY)
    at_post = np.argsort(post, kind="stable")
    bounds = np.searchsorted(post[at_post], np.arange(sites.num_post + 1))
    senders, unreached = order[order < sites.num_pre], order[order >= sites.num_pre] - sites.num_pre
    starts = senders[free_out[senders] > 0]
    is_known, left = np.zeros(sites.num_pre, np.bool_), np.full(sites.num_pre, -1)  # The connection that would move.
    reached_from = np.empty(sites.num_post, np.int64)
    is_known[starts] = True
    queue = deque(starts.tolist())
    while queue and len(unreached):
        i = queue.popleft()
        row = i * sites.num_post + unreached
        is_open = sites.accepts(row, np.zeros(len(row)))
        if not sites.multapses:
            is_open &= occupied[np.searchsorted(occupied, row)] != row
        reached, unreached = unreached[is_open], unreached[~is_open]
        reached_from[reached] = i
        ends = reached[free_in[reached] > 0]
        if len(ends):
            return _traced_back(int(ends[0]), keys, sites.num_post, left, reached_from)
        for j in reached.tolist():
            for k in at_post[bounds[j] : bounds[j + 1]].tolist():
                if not is_known[pre[k]]:
                    is_known[pre[k]], left[pre[k]] = True, k
                    queue.append(int(pre[k]))
    return [], []


def _traced_back(
    j: int, keys: NDArray[np.int64], num_post: int, left: NDArray[np.int64], reached_from: NDArray[np.int64]
) -> tuple[list[int], list[int]]:
    """Return the keys to add on the path that ends in postsynaptic neuron ``j``, and the places to remove."""
    added: list[int] = []
    removed: list[int] = []
    while True:
        i = int(reached_from[j])
        added.append(i * num_post + j)
        if left[i] < 0:
            return added, removed
        removed.append(int(left[i]))
        j = int(keys[left[i]] % num_post)
