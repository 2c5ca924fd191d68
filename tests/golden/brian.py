"""Programs in Brian2: every rule in runtime mode, interpreted and compiled, and as a C++ program.

Equations and births hold no exponential and no random number of Brian2, so that what they give does not hang on the
last bits of a library.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import ms, second

from synaptic_sampling import (
    Adam,
    DeepR,
    FixedWiring,
    Momentum,
    PruneAndRegrow,
    Rewiring,
    RewiringMonitor,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    connect_exactly,
)
from tests.golden.registry import Program, kept, recorded

NUM_INPUTS, NUM_NEURONS, CONNECTIONS = 9, 8, 25
DT, DURATIONS = 0.1e-3, (5.05, 9.95)

DEEPR = DeepR(learning_rate=0.02, l1=1.0, temperature=2e-3)
FIXED = FixedWiring(0.01)
PRUNE = PruneAndRegrow("x > 1.6 or theta < 0")
SOFT = SoftDeepR(learning_rate=0.05, l1=0.4, temperature=0.02, connectivity=0.3)
SAMPLING = SynapticSampling(2 / second, 0.4, 0.1, 0.8, 0.3 * ms)
FADING = DeepR("0.02/(1 + t/(20*ms))", 1.0, "fade(t)", optimizer=Adam(0.8, 0.9, 1e-6))

MODEL = """w = polarity*theta : 1
           theta : 1
           polarity : 1
           gradient : 1
           connected : 1
           mark : integer
           x : 1"""
ON_PRE = {
    "pre": "x = 0.5*x + 1; gradient += 0.6 - 0.5*x; v_post += 0.2*w",
    "late": "gradient += 0.2*x; v_post += 0.1*w",
}
ON_POST = "gradient += 0.1*x - 0.1"
POTENTIAL = MODEL.replace("w = polarity*theta", "w = polarity*int(theta >= 0)")
VARIABLES = ("theta", "polarity", "gradient", "connected", "mark", "x")
PATHWAYS = ("pre", "late", "post")
#: The same for all synapses.
SAME = {"pre": 1.2 * ms, "late": 0 * ms, "post": 5 * ms}


@contextmanager
def device(front: str) -> Iterator[Any]:
    """Have Brian2 do what is made within on one of its devices; yields what builds and runs a program."""
    b2.start_scope()
    flags, target = b2.prefs.codegen.cpp.extra_compile_args_gcc, b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy" if front == "standalone" else front
    # Under these the C++ program has the bits of the others.
    b2.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O2", "-ffp-contract=off", "-std=c++11"]
    b2.defaultclock.dt = DT * second
    try:
        if front != "standalone":
            yield lambda: None
            return
        with tempfile.TemporaryDirectory() as folder:
            b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
            try:
                yield lambda: b2.device.build(directory=folder, with_output=False)
            finally:
                b2.device.reinit()
                b2.set_device("runtime")
    finally:
        b2.prefs.codegen.cpp.extra_compile_args_gcc, b2.prefs.codegen.target = flags, target
        b2.defaultclock.dt = DT * second


class Part:
    """Inputs, neurons, and synapses between them."""

    def __init__(self) -> None:
        count = np.arange(74)
        self.inputs = b2.SpikeGeneratorGroup(
            NUM_INPUTS, 5 * count % NUM_INPUTS, (1 + 2 * count) * DT * second, name="inputs"
        )
        self.neurons = b2.NeuronGroup(
            NUM_NEURONS, "dv/dt = (bias - v)/(10*ms) : 1\nbias : 1\naxonal : 1\ndendritic : 1", threshold="v > 1",
            reset="v = 0", method="euler", name="neurons",
        )  # fmt: skip
        self.neurons.bias, self.neurons.v = "0.9 + 0.25*i", "0.1*i"
        self.spikes = b2.SpikeMonitor(self.neurons, name="spikes")
        self.synapses: list[Any] = []

    def connect(
        self, *, model: str = MODEL, pairs: Any = None, source: Any = None, delay: Any = None, autapses: bool = False,
        multisynaptic_index: str | None = None,
    ) -> Any:  # fmt: skip
        """Return synapses: exactly 25, or those of a condition, or given ones."""
        s = b2.Synapses(
            self.inputs if source is None else source, self.neurons, model, on_pre=ON_PRE, on_post=ON_POST,
            delay=delay or {}, name=f"synapses_{len(self.synapses)}", multisynaptic_index=multisynaptic_index,
        )  # fmt: skip
        if pairs is None:
            connect_exactly(s, CONNECTIONS, seed=5, autapses=autapses)
        elif isinstance(pairs, str):
            s.connect(pairs)
        else:
            s.connect(i=pairs[0], j=pairs[1])
        self.synapses.append(s)
        return s

    def run(self, rewirings: list[Any], monitors: list[Any], build: Any, between: Any) -> dict[str, Any]:
        """Simulate twice, with something in between; return all that can be seen."""
        net = b2.Network(self.inputs, self.neurons, self.spikes, self.synapses, rewirings, monitors)
        fade = b2.TimedArray([2e-3, 1e-3, 0.0], dt=5 * ms)  # noqa: F841 (FADING uses it)
        net.run(DURATIONS[0] * ms)
        between(net, rewirings[0])
        net.run(DURATIONS[1] * ms)
        build()
        return self.seen(rewirings, monitors)

    def seen(self, rewirings: list[Any], monitors: list[Any]) -> dict[str, Any]:
        """Return copies: Brian2 2.11 hands out memory that goes with the network."""
        spikes = [np.array(self.spikes.i[:]), np.array(self.spikes.t_[:]), np.array(self.neurons.v[:])]
        variables = [[np.array(getattr(s, f"{name}_")[:]) for name in ("i", "j", *VARIABLES)] for s in self.synapses]
        delays = [[np.array(getattr(s, path).delay_[:]) for path in PATHWAYS] for s in self.synapses]
        return {
            "spikes": spikes,
            "synapses": variables,
            "delays": delays,
            "pairs": [[r.i, r.j, r.num_active] for r in rewirings],
            "states": [kept(c.state()) for r in rewirings for c in self.sets(r)],
            "logs": [[recorded(m.log), m.num_births, m.num_deaths, m.num_events] for m in monitors],
        }

    @staticmethod
    def sets(rewiring: Any) -> list[Any]:
        return rewiring.connections if isinstance(rewiring.connections, list) else [rewiring.connections]


def nothing(_net: Any, _rewiring: Any) -> None:
    """Change nothing between the runs."""


def rewired(
    front: str, rule: Any, *, synapses: Any = ({},), thetas: str = "0.02*((3*i + 5*j) % 11)", between: Any = nothing,
    shared: bool = False, seed: int | None = 7, **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Rewire synapses by a rule."""
    with device(front) as build:
        part = Part()
        made = [part.connect(**{key: value for key, value in given.items() if key != "delays"}) for given in synapses]
        for s, given in zip(made, synapses, strict=True):
            s.theta = thetas
            for number, path in enumerate(given.get("delays", ())):
                steps = (3 + number) * np.arange(CONNECTIONS) % 40
                getattr(s, path).delay = steps * DT * second
        options = {"dt": None if isinstance(rule, SynapticSampling) else 0.3 * ms, "name": "rewiring", **options}
        rewiring = Rewiring(made if shared else made[0], rule, seed=seed, **options)
        monitor = RewiringMonitor(rewiring, samples_per_event=4, name="turnover")
        return part.run([rewiring], [monitor], build, between)


