"""One compilation serves all runs that differ in data, order, seeds, initial values, wiring and parameters."""

from __future__ import annotations

import copy
import gc
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from synaptic_sampling import Adam, DeepR, PruneAndRegrow, Rewiring, RewiringMonitor
from synaptic_sampling.brian import ArrayStream, run_program
from synaptic_sampling.brian.standalone import compiled
from synaptic_sampling.brian.standalone.literals import move_literals
from tests.brian.test_standalone import differences, standalone
from tests.brian.test_stream import sources

NUM_INPUTS, NUM_NEURONS, CONNECTIONS = 9, 8, 25


pytestmark = pytest.mark.usefixtures("exact_flags")


def network(number=1, *, duration=20, bias="", threads=0):
    """Return a network with fixed names; ``number`` changes all that needs no compilation."""
    gc.collect()  # Names of objects that are gone are free.
    rng = np.random.default_rng(number)
    b2.seed(number)
    values = rng.integers(0, 255, (6, NUM_INPUTS)).astype(np.uint8)
    images = ArrayStream(values, dt=2 * ms, order=rng.permutation(6)[: 2 + number], name="images")
    inputs = b2.NeuronGroup(
        NUM_INPUTS, "dv/dt = (images(t, i)/64 - v)/(5*ms) : 1", threshold="v > 1", reset="v = 0", method="exact",
        namespace={"images": images}, name="inputs",
    )  # fmt: skip
    neurons = b2.NeuronGroup(
        NUM_NEURONS, f"dv/dt = -v/tau{bias} : 1\ntau : second (shared, constant)",
        threshold="v > 1", reset="v = 0", method="euler", name="neurons",
    )  # fmt: skip
    neurons.tau, neurons.v = (5 + number) * ms, rng.random(NUM_NEURONS)
    model = "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1\nrate : 1 (shared)"
    parts = []
    for name, rule, options in (
        ("learning", DeepR(0.01 * number, 1.0, 2e-3 / number, optimizer=Adam(1 - 0.1 * number)), {}),
        ("pruned", PruneAndRegrow("theta < 0.1"), {"birth": {"theta": 0.1 * number}}),
    ):
        s = b2.Synapses(
            inputs, neurons, model, on_pre="v_post += rate*w; gradient += 0.6 - v_post; theta *= 0.95", name=name,
            delay=0.3 * ms,
        )  # fmt: skip
        keys = np.sort(rng.choice(NUM_INPUTS * NUM_NEURONS, CONNECTIONS, replace=False))
        s.connect(i=keys // NUM_NEURONS, j=keys % NUM_NEURONS)
        s.theta, s.rate = 0.2 * rng.random(CONNECTIONS), 0.3 + 0.1 * number
        rewiring = Rewiring(
            s, rule, seed=number, dt=1 * ms, excitatory=0.3 * number, signs="site", name=f"rewiring_{name}", **options
        )
        parts += [s, rewiring, RewiringMonitor(rewiring, name=f"monitor_{name}")]
    spikes = b2.SpikeMonitor(neurons, name="spikes")
    net = b2.Network(inputs, neurons, spikes, parts, name="net")
    net.run(duration * ms)
    return net


def seen(net):
    """Return all results, copied."""
    results = {"spikes": [net["spikes"].i[:], net["spikes"].t_[:], net["neurons"].v[:]]}
    for name in ("learning", "pruned"):
        s, rewiring, log = net[name], net[f"rewiring_{name}"], net[f"monitor_{name}"].log
        results[name] = [s.i[:], s.j[:], s.theta[:], s.gradient[:], rewiring.connections.birth_step, log.events]
    return copy.deepcopy(results)


def generated(folder, number=1, threads=0, **options):
    """Return the sources of a project and its static arrays."""
    with standalone(folder, threads):
        net = network(number, **options)
        move_literals()
        b2.device.build(directory=str(folder), compile=False, run=False)
        del net
    return sources(folder)


def test_code_is_the_same_for_other_seeds_data_weights_wiring_and_parameters(tmp_path):
    first = generated(tmp_path / "1")
    assert len(first) > 20
    assert first == generated(tmp_path / "2", 2)
    assert first == generated(tmp_path / "3", 3, duration=30)
    changed = generated(tmp_path / "4", bias=" + 1/ms")
    assert {name for name in first if first[name] != changed.get(name)} == {
        "code_objects/neurons_stateupdater_codeobject.cpp"
    }
    assert first != generated(tmp_path / "5", threads=2)


def test_code_does_not_hang_on_the_process(tmp_path):
    """Sets of strings have another order in each process."""
    code = (
        "import sys; from pathlib import Path; from tests.brian.test_compiled import generated; "
        "generated(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    for number in (1, 2):
        environment = {**os.environ, "PYTHONHASHSEED": str(number)}
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / str(number)), str(number)], check=True, env=environment
        )
    assert sources(tmp_path / "1") == sources(tmp_path / "2")


