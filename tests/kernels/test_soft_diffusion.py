"""Updates of potential connections, bit-identical to their reference implementations in float32 and float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels.soft_langevin import sweep_soft
from synaptic_sampling.rules.synaptic_sampling import sweep_diffusion
from tests import naive
from tests.kernels.test_dynamics import CASES, KEY, both_types, random_sizes


def random_theta(rng, n, dtype):
    """Some of either sign, and some exactly 0 and -0."""
    return (rng.standard_normal(n) * rng.choice([0.0, 0.1, 1.0], n)).astype(dtype)


@both_types
def test_soft_equals_naive(rng, dtype):
    clipped = 0
    for case in range(CASES):
        n = random_sizes(rng)
        theta, slope = random_theta(rng, n, dtype), rng.standard_normal(n).astype(dtype)
        polarity = rng.choice([-1, 1], n).astype(np.int8)
        eta, alpha, sigma = rng.random(3)
        floor = -float(rng.choice([1e-9, 0.3, 2.0]))
        address = eta, alpha, sigma, floor, case, 256, 77, 5
        moved, slots = naive.soft(slope, polarity, *address, theta)
        crossed = np.empty(n, np.int32)
        number = sweep_soft(
            slope, polarity, (eta, alpha, sigma, floor), True, np.uint64(case), np.uint64(256), *KEY, theta, crossed
        )
        assert_array_equal(theta, moved)
        assert_array_equal(crossed[:number], slots)
        clipped += np.count_nonzero(theta == dtype(floor))
    assert clipped > 1000


@both_types
def test_diffuse_equals_naive(rng, dtype):
    clipped = 0
    for case in range(CASES):
        n = random_sizes(rng)
        theta, gradient = random_theta(rng, n, dtype), rng.standard_normal(n).astype(dtype)
        mean, keep, gain, scale = rng.random(4)
        limit = float(rng.choice([math.inf, 0.5]))
        low, high = [(-math.inf, math.inf), (-0.5, 0.8)][rng.integers(2)]
        numbers = mean, keep, gain, scale, limit, low, high
        moved, slots = naive.diffuse(gradient, *numbers, case, 256, 77, 5, theta)
        crossed = np.empty(n, np.int32)
        address = np.uint64(case), np.uint64(256), *KEY
        number = sweep_diffusion(gradient, np.ones(n, np.int8), numbers, True, *address, theta, crossed)
        assert_array_equal(theta, moved)
        assert_array_equal(crossed[:number], slots)
        clipped += np.count_nonzero((theta == dtype(low)) | (theta == dtype(high)))
    assert clipped > 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_just_beside_zero(dtype):
    """What is stored decides: a tiny negative number that rounds to -0 is connected."""
    tiny = np.array([1e-300, -1e-300, -1e-50, 0.0, -0.0]).astype(dtype)
    theta, crossed, zero = tiny.copy(), np.empty(5, np.int32), np.zeros(5, dtype)
    numbers = 0.0, 1.0, 0.0, 0.0, math.inf, -math.inf, math.inf
    address = np.uint64(1), np.uint64(0), *KEY
    assert sweep_diffusion(zero, np.ones(5, np.int8), numbers, True, *address, theta, crossed) == 0
    assert_array_equal(theta, tiny)
