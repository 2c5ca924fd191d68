"""Good calls of what rate-based networks are made of."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np

from synaptic_sampling import DeepR, FixedWiring, RewiringLog, SoftDeepR, rate
from synaptic_sampling.checkpoint import CheckpointError
from tests.hostile.runner import Call

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
FIXED = FixedWiring(0.1)
SOFT = SoftDeepR(0.1, 0.02, 2e-4, 0.03)
SIDES = {"bias": "true"}
SHARE = {
    "connectivity": "0.5",
    "connections": "none",
    "bias": "true",
    "size": "none",
    "steps": "none",
    "window": "none",
    "forget_bias": "0.5, -1, 2**70",
    "masked": "true",
    "dense": "[]",
}


LABELS = {"targets": "label|target"}


def asked(loss, num_out):
    """Return what a loss says of the targets of 4 samples."""
    return partial(loss.check_targets, num_samples=4, num_out=num_out)


def a_network(rule=RULE):
    """Return a small one."""
    return rate.RateNetwork(
        [rate.SparseLinear(6, 5, connectivity=0.5), rate.ReLU(), rate.SparseLinear(5, 3, connectivity=0.5)], rule=rule
    )


def of_new_layers(layers, **options):
    """Return a network; layers can be part of one only."""
    return rate.RateNetwork(copy.deepcopy(layers) if isinstance(layers, list) else layers, **options)


def calls(folder):
    """Return them."""
    x, labels, values = np.ones((4, 6), np.float32), np.array([0, 1, 2, 0]), np.ones((4, 3), np.float32)
    network, trainer = a_network(), rate.Trainer(a_network(), log=RewiringLog())
    trained = rate.Trainer(a_network())
    size, recurrent = (
        {"in_channels": 1, "out_channels": 2, "kernel": 2, "stride": 1, "padding": 0, "size": 4, "bias": True},
        {"steps": 2, "masked": False, "output": "last", "window": None, "forget_bias": 1.0},
    )
    parts = {
        "layers": [rate.SparseLinear(6, 3, connectivity=0.5)],
        "rule": RULE,
        "signs": "site",
        "budget": "layer",
        "seed": 1,
    }
    fit = {
        "samples": x,
        "targets": labels,
        "epochs": 1,
        "batch_size": 2,
        "test": (x, labels),
        "stop": None,
        "report": None,
        "watch": None,
    }
    optional = dict.fromkeys(("loss", "log", "schedule", "between", "every", "snapshot_every"), "none")
    trained.save(folder / "t.npz")
    return [
        Call(rate.Linear, {"num_in": 6, "num_out": 5, "bias": True}, SIDES),
        Call(rate.SparseLinear, {"num_in": 6, "num_out": 5, "connectivity": 0.5, "bias": True}, SHARE),
        Call(rate.SparseLinear, {"num_in": 6, "num_out": 5, "connections": 3}, {}),
        Call(rate.Conv2d, size, SHARE),
        Call(rate.SparseConv2d, {**size, "connectivity": 0.5}, SHARE),
        Call(rate.LSTM, {"inputs": 3, "units": 4, **recurrent}, SHARE),
        Call(rate.SparseLSTM, {"inputs": 3, "units": 4, **recurrent, "connectivity": 0.5, "dense": ()}, SHARE),
        Call(rate.MaxPool2d, {"kernel": 2, "stride": 2}, {"stride": "none"}),
        Call(rate.AveragePool2d, {"kernel": 2, "stride": 2}, {"stride": "none"}),
        Call(rate.Dropout, {"rate": 0.2}, {"rate": "0.5"}),
        Call(rate.EachFrame, {"layer": rate.Linear(3, 4)}),
        Call(
            rate.Decay,
            {"rule": RULE, "learning_rate": 0.9, "temperature": 0.9},
            {"learning_rate": "0.5, 2**70", "temperature": "0.5, 2**70"},
        ),
        Call(
            rate.LinearDecay,
            {"rule": RULE, "epochs": 3, "final": 0.5, "temperature": True},
            {"final": "0.5", "temperature": "true"},
        ),
        Call(rate.Decay(RULE, 0.9), {"epoch": 0}),
        Call(rate.LinearDecay(RULE, 3, 0.5), {"epoch": 0}),
        Call(rate.Patience, {"epochs": 3}),
        Call(rate.SET, {"fraction": 0.3}, {"fraction": "0.5"}),
        Call(
            rate.RigL,
            {"samples": x, "labels": labels, "batch_size": 2, "steps": 5, "fraction": 0.3},
            {"fraction": "0.5"},
        ),
        Call(rate.Shrinkage, {"l1": 0.1}, {"l1": "0.5, 2**70"}),
        Call(rate.prune, {"network": network, "counts": [3, 3]}),
        Call(rate.to_arrays, {"source": network}),
        Call(rate.to_scipy, {"layer": network.layers[0]}),
        Call(rate.to_onnx, {"network": network}),
        Call(
            of_new_layers,
            {**parts, "depth": 5.0, "dense_rule": FIXED},
            {"signs": "-1", "depth": "2**70", "dense_rule": "none"},
        ),
        Call(
            of_new_layers,
            {**parts, "rule": SOFT, "capacity": 18, "depth": 5.0},
            {"signs": "-1", "capacity": "none", "depth": "2**70"},
        ),
        Call(rate.LogLikelihood, {"num_samples": 3}),
        Call(network.outputs, {"samples": x}),
        Call(network.accuracy, {"samples": x, "labels": labels}),
        Call(network.check_samples, {"samples": x}),
        Call(network.restore, {"state": network.state()}),
        Call(
            rate.Trainer,
            {
                "network": network,
                "loss": rate.CrossEntropy(),
                "log": RewiringLog(),
                "schedule": rate.Decay(RULE),
                "between": rate.SET(),
                "signals": {},
                "every": 1,
                "snapshot_every": 1,
            },
            {**optional, "signals": "none, {}", "log": "none, text"},
        ),
        Call(trainer.fit, fit, dict.fromkeys(("stop", "watch", "report", "test"), "none"), LABELS),
        Call(trained.load, {"path": folder / "t.npz"}, said={"path": "path|nonsense"}, errors=(CheckpointError,)),
        Call(trainer.save, {"path": folder / "t2"}, {"path": "text"}),
        Call(asked(rate.CrossEntropy(), 3), {"targets": labels}, said=LABELS),
        Call(asked(rate.MeanSquaredError(), 3), {"targets": values}),
        Call(asked(rate.FrameCrossEntropy(), 6), {"targets": np.zeros((4, 2), int)}, said=LABELS),
        Call(asked(rate.FrameMeanSquaredError(), 6), {"targets": np.ones((4, 2, 3))}),
    ]
