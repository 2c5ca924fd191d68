"""The laws of synaptic sampling without data: against closed forms and known values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from synaptic_sampling import SynapticSampling
from synaptic_sampling.laws import synaptic_sampling as diffusion

SPORE = SynapticSampling(learning_rate=5e-5, temperature=0.1, mean=0.0, std=2.0, interval=1800.0)


def test_euler_has_its_own_variance():
    rule = SynapticSampling(learning_rate=0.01, temperature=1, mean=0, std=0.5, interval=1, scheme="euler")
    assert diffusion.stationary_std(rule) ** 2 == pytest.approx(0.255102, abs=5e-7)
    assert diffusion.stationary_std(replace(rule, scheme="exact")) ** 2 == pytest.approx(0.25)
    assert diffusion.correlation(rule, 3) == pytest.approx(0.96**3)
    assert diffusion.correlation(replace(rule, scheme="exact"), 3) == pytest.approx(math.exp(-0.12))


@pytest.mark.parametrize("scheme", ["exact", "euler"])
def test_stationary_law_stays_as_it_is(scheme):
    """Mean and variance are fixed points of one transition."""
    rule = SynapticSampling(0.3, 0.7, -0.4, 1.3, 0.9, scheme)
    keep, gain, scale = rule.transition
    mean, variance = diffusion.stationary_mean(rule, 0.6), diffusion.stationary_std(rule) ** 2
    assert rule.mean + keep * (mean - rule.mean) + gain * 0.6 == pytest.approx(mean, rel=1e-12)
    assert keep**2 * variance + scale**2 == pytest.approx(variance, rel=1e-12)
    assert diffusion.active_share(rule, 0.6) == pytest.approx(norm.cdf(mean / math.sqrt(variance)))


def test_schemes_agree_where_steps_are_short():
    short = replace(SPORE, interval=0.1)
    assert_allclose(short.transition, replace(short, scheme="euler").transition, rtol=1e-5)


def test_turnover_and_survival_at_the_parameters_of_spore():
    hours = np.array([1, 2, 4, 8, 16, 48, 96])  # Half hours.
    turnover = [diffusion.turnover_ratio(diffusion.correlation(SPORE, int(n))) for n in hours]
    assert_allclose(turnover, [0.067, 0.095, 0.133, 0.185, 0.254, 0.390, 0.463], atol=6e-4)
    rho = diffusion.correlation(SPORE)
    known = [0.933, 0.885, 0.814, 0.711, 0.569, 0.276, 0.102]
    assert_allclose(diffusion.survival_of_all(rho, 96)[hours], known, atol=6e-4)
    known = [0.705, 0.572, 0.437, 0.315, 0.212, 0.086, 0.031]
    assert_allclose(diffusion.survival_of_newborns(rho, 96)[hours], known, atol=6e-4)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9, 0.999])
def test_first_interval_has_closed_forms(rho):
    of_all = 1 - diffusion.turnover_ratio(rho)
    assert diffusion.survival_of_all(rho, 1)[1] == pytest.approx(of_all, rel=1e-9)
    of_new = (1 / 8 - math.asin(rho**2) / (4 * math.pi)) / (1 / 4 - math.asin(rho) / (2 * math.pi))
    assert diffusion.survival_of_newborns(rho, 1)[1] == pytest.approx(of_new, rel=1e-9)


def test_without_memory_survival_is_a_coin():
    assert_allclose(diffusion.survival_of_all(0.0, 3, mean=1.0), norm.cdf(1.0) ** np.arange(4), rtol=1e-9)


@pytest.mark.parametrize("bad", [-1.1, 1.1, float("nan"), "0.5", None])
def test_bad_correlation_is_refused(bad):
    for law in (
        diffusion.turnover_ratio,
        lambda rho: diffusion.survival_of_all(rho, 3),
        lambda rho: diffusion.survival_of_newborns(rho, 3),
    ):
        with pytest.raises((TypeError, ValueError), match="rho"):
            law(bad)
