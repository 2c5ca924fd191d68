"""How the sign of a connection is found: from a random word with an address, or from a table."""

from __future__ import annotations

import numpy as np

from synaptic_sampling._numba import merged

__all__ = [
    "ANY_POST",
    "SIGN_GIVEN_PRE",
    "SIGN_GIVEN_SITE",
    "SIGN_OF_PRE",
    "SIGN_OF_SITE",
    "SIGN_REDRAWN",
    "address_of_sign",
    "sign_of",
]

#: Represents "any postsynaptic neuron" in the address of a presynaptic sign; no neuron has this index.
ANY_POST = np.uint64(0xFFFFFFFF)

#: How the sign of a site is found; ``connections.signs.SIGNS`` has the public names.
SIGN_OF_SITE, SIGN_OF_PRE, SIGN_REDRAWN, SIGN_GIVEN_PRE, SIGN_GIVEN_SITE = range(5)


@merged
def address_of_sign(mode, pre, post, slot, step):
    """Return where the random word of a sign is: at the site, the presynaptic neuron, or (redrawn) slot and step."""
    first, second = np.uint64(pre), np.uint64(post)
    if mode == SIGN_OF_PRE:
        second = ANY_POST
    elif mode == SIGN_REDRAWN:
        first, second = np.uint64(slot), step
    return first, second


@merged
def sign_of(mode, table, threshold, pre, post, num_post, word):
    """Return a sign: given per presynaptic neuron or per site in ``table``, or +1 where a word is below a threshold."""
    if mode == SIGN_GIVEN_PRE:
        return table[pre]
    if mode == SIGN_GIVEN_SITE:
        return table[np.int64(pre) * num_post + post]
    return np.int8(1) if word < threshold else np.int8(-1)
