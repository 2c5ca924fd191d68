"""Heavy tails: which lives may be fitted, and that the fit finds the exponent and the law they were drawn from."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.lifetimes import fit_lifetimes, lifetimes_within
from tests.log.test_moves import random_history

pytest.importorskip("powerlaw")


def power_law(rng, exponent, longest, number):
    lengths = np.arange(1, longest + 1)
    weights = lengths ** (-float(exponent))
    return rng.choice(lengths, number, p=weights / weights.sum())


def test_lives_are_those_that_could_be_seen_to_the_end():
    for seed in range(3):
        log = random_history(seed, False)[0]
        for longest, begin in ((None, 0), (10, 0), (10, 20), (59, 0)):
            limit = 29 if longest is None else longest
            expected = [
                int(life["end"] - life["birth"])
                for life in log.lives()
                if not life["initial"]
                and begin < life["birth"] <= 59 - limit
                and life["dead"]
                and life["end"] - life["birth"] <= limit
            ]
            assert sorted(lifetimes_within(log, longest, from_step=begin).tolist()) == sorted(expected)
    for wrong in (0, 60):
        with pytest.raises(ValueError, match="longest must be between 1 and 59"):
            lifetimes_within(log, wrong)


@pytest.mark.statistical
def test_the_exponent_is_found_with_its_error():
    """Mean of 30 fits within 6 standard errors (2e-6 of all seeds); ended lives of a whole record alone are not."""
    rng = np.random.default_rng(10)
    fits = [fit_lifetimes(power_law(rng, 1.5, 300, 3000), longest=300, alternatives=()) for _ in range(30)]
    found = np.array([fit.exponent for fit in fits])
    assert abs(found.mean() - 1.5) < 6 * found.std(ddof=1) / math.sqrt(30)
    assert fits[0].number == 3000
    # The spread of 30 is known to 13 %: 4.9 times that.
    assert found.std(ddof=1) == pytest.approx(fits[0].error, rel=0.64)
    assert fits[0].error == pytest.approx(fits[1].error, rel=0.1)
    # Lives that begin at any time in a record of 300 steps and end in it: long ones are missing.
    biased = []
    for _ in range(30):
        lives = power_law(rng, 1.5, 300, 3000)
        lives = lives[lives <= rng.uniform(0, 300, len(lives))]
        biased.append(fit_lifetimes(lives, longest=300, alternatives=()).exponent)
    assert (np.mean(biased) - 1.5) / (np.std(biased, ddof=1) / math.sqrt(30)) > 20


def test_laws_are_told_apart():
    rng = np.random.default_rng(11)
    alternatives = ("exponential", "lognormal")
    heavy = fit_lifetimes(power_law(rng, 1.5, 300, 3000), longest=300, alternatives=alternatives)
    assert [each.name for each in heavy.alternatives] == list(alternatives)
    assert heavy.alternatives[0].ratio > 5
    assert heavy.alternatives[0].p_value < 1e-6
    light = fit_lifetimes(rng.geometric(0.1, 3000), alternatives=("exponential",))
    assert light.alternatives[0].ratio < -5


@pytest.mark.statistical
def test_chance_alone_has_a_power_law():
    """Without l1 the lives of a random walk fall as n**-1.5 from 5 steps on or so; no learning is needed."""
    c = Connections.random(400, 400, 4000, seed=3)
    log = RewiringLog()
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for _ in range(200):
        log.record(step(c, np.zeros(4000), DeepR(learning_rate=0.1, l1=0.0, temperature=0.2)))
    fit = fit_lifetimes(lifetimes_within(log), shortest=5, longest=100, alternatives=("exponential",))
    assert fit.exponent == pytest.approx(1.5, abs=0.06)
    assert fit.alternatives[0].ratio > 5


def test_many_lives_are_thinned():
    lives = power_law(np.random.default_rng(12), 1.5, 300, 5000)
    assert fit_lifetimes(lives, alternatives=(), most=1000).number == 1000
    assert fit_lifetimes(lives, shortest=3, alternatives=()).number == np.count_nonzero(lives >= 3)


@pytest.mark.parametrize(
    ("lives", "options", "message"),
    [
        ([1, 2, 3], {}, "values between 1 and 3 steps; got 3"),
        ([2] * 20, {}, "got 20, or all equal"),
        ([0] * 20, {}, "integers >= 1"),
        ([1.5] * 20, {}, "integers >= 1"),
        ([1, 2] * 20, {"alternatives": ("normal",)}, r"got \('normal',\)"),
        ([1, 2] * 20, {"shortest": 3}, "shortest must be between 1 and 2"),
    ],
)
def test_lives_that_cannot_be_fitted_are_refused(lives, options, message):
    with pytest.raises(ValueError, match=message):
        fit_lifetimes(lives, **options)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "powerlaw", None)
    with pytest.raises(ImportError, match=r"pip install 'synaptic-sampling\[analysis\]'"):
        fit_lifetimes([1, 2] * 20)
