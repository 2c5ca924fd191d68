"""Any argument of rate-based networks is accepted, or raises a TypeError or ValueError that names it."""

from __future__ import annotations

import itertools
import logging
from types import SimpleNamespace

import numpy as np
import pytest

from synaptic_sampling import DeepR, FixedWiring
from synaptic_sampling.checkpoint import CheckpointError
from synaptic_sampling.rate import (
    LSTM,
    SET,
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
    RigL,
    Shrinkage,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Trainer,
    prune,
)
from synaptic_sampling.rate.layers.frames import pack
from synaptic_sampling.rate.training.frame_losses import frame_accuracy

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)
X, Y = np.random.default_rng(1).random((8, 6)).astype(np.float32), np.arange(8) % 3
WRONG = [
    None,
    -1,
    0,
    2.5,
    10**30,
    np.nan,
    np.inf,
    "text",
    b"x",
    [],
    [1, "a"],
    {},
    object(),
    SimpleNamespace(x=1),
    1j,
    np.zeros((2, 3, 4)),
    np.array(["a", "b"]),
    np.array([None]),
    lambda: 0,
    True,
    range(3),
    float,
    np.float32(3),
]


def net(*layers, rule=RULE, **options):
    return RateNetwork(list(layers) or [SparseLinear(6, 3, connections=9)], rule, **options)


def fit(**options):
    Trainer(net()).fit(**{"samples": X, "targets": Y, "epochs": 1, "report": None, **options})


