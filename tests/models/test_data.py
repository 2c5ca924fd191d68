"""The digits: all of them, once each, a fixed split."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from models import data
from models.data import VARIABLE, DataError, content_of, data_folder, load_digits, load_mnist


def test_every_image_is_in_one_part():
    (train, train_labels), (test, test_labels) = load_digits()
    assert (train.shape, test.shape) == ((1347, 64), (450, 64))
    both = np.vstack([train, test])
    whole = datasets.load_digits().data / 16
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))
    assert (len(train_labels), len(test_labels)) == (1347, 450)
    assert both.min() == 0
    assert both.max() == 1


def test_each_digit_has_the_same_fraction_in_both_parts():
    (_, train), (_, test) = load_digits()
    fractions = np.bincount(test) / (np.bincount(train) + np.bincount(test))
    assert np.abs(fractions - 450 / 1797).max() < 0.005


def test_the_split_never_changes():
    _, (test, labels) = load_digits()
    digest = hashlib.sha256(np.round(16 * test).astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes())
    assert digest.hexdigest()[:16] == "5ec07a36f83c827f"


def test_a_file_is_read_or_the_message_says_what_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "set" / "file.gz"
    sha256 = hashlib.sha256(b"digits").hexdigest()
    path.parent.mkdir()
    expected = rf"expected {path} with SHA-256 {sha256}"
    with pytest.raises(
        DataError,
        match=rf"a data file is missing: {expected}. Put it there, or state the folder of the data sets by --data-dir",
    ):
        content_of(path, sha256)
    path.write_bytes(b"digit")
    with pytest.raises(DataError, match=rf"is not the right one: {expected}, got "):
        content_of(path, sha256)
    path.write_bytes(b"digits")
    assert content_of(path, sha256) == content_of(path, hashlib.md5(b"digits").hexdigest(), kind="MD5") == b"digits"


def test_where_data_sets_are(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder("here") == Path("here")
    monkeypatch.delenv(VARIABLE)
    assert data_folder() == Path("data")


def test_other_digits_of_scikit_learn_are_refused(monkeypatch):
    bunch = datasets.load_digits()
    bunch.target[7] += 1
    monkeypatch.setattr(datasets, "load_digits", lambda: bunch)
    with pytest.raises(DataError, match="the digits of scikit-learn are not the right ones"):
        load_digits()


@pytest.mark.parametrize("damage", ["cut", "bit", "empty"])
def test_a_damaged_file_of_mnist_is_refused(tmp_path, monkeypatch, damage):
    (tmp_path / "mnist").mkdir()
    for name in data.MNIST_SHA256:
        content = gzip.compress(bytes(16) + bytes(784))
        monkeypatch.setitem(data.MNIST_SHA256, name, hashlib.sha256(content).hexdigest())
        last = name == "t10k-labels-idx1-ubyte.gz"
        flipped = bytes([content[0], content[1], content[2] ^ 1]) + content[3:]
        bad = {"cut": content[:-3], "bit": flipped, "empty": b""}[damage]
        (tmp_path / "mnist" / name).write_bytes(bad if last else content)
    with pytest.raises(DataError, match=r"not the right one: expected .*t10k-labels-idx1-ubyte.gz with SHA-256"):
        load_mnist(tmp_path)


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
