"""Multilayer perceptrons for digits: 64-300-100-10 for those of scikit-learn, 784-300-100-10 for MNIST.

The parameters were chosen on the last part of the training images (`Task.split`), never on the test images: for each
method the learning rate, and for DEEP R also l1 and temperature. On the small digits all are constant over the run, so
that the exact law of survival by chance can be drawn beside what happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Part, load_digits, load_mnist
from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, ReLU, SparseLinear
from synaptic_sampling.rate.layers import Layer

__all__ = ["DIGITS", "MNIST", "Task", "make_mlp"]

Data = tuple[Part, Part]


class Task(NamedTuple):
    """A data set, the network for it, and how it learns.

    Attributes
    ----------
    load : callable
        From the folder of data sets to training and test part.
    sizes : tuple of int
        Units of each layer, the inputs first.
    num_validation : int
        Images at the end of the training part for choosing parameters.
    batch_size, epochs : int
        Defaults.
    connectivity : tuple of float
        Of each layer, by default.
    rules : dict
        By method; where there is none, methods that begin with a dense network learn as 'dense', others as 'fixed'.
    final_rate : float
        The learning rate in the end relative to that at the begin, between which it falls by the same factor per
        epoch; and the temperature likewise.
    l1 : float
        Of l1 shrinkage.
    """

    load: Callable[[str | os.PathLike[str] | None], Data]
    sizes: tuple[int, ...]
    num_validation: int
    batch_size: int
    epochs: int
    connectivity: tuple[float, ...]
    rules: dict[str, DeepR | FixedWiring]
    final_rate: float
    l1: float

    @property
    def sites(self) -> list[int]:
        """Return the number of possible connections of each layer."""
        return [num_in * num_out for num_in, num_out in pairwise(self.sizes)]

    def counts(self, connectivity: Sequence[float]) -> list[int]:
        """Return the number of connections of each layer.

        Parameters
        ----------
        connectivity : sequence of float
            Of each layer; or one for the whole network, which is shared out in proportion to the defaults, no layer
            getting more than all of its connections.

        Returns
        -------
        list of int
            Rounded down, at least 1.

        Raises
        ------
        ValueError
            If there are neither one nor as many as layers.
        """
        sites, shares = np.array(self.sites), np.array(connectivity, float)
        if len(shares) not in {1, len(sites)}:
            raise ValueError(f"connectivity must be one number or {len(sites)}, got {len(shares)}.")
        if len(shares) == 1:
            shares = _share_out(shares[0], sites, np.array(self.connectivity))
        return [max(1, int(count)) for count in np.floor(shares * sites + 1e-6)]

    def split(self, data: Data) -> Data:
        """Return the training part without its last images, and these in the place of the test part.

        Parameters
        ----------
        data : tuple
            Training and test part.

        Returns
        -------
        tuple
            For the choice of parameters.
        """
        (images, labels), _ = data
        n = len(labels) - self.num_validation
        return (images[:n], labels[:n]), (images[n:], labels[n:])


def _share_out(total: float, sites: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return connectivities in proportion to ``shares``, none above 1, whose mean over all sites is ``total``."""
    full = np.zeros(len(sites), np.bool_)
    while True:
        left = total * sites.sum() - sites[full].sum()
        scaled = np.where(full, 1.0, shares * left / max((shares * sites)[~full].sum(), 1e-300))
        if (scaled <= 1).all():
            return scaled
        full |= scaled > 1


def make_mlp(
    sizes: Sequence[int],
    rule: DeepR | FixedWiring,
    counts: Sequence[int] | None,
    *,
    budget: str = "layer",
    seed: int = 1,
) -> RateNetwork:
    """Return a network with ReLU and biases, untrained.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the inputs first.
    rule : DeepR or FixedWiring
        How it learns.
    counts : sequence of int or None
        Connections of each layer; None makes dense layers.
    budget : {'layer', 'network'}
        Whether each layer keeps its number of connections, or all together keep their sum.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        With equal counts and seeds, networks begin with the same wiring and the same weights.
    """
    layers: list[Layer] = []
    for n, (num_in, num_out) in enumerate(pairwise(sizes)):
        layer = Linear(num_in, num_out) if counts is None else SparseLinear(num_in, num_out, connections=counts[n])
        layers += [layer, ReLU()]
    return RateNetwork(layers[:-1], rule, budget=budget, seed=seed)


DIGITS = Task(
    load=lambda _: load_digits(),
    sizes=(64, 300, 100, 10),
    num_validation=300,
    batch_size=32,
    epochs=200,
    connectivity=(0.05, 0.05, 0.05),
    rules={
        "deepr": DeepR(learning_rate=0.005, l1=0.02, temperature=1e-3, optimizer=Adam()),
        "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
        "dense": FixedWiring(learning_rate=0.001, optimizer=Adam()),
    },
    final_rate=1.0,
    l1=1e-3,
)

#: Its noise per step is 1e-5 times the learning rate, as in the code of the authors: T = eta * 1e-10 / 2.
MNIST = Task(
    load=load_mnist,
    sizes=(784, 300, 100, 10),
    num_validation=5000,
    batch_size=10,
    epochs=10,
    connectivity=(0.01, 0.03, 0.3),
    rules={
        "deepr": DeepR(learning_rate=0.4, l1=1e-4, temperature=0.4 * 1e-10 / 2),
        "fixed": FixedWiring(learning_rate=0.6),
        "rigl": FixedWiring(learning_rate=0.4),
        "dense": FixedWiring(learning_rate=0.1),
        "l1": FixedWiring(learning_rate=0.2),
        "prune": FixedWiring(learning_rate=0.2),
    },
    final_rate=0.11,
    l1=1e-4,
)
