"""Rules of a user's own file: in C++ standalone mode, with an update generated from their Python lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import Adam, Decision, DeepR, Rewiring, RewiringMonitor, Rule, Signal, connect_exactly
from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling.rules.base import GradientRule, run_sweep
from synaptic_sampling.rules.optimizers import SGD, Optimizer
from tests.brian.conftest import EXACT
from tests.brian.test_standalone import standalone


def relative(theta, gradient, polarity, nu, parameters):
    """Multiplicative steps down the gradient, with noise that grows with theta."""
    rate, additive, growth = parameters
    size = max(theta, additive)
    step = rate * polarity * gradient * size
    return theta - (step if step < 0.5 else 0.5) + (additive + growth * theta) * nu


def drift(theta, gradient, polarity, nu, parameters):
    """Relaxation without a gradient."""
    rate, mean, noise = parameters
    return theta + rate * (mean - theta) + noise * nu


sweep_relative, sweep_drift = sweep(relative, always_active=True), sweep(drift, always_active=True)


@dataclass(frozen=True)
class Relative(GradientRule):
    learning_rate: float
    additive: float
    growth: float
    optimizer: Optimizer = field(default_factory=SGD)

    signals: ClassVar = (Signal("error", accumulated=True),)
    keeps_number: ClassVar = True
    move: ClassVar = staticmethod(relative)

    @property
    def parameters(self):
        return self.learning_rate, self.additive, self.growth

    def decide(self, connections, error):
        slope = self.optimizer.direction(error, connections)
        return Decision(run_sweep(sweep_relative, connections, slope, self.parameters, noisy=True))


@dataclass(frozen=True)
class Drift(Rule):
    rate: float
    mean: float
    noise: float

    keeps_number: ClassVar = True
    move: ClassVar = staticmethod(drift)

    @property
    def parameters(self):
        return self.rate, self.mean, self.noise

    def decide(self, connections):
        none = np.zeros_like(connections.theta)
        return Decision(run_sweep(sweep_drift, connections, none, self.parameters, noisy=True))


RULES = {
    "relative": Relative(0.5, 0.02, 0.3),
    "adam": Relative(0.05, 0.02, 0.1, optimizer=Adam(0.8, 0.9, 1e-6)),
    "drift": Drift(0.05, 0.02, 0.03),
}


def simulate(build=None):
    """Return theta, endpoints and events of one Synapses for each rule; the moves differ within one program."""
    inputs = b2.SpikeGeneratorGroup(9, np.arange(60) % 9, (np.arange(60) + 1) * 0.4 * ms)
    neurons = b2.NeuronGroup(8, "v : 1")
    made = []
    for name, rule in RULES.items():
        s = b2.Synapses(
            inputs, neurons, "theta : 1\npolarity : 1\nerror : 1", on_pre="error += 0.3 - theta", name=f"s_{name}"
        )
        connect_exactly(s, 25, seed=5)
        s.theta = "0.02*((3*i + 5*j) % 11)"
        rewiring = Rewiring(s, rule, seed=7, dt=0.5 * ms, name=f"r_{name}")
        made.append((s, rewiring, RewiringMonitor(rewiring, name=f"m_{name}")))
    b2.Network(inputs, neurons, *[each for one in made for each in one]).run(30 * ms)
    if build is not None:
        build()
    return [[np.array(x) for x in (s.theta[:], s.error[:], r.i, r.j, m.log.events)] for s, r, m in made]


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path):
    before = b2.prefs.codegen.cpp.extra_compile_args_gcc, b2.prefs.codegen.runtime.cython.cache_dir
    # For Cython, too; modules that were compiled with other flags have the same names.
    b2.prefs.codegen.cpp.extra_compile_args_gcc = EXACT
    b2.prefs.codegen.runtime.cython.cache_dir = str(tmp_path / "cython")
    try:
        b2.prefs.codegen.target = "cython"
        expected = simulate()
        b2.prefs.codegen.target = "numpy"
        assert min(len(events) for *_, events in expected) > 20, "each rule eliminates connections"
        with standalone(tmp_path / "program") as build:
            found = simulate(build)
    finally:
        b2.prefs.codegen.cpp.extra_compile_args_gcc, b2.prefs.codegen.runtime.cython.cache_dir = before
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert_array_equal(a, b)


class Halved(DeepR):
    """Overrides ``decide`` of a class that brings a move: the program would not know."""

    def decide(self, connections, gradient):
        return super().decide(connections, 0.5 * gradient)


class Rewarded(DeepR):
    signals = (Signal("eligibility", accumulated=True), Signal("reward", of="network"))


class Calling(Drift):
    @staticmethod
    def move(theta, gradient, polarity, nu, parameters):
        return abs(theta)

    def decide(self, connections):
        raise AssertionError


class Short(Drift):
    """Has fewer parameters than its move unpacks: the program would read beyond their end."""

    move = staticmethod(drift)
    decide = Drift.decide

    @property
    def parameters(self):
        return (0.1,)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Halved(0.1, 0.1, 0.1), r"cannot be written in C\+\+ .got Halved, whose decide and move belong to different"),
        (Rewarded(0.1, 0.1, 0.1), "rules with a signal per neuron or for the network, .* .got Rewarded"),
        (Calling(0.1, 0.1, 0.1), r"got Calling: the move .* 'abs\(theta\)' in line"),
    ],
)
def test_what_the_program_cannot_know_is_refused(tmp_path, rule, message):
    with standalone(tmp_path):
        group = b2.NeuronGroup(4, "v : 1")
        s = b2.Synapses(group, group, "theta : 1\npolarity : 1\ngradient : 1\neligibility : 1\nreward : 1 (shared)")
        s.connect(i=[0, 1], j=[1, 2])
        with pytest.raises(NotImplementedError, match=message):
            Rewiring(s, rule)


class Threshold(Drift):
    """Eliminates by a threshold that the program does not know."""

    move = staticmethod(drift)

    def decide(self, connections):
        super().decide(connections)
        return Decision(np.flatnonzero(connections.theta < 0.3))


class Twice(Drift):
    """Changes theta beyond its move."""

    move = staticmethod(drift)

    def decide(self, connections):
        decision = super().decide(connections)
        connections.theta *= 2
        return decision


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Short(0.1, 0.1, 0.1), "parameters of Short must be 3 numbers"),
        (Threshold(0.1, 0.1, 0.1), "decide of Threshold must eliminate the connections whose theta is negative"),
        (Twice(0.1, 0.1, 0.1), "decide of Twice must change theta by `move` alone"),
    ],
)
def test_a_decision_that_the_program_would_not_make_is_refused(tmp_path, rule, message):
    with standalone(tmp_path):
        group = b2.NeuronGroup(4, "v : 1")
        s = b2.Synapses(group, group, "theta : 1\npolarity : 1")
        s.connect(i=[0, 1], j=[1, 2])
        rewiring = Rewiring(s, rule)
        with pytest.raises(b2.BrianObjectException) as raised:
            b2.Network(group, s, rewiring).run(1 * ms)
    assert message in str(raised.value.__cause__)
