"""Many steps of a stack of sparse layers without Python between them.

Nothing is computed here: the kernels are those of the step by step path, in its order, hence its bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling._kernels.dynamics import _adam, _first_not_finite, _langevin, _momentum, _regrow, _retract
from synaptic_sampling._kernels.linear import (
    _backward,
    _cross_entropy,
    _forward,
    _load_batch,
    _relu,
    _relu_backward,
    _sum_rows,
    _tanh,
    _tanh_backward,
    _weight_gradient,
)
from synaptic_sampling._kernels.vacancy import _draw_by_enumeration, _draw_by_rejection, _vacant_sites
from synaptic_sampling._numba import jit

__all__ = ["ADAM", "IDENTITY", "MOMENTUM", "RELU", "SGD", "TANH", "Affine", "Learning", "Moments", "_learn"]

IDENTITY, RELU, TANH = range(3)
SGD, MOMENTUM, ADAM = range(3)


class Moments(NamedTuple):
    """What an optimizer remembers of some weights, what it makes of their gradient, and their age.

    Arrays that it does not need have size 0; ``slope`` is the gradient itself with SGD.
    """

    first: Any
    second: Any
    slope: Any
    age: Any


class Affine(NamedTuple):
    """A sparse layer: connections, biases, memory for activations, random streams."""

    pre: Any
    post: Any
    theta: Any
    polarity: Any
    birth_step: Any
    table: Any
    gradient: Any
    moments: Moments
    retracted: Any
    bias: Any
    bias_gradient: Any
    bias_moments: Moments
    has_bias: bool
    activation: int
    out: Any
    dx: Any
    grid: tuple[int, int, int]
    crowded: int  # with fewer vacant sites than this, they are listed
    signs: Any
    index: int
    streams: Any  # words for noise, births, signs
    steps_done: int
    bias_steps_done: int


class Learning(NamedTuple):
    """A rule, its random key, and its optimizer."""

    eta: float
    alpha: float
    sigma: float
    rewires: bool
    key: Any
    optimizer: int
    betas: tuple[float, float]
    epsilon: float
    corrections: Any


@jit
def _present(layers, samples, order, first):
    """Return the outputs [unit, batch] for the samples numbered in ``order``; ``first`` is memory for them."""
    _load_batch(samples, order, first)
    x = first
    for n in range(len(layers)):
        layer = layers[n]
        _forward(layer.pre, layer.post, layer.polarity, layer.theta, layer.bias, x, layer.out)
        x = layer.out
        if layer.activation == RELU:
            _relu(x)
        elif layer.activation == TANH:
            _tanh(x)
    return x


@jit
def _propagate_back(layers, first, delta):
    """Write all gradients; ``delta`` is dE/d(output)."""
    for n in range(len(layers) - 1, -1, -1):
        layer = layers[n]
        if layer.activation == RELU:
            _relu_backward(layer.out, delta)
        elif layer.activation == TANH:
            _tanh_backward(layer.out, delta)
        if layer.has_bias:
            _sum_rows(delta, layer.bias_gradient)
        if n == 0:
            _weight_gradient(layer.pre, layer.post, first, delta, layer.gradient)
        else:
            x = layers[n - 1].out
            _backward(layer.pre, layer.post, layer.polarity, layer.theta, x, delta, layer.gradient, layer.dx)
            delta = layer.dx


@jit
def _all_finite(layers):
    """Return whether all gradients and parameters are."""
    for n in range(len(layers)):
        layer = layers[n]
        if _first_not_finite(layer.gradient) >= 0 or _first_not_finite(layer.theta) >= 0:
            return False
        if layer.has_bias and _first_not_finite(layer.bias_gradient) >= 0:
            return False
    return True


@jit
def _optimize(gradient, moments, rule):
    """Write into ``moments.slope`` what the optimizer makes of the gradient."""
    if rule.optimizer == MOMENTUM:
        _momentum(gradient, rule.betas[0], moments.first, moments.slope)
    elif rule.optimizer == ADAM:
        _adam(
            gradient,
            moments.age,
            rule.betas,
            rule.corrections,
            rule.epsilon,
            moments.first,
            moments.second,
            moments.slope,
        )


@jit
def _move(layer, rule, step):
    """Move weights and biases; return how many slots stand in ``layer.retracted``."""
    if rule.optimizer == ADAM:
        for k in range(layer.theta.size):
            layer.moments.age[k] = layer.steps_done + step - layer.birth_step[k]
        layer.bias_moments.age[:] = layer.bias_steps_done + step
    _optimize(layer.gradient, layer.moments, rule)
    number = _langevin(
        layer.moments.slope,
        layer.polarity,
        rule.eta,
        rule.alpha,
        rule.sigma,
        np.uint64(layer.steps_done + step),
        layer.streams[0],
        rule.key[0],
        rule.key[1],
        layer.theta,
        layer.retracted,
    )
    if layer.has_bias:
        _optimize(layer.bias_gradient, layer.bias_moments, rule)
        eta = np.float32(rule.eta)
        for j in range(layer.bias.size):
            layer.bias[j] -= layer.bias_moments.slope[j] * eta
    return number


@jit
def _draw(layer, slots, step, key):
    """Return a site drawn uniformly from the vacant ones for each slot, as ``Sites.draw`` does."""
    keys = np.empty(slots.size, np.int64)
    none = np.empty(0, np.int64)
    now = np.uint64(step)
    vacant = layer.grid[0] * layer.grid[1] - (layer.pre.size - slots.size)
    if vacant - slots.size >= layer.crowded:
        _draw_by_rejection(slots, none, layer.grid, False, now, layer.streams[1], key[0], key[1], layer.table, keys)
    else:
        sites = np.empty(vacant, np.int64)
        _vacant_sites(none, layer.grid, layer.table, sites)
        _draw_by_enumeration(slots, sites, vacant, now, layer.streams[1], key[0], key[1], layer.table, keys)
    return keys


@jit
def _rewire(layer, number, step, key, events):
    """Retract and regrow; ``events`` has room for both."""
    slots = layer.retracted[:number]
    num_post = layer.grid[1]
    _retract(slots, layer.pre, layer.post, layer.polarity, num_post, step, layer.index, layer.table, events)
    keys = _draw(layer, slots, step, key)
    state = (layer.pre, layer.post, layer.theta, layer.polarity, layer.birth_step)
    births = events[number:]
    _regrow(
        slots, keys, layer.signs, num_post, step, layer.index, layer.streams[2], key[0], key[1], state, births
    )  # fmt: skip
    for moment in (layer.moments.first, layer.moments.second):
        if moment.size > 0:
            for n in range(number):
                moment[slots[n]] = 0.0


@jit
def _with_room(events, used, needed):
    """Return ``events``, or a larger copy where there is no room for as many more as are needed."""
    if used + needed <= events.size:
        return events
    larger = np.empty(2 * (used + needed), events.dtype)
    larger[:used] = events[:used]
    return larger


@jit
def _learn(layers, rule, samples, labels, order, size, first, delta, losses, events):
    """Do one step for every ``size`` samples of ``order``; write the loss of each into ``losses``.

    Return the steps done, the events and their number. It ends early before a step with a gradient or parameter that
    is not finite (the gradients then stand there, and nothing has moved), and after one that has filled ``events``.
    """
    used, room = 0, events.size
    for step in range(1, losses.size + 1):
        batch = order[(step - 1) * size : step * size]
        out = _present(layers, samples, batch, first)
        losses[step - 1] = _cross_entropy(out, labels[batch], delta)
        _propagate_back(layers, first, delta)
        if not _all_finite(layers):
            return step - 1, events, used
        for n in range(len(layers)):
            layer = layers[n]
            number = _move(layer, rule, step)
            if rule.rewires and number > 0:
                events = _with_room(events, used, 2 * number)
                _rewire(layer, number, layer.steps_done + step, rule.key, events[used : used + 2 * number])
                used += 2 * number
        if used >= room:
            return step, events, used
    return losses.size, events, used
