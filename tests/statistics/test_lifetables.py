"""Life tables: against SciPy, against plain counts, and against simulated lives whose law is known.

The exam: an estimator is right if the mean of its errors over many simulated records is less than 4.9 standard errors
from 0 (1e-6 of all seeds fail); one that ignores censoring must fail the same exam by far.
"""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import CensoredData, ecdf, logrank

from synaptic_sampling.statistics.lifetables import (
    LifeTable,
    half_life,
    hazard,
    kaplan_meier,
    life_table,
    log_rank,
    survival_curve,
)


def random_lives(rng, truncated):
    n = int(rng.integers(1, 60))
    durations, dead = rng.integers(1, 20, n), rng.random(n) < rng.random()
    entry = np.where(rng.random(n) < 0.5, rng.integers(0, durations + 1), 0) if truncated else None
    return durations, dead, entry


def naive_table(durations, dead, entry):
    """Numbers at risk and of deaths at each time, counted one by one."""
    entry = [0] * len(durations) if entry is None else entry
    lives = [(d, gone, e) for d, gone, e in zip(durations, dead, entry, strict=True) if e == 0 or e < d]
    rows = []
    for t in sorted({*durations, *(e for e in entry if e > 0)}):
        at_risk = sum(d >= t and (e == 0 or e < t) for d, _, e in lives)
        rows.append((t, at_risk, sum(d == t and gone for d, gone, _ in lives)))
    return rows


@pytest.mark.parametrize("truncated", [False, True])
def test_counts_equal_those_made_one_by_one(rng, truncated):
    for _ in range(200):
        durations, dead, entry = random_lives(rng, truncated)
        table = life_table(durations, dead, entry)
        expected = naive_table(durations.tolist(), dead.tolist(), None if entry is None else entry.tolist())
        assert list(zip(*(column.tolist() for column in table), strict=True)) == expected
        curve, estimate = survival_curve(table).probability[1:], 1.0
        for value, (_, at_risk, deaths) in zip(curve, expected, strict=True):
            estimate *= 1 - deaths / at_risk if at_risk else 1
            assert value == pytest.approx(estimate, abs=1e-12)


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_estimate_and_band_are_those_of_scipy(rng, confidence):
    for _ in range(100):
        durations, dead, _ = random_lives(rng, False)
        curve = ecdf(CensoredData(uncensored=durations[dead], right=durations[~dead])).sf
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # SciPy's, where the estimate is 0 or 1.
            band = curve.confidence_interval(confidence, method="log-log")
        got = survival_curve(life_table(durations, dead), confidence)
        assert_allclose(got.probability[1:], curve.probabilities, atol=1e-12)
        for limit, theirs in ((got.low, band.low), (got.high, band.high)):
            expected = np.where(np.isnan(theirs.probabilities), curve.probabilities, theirs.probabilities)
            assert_allclose(limit[1:], expected, atol=1e-12)


def test_log_rank_is_that_of_scipy(rng):
    compared = 0
    for _ in range(100):
        groups = [random_lives(rng, False) for _ in range(2)]
        data = [CensoredData(uncensored=d[dead], right=d[~dead]) for d, dead, _ in groups]
        tables = [life_table(d, dead) for d, dead, _ in groups]
        try:
            got = log_rank(*tables)
        except ValueError:
            continue
        expected = logrank(*data)
        assert abs(got.statistic) == pytest.approx(abs(expected.statistic), abs=1e-9)
        assert got.p_value == pytest.approx(expected.pvalue, abs=1e-9)
        assert (got.statistic > 0) == (got.observed > got.expected)
        assert log_rank(*tables[::-1]).statistic == pytest.approx(-got.statistic)
        compared += 1
    assert compared > 50


