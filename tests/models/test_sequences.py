"""Encoders against their definitions, and the split of training data."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.sequences import exponential_filters, population_code, split_signs, split_tail


def test_signs_become_channels():
    x = np.array([[[2, -3, 0]]], np.int16)
    assert_array_equal(split_signs(x), [[[2, 0, 0, 0, 3, 0]]])
    assert split_signs(x).dtype == np.int16


def test_population_code_is_a_gaussian_around_each_preferred_value():
    code = population_code(np.array([[0.25, 1.0]]), 3)
    assert code.dtype == np.float32
    expected = [np.exp(-((x - preferred) ** 2) / (2 * 0.25**2)) for x in (0.25, 1) for preferred in (0, 0.5, 1)]
    assert_allclose(code, [expected], rtol=1e-6)
    assert code[0, 5] == 1
    with pytest.raises(ValueError, match="number must be at least 2, got 1"):
        population_code(np.zeros((1, 1)), 1)


def test_exponential_filters_are_a_recursion(rng):
    x, taus = rng.random((2, 50, 3)), (3.0, 20.0)
    filtered = exponential_filters(x, taus)
    assert filtered.shape == (2, 50, 6)
    state = np.zeros((2, 6))
    decay = np.exp(-1 / np.repeat(taus, 3))
    for step in range(50):
        state = decay * state + (1 - decay) * np.tile(x[:, step], 2)
        assert_allclose(filtered[:, step], state, rtol=1e-4)


def test_a_constant_is_the_fixed_point_of_a_filter():
    assert_allclose(exponential_filters(np.full((1, 400, 1), 0.7), [10.0])[0, -1], 0.7, rtol=1e-4)


def test_the_tail_serves_for_validation_or_for_training():
    whole = np.arange(10).reshape(5, 2, 1), np.arange(5, dtype=np.int32)
    train, validation = split_tail(whole, 2, validation=True)
    assert_array_equal(train[1], [0, 1, 2])
    assert_array_equal(validation[0], whole[0][3:])
    assert_array_equal(validation[1], [3, 4])
    assert split_tail(whole, 2, validation=False) == (whole, None)
