"""Sweeps: what they return, what they leave, what they refuse."""

from __future__ import annotations

import functools
import json
import logging
import sys
from contextlib import nullcontext
from pathlib import Path

import brian2 as b2
import joblib
import numpy as np
import pandas as pd
import pytest

from synaptic_sampling import sweep
from synaptic_sampling.sweeps.settings import runs_of
from tests.sweeps import work

quietly = functools.partial(sweep, report=None)


def test_a_table_has_a_row_for_each_setting_and_seed(tmp_path):
    table = quietly(work.noted, {"x": [2, 1], "y": ["u", "v"]}, seeds=[5, 3], out=tmp_path)
    assert table.columns.tolist() == ["x", "y", "seed", "total", "number", "large", "error"]
    assert table.x.tolist() == [2] * 4 + [1] * 4
    assert table.y.tolist() == ["u", "u", "v", "v"] * 2
    assert table.seed.tolist() == [5, 3] * 4
    assert table.total.tolist() == [2.5, 2.3, 2.5, 2.3, 1.5, 1.3, 1.5, 1.3]
    assert table.large.tolist() == [True] * 4 + [False] * 4
    assert table.error.isna().all()
    assert [str(kind) for kind in table.dtypes[2:6]] == ["int64", "float64", "int64", "bool"]


def test_the_files_hold_the_table(tmp_path):
    table = quietly(work.noted, {"x": [1, 3], "y": [None, "v"]}, seeds=[2, 1], out=tmp_path)
    stored = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(stored, table, check_dtype=False)
    assert stored.total.dtype == np.float64
    csv = pd.read_csv(tmp_path / "table.csv")
    assert csv.columns.tolist() == table.columns.tolist()
    assert csv.total.tolist()[:4] == table.total.tolist()[:4] == [1.2, 1.1] * 2
    assert csv.error.tolist()[4:] == ["ValueError: x is three"] * 4


def test_columns_have_one_type(tmp_path):
    """Seeds have 64 bits; values of several types are JSON."""
    values = [0, "a", (1, 2.5), {"b": None}, None]
    table = quietly(work.kept, {"x": values}, seeds=[2**64 - 1, 2**63], out=tmp_path)
    assert table.seed.tolist() == [2**64 - 1, 2**63] * 5
    assert table.x.dropna().tolist() == [text for text in ("0", '"a"', "[1, 2.5]", '{"b": null}') for _ in range(2)]
    assert pd.read_parquet(tmp_path / "table.parquet").seed.tolist() == table.seed.tolist()


def test_integers_that_no_float_equals_are_shown_as_they_are(tmp_path):
    """Beside floats, in one column."""
    table = quietly(work.noted, {"x": [1, 2.5, 2**53]}, seeds=[1], out=tmp_path / "a")
    assert table.x.tolist() == [1.0, 2.5, 2.0**53]
    table = quietly(work.noted, {"x": [1, 2.5, 2**53 + 1]}, seeds=[1], out=tmp_path / "b")
    assert table.x.tolist() == ["1", "2.5", "9007199254740993"]
    assert pd.read_parquet(tmp_path / "b" / "table.parquet").x.tolist() == table.x.tolist()


def test_each_run_has_a_folder(tmp_path):
    quietly(work.noted, {"x": [1, 2]}, seeds=[1], out=tmp_path)
    for run in runs_of({"x": [1, 2]}, [1]):
        folder = tmp_path / "runs" / run.key
        assert sorted(path.name for path in folder.iterdir()) == ["note.txt", "run.json"]
        record = json.loads((folder / "run.json").read_text())
        assert record["arguments"] == run.setting
        assert record["results"]["total"] == run.setting["x"] + 0.1
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_names_of_runs_are_the_same_everywhere():
    """They are part of the format: results of other machines and versions must be found."""
    grid = [{"b": np.float32(0.5), "a": (1, [True, None])}, {"a": {"z": "é", "y": 1e-300}}]
    assert [run.key for run in runs_of(grid, np.array([7]))] == ["d6c088c61bd6fdc6", "6ae5a6493d3ef500"]


