"""Reference implementation of the LSTM: unit by unit and connection by connection, in the order of the kernels.

Rows of a batch are arrays of float32, of which each number is computed alone.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels import lstm

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
LANES = 16


def tanh(x):
    x = np.minimum(np.maximum(x, -lstm.BOUND), lstm.BOUND)
    y, p, q = x * x, lstm.P13, lstm.Q6
    for coefficient in (lstm.P11, lstm.P9, lstm.P7, lstm.P5, lstm.P3, lstm.P1):
        p = p * y + coefficient
    for coefficient in (lstm.Q4, lstm.Q2, lstm.Q0):
        q = q * y + coefficient
    return p * x / q


def sigmoid(x):
    return HALF + HALF * tanh(HALF * x)


def forward(connections, bias, x, present, units):
    """Frames [step, input, batch]; returns for each step z, gates, cell before, cell and h."""
    pre, post, weight = connections
    batch, steps = x.shape[2], []
    c, h = ([np.zeros(batch, np.float32) for _ in range(units)] for _ in range(2))
    for frame, there in zip(x, present, strict=True):
        z, sums = [*frame, *h], [np.full(batch, value, np.float32) for value in bias]
        for i, j, w in zip(pre, post, weight, strict=True):
            sums[j] = sums[j] + w * z[i]
        gates = [tanh(row) if j // units == 2 else sigmoid(row) for j, row in enumerate(sums)]
        before, c, h = c, list(c), list(h)
        for u in range(units):
            i, f, g, o = gates[u::units]
            new = f * before[u] + i * g
            c[u] = np.where(there > 0, new, before[u])
            h[u] = np.where(there > 0, o * tanh(new), h[u])
        steps.append((z, gates, before, c, h))
    return steps


def backward(connections, steps, present, outside, last, inputs, window):
    """Gradients of weights, of biases' sums [step, gate, batch] and of the input, from dE/dh [step, unit, batch]."""
    pre, post, weight = connections
    units, batch = outside.shape[1:]
    dh, dc = [row.copy() for row in last], [np.zeros(batch, np.float32) for _ in range(units)]
    slopes, dx = [None] * len(steps), [None] * len(steps)
    for t in reversed(range(len(steps))):
        _, gates, before, _, _ = steps[t]
        there, keep = present[t], ZERO if t % window == 0 else ONE
        own = [np.zeros(batch, np.float32)] * (4 * units)
        for u in range(units):
            i, f, g, o = gates[u::units]
            dh[u] = dh[u] + outside[t][u]
            squashed = tanh(f * before[u] + i * g)
            own_h = np.where(there > 0, dh[u], ZERO)
            own_c = np.where(there > 0, dc[u] + own_h * o * (ONE - squashed * squashed), ZERO)
            dh[u], dc[u] = dh[u] - own_h, np.where(there > 0, keep * own_c * f, dc[u])
            own[u] = own_c * g * i * (ONE - i)
            own[units + u] = own_c * before[u] * f * (ONE - f)
            own[2 * units + u] = own_c * i * (ONE - g * g)
            own[3 * units + u] = own_h * squashed * o * (ONE - o)
        flow = [np.zeros(batch, np.float32) for _ in range(inputs + units)]
        for i, j, w in zip(pre, post, weight, strict=True):
            flow[i] = flow[i] + w * own[j]
        slopes[t], dx[t] = own, flow[:inputs]
        if keep:
            dh = [a + b for a, b in zip(dh, flow[inputs:], strict=True)]
    return [_correlation(i, j, steps, slopes) for i, j in zip(pre, post, strict=True)], slopes, dx


def _correlation(i, j, steps, slopes):
    """Sixteen sums over parts of the batch and steps, added by halves."""
    sums = np.zeros(LANES, np.float32)
    for begin in range(0, len(slopes[0][j]), LANES):
        for (z, *_), own in zip(steps, slopes, strict=True):
            sums = sums + z[i][begin : begin + LANES] * own[j][begin : begin + LANES]
    while len(sums) > 1:
        sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
    return sums[0]


# In float64, for derivatives --------------------------------------------------------------------------------------


def run(matrix, bias, x, present, state=None):
    """h after each step [step, unit, batch], and the last h and c; x [step, input, batch], matrix [gate, source]."""
    units, out = len(bias) // 4, []
    h, c = state if state is not None else np.zeros((2, units, x.shape[2]))
    for frame, there in zip(x, present, strict=True):
        i, f, g, o = (matrix @ np.concatenate([frame, h]) + bias[:, None]).reshape(4, units, -1)
        i, f, o = (1 / (1 + np.exp(-value)) for value in (i, f, o))
        new = f * c + i * np.tanh(g)
        h, c = np.where(there, o * np.tanh(new), h), np.where(there, new, c)
        out.append(h)
    return np.array(out), (h, c)
