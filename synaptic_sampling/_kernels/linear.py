"""Sparse linear layers over a batch, what stands between them, and the losses.

Activations are C-contiguous float32 arrays [feature, batch], the batch padded to a multiple of 16 (``lanes``).
A weight is ``polarity * theta``. Every gradient is that of the mean over the batch, since the loss divides by it.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._kernels.lanes import LANES, _add_scaled, _dot
from synaptic_sampling._numba import jit

__all__ = [
    "_backward",
    "_cross_entropy",
    "_forward",
    "_load_batch",
    "_mean_squared_error",
    "_relu",
    "_relu_backward",
    "_weight_gradient",
]

ZERO = np.float32(0)


@jit
def _forward(pre, post, polarity, theta, bias, x, out):
    """Write ``bias[j] + sum of w*x[i]`` over the connections i -> j into ``out[j]``."""
    width = x.shape[1]
    for j in range(out.shape[0]):
        for b in range(width):
            out[j, b] = bias[j]
    for k in range(pre.size):
        w = np.float32(polarity[k]) * theta[k]
        source = np.int64(pre[k]) * width
        target = np.int64(post[k]) * width
        for b in range(0, width, LANES):
            _add_scaled(w, x, source + b, out, target + b)


@jit
def _weight_gradient(pre, post, x, delta, gradient):
    """Write dE/dw of each connection, the sum of ``x[pre]*delta[post]`` over the batch, into ``gradient``."""
    width = x.shape[1]
    for k in range(pre.size):
        source = np.int64(pre[k]) * width
        target = np.int64(post[k]) * width
        slope = ZERO
        for b in range(0, width, LANES):
            slope += _dot(x, source + b, delta, target + b)
        gradient[k] = slope


@jit
def _backward(pre, post, polarity, theta, x, delta, gradient, dx):
    """Write dE/dw into ``gradient`` and dE/dx into ``dx``; ``delta`` is dE/d(output)."""
    width = x.shape[1]
    for i in range(dx.shape[0]):
        for b in range(width):
            dx[i, b] = ZERO
    for k in range(pre.size):
        w = np.float32(polarity[k]) * theta[k]
        source = np.int64(pre[k]) * width
        target = np.int64(post[k]) * width
        slope = ZERO
        for b in range(0, width, LANES):
            slope += _dot(x, source + b, delta, target + b)
            _add_scaled(w, delta, target + b, dx, source + b)
        gradient[k] = slope


@jit
def _relu(x):
    """Set what is not above 0 to 0, in place; NaN stays NaN, so that it is found."""
    flat = x.reshape(x.size)
    for n in range(flat.size):
        flat[n] = ZERO if flat[n] <= ZERO else flat[n]


@jit
def _relu_backward(out, delta):
    """Stop the gradient ``delta``, in place, where the output was 0."""
    flat_out = out.reshape(out.size)
    flat = delta.reshape(delta.size)
    for n in range(flat.size):
        flat[n] = flat[n] if flat_out[n] > ZERO else ZERO


@jit
def _load_batch(samples, order, out):
    """Write the samples numbered in ``order``, turned to [feature, batch], into ``out``; the padding becomes 0."""
    for b in range(order.size):
        row = samples[order[b]]
        for f in range(out.shape[0]):
            out[f, b] = row[f]
    for f in range(out.shape[0]):
        for b in range(order.size, out.shape[1]):
            out[f, b] = ZERO


@jit
def _cross_entropy(out, labels, delta):
    """Return the mean of -log softmax(out)[label] and write its gradient into ``delta``; 0 in the padding."""
    n = labels.size
    loss = 0.0
    delta[:] = ZERO
    for b in range(n):
        top = np.float64(out[0, b])
        for j in range(1, out.shape[0]):
            top = max(top, np.float64(out[j, b]))
        total = 0.0
        for j in range(out.shape[0]):
            total += math.exp(np.float64(out[j, b]) - top)
        for j in range(out.shape[0]):
            delta[j, b] = math.exp(np.float64(out[j, b]) - top) / total / n
        delta[labels[b], b] -= np.float32(1.0 / n)
        loss += math.log(total) + top - np.float64(out[labels[b], b])
    return loss / n


@jit
def _mean_squared_error(out, targets, delta):
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
