"""Soft DEEP R with slots for active and tracked connections: the C++ program does what runtime mode does."""

from __future__ import annotations

import copy
import gc
import logging

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms

from synaptic_sampling import Adam, Momentum, Rewiring, RewiringMonitor, SoftDeepR, connect_exactly
from tests.brian.test_standalone import groups, standalone
from tests.brian.test_standalone_potential import differences

pytestmark = pytest.mark.usefixtures("exact_flags")

MODEL = """w = polarity*theta*int(theta >= 0) : 1
           theta : 1
           polarity : 1
           gradient : 1
           connected : boolean
           mark : 1
           dx/dt = -x/(20*ms) : 1 (event-driven)
           dz/dt = -z/(10*ms) : 1 (clock-driven)"""
ON_PRE = {"pre": "x += 1; z += 1; gradient += 0.6 - x; v_post += 0.2*w*(1 + 0.3*z)", "late": "v_post += 0.1*w"}
#: The floors lie 10 and 12 steps of the noise below 0, so that many connections are lost and return.
RULES = {
    "fading": SoftDeepR("0.05/(1 + t/(100*ms))", 0.4, 0.02, 0.1, optimizer=Adam(0.8, 0.9, 1e-6)),
    "tight": SoftDeepR(0.05, 0.004, 0.02, 0.9, optimizer=Momentum(0.5)),
}
OPTIONS = {
    "fading": {
        "birth": {"late.delay": "0.1*ms*((i + 2*j) % 30)", "mark": "i + theta", "x": 0.25},
        "seed": 8,
        "candidates": "(i + j) % 5 != 0",
    },
    "tight": {"signs": "presynaptic", "autapses": True, "capacity": 22, "when": "start", "seed": 7},
}


class Network:
    """Inputs, neurons, and one Synapses for each rule."""

    def __init__(self, *names):
        self.inputs, self.neurons = groups()
        self.spikes = b2.SpikeMonitor(self.neurons)
        self.synapses, self.rewirings = {}, {}
        for name in names:
            source, target = (self.inputs, self.neurons) if name == "fading" else (self.neurons[1:], self.neurons[:6])
            s = b2.Synapses(
                source, target, MODEL + "\ng_post = 0.02*w*z : 1 (summed)" * (name == "fading"), on_pre=ON_PRE,
                on_post="gradient += 0.4*x - 0.1", method="exact", name=f"{name}_synapses",
                delay={"late": 5 * ms} if name == "tight" else {},
                multisynaptic_index="number" if name == "fading" else None,
            )  # fmt: skip
            pairs = OPTIONS[name].get("candidates")
            connect_exactly(s, 12 if name == "tight" else 25, seed=5, autapses=name == "tight", candidates=pairs)
            s.theta = "0.02*((3*i + 5*j) % 11)"
            s.pre.delay, s.post.delay = 1.2 * ms, 0.7 * ms
            if name == "fading":
                s.late.delay = "0.1*ms*((2*i + j) % 30)"
            self.rewirings[name] = Rewiring(
                s, RULES[name], depth=5, dt=0.3 * ms, name=f"{name}_rewiring", **OPTIONS[name]
            )
            self.synapses[name] = s
        self.monitors = [RewiringMonitor(each, name=f"{name}_log") for name, each in self.rewirings.items()]
        self.counting = [RewiringMonitor(each, record=False) for each in self.rewirings.values()]
        parts = [*self.synapses.values(), *self.rewirings.values(), *self.monitors, *self.counting]
        self.net = b2.Network(self.inputs, self.neurons, self.spikes, parts)

    def run(self, build=lambda: None):
        """Simulate twice; return copies of all that can be seen."""
        self.net.run(20.05 * ms)
        for s in self.synapses.values():
            s.mark = 3
        self.net.run(39.95 * ms)
        build()
        return copy.deepcopy(self.everything())

    def everything(self):
        seen = {"spikes": [self.spikes.i[:], self.spikes.t_[:], self.neurons.v[:]]}
        for (name, s), *both in zip(self.synapses.items(), self.monitors, self.counting, strict=True):
            r = self.rewirings[name]
            n = len(r.connections)
            names = ("theta", "polarity", "gradient", "connected", "mark", "x", "z", "lastupdate")
            seen[name] = [getattr(s, f"{each}_")[:] for each in names]
            # In single precision, Brian2 computes the last bit of a delay in two ways.
            delays = [np.ravel(getattr(s, path).delay_[:])[:n] for path in ("pre", "late", "post")]
            delays = [np.round(delay / 0.1e-3, 3) for delay in delays]
            seen[f"{name}, in use"] = [s.i[:n], s.j[:n], s.N_outgoing[:n], s.N_incoming[:n], *delays]
            seen[f"{name}, in use"] += [s.number[:]] if name == "fading" else []
            seen[f"{name}, pairs"] = [r.i, r.j, r.num_active, r.to_scipy("theta").toarray()]
            seen[f"{name}, state"] = list(r.connections.state().values())
            seen[f"{name}, counts"] = [[each.num_births, each.num_deaths] for each in both]
            log = both[0].log
            about = log.sets[0]
            seen[f"{name}, log"] = [
                log.events, log.times["seconds"], *(part for taken in log.snapshots for part in taken),
                about.num_sites, about.multapses, *log.wiring(),
            ]  # fmt: skip
        return seen


