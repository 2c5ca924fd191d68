"""Changes between time points: against plain sets, and against exact null laws where there is no gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.statistics import changes, survival, turnover
from tests.log.test_moves import random_history

RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=0.2)  # r = 0.05
K, PRE, POST = 1800, 60, 100
BEGIN, WINDOW, WINDOWS = 1200, 60, 40


@pytest.fixture(scope="module")
def log():
    """A record of chance alone at a density of 30 %, begun in the stationary law."""
    c = Connections.random(PRE, POST, K, seed=11)
    zero, log = np.zeros(K), RewiringLog()
    for _ in range(BEGIN):
        step(c, zero, RULE)
    log.describe(0, num_pre=PRE, num_post=POST, num_sites=PRE * POST)
    for n in range(WINDOW * WINDOWS):
        if n % WINDOW == 0:
            log.snapshot(c.steps_done, 0, c.pre, c.post, c.theta, c.polarity)
        log.record(step(c, zero, RULE))
    return log


def pair_sets(log, steps, index=0):
    return [set(zip(*(ends.tolist() for ends in log.wiring(n, index)[:2]), strict=True)) for n in steps]


def assert_are_changes(got, former, later):
    for n, (one, two) in enumerate(zip(former, later, strict=True)):
        assert (got.gained[n], got.lost[n], got.kept[n]) == (len(two - one), len(one - two), len(one & two))
        assert got.turnover[n] == pytest.approx(len(one ^ two) / max(1, len(one) + len(two)))
        for value, part in (
            (got.formation[n], two - one),
            (got.elimination[n], one - two),
            (got.overlap[n], one & two),
        ):
            assert value == pytest.approx(len(part) / len(one)) if one else math.isnan(value)
        jaccard = len(one & two) / len(one | two) if one | two else math.nan
        assert got.jaccard[n] == pytest.approx(jaccard, nan_ok=True)


@pytest.mark.parametrize("potential", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_changes_are_those_of_plain_sets(seed, potential):
    log = random_history(seed, potential)[0]
    steps = [0, 1, 5, 20, 59]
    looks = pair_sets(log, steps)
    assert_are_changes(changes.changes_between(log, steps), looks[:-1], looks[1:])
    assert_are_changes(changes.changes_since(log, steps), looks[:1] * 4, looks[1:])
    assert changes.changes_since(log, steps).begin.tolist() == [0] * 4
    assert changes.changes_between(log, steps).end.tolist() == steps[1:]
    assert turnover.turnover_ratio(log, 5, 20) == changes.changes_between(log, [5, 20]).turnover[0]
    lags = changes.turnover_by_lag(log, [1, 7], starts=5)
    for lag, mean, spread in zip(*lags, strict=True):
        first = np.unique(np.linspace(0, 52, 5).round().astype(int))
        each = [turnover.turnover_ratio(log, n, n + int(lag)) for n in first.tolist()]
        assert (mean, spread) == (pytest.approx(np.mean(each)), pytest.approx(np.std(each)))


def test_one_starting_time_has_no_spread(log):
    longest = log.last_step - log.first_step
    found = changes.turnover_by_lag(log, [1, longest])
    assert np.isfinite(found.turnover).all()
    assert np.isnan(found.spread).all()


def test_wirings_are_compared_as_sets(rng):
    for _ in range(100):
        wirings = [rng.integers(0, 4, (2, int(rng.integers(0, 12)))) for _ in range(2)]
        sets = [[set(zip(*wiring.tolist(), strict=True))] for wiring in wirings]
        assert_are_changes(changes.compare_wirings(*map(tuple, wirings)), *sets)


def replicas(log, look):
    """One value for each of the windows, far enough apart to be nearly independent."""
    return np.array([look(BEGIN + n * WINDOW) for n in range(WINDOWS)])


@pytest.mark.statistical
@pytest.mark.parametrize("lag", [1, 5, 20, 60])
def test_overlap_follows_the_exact_law(log, lag):
    """Student's t of 40 windows beyond 6: 5e-7 of all seeds. The law without chance visits must fail at long lags."""
    found = replicas(log, lambda begin: changes.changes_since(log, [begin, begin + lag]).overlap[0])
    error = found.std(ddof=1) / math.sqrt(WINDOWS)
    law = exact.overlap(RULE.step_ratio, 60, K / (PRE * POST))
    assert abs(found.mean() - law[lag]) < 6 * error
    assert exact.turnover_ratio(RULE.step_ratio, 60, K / (PRE * POST))[lag] == 1 - law[lag]
    if lag >= 20:
        assert abs(found.mean() - exact.survival_of_all(RULE.step_ratio, 60)[lag]) > 6 * error


