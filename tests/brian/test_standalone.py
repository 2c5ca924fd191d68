"""C++ standalone mode does what runtime mode does, to the last bit."""

from __future__ import annotations

import copy
import shutil
from contextlib import contextmanager
from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    DeepR,
    FixedWiring,
    Momentum,
    PruneAndRegrow,
    Rewiring,
    RewiringLog,
    RewiringMonitor,
    connect_exactly,
)
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.plotting import plot_turnover

NUM_INPUTS, NUM_NEURONS, DT = 9, 8, 0.1e-3

MODEL = """w = polarity*theta : 1
           theta : 1
           polarity : 1
           gradient : 1
           connected : boolean
           mark : integer
           dx/dt = -x/(20*ms) : 1 (event-driven)
           dz/dt = -z/(10*ms) : 1 (clock-driven)"""
ON_PRE = {
    "pre": "x += 1; z += 1; gradient += 0.6 - x; v_post += 0.2*w*(1 + 0.3*z)",
    "late": "gradient += 0.2*x; v_post += 0.1*w",
}
ON_POST = "gradient += 0.4*x - 0.1"
RULE = DeepR(learning_rate=0.02, l1=1.0, temperature=2e-3)
FADING = DeepR(learning_rate="0.02*exp(-t/(20*ms))", l1=1.0, temperature="fade(t)", optimizer=Adam())


pytestmark = pytest.mark.usefixtures("exact_flags")


@contextmanager
def standalone(folder, threads=0):
    """Let what is made within be a C++ program; yields what builds and runs it."""
    b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
    b2.prefs.devices.cpp_standalone.openmp_threads = threads
    try:
        yield lambda: b2.device.build(directory=str(folder), with_output=False)
    finally:
        b2.prefs.devices.cpp_standalone.openmp_threads = 0
        b2.device.reinit()
        b2.set_device("runtime")


