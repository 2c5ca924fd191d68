"""Linear baselines: what each kind of features is, and the choice of C."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.sequences import NOT_TAUGHT, Sequences, exponential_filters
from scripts import linear_baselines
from scripts.linear_baselines import Baseline, baselines, counts, every_filtered, flat, last_filtered, main

X = NOT_TAUGHT


@pytest.fixture
def part(rng):
    labels = np.array([[X, 1, 1, X], [X, X, 0, 0]], np.int32)
    return rng.integers(0, 2, (2, 4, 3)).astype(np.uint8), labels


def test_features_of_sequences(part):
    inputs, _ = part
    for features, expected in ((flat, inputs.reshape(2, 12)), (counts, inputs.sum(axis=1))):
        rows, found = features(part)
        assert_array_equal(rows, expected)
        assert_array_equal(found, [1, 0])
    filtered = exponential_filters(inputs, linear_baselines.TAUS)
    rows, found = last_filtered(part)
    assert_allclose(rows, filtered[[0, 1], [2, 3]])
    assert_array_equal(found, [1, 0])
    rows, found = last_filtered((inputs, np.array([4, 5], np.int32)))
    assert_allclose(rows, filtered[:, -1])
    assert_array_equal(found, [4, 5])


def test_features_of_frames(part):
    rows, found = every_filtered(part)
    filtered = exponential_filters(part[0], linear_baselines.TAUS)
    assert_allclose(rows, filtered[[0, 0, 1, 1], [1, 2, 2, 3]])
    assert_array_equal(found, [1, 1, 0, 0])


@pytest.fixture
def easy(rng, monkeypatch):
    """One of five steps tells the class."""
    inputs = rng.standard_normal((600, 5, 3)).astype(np.float32)
    labels = (inputs[:, 0, 0] > 0).astype(np.int32)
    parts = [(inputs[a:b], labels[a:b]) for a, b in ((0, 200), (200, 300), (300, 600))]
    data = Sequences(*parts, steps=5, num_classes=2)
    monkeypatch.setitem(linear_baselines.TASKS, "easy", Baseline(lambda _: data, (flat, counts)))
    return data


def test_accuracy_is_that_of_a_linear_classifier(easy):
    by_input, by_count = baselines("easy", strengths=(0.1, 1.0))
    assert by_input["num_features"] == 15
    assert by_input["test"] > 0.9
    # The sign of a sum of five tells that of one of them with probability 1/2 + asin(1/sqrt(5))/pi = 0.648.
    assert abs(by_count["test"] - 0.648) < 5 * np.sqrt(0.648 * 0.352 / 300)
    assert by_count["majority"] == max(easy.test[1].mean(), 1 - easy.test[1].mean())


def test_c_is_chosen_on_validation_data(easy, monkeypatch):
    class Model(list):
        """Best on validation data with C = 1, and on the test set with C = 10."""

        def score(self, rows, labels):
            return {0.1: 0.5, 1.0: 0.9, 10.0: 0.7}[c] if len(labels) == 100 else c

        n_iter_ = np.array([7])

    fits = []

    def fitted(rows, strength):
        nonlocal c
        c = strength
        fits.append((len(rows[0]), strength))
        model = Model()
        model.append(model)
        return model

    c = 0.0
    monkeypatch.setattr(linear_baselines, "_fitted", fitted)
    row = next(baselines("easy", strengths=(0.1, 1.0, 10.0)))
    assert (row["c"], row["validation"], row["test"], row["iterations"]) == (1.0, 0.9, 1.0, 7)
    assert fits == [(200, 0.1), (200, 1.0), (200, 10.0), (300, 1.0)]


def test_the_script_prints_and_writes(easy, tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit, match="2"):
        main(["--tasks", "ecg,nonsense"])
    assert "tasks are mnist, rows" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--tasks", "ecg", "--data-dir", str(tmp_path)])
    assert "QTDB_train.mat" in capsys.readouterr().err
    monkeypatch.setattr(linear_baselines, "names", lambda *_: lambda text: text.split(","))
    results = main(["--tasks", "easy", "--json", str(tmp_path / "linear.json")])
    assert json.loads((tmp_path / "linear.json").read_text()) == results
    assert [row["features"] for row in results["rows"]] == ["flat", "counts"]
    assert "easy" in capsys.readouterr().out
