"""Connections formed by axonal and dendritic elements: reference implementation, invariants and exact laws.

Statistical tests have a false-alarm rate of 1e-6 and fixed seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chi2

from synaptic_sampling import (
    Budget,
    Connections,
    PotentialConnections,
    RewiringLog,
    SynapticElements,
    pair_elements,
    replace,
)
from tests import naive

FALSE_ALARM = 1e-6
REPLICAS = 4000


def degrees(c):
    return np.bincount(c.pre, minlength=c.num_pre), np.bincount(c.post, minlength=c.num_post)


def whole(elements):
    return np.floor(np.maximum(elements, 0)).astype(int)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_twin_degrees_and_log_over_histories(data):
    num_pre, num_post = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    multapses, autapses = data.draw(st.booleans()), data.draw(st.booleans())
    capacity = data.draw(st.integers(0, 30))
    c = Connections(
        num_pre, num_post, [], [], multapses=multapses, autapses=autapses, capacity=capacity, index=2,
        seed=data.draw(st.integers(0, 2**64 - 1)),
    )  # fmt: skip
    rng, log = np.random.default_rng(data.draw(st.integers(0, 2**32))), RewiringLog()
    log.describe(2, num_pre=num_pre, num_post=num_post, num_sites=max(1, c.sites.number), multapses=multapses)
    log.snapshot(0, 2, c.pre, c.post, c.theta, c.polarity)
    for _ in range(15):
        axonal, dendritic = rng.uniform(-1, 6, num_pre), rng.uniform(-1, 6, num_post)
        broken, pairs = naive.pair_elements(c, axonal, dendritic, c.steps_done + 1)
        lost, before = [(int(c.pre[k]), int(c.post[k])) for k in broken], len(c)
        left = {(i, j) for k, (i, j) in enumerate(zip(c.pre, c.post, strict=True)) if k not in broken}
        made = []
        for i, j in pairs[: capacity - before + len(broken)]:
            if (multapses or (i, j) not in left) and (autapses or i != j):
                made.append((i, j))
                left.add((i, j))
        info = pair_elements(c, axonal, dendritic)
        assert_array_equal(info.died.slot, broken)
        assert [*zip(info.died.pre.tolist(), info.died.post.tolist(), strict=True)] == lost
        assert [*zip(info.born.pre.tolist(), info.born.post.tolist(), strict=True)] == made
        assert info.num_unplaced == max(0, len(pairs) - (capacity - before + len(broken)))
        assert len(c) == before - len(broken) + len(made) <= capacity
        out, into = degrees(c)
        assert (out <= whole(axonal)).all()
        assert (into <= whole(dendritic)).all()
        if multapses and autapses and len(c) < capacity:
            assert (out == whole(axonal)).all() or (into == whole(dendritic)).all(), "no two elements stay alone"
        log.record(info)
    pre, post, _ = log.wiring(index=2)
    assert_array_equal(pre, c.pre)
    assert_array_equal(post, c.post)


def chi2_of(counts, expected):
    return float((((counts - expected) ** 2)[expected > 0] / expected[expected > 0]).sum())


AXONAL, DENDRITIC = np.array([5.9, 1.0, 0.5, 3.2]), np.array([1.0, 6.3, 2.0])


def first_pair_counts(birth):
    counts = np.zeros((4, 3))
    for seed in range(REPLICAS):
        c = Connections(4, 3, [], [], multapses=True, capacity=9, seed=seed)
        born = birth(c).born
        counts[born.pre[0], born.post[0]] += 1
    return counts


def test_a_neuron_with_more_elements_is_more_likely_to_connect():
    """Any pair of vacant elements is equally likely to be the first that is made."""
    law = REPLICAS * np.outer(whole(AXONAL), whole(DENDRITIC)) / 81
    bound = chi2.isf(FALSE_ALARM, np.count_nonzero(law) - 1)
    assert chi2_of(first_pair_counts(lambda c: pair_elements(c, AXONAL, DENDRITIC)), law) < bound
    # Negative control: a draw that is uniform over the pairs of neurons.
    uniform = first_pair_counts(lambda c: replace(c, np.zeros(0, bool), births=9))
    assert chi2_of(uniform, law) > bound


@pytest.mark.parametrize("side", ["axonal", "dendritic"])
def test_every_connection_of_a_neuron_is_equally_likely_to_break(side):
    pre, post = np.array([0, 0, 1, 0, 0, 1, 0]), np.array([0, 1, 1, 2, 3, 2, 4])
    if side == "dendritic":
        pre, post = post, pre
    counts, last = np.zeros(5), 0
    for seed in range(REPLICAS):
        c = Connections(5, 5, pre, post, seed=seed)
        elements = [np.array([4.0, 2.0, 0.0, 0.0, 0.0]), np.full(5, 9.0)]
        info = pair_elements(c, *(elements if side == "axonal" else elements[::-1]))
        assert info.num_deaths == 1
        counts[[0, 1, 3, 4, 6].index(info.died.slot[0])] += 1
        last += info.died.slot[0] == 6
    law, bound = np.full(5, REPLICAS / 5), chi2.isf(FALSE_ALARM, 4)
    assert chi2_of(counts, law) < bound
    # Negative control: always the youngest.
    assert chi2_of(np.array([0, 0, 0, 0, REPLICAS]), law) > bound


def test_both_sides_break_by_lots_of_their_own():
    """Who survives on the axonal side is as likely to break on the dendritic one as its rival there.

    With the same random numbers for both sides, it would be so in one case of three.
    """
    counts = np.zeros(2)
    for seed in range(REPLICAS):
        # One of the two connections of neuron 0 breaks, then one of the two that are left at its target.
        c = Connections(3, 2, [0, 0, 1, 2], [0, 1, 0, 1], seed=seed)
        died = pair_elements(c, [1.0, 9.0, 9.0], [1.0, 1.0]).died.slot
        counts[np.count_nonzero(died < 2) - 1] += 1
    bound = chi2.isf(FALSE_ALARM, 1)
    assert chi2_of(counts, np.full(2, REPLICAS / 2)) < bound
    assert chi2_of(REPLICAS * np.array([2 / 3, 1 / 3]), np.full(2, REPLICAS / 2)) > bound


def test_pairs_respect_candidates_probabilities_and_degrees():
    pairs = np.array([[0, 1], [1, 2], [3, 0], [3, 1]])
    c = Connections(4, 3, [], [], candidates=pairs, capacity=100, seed=3)
    near = Connections(50, 50, [], [], probability=lambda pre, post: np.where(pre == post, 0.5, 0.0), capacity=400)
    few = Connections(4, 3, [], [], max_in_degree=2, multapses=True, capacity=100)
    for _ in range(60):
        pair_elements(c, np.full(4, 3.0), np.full(3, 3.0))
        pair_elements(near, np.full(50, 2.0), np.full(50, 2.0))
        pair_elements(few, np.full(4, 9.0), np.full(3, 9.0))
    assert {*zip(c.pre.tolist(), c.post.tolist(), strict=True)} == {tuple(pair) for pair in pairs.tolist()}
    assert len(near) > 20
    assert (near.pre == near.post).all()
    assert degrees(few)[1].tolist() == [2, 2, 2]


def test_probabilities_accept_as_many_as_they_say():
    """A proposed pair is made with its probability: binomial, within 5 standard errors (false alarms: 6e-7)."""
    made = 0
    for seed in range(200):
        c = Connections(10, 10, [], [], probability=np.full((10, 10), 0.3), multapses=True, capacity=100, seed=seed)
        made += pair_elements(c, np.full(10, 2.0), np.full(10, 2.0)).num_births
    assert abs(made - 1200) < 5 * math.sqrt(4000 * 0.3 * 0.7)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda c: pair_elements(c, [1, 2], np.ones(3)), ValueError, "axonal must have one number for each of 4"),
        (lambda c: pair_elements(c, np.ones(4), "x"), TypeError, "dendritic"),
        (lambda c: pair_elements(c, np.ones(4), [1, math.nan, 1]), FloatingPointError, "dendritic of neuron 1 is nan"),
        (lambda c: pair_elements(c, [1, 1, math.inf, 1], np.ones(3)), FloatingPointError, "axonal of neuron 2 is inf"),
        (lambda c: pair_elements(c, [1, 1e300, 1, 1], np.ones(3)), ValueError, "axonal elements must be at most 671"),
        (lambda c: pair_elements(Budget([c]), np.ones(4), np.ones(3)), ValueError, "must not be a Budget"),
        (
            lambda c: pair_elements(PotentialConnections(4, 3, [0], [0]), np.ones(4), np.ones(3)),
            TypeError,
            "connections must be Connections for SynapticElements",
        ),
        (lambda c: SynapticElements(axonal=3), TypeError, "axonal must be the name"),
        (lambda c: SynapticElements(dendritic=None), TypeError, "dendritic must be the name"),
    ],
)
def test_nonsense_changes_nothing(make, error, message):
    c = Connections(4, 3, [0, 1], [0, 1], capacity=5)
    with pytest.raises(error, match=message):
        make(c)
    assert (c.steps_done, c.pre.tolist()) == (0, [0, 1])
