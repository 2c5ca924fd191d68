"""Tasks of spiking networks: shapes, splits and encodings, on small files of the published format and on real data."""

from __future__ import annotations

import gzip
import hashlib
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import savemat
from scipy.stats import binom

from models import braille, data, ecg, evidence, mnist_sequences
from models.braille import load_braille
from models.data import DataError, data_folder
from models.ecg import load_ecg
from models.evidence import make_evidence, make_trials
from models.mnist_sequences import load_images, load_rows
from models.sequences import NOT_TAUGHT, population_code


def check(sequences, sizes):
    """What holds for every task: shapes, types, and labels that fit the classes."""
    parts = [sequences.train, sequences.validation, sequences.test]
    assert [len(part[1]) for part in parts if part] == sizes
    for part in parts:
        if part is None:
            continue
        inputs, labels = part
        assert inputs.dtype in (np.float32, np.uint8)
        assert inputs.min() == 0 or inputs.dtype == np.float32
        assert 0 <= inputs.min() < inputs.max() <= 1
        assert inputs.shape[1] in {1, sequences.steps}
        assert labels.dtype == np.int32
        assert labels.shape in {inputs.shape[:1], (len(inputs), sequences.steps)}
        assert labels.min() >= (0 if labels.ndim == 1 else NOT_TAUGHT)
        assert labels.max() < sequences.num_classes