def test_the_order_of_arguments_does_not_matter():
    (one,), (other,) = runs_of([{"a": 1, "b": 2}], [0]), runs_of([{"b": 2, "a": 1}], [0])
    assert one.key == other.key
    assert len({run.key for run in runs_of([{"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {}], [0, 1])}) == 10


def test_what_exists_is_not_repeated_and_may_be_extended(tmp_path):
    calls = tmp_path / "calls"
    out = tmp_path / "out"
    first = quietly(work.appended, {"path": [str(calls)]}, seeds=[1, 2], out=out)
    quietly(work.appended, {"path": [str(calls)]}, seeds=[1, 2], out=out)
    more = quietly(work.appended, {"path": [str(calls)]}, seeds=[3, 2, 1], out=out)
    assert calls.read_text().split() == ["1", "2", "3"]
    assert first.pid.tolist() == more.pid.tolist()[:2]


def test_a_run_that_fails_is_a_row_and_is_tried_again(tmp_path, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING):
        table = quietly(work.noted, {"x": [3, 1]}, seeds=[1], out=tmp_path)
    assert "1 of 2 runs failed" in caplog.text
    assert table.error.tolist()[0] == "ValueError: x is three"
    assert np.isnan(table.total[0])
    assert table.total[1] == 1.1
    assert [str(kind) for kind in table.dtypes[2:6]] == ["float64", "Int64", "boolean", "string"]
    (failed,) = (tmp_path / "errors").iterdir()
    assert "in noted" in failed.read_text()
    assert len(list((tmp_path / "runs").iterdir())) == 1
    monkeypatch.setattr(work.noted, "__code__", (lambda *, x, y="u", seed, folder: {"total": 0.0}).__code__)
    table = quietly(work.noted, {"x": [3, 1]}, seeds=[1], out=tmp_path)
    assert table.total.tolist() == [0.0, 1.1]
    assert not list((tmp_path / "errors").iterdir())


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("list", "TypeError: the function must return a dict of numbers"),
        ("text", "TypeError: results must be numbers without units, got '1' for 'total'"),
        ("array", "TypeError: results must be numbers"),
        ("name", "ValueError: names of results"),
        ("argument", "ValueError: names of results"),
        ("number", "ValueError: names of results"),
        ("wide", "ValueError: results must fit into 64 bits"),
    ],
)
def test_results_must_be_numbers(what, error, tmp_path):
    assert quietly(work.returned, {"what": [what]}, seeds=[1], out=tmp_path).error[0].startswith(error)


def test_a_result_may_be_nan_and_a_run_may_exit(tmp_path):
    for _ in range(2):
        table = quietly(work.returned, {"what": ["nan"]}, seeds=[1], out=tmp_path / "a")
        assert np.isnan(table.total[0])
        assert pd.isna(table.error[0])
    assert quietly(work.exits, {}, seeds=[1], out=tmp_path / "b").error[0] == "SystemExit: 3"
    assert quietly(work.leaves, {}, seeds=[1], out=tmp_path / "c").error[0] == "GeneratorExit:"


def test_messages_that_cannot_be_written_are_rows(tmp_path):
    table = quietly(work.odd_errors, {"x": [1, 2]}, seeds=[1], out=tmp_path)
    assert table.error.tolist() == ["Unwritable: its message cannot be written", "ValueError: file \\udce9"]
    assert len(list((tmp_path / "errors").iterdir())) == 2


def test_an_interrupted_sweep_keeps_what_is_finished(tmp_path):
    flag, out = tmp_path / "flag", tmp_path / "out"
    flag.touch()
    with pytest.raises(KeyboardInterrupt, match="contains 2 of 4 runs; start the sweep again to go on"):
        quietly(work.interrupted, {"flag": [str(flag)]}, seeds=range(4), out=out)
    assert len(list((out / "runs").iterdir())) == 2
    assert not (out / "table.csv").exists()
    flag.unlink()
    assert quietly(work.interrupted, {"flag": [str(flag)]}, seeds=range(4), out=out).total.tolist() == [0, 1, 2, 3]


def test_a_checkpoint_is_kept_until_the_run_has_finished(tmp_path):
    flag, out = tmp_path / "flag", tmp_path / "out"
    flag.touch()
    for _ in range(2):
        assert quietly(work.resumed, {"flag": [str(flag)]}, seeds=[1], out=out).error[0] == "RuntimeError: stopped"
        assert len(list((out / "checkpoints").iterdir())) == 1
    flag.unlink()
    assert quietly(work.resumed, {"flag": [str(flag)]}, seeds=[1], out=out).calls.tolist() == [3]
    assert not list((out / "checkpoints").iterdir())


@pytest.mark.parametrize("function", [work.ready_before, work.faster_and_removed])
def test_another_process_may_be_faster(function, tmp_path):
    place = str(tmp_path / "run.json")
    (run,) = runs_of({"place": [place]}, [1])
    (tmp_path / "run.json").write_text(json.dumps({"arguments": run.setting, "seed": 1, "results": {"total": 1.0}}))
    table = quietly(function, {"place": [place]}, seeds=[1], out=tmp_path / "out")
    assert table.error.isna().all()
    assert not list((tmp_path / "out" / "errors").iterdir())
    assert [path.name for path in (tmp_path / "out" / "runs").iterdir()] == [run.key]


def test_another_process_may_finish_what_fails_here(tmp_path, monkeypatch, caplog):
    """After it has failed, and before the table is written."""
    place, grid = tmp_path / "run.json", {"place": [str(tmp_path / "run.json")]}
    (run,) = runs_of(grid, [1])
    place.write_text(json.dumps({"arguments": run.setting, "seed": 1, "results": {"total": 1.0}}))
    monkeypatch.setattr(work, "KEY", run.key)
    table = quietly(work.finished_by_another, grid, seeds=[1, 2], out=tmp_path / "out")
    assert table.error.isna().all()
    assert table.total.tolist() == [1.0, 2.0]
    assert pd.read_csv(tmp_path / "out" / "table.csv").total.tolist() == [1.0, 2.0]
    assert not list((tmp_path / "out" / "errors").iterdir())
    assert "failed" not in caplog.text


def test_parts_together_are_the_whole(tmp_path):
    grid, seeds = {"x": [1, 2, 3]}, [1, 2, 3]
    parts = [quietly(work.noted, grid, seeds=seeds, out=tmp_path / "a", part=(n, 4)) for n in (1, 2, 3, 4)]
    assert [len(part) for part in parts] == [3, 2, 2, 2]
    assert not (tmp_path / "a" / "table.csv").exists()
    collected = quietly(work.noted, grid, seeds=seeds, out=tmp_path / "a")
    whole = quietly(work.noted, grid, seeds=seeds, out=tmp_path / "b")
    pd.testing.assert_frame_equal(collected, whole)
    rows = pd.concat(parts).sort_values(["x", "seed"], ignore_index=True)
    pd.testing.assert_frame_equal(rows[["x", "seed", "total"]], whole[["x", "seed", "total"]])


def test_processes_return_the_same_table_and_one_that_dies_is_a_row(tmp_path):
    whole = quietly(work.noted, {"x": [1, 2, 3]}, seeds=[1, 2], out=tmp_path / "a")
    for number, jobs in enumerate([{"n_jobs": 2}, {}]):
        with joblib.parallel_config(n_jobs=2):
            table = quietly(work.noted, {"x": [1, 2, 3]}, seeds=[1, 2], out=tmp_path / f"b{number}", **jobs)
        pd.testing.assert_frame_equal(table, whole)
        for name in ("table.csv", "table.parquet"):
            assert (tmp_path / f"b{number}" / name).read_bytes() == (tmp_path / "a" / name).read_bytes()
    table = quietly(work.deadly, {"x": [1, 2, 3]}, seeds=[1, 2, 3], out=tmp_path / "c", n_jobs=2)
    assert table.error.isna().tolist() == [True] * 3 + [False] + [True] * 5
    assert table.error[3].startswith("TerminatedWorkerError: the process that performed this run was killed")
    assert table.total.dropna().tolist() == [1, 2, 3, 4, 6, 3, 6, 9]


def test_a_run_has_one_thread(tmp_path, monkeypatch):
    """BLAS may have one thread anyway, as where make sets it."""
    limits = []
    monkeypatch.setattr("threadpoolctl.threadpool_limits", lambda limit: limits.append(limit) or nullcontext())
    quietly(work.again, {"x": [1]}, seeds=[1, 2], out=tmp_path)
    assert limits == [1, 1]


def test_a_run_has_a_process_for_itself(tmp_path):
    with joblib.parallel_config("threading", n_jobs=3):
        table = quietly(work.threads, {}, seeds=range(4), out=tmp_path)
    assert table.threads.tolist() == table.together.tolist() == [1] * 4


def test_a_folder_belongs_to_one_function(tmp_path):
    quietly(work.noted, {"x": [1]}, seeds=[1], out=tmp_path)
    with pytest.raises(
        ValueError, match=r"contains a sweep of tests.sweeps.work.noted, not of tests.sweeps.work.again"
    ):
        quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="out must be the folder of a sweep, or empty"):
        quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)
    with pytest.raises(ValueError, match="out must be the folder of a sweep, or empty"):
        quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_many_processes_may_start_one_sweep(tmp_path, monkeypatch):
    """Another process creates the folder between two looks at it."""
    exists = Path.exists

    def late(path):
        if path.name == "sweep.json" and not exists(path):
            monkeypatch.setattr(Path, "exists", exists)
            quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)
            return False
        return exists(path)

    monkeypatch.setattr(Path, "exists", late)
    assert quietly(work.again, {"x": [1]}, seeds=[2], out=tmp_path).total.tolist() == [2]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 2, "function": "f"}'])
