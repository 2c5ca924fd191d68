"""Copies of a network whose layers are all dense, or all sparse."""

from __future__ import annotations

from collections.abc import Sequence

from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rules import FixedWiring

__all__ = ["dense_copy", "sparse_copy"]


def dense_copy(network: RateNetwork) -> RateNetwork:
    """Return a network of dense layers that computes the same and has the same gradients; it is not meant to learn.

    Parameters
    ----------
    network : RateNetwork
        Stays unchanged.

    Returns
    -------
    RateNetwork
        With the same seed, weights and biases.

    Raises
    ------
    TypeError
        If a layer of your own does not implement ``copied``.
    """
    copy = RateNetwork([layer.copied(None) for layer in network.layers], FixedWiring(1.0), seed=network.seed)
    for old, new in zip(network.weighted, copy.weighted, strict=True):
        new.matrix[:], new.bias[:] = old.dense_weights(), old.bias
    return copy


def sparse_copy(network: RateNetwork, counts: Sequence[int]) -> RateNetwork:
    """Return a network of sparse layers of the same sizes, with random connections and weights.

    Parameters
    ----------
    network : RateNetwork
        Stays unchanged.
    counts : sequence of int
        Number of connections of each layer that has weights.

    Returns
    -------
    RateNetwork
        With the same options, rule and biases; dense matrices of a `SparseLSTM` stay dense, with the same weights.

    Raises
    ------
    TypeError
        If a layer of your own does not implement ``copied``.
    ValueError
        If there is not one number for each layer that has weights, or one of them is out of range.
    """
    if len(counts) != len(network.weighted):
        raise ValueError(f"counts must hold {len(network.weighted)} numbers, one per layer, got {len(counts)}.")
    rest = iter(counts)
    copy = RateNetwork([layer.copied(rest) for layer in network.layers], network.rule, **network.options)
    for old, new in zip(network.weighted, copy.weighted, strict=True):
        new.bias[:] = old.bias
        for (_, _, block), (_, _, own) in zip(getattr(old, "blocks", ()), getattr(new, "blocks", ()), strict=False):
            own.value[:] = block.value
    return copy
