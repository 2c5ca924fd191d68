"""Drift, correlations and main directions, against dense matrices; sizes between snapshots, against plain accounts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.statistics import drift, sizes, topology, weights
from synaptic_sampling.statistics.lifetables import kaplan_meier, life_table, log_rank
from tests.log.test_moves import random_history

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
PRE, POST, K = 12, 9, 30


@pytest.fixture(scope="module")
def log():
    c = Connections.random(PRE, POST, K, seed=4)
    c.theta[:] = np.linspace(0.5, 2.0, K)
    log = RewiringLog()
    log.describe(0, num_pre=PRE, num_post=POST, num_sites=PRE * POST)
    for n in range(61):
        if n % 10 == 0:
            log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)
        if n < 60:
            log.record(step(c, np.zeros(K), RULE))
    return log


def dense(log):
    vectors = np.zeros((len(log.snapshots), PRE * POST))
    for row, taken in zip(vectors, log.snapshots, strict=True):
        row[taken.pre * POST + taken.post] = taken.polarity * taken.theta
    return vectors


def test_vectors_are_those_of_the_dense_matrix(log):
    steps, got = drift.weight_vectors(log)
    assert steps.tolist() == list(range(0, 61, 10))
    full = dense(log)
    assert_array_equal(np.sort(got.toarray(), axis=1)[:, [0, -1]], np.sort(full, axis=1)[:, [0, -1]])
    assert_allclose(got.toarray() @ got.toarray().T, full @ full.T)


def test_drift_is_the_distance(log):
    full, got = dense(log), drift.drift(log)
    assert_allclose(got.norm, np.linalg.norm(full, axis=1))
    assert_allclose(got.from_start, np.linalg.norm(full - full[0], axis=1), atol=1e-7)
    assert_allclose(got.last_move[1:], np.linalg.norm(np.diff(full, axis=0), axis=1))
    assert got.last_move[0] == 0
    assert_allclose(got.cosine, full @ full[0] / got.norm / got.norm[0])


def test_correlations_are_those_of_numpy(log):
    steps, got = drift.weight_correlations(log)
    assert len(steps) == 7
    assert_allclose(got, np.corrcoef(dense(log)), atol=1e-12)


def test_directions_are_those_of_the_singular_vectors(log):
    full = dense(log)
    centred = full - full.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    got = drift.principal_components(log, number=3)
    assert_allclose(np.abs(got.position), np.abs(u[:, :3] * s[:3]), atol=1e-9)
    assert (got.position[-1] >= got.position[0]).all()
    assert_allclose(got.explained, (s**2 / (s**2).sum())[:3])
    everything = drift.principal_components(log, number=7).position
    between = np.linalg.norm(full[:, None] - full, axis=2)
    assert_allclose(np.linalg.norm(everything[:, None] - everything, axis=2), between, atol=1e-6)


def test_weights_that_share_a_pair_are_added_and_empty_slots_left_out():
    log = RewiringLog()
    log.describe(0, num_pre=3, num_post=3, num_sites=9, multapses=True)
    log.snapshot(0, 0, [0, 0, 1, 2], [1, 1, 2, 2], [1.0, 2.0, 5.0, -7.0], [1, -1, 1, 0])
    log.snapshot(4, 0, [0, 0, 1, 2], [1, 1, 2, 2], [0.0, 0.0, 0.0, -7.0], [1, -1, 1, 0])
    assert sorted(drift.weight_vectors(log)[1].toarray()[0].tolist()) == [-1.0, 5.0]
    assert np.isnan(drift.drift(log).cosine[1])
    assert np.isnan(drift.weight_correlations(log)[1][0, 1])
    assert weights.strengths(log, step=0).tolist() == [1.0, 2.0, 5.0]


def test_missing_snapshots_are_named(log):
    for look in (drift.drift, drift.weight_vectors, drift.principal_components):
        with pytest.raises(LogError, match="no snapshot of set 1"):
            look(log, 1)
    with pytest.raises(LogError, match="set 1 was not described"):
        drift.weight_correlations(log, 1)
    with pytest.raises(ValueError, match="number must be between 1 and 7"):
        drift.principal_components(log, number=8)


# ------------------------------------------------------------------------------------------------ sizes


def test_matched_sizes_are_of_connections_that_stayed(log):
    for begin, end in ((0, 10), (10, 40), (20, 20)):
        one, two = (log.snapshots[n // 10] for n in (begin, end))
        died = log.events[(log.events["kind"] == -1) & (log.events["step"] > begin) & (log.events["step"] <= end)]
        gone = set(zip(died["pre"].tolist(), died["post"].tolist(), strict=True))
        tables = [
            dict(zip(zip(s.pre.tolist(), s.post.tolist(), strict=True), s.theta, strict=True)) for s in (one, two)
        ]
        stayed = [pair for pair in tables[1] if pair in tables[0] and pair not in gone]
        before, after = sizes.matched_sizes(log, begin, end)
        assert_array_equal(before, [tables[0][pair] for pair in stayed])
        assert_array_equal(after, [tables[1][pair] for pair in stayed])


@pytest.mark.parametrize("potential", [False, True])
def test_sizes_are_matched_through_moves(potential):
    """Each theta identifies its pair; the lives tell which connections persist."""
    matched = 0
    for seed in range(5):
        log = random_history(seed, potential)[0]
        walk, at, looks = log._walk(0), 0, range(2, 59, 2)
        for when in looks:
            for events in log.event_blocks(0, after=at, until=when):
                walk.feed(events)
            slots, at = walk._held, when  # All of them: also those that hold no connection now.
            log.snapshot(when, 0, slots["pre"], slots["post"], 10.0 * slots["pre"] + slots["post"], slots["polarity"])
        lives = log.lives()
        for begin, end in itertools.pairwise(looks):
            stayed = lives[(lives["birth"] <= begin) & ((lives["end"] > end) | ~lives["dead"])]
            before, after = sizes.matched_sizes(log, begin, end)
            assert_array_equal(before, after)
            assert sorted(before.tolist()) == sorted((10.0 * stayed["pre"] + stayed["post"]).tolist())
            matched += len(before)
    assert matched > 50


def test_fates_are_those_of_the_lives(log):
    lives = log.lives()
    for when in (0, 30, 60):
        fates = log.fates(when)
        taken = log.snapshots[when // 10]
        assert_array_equal(fates["pre"], taken.pre)
        assert (fates["birth"] == when).all()
        for fate in fates:
            (life,) = lives[
                (lives["pre"] == fate["pre"])
                & (lives["post"] == fate["post"])
                & (lives["birth"] <= when)
                & ((lives["end"] > when) | ~lives["dead"])
            ]
            assert (life["end"], life["dead"]) == (fate["end"], fate["dead"])


def test_groups_by_size_have_their_own_curves(log):
    got = sizes.size_lifetime(log, 10, groups=3)
    order = np.argsort(got.size)
    thirds = np.array_split(order, 3)
    for curve, third in zip(got.survival, thirds, strict=True):
        expected = kaplan_meier(got.remaining[third], got.dead[third])
        assert_allclose(curve.probability, expected.probability)
    # The test is that of the weakest against the strongest third, and of no other two.
    tables = [life_table(got.remaining[third], got.dead[third]) for third in thirds]
    assert got.test == log_rank(tables[0], tables[2])
    pairs = [pair for pair in itertools.permutations(range(3), 2) if pair != (0, 2)]
    assert got.test not in [log_rank(tables[one], tables[other]) for one, other in pairs]
    assert_allclose(got.edges, np.quantile(got.size, [0, 1 / 3, 2 / 3, 1]))
    assert got.test.statistic > 0
    with pytest.raises(LogError, match="no snapshot of set 0 after step 11"):
        sizes.size_lifetime(log, 11)
    flat = RewiringLog()
    flat.snapshot(0, 0, np.arange(8), np.arange(8), np.zeros(8), np.ones(8, int))
    with pytest.raises(ValueError, match="cannot be divided into 4 groups by size"):
        sizes.size_lifetime(flat, 0)


@pytest.mark.statistical
def test_components_of_change_are_found_in_simulated_change():
    """Bounds of 6 standard errors: 1e-8. Without its weights the regression would need ten times as many sizes."""
    rng = np.random.default_rng(5)
    w = rng.lognormal(0.0, 0.7, 40_000)
    truth = (0.05, -0.1, 0.03**2, 0.2**2)
    after = w + truth[0] + truth[1] * w + rng.normal(size=len(w)) * np.sqrt(truth[2] + truth[3] * w * w)
    got = sizes.change_components(w, after)
    for value, true, error in zip(got[:4], truth, got.errors, strict=True):
        assert abs(value - true) < 6 * error
        assert 6 * error < abs(true)  # Tight enough to tell each of them from 0.
    plain = rng.normal(size=len(w)) * 0.1
    flat = sizes.change_components(w, w + plain)
    assert abs(flat.multiplicative) < 6 * flat.errors[3]
    assert flat.additive == pytest.approx(0.01, abs=6 * flat.errors[2])
    errors = []
    for _ in range(200):
        some = rng.lognormal(0.0, 0.7, 400)
        found = sizes.change_components(some, some * (1 + 0.2 * rng.normal(size=400)) + 0.05 * rng.normal(size=400))
        errors.append([found.slope / found.errors[1], (found.multiplicative - 0.04) / found.errors[3]])
    assert (np.abs(np.mean(errors, axis=0)[:1]) < 4.9 / np.sqrt(200)).all()
    assert (np.abs(np.std(errors, axis=0) - 1) < 0.4).all()


def test_components_need_sizes():
    for before, after in (([1.0] * 9, [1.0] * 9), ([1.0] * 10, [1.0] * 10), ([np.nan] * 10, np.arange(10.0))):
        with pytest.raises(ValueError, match="ten or more finite, different sizes"):
            sizes.change_components(before, after)


def test_degrees_over_time_are_those_of_the_wirings(log):
    for side, number in (("pre", PRE), ("post", POST)):
        got = topology.degrees_over_time(log, [0, 5, 60], side=side)
        assert got.shape == (3, number)
        for row, when in zip(got, (0, 5, 60), strict=True):
            ends = log.wiring(when)[0 if side == "pre" else 1]
            assert row.tolist() == [int((ends == n).sum()) for n in range(number)]
    with pytest.raises(ValueError, match="side must be one of"):
        topology.degrees_over_time(log, [0], side="left")
    with pytest.raises(LogError, match="set 5 was not described"):
        topology.degrees_over_time(log, [0], 5)


@pytest.mark.parametrize("theta", [0.0, np.nan])
def test_snapshots_without_weights_give_no_numbers(theta):
    """Where the rule has no theta, snapshots hold zeros or NaN: no weight is 0, none is known."""
    c = Connections.random(PRE, POST, K, seed=4)
    log, mixed = RewiringLog(), RewiringLog()
    for each, sets in ((log, (0,)), (mixed, (0, 1))):
        for index in sets:
            about = {"name": "" if index else "mossy fibres", "has_theta": bool(index or theta)}
            each.describe(index, num_pre=PRE, num_post=POST, num_sites=PRE * POST, **about)
            for n in (0, 1, 2):
                each.snapshot(n, index, c.pre, c.post, np.full(K, theta if index == 0 else 0.5), c.polarity)
    asked = [
        lambda: weights.strengths(log),
        lambda: weights.strengths(mixed, index=0),
        lambda: drift.weight_vectors(log),
        lambda: drift.drift(log),
        lambda: drift.principal_components(log),
        lambda: drift.weight_correlations(log),
        lambda: sizes.matched_sizes(log, 0, 2),
        lambda: sizes.size_lifetime(log, 0),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="the log contains no weights of mossy fibres"):
            ask()
    assert_array_equal(weights.strengths(mixed), np.full(K, 0.5))


def test_weights_of_newborns_and_of_nobody_are_weights():
    """Where the rule has theta, 0 is a weight; without connections there is nothing to miss."""
    c = Connections.random(PRE, POST, K, seed=4)
    log = RewiringLog()
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    assert_array_equal(weights.strengths(log), np.zeros(K))
    log.snapshot(1, 0, c.pre, c.post, c.theta, 0 * c.polarity)
    assert len(weights.strengths(log)) == 0
    log.snapshot(2, 0, c.pre, c.post, c.theta + 0.1, c.polarity)
    assert_array_equal(weights.strengths(log), np.full(K, 0.1))
