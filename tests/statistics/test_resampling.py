"""Errors and 95 % limits over groups: with few groups, and where resamples do not differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import beta, binom, binomtest, poisson

from synaptic_sampling import Observations
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.statistics import observed
from synaptic_sampling.statistics.observed.resampling import FEW_GROUPS, estimate

STUDIES = 2000


def mean(sums):
    return sums[..., 1, :] / sums[..., 0, :]


def normal_studies(groups, seed=1):
    """Return the sums of many studies, each a column, whose groups have normal means around 0."""
    values = np.random.default_rng(seed).standard_normal((groups, STUDIES))
    return np.stack([np.ones_like(values), values], axis=1)


@pytest.mark.statistical
@pytest.mark.parametrize("groups", [2, 3, 5, FEW_GROUPS - 1])
def test_limits_of_few_groups_contain_the_truth(groups):
    """Student's t is exact here, up to the error of the bootstrap: an exact binomial test of 95 % at a rate of 1e-6.

    Quantiles over resamples are rejected by the same test.
    """
    sums, resamples = normal_studies(groups), 4000
    found = estimate(np.zeros(STUDIES), sums, mean, "mean", resamples, 0)
    inside = int(np.count_nonzero((found.low <= 0) & (found.high >= 0)))
    assert binomtest(inside, STUDIES, 0.95).pvalue > 1e-6
    expected = sums[:, 1].std(axis=0, ddof=1) / math.sqrt(groups)
    assert_allclose(found.error, expected, rtol=0.15)
    drawn = np.random.default_rng(2).multinomial(groups, np.full(groups, 1 / groups), resamples) / groups
    low, high = np.quantile(drawn @ sums[:, 1], [0.025, 0.975], axis=0)
    inside = int(np.count_nonzero((low <= 0) & (high >= 0)))
    assert binomtest(inside, STUDIES, 0.95).pvalue < 1e-6


def test_limits_of_many_groups_are_quantiles():
    found = estimate(np.zeros(STUDIES), normal_studies(FEW_GROUPS), mean, "mean", 500, 0)
    few = estimate(np.zeros(STUDIES), normal_studies(FEW_GROUPS - 1), mean, "mean", 500, 0)
    assert_allclose(few.high - few.value, few.value - few.low)
    assert not np.allclose(found.high - found.value, found.value - found.low)


def test_only_groups_with_observations_count():
    """Of 30 groups, the columns have observations in 1, in 2 and in all: no limits, Student's t, and quantiles."""
    values = np.random.default_rng(3).standard_normal((30, 3))
    there = np.arange(30)[:, None] < [1, 2, 30]
    found = estimate(np.zeros(3), np.stack([there, values * there], axis=1).astype(float), mean, "mean", 2000, 0)
    assert np.isnan([found.error[0], found.low[0], found.high[0]]).all()
    assert np.isfinite(found.value).all()
    half = found.high - found.value
    assert half[1] / found.error[1] == pytest.approx(12.706, abs=1e-3)
    assert half[2] / found.error[2] == pytest.approx(1.96, rel=0.2)


@pytest.mark.parametrize("groups", [3, 20])
def test_no_loss_has_exact_limits(groups):
    n = 60
    seen = Observations(np.ones((n, 3)), [0, 4, 8], group=np.arange(n) % groups)
    found = observed.changes(seen, resamples=20)
    assert found.elimination.low == found.formation.low == found.turnover.low == 0
    assert found.elimination.high == pytest.approx(1 - 0.025 ** (1 / (2 * n)))
    assert binom.cdf(0, 2 * n, found.elimination.high[0]) == pytest.approx(0.025)
    assert poisson.cdf(0, 2 * n * found.formation.high[0]) == pytest.approx(0.025)
    assert found.turnover.high == pytest.approx(1 - 0.025 ** (1 / (4 * n)))
    survival = observed.survival_of_seen(seen, resamples=20)
    assert survival.high.tolist() == [1, 1, 1]
    assert survival.low[0] == 1, "by definition"
    assert_allclose(survival.low[1:], [0.025 ** (1 / (2 * n)), 0.025 ** (1 / n)])
    gone = Observations(np.eye(1, 2).repeat(n, axis=0), [0, 4], group=np.arange(n) % groups)
    lost = observed.changes(gone, resamples=20).elimination
    assert (lost.value, lost.high) == (1, 1)
    assert lost.low == pytest.approx(0.025 ** (1 / n))


