"""Other ways to a sparse network, with which DEEP R is compared: SET, RigL, l1 shrinkage, pruning by magnitude.

All of them learn by `FixedWiring`: a weight may change its sign. SET and RigL are given to a `Trainer` as ``between``,
`Shrinkage` to ``fit`` as ``watch``; `prune` makes a sparse network of a trained one.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling import sampler
from synaptic_sampling._checks import check_array, check_integer, check_number, read_array
from synaptic_sampling._kernels.vacancy import _take_each
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.trainer import Trainer
from synaptic_sampling.rate.twins import DENSE, dense_twin, sparse_twin, weighted
from synaptic_sampling.rules import DeepR

__all__ = ["SET", "RigL", "Shrinkage", "prune"]

_log = logging.getLogger(__name__)
#: Networks of which it has been said that two rules rewire them.
_warned: WeakSet[RateNetwork] = WeakSet()


@dataclass(frozen=True)
class SET:
    """Sparse evolutionary training (Mocanu et al. 2018): the weakest die, as many are born at random sites.

    Parameters
    ----------
    fraction : float
        Share of the connections of each layer that is replaced each time, above 0 and below 1.

    Notes
    -----
    Newborns begin with weight 0 and not, as published, with a random one, which disturbs a trained network.
    """

    fraction: float = 0.3

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

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
        _warn_of_two_rules(self, trainer.network)
        infos = []
        for c in trainer.network.connections:
            weak = np.zeros(len(c), np.bool_)
            weak[_weakest(c, int(self.fraction * len(c)))] = True
            infos.append(sampler.replace(c, weak))
        return infos


class RigL:
    """Rigged lottery (Evci et al. 2020): the weakest die, others are born where the gradient of all sites is largest.

    It needs, now and then, the gradient of every site: memory for a dense matrix per layer.

    Parameters
    ----------
    samples, labels : ndarray
        The training set.
    batch_size : int
        Samples on which the gradient is taken, the first ones of a random order.
    steps : int
        Steps during which it rewires; the share that is replaced falls from ``fraction`` to 0 as half a cosine.
    fraction : float
        Share that is replaced the first time, above 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or samples and labels are not equally many. Whether the
        labels fit the network is found when it is rewired first.
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
        self.fraction = _check_fraction(fraction)

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
        _warn_of_two_rules(self, trainer.network)
        if trainer.steps_done >= self.steps:
            return []
        share = self.fraction / 2 * (1 + math.cos(math.pi * trainer.steps_done / self.steps))
        infos = []
        for layer, gradient in self._dense_gradients(trainer):
            c = layer.connections
            weak = _weakest(c, int(share * len(c)))
            survivors = np.delete(c.sites.keys(c.pre, c.post), weak)
            size = np.abs(gradient.T)
            for rows, columns, _ in getattr(layer, "blocks", ()):
                size[columns, rows] = -1.0  # No sites, but dense matrices.
            size = size.ravel()
            size[survivors] = -1.0
            infos.append(_move_to(c, weak, np.sort(_largest(c, size, weak))))
        return infos

    def _dense_gradients(self, trainer: Trainer) -> list[tuple[Any, NDArray[np.float32]]]:
        """Return dE/dw of every site [post, pre] of every sparse layer, by a dense network that computes the same."""
        net, loss = trainer.network, trainer.loss
        order = permutation(net.seed, Stream.DATA, trainer.steps_done, len(self.samples))[: self.batch_size]
        x = net.check_samples(self.samples[order])
        targets = loss.check_targets(self.labels, len(self.samples), net.num_out)[order]
        twin = dense_twin(net)
        twin.gradients(x, targets, loss)
        pairs = zip(weighted(net), weighted(twin), strict=True)
        return [
            (old, new.parameters[0].gradient) for old, new in pairs if getattr(old, "connections", None) is not None
        ]


