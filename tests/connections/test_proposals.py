"""Draws where degrees are limited or sites differ in probability: their exact law, and what they cost.

Statistical tests have a false-alarm rate of 1e-6 and fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chi2

from synaptic_sampling import Connections, replace
from synaptic_sampling._kernels.vacancy import EMPTY, remove_all
from synaptic_sampling.connections import draw, sites
from synaptic_sampling.randomness import Stream
from tests.connections.test_candidates import POOLS, draw_from

FALSE_ALARM = 1e-6
NUMBER = 4000
WEIGHT = np.array([[0.9, 0.1, 0.0], [0.3, 0.5, 1.0], [0.2, 0.05, 0.4]])
LISTED = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 0], [2, 2]])
NONE = np.empty(0, np.int32)

#: Arguments, and their meaning: weights of 3 by 3 sites, births, free degrees.
CASES = {
    "limits": ({"max_in_degree": [1, 2, 1], "max_out_degree": 1}, np.ones((3, 3)), 3),
    "limits without autapses": ({"max_in_degree": 1, "autapses": False}, 1.0 - np.eye(3), 3),
    "listed": ({"candidates": LISTED, "max_in_degree": 1, "max_out_degree": 1}, None, 3),
    "weights": ({"probability": WEIGHT}, WEIGHT, 4),
    "weights and limits": ({"probability": WEIGHT, "max_in_degree": 1, "max_out_degree": [1, 2, 1]}, WEIGHT, 3),
    "function and limit": ({"candidates": lambda i, j: i <= j, "max_out_degree": 2}, np.triu(np.ones((3, 3))), 4),
    "listed weights": ({"candidates": LISTED, "probability": WEIGHT, "max_in_degree": 1}, None, 3),
    "multapses": ({"probability": WEIGHT, "multapses": True, "max_in_degree": [2, 1, 1]}, WEIGHT, 3),
}


def weights_of(case):
    options, weight, _ = CASES[case]
    if weight is not None:
        return weight
    listed = np.zeros((3, 3))
    listed[tuple(LISTED.T)] = 1.0
    return listed * options.get("probability", 1.0)


def law(weight, births, options):
    """Return the probability of each set of sites, summed over all sequences of successive draws."""
    limits = [np.broadcast_to(options.get(name, 9), 3) for name in ("max_out_degree", "max_in_degree")]
    now = {(): 1.0}
    for _ in range(births):
        after = {}
        for taken, chance in now.items():
            pre, post = np.divmod(np.array(taken, int), 3)
            room = [limit - np.bincount(side, minlength=3) > 0 for limit, side in zip(limits, (pre, post), strict=True)]
            free = np.where(np.outer(*room), weight, 0.0).ravel()
            if not options.get("multapses"):
                free[list(taken)] = 0.0
            if free.sum() == 0.0:
                after[taken] = after.get(taken, 0.0) + chance
            for site in np.flatnonzero(free):
                grown = tuple(sorted((*taken, int(site))))
                after[grown] = after.get(grown, 0.0) + chance * free[site] / free.sum()
        now = after
    return now


def drawn(options, births):
    """Return how often each set of sites is drawn between neurons without connections."""
    c, counts = Connections(3, 3, [], [], seed=5, **options), {}
    for step in range(NUMBER):
        keys = c.draw_vacant(np.arange(births, dtype=np.int32), NONE, Stream.BIRTH, step)
        if not c.sites.multapses:
            remove_all(c.table, keys)
        found = tuple(sorted(keys.tolist()))
        counts[found] = counts.get(found, 0) + 1
    return counts


def statistic_and_bound(counts, chances):
    """Return chi2 over all sets; those expected fewer than 5 times count as one."""
    rare = sum(chance for chance in chances.values() if NUMBER * chance < 5)
    often = {found: chance for found, chance in chances.items() if NUMBER * chance >= 5}
    seen = np.array([*(counts.get(found, 0) for found in often)])
    seen, expected = np.append(seen, NUMBER - seen.sum()), NUMBER * np.append(list(often.values()), rare)
    seen, expected = seen[expected > 0], expected[expected > 0]
    return ((seen - expected) ** 2 / expected).sum(), chi2.isf(FALSE_ALARM, len(seen) - 1)


@pytest.mark.statistical
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pool", POOLS)
def test_each_newborn_draws_from_what_is_free_when_its_turn_comes(case, pool, monkeypatch):
    draw_from(pool, monkeypatch)
    options, _, births = CASES[case]
    exact = law(weights_of(case), births, options)
    if pool in {"all", "blocks"} and min(map(len, exact)) < births:
        # Only a list of free sites can show that none is free.
        monkeypatch.setattr(draw, "PATIENCE", 50 * draw.ROUND)
    counts = drawn(options, births)
    assert set(counts) <= set(exact)
    statistic, bound = statistic_and_bound(counts, exact)
    assert statistic < bound


@pytest.mark.statistical
@pytest.mark.parametrize(
    "wrong",
    [
        {"probability": WEIGHT**1.3, "max_in_degree": 1, "max_out_degree": [1, 2, 1]},
        {"probability": WEIGHT, "max_in_degree": 1, "max_out_degree": [1, 1, 2]},
    ],
)
@pytest.mark.parametrize("pool", POOLS)
def test_the_law_tells_other_weights_and_limits(wrong, pool, monkeypatch):
    draw_from(pool, monkeypatch)
    monkeypatch.setattr(draw, "PATIENCE", min(draw.PATIENCE, 50 * draw.ROUND))
    exact = law(WEIGHT, 3, CASES["weights and limits"][0])
    counts = drawn(wrong, 3)
    statistic, bound = statistic_and_bound(counts, exact)
    assert statistic > bound or not set(counts) <= set(exact)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_nobody_goes_without_while_a_site_is_free(data):
    num_pre, num_post = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weight = rng.random((num_pre, num_post)) * (rng.random((num_pre, num_post)) < data.draw(st.sampled_from([0.03, 1])))
    limits = {"max_in_degree": num_post, "max_out_degree": num_pre}
    options = {name: rng.integers(0, 4, size) for name, size in limits.items() if data.draw(st.booleans())}
    mask = np.ones_like(weight, bool)
    if data.draw(st.booleans()):
        mask = rng.random((num_pre, num_post)) < 0.7
        mask[0, -1] = True
        options["candidates"] = mask
    autapses, multapses = data.draw(st.booleans()), data.draw(st.booleans())
    if not autapses:
        mask = mask & ~np.eye(num_pre, num_post, dtype=bool)
        if not mask.any():
            return
    if data.draw(st.booleans()):
        options["probability"] = lambda pre, post: weight[pre, post]
        mask = mask & (weight > 0)
    c = Connections(num_pre, num_post, [], [], autapses=autapses, multapses=multapses, seed=3, capacity=60, **options)
    for births in rng.integers(0, 30, 6):
        info = replace(c, rng.random(len(c)) < 0.5, births=int(births))
        counts = np.zeros(mask.shape, int)
        np.add.at(counts, (c.pre, c.post), 1)
        assert (counts[~mask] == 0).all()
        assert multapses or counts.max() <= 1
        room_out = options.get("max_out_degree", np.full(num_pre, 99)) - counts.sum(axis=1)
        room_in = options.get("max_in_degree", np.full(num_post, 99)) - counts.sum(axis=0)
        assert min(room_out.min(), room_in.min()) >= 0
        free = mask & np.outer(room_out > 0, room_in > 0) & (multapses | (counts == 0))
        if info.num_unplaced and len(c) < 60:
            event("not all were placed")
            assert not free.any()


def test_no_lot_chooses_a_site_of_probability_0():
    bounds = np.cumsum([0.0, 0.0, 0.1, 0.0, 0.2, 0.0, 0.0])
    lots = np.array([2.0**-53, 1 / 3 - 1e-9, 1 / 3 + 1e-9, 0.9, 1 - 2.0**-53])
    assert draw._choose(bounds, lots).tolist() == [2, 2, 4, 4, 4]
    # The lot falls on a bound: the site begins there.
    assert draw._choose(np.array([1.0, 1.0, 2.0]), np.array([0.5])).tolist() == [2]
    # The largest lot times the sum is rounded up to the sum.
    assert np.nextafter(1.0, 0.0) * 5e-324 == 5e-324
    assert draw._choose(np.array([5e-324, 5e-324]), np.array([1 - 2.0**-53])).tolist() == [0]


def test_blocks_hold_all_sites_of_probability_above_0():
    rng = np.random.default_rng(1)
    for num_pre, num_post, density in [(1, 1, 1.0), (4, 8, 1.0), (5, 13, 0.02), (100, 100, 0.001), (3, 3, 0.0)]:
        weight = rng.random((num_pre, num_post)) * (rng.random((num_pre, num_post)) < density)
        own = sites.Sites(num_pre, num_post, probability=weight)
        blocks = draw.Blocks(own, draw.Grid(own, sites.UNLIMITED))
        keys = blocks.at(np.arange(blocks.size))
        keys = keys[keys != EMPTY]
        assert np.isin(np.flatnonzero(weight), keys).all()
        assert len(np.unique(keys)) == len(keys) <= draw.BLOCK * np.count_nonzero(weight)
        assert blocks._bounds[-1:].sum() == pytest.approx(weight.sum())


# Cost ---------------------------------------------------------------------------------------------------------------


class Counted:
    """A function of pairs that counts about how many it is asked."""

    def __init__(self, function):
        self.function, self.asked = function, 0

    def __call__(self, pre, post):
        self.asked += len(pre)
        return self.function(pre, post)


KERNELS = {
    "candidates": Counted(lambda pre, post: np.abs(pre - post) < 10),
    "probability": Counted(lambda pre, post: np.exp(-np.abs(pre - post) / 10)),
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_local_kernel_is_asked_about_all_pairs_once(name):
    n, kernel = 1000, KERNELS[name]
    c = Connections.random(n, n, 5000, autapses=False, seed=1, **{name: kernel})
    kernel.asked, rng = 0, np.random.default_rng(2)
    replace(c, rng.random(len(c)) < 0.02)
    assert kernel.asked > n * n - n
    for _ in range(5):
        kernel.asked = 0
        births = replace(c, rng.random(len(c)) < 0.02).num_births
        # Less than two proposals per new connection: about a quarter of the near sites is occupied.
        assert 0 < kernel.asked < 2 * draw.BLOCK * births
    kernel.asked = 0
    assert c.num_sites == (n * n - n if name == "probability" else 18 * n - 90)
    assert kernel.asked <= n * n


def test_a_function_that_accepts_much_is_asked_aboutdraw_only():
    kernel = Counted(lambda pre, post: (pre + post) % 4 == 0)
    c = Connections.random(10_000, 10_000, 500, seed=1, candidates=kernel)
    assert ((c.pre + c.post) % 4 == 0).all()
    assert kernel.asked < sites.SAMPLE + 10 * 500


def test_too_many_pairs_are_not_asked_about_beforehand(monkeypatch):
    monkeypatch.setattr(sites, "MAX_ASKED", 10**6 - 1)
    kernel = Counted(lambda pre, post: np.abs(pre - post) < 10)
    c = Connections.random(1000, 1000, 20, seed=1, candidates=kernel)
    assert (np.abs(c.pre - c.post) < 10).all()
    assert 20 * 20 < kernel.asked < 20 * 200


def test_only_pairs_that_may_be_connected_are_asked_about():
    """A function may be undefined for autapses, as 1 over the distance is."""
    for scale in (0.9, 0.001):
        with np.errstate(all="raise"):
            c = Connections.random(
                9, 9, 40, seed=1, autapses=False, probability=lambda i, j, s=scale: s / np.abs(i - j)
            )
            assert replace(c, np.ones(40, bool)).num_births == 40
            assert c.num_sites == 72


def test_a_function_that_changes_its_mind_is_not_overruled():
    """It is told not to; what it forbids now does not happen all the same."""
    reach = 5
    c = Connections.random(400, 400, 100, seed=1, candidates=lambda pre, post: np.abs(pre - post) < reach)
    replace(c, np.arange(100) < 50)
    assert c.sites._blocks is not None
    reach = 3
    replace(c, np.ones(100, bool))
    assert len(c) == 100
    assert (np.abs(c.pre - c.post) < 3).all()


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_constant_degrees_cost_as_much_as_births_and_neurons(both, listed, monkeypatch):
    """Every neuron is at its limit: as many connections are formed as are eliminated."""
    looked = []

    def count(kernel):
        def counted(table, keys, *rest):
            looked.append(len(keys))
            kernel(table, keys, *rest)

        return counted

    for name in ("take_each", "contains_each"):
        monkeypatch.setattr(draw, name, count(getattr(draw, name)))
    n, k = 1000, 20
    post = np.repeat(np.arange(n), k)
    pre = (post + 7 * np.tile(np.arange(k), n)) % n
    options = {"max_in_degree": k, **({"max_out_degree": k} if both else {})}
    if listed:
        offset = np.tile(np.arange(150), n)
        options["candidates"] = np.column_stack(
            [(np.repeat(np.arange(n), 150) + offset) % n, np.repeat(np.arange(n), 150)]
        )
    c = Connections(n, n, pre, post, seed=1, **options)
    rng = np.random.default_rng(3)
    for _ in range(5):
        looked.clear()
        info = replace(c, rng.random(len(c)) < 0.02)
        assert info.num_births + c.missing > 300
        assert (np.bincount(c.post, minlength=n) <= k).all()
        # A list of candidates is examined once; the grid, nearly all of which is free, not even that.
        assert sum(looked) < (3 * 150 * n if listed else 10 * (info.num_births + n))
        assert len(looked) < 200


def test_the_same_sites_are_drawn_after_a_restart():
    """What is kept of a function decides no draw: connections that were just made draw as those that have it."""
    options = {"probability": lambda i, j: np.exp(-np.abs(i - j) / 3), "max_in_degree": 8, "seed": 4}
    c = Connections.random(300, 300, 1500, **options)
    replace(c, np.arange(1500) < 300)
    other = Connections(300, 300, c.pre, c.post, **options)
    other.restore(c.state())
    for each in (c, other):
        replace(each, np.arange(len(c)) % 5 == 0)
    assert_array_equal(c.pre, other.pre)
    assert_array_equal(c.post, other.post)