@pytest.fixture
def ecg_files(rng, tmp_path, monkeypatch):
    """Six and three recordings of ten steps, of which the last two carry no label."""
    (tmp_path / "qtdb_ecg").mkdir()
    monkeypatch.setattr(ecg, "NUM_VALIDATION", 2)
    raw = {}
    for name, n in ((ecg.TRAIN, 6), (ecg.TEST, 3)):
        x = rng.integers(0, 2, (n, 10, 4)).astype(np.int16)
        x[:, 0, 0] = -1
        labels = rng.integers(0, 6, (n, 10))
        y = np.eye(6, dtype=np.uint8)[labels]
        y[:, 8:] = 0
        savemat(tmp_path / name, {"x": x, "y": y})
        monkeypatch.setitem(ecg.SHA256, name, hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
        raw[name] = x, labels
    return tmp_path, raw


def test_ecg_has_signed_channels_and_labels_per_frame(ecg_files):
    folder, raw = ecg_files
    found = load_ecg(folder)
    check(found, [4, 2, 3])
    assert found.steps == 10
    (x, labels), (inputs, taught) = raw[ecg.TEST], found.test
    assert_array_equal(inputs[..., :4], np.maximum(x, 0))
    assert_array_equal(inputs[:, :, 4], (x[:, :, 0] < 0))
    assert_array_equal(taught[:, :8], labels[:, :8])
    assert (taught[:, 8:] == NOT_TAUGHT).all()
    whole = load_ecg(folder, validation=False)
    check(whole, [6, 3])
    assert_array_equal(np.concatenate([found.train[1], found.validation[1]]), whole.train[1])


def test_a_changed_ecg_file_is_refused(ecg_files):
    (ecg_files[0] / ecg.TEST).write_bytes(b"junk")
    with pytest.raises(DataError, match=r"QTDB_test\.mat with SHA-256 \w+, got "):
        load_ecg(ecg_files[0])


@pytest.fixture
def braille_file(rng, tmp_path, monkeypatch):
    """All letters and repetitions, with readings that state both."""
    letter, repetition = (part.ravel() for part in np.divmod(np.arange(27 * 50), 50))
    length = rng.integers(76, 78, 27 * 50)
    readings = np.full((length.sum(), 12), 255, np.uint8)
    readings[:, braille.TAXELS[0]] = np.repeat(255 * (repetition % 2), length)
    readings[:, braille.TAXELS[1]] = np.repeat(255 - letter, length)
    readings[:, braille.TAXELS[2]] = np.repeat(255 - repetition, length)
    readings[np.cumsum(length) - 1, braille.TAXELS[3]] = 0
    path = tmp_path / braille.ARCHIVE
    path.parent.mkdir()
    np.savez(path, X=readings, length=length, y=letter.astype(np.int16), repetition=repetition.astype(np.int16))
    monkeypatch.setattr(braille, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return tmp_path


def test_braille_is_split_by_repetition(braille_file):
    found = load_braille(braille_file)
    check(found, [27 * 32, 27 * 8, 270])
    for part, repetitions in ((found.train, range(32)), (found.validation, range(32, 40)), (found.test, range(40, 50))):
        inputs, labels = part
        assert inputs.shape[1:] == (77, 20)
        assert_array_equal(labels, np.tile(np.arange(27), len(repetitions)))
        # Each taxel is scaled to its range in the repetitions 0 to 39.
        assert_allclose(inputs[:, 0, 5:10], population_code(labels[:, np.newaxis] / 26, 5), rtol=1e-5)
        number = np.repeat(repetitions, 27)[:, np.newaxis]
        assert_allclose(inputs[:, 0, 10:15], population_code(number / 39, 5), rtol=1e-5, atol=1e-30)
        # A shorter sequence repeats its last reading, which is pressure 1 of the last taxel.
        assert (inputs[:, -1, -1] == 1).all()
        assert (inputs[:, :-2, -1] < 0.01).all()
    whole = load_braille(braille_file, validation=False)
    check(whole, [27 * 40, 270])


@pytest.fixture
def mnist_files(rng, tmp_path, monkeypatch):
    """Images in the format of MNIST, seven and three of them."""
    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr(mnist_sequences, "NUM_VALIDATION", 2)
    for name in data.MNIST_SHA256:
        n = 7 if "train" in name else 3
        is_images = "images" in name
        values = rng.integers(0, 256, (n, 28, 28)) if is_images else rng.integers(0, 10, n)
        path = tmp_path / "mnist" / name
        path.write_bytes(gzip.compress(bytes(16 if is_images else 8) + values.astype(np.uint8).tobytes()))
        monkeypatch.setitem(data.MNIST_SHA256, name, hashlib.sha256(path.read_bytes()).hexdigest())
    return tmp_path


def test_images_are_whole_or_scanned(mnist_files):
    images, rows = load_images(mnist_files), load_rows(mnist_files)
    check(images, [5, 2, 3])
    check(rows, [5, 2, 3])
    assert (images.steps, rows.steps) == (16, 28)
    (_, _), (pixels, labels) = data.load_mnist(mnist_files)
    assert_array_equal(images.test[0], pixels[:, np.newaxis])
    assert_array_equal(rows.test[0][1, 2], pixels[1, 56:84])
    assert_array_equal(images.test[1], labels)
    assert (rows.test[1][:, :-8] == NOT_TAUGHT).all()
    assert_array_equal(rows.test[1][:, -8:], np.tile(labels, (8, 1)).T)
    check(load_rows(mnist_files, validation=False), [7, 3])


def test_a_trial_is_a_function_of_seed_and_number():
    spikes, labels = make_trials(5, 3, seed=2)
    for n in range(3):
        alone = make_trials(5 + n, 1, seed=2)
        assert_array_equal(alone[0][0], spikes[n])
        assert_array_equal(alone[1][0], labels[n])
    assert (make_trials(5, 1, seed=3)[0] != spikes[0]).any()
    few, many = make_evidence(2, 1, 1, seed=2), make_evidence(4, 3, 2, seed=2, validation=False)
    check(few, [2, 1, 1])
    check(many, [7, 2])
    assert_array_equal(few.train[0], many.train[0][:2])
    assert_array_equal(few.validation[0][0], many.train[0][4])
    assert_array_equal(few.test[0][0], many.test[0][0])
    starts = [part[0][0] for part in few[:3]]
    assert all((x != y).any() for x, y in combinations(starts, 2)), "no trial is in two parts"


def test_populations_are_active_when_they_should():
    n = 60
    spikes, labels = make_trials(0, n)
    assert spikes.shape == (n, 2250, 40)
    rate = spikes.reshape(n, 2250, 4, 10).mean(axis=3)  # of each population
    recall = np.arange(2250) >= 2100
    assert_array_equal(labels != NOT_TAUGHT, np.broadcast_to(recall, labels.shape))
    assert not rate[:, ~recall, evidence.ASKING].any()
    assert abs(rate[:, recall, evidence.ASKING].mean() - 0.04) < 5 * np.sqrt(0.04 / (n * 150 * 10))
    assert abs(rate[:, :, evidence.NOISE].mean() - 0.01) < 5 * np.sqrt(0.01 / (n * 2250 * 10))
    cues = rate[:, :1050, :2].reshape(n, 7, 150, 2)
    assert not cues[:, :, :50].any()
    assert not rate[:, 1050:, :2].any()
    active = cues[:, :, 50:].mean(axis=2)
    assert_array_equal((active > 0).sum(axis=2), np.ones((n, 7)), "each cue is on one side")
    assert abs(active.max(axis=2).mean() - 0.04) < 5 * np.sqrt(0.04 / (n * 7 * 100 * 10))
    right = (active[:, :, evidence.RIGHT] > 0).sum(axis=1)
    assert_array_equal(labels[:, -1], right > 3)


def test_most_cues_are_on_the_preferred_side():
    """Mean and variance of the cues on the right, whose law is a mixture of two; each fails with probability 1e-6."""
    n, number = 400, np.arange(8)
    law = (binom.pmf(number, 7, 0.7) + binom.pmf(number, 7, 0.3)) / 2
    spikes, _ = make_trials(0, n)
    right = spikes[:, :1050, 10:20].reshape(n, 7, -1).any(axis=2).sum(axis=1)
    deviation = number - 3.5
    variance, fourth = (law * deviation**2).sum(), (law * deviation**4).sum()
    assert abs(right.mean() - 3.5) < 4.9 * np.sqrt(variance / n)
    assert abs(((right - 3.5) ** 2).mean() - variance) < 4.9 * np.sqrt((fourth - variance**2) / n)


@pytest.mark.skipif(not (data_folder() / "qtdb_ecg").is_dir(), reason="the QT database is not here")
def test_the_real_ecg():
    found = load_ecg()
    check(found, [500, 118, 141])
    assert found.train[0].shape[1:] == (1301, 5)
    assert found.train[0].any(axis=(0, 1)).all(), "no channel is silent"
    assert 0.08 < (found.test[1] == NOT_TAUGHT).mean() < 0.11


@pytest.mark.skipif(not (data_folder() / "braille_spikes").is_dir(), reason="the Braille letters are not here")
def test_the_real_letters():
    found = load_braille()
    check(found, [864, 216, 270])
    assert (np.ptp(found.train[0], axis=(0, 1)) > 0.9).all(), "every neuron has values that it prefers"


@pytest.mark.skipif(not (data_folder() / "mnist").is_dir(), reason="MNIST is not here")
def test_the_real_rows():
    check(load_rows(), [50000, 10000, 10000])
