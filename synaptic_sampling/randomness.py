"""Addressed random numbers: each is a pure function of (seed, stream, step, slot), independent of order and process.

See ``_kernels/philox.py`` for the generator (Philox4x32-10, Salmon et al. 2011).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_seed
from synaptic_sampling._kernels.philox import fill_normals, fill_uniforms

__all__ = ["LAST_STEP", "Stream", "generator", "key_words", "normals", "permutation", "stream_word", "uniforms"]

#: The last step of a run: a step number is one 32-bit word.
LAST_STEP = 2**32 - 1
#: The largest number of a set of connections.
MAX_SET = 2**16 - 1


class Stream(IntEnum):
    """What a random number is used for; different streams have different numbers."""

    NOISE = 0
    BIRTH = 1
    SIGN = 2
    WIRING = 3
    THETA = 4
    ORDER = 5
    SPLIT = 6
    DROPOUT = 7
    DATA = 8
    SOJOURN = 9
    LANDING = 10
    DEEP = 11
    AXONAL = 12
    DENDRITIC = 13
    AXONAL_PAIR = 14
    DENDRITIC_PAIR = 15
    BOOTSTRAP = 16
    STUDY = 17
    AUGMENT = 18


def key_words(seed: int) -> tuple[np.uint64, np.uint64]:
    """Return the two 32-bit words, low and high, of the Philox key of a seed."""
    seed = check_seed(seed)
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def stream_word(stream: Stream, index: int = 0) -> np.uint64:
    """Return the counter word ``stream | set << 8``."""
    return np.uint64(int(stream) | index << 8)


def normals(seed: int, stream: Stream, step: int, n: int, index: int = 0) -> NDArray[np.float64]:
    """Return the standard normal random numbers of slots 0 to n - 1.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : Stream
        What the numbers are used for.
    step : int
        0 to 2**32 - 1.
    n : int
        How many numbers.
    index : int
        Number of the set of connections.

    Returns
    -------
    ndarray of float64, shape (n,)
        Independent; the first m numbers are the same for every n >= m.
    """
    out = np.empty(check_integer("n", n, minimum=0, maximum=2**34))
    fill_normals(*_address(seed, stream, step, index), out)
    return out


def uniforms(seed: int, stream: Stream, step: int, n: int, index: int = 0) -> NDArray[np.float64]:
    """Return the uniform random numbers in (0, 1) of slots 0 to n - 1.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : Stream
        What the numbers are used for.
    step : int
        0 to 2**32 - 1.
    n : int
        How many numbers.
    index : int
        Number of the set of connections.

    Returns
    -------
    ndarray of float64, shape (n,)
        Independent; on a grid of 2**32 points that excludes 0 and 1.
    """
    out = np.empty(check_integer("n", n, minimum=0, maximum=2**34))
    fill_uniforms(*_address(seed, stream, step, index), out)
    return out


def permutation(seed: int, stream: Stream, step: int, n: int, index: int = 0) -> NDArray[np.int64]:
    """Return a random order of 0 to n - 1.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : Stream
        What the order is used for.
    step : int
        0 to 2**32 - 1, for example the epoch.
    n : int
        How many numbers.
    index : int
        Number of the set of connections.

    Returns
    -------
    ndarray of int64, shape (n,)
        The order that sorts n uniform numbers; equal ones (n**2 / 2**33 pairs are expected) stay in ascending order.
    """
    return np.argsort(uniforms(seed, stream, step, n, index), kind="stable")


def generator(seed: int, stream: Stream, step: int) -> np.random.Generator:
    """Return a generator of NumPy for functions of users that need one, at an address of its own.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : Stream
        What the numbers are used for.
    step : int
        0 to 2**32 - 1.

    Returns
    -------
    numpy.random.Generator
        Of a Philox4x64 generator with the seed as its key; its numbers depend on the three arguments only.
    """
    at, word, *_ = _address(seed, stream, step, 0)
    counter = np.array([0, 0, at, word], np.uint64)
    return np.random.Generator(np.random.Philox(key=check_seed(seed), counter=counter))


def _address(seed: int, stream: Stream, step: int, index: int) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    check_integer("stream", stream, minimum=0, maximum=2**8 - 1)
    step = check_integer("step", step, minimum=0, maximum=LAST_STEP)
    index = check_integer("index", index, minimum=0, maximum=MAX_SET)
    return np.uint64(step), stream_word(stream, index), *key_words(seed)
