"""Rules that eliminate connections and form none: the C++ program does what runtime mode does, to the last bit."""

from __future__ import annotations

import copy
import gc
import re
from dataclasses import dataclass, field
from typing import ClassVar

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms

from synaptic_sampling import Adam, Decision, DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, Signal
from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling.brian import run_program
from synaptic_sampling.brian.internals import queues
from synaptic_sampling.rules.base import GradientRule, run_sweep
from synaptic_sampling.rules.optimizers import Optimizer
from tests.brian.test_standalone import MODEL, ON_POST, ON_PRE, SAME, differences, groups, standalone

pytestmark = pytest.mark.usefixtures("exact_flags")


def fade(theta, gradient, polarity, nu, parameters):
    """One step down the gradient, against a constant decay, with noise."""
    rate, decay, noise = parameters
    return theta - rate * (polarity * gradient + decay) + noise * nu


sweep_fade = sweep(fade, always_active=True)


@dataclass(frozen=True)
class Fading(GradientRule):
    """Eliminates the connections whose theta becomes negative, and forms none."""

    learning_rate: float
    decay: float
    noise: float
    optimizer: Optimizer = field(default_factory=Adam)

    signals: ClassVar = (Signal("gradient", accumulated=True),)
    forms: ClassVar = False
    move: ClassVar = staticmethod(fade)

    @property
    def parameters(self):
        return self.learning_rate, self.decay, self.noise

    def decide(self, connections, gradient):
        slope = self.optimizer.direction(gradient, connections)
        return Decision(run_sweep(sweep_fade, connections, slope, self.parameters, noisy=True), 0)


class Replacing(Fading):
    """Says that it forms none, and replaces all."""

    def decide(self, connections, gradient):
        return super().decide(connections, gradient)._replace(births=None)

    move = staticmethod(fade)


class Learning(DeepR):
    """Says that it keeps no number and forms none, where DEEP R eliminates none."""

    forms = False
    keeps_number = False