def test_literals_are_moved_with_their_bits(tmp_path):
    with standalone(tmp_path):
        group = b2.NeuronGroup(
            3, "a : 1 (shared)\nn : integer (shared)\nyes : boolean (shared)\nx : 1\nm : integer", name="group"
        )
        group.a, group.n, group.yes, group.x, group.m = -0.1, -7, True, 1 / 3, 5
        group.x[1] = 1e-300
        b2.seed(2**40 + 1)
        b2.seed(2**64 - 3)
        b2.Network(group, name="net").run(1 * ms)
        move_literals()
        b2.device.build(directory=str(tmp_path), compile=False, run=False)
        main = (tmp_path / "main.cpp").read_text()
        arrays = {name: list(values) for name, values in b2.device.static_arrays.items()}
    numbers, integers = arrays["_static_array_numbers"], arrays["_static_array_integers"]
    assert {-0.1, 1 / 3, 1e-300, 0.001} <= set(numbers)
    assert {-7, 5, 2**40 + 1, -3} <= set(integers)
    assert not re.search(r"\d\.\d|e-|- ?7|\d{5}", main.split("int main(")[1].replace("NULL, 10.0", ""))
    assert re.search(r"yes\w*\[0\] = _static_array_integers\[\d+\]", main)


def test_single_values_are_set_in_the_order_of_their_arrays(tmp_path):
    """Brian2 sets the times of clocks in the order of a set of objects, which depends on their addresses."""
    single = [("set_by_single_value", (name, item, "f(x)")) for name, item in (("b", 0), ("a", 1), ("a", 0))]
    other = [("insert_code", "f();")]
    with standalone(tmp_path):
        b2.device.main_queue[:] = [*single, *other, *single[:1]]
        move_literals()
        assert b2.device.main_queue == [*single[1:], *single[:1], *other, *single[:1]]


@contextmanager
def fake_compiler(monkeypatch, seconds=0.0):
    """Have make be replaced by a function that counts its calls."""
    calls = []

    def compile_source(self, directory, *_):
        calls.append(directory)
        threading.Event().wait(seconds)
        Path(directory, "main").write_text(f"program {len(calls)}")

    monkeypatch.setattr(CPPStandaloneDevice, "compile_source", compile_source)
    yield calls


@pytest.mark.cython
def test_a_program_is_found_by_all_that_determines_it(tmp_path, monkeypatch):
    headers, project, cache = (tmp_path / name for name in ("headers", "project", "cache"))
    headers.mkdir()
    (headers / "own.h").write_text('#include "deeper.h"\n')
    (headers / "deeper.h").write_text("// one\n")
    with fake_compiler(monkeypatch) as calls, standalone(project):
        b2.device.include_dirs.append(str(headers))
        b2.device.headers.append('"own.h"')
        b2.Network(b2.NeuronGroup(1, "x : 1", name="group"), name="net").run(1 * ms)
        b2.device.build(directory=str(project), compile=False, run=False)
        assert compiled._provide(project, cache)
        assert not compiled._provide(project, cache)
        (project / "main").unlink()
        assert not compiled._provide(project, cache)
        assert (project / "main").read_text() == "program 1"
        for path, text in (
            (headers / "deeper.h", "// two\n"),
            (project / "brianlib" / "spikequeue.h", "// other queues\n"),
            (project / "main.cpp", "int main() { return 0; }\n"),
            (project / "makefile", (project / "makefile").read_text().replace("-O2", "-O1")),
        ):
            path.write_text(text)
            assert compiled._provide(project, cache), path
            assert not compiled._provide(project, cache)
        monkeypatch.setenv("CXX", "no such compiler")
        with pytest.raises(
            RuntimeError, match=r"the C\+\+ compiler cannot be called: make(\[\d+\])?: no: .*; install one, or set CXX"
        ):
            compiled._provide(project, cache)
    assert len(calls) == 5
    assert len([path for path in cache.iterdir() if path.suffix != ".lock"]) == 5


