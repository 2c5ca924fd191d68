"""An optimizer that comes into use later: its moments start at zero then, and bias is corrected for their own age."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import (
    SGD,
    Adam,
    Budget,
    Connections,
    Decision,
    DeepR,
    FixedWiring,
    Momentum,
    PotentialConnections,
    Rule,
    SoftConnections,
    SoftDeepR,
    step,
)
from synaptic_sampling import replace as replace_connections

ETA = 0.05


class PlainAdam:
    """Each connection on its own, in float64."""

    def __init__(self, optimizer, number):
        self.optimizer = optimizer
        self.first, self.second, self.count = np.zeros(number), np.zeros(number), np.zeros(number)

    def direction(self, gradient):
        o = self.optimizer
        self.count += 1
        self.first = o.beta1 * self.first + (1 - o.beta1) * gradient
        self.second = o.beta2 * self.second + (1 - o.beta2) * gradient**2
        means = self.first / (1 - o.beta1**self.count), self.second / (1 - o.beta2**self.count)
        return means[0] / (np.sqrt(means[1]) + o.epsilon)

    def forget(self, slots):
        for values in (self.first, self.second, self.count):
            values[slots] = 0


def one_set(rng):
    c = Connections.random(9, 8, 30, seed=int(rng.integers(2**32)))
    c.theta[:] = 0.3 * rng.random(30)
    return c


@pytest.mark.parametrize("before", [SGD(), Momentum(0.7)])
@pytest.mark.parametrize("steps", [0, 1, 40, 2000])
def test_late_adam_takes_the_steps_of_the_paper(rng, before, steps):
    """With births before and after; of plain descent from the start it is the old case."""
    c, adam = one_set(rng), Adam(0.8, 0.99)
    for _ in range(steps):
        step(c, rng.standard_normal(30), DeepR(1e-3, 0.0, 0.0, optimizer=before))
    plain, births = PlainAdam(adam, 30), 0
    for _ in range(60):
        theta, polarity, gradient = c.theta.copy(), c.polarity.copy(), rng.standard_normal(30)
        info = step(c, gradient, DeepR(ETA, 0.0, 0.0, optimizer=adam))
        expected = theta - ETA * polarity * plain.direction(gradient)
        born, births = info.born.slot, births + info.num_births
        stayed = np.setdiff1d(np.arange(30), born)
        assert_allclose(c.theta[stayed], expected[stayed], rtol=1e-9, atol=1e-12)
        assert (expected[born] < 0).all()
        plain.forget(born)
    assert births > 20


def budget(rng):
    sets = [Connections.random(9, 8, 20, seed=5, index=n) for n in range(2)]
    for c in sets:
        c.theta[:] = rng.random(20)
    return Budget(sets), sets, FixedWiring(ETA)


SOFT = SoftDeepR(ETA, 0.02, 1e-7, connectivity=0.5)


def potential(rng):
    c = PotentialConnections(4, 5, seed=5)
    c.theta[:] = rng.random(20) + 3
    return c, [c], SOFT


def soft(rng):
    c = SoftConnections.random(4, 5, 20, rule=SOFT, theta=rng.random(20) + 3, seed=5)
    return c, [c], SOFT


@pytest.mark.parametrize("make", [budget, potential, soft])
@pytest.mark.parametrize("optimizer", [Adam(), Momentum()])
def test_first_late_step_of_every_kind_of_connections(rng, make, optimizer):
    """Both move by the learning rate times the gradient's sign, or the gradient; Adam again after plain descent."""
    whole, sets, rule = make(rng)
    gradients = [np.full(len(c), 2.0) for c in sets]
    given = gradients if isinstance(whole, Budget) else gradients[0]
    size = 1.0 if isinstance(optimizer, Adam) else 2.0
    for _ in range(2):
        for _ in range(300):
            step(whole, [0 * g for g in gradients] if isinstance(whole, Budget) else 0 * given, rule)
        before = [c.theta.copy() for c in sets]
        step(whole, given, replace(rule, optimizer=optimizer))
        for c, theta in zip(sets, before, strict=True):
            assert_allclose(c.theta - theta, -ETA * size * c.polarity, atol=0.002)  # l1 and noise move by less


def test_a_state_keeps_the_start_of_its_moments(rng):
    c = one_set(rng)
    rule = FixedWiring(ETA, optimizer=Adam())
    for n in range(40):
        step(c, rng.standard_normal(30), FixedWiring(ETA) if n < 35 else rule)
    other = one_set(rng)
    other.restore({name: np.array(values) for name, values in c.state().items()})
    assert other.optimizer_since == c.optimizer_since == 35
    assert_array_equal(c.moment_age, np.full(30, 5))
    for _ in range(5):
        gradient = rng.standard_normal(30)
        step(c, gradient, rule)
        step(other, gradient, rule)
    assert_array_equal(c.theta, other.theta)


@dataclass(frozen=True)
class First(Rule):
    """A rule of a user: replace the first connections."""

    def decide(self, connections):
        return Decision(np.arange(10, dtype=np.int32))


@pytest.mark.parametrize("rewire", [lambda c: replace_connections(c, np.arange(30) < 10), lambda c: step(c, First())])
def test_rewiring_without_a_gradient_leaves_the_moments(rng, rewire):
    c = one_set(rng)
    for _ in range(7):
        step(c, rng.standard_normal(30), FixedWiring(ETA, optimizer=Adam()))
    rewire(c)
    assert c.optimizer_since == 0
    assert set(c.moment_age[:10]) == {0}
    assert set(c.moment_age[10:]) == {8}
