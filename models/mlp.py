"""The multilayer perceptron 64-300-100-10 for the digits: sparse with DEEP R, sparse with fixed wiring, or dense.

The parameters were chosen on 300 of the training images, never on the test images: for each method the learning rate,
and for DEEP R also l1 and temperature, all constant over the run, so that the exact law of survival by chance can be
drawn beside what happens.
"""

from __future__ import annotations

from itertools import pairwise

from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, ReLU, SparseLinear
from synaptic_sampling.rate.layers import Layer

__all__ = ["BATCH_SIZE", "RULES", "SIZES", "make_mlp"]

SIZES = (64, 300, 100, 10)
BATCH_SIZE = 32

RULES = {
    "deepr": DeepR(learning_rate=0.005, l1=0.02, temperature=1e-3, optimizer=Adam()),
    "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
    "dense": FixedWiring(learning_rate=0.001, optimizer=Adam()),
}


def make_mlp(method: str, *, connectivity: float = 0.05, seed: int = 1) -> RateNetwork:
    """Return the network, untrained.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : float
        Share of the sites of each layer that hold a connection; of no importance where the network is dense.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        With ReLU and biases. Methods 'deepr' and 'fixed' begin with the same wiring and the same weights.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    if method not in RULES:
        raise ValueError(f"method must be one of {', '.join(map(repr, RULES))}, got {method!r}.")

    def affine(num_in: int, num_out: int) -> Layer:
        return (
            Linear(num_in, num_out) if method == "dense" else SparseLinear(num_in, num_out, connectivity=connectivity)
        )

    layers: list[Layer] = []
    for num_in, num_out in pairwise(SIZES):
        layers += [affine(num_in, num_out), ReLU()]
    return RateNetwork(layers[:-1], RULES[method], seed=seed)
