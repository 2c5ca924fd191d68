"""The kernels for some slots of large arrays equal their reference implementations."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels.slots import move_ends, values_of
from tests import naive


def test_values_of_slots():
    rng = np.random.default_rng(1)
    for number in (0, 1, 17, 60, 100):
        values = rng.integers(1000, size=100).astype(np.int32)
        slots = np.sort(rng.permutation(100)[: rng.integers(100)]).astype(np.int32)
        got = np.empty(len(slots), np.int32)
        values_of(slots, values, number, got)
        assert_array_equal(got, naive.values_of(slots, values, number))


def test_moved_ends():
    rng = np.random.default_rng(2)
    for start in (0, 3):
        for _ in range(20):
            ends = rng.integers(7, size=90).astype(np.int32) + start
            degrees = np.bincount(ends, minlength=10).astype(np.int32)
            slots = np.sort(rng.permutation(90)[: rng.integers(90)]).astype(np.int32)
            old, new = ends[slots] - start, rng.integers(7, size=len(slots)).astype(np.int32)
            plain = ends.tolist(), degrees.tolist()
            naive.move_ends(old.tolist(), new.tolist(), slots.tolist(), start, *plain)
            move_ends(old, new, slots, start, ends, degrees)
            assert_array_equal(ends, plain[0])
            assert_array_equal(degrees, plain[1])
            assert_array_equal(degrees, np.bincount(ends, minlength=10))
