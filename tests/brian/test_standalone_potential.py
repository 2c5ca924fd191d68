"""Potential connections in C++ standalone mode: the program does what runtime mode does, to the last bit."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second

from synaptic_sampling import (
    Adam,
    Decision,
    PotentialConnections,
    Rewiring,
    RewiringMonitor,
    Rule,
    SoftDeepR,
    SynapticSampling,
)
from synaptic_sampling.rules import run_sweep, sweep
from tests.brian.test_standalone import groups, standalone

pytestmark = pytest.mark.usefixtures("exact_flags")

MODEL = """w = polarity*theta*int(theta >= 0) : 1
           theta : 1
           polarity : 1
           gradient : 1
           connected : boolean
           mark : 1
           dx/dt = -x/(20*ms) : 1 (event-driven)"""
ON_PRE = {"pre": "x += 1; gradient += 0.6 - x; v_post += 0.2*w", "late": "v_post += 0.1*w"}


def wander(theta, gradient, polarity, nu, parameters):
    """Noise alone, between two walls."""
    (scale,) = parameters
    return min(max(theta + scale * nu, -0.3), 0.3)


sweep_wander = sweep(wander)


@dataclass(frozen=True)
class Wander(Rule):
    """A rule of the user's on potential connections, without a signal."""

    scale: float

    storage: ClassVar = (PotentialConnections,)
    signed_theta: ClassVar = True
    move: ClassVar = staticmethod(wander)

    @property
    def parameters(self):
        return (self.scale,)

    def decide(self, connections):
        none = np.zeros_like(connections.theta)
        return Decision(crossed=run_sweep(sweep_wander, connections, none, self.parameters, noisy=True))


SAMPLING = SynapticSampling(
    "20/second*(1 + t/(50*ms))", 0.4, 0.01, 0.08, 1 * ms, theta_range=(-0.3, 0.5), max_gradient=2.0
)
RULES = {
    "soft": SoftDeepR("0.02/(1 + t/(30*ms))", 1.0, 2e-2, 0.3, optimizer=Adam(0.8, 0.9, 1e-6)),
    "sampling": SAMPLING,
    "wander": Wander(0.05),
}


class Network:
    """Inputs, neurons, and one Synapses for each rule: made by the program, given, between parts of groups."""

    def __init__(self, *names):
        self.inputs, self.neurons = groups()
        self.spikes = b2.SpikeMonitor(self.neurons)
        self.synapses, self.rewirings = {}, {}
        for name in names:
            source, target = (
                (self.neurons[2:], self.neurons[1:7]) if name == "sampling" else (self.inputs, self.neurons)
            )
            s = b2.Synapses(source, target, MODEL, on_pre=ON_PRE, method="exact", name=f"{name}_synapses")
            if name == "wander":
                s.connect(i=np.arange(9), j=np.arange(9) % 8)
            elif name == "sampling":
                s.connect(n=2)
            else:
                s.connect(condition="(i + j) % 3 != 0")
            s.theta = "0.02*((3*i + 5*j) % 11 - 5)"
            s.pre.delay, s.late.delay = "0.1*ms*((i + 2*j) % 30)", 5 * ms
            birth = {"mark": "i + 0.5*theta", "x": 0.25}
            options = {"autapses": True} if name == "sampling" else {"dt": 1 * ms}
            self.rewirings[name] = Rewiring(s, RULES[name], birth=birth, seed=7, name=f"{name}_rewiring", **options)
            self.synapses[name] = s
        self.monitors = [RewiringMonitor(each, name=f"{name}_log") for name, each in self.rewirings.items()]
        self.counting = [RewiringMonitor(each, record=False) for each in self.rewirings.values()]
        parts = [*self.synapses.values(), *self.rewirings.values(), *self.monitors, *self.counting]
        self.net = b2.Network(self.inputs, self.neurons, self.spikes, parts)

    def run(self, build=lambda: None):
        """Simulate twice, with theta set in between; return copies of all that can be seen."""
        self.net.run(20.05 * ms)
        for s in self.synapses.values():
            s.theta = "theta + 0.011*(i % 3 - 1)"
        self.net.run(19.95 * ms)
        build()
        return copy.deepcopy(self.everything())

    def everything(self):
        seen = {"spikes": [self.spikes.i[:], self.spikes.t_[:], self.neurons.v[:]]}
        for name, s in self.synapses.items():
            r = self.rewirings[name]
            names = ("i", "j", "theta", "polarity", "gradient", "connected", "mark", "x", "lastupdate")
            seen[name] = [getattr(s, f"{each}_")[:] for each in names]
            seen[f"{name}, pairs"] = [r.i, r.j, r.num_active, r.to_scipy("theta").toarray()]
            seen[f"{name}, state"] = list(r.connections.state().values())
        for name, *both in zip(self.synapses, self.monitors, self.counting, strict=True):
            seen[f"{name}, counts"] = [[each.num_births, each.num_deaths] for each in both]
        for monitor in self.monitors:
            log = monitor.log
            about = log.sets[0]
            seen[f"{monitor.name}, log"] = [
                log.events, log.times["seconds"], *(part for taken in log.snapshots for part in taken),
                about.num_sites, about.multapses,
            ]  # fmt: skip
        return seen


