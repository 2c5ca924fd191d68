"""Many steps of a stack of sparse layers without Python in between.

The kernels and their order are those of the step-by-step path, so that results are bit-identical.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling._kernels.dynamics import adam, first_not_finite, momentum
from synaptic_sampling._kernels.langevin import sweep_langevin
from synaptic_sampling._kernels.linear import (
    cross_entropy,
    forward,
    input_gradient,
    load_batch,
    relu,
    relu_backward,
    sum_rows,
    tanh,
    tanh_backward,
    weight_gradient,
)
from synaptic_sampling._kernels.rewire import rewire_all, rewire_each
from synaptic_sampling._numba import inlined, jit

__all__ = [
    "ADAM",
    "IDENTITY",
    "MOMENTUM",
    "RELU",
    "SGD",
    "TANH",
    "LayerConnections",
    "LayerState",
    "Learning",
    "Moments",
    "Sharing",
    "Signals",
    "direction_of",
    "learn_biases",
    "present",
    "propagate_back",
    "set_ages",
]

IDENTITY, RELU, TANH = range(3)
SGD, MOMENTUM, ADAM = range(3)

# A layer has three parts: a kernel that takes one layer out of several copies all its arrays and counts references to
# them, which for 25 arrays costs more than the work on a small layer.


class LayerConnections(NamedTuple):
    """The connections of a layer, with spare capacity behind them where their number may grow."""

    pre: Any
    post: Any
    theta: Any
    polarity: Any


class Signals(NamedTuple):
    """Activations and gradients of a layer, and its biases."""

    out: Any
    dx: Any
    gradient: Any
    bias: Any
    bias_gradient: Any
    has_bias: bool
    activation: int


class Moments(NamedTuple):
    """State of an optimizer for some weights, its step counts, and memory for its direction."""

    first: Any
    second: Any
    age: Any
    direction: Any
    since: int  # the step after which they were set to zero


class LayerState(NamedTuple):
    """The state needed to update the parameters of a layer, and to rewire it."""

    birth_step: Any
    table: Any
    retracted: Any
    moments: Any  # None with SGD
    bias_moments: Any
    grid: tuple[int, int, int]
    crowded: int  # if fewer sites are vacant, they are listed
    signs: Any
    set_index: int
    streams: Any  # words for noise, births, signs
    steps_done: int
    bias_steps_done: int


class Sharing(NamedTuple):
    """One budget for all layers."""

    total: int
    num_sites: Any
    stream: Any  # word for the division of new connections among layers


class Learning(NamedTuple):
    """A rule, the key of its random numbers, and its optimizer."""

    eta: float
    alpha: float
    sigma: float
    rewires: bool
    key: Any
    optimizer: int
    betas: tuple[float, float]
    epsilon: float
    corrections: Any


@inlined
def present(layers, signals, sizes, samples, order, first):
    """Return the outputs [unit, batch] for the samples numbered in ``order``; ``first`` is memory for them."""
    load_batch(samples, order, first)
    x = first
    for n in range(len(layers)):
        c, s = layers[n], signals[n]
        forward(c.pre, c.post, c.polarity, c.theta[: sizes[n]], s.bias, x, s.out)
        x = s.out
        if s.activation == RELU:
            relu(x)
        elif s.activation == TANH:
            tanh(x)
    return x


@inlined
def propagate_back(layers, signals, sizes, first, delta):
    """Write all gradients; return whether they and all parameters are finite. ``delta`` is dE/d(output)."""
    finite = True
    for n in range(len(layers) - 1, -1, -1):
        c, s = layers[n], signals[n]
        theta, gradient = c.theta[: sizes[n]], s.gradient[: sizes[n]]
        if s.activation == RELU:
            relu_backward(s.out, delta)
        elif s.activation == TANH:
            tanh_backward(s.out, delta)
        if s.has_bias:
            sum_rows(delta, s.bias_gradient)
            finite = finite and first_not_finite(s.bias_gradient) < 0
        weight_gradient(c.pre[: sizes[n]], c.post, first if n == 0 else signals[n - 1].out, delta, gradient)
        if n > 0:
            input_gradient(c.pre, c.post, c.polarity, theta, delta, s.dx)
            delta = s.dx
        finite = finite and first_not_finite(gradient) < 0 and first_not_finite(theta) < 0
    return finite


@jit
def direction_of(gradient, moments, rule):
    """Return the direction of the optimizer for a gradient."""
    if moments is None:
        return gradient
    if rule.optimizer == MOMENTUM:
        momentum(gradient, rule.betas[0], moments.first, moments.direction)
    else:
        m = moments
        adam(gradient, m.age, rule.betas, rule.corrections, rule.epsilon, m.first, m.second, m.direction)
    return moments.direction


@jit
def set_ages(moments, now, birth_step):
    """Write the steps since formation, or since the moments were set to zero if that was later."""
    if moments is not None:
        for k in range(moments.age.size):
            moments.age[k] = now - max(birth_step[k] if birth_step.size else 0, moments.since)


@jit
def _descend(direction, eta, bias):
    """Update biases by gradient descent."""
    for j in range(bias.size):
        bias[j] -= direction[j] * eta


@inlined
def learn_biases(s, slots, rule, step):
    """Update the biases of a layer."""
    if s.has_bias:
        set_ages(slots.bias_moments, slots.bias_steps_done + step, slots.birth_step[:0])
        _descend(direction_of(s.bias_gradient, slots.bias_moments, rule), np.float32(rule.eta), s.bias)


@inlined
def _update(c, s, slots, size, rule, step):
    """Update weights and biases; return the number of slots in ``slots.retracted``."""
    now = slots.steps_done + step
    set_ages(slots.moments, now, slots.birth_step)
    number = sweep_langevin(
        direction_of(s.gradient[:size], slots.moments, rule),
        c.polarity,
        (rule.eta, rule.alpha, rule.sigma),
        rule.sigma > 0.0,
        np.uint64(now),
        slots.streams[0],
        rule.key[0],
        rule.key[1],
        c.theta[:size],
        slots.retracted,
    )
    learn_biases(s, slots, rule, step)
    return number


@jit
def _enlarged(events, used, needed):
    """Return ``events``, or a larger copy if it cannot hold ``needed`` more."""
    if used + needed <= events.size:
        return events
    larger = np.empty(2 * (used + needed), events.dtype)
    for n in range(used):
        larger[n] = events[n]
    return larger


@jit
def learn(parts, memory, sizes, before, sharing, rule, samples, labels, order, batch_size, losses, events):
    """Do one step for every ``batch_size`` samples of ``order``; write the loss of each into ``losses``.

    ``parts`` are the three parts of all layers, ``memory`` is for the input and dE/d(output), ``sizes`` are the numbers
    of connections, which change unless ``sharing`` is None, ``before`` those before the last batch. Return the steps
    done, the events and their number. The loop ends early before a step with a gradient or parameter that is not finite
    (the gradients are then available, and no parameter has changed), and after a step that fills ``events``.
    """
    layers, signals, slots = parts
    first, delta = memory
    used, capacity = np.int64(0), events.size
    numbers = np.zeros(len(layers), np.int64)
    for step in range(1, losses.size + 1):
        before[:] = sizes
        batch = order[(step - 1) * batch_size : step * batch_size]
        out = present(layers, signals, sizes, samples, batch, first)
        losses[step - 1] = cross_entropy(out, labels[batch], delta)
        if not propagate_back(layers, signals, sizes, first, delta):
            return step - 1, events, used
        for n in range(len(layers)):
            numbers[n] = _update(layers[n], signals[n], slots[n], sizes[n], rule, step)
        if rule.rewires and numbers.any():
            # An elimination, a formation, and the two events of a connection relocated into the gap.
            events = _enlarged(events, used, 4 * numbers.sum())
            new = events[used:]
            if sharing is None:
                used += rewire_each(layers, slots, sizes, numbers, step, rule.key, new)
            else:
                used += rewire_all(layers, slots, sizes, numbers, sharing, step, rule.key, new)
        if used >= capacity:
            return step, events, used
    return losses.size, events, used
