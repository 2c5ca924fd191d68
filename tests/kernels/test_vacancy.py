"""The set of occupied sites and the draw of vacant ones, against a Python set."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels import vacancy
from tests import naive

NO_DIAGONAL = 2**31
KEY = (np.uint64(123), np.uint64(456))


def empty_table(capacity):
    return np.full(capacity, vacancy.EMPTY)


def entries(table):
    return set(table[table != vacancy.EMPTY].tolist())


def test_table_equals_a_set_over_random_histories(rng):
    """Small tables, nearly full, so that searches wrap around and removals shift long runs."""
    for _ in range(500):
        capacity = int(rng.integers(2, 24))
        table, occupied = empty_table(capacity), set()
        keys = rng.integers(0, 2 ** rng.integers(3, 60), 2 * capacity)
        for _ in range(60):
            key = int(rng.choice(keys))
            if rng.random() < 0.6 and len(occupied) < capacity - 1:
                assert vacancy.insert(table, key) == naive.insert(occupied, key)
            else:
                assert vacancy.remove(table, key) == naive.remove(occupied, key)
            assert entries(table) == occupied
            assert all(vacancy.contains(table, k) == naive.contains(occupied, k) for k in keys.tolist())


def test_insert_all_finds_the_first_repeated_site(rng):
    for _ in range(500):
        keys = rng.integers(0, 200, rng.integers(0, 20))
        assert vacancy.insert_all(empty_table(40), keys) == naive.insert_all(set(), keys.tolist())


def test_remove_all_equals_naive(rng):
    """With more sites than are asked for ahead, and fewer; some are vacant already."""
    for _ in range(500):
        keys = rng.permutation(200)[: rng.integers(0, 60)]
        gone = np.concatenate([keys[: rng.integers(0, 60)], [777]])
        table, occupied = empty_table(130), set(keys.tolist())
        vacancy.insert_all(table, keys)
        vacancy.remove_all(table, gone)
        naive.remove_all(occupied, gone.tolist())
        assert entries(table) == occupied


def random_problem(rng):
    """Sites (listed or a grid, with or without autapses), an occupied part of them, and slots to fill."""
    num_pre, num_post = (int(n) for n in rng.integers(1, 9, 2))
    diagonal = int(rng.choice([NO_DIAGONAL, 0, -1, 2]))
    grid = (num_pre, num_post, diagonal)
    sites = np.empty(0, np.int64)
    if rng.random() < 0.5:
        sites = np.sort(rng.choice(1000, rng.integers(1, 30), replace=False))
    everything = naive.candidates(sites, grid)
    count = int(rng.integers(0, len(everything) + 1))
    occupied = set(int(k) for k in rng.choice(everything, count, replace=False)) if everything else set()
    table = empty_table(3 * len(everything) + 2)
    vacancy.insert_all(table, np.array(sorted(occupied), np.int64))
    vacant = len(everything) - count
    slots = np.sort(rng.choice(1000, rng.integers(0, vacant + 1), replace=False)).astype(np.int32)
    return sites, grid, occupied, table, slots, vacant


def test_draws_equal_naive(rng):
    full = empty = 0
    for case in range(500):
        sites, grid, occupied, table, slots, vacant = random_problem(rng)
        full += vacant == 0
        empty += not occupied
        address = np.uint64(case), np.uint64(1), *KEY
        plain = case, 1, 123, 456

        found = np.empty(vacant, np.int64)
        assert vacancy.vacant_sites(sites, grid, table, found) == vacant
        assert_array_equal(found, naive.vacant_sites(sites, grid, occupied))

        keys, listed, twin = np.empty(len(slots), np.int64), table.copy(), set(occupied)
        placed = vacancy.draw_by_enumeration(slots, found, vacant, *address, listed, keys)
        expected = naive.draw_by_enumeration(slots.tolist(), naive.vacant_sites(sites, grid, occupied), *plain, twin)
        assert placed == len(slots)
        assert_array_equal(keys, expected)
        assert entries(listed) == twin

        for multapses in (True, False):
            vacancy.draw_by_rejection(slots, sites, grid, multapses, *address, table, keys)
            assert_array_equal(keys, naive.draw_by_rejection(slots.tolist(), sites, grid, multapses, *plain, occupied))
            assert entries(table) == occupied
    assert full > 5
    assert empty > 5


def room(rng, neurons):
    """Return how many more connections each neuron may have, or nothing where there is no limit."""
    return rng.integers(0, 3, neurons if rng.random() < 0.5 else 0)


def test_proposals_equal_naive(rng):
    for case in range(500):
        sites, grid, occupied, table, slots, _ = random_problem(rng)
        keys, lots = np.empty(len(slots), np.int64), np.empty(len(slots), np.uint64)
        attempt = int(rng.integers(300))
        vacancy.propose_each(slots, sites, grid, np.uint64(case), np.uint64(1), *KEY, np.uint64(attempt), keys, lots)
        expected = naive.propose_each(slots, sites, grid, case, 1, 123, 456, attempt)
        assert_array_equal(keys, expected[0])
        assert_array_equal(lots, expected[1])

        wanted = (rng.random(len(slots)) < 0.7) & (keys >= 0)
        placed, found = wanted.copy(), np.empty(len(keys), np.bool_)
        vacancy.contains_each(table, keys, found)
        assert_array_equal(found, naive.contains_each(occupied, keys.tolist()))
        rooms = [room(rng, size) for size in (max(keys, default=0) // grid[1] + 1, grid[1])]
        plain = [dict(enumerate(values.tolist())) for values in rooms]
        multapses = bool(rng.integers(2))
        vacancy.take_each(table, keys, grid[1], multapses, *rooms, placed)
        assert_array_equal(placed, naive.take_each(occupied, keys.tolist(), grid[1], multapses, *plain, wanted))
        assert entries(table) == occupied
        for values, twin in zip(rooms, plain, strict=True):
            assert_array_equal(values, list(twin.values()))


def test_uniforms_equal_naive(rng):
    for case in range(500):
        slots = rng.choice(2**31 - 1, rng.integers(0, 9)).astype(np.int32)
        first, second, attempt = np.empty(len(slots)), np.empty(len(slots)), int(rng.integers(2**32))
        vacancy.uniforms_each(slots, np.uint64(case), np.uint64(1), *KEY, np.uint64(attempt), first, second)
        expected = naive.uniforms_each(slots, case, 1, 123, 456, attempt)
        assert_array_equal(first, expected[0])
        assert_array_equal(second, expected[1])
        assert ((first > 0) & (first < 1) & (second > 0) & (second < 1)).all()


def test_enumeration_places_no_more_than_there_are_sites():
    table, keys = empty_table(8), np.zeros(3, np.int64)
    placed = vacancy.draw_by_enumeration(
        np.arange(3, dtype=np.int32), np.array([7, 9]), 2, np.uint64(0), np.uint64(1), *KEY, table, keys
    )
    assert placed == 2
    assert sorted(keys[:2]) == [7, 9]


def test_a_table_stays_fast_over_a_million_changes(rng):
    """No tombstones: after any number of removals the runs are as short as in a fresh table."""
    keys = rng.integers(0, 2**40, 1000)
    table = empty_table(1501)
    vacancy.insert_all(table, keys)
    for new in rng.integers(0, 2**40, 20_000):
        place = int(new % 1000)
        vacancy.remove(table, keys[place])
        vacancy.insert(table, new)
        keys[place] = new
    fresh = empty_table(1501)
    vacancy.insert_all(fresh, keys)
    assert_array_equal(table == vacancy.EMPTY, fresh == vacancy.EMPTY)
