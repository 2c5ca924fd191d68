"""Statistics from logs: against plain counts, and against the exact laws where there is no gradient."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.statistics import rates, survival, topology, turnover, weights

RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=0.2)  # r = 0.05
BEGIN, STEPS, K = 2000, 400, 2000


@pytest.fixture(scope="module")
def log():
    """A record of chance alone, begun in the stationary law."""
    c = Connections.random(300, 300, K, seed=12)
    zero = np.zeros(K)
    for _ in range(BEGIN):
        step(c, zero, RULE)
    log = RewiringLog()
    log.describe(0, num_pre=300, num_post=300, num_sites=90000)
    log.snapshot(c.steps_done, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(STEPS):
        log.record(step(c, zero, RULE), samples=32 * (n + 1), seconds=0.1 * (n + 1))
    log.snapshot(c.steps_done, 0, c.pre, c.post, c.theta, c.polarity)
    return log


def product_limit(durations, dead):
    """Kaplan and Meier's estimate as it stands in their paper."""
    times = sorted(set(durations))
    estimate, curve = 1.0, []
    for t in times:
        at_risk = sum(d >= t for d in durations)
        deaths = sum(d == t and gone for d, gone in zip(durations, dead, strict=True))
        estimate *= 1 - deaths / at_risk
        curve.append(estimate)
    return np.array(times), np.array(curve)


def test_kaplan_meier_equals_product_limit(rng):
    for _ in range(50):
        n = int(rng.integers(1, 60))
        durations, dead = rng.integers(1, 20, n), rng.random(n) < rng.random()
        got = survival.kaplan_meier(durations, dead)
        times, curve = product_limit(durations.tolist(), dead.tolist())
        assert_allclose(got.time[1:], times)
        assert_allclose(got.probability[1:], curve, atol=1e-12)
        assert (got.low <= got.probability + 1e-12).all()
        assert (got.probability <= got.high + 1e-12).all()
        assert got.probability[0] == 1


def at(curve, n):
    return curve.probability[np.searchsorted(curve.time, n, side="right") - 1]


def test_newborns_follow_the_exact_law(log):
    """Over 45 000 newborns were seen for 50 steps or until they died: three bounds of 5.5 sd, 1.2e-7 of all seeds fail.

    How right the estimate is where few are still seen, the next tests ask.
    """
    lives = log.lives()
    seen = np.count_nonzero(~lives["initial"] & (lives["birth"] <= BEGIN + STEPS - 50))
    assert seen > 45_000
    got = survival.survival_of_newborns(log)
    q = exact.survival_of_newborns(RULE.step_ratio, 50)
    for n in (1, 10, 50):
        assert at(got, n) == pytest.approx(q[n], abs=5.5 * np.sqrt(q[n] * (1 - q[n]) / seen))


def test_ended_lives_alone_would_mislead(log):
    """Of lives longer than 200 steps, those that ended are too few by far: censoring has to be accounted for."""
    lives = log.lives()
    born = lives[~lives["initial"]]
    ended = born[born["dead"]]
    exact_share = exact.survival_of_newborns(RULE.step_ratio, 200)[200]
    assert np.mean(ended["end"] - ended["birth"] > 200) < exact_share / 2
    assert at(survival.survival_of_newborns(log), 200) == pytest.approx(exact_share, rel=0.35)


def test_ended_lives_alone_are_wrong_by_ten_times():
    """In a record of 210 steps, lives beyond 200 steps have hardly time to end; Kaplan-Meier is right all the same.

    The standard error is that of Greenwood with the exact hazards and the expected numbers at risk, below 10 % here;
    the bound of 5.5 of them fails for 4e-8 of all seeds.
    """
    size, steps, age = 20_000, 210, 200
    c = Connections.random(1000, 1000, size, seed=5)
    record = RewiringLog()
    record.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for _ in range(steps):
        record.record(step(c, np.zeros(size), RULE))
    lives = record.lives()
    born = lives[~lives["initial"]]
    ended = born[born["dead"]]
    q = exact.survival_of_newborns(RULE.step_ratio, age)
    hazard = 1 - q[1:] / q[:-1]
    at_risk = np.array([np.count_nonzero(born["birth"] <= steps - n) for n in range(1, age + 1)]) * q[:-1]
    error = q[age] * np.sqrt(np.sum(hazard / (1 - hazard) / at_risk))
    assert np.mean(ended["end"] - ended["birth"] > age) < q[age] / 10
    assert error < 0.1 * q[age]
    assert at(survival.survival_of_newborns(record), age) == pytest.approx(q[age], abs=5.5 * error)


