"""Synaptic sampling and soft DEEP R on Synapses: all synapses are potential connections."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV, second
from numpy.testing import assert_array_equal

from synaptic_sampling import PotentialConnections, Rewiring, RewiringMonitor, SoftDeepR, SynapticSampling, step
from synaptic_sampling.brian.internals import queues
from tests.brian.conftest import both_targets
from tests.brian.test_standalone import standalone

SAMPLING = SynapticSampling(
    learning_rate=2 / second, temperature=0.4, mean=0.1, std=0.8, interval=10 * ms, theta_range=(-2.0, 5.0)
)
PLAIN = SynapticSampling(2.0, 0.4, 0.1, 0.8, 0.01, theta_range=(-2.0, 5.0))
SOFT = SoftDeepR(learning_rate=0.05, l1=0.4, temperature=0.02, connectivity=0.3)
MODEL = """w = polarity*exp(theta - 3)*int(theta >= 0) : 1
           theta : 1
           gradient : 1
           polarity : 1
           connected : 1
           fresh : 1
           heard : 1"""


def made(model=MODEL, on_pre="heard += int(theta >= 0); v_post += w"):
    """Return a source that fires every millisecond, a target, and synapses, three per pair."""
    source = b2.SpikeGeneratorGroup(5, np.tile(np.arange(5), 200), np.repeat(np.arange(1, 201), 5) * ms)
    target = b2.NeuronGroup(6, "v : 1")
    s = b2.Synapses(source, target, model, on_pre=on_pre)
    s.connect(n=3)
    s.theta_ = np.linspace(-1, 1, len(s))
    return source, target, s


def twin(s, rule=PLAIN, seed=3):
    """Return the same potential connections in the core."""
    return PotentialConnections(5, 6, s.i[:], s.j[:], theta=np.linspace(-1, 1, len(s)), seed=seed)


def test_theta_takes_the_steps_of_the_core():
    source, target, s = made()
    rewiring = Rewiring(s, SAMPLING, seed=3)
    assert rewiring.interval == 10 * ms
    c = twin(s)
    assert_array_equal(s.polarity[:], c.polarity)
    assert_array_equal(s.connected[:], c.connected)
    monitor = RewiringMonitor(rewiring)
    s.gradient = np.sin(np.arange(len(s)))
    b2.Network(source, target, s, rewiring, monitor).run(195 * ms)
    births = 0
    for _ in range(19):
        births += step(c, np.sin(np.arange(90.0)), PLAIN).num_births
    assert births > 5
    assert_array_equal(s.theta[:], c.theta)
    assert_array_equal(s.connected[:], c.connected)
    assert_array_equal(s.gradient[:], np.sin(np.arange(90.0)))
    assert rewiring.num_active == c.num_active
    assert_array_equal(rewiring.i, c.pre[c.connected])
    assert_array_equal(rewiring.j, c.post[c.connected])
    assert monitor.num_births == births
    pre, post, _ = monitor.log.wiring()
    assert_array_equal(pre, rewiring.i)
    assert_array_equal(post, rewiring.j)
    assert len(monitor.log.lives()) == np.count_nonzero(np.linspace(-1, 1, 90) >= 0) + births


def test_soft_deep_r_sets_the_gradient_to_0():
    source, target, s = made(MODEL.replace("exp(theta - 3)", "theta"))
    rewiring = Rewiring(s, SOFT, seed=3, dt=10 * ms)
    c = twin(s)
    s.gradient = np.cos(np.arange(len(s)))
    b2.Network(source, target, s, rewiring).run(35 * ms)
    for n in range(3):
        step(c, np.cos(np.arange(90.0)) * (n == 0), SOFT)
    assert_array_equal(s.theta[:], c.theta)
    assert_array_equal(s.gradient[:], 0)


def test_births_write_what_they_are_told_and_nothing_else():
    source, target, s = made()
    s.fresh = -1
    rewiring = Rewiring(s, SAMPLING, seed=3, birth={"fresh": "i + t/second"})
    monitor = RewiringMonitor(rewiring)
    b2.Network(source, target, s, rewiring, monitor).run(105 * ms)
    births = monitor.log.events[monitor.log.events["kind"] == 1]
    assert len(births) > 5
    for slot in np.unique(births["slot"]):
        last = births[births["slot"] == slot][-1]
        assert s.fresh[int(slot)] == pytest.approx(last["pre"] + 0.01 * last["step"])
    never = np.setdiff1d(np.arange(90), births["slot"])
    assert (s.fresh[never.tolist()] == -1).all()


@pytest.mark.parametrize("purged", [True, False])
def test_spikes_from_before_a_birth_are_not_delivered_by_it(monkeypatch, purged):
    """One spike is on its way for 15 ms; at 10 ms its synapse is connected. Without the purge it would be heard."""
    if not purged:
        monkeypatch.setattr(queues, "drop_spikes", lambda *_: None)
    source = b2.SpikeGeneratorGroup(1, [0, 0], [1, 12] * ms)
    target = b2.NeuronGroup(1, "v : 1")
    s = b2.Synapses(source, target, MODEL, on_pre="heard += int(theta >= 0)", delay=15 * ms)
    s.connect()
    s.theta = -1e-9
    s.gradient = 1.0
    rewiring = Rewiring(s, SynapticSampling(1 / second, 0.0, 0.0, 1.0, 10 * ms))
    net = b2.Network(source, target, s, rewiring)
    net.run(20 * ms)
    assert rewiring.num_active == 1
    assert s.heard[0] == (0 if purged else 1)
    net.run(10 * ms)
    assert s.heard[0] == (1 if purged else 2)


def arrivals(parts, build=lambda: None):
    """Return when the last spike of each synapse arrived; those of neurons 1 and 2 form at 10 ms, with new delays."""
    source = b2.SpikeGeneratorGroup(3, [0, 1, 2], [21, 21, 21] * ms)
    target = b2.NeuronGroup(1, "v : 1")
    model = "theta : 1\ngradient : 1\npolarity : 1\narrived : second"
    s = b2.Synapses(source, target, model, on_pre={"pre": "arrived = t", "late": ""})
    s.connect()
    s.pre.delay, s.theta, s.gradient = [1, 1, 8] * ms, [1, -1e-9, -1e-9], 1.0
    birth = {"delay": "(3 + i)*ms", "late.delay": 2 * ms}
    rewiring = Rewiring(s, SynapticSampling(1 / second, 0.0, 0.0, 1.0, 10 * ms), birth=birth, signs=1, seed=1)
    net = b2.Network(source, target, s, rewiring)
    for part in parts:
        net.run(part)
    build()
    assert_array_equal(rewiring.connections.birth_step, [0, 1, 1])
    return s.arrived[:] / ms


@both_targets
@pytest.mark.parametrize("parts", [[30 * ms], [15 * ms, 15 * ms]], ids=["whole", "in parts"])
def test_delays_set_at_birth_hold_from_then_on(target, parts):
    np.testing.assert_allclose(arrivals(parts), [22, 25, 26])


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_delays_set_at_birth_hold_in_a_program(tmp_path):
    with standalone(tmp_path) as build:
        np.testing.assert_allclose(arrivals([30 * ms], build), [22, 25, 26])


def test_store_and_restore():
    source, target, s = made()
    rewiring = Rewiring(s, SAMPLING, seed=3)
    net = b2.Network(source, target, s, rewiring)
    net.run(55 * ms)
    net.store()
    net.run(80 * ms)
    after = s.theta[:].copy(), target.v[:].copy(), rewiring.connections.birth_step.copy()
    net.restore()
    net.run(80 * ms)
    assert_array_equal(s.theta[:], after[0])
    assert_array_equal(target.v[:], after[1])
    assert_array_equal(rewiring.connections.birth_step, after[2])


def test_units():
    model = """w = polarity*(theta/volt)*int(theta >= 0*volt) : 1
               theta : volt
               gradient : 1/volt
               polarity : 1"""
    source, target, s = made(model, on_pre="v_post += w")
    rule = SynapticSampling(2 * mV**2 / second, 0.4, 0.1 * mV, 0.8 * mV, 10 * ms, theta0=0 * mV)
    rewiring = Rewiring(s, rule, seed=3)
    b2.Network(source, target, s, rewiring).run(30 * ms)
    for wrong in ({"learning_rate": 2.0}, {"mean": 0.1}, {"std": 3 * ms}):
        values = {name: getattr(rule, name) for name in ("learning_rate", "temperature", "mean", "std", "interval")}
        _, _, other = made(model, on_pre="v_post += w")
        with pytest.raises(b2.DimensionMismatchError, match=next(iter(wrong))):
            Rewiring(other, SynapticSampling(**{**values, **wrong}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dt": 5 * ms}, "do not fit the rule's interval"),
        ({"clock": b2.Clock(5 * ms)}, "do not fit the rule's interval"),
        ({"candidates": "i != j"}, "candidates does not apply"),
        ({"p": "0.5"}, "p does not apply"),
        ({"max_in_degree": 3}, "max_in_degree does not apply"),
        ({"signs": "redrawn"}, "keeps its sign"),
        ({"capacity": 30}, "capacity is for a list"),
        ({"variables": {"theta": "th"}}, "add the line 'th : 1'"),
    ],
)
def test_hostile_arguments(options, message):
    _, _, s = made()
    with pytest.raises((TypeError, ValueError), match=message):
        Rewiring(s, SAMPLING, **options)


def test_no_budget_is_shared():
    _, _, s = made()
    _, _, other = made()
    with pytest.raises(ValueError, match="SynapticSampling has no budget that could be shared"):
        Rewiring([s, other], SAMPLING)
