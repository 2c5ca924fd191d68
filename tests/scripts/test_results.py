"""Folders of results are complete, belong to one run at a time, and are replaced only with consent; interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from scripts import demo
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import UNFINISHED, locked, results, write_measurement

PATTERNS = ("summary.json", "log-*.rewiring")


def run(out, names, *, overwrite=False, error=None):
    with results(Parser("A test."), out, PATTERNS, overwrite=overwrite) as folder:
        for name in names:
            (folder / name).write_text(name)
            assert not (out / name).exists() or overwrite
        if error is not None:
            raise error


def interrupt(out, *numbers):
    """Send signals to a run that has written half of a log."""
    with interruptible(), results(Parser("A test."), out, PATTERNS, overwrite=False) as folder:
        (folder / "log-1.rewiring").write_text("half")
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.01)


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_results_appear_together_and_are_replaced_by_consent(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    run(out, ["log-1.rewiring", "log-2.rewiring", "summary.json"])
    (out / "own.txt").write_text("of the user")
    assert names(out) == ["log-1.rewiring", "log-2.rewiring", "own.txt", "summary.json"]
    with pytest.raises(SystemExit, match="2"):
        run(out, ["log-3.rewiring"])
    assert "--out: " in capsys.readouterr().err
    assert names(out) == ["log-1.rewiring", "log-2.rewiring", "own.txt", "summary.json"]
    run(out, ["log-3.rewiring", "summary.json"], overwrite=True)
    assert names(out) == ["log-3.rewiring", "own.txt", "summary.json"], "no log of the older run is left"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_a_run_wrote_before_it_failed_is_kept(tmp_path, capsys, error):
    run(tmp_path, ["log-1.rewiring", "summary.json"])
    with pytest.raises(error):
        run(tmp_path, ["log-7.rewiring"], overwrite=True, error=error)
    assert names(tmp_path) == ["log-1.rewiring", "log-7.rewiring", "summary.json", UNFINISHED]
    (tmp_path / "log-1.rewiring").unlink()
    (tmp_path / "summary.json").unlink()
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, ["summary.json"])
    assert "already contains results (unfinished); pass --overwrite" in capsys.readouterr().err
    run(tmp_path, ["summary.json"], overwrite=True)
    assert names(tmp_path) == ["summary.json"]


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="data"), results(Parser(""), tmp_path / "new", PATTERNS, overwrite=False):
        raise ValueError("data")
    assert not names(tmp_path)


def test_a_folder_has_one_run_at_a_time(tmp_path, capsys):
    with locked(Parser("A test."), tmp_path):
        with pytest.raises(SystemExit, match="2"):
            run(tmp_path, ["summary.json"], overwrite=True)
        assert "another run is writing to" in capsys.readouterr().err
    run(tmp_path, ["summary.json"])
    assert names(tmp_path) == ["summary.json"]


def test_a_lock_dies_with_its_process(tmp_path):
    text = f"""
import pathlib, time
from scripts.common import Parser
from scripts.results import locked
with locked(Parser(""), pathlib.Path({str(tmp_path)!r})):
    print("locked", flush=True)
    time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(SystemExit, match="2"):
            run(tmp_path, ["summary.json"])
        other.kill()
    assert names(tmp_path) == [".lock"]
    run(tmp_path, ["summary.json"])
    assert names(tmp_path) == ["summary.json"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_is_told(tmp_path, capsys, number, status):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SystemExit, match=str(status)):
        interrupt(tmp_path, number)
    said = capsys.readouterr().err
    assert said.strip().startswith("Stopped by " + {130: "Ctrl+C", 143: "SIGTERM"}[status])
    assert f"Its files are in {tmp_path / UNFINISHED}; the same command with --overwrite starts again." in said
    assert before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]


def test_a_step_is_ended_before_sigterm_is_heeded():
    """As Ctrl+C does in a Trainer, which keeps it back."""
    kept = []
    before = signal.signal(signal.SIGINT, lambda *_: kept.append("SIGINT"))
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert kept == ["SIGINT"]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_ignored_stays_ignored(tmp_path, ignored):
    before = signal.signal(ignored, signal.SIG_IGN)
    other, status = {signal.SIGINT: (signal.SIGTERM, 143), signal.SIGTERM: (signal.SIGINT, 130)}[ignored]
    try:
        with pytest.raises(SystemExit, match=str(status)):
            interrupt(tmp_path, ignored, other)
        assert signal.getsignal(ignored) is signal.SIG_IGN
    finally:
        signal.signal(ignored, before)


def test_demo_ends_its_children(tmp_path, monkeypatch, capsys):
    """By SIGTERM, which comes when both run."""
    (tmp_path / "sleeper.py").write_text(
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[-1]).with_suffix('.pid').write_text(str(os.getpid()))\n"
        "time.sleep(100)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setitem(demo.RUNS, "rate", ["sleeper"])

    def wait_and_stop(run, title):
        if title == "rate fixed":
            while len(list((tmp_path / "out").rglob("*.pid"))) < 2:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
        with run.stderr as lines:
            lines.read()

    monkeypatch.setattr(demo, "relay", wait_and_stop)
    with pytest.raises(SystemExit, match="143"):
        demo.main(["--out", str(tmp_path / "out")])
    pids = [int(path.read_text()) for path in (tmp_path / "out" / UNFINISHED).glob("*.pid")]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "Stopped by SIGTERM" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_to_the_same_rows(tmp_path):
    """200 times kill -9 at random moments: sweep.json opens, and in the end holds what an undisturbed sweep finds."""
    driver = Path(__file__).with_name("kill_sweep.py")
    done = subprocess.run(
        [sys.executable, str(driver), str(tmp_path), "200"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] == 200
    assert found["sweeps"] >= 1, "each is interrupted many times, the more so on a busy machine, and ends"


def test_a_measurement_that_cannot_be_written_replaces_nothing(tmp_path):
    path, figure = tmp_path / "name.json", plt.figure(figsize=(1, 1))
    write_measurement(path, {"ours": 1}, figure)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(TypeError):
        write_measurement(path, {"ours": {1}}, figure)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    assert set(before) == {"name.json", "name.png"}
    write_measurement(path, {"ours": 2})
    assert (tmp_path / "name.png").exists(), "without a figure, one that is there is kept"
    plt.close(figure)
