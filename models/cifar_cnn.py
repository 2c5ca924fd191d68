"""A convolutional net for CIFAR-10, of the order of that of the DEEP R paper: sparse, fixed and sparse, or dense.

    3 x 32 x 32 - conv 5 x 5, 64 - max-pool 2 - conv 5 x 5, 64 - max-pool 2 - 384 - 10,  with ReLU

The first convolution and the readouts, few weights on which all depends, have a higher connectivity than the others.
Parameters were chosen on the last 5000 training images, never on test images, with 10 000 images and few epochs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from models.cifar10 import load_cifar10
from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, ReLU, SparseLinear, Trainer
from synaptic_sampling.rate.convolution import SparseConv2d
from synaptic_sampling.rate.dense_convolution import Conv2d
from synaptic_sampling.rate.layers import Layer
from synaptic_sampling.rate.pooling import MaxPool2d
from synaptic_sampling.rate.schedules import Decay
from synaptic_sampling.rate.trainer import Report

__all__ = ["BATCH_SIZE", "CONNECTIVITY", "EPOCHS", "FINAL_RATE", "RULES", "SITES", "make_cnn", "train"]

SIZE, CHANNELS, CLASSES = 32, 3, 10
MAPS, KERNEL, PADDING, HIDDEN = 64, 5, 2, 384
#: Possible connections of each layer that has weights, and the share of them that exists by default.
SITES = (
    CHANNELS * KERNEL**2 * MAPS,
    MAPS * KERNEL**2 * MAPS,
    MAPS * (SIZE // 4) ** 2 * HIDDEN,
    HIDDEN * CLASSES,
)
CONNECTIVITY = (0.3, 0.05, 0.05, 0.3)
BATCH_SIZE = 32
EPOCHS = 10
#: Learning rate and temperature in the end, relative to those at the begin; they fall by a factor after each epoch.
FINAL_RATE = 0.1

RULES = {
    "deepr": DeepR(learning_rate=0.005, l1=0.01, temperature=1e-6, optimizer=Adam()),
    "fixed": FixedWiring(learning_rate=0.005, optimizer=Adam()),
    "dense": FixedWiring(learning_rate=0.0005, optimizer=Adam()),
}


def make_cnn(
    rule: DeepR | FixedWiring, counts: Sequence[int] | None, *, budget: str = "layer", seed: int = 1
) -> RateNetwork:
    """Return the network, untrained.

    Parameters
    ----------
    rule : DeepR or FixedWiring
        How it learns.
    counts : sequence of int or None
        Connections of each layer that has weights, at most ``SITES``; None makes dense layers.
    budget : {'layer', 'network'}
        Whether each layer keeps its number of connections, or all together keep their sum.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        With equal counts and seeds, networks begin with the same wiring and the same weights.
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


def train(
    method: str = "deepr",
    *,
    connectivity: Sequence[float] = CONNECTIVITY,
    seed: int = 1,
    epochs: int = EPOCHS,
    data_dir: str | os.PathLike[str] | None = None,
    validation: bool = False,
    subset: int | None = None,
    report: Report | str | None = None,
) -> Trainer:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : sequence of float
        Of each layer that has weights; of no importance where the network is dense.
    seed : int
        Of wiring, weights, order of images, noise and births.
    epochs : int
        How often each image is shown.
    data_dir : path-like, optional
        The folder of all data sets.
    validation : bool
        Whether parameters are being chosen, see `load_cifar10`.
    subset : int, optional
        Only so many of the training images.
    report : callable or str, optional
        Progress, as for ``Trainer.fit``.

    Returns
    -------
    Trainer
        With network, tests and log.
    """
    (images, labels), test = load_cifar10(data_dir, validation=validation, subset=subset)
    counts = [max(1, int(share * sites)) for share, sites in zip(connectivity, SITES, strict=True)]
    net = make_cnn(RULES[method], None if method == "dense" else counts, seed=seed)
    factor = FINAL_RATE ** (1 / epochs)
    trainer = Trainer(net, schedule=Decay(RULES[method], learning_rate=factor, temperature=factor))
    trainer.fit(images, labels, epochs=epochs, batch_size=BATCH_SIZE, test=test, report=report)
    return trainer
