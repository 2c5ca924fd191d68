"""Multilayer perceptrons for digits: 64-300-100-10 for those of scikit-learn, 784-300-100-10 for MNIST.

Parameters were chosen on the last part of the training images (`Task.split`), never on the test images: the learning
rate of each method, l1 and temperature of DEEP R, and on MNIST also the schedule and the batch size
(docs/results/rate.md). On the small digits they are constant, so that the exact null law of survival applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from models.data import load_digits, load_mnist
from models.task import Task
from synaptic_sampling import Adam, DeepR, FixedWiring, RateNetwork, Rule, SoftDeepR, SynapticSampling
from synaptic_sampling.rate import Linear, ReLU, SparseLinear
from synaptic_sampling.rate.layers.layer import Layer

__all__ = ["DIGITS", "MNIST", "make_mlp"]


def make_mlp(
    sizes: Sequence[int],
    rule: Rule,
    counts: Sequence[int] | None,
    *,
    budget: str = "layer",
    seed: int = 1,
    **options: Any,
) -> RateNetwork:
    """Return an untrained network with ReLU and biases.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the inputs first.
    rule : Rule
        Learning rule.
    counts : sequence of int or None
        Connections of each layer; None makes dense layers.
    budget : {'layer', 'network'}
        What has a constant number of connections: each layer, or the network as a whole.
    seed : int
        Key of all random numbers.
    **options
        Of the network.

    Returns
    -------
    RateNetwork
        Networks with equal counts and seeds start with the same connections and weights.
    """
    layers: list[Layer] = []
    for n, (num_in, num_out) in enumerate(pairwise(sizes)):
        layer = Linear(num_in, num_out) if counts is None else SparseLinear(num_in, num_out, connections=counts[n])
        layers += [layer, ReLU()]
    return RateNetwork(layers[:-1], rule, budget=budget, seed=seed, **options)


def _make_mnist(rule: Rule, counts: Sequence[int] | None, **options: Any) -> RateNetwork:
    """Return a network for MNIST; with soft DEEP R, the depth is half the usual one, which spares slots."""
    depth: dict[str, Any] = {"depth": 5.0} if isinstance(rule, SoftDeepR) else {}
    return make_mlp((784, 300, 100, 10), rule, counts, **depth, **options)


DIGITS = Task(
    load=lambda _: load_digits(),
    make=partial(make_mlp, (64, 300, 100, 10)),
    sites=(19200, 30000, 1000),
    num_validation=300,
    batch_size=32,
    epochs=200,
    connectivity=(0.05, 0.05, 0.05),
    rules={
        "deepr": DeepR(learning_rate=0.005, l1=0.02, temperature=1e-3, optimizer=Adam()),
        "soft": SoftDeepR(learning_rate=0.005, l1=0.02, temperature=1e-3, connectivity=0.02, optimizer=Adam()),
        "sampling": SynapticSampling(1.0, 1.0, -1.64, 1.0, interval=3e-4, theta_range=(-6.0, 5.0), theta0=1.0),
        "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
        "dense": FixedWiring(learning_rate=0.001, optimizer=Adam()),
    },
    final_rate=1.0,
    l1=1e-3,
)

#: DEEP R: the noise per step is 5.2e-6 times the learning rate, as in the authors' code: T = eta * 5.2e-6**2 / 2.
MNIST = Task(
    load=load_mnist,
    make=_make_mnist,
    sites=(235200, 30000, 1000),
    num_validation=5000,
    batch_size=32,
    epochs=10,
    connectivity=(0.01, 0.03, 0.3),
    rules={
        "deepr": DeepR(learning_rate=0.97, l1=1.6e-4, temperature=0.97 * 5.2e-6**2 / 2),
        "soft": SoftDeepR(learning_rate=0.9, l1=2e-4, temperature=0.9 * 2e-5**2 / 2, connectivity=0.005),
        "sampling": SynapticSampling(1.0, 1.0, -1.0, 1.0, interval=1e-5, theta_range=(-6.0, 5.0), theta0=1.5),
        "fixed": FixedWiring(learning_rate=0.76),
        "rigl": FixedWiring(learning_rate=0.3),
        "set": FixedWiring(learning_rate=1.3),
        "dense": FixedWiring(learning_rate=0.2),
        "l1": FixedWiring(learning_rate=0.4),
        "prune": FixedWiring(learning_rate=0.4),
    },
    final_rate=0.015,
    linear=True,
    l1=2e-4,
    batch_sizes={"rigl": 10},
)