def test_all_follow_the_exact_law(log):
    expected = exact.survival_of_all(RULE.step_ratio, 200)
    got = survival.survival_of_all(log, BEGIN)  # All seen to the end: a binomial, 4 bounds of 5.5 sd, 1.5e-7 in all.
    for n in (1, 10, 50, 200):
        assert at(got, n) == pytest.approx(expected[n], abs=5.5 * np.sqrt(expected[n] * (1 - expected[n]) / K))


def test_deaths_of_the_old_follow_the_exact_law(log):
    """Only those born in the record have their true age in it; so an age is chosen that they can reach early."""
    q, lifetime = exact.survival_of_newborns(RULE.step_ratio, 5), exact.mean_lifetime(RULE.step_ratio)
    expected = K * q[5] / lifetime
    number = expected * STEPS
    assert turnover.deaths_beyond_age(log, 5) == pytest.approx(expected, rel=5.5 / np.sqrt(number) + 5 / STEPS)
    births = turnover.rewired_per_step(log).rate
    assert turnover.deaths_beyond_age(log, 0) == births.mean()


def test_turnover_is_counted_right(log):
    per_step = turnover.rewired_per_step(log)
    assert_allclose(per_step.time, BEGIN + 1 + np.arange(STEPS))
    assert per_step.rate.sum() == log.num_births
    for n in (0, 17, STEPS - 1):
        events = log.events
        assert per_step.rate[n] == np.count_nonzero((events["step"] == BEGIN + 1 + n) & (events["kind"] == 1))
    for bins in (1, 7, 40, 10**5):
        got = turnover.rewired_per_samples(log, 1000, bins=bins)
        assert len(got.rate) == min(bins, STEPS)
        widths = 2 * np.diff(np.concatenate([[0], got.time]))[:1]
        assert widths[0] > 0
    whole = turnover.rewired_per_samples(log, 1000, bins=1)
    assert whole.rate[0] == pytest.approx(1000 * log.num_births / (32 * STEPS))
    expected = 1000 / 32 * K * exact.turnover_rate(RULE.step_ratio)
    per_second = turnover.rewired_per_second(log, bins=1).rate[0]
    assert per_second == pytest.approx(log.num_births / (0.1 * STEPS))
    # The mean over 400 steps has a standard error of about 2 %.
    assert whole.rate[0] == pytest.approx(expected, rel=0.11)


@pytest.mark.parametrize("age", [0, 1, 7])
def test_turnover_of_the_old_is_counted_right(log, age):
    expected = np.zeros(STEPS)
    for life in log.lives():
        if life["dead"] and life["end"] - life["birth"] > age:
            expected[life["end"] - BEGIN - 1] += 1
    assert_allclose(turnover.rewired_per_step(log, older_than=age).rate, expected)
    binned = turnover.rewired_per_samples(log, 1000, bins=8, older_than=age)
    assert_allclose(binned.rate, expected.reshape(8, -1).sum(axis=1) * 1000 / (32 * STEPS / 8))


def test_a_record_that_starts_late_has_the_rate_of_its_own_time():
    """Recorded from 300 s on; one formation per second."""
    log = RewiringLog()
    log.describe(0, num_pre=1000, num_post=1000, num_sites=10**6)
    log.snapshot(300, 0, np.array([0]), np.array([0]), np.ones(1), np.ones(1))
    for n in range(301, 401):
        log.record(RewiringInfo(n, np.array([(n, n - 1, n, n, 0, 1, 1)], EVENT), 1, 0), seconds=float(n))
    found = turnover.rewired_per_second(log, bins=4)
    assert_allclose(found.time, [312.5, 337.5, 362.5, 387.5])
    assert_allclose(found.rate, 1.0)


def test_times_that_start_again_are_refused():
    log = RewiringLog()
    log.describe(0, num_pre=10, num_post=10, num_sites=100)
    log.snapshot(0, 0, np.array([0]), np.array([0]), np.ones(1), np.ones(1))
    for n in range(1, 9):
        log.record(RewiringInfo(n, np.empty(0, EVENT), 0, 0), seconds=float((n - 1) % 4 + 1))
    with pytest.raises(ValueError, match="the seconds of the log decrease"):
        turnover.rewired_per_second(log)


def test_turnover_of_one_set_leaves_out_the_others(log):
    assert_allclose(turnover.rewired_per_step(log, 0).rate, turnover.rewired_per_step(log).rate)
    with pytest.raises(LogError, match="index 1 is not a set of the log"):
        turnover.rewired_per_step(log, 1)


def test_turnover_without_samples_is_refused():
    log = RewiringLog()
    with pytest.raises(ValueError, match="the log has no samples"):
        turnover.rewired_per_samples(log)


