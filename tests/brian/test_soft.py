"""Soft DEEP R on Synapses with slots for active and tracked connections: the steps of the core, errors, capacity."""

from __future__ import annotations

import logging
from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    DeepR,
    Rewiring,
    RewiringMonitor,
    SoftConnections,
    SoftDeepR,
    SynapticSampling,
    connect_exactly,
    step,
)

RULE = SoftDeepR(learning_rate=0.05, l1=0.4, temperature=0.02, connectivity=0.1, optimizer=Adam())
#: Under it, more connections become active than there are at the start.
SPREADING = SoftDeepR(learning_rate=0.05, l1=0.004, temperature=0.02, connectivity=0.9)
MODEL = """w = polarity*theta*int(theta >= 0) : 1
           theta : 1
           gradient : 1
           polarity : 1
           connected : 1"""


def made(number=20, model=MODEL, **delay):
    """Return a source that fires every millisecond, a target, and synapses."""
    source = b2.SpikeGeneratorGroup(15, np.tile(np.arange(15), 100), np.repeat(np.arange(1, 101), 15) * ms)
    target = b2.NeuronGroup(12, "v : 1")
    s = b2.Synapses(source, target, model, on_pre="v_post += w; gradient += 0.1*(j - 3)", **delay)
    connect_exactly(s, number, seed=2)
    s.theta = "0.3*rand()"
    return source, target, s


def core(s, rule=RULE, **options):
    """Return the same connections in the core."""
    return SoftConnections(
        15, 12, s.i[:], s.j[:], rule=rule, theta=s.theta[:], **{"depth": 5.0, "seed": 3, **options}
    )  # fmt: skip


def assert_same(s, rewiring, c):
    """Compare slots and what else can be seen with connections of the core."""
    n, own = len(c), rewiring.connections
    for name, values in c.state().items():
        assert_array_equal(own.state()[name], values)
    assert_array_equal([s.i[:n], s.j[:n]], [c.pre, c.post])
    assert_array_equal(s.theta[:], np.append(c.theta, np.zeros(len(s) - n)))
    assert_array_equal(s.polarity[:n], c.polarity)
    assert_array_equal(s.connected[:], np.append(c.connected, np.zeros(len(s) - n)))
    assert rewiring.num_active == c.num_active
    assert_array_equal(rewiring.i, c.pre[c.connected])


def test_steps_are_those_of_the_core_and_the_log_replays():
    _, _, s = made()
    c = core(s)
    rewiring = Rewiring(s, RULE, depth=5, dt=2 * ms, seed=3)
    monitor = RewiringMonitor(rewiring)
    assert_same(s, rewiring, c)
    for n in range(60):
        gradient = 0.3 * np.sin(np.arange(len(c)) + n)
        s.gradient[: len(c)] = gradient
        rewiring.step()
        step(c, gradient, RULE)
        assert_same(s, rewiring, c)
        assert_array_equal(s.gradient[:], 0)
    assert monitor.num_births > 20
    assert np.ptp(monitor.log.events["kind"]) == 4, "connections are relocated"
    pre, post, _ = monitor.log.wiring()
    assert_array_equal([pre, post], [rewiring.i, rewiring.j])


def test_a_capacity_that_is_too_small_delays_returns(caplog):
    """They are counted, reported once, and none is lost."""
    _, _, s = made()
    c = core(s, SPREADING)
    rewiring = Rewiring(s, SPREADING, depth=5, capacity=len(c), dt=2 * ms, seed=3)
    c.capacity = len(c)
    unplaced = 0
    with caplog.at_level(logging.WARNING, "synaptic_sampling"):
        for _ in range(400):
            info = rewiring.step()
            unplaced += info.num_unplaced
            assert info.num_unplaced == step(c, np.zeros(len(c)), SPREADING).num_unplaced
            assert c.num_active + c.num_tracked + c.num_deep == c.num_sites
    assert unplaced > 10
    assert len(c) == len(s)
    assert_same(s, rewiring, c)
    assert sum("could not place" in record.message for record in caplog.records) == 1


def test_capacity_by_default():
    """Twice the expected number of slots, for all seeds: 20 active ones, and 160 retracted down to 100 noises."""
    for seed in (3, 4):
        _, _, s = made()
        rewiring = Rewiring(s, SoftDeepR(0.05, 0.04, 0.02, 0.1), depth=5, seed=seed)
        assert len(s) == rewiring.connections.capacity == 56
    _, _, s = made()
    assert Rewiring(s, SPREADING, depth=5).connections.capacity == 180


def test_store_and_restore():
    source, target, s = made(delay=1 * ms)
    rewiring = Rewiring(s, RULE, depth=5, dt=2 * ms, seed=3)
    net = b2.Network(source, target, s, rewiring)
    net.run(11 * ms)
    net.store()

    def later():
        net.run(30 * ms)
        state = [np.array(values) for values in rewiring.connections.state().values()]
        return [*state, s.gradient[:].copy(), target.v[:].copy()]

    first = later()
    net.restore()
    for one, other in zip(later(), first, strict=True):
        assert_array_equal(one, other)