#: From a name to a call of one argument and the names of arguments that it tries.
CALLS = {
    "SparseLinear": (
        lambda **a: SparseLinear(**{"num_in": 6, "num_out": 3, "connections": 9, **a}),
        ("num_in", "num_out", "connections", "bias", "max_in_degree", "max_out_degree"),
    ),
    "connectivity": (lambda **a: SparseLinear(6, 3, **a), ("connectivity",)),
    "Linear": (lambda **a: Linear(**{"num_in": 6, "num_out": 3, **a}), ("num_in", "num_out", "bias")),
    "SparseConv2d": (
        lambda **a: SparseConv2d(**{"in_channels": 1, "out_channels": 2, "kernel": 2, "connections": 4, **a}),
        ("in_channels", "out_channels", "kernel", "stride", "padding", "size", "bias", "max_in_degree"),
    ),
    "Conv2d": (
        lambda **a: Conv2d(**{"in_channels": 1, "out_channels": 2, "kernel": 2, **a}),
        ("in_channels", "out_channels", "kernel", "stride", "padding", "size", "bias"),
    ),
    "SparseLSTM": (
        lambda **a: SparseLSTM(**{"inputs": 2, "units": 3, "connections": 9, **a}),
        ("inputs", "units", "steps", "dense", "masked", "output", "window", "forget_bias", "max_out_degree"),
    ),
    "LSTM": (
        lambda **a: LSTM(**{"inputs": 2, "units": 3, **a}),
        ("inputs", "units", "steps", "masked", "output", "window"),
    ),
    "MaxPool2d": (lambda **a: MaxPool2d(**{"kernel": 2, **a}), ("kernel", "stride")),
    "Dropout": (Dropout, ("rate",)),
    "EachFrame": (EachFrame, ("layer",)),
    "RateNetwork": (
        lambda **a: RateNetwork(**{"layers": [Linear(6, 3)], "rule": RULE, **a}),
        ("layers", "rule", "signs", "budget", "seed"),
    ),
    "signs": (net, ("signs", "budget", "seed")),
    "Trainer": (
        lambda **a: Trainer(**{"network": net(), **a}),
        ("network", "loss", "log", "record", "schedule", "between", "every", "snapshot_every"),
    ),
    "fit": (fit, ("samples", "targets", "epochs", "batch_size", "test", "stop", "report", "watch")),
    "until_epoch": (lambda **a: fit(epochs=None, **a), ("until_epoch",)),
    "load": (lambda path: Trainer(net()).load(path), ("path",)),
    "accuracy": (lambda **a: net().accuracy(**{"samples": X, "labels": Y, **a}), ("samples", "labels")),
    "outputs": (lambda samples: net().outputs(samples), ("samples",)),
    "CrossEntropy": (lambda targets: CrossEntropy().check_targets(targets, 8, 3), ("targets",)),
    "MeanSquaredError": (lambda targets: MeanSquaredError().check_targets(targets, 8, 3), ("targets",)),
    "FrameCrossEntropy": (lambda targets: FrameCrossEntropy().check_targets(targets, 8, 6), ("targets",)),
    "FrameMeanSquaredError": (lambda targets: FrameMeanSquaredError().check_targets(targets, 8, 6), ("targets",)),
    "frame_accuracy": (
        lambda **a: frame_accuracy(**{"outputs": X, "labels": Y.reshape(8, 1), **a}),
        ("outputs", "labels"),
    ),
    "pack": (lambda **a: pack(**{"sequences": [X], **a}), ("sequences", "steps")),
    "Decay": (lambda **a: Decay(**{"rule": RULE, **a}), ("rule", "learning_rate", "temperature")),
    "LinearDecay": (
        lambda **a: LinearDecay(**{"rule": RULE, "epochs": 3, "final": 0.1, **a}),
        ("rule", "epochs", "final"),
    ),
    "Patience": (Patience, ("epochs",)),
    "SET": (SET, ("fraction",)),
    "Shrinkage": (Shrinkage, ("l1",)),
    "RigL": (
        lambda **a: RigL(**{"samples": X, "labels": Y, "batch_size": 4, "steps": 9, **a}),
        ("samples", "labels", "batch_size", "steps", "fraction"),
    ),
    "prune": (lambda **a: prune(**{"network": net(), "counts": [4], **a}), ("network", "counts")),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_refused_by_name(name, tmp_path, monkeypatch):
    """All values for each argument; messages of this package name it and end with a full stop."""
    monkeypatch.chdir(tmp_path)
    call, arguments = CALLS[name]
    obscure, refused = [], 0
    for argument, value in itertools.product(arguments, WRONG):
        try:
            call(**{argument: value})
        except Exception as error:
            refused += 1
            ours = isinstance(error, TypeError | ValueError) and str(error).endswith(".")
            ours |= isinstance(error, CheckpointError)
            obscure += [] if ours else [(argument, value, repr(error))]
    assert not obscure
    assert refused > len(WRONG) / 3


LABELS = [
    (np.eye(3, dtype=int)[Y], "one-hot, so give labels.argmax"),
    (np.eye(3)[Y], "they are one-hot, so give labels.argmax"),
    (Y.astype(float), r"give labels.astype\(int\)"),
    (Y + 1, "start at 1, so give labels - 1"),
    (np.array(list("abcabcab")), "convert names to numbers by np.unique"),
    (np.array(list("abcabcab"), object), "convert names to numbers by np.unique"),
    (Y[:, np.newaxis], r"give labels.ravel\(\)"),
    (Y + 0.5, "give the number of each class"),
    (Y.astype(bool), r"give labels.astype\(int\)"),
]


@pytest.mark.parametrize(("labels", "hint"), LABELS)
def test_labels_are_recognised(labels, hint):
    """The message says what to do, in training, tests and RigL."""
    for call in (
        lambda: fit(targets=labels),
        lambda: fit(test=(X, labels)),
        lambda: net().accuracy(X, labels),
        lambda: Trainer(net(rule=FixedWiring(0.1)), between=RigL(X, labels, batch_size=4, steps=9), every=1).fit(
            X, Y, epochs=2, batch_size=4, report=None
        ),
    ):
        with pytest.raises((TypeError, ValueError), match=f"labels must .*{hint}"):
            call()


@pytest.mark.parametrize(
    ("labels", "hint"), [(Y + 1.0, "astype"), (Y + 1, "start at 1"), (np.array(list("ab")), "names")]
)
def test_labels_of_frames_are_recognised(labels, hint):
    with pytest.raises((TypeError, ValueError), match=hint):
        FrameCrossEntropy().check_targets(labels.reshape(-1, 2), len(labels) // 2, 6)


def test_images_of_bytes_give_one_warning(caplog):
    images = np.random.default_rng(0).integers(0, 256, (8, 6)).astype(np.uint8)
    network = net()
    for given, number in ((images / 255, 0), (images // 16, 0), (images - 128.0, 0), (images + 0.5, 0), (images, 1)):
        caplog.clear()
        for _ in range(2):
            network.outputs(given)
        assert len(caplog.records) == number
    assert "RateNetwork([SparseLinear(6, 3, connections=9)]" in caplog.text
    assert "divide them by 255" in caplog.text
    caplog.clear()
    net().outputs(images.astype(float))
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("make", "dense"),
    [
        (lambda value: SparseLinear(6, 3, connectivity=value), "Linear"),
        (lambda value: SparseConv2d(1, 2, 3, connectivity=value), "Conv2d"),
        (lambda value: SparseLSTM(2, 3, connectivity=value), "LSTM"),
    ],
)
def test_connectivity_in_percent_and_full_layers(make, dense, caplog):
    for wrong in (5, 1.01, 30.0):
        with pytest.raises(ValueError, match=r"connectivity must be <= 1, got .*; 5 % is 0.05\."):
            make(wrong)
    with caplog.at_level(logging.WARNING, "synaptic_sampling"):
        make(0.9)
        assert not caplog.records
        layer = make(1)
    assert [record.getMessage() for record in caplog.records] == [
        f"{layer} has every possible connection, so nothing can be rewired unless their number may fall, as with one "
        f"budget for the network or under SoftDeepR; otherwise use {dense}."
    ]


def test_large_layers_with_many_connections_name_the_faster_one(caplog):
    with caplog.at_level(logging.WARNING, "synaptic_sampling"):
        SparseLinear(301, 300, connectivity=0.25)
        SparseLinear(101, 10, connectivity=0.9)
        assert not caplog.records
        for connectivity in (0.4, 0.5):
            SparseLinear(301, 300, connectivity=connectivity, max_in_degree=np.full(300, 200))
    (record,) = caplog.records  # Once, not for each network of a study.
    assert "a SparseLinear with 90300 possible connections has more than 25 % of them" in record.getMessage()
    assert "use Linear, which takes less time per step" in record.getMessage()


@pytest.mark.parametrize("between", [SET(), RigL(X, Y, batch_size=4, steps=9)])
def test_two_rules_that_rewire_give_one_warning(between, caplog):
    for rule, number in ((RULE, 1), (FixedWiring(0.1), 0)):
        caplog.clear()
        trainer = Trainer(net(rule=rule), between=between)
        trainer.fit(X, Y, epochs=4, report=None, batch_size=8)
        assert len(caplog.records) == number
        assert all(f"{between} rewires a network whose rule {RULE}" in r.getMessage() for r in caplog.records)


def test_patience_without_tests_is_refused():
    with pytest.raises(ValueError, match=r"Patience\(epochs=3\) needs tests, but there are none; give test="):
        fit(stop=Patience(3), batch_size=8)


def test_a_test_has_samples_and_labels():
    trainer = Trainer(RateNetwork([SparseLinear(4, 3, connections=6)], FixedWiring(0.1)))
    x, labels = np.eye(4), [0, 1, 2, 0]
    for wrong, got in (((x,), "a tuple of length 1"), ([x, labels, labels], "a list of length 3"), (x, "ndarray")):
        with pytest.raises(TypeError, match=rf"test must be a tuple of samples and labels, got {got}\.$"):
            trainer.fit(x, labels, epochs=1, batch_size=2, test=wrong, report=None)