def set_rule(rule: Any) -> Any:
    def between(_net: Any, rewiring: Any) -> None:
        rewiring.rule = rule

    return between


def gone_back(net: Any, _rewiring: Any) -> None:
    """Store, go on, and restore: what follows is as if nothing had been."""
    fade = b2.TimedArray([2e-3, 1e-3, 0.0], dt=5 * ms)  # noqa: F841
    net.store("here")
    net.run(3 * ms)
    net.restore("here")


def by_hand(_net: Any, rewiring: Any) -> None:
    """Do an event by hand, and take on another seed."""
    rewiring.step()
    rewiring.seed = 11


def trials(front: str) -> list[Any]:
    """Leave the seed to Brian2, which draws it anew after each restore."""
    results = []

    def between(net: Any, rewiring: Any) -> None:
        net.store("here")
        for seed in (3, 4):
            net.restore("here")
            b2.seed(seed)
            net.run(3 * ms)
            results.append([rewiring.seed, rewiring.i, rewiring.j])
        net.restore("here")
        b2.seed(5)

    b2.seed(1)
    return [rewired(front, DEEPR, between=between, seed=None, synapses=[{"delay": SAME}]), results]


def grown(front: str, **options: Any) -> dict[str, Any]:
    """Let elements come and go, and connections with them."""

    def between(net: Any, _rewiring: Any) -> None:
        for out, into in (("i % 3", "3 - i % 3"), ("4 - i % 4", "(i*7) % 5"), ("1", "1"), ("3", "i % 5")):
            net["neurons"].axonal, net["neurons"].dendritic = out, into
            net.run(1 * ms)

    with device(front) as build:
        part = Part()
        part.neurons.axonal, part.neurons.dendritic = "(i*3) % 5", "(i*5) % 4 + 0.5"
        s = part.connect(source=part.neurons, pairs="False", delay=SAME)
        birth = {"theta": 0.25, "mark": "i + 1"}
        rewiring = Rewiring(
            s, SynapticElements(), capacity=30, birth=birth, seed=3, dt=0.3 * ms, name="rewiring", **options
        )
        monitor = RewiringMonitor(rewiring, name="turnover")
        return part.run([rewiring], [monitor], build, between)


