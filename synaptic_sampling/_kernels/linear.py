"""Sparse linear layers over a batch, activation functions, and losses.

Activations are C-contiguous float32 arrays [feature, batch], the batch padded to a multiple of 16 (``lanes``).
A weight is ``polarity * theta``. Every gradient is that of the mean over the batch, since the loss divides by it.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._kernels.lanes import LANES, add_scaled, dot, dots, fetch, lane_sum, lane_sums, turn
from synaptic_sampling._numba import jit

__all__ = [
    "cross_entropy",
    "forward",
    "input_gradient",
    "load_batch",
    "mean_squared_error",
    "relu",
    "relu_backward",
    "sum_rows",
    "tanh",
    "tanh_backward",
    "weight_gradient",
]

ZERO, ONE = np.float32(0), np.float32(1)
#: How far ahead a sample is prefetched; samples in random order are not in any cache.
FETCHED = 8 * LANES


@jit
def _add_weighted(sources, targets, polarity, theta, x, out):
    """Add ``w*x[source]`` to ``out[target]`` for each connection."""
    width = x.shape[1]
    if width == LANES:  # Twice as fast as the general case: no inner loop.
        for k in range(theta.size):
            w = np.float32(polarity[k]) * theta[k]
            add_scaled(w, x, np.int64(sources[k]) * LANES, out, np.int64(targets[k]) * LANES)
        return
    for k in range(theta.size):
        w = np.float32(polarity[k]) * theta[k]
        source, target = np.int64(sources[k]) * width, np.int64(targets[k]) * width
        for b in range(0, width, LANES):
            add_scaled(w, x, source + b, out, target + b)


@jit
def forward(pre, post, polarity, theta, bias, x, out):
    """Write ``bias[j] + sum of w*x[i]`` over the connections i -> j into ``out[j]``."""
    for j in range(out.shape[0]):
        for b in range(out.shape[1]):
            out[j, b] = bias[j]
    _add_weighted(pre, post, polarity, theta, x, out)


@jit
def weight_gradient(pre, post, x, delta, gradient):
    """Write dE/dw of each connection, the sum of ``x[pre]*delta[post]`` over the batch, into ``gradient``."""
    whole, width = pre.size - pre.size % LANES, x.shape[1]
    if width == LANES:  # A known width spares the loop over a row.
        for k in range(0, whole, LANES):
            dots(x, pre, delta, post, LANES, k, gradient)
    else:
        for k in range(0, whole, LANES):
            dots(x, pre, delta, post, width, k, gradient)
    for k in range(whole, pre.size):
        dot(x, pre, delta, post, width, k, gradient)


@jit
def input_gradient(pre, post, polarity, theta, delta, dx):
    """Write dE/dx, the sum of ``w*delta[j]`` over the connections i -> j, into ``dx[i]``; ``delta`` is dE/d(output)."""
    dx[:] = ZERO
    _add_weighted(post, pre, polarity, theta, delta, dx)


@jit
def relu(x):
    """Set values that are not above 0 to 0, in place; NaN stays NaN, so that it is detected."""
    flat = x.reshape(x.size)
    for n in range(flat.size):
        flat[n] = ZERO if flat[n] <= ZERO else flat[n]


@jit
def relu_backward(out, delta):
    """Stop the gradient ``delta``, in place, where the output was 0."""
    flat_out = out.reshape(out.size)
    flat = delta.reshape(delta.size)
    for n in range(flat.size):
        flat[n] = flat[n] if flat_out[n] > ZERO else ZERO


@jit
def tanh(x):
    """Replace x by tanh(x), in place."""
    flat = x.reshape(x.size)
    for n in range(flat.size):
        flat[n] = math.tanh(flat[n])


@jit
def tanh_backward(out, delta):
    """Multiply the gradient ``delta``, in place, by the slope of tanh, 1 - out**2."""
    flat_out = out.reshape(out.size)
    flat = delta.reshape(delta.size)
    for n in range(flat.size):
        flat[n] *= ONE - flat_out[n] * flat_out[n]


@jit
def load_batch(samples, order, out):
    """Write the samples indexed by ``order``, transposed to [feature, batch], into ``out``; the padding becomes 0."""
    num_features, width = out.shape
    whole = num_features - num_features % LANES
    starts = np.zeros(LANES, np.int64)
    for column in range(0, width, LANES):
        used = max(0, min(LANES, order.size - column))
        for b in range(used):
            starts[b] = np.int64(order[column + b]) * num_features
        # In tiles, whose rows are read and written whole: four times as fast as feature by feature.
        for first in range(0, whole, LANES):
            for b in range(used):
                fetch(samples, starts[b] + first + FETCHED)
            turn(samples, starts, used, first, out, first * width + column, width)
        for f in range(whole, num_features):
            for b in range(LANES):
                out[f, column + b] = samples[order[column + b], f] if b < used else ZERO


@jit
def sum_rows(delta, out):
    """Write the sum of each row of ``delta`` into ``out``."""
    whole, width = out.size - out.size % LANES, delta.shape[1]
    if width == LANES:  # A known width spares the loop over a row.
        for j in range(0, whole, LANES):
            lane_sums(delta, LANES, j, out)
    else:
        for j in range(0, whole, LANES):
            lane_sums(delta, width, j, out)
    for j in range(whole, out.size):
        lane_sum(delta, width, j, out)


@jit
def cross_entropy(out, labels, delta):
    """Return the mean of -log softmax(out)[label] and write its gradient into ``delta``; 0 in the padding."""
    n = labels.size
    loss = 0.0
    delta[:] = ZERO
    likelihood = np.empty(out.shape[0])
    for b in range(n):
        top = np.float64(out[0, b])
        for j in range(1, out.shape[0]):
            top = max(top, np.float64(out[j, b]))
        total = 0.0
        for j in range(out.shape[0]):
            likelihood[j] = math.exp(np.float64(out[j, b]) - top)
            total += likelihood[j]
        for j in range(out.shape[0]):
            delta[j, b] = likelihood[j] / total / n
        delta[labels[b], b] -= np.float32(1.0 / n)
        loss += math.log(total) + top - np.float64(out[labels[b], b])
    return loss / n


@jit
def mean_squared_error(out, targets, delta):
    """Return the mean over samples and outputs of (out - target)**2, its gradient in ``delta``; targets [n, output]."""
    n = targets.shape[0]
    count = n * out.shape[0]
    loss = 0.0
    delta[:] = ZERO
    for b in range(n):
        for j in range(out.shape[0]):
            error = np.float64(out[j, b]) - np.float64(targets[b, j])
            delta[j, b] = 2.0 * error / count
            loss += error * error
    return loss / count
