"""The kernel that divides new connections equals its reference implementation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels.split import split_births
from tests import naive


def test_split_equals_naive():
    rng = np.random.default_rng(3)
    unplaced = full = 0
    for case in range(500):
        sets = int(rng.integers(1, 6))
        room, shrink = rng.integers(0, 12, sets), rng.integers(0, 2, sets).astype(float)
        weight = rng.integers(0, 20, sets) * 1.0 if rng.random() < 0.5 else rng.random(sets) * 9
        weight = np.where(shrink > 0, room, weight).astype(float)
        births, counts = int(rng.integers(0, 40)), np.zeros(sets, np.int64)
        expected = naive.split_births(births, case, 6, 12, 34, room.tolist(), weight.tolist(), shrink.tolist())
        address = np.uint64(case), np.uint64(6), np.uint64(12), np.uint64(34)
        left, now = room.copy(), weight.copy()
        placed = split_births(births, *address, left, now, shrink, counts)
        assert_array_equal(counts, expected)
        assert placed == counts.sum() <= births
        assert_array_equal(left, room - counts)
        assert_array_equal(now, weight - shrink * counts)
        unplaced += placed < births
        full += bool((left[counts > 0] == 0).any())
    assert unplaced > 50
    assert full > 50


@pytest.mark.parametrize("births", [0, 3])
def test_no_room_at_all(births):
    counts = np.zeros(2, np.int64)
    address = (np.uint64(0),) * 4
    assert split_births(births, *address, np.zeros(2, np.int64), np.ones(2), np.zeros(2), counts) == 0
    assert_array_equal(counts, 0)