class Network:
    """Synapses of several kinds that lose connections; ``number`` changes wiring, delays and initial values."""

    def __init__(self, number):
        gc.collect()  # Names of objects that are gone are free.
        self.inputs, self.neurons = groups(seed=number)
        self.rng = np.random.default_rng(number)
        self.spikes = b2.SpikeMonitor(self.neurons, name="spikes")
        self.synapses, self.rewirings = {}, {}
        self.add("pruned", PruneAndRegrow("z > 7.5 or x < -1", regrow=False), model="\ng_post = 0.02*w*z : 1 (summed)")
        self.add("ending", PruneAndRegrow("mark < i + t/(2*ms) or t > 50*ms", regrow=False), multapses=True, delay=SAME)
        self.add("fading", Fading(0.002, 1.0, 0.02), ends=(self.neurons[1:], self.neurons[:6]), signs="presynaptic")
        by = self.rewirings
        self.monitors = [
            RewiringMonitor([by["pruned"], by["ending"]], name="log_1"),
            RewiringMonitor(by["fading"], name="log_2"),
        ]
        self.counting = RewiringMonitor(by["pruned"], record=False, name="count")
        parts = [*self.synapses.values(), *by.values(), *self.monitors, self.counting]
        self.net = b2.Network(self.inputs, self.neurons, self.spikes, parts, name="net")

    def add(self, name, rule, *, ends=None, model="", delay=None, multapses=False, **options):
        source, target = ends or (self.inputs, self.neurons)
        index = f"number_{name}" if multapses else None
        s = b2.Synapses(
            source, target, MODEL + model, on_pre=ON_PRE, on_post=None if ends else ON_POST, delay=delay or {},
            method="exact", name=f"{name}_synapses", multisynaptic_index=index,
        )  # fmt: skip
        if multapses:  # Known to the program alone.
            s.connect("(7*i + 3*j) % 5 < 3", n=2)
            s.theta, s.mark = "0.02*((3*i + 5*j) % 11)", f"(11*i + 17*j + 13*{index}) % 40"
        else:
            keys = self.rng.permutation(len(source) * len(target))[: 30 if ends else 60]
            s.connect(i=keys // len(target), j=keys % len(target))
            s.theta = 0.2 * self.rng.random(len(s))
            for pathway in ("pre", "late"):
                getattr(s, pathway).delay = self.rng.integers(0, 50, len(s)) * 0.1 * ms
        self.synapses[name] = s
        self.rewirings[name] = Rewiring(
            s, rule, seed=len(self.synapses), dt=1 * ms, name=f"rewiring_{name}", autapses=True, multapses=multapses,
            **options,
        )  # fmt: skip

    def run(self, build=lambda: None):
        """Simulate in three runs, the last one after all slots have been set; return copies of all that can be seen."""
        self.net.run(20.05 * ms)
        self.net.run(10 * ms)
        for s in self.synapses.values():
            s.x, s.mark = 0.3, "mark + 5"
        self.net.run(29.95 * ms)
        build()
        return copy.deepcopy(self.everything())

    def everything(self):
        seen = {"spikes": [self.spikes.i[:], self.spikes.t_[:], self.neurons.v[:]]}
        for name, s in self.synapses.items():
            r = self.rewirings[name]
            names = ["i", "j", "theta", "polarity", "gradient", "connected", "mark", "x", "z", "lastupdate"]
            names += [f"number_{name}"] * (s.multisynaptic_index is not None)
            names += ["N_incoming", "N_outgoing"]
            seen[name] = [getattr(s, f"{each}_")[:] for each in names]
            seen[f"{name}, delays"] = [getattr(s, pathway).delay_[:] for pathway in ("pre", "late")]
            seen[f"{name}, pairs"] = [r.i, r.j, r.num_active, r.to_scipy("theta").toarray()]
            seen[f"{name}, state"] = list(r.connections.state().values())
        seen["count"] = [self.counting.num_births, self.counting.num_deaths]
        for n, each in enumerate(self.monitors):
            log = each.log
            seen[f"log {n}"] = [log.events, *(log.times[column] for column in ("step", "seconds", "samples"))]
            seen[f"log {n}, snapshots"] = [part for taken in log.snapshots for part in taken]
            seen[f"log {n}, wiring"] = [*log.wiring()]
            seen[f"log {n}, about"] = [log.metadata, log.sets]
        return seen


def at_runtime(number):
    b2.prefs.codegen.target = "cython"
    seen = Network(number).run()
    b2.prefs.codegen.target = "numpy"
    return seen


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path, monkeypatch):
    """One program serves several networks; without spikes that follow relocated connections, each of them differs."""
    for number in (1, 2, 3):
        with standalone(tmp_path / str(number)):
            network = Network(number)
            found = network.run(lambda: run_program(tmp_path / str(number), cache=tmp_path / "cache"))  # noqa: B023
            del network
        expected = at_runtime(number)
        assert differences(found, expected) == []
        pruned, ending, fading = (expected[f"{name}, pairs"][2] for name in ("pruned", "ending", "fading"))
        assert ending == 0
        assert 5 < pruned < 55
        assert 5 < fading < 25
        for n in range(2):
            kinds, steps = (expected[f"log {n}"][0][column] for column in ("kind", "step"))
            assert (kinds == 2).sum() > 10, "connections are relocated"
            assert len(np.unique(steps[kinds == -1])) > 10
        with monkeypatch.context() as patched:
            patched.setattr(queues, "redirect", lambda *_: None)
            assert "spikes" in differences(at_runtime(number), expected)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Replacing(0.1, 0.1, 0.1), "decide of Replacing must eliminate the connections whose theta is negative and"),
        (Learning(0.1, 0.1, 0.1), "decide of Learning must eliminate .* is negative and form none in C.. standalone"),
    ],
)
def test_a_rule_that_does_not_what_it_declares_is_refused(tmp_path, rule, message):
    with standalone(tmp_path):
        group = b2.NeuronGroup(4, "v : 1")
        s = b2.Synapses(group, group, "theta : 1\npolarity : 1\ngradient : 1")
        s.connect(i=[0, 1], j=[1, 2])
        rewiring = Rewiring(s, rule)
        with pytest.raises(b2.BrianObjectException) as raised:
            b2.Network(group, s, rewiring).run(1 * ms)
    assert re.search(message, str(raised.value.__cause__))