def test_a_damaged_sweep_is_refused(text, tmp_path):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(ValueError, match=r"is damaged|has format 2"):
        quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)


def test_damaged_runs_are_refused_before_anything_runs(tmp_path):
    quietly(work.noted, {"x": [1]}, seeds=[1], out=tmp_path)
    (folder,) = (tmp_path / "runs").iterdir()
    record = json.loads((folder / "run.json").read_text())
    for text in ("", "{}", json.dumps({**record, "results": [1]}), json.dumps({**record, "seed": 2})):
        (folder / "run.json").write_text(text)
        with pytest.raises((ValueError, TypeError), match=r"is damaged|belongs to other arguments"):
            quietly(work.noted, {"x": [1]}, seeds=[1, 2], out=tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == 1


GRIDS = {
    "a string": ({"x": "deepr"}, "grid\\['x'\\] must be a list of values, got 'deepr'"),
    "a number": ({"x": 1}, "must be a list of values, got 1"),
    "a set": ({"x": {1, 2}}, "must be a list of values"),
    "nothing": ({"x": []}, "must have at least one value"),
    "no setting": ([], "must have at least one setting"),
    "no grid": (3, "must be a dict of lists or a list of dicts"),
    "a list of lists": ([[1]], "must be a dict of lists or a list of dicts"),
    "NaN": ({"x": [float("nan")]}, "grid\\['x'\\]\\[0\\] must be finite"),
    "infinity": ({"x": [1, np.inf]}, "grid\\['x'\\]\\[1\\] must be finite"),
    "a quantity": ({"x": [10 * b2.ms]}, "must be without a unit, got 10. \\* msecond; divide"),
    "quantities": ({"x": [1, 2] * b2.ms}, "must be a list of values"),
    "an array": ({"x": [np.zeros(2)]}, "convert it by tolist"),
    "an object": ({"x": [object()]}, "must be a number, a string"),
    "complex": ({"x": [1j]}, "must be a number, a string"),
    "wide": ({"x": [2**64]}, "must be between"),
    "no text": ({"x": ["a", "\ud800"]}, "grid\\['x'\\]\\[1\\] must be text that UTF-8 can encode, got '.ud800'"),
    "a key that is no text": ({"x": [{"\ud800": 1}]}, "must be text that UTF-8 can encode"),
    "a huge range": ({"x": range(10**30)}, "must have at most 1000000 values, got 10{30}; is one of them meant as a"),
    "many settings": ({"x": range(2000), "y": range(2000)}, "grid must have at most 1000000 settings, got 4000000"),
    "a name": ({1: [1]}, "must be names of arguments, got 1"),
    "equal": ({"x": [1, 2, 1]}, "grid has equal settings"),
    "equal numbers": ({"x": [1, 1.0]}, "grid has equal settings, {'x': 1} and {'x': 1.0}"),
    "equal lists": ([{"x": [1, {"a": 0}]}, {"x": (1, {"a": False})}], "grid has equal settings"),
    "the seed": ({"x": [1], "seed": [1]}, "grid must not contain 'seed'; use seeds="),
    "the folder": ({"x": [1], "folder": ["a"]}, "grid must not contain 'folder'"),
    "too little": ({}, "cannot be called with the arguments"),
    "too much": ({"x": [1], "z": [1]}, "got an unexpected keyword argument 'z'"),
}


@pytest.mark.parametrize("case", GRIDS)
def test_a_wrong_grid_is_refused_before_anything_happens(case, tmp_path):
    grid, message = GRIDS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        quietly(work.noted, grid, seeds=[1], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


WRONG = {
    "seeds": [3, [], [1, 1], [1.0], [-1], "12", None, {1}, range(1, 10**30), range(10**7)],
    "out": [3, None],
    "n_jobs": [0, 1.5, "2", True],
    "part": [(0, 2), (3, 2), (1,), 3, (1, 0), "1/2"],
    "report": ["text", 3],
    "function": [
        lambda *, seed: {},
        functools.partial(work.again, x=1),
        work.Trainer().train,
        work.Trainer,
        print,
        None,
        work.without_seed,
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_arguments_are_refused_by_name(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"function": work.again, "grid": {"x": [1]}, "seeds": [1], "out": "out", name: value}
    with pytest.raises((TypeError, ValueError), match=rf"^{name}"):
        quietly(**given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["joblib", "pandas", "threadpoolctl"])
def test_what_is_not_installed_is_named(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"sweep needs {package}: pip install 'synaptic-sampling\[sweep\]'"):
        quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_there_is_csv_and_a_hint(tmp_path, monkeypatch, caplog):
    quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)
    assert (tmp_path / "table.parquet").exists()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        quietly(work.again, {"x": [1, 2]}, seeds=[1], out=tmp_path)
    assert "needs pyarrow: pip install 'synaptic-sampling[sweep]'" in caplog.text
    assert not (tmp_path / "table.parquet").exists()
    assert len(pd.read_csv(tmp_path / "table.csv")) == 2


def test_a_script_and_a_module_have_the_same_name(tmp_path, monkeypatch):
    """A sweep that was started as a script may be continued by a program that imports it."""
    main = sys.modules["__main__"]
    monkeypatch.setattr(work.again, "__module__", "__main__")
    monkeypatch.setattr(main, "__spec__", None)
    monkeypatch.setattr(main, "__file__", "/somewhere/my_sweep.py", raising=False)
    quietly(work.again, {"x": [1]}, seeds=[1], out=tmp_path)
    assert json.loads((tmp_path / "sweep.json").read_text())["function"] == "my_sweep.again"
