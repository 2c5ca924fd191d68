"""Runs of Brian2 networks that are cut and go on in new objects, or another process, equal uninterrupted ones."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, RewiringLog, RewiringMonitor, connect_exactly
from synaptic_sampling.brian import run_resumable
from synaptic_sampling.brian.internals import buffers
from synaptic_sampling.checkpoint import CheckpointError, load_latest, save_checkpoint

ROOT = Path(__file__).parents[2]
STEP, STEPS = 0.1, 200
CUTS = 20

MODEL = """w = polarity*theta : 1
           theta : 1
           polarity : 1
           gradient : 1"""


@pytest.fixture(autouse=True)
def target(request):
    """Compile nothing in fast tests."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "cython" if request.node.get_closest_marker("cython") else "numpy"
    yield
    b2.prefs.codegen.target = before


class Built:
    """A network with noise, random resets, delays, plastic synapses and, if wanted, monitors."""

    def __init__(self, log=None, *, monitored=True, rule=None, number=20):
        b2.start_scope()
        b2.defaultclock.dt = STEP * b2.ms
        b2.seed(3)
        inputs = b2.PoissonGroup(15, rates=200 * b2.Hz, name="cut_inputs")
        model = "dv/dt = (1.1-v)/(5*ms) + 0.3*xi/sqrt(5*ms) : 1"
        self.neurons = b2.NeuronGroup(
            number, model, threshold="v > 1", reset="v = 0.2*rand()", method="euler", name="cut_neurons"
        )
        self.synapses = b2.Synapses(
            inputs, self.neurons, MODEL, on_pre="v_post += w; gradient += v_post - 0.5", delay=1.7 * b2.ms, name="cut"
        )
        connect_exactly(self.synapses, connections=60)
        self.synapses.theta = "0.3*rand()"
        rule = DeepR(0.02, 0.3, 1e-2) if rule is None else rule
        self.rewiring = Rewiring(self.synapses, rule, dt=1 * b2.ms, name="cut_rewiring")
        self.net = b2.Network(inputs, self.neurons, self.synapses, self.rewiring)
        self.spikes = self.changes = None
        if monitored:
            self.spikes = b2.SpikeMonitor(self.neurons, name="cut_spikes")
            self.changes = RewiringMonitor(self.rewiring, log=log, name="cut_changes")
            self.net.add(self.spikes, self.changes)

    def found(self):
        """Return everything that there is at the end."""
        s = self.synapses
        values = [s.i[:], s.j[:], s.theta[:], s.gradient[:], self.neurons.v[:], np.array([self.rewiring.seed])]
        if self.spikes is not None:
            log = self.changes.log
            values += [self.spikes.t[:], self.spikes.i[:], log.events, log.times]
        return [np.asarray(each).tobytes() for each in values]


def disturb(rng):
    """Use Brian2's random numbers for something else, as a new process would have other ones."""
    b2.seed(int(rng.integers(2**31)))
    group = b2.NeuronGroup(int(rng.integers(1, 50)), "x = rand() + randn() : 1 (constant over dt)")
    b2.Network(group, b2.StateMonitor(group, "x", record=[0])).run(1 * b2.ms)


def uninterrupted(**options):
    built = Built(**options)
    built.net.run(STEPS * STEP * b2.ms)
    return built


def cut_at(cuts, path, rng, **options):
    """Return what a network ends with that is built again after each cut."""
    for cut in (*cuts, STEPS):
        disturb(rng)
        built = Built(**options)
        run_resumable(built.net, cut * STEP * b2.ms, checkpoint=path, checkpoint_every=cut * STEP * b2.ms, resume=True)
    return built


def check_cuts(number, tmp_path, rng, **options):
    whole = uninterrupted(**options).found()
    for cut in rng.permutation(np.arange(1, STEPS))[:number].tolist():
        assert cut_at([cut], tmp_path / f"{cut}.npz", rng, **options).found() == whole, cut
    return whole


@pytest.mark.parametrize("monitored", [True, False])
def test_a_cut(tmp_path, rng, monitored):
    check_cuts(1, tmp_path, rng, monitored=monitored)


