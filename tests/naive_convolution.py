"""Reference implementations of convolution and pooling: loops over every place, in the order that the kernels promise.

Planes are arrays [channel, row, column, batch]; what is computed is computed one number at a time.
"""

from __future__ import annotations

import numpy as np

LANES = 16


def f32(value):
    return np.float32(value)


def group(groups, number):
    """Starts and sorted slots."""
    slots = [k for g in range(number) for k in range(len(groups)) if groups[k] == g]
    return [sum(g < n for g in groups) for n in range(number + 1)], slots


def forward(connections, bias, x, after, kernel, stride, padding):
    """Every place of the output: bias, then the connections of the channel in the order of their slots."""
    pre, post, weight = connections
    _, height, width, batch = x.shape
    out = np.empty((*after, batch), np.float32)
    for o, y, column, b in np.ndindex(out.shape):
        total = f32(bias[o])
        for i, j, w in zip(pre, post, weight, strict=True):
            if j != o:
                continue
            c, (ky, kx) = i // (kernel[0] * kernel[1]), divmod(i % (kernel[0] * kernel[1]), kernel[1])
            row, place = y * stride + ky - padding, column * stride + kx - padding
            inside = 0 <= row < height and 0 <= place < width
            total = f32(total + f32(w * (x[c, row, place, b] if inside else f32(0))))
        out[o, y, column, b] = total
    return out


def weight_gradient(connections, x, delta, kernel, stride, padding):
    """For each connection sixteen running sums over parts of the batch, rows, columns; then added by halves."""
    pre, post, _ = connections
    _, height, width, batch = x.shape
    gradient = []
    for i, o in zip(pre, post, strict=True):
        c, (ky, kx) = i // (kernel[0] * kernel[1]), divmod(i % (kernel[0] * kernel[1]), kernel[1])
        sums = [f32(0)] * LANES
        for start in range(0, batch, LANES):
            for y in range(delta.shape[1]):
                for column in range(delta.shape[2]):
                    row, place = y * stride + ky - padding, column * stride + kx - padding
                    inside = 0 <= row < height and 0 <= place < width
                    for lane in range(LANES):
                        value = x[c, row, place, start + lane] if inside else f32(0)
                        sums[lane] = f32(sums[lane] + f32(value * delta[o, y, column, start + lane]))
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [f32(a + b) for a, b in zip(sums[:half], sums[half:], strict=True)]
        gradient.append(sums[0])
    return gradient


def input_gradient(connections, shape, delta, kernel, stride, padding):
    """Every place of the input: the connections that leave it, in the order of their slots."""
    pre, post, weight = connections
    dx = np.empty(shape, np.float32)
    for c, row, place, b in np.ndindex(shape):
        total = f32(0)
        for i, o, w in zip(pre, post, weight, strict=True):
            if i // (kernel[0] * kernel[1]) != c:
                continue
            ky, kx = divmod(i % (kernel[0] * kernel[1]), kernel[1])
            (y, off_y), (column, off_x) = divmod(row + padding - ky, stride), divmod(place + padding - kx, stride)
            if off_y or off_x:
                continue
            inside = 0 <= y < delta.shape[1] and 0 <= column < delta.shape[2]
            total = f32(total + f32(w * (delta[o, y, column, b] if inside else f32(0))))
        dx[c, row, place, b] = total
    return dx


def _windows(out_shape, kernel, stride):
    """For each place of the output, the places of its window."""
    for c, y, column in np.ndindex(out_shape):
        yield (c, y, column), [(c, y * stride + n // kernel, column * stride + n % kernel) for n in range(kernel**2)]


def max_pool(x, out_shape, kernel, stride):
    out, place = np.empty((*out_shape, x.shape[3]), np.float32), np.empty((*out_shape, x.shape[3]), np.int32)
    for target, window in _windows(out_shape, kernel, stride):
        for b in range(x.shape[3]):
            values = [x[*source, b] for source in window]
            out[*target, b] = max(values)
            place[*target, b] = values.index(max(values))
    return out, place


def max_pool_backward(delta, shape, kernel, stride, place):
    dx = np.zeros(shape, np.float32)
    for target, window in _windows(delta.shape[:3], kernel, stride):
        for b in range(shape[3]):
            dx[*window[place[*target, b]], b] += delta[*target, b]
    return dx


def average_pool(x, out_shape, kernel, stride):
    out, share = np.zeros((*out_shape, x.shape[3]), np.float32), f32(1 / kernel**2)
    for target, window in _windows(out_shape, kernel, stride):
        for source in window:
            for b in range(x.shape[3]):
                out[*target, b] = f32(out[*target, b] + f32(share * x[*source, b]))
    return out


def average_pool_backward(delta, shape, kernel, stride):
    dx, share = np.zeros(shape, np.float32), f32(1 / kernel**2)
    for target, window in _windows(delta.shape[:3], kernel, stride):
        for source in window:
            for b in range(shape[3]):
                dx[*source, b] = f32(dx[*source, b] + f32(share * delta[*target, b]))
    return dx


# In float64, for derivatives --------------------------------------------------------------------------------------


def convolve(matrix, bias, x, kernel, stride, padding):
    """A convolution written by its definition; matrix [output channel, (input channel, row, column)]."""
    bordered = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(bordered, kernel, (1, 2))[:, ::stride, ::stride]
    cube = matrix.reshape(len(matrix), len(x), *kernel)
    return np.einsum("cyxbij,ocij->oyxb", windows, cube) + bias[:, None, None, None]


def derivatives(loss, values):
    """Central differences of ``loss()`` with respect to every entry of an array that it reads."""
    slopes = np.empty_like(values)
    for k in np.ndindex(values.shape):
        middle = values[k]
        values[k] = middle + 1e-6
        above = loss()
        values[k] = middle - 1e-6
        slopes[k] = (above - loss()) / 2e-6
        values[k] = middle
    return slopes
