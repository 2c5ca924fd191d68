"""Soft DEEP R against its exact law, and wrong versions of it, which the same test must reject."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synaptic_sampling import PotentialConnections, SoftDeepR, step
from synaptic_sampling.laws.soft_deepr import soft_law

RULE = SoftDeepR(learning_rate=0.1, l1=0.5, temperature=0.2, connectivity=0.3)
NUMBER, STEPS = 60_000, 60


def at_the_law(law):
    """Potential connections drawn from the law: the atom at the floor, the rest at the nodes of its density."""
    rng = np.random.default_rng(8)
    c = PotentialConnections(200, 300, seed=8, signs=1)
    mass = np.concatenate([law.density * law.weight, [law.floor_share]]).clip(0)
    c.theta[:] = rng.choice(np.concatenate([law.theta, [RULE.theta_min]]), NUMBER, p=mass / mass.sum())
    return c


def shares(move):
    """Return active fraction, fraction at the floor and eliminations per slot after many steps."""
    c = at_the_law(soft_law(RULE))
    for _ in range(STEPS):
        deaths = move(c)
    return np.array([c.num_active, np.count_nonzero(c.theta == c.theta.min()), deaths]) / NUMBER


def right(c):
    return step(c, np.zeros(NUMBER), RULE).num_deaths


def with_rule(**changes):
    numbers = {"learning_rate": 0.1, "l1": 0.5, "temperature": 0.2, "connectivity": 0.3, **changes}
    return lambda c: step(c, np.zeros(NUMBER), SoftDeepR(**numbers)).num_deaths


def l1_on_all(c):
    c.theta[~c.connected] -= RULE.learning_rate * RULE.l1
    return right(c)


def no_clip(c):
    """A floor so deep that no connection reaches it."""
    return with_rule(connectivity=1e-3)(c)


def noise_too_strong(c):
    """Twice the temperature, l1 and floor as they were."""
    p = 0.2 * 2 / (0.2 * 2 + 0.5 * -RULE.theta_min)
    return with_rule(temperature=0.4, connectivity=p)(c)


def eta_outside_the_root(c):
    t = RULE.temperature * RULE.learning_rate
    return with_rule(temperature=t, connectivity=t / (t - 0.5 * RULE.theta_min))(c)


def no_l1(c):
    c.theta[c.connected] += RULE.learning_rate * RULE.l1
    return right(c)


def deviations(move):
    law = soft_law(RULE)
    expected = np.array([law.active_share, law.floor_share, law.turnover])
    # Slots are independent of each other: each count is binomial.
    return (shares(move) - expected) / np.sqrt(expected * (1 - expected) / NUMBER)


#: Three counts within 5.1 standard deviations: a false alarm once in 1e6.
BOUND = 5.1


@pytest.mark.statistical
def test_the_sampler_follows_its_law():
    """False-alarm rate 1e-6; errors of 3 % in a fraction are detected."""
    assert np.abs(deviations(right)).max() < BOUND


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize("wrong", [l1_on_all, no_clip, noise_too_strong, eta_outside_the_root, no_l1])
def test_wrong_samplers_are_rejected(wrong):
    assert np.abs(deviations(wrong)).max() > 2 * BOUND


@pytest.mark.statistical
@pytest.mark.compiled
def test_gradient_on_retracted_ones_would_show():
    """A constant dE/dtheta acts as more l1 on the connected alone: the law with l1 + gradient, same floor."""
    gradient = 0.3
    theta_min, stronger = RULE.theta_min, RULE.l1 + gradient
    p = 0.2 / (0.2 - stronger * theta_min)
    law = soft_law(SoftDeepR(0.1, stronger, 0.2, p))

    def deviation(on_retracted):
        c = at_the_law(law)
        for _ in range(STEPS):
            if on_retracted:
                c.theta[~c.connected] -= RULE.learning_rate * gradient
            step(c, np.full(NUMBER, gradient), RULE)
        share = law.active_share
        return abs(c.num_active / NUMBER - share) / math.sqrt(share * (1 - share) / NUMBER)

    assert deviation(False) < 4.9  # Exceeded once in 1e6.
    assert deviation(True) > 2 * BOUND


def test_theta_min_is_that_of_the_paper():
    assert SoftDeepR(0.05, 1e-5, 2.5e-12, 0.2).theta_min == pytest.approx(-1e-6)
    assert RULE.theta_min == pytest.approx(-0.2 * 0.7 / (0.5 * 0.3))


@pytest.mark.parametrize("name", ["learning_rate", "l1", "temperature", "connectivity"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), None, "1", True, [1.0]])
def test_bad_parameters(name, value):
    good = {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "connectivity": 0.1}
    with pytest.raises((TypeError, ValueError), match=name):
        SoftDeepR(**{**good, name: value})


def test_all_connected_is_refused():
    with pytest.raises(ValueError, match="connectivity must be < 1"):
        SoftDeepR(0.1, 0.1, 0.1, 1.0)
    with pytest.raises(TypeError, match="optimizer must be SGD"):
        SoftDeepR(0.1, 0.1, 0.1, 0.5, "adam")
