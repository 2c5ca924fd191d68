"""Programs of rate-based networks: many steps in one call, step by step, and the other ways to a sparse network."""

from __future__ import annotations

import tempfile
from dataclasses import replace as changed
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synaptic_sampling import (
    Adam,
    DeepR,
    FixedWiring,
    Momentum,
    PruneAndRegrow,
    RewiringLog,
    SoftDeepR,
)
from synaptic_sampling.rate import (
    LSTM,
    SET,
    AveragePool2d,
    Conv2d,
    CrossEntropy,
    Decay,
    Dropout,
    EachFrame,
    FrameCrossEntropy,
    FrameMeanSquaredError,
    Linear,
    LinearDecay,
    MaxPool2d,
    MeanSquaredError,
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
from tests.golden.registry import Program, kept, recorded

SEED = 0x0FED_CBA9_8765_4321
SAMPLES, FEATURES, CLASSES, BATCH = 70, 20, 3, 16
STEPS, INPUTS, SIDE = 5, 3, 6

DEEPR = DeepR(learning_rate=0.2, l1=3e-2, temperature=1e-4)
FIXED = FixedWiring(learning_rate=0.1)
SOFT = SoftDeepR(learning_rate=0.2, l1=3e-2, temperature=1e-3, connectivity=0.05)
OPTIMIZERS = {"Momentum": Momentum(0.5), "Adam": Adam(0.8, 0.9, 1e-6)}


def inputs_of(features: int = FEATURES) -> Any:
    """Return samples that are sixteenths, no two of them alike."""
    n, f = np.arange(SAMPLES)[:, None], np.arange(features)
    return ((n * n * (f + 3) + 7 * f * f + 5 * n) % 17 / 16 - 0.5 + (f % 3 == n % 3)).astype(np.float32)


LABELS = np.arange(SAMPLES) % CLASSES


def frames(marked: bool = True) -> Any:
    """Return sequences of different lengths, each frame of which has a mark."""
    x = inputs_of(STEPS * (INPUTS + 1)).reshape(SAMPLES, STEPS, INPUTS + 1)
    x[:, :, INPUTS] = np.arange(STEPS) <= np.arange(SAMPLES)[:, None] % STEPS
    x[x[:, :, INPUTS] == 0] = 0
    return (x if marked else x[:, :, :INPUTS]).reshape(SAMPLES, -1)


def stack(rule: Any = DEEPR, *, activation: Any = ReLU, bias: bool = True, **options: Any) -> RateNetwork:
    """Return a network that learns many steps in one call."""
    layers = [
        SparseLinear(FEATURES, 24, connectivity=0.2, bias=bias),
        activation(),
        SparseLinear(24, 10, connections=60, bias=bias),
        activation(),
        SparseLinear(10, CLASSES, connectivity=0.6, bias=bias),
    ]
    return RateNetwork(layers, rule, seed=SEED, **options)


def mixed(rule: Any = DEEPR) -> RateNetwork:
    """Return a network with a dense layer, of which a part of the units is dropped."""
    return RateNetwork([SparseLinear(FEATURES, 24, connectivity=0.3), ReLU(), Dropout(0.25), Linear(24, 3)], rule)


def dense(rule: Any = FIXED) -> RateNetwork:
    return RateNetwork([Linear(FEATURES, 12), ReLU(), Linear(12, CLASSES)], rule, seed=SEED)


def dropped(rule: Any = DEEPR) -> RateNetwork:
    layers = [SparseLinear(FEATURES, 24, connectivity=0.3), Tanh(), Dropout(0.25), SparseLinear(24, 3, connections=40)]
    return RateNetwork(layers, rule, seed=SEED)


def convolutional(rule: Any = DEEPR, **options: Any) -> RateNetwork:
    layers = [
        SparseConv2d(1, 4, 3, padding=1, connectivity=0.5, size=SIDE),
        MaxPool2d(2),
        ReLU(),
        SparseConv2d(4, 5, 3, 2, 1, connections=40),
        AveragePool2d(2),
        SparseLinear(5, CLASSES, connectivity=0.6),
    ]
    return RateNetwork(layers, rule, seed=SEED, **options)


def dense_convolutional(rule: Any = FIXED) -> RateNetwork:
    return RateNetwork([Conv2d(1, 3, 3, size=SIDE), Tanh(), MaxPool2d(2), Linear(12, CLASSES)], rule, seed=SEED)


def recurrent(rule: Any = DEEPR, *, window: int | None = None, dense: Any = (), **options: Any) -> RateNetwork:
    layers = [
        SparseLSTM(INPUTS, 8, connectivity=0.4, dense=dense, steps=STEPS, masked=True, output="all"),
        SparseLSTM(8, 6, connections=90, masked=True, window=window),
        SparseLinear(6, CLASSES, connectivity=0.7),
    ]
    return RateNetwork(layers, rule, seed=SEED, **options)


def of_frames(rule: Any = DEEPR, outputs: int = CLASSES) -> RateNetwork:
    first = SparseLSTM(INPUTS, 8, connectivity=0.5, steps=STEPS, masked=True, output="all")
    return RateNetwork([first, EachFrame(SparseLinear(8, outputs, connectivity=0.7))], rule, seed=SEED)


def dense_recurrent(rule: Any = FIXED) -> RateNetwork:
    return RateNetwork([LSTM(INPUTS, 6, steps=STEPS), Linear(6, CLASSES)], rule, seed=SEED)


def seen(trainer: Trainer, samples: Any) -> dict[str, Any]:
    """Return what became of a network and what its trainer wrote down."""
    net = trainer.network
    history = [[e.samples, e.loss, e.accuracy, e.connections, e.births, e.deaths] for e in trainer.history]
    counts = [trainer.steps_done, trainer.samples_done, trainer.most_connections]
    log = recorded(trainer.log) if net.connections else None
    return {
        "state": kept(net.state()),
        "weights": [c.weights for c in net.connections],
        "outputs": net.outputs(samples),
        "history": [*history, counts, [list(test) for test in trainer.tests]],
        "log": log,
    }


def watched(_: Trainer) -> None:
    """Do nothing after each step: with it, steps are taken one by one."""


def trained(
    make: Any = stack, loss: Any = CrossEntropy, *, samples: Any = None, targets: Any = LABELS, epochs: int = 4,
    test: bool = True, by_step: bool = False, cut: int | None = None, stop: Any = None, watch: Any = None,
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Train; with ``cut``, go on after so many epochs with another network, to which the checkpoint is given."""
    x = inputs_of() if samples is None else samples
    told = {"batch_size": BATCH, "report": None, "stop": stop, "watch": watched if by_step else watch}
    if test:
        told["test"] = (x[:40], LABELS[:40])

    def trainer() -> Trainer:
        return Trainer(make(), loss(), **options)

    one = trainer()
    one.fit(x, targets, epochs=epochs if cut is None else cut, **told)
    if cut is None:
        return seen(one, x)
    with tempfile.TemporaryDirectory() as folder:
        one.save(Path(folder) / "checkpoint")
        other = trainer()
        other.load(Path(folder) / "checkpoint")
    other.fit(x, targets, until_epoch=epochs, **told)
    # The log begins where the checkpoint was taken: the rest is as it would have been.
    return {**seen(other, x), "log": None}


def without_log(results: dict[str, Any]) -> dict[str, Any]:
    return {**results, "log": None}


def uninterrupted(**options: Any) -> dict[str, Any]:
    """Return what a resumed training is to come to."""
    return without_log(trained(**options))


def late(optimizer: Any) -> dict[str, Any]:
    """Learn with an optimizer after an epoch without one."""
    return trained(schedule=lambda epoch: DEEPR if epoch == 0 else changed(DEEPR, optimizer=optimizer))


def on_disk() -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.rewiring"
        log = RewiringLog(path)
        results = trained(log=log, snapshot_every=2)
        log.close()
        return [results, recorded(RewiringLog.open(path))]


def rigged(make: Any, **options: Any) -> dict[str, Any]:
    x = options.get("samples", inputs_of())
    between = RigL(x, LABELS, batch_size=30, steps=15, fraction=0.25)
    return trained(make, between=between, every=3, epochs=5, **options)


def pruned(make: Any, counts: list[int], **options: Any) -> dict[str, Any]:
    """Train a network, keep its strongest weights, and train these."""
    net = make()
    x = options.get("samples", inputs_of())
    Trainer(net).fit(x, LABELS, epochs=2, batch_size=BATCH, report=None)
    return trained(lambda: prune(net, counts), **options)


def _stacks() -> dict[str, dict[str, Any]]:
    """Return what is learned many steps in one call or, with ``by_step``, one by one."""
    deepr = {
        "plain": {},
        "Tanh, no bias": {"make": partial(stack, activation=Tanh, bias=False)},
        "presynaptic": {"make": partial(stack, signs="presynaptic")},
        "redrawn": {"make": partial(stack, signs="redrawn")},
        "cold": {"make": partial(stack, changed(DEEPR, temperature=0.0))},
        "Decay": {"schedule": Decay(DEEPR, 0.8, 0.9)},
        "LinearDecay": {"schedule": LinearDecay(DEEPR, 3, 0.2)},
        "Patience": {"stop": Patience(2), "epochs": 12},
    }
    moved = {name: {"make": partial(stack, changed(DEEPR, optimizer=each))} for name, each in OPTIMIZERS.items()}
    shared = {
        name: {"make": partial(stack, changed(DEEPR, optimizer=each), budget="network")}
        for name, each in OPTIMIZERS.items()
    }
    return {
        "DeepR/Connections": {**deepr, **moved},
        "FixedWiring/Connections": {
            "plain": {"make": partial(stack, FIXED)},
            "Adam": {"make": partial(stack, changed(FIXED, optimizer=OPTIMIZERS["Adam"]))},
        },
        "DeepR/Budget": {"plain": {"make": partial(stack, budget="network")}, **shared},
        "FixedWiring/Budget": {"plain": {"make": partial(stack, FIXED, budget="network")}},
    }


def _both_ways() -> list[Program]:
    programs = []
    for front, by_step in (("fused", False), ("steps", True)):
        for place, runs in _stacks().items():
            for what, options in runs.items():
                run = partial(trained, by_step=by_step, **options)
                programs.append(Program(f"rate {front}/{place}/{what}", run))
    return programs


def _layers() -> dict[str, Any]:
    images, sequences = inputs_of(SIDE * SIDE), frames()
    convolved = {"samples": images}
    labels = np.where(sequences.reshape(SAMPLES, STEPS, -1)[:, :, INPUTS] > 0, LABELS[:, None], -1)
    values = np.where(np.repeat(labels, 2, axis=1) < 0, np.nan, np.tile([0.25, -0.5], STEPS)).astype(np.float32)
    adam, fixed_adam = (changed(rule, optimizer=OPTIMIZERS["Adam"]) for rule in (DEEPR, FIXED))
    fixed = partial(stack, FIXED)
    by_frame = {"samples": sequences, "test": False}
    return {
        "DeepR/Connections/mean squared error": partial(
            trained, loss=MeanSquaredError, targets=np.eye(CLASSES, dtype=np.float32)[LABELS]
        ),
        "DeepR/Connections/convolution": partial(trained, convolutional, **convolved),
        "DeepR/Connections/convolution, Adam": partial(trained, partial(convolutional, adam), **convolved),
        "DeepR/Budget/convolution": partial(trained, partial(convolutional, budget="network"), **convolved),
        "DeepR/Connections/LSTM": partial(trained, recurrent, samples=sequences),
        "DeepR/Connections/LSTM, window": partial(trained, partial(recurrent, window=2), samples=sequences),
        "DeepR/Connections/LSTM, dense gate": partial(trained, partial(recurrent, dense=("hg",)), samples=sequences),
        "DeepR/Budget/LSTM": partial(trained, partial(recurrent, budget="network"), samples=sequences),
        "DeepR/Connections/frames": partial(trained, of_frames, FrameCrossEntropy, targets=labels, **by_frame),
        "DeepR/Connections/frames, values": partial(
            trained, partial(of_frames, outputs=2), FrameMeanSquaredError, targets=values, **by_frame
        ),
        "DeepR/Connections/Dropout": partial(trained, dropped),
        "DeepR/Connections/dense readout": partial(trained, mixed),
        "FixedWiring/Connections/convolution": partial(trained, partial(convolutional, FIXED), **convolved),
        "FixedWiring/Connections/LSTM": partial(trained, partial(recurrent, FIXED), samples=sequences),
        "FixedWiring/dense/linear": partial(trained, dense),
        "FixedWiring/dense/linear, Adam": partial(trained, partial(dense, fixed_adam)),
        "FixedWiring/dense/convolution": partial(trained, dense_convolutional, **convolved),
        "FixedWiring/dense/LSTM": partial(trained, dense_recurrent, samples=frames(marked=False)),
        "Shrinkage/dense/linear": partial(trained, dense, watch=Shrinkage(0.05)),
        **{f"SoftDeepR/SoftConnections/{name}": run for name, run in _soft().items()},
        "PruneAndRegrow/Connections/every third step": partial(
            trained, fixed, between=PruneAndRegrow(), signals={"condition": weak}, every=3
        ),
        "prune/dense/linear": partial(pruned, dense, [60, 20]),
        "prune/dense/convolution": partial(pruned, dense_convolutional, [15, 20], **convolved),
        "prune/Connections/linear": partial(pruned, fixed, [40, 30, 10]),
        "SET/Connections/by epoch": partial(trained, fixed, between=SET(0.25)),
        "SET/Connections/every third step": partial(trained, fixed, between=SET(0.25), every=3),
        "SET/Connections/convolution": partial(trained, partial(convolutional, FIXED), between=SET(0.3), **convolved),
        "SET/Connections/LSTM": partial(trained, partial(recurrent, FIXED), between=SET(0.3), samples=sequences),
        "RigL/Connections/linear": partial(rigged, fixed),
        "RigL/Connections/convolution": partial(rigged, partial(convolutional, FIXED), **convolved),
        "RigL/Connections/LSTM": partial(rigged, partial(recurrent, FIXED), samples=sequences),
    }  # fmt: skip


def weak(part: Any) -> Any:
    """Return which connections are weak."""
    return np.abs(part.connections.theta) < 0.02


def _soft() -> dict[str, Any]:
    """Return what soft DEEP R learns."""
    plain = partial(stack, SOFT, depth=5.0)
    adam = partial(stack, changed(SOFT, learning_rate=0.02, optimizer=OPTIMIZERS["Adam"]), capacity=400)
    return {
        "plain": partial(trained, plain),
        "Adam, capacity": partial(trained, adam),
        "LinearDecay": partial(trained, plain, schedule=LinearDecay(SOFT, 3, 0.2)),
        "convolution": partial(trained, partial(convolutional, SOFT), samples=inputs_of(SIDE * SIDE)),
        "LSTM": partial(trained, partial(recurrent, SOFT), samples=frames()),
        "Adam, no log": partial(uninterrupted, make=adam),
        "Adam, no log, resumed": partial(trained, cut=2, make=adam),
    }


def _course() -> dict[str, Any]:
    """Return what is about stopping, going on, and beginning late."""
    adam = {"make": partial(stack, changed(DEEPR, optimizer=OPTIMIZERS["Adam"]))}
    shared = {"make": partial(stack, budget="network")}
    lstm = {"make": recurrent, "samples": frames()}
    return {
        "rate fused/DeepR/Connections/Adam, no log": partial(uninterrupted, **adam),
        "rate fused/DeepR/Connections/Adam, no log, resumed": partial(trained, cut=2, **adam),
        "rate fused/DeepR/Budget/plain, no log": partial(uninterrupted, **shared),
        "rate fused/DeepR/Budget/plain, no log, resumed": partial(trained, cut=2, **shared),
        "rate steps/DeepR/Connections/LSTM, no log": partial(uninterrupted, **lstm),
        "rate steps/DeepR/Connections/LSTM, no log, resumed": partial(trained, cut=2, **lstm),
        "rate steps/DeepR/Connections/Dropout, no log": partial(uninterrupted, make=dropped),
        "rate steps/DeepR/Connections/Dropout, no log, resumed": partial(trained, cut=2, make=dropped),
        "rate fused/DeepR/Connections/on disk": on_disk,
        "rate fused/DeepR/Connections/Momentum started late": partial(late, OPTIMIZERS["Momentum"]),
        "rate fused/DeepR/Connections/Adam started late": partial(late, OPTIMIZERS["Adam"]),
    }


def programs() -> list[Program]:
    """Return all programs of rate-based networks."""
    steps = {f"rate steps/{name}": run for name, run in _layers().items()}
    runs = [*_both_ways(), *(Program(name, run) for name, run in {**steps, **_course()}.items())]
    return [run._replace(hangs_on=_hangs_on(run)) for run in runs]


def _hangs_on(run: Program) -> str:
    """Return what dense products or NumPy's exponentials, or at least those of the loss, hang on."""
    _, rule, storage, what = run.name.split("/")
    dense = storage == "dense" or rule == "RigL" or "dense" in what
    return "machine" if dense or what == "frames" else "libm"
