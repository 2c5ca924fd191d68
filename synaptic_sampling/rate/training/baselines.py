"""Other ways to a sparse network, for comparison with DEEP R: RigL, l1 shrinkage, magnitude pruning; see also `SET`.

All of them learn by `FixedWiring`, under which a weight may change its sign. `RigL` and `SET` are given to a `Trainer`
as ``between``, `Shrinkage` is given to ``fit`` as ``watch``, and `prune` turns a trained network into a sparse one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, check_integer, check_number, read_array
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate.export.copies import dense_copy, sparse_copy
from synaptic_sampling.rate.layers.storage import kind_of
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.training.between import warn_of_two_rules
from synaptic_sampling.rate.training.losses import targets_for
from synaptic_sampling.rate.training.trainer import Trainer
from synaptic_sampling.rules import magnitude as rules
from synaptic_sampling.rules import step

__all__ = ["RigL", "Shrinkage", "prune"]


class RigL:
    """The rigged lottery (Evci et al. 2020): the weakest connections move to the sites with the largest gradients.

    The gradient of every site needs the memory of a dense matrix per layer whenever it is computed.

    Parameters
    ----------
    samples, labels : ndarray
        The training set.
    batch_size : int
        Number of samples, drawn at random, over which the gradient is averaged.
    steps : int
        Number of steps during which connections are rewired; the fraction that is replaced decreases from ``fraction``
        to 0 as half a cosine.
    fraction : float
        Fraction of the connections that is replaced the first time, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or the numbers of samples and labels differ. Labels are
        compared with the network when it is rewired for the first time.
    """

    def __init__(
        self,
        samples: NDArray[Any],
        labels: NDArray[Any],
        *,
        batch_size: int,
        steps: int,
        fraction: float = 0.3,
    ) -> None:
        self.samples, self.labels = check_array("samples", samples), read_array("labels", labels)
        if self.samples.ndim != 2 or self.labels.shape[:1] != self.samples.shape[:1]:
            raise ValueError(
                f"samples must have shape (n, num_in) and labels (n, ...), got {self.samples.shape} and "
                f"{self.labels.shape}."
            )
        self.batch_size = check_integer("batch_size", batch_size, minimum=1, maximum=max(1, len(self.samples)))
        self.steps = check_integer("steps", steps, minimum=1, maximum=2**62)
        self.fraction = rules.RigL(fraction).fraction

    def __repr__(self) -> str:
        return f"RigL(batch_size={self.batch_size}, steps={self.steps}, fraction={self.fraction})"

    def __call__(self, trainer: Trainer) -> list[RewiringInfo]:
        """Rewire all sparse layers.

        Parameters
        ----------
        trainer : Trainer
            Whose network is changed.

        Returns
        -------
        list of RewiringInfo
            One for each layer.
        """
        warn_of_two_rules(self, trainer.network)
        if trainer.steps_done >= self.steps:
            return []
        fraction = self.fraction / 2 * (1 + math.cos(math.pi * trainer.steps_done / self.steps))
        rule = rules.RigL(fraction)
        return [
            step(layer.connections, rule, site_gradient=gradient.T)
            for layer, gradient in self._dense_gradients(trainer)
        ]

    def _dense_gradients(self, trainer: Trainer) -> list[tuple[Any, NDArray[np.float32]]]:
        """Return dE/dw of every site [post, pre] of every sparse layer, from a dense network that computes the same."""
        net, loss = trainer.network, trainer.loss
        order = permutation(net.seed, Stream.DATA, trainer.steps_done, len(self.samples))[: self.batch_size]
        x = net.check_samples(self.samples[order])
        targets = targets_for(loss, self.labels, len(self.samples), net)[order]
        dense = dense_copy(net)
        dense.gradients(x, targets, loss, training=False)
        pairs = zip(net.weighted, dense.weighted, strict=True)
        return [(old, new.parameters[0].gradient) for old, new in pairs if old.connections is not None]


@dataclass(frozen=True)
class Shrinkage:
    """l1 shrinkage of dense layers (Tibshirani 1996; Collins and Kohli 2014): every step moves all weights towards 0.

    A weight that would cross 0 stays at 0 until its gradient exceeds ``l1`` (proximal gradient descent).

    Parameters
    ----------
    l1 : float
        Slope of the penalty, > 0.
    """

    l1: float

    def __post_init__(self) -> None:
        check_number("l1", self.l1, above=0.0)

    def __call__(self, trainer: Trainer) -> None:
        """Shrink all weights of dense layers.

        Parameters
        ----------
        trainer : Trainer
            Whose network is changed after a step.
        """
        amount = np.float32(trainer.network.dense_rule.learning_rate * self.l1)
        for layer in trainer.network.weighted:
            if layer.connections is None:
                layer.matrix[:] -= np.clip(layer.matrix, -amount, amount)


def prune(network: RateNetwork, counts: Sequence[int]) -> RateNetwork:
    """Return a network of sparse layers with the largest weights of another one (Han et al. 2015).

    Parameters
    ----------
    network : RateNetwork
        Stays unchanged.
    counts : sequence of int
        Number of weights to keep, for each layer that has weights.

    Returns
    -------
    RateNetwork
        With the same biases, rule, seed and other options: ``signals``, ``dense_rule``, ``signs`` and ``budget``. The
        weights keep their signs, also those of dense layers, which ``signs`` does not govern.

    Raises
    ------
    TypeError
        If it is not a network, counts are not integers, or a layer of your own does not implement ``copied``.
    ValueError
        If there is not one number for each layer that has weights, one of them is not between 1 and the number of
        weights, or the rule of the network stores retracted connections.
    """
    if not isinstance(network, RateNetwork):
        raise TypeError(f"network must be a RateNetwork, got {network!r}.")
    if kind_of(network.rule) is not Connections:
        raise ValueError(
            f"rule of the network must be one on existing connections, such as FixedWiring, got {network.rule!r}; "
            "a pruned network has the same rule."
        )
    numbers = check_array("counts", counts, "iu")
    if numbers.ndim != 1:
        raise ValueError(f"counts must be a list of numbers, one for each layer that has weights, got {counts!r}.")
    existing = [old.matrix.size if old.connections is None else len(old.connections) for old in network.weighted]
    if numbers.shape == (len(existing),) and (numbers > existing).any():
        raise ValueError(f"counts must be at most {existing}, the numbers of weights, got {numbers.tolist()}.")
    pruned = sparse_copy(network, numbers.tolist())
    for old, new in zip(network.weighted, pruned.weighted, strict=True):
        _take_strongest(old, new.connections)
    return pruned


def _take_strongest(old: Any, c: Connections) -> None:
    """Replace connections by the strongest ones of a layer."""
    if old.connections is None:
        post, pre = (indices.ravel() for indices in np.indices(old.matrix.shape))
        weights, polarity = old.matrix.ravel(), np.ones(old.matrix.size, np.int8)
    else:
        pre, post, weights = old.connections.pre, old.connections.post, old.connections.weights
        polarity = old.connections.polarity
    kept = np.argsort(-np.abs(weights), kind="stable")[: len(c)]
    kept = kept[np.argsort(c.sites.keys(pre[kept], post[kept]))]
    signs = np.where(weights == 0, polarity, np.sign(weights)).astype(np.int8)[kept]
    own = {"pre": pre[kept], "post": post[kept], "theta": np.abs(weights[kept]), "polarity": signs}
    c.restore({**c.state(), **own})
