"""Runs that are killed at random moments lose no more than about a second, and go on to the same bits."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import time

import brian2 as b2
import numpy as np
import pytest

from synaptic_sampling import DeepR, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.log import writer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.rate import RateNetwork, SparseLinear, Tanh, Trainer
from tests.brian.test_rewiring import MODEL, network
from tests.log.test_log import equal

STEPS, PIECES = 1100, 6
#: Seconds of wall time that may be lost, on a machine that does other things as well.
LOST = 1.0


@pytest.fixture(autouse=True)
def few_objects():
    """Let Brian2, which collects garbage before each run, look only at what is made from here on."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Training:
    """Training that saves a checkpoint every 150 steps.

    ``pause`` is how many seconds a step lasts at least, ``longest`` how late a run is killed.
    """

    pause, longest, every = 1e-3, 1.2, 150

    def __init__(self):
        rng = np.random.default_rng(1)
        self.x = rng.random((8 * STEPS, 12), np.float32)
        self.y = rng.integers(0, 4, len(self.x))

    def run(self, folder, log, done=lambda number: None):
        layers = [SparseLinear(12, 20, connections=72), Tanh(), SparseLinear(20, 4, connections=17)]
        trainer = Trainer(RateNetwork(layers, DeepR(0.1, 1e-3, 1e-3), seed=3), log=log)
        saved = folder / "checkpoint.npz"
        if saved.exists():
            trainer.load(saved)

        def watch(trainer):
            done(trainer.steps_done)
            if trainer.steps_done % self.every == 0:
                trainer.save(saved)

        trainer.fit(self.x, self.y, epochs=1, batch_size=8, watch=watch, report=None)
        trainer.log.close()
        return {name: np.array(values) for name, values in trainer.network.state().items()}


class Unsaved(Training):
    """Training that is killed before its first checkpoint: nothing but the clock writes its log."""

    pause, longest, every = 3e-3, 3.0, STEPS + 1


class Simulation:
    """A network of Brian2 that is stored after every run."""

    pause, longest = 1e-3, 1.0

    def run(self, folder, log, done=lambda number: None):
        b2.start_scope()
        b2.prefs.codegen.target = "numpy"
        b2.seed(4)
        inputs = b2.PoissonGroup(10, rates=20 * b2.Hz, name="killed_inputs")
        neurons = b2.NeuronGroup(8, "v : 1", name="killed_neurons")
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w", name="killed")
        connect_exactly(s, connections=30, seed=1)
        s.theta = "0.1*(i % 3)"
        rewiring = Rewiring(s, DeepR(0.1, 1.0, 0.1), seed=5, dt=1 * b2.ms, name="killer")
        rewiring.callback = lambda _, info: done(info.step)
        monitor = RewiringMonitor(rewiring, log=log, name="killed_monitor")
        net = network(s, rewiring, monitor)
        saved = folder / "stored"
        if saved.exists():
            net.restore(filename=str(saved), restore_random_state=True)
        while net.t < PIECES * 100.1 * b2.ms:
            net.run(100.1 * b2.ms)
            net.store(filename=str(folder / "half"))
            os.replace(folder / "half", saved)  # Brian2 writes in place.
        monitor.log.close()
        return {"theta": s.theta[:], "i": s.i[:], "j": s.j[:], "v": neurons.v[:]}


def killed(kind, folder, seconds):
    """Run in another process, kill it, and return when it was killed and when it had done each step."""
    clock = mmap.mmap(-1, 8 * 100_000)
    done = np.frombuffer(clock, np.float64)

    def tell(number):
        done[number] = time.monotonic()
        time.sleep(kind.pause)

    child = os.fork()
    if not child:
        try:
            kind.run(folder, RewiringLog(folder / "run.rewiring"), tell)
        finally:
            os._exit(0)
    begin = time.monotonic()
    while not done.any() and time.monotonic() < begin + 60:
        time.sleep(1e-3)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    when = time.monotonic()
    os.waitpid(child, 0)
    return when, done


def kills(kind, number, path, rng):
    """Kill runs and let them go on; return how many seconds each lost, and how many were under way."""
    (path / "whole").mkdir()
    bits = kind.run(path / "whole", RewiringLog(path / "whole" / "run.rewiring"))
    whole = RewiringLog.open(path / "whole" / "run.rewiring")
    lost, under_way = [], 0
    for n in range(number):
        folder = path / str(n)
        folder.mkdir()
        # The last one late: it has the most to lose.
        when, done = killed(kind, folder, rng.uniform(0.0, kind.longest) if n < number - 1 else 0.7 * kind.longest)
        log = RewiringLog.open(folder / "run.rewiring")
        under_way += log.last_step < whole.last_step
        for index in log.sets:
            log.lives(index)
        missing = done[log.last_step + 1 :]
        missing = missing[missing > 0]
        lost.append(when - missing[0] if len(missing) else 0.0)
        again = RewiringLog(folder / "run.rewiring", mode="a", step=None if any(folder.glob("[cs]*")) else 0)
        got = kind.run(folder, again)
        assert all(np.array_equal(got[name], bits[name]) for name in bits)
        assert equal(RewiringLog.open(folder / "run.rewiring"), whole)
    print(f"{number} kills, {under_way} under way: lost at most {max(lost):.2f} s, {np.mean(lost):.2f} s on average")
    return lost, under_way


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (Training, 3),
        (Unsaved, 1),
        pytest.param(Simulation, 10, marks=pytest.mark.slow),
        pytest.param(Training, 200, marks=pytest.mark.slow),
        pytest.param(Unsaved, 50, marks=pytest.mark.slow),
        pytest.param(Simulation, 200, marks=pytest.mark.slow),
    ],
)
def test_killed_runs_lose_a_second_and_go_on_to_the_same_bits(kind, number, tmp_path, rng):
    lost, under_way = kills(kind(), number, tmp_path, rng)
    assert under_way > number / 2
    assert max(lost) < LOST


@pytest.mark.slow
def test_without_the_clock_more_would_be_lost(tmp_path, rng, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(writer, "INTERVAL", 1e9)
    assert max(kills(Unsaved(), 3, tmp_path, rng)[0]) > LOST