@pytest.mark.slow
@pytest.mark.parametrize("monitored", [True, False])
def test_twenty_cuts(tmp_path, rng, monitored):
    check_cuts(CUTS, tmp_path, rng, monitored=monitored)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("monitored", [True, False])
def test_twenty_cuts_of_compiled_code(tmp_path, rng, monitored):
    check_cuts(CUTS, tmp_path, rng, monitored=monitored)


def test_checkpoints_change_nothing_and_a_log_in_a_file_goes_on(tmp_path, rng, caplog):
    """In the checkpoint before a damaged one, and where there is none yet."""
    whole = uninterrupted(log=tmp_path / "whole.rewiring")
    path, log = tmp_path / "run.npz", tmp_path / "run.rewiring"

    def run(until):
        disturb(rng)
        built = Built(log=RewiringLog(log, mode="a"))
        run_resumable(built.net, until * b2.ms, checkpoint=path, checkpoint_every=5 * b2.ms, resume=True)
        built.changes.log.close()
        return built

    run(2.5)
    for left in tmp_path.glob("*.npz"):
        left.unlink()
    run(12.0)
    assert [load_latest(each).about["seconds"] for each in sorted(tmp_path.glob("*.npz"))] == pytest.approx(
        [0.012, 0.010]
    )
    path.write_bytes(path.read_bytes()[:-100])
    end = run(STEPS * STEP)
    assert "run.previous.npz is used instead" in caplog.text
    assert end.found()[:-2] == whole.found()[:-2]
    own, other = RewiringLog.load(log), RewiringLog.load(tmp_path / "whole.rewiring")
    assert own.events.tobytes() == other.events.tobytes()
    assert own.times.tobytes() == other.times.tobytes()
    assert len(own.events) > 50
    assert run(STEPS * STEP).found() == end.found()


def test_without_the_random_numbers_it_goes_another_way(tmp_path, rng, monkeypatch):
    """Negative control."""
    whole = uninterrupted().found()
    monkeypatch.setattr(b2.Network, "restore", restore_without_random_state)
    assert cut_at([155], tmp_path / "run.npz", rng).found() != whole


def restore_without_random_state(self, *, filename, restore_random_state):
    restore(self, filename=filename)


restore = b2.Network.restore


def test_other_networks_are_refused(tmp_path):
    path, options = tmp_path / "run.npz", {"checkpoint_every": 1 * b2.ms}
    run_resumable(Built().net, 2 * b2.ms, checkpoint=path, **options)
    for built, message in [
        (Built(rule=DeepR(0.03, 0.3, 1e-2)), r"cut_rewiring.rules is"),
        (Built(monitored=False), "cut_changes is .* there and None here"),
        (Built(number=21), "cut_neurons.neurons is 20 there and 21 here"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            run_resumable(built.net, 3 * b2.ms, checkpoint=path, resume=True, **options)
        assert float(built.net.t) == 0.0
    built = Built()
    with pytest.raises(CheckpointError, match=r"is at 0\.002 s, later than until=0\.001 s; increase it"):
        run_resumable(built.net, 1 * b2.ms, checkpoint=path, resume=True, **options)
    with pytest.raises(FileExistsError, match="pass resume=True"):
        run_resumable(built.net, 3 * b2.ms, checkpoint=path, **options)
    save_checkpoint(tmp_path / "other.npz", {"x": np.zeros(2)}, {})
    with pytest.raises(CheckpointError, match="does not fit"):
        run_resumable(built.net, 3 * b2.ms, checkpoint=tmp_path / "other.npz", resume=True, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"network": 3}, TypeError, r"network must be a Network, such as Network\(collect\(\)\), got 3"),
        ({"network": b2.Network()}, ValueError, "network must have objects"),
        ({"until": 3}, b2.DimensionMismatchError, "until must be a time"),
        ({"until": "x"}, TypeError, "until must be a time"),
        ({"checkpoint_every": 0 * b2.ms}, ValueError, "checkpoint_every must be above 0"),
        ({"checkpoint_every": 0.25 * b2.ms}, ValueError, r"must be a multiple of the time step of 0\.0001 s"),
        ({"checkpoint": None}, TypeError, "checkpoint must be"),
        ({"checkpoint": "no/such/run.npz"}, ValueError, "checkpoint must be a file in a folder that exists"),
        ({"resume": 1}, TypeError, "resume must be True or False"),
    ],
)
def test_wrong_arguments(options, error, message):
    built = Built(monitored=False)
    given = {"network": built.net, "until": 1 * b2.ms, "checkpoint": "x.npz", "checkpoint_every": 1 * b2.ms, **options}
    with pytest.raises(error, match=message):
        run_resumable(**given)
    assert float(built.net.t) == 0.0


