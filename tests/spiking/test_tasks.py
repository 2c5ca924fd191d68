"""Tasks and presentations of sequences."""

from __future__ import annotations

from pathlib import Path

import brian2 as b2
import numpy as np
import pytest

from synaptic_sampling.spiking import SequenceTask
from synaptic_sampling.spiking.tasks import Presentation

X = np.arange(24.0).reshape(4, 3, 2)


def test_sequences_of_two_parts():
    task = SequenceTask.of_parts((X, [0, 1, 2, 0]), (X[:2], [1, 1]), scale=0.5)
    assert (task.num_channels, task.num_classes, task.num_steps, task.score) == (2, 3, 3, "sequences")
    assert task.train.tolist() == [0, 1, 2, 3]
    assert task.test.tolist() == [4, 5]
    np.testing.assert_array_equal(task.array[task.test], X[:2])


def test_labels_of_frames_and_constant_inputs():
    frames = SequenceTask(X, np.tile([-1, 0, 1], (4, 1)))
    assert frames.score == "frames"
    assert SequenceTask(X, np.tile([-1, 1, 1], (4, 1)), score="sequences").score == "sequences"
    assert SequenceTask(X[:, 0], [0, 1, 1, 0], steps=7).num_steps == 7
    assert SequenceTask(X[:, 0], np.tile([-1, 0, 1], (4, 1))).num_steps == 3


def test_a_file_is_mapped_into_memory(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.uint8))
    task = SequenceTask(tmp_path / "x.npy", [0, 1, 1, 0])
    assert isinstance(task.array, np.memmap)
    assert task.array.dtype == np.uint8
    np.save(tmp_path / "x.npy", np.asfortranarray(X))
    with pytest.raises(ValueError, match="in C order"):
        SequenceTask(tmp_path / "x.npy", [0, 1, 1, 0])
    (tmp_path / "x.npy").write_text("no array")
    with pytest.raises(ValueError, match="inputs must be an array or"):
        SequenceTask(tmp_path / "x.npy", [0, 1, 1, 0])


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"inputs of train and test must have the same shape .* \(4, 3, 2\) and \(4, 2, 2\)"
    ):
        SequenceTask.of_parts((X, [0, 1, 2, 0]), (X[:, :2], [0, 1, 2, 0]))
    with pytest.raises(TypeError, match="test must be a tuple of inputs and labels, got ndarray"):
        SequenceTask.of_parts((X, [0, 1, 2, 0]), X)


