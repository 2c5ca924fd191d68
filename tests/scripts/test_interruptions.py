"""Training scripts that are interrupted, as processes: what they say, what they return, and what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.results import UNFINISHED
from synaptic_sampling import RewiringLog

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")]

ROOT = Path(__file__).parents[2]
#: Scripts, and epochs after which no training ends by itself; one of spikes plans all of them before it starts.
LONG = {"train_rate": ["--epochs", "100000"], "train_spiking": ["--epochs", "200", "--device", "runtime"]}


def start(script, out, *options, ignored=()):
    """Start a script as a shell does; in the background, or by nohup, signals are ignored."""

    def prepare():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    command = [sys.executable, "-u", "-m", f"scripts.{script}", "--out", str(out), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, preexec_fn=prepare, **pipes)  # noqa: PLW1509 (no threads)


def wait_until_it_trains(script, out, process):
    """Return when the log grows on disk, or when the simulation reports its progress."""
    log = out / UNFINISHED / "log-1.rewiring"
    end = time.monotonic() + 200
    while time.monotonic() < end and process.poll() is None:
        if script == "train_spiking" and b" %, " in process.stderr.readline():
            return
        if script == "train_rate" and log.exists() and log.stat().st_size > 10_000 and RewiringLog.open(log).last_step:
            return
        time.sleep(0.05)
    pytest.fail(f"{script} does not train: {process.stderr.read()[-2000:]}")


@pytest.mark.parametrize("script", LONG)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_script_that_is_interrupted_says_how_to_go_on(script, number, status, tmp_path):
    out = tmp_path / "out"
    with start(script, out, *LONG[script]) as process:
        wait_until_it_trains(script, out, process)
        process.send_signal(number)
        printed, said = process.communicate(timeout=30)
    assert process.returncode == status
    assert b"Traceback" not in said
    (line,) = [line for line in said.decode().splitlines() if line.startswith("Stopped by")]
    kept = sorted(path.name for path in out.rglob("*") if path.is_file()) if out.exists() else []
    if script == "train_rate":
        assert kept == ["log-1.rewiring"]
        assert RewiringLog.open(out / UNFINISHED / kept[0]).last_step > 0
        assert line.endswith(f"Its files are in {out / UNFINISHED}; the same command with --overwrite starts again.")
    else:
        assert not kept
        assert line.endswith("Nothing was written; start it again.")
    assert not printed
    assert not (out / ".lock").exists()
    if script == "train_rate":
        with start(script, out, "--quick", "--overwrite") as process:
            process.communicate(timeout=250)
        assert process.returncode == 0
        assert json.loads((out / "summary.json").read_text())["accuracy_mean"] > 0
        assert not (out / UNFINISHED).exists()


@pytest.mark.parametrize("script", LONG)
def test_an_interrupt_that_is_ignored_stays_ignored(script, tmp_path):
    """As in the background of a shell, or by nohup."""
    with start(script, tmp_path, *LONG[script], ignored=[signal.SIGINT]) as process:
        wait_until_it_trains(script, tmp_path, process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said.decode().count("Stopped by SIGTERM") == 1
