"""Estimators for observations: reference implementations, logs of a known law, and a published study."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest, ranksums

from synaptic_sampling import Connections, DeepR, Observations, RewiringLog, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.statistics import observed
from tests.statistics.observed_data import needs_data, study, weights

#: Probability that any of the comparisons with exact values fails by chance.
FAMILY_WISE = 1e-6


def a_study(rng, number=60, looks=6):
    presence = (rng.random((number, looks)) < 0.7).astype(float)
    presence[rng.random((number, looks)) < 0.1] = np.nan
    sizes = rng.lognormal(size=(number, looks))
    return Observations(presence, 3.0 * np.arange(looks), weights=sizes, group=rng.integers(5, size=number))


def naive_survival(seen, fresh):
    """Count connection by connection, look by look."""
    looks = len(seen.times)
    risk, stay = [0] * (looks - fresh), [0] * (looks - fresh)
    for row in seen.presence.tolist():
        for start in range(fresh, looks):
            if row[start] != 1 or (fresh and row[start - 1] != 0):
                continue
            for k in range(looks - start):
                if -1 in row[start : start + k + 1]:
                    break
                risk[k] += 1
                stay[k] += all(row[start : start + k + 1][i] == 1 for i in range(k + 1))
    return risk, stay


@pytest.mark.parametrize("seed", range(5))
def test_survival_equals_the_reference(seed):
    seen = a_study(np.random.default_rng(seed))
    for fresh, function in enumerate((observed.survival_of_seen, observed.survival_of_newly_seen)):
        risk, stay = naive_survival(seen, fresh)
        found = function(seen, resamples=20)
        assert found.number.tolist() == risk
        assert_allclose(found.value, np.array(stay) / risk)
        assert found.at.tolist() == (3.0 * np.arange(6 - fresh)).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_changes_equal_the_reference(seed):
    seen = a_study(np.random.default_rng(seed))
    n1, n2, kept = np.zeros((3, 5))
    for row in seen.presence.tolist():
        for n in range(5):
            if -1 not in row[n : n + 2]:
                n1[n], n2[n], kept[n] = n1[n] + row[n], n2[n] + row[n + 1], kept[n] + row[n] * row[n + 1]
    found = observed.changes(seen, pooled=False, resamples=20)
    assert_allclose(found.formation.value, (n2 - kept) / n1)
    assert_allclose(found.elimination.value, (n1 - kept) / n1)
    assert_allclose(found.turnover.value, (n1 + n2 - 2 * kept) / (n1 + n2))
    assert found.turnover.at.tolist() == [3, 6, 9, 12, 15]
    pooled = observed.changes(seen, resamples=20)
    assert pooled.elimination.value == pytest.approx((n1 - kept).sum() / n1.sum())
    assert pooled.elimination.at == 3


@pytest.mark.parametrize("seed", range(3))
def test_weights_equal_the_reference(seed):
    seen = a_study(np.random.default_rng(seed))
    ages, pairs, loss = {}, {}, []
    for row, sizes in zip(seen.presence.tolist(), seen.weights, strict=True):
        age = None
        for n in range(1, 6):
            age = (
                None if row[n] != 1 else 0 if row[n - 1] == 0 else None if row[n - 1] == -1 or age is None else age + 1
            )
            if age is not None:
                ages.setdefault(age, []).append(math.log(sizes[n]))
        for n in range(6):
            if n < 5 and row[n] == 1 and row[n + 1] != -1:
                loss.append((sizes[n], row[n + 1] == 0))
            for m in range(n + 1, 6):
                if row[n] == row[m] == 1:
                    pairs.setdefault(m - n, []).append((math.log(sizes[n]), math.log(sizes[m])))
    found = observed.weight_by_age(seen, resamples=20)
    assert_allclose(found.value[: len(ages)], [np.mean(ages[n]) for n in range(len(ages))])
    found = observed.weight_autocorrelation(seen, resamples=20)
    assert_allclose(found.value, [np.corrcoef(np.array(pairs[lag]).T)[0, 1] for lag in range(1, 6)])
    loss.sort()
    halves = np.array_split(np.array([gone for _, gone in loss], float), 2)
    found = observed.loss_by_weight(seen, classes=2, resamples=20)
    if len(loss) % 2 == 0:
        assert_allclose(found.value, [own.mean() for own in halves])
    assert found.number.sum() == len(loss)


def test_errors_are_over_groups():
    """Ten dendrites, in each of which all connections share one fate."""
    fate = np.repeat([1.0, 0.0], 5)
    presence = np.repeat(np.column_stack([np.ones(10), fate]), 20, axis=0)
    group = np.repeat(np.arange(10), 20)
    found = observed.survival_of_seen(Observations(presence, [0, 1], group=group), resamples=4000)
    assert found.error[1] == pytest.approx(0.5 / math.sqrt(10), rel=0.05)
    alone = observed.survival_of_seen(Observations(presence, [0, 1]), resamples=4000)
    assert alone.error[1] == pytest.approx(0.5 / math.sqrt(200), rel=0.05)
    one = observed.survival_of_seen(Observations(presence, [0, 1], group=np.zeros(200, int)))
    assert np.isnan(one.error).all()
    assert one.value[1] == 0.5


def test_group_differences():
    lost = [30, 10]
    presence = np.concatenate([np.column_stack([np.ones(100), np.arange(100) >= n]) for n in lost])
    found = observed.group_differences(Observations(presence, [0, 1], group=np.repeat([0, 1], 100)))
    assert found.statistic == pytest.approx(2 * 10**2 / (0.2 * 0.8 * 100))
    assert found.degrees == 1


def test_uneven_looks_need_a_start():
    seen = Observations(np.ones((3, 3)), [0, 1, 5], weights=np.ones((3, 3)))
    with pytest.raises(ValueError, match="intervals between the looks of observations differ"):
        observed.survival_of_seen(seen)
    assert observed.survival_of_seen(seen, start=1).at.tolist() == [0, 4]
    with pytest.raises(ValueError, match="start must be between 1 and 2"):
        observed.survival_of_newly_seen(seen, start=0)
    with pytest.raises(ValueError, match="must have equal intervals"):
        observed.weight_by_age(seen)
    with pytest.raises(ValueError, match="observations contain no weights"):
        observed.loss_by_weight(Observations(np.ones((3, 3)), [0, 1, 2]))


@pytest.fixture(scope="module")
def deepr_log():
    """DEEP R without a gradient, in its stationary state: 20 000 independent connections for 700 steps."""
    ratio = 0.05
    rule = DeepR(learning_rate=1.0, l1=ratio, temperature=0.5)
    assert rule.step_ratio == pytest.approx(ratio)
    c, log = Connections.random(10_000, 10_000, connections=20_000, seed=3), RewiringLog()
    zero = np.zeros(20_000)
    for _ in range(3000):
        step(c, rule, gradient=zero)
    log.describe(0, num_pre=10_000, num_post=10_000, num_sites=10**8)
    log.snapshot(3000, 0, c.pre, c.post, c.theta, c.polarity)
    for _ in range(700):
        log.record(step(c, rule, gradient=zero))
    return log, ratio


@pytest.mark.statistical
@pytest.mark.compiled
def test_a_log_of_known_law_seen_through_a_microscope(deepr_log):
    """All comparisons together have a false-alarm rate of 1e-6: exact binomial tests, corrected by Bonferroni.

    The survival law of new connections, which needs exact times, is rejected as the law of newly seen ones.
    """
    log, ratio = deepr_log
    p_values, wrong = [], []
    for every in (1, 5, 20, 100):
        seen = log.observe(3000 + every * np.arange(8))
        a = exact.survival_of_all(ratio, 7 * every)[::every]
        b = (a[:-1] - a[1:]) / (1 - a[1])
        old = observed.survival_of_seen(seen, start=0, resamples=20)
        new = observed.survival_of_newly_seen(seen, start=1, resamples=20)
        for found, law in ((old, a), (new, b)):
            for value, number, p in zip(found.value[1:], found.number[1:], law[1:], strict=True):
                p_values.append(binomtest(round(value * number), number, p).pvalue)
        # What is lost in the first interval is replaced by what is newly seen after it.
        p_values.append(binomtest(int(new.number[0]), 20_000, 1 - a[1]).pvalue)
        births = sum(int((events["kind"] == 1).sum()) for events in log.event_blocks(after=3000, until=3000 + every))
        expected = (1 - a[1]) * exact.mean_lifetime(ratio) / every
        assert new.number[0] / births == pytest.approx(expected, rel=0.1)
        stays = exact.survival_of_newborns(ratio, every)[-1]
        if every > 1:
            wrong.append(binomtest(round(new.value[1] * new.number[1]), int(new.number[1]), stays).pvalue)
    assert len(p_values) == 4 * (7 + 6 + 1)
    assert min(p_values) > FAMILY_WISE / len(p_values)
    assert max(wrong) < FAMILY_WISE


@pytest.mark.statistical
def test_a_detection_delay_has_its_law(deepr_log):
    """Connections seen from an age on survive as ``survival_of_old`` says; |z| < 4.9 at each of 4 looks."""
    log, ratio = deepr_log
    seen = log.observe([3400, 3420, 3440, 3460, 3480], min_age=100)
    found = observed.survival_of_seen(seen, start=0, resamples=20)
    law = exact.survival_of_old(ratio, 100, 80)[::20]
    z = (found.value - law)[1:] / np.sqrt(law * (1 - law) / found.number[0])[1:]
    assert np.abs(z).max() < 4.9
    plain = exact.survival_of_all(ratio, 80)[::20]
    assert abs(found.value[1] - plain[1]) > 4.9 * math.sqrt(plain[1] * (1 - plain[1]) / found.number[0])


@needs_data
def test_published_values():
    """Melander, Nayebi et al. (2021): numbers, survival after 24 days, rank sums of their notebook, Figure 4."""
    survival, formation = {}, {}
    for cell, number, mean, error in (("pyr", 594, 0.77129, 0.02462), ("pv", 683, 0.92927, 0.01244)):
        seen = study(cell)
        assert seen.seen[:, 0].sum() == number
        parts = [own for _, own in seen.by_group()]
        survival[cell] = np.array([observed.survival_of_seen(own, start=0, resamples=20).value[6] for own in parts])
        assert survival[cell].mean() == pytest.approx(mean, abs=1e-4)
        assert survival[cell].std(ddof=1) / math.sqrt(len(parts)) == pytest.approx(error, abs=1e-4)
        rates = [observed.changes(own, pooled=False, resamples=20) for own in parts]
        formation[cell] = [np.nanmean(own.formation.value) for own in rates]
        total, first, always = {"pyr": (721, 496, 348), "pv": (468, 416, 380)}[cell]
        sizes = weights(cell)
        assert sizes.seen.any(axis=1).sum() == total
        assert sizes.seen[:, 0].sum() == first
        assert (sizes.presence != 0).all(axis=1).sum() == always  # Figure 4 has half of them, 174 and 190.
    assert ranksums(survival["pv"], survival["pyr"]).statistic == pytest.approx(4.091117805, abs=1e-4)
    assert ranksums(formation["pyr"], formation["pv"]).statistic == pytest.approx(4.815060462, abs=1e-4)
    chi = [observed.group_differences(study(cell)) for cell in ("pyr", "pv")]
    assert [round(own.statistic, 1) for own in chi] == [25.6, 33.9]


@needs_data
@pytest.mark.parametrize(("n", "cell"), [(0, "pyr"), (1, "pv")])
def test_the_table_that_is_shipped_was_computed_so(n, cell):
    shipped, own = observed.PUBLISHED_STUDIES[n], observed.study_of("", study(cell))
    assert shipped[1:5] == own[1:5]
    for name in ("seen", "newly_seen"):
        for field in ("at", "value", "error", "number"):
            assert_allclose(getattr(getattr(shipped, name), field), getattr(getattr(own, name), field), atol=6e-5)
    for name in ("formation", "elimination", "turnover"):
        for field in ("at", "value", "error", "number"):
            expected = getattr(getattr(own.changes, name), field)
            assert_allclose(getattr(getattr(shipped.changes, name), field), expected, atol=6e-5)


def test_looks_are_matched_by_turnover(deepr_log):
    log, ratio = deepr_log
    for target in (0.1, 0.3):
        looks = observed.matched_looks(log, target, 5)
        every = np.diff(looks)
        assert (every == every[0]).all()
        assert looks[0] == 3350
        found = [abs(exact.turnover_ratio(ratio, n)[-1] - target) for n in range(1, 60)]
        assert abs(every[0] - 1 - int(np.argmin(found))) <= 1
        assert len(looks) == min(5, 350 // every[0] + 1)
        assert observed.changes(log.observe(looks)).turnover.value == pytest.approx(target, abs=0.02)
    with pytest.raises(ValueError, match=r"match a turnover of 90 %, that of the study: less is replaced in 175 steps"):
        observed.matched_looks(log, 0.9)
    with pytest.raises(ValueError, match="the steps of the log are too long"):
        observed.matched_looks(log, 0.001)


def test_a_study_in_numbers():
    seen = a_study(np.random.default_rng(1))
    own = observed.study_of("mine", seen)
    assert own.connections == seen.seen.any(axis=1).sum()
    assert (own.name, own.groups, own.looks, own.interval) == ("mine", 5, 6, 3.0)
    assert own.loss is not None
    assert_allclose(own.seen.value, observed.survival_of_seen(seen).value)
    with pytest.raises(ValueError, match="observations must have three looks or more"):
        observed.study_of("mine", seen.at_looks([0, 1]))
