"""Laws fitted to presence data: the likelihood against enumeration, simulated studies, a published study."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling import Observations
from synaptic_sampling.laws.presence import LAWS, Parameter, PresenceLaw
from synaptic_sampling.statistics import observed
from synaptic_sampling.statistics.observed.runs import log_probability, runs_of
from tests.laws.test_presence import VALUES
from tests.statistics.observed_data import DAYS, needs_data, study

#: As fast as one exact law each, so the tests may fit them often.
QUICK = ("constant", "two states", "driftless walk", "walk")
SIZES = np.full(14, 42)


def simulated(name, seed, sizes=SIZES):
    return observed.simulate(LAWS[name], VALUES[name], DAYS, sizes, unit=4.0, seed=seed)


def naive(law, values, seen):
    """Return the log likelihood connection by connection, with the law called for every run."""

    def together(times):
        return law.survival_of_seen(values, np.array(times) - times[0])[-1]

    total = 0.0
    unit = np.diff(seen.times).min()
    for row, imaged in zip(seen.presence, seen.imaged, strict=True):
        times, there = (seen.times[imaged] / unit).tolist(), row[imaged] == 1
        for i, j in itertools.combinations_with_replacement(range(len(times)), 2):
            run = there[i : j + 1].all() and (i == 0 or not there[i - 1]) and (j + 1 == len(times) or not there[j + 1])
            if not run:
                continue
            p = together(times[i : j + 1])
            p -= together(times[i - 1 : j + 1]) if i else 0
            if j + 1 < len(times):
                p -= together(times[i : j + 2]) - (together(times[i - 1 : j + 2]) if i else 0)
            total += np.log(p / (1 - together(times[i - 1 : i + 1])) if i else p)
    return total


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("times", [[0, 4, 8, 12, 16], [0, 4, 6, 7, 16]], ids=["even", "uneven"])
def test_the_likelihood_equals_the_reference(name, times):
    rng = np.random.default_rng(2)
    presence = (rng.random((30, 5)) < 0.7).astype(float)
    presence[rng.random((30, 5)) < 0.15] = np.nan
    seen = Observations(presence, times, group=np.arange(30) % 4)
    runs = runs_of(seen)
    values = np.array(VALUES[name], float)
    found = runs.counts.sum(axis=0) @ log_probability(LAWS[name], values, runs)
    assert found == pytest.approx(naive(LAWS[name], values, seen), abs=1e-6)
    assert runs.counts.shape[0] == 4


@pytest.mark.parametrize("name", LAWS)
def test_probabilities_add_up_to_one(name):
    """Over all possible ends of a run, given its first sight at any look."""
    rows = [[0] * i + [1] * (j - i) + [0] * (5 - j) for i in range(5) for j in range(i + 1, 6)]
    runs = runs_of(Observations(np.array(rows), np.array([0, 1, 2.5, 4, 5]), group=[row.index(1) for row in rows]))
    p = np.exp(log_probability(LAWS[name], np.array(VALUES[name], float), runs))
    assert_allclose((runs.counts * p).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.statistical
@pytest.mark.parametrize("name", LAWS)
def test_simulated_studies_follow_the_law(name):
    """|z| < 4.9 for the survival of seen and newly seen connections at each look: 3e-5 in all."""
    seen = simulated(name, 7, np.full(50, 400))
    law = LAWS[name].survival_of_seen(VALUES[name], np.arange(8.0))
    fresh = (law[:-1] - law[1:]) / (1 - law[1])
    for found, p in (
        (observed.survival_of_seen(seen, start=0, resamples=20), law),
        (observed.survival_of_newly_seen(seen, start=1, resamples=20), fresh),
    ):
        z = (found.value - p)[1:] / np.sqrt(p * (1 - p) / found.number)[1:]
        assert np.abs(z).max() < 4.9
    born = (seen.presence[:, 0] == 0) & (seen.presence[:, 1] == 1)
    mean = 20_000 * (1 - law[1])
    assert abs(born.sum() - mean) < 4.9 * np.sqrt(mean)


@pytest.mark.parametrize("name", LAWS)
def test_the_parameters_are_found(name):
    seen = simulated(name, 3, np.full(40, 500))
    started = time.perf_counter()
    found = observed.fit(seen, LAWS[name])
    assert time.perf_counter() - started < 5
    runs = runs_of(seen)
    truth = runs.counts.sum(axis=0) @ log_probability(LAWS[name], np.array(VALUES[name], float), runs)
    assert found.log_likelihood > truth - 1e-3
    assert found.log_likelihood < truth + 12, "2 log ratios of up to 3 parameters: a false-alarm rate below 1e-4"
    assert (found.low <= found.values).all()
    assert (found.values <= found.high).all()
    assert found.aic == 2 * len(found.values) - 2 * found.log_likelihood
    times = np.arange(0, 29, 4.0)
    expected = LAWS[name].survival_of_seen(VALUES[name], times / 4)
    assert_allclose(found.survival_of_seen(times), expected, atol=0.02)


def test_profile_intervals_are_where_the_likelihood_drops():
    seen = simulated("constant", 1)
    found = observed.fit(seen, LAWS["constant"])
    runs = runs_of(seen)
    counts = runs.counts.sum(axis=0)
    for limit in (found.low, found.high):
        drop = found.log_likelihood - counts @ log_probability(LAWS["constant"], limit, runs)
        assert drop == pytest.approx(1.92, abs=0.05)


@pytest.mark.parametrize("seed", [20, 25, 30])
def test_the_limits_of_few_observations_are_found(seed):
    """The profile likelihood is so flat that searches from different starts disagreed on its sign."""
    presence = (np.random.default_rng(seed).random((8, 5)) < 0.7).astype(float)
    found = observed.fit(Observations(presence, range(5)), LAWS["two states"])
    assert (found.low <= found.values).all()
    assert (found.values <= found.high).all()


def test_a_ridge_is_reported():
    found = observed.fit(simulated("synaptic sampling", 1), LAWS["synaptic sampling"])
    assert any("mean is not determined" in said and "ridge" in said for said in found.warnings)
    assert observed.fit(simulated("constant", 1), LAWS["constant"]).warnings == ()


@pytest.mark.parametrize("name", QUICK)
def test_the_right_law_predicts_groups_that_were_left_out(name):
    seen = simulated(name, 5, np.full(14, 200))
    found = observed.compare_laws(seen, {own: LAWS[own] for own in QUICK})
    best = min(found, key=lambda own: found[own][0].aic)
    assert found[best][0].log_likelihood - found[name][0].log_likelihood < 5
    assert found["constant"][1] == (0.0, 0.0)
    if name == "constant":
        assert found["driftless walk"][1].bits < -0.05
    else:
        assert found[name][1].bits > 2 * found[name][1].error


def test_a_law_of_your_own():
    law = PresenceLaw("mine", (Parameter("rate", 1e-3, 2.0),), lambda values, times: np.exp(-values[0] * times))
    seen = simulated("constant", 2)
    mine, theirs = observed.fit(seen, law), observed.fit(seen, LAWS["constant"])
    assert mine.values == pytest.approx(theirs.values, rel=1e-3)
    assert mine.parameters["rate"][0] == mine.values[0]


def test_bootstrap_intervals_widen_where_groups_differ():
    """Rates that differ between dendrites: the profile is too narrow."""
    rates = 0.07 * np.exp(np.random.default_rng(1).standard_normal(14))
    parts = [
        observed.simulate(LAWS["constant"], [rate], DAYS, [42], unit=4.0, seed=n).presence
        for n, rate in enumerate(rates)
    ]
    seen = Observations(np.concatenate(parts), DAYS, group=np.repeat(np.arange(14), [len(own) for own in parts]))
    found = observed.fit(seen, LAWS["constant"])
    ((low, high),) = observed.bootstrap_intervals(seen, found, resamples=200)
    assert low < found.values[0] < high
    assert high - low > 1.5 * (found.high - found.low)[0]
    assert observed.bootstrap_intervals(seen, found, resamples=200)[0, 0] == low, "same seed, same interval"


def test_goodness_of_fit_tells_right_from_wrong():
    seen = simulated("two states", 4)
    right = observed.goodness_of_fit(seen, observed.fit(seen, LAWS["two states"]), resamples=40)
    wrong = observed.goodness_of_fit(seen, observed.fit(seen, LAWS["constant"]), resamples=40)
    assert right.p_value > 0.05
    assert wrong.p_value == pytest.approx(1 / 41)
    assert wrong.statistic > 3 * wrong.expected


def test_coarser_looks():
    """A study of half the looks, of connections that keep their identity, has the predicted survival."""
    seen = simulated("walk", 8, np.full(50, 400))
    law = observed.fit(seen, LAWS["walk"])
    predicted = law.at_coarser_looks(2, 3)
    old, new = observed.survival_of_seen(seen, every=2), observed.survival_of_newly_seen(seen, every=2)
    assert predicted.times.tolist() == [0, 8, 16, 24]
    assert new.number[0] == sum((~seen.seen[:, n - 2] & seen.seen[:, n]).sum() for n in range(2, 8))
    assert (np.abs(old.value - predicted.seen) <= 4.9 * old.error + 1e-12).all()
    assert (np.abs(new.value - predicted.newly_seen) <= 4.9 * new.error + 1e-12).all()
    alone = law.survival_of_newly_seen(predicted.times)
    assert abs(new.value[1] - alone[1]) > 4.9 * new.error[1], "a study that knows them by place sees something else"


@needs_data
@pytest.mark.parametrize(
    ("cell", "gains", "least"),
    [
        ("pyr", {"two states": 89.8, "synaptic sampling": 91.3, "killed walk": 91.4, "walk": 91.3}, 0.15),
        ("pv", {"two states": 38.8, "synaptic sampling": 38.8, "killed walk": 38.8, "walk": 37.9}, 0.07),
    ],
)
def test_the_published_study(cell, gains, least):
    """Log-likelihood over one constant rate, bits on left-out dendrites, and what is expected at 8 and 12 days."""
    seen = study(cell)
    base = observed.fit(seen, LAWS["constant"]).log_likelihood
    for name, gain in gains.items():
        found = observed.fit(seen, LAWS[name])
        assert found.log_likelihood - base == pytest.approx(gain, abs=0.06)
        assert observed.held_out(seen, found).bits > least
    hard = observed.fit(seen, LAWS["DEEP R"]).log_likelihood - base
    assert hard < gains["two states"] - 10, "DEEP R born at 0 is rejected"
    law = observed.fit(seen, LAWS["killed walk"])
    for factor in (2, 3):
        predicted = law.at_coarser_looks(factor, 2).newly_seen[1]
        measured = observed.survival_of_newly_seen(seen, every=factor)
        assert abs(measured.value[1] - predicted) < measured.error[1] * (1 if cell == "pyr" else 2)


@needs_data
@pytest.mark.slow
def test_negative_controls():
    """Shuffled sessions, shuffled dendrites and a wrong unit of lags are all seen to fail."""
    rng = np.random.default_rng(4)
    seen = study("pyr")
    law = observed.fit(seen, LAWS["killed walk"])
    assert observed.goodness_of_fit(seen, law, resamples=40).p_value > 0.05
    shuffled = Observations(seen.presence[:, rng.permutation(8)].astype(float), DAYS)
    lost = observed.fit(shuffled, LAWS["killed walk"])
    assert observed.goodness_of_fit(shuffled, lost, resamples=40).p_value < 0.05

    both = sum(observed.group_differences(study(cell)).statistic for cell in ("pyr", "pv"))
    mixed = [
        sum(
            observed.group_differences(
                Observations(np.where(own.imaged, own.seen, np.nan), DAYS, group=rng.permutation(own.group))
            ).statistic
            for own in (study("pyr"), study("pv"))
        )
        for _ in range(100)
    ]
    assert np.mean(np.array(mixed) >= both) < 0.05
    assert np.mean(mixed) == pytest.approx(33, abs=5)

    coarse = seen.at_looks([0, 2, 4, 6])
    right, wrong = (
        runs.counts.sum(axis=0) @ log_probability(LAWS["constant"], np.array([law_rate]), runs)
        for runs, law_rate in ((runs_of(coarse, 4.0), 0.07), (runs_of(coarse, 8.0), 0.07))
    )
    assert right > wrong + 20


def test_wrong_arguments_are_refused():
    seen = simulated("constant", 1)
    found = observed.fit(seen, LAWS["constant"])
    for call, message in (
        (lambda: observed.fit(seen, "constant"), "law must be a PresenceLaw"),
        (lambda: observed.fit([[1, 0]], LAWS["constant"]), "observations must be an Observations"),
        (lambda: observed.fit(Observations([[0, 0]], [0, 1]), LAWS["constant"]), "no connection that was seen"),
        (lambda: observed.compare_laws(seen, {"a": 3}), "laws must be a mapping of names to laws"),
        (lambda: observed.held_out(seen, 3), "fitted must be a Fit"),
        (lambda: observed.held_out(Observations([[1, 0]], [0, 1]), found), "two groups or more to leave one out"),
        (lambda: observed.bootstrap_intervals(seen, found, resamples=1), "resamples must be between 20"),
        (lambda: observed.simulate(LAWS["constant"], [0.1], [0, 1], [-1]), "sizes must be a vector of integers"),
        (lambda: observed.simulate(LAWS["constant"], [0.1, 1], [0, 1], [1]), "values must be 1 numbers"),
        (lambda: observed.simulate(LAWS["constant"], [0.1], [0, 0], [1]), "times must be two or more ascending"),
        (lambda: found.at_coarser_looks(0, 2), "factor must be between 1"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            call()
