"""Kernels of convolution and pooling are bit-identical to their reference implementations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, RateNetwork
from synaptic_sampling._kernels import convolution, tiles
from synaptic_sampling._numba import jit
from synaptic_sampling.rate.layers.convolution import SparseConv2d
from tests import naive_convolution as naive

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)
CASES = 40


def test_group_equals_naive(rng):
    for _ in range(CASES):
        groups = rng.integers(0, 7, rng.integers(0, 20))
        starts, order = np.empty(8, np.int64), np.empty(len(groups), np.int64)
        tiles.in_groups(groups, starts, order)
        assert (starts.tolist(), order.tolist()) == naive.group(groups.tolist(), 7)


def case(rng):
    """A layer of random sizes, strides, borders and connections, and activations for it."""
    kernel = tuple(int(n) for n in rng.integers(1, 4, 2))
    stride, padding = int(rng.integers(1, 4)), int(rng.integers(0, min(kernel)))
    size = tuple(int(n) for n in rng.integers(3, 13, 2))
    channels = [int(n) for n in rng.integers(1, 4, 2)]
    number = int(rng.integers(1, channels[0] * kernel[0] * kernel[1] * channels[1] + 1))
    layer = SparseConv2d(*channels, kernel, stride, padding, connections=number, size=size)
    RateNetwork([layer], RULE, seed=int(rng.integers(1000)))
    layer.bias[:] = rng.standard_normal(channels[1])
    batch = 16 * int(rng.integers(1, 3))
    x = rng.standard_normal((layer.num_in, batch)).astype(np.float32)
    return layer, x, rng.standard_normal((layer.num_out, batch)).astype(np.float32)


@pytest.mark.parametrize("number", range(12))
def test_convolution_equals_naive(rng, number):
    layer, x, delta = case(rng)
    c, geometry = layer.connections, (layer.kernel, layer.stride, layer.padding)
    connections = c.pre.tolist(), c.post.tolist(), c.weights
    images, slopes = x.reshape(*layer.before.shape, -1), delta.reshape(*layer.after.shape, -1)
    for _ in range(2):  # What is kept from one batch must not show in the next.
        out = layer.forward(x.copy())
        dx = layer.backward(delta, wanted=True)
    expected = naive.forward(connections, layer.bias, images, layer.after.shape, *geometry)
    assert_array_equal(out, expected.reshape(out.shape))
    expected = naive.weight_gradient(connections, images, slopes, *geometry)
    assert_array_equal(layer.parameters[0].gradient, expected)
    expected = naive.input_gradient(connections, images.shape, slopes, *geometry)
    assert_array_equal(dx, expected.reshape(dx.shape))


def test_pooling_equals_naive(rng):
    for _ in range(CASES // 4):
        kernel, stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        shape = (int(rng.integers(1, 3)), *(int(n) for n in rng.integers(kernel, 8, 2)), 16)
        size = (shape[0], *((n - kernel) // stride + 1 for n in shape[1:3]))
        x = rng.integers(-3, 4, shape).astype(np.float32)  # with equals
        delta = rng.standard_normal((*size, 16)).astype(np.float32)
        out, place, dx = np.empty_like(delta), np.empty(delta.shape, np.int32), np.empty_like(x)
        convolution.max_pool(x, kernel, stride, out, place)
        expected, where = naive.max_pool(x, size, kernel, stride)
        assert_array_equal(out, expected)
        assert_array_equal(place, where)
        convolution.max_pool_backward(delta, kernel, stride, place, dx)
        assert_array_equal(dx, naive.max_pool_backward(delta, shape, kernel, stride, where))
        convolution.average_pool(x, kernel, stride, out)
        assert_array_equal(out, naive.average_pool(x, size, kernel, stride))
        convolution.average_pool_backward(delta, kernel, stride, dx)
        assert_array_equal(dx, naive.average_pool_backward(delta, shape, kernel, stride))


def test_max_pool_lets_nan_be_found():
    x, out, place = (
        np.zeros((1, 2, 2, 16), np.float32),
        np.empty((1, 1, 1, 16), np.float32),
        np.empty((1, 1, 1, 16), np.int32),
    )
    x[0, 1, 0] = np.nan
    convolution.max_pool(x, 2, 2, out, place)
    assert np.isnan(out).all()


def test_vector_code_equals_plain_code(rng):
    for _ in range(CASES):
        source, target = rng.standard_normal((2, 40, 16)).astype(np.float32)
        weight, base = rng.standard_normal(5).astype(np.float32), rng.integers(0, 100, 5)
        start, end = sorted(rng.integers(0, 6, 2))
        for plain, vector in ((tiles.plain_combine(1), combine), (tiles.plain_combine(tiles.TILES), combine_tiles)):
            copies = target.copy(), target.copy()
            for function, copy in zip((plain, vector), copies, strict=True):
                function(weight[0], weight, base, start, end, source, 3, 17, copy, 5, 33)
            assert_array_equal(*copies)
        sums = rng.standard_normal(tiles.SLOTS * 16).astype(np.float32)
        for plain, vector in (
            (tiles.plain_correlate(1), correlate),
            (tiles.plain_correlate(tiles.SLOTS), correlate_slots),
        ):
            copies = sums.copy(), sums.copy()
            for function, copy in zip((plain, vector), copies, strict=True):
                function(base, 1, source, 3, 17, target, 5, 33, int(end), copy, 0)
            assert_array_equal(*copies)


def compiled(function):
    """The vector code, made callable."""

    @jit
    def call(a, b, c, d, e, f, g, h, i, j, k):
        function(a, b, c, d, e, f, g, h, i, j, k)

    return call


combine, combine_tiles = compiled(tiles.combine), compiled(tiles.combine_tiles)
correlate, correlate_slots = compiled(tiles.correlate), compiled(tiles.correlate_slots)
