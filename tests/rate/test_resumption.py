"""A training resumed from any checkpoint equals an uninterrupted one: weights, history, log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Adam, DeepR, FixedWiring, Momentum, SoftDeepR, SynapticSampling
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
    "rigl": lambda: (Trainer(mixed(), between=RigL(X, Y, batch_size=20, steps=18), every=4), {}),
    "rigl, limits": lambda: (Trainer(limited(rule=FIXED), between=RigL(X, Y, batch_size=20, steps=18), every=4), {}),
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
FAST = ("linear", "soft", "sampling", "dropout", "set every 3", "other optimizers", "line")
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
    """Eight interruptions of each of 30 trainings, always including one after the last step of an epoch."""
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
