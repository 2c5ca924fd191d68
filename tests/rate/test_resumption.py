"""A training resumed from any checkpoint equals an uninterrupted one: weights, history, log."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    DeepR,
    FixedWiring,
    Momentum,
    PruneAndRegrow,
    RewiringLog,
    SoftDeepR,
    SynapticSampling,
)
from synaptic_sampling.checkpoint import CheckpointError
from synaptic_sampling.log import LogError
from synaptic_sampling.rate import (
    LSTM,
    SET,
    AveragePool2d,
    Conv2d,
    Decay,
    Dropout,
    EachFrame,
    FrameCrossEntropy,
    Linear,
    LinearDecay,
    LogLikelihood,
    Patience,
    RateNetwork,
    ReLU,
    RigL,
    Shrinkage,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Tanh,
    Trainer,
    prune,
)
from synaptic_sampling.rate.layers.frames import pack

RULE = DeepR(learning_rate=0.1, l1=0.02, temperature=1e-4)
ADAM = DeepR(learning_rate=0.01, l1=0.1, temperature=1e-3, optimizer=Adam())
SOFT = SoftDeepR(0.1, 0.02, 2e-4, 0.03)
FIXED = FixedWiring(0.05, optimizer=Momentum())
X, Y = np.random.default_rng(5).standard_normal((50, 18)).astype(np.float32), np.arange(50) % 4


def linear(rule=RULE, **options):
    layers = [SparseLinear(18, 15, connections=60), ReLU(), SparseLinear(15, 4, connections=20)]
    return RateNetwork(layers, rule, seed=3, **options)


def mixed():
    layers = [SparseLinear(18, 12, connections=50), Tanh(), Dropout(0.3), Linear(12, 9), ReLU(), Dropout(0.2)]
    return RateNetwork([*layers, SparseLinear(9, 4, connections=15)], ADAM, seed=3)


def convolutional():
    layers = [SparseConv2d(2, 5, 2, connections=20, size=3), ReLU(), AveragePool2d(2), Dropout(0.1)]
    return RateNetwork([*layers, SparseLinear(5, 4, connections=10)], RULE, seed=3)


def limited(**options):
    layers = [SparseLinear(18, 15, connections=50, max_in_degree=4, max_out_degree=4), ReLU()]
    return RateNetwork([*layers, SparseLinear(15, 4, connections=20, max_in_degree=6)], seed=3, **options)


def changing(epoch):
    """Return plain descent, Adam from the second epoch, momentum in the last."""
    return replace(RULE, optimizer=[None, Adam(), Adam(), Momentum()][epoch]) if epoch else RULE


def every_kind(epoch):
    return [RULE, FixedWiring(0.05, optimizer=Adam()), ADAM, RULE][epoch]


def soft(**options):
    return linear(SOFT, **options)


def soft_memory():
    layers = [SparseLSTM(3, 5, connections=60, steps=6, dense=("xg",)), SparseLinear(5, 4, connections=12)]
    return RateNetwork(layers, replace(SOFT, learning_rate=0.01, optimizer=Adam()), seed=3)


def sampled():
    rule = SynapticSampling(1.0, 1.0, -1.0, 1.0, interval=0.01, theta_range=(-4.0, 3.0))
    return linear(rule, signals={"gradient": LogLikelihood(50)}, dense_rule=FixedWiring(0.05, Adam()))


def weak(parameter):
    """Return the fifth of the connections whose gradients in the last batch are smallest."""
    size = np.abs(parameter.gradient)
    return size < np.quantile(size, 0.2)


def strengthen(trainer):
    """Move the weights as their gradients in the last batch say, and rewire none."""
    for part in trainer.network.sparse:
        slots = part.connections.active_slots
        part.connections.theta[slots] += 0.1 * np.abs(part.gradient[slots])
    return []


def dense():
    return RateNetwork([Linear(18, 12), ReLU(), Linear(12, 4)], FixedWiring(0.05, optimizer=Adam()), seed=3)


def pruned():
    return prune(dense(), [70, 30])


def memory(layer=SparseLSTM, **options):
    kept = {} if layer is LSTM else {"connections": 60}
    layers = [layer(3, 5, **kept, steps=6, **options), SparseLinear(5, 4, connections=15)]
    return RateNetwork(layers, RULE, seed=3)


def frames():
    layers = [SparseLSTM(2, 5, connections=60, steps=6, masked=True, output="all"), EachFrame(Linear(5, 3))]
    return RateNetwork(layers, ADAM, seed=3)


def frame_data():
    rng = np.random.default_rng(6)
    lengths = rng.integers(1, 7, 50)
    labels = np.where(np.arange(6) < lengths[:, np.newaxis], rng.integers(0, 3, (50, 6)), -1)
    return pack([rng.standard_normal((length, 2)).astype(np.float32) for length in lengths], 6), labels


#: From a name to a trainer with options of ``fit``.
CASES = {
    "linear": lambda: (Trainer(linear()), {}),
    "adam": lambda: (Trainer(linear(ADAM)), {"test": (X, Y)}),
    "momentum, fixed": lambda: (Trainer(linear(FIXED)), {}),
    "one budget": lambda: (Trainer(linear(ADAM, budget="network")), {}),
    "redrawn": lambda: (Trainer(linear(signs="redrawn"), snapshot_every=2), {}),
    "dale": lambda: (Trainer(linear(signs="presynaptic")), {"batch_size": 50}),
    "dropout": lambda: (Trainer(mixed()), {"test": (X, Y)}),
    "convolution": lambda: (Trainer(convolutional()), {}),
    "lstm": lambda: (Trainer(memory()), {}),
    "lstm, dense parts": lambda: (Trainer(memory(dense=("xg", "hf"))), {}),
    "dense lstm": lambda: (Trainer(memory(LSTM)), {}),
    "frames": lambda: (Trainer(frames(), FrameCrossEntropy()), {"data": frame_data(), "test": frame_data()}),
    "set": lambda: (Trainer(linear(FIXED), between=SET()), {"test": (X, Y)}),
    "set every 3": lambda: (Trainer(linear(FIXED), between=SET(), every=3), {}),
    "by gradient": lambda: (Trainer(linear(FIXED), between=PruneAndRegrow(), signals={"condition": weak}), {}),
    "rigl": lambda: (Trainer(mixed(), between=RigL(X, Y, batch_size=20, steps=18), every=4), {}),
    "rigl, limits": lambda: (Trainer(limited(rule=FIXED), between=RigL(X, Y, batch_size=20, steps=18), every=4), {}),
    "set, one budget": lambda: (Trainer(linear(budget="network"), between=SET()), {}),
    "by gradient, one budget": lambda: (
        Trainer(linear(budget="network"), between=PruneAndRegrow(), signals={"condition": weak}, every=3),
        {},
    ),
    "by gradient, soft": lambda: (Trainer(soft(), between=strengthen, every=3), {}),
    "set, limits": lambda: (Trainer(limited(rule=FIXED), between=SET(), every=5), {}),
    "limits": lambda: (Trainer(limited(rule=RULE)), {}),
    "limits, one budget": lambda: (Trainer(limited(rule=ADAM, budget="network")), {}),
    "pruned": lambda: (Trainer(pruned()), {"test": (X, Y)}),
    "l1": lambda: (Trainer(dense()), {"watch": Shrinkage(0.01)}),
    "dense convolution": lambda: (Trainer(RateNetwork([Conv2d(2, 4, 3, size=3)], FIXED, seed=3)), {}),
    "decay": lambda: (Trainer(linear(), schedule=Decay(ADAM, 0.8, 0.8)), {"test": (X, Y)}),
    "line": lambda: (Trainer(linear(), schedule=LinearDecay(RULE, 4, 0.1)), {"stop": Patience(1), "test": (X, Y)}),
    "other optimizers": lambda: (Trainer(linear(), schedule=changing), {}),
    "soft": lambda: (Trainer(soft(depth=5.0), snapshot_every=2), {"test": (X, Y)}),
    "soft, annealed": lambda: (Trainer(soft(capacity=150), schedule=LinearDecay(SOFT, 4, 0.1)), {}),
    "soft lstm": lambda: (Trainer(soft_memory()), {}),
    "sampling": lambda: (Trainer(sampled()), {}),
    "other rules": lambda: (Trainer(mixed(), schedule=every_kind), {}),
}
FAST = (
    "linear",
    "soft",
    "sampling",
    "dropout",
    "set every 3",
    "by gradient",
    "by gradient, one budget",
    "by gradient, soft",
    "other optimizers",
    "line",
)
EPOCHS = 4


def run(trainer, options, watch=None):
    """Train up to the last epoch, with a batch that does not divide the samples."""
    data, other = options.get("data", (X, Y)), options.get("watch")

    def both(trainer):
        if other is not None:
            other(trainer)
        if watch is not None:
            watch(trainer)

    named = {name: value for name, value in options.items() if name not in {"data", "watch"}}
    watches = {} if other is None and watch is None else {"watch": both}
    trainer.fit(*data, until_epoch=EPOCHS, **{"batch_size": 12, "report": None, **named, **watches})
    return trainer


def last_steps(trainer):
    return [c.steps_done for c in trainer.network.connections]


def compare(whole, cut, since):
    """Compare everything bit for bit, the log from the step of the checkpoint on."""
    assert whole.network.state().keys() == cut.network.state().keys()
    for name, values in whole.network.state().items():
        assert_array_equal(values, cut.network.state()[name], strict=True)
    assert (whole.history, whole.tests) == (cut.history, cut.tests)
    for name in ("steps_done", "samples_done", "most_connections"):
        assert getattr(whole, name) == getattr(cut, name)
    first = max(since, default=0)
    for name in ("events", "times"):
        values, others = getattr(whole.log, name), getattr(cut.log, name)
        assert values[values["step"] > first].tobytes() == others[others["step"] > first].tobytes()
    last = {taken.step: taken for taken in whole.log.snapshots}
    for taken in cut.log.snapshots:
        assert taken.step in last or taken.step == first


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in CASES])
def test_cut_anywhere(name, rng, tmp_path):
    """Eight interruptions of each of 34 trainings, always including one after the last step of an epoch."""
    whole = run(*CASES[name]())
    per_epoch = whole.steps_done // len(whole.history)
    cuts = {per_epoch, whole.steps_done}
    while len(cuts) < min(8, whole.steps_done):
        cuts.add(int(rng.integers(1, whole.steps_done)))
    steps = {}

    def save(trainer):
        if trainer.steps_done in cuts:
            steps[trainer.steps_done] = last_steps(trainer)
            trainer.save(tmp_path / f"{trainer.steps_done}.npz")

    trainer, options = CASES[name]()
    compare(whole, run(trainer, options, save), [])
    assert set(steps) == cuts
    for cut in cuts:
        other, options = CASES[name]()
        other.load(tmp_path / f"{cut}.npz")
        compare(whole, run(other, options), steps[cut])


class Stopped(Exception):
    """Ends a training, as a kill does."""


def same_logs(one, other):
    """Compare all that two logs contain; their files may be divided into blocks otherwise."""
    for name in ("events", "times"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    for a, b in zip(one.snapshots, other.snapshots, strict=True):
        assert a[:2] == b[:2]
        for values, others in zip(a[2:], b[2:], strict=True):
            assert_array_equal(values, others)
    assert (one.sets, one.metadata) == (other.sets, other.metadata)
    assert [one.rules_of(n) for n in one.sets] == [other.rules_of(n) for n in other.sets]


def in_file(make, folder, **options):
    """Return a trainer that goes on with a log in a file, if there is one."""
    log = RewiringLog(folder / "run.rewiring", mode="a")
    return Trainer(make(), log=log, **options)


def resumed(trainer, folder, epochs=EPOCHS, **options):
    """Train as a script does that is started again and again."""
    own = {"batch_size": 12, "report": None, "checkpoint": folder / "run.npz", "resume": True, **options}
    trainer.fit(X, Y, until_epoch=epochs, **own)
    trainer.log.close()
    return trainer


#: What is cut at 20 random steps, with its log in a file; each step is followed by a cut or none.
MODES = {
    "fused": linear,
    "convolution": convolutional,
    "lstm": memory,
    "one budget": partial(linear, ADAM, budget="network"),
    "soft": soft,
    "soft lstm": soft_memory,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODES)
def test_twenty_cuts(name, rng, tmp_path):
    """Each cut is a run that ends after a random step and goes on in new objects from its last checkpoint."""
    make, epochs = MODES[name], 8
    whole = resumed(in_file(make, tmp_path), tmp_path, epochs)
    steps = rng.permutation(whole.steps_done)[:20] + 1
    assert len(steps) == 20
    for number, cut in enumerate(steps.tolist()):
        folder = tmp_path / str(number)
        folder.mkdir()

        def stop(trainer, cut=cut):
            if trainer.steps_done >= cut:
                raise Stopped

        with pytest.raises(Stopped):
            # A function after each step would take the general path.
            resumed(in_file(make, folder), folder, epochs, **({"watch": stop} if number % 2 else {"stop": stop}))
        other = resumed(in_file(make, folder), folder, epochs)
        compare(whole, other, [])
        same_logs(RewiringLog.load(tmp_path / "run.rewiring"), RewiringLog.load(folder / "run.rewiring"))


def test_a_script_that_is_started_again_goes_on(tmp_path, caplog):
    """Before and after the first checkpoint, after the last, and from the one before a damaged one."""
    (tmp_path / "whole").mkdir()
    whole = resumed(in_file(linear, tmp_path / "whole"), tmp_path / "whole")

    def stop(at, trainer):
        trainer.notes["seen"] = trainer.steps_done
        if trainer.steps_done == at:
            raise Stopped

    for at in (3, 8, 12):
        with pytest.raises(Stopped):
            resumed(in_file(linear, tmp_path), tmp_path, watch=partial(stop, at))
    assert sorted(os.listdir(tmp_path)) == ["run.npz", "run.previous.npz", "run.rewiring", "whole"]
    content = bytearray((tmp_path / "run.npz").read_bytes())
    content[-400] ^= 1
    (tmp_path / "run.npz").write_bytes(content)
    cut = resumed(in_file(linear, tmp_path), tmp_path)
    assert "previous.npz is used instead" in caplog.text
    assert cut.notes == {"seen": 5}
    compare(whole, cut, [])
    # Nothing is left to do, and nothing changes.
    again = resumed(in_file(linear, tmp_path), tmp_path)
    compare(whole, again, [])
    same_logs(RewiringLog.load(tmp_path / "run.rewiring"), RewiringLog.load(tmp_path / "whole" / "run.rewiring"))
    with pytest.raises(CheckpointError, match="has 4 epochs, which is more than until_epoch=3; increase it"):
        resumed(in_file(linear, tmp_path), tmp_path, epochs=3)


def test_a_training_that_was_ended_by_stop_is_not_continued(tmp_path):
    trainer = resumed(Trainer(linear()), tmp_path, stop=lambda trainer: len(trainer.history) == 2)
    again = resumed(Trainer(linear()), tmp_path, stop=lambda _: False)
    assert len(trainer.history) == len(again.history) == 2
    again.notes["mine"] = 1
    assert not resumed(Trainer(linear()), tmp_path).notes
    # By hand it can be.
    again.load(tmp_path / "run.npz")
    again.fit(X, Y, epochs=1, batch_size=12, report=None)
    assert len(again.history) == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint": 3}, TypeError, "checkpoint must be a str or a PathLike, got 3"),
        ({"checkpoint": "no/such/run.npz"}, ValueError, "checkpoint must be a file in a folder that exists"),
        ({"checkpoint": "x.npz", "checkpoint_every": 0}, ValueError, "checkpoint_every must be between 1"),
        ({"checkpoint_every": 2}, ValueError, "checkpoint_every needs checkpoint="),
        ({"resume": True}, ValueError, "resume needs checkpoint="),
        ({"checkpoint": "x.npz", "resume": 1}, TypeError, "resume must be True or False, got 1"),
        ({"checkpoint": "x.npz", "resume": True, "epochs": 1}, ValueError, "resume needs until_epoch"),
    ],
)
def test_wrong_options_of_checkpoints(options, error, message):
    trainer = Trainer(linear())
    epochs = {} if "epochs" in options else {"until_epoch": 1}
    with pytest.raises(error, match=message):
        trainer.fit(X, Y, report=None, **epochs, **options)
    assert not trainer.steps_done


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    one = Trainer(linear(), schedule=Decay(RULE, 0.9))
    resumed(one, tmp_path, epochs=1)
    before = (tmp_path / "run.npz").read_bytes()
    cases = [
        (Trainer(linear(), schedule=Decay(RULE, 0.8)), {}, r"schedule.learning_rate is 0\.9 there and 0\.8 here"),
        (Trainer(linear()), {}, "is of another network"),
        (Trainer(linear(), schedule=Decay(RULE, 0.9), between=SET()), {}, "between is None there"),
        (Trainer(linear(), schedule=Decay(RULE, 0.9)), {"batch_size": 10}, "batch_size is 10, but 12 in the check"),
    ]
    for trainer, options, message in cases:
        state = {name: np.array(values) for name, values in trainer.network.state().items()}
        with pytest.raises(CheckpointError, match=message):
            resumed(trainer, tmp_path, **options)
        assert not trainer.steps_done
        assert not trainer.history
        for name, values in trainer.network.state().items():
            assert_array_equal(values, state[name])
    with pytest.raises(FileExistsError, match=r"run\.npz exists; pass resume=True"):
        resumed(one, tmp_path, resume=False)
    # Another seed, before the first checkpoint: the log is that of another run.
    folder = tmp_path / "log"
    folder.mkdir()
    in_file(linear, folder).fit(X, Y, epochs=1, report=None)
    (folder / "run.npz").unlink(missing_ok=True)
    other = in_file(lambda: RateNetwork([SparseLinear(18, 4, connections=9)], RULE, seed=4), folder)
    with pytest.raises(LogError, match="belongs to another run"):
        resumed(other, folder)
    assert (tmp_path / "run.npz").read_bytes() == before


def test_a_full_disk_leaves_what_was_saved(tmp_path, monkeypatch):
    """Wherever it becomes full: both checkpoints stay, and the training goes on from the newest."""
    whole = resumed(in_file(linear, tmp_path), tmp_path)
    folder = tmp_path / "full"
    folder.mkdir()
    savez, left = np.savez, iter([True, True, False])

    def full(file, **entries):
        if next(left, True):
            return savez(file, **entries)
        file.write(b"PK half of a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        trainer = in_file(linear, folder)
        with pytest.raises(OSError, match="No space left"):
            resumed(trainer, folder)
        trainer.log.close()
    assert sorted(os.listdir(folder)) == ["run.npz", "run.previous.npz", "run.rewiring"]
    compare(whole, resumed(in_file(linear, folder), folder), [])