def groups(seed=3, steps=600):
    """Return neurons that are driven, and inputs that spike."""
    rng = np.random.default_rng(seed)
    when = np.sort(rng.permutation(steps - 1)[: steps // 2]) + 1
    inputs = b2.SpikeGeneratorGroup(NUM_INPUTS, rng.integers(NUM_INPUTS, size=len(when)), when * DT * second)
    neurons = b2.NeuronGroup(
        NUM_NEURONS,
        """dv/dt = (bias + g - v)/(10*ms) : 1
           bias : 1
           g : 1""",
        threshold="v > 1",
        reset="v = 0",
        method="euler",
    )
    neurons.bias, neurons.v = rng.uniform(0.8, 2.0, NUM_NEURONS), rng.random(NUM_NEURONS)
    return inputs, neurons


SAME = {"pre": 1.2 * ms, "late": 0 * ms, "post": 5 * ms}
PARTS = ("delays", "recurrent", "parts", "fixed", "dense", "double", "fading", "pruned")


class Network:
    """A network of which every part is rewired in another way; all parts, or some."""

    def __init__(self, *parts):
        self.inputs, self.neurons = groups()
        self.rng = np.random.default_rng(4)
        self.spikes = b2.SpikeMonitor(self.neurons)
        self.synapses, self.rewirings = {}, {}
        for part in parts or PARTS:
            getattr(self, f"add_{part}")()
        by = self.rewirings
        self.monitors = [
            RewiringMonitor([by[part] for part in together if part in by], samples_per_event=samples)
            for together, samples in (
                (("delays",), 10),
                (("dense", "parts"), None),
                (("fading",), None),
                (("pruned",), 1),
            )
            if set(together) & set(by)
        ]
        self.counting = [RewiringMonitor(rewiring, record=False) for name, rewiring in by.items()]
        parts = [*self.synapses.values(), *self.rewirings.values(), *self.monitors, *self.counting]
        self.net = b2.Network(self.inputs, self.neurons, self.spikes, parts)

    def add(self, name, rule, *, pairs=None, source=None, target=None, model="", delay=None, dt=1 * ms, **options):
        """Connect, and rewire."""
        source, target = self.inputs if source is None else source, self.neurons if target is None else target
        s = b2.Synapses(
            source, target, MODEL + model, on_pre=ON_PRE, on_post=ON_POST, delay=delay or {}, method="exact", name=name,
            multisynaptic_index="number" if "multapses" in options else None,
        )  # fmt: skip
        if pairs is None:
            connect_exactly(s, 25, seed=5, autapses=options.get("autapses", False))
        elif isinstance(pairs, str):
            s.connect(pairs)
        else:
            s.connect(i=pairs[0], j=pairs[1])
        s.theta = "0.02*((3*i + 5*j) % 11)"
        birth = {}
        for pathway in ("pre", "late", "post"):
            if pathway not in (delay or {}) and not isinstance(pairs, str):
                getattr(s, pathway).delay = (
                    self.rng.integers(0, 50, 25 if pairs is None else len(pairs[0])) * DT * second
                )
                birth[f"{pathway}.delay"] = 0 * ms
        birth |= options.pop("birth", {})
        self.synapses[name] = s
        self.rewirings[name] = Rewiring(s, rule, seed=7, dt=dt, name=f"rewiring_{name}", birth=birth, **options)

    def add_delays(self):
        self.add(
            "delays", RULE, birth={"pre.delay": "((7*i + 3*j) % 51)*0.1*ms", "mark": 3, "post.delay": 0.7 * ms},
            model="\ng_post = 0.02*w*z : 1 (summed)",
        )  # fmt: skip

    def add_recurrent(self):
        rule = replace(RULE, optimizer=Adam(0.8, 0.9, 1e-6), learning_rate=0.05)
        self.add("recurrent", rule, delay=SAME, dt=0.7 * ms, source=self.neurons, signs="presynaptic")

    def add_parts(self):
        self.add(
            "parts", replace(RULE, optimizer=Momentum(0.5)), source=self.neurons[2:], target=self.neurons[1:7],
            autapses=True, signs="redrawn", excitatory=0.8, delay={"pre": 0 * ms},
        )  # fmt: skip

    def add_fixed(self):
        self.add("fixed", FixedWiring(0.01), pairs="(7*i + 3*j) % 5 < 2", delay=SAME)

    def add_dense(self):
        pairs = np.divmod(np.arange(72), 8)
        signs = np.where(np.arange(72).reshape(9, 8) % 3, 1, -1)
        self.add(
            "dense", RULE, pairs=[side[:69] for side in pairs], candidates=np.column_stack(pairs), signs=signs,
            delay=SAME,
        )  # fmt: skip

    def add_double(self):
        pairs = [0, 0, 1, 2, 2, 2], [0, 0, 1, 3, 3, 4]
        clock = b2.Clock(0.65 * ms)
        self.add("double", RULE, pairs=pairs, multapses=True, signs=1, delay=SAME, dt=None, clock=clock)

    def add_fading(self):
        self.add("fading", FADING, delay={"late": 3 * ms})

    def add_pruned(self):
        self.add(
            "pruned", PruneAndRegrow("z > 1.5 or theta < 0"), delay=SAME, when="start", order=2,
            birth={"theta": "0.01*(i + j) + 0.1*x", "x": 0.25, "mark": "i + 1"},
        )  # fmt: skip

    def run(self, build=lambda: None, runs=(20.05, 39.95)):
        """Simulate; return all that can be seen, copied: Brian2 2.11 hands out memory that goes with the network."""
        fade = b2.TimedArray([2e-3, 1e-3, 0.0], dt=10 * ms)  # noqa: F841 (FADING uses it)
        for duration in runs:
            self.net.run(duration * ms)
        build()
        return copy.deepcopy(self.everything())

    def everything(self):
        seen = {"spikes": (self.spikes.i[:], self.spikes.t_[:]), "v": self.neurons.v[:], "t": [self.net.t_]}
        for name, s in self.synapses.items():
            r = self.rewirings[name]
            names = ("i", "j", "theta", "polarity", "gradient", "connected", "mark", "x", "z", "lastupdate")
            delays = [getattr(s, pathway).delay[:] / second for pathway in ("pre", "late", "post")]
            seen[name] = [getattr(s, each)[:] for each in (*names, "N_incoming", "N_outgoing")] + delays
            seen[f"{name}, rewired"] = [r.i, r.j, r.num_active, r.seed, *r.connections.state().values()]
            seen[f"{name}, matrix"] = r.to_scipy("theta").toarray()
        counts = ("num_births", "num_deaths", "num_events")
        for number, monitor in enumerate(self.counting):
            seen[f"counts {number}"] = [getattr(monitor, count) for count in counts]
        for number, monitor in enumerate(self.monitors):
            log, name = monitor.log, f"monitor {number}"
            seen[f"{name}, events"] = [getattr(monitor, each) for each in ("t_", "i", "j", "born", "synapses", *counts)]
            seen[f"{name}, rows"] = [log.events, *(log.times[column] for column in ("step", "seconds", "samples"))]
            seen[f"{name}, snapshots"] = [part for taken in log.snapshots for part in taken]
            seen[f"{name}, wiring"] = [*log.wiring(), monitor.connectivity_at(33 * ms).toarray()]
            seen[f"{name}, about"] = [log.metadata, log.sets]
        return seen


def differences(one, other):
    """Return the names of what is not equal to the last bit."""
    assert one.keys() == other.keys()
    wrong = []
    for name in one:
        try:
            if name.endswith("about"):
                assert one[name] == other[name]
            else:
                for a, b in zip(one[name], other[name], strict=True):
                    assert_array_equal(a, b)
        except AssertionError:
            wrong.append(name)
    return wrong


def at_runtime(*parts, **options):
    """Return what the network does in runtime mode, with compiled code."""
    b2.prefs.codegen.target = "cython"
    seen = Network(*parts).run(**options)
    b2.prefs.codegen.target = "numpy"
    return seen


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path):
    expected = at_runtime()
    for part in set(PARTS) - {"fixed"}:
        assert expected[f"{part}, rewired"][8].max() > 20, "each part has new connections of late events"
    with standalone(tmp_path) as build:
        assert differences(Network().run(build), expected) == []


@pytest.mark.slow
@pytest.mark.cython
def test_program_with_threads_equals_runtime(tmp_path):
    parts, runs = ("delays", "parts", "dense"), [60]
    expected = at_runtime(*parts, runs=runs)
    with standalone(tmp_path, threads=2) as build:
        assert differences(Network(*parts).run(build, runs), expected) == []


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # Brian2 compares float32 with 1e50.
def test_program_in_single_precision_equals_runtime(tmp_path):
    before = b2.prefs.core.default_float_dtype
    b2.prefs.core.default_float_dtype = np.float32
    try:
        expected = at_runtime("parts", runs=[60])
        assert expected["parts, rewired"][6].dtype == np.float32
        with standalone(tmp_path) as build:
            assert differences(Network("parts").run(build, [60]), expected) == []
    finally:
        b2.prefs.core.default_float_dtype = before


@pytest.mark.slow
@pytest.mark.cython
def test_without_purge_the_program_differs(tmp_path):
    headers = shutil.copytree(program.FOLDER, tmp_path / "broken")
    text = (headers / "rewiring.h").read_text()
    assert text.count("if (!listed[") == 1
    (headers / "rewiring.h").write_text(text.replace("if (!listed[", "if (true || !listed["))
    expected = at_runtime("delays", runs=[60])
    with standalone(tmp_path / "project") as build:
        b2.device.include_dirs.append(str(headers))
        assert "spikes" in differences(Network("delays").run(build, [60]), expected)


@pytest.mark.slow
@pytest.mark.cython
def test_multapses_are_numbered(tmp_path):
    with standalone(tmp_path) as build:
        network = Network("double")
        network.run(build, [60])
        s = network.synapses["double"]
        pairs = list(zip(s.i[:].tolist(), s.j[:].tolist(), strict=True))
        assert s.number[:].tolist() == [pairs[:k].count(pair) for k, pair in enumerate(pairs)]
        assert max(network.rewirings["double"].connections.birth_step) > 20


def test_program_is_generated(tmp_path):
    with standalone(tmp_path):
        network = Network()
        fade = b2.TimedArray([2e-3, 1e-3, 0.0], dt=10 * ms)  # noqa: F841 (FADING uses it)
        for _ in range(2):
            network.net.run(20 * ms)
        b2.device.build(directory=str(tmp_path), compile=False, run=False)
        codes = [path.name for path in (tmp_path / "code_objects").glob("rewiring*.cpp")]
    for part in PARTS:
        settles, events = (
            sum(name.startswith(f"rewiring_{part}_{what}") for name in codes) for what in ("settle", "event")
        )
        # What has nothing new in it serves both runs.
        assert (settles, events) == (1, 2 if part in {"delays", "fading", "pruned"} else 1)


SCRIPT = """
inputs = PoissonGroup(40, rates=50*Hz)
neurons = NeuronGroup(20, 'dv/dt = -v/(20*ms) : 1', threshold='v > 1', reset='v = 0', method='exact')
S = Synapses(inputs, neurons, 'w : 1', on_pre='v_post += w; w -= 0.01')
S.connect(p=0.3)
S.w = 'rand()'
rewiring = Rewiring(S, PruneAndRegrow('w < 0.1'), birth={'w': '0.5*rand()'}, dt=20*ms)
turnover = RewiringMonitor(rewiring)
run(1*second)
"""


@pytest.mark.slow
@pytest.mark.cython
def test_plain_script(tmp_path):
    b2.set_device("cpp_standalone", directory=str(tmp_path), with_output=False)
    try:
        b2.seed(1)
        names = {}
        exec("from brian2 import *\nfrom synaptic_sampling import *\n" + SCRIPT, names)
        s, rewiring, turnover = names["S"], names["rewiring"], names["turnover"]
        pre, post, w = s.i[:], s.j[:], s.w[:]
        assert_array_equal([rewiring.i, rewiring.j], [pre, post])
        assert len(np.unique(40 * post + pre)) == len(pre) == rewiring.num_active == turnover.log.snapshots[0].pre.size
        assert_array_equal(s.N_incoming_post[:], np.bincount(post, minlength=20))
        assert_array_equal(s.N_outgoing_pre[:], np.bincount(pre, minlength=40))
        assert_array_equal(turnover.log.wiring()[:2], [pre, post])
        assert turnover.num_births == turnover.born.sum() > 100
        assert turnover.t_[-1] == pytest.approx(0.98)
        assert w.max() > 0.5 > w[rewiring.connections.birth_step > 0].max() > 0.2
        assert plot_turnover(turnover) is not None
        assert RewiringLog.load(tmp_path / "results" / f"{turnover.name}.log").num_births == turnover.num_births
        assert repr(rewiring) == f"<Rewiring of '{s.name}' by PruneAndRegrow, {len(pre)} active>"
    finally:
        b2.device.reinit()
        b2.set_device("runtime")
