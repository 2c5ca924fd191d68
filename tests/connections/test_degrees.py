"""Largest degrees, multapses, and numbers of connections that vary.

Statistical tests have a false-alarm rate of 1e-6 and fixed seeds.
"""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chi2

from synaptic_sampling import Connections, DeepR, RewiringLog, replace, step
from synaptic_sampling.events import EVENT

FALSE_ALARM = 1e-6
REPLICAS = 1500
RESTLESS = DeepR(learning_rate=0.1, l1=2.0, temperature=0.2)


def degrees(c):
    return np.bincount(c.pre, minlength=c.num_pre), np.bincount(c.post, minlength=c.num_post)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_degrees_and_events_over_histories(data):
    num_pre, num_post = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    most_in, most_out = data.draw(st.integers(1, 5)), data.draw(st.none() | st.integers(1, 5))
    multapses, capacity = data.draw(st.booleans()), data.draw(st.integers(0, 20))
    c = Connections(
        num_pre, num_post, [], [], max_in_degree=most_in, max_out_degree=most_out, multapses=multapses,
        capacity=capacity, seed=data.draw(st.integers(0, 99)),
    )  # fmt: skip
    rng, log = np.random.default_rng(data.draw(st.integers(0, 2**32))), RewiringLog()
    log.describe(0, num_pre=num_pre, num_post=num_post, num_sites=num_pre * num_post, multapses=multapses)
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(40):
        before = len(c)
        if n % 2:
            births = int(rng.integers(0, 6))
            info = replace(c, rng.random(len(c)) < 0.3, births)
            assert info.num_births + info.num_unplaced == births
        else:
            missing = c.missing
            info = step(c, rng.standard_normal(len(c)), RESTLESS)
            assert info.num_births == info.num_deaths + missing - c.missing
        assert len(c) == before + info.num_births - info.num_deaths <= capacity
        out, into = degrees(c)
        assert into.max() <= most_in
        assert most_out is None or out.max() <= most_out
        keys = c.pre.astype(int) * num_post + c.post
        assert multapses or len(np.unique(keys)) == len(keys)
        log.record(info)
    pre, post, _ = log.wiring()
    assert_array_equal(pre, c.pre)
    assert_array_equal(post, c.post)
    assert np.count_nonzero(~log.lives()["dead"]) == len(c)


def final_wirings(steps=10, **options):
    """Return how often each set of connections of 3 by 3 neurons occurs at the end, by the keys of its sites."""
    counts = {}
    for seed in range(REPLICAS):
        c = Connections(3, 3, [0, 1, 2], [0, 1, 2], seed=seed, **options)
        for _ in range(steps):
            step(c, np.zeros(len(c)), RESTLESS)
        wiring = tuple(sorted((c.pre * 3 + c.post).tolist()))
        counts[wiring] = counts.get(wiring, 0) + 1
    return counts


def chi_squared(counts, probability):
    """Return the statistic and its bound; sets of sites are the keys of both."""
    assert set(counts) <= set(probability)
    expected = REPLICAS * np.array(list(probability.values()))
    seen = np.array([counts.get(wiring, 0) for wiring in probability])
    return ((seen - expected) ** 2 / expected).sum(), chi2.isf(FALSE_ALARM, len(seen) - 1)


def multapse_law():
    law = {}
    for sites in product(range(9), repeat=3):
        wiring = tuple(sorted(sites))
        law[wiring] = law.get(wiring, 0.0) + 9.0**-3
    return law


def test_multapses_are_independent_draws():
    statistic, bound = chi_squared(final_wirings(multapses=True), multapse_law())
    assert statistic < bound


def test_the_law_of_multapses_rejects_distinct_sites():
    law = multapse_law()
    statistic, bound = chi_squared(final_wirings(), law)
    assert statistic > bound


def test_one_death_at_a_time_under_a_degree_limit_is_uniform():
    """With one elimination per step all allowed sets of sites are equally likely: the chain is reversible."""
    allowed = {tuple(sorted(3 * i + j for i, j in enumerate(p))): 1 / 6 for p in permutations(range(3))}
    counts = {}
    for seed in range(REPLICAS):
        c = Connections(3, 3, [0, 1], [0, 1], seed=seed, max_in_degree=1, max_out_degree=1)
        rng = np.random.default_rng(seed)
        for _ in range(12):
            replace(c, np.arange(2) == rng.integers(2))
        wiring = tuple(sorted((c.pre * 3 + c.post).tolist()))
        counts[wiring] = counts.get(wiring, 0) + 1
    pairs = {pair for whole in allowed for pair in combinations(whole, 2)}
    statistic, bound = chi_squared(counts, dict.fromkeys(pairs, 1 / len(pairs)))
    assert statistic < bound


def test_what_finds_no_place_is_missing_until_it_does():
    """2 by 2 neurons of degree 1: a new connection may block the only site of the other, which is then formed later."""
    c = Connections(2, 2, [0, 1], [0, 1], max_in_degree=1, max_out_degree=1, seed=4)
    missing = []
    for _ in range(200):
        info = step(c, np.zeros(len(c)), RESTLESS)
        assert len(c) + c.missing == 2
        assert info.num_unplaced == c.missing
        missing.append(c.missing)
    # Two places of a permutation always remain, whoever comes first.
    assert max(missing) == 0
    c = Connections(2, 2, [0, 0, 1], [0, 1, 1], max_in_degree=[1, 2], max_out_degree=2, seed=4)
    blocked = [step(c, np.zeros(len(c)), RESTLESS).num_unplaced for _ in range(300)]
    assert max(blocked) == 0


