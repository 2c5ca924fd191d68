"""The exact laws against published values, closed forms, and the sampler itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import factorial, gammaln, zeta

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.laws import deepr as exact

GOLDEN = {
    0.05: (14.5601, 0.068681, 9.42980, 9.98790, {1: 0.480061, 2: 0.351136, 3: 0.286853, 10: 0.147361, 50: 0.050638}),
    0.1: (7.4952, 0.133419, 4.44199, 4.97656, {1: 0.460172, 2: 0.327763, 3: 0.262094, 10: 0.121378, 200: 0.003757}),
    0.2: (3.9720, 0.251762, 1.96574, 2.45592, {1: 0.420740, 2: 0.282836, 3: 0.215679, 10: 0.078457, 50: 0.007908}),
    0.5: (1.8892, 0.529325, 0.53206, 0.90716, {1: 0.308538, 2: 0.167473, 3: 0.106294, 10: 0.013806, 200: 0.0}),
}
SURVIVAL_OF_ALL = {
    0.05: (0.93132, 0.77423, 0.55001, 0.28011),
    0.1: (0.86658, 0.59123, 0.28089, 0.05692),
    0.2: (0.74824, 0.33011, 0.05732, 0.00077),
}


@pytest.mark.parametrize("r", GOLDEN)
def test_golden_values(r):
    lifetime, rate, mean, std, newborns = GOLDEN[r]
    assert exact.mean_lifetime(r) == pytest.approx(lifetime, abs=6e-5)
    assert exact.turnover_rate(r) == pytest.approx(rate, abs=6e-7)
    assert exact.mean_theta(r) == pytest.approx(mean, abs=6e-6)
    assert exact.std_theta(r) == pytest.approx(std, abs=6e-6)
    q = exact.survival_of_newborns(r, 200)
    for n, value in newborns.items():
        assert q[n] == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize("r", SURVIVAL_OF_ALL)
def test_golden_survival_of_all(r):
    assert_allclose(exact.survival_of_all(r, 200)[[1, 10, 50, 200]], SURVIVAL_OF_ALL[r], atol=6e-6)


def test_without_l1_it_is_the_law_of_every_symmetric_noise():
    n = np.arange(300)
    expected = np.exp(gammaln(2 * n + 1) - 2 * gammaln(n + 1) - n * math.log(4))
    assert_allclose(exact.survival_of_newborns(0.0, 299), expected, rtol=1e-10)
    assert exact.mean_lifetime(0.0) == math.inf
    assert exact.turnover_rate(0.0) == 0.0
    assert_allclose(exact.survival_of_all(0.0, 5), 1.0)


@pytest.mark.parametrize("r", [1e-5, 1e-4, 0.001, 0.01, 0.1])
def test_small_steps_tend_to_the_known_limits(r):
    assert exact.turnover_rate(r) == pytest.approx(math.sqrt(2) * r * math.exp(-0.5826 * r), rel=3e-5)
    assert exact.mean_theta(r) == pytest.approx(1 / (2 * r) - 0.5826 + r / 4, rel=1e-4)


@pytest.mark.parametrize("r", [1e-6, 0.003, 0.02, 0.1, 0.5, 1.0])
def test_turnover_equals_the_series_in_the_zeta_function(r):
    """The maximum of a Gaussian walk is 0 with sqrt(2) r exp(...): Chang and Peres (1997), another way altogether."""
    k = np.arange(40)
    series = np.sum(zeta(0.5 - k) * (-r * r / 2) ** k / (factorial(k) * (2 * k + 1)))
    expected = math.sqrt(2) * r * math.exp(r / math.sqrt(2 * math.pi) * series)
    assert exact.turnover_rate(r) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("r", [5.0, 20.0, 30.0, 1e3, 1e200])
def test_large_steps_leave_hardly_any_above_0(r):
    """Only the first increment counts: E = phi(r)/r^2, Var = 2 phi(r)/r^3, up to a share of order 1/r^2."""
    r, given = min(r, 50.0), r
    phi = math.exp(-0.5 * r * r) / math.sqrt(2 * math.pi)
    assert exact.mean_lifetime(given) == pytest.approx(1.0, abs=1e-6)
    assert exact.mean_theta(given) == pytest.approx(phi / r**2, rel=3 / r**2, abs=1e-300)
    assert exact.std_theta(given) ** 2 == pytest.approx(2 * phi / r / r / r, rel=6 / r**2 + 1e-9, abs=1e-300)


@pytest.mark.parametrize("r", [0.01, 0.5, 3.0, 50.0])
def test_survival_only_falls_and_stays_above_0(r):
    for law in (exact.survival_of_newborns, exact.survival_of_all):
        values = law(r, 1500)
        assert values[0] == 1.0
        assert (np.diff(values) <= 0).all()
        assert (values >= 0).all()


def test_lifetimes_add_up():
    assert exact.survival_of_newborns(0.3, 2000).sum() == pytest.approx(exact.mean_lifetime(0.3), rel=1e-12)


def test_without_noise_all_die_at_once():
    assert exact.mean_lifetime(math.inf) == 1.0
    assert_allclose(exact.survival_of_newborns(math.inf, 3), [1, 0, 0, 0])


@pytest.mark.parametrize("bad", [-0.1, float("nan"), "0.1", None])
def test_bad_ratio_is_refused(bad):
    for law in (exact.mean_lifetime, exact.turnover_rate, exact.mean_theta, exact.std_theta, exact.null_law):
        with pytest.raises((TypeError, ValueError), match="step_ratio"):
            law(bad)


def test_the_sampler_follows_it():
    """Mean, spread and turnover of the sampler, each within 5.5 standard errors.

    The standard errors come from 16 independent sets: with 15 degrees of freedom, 6e-5 of all seeds would fail.
    The seeds are fixed. Caught for sure: errors of 3 % in the mean, 5 % in the spread, 2 % in the turnover.
    """
    rule = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
    r = rule.step_ratio
    means, stds, rates = [], [], []
    for seed in range(16):
        c = Connections.random(60, 60, 400, seed=seed)
        zero = np.zeros(400)
        for _ in range(300):
            step(c, zero, rule)
        deaths = [step(c, zero, rule).num_deaths for _ in range(300)]
        means.append(c.theta.mean() / rule.noise_scale)
        stds.append((c.theta**2).mean() / rule.noise_scale**2)
        rates.append(np.mean(deaths) / 400)
    expected = exact.mean_theta(r), exact.std_theta(r) ** 2 + exact.mean_theta(r) ** 2, exact.turnover_rate(r)
    for values, value in zip((means, stds, rates), expected, strict=True):
        assert abs(np.mean(values) - value) < 5.5 * np.std(values, ddof=1) / 4
