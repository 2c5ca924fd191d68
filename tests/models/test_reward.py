"""Stochastic neurons that learn by reward: traces, gradients, and what each arm leaves out."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second

from models import reward, reward_patterns
from models.reward import Arm, Learning
from scripts.reproduce import reward_kappel2018 as study

LEARNING = Learning(rate=0.2, gain=0.5, mean=-0.5, w0=3.0, bias=3.0, tau_trace=0.03, tau_gradient=0.05)
THETA = np.array([1.0, -0.4, 0.3, -0.01, 2.0, -1.5])


@pytest.fixture
def network():
    """Return a function that makes two inputs and three neurons, rewarded by a number that changes with time."""
    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.defaultclock.dt = 1 * ms
    b2.seed(3)

    def make(learning=LEARNING, **arm):
        stimulus = b2.TimedArray(np.full((1, 2), 200.0), dt=1 * second)
        judge = reward.judge("", "reward = 0.5 + 0.4*sin(t/(7*ms))")
        source, target = reward.inputs(2, stimulus), reward.neurons(3, judge, learning)
        pairs = np.divmod(np.arange(6), 3)
        synapses, rewiring = reward.plastic(source, target, THETA, pairs, learning, Arm(**arm), seed=5, name="plastic")
        return b2.Network(judge, source, target, synapses, rewiring), source, target, synapses

    yield make
    b2.prefs.codegen.target = "auto"


def test_traces_and_gradients_follow_their_equations(network):
    net, source, target, synapses = network()
    options = {"record": True, "when": "before_synapses", "order": 1, "dt": 1 * ms}
    own = b2.StateMonitor(synapses, ["trace", "gradient", "w"], **options)
    pre, post = b2.StateMonitor(source, "x", **options), b2.StateMonitor(target, ["surprise", "signal"], **options)
    drawn = b2.StateMonitor(target, "p", record=True, when="before_thresholds", order=1, dt=1 * ms)
    net.add(own, pre, post, drawn)
    net.run(90 * ms, namespace={})  # No step of the rule after the first weights.
    trace = gradient = np.zeros(6)
    i, j = np.array(synapses.i), np.array(synapses.j)
    for step in range(90):
        trace = trace * np.exp(-1 / 30) + own.w[:, step] * pre.x[i, step] * post.surprise[j, step]
        gradient = gradient * np.exp(-1 / 50) + 0.5 * post.signal[j, step] * trace
        np.testing.assert_allclose(own.trace[:, step], trace, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(own.gradient[:, step], gradient, rtol=1e-9, atol=1e-12)
    assert abs(gradient).max() > 0.1
    np.testing.assert_allclose(own.w[:, -1], np.where(THETA >= 0, 3.0 * np.exp(THETA - 3.0), 0.0))
    spiked = post.surprise > 0
    np.testing.assert_allclose(post.surprise, spiked - drawn.p)
    assert spiked.any()
    assert not drawn.p[:, 1:][spiked[:, :-1]].any(), "refractory neurons do not spike, and do not surprise"


def test_without_noise_and_gradient_theta_relaxes_to_the_mean(network):
    net, *_, synapses = network(LEARNING._replace(gain=0.0), noise=False)
    net.run(501 * ms, namespace={})
    expected = -0.5 + (THETA + 0.5) * (1 - 0.2 * 0.1 / 4) ** 5
    np.testing.assert_allclose(synapses.theta[:], expected, rtol=1e-12)


def test_without_rewiring_connections_stay_and_others_do_not_form(network):
    learning = LEARNING._replace(rate=50.0)  # Large steps.
    net, *_, synapses = network(learning, rewiring=False)
    net.run(1001 * ms, namespace={})
    assert synapses.theta[:].min() >= 0
    np.testing.assert_array_equal(synapses.w[:] > 0, THETA >= 0)
    net, *_, synapses = network(learning)
    net.run(1001 * ms, namespace={})
    assert not np.array_equal(synapses.theta[:] >= 0, THETA >= 0)
    retracted = synapses.theta[:] < 0
    assert not synapses.gradient[:][retracted].any()
    assert not synapses.trace[:][retracted].any()


def test_pools_exchange_their_patterns():
    seen = []
    for swapped in (False, True):
        rates, goal = reward_patterns._presented(20.0, swapped=swapped, seed=4)
        times = np.arange(0.05, 20, 0.1) * second
        seen.append({(tuple(rates(t, np.arange(50))), float(goal(t))) for t in times})
    assert len(seen[0]) == 2
    assert {sign for _, sign in seen[0]} == {-1.0, 1.0}
    assert seen[1] == {(pattern, -sign) for pattern, sign in seen[0]}


def test_what_is_counted():
    theta = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])
    found = study._noted("full", reward_patterns.Course(np.array([0.5, 0.75]), theta))
    assert found == {"full accuracy 0": 0.5, "full accuracy 1": 0.75, "full active": 0.5, "full turnover": 0.5}
    assert study._kept(np.array([True, True, False, False]), theta >= 0) == 0.5
