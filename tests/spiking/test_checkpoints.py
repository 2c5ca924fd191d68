"""Trainings that are stopped and go on from a checkpoint, in runtime mode, as programs, and in both in turn."""

from __future__ import annotations

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
from brian2 import Hz

from synaptic_sampling import Adam, FixedWiring
from synaptic_sampling.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.rules import PruneAndRegrow, RigLDescent
from synaptic_sampling.spiking import EpropNetwork, RatePenalty, SequenceTask, Training, Wiring
from tests.spiking.test_training import REPLACING, RULE, SOFT, network, patterns

ROOT = Path(__file__).parents[2]
#: Number of kills.
CUTS = 20


@pytest.fixture(autouse=True)
def target(request):
    """Compile nothing in fast tests; only Cython has the bits of a program."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "cython" if request.node.get_closest_marker("cython") else "numpy"
    yield
    b2.prefs.codegen.target = before


class Stopped(Exception):
    """Ends a training after a checkpoint."""


def stop(_):
    raise Stopped


def cut_training(path, training, epochs, **options):
    """Return the result of a training that is stopped after each epoch but the last."""
    for _ in range(epochs - 1):
        with pytest.raises(Stopped):
            training.run(checkpoint=path, resume=True, watch=stop, **options)
    return training.run(checkpoint=path, resume=True, **options)


def assert_same(one, other, *, snapshots=True):
    """Compare everything but durations; ``snapshots``: whether both logs have some at the same steps."""
    for name in ("accuracies", "training_accuracies", "samples", "rate", "sites"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.weights.keys() == other.weights.keys()
    for name, columns in one.weights.items():
        for a, b in zip(columns, other.weights[name], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    for name in ("events", "times"):
        np.testing.assert_array_equal(getattr(one.log, name), getattr(other.log, name))
    assert [one.log.rules_of(n) for n in range(2)] == [other.log.rules_of(n) for n in range(2)]
    assert (one.log.sets, one.log.metadata) == (other.log.sets, other.log.metadata)
    taken = [list(result.log.snapshots) for result in (one, other)]
    if not snapshots:  # Those at the start and at the end.
        taken = [[each for each in kept if each.step in (kept[0].step, kept[-1].step)] for kept in taken]
    for a, b in zip(*taken, strict=True):
        assert a[:2] == b[:2]
        for values, others in zip(a[2:], b[2:], strict=True):
            np.testing.assert_array_equal(values, others)


def without_tests():
    """Return sequences that are all learned: an epoch then ends before its last update."""
    task = patterns()
    return SequenceTask(task.inputs, task.labels, train=task.train)


def held_inputs():
    """Return sequences of inputs that are constant: the gradient of the last one is added before its update."""
    task = patterns()
    return SequenceTask(task.inputs.mean(axis=1), task.labels, train=task.train, steps=12)


MOVING = RigLDescent(0.05, optimizer=Adam(), fraction=0.2, every=5)
PENALTY = RatePenalty(30.0, 20 * Hz)
CASES = {
    "no tests, rates": (network(rate_penalty=PENALTY, feedback="random"), without_tests()),
    "redrawn signs, rewired readout": (
        EpropNetwork(
            20, 10, *(Wiring(0.3, RULE, signs="redrawn") for _ in range(3)), rate_penalty=PENALTY, feedback="random"
        ),
        patterns(framed=True),
    ),
    "held inputs": (network(rate_penalty=PENALTY), held_inputs()),
    "gradients of all pairs": (network(MOVING, rate_penalty=PENALTY), held_inputs()),
    "gradients of all pairs, frames": (network(MOVING), without_tests()),
    "set, no recurrent synapses": (network(REPLACING, recurrent=None), without_tests()),
    "soft": (network(SOFT, rate_penalty=PENALTY), held_inputs()),
    "fewer connections": (network(PruneAndRegrow("theta < 0.5", regrow=False)), without_tests()),
}


#: These have all kinds of state that the others have.
FAST = {"held inputs", "soft", "redrawn signs, rewired readout", "gradients of all pairs, frames"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in FAST)) for n in CASES])
def test_a_cut_training_is_the_uncut_one(tmp_path, name):
    training = Training(*CASES[name], epochs=2, batch=4, decay=0.3, seed=1)
    plain = training.run()
    assert plain.log.num_deaths > 20
    cut = cut_training(tmp_path / "cut.npz", training, 2)
    assert_same(plain, cut, snapshots=False)
    # Nothing is left to do.
    assert_same(cut, training.run(checkpoint=tmp_path / "cut.npz", resume=True))


def test_epochs_may_be_added_where_no_rate_depends_on_their_number(tmp_path):
    path = tmp_path / "run.npz"
    one, two = (Training(network(), patterns(), epochs=n, batch=4, seed=1) for n in (1, 2))
    one.run(checkpoint=path)
    results = []
    assert_same(two.run(checkpoint=path, resume=True, watch=results.append), two.run(), snapshots=False)
    assert [result.samples for result in results] == [[45, 90]]
    with pytest.raises(CheckpointError, match="has 2 epochs, which is more than epochs=1; increase it"):
        one.run(checkpoint=path, resume=True)
    with pytest.raises(CheckpointError, match=r"decay is 1\.0 there and 0\.5 here; epochs is 'any' there and 3 here"):
        Training(network(), patterns(), epochs=3, batch=4, seed=1, decay=0.5).run(checkpoint=path, resume=True)


def test_checkpoints_of_others_are_refused(tmp_path):
    path, task = tmp_path / "run.npz", patterns()
    options = {"batch": 4, "seed": 1}
    Training(network(), task, **options).run(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="exists; pass resume=True to continue from it, or choose another path"):
        Training(network(), task, **options).run(checkpoint=path)
    labels = task.labels.copy()
    labels[0] = 1
    for changed, message in [
        (Training(network(), task, batch=4, seed=2), "of another run: seed is 1 there and 2 here"),
        (Training(network(lif=21), task, **options), "net.lif is 20 there and 21 here"),
        (Training(network(FixedWiring(0.1)), task, **options), "net.input.rule.class is 'DeepR' there and 'Fixed"),
        (Training(network(), SequenceTask(task.inputs, labels, task.train, task.test), **options), "task.labels is"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            changed.run(checkpoint=path, resume=True)
    assert path.read_bytes() == before


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    training = Training(network(), patterns(), batch=4, seed=1)
    save_checkpoint(path, {"a": np.zeros(2)}, {})
    with pytest.raises(CheckpointError, match="is not a checkpoint of a spiking network"):
        training.run(checkpoint=path, resume=True)
    path.unlink()
    training.run(checkpoint=path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError):
        training.run(checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint": 3}, TypeError, "checkpoint must be a str or a PathLike, got 3"),
        ({"checkpoint": "no/such/folder.npz"}, ValueError, "checkpoint must be a file in a folder that exists"),
        ({"checkpoint": "."}, ValueError, "checkpoint must be a file"),
        (
            {"checkpoint": "x.npz", "checkpoint_every": 0},
            ValueError,
            "checkpoint_every must be between 1 and 21474",
        ),
        ({"checkpoint": "x.npz", "resume": 1}, TypeError, "resume must be True or False, got 1"),
        ({"checkpoint": "x.npz", "watch": 1}, TypeError, "watch must be"),
        ({"checkpoint": "x.npz", "log": "x"}, ValueError, "log must be None with a checkpoint, which contains it"),
        ({"resume": True}, ValueError, "resume needs checkpoint=, the path of a file; it is None"),
        ({"checkpoint_every": 2}, ValueError, "checkpoint_every needs checkpoint="),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Training(network(), patterns()).run(**options)


def of_kills(epochs):
    """Return the training that is killed."""
    net = network(rate_penalty=PENALTY, feedback="random")
    return Training(net, without_tests(), epochs=epochs, batch=4, decay=0.3, seed=1)


def start(device, path, cache, epochs):
    """Start a process that goes on with a training, and says when it begins and after each checkpoint."""
    code = (
        "import brian2 as b2; b2.prefs.codegen.target = 'cython'\n"
        "from tests.spiking.test_checkpoints import of_kills\n"
        "print('begins', flush=True)\n"
        f"of_kills({epochs}).run(device={device!r}, checkpoint={str(path)!r}, resume=True, cache={cache!r},\n"
        "    watch=lambda result: print(len(result.samples), flush=True))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, **options)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("name", ["held inputs", "redrawn signs, rewired readout", "soft"])
def test_a_program_in_parts_is_compiled_once(tmp_path, name):
    training = Training(*CASES[name], epochs=3, batch=4, decay=0.3, seed=1)
    options = {"device": "cpp_standalone", "cache": tmp_path / "cache"}
    plain = training.run(**options)
    cut = cut_training(tmp_path / "cut.npz", training, 3, **options)
    assert_same(plain, cut, snapshots=False)
    assert_same(plain, training.run(checkpoint=tmp_path / "two.npz", checkpoint_every=2, **options), snapshots=False)
    assert len(list((tmp_path / "cache").glob("*.lock"))) == 1


@pytest.mark.slow
@pytest.mark.cython
def test_a_training_that_is_killed_again_and_again_is_the_uncut_one(tmp_path):
    path, cache, epochs = tmp_path / "run.npz", str(tmp_path / "cache"), 80
    draw, devices = random.Random(1), ("runtime", "cpp_standalone")
    reached, cut = 0, dict.fromkeys(devices, 0)
    for number in range(CUTS + 2):
        device = devices[number % 2]
        with start(device, path, cache, epochs) as process:
            assert process.stdout.readline() == "begins\n", process.stderr.read()
            for more in range(draw.randint(number < 2, 1)):  # The first ones compile.
                assert int(process.stdout.readline()) == reached + more + 1, process.stderr.read()
            time.sleep(draw.uniform(0, 2))
            assert process.poll() is None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        cut[device] += 1
        now = load_checkpoint(path).about["epochs"]
        assert reached <= now < epochs
        reached = now
    assert sum(cut.values()) >= CUTS
    assert len(list(Path(cache).glob("*.lock"))) == 1
    training = of_kills(epochs)
    assert_same(training.run(checkpoint=path, resume=True, checkpoint_every=epochs), training.run(), snapshots=False)


@pytest.mark.slow
@pytest.mark.cython
def test_control_c_ends_a_program_and_keeps_the_checkpoint(tmp_path):
    path, cache = tmp_path / "run.npz", str(tmp_path / "cache")
    with start("cpp_standalone", path, cache, 1000) as process:
        assert process.stdout.readline() == "begins\n"
        assert process.stdout.readline() == "1\n", process.stderr.read()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    training = of_kills(1000)
    results = []

    def watch(result):
        results.append(result)
        stop(result)

    with pytest.raises(Stopped):
        training.run(checkpoint=path, resume=True, watch=watch)
    assert len(results[0].samples) > 1