@pytest.mark.parametrize(
    ("train", "test", "error", "message"),
    [
        ((X, [1, 1]), (X[:2], [0, 1, 2, 0]), ValueError, r"train must have a label, or labels, for each of its inputs"),
        ((X, [0, 1, 2, 0]), (X[:2], [1]), ValueError, r"^test must have .* got shapes \(2, 3, 2\) and \(1,\)"),
        ((X, [0, 1, 2, 0]), (X[:1], 1), ValueError, r"^test must have .* got shapes \(1, 3, 2\) and \(\)"),
        ((3.0, 1), (X, [0, 1, 2, 0]), ValueError, r"^train must have .* got shapes \(\) and \(\)"),
        (
            ("x.npy", [0, 1, 2, 0]),
            (X, [0, 1, 2, 0]),
            TypeError,
            r"inputs of train must be an array, got the path 'x.npy'",
        ),
        ((X, [0, 1, 2, 0]), (Path("x.npy"), [0]), TypeError, r"inputs of test must be an array, got the path"),
        ((X * b2.mV, [0, 1, 2, 0]), (X, [0, 1, 2, 0]), TypeError, r"inputs of train must be numbers without a unit"),
        ((X,), (X, [0, 1, 2, 0]), TypeError, r"train must be a tuple of inputs and labels, got a tuple of length 1"),
    ],
)
def test_each_part_has_inputs_and_their_labels(train, test, error, message):
    with pytest.raises(error, match=message):
        SequenceTask.of_parts(train, test)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": np.zeros((4, 3, 2, 1))}, ValueError, "inputs must have 1 to 3 axes"),
        ({"inputs": X[0, 0]}, ValueError, "inputs must have shape"),
        ({"inputs": [[1.0], [1.0, 2.0]]}, TypeError, "inputs must be an array, with rows of equal length"),
        ({"inputs": np.array([["a", "b"]] * 4)}, TypeError, "inputs must be of float64, .* got <U1"),
        ({"inputs": X.astype(np.int16)}, TypeError, "inputs must be of float64, .* got int16"),
        ({"inputs": np.where(X == 7, np.nan, X)}, ValueError, "inputs must be finite, got nan in sequence 1"),
        ({"inputs": X * b2.mV}, TypeError, "inputs must be numbers without a unit"),
        ({"labels": [0.0, 1.0, 0.0, 1.0]}, TypeError, "labels must be integers, got float64"),
        ({"labels": [0, 1, 0]}, ValueError, r"labels must have shape \(4,\) or \(4, 3\)"),
        ({"labels": [0, -2, 0, 1]}, ValueError, "labels must be >= 0, or -1 where nothing is taught, got -2"),
        ({"labels": [0, 0, -1, 0]}, ValueError, "labels must have at least two classes"),
        ({"steps": 4}, ValueError, "must agree about the number of time steps of a sequence, got 3 and 4"),
        ({"inputs": X[:, 0]}, ValueError, "got nothing; give steps="),
        ({"train": [4]}, ValueError, "train must be indices from 0 to 3, got 4"),
        ({"train": []}, ValueError, "train must have at least one sequence"),
        ({"test": [0.5]}, TypeError, "test must be a list of indices"),
        ({"scale": 0}, ValueError, "scale must be > 0"),
        ({"score": "frames"}, ValueError, "score must be 'sequences' where each sequence has one label"),
        ({"score": "votes"}, ValueError, "score must be one of"),
        ({"score": ""}, ValueError, "score must be one of"),
        ({"labels": np.array([0, 1, 1, 2**32])}, ValueError, "labels must be below 16777216"),
        ({"labels": [[0], [1, 2]]}, TypeError, "labels must be an array, with rows of equal length"),
        ({"labels": np.tile([0, 1, 1], (4, 1)), "score": "sequences"}, ValueError, r"got \[0, 1\] in sequence 0"),
        ({"labels": [-1, 0, 1, 1], "train": [0]}, ValueError, "train must have a sequence with a label"),
        ({"labels": [-1, 0, 1, 1], "test": [0]}, ValueError, "test must have a sequence with a label"),
        ({"train": [True, True, False, True]}, TypeError, "np.flatnonzero makes one of a mask"),
        ({"name": 3}, TypeError, "name must be a str"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        SequenceTask(**{"inputs": X, "labels": [0, 1, 1, 0], **options})


def test_epochs_show_everything_once_and_updates_follow_batches():
    task = SequenceTask(np.zeros((10, 2)), np.arange(10) % 3, train=np.arange(7), test=[8, 9], steps=5)
    whole = Presentation.of_epochs(task, 0, 3, batch=3, seed=4)
    assert whole.tests == [slice(7, 9), slice(16, 18), slice(25, 27)]
    for n in range(3):
        own = slice(9 * n, 9 * n + 9)
        assert sorted(whole.shown[own][:7].tolist()) == list(range(7))
        assert whole.shown[own][7:].tolist() == [8, 9]
        assert whole.learning[own].tolist() == 7 * [True] + 2 * [False]
        # Two whole batches, and one of the last sequence alone.
        assert np.flatnonzero(whole.due[own]).tolist() == [2, 5, 6]
    assert whole.shown[:7].tolist() != whole.shown[9:16].tolist()
    later = Presentation.of_epochs(task, 1, 3, batch=3, seed=4)
    np.testing.assert_array_equal(later.shown, whole.shown[9:])
