"""The digits: all of them, once each, the same split for ever."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn import datasets

from models.data import load_digits


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
