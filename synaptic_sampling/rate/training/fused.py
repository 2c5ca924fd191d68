"""What fused steps have in common: the layers of a network, its optimizer and the results in the layout of kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import stack
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.stack import Moments, Signals
from synaptic_sampling.rate.layers.activations import ReLU, Tanh
from synaptic_sampling.rate.layers.linear import LinearView, SparseLinear
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum, Optimizer, bias_corrections

__all__ = [
    "ACTIVATIONS",
    "EVENTS_AT_ONCE",
    "OPTIMIZERS",
    "Batches",
    "Learned",
    "cut_back",
    "descent_of",
    "moments_of",
    "views_of",
]

OPTIMIZERS = {SGD: stack.SGD, Momentum: stack.MOMENTUM, Adam: stack.ADAM}
ACTIVATIONS = {ReLU: stack.RELU, Tanh: stack.TANH}

#: Number of events that ends a call, since they are kept in memory until it returns.
EVENTS_AT_ONCE = 2**18


class Batches(NamedTuple):
    """What some steps present.

    Attributes
    ----------
    samples : ndarray of float32, shape (n, num_in)
        From ``check_samples``.
    labels : ndarray of int64, shape (n,)
        From ``check_targets``.
    order : ndarray of int64
        Numbers of the samples; at least ``steps * size``, or one smaller batch.
    size : int
        Number of samples of a batch.
    steps : int
        Number of batches.
    """

    samples: NDArray[np.float32]
    labels: NDArray[np.int64]
    order: NDArray[np.int64]
    size: int
    steps: int

    @property
    def width(self) -> int:
        """Columns of a batch, padded to whole vectors."""
        return -(-min(self.size, len(self.order)) // LANES) * LANES


class Learned(NamedTuple):
    """The results of some steps.

    Attributes
    ----------
    losses : ndarray of float64
        The mean loss of each batch.
    events : ndarray of EVENT
        In the order of steps and layers.
    finite : bool
        False if a gradient or a parameter is NaN or infinite in the next step.
    most : int
        The largest number of active connections after any step, 0 if it does not change.
    """

    losses: NDArray[np.float64]
    events: NDArray[Any]
    finite: bool
    most: int = 0


def cut_back(
    network: Any, sizes: NDArray[np.int64], before: NDArray[np.int64], gradients: list[NDArray[np.float32]]
) -> None:
    """Keep the slots in use only, with the gradients that the general path leaves.

    Parameters
    ----------
    network : RateNetwork
        Whose connections have had memory for more slots.
    sizes, before : ndarray of int64
        Number of slots of each set, now and before the last step. Where it has changed, gradients are 0.
    gradients : list of ndarray of float32
        Those of the last batch, for at least as many slots as before the last step.
    """
    changes = zip(network.sparse, sizes.tolist(), (sizes != before).tolist(), gradients, strict=True)
    for part, size, changed, gradient in changes:
        part.cut(size, np.zeros(size, np.float32) if changed else gradient)


def views_of(network: Any, width: int) -> tuple[NDArray[np.float32], list[tuple[LinearView, Signals]]]:
    """Return memory for a batch, and all layers with the signals between them."""
    first = network.input_of(width)
    return first, list(_views(network, first))


def _views(network: Any, x: NDArray[np.float32]) -> Iterator[tuple[LinearView, Signals]]:
    for n, layer in enumerate(network.layers):
        if type(layer) is SparseLinear:
            following: Any = type(network.layers[n + 1]) if n + 1 < len(network.layers) else None
            view = layer.view(x, wanted=n > 0)
            bias = view.bias
            yield (
                view,
                Signals(
                    view.output,
                    view.input_gradient,
                    view.weights.gradient,
                    bias.value,
                    bias.gradient,
                    view.learns_bias,
                    ACTIVATIONS.get(following, stack.IDENTITY),
                ),
            )
            x = view.output


def descent_of(optimizer: Optimizer) -> tuple[int, tuple[float, float], float, Any]:
    """Return the kind of an optimizer, its decay rates, epsilon and bias corrections."""
    betas, epsilon = (0.0, 0.0), 0.0
    if isinstance(optimizer, Momentum):
        betas = (float(optimizer.momentum), 0.0)
    elif isinstance(optimizer, Adam):
        betas, epsilon = (float(optimizer.beta1), float(optimizer.beta2)), float(optimizer.epsilon)
    return OPTIMIZERS[type(optimizer)], betas, epsilon, tuple(bias_corrections(beta) for beta in betas)


def moments_of(owner: Any, gradient: NDArray[np.float32], optimizer: Optimizer) -> Moments | None:
    """Return the state of the optimizer for connections or for biases."""
    owner.begin_moments(optimizer.num_moments)
    if not optimizer.num_moments:
        return None
    first, second = (*owner.moments, np.empty(0, np.float32))[:2]
    return Moments(first, second, np.empty(len(gradient), np.int64), np.empty_like(gradient), owner.optimizer_since)