def at_runtime(*names):
    b2.prefs.codegen.target = "cython"
    seen = Network(*names).run()
    b2.prefs.codegen.target = "numpy"
    return seen


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "synaptic_sampling"):
        expected = at_runtime(*RULES)
    assert "could not place" in caplog.text, "some connections must find no slot for this test to mean anything"
    for name in RULES:
        (births, deaths), counted = expected[f"{name}, counts"]
        assert counted == [births, deaths]
        assert min(births, deaths) > 30
        assert 2 in expected[f"{name}, log"][0]["kind"], "connections are relocated"
    caplog.clear()
    with standalone(tmp_path) as build, caplog.at_level(logging.WARNING, "synaptic_sampling"):
        assert differences(Network(*RULES).run(build), expected) == []
    assert "all 22 slots of 'tight_synapses' were in use when connections returned" in caplog.text


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # Brian2 compares float32 with 1e50.
def test_program_in_single_precision_with_threads_equals_runtime(tmp_path):
    before = b2.prefs.core.default_float_dtype
    b2.prefs.core.default_float_dtype = np.float32
    try:
        expected = at_runtime("fading")
        assert expected["fading"][0].dtype == np.float32
        with standalone(tmp_path, threads=2) as build:
            assert differences(Network("fading").run(build), expected) == []
    finally:
        b2.prefs.core.default_float_dtype = before


def code_of(folder, seed):
    """Return the C++ code of a Rewiring with this seed."""
    gc.collect()  # Objects that still exist have the names.
    with standalone(folder):
        inputs = b2.SpikeGeneratorGroup(9, [], [] * ms, name="inputs")
        neurons = b2.NeuronGroup(8, "v : 1", name="neurons")
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w", name="s", method="exact")
        connect_exactly(s, 20, seed=seed)
        rewiring = Rewiring(s, RULES["tight"], depth=5, dt=1 * ms, seed=seed, name="r")
        b2.Network(inputs, neurons, s, rewiring, name="net").run(2 * ms)
        b2.device.build(directory=str(folder), compile=False, run=False)
        code = {path.name: path.read_text() for path in (folder / "code_objects").glob("r_*.cpp")}
        return code, len(rewiring.connections)


def test_the_program_is_the_same_for_all_seeds(tmp_path):
    """Numbers that depend on the seed, such as that of the tracked connections, are read from files."""
    (one, number), (other, another) = (code_of(tmp_path / str(seed), seed) for seed in (7, 9))
    assert number != another
    assert one == other
    assert "soft_event" in one["r_event.cpp"]


def test_what_the_program_connects_is_refused(tmp_path):
    with standalone(tmp_path):
        inputs, neurons = groups()
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w", name="s")
        s.connect(p=0.2)
        with pytest.raises(NotImplementedError, match=r"depth where the program connects the synapses .got 's'.; conn"):
            Rewiring(s, RULES["tight"], depth=5, dt=1 * ms)
