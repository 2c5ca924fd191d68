"""A convolutional net for CIFAR-10, of the order of that of the DEEP R paper: sparse, fixed and sparse, or dense.

    3 x 32 x 32 - conv 5 x 5, 64 - max-pool 2 - conv 5 x 5, 64 - max-pool 2 - 384 - 10,  with ReLU

The first convolution and the readouts, few weights on which all depends, get six times the connectivity of the others.
Parameters were chosen on the last 5000 training images, never on test images, with 10 000 images and few epochs.
"""

from __future__ import annotations

import os

from models.cifar10 import load_cifar10
from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, ReLU, SparseLinear, Trainer
from synaptic_sampling.rate.convolution import SparseConv2d
from synaptic_sampling.rate.dense_convolution import Conv2d
from synaptic_sampling.rate.layers import Layer
from synaptic_sampling.rate.pooling import MaxPool2d
from synaptic_sampling.rate.schedules import Decay
from synaptic_sampling.rate.trainer import Report

__all__ = ["BATCH_SIZE", "CONNECTIVITY", "EPOCHS", "RULES", "make_cnn", "train"]

SIZE, CHANNELS, CLASSES = 32, 3, 10
MAPS, KERNEL, PADDING, HIDDEN = 64, 5, 2, 384
BATCH_SIZE = 32
CONNECTIVITY = 0.05
EPOCHS = 10
#: Of the first convolution and of the readouts, relative to that of the others.
SHARE_AT_ENDS = 6
#: The learning rate is multiplied by it after each epoch.
DECAY = 0.7

RULES = {
    "deepr": DeepR(learning_rate=0.005, l1=0.01, temperature=1e-6, optimizer=Adam()),
    "fixed": FixedWiring(learning_rate=0.005, optimizer=Adam()),
    "dense": FixedWiring(learning_rate=0.0005, optimizer=Adam()),
}


def make_cnn(method: str, *, connectivity: float = CONNECTIVITY, seed: int = 1) -> RateNetwork:
    """Return the network, untrained.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : float
        Share of the weights of the second convolution and the large dense layer that exist; of no importance where
        the network is dense.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        Methods 'deepr' and 'fixed' begin with the same wiring and the same weights.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    if method not in RULES:
        raise ValueError(f"method must be one of {', '.join(map(repr, RULES))}, got {method!r}.")
    flat, more = MAPS * (SIZE // 4) ** 2, min(1.0, SHARE_AT_ENDS * connectivity)
    weighted: list[Layer]
    if method == "dense":
        weighted = [
            Conv2d(CHANNELS, MAPS, KERNEL, 1, PADDING, size=SIZE),
            Conv2d(MAPS, MAPS, KERNEL, 1, PADDING),
            Linear(flat, HIDDEN),
            Linear(HIDDEN, CLASSES),
        ]
    else:
        weighted = [
            SparseConv2d(CHANNELS, MAPS, KERNEL, 1, PADDING, connectivity=more, size=SIZE),
            SparseConv2d(MAPS, MAPS, KERNEL, 1, PADDING, connectivity=connectivity),
            SparseLinear(flat, HIDDEN, connectivity=connectivity),
            SparseLinear(HIDDEN, CLASSES, connectivity=more),
        ]
    first, second, third, last = weighted
    # Pooling before ReLU gives the same as after it, for a quarter of the work.
    layers = [first, MaxPool2d(2), ReLU(), second, MaxPool2d(2), ReLU(), third, ReLU(), last]
    return RateNetwork(layers, RULES[method], seed=seed)


def train(
    method: str = "deepr",
    *,
    connectivity: float = CONNECTIVITY,
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
    connectivity : float
        See `make_cnn`.
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
    net = make_cnn(method, connectivity=connectivity, seed=seed)
    trainer = Trainer(net, schedule=Decay(RULES[method], learning_rate=DECAY))
    trainer.fit(images, labels, epochs=epochs, batch_size=BATCH_SIZE, test=test, report=report)
    return trainer