@pytest.mark.statistical
def test_old_ones_follow_the_exact_law(log):
    """Student's t of 13 windows beyond 9: 1e-6 of all seeds. The law of all, whatever their age, must fail."""
    law = exact.survival_of_old(RULE.step_ratio, 20, 20)
    looks = range(BEGIN + WINDOW, log.last_step - 20, 3 * WINDOW)
    found = np.array([survival.survival_of_old(log, look, 20).probability[20] for look in looks])
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - law[20]) < 9 * error
    assert abs(found.mean() - exact.survival_of_all(RULE.step_ratio, 20)[20]) > 9 * error


@pytest.mark.statistical
def test_a_part_of_the_record_tells_the_law_of_newborns(log):
    """Left truncation: ages of 100 are seen in windows of 30 steps; bounds as above."""
    law = exact.survival_of_newborns(RULE.step_ratio, 100)
    found = []
    for begin in range(BEGIN + 4 * WINDOW, log.last_step, 3 * WINDOW):
        curve = survival.survival_during(log, begin, begin + 30)
        found.append(curve.probability[np.searchsorted(curve.time, [10, 30, 100], side="right") - 1])
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - law[[10, 30, 100]]) < 9 * error).all()


@pytest.mark.statistical
def test_established_ones_follow_the_exact_law(log):
    """As many reach an age as are eliminated beyond it: K q_age/L, from the 20th step of the record on."""
    got = turnover.established(log, 20)
    expected = K * exact.established_turnover(RULE.step_ratio, 20)
    for counts in (got.gained, got.lost):
        windows = counts[1 + 2 * WINDOW :].reshape(-1, WINDOW).mean(axis=1)
        # Initial connections are older than their age in the record: none after 2 windows.
        assert abs(windows.mean() - expected) < 6 * windows.std(ddof=1) / math.sqrt(len(windows)) + 0.02 * expected


@pytest.mark.parametrize("age", [0, 1, 7])
def test_established_ones_are_counted_right(age):
    for seed in range(4):
        log = random_history(seed, False)[0]
        got, lives = turnover.established(log, age), log.lives()
        for n, when in enumerate(got.step.tolist()):
            there = (lives["birth"] + age <= when) & ((lives["end"] > when) | ~lives["dead"])
            assert got.number[n] == there.sum()
            was = (lives["birth"] + age <= when - 1) & ((lives["end"] > when - 1) | ~lives["dead"])
            if n:
                assert (got.gained[n], got.lost[n]) == ((there & ~was).sum(), (was & ~there).sum())
        assert turnover.deaths_beyond_age(log, age) * 59 == pytest.approx(got.lost.sum())


def test_visited_sites_are_counted_right_and_as_expected(log):
    known = set(zip(*(ends.tolist() for ends in log.wiring(BEGIN)[:2]), strict=True))
    shares, events = [len(known)], log.events
    for n in range(1, 101):
        new = events[(events["step"] == BEGIN + n) & (events["kind"] == 1)]
        known |= set(zip(new["pre"].tolist(), new["post"].tolist(), strict=True))
        shares.append(len(known))
    got = turnover.visited_share(log)
    assert_allclose(got.rate[:101], np.array(shares) / (PRE * POST))
    assert got.time.tolist() == list(range(BEGIN, BEGIN + WINDOW * WINDOWS + 1))
    # Unvisited ones after 40 steps, about 1100: binomial at the most, 6 sd; 2e-9.
    law = wiring_laws.visited_share(turnover.rewired_per_step(log).rate, PRE * POST, K)
    left = (1 - law[40]) * PRE * POST
    assert abs(got.rate[40] - law[40]) * PRE * POST < 6 * math.sqrt(left)


def test_chance_visits_what_a_gradient_of_any_size_visits():
    """Random formations find new sites equally often whatever is eliminated; here useful ones persist."""
    rule, shares = DeepR(learning_rate=0.1, l1=0.3, temperature=0.3), []
    for seed in range(20):
        c = Connections.random(20, 20, 120, seed=seed)
        log = RewiringLog()
        log.describe(1, num_pre=20, num_post=20, num_sites=400)
        log.snapshot(0, 0, [], [], [], [])
        for n in range(30):
            if n == 10:  # Steps before the first snapshot of a set do not count.
                log.snapshot(n, 1, c.pre, c.post, c.theta, c.polarity)
            info = step(c, np.where(c.pre < 10, -0.4, 0.4) * c.polarity, rule)
            info.events["set"] = 1
            log.record(info)
        seen, law = turnover.visited_share(log, 1), turnover.visited_by_chance(log, 1)
        assert law.time.tolist() == list(range(10, 31))
        assert law.rate[0] == pytest.approx(seen.rate[10]) == 120 / 400
        shares.append(law.rate[-1] - seen.rate[-1])
    # Standard deviation of one at most sqrt(400/4)/400 = 0.025: 5 standard errors of the mean, 6e-7.
    assert abs(np.mean(shares)) < 5 * 0.025 / math.sqrt(20)
    log.describe(1, num_pre=20, num_post=20, num_sites=400, multapses=True)
    with pytest.raises(ValueError, match="set 1 connections may share a pair"):
        turnover.visited_by_chance(log, 1)
    with pytest.raises(LogError, match="set 0 was not described"):
        turnover.visited_by_chance(log)


