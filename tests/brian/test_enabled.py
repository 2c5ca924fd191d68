"""A shared variable of the synapses switches events on and off within a run."""

from __future__ import annotations

import re

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, Rewiring, RewiringMonitor, connect_exactly
from tests.brian.conftest import both_targets
from tests.brian.test_standalone import standalone

MODEL = """w = polarity*theta : 1
           theta : 1
           polarity : 1
           gradient : 1
           learning : {} (shared)"""
#: Events are due every millisecond; on in 3, off in 2, and so on.
SWITCH = "learning = int(t/ms + 0.5) % 5 < 3"
RULE = DeepR(learning_rate="0.02/(1 + t/(20*ms))", l1=1.0, temperature=2e-3)


def make(kind="boolean", enabled="learning", switch=SWITCH):
    """Return a network whose events are switched on and off, and what it contains."""
    neurons = b2.NeuronGroup(12, "dv/dt = 1/(5*ms) : 1", threshold="v > 1", reset="v = 0", method="euler")
    neurons.v = "i/12.0"
    s = b2.Synapses(neurons, neurons, MODEL.format(kind), on_pre="gradient += v_post - 0.4", delay=0.5 * ms)
    connect_exactly(s, 40, seed=1)
    s.theta = "0.02*((3*i + 5*j) % 11)"
    s.run_regularly(switch, dt=1 * ms)
    rewiring = Rewiring(s, RULE, enabled=enabled, seed=3, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    return b2.Network(neurons, s, rewiring, monitor), s, rewiring, monitor


def seen(s, rewiring, monitor):
    """Return all that can be seen after a run, copied."""
    log = monitor.log
    arrays = [s.i[:], s.j[:], s.theta[:], s.gradient[:], log.events, log.times["step"], log.times["seconds"]]
    return [np.array(each) for each in [*arrays, rewiring.connections.birth_step, rewiring.connections.steps_done]]


def expected_steps(number):
    """Return after which milliseconds an event takes place; the switch is read where it was set last."""
    return [step for step in range(1, number) if step % 5 < 3]


@both_targets
@pytest.mark.parametrize("kind", ["boolean", "1"])
def test_events_take_place_while_the_variable_is_not_0(kind):
    net, _, rewiring, monitor = make(kind)
    net.run(23 * ms)
    times = monitor.log.times
    assert_array_equal(np.round(times["seconds"] * 1e3), expected_steps(23))
    assert_array_equal(times["step"], np.arange(1, len(times["step"]) + 1))
    assert rewiring.connections.steps_done == len(times["step"])
    assert len(monitor.log.events) > 20


def test_signals_are_kept_while_it_is_0():
    net, s, rewiring, monitor = make(switch="learning = t > 4.5*ms")
    net.run(4 * ms)
    assert s.gradient[:].any()
    assert len(monitor.log.times["step"]) == rewiring.connections.steps_done == 0
    kept = s.gradient[:].copy()
    s.pre.active = False
    net.run(0.9 * ms)
    assert_array_equal(s.gradient[:], kept)
    net.run(0.2 * ms)
    assert not s.gradient[:].any()


def test_without_it_or_with_1_every_event_takes_place():
    results = []
    for enabled in ("learning", None):
        net, *rest = make(enabled=enabled, switch="learning = True")
        net.run(15 * ms)
        results.append(seen(*rest))
    for one, other in zip(*results, strict=True):
        assert_array_equal(one, other)


def test_an_event_by_hand_takes_place_in_any_case():
    net, _, rewiring, monitor = make(switch="learning = False")
    net.run(5 * ms)
    rewiring.step()
    assert_array_equal(monitor.log.times["step"], [1])


@pytest.mark.parametrize("order", [-1, 1])
def test_a_monitor_refuses_events_at_different_times(order):
    """Whichever Rewiring comes first: a step would have two times, or steps would decrease."""
    net, s, rewiring, _ = make()
    other = b2.Synapses(s.source, s.target, MODEL.format("1"))
    connect_exactly(other, 5, seed=1)
    always = Rewiring(other, RULE, seed=4, dt=1 * ms, order=order)
    monitor = RewiringMonitor([rewiring, always])
    net.add(other, always, monitor)
    with pytest.raises(ValueError, match=f"'{rewiring.name}' and another Rewiring of its monitor have not had their"):
        net.run(10 * ms)
    # The switch leaves out 3 and 4 ms.
    assert_array_equal(np.round(monitor.log.times["seconds"] * 1e3), np.arange(1, 6 if order < 0 else 5))


@pytest.mark.parametrize(
    ("enabled", "error", "message"),
    [
        ("lerning", ValueError, "shared variable of 'synapses.*' that can be set, got 'lerning'; add the line"),
        ("theta", ValueError, "that can be set, got 'theta'; add the line 'theta : boolean .shared.' to its model"),
        ("w", ValueError, "got 'w'"),
        ("N", ValueError, "got 'N'"),
        (True, TypeError, "enabled must be the name of a shared variable, got True; for a whole run, set active"),
    ],
)
def test_other_names_are_refused(enabled, error, message):
    with pytest.raises(error, match=message):
        make(enabled=enabled)


def test_several_synapses_are_refused():
    _, s, _, _ = make()
    _, other, _, _ = make()
    with pytest.raises(ValueError, match="rewired by"):
        Rewiring([s, other], RULE, enabled="learning")
    fresh = [b2.Synapses(s.source, s.target, MODEL.format("1")) for _ in range(2)]
    for each in fresh:
        connect_exactly(each, 5, seed=1)
    with pytest.raises(ValueError, match=r"variable of one Synapses object, not of a list, got 'learning'; give each"):
        Rewiring(fresh, RULE, enabled="learning")
    Rewiring(fresh[0], RULE)  # The refusal has no effect.


def test_the_program_reads_the_variable(tmp_path):
    with standalone(tmp_path):
        net, *_ = make()
        net.run(5 * ms)
        b2.device.build(directory=str(tmp_path), compile=False, run=False)
        (code,) = [path.read_text() for path in (tmp_path / "code_objects").glob("rewiring*event*.cpp")]
    assert re.search(r"% 10 == 0 && _array_synapses(_\d+)?_learning\[0\]\)", code)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_program_equals_runtime(tmp_path):
    net, *rest = make()
    net.run(23 * ms)
    net.run(17 * ms)
    expected = seen(*rest)
    with standalone(tmp_path) as build:
        net, *rest = make()
        net.run(23 * ms)
        net.run(17 * ms)
        build()
        for one, other in zip(seen(*rest), expected, strict=True):
            assert_array_equal(one, other)
