"""The fast path: many steps in one call of compiled code, for networks of sparse linear layers.

Its results are bit-identical to those of the general path, and it is used wherever it is possible.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from synaptic_sampling._kernels import stack
from synaptic_sampling._kernels.stack import LayerConnections, LayerState, Learning, Sharing, Signals
from synaptic_sampling.connections.sites import CROWDED
from synaptic_sampling.events import EVENT
from synaptic_sampling.randomness import LAST_STEP, Stream, key_words
from synaptic_sampling.rate.layers.linear import LinearView, SparseLinear
from synaptic_sampling.rate.layers.parameters import DenseParameter
from synaptic_sampling.rate.training import soft_path
from synaptic_sampling.rate.training.fused import (
    ACTIVATIONS,
    EVENTS_AT_ONCE,
    OPTIMIZERS,
    Batches,
    Learned,
    cut_back,
    descent_of,
    moments_of,
    views_of,
)
from synaptic_sampling.rate.training.losses import CrossEntropy, Loss
from synaptic_sampling.rate.training.progress import Shown
from synaptic_sampling.rules.langevin import LangevinRule
from synaptic_sampling.rules.optimizers import Optimizer

__all__ = ["compile_ahead", "learn", "steps_at_once"]

#: What a step consists of, besides the parameters of the rule.
STEP = ("decide", "check", "signals", "num_moments")

#: Number of connections times steps in a call: about 0.1 s, after which it can be interrupted.
WORK_AT_ONCE = 2**23


def steps_at_once(network: Any, loss: Loss) -> int:
    """Return how many steps `learn` may perform in one call; 0 if the network needs the general path."""
    layers = network.layers
    possible = (
        type(loss) is CrossEntropy
        and (network.budget is None or _can_share(network))
        and (_is_compiled(network.rule) or soft_path.is_soft(network))
        and network.dense_rule is network.rule
        and type(network.rule.optimizer) in OPTIMIZERS
        and all(type(layer) in {SparseLinear, *ACTIVATIONS} for layer in layers)
        and not any(c.sites.degrees.limited or c.unfinished for c in network.connections)
        and not any({type(one), type(two)} <= set(ACTIVATIONS) for one, two in pairwise(layers))
    )
    if not possible:
        return 0
    done = max(c.steps_done for c in network.connections)
    work = sum(len(c) for c in network.connections)
    # Under soft DEEP R, all connections may have been lost.
    return min(max(1, WORK_AT_ONCE // max(1, work)), LAST_STEP - done)


def _is_compiled(rule: Any) -> bool:
    """Return whether the steps of a rule are those of the compiled code."""
    inherited = all(getattr(type(rule), name) is getattr(LangevinRule, name) for name in STEP)
    # The compiled code takes the learning rate of biases from the parameters.
    return inherited and bool(rule.parameters[0] == rule.learning_rate)


def _can_share(network: Any) -> bool:
    """Return whether every layer can have memory for the whole budget; if it is large, the general path is as fast."""
    return network.budget.split == "vacant" and len(network.connections) * network.budget.total <= WORK_AT_ONCE


def compile_ahead(network: Any, loss: Loss, shown: Shown) -> None:
    """Have the kernels of a training compiled, or loaded from disk, without taking a step.

    This is done before progress is measured and while Ctrl+C acts at once. On the general path, the kernels that
    update and rewire follow in the first steps.
    """
    if not shown.one_by_one and steps_at_once(network, loss):
        learn(network, Batches(shown.samples, shown.targets, np.empty(0, np.int64), shown.batch_size, 0))
    else:
        # What is done between two steps may depend on the gradients of the last one.
        kept = [part.gradient.copy() for part in network.sparse]
        # Not `network.gradients`, in whose place a user may have put a function that counts batches.
        type(network).gradients(network, shown.samples[: shown.batch_size], shown.targets[: shown.batch_size], loss)
        for part, gradient in zip(network.sparse, kept, strict=True):
            part.gradient[:] = gradient


def learn(network: Any, batches: Batches) -> Learned:
    """Perform at most ``batches.steps`` steps: fewer after many events, or if something is not finite.

    Parameters
    ----------
    network : RateNetwork
        One for which ``steps_at_once`` is above 0. Changed in place.
    batches : Batches
        What is presented.

    Returns
    -------
    Learned
        The results.
    """
    learned = soft_path.learn(network, batches) if soft_path.is_soft(network) else _learn(network, batches)
    for parameter in network.parameters:
        owner = parameter if isinstance(parameter, DenseParameter) else parameter.connections
        owner.steps_done += len(learned.losses)
    return learned


def _learn(network: Any, batches: Batches) -> Learned:
    """Perform some steps of a rule with a constant number of connections."""
    sizes = np.array([len(c) for c in network.connections])
    before, gradients = sizes.copy(), [part.gradient for part in network.sparse]
    losses = np.empty(batches.steps)
    try:
        if network.budget is not None:
            for c in network.connections:
                c.reserve(network.budget.total, np.empty(0, np.int32))
                c.resize(network.budget.total)
        done, events, used = stack.learn(
            *_layers(network, batches.width),
            sizes,
            before,
            _sharing(network),
            _learning(network),
            *batches[:-1],
            losses,
            np.empty(EVENTS_AT_ONCE, EVENT),
        )
        if batches.steps:
            gradients = [part.gradient for part in network.sparse]
    finally:
        cut_back(network, sizes, before, gradients)
    finite = done == batches.steps or used >= EVENTS_AT_ONCE
    return Learned(losses[:done], events[:used], finite)


def _layers(network: Any, width: int) -> tuple[Any, Any]:
    """Return the arrays of all layers, by kind, and memory for a batch and for dE/d(output)."""
    first, views = views_of(network, width)
    layers = [_parts(view, signals, network.rule.optimizer) for view, signals in views]
    return tuple(zip(*layers, strict=True)), (first, np.empty_like(views[-1][1].out))


def _sharing(network: Any) -> Sharing | None:
    """Return the budget in the layout of the kernel, if there is one."""
    if network.budget is None:
        return None
    num_sites = np.array([c.num_sites for c in network.connections])
    return Sharing(network.budget.total, num_sites, network.budget.sets[0].stream(Stream.SPLIT))


def _learning(network: Any) -> Learning:
    """Return the rule in the layout of the kernel."""
    rule = network.rule
    eta, alpha, sigma = rule.parameters
    return Learning(eta, alpha, sigma, rule.forms, key_words(network.seed), *descent_of(rule.optimizer))


def _parts(view: LinearView, signals: Signals, optimizer: Optimizer) -> tuple[LayerConnections, Signals, LayerState]:
    """Return a layer in the layout of the kernel."""
    c, bias = view.weights.connections, view.bias
    return (
        LayerConnections(c.pre, c.post, c.theta, c.polarity),
        signals,
        LayerState(
            c.birth_step,
            c.table,
            np.empty(len(c), np.int32),
            moments_of(c, signals.gradient, optimizer),
            moments_of(bias, bias.gradient, optimizer),
            c.sites.grid,
            math.ceil(CROWDED * c.num_sites),
            c.signs.rule,
            c.index,
            tuple(c.stream(stream) for stream in (Stream.NOISE, Stream.BIRTH, Stream.SIGN)),
            c.steps_done,
            bias.steps_done,
        ),
    )
