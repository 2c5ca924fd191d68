"""The digits: all of them, once each, the same split for ever."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from models.data import VARIABLE, DataError, data_file, load_digits, load_mnist


def test_every_image_is_in_one_part():
    (train, train_labels), (test, test_labels) = load_digits()
    assert (train.shape, test.shape) == ((1347, 64), (450, 64))
    both = np.vstack([train, test])
    whole = datasets.load_digits().data / 16
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))
    assert (len(train_labels), len(test_labels)) == (1347, 450)
    assert both.min() == 0
    assert both.max() == 1


def test_each_digit_has_its_share():
    (_, train), (_, test) = load_digits()
    shares = np.bincount(test) / (np.bincount(train) + np.bincount(test))
    assert np.abs(shares - 450 / 1797).max() < 0.005


def test_the_split_never_changes():
    _, (test, labels) = load_digits()
    digest = hashlib.sha256(np.round(16 * test).astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes())
    assert digest.hexdigest()[:16] == "5ec07a36f83c827f"


def test_a_file_is_found_or_the_message_says_what_is_missing(tmp_path, monkeypatch):
    sha256 = hashlib.sha256(b"digits").hexdigest()
    (tmp_path / "set").mkdir()
    expected = rf"expected {tmp_path / 'set' / 'file.gz'} with SHA-256 {sha256}"
    with pytest.raises(DataError, match=rf"a data file is missing: {expected}. Put it there, or say by --data-dir"):
        data_file("set/file.gz", sha256, tmp_path)
    (tmp_path / "set" / "file.gz").write_bytes(b"digit")
    with pytest.raises(DataError, match=rf"is not the right one: {expected}, got "):
        data_file("set/file.gz", sha256, tmp_path)
    (tmp_path / "set" / "file.gz").write_bytes(b"digits")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert data_file("set/file.gz", sha256) == tmp_path / "set" / "file.gz"


@pytest.mark.skipif(not (Path(os.environ.get(VARIABLE, "data")) / "mnist").is_dir(), reason="MNIST is not here")
def test_mnist():
    (train, train_labels), (test, test_labels) = load_mnist()
    assert (train.shape, test.shape, train.dtype) == ((60000, 784), (10000, 784), np.float32)
    assert (train.min(), train.max()) == (0, 1)
    assert train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    # The mean of all pixels that is used everywhere.
    assert train.mean(dtype=float) == pytest.approx(0.1307, abs=5e-5)
    assert np.bincount(train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
