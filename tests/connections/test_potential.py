"""Potential connections: construction, steps, and errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    Connections,
    DeepR,
    FixedWiring,
    Momentum,
    PotentialConnections,
    SoftDeepR,
    SynapticSampling,
    step,
)
from synaptic_sampling.events import EVENT
from tests import naive

SOFT = SoftDeepR(learning_rate=0.1, l1=0.3, temperature=0.05, connectivity=0.3)
SAMPLING = SynapticSampling(learning_rate=0.1, temperature=0.5, mean=-0.1, std=1.0, interval=1.0)
SPORE = SynapticSampling(0.2, 0.1, 0.0, 2.0, 1.0, "euler", theta_range=(-0.3, 0.4), max_gradient=0.5)
RULES = [SOFT, SAMPLING, SPORE]


def made(seed=3, **options):
    c = PotentialConnections(6, 7, seed=seed, **options)
    c.theta[:] = np.linspace(-0.5, 0.5, len(c))
    return c


def drifting_gradient(c, n):
    """A gradient that depends on the state, so that a wrong state is not forgotten."""
    return np.sin(3.0 * c.theta + c.pre - c.post + n).astype(c.theta.dtype)


def test_every_pair_has_a_slot():
    c = PotentialConnections(3, 4)
    assert list(zip(c.pre, c.post, strict=True)) == [(i, j) for i in range(3) for j in range(4)]
    c = PotentialConnections(4, 4, autapses=False)
    assert list(zip(c.pre, c.post, strict=True)) == [(i, j) for i in range(4) for j in range(4) if i != j]
    assert (c.num_sites, c.num_active, len(c)) == (12, 12, 12)
    assert len(PotentialConnections(1, 1, autapses=False)) == 0


def test_a_pair_may_have_several():
    c = PotentialConnections(3, 3, [0, 0, 0, 2], [1, 1, 1, 0], theta=[0.5, -0.5, 0.0, 1.0], signs=-1)
    assert c.connected.tolist() == [True, False, True, True]
    assert c.num_active == 3
    assert_array_equal(c.weights, [-0.5, 0, 0, -1.0])
    one = PotentialConnections(3, 3, [0] * 50, [1] * 50, seed=4)
    assert len(set(one.polarity)) == 1


def test_signs_are_those_of_connections():
    for signs in ("site", "presynaptic", 1, [1, -1, 1, -1, 1, -1]):
        c = made(signs=signs)
        assert_array_equal(c.polarity, Connections(6, 7, c.pre, c.post, signs=signs, seed=3).polarity)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_step_equals_naive(rule, dtype):
    c = PotentialConnections(9, 9, autapses=False, seed=2**63 + 5, index=3, dtype=dtype)
    c.theta[:] = np.linspace(-0.5, 0.5, len(c))
    key, noise = (c.seed % 2**32, c.seed // 2**32), 256 * c.index
    for n in range(60):
        g, now = drifting_gradient(c, n), n + 1
        if rule is SOFT:
            numbers = rule.learning_rate, rule.l1, rule.noise_scale, rule.theta_min
            moved, slots = naive.soft(g, c.polarity, *numbers, now, noise, *key, c.theta)
        else:
            clips = rule.max_gradient or np.inf, *(rule.theta_range or (-np.inf, np.inf))
            moved, slots = naive.diffuse(g, rule.mean, *rule.transition, *clips, now, noise, *key, c.theta)
        theta, birth_step, events = naive.cross(c, moved, slots, now)
        info = step(c, g, rule)
        assert_array_equal(c.theta, theta)
        assert_array_equal(c.birth_step, birth_step)
        assert_array_equal(info.events, naive.as_events(events, EVENT))
        assert info.num_deaths == sum(event[5] == -1 for event in events)


@pytest.mark.parametrize("rule", RULES)
def test_events_tell_the_wiring(rule):
    c = made()
    ends, connected = (c.pre.copy(), c.post.copy(), c.polarity.copy()), c.connected
    births = 0
    for n in range(300):
        info = step(c, drifting_gradient(c, n), rule)
        for slot in info.died.slot:
            assert connected[slot]
            connected[slot] = False
        for slot in info.born.slot:
            assert not connected[slot]
            connected[slot] = True
        births += info.num_births
        assert_array_equal(connected, c.connected)
        assert_array_equal(info.born.pre, c.pre[info.born.slot])
        assert (np.diff(info.died.slot) > 0).all()
    assert births > 200
    for before, now in zip(ends, (c.pre, c.post, c.polarity), strict=True):
        assert_array_equal(before, now)


def test_gradient_of_retracted_ones_has_no_effect_in_soft_deep_r():
    one, two = made(), made()
    gradient = drifting_gradient(one, 0)
    step(one, gradient, SOFT)
    step(two, np.where(two.connected, gradient, 1e3), SOFT)
    assert_array_equal(one.theta, two.theta)


def test_each_term_acts_where_it_should():
    """The same noise with and without l1: retracted ones do not feel it. The floor holds for all."""
    weak, strong = made(), made()
    was = weak.connected
    step(weak, np.zeros(42), SoftDeepR(0.1, 1e-9, 1e-4, 1e-9))
    step(strong, np.zeros(42), SoftDeepR(0.1, 0.5, 1e-4, 1e-9))
    assert_array_equal(weak.theta[~was], strong.theta[~was])
    assert weak.theta[was] - strong.theta[was] == pytest.approx(0.05, rel=1e-6)
    low = made()
    low.theta[0] = 1e-3
    step(low, np.where(np.arange(42) == 0, low.polarity * 1e3, 0.0), SOFT)
    assert low.theta[0] == low.theta.min() == SOFT.theta_min


def test_gradient_of_retracted_ones_counts_in_synaptic_sampling():
    one, two = made(), made()
    step(one, np.zeros(42), SAMPLING)
    step(two, np.where(two.connected, 0.0, 2.0), SAMPLING)
    expected = np.where(np.linspace(-0.5, 0.5, 42) >= 0, 0.0, 2.0 * SAMPLING.transition.gain)
    assert two.theta - one.theta == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("optimizer", [Momentum(), Adam()])
def test_what_the_optimizer_remembers_starts_afresh(optimizer):
    c = made()
    rule = SoftDeepR(0.1, 0.3, 0.05, 0.3, optimizer)
    for n in range(50):
        info = step(c, drifting_gradient(c, n), rule)
        assert all((moment[info.born.slot] == 0).all() for moment in c.moments)
        assert (c.age[info.born.slot] == 0).all()


@pytest.mark.parametrize("rule", [*RULES, SoftDeepR(0.1, 0.3, 0.05, 0.3, Adam())])
def test_splitting_a_run_changes_nothing(rule):
    def run(cut):
        c = made()
        for n in range(50):
            if n == cut:
                state = {name: np.array(values) for name, values in c.state().items()}
                c = made()
                c.restore(state)
            step(c, drifting_gradient(c, n), rule)
        return c

    one, two = run(None), run(23)
    for name, values in one.state().items():
        assert_array_equal(values, two.state()[name])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 7), {}, "num_pre must be between 1"),
        ((6, 7, [0]), {}, "given together"),
        ((6, 7, [0], [7]), {}, r"post\[0\] must be between 0 and 6, got 7"),
        ((6, 7, [0, 1], [0]), {}, "equal lengths"),
        ((6, 6, [2], [2]), {"autapses": False}, "is an autapse"),
        ((6, 7), {"signs": "redrawn"}, "keeps its sign"),
        ((6, 7), {"signs": "sites"}, "signs must be one of"),
        ((6, 7), {"theta": [0.0]}, r"theta must have shape \(42,\)"),
        ((1, 2), {"theta": [0.0, np.nan]}, "theta must be finite, got nan"),
        ((1, 2), {"theta": [0.0, -np.inf]}, "theta must be finite, got -inf"),
        ((6, 7), {"dtype": int}, "dtype must be float32 or float64"),
        ((10**5, 10**5), {}, "10000000000 potential connections"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        PotentialConnections(*arguments, **options)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_gradient_stops_the_step(rule, value):
    c = made()
    before = {name: np.array(values) for name, values in c.state().items()}
    gradient = np.zeros(42)
    gradient[5] = value
    with pytest.raises(FloatingPointError, match=r"gradient of connection 5 \(0 -> 5\)"):
        step(c, gradient, rule)
    for wrong in (np.zeros(41), np.zeros(42, np.float32), [0.0] * 42, None):
        with pytest.raises((TypeError, ValueError), match="gradient must"):
            step(c, wrong, rule)
    for name, values in c.state().items():
        assert_array_equal(values, before[name])


def test_rules_and_connections_must_fit():
    potential, budget = made(), Connections.random(6, 7, 10)
    for rule in (DeepR(0.1, 0.1, 0.1), FixedWiring(0.1), None, "soft"):
        with pytest.raises(TypeError, match=r"connections must be Connections for|rule must be a rule such as"):
            step(potential, np.zeros(42), rule)
    for rule in (*RULES, None):
        with pytest.raises(TypeError, match=r"connections must be PotentialConnections|rule must be a rule such as"):
            step(budget, np.zeros(10), rule)
    assert potential.steps_done == budget.steps_done == 0
