"""Tasks and presentations of sequences."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": np.zeros((4, 3, 2, 1))}, ValueError, "inputs must be numbers of shape"),
        ({"inputs": np.array([["a", "b"]] * 4)}, ValueError, "inputs must be numbers of shape"),
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