def test_new_synapses_take_on_the_slots_of_a_state():
    """They then go on as the connections that had it: slots, signs, flags, degrees."""
    c = core(made()[2])
    for n in range(30):
        step(c, 0.3 * np.sin(np.arange(len(c)) + n), RULE)
    assert len(c) != 20 < c.steps_done
    _, _, s = made()
    rewiring = Rewiring(s, RULE, depth=5, dt=2 * ms, seed=3)
    rewiring.projections[0].resume({name: np.array(values) for name, values in c.state().items()}, until=1.0)
    for n in range(10):
        assert_same(s, rewiring, c)
        assert_array_equal(s.N_outgoing_pre[:], np.bincount(c.pre, minlength=15))
        gradient = 0.3 * np.cos(np.arange(len(c)) + n)
        s.gradient[: len(c)] = gradient
        rewiring.step()
        step(c, gradient, RULE)


def test_delays_of_new_connections_are_those_of_all():
    source, target, s = made()
    s.delay = 3 * ms
    rewiring = Rewiring(s, RULE, depth=5, dt=1 * ms, seed=3)
    b2.Network(source, target, s, rewiring).run(30 * ms)
    n = len(rewiring.connections)
    assert rewiring.connections.birth_step.max() > 10
    assert_array_equal(s.delay[:n], 3 * ms)


def test_a_theta_set_too_late_is_refused():
    _, _, s = made()
    rewiring = Rewiring(s, RULE, depth=5, dt=1 * ms)
    s.theta = "rand()"
    with pytest.raises(ValueError, match=r"'theta' of 'synapses.*' was changed after its Rewiring was created"):
        rewiring.step()


def test_another_rule_must_have_the_same_theta_min():
    _, _, s = made()
    rewiring = Rewiring(s, RULE, depth=5, dt=1 * ms)
    with pytest.raises(ValueError, match=r"theta_min of the rule must stay -0\.45, got -0\.9"):
        rewiring.rule = replace(RULE, temperature=0.04)
    assert rewiring.rule is RULE
    rewiring.rule = replace(RULE, temperature=0.025, l1=0.5)


def test_theta_min_must_not_change():
    source, target, s = made()
    rule = SoftDeepR("0.05/(1 + t/second)", 0.4, "0.02/(1 + t/(10*ms))", 0.1)
    rewiring = Rewiring(s, rule, depth=5, dt=1 * ms)
    with pytest.raises(ValueError, match=r"theta_min of the rule must stay -0\.45, got -0\.4"):
        b2.Network(source, target, s, rewiring).run(5 * ms)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (DeepR(0.1, 0.1, 0.1), {}, "depth is for SoftDeepR, .* got depth=5 for DeepR; leave it out"),
        (SynapticSampling(1.0, 1.0, 0.0, 1.0, 0.1), {}, "depth is for SoftDeepR"),
        (RULE, {"depth": 3}, "depth must be >= 4, got 3"),
        (RULE, {"depth": "5"}, "depth must be a real number"),
        (RULE, {"capacity": 21}, "'synapses.*' cannot be rewired: capacity must be between"),
        (RULE, {"capacity": 21.5}, "capacity must be an integer"),
        (RULE, {"p": "0.5/(1 + i)"}, "p does not apply to SoftDeepR with depth; leave it out"),
        (RULE, {"multapses": True}, "multapses does not apply to SoftDeepR"),
        (RULE, {"max_in_degree": 5}, "max_in_degree does not apply to SoftDeepR"),
        (RULE, {"signs": "redrawn"}, "a site keeps its sign"),
    ],
)
def test_hostile_arguments(rule, options, message):
    _, _, s = made()
    with pytest.raises((TypeError, ValueError), match=message):
        Rewiring(s, rule, **{"depth": 5, **options})
    assert len(s) == 20


def test_signs_that_are_not_those_of_the_sites_are_refused():
    _, _, s = made()
    s.polarity = 1
    with pytest.raises(ValueError, match=r"'polarity' of 'synapses.*' is 1 for synapse .*, where the sign of the site"):
        Rewiring(s, RULE, depth=5, seed=3)
    Rewiring(s, RULE, depth=5, seed=3, signs=1)


def test_no_budget_is_shared_and_none_is_released():
    _, _, s = made()
    _, _, other = made()
    with pytest.raises(ValueError, match="SoftDeepR has no budget that could be shared"):
        Rewiring([s, other], RULE, depth=5)
    with pytest.raises(ValueError, match="has slots without a connection"):
        Rewiring(s, RULE, depth=5).release()


def test_candidates():
    _, _, s = made(model=MODEL)
    present = {*zip(s.i[:].tolist(), s.j[:].tolist(), strict=True)}
    pairs = np.array([(i, j) for i in range(15) for j in range(12) if (i + j) % 2 or (i, j) in present])
    rewiring = Rewiring(s, SPREADING, depth=5, candidates=pairs, seed=3)
    for _ in range(100):
        rewiring.step()
    allowed = {tuple(pair) for pair in pairs.tolist()}
    assert {*zip(rewiring.i.tolist(), rewiring.j.tolist(), strict=True)} <= allowed
