"""Data sets, as arrays that a network can be shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from synaptic_sampling.randomness import Stream, permutation

__all__ = ["Part", "load_digits"]

#: Images [n, pixels] with values 0 to 1, and their labels [n].
Part = tuple[NDArray[np.float64], NDArray[np.int64]]

#: Images for testing; the split is the same for ever, and each digit has its share in both parts.
NUM_TEST = 450
SPLIT_SEED = 1797


def load_digits() -> tuple[Part, Part]:
    """Return the handwritten digits of the UCI repository that come with scikit-learn, 8 by 8 pixels.

    Returns
    -------
    train, test : tuple of ndarray
        Images, shapes (1347, 64) and (450, 64), values 0 to 1; labels 0 to 9.
    """
    bunch = datasets.load_digits()
    images, labels = bunch.data / 16.0, bunch.target.astype(np.int64)
    order = permutation(SPLIT_SEED, Stream.SPLIT, 0, len(labels))
    # The n-th image of a digit out of N stands at (n + 1/2)/N: an even mixture of all digits at every place.
    place = np.empty(len(labels))
    for digit in range(10):
        own = order[labels[order] == digit]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    mixed = np.argsort(place, kind="stable")
    test, train = np.sort(mixed[:NUM_TEST]), np.sort(mixed[NUM_TEST:])
    return (images[train], labels[train]), (images[test], labels[test])
