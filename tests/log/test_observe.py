"""The microscope: what a study with a few looks would have seen of a log."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import PotentialConnections, RewiringLog, SynapticSampling, step
from synaptic_sampling.log import LogError
from synaptic_sampling.statistics import changes, lifetimes, null_law, sizes, survival, topology, turnover
from tests.hostile.logs import a_log

LOOKS = [0, 10, 20, 30, 40]


def naive(log, looks, age=0):
    """Look at each step by itself, pair by pair."""
    found = {}
    for n, at in enumerate(looks):
        for life in log.lives():
            there = life["birth"] + age <= at and (not life["dead"] or at < life["end"])
            if there:
                found.setdefault((int(life["pre"]), int(life["post"])), [0] * len(looks))[n] = 1
    return sorted((post, row) for (_, post), row in found.items())


def rows(seen):
    posts = [int(seen.groups[of].partition(":")[2]) for of in seen.group]
    return sorted(zip(posts, seen.presence.tolist(), strict=True))


@pytest.mark.parametrize("looks", [LOOKS, [3, 4, 17], [0, 40]])
@pytest.mark.parametrize("age", [0, 1, 5])
def test_what_is_seen(looks, age):
    log = a_log()
    seen = log.observe(looks, min_age=age)
    assert rows(seen) == naive(log, looks, age)
    assert_array_equal(seen.times, looks)
    assert (seen.presence == 1).any(axis=1).all()


def test_a_file_is_seen_alike(tmp_path):
    log = a_log()
    log.save(tmp_path / "run.rewiring")
    seen = RewiringLog.open(tmp_path / "run.rewiring").observe(LOOKS, index=0)
    assert_array_equal(seen.presence, log.observe(LOOKS).presence)
    assert_array_equal(seen.weights, log.observe(LOOKS).weights)


def test_weights_and_a_detection_limit():
    log = a_log()
    seen = log.observe(LOOKS)
    for n, at in enumerate(LOOKS):
        expected = np.sort(np.abs(log.snapshot_at(at).theta))
        assert_array_equal(np.sort(seen.weights[seen.seen[:, n], n]), expected)
    clear = log.observe(LOOKS, min_weight=0.5)
    assert clear.seen.sum() == (seen.weights[seen.seen] >= 0.5).sum() < seen.seen.sum()
    assert clear.weights[clear.seen].min() >= 0.5
    assert log.observe([0, 5]).weights is None


def test_what_returns_between_looks_was_never_away():
    c = PotentialConnections(10, 10, seed=1)
    c.theta[:] = np.random.default_rng(1).standard_normal(100)
    rule, log = SynapticSampling(0.1, 1.0, 0.0, 1.0, 1.0), RewiringLog()
    log.describe(0, num_pre=10, num_post=10, num_sites=100)
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity * (c.theta >= 0))
    there = {0: c.theta >= 0}
    for n in range(1, 41):
        log.record(step(c, rule, gradient=np.zeros(100)))
        there[n] = c.theta >= 0
    seen = log.observe([0, 20, 40])
    expected = np.column_stack([there[at] for at in (0, 20, 40)])
    assert sorted(seen.presence.tolist()) == sorted(expected[expected.any(axis=1)].astype(int).tolist())
    lives = log.lives()
    returned = len(lives) - len(np.unique(lives[["pre", "post"]]))
    assert returned > 20, "the test needs connections that return"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [0]}, "times must be two or more steps"),
        ({"times": [10, 0]}, "times must be two or more steps, ascending integers"),
        ({"times": [0.0, 1.5]}, "times must be two or more steps"),
        ({"times": [0, 41]}, "times must be at most 40"),
        ({"times": LOOKS, "min_weight": -1}, "min_weight must be >= 0"),
        ({"times": LOOKS, "min_age": -1}, "min_age must be between"),
        ({"times": LOOKS, "index": 3}, "set 3"),
        ({"times": [0, 5], "min_weight": 0.1}, "min_weight needs the weights at every look, but there is no snapshot"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises((LogError, ValueError), match=message):
        a_log().observe(**arguments)


def test_estimators_of_exact_times_refuse_observations_and_name_the_right_one():
    seen = a_log().observe(LOOKS)
    for call, instead in (
        (lambda: survival.survival_of_newborns(seen), "survival_of_newly_seen"),
        (lambda: survival.hazard_of_newborns(seen), "survival_of_newly_seen"),
        (lambda: survival.survival_of_all(seen, 0), "survival_of_seen"),
        (lambda: lifetimes.lifetimes_within(seen), "survival_of_newly_seen"),
        (lambda: turnover.rewired_per_step(seen), "changes"),
        (lambda: turnover.turnover_ratio(seen, 0, 9), "changes"),
        (lambda: changes.changes_between(seen, [0, 5]), "changes"),
        (lambda: null_law.newborns_against_null(seen), "goodness_of_fit"),
        (lambda: sizes.size_lifetime(seen, 0), "loss_by_weight"),
    ):
        with pytest.raises(TypeError, match=f"lack the exact times of formation.*use statistics.observed.{instead}"):
            call()
    with pytest.raises(TypeError, match=r"statistics\.observed has estimators"):
        topology.density(seen)
    with pytest.raises(TypeError, match="log must be a RewiringLog"):
        survival.survival_of_newborns(SimpleNamespace(log=seen))