def test_chance_counts_moves_and_varying_numbers():
    log = random_history(3, False)[0]
    law, events = turnover.visited_by_chance(log), log.events
    missed, number = 1 - 2 / 81, 2
    for n in range(1, log.last_step + 1):
        born, died = (np.count_nonzero((events["step"] == n) & (events["kind"] == kind)) for kind in (1, -1))
        missed *= 1 - born / (81 - number + died)
        number += born - died
    assert law.rate[-1] == pytest.approx(1 - missed)
    assert len(log.wiring()[0]) == number
    assert np.count_nonzero(np.abs(events["kind"]) == 2) > 10


@pytest.mark.parametrize("potential", [False, True])
def test_visited_sites_with_moves_and_shared_pairs(potential):
    log = random_history(3, potential)[0]
    events = log.events
    born = events[events["kind"] == 1]
    pairs = {(0, 1), (1, 2), *zip(born["pre"].tolist(), born["post"].tolist(), strict=True)}
    assert turnover.visited_share(log).rate[-1] == pytest.approx(len(pairs) / 81)
    log.describe(0, num_pre=9, num_post=9, num_sites=100, multapses=True)
    assert turnover.visited_share(log).rate[-1] == pytest.approx(len({0, 1, *born["slot"].tolist()}) / 100)


def test_what_cannot_be_looked_at_is_refused(log):
    for steps in ([BEGIN], [BEGIN, BEGIN], [BEGIN + 1, BEGIN], [0.5, 1.5], [[1, 2]]):
        for look in (changes.changes_between, changes.changes_since):
            with pytest.raises(ValueError, match="two or more ascending integers"):
                look(log, steps)
    for lags in ([], [0], [WINDOW * WINDOWS + 1], [1.5]):
        with pytest.raises(ValueError, match="lags must be integers from 1 to 2400"):
            changes.turnover_by_lag(log, lags)
    with pytest.raises(LogError, match="no snapshot of set 0 at or before step 5"):
        changes.changes_since(log, [5, 6])
    with pytest.raises(LogError, match="set 3 was not described"):
        turnover.visited_share(log, 3)
    with pytest.raises(ValueError, match="equal length"):
        changes.compare_wirings(([0], [0, 1]), ([0], [0]))
    with pytest.raises(ValueError, match="integers >= 0"):
        changes.compare_wirings(([-1], [0]), ([0], [0]))
    with pytest.raises(ValueError, match="at_step must be between 0 and 3600"):
        survival.survival_of_all(log, BEGIN + 10**6)
    with pytest.raises(ValueError, match="no lives"):
        survival.survival_of_old(log, BEGIN, 10)
    for arguments in ((5, 5), (7, 5)):
        with pytest.raises(ValueError, match="end must be between"):
            survival.survival_during(log, *arguments)


def test_survival_from_a_log_is_that_of_its_lives(log):
    lives = log.lives()
    born = lives[~lives["initial"]]
    table = survival.table_of_newborns(log)
    curve = survival.kaplan_meier(born["end"] - born["birth"], born["dead"])
    got = survival.survival_of_newborns(log)
    for one, other in zip(got, curve, strict=True):
        assert_allclose(one, other, atol=1e-12)
    assert table.deaths.sum() == born["dead"].sum()
    begin, end = BEGIN + 500, BEGIN + 560
    seen = born[(born["birth"] < end) & (born["end"] > begin)]
    expected = survival.kaplan_meier(
        np.minimum(seen["end"], end) - seen["birth"],
        seen["dead"] & (seen["end"] <= end),
        np.maximum(begin - seen["birth"], 0),
    )
    for one, other in zip(survival.survival_during(log, begin, end), expected, strict=True):
        assert_allclose(one, other, atol=1e-12)
    hazard = survival.hazard_of_newborns(log, [0, 1, 2, 5])
    assert_allclose(hazard.rate[:2], exact.hazard(RULE.step_ratio, 2), rtol=0.02)
    assert survival.hazard_of_newborns(log).end[-1] >= got.time[-1]
    assert abs(survival.compare_newborns(log, log).statistic) < 1e-9
    assert_array_equal(got.time, curve.time)