BIRTHS = {"pre.delay": "((7*i + 3*j) % 51)*0.1*ms", "late.delay": 0 * ms, "post.delay": 0.7 * ms, "mark": 3}
DELAYED = [{"delays": PATHWAYS}]
PRUNED = {"birth": {"theta": "0.01*(i + j) + 0.1*x", "x": 0.25, "mark": "i + 1"}, "synapses": [{"delay": SAME}]}
TWICE = [{"delay": SAME}, {"delay": SAME, "pairs": "(7*i + 3*j) % 5 < 2"}]
ALL = np.divmod(np.arange(NUM_INPUTS * NUM_NEURONS), NUM_NEURONS)
CANDIDATES = np.column_stack(ALL)[(ALL[0] + 2 * ALL[1]) % 3 != 0]
DOUBLE = {"synapses": [{"pairs": ([0, 0, 1, 2, 2, 2], [0, 0, 1, 3, 3, 4]), "delay": SAME, "multisynaptic_index": "k"}]}
POTENTIALS = {
    "synapses": [{"model": POTENTIAL, "pairs": "True", "delay": SAME}],
    "thetas": "0.02*((3*i + 5*j) % 11 - 5)",
}
LATER = changed(DEEPR, learning_rate=0.01)


def _compiled() -> dict[str, dict[str, Any]]:
    """Return what runs in every mode."""
    return {
        "DeepR/Connections/delays": {"rule": DEEPR, "synapses": DELAYED, "birth": BIRTHS},
        "DeepR/Connections/schedules, Adam": {"rule": FADING, "synapses": [{"delay": SAME}]},
        "FixedWiring/Connections/plain": {"rule": FIXED, "synapses": [{"pairs": "(7*i + 3*j) % 5 < 2", "delay": SAME}]},
        "PruneAndRegrow/Connections/regrow": {"rule": PRUNE, **PRUNED},
        "SoftDeepR/PotentialConnections/plain": {"rule": SOFT, **POTENTIALS},
        "SynapticSampling/PotentialConnections/plain": {"rule": SAMPLING, **POTENTIALS},
        "SoftDeepR/SoftConnections/plain": {
            "rule": changed(SOFT, connectivity=0.1),
            "depth": 4,
            "birth": {"mark": "i + 1"},
            "synapses": [{"model": POTENTIAL, "delay": SAME}],
        },
    }


def _at_runtime() -> dict[str, dict[str, Any]]:
    """Return what runs interpreted and compiled, besides."""
    gone = changed(PRUNE, regrow=False)
    shared = {"synapses": TWICE, "shared": True}
    births = {"birth": PRUNED["birth"]}
    return {
        "PruneAndRegrow/Connections/for good": {"rule": gone, **PRUNED},
        "DeepR/Budget/vacant": {"rule": DEEPR, **shared},
        "FixedWiring/Budget/plain": {"rule": FIXED, **shared},
        "PruneAndRegrow/Budget/vacant": {"rule": PRUNE, **shared, **births},
        "DeepR/Connections/delays, resumed": {
            "rule": DEEPR,
            "synapses": DELAYED,
            "birth": BIRTHS,
            "between": gone_back,
        },
    }


