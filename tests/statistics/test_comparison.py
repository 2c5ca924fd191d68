"""Runs on one scale: units, half-lives; and the published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics import biology, comparison, survival
from synaptic_sampling.statistics.lifetables import half_life, kaplan_meier

RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=0.2)
BEGIN, STEPS, K = 600, 400, 1000


def run(per_step=lambda n: 10.0 * n, seconds=math.nan):
    c = Connections.random(100, 100, K, seed=5)
    log = RewiringLog()
    for _ in range(BEGIN):
        step(c, np.zeros(K), RULE)
    log.describe(0, num_pre=100, num_post=100, num_sites=10_000)
    log.snapshot(BEGIN, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(1, STEPS + 1):
        log.record(step(c, np.zeros(K), RULE), samples=per_step(n), seconds=seconds * n)
    return log


@pytest.fixture(scope="module")
def even():
    return run()


@pytest.fixture(scope="module")
def uneven():
    """Steps that grow longer and longer."""
    return run(lambda n: n + 0.01 * n * n, seconds=0.1)


def test_the_clock_goes_from_the_begin(even, uneven):
    assert comparison.clock(even, "steps").tolist() == list(range(BEGIN, BEGIN + STEPS + 1))
    assert_allclose(comparison.clock(even, "samples"), 10.0 * np.arange(STEPS + 1))
    assert_allclose(comparison.clock(uneven, "seconds"), 0.1 * np.arange(STEPS + 1))
    n = np.arange(1, STEPS + 1)
    assert_allclose(comparison.clock(uneven, "samples")[1:], n + 0.01 * n * n)


def test_survival_in_units_is_that_of_the_lives(even, uneven):
    at = BEGIN + 100
    assert_allclose(comparison.survival_in(even, "samples", at).time, 10 * survival.survival_of_all(even, at).time)
    lives = uneven.lives()
    there = lives[(lives["birth"] <= at) & ((lives["end"] > at) | ~lives["dead"])]
    n = there["end"] - BEGIN
    expected = kaplan_meier(n + 0.01 * n * n - 200.0, there["dead"])
    got = comparison.survival_in(uneven, "samples", at)
    assert_allclose(got.time, expected.time)
    assert_allclose(got.probability, expected.probability)
    assert half_life(comparison.survival_in(even, "half-lives", at)).value == 1
    assert comparison.survival_in(even, "steps").time[-1] == STEPS / 2


def test_runs_meet_where_they_are_equal(even, uneven):
    """The same bits in two logs: the same in half-lives, whatever the samples are."""
    got = comparison.compare({"one": even, "two": uneven})
    for one, other in zip(got["one"].survival, got["two"].survival, strict=True):
        assert_allclose(one, other)
    assert got["one"].turnover_per_half_life == got["two"].turnover_per_half_life
    law = exact.survival_of_all(RULE.step_ratio, STEPS)
    expected = int(np.argmax(law <= 0.5))
    assert got["one"].half_life.low <= expected <= got["one"].half_life.high
    rate = expected * exact.turnover_rate(RULE.step_ratio)
    assert got["one"].turnover_per_half_life == pytest.approx(rate, rel=0.25)
    samples = comparison.compare({"one": even}, "samples", index=0)["one"]
    assert samples.half_life.value == 10 * got["one"].half_life.value
    assert samples.turnover_per_half_life == got["one"].turnover_per_half_life


def test_what_cannot_be_compared_is_refused(even):
    with pytest.raises(ValueError, match="the log has no seconds"):
        comparison.survival_in(even, "seconds")
    for unit in ("days", "", None):
        with pytest.raises(ValueError, match="unit must be"):
            comparison.compare({"one": even}, unit)
    with pytest.raises(ValueError, match="logs must contain at least one log"):
        comparison.compare({})
    with pytest.raises(ValueError, match="at_step must be between 600 and 1000"):
        comparison.survival_in(even, "steps", 10)
    with pytest.raises(ValueError, match="fewer than half were eliminated"):
        comparison.in_half_lives(kaplan_meier([1, 2, 3], [True, False, False]))
    back = RewiringLog()
    back.snapshot(0, 0, [0], [1], [0.0], [1])
    for n, samples in ((1, 5.0), (2, 4.0)):
        back.record(RewiringInfo(n, back.events, 0, 0), samples=samples)
    with pytest.raises(ValueError, match="the samples of the log decrease"):
        comparison.clock(back, "samples")


def test_published_numbers_are_whole():
    for row in biology.PUBLISHED:
        assert row.source
        assert row.preparation
        assert row.low <= row.value <= row.high
        assert row.days > 0
        assert row.interval_days is None or 0 < row.interval_days <= row.days
        assert row.evidence in {"abstract", "table", "recalled"}
        assert row.quantity == "lifetime" or 0 < row.low <= row.high <= 1
    assert {row.quantity for row in biology.published("turnover")} == {"turnover"}
    assert len(biology.published()) == len(biology.PUBLISHED)
    assert all(row.evidence == "abstract" for row in biology.published("survival", evidence="abstract"))
    assert [row.days for row in biology.published()] == sorted(row.days for row in biology.PUBLISHED)
    with pytest.raises(ValueError, match=r"quantity must be one of .*, got 'colour'"):
        biology.published("colour")


def test_one_rate_of_death_gives_the_published_share_at_its_time():
    (pfeiffer,) = biology.published("turnover")
    assert biology.stays_after(pfeiffer, pfeiffer.days) == pytest.approx(0.6)
    (attardo,) = biology.published("lifetime")
    assert biology.stays_after(attardo, attardo.value) == pytest.approx(math.exp(-1))
    for row in biology.published("survival"):
        assert biology.stays_after(row, 0) == 1
        assert biology.stays_after(row, 2 * row.days) == pytest.approx(row.value**2)
    with pytest.raises(ValueError, match=r"row must have a quantity from which survival follows, .*; got 'formation'"):
        biology.stays_after(biology.published("formation")[0], 1)


def test_half_life_of_a_curve_that_ends_above_one_half():
    curve = survival.Survival(
        *(np.array(values) for values in ([0.0, 2.0, 10.0], [1.0, 0.9, 0.8], [1.0] * 3, [1.0] * 3))
    )
    assert comparison.half_life_at_one_rate(curve) == pytest.approx(10 * math.log(2) / -math.log(0.8))
    low = curve._replace(probability=np.array([1.0, 0.6, 0.4]))
    assert comparison.half_life_at_one_rate(low) == half_life(low).value == 10.0
    assert comparison.half_life_at_one_rate(curve._replace(probability=np.ones(3))) == math.inf
