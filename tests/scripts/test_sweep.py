"""Sweeps of files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from scripts import rate_methods, sweep, swept
from synaptic_sampling import RewiringLog
from synaptic_sampling.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]
FILE = """
function = "tests.sweeps.work:noted"
out = "OUT"
seeds = 2

[grid]
x = [1, 2.5, 3]
y = ["a"]
"""


def write(folder, text=FILE):
    path = folder / "sweep.toml"
    path.write_text(text.replace("OUT", (folder / "out").as_posix()))
    return str(path)


def test_a_file_is_swept(tmp_path, capsys):
    table = sweep.main([write(tmp_path)])
    assert table.x.tolist() == [1.0, 1.0, 2.5, 2.5, 3.0, 3.0]
    assert table.seed.tolist() == [1, 2] * 3
    assert table.total.tolist()[:4] == [1.1, 1.2, 2.6, 2.7]
    assert "4 runs, 2 failed" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "table.csv")) == 6


def test_parts_and_single_settings(tmp_path, capsys):
    path = write(tmp_path, FILE.partition("[grid]")[0] + "[[grid]]\nx = 1\n[[grid]]\nx = 2\ny = 'b'\n")
    parts = [sweep.main([path, "--part", f"{n}/3"]) for n in (1, 2, 3)]
    assert [len(part) for part in parts] == [2, 1, 1]
    assert not (tmp_path / "out" / "table.csv").exists()
    assert sweep.main([path]).x.tolist() == [1, 1, 2, 2]
    assert "part 3; 1 runs, 0 failed" in capsys.readouterr().out


def test_networks_of_the_project_can_be_swept(tmp_path):
    text = (
        '[grid]\nquick = [true]\nepochs = [1]\nlearning_rate = [0.1]\nconnectivity = [0.05]\nmethod = ["deepr", "set"]'
    )
    text = FILE.partition("[grid]")[0].replace("tests.sweeps.work:noted", "scripts.swept:rate") + text
    table = sweep.main([write(tmp_path, text.replace("seeds = 2", "seeds = [3]"))])
    assert table.error.isna().all()
    rule = rate_methods.changed(rate_methods.rule_of(rate_methods.TASKS["digits"], "deepr"), 0.1, None)
    alone = rate_methods.train(seed=3, epochs=1, quick=True, connectivity=[0.05], rule=rule)
    assert table.accuracy[0] == alone.accuracies[-1]
    assert table.births[0] == alone.births > 0
    logs = sorted((tmp_path / "out").glob("runs/*/log.rewiring"))
    assert {RewiringLog.open(path).num_births for path in logs} == set(table.births)


#: Arguments that no function of the project takes, and what is said.
WRONG = [
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"epochs": False}, "epochs must be an integer, got False"),
    ({"quick": "no"}, "quick must be True or False, got 'no'"),
    ({"validation": "false"}, "validation must be True or False, got 'false'"),
    ({"method": "dense", "connectivity": 0.05}, "connectivity must be 1 with method 'dense'"),
]


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (swept.rate, {"task": "digit"}, "task must be one of digits"),
        (swept.rate, {"method": "ser"}, "method must be one of deepr"),
        (swept.rate, {"method": "soft", "task": "cifar10"}, "method 'soft' has no parameters for task 'cifar10'"),
        (swept.rate, {"method": "set", "l1": 1e-3}, "l1 belongs to methods 'deepr' and 'soft'"),
        (swept.spiking, {"task": "digit"}, "task must be one of digits"),
        (swept.spiking, {"method": "sets"}, "method must be one of deepr"),
        (swept.rate, {"connectivity": 0}, "connectivity must be above 0 and at most 1 .*, got 0"),
        (swept.rate, {"connectivity": [0.1, -0.5, 0.1]}, "connectivity must be above 0 and at most 1 .*, got -0.5"),
        (swept.rate, {"connectivity": 5}, r"connectivity must be above 0 and at most 1 \(5 % is 0.05\), got 5"),
        (swept.rate, {"connectivity": 1.5}, "connectivity must be above 0 and at most 1 .*, got 1.5"),
        (swept.rate, {"connectivity": True}, "connectivity must be above 0 and at most 1 .*, got True"),
        (swept.rate, {"connectivity": ["0.05"]}, "connectivity must be above 0 and at most 1 .*, got '0.05'"),
        (swept.rate, {"connectivity": []}, "connectivity must be one number or 3, got 0"),
        (swept.spiking, {"connectivity": 0}, "connectivity must be > 0, got 0"),
        (swept.spiking, {"connectivity": []}, "connectivity must be one number or 2, got 0"),
        (swept.spiking, {"connectivity": [0.1, 0.2, 0.3]}, "connectivity must be one number or 2, got 3"),
        *((function, arguments, said) for function in (swept.rate, swept.spiking) for arguments, said in WRONG),
    ],
)
def test_networks_of_the_project_refuse_what_they_do_not_know(function, arguments, said, tmp_path):
    """Before anything is trained that the table would state otherwise."""
    arguments = {"epochs": 1, "quick": True, **arguments}
    with pytest.raises((TypeError, ValueError), match=said):
        function(seed=1, folder=tmp_path, checkpoint=tmp_path / "run.npz", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_connectivity_of_1_is_that_of_a_dense_network(tmp_path):
    found = swept.rate(
        seed=1, folder=tmp_path, checkpoint=tmp_path / "run.npz", method="dense", connectivity=1.0, epochs=1, quick=True
    )
    assert found["connections"] == sum(rate_methods.TASKS["digits"].sites)


def test_l1_of_soft_deepr_can_be_swept(tmp_path, monkeypatch):
    rules = []
    monkeypatch.setattr(rate_methods, "train", lambda rule, **options: rules.append(rule) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        swept.rate(seed=1, folder=tmp_path, checkpoint=tmp_path / "run.npz", method="soft", l1=3e-4)
    assert rules[0].l1 == 3e-4


def test_a_run_of_a_sweep_that_was_killed_goes_on(tmp_path, monkeypatch):
    """With its log, although the folder of the first attempt is lost."""
    count, left = rate_methods.count_weights, iter(range(3))

    def stop(net):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return count(net)

    found = {}
    for name in ("whole", "killed", "cut"):
        (tmp_path / name).mkdir()
        checkpoint = tmp_path / ("whole.npz" if name == "whole" else "cut.npz")
        options = {"seed": 1, "folder": tmp_path / name, "checkpoint": checkpoint, "epochs": 3, "quick": True}
        if name != "killed":
            found[name] = swept.rate(**options), RewiringLog.load(tmp_path / name / "log.rewiring").events.tobytes()
            continue
        with monkeypatch.context() as patch:
            patch.setattr(rate_methods, "count_weights", stop)
            with pytest.raises(KeyboardInterrupt):
                swept.rate(**options)
        assert load_checkpoint(checkpoint).about["samples_done"] == 2 * 1347
    assert found["whole"] == found["cut"]


@pytest.mark.parametrize("text", ["3", "0/4", "5/4", "3/", "/4", "a/b"])
def test_a_part_is_two_numbers(text, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep.main([write(tmp_path), "--part", text])
    said = capsys.readouterr().err
    assert "argument --part: must be" in said
    assert ("such as 3/16, got 3" in said) == (text == "3")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seeds = 2", ""), "has no 'seeds'"),
        (("seeds = 2", "seed = 2\nseeds = 2"), "has an unknown entry 'seed'"),
        (("seeds = 2", "seeds = 20251130"), "means so many seeds; write seeds = [20251130] for one"),
        (("seeds = 2", "seeds = 0"), "seeds must have at least one seed"),
        (("seeds = 2", "seeds = 1.5"), "seeds must be a list of integers"),
        (("seeds = 2", "seeds = "), "is not a TOML file"),
        (("work:noted", "work:note"), "function must be 'module:function'"),
        (("work:noted", "wrk:noted"), "function must be 'module:function'"),
        (("tests.sweeps.work:", ""), "function must be 'module:function'"),
        (("tests.sweeps.work:", ":"), "function must be 'module:function'"),
        (("x = [1, 2.5, 3]", "x = 1"), "grid['x'] must be a list of values"),
        (("x = [1, 2.5, 3]", "x = [nan]"), "grid['x'][0] must be finite"),
        (("x = [1, 2.5, 3]", "z = [1]"), "cannot be called with the arguments"),
        (("out = ", "out = 3 #"), "out must be"),
        (("OUT", "sweep.toml"), "out must be the folder of a sweep"),
    ],
)
def test_a_wrong_file_is_one_line(change, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, FILE.replace(*change))
    with pytest.raises(SystemExit, match="2"):
        sweep.main([path])
    (line,) = capsys.readouterr().err.splitlines()
    assert "argument FILE" in line
    assert said in line
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.toml"]


@pytest.mark.slow
def test_the_exit_status_tells_whether_runs_have_failed(tmp_path):
    path = write(tmp_path)
    for expected, text in ((1, FILE), (0, FILE.replace(", 3]", "]"))):
        write(tmp_path, text)
        command = [sys.executable, "-m", "scripts.sweep", path, "--n-jobs", "2"]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == expected


@pytest.mark.slow
def test_a_cluster_is_found_by_its_address(tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(host="127.0.0.1", protocol="tcp", **options) as local:
        table = sweep.main([write(tmp_path), "--scheduler", local.scheduler_address])
    assert table.total.tolist()[:4] == [1.1, 1.2, 2.6, 2.7]
    for address in ("tcp://127.0.0.1:1", "nowhere://x", ""):
        with pytest.raises(SystemExit, match="2"):
            sweep.main([write(tmp_path), "--scheduler", address])
        assert "argument --scheduler: cannot connect" in capsys.readouterr().err