def _interpreted() -> dict[str, dict[str, Any]]:
    """Return what else there is."""
    signed = {"signs": np.where(ALL[0] % 3, 1, -1).reshape(NUM_INPUTS, NUM_NEURONS)}
    same = {"synapses": [{"delay": SAME}]}
    drifting = SynapticSampling(
        "2/second*(1 + t/(10*ms))", "0.4/(1 + t/second)", 0.1, 0.8, 0.3 * ms, "euler", (-0.2, 0.3)
    )
    fading = SoftDeepR("0.05/(1 + t/(10*ms))", 0.4, 0.02, 0.3, optimizer=Momentum(0.5))
    shared = {"synapses": TWICE, "shared": True}
    return {
        "DeepR/Connections/Momentum, redrawn": {
            "rule": changed(DEEPR, optimizer=Momentum(0.5)), "signs": "redrawn", "excitatory": 0.8, **same
        },
        "DeepR/Connections/presynaptic": {"rule": DEEPR, "signs": "presynaptic", **same},
        "DeepR/Connections/candidates": {"rule": DEEPR, "candidates": CANDIDATES, **signed, **same, "synapses": [
            {"pairs": tuple(CANDIDATES[:30].T), "delay": SAME}]},
        "DeepR/Connections/strings": {
            "rule": DEEPR, "candidates": "(i + j) % 4 != 1", "p": "1.0/(1 + abs(i - j))",
            "synapses": [{"pairs": "(i + j) % 4 == 2", "delay": SAME}],
        },
        "DeepR/Connections/multapses": {"rule": DEEPR, "multapses": True, "signs": 1, **DOUBLE},
        "DeepR/Connections/degrees": {"rule": DEEPR, "max_in_degree": 7, "max_out_degree": 6, **same},
        "DeepR/Connections/rule set between": {"rule": DEEPR, "between": set_rule(LATER), **same},
        "DeepR/Connections/by hand": {"rule": DEEPR, "between": by_hand, **same},
        "FixedWiring/Connections/Adam": {"rule": changed(FIXED, optimizer=Adam()), **same},
        "PruneAndRegrow/Connections/at the start": {"rule": PRUNE, **PRUNED, "when": "start", "order": 2},
        "DeepR/Budget/density": {"rule": DEEPR, "split": "density", **shared},
        "DeepR/Budget/capacity, Adam": {
            "rule": changed(DEEPR, optimizer=Adam()), "capacity": 34, "split": "density", **shared,
        },
        "DeepR/Budget/vacant, resumed": {"rule": DEEPR, "between": gone_back, **shared},
        "SoftDeepR/PotentialConnections/schedules": {"rule": fading, **POTENTIALS},
        "SynapticSampling/PotentialConnections/schedules": {"rule": drifting, **POTENTIALS},
        "SynapticSampling/PotentialConnections/plain, resumed": {
            "rule": SAMPLING, "between": gone_back, **POTENTIALS
        },
    }  # fmt: skip


def programs() -> list[Program]:
    """Return all programs in Brian2; of each combination, one is fast."""
    both = {**_compiled(), **_at_runtime()}
    runs = [
        Program(f"brian {front}/{name}", partial(rewired, front, **options))
        for front, chosen in (("numpy", {**both, **_interpreted()}), ("cython", both), ("standalone", _compiled()))
        for name, options in chosen.items()
    ]
    elements = "SynapticElements/Connections"
    runs += [
        Program(f"brian numpy/{elements}/plain", partial(grown, "numpy")),
        Program(f"brian numpy/{elements}/multapses", partial(grown, "numpy", multapses=True)),
        Program(f"brian cython/{elements}/plain", partial(grown, "cython")),
        Program("brian numpy/DeepR/Connections/trials", partial(trials, "numpy")),
    ]
    first = {run.combination: run.name for run in reversed(runs)}
    return [
        run._replace(speed=_speed(run, first[run.combination]), hangs_on=_hangs_on(run.combination[1])) for run in runs
    ]


def _hangs_on(rule: str) -> str:
    return "libm" if rule == "SynapticSampling" else ""  # The exact transition has exponentials.


def _speed(run: Program, first: str) -> str:
    if run.combination[0] != "brian numpy":
        return "cython"
    return "" if run.name == first else "slow"
