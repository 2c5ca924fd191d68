"""Synaptic sampling against its exact laws, and wrong versions of it, which the same tests must reject."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling import PotentialConnections, SynapticSampling, step
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.laws.quadrature import quadrature

EXACT = SynapticSampling(learning_rate=0.25, temperature=0.4, mean=0.0, std=0.8, interval=1.0)
EULER = replace(EXACT, scheme="euler")
NUMBER, STEPS, LAG = 90_000, 40, 3
#: Four figures within 5.2 standard errors: a false alarm once in 1e6.
BOUND = 5.2


def run(move, rule, seed=1):
    """Return theta of independent slots after the stationary law was reached, and LAG steps later, and the deaths."""
    c = PotentialConnections(300, 300, seed=seed)
    c.theta[:] = rule.mean
    for _ in range(STEPS):
        move(c)
    first = c.theta.copy()
    for _ in range(LAG):
        info = move(c)
    return first, c.theta, info


def deviations(move, rule, gradient=0.0):
    """Return mean, variance, correlation and births per step, in standard errors of the law of ``rule``."""
    first, last, info = run(move, rule)
    mean, std = diffusion.stationary_mean(rule, gradient), diffusion.stationary_std(rule)
    rho = diffusion.correlation(rule, LAG)
    x, y = (first - mean) / std, (last - mean) / std
    # P(theta < 0, then >= 0); with mean 0 that is half of the turnover ratio.
    born = births_per_step(mean / std, diffusion.correlation(rule))
    return math.sqrt(NUMBER) * np.array(
        [
            y.mean(),
            (y @ y / NUMBER - 1) / math.sqrt(2),
            (x @ y / NUMBER - rho) / math.sqrt(1 + rho**2),
            (info.num_births / NUMBER - born) / math.sqrt(born * (1 - born)),
        ]
    )


def births_per_step(mean, rho):
    """Return the fraction of active connections that are retracted, which equals the fraction of new ones."""
    share = 0.5 * math.erfc(-mean / math.sqrt(2))
    return share * (1 - diffusion.survival_of_all(rho, 1, mean)[1])


def mover(rule, gradient=0.0):
    return lambda c: step(c, np.full(NUMBER, gradient), rule)


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize("scheme", ["exact", "euler"])
@pytest.mark.parametrize(("mean", "gradient"), [(0.0, 0.0), (-0.3, 0.0), (0.1, -0.7)])
def test_theta_follows_the_law(scheme, mean, gradient):
    """False-alarm rate 1e-6; errors of 2.5 % in the variance and of 0.02 standard deviations are caught."""
    rule = replace(EXACT, scheme=scheme, mean=mean)
    assert np.abs(deviations(mover(rule, gradient), rule, gradient)).max() < BOUND


def test_births_are_half_of_the_turnover_ratio():
    rho = diffusion.correlation(EXACT)
    assert births_per_step(0.0, rho) == pytest.approx(diffusion.turnover_ratio(rho) / 2, rel=1e-9)


@pytest.mark.statistical
@pytest.mark.compiled
def test_euler_does_not_follow_the_law_of_the_exact_scheme():
    """The variance is larger by the factor 1/(1 - h/2), h = 0.39: 50 standard errors."""
    assert deviations(mover(EULER), EXACT)[1] > 40
    assert np.abs(deviations(mover(EXACT), EULER)).max() > 4 * BOUND


@pytest.mark.statistical
@pytest.mark.compiled
def test_euler_with_short_steps_is_told_from_the_continuous_law():
    """b = 0.01, T = 1, sigma = 0.5: 0.255102 against 0.25, more than 8 standard errors apart.

    The pictures are 60 steps apart, which leaves a correlation of 0.0075 between their squares. The right law is
    5.2 standard errors away once in 5e6.
    """
    rule = SynapticSampling(learning_rate=0.01, temperature=1.0, mean=0.0, std=0.5, interval=1.0, scheme="euler")
    c = PotentialConnections(300, 300, seed=5)
    squares = []
    for n in range(1, 541):
        step(c, np.zeros(NUMBER), rule)
        if n % 60 == 0 and n > 120:
            squares.append(c.theta @ c.theta / NUMBER)

    def distance(variance):
        return (np.mean(squares) / variance - 1) / math.sqrt(2 * 1.015 / (NUMBER * len(squares)))

    assert abs(distance(diffusion.stationary_std(rule) ** 2)) < BOUND
    assert distance(diffusion.stationary_std(replace(rule, scheme="exact")) ** 2) > 8


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize(
    "wrong",
    [
        replace(EXACT, temperature=0.8),  # Noise times sqrt(2).
        replace(EXACT, temperature=0.4**2),  # T in place of its root.
        replace(EXACT, interval=2.0),
        replace(EXACT, std=0.4),
        replace(EXACT, mean=0.02),
        replace(EXACT, theta_range=(-0.8, 0.8)),
    ],
)
def test_wrong_rules_are_rejected(wrong):
    assert np.abs(deviations(mover(wrong), EXACT)).max() > BOUND


@pytest.mark.statistical
@pytest.mark.compiled
def test_wrong_gradients_are_rejected():
    """Descent in place of ascent, and a gradient that acts on connected ones only."""
    gradient = np.full(NUMBER, 0.3)
    assert np.abs(deviations(mover(EXACT, -0.3), EXACT, 0.3)).max() > BOUND
    assert np.abs(deviations(lambda c: step(c, gradient * c.connected, EXACT), EXACT, 0.3)).max() > BOUND


@pytest.mark.statistical
@pytest.mark.compiled
def test_survival_follows_the_law():
    """Cohorts of all and of new connections over eight steps, 16 fractions within 5.5 s.e.; false-alarm rate 1e-6."""
    rho = diffusion.correlation(EXACT)
    c = PotentialConnections(300, 300, seed=2)
    for _ in range(STEPS):
        info = step(c, np.zeros(NUMBER), EXACT)
    new, everyone = np.zeros(NUMBER, bool), c.connected
    new[info.born.slot] = True
    cohorts = [(new, diffusion.survival_of_newborns(rho, 8)), (everyone, diffusion.survival_of_all(rho, 8))]
    sizes = [np.count_nonzero(alive) for alive, _ in cohorts]
    for n in range(1, 9):
        died = step(c, np.zeros(NUMBER), EXACT).died.slot
        for (alive, law), size in zip(cohorts, sizes, strict=True):
            alive[died] = False
            se = math.sqrt(law[n] * (1 - law[n]) / size)
            assert abs(np.count_nonzero(alive) / size - law[n]) < 5.5 * se


def test_exact_steps_compose():
    """Two steps are one of twice the interval: mean and variance, at a constant gradient."""
    one, two = EXACT.transition, replace(EXACT, interval=2.0).transition
    assert one.keep**2 == pytest.approx(two.keep)
    assert one.gain * (1 + one.keep) == pytest.approx(two.gain)
    assert one.scale**2 * (1 + one.keep**2) == pytest.approx(two.scale**2)


def test_theta_stays_in_its_range():
    c = PotentialConnections(30, 30, seed=1)
    rule = replace(EXACT, temperature=5.0, theta_range=(-0.5, 0.7))
    for _ in range(20):
        step(c, np.zeros(900), rule)
        assert (c.theta.min(), c.theta.max()) == (-0.5, 0.7)


def test_gradient_is_clipped():
    one, two = PotentialConnections(30, 30), PotentialConnections(30, 30)
    rule = replace(EXACT, max_gradient=40.0)
    step(one, np.linspace(-1e6, 1e6, 900), rule)
    step(two, np.linspace(-1e6, 1e6, 900).clip(-40, 40), EXACT)
    assert (one.theta == two.theta).all()


def test_weights():
    rule = replace(EXACT, w0=2.0, theta0=3.0)
    assert_allclose(rule.weight([-1e-9, 0.0, 3.0, -np.inf]), [0, 2 * math.exp(-3), 2, 0])
    assert rule.weight(np.float32([1.0, -2000.0])).dtype == np.float32
    theta, width = quadrature(8.0, 0.1)
    # Of a standard normal theta, the mean weight is that of a truncated log-normal.
    density = np.exp(-0.5 * theta**2) / math.sqrt(2 * math.pi)
    expected = 2 * math.exp(-3 + 0.5) * 0.5 * math.erfc(-1 / math.sqrt(2))
    assert (rule.weight(theta) * density) @ width == pytest.approx(expected, rel=1e-9)


GOOD = {"learning_rate": 0.1, "temperature": 0.1, "mean": 0.0, "std": 1.0, "interval": 1.0}


@pytest.mark.parametrize("name", [*GOOD, "theta0", "w0"])
@pytest.mark.parametrize("value", [None, "1", [1.0], True, 1j, float("nan"), float("inf")])
def test_bad_parameters(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        SynapticSampling(**{**GOOD, name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0}, "learning_rate must be > 0"),
        ({"std": 0}, "std must be > 0"),
        ({"interval": -1}, "interval must be > 0"),
        ({"temperature": -1}, "temperature must be >= 0"),
        ({"w0": 0}, "w0 must be > 0"),
        ({"scheme": "Euler"}, "scheme must be 'exact' or 'euler'"),
        ({"scheme": "euler", "interval": 20.0}, "interval must be below"),
        ({"max_gradient": 0}, "max_gradient must be > 0"),
        ({"theta_range": [-2, 5]}, "theta_range must be a tuple"),
        ({"theta_range": (5, -2)}, "theta_range must hold a lower and a larger upper bound"),
        ({"theta_range": (-2, float("nan"))}, "theta_range must be finite"),
    ],
)
def test_bad_values(changes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SynapticSampling(**{**GOOD, **changes})
