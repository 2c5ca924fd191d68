"""Batches that are changed at random before they are shown, such as images that are shifted and mirrored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.randomness import Stream, generator

__all__ = ["Augment", "augmented"]

#: A function from a batch, shape (batch, num_in), which it may change, and a generator to the batch that is shown.
Augment = Callable[[NDArray[np.float32], np.random.Generator], Any]


def augmented(batch: NDArray[np.float32], augment: Augment, seed: int, step: int) -> NDArray[np.float32]:
    """Return what is shown in place of a batch: a function of batch, seed and step, so that a run can be resumed.

    Parameters
    ----------
    batch : ndarray of float32, shape (batch, num_in)
        May be changed.
    augment : callable
        The change.
    seed : int
        That of the network.
    step : int
        Number of batches shown before.

    Returns
    -------
    ndarray of float32, shape (batch, num_in)
        The changed batch.

    Raises
    ------
    ValueError
        If it has another shape, or a value is not finite.
    """
    shape = batch.shape
    found = np.ascontiguousarray(augment(batch, generator(seed, Stream.AUGMENT, step)), np.float32)
    if found.shape != shape:
        raise ValueError(f"augment must return a batch of shape {shape}, got {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError("augment must return finite values, got NaN or infinity.")
    return found
