"""Stochastic neurons that learn by reward: traces, gradients, and what each arm leaves out."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second

from models import reward, reward_lever, reward_patterns
from models.reward import Arm, Learning
from scripts.reproduce import swaps

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
        judge = reward.judge("", "reward = 0.5 + 0.4*sin(t/(7*ms))", 0.02)
        source, target = reward.inputs(2, "stimulus(t, i)", stimulus=stimulus), reward.neurons(3, judge, learning)
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


def trials(path, rests, goal):
    """Follow the trials of a lever millisecond by millisecond; return when it is rewarded, and the total counts.

    ``rests`` are the seconds until the next trial, drawn when one ends.
    """
    rewarded, counts, resting, waited, passed, left = [], [0, 0, 0], 0, 0, False, 0
    for position, drawn in zip(goal * path, rests, strict=True):
        success = ended = False
        if resting == 0:
            waited, counts[2] = waited + 1, counts[2] + 1
            passed = passed or position < -reward_lever.LEVEL
            success = passed and position > reward_lever.LEVEL
            ended = success or waited == 10_000
        left = 300 if success else max(left - 1, 0)
        rewarded.append(left > 0)
        counts[0], counts[1] = counts[0] + success, counts[1] + ended
        resting = max(resting - 1, 0)
        if ended:
            assert 0.5 <= drawn - 0.3 * success <= 1
            resting, waited, passed = int(np.ceil(1000 * drawn)), 0, False
    return np.array(rewarded), counts


@pytest.mark.parametrize("swapped", [False, True])
def test_a_lever_is_rewarded_when_it_has_passed_both_levels(swapped):
    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.defaultclock.dt = 1 * ms
    b2.seed(4)
    rng, steps = np.random.default_rng(5), 24_000
    # Slow at first, so that a trial ends without reward; then through both levels again and again.
    path = 6 * np.sin(np.cumsum(np.repeat([0.0001, 0.01], steps // 2)) + 0.1 * rng.normal(size=steps))
    judge = reward_lever._judge(swapped=swapped)
    judge.namespace["path"] = b2.TimedArray(path, dt=1 * ms)
    judge.run_regularly("lever = path(t)", when="before_synapses")
    seen = b2.StateMonitor(judge, ["reward", "rest", "signal"], record=True, when="end", dt=1 * ms)
    b2.Network(judge, seen).run(steps * ms, namespace={})
    rewarded, counts = trials(path, seen.rest[0], -1 if swapped else 1)
    np.testing.assert_array_equal(seen.reward[0] > 0, rewarded)
    assert [judge.successes[0], judge.trials[0]] == counts[:2]
    assert judge.spent[0] == pytest.approx(counts[2] / 1000)
    assert 5 < counts[0] < counts[1]
    average = 0.5 * np.ones(1)
    for reward_now, signal in zip(rewarded[:500], seen.signal[0], strict=False):
        average += (reward_now - average) / 50_000
        assert signal == pytest.approx(reward_now / max(average[0], reward_lever.LEAST) - 1)


def test_excitation_raises_and_inhibition_lowers_what_is_received(network):
    b2.prefs.codegen.target = "numpy"
    source = b2.SpikeGeneratorGroup(2, [0, 1], [5, 50] * ms)
    target = reward.inhibitory(2)
    target.bias = -40
    weights = np.array([[2.0, 0.0], [0.0, 0.0]])
    parts = [reward.fixed(source, target, "", weights, "up")]
    parts.append(reward.fixed(source, target, "inhibition_", weights[::-1], "down"))
    seen = b2.StateMonitor(target, "received", record=True, dt=1 * ms)
    b2.Network(source, target, parts, seen).run(90 * ms, namespace={})
    since = seen.t / ms - 6
    up = 20 / 9 * np.where(since >= 0, np.exp(-since / 20) - np.exp(-since / 2), 0.0)
    since = since - 45
    down = 20 / 9 * np.where(since >= 0, np.exp(-since / 10) - np.exp(-since), 0.0)
    np.testing.assert_allclose(seen.received[0], up - down, atol=1e-12)
    assert not seen.received[1].any()


def test_potential_connections_of_the_lever():
    first, between = reward_lever.pairs()
    assert np.bincount(first[1]).tolist() == [100] * 30
    counts = np.zeros((60, 60), int)
    np.add.at(counts, between, 1)
    np.testing.assert_array_equal(counts, 2 * (1 - np.eye(60, dtype=int)))
    assert len(reward_lever.start(1)) == 3000 + 7080


def test_what_is_counted():
    theta = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])
    found = swaps.noted("full", reward_patterns.Course(np.array([0.5, 0.75]), theta), ["accuracy"])
    assert found == {"full accuracy 0": 0.5, "full accuracy 1": 0.75, "full active": 0.5, "full turnover": 0.5}
    assert swaps.kept(np.array([True, True, False, False]), theta >= 0) == 0.5
