"""Event-driven variables have the values of the last spikes: a warning where events read them, and only there."""

from __future__ import annotations

import logging

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, SoftDeepR
from synaptic_sampling.rules import RigLDescent
from tests.brian.test_standalone import standalone

THETA = "theta : 1\npolarity : 1\ngradient : 1\nw = polarity*theta*int(theta >= 0) : 1"
TRACE = "dx/dt = -x/(5*ms) : 1 (event-driven)"
MODEL = f"{THETA}\n{TRACE}\ndz/dt = -z/(5*ms) : 1 (clock-driven)\nmark : 1\nstrength = mark*x : 1"
PAIRED = RigLDescent(0.05, fraction=0.2, every=3)


def wired(model=MODEL, name="synapses"):
    inputs = b2.SpikeGeneratorGroup(1, [0], [1] * ms)
    neurons = b2.NeuronGroup(30, "v : 1")
    s = b2.Synapses(inputs, neurons, model, on_pre="x += 1" if "dx" in model else None, method="exact", name=name)
    s.connect(i=0, j=np.arange(10))
    if "theta" in model:
        s.theta = 1
    return inputs, neurons, s


@pytest.fixture
def warned(caplog):
    """Return what was said about event-driven variables since the last call."""
    caplog.set_level(logging.WARNING, logger="synaptic_sampling")

    def read():
        messages = [each.getMessage() for each in caplog.records if "event-driven" in each.getMessage()]
        caplog.clear()
        return [message.split(" is event-driven")[0] for message in messages]

    return read


def decaying(driven, condition="x < 0.1", build=lambda: None):
    """Return how many connections are eliminated at 20 ms, and in a second run at 40 ms; the only spike is at 1 ms."""
    inputs, neurons, s = wired(f"dx/dt = -x/(5*ms) : 1 ({driven})")
    rewiring = Rewiring(s, PruneAndRegrow(condition, regrow=False), seed=1, dt=20 * ms)
    monitor = RewiringMonitor(rewiring)
    net = b2.Network(inputs, neurons, s, rewiring, monitor)
    net.run(21 * ms)
    net.run(20 * ms)
    build()
    return [int((monitor.log.events["step"] == step).sum()) for step in (1, 2)]


#: What is read, the number of connections eliminated, and whether a warning is due.
READ = [
    ("event-driven", "x < 0.1", [0, 0], True),
    ("clock-driven", "x < 0.1", [10, 0], False),
    ("event-driven", "x*exp(-(t - lastupdate)/(5*ms)) < 0.1", [10, 0], False),
]


@pytest.mark.parametrize(("driven", "condition", "deaths", "warns"), READ)
def test_a_condition_on_a_trace(warned, driven, condition, deaths, warns):
    assert decaying(driven, condition) == deaths
    assert warned() == ["'x' of 'synapses'"] * warns


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize(("driven", "condition", "deaths", "warns"), READ)
def test_a_condition_on_a_trace_in_a_program(tmp_path, warned, driven, condition, deaths, warns):
    with standalone(tmp_path) as build:
        assert decaying(driven, condition, build) == deaths
        assert warned() == ["'x' of 'synapses'"] * warns


SOFT = SoftDeepR(0.1, 0.1, 0.01, 0.1)
STALE = [
    (PruneAndRegrow("mark > 2 or x < 0.1"), {}, True),
    (PruneAndRegrow("strength < 0.1", regrow=False), {}, True),
    (DeepR(0.1, 0.1, 0.1), {"variables": {"gradient": "x"}}, True),
    (SOFT, {"birth": {"mark": "2*x"}}, True),
    (PruneAndRegrow("z < 0.1"), {}, False),
    (DeepR(0.1, 0.1, 0.1), {"birth": {"x": 1.0, "mark": "rand()"}}, False),
    # The variables of a new connection are exact: it has just been formed.
    (PruneAndRegrow("mark < 0"), {"birth": {"x": 1.0, "mark": "2*x"}}, False),
    (SOFT, {"birth": {"mark": "2*z"}}, False),
]


@pytest.mark.parametrize("in_program", [False, True])
@pytest.mark.parametrize(("rule", "options", "warns"), STALE)
def test_what_events_read(tmp_path, warned, rule, options, warns, in_program):
    def simulate():
        inputs, neurons, s = wired()
        rewiring = Rewiring(s, rule, seed=1, dt=1 * ms, **options)
        b2.Network(inputs, neurons, s, rewiring).run(1 * ms)

    if in_program:
        with standalone(tmp_path):
            simulate()
    else:
        simulate()
    assert warned() == ["'x' of 'synapses'"] * warns


@pytest.mark.parametrize("driven", ["event-driven", "clock-driven"])
def test_the_values_of_a_companion(warned, driven):
    inputs, neurons, s = wired(THETA)
    model = f"dx/dt = -x/(5*ms) : 1 ({driven})\n{TRACE.replace('x', 'other')}"
    pairs = b2.Synapses(inputs, neurons, model, on_pre="x += 1; other += 1", method="exact", name="pairs")
    pairs.connect()
    rewiring = Rewiring(s, PAIRED, companion=pairs, variables={"site_gradient": "x"}, seed=1, dt=1 * ms)
    b2.Network(inputs, neurons, s, pairs, rewiring).run(1 * ms)
    assert warned() == ["'x' of 'pairs'"] * (driven == "event-driven")


def test_a_rule_that_is_set_later(warned):
    inputs, neurons, s = wired()
    rewiring = Rewiring(s, PruneAndRegrow("mark < 0"), seed=1, dt=1 * ms)
    net = b2.Network(inputs, neurons, s, rewiring)
    net.run(1 * ms)
    assert warned() == []
    rewiring.rule = PruneAndRegrow("x < -1")
    rewiring.step()
    assert warned() == ["'x' of 'synapses'"]
    net.run(1 * ms)
    assert warned() == []