def test_a_full_disk_leaves_what_was_saved(tmp_path, monkeypatch):
    whole = uninterrupted().found()
    path, savez, left = tmp_path / "run.npz", np.savez, iter([True, True])

    def full(file, **entries):
        if next(left, False):
            return savez(file, **entries)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    options = {"checkpoint": path, "checkpoint_every": 5 * b2.ms}
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left"):
            run_resumable(Built().net, STEPS * STEP * b2.ms, **options)
    assert load_latest(path).about["seconds"] == pytest.approx(0.010)
    built = Built()
    run_resumable(built.net, STEPS * STEP * b2.ms, resume=True, **options)
    assert built.found() == whole


def test_a_network_that_stops_itself_is_not_continued(tmp_path):
    built = Built(monitored=False)

    @b2.network_operation(dt=1 * b2.ms)
    def stop(t):
        if t >= 5 * b2.ms:
            built.net.stop()

    built.net.add(stop)
    run_resumable(built.net, 40 * b2.ms, checkpoint=tmp_path / "run.npz", checkpoint_every=2 * b2.ms, namespace={})
    assert float(built.net.t) == pytest.approx(0.0051)


def seconds_in(path):
    """Return the time of the newest checkpoint."""
    found = load_latest(path)
    return 0.0 if found is None else found.about["seconds"]


def start(path, log):
    """Start a process that goes on with a long run."""
    code = (
        "import brian2 as b2; b2.prefs.codegen.target = 'cython'\n"
        "from tests.brian.test_resumable import Built, RewiringLog, run_resumable\n"
        f"built = Built(log=RewiringLog({str(log)!r}, mode='a'))\n"
        "print('begins', flush=True)\n"
        f"run_resumable(built.net, 100*b2.second, checkpoint={str(path)!r}, checkpoint_every=5*b2.ms, resume=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, **options)


@pytest.mark.slow
@pytest.mark.cython
def test_a_process_that_is_killed_again_and_again(tmp_path):
    """In another process, buffers of random numbers are at other addresses."""
    path, log, draw, reached = tmp_path / "run.npz", tmp_path / "run.rewiring", random.Random(1), 0.0
    for _ in range(5):
        with start(path, log) as process:
            assert process.stdout.readline() == "begins\n", process.stderr.read()
            end = time.monotonic() + 300  # The first process compiles.
            while time.monotonic() < end and process.poll() is None and seconds_in(path) == reached:
                time.sleep(0.05)
            time.sleep(draw.uniform(0, 0.5))
            assert process.poll() is None, process.stderr.read()
            process.send_signal(signal.SIGKILL)
        assert seconds_in(path) > reached
        reached = seconds_in(path)
    end = (np.ceil(reached / 0.05) + 2) * 50 * b2.ms
    cut = Built(log=RewiringLog(log, mode="a"))
    run_resumable(cut.net, end, checkpoint=path, checkpoint_every=5 * b2.ms, resume=True)
    found = cut.found()
    whole = Built()
    whole.net.run(end)
    assert found == whole.found()


def test_prune_and_regrow_has_the_seed_of_the_uncut_run(tmp_path, rng):
    """A seed that is drawn stays the same after a checkpoint, unlike after Brian2's store."""
    rule = PruneAndRegrow("theta < 0.05")
    assert check_cuts(1, tmp_path, rng, rule=rule)


@pytest.mark.slow
@pytest.mark.cython
def test_buffers_are_copied():
    built = Built(monitored=False)
    built.net.run(1 * b2.ms)
    before = buffers.contents()
    buffers.fill(before)
    after = buffers.contents()
    assert before.keys() == after.keys()
    for name, values in before.items():
        assert values.tobytes() == after[name].tobytes()
        assert ((values > -7) & (values < 7)).all()
