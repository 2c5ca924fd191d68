"""The kernels of a sparse LSTM, with the columns of the batch, or the gates, divided among threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import lstm
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.tiles import SLOTS
from synaptic_sampling.rate.threads import columns, divided, parts

__all__ = ["by_columns", "weight_gradient"]

Array = NDArray[Any]

#: What a unit costs per step in multiply-adds of sixteen lanes: five functions with exponentials.
COST_OF_CELL = 128


def by_columns(kernel: Callable[..., None], z: Array, units: int, *arguments: Any) -> None:
    """Call a kernel that takes ``columns`` last for all of them; each thread has some.

    Parameters
    ----------
    kernel : callable
        One of those in ``lstm``.
    z : ndarray, shape (steps + 1, inputs + units, batch)
        Inputs and states.
    units : int
        Number of units.
    *arguments
        Those of the kernel: starts of groups, weights, and so on.
    """
    work = z.shape[0] * z.shape[2] * (COST_OF_CELL * units + len(arguments[1]))
    divided(kernel, [(*arguments, own) for own in columns(z.shape[2], work)])


def weight_gradient(
    starts: NDArray[np.int64],
    base: NDArray[np.int64],
    order: NDArray[np.int64],
    z: Array,
    slopes: Array,
    gradient: Array,
) -> None:
    """Write dE/dw of each connection, as the kernel of this name; each thread has some gates."""
    steps, _, batch = slopes.shape
    states = np.empty((z.shape[1], batch // LANES, steps, LANES), np.float32)
    lstm.turn(z, states)
    pieces: list[tuple[Any, ...]] = []
    for first, end in parts(starts, len(order) * steps * batch):
        row, sums = np.empty(states.shape[1:], np.float32), np.empty(SLOTS * LANES, np.float32)
        pieces.append((starts[first : end + 1], base * steps, order, states, first, slopes, row, sums, gradient))
    divided(lstm.weight_gradient, pieces)
