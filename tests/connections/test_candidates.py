"""Candidates and probabilities: births only where allowed, in proportion to what is asked for."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from synaptic_sampling import SGD, Connections, DeepR, replace, step
from synaptic_sampling._kernels import rewire
from synaptic_sampling.connections import draw, sites
from synaptic_sampling.rules import SET, RigL, RigLDescent

NUM_PRE, NUM_POST, K = 12, 15, 20
MASK = np.add.outer(np.arange(NUM_PRE), 2 * np.arange(NUM_POST)) % 3 == 0
PAIRS = np.argwhere(MASK)
#: A probability that differs between sites, some of them impossible.
WEIGHT = np.clip(np.add.outer(np.arange(NUM_PRE) / 10, np.arange(NUM_POST) / 30) - 0.3, 0, 1)


#: What proposals are made from: all sites, blocks by their probability, what is free; or whatever is cheapest.
POOLS = ("all", "blocks", "free", "cheapest")


def draw_from(pool, monkeypatch):
    """Draw all proposals from one pool."""
    if pool != "cheapest":
        monkeypatch.setattr(sites, "THIN", 2.0 if pool == "blocks" else 0.0)
        monkeypatch.setattr(draw, "PATIENCE", 0.0 if pool == "free" else np.inf)


def near(pre, post):
    return MASK[pre, post]


def weight(pre, post):
    return WEIGHT[pre, post]


@pytest.mark.parametrize(
    "options",
    [
        {"candidates": MASK},
        {"candidates": PAIRS},
        {"candidates": near},
        {"candidates": MASK, "probability": WEIGHT},
        {"candidates": near, "probability": weight},
        {"probability": weight},
    ],
)
@pytest.mark.parametrize("pool", POOLS)
def test_births_only_where_allowed(options, pool, monkeypatch):
    draw_from(pool, monkeypatch)
    allowed = (MASK if "candidates" in options else True) & (WEIGHT > 0 if "probability" in options else True)
    c = Connections.random(NUM_PRE, NUM_POST, K, seed=4, **options)
    rule = DeepR(learning_rate=0.1, l1=0.5, temperature=0.1)
    births = 0
    for _ in range(150):
        births += step(c, np.zeros(K), rule).num_births
        assert allowed[c.pre, c.post].all()
        assert len({*zip(c.pre.tolist(), c.post.tolist(), strict=True)}) == K
    assert births > 1000
    assert c.num_sites == np.count_nonzero(np.broadcast_to(allowed, MASK.shape))


@pytest.mark.statistical
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("wrong", [False, True])
def test_births_are_in_proportion_to_the_probability(pool, wrong, monkeypatch):
    """chi2 over all sites of a single connection that is replaced repeatedly; false-alarm rate 1e-6."""
    draw_from(pool, monkeypatch)
    c = Connections.random(NUM_PRE, NUM_POST, 1, seed=8, probability=WEIGHT**2 if wrong else WEIGHT)
    counts, number = np.zeros(WEIGHT.shape), 6000
    for _ in range(number):
        replace(c, np.array([True]))
        counts[c.pre[0], c.post[0]] += 1
    expected = number * WEIGHT / WEIGHT.sum()
    seen = expected > 0
    value = ((counts - expected)[seen] ** 2 / expected[seen]).sum()
    assert (value > chi2.isf(1e-6, seen.sum() - 1)) == wrong
    assert (counts[~seen] == 0).all()


@pytest.mark.statistical
@pytest.mark.parametrize("pool", POOLS)
def test_births_of_one_step_are_independent(pool, monkeypatch):
    """All ordered pairs of two sites out of five are equally likely; chi2, false-alarm rate 1e-6."""
    draw_from(pool, monkeypatch)
    c = Connections.random(1, 5, 2, seed=8, probability=lambda pre, post: np.ones(len(pre)))
    counts, number = np.zeros((5, 5)), 6000
    for _ in range(number):
        replace(c, np.array([True, True]))
        counts[tuple(c.post)] += 1
    seen = ~np.eye(5, dtype=bool)
    expected = number / seen.sum()
    assert ((counts[seen] - expected) ** 2 / expected).sum() < chi2.isf(1e-6, seen.sum() - 1)
    assert (counts[~seen] == 0).all()


def test_all_candidates_can_be_occupied():
    number = int(MASK.sum())
    for options in ({"candidates": MASK}, {"candidates": near}):
        c = Connections.random(NUM_PRE, NUM_POST, number, seed=1, **options)
        assert MASK[c.pre, c.post].all()
        assert replace(c, np.ones(number, bool)).num_births == number
        with pytest.raises(ValueError, match=f"{number + 1} connections do not fit in {number} sites"):
            Connections.random(NUM_PRE, NUM_POST, number + 1, seed=1, **options)


def test_autapses_are_no_candidates():
    c = Connections.random(6, 6, 10, seed=1, autapses=False, candidates=np.eye(6, dtype=bool) | (np.arange(6) < 3))
    assert (c.pre != c.post).all()
    c = Connections.random(6, 6, 10, seed=1, autapses=False, candidates=lambda pre, post: post < 3)
    assert (c.pre != c.post).all()
    assert c.num_sites == 15


def test_a_trillion_sites_need_no_list():
    c = Connections.random(10**6, 10**6, 50, seed=1, candidates=lambda pre, post: (pre + post) % 10 == 0)
    assert ((c.pre + c.post) % 10 == 0).all()


@pytest.mark.parametrize("births", [0, 1])
def test_sites_of_a_crowded_grid_are_listed_only_if_something_forms(births, monkeypatch):
    c = Connections.random(10, 10, 99, seed=1)
    slots, listed = np.arange(births, dtype=np.int32), []
    layer = SimpleNamespace(grid=c.sites.grid, streams=(np.uint64(0),) * 2, crowded=7, table=c.table.copy())
    for module in (sites, rewire):
        original = module.vacant_sites
        monkeypatch.setattr(module, "vacant_sites", lambda *args, own=original: listed.append(1) or own(*args))
    one = sites.Sites.draw(c.sites, slots, 99, (np.uint64(1),) + (np.uint64(0),) * 3, c.table, sites.UNLIMITED)
    other = getattr(rewire.draw, "py_func", rewire.draw)(layer, slots, 99, 1, (np.uint64(0), np.uint64(0)))
    assert one.tolist() == other.tolist()
    assert len(one) == births
    assert len(listed) == 2 * births


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": MASK.T}, r"candidates must have shape \(12, 15\)"),
        ({"candidates": [1, 2, 3]}, "candidates must be an array of True and False, pairs"),
        ({"candidates": [[12, 0]]}, r"candidates must not hold \(12, 0\), outside 12 by 15"),
        ({"candidates": np.zeros_like(MASK)}, "at least one pair"),
        ({"candidates": lambda pre, post: pre + post}, "must return True or False"),
        ({"candidates": lambda pre, post: True}, "must return True or False"),
        ({"probability": 0.5}, "probability must be an array or a function"),
        ({"probability": WEIGHT.T}, r"probability must have shape \(12, 15\)"),
        ({"probability": WEIGHT * 2}, "probability must be between 0 and 1"),
        ({"probability": lambda pre, post: np.full(len(pre), np.nan)}, "between 0 and 1, got nan"),
        ({"probability": lambda pre, post: 0.5}, "probability must have shape"),
    ],
)
def test_bad_candidates_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Connections.random(NUM_PRE, NUM_POST, K, **options)


@pytest.mark.parametrize("candidates", [MASK, near])
def test_connections_must_be_candidates(candidates):
    pair = np.argwhere(~MASK)[0]
    with pytest.raises(ValueError, match=rf"connection 1 \({pair[0]} -> {pair[1]}\) is not a candidate"):
        Connections(NUM_PRE, NUM_POST, [PAIRS[0][0], pair[0]], [PAIRS[0][1], pair[1]], candidates=candidates)


@pytest.mark.parametrize("rule", [RigL(0.3), RigLDescent(0.1, SGD(), fraction=0.3, every=1), SET(0.3)])
def test_sites_chosen_by_a_rule_are_not_rejected_by_chance(rng, rule):
    """Sites with probability 0.2 are accepted where the rule has chosen them, those with 0 never are."""
    allowed = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    c = Connections.random(20, 20, 100, seed=1, probability=0.2 * allowed)
    c.theta[:] = rng.random(100)
    for _ in range(30):
        signals = {"gradient": np.zeros(len(c)), "site_gradient": rng.random((20, 20))}
        info = step(c, rule, **{signal.name: signals[signal.name] for signal in rule.signals})
        assert info.num_births == info.num_deaths == 30
        assert len(c) == 100
        assert allowed[c.pre, c.post].all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int32])
def test_candidates_may_be_integers_of_every_type(kind):
    """uint64 and int64 together are float64 in NumPy: keys were no indices, or rounded in large networks."""
    pairs = np.array([[i, j] for i in range(5) for j in range(5) if i != j])
    c = Connections.random(5, 5, 10, candidates=pairs.astype(kind), seed=1)
    c.theta[:] = np.arange(10)
    step(c, RigL(0.3), site_gradient=np.ones((5, 5)))
    assert c.sites.listed.dtype == np.int64
    assert c.sites.listed.tolist() == [5 * i + j for i, j in pairs.tolist()]
    large = 2**31 - 1 if kind == np.uint64 else 200
    pairs = np.array([[large - 1, large - 2], [large - 3, large - 1]], kind)
    c = Connections.random(large, large, 2, candidates=pairs, seed=1)
    assert sorted(zip(c.pre.tolist(), c.post.tolist(), strict=True)) == sorted(map(tuple, pairs.tolist()))


def test_an_array_of_probabilities_is_copied_also_by_pickle():
    given = WEIGHT.copy()
    c = Connections.random(NUM_PRE, NUM_POST, K, probability=given, seed=3)
    given[:] = 0
    other = pickle.loads(pickle.dumps(c))
    first, second = (replace(one, np.arange(K) < 10) for one in (c, other))
    assert first.num_births == 10
    assert first.events.tolist() == second.events.tolist()
    assert (WEIGHT[c.pre, c.post] > 0).all()