@dataclass(frozen=True)
class Shrinkage:
    """l1 shrinkage of dense layers (Tibshirani 1996; Collins and Kohli 2014): every step moves all weights towards 0.

    A weight that would cross 0 stays there, until its gradient is larger than ``l1`` (the proximal step).

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
            Whose network is changed, after a step.
        """
        amount = np.float32(trainer.network.rule.learning_rate * self.l1)
        for layer in weighted(trainer.network):
            if isinstance(layer, DENSE):
                layer.matrix[:] -= np.clip(layer.matrix, -amount, amount)


def prune(network: RateNetwork, counts: Sequence[int]) -> RateNetwork:
    """Return a network of sparse layers with the strongest weights of another one (Han et al. 2015).

    Parameters
    ----------
    network : RateNetwork
        Stays as it is.
    counts : sequence of int
        How many weights to keep, for each layer that has weights.

    Returns
    -------
    RateNetwork
        With the same rule, seed and biases.

    Raises
    ------
    TypeError
        If it is no network, counts are no integers, or a layer is of an unknown kind.
    ValueError
        If there is not one number for each layer that has weights, or one of them is out of range.
    """
    if not isinstance(network, RateNetwork):
        raise TypeError(f"network must be a RateNetwork, got {network!r}.")
    numbers = check_array("counts", counts, "iu")
    if numbers.ndim != 1:
        raise ValueError(f"counts must be a list of numbers, one for each layer that has weights, got {counts!r}.")
    pruned = sparse_twin(network, numbers.tolist())
    for old, new in zip(weighted(network), weighted(pruned), strict=True):
        _take_strongest(old, new.connections)
    return pruned


def _warn_of_two_rules(method: SET | RigL, network: RateNetwork) -> None:
    """Say once of a network that its rule rewires too."""
    if isinstance(network.rule, DeepR) and network not in _warned:
        _warned.add(network)
        _log.warning("%s rewires a network whose rule %s rewires too; give it FixedWiring.", method, network.rule)


def _take_strongest(old: Any, c: Connections) -> None:
    """Let connections be the strongest ones of a layer."""
    if isinstance(old, DENSE):
        post, pre = (indices.ravel() for indices in np.indices(old.matrix.shape))
        weights = old.matrix.ravel()
    else:
        pre, post, weights = old.connections.pre, old.connections.post, old.connections.weights
    kept = np.argsort(-np.abs(weights), kind="stable")[: len(c)]
    kept = kept[np.argsort(c.sites.keys(pre[kept], post[kept]))]
    signs = np.where(weights[kept] < 0, -1, 1).astype(np.int8)
    own = {"pre": pre[kept], "post": post[kept], "theta": np.abs(weights[kept]), "polarity": signs}
    c.restore({**c.state(), **own})


def _weakest(c: Connections, number: int) -> NDArray[np.int32]:
    """Return the slots of the connections with the smallest weights, ascending."""
    return np.sort(np.argsort(np.abs(c.theta), kind="stable")[:number]).astype(np.int32)


def _largest(c: Connections, size: NDArray[np.float32], weak: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the sites with the largest values, as many as are retracted or missing, as far as degrees allow."""
    number = len(weak) + c.missing
    if not c.sites.degrees.limited:
        return np.argpartition(-size, number - 1)[:number] if number else np.empty(0, np.int64)
    keys = np.argsort(-size, kind="stable")
    keys = keys[size[keys] >= 0]
    wanted, rooms = np.ones(len(keys), np.bool_), c.sites.degrees.rooms(c.pre, c.post, weak)
    # Only rooms are asked for: all of these sites are vacant, hence no table.
    _take_each(np.empty(0, np.int64), keys, c.num_post, True, *rooms, wanted)
    return keys[wanted][:number]


def _move_to(c: Connections, slots: NDArray[np.int32], keys: NDArray[np.int64]) -> RewiringInfo:
    """Let connections die, and others be born at given sites; where these are fewer, the rest is missing."""
    total = len(c) + c.missing
    sampler._begin_step(c, len(c.moments))
    info = sampler._rewire_at(c, slots, keys)
    c.missing = total - len(c)
    return info._replace(num_unplaced=c.missing)


def _check_fraction(fraction: float) -> float:
    value = check_number("fraction", fraction, above=0.0)
    if value >= 1.0:
        raise ValueError(f"fraction must be < 1, got {fraction}.")
    return value
