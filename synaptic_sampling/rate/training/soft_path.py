"""The fast path under soft DEEP R, whose number of connections varies."""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import soft_stack
from synaptic_sampling._kernels.soft_stack import SoftLearning, SoftState, most_due
from synaptic_sampling._kernels.stack import LayerConnections, Signals
from synaptic_sampling.connections.deep import SHIFT, exit_times, overshoots, span_of
from synaptic_sampling.connections.sites import CROWDED
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.events import EVENT
from synaptic_sampling.randomness import Stream, key_words
from synaptic_sampling.rate.layers.linear import LinearView
from synaptic_sampling.rate.layers.parameters import SparseParameter
from synaptic_sampling.rate.training.fused import (
    EVENTS_AT_ONCE,
    Batches,
    Learned,
    cut_back,
    descent_of,
    moments_of,
    views_of,
)
from synaptic_sampling.rules.soft_deepr import SoftDeepR

__all__ = ["is_soft", "learn"]

#: What a step consists of, besides the parameters of the rule.
STEP = ("decide", "check", "signals", "num_moments", "parameters", "parameters_on", "noise_scale", "weight")
STREAMS = (Stream.NOISE, Stream.BIRTH, Stream.SIGN, Stream.DEEP, Stream.SOJOURN, Stream.LANDING)
#: Slots for which there is memory, as a multiple of those in use.
SPARE = 1.5


class _Memory(NamedTuple):
    """Working memory for a layer: its active connections, their gradient and that of all slots, and lists of slots."""

    active: LayerConnections
    gradient: NDArray[np.float32]
    gradient_of_all: NDArray[np.float32]
    chosen: NDArray[np.uint32]
    crossed: NDArray[np.int32]
    lost: NDArray[np.int32]


_memories: WeakKeyDictionary[SparseParameter, _Memory] = WeakKeyDictionary()


def is_soft(network: Any) -> bool:
    """Return whether the steps of a network are those of the compiled code."""
    return all(getattr(type(network.rule), name) is getattr(SoftDeepR, name, None) for name in STEP) and all(
        type(c) is SoftConnections for c in network.connections
    )


def learn(network: Any, batches: Batches) -> Learned:
    """Perform some steps, at least one if everything is finite; see ``fast_path.learn``."""
    rule, losses, done, finite = _learning(network), np.empty(batches.steps), 0, True
    sizes = np.array([len(c) for c in network.connections])
    before, gradients = sizes.copy(), [part.gradient for part in network.sparse]
    try:
        for c in network.connections:
            room = max(int(SPARE * len(c)), len(c) + most_due(c.deep.wheel, c.deep.clock[0], c.ticks(rule.sigma))) + 1
            c.reserve(room, np.empty(0, np.int32))
            c.resize(room)
        first, views = views_of(network, batches.width)
        done, events, used, most, finite = soft_stack.learn(
            tuple(zip(*(_parts(network, *each) for each in views), strict=True)),
            (first, np.empty_like(views[-1][1].out)),
            sizes,
            before,
            rule,
            *batches[:-1],
            losses,
            np.empty(EVENTS_AT_ONCE + 3 * sum(len(c) for c in network.connections), EVENT),
            EVENTS_AT_ONCE,
        )
        if done or not finite:
            gradients = [_memories[part].gradient_of_all for part in network.sparse]
    finally:
        cut_back(network, sizes, before, gradients)
    return Learned(losses[:done], events[:used], finite, most)


def _learning(network: Any) -> SoftLearning:
    """Return the rule in the layout of the kernel."""
    rule = network.rule
    eta, alpha, sigma, _ = rule.parameters
    ticks = network.connections[0].ticks(sigma)
    return SoftLearning(
        eta,
        alpha,
        sigma,
        key_words(network.seed),
        *descent_of(rule.optimizer),
        ticks,
        SHIFT,
        exit_times(),
        overshoots(),
    )


def _parts(network: Any, view: LinearView, signals: Signals) -> tuple[Any, ...]:
    """Return a layer in the layout of the kernel: connections, memory for active ones, signals, state."""
    c, bias, optimizer = view.weights.connections, view.bias, network.rule.optimizer
    memory = _memory(view.weights, len(c))
    state = SoftState(
        c.birth_step,
        c.table,
        moments_of(c, signals.gradient, optimizer),
        moments_of(bias, bias.gradient, optimizer),
        c.sites.grid,
        math.ceil(CROWDED * c.num_sites),
        c.signs.rule,
        c.index,
        tuple(c.stream(stream) for stream in STREAMS),
        c.steps_done,
        bias.steps_done,
        c.deep.wheel,
        c.deep.clock,
        c.theta_min,
        np.float32(c.threshold),  # With which NumPy compares theta in float32.
        span_of(c.theta_min, network.rule.noise_scale),
        c.capacity,
        memory.gradient_of_all,
        memory.chosen,
        memory.crossed,
        memory.lost,
    )
    own = LayerConnections(c.pre, c.post, c.theta, c.polarity)
    return own, memory.active, signals._replace(gradient=memory.gradient), state


def _memory(part: SparseParameter, room: int) -> _Memory:
    """Return memory for at least ``room`` slots, the same as before if it is large enough: new memory is slow."""
    if part not in _memories or len(_memories[part].crossed) < room:
        pre, post, crossed, lost = np.empty((4, room + 1), np.int32)
        theta, gradient, of_all = np.empty((3, room), np.float32)
        active = LayerConnections(pre, post, theta, np.empty(room, np.int8))
        # Without a sign, since checks for negative indices prevent vector code.
        _memories[part] = _Memory(active, gradient, of_all, np.empty(room + 1, np.uint32), crossed, lost)
    return _memories[part]