def test_a_blocked_place_is_won_back():
    """Degrees at most 1 among candidates 0-0, 0-1, 1-0: a connection at 0-0 blocks both others."""
    c = Connections(2, 2, [0, 1], [1, 0], candidates=[[0, 0], [0, 1], [1, 0]], max_in_degree=1, max_out_degree=1)
    sizes = []
    for _ in range(300):
        step(c, np.zeros(len(c)), RESTLESS)
        sizes.append(len(c))
        assert len(c) + c.missing == 2
    assert set(sizes) == {1, 2}


def test_what_is_missing_is_part_of_the_state():
    made = {"candidates": [[0, 0], [0, 1], [1, 0]], "max_in_degree": 1, "max_out_degree": 1}
    c = Connections(2, 2, [0, 1], [1, 0], **made)
    while not c.missing:
        step(c, np.zeros(len(c)), RESTLESS)
    other = Connections(2, 2, [0, 1], [1, 0], **made)
    other.restore(c.state())
    assert (len(other), other.missing) == (1, 1)


def test_the_last_connections_move_into_the_gaps_in_their_order():
    c = Connections.random(5, 5, 9, seed=3)
    before = list(zip(c.pre.tolist(), c.post.tolist(), strict=True))
    info = replace(c, np.isin(np.arange(9), [1, 3, 7]), births=0)
    old, new = info.moved
    assert (old.tolist(), new.tolist()) == ([6, 8], [1, 3])
    after = [before[slot] for slot in (0, 6, 2, 8, 4, 5)]
    assert list(zip(c.pre.tolist(), c.post.tolist(), strict=True)) == after


def test_growth_and_pruning():
    c = Connections(10, 10, [1, 2], [3, 4], theta=[1.0, 2.0], capacity=8, seed=2)
    info = replace(c, np.zeros(2, bool), births=4)
    assert (info.num_deaths, info.num_births, info.num_unplaced, len(c)) == (0, 4, 0, 6)
    assert info.born.slot.tolist() == [2, 3, 4, 5]
    assert_array_equal(c.theta, [1, 2, 0, 0, 0, 0])
    info = replace(c, np.zeros(6, bool), births=4)
    assert (info.num_births, info.num_unplaced, len(c)) == (2, 2, 8)
    last = c.pre[7], c.post[7]
    info = replace(c, np.arange(8) < 1, births=0)
    assert info.moved[0].tolist(), info.moved[1].tolist() == ([7], [0])
    assert (c.pre[0], c.post[0]) == last
    assert info.events["kind"].tolist() == [-1, -2, 2]
    assert c.theta[1] == 2.0
    info = replace(c, np.ones(7, bool), births=0)
    assert len(c) == 0 == info.num_moves
    assert info.events.dtype == EVENT


def test_moments_follow_their_connection():
    from synaptic_sampling import Adam

    c = Connections.random(20, 20, 50, seed=2, capacity=80)
    c.theta[:] = np.arange(50) + 10.0
    rule = DeepR(learning_rate=1e-3, l1=0.0, temperature=0.0, optimizer=Adam())
    step(c, np.arange(50.0), rule)
    before = dict(
        zip(zip(c.pre.tolist(), c.post.tolist(), strict=True), zip(*c.moments, c.theta, strict=True), strict=True)
    )
    replace(c, np.arange(50) % 3 == 0, births=2)
    for k, pair in enumerate(zip(c.pre.tolist(), c.post.tolist(), strict=True)):
        now = tuple(float(moment[k]) for moment in c.moments), float(c.theta[k])
        expected = before[pair] if pair in before else (0.0, 0.0, 0.0)
        assert (*now[0], now[1]) == tuple(map(float, expected))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_in_degree": 1.5}, "max_in_degree must hold integers"),
        ({"max_in_degree": "3"}, "max_in_degree must hold integers"),
        ({"max_out_degree": [1, 2]}, "max_out_degree must be one number or have shape"),
        ({"max_out_degree": -1}, "max_out_degree must be >= 0, got -1"),
        ({"max_in_degree": 1}, "postsynaptic neuron 3 has 2 connections, but max_in_degree allows 1"),
        ({"max_out_degree": [5, 0, 5, 5]}, "presynaptic neuron 1 has 1 connections, but max_out_degree allows 0"),
        ({"multapses": 1}, "multapses must be True or False, got 1"),
        ({"capacity": 1}, "capacity must be between 2"),
        ({"capacity": 2.5}, "capacity must be an integer"),
    ],
)
def test_hostile_arguments(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Connections(4, 5, [1, 2], [3, 3], **options)


def test_births_are_checked():
    c = Connections.random(4, 4, 4)
    for births in (-1, 1.5, "2"):
        with pytest.raises((TypeError, ValueError), match="births must be"):
            replace(c, np.zeros(4, bool), births)
    assert c.steps_done == 0


def test_random_connections_keep_the_limits():
    c = Connections.random(50, 40, 100, max_in_degree=3, max_out_degree=2, seed=1)
    out, into = degrees(c)
    assert out.max() == 2
    assert into.max() <= 3
    with pytest.raises(ValueError, match="do not fit"):
        Connections.random(5, 5, 6, max_in_degree=1)
    assert len(Connections.random(3, 3, 30, multapses=True)) == 30