def differences(one, other):
    """Return the names of what is not equal to the last bit."""
    assert one.keys() == other.keys()

    def equal(name):
        return all(np.array_equal(a, b) for a, b in zip(one[name], other[name], strict=True))

    return [name for name in one if not equal(name)]


def at_runtime(*names):
    b2.prefs.codegen.target = "cython"
    seen = Network(*names).run()
    b2.prefs.codegen.target = "numpy"
    return seen


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path):
    expected = at_runtime(*RULES)
    for name in RULES:
        (births, deaths), counted = expected[f"{name}, counts"]
        assert counted == [births, deaths]
        assert min(births, deaths) > 10
        assert births != deaths, "numbers vary"
    with standalone(tmp_path) as build:
        assert differences(Network(*RULES).run(build), expected) == []


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # Brian2 compares float32 with 1e50.
def test_program_in_single_precision_equals_runtime(tmp_path):
    before = b2.prefs.core.default_float_dtype
    b2.prefs.core.default_float_dtype = np.float32
    try:
        expected = at_runtime("soft")
        assert expected["soft"][2].dtype == np.float32
        with standalone(tmp_path) as build:
            assert differences(Network("soft").run(build), expected) == []
    finally:
        b2.prefs.core.default_float_dtype = before


def test_what_is_known_before_the_run(tmp_path):
    with standalone(tmp_path):
        network = Network(*RULES)
        for name in ("soft", "sampling"):
            with pytest.raises(NotImplementedError, match="the program makes the connections"):
                network.rewirings[name].i
        assert len(network.rewirings["wander"].connections) == 9
        network.net.run(1 * ms)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": np.ones((9, 8), bool)}, "candidates does not apply to SoftDeepR"),
        ({"max_in_degree": 3}, "max_in_degree does not apply to SoftDeepR"),
        ({"signs": "redrawn"}, "a potential connection keeps its sign"),
    ],
)
def test_options_of_existing_connections_are_refused(tmp_path, options, message):
    with standalone(tmp_path):
        inputs, neurons = groups()
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w")
        s.connect()
        with pytest.raises(ValueError, match=message):
            Rewiring(s, RULES["soft"], dt=1 * ms, **options)


class Late(Wander):
    """Lists other slots than those in which theta crossed 0."""

    move = staticmethod(wander)

    def decide(self, connections):
        super().decide(connections)
        return Decision(crossed=np.flatnonzero(connections.theta < 0).astype(np.int32))


def test_a_decision_that_the_program_would_not_make_is_refused(tmp_path):
    with standalone(tmp_path):
        inputs, neurons = groups()
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w")
        s.connect()
        rewiring = Rewiring(s, Late(0.05), dt=1 * second)
        with pytest.raises(b2.BrianObjectException) as raised:
            b2.Network(inputs, neurons, s, rewiring).run(1 * ms)
    assert r"must return Decision(crossed=...)" in str(raised.value.__cause__)
