"""Parameters of rules: what changes with time, and the turnover that chance alone gives."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from synaptic_sampling import Adam, Connections, DeepR, PotentialConnections, SoftDeepR, SynapticSampling, step
from synaptic_sampling._checks import schedules
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.rules import SET


def test_strings_of_t_are_schedules_and_others_are_refused():
    rule = DeepR("1e-3*exp(-t/(10*second))", 0.1, temperature="1e-6*int(t < 5*second)")
    assert schedules(rule) == ("learning_rate", "temperature")
    assert schedules(DeepR(0.1, 0.1, 0.1)) == ()
    for wrong in ("0.1", "fast", "tau", ""):
        with pytest.raises(TypeError, match="l1 must be a real number"):
            DeepR(0.1, wrong, 0.1)
    with pytest.raises(TypeError, match="interval must be a real number"):
        SynapticSampling(1.0, 1.0, 0.0, 1.0, "t")


def test_the_core_refuses_what_changes_with_time():
    c = Connections.random(4, 5, 6, seed=1)
    with pytest.raises(TypeError, match="learning_rate must be a plain number, got '1e-3"):
        step(c, np.zeros(6), DeepR("1e-3*t/second", 0.1, 0.1))
    assert c.steps_done == 0


def test_what_needs_a_value_says_which_one_changes_with_time():
    growing = "1e-3*t/second"
    for ask in (
        lambda: DeepR(growing, 0.1, 0.1).step_ratio,
        lambda: DeepR(growing, 0.1, 0.1).expected_turnover(),
        lambda: SoftDeepR(growing, 0.1, 0.1, 0.1).expected_turnover(),
        lambda: SynapticSampling(growing, 0.1, 0.0, 1.0, 0.1).expected_turnover(),
        lambda: SoftConnections(3, 3, [0], [1], rule=SoftDeepR(growing, 0.1, 0.1, 0.1)),
    ):
        with pytest.raises(TypeError, match="learning_rate must be a constant number here, got '1e-3"):
            ask()


def test_any_real_number_is_one():
    """Fractions and float32 are as good as floats, to the last bit."""
    half, one = Fraction(1, 2), Fraction(1)
    rule = SynapticSampling(half, half, Fraction(0), one, one, scheme="euler")
    c = PotentialConnections(3, 3)
    step(c, np.zeros(9), rule)
    assert c.steps_done == 1
    assert rule.transition == SynapticSampling(0.5, 0.5, 0.0, 1.0, 1.0, scheme="euler").transition
    tenth = np.float32(0.1)
    assert DeepR(tenth, tenth, tenth).noise_scale == DeepR(float(tenth), 0.1, float(tenth)).noise_scale


def turnover(connections, rule, steps, burn_in):
    """Return deaths per step and connected one, without a gradient."""
    deaths = alive = 0
    for n in range(steps + burn_in):
        before = connections.num_active
        info = step(connections, np.zeros(len(connections)), rule)
        if n >= burn_in:
            deaths, alive = deaths + info.num_deaths, alive + before
    return deaths / alive, math.sqrt(deaths) / alive


@pytest.mark.parametrize("scheme", ["exact", "euler"])
@pytest.mark.parametrize("mean", [0.0, 0.9, -0.7])
def test_turnover_of_synaptic_sampling(scheme, mean):
    """300 x 300 thetas from the stationary law, 20 steps: 6 standard errors, widened for their correlation (1e-6)."""
    rule = SynapticSampling(1.0, 0.5, mean, 1.0, 0.2, scheme=scheme)
    c = PotentialConnections(300, 300, seed=5)
    keep, _, scale = rule.transition
    c.theta[:] = mean + scale / math.sqrt(1 - keep**2) * np.random.default_rng(1).standard_normal(len(c))
    found, error = turnover(c, rule, 20, 0)
    assert abs(found - rule.expected_turnover()) < 6 * 1.5 * error
    if mean == 0:
        assert rule.expected_turnover() == pytest.approx(0.5 - math.asin(keep) / math.pi)
    assert abs(found - rule.expected_turnover() * 1.1) > 6 * 1.5 * error, "10 % more must be noticed"


@pytest.mark.compiled
def test_turnover_of_deep_r_and_soft_deep_r():
    rule = DeepR(0.1, 0.5, 0.05, optimizer=Adam())
    found, error = turnover(Connections.random(200, 200, 8000, seed=2), rule, 100, 300)
    assert abs(found - rule.expected_turnover()) < 6 * 1.5 * error
    soft = SoftDeepR(0.1, 0.5, 0.05, 0.3)
    found, error = turnover(PotentialConnections(150, 150, seed=3), soft, 100, 400)
    assert abs(found - soft.expected_turnover()) < 6 * 1.5 * error


def test_turnover_where_chance_decides_nothing():
    with pytest.raises(ValueError, match="temperature must be > 0"):
        DeepR(0.1, 0.1, 0.0).expected_turnover()
    assert DeepR(0.1, 0.0, 0.1).expected_turnover() == 0.0
    assert SynapticSampling(1.0, 0.0, 0.0, 1.0, 0.1).expected_turnover() == 0.0


def test_a_fraction_that_is_a_whole_number_is_not_rounded_down():
    """0.29*100 is 28.999999999999996."""
    for percent in range(1, 100):
        assert step(Connections.random(20, 20, 100, seed=1), SET(percent / 100)).num_deaths == percent
    for fraction, number in ((0.2999, 29), (0.289999999, 28)):
        assert step(Connections.random(20, 20, 100, seed=1), SET(fraction)).num_deaths == number
