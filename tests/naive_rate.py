"""Reference implementations of rate-based layers: nested lists and loops, in the order that the kernels promise."""

from __future__ import annotations

import math

import numpy as np

LANES = 16


def f32(value):
    return np.float32(value)


def total(values):
    """Numbers, first added for each of sixteen lanes, then first half to second half, and so on."""
    lanes = list(values[:LANES])
    for begin in range(LANES, len(values), LANES):
        lanes = [f32(a + b) for a, b in zip(lanes, values[begin : begin + LANES], strict=True)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [f32(a + b) for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


def dot(x, y):
    return total([f32(f32(a) * f32(b)) for a, b in zip(x, y, strict=True)])


def add_scaled(scale, x, y):
    return [f32(f32(b) + f32(f32(scale) * f32(a))) for a, b in zip(x, y, strict=True)]


def forward(pre, post, polarity, theta, bias, x):
    out = [[f32(bias[j])] * len(x[0]) for j in range(len(bias))]
    for i, j, sign, parameter in zip(pre, post, polarity, theta, strict=True):
        out[j] = add_scaled(f32(f32(sign) * parameter), x[i], out[j])
    return out


def weight_gradient(pre, post, x, delta):
    return [dot(x[i], delta[j]) for i, j in zip(pre, post, strict=True)]


def input_gradient(pre, post, polarity, theta, x, delta):
    dx = [[f32(0)] * len(x[0]) for _ in x]
    for i, j, sign, parameter in zip(pre, post, polarity, theta, strict=True):
        dx[i] = add_scaled(f32(f32(sign) * parameter), delta[j], dx[i])
    return dx


def relu(x):
    return [[f32(0) if value <= 0 else value for value in row] for row in x]


def relu_backward(out, delta):
    return [
        [d if value > 0 else f32(0) for value, d in zip(row, slopes, strict=True)]
        for row, slopes in zip(out, delta, strict=True)
    ]


def tanh(x):
    return [[f32(math.tanh(value)) for value in row] for row in x]


def tanh_backward(out, delta):
    return [
        [f32(d * f32(f32(1) - f32(value * value))) for value, d in zip(row, slopes, strict=True)]
        for row, slopes in zip(out, delta, strict=True)
    ]


def sum_rows(delta):
    return [total(row) for row in delta]


def load_batch(samples, order, num_features, width):
    columns = [[f32(value) for value in samples[n]] for n in order]
    columns += [[f32(0)] * num_features] * (width - len(order))
    return [list(row) for row in zip(*columns, strict=True)]


def cross_entropy(out, labels):
    n, loss = len(labels), 0.0
    delta = [[f32(0)] * len(out[0]) for _ in out]
    for b in range(n):
        values = [float(row[b]) for row in out]
        top = max(values)
        total = 0.0
        for value in values:
            total += math.exp(value - top)
        for j, value in enumerate(values):
            delta[j][b] = f32(math.exp(value - top) / total / n)
        delta[labels[b]][b] = f32(delta[labels[b]][b] - f32(1.0 / n))
        loss += math.log(total) + top - values[labels[b]]
    return loss / n, delta


def mean_squared_error(out, targets):
    n, num_out, loss = len(targets), len(out), 0.0
    delta = [[f32(0)] * len(out[0]) for _ in out]
    for b in range(n):
        for j in range(num_out):
            error = float(out[j][b]) - float(targets[b][j])
            delta[j][b] = f32(2.0 * error / (n * num_out))
            loss += error * error
    return loss / (n * num_out), delta


# Whole networks, in float64 --------------------------------------------------------------------------------------


def copy_of(net):
    """Matrix (zeros where no connection is) and biases of every layer, or the name of the activation."""
    layers = []
    for layer in net.layers:
        name = type(layer).__name__
        if name == "SparseLinear":
            matrix, c = np.zeros((layer.num_out, layer.num_in)), layer.connections
            matrix[c.post, c.pre] = c.weights
        elif name == "Linear":
            matrix = layer.matrix.astype(float)
        biased = len(layer.parameters) == 2
        layers.append((matrix, layer.bias.astype(float), biased) if layer.parameters else name)
    return layers


def values_of(layers):
    return [values for layer in layers if isinstance(layer, tuple) for values in layer[: 1 + layer[2]]]


def loss_of(layers, x, targets):
    """Mean cross-entropy where the targets are labels, mean square where they are vectors."""
    x = x.astype(float)
    for layer in layers:
        if layer == "ReLU":
            x = np.maximum(x, 0)
        elif layer == "Tanh":
            x = np.tanh(x)
        else:
            x = x @ layer[0].T + layer[1]
    if targets.ndim == 2:
        return np.mean((x - targets) ** 2)
    return np.mean(np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), targets])
