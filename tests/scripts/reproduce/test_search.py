"""The best of many settings is found in rounds, each longer than the one before and with fewer settings."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.reproduce import cifar10 as cifar
from scripts.reproduce import frames, shuffle
from scripts.reproduce import mnist_connectivity as mnist
from scripts.reproduce.runs import Runs
from scripts.reproduce.search import VALIDATION_SEED, Round, between, chosen, searched
from synaptic_sampling import Trainer

trained = []


def train(*, rate: float, epochs: int, validation: bool, seed: int) -> dict[str, float]:
    assert validation
    assert seed == VALIDATION_SEED
    trained.append((rate, epochs))
    # In short runs the smallest rate is the best, in long ones a rate of 2.
    return {"accuracy": -rate if epochs < 10 else -abs(rate - 2)}


def test_the_best_setting_of_the_last_round_is_chosen_and_equal_settings_are_tried_once(tmp_path):
    trained.clear()
    runs = Runs(tmp_path / "name.jsonl", tmp_path / "sweeps", seeds=3)
    settings = [{"rate": rate} for rate in (4, 1, 3, 1, 2)]
    best = chosen(runs, train, settings, (Round(3, 3), Round(10, 1)), lambda tried, _: tried["accuracy"].to_numpy())
    assert best == {"rate": 2}
    assert trained == [(4, 3), (1, 3), (3, 3), (2, 3), (1, 10), (2, 10), (3, 10)]


def rise(*, learning_rate: float, peak: float, epochs: int, validation: bool, seed: int) -> dict[str, float]:
    return {"accuracy": -abs(np.log(learning_rate / peak))}


@pytest.mark.parametrize(
    ("peak", "number", "ends"),
    [
        (3.0, 30, (1, 10)),  # In the range, which is enough.
        (15.0, 40, (10, 30)),
        (0.5, 40, (1 / 3, 1)),
        (100.0, 40, (25, 30)),  # Extended once only.
    ],
)
def test_settings_beyond_an_end_of_the_range_are_tried_if_the_best_lies_near_it(tmp_path, peak, number, ends):
    runs = Runs(tmp_path / "name.jsonl", tmp_path / "sweeps")

    def draw(ends, number, draw):
        u = np.random.default_rng(draw).random(number)
        return [{"learning_rate": float(rate)} for rate in between(ends, u)]

    def score(tried, number):
        return tried["accuracy"].to_numpy()

    best = searched(runs, rise, {"peak": peak}, draw, (1.0, 10.0), (Round(3, 1),), score, (30, 10))
    assert ends[0] < best["learning_rate"] < ends[1]
    assert len((tmp_path / "name.jsonl").read_text().splitlines()) == number
    assert len(runs.used) == number, "each run counts once, although a search may ask for it twice"


def test_settings_of_mnist_are_chosen_at_full_length():
    """A shrinkage that is the best in short runs is too strong in long ones."""
    assert mnist.ROUNDS[-1] == (mnist.EPOCHS, 1)
    assert len(mnist.TOLERANCES) == len(mnist.ROUNDS)
    assert [mnist.shrinkage(1e-4, epochs) * epochs for epochs in (3, 30)] == pytest.approx([3e-3, 3e-3])


@pytest.fixture
def diverging(monkeypatch):
    """Let all training diverge, on no data."""

    def fit(*given, **options):
        raise FloatingPointError("gradient of entry (0, 0) is nan")

    empty = (np.zeros((1, 1), np.float32), np.zeros(1, np.int64))
    monkeypatch.setattr(Trainer, "fit", fit)
    monkeypatch.setattr(frames, "_data", lambda task: (empty, empty))
    monkeypatch.setattr(cifar, "_images", lambda: (empty, empty))


def test_a_network_that_diverges_has_accuracy_0_and_stops_no_search(diverging, tmp_path):
    own = {"learning_rate": 0.01, "seed": 1, "validation": False}
    net = {"method": "fixed", "level": 0.02, "l1": 0.0, "epochs": 2}
    assert cifar.learn(**own, **net, temperature=0.0, images=None, checkpoint=tmp_path / "run.npz")["accuracy"] == 0
    assert frames.learn(**own, **net, task="ecg")["accuracy"] == 0
    found = shuffle.learn(**own, task="digits", method="fixed", l1=0.0, num_tasks=3)
    assert [found[f"accuracy {n}"] for n in range(3)] == [0, 0, 0]