@pytest.mark.cython
def test_of_several_processes_one_compiles(tmp_path, monkeypatch):
    with fake_compiler(monkeypatch, 0.3) as calls, standalone(tmp_path / "project"):
        b2.Network(b2.NeuronGroup(1, "x : 1", name="group"), name="net").run(1 * ms)
        b2.device.build(directory=str(tmp_path / "project"), compile=False, run=False)
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(compiled._provide(tmp_path / "project", tmp_path / "cache")))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [False, False, True]
    assert len(calls) == 1


def test_other_devices_are_refused(tmp_path):
    with pytest.raises(RuntimeError, match=r"needs set_device.*build_on_run=False.*: the device is RuntimeDevice"):
        run_program(tmp_path)
    b2.set_device("cpp_standalone", directory=str(tmp_path))
    try:
        with pytest.raises(RuntimeError, match="build_on_run is True"):
            run_program(tmp_path)
        b2.get_device().build_on_run, b2.get_device().has_been_run = False, True
        with pytest.raises(RuntimeError, match=r"has been run; for another network, call device.reinit"):
            run_program(tmp_path)
    finally:
        b2.device.reinit()
        b2.set_device("runtime")
    assert list(tmp_path.iterdir()) == []


def at_runtime(number):
    b2.prefs.codegen.target = "cython"
    try:
        return seen(network(number))
    finally:
        b2.prefs.codegen.target = "numpy"


@pytest.mark.slow
@pytest.mark.cython
def test_one_compilation_serves_all(tmp_path):
    results = {}
    for number in (1, 2, 3):
        folder = tmp_path / str(number)
        with standalone(folder):
            net = network(number)
            assert run_program(folder, cache=tmp_path / "cache") == (number == 1)
            results[number] = seen(net)
        del net
    assert len(results[1]["learning"][5]) > 20
    for number in (1, 2, 3):
        assert differences(results[number], at_runtime(number)) == []
    with standalone(tmp_path / "alone") as build:
        net = network(2)
        build()
        assert differences(results[2], seen(net)) == []
    del net
    with standalone(tmp_path / "changed"):
        net = network(2, bias=" + 0.001/ms")
        assert run_program(tmp_path / "changed", cache=tmp_path / "cache")
        assert differences(results[2], seen(net))


@pytest.mark.slow
@pytest.mark.cython
def test_clocks_tick_together_for_a_long_time(tmp_path):
    """Times such as 2142*30*ms and 64260*ms differ by rounding; Brian2 alone lets one clock tick after the other."""
    with standalone(tmp_path):
        fast, slow = b2.Clock(1 * ms, name="fast"), b2.Clock(30 * ms, name="slow")
        group = b2.NeuronGroup(1, "number : 1\nearly : 1\nlate : 1", clock=fast, name="group")
        group.run_regularly("early += int(number > floor(t/(30*ms) - 0.01) + 1)", when="start")
        group.run_regularly("number += 1", clock=slow, when="start", order=1)
        group.run_regularly("late += int(number < floor(t/(30*ms) + 0.01) + 1)", when="end")
        b2.Network(group, name="net").run(70 * b2.second)
        run_program(tmp_path, cache=tmp_path / "cache")
        assert group.number[0] == 2334
        assert group.early[0] == group.late[0] == 0


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("ours", [True, False])
def test_traces_decay_to_0(tmp_path, ours, threads):
    """Brian2 alone keeps the smallest denormal number forever, and computes with it slowly."""
    with standalone(tmp_path, threads) as build:
        show = ArrayStream([0.0, 0.0], dt=1 * ms) if ours else b2.TimedArray([0.0, 0.0], dt=1 * ms)
        group = b2.NeuronGroup(
            1000, "dx/dt = (show(t) - x)/(5*ms) : 1", method="exact", dt=1 * ms, namespace={"show": show}
        )
        group.x = 1e-300
        b2.Network(group).run(400 * ms)
        build()
        x = np.array(group.x[:])
    assert (x == 0).all() if ours else (x > 0).all()
