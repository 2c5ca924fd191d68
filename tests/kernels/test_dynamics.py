"""Updates of a step, bit-identical to their reference implementations in float32 and float64."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels import dynamics, philox, vacancy
from synaptic_sampling._kernels.langevin import sweep_langevin
from synaptic_sampling._kernels.signs import SIGN_GIVEN_PRE, SIGN_GIVEN_SITE, SIGN_OF_PRE, SIGN_OF_SITE, SIGN_REDRAWN
from synaptic_sampling._kernels.vacancy import EMPTY, insert_all
from synaptic_sampling.events import EVENT
from synaptic_sampling.rules.optimizers import bias_corrections
from tests import naive

KEY = (np.uint64(77), np.uint64(5))
CASES = 250  # For each of two types of theta: 500 in all.
SIGN_MODES = {
    "site": SIGN_OF_SITE,
    "presynaptic": SIGN_OF_PRE,
    "redrawn": SIGN_REDRAWN,
    "given per presynaptic neuron": SIGN_GIVEN_PRE,
    "given per site": SIGN_GIVEN_SITE,
}

both_types = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def random_sizes(rng):
    return int(rng.choice([0, 1, 2, 63, 64, 65, rng.integers(3, 200)]))


def test_first_not_finite_equals_naive(rng):
    for _ in range(500):
        values = rng.standard_normal(random_sizes(rng))
        for bad in (np.nan, np.inf, -np.inf):
            if rng.random() < 0.3 and len(values):
                values[rng.integers(len(values))] = bad
        assert dynamics.first_not_finite(values) == naive.first_not_finite(values)


@both_types
def test_momentum_equals_naive(rng, dtype):
    for _ in range(CASES):
        n = random_sizes(rng)
        gradient, velocity = rng.standard_normal((2, n)).astype(dtype)
        expected = naive.momentum(gradient, 0.9, velocity)
        slope = np.empty(n, dtype)
        dynamics.momentum(gradient, 0.9, velocity, slope)
        assert_array_equal(velocity, expected)
        assert_array_equal(slope, expected)


@both_types
def test_adam_equals_naive(rng, dtype):
    corrections = bias_corrections(0.9), bias_corrections(0.99)
    for _ in range(CASES):
        n = random_sizes(rng)
        gradient, first = rng.standard_normal((2, n)).astype(dtype)
        second = rng.random(n).astype(dtype)
        age = rng.choice([1, 2, 10, 400, 5000], n)
        expected = naive.adam(gradient, age, 0.9, 0.99, 1e-8, first, second)
        slope = np.empty(n, dtype)
        dynamics.adam(gradient, age, (0.9, 0.99), corrections, 1e-8, first, second, slope)
        for got, wanted in zip((first, second, slope), expected, strict=True):
            assert_array_equal(got, wanted)


@both_types
def test_langevin_equals_naive(rng, dtype):
    for case in range(CASES):
        n = random_sizes(rng)
        slope = rng.standard_normal(n).astype(dtype)
        theta = np.abs(rng.standard_normal(n)).astype(dtype)
        polarity = rng.choice([-1, 1], n).astype(np.int8)
        eta, alpha = rng.random(2)
        sigma = float(rng.choice([0.0, 0.3]))
        expected = naive.langevin(slope, polarity, eta, alpha, sigma, case, 256, 77, 5, theta)
        retracted = np.empty(n, np.int32)
        address = np.uint64(case), np.uint64(256), *KEY
        number = sweep_langevin(slope, polarity, (eta, alpha, sigma), sigma > 0, *address, theta, retracted)
        assert_array_equal(theta, expected[0])
        assert_array_equal(retracted[:number], expected[1])


@pytest.mark.parametrize("mode", SIGN_MODES)
def test_polarity_equals_naive(rng, mode):
    num_pre, num_post = 20, 30
    size = num_pre * num_post if mode == "given per site" else num_pre
    table = rng.choice([-1, 1], size).astype(np.int8)
    for _ in range(200):
        pre, post, slot = (np.int32(rng.integers(n)) for n in (num_pre, num_post, 1000))
        step, threshold = (np.uint64(rng.integers(2**32)) for _ in range(2))
        got = dynamics.draw_sign(
            SIGN_MODES[mode], table, threshold, pre, post, num_post, slot, step, np.uint64(2), *KEY
        )
        address = int(pre), int(post), num_post, int(slot), int(step), 2, 77, 5
        assert got == naive.draw_sign(mode, table, int(threshold), *address)


@pytest.mark.parametrize("mode", SIGN_MODES)
def test_retract_and_regrow_equal_naive(rng, mode):
    num_pre, num_post = 6, 7
    size = num_pre * num_post if mode == "given per site" else num_pre
    sign_table = rng.choice([-1, 1], size).astype(np.int8)
    for case in range(100):
        n = int(rng.integers(0, num_pre * num_post + 1))
        sites = rng.permutation(num_pre * num_post)[:n]
        state = (
            (sites // num_post).astype(np.int32),
            (sites % num_post).astype(np.int32),
            rng.random(n),
            rng.choice([-1, 1], n).astype(np.int8),
            np.zeros(n, np.int64),
        )
        plain = [values.tolist() for values in state]
        table = np.full(3 * n + 2, EMPTY)
        insert_all(table, sites)
        occupied = set(sites.tolist())
        slots = np.flatnonzero(rng.random(n) < rng.random()).astype(np.int32)
        keys = rng.integers(0, num_pre * num_post, len(slots))
        events = np.empty(len(slots), EVENT)

        dynamics.retract(slots, *state[:2], state[3], num_post, case, 3, table, events)
        expected = naive.retract(slots.tolist(), *plain[:2], plain[3], num_post, case, 3, occupied)
        assert_array_equal(events, naive.as_events(expected, EVENT))
        assert set(table[table >= 0].tolist()) == occupied

        rule = SIGN_MODES[mode], sign_table, np.uint64(2**31)
        dynamics.regrow(slots, keys, rule, num_post, case, 3, np.uint64(2), *KEY, state, events)
        expected = naive.regrow(
            slots.tolist(), keys.tolist(), mode, sign_table, 2**31, num_post, case, 3, 2, 77, 5, plain
        )
        assert_array_equal(events, naive.as_events(expected, EVENT))
        for got, wanted in zip(state, plain, strict=True):
            assert_array_equal(got, wanted)


def test_every_kernel_has_a_twin():
    for module in (philox, vacancy, dynamics):
        for name, value in vars(module).items():
            kernel = getattr(value, "py_func", value)
            if callable(kernel) and getattr(kernel, "__module__", "") == module.__name__:
                assert hasattr(naive, name.lstrip("_")) or name == "_home", f"{module.__name__}.{name} has no twin"