def test_log_rank_knows_who_came_late(rng):
    """Against Mantel's sums over a list of all who were at risk."""
    for _ in range(50):
        groups = [random_lives(rng, True) for _ in range(2)]
        observed, expected, variance = 0, 0.0, 0.0
        for t in range(1, 21):
            risks, deaths = [], []
            for d, dead, e in groups:
                there = (d >= t) & ((e == 0) | (e < t))
                risks.append(int(there.sum()))
                deaths.append(int((there & dead & (d == t)).sum()))
            n, k = sum(risks), sum(deaths)
            if n:
                observed += deaths[0]
                expected += k * risks[0] / n
                variance += k * risks[0] * risks[1] * (n - k) / (n * n * (n - 1)) if n > 1 else 0
        if variance > 0:
            got = log_rank(*(life_table(*group) for group in groups))
            assert got.observed == observed
            assert got.expected == pytest.approx(expected)
            assert got.statistic == pytest.approx((observed - expected) / math.sqrt(variance))


def test_hazard_is_deaths_over_time_at_risk(rng):
    for truncated in (False, True):
        for _ in range(100):
            durations, dead, entry = random_lives(rng, truncated)
            edges = np.unique(rng.choice(np.arange(0, 22, 0.5), 6))
            if len(edges) < 2:
                continue
            got = hazard(life_table(durations, dead, entry), edges)
            since = np.zeros(len(durations)) if entry is None else entry
            for n, (a, b) in enumerate(itertools.pairwise(edges)):
                lived = sum(max(0.0, min(d, b) - max(e, a)) for d, e in zip(durations, since, strict=True))
                rows = zip(durations, dead, since, strict=True)
                died = sum(a < d <= b and gone and (e == 0 or e < d) for d, gone, e in rows)
                assert got.deaths[n] == died
                if lived == 0:
                    assert np.isnan(got.rate[n])
                else:
                    assert got.rate[n] == pytest.approx(died / lived)
                    assert got.low[n] <= got.rate[n] <= got.high[n]


def test_limits_of_a_count_are_exact():
    """Of 5 deaths: 1.6235 and 11.6683 (Garwood 1936); of none: 0 and 3.6889."""
    table = LifeTable(np.array([1.0, 2.0]), np.array([100, 95]), np.array([5, 0]))
    got = hazard(table, [0, 1, 2])
    assert_allclose(got.low * [100, 95], [1.6235, 0], atol=1e-4)
    assert_allclose(got.high * [100, 95], [11.6683, 3.6889], atol=1e-4)


def test_half_life_is_where_half_are_left():
    curve = kaplan_meier([1, 2, 3, 4], [True] * 4)
    assert half_life(curve).value == 2
    assert half_life(curve).low <= 2 <= half_life(curve).high
    assert half_life(kaplan_meier([1, 2, 3, 4], [True, False, False, False])).value == math.inf


# ------------------------------------------------------------------------------------------------ simulated truth

RATE, WINDOW, NUMBER, RECORDS = 0.1, 15.0, 400, 400


def records(rng):
    """Exponential lives that begin at any time in a window, and are watched until it ends; some come late."""
    for _ in range(RECORDS):
        lives = rng.exponential(1 / RATE, NUMBER)
        watched = WINDOW - rng.uniform(0, WINDOW, NUMBER)
        yield lives, np.minimum(lives, watched), lives <= watched


def late_records(rng):
    """The same, of which only those alive at the start of the observation, at any age up to 10, are observed."""
    for _ in range(RECORDS):
        lives, age = rng.exponential(1 / RATE, NUMBER), rng.choice([0.0, 1.0], NUMBER) * rng.uniform(0, 10, NUMBER)
        seen = lives > age
        lasted = np.minimum(lives, age + WINDOW)
        yield lasted[seen], (lives <= age + WINDOW)[seen], age[seen]


def at(curve, time):
    return curve.probability[np.searchsorted(curve.time, time, side="right") - 1]


def z_score(estimates, truth):
    estimates = np.asarray(estimates)
    return float((estimates.mean() - truth) / (estimates.std(ddof=1) / math.sqrt(len(estimates))))


