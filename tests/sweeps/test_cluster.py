"""A sweep on a Dask cluster, whose workers are killed, and on one whose own process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from synaptic_sampling import sweep
from tests.sweeps import cluster, work

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    out = tmp_path_factory.mktemp("serial")
    grid = {**cluster.GRID, "pause": [0.0]}
    return sweep(work.walked, grid, seeds=cluster.SEEDS, out=out, report=None).assign(pause=cluster.GRID["pause"][0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as POSIX does")
def test_a_sweep_survives_killed_workers_and_its_own_death(serial, tmp_path):
    """20 workers are killed, and twice the process that has started the sweep."""
    command = [sys.executable, "-m", "tests.sweeps.cluster", str(tmp_path), "20", "300"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=400)
    result = json.loads(found.stdout.splitlines()[-1])
    assert result["kills"] == 20, "the sweep was over too soon"
    assert (result["starts"], result["status"]) == (3, 0), (tmp_path / "sweep.log").read_text()[-3000:]
    table = pd.read_parquet(tmp_path / "out" / "table.parquet")
    pd.testing.assert_frame_equal(table, serial, check_exact=True, check_dtype=False)
    left = cluster.finished(tmp_path / "out")
    assert len(left) == len(table) == 120
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 120, "nothing is left of killed runs"
    for kept in result["kept"]:
        assert len(kept) >= 40
        assert kept.items() <= left.items(), "what was finished has not been repeated"


DEADLY = """
import joblib
from distributed import Client
from synaptic_sampling import sweep
from tests.sweeps import work

with Client({address!r}, timeout=60), joblib.parallel_config("dask", wait_for_workers_timeout=60):
    sweep(work.deadly, {{"x": [1, 2, 3], "pause": [0.5]}}, seeds=[1, 2, 3], out={out!r}, report=None)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as POSIX does")
def test_a_run_that_kills_each_worker_is_a_row(tmp_path):
    """Dask gives it up after four workers. joblib alone would wait without end, or run it here."""
    with cluster.scheduler(tmp_path) as address:
        worker = cluster.worker(address, tmp_path, nanny="--nanny")
        try:
            code = DEADLY.format(address=address, out=str(tmp_path / "out"))
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=300)
        finally:
            cluster.kill(worker)
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert table.error.isna().tolist() == [True] * 3 + [False] + [True] * 5
    assert table.error[3].startswith("KilledWorker: the process that performed this run was killed")
    assert table.total.dropna().tolist() == [1, 2, 3, 4, 6, 3, 6, 9]


INTERRUPTED = """
from synaptic_sampling import sweep
from tests.sweeps import cluster, work

sweep(work.walked, {{**cluster.GRID, "pause": [0.2]}}, seeds=range(5), out={out!r}, n_jobs=2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_ctrl_c_leaves_what_is_finished(tmp_path):
    """Ctrl+C reaches the process and its workers alike."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", INTERRUPTED.format(out=str(out))]
    process = cluster.start(*command, log=tmp_path / "log")
    while len(cluster.finished(out)) < 4 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    said = (tmp_path / "log").read_text()
    assert process.returncode not in (0, None)
    assert "of 30 runs; start the sweep again to go on." in said.splitlines()[-1]
    kept = cluster.finished(out)
    assert 4 <= len(kept) < 30
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=100)
    assert kept.items() <= cluster.finished(out).items()
    assert len(cluster.finished(out)) == len(list((out / "runs").iterdir())) == 30