def test_equal_groups_have_exact_limits():
    """Each of four groups loses 2 of 10 connections and forms one: no resample differs, yet the rates are not known."""
    presence = np.array([[1, 1]] * 8 + [[1, 0]] * 2 + [[0, 1]])
    seen = Observations(np.tile(presence, (4, 1)), [0, 1], group=np.repeat(np.arange(4), 11))
    found = observed.changes(seen, resamples=20)
    assert found.elimination.low == pytest.approx(beta.ppf(0.025, 8, 33))
    assert found.elimination.high == pytest.approx(beta.ppf(0.975, 9, 32))
    assert poisson.sf(3, 40 * found.formation.low[0]) == pytest.approx(0.025)
    assert poisson.cdf(4, 40 * found.formation.high[0]) == pytest.approx(0.025)


def test_limits_stay_in_the_possible_range():
    """Two groups, of which one loses nearly all connections and the other nearly none."""
    presence = np.array([[1, 0]] * 9 + [[1, 1]] * 10 + [[1, 0]])
    seen = Observations(presence, [0, 1], weights=np.ones((20, 2)), group=np.repeat([0, 1], 10))
    for found in (observed.changes(seen).elimination, observed.loss_by_weight(seen, classes=1)):
        assert found.low[0] == 0
        assert found.high[0] == 1


@pytest.mark.parametrize("groups", [3, 20])
def test_parameters_that_resamples_do_not_determine_have_profile_limits(groups):
    group = np.minimum(np.arange(60) // 2, groups - 1)
    seen = Observations(np.ones((60, 3)), [0, 4, 8], group=group)
    for name in ("constant", "walk"):
        law = observed.fit(seen, LAWS[name])
        ((low, high),) = observed.bootstrap_intervals(seen, law, resamples=20)
        assert (low, high) == (law.low[0], law.high[0])
        assert high > 5 * law.values[0]


def test_parameters_of_few_groups_have_limits_by_student():
    """Between three groups that differ, quantiles end at the most different groups; limits go beyond."""
    rates, size = np.array([0.1, 0.2, 0.4]), 2000
    kept = np.exp(-rates)[:, None, None] ** np.arange(4) > (np.arange(size) / size)[:, None]
    seen = Observations(kept.reshape(-1, 4), np.arange(4), group=np.repeat(np.arange(3), size))
    law = observed.fit(seen, LAWS["constant"])
    ((low, high),) = observed.bootstrap_intervals(seen, law, resamples=400)
    alone = [observed.fit(own, LAWS["constant"]).values[0] for _, own in seen.by_group()]
    assert low < min(alone)
    assert high > max(alone)
    empty = np.zeros((1, 4), bool)
    one = Observations(np.concatenate([kept[0], empty]), np.arange(4), group=np.repeat(["a", "never seen"], [size, 1]))
    with pytest.raises(ValueError, match="two groups or more to resample, got 1"):
        observed.bootstrap_intervals(one, law)


def test_groups_in_which_nothing_was_seen_change_no_interval_of_parameters():
    rng = np.random.default_rng(5)
    seen = (np.arange(4) < rng.geometric(0.3, 40)[:, None]).astype(float)
    two = Observations(seen, [0, 1, 2, 3], group=np.repeat(["a", "b"], 20))
    empty = np.vstack([seen, np.zeros((8, 4))])
    more = Observations(empty, [0, 1, 2, 3], group=[*np.repeat(["a", "b"], 20), *(f"empty{n}" for n in range(8))])
    limits = [observed.bootstrap_intervals(each, observed.fit(each, LAWS["constant"])) for each in (two, more)]
    assert_allclose(limits[0], limits[1])