@pytest.mark.statistical
def test_censored_lives_are_estimated_right_and_ended_ones_alone_fail():
    good, rates, medians, naive, naive_mean = [], [], [], [], []
    for lives, durations, dead in records(np.random.default_rng(1)):
        table = life_table(durations, dead)
        good.append(at(survival_curve(table), 8.0))
        rates.append(hazard(table, [0.0, WINDOW]).rate[0])
        medians.append(half_life(survival_curve(table)).value)
        naive.append(np.mean(durations[dead] > 8.0))
        naive_mean.append(durations[dead].mean())
        assert len(lives) == NUMBER
    truth = math.exp(-RATE * 8.0)
    assert abs(z_score(good, truth)) < 4.9
    # Ratios are biased in proportion to 1/n: by 1/(number of deaths), 0.2 % or a tenth of their spread at most.
    assert abs(np.mean(rates) / RATE - 1) < 0.005 + 4.9 * np.std(rates) / RATE / math.sqrt(RECORDS)
    assert abs(np.mean(medians) - math.log(2) / RATE) < 0.05 + 4.9 * np.std(medians) / math.sqrt(RECORDS)
    assert z_score(naive, truth) < -100
    assert z_score(naive_mean, 1 / RATE) < -100


@pytest.mark.statistical
def test_late_ones_count_from_the_age_at_which_they_were_seen():
    good, naive = [], []
    for durations, dead, age in late_records(np.random.default_rng(2)):
        good.append(at(kaplan_meier(durations, dead, age), 8.0))
        naive.append(at(kaplan_meier(durations, dead), 8.0))
    truth = math.exp(-RATE * 8.0)
    assert abs(z_score(good, truth)) < 4.9
    assert z_score(naive, truth) > 50


@pytest.mark.statistical
def test_the_band_holds_the_truth_as_often_as_it_says():
    held = []
    for _, durations, dead in records(np.random.default_rng(3)):
        curve = kaplan_meier(durations, dead)
        place = np.searchsorted(curve.time, 8.0, side="right") - 1
        held.append(curve.low[place] <= math.exp(-RATE * 8.0) <= curve.high[place])
    # 400 comparisons at 95 %: 4.9 sd are 5.3 %.
    assert abs(np.mean(held) - 0.95) < 0.054


@pytest.mark.statistical
def test_log_rank_of_equal_groups_is_standard_normal_and_finds_a_difference():
    rng = np.random.default_rng(4)
    same, other = [], []
    for _, durations, dead in records(rng):
        half = NUMBER // 2
        first = life_table(durations[:half], dead[:half])
        same.append(log_rank(first, life_table(durations[half:], dead[half:])).statistic)
        short = rng.exponential(0.5 / RATE, half)
        other.append(log_rank(first, life_table(short, np.ones(half, bool))).statistic)
    assert abs(np.mean(same)) < 4.9 / math.sqrt(RECORDS)
    assert abs(np.var(same) - 1) < 4.9 * math.sqrt(2 / RECORDS)
    assert np.max(other) < -1
    assert np.mean(other) < -4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [True, True], [1]), "entry must have the shape"),
        (([1, 2], [True, True], [3, 0]), "none can be first observed"),
        (([1, 2], [True, True], [-1, 0]), "entry must be finite and >= 0"),
        (([[1, 2]], [[True, True]]), "vectors of equal length"),
        (([math.inf], [True]), "durations must be finite"),
    ],
)
def test_lives_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        life_table(*arguments)


def test_other_nonsense_is_refused():
    table = life_table([1, 2], [True, True])
    for edges in ([], [1], [2, 1], [-1, 1], [0, math.inf], [[0, 1]]):
        with pytest.raises(ValueError, match="edges must be ascending"):
            hazard(table, edges)
    for confidence in (0, 1, 1.5, math.nan):
        with pytest.raises(ValueError, match="confidence"):
            survival_curve(table, confidence)
    alive = life_table([1, 2], [False, False])
    with pytest.raises(ValueError, match="none died while both groups were at risk"):
        log_rank(alive, alive)


def test_the_half_life_is_not_moved_by_rounding():
    """The product of the fractions that remain is 1/2 only up to rounding, for more than half of these numbers."""
    for number in range(2, 400, 2):
        curve = kaplan_meier(np.arange(1, number + 1), np.ones(number, bool))
        assert half_life(curve).value == number / 2
        assert half_life(kaplan_meier(np.arange(1, number), np.ones(number - 1, bool))).value == number / 2
