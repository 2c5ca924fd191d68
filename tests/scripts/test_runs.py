"""Finished runs and the checkpoints of the others."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from scripts import compare_spiking, sweep_connectivity, tune_spiking
from scripts.results import UNFINISHED
from scripts.runs import Runs


def test_a_finished_run_whose_process_was_killed_leaves_no_checkpoint(tmp_path):
    """Killed after the row was written, before its checkpoints were removed."""
    runs, job = Runs(tmp_path / "runs.json", checkpoint_every=1), {"seed": 1}
    paths = [runs.checkpoints(each)["checkpoint"] for each in (job, {"seed": 2})]
    runs.write([job | {"accuracy": 0.5}])
    for path in paths:
        path.touch()
    again = Runs(runs.path, runs.rows, checkpoint_every=1)
    assert again.get(job, None)["accuracy"] == 0.5
    assert list((tmp_path / UNFINISHED).iterdir()) == paths[1:], "that of the run which has not finished is kept"
    again.get({"seed": 2}, lambda **_: {"accuracy": 0.6})
    assert [path.name for path in tmp_path.iterdir()] == ["runs.json"]


def interrupted(monkeypatch, calls):
    """Have a run of the sweep over connectivities be interrupted after so many others, with checkpoints if it can."""
    left = iter(range(calls))

    def train(*, checkpoint=None, **_):
        if checkpoint is not None:
            checkpoint.touch()
        if next(left, None) is None:
            raise KeyboardInterrupt
        return SimpleNamespace(accuracies=[0.9], connections=7, connections_max=8, seconds=1.0)

    monkeypatch.setattr(sweep_connectivity, "train", train)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_replaced_is_not_taken_for_new_runs(tmp_path, monkeypatch, capsys):
    """Whenever the process ends: --resume finds no old rows then."""
    arguments = ["--methods", "dense", "--seeds", "1", "--out", str(tmp_path)]
    interrupted(monkeypatch, 9)
    sweep_connectivity.main(arguments)
    assert names(tmp_path) == ["sweep.json", "sweep.png"]
    interrupted(monkeypatch, 0)
    with pytest.raises(SystemExit, match="130"):
        sweep_connectivity.main([*arguments, "--overwrite"])
    assert "Nothing was written; start it again." in capsys.readouterr().err
    assert not names(tmp_path)
    with pytest.raises(SystemExit, match="130"):
        sweep_connectivity.main([*arguments, "--checkpoint-every", "1"])
    said = capsys.readouterr().err
    assert f"No run has finished, and {tmp_path / UNFINISHED} has a checkpoint; the same command with --resume" in said
    interrupted(monkeypatch, 1)
    with pytest.raises(SystemExit, match="130"):
        sweep_connectivity.main([*arguments, "--overwrite"])
    said = capsys.readouterr().err
    go_on = "the same command with --resume in place of --overwrite goes on."
    assert f"{tmp_path / 'sweep.json'} contains 1 finished run; {go_on}" in said
    assert len(json.loads((tmp_path / "sweep.json").read_text())["rows"]) == 1


def test_nothing_is_replaced_if_data_are_missing(tmp_path, capsys):
    out, empty = tmp_path / "out", tmp_path / "empty"
    (out / UNFINISHED).mkdir(parents=True)
    empty.mkdir()
    for name in ("sweep", "compare", "tuning"):
        (out / f"{name}.json").write_text("{}")
    before = names(out)
    for script in (sweep_connectivity, compare_spiking, tune_spiking):
        with pytest.raises(SystemExit, match="2"):
            script.main(["--task", "mnist", "--data-dir", str(empty), "--overwrite", "--out", str(out)])
        assert "argument --data-dir: " in capsys.readouterr().err
        assert names(out) == before


def test_a_table_of_fewer_runs_is_removed(tmp_path, monkeypatch, capsys):
    arguments = ["--methods", "dense", "--seeds", "1", "--out", str(tmp_path)]
    row = {
        "accuracy": 0.9,
        "growth": 1.0,
        "total_connectivity": 1.0,
        "turnover": 0.0,
        "rate_hz": 9.0,
        "operations": 9.0,
    }
    left = iter([{**row, "survival": []}] * 2)
    monkeypatch.setattr(compare_spiking, "trained", lambda *_, **__: next(left, None) or interrupt())
    compare_spiking.main(arguments)
    assert names(tmp_path) == ["compare.json", "compare.md"]
    with pytest.raises(SystemExit, match="130"):
        compare_spiking.main([*arguments, "--resume", "--seeds", "3"])
    assert "compare.json contains 2 finished runs; the same command with --resume goes on." in capsys.readouterr().err
    assert names(tmp_path) == ["compare.json"]


def interrupt():
    raise KeyboardInterrupt
