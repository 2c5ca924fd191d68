"""Samples that a network takes: checked, and recognised as pixels that were not scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array

__all__ = ["are_bytes", "as_samples"]

#: Integers whose maximum lies between these two are taken for pixels that have not been scaled.
BRIGHT, MAX_BYTE = 128, 255


def as_samples(samples: ArrayLike, num_in: int) -> NDArray[np.float32]:
    """Return samples of shape (n, num_in) as C-contiguous float32, or raise a TypeError or ValueError."""
    x = np.ascontiguousarray(check_array("samples", samples), np.float32)
    if x.ndim != 2 or x.shape[1] != num_in or not len(x):
        raise ValueError(f"samples must have shape (n, {num_in}) with n > 0, got {x.shape}.")
    if not np.isfinite(x).all():
        n, feature = (int(k) for k in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(f"samples must be finite, got {x[n, feature]} as feature {feature} of sample {n}.")
    return x


def are_bytes(x: NDArray[np.float32]) -> bool:
    """Return whether samples appear to be pixels from 0 to 255."""
    return bool(BRIGHT <= x.max() <= MAX_BYTE and x.min() >= 0 and (x == np.round(x)).all())
