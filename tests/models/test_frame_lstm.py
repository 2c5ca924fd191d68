"""LSTMs that classify every frame: their data and networks."""

from __future__ import annotations

import numpy as np
import pytest

from models import frame_lstm
from models.spoken_digits import FEATURES, STEPS
from synaptic_sampling import Trainer
from synaptic_sampling.rate import FrameCrossEntropy
from synaptic_sampling.rate.layers.frames import pack


@pytest.fixture
def streams(monkeypatch):
    """Return 300 recordings for training, 300 for validation and 9 for testing as streams, and all recordings.

    A feature of each frame is the digit of its recording, another one says which part it belongs to.
    """
    rng = np.random.default_rng(1)
    parts = []
    for part, number in ((0, 300), (1, 300), (2, 9)):
        digits = rng.integers(10, size=number)
        sounds = []
        for digit in digits:
            sound = rng.random((rng.integers(1, 20), FEATURES)).astype(np.float32)
            sound[:, :2] = digit, part
            sounds.append(sound)
        parts.append((pack(sounds, STEPS), digits))
    (x, y), (other, answers), test = parts
    given = (np.concatenate([x, other]), np.concatenate([y, answers])), test
    monkeypatch.setattr(frame_lstm, "load_spoken_digits", lambda data_dir: given)
    return frame_lstm.load_streams(), given


def test_streams_contain_every_recording_with_its_digit_at_each_frame(streams):
    (train, test), (before, before_test) = streams
    for (samples, labels), (recordings, _), number in ((train, before, 200), (test, before_test, 3)):
        assert samples.shape == (number, 3 * STEPS * (FEATURES + 1))
        assert labels.shape == (number, 3 * STEPS)
        frames = samples.reshape(number, 3 * STEPS, FEATURES + 1)
        marked = frames[..., -1] > 0
        assert (marked == (labels >= 0)).all()
        assert (frames[..., 0][marked] == labels[marked]).all()
        all_frames = recordings.reshape(-1, FEATURES + 1)
        assert np.sort(frames[marked][:, 2]).tolist() == np.sort(all_frames[all_frames[:, -1] > 0][:, 2]).tolist()


def test_the_last_streams_are_those_for_validation(streams):
    (train, _), _ = streams
    number = frame_lstm.STREAMS.num_validation
    frames = train[0].reshape(len(train[0]), 3 * STEPS, FEATURES + 1)
    assert number == 100
    assert not frames[:-number, :, 1].any()
    assert (frames[-number:, :, 1] == frames[-number:, :, -1]).all()


@pytest.mark.parametrize("task", [frame_lstm.ECG, frame_lstm.STREAMS])
def test_networks_have_an_output_per_frame_and_class(task):
    steps, classes = {10240 + 7424: (1301, 6), 85504: (342, 10)}[task.sites[0]]
    sparse = task.make(task.rules["deepr"], task.counts([0.01]), seed=1)
    dense = task.make(task.rules["dense"], None)
    assert sparse.num_out == dense.num_out == steps * classes
    assert sparse.num_sites == sum(task.sites)
    assert sparse.num_connections == pytest.approx(0.01 * sum(task.sites), abs=2)
    assert dense.num_connections == 0


def test_gradients_of_the_ecg_do_not_overflow_in_loops_of_connections():
    rng = np.random.default_rng(0)
    x = (rng.random((16, frame_lstm.ECG_STEPS * 5)) < 0.1).astype(np.float32)
    y = rng.integers(0, 6, (16, frame_lstm.ECG_STEPS))
    net = frame_lstm.ECG.make(frame_lstm.ECG.rules["deepr"], frame_lstm.ECG.counts([0.01]), seed=4)
    Trainer(net, FrameCrossEntropy()).fit(x, y, epochs=1, batch_size=16, report=None)
    assert all(np.isfinite(part.gradient).all() for part in net.sparse)
