"""The sweep over connectivities: which learning rate it takes, what it keeps, what it draws."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from matplotlib import pyplot as plt

from models.mlp import DIGITS
from scripts import rate_methods, sweep_connectivity
from scripts.rate_methods import count_weights
from scripts.sweep_connectivity import FACTORS, TrainingRuns, draw, main

RATE = DIGITS.rules["deepr"].learning_rate


@pytest.fixture
def trained(monkeypatch):
    """All runs that are done, which cost nothing: the smaller the learning rate, the better, but for a few."""
    done = []

    def train(**job):
        done.append(job)
        rate = job["rule"].learning_rate
        good = rate == 0.5 * RATE if job["connectivity"] == [0.1] else rate == 0.25 * RATE
        if job["rule"].learning_rate == RATE:
            raise FloatingPointError("diverged")
        # Those that are tested are better with another one, which nobody may know.
        accuracy = 0.9 if good == job["validation"] else 0.5
        return SimpleNamespace(
            accuracies=[0.1, accuracy + job["seed"] / 100], connections=7, connections_max=8, seconds=1.0
        )

    monkeypatch.setattr(sweep_connectivity, "train", train)
    return done


def test_the_learning_rate_is_chosen_by_validation_alone(trained, tmp_path):
    rows = main(["--methods", "deepr", "--connectivity", "0.02,0.1", "--seeds", "2", "--out", str(tmp_path)])
    assert [(row["connectivity"], row["factor"], row["seed"]) for row in rows] == [
        ([0.02], 0.25, 1),
        ([0.02], 0.25, 2),
        ([0.1], 0.5, 1),
        ([0.1], 0.5, 2),
    ]
    assert [job["validation"] for job in trained] == 2 * ([True] * len(FACTORS) + [False] * 2)
    assert all((job["seed"] == 0) == job["validation"] for job in trained)
    assert [row["accuracy"] for row in rows] == pytest.approx([0.51, 0.52] * 2)


def test_nothing_is_run_twice(trained, tmp_path, capsys):
    arguments = ["--methods", "fixed,dense", "--connectivity", "0.02", "--out", str(tmp_path), "--resume"]
    first = main([*arguments, "--seeds", "1"])
    assert "starting with the first run" in capsys.readouterr().err
    number = len(trained)
    assert number == len(FACTORS) + 1 + 2
    assert [job["connectivity"] for job in trained[-2:]] == [[1.0], [1.0]]
    assert main([*arguments, "--seeds", "1"]) == first
    assert len(trained) == number
    assert main([*arguments, "--seeds", "2"])[::2] == first
    assert len(trained) == number + 2
    main([*arguments, "--seeds", "1", "--epochs", "3"])
    assert len(trained) == 2 * number + 2
    assert len(json.loads((tmp_path / "sweep.json").read_text())["rows"]) == len(trained)


def test_other_defaults_of_a_task_are_other_runs(trained, tmp_path, monkeypatch):
    job = {"task": "digits", "method": "fixed", "connectivity": [0.02], "seed": 1, "validation": True}
    runs = TrainingRuns(tmp_path / "sweep.json")
    one = runs.train(0.5, **job)
    rules = {**DIGITS.rules, "fixed": DIGITS.rules["dense"]}
    monkeypatch.setitem(sweep_connectivity.TASKS, "digits", DIGITS._replace(rules=rules))
    assert runs.train(0.5, **job)["rule"] != one["rule"]
    assert len(trained) == 2


def test_a_run_that_is_stopped_goes_on(tmp_path, monkeypatch, capsys):
    """From its checkpoint, which is named by what determines the run and removed with the last one."""
    monkeypatch.setattr(sweep_connectivity, "FACTORS", (0.5,))
    arguments = ["--quick", "--epochs", "3", "--methods", "fixed", "--connectivity", "0.02", "--seeds", "1"]
    whole = main([*arguments, "--out", str(tmp_path / "whole")])
    out, counted = tmp_path / "cut", []

    def stop(net):
        counted.append(count_weights(net))
        if len(counted) == 8:  # In the last epoch of the second run.
            raise KeyboardInterrupt
        return counted[-1]

    with monkeypatch.context() as patch:
        patch.setattr(rate_methods, "count_weights", stop)
        with pytest.raises(SystemExit):
            main([*arguments, "--out", str(out), "--checkpoint-every", "1"])
    assert {path.suffixes[0] for path in (out / "unfinished").iterdir()} == {".npz", ".previous"}
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(out)])
    assert "already exists; pass --resume to continue it, or --overwrite" in capsys.readouterr().err
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(rate_methods, "count_weights", lambda net: seen.append(1) or count_weights(net))
        found = main([*arguments, "--out", str(out), "--resume"])
    assert len(seen) == 2
    for one, other in zip(whole, found, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert sorted(path.name for path in out.iterdir()) == ["sweep.json", "sweep.png"]


@pytest.mark.slow
def test_several_processes_write_the_same_file(tmp_path):
    arguments = ["--quick", "--epochs", "1", "--methods", "deepr,dense", "--connectivity", "0.02,0.2"]
    found = {}
    for n in ("1", "2"):
        out = str(tmp_path / n)
        main([*arguments, "--seeds", "1", "--n-jobs", n, "--out", out])
        tested = main([*arguments, "--seeds", "2", "--n-jobs", n, "--out", out, "--resume"])
        rows = json.loads((tmp_path / n / "sweep.json").read_text())["rows"]
        assert len(rows) == 2 * (3 + 2) + 1 + 2
        found[n] = [[{k: v for k, v in row.items() if k != "seconds"} for row in each] for each in (tested, rows)]
        found[n].append([list(row) for row in rows])
    assert found["1"] == found["2"]


def test_runs_are_real_and_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweep_connectivity, "FACTORS", (0.5, 1.0))
    arguments = ["--quick", "--methods", "deepr,dense", "--connectivity", "0.02,0.2", "--seeds", "2"]
    rows = main([*arguments, "--out", str(tmp_path / "new")])
    assert {row["connections"] for row in rows if row["method"] == "deepr"} == {1004, 10040}
    assert all(0.2 < row["accuracy"] <= 1 for row in rows)
    assert (tmp_path / "new" / "sweep.png").stat().st_size > 10_000
    assert "wrote sweep.json" in capsys.readouterr().out


def test_the_picture_shows_mean_and_range():
    rows = [
        {"method": method, "connectivity": [share], "accuracy": accuracy}
        for method, share, accuracy in [
            ("deepr", 0.1, 0.9),
            ("deepr", 0.1, 0.7),
            ("deepr", 0.1, 0.74),
            ("deepr", 0.01, 0.5),
            ("fixed", 0.01, 0.4),
            ("dense", 1.0, 0.95),
        ]
    ]
    figure = draw(rows)
    (axes,) = figure.axes
    lines = {container.get_label(): container.lines[0].get_xydata().tolist() for container in axes.containers}
    assert lines == {
        "DEEP R": [[1.0, pytest.approx(0.5)], [10.0, pytest.approx(0.78)]],
        "fixed connections": [[1.0, pytest.approx(0.4)]],
    }
    bars = axes.containers[0].lines[2][0].get_segments()
    assert [bar[:, 1].tolist() for bar in bars] == [pytest.approx([0.5, 0.5]), pytest.approx([0.7, 0.9])]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["DEEP R", "fixed connections"]
    assert axes.get_ylabel() == "test accuracy (%)"
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["50", "70", "80", "90", "95"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "10"]
    assert 0.95 in axes.lines[-1].get_ydata()
    plt.close(figure)


def test_unknown_methods_are_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["--methods", "deepr,deeper", "--out", str(tmp_path)])
    assert "methods are deepr, fixed, dense, set, rigl, l1, prune, got deeper" in capsys.readouterr().err
