"""Losses over frames: derivatives, excluded frames, invalid input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, RateNetwork, Trainer
from synaptic_sampling.rate import LSTM, CrossEntropy, Dropout, Linear, MeanSquaredError, ReLU, RigL, SparseLinear
from synaptic_sampling.rate.layers.frames import EachFrame, pack
from synaptic_sampling.rate.layers.recurrent import SparseLSTM
from synaptic_sampling.rate.training.frame_losses import FrameCrossEntropy, FrameMeanSquaredError, frame_accuracy
from tests.naive_convolution import derivatives


def plain_cross_entropy(out, labels):
    """One frame after another."""
    losses, classes = [], len(out) // labels.shape[1]
    for n, t in np.ndindex(labels.shape):
        if labels[n, t] >= 0:
            values = [float(out[t * classes + c, n]) for c in range(classes)]
            losses.append(math.log(sum(map(math.exp, values))) - values[labels[n, t]])
    return sum(losses) / max(1, len(losses))


def plain_square(out, targets):
    squares = [
        (float(out[k, n]) - float(targets[n, k])) ** 2
        for n, k in np.ndindex(targets.shape)
        if not math.isnan(targets[n, k])
    ]
    return sum(squares) / max(1, len(squares))


@pytest.mark.parametrize("kind", ["labels", "targets"])
@pytest.mark.parametrize("fraction", [0.0, 0.6, 1.0])
def test_gradients_are_derivatives(rng, kind, fraction):
    out = rng.standard_normal((12, 16)).astype(np.float32)
    if kind == "labels":
        loss, plain = FrameCrossEntropy(), plain_cross_entropy
        targets = np.where(rng.random((9, 4)) < fraction, rng.integers(0, 3, (9, 4)), -1)
    else:
        loss, plain = FrameMeanSquaredError(), plain_square
        targets = np.where(rng.random((9, 12)) < fraction, rng.standard_normal((9, 12)), np.nan)
    targets = loss.check_targets(targets, 9, 12)
    value, delta = loss.evaluate(out, targets)
    assert value == pytest.approx(plain(out, targets), rel=1e-12, abs=1e-15)
    values = out.astype(float)
    slopes = derivatives(lambda: plain(values, targets), values)
    assert delta.dtype == np.float32
    assert_allclose(delta, slopes, rtol=1e-4, atol=1e-8)
    assert not delta[:, 9:].any()


def test_with_one_frame_they_are_the_plain_losses(rng):
    out, labels = rng.standard_normal((5, 16)).astype(np.float32), rng.integers(0, 5, 13)
    mine, plain = FrameCrossEntropy().evaluate(out, labels[:, None]), CrossEntropy().evaluate(out, labels)
    assert mine[0] == pytest.approx(plain[0], rel=1e-12)
    assert_allclose(mine[1], plain[1], rtol=1e-5, atol=1e-8)
    targets = rng.standard_normal((13, 5)).astype(np.float32)
    mine, plain = FrameMeanSquaredError().evaluate(out, targets), MeanSquaredError().evaluate(out, targets)
    assert mine[0] == pytest.approx(plain[0], rel=1e-12)
    assert_array_equal(mine[1], plain[1])


def test_large_outputs_do_not_overflow():
    value, delta = FrameCrossEntropy().evaluate(np.array([[1e4], [-1e4]], np.float32), np.array([[1]]))
    assert value == 2e4
    assert_array_equal(delta, [[1], [-1]])


def test_a_network_learns_to_label_frames(rng):
    """The label of each frame says whether the sum of all frames so far is above 0; frames after the end have none."""
    sequences = [rng.standard_normal((n, 1)).astype(np.float32) for n in rng.integers(5, 13, 128)]
    labels = np.full((128, 12), -1)
    for row, frames in zip(labels, sequences, strict=True):
        row[: len(frames)] = np.cumsum(frames) > 0
    first = SparseLSTM(1, 16, connectivity=0.5, steps=12, masked=True, output="all")
    net = RateNetwork([first, EachFrame(SparseLinear(16, 2, connectivity=0.8))], DeepR(0.5, 1e-4, 1e-7), seed=1)
    x = pack(sequences, 12)
    Trainer(net, FrameCrossEntropy()).fit(x, labels, epochs=60, batch_size=16, report=None)
    assert frame_accuracy(net.outputs(x), labels) > 0.9


def test_frame_accuracy_counts_labelled_frames():
    outputs = [[1, 0, 0, 1, 1, 0], [0, 1, 1, 0, 0, 1]]
    assert frame_accuracy(outputs, [[0, 0, -1], [1, -1, -1]]) == 2 / 3


def test_wrong_targets_are_refused():
    labels, squares = FrameCrossEntropy(), FrameMeanSquaredError()
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        labels.check_targets([[0.5]], 1, 2)
    with pytest.raises(ValueError, match=r"must have shape \(1, steps\) with 7 outputs in steps, got \(1, 2\)"):
        labels.check_targets([[0, 1]], 1, 7)
    with pytest.raises(ValueError, match="must be between 0 and 2, or -1 for none, got 3"):
        labels.check_targets([[0, 3]], 1, 6)
    with pytest.raises(ValueError, match=r"targets must have shape \(1, 6\) or \(1, steps, outputs\), got \(1, 5\)"):
        squares.check_targets(np.zeros((1, 5)), 1, 6)
    with pytest.raises(ValueError, match="must be finite, or NaN"):
        squares.check_targets([[np.inf]], 1, 1)
    with pytest.raises(ValueError, match="at least one that is not -1"):
        frame_accuracy([[1, 0]], [[-1]])
    with pytest.raises(ValueError, match="outputs must have shape"):
        frame_accuracy([1, 0], [[1]])


@pytest.mark.parametrize("after", [[], [ReLU()], [Dropout(0.1)]])
def test_frames_are_those_of_the_network(rng, after):
    """Labels for another number of frames, and targets with axes swapped, would be read as other classes."""
    layers = [LSTM(2, 5, steps=12, output="all"), EachFrame(Linear(5, 3)), *after]
    net = RateNetwork(layers, FixedWiring(0.1), seed=1)
    assert net.num_frames == 12
    x, labels = rng.standard_normal((20, 24)), rng.integers(3, size=(20, 12))
    targets = rng.standard_normal((20, 12, 3))
    options = {"epochs": 1, "batch_size": 10, "report": None}
    for wrong in (labels[:, ::2], labels.repeat(3, axis=1), labels[:, :5], labels[:, 0], labels.T):
        with pytest.raises(ValueError, match=r"^labels must have shape \(n, 12\), a label for each frame, got"):
            Trainer(net, FrameCrossEntropy()).fit(x, wrong, **options)
        for loss, given in ((FrameCrossEntropy(), labels), (FrameMeanSquaredError(), targets)):
            if wrong.shape != (20, 36):  # As many labels as outputs: refused as labels only if one is above 0.
                with pytest.raises(ValueError, match=r"^test: .*must have shape \(n, 12"):
                    Trainer(net, loss).fit(x, given, test=(x, wrong), **options)
    for wrong in (targets.transpose(0, 2, 1), targets.reshape(20, 6, 6), targets[:, :, 0].T, targets[:, 0, 0]):
        with pytest.raises(
            ValueError, match=r"^targets must have shape \(n, 12, 3\) or \(n, 36\), and labels of a test"
        ):
            Trainer(net, FrameMeanSquaredError()).fit(x, wrong, **options)
    rigl = RigL(x, labels[:, ::2], batch_size=10, steps=5)
    sparse = RateNetwork(
        [LSTM(2, 5, steps=12, output="all"), EachFrame(SparseLinear(5, 3, connections=8))], FixedWiring(0.1)
    )
    with pytest.raises(ValueError, match=r"^labels must have shape \(n, 12\)"):
        Trainer(sparse, FrameCrossEntropy(), between=rigl).fit(x, labels, **{**options, "epochs": 2})
    assert not any(parameter.steps_done for parameter in net.layers[0].parameters)
    for right in (targets, targets.reshape(20, 36)):
        Trainer(net, FrameMeanSquaredError()).fit(x, right, test=(x, labels), **options)


def test_plain_outputs_have_no_frames(rng):
    """A network without frames is given none: the labels say how its outputs are read."""
    net = RateNetwork([Linear(4, 6)], FixedWiring(0.1))
    assert net.num_frames is None
    Trainer(net, FrameCrossEntropy()).fit(
        rng.standard_normal((9, 4)), np.zeros((9, 3), int), epochs=1, report=None, batch_size=9
    )
