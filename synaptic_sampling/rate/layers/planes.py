"""The kernels of a sparse convolution, with their output channels or connections divided among threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import convolution
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling.rate.layers.parameters import aligned
from synaptic_sampling.rate.threads import divided, parts

__all__ = ["bordered", "gather", "weight_gradient"]

Array = NDArray[Any]


def bordered(x: Array, corner: tuple[int, int], height: int, width: int, memory: Array) -> Array:
    """Return ``x`` in larger planes of zeros, as [part of the batch, channel, row, column, lane].

    The result of an earlier call, ``memory``, is reused if it has the right shape.
    """
    shape = x.shape[3] // LANES, x.shape[0], height, width, LANES
    if memory.shape != shape:
        memory = aligned(math.prod(shape[:4]), LANES).reshape(shape)
    convolution.border(x, *corner, memory)
    return memory


def gather(
    starts: NDArray[np.int64],
    weight: Array,
    base: NDArray[np.int64],
    first: Array,
    source: Array,
    stride: tuple[int, int, int, int],
    target: Array,
    corner: NDArray[np.int64],
) -> None:
    """Write the sums over connections, as the kernel of this name; each thread has some groups."""
    work = len(weight) * stride[2] * stride[3] * target.shape[3]
    pieces = [
        (starts[one : end + 1], weight, base, first[one:end], source, stride, target, corner[one:end])
        for one, end in parts(starts, work)
    ]
    divided(convolution.gather, pieces)


def weight_gradient(
    starts: NDArray[np.int64],
    base: NDArray[np.int64],
    order: NDArray[np.int64],
    source: Array,
    stride: int,
    delta: Array,
    gradient: Array,
) -> None:
    """Write dE/dw of each connection, as the kernel of this name; each thread has some groups."""
    sums, pieces = np.empty((len(order), LANES), np.float32), []
    for one, end in parts(starts, len(order) * delta[0].size):
        own = slice(starts[one], starts[end])
        given = starts[one : end + 1] - starts[one], base[own], order[own], source, stride, delta[one:end]
        pieces.append((*given, sums[own].reshape(-1), gradient))
    divided(convolution.weight_gradient, pieces)
