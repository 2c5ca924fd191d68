"""Spoken digits: the split, the features, the message when the archive is missing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models import spoken_digits
from models.data import DataError
from models.speech_lstm import SPEECH
from models.spoken_digits import FEATURES, STEPS, load_recordings, load_spoken_digits, mfcc
from synaptic_sampling import Trainer
from tests.models.conftest import NUMBERS


def test_recordings_are_split_by_their_numbers(archive):
    recordings = load_recordings(archive)
    assert [r[1:] for r in recordings[:3]] == [(0, "ann", 0), (0, "bob", 0), (1, "ann", 0)]
    assert [r.number for r in recordings[::20]] == list(NUMBERS)
    parts = load_spoken_digits(archive)
    for (samples, labels), size in zip(parts, (100, 40), strict=True):
        assert samples.shape == (size, STEPS * (FEATURES + 1))
        assert_array_equal(labels[:20], np.repeat(np.arange(10), 2))
        assert len(labels) == size
    frames = parts[0][0].reshape(-1, FEATURES + 1)
    there = frames[:, -1] == 1
    assert_allclose(frames[there, :-1].mean(axis=0), 0, atol=1e-4)
    assert_allclose(frames[there, :-1].std(axis=0), 1, rtol=1e-3)
    assert not frames[~there].any()


def test_mfcc_of_one_frame_is_its_definition(rng):
    """A window that stands alone, by sums over time, frequency and bands."""
    sound = rng.integers(-5000, 5000, 200).astype(np.int16)
    x = [float(value) / 32768 for value in sound]
    x = [x[0], *(b - 0.97 * a for a, b in pairwise(x))]
    x = [value * (0.54 - 0.46 * np.cos(2 * np.pi * n / 199)) for n, value in enumerate(x)]
    power = [abs(sum(v * np.exp(-2j * np.pi * k * n / 256) for n, v in enumerate(x))) ** 2 for k in range(129)]
    top = 2595 * np.log10(1 + 4000 / 700)
    edges = [700 * (10 ** (top * n / 27 / 2595) - 1) for n in range(28)]
    logs = []
    for band in range(26):
        low, middle, high = edges[band : band + 3]
        sides = [((f - low) / (middle - low), (high - f) / (high - middle)) for f in np.arange(129) * 31.25]
        weights = [max(0, min(pair)) for pair in sides]
        logs.append(np.log(np.dot(weights, power) + 1e-8))
    waves = [[np.cos(np.pi * k * (n + 0.5) / 26) for n in range(26)] for k in range(13)]
    expected = [np.sqrt(2 / 26) * np.dot(wave, logs) * (1 if k else np.sqrt(0.5)) for k, wave in enumerate(waves)]
    features = mfcc(sound)
    assert features.shape == (1, 39)
    assert_allclose(features[0, :13], expected, rtol=1e-8)
    assert not features[0, 13:].any(), "one frame has no slope"


def test_one_frame_for_every_20_ms():
    assert len(mfcc(np.zeros(10, np.int16))) == 1
    assert len(mfcc(np.zeros(8000, np.int16))) == -(-(1 + (8000 - 200) // 80) // 2)


def test_slope_of_a_line_is_its_slope():
    rows = np.outer(np.arange(9.0), [1.0, -2.0])
    assert_allclose(spoken_digits._slope(rows)[2:-2], [[1, -2]] * 5)


@pytest.mark.parametrize("method", SPEECH.rules)
def test_training_on_tones(archive, method):
    train, test = SPEECH.load(archive)
    counts = SPEECH.counts(SPEECH.connectivity)
    net = SPEECH.make(SPEECH.rules[method], None if method == "dense" else counts)
    trainer = Trainer(net)
    trainer.fit(*train, epochs=8, batch_size=SPEECH.batch_size, test=test, report=None)
    assert trainer.tests[-1][1] > 0.8
    assert [len(c) for c in net.connections] == ([] if method == "dense" else [4275, 384])
    assert (trainer.log.num_births > 0) == (method == "deepr")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"fsdd_recordings\.tar\.xz with SHA-256 a4bd13d3"):
        load_recordings(tmp_path)
