"""A convolutional network for CIFAR-10, similar in size to that of the DEEP R paper: sparse or dense.

    3 x 32 x 32 - conv 5 x 5, 64 - max-pool 2 - conv 5 x 5, 64 - max-pool 2 - 384 - 10,  with ReLU

The first convolution and the readout, which have few but important weights, have a higher connectivity than the others.
Parameters were chosen on the last 5000 training images, never on test images, in four epochs of 10 000 images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.cifar10 import load_cifar10
from models.task import Task
from synaptic_sampling import Adam, DeepR, FixedWiring, RateNetwork
from synaptic_sampling.rate import Linear, ReLU, SparseLinear
from synaptic_sampling.rate.layers.convolution import Conv2d, SparseConv2d
from synaptic_sampling.rate.layers.layer import Layer
from synaptic_sampling.rate.layers.pooling import MaxPool2d

__all__ = ["CIFAR10", "crops_and_flips", "make_cnn"]

SIZE, CHANNELS, CLASSES = 32, 3, 10
#: Pixels by which images are shifted at most.
SHIFT = 4
MAPS, KERNEL, PADDING, HIDDEN = 64, 5, 2, 384
#: Possible connections of each layer that has weights.
SITES = (
    CHANNELS * KERNEL**2 * MAPS,
    MAPS * KERNEL**2 * MAPS,
    MAPS * (SIZE // 4) ** 2 * HIDDEN,
    HIDDEN * CLASSES,
)


def make_cnn(
    rule: DeepR | FixedWiring, counts: Sequence[int] | None, *, budget: str = "layer", seed: int = 1
) -> RateNetwork:
    """Return the untrained network.

    Parameters
    ----------
    rule : DeepR or FixedWiring
        Learning rule.
    counts : sequence of int or None
        Connections of each layer that has weights, at most ``SITES``; None makes dense layers.
    budget : {'layer', 'network'}
        What has a constant number of connections: each layer, or the network as a whole.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        Networks with equal counts and seeds start with the same connections and weights.
    """
    weighted: list[Layer]
    flat = MAPS * (SIZE // 4) ** 2
    if counts is None:
        weighted = [
            Conv2d(CHANNELS, MAPS, KERNEL, 1, PADDING, size=SIZE),
            Conv2d(MAPS, MAPS, KERNEL, 1, PADDING),
            Linear(flat, HIDDEN),
            Linear(HIDDEN, CLASSES),
        ]
    else:
        weighted = [
            SparseConv2d(CHANNELS, MAPS, KERNEL, 1, PADDING, connections=counts[0], size=SIZE),
            SparseConv2d(MAPS, MAPS, KERNEL, 1, PADDING, connections=counts[1]),
            SparseLinear(flat, HIDDEN, connections=counts[2]),
            SparseLinear(HIDDEN, CLASSES, connections=counts[3]),
        ]
    first, second, third, last = weighted
    # Pooling before ReLU gives the same as after it, for a quarter of the work.
    layers = [first, MaxPool2d(2), ReLU(), second, MaxPool2d(2), ReLU(), third, ReLU(), last]
    return RateNetwork(layers, rule, budget=budget, seed=seed)


def crops_and_flips(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return images that are shifted by up to four pixels in both directions, and half of them mirrored.

    Parameters
    ----------
    images : ndarray of float32, shape (n, 3*32*32)
        By channel, row and column.
    rng : numpy.random.Generator
        Chooses shifts and images to be mirrored.

    Returns
    -------
    ndarray of float32, shape (n, 3*32*32)
        The changed images; what was outside is 0.
    """
    around = np.pad(images.reshape(-1, CHANNELS, SIZE, SIZE), ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    crops = sliding_window_view(around, (SIZE, SIZE), axis=(2, 3))  # type: ignore[call-overload]
    top, left = (rng.random((2, len(images))) * (2 * SHIFT + 1)).astype(np.int64)
    found = crops[np.arange(len(images)), :, top, left].copy()
    mirrored = rng.random(len(images)) < 0.5
    found[mirrored] = found[mirrored, ..., ::-1]
    return found.reshape(images.shape)


CIFAR10 = Task(
    load=load_cifar10,
    make=make_cnn,
    sites=SITES,
    num_validation=5000,
    batch_size=32,
    epochs=10,
    connectivity=(0.3, 0.05, 0.05, 0.3),
    rules={
        "deepr": DeepR(learning_rate=0.005, l1=0.01, temperature=1e-6, optimizer=Adam()),
        "fixed": FixedWiring(learning_rate=0.005, optimizer=Adam()),
        "dense": FixedWiring(learning_rate=0.0005, optimizer=Adam()),
    },
    final_rate=0.1,
    quick=64,
)
