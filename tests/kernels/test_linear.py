"""Kernels of the layers are bit-identical to their reference implementations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels import lanes, linear
from tests import naive_rate

CASES = 60


def case(rng):
    """Sizes, connections and activations, some of them empty or 0."""
    num_pre, num_post = (int(n) for n in rng.integers(1, 12, 2))
    width = 16 * int(rng.integers(1, 4))
    keys = rng.permutation(num_pre * num_post)[: rng.integers(0, num_pre * num_post + 1)]
    pre, post = (keys // num_post).astype(np.int32), (keys % num_post).astype(np.int32)
    polarity = rng.choice([-1, 1], len(keys)).astype(np.int8)
    theta = rng.random(len(keys)).astype(np.float32)
    x = np.maximum(rng.standard_normal((num_pre, width)), 0).astype(np.float32)
    delta = rng.standard_normal((num_post, width)).astype(np.float32)
    return pre, post, polarity, theta, x, delta


def test_linear_equals_naive(rng):
    for _ in range(CASES):
        pre, post, polarity, theta, x, delta = case(rng)
        bias = rng.standard_normal(len(delta)).astype(np.float32)
        out = np.empty_like(delta)
        linear.forward(pre, post, polarity, theta, bias, x, out)
        assert_array_equal(out, naive_rate.forward(pre, post, polarity, theta, bias, x))
        gradient, dx = np.empty_like(theta), np.empty_like(x)
        linear.weight_gradient(pre, post, x, delta, gradient)
        assert_array_equal(gradient, naive_rate.weight_gradient(pre, post, x, delta))
        linear.input_gradient(pre, post, polarity, theta, delta, dx)
        assert_array_equal(dx, naive_rate.input_gradient(pre, post, polarity, theta, x, delta))


def test_relu_equals_naive(rng):
    for _ in range(CASES):
        x, delta = rng.standard_normal((2, 3, 16)).astype(np.float32)
        x[0, 0], x[0, 1] = 0, -0.0
        out = x.copy()
        linear.relu(out)
        assert_array_equal(out, naive_rate.relu(x))
        back = delta.copy()
        linear.relu_backward(out, back)
        assert_array_equal(back, naive_rate.relu_backward(out, delta))


def test_relu_lets_nan_be_found():
    x = np.full((1, 16), np.nan, np.float32)
    linear.relu(x)
    assert np.isnan(x).all()


def test_tanh_equals_naive(rng):
    """The hyperbolic tangent of float32 and of float64, rounded, differ in the last bit at most."""
    for _ in range(CASES):
        x, delta = (3 * rng.standard_normal((2, 3, 16))).astype(np.float32)
        out = x.copy()
        linear.tanh(out)
        np.testing.assert_allclose(out, naive_rate.tanh(x), rtol=2e-7)
        back = delta.copy()
        linear.tanh_backward(out, back)
        assert_array_equal(back, naive_rate.tanh_backward(out, delta))


@pytest.mark.parametrize("width", [16, 32, 128, 1040])
@pytest.mark.parametrize("rows", [0, 1, 15, 16, 41])
def test_sum_rows_equals_naive(rng, width, rows):
    delta = rng.standard_normal((rows, width)).astype(np.float32)
    out = np.empty(rows, np.float32)
    linear.sum_rows(delta, out)
    assert_array_equal(out, naive_rate.sum_rows(delta))
    np.testing.assert_allclose(out, delta.sum(axis=1, dtype=float), atol=1e-4)


@pytest.mark.parametrize("num_features", [1, 7, 16, 40])
def test_load_batch_equals_naive(rng, num_features):
    for _ in range(CASES):
        n = int(rng.integers(1, 40))
        samples = rng.standard_normal((50, num_features)).astype(np.float32)
        order = rng.integers(0, 50, n)
        out = np.full((num_features, -(-n // 16) * 16), np.nan, np.float32)
        linear.load_batch(samples, order, out)
        assert_array_equal(out, naive_rate.load_batch(samples, order, num_features, out.shape[1]))


def test_losses_equal_naive(rng):
    for _ in range(CASES):
        n, num_out = (int(k) for k in rng.integers(1, 12, 2))
        out = (10 * rng.standard_normal((num_out, 16))).astype(np.float32)
        delta = np.empty_like(out)
        labels = rng.integers(0, num_out, n)
        value, slopes = naive_rate.cross_entropy(out, labels)
        assert linear.cross_entropy(out, labels, delta) == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(delta, slopes, rtol=1e-6, atol=1e-12)
        targets = rng.standard_normal((n, num_out)).astype(np.float32)
        value, slopes = naive_rate.mean_squared_error(out, targets)
        assert linear.mean_squared_error(out, targets, delta) == value
        assert_array_equal(delta, slopes)


def test_vector_code_equals_plain_code(rng):
    for _ in range(CASES):
        x, y = rng.standard_normal((2, 4, 32)).astype(np.float32)
        i, j = int(rng.integers(0, 112)), int(rng.integers(0, 112))
        flat_x, flat_y = x.ravel()[i : i + 16], y.ravel()[j : j + 16]
        pre, post, out = *rng.integers(0, 4, (2, 16)).astype(np.int32), np.empty(16, np.float32)
        lanes.plain_dots(x, pre, y, post, 32, 0, out)
        assert_array_equal(out, naive_rate.weight_gradient(pre, post, x, y))
        expected = naive_rate.add_scaled(np.float32(0.7), flat_x, flat_y)
        lanes.plain_add_scaled(np.float32(0.7), x, i, y, j)
        assert_array_equal(y.ravel()[j : j + 16], expected)
        lanes.plain_sums(x.reshape(-1, 16)[[0, 1] * 8], 16, 0, out)
        assert_array_equal(out, naive_rate.sum_rows(x.reshape(-1, 16)[[0, 1] * 8]))
        lanes.plain_fetch(x, i)
        assert_array_equal(x.ravel()[i : i + 16], flat_x)
        samples, out = rng.standard_normal((40, 19)).astype(np.float32), np.zeros((20, 32), np.float32)
        order, used, first = rng.integers(0, 40, 16), int(rng.integers(0, 17)), int(rng.integers(0, 4))
        lanes.plain_turn(samples, 19 * order, used, first, out, 64, 32)
        assert_array_equal(out[2:18, :used], samples[order[:used], first : first + 16].T)
        assert not out[2:18, used:].any()