def test_turnover_ratio_counts_edges(log):
    assert turnover.turnover_ratio(log, BEGIN, BEGIN) == 0.0
    first = {*zip(*(a.tolist() for a in log.wiring(BEGIN)[:2]), strict=True)}
    last = {*zip(*(a.tolist() for a in log.wiring(BEGIN + 100)[:2]), strict=True)}
    ratio = turnover.turnover_ratio(log, BEGIN, BEGIN + 100)
    assert ratio == pytest.approx((len(first - last) + len(last - first)) / (2 * K))
    assert 0.5 < ratio < 0.65  # 1 - S_all(100) = 0.58 is lost by law, less chance returns.


def test_strengths_follow_the_exact_law(log):
    theta = weights.strengths(log)
    assert len(theta) == K
    expected = weights.expected_strength(RULE)
    spread = exact.std_theta(RULE.step_ratio) * RULE.noise_scale
    assert theta.mean() == pytest.approx(expected, abs=5.5 * spread / np.sqrt(K))
    assert expected == pytest.approx(RULE.temperature / RULE.l1, rel=0.06)
    assert len(weights.strengths(log, step=BEGIN)) == K
    with pytest.raises(ValueError, match="no snapshot"):
        weights.strengths(log, step=0)


def test_degrees_and_reciprocity():
    pre, post = np.array([0, 1, 2, 2, 3]), np.array([1, 0, 3, 2, 0])
    assert topology.degrees(pre, 5).tolist() == [1, 1, 2, 1, 0]
    assert topology.reciprocity(pre, post) == 0.5
    assert np.isnan(topology.reciprocity(pre[:0], post[:0]))
    c = Connections.random(100, 100, 1000, seed=0, autapses=False)
    # 1000 connections, expected 1000*999/9900 = 101 reciprocal ones; sd about 14.
    assert abs(topology.reciprocity(c.pre, c.post) * 1000 - 101) < 80


def test_connections_are_counted_after_every_step():
    log = RewiringLog()
    log.describe(1, num_pre=4, num_post=5, num_sites=20)
    log.snapshot(3, 1, [0, 1], [0, 0], [0.0, 0.0], [1, 1])
    for now, index, kinds in ((4, 1, [1, 1]), (5, 0, [1]), (6, 1, [-1])):
        events = np.zeros(len(kinds), EVENT)
        events["step"], events["set"], events["kind"] = now, index, kinds
        log.record(RewiringInfo(now, events, kinds.count(-1), 0))
    assert topology.connections_over_time(log, 1).tolist() == [2, 4, 4, 3]
    assert_allclose(topology.density(log, 1), [0.1, 0.2, 0.2, 0.15])
    for look in (topology.connections_over_time, topology.density):
        with pytest.raises(LogError, match="set 0"):
            look(log, 0)


def test_the_budget_is_kept_after_every_step(log):
    assert_allclose(topology.density(log, 0), np.full(STEPS + 1, K / 90_000))


@pytest.mark.parametrize(
    ("durations", "dead", "message"),
    [
        ([], [], "no lifetimes"),
        ([1, 2], [True], "equal length"),
        ([-1.0], [True], ">= 0"),
        ([np.nan], [True], "finite"),
    ],
)
def test_bad_lives_are_refused(durations, dead, message):
    with pytest.raises(ValueError, match=message):
        survival.kaplan_meier(durations, dead)


def test_rates_are_events_per_step_lived(log):
    """The exact rate is less than 5 standard errors away (6e-7 of all seeds fail); tests/reporting counts intervals."""
    lives = log.lives()
    found = rates.formation_and_elimination(log, 0)
    assert found.lived == (lives["end"] - lives["birth"]).sum()
    assert found.formation.value == pytest.approx(log.num_births / found.lived)
    assert found.elimination.value == pytest.approx(log.num_deaths / found.lived)
    error = np.log(found.elimination.high / found.elimination.value) / 1.96
    assert abs(np.log(exact.turnover_rate(RULE.step_ratio) / found.elimination.value)) < 5 * error
    assert found.formation.high / found.formation.value == pytest.approx(found.formation.value / found.formation.low)


def test_rates_without_connections_are_not_known():
    log = RewiringLog()
    log.describe(0, num_pre=3, num_post=3, num_sites=9)
    log.snapshot(0, 0, np.empty(0, int), np.empty(0, int), np.empty(0), np.empty(0))
    found = rates.formation_and_elimination(log)
    assert np.isnan([*found.formation, *found.elimination]).all()
    assert found.lived == 0
