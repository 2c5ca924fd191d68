"""A Dask cluster on this machine, whose workers are killed at random; run by a test.

python -m tests.sweeps.cluster FOLDER KILLS SECONDS
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

#: Settings of the sweep: 120 runs of half a second.
GRID = {"x": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "pause": [0.5]}
SEEDS = range(20)

SWEEP = """
import joblib
from distributed import Client
from synaptic_sampling import sweep
from tests.sweeps import cluster, work

with Client({address!r}, timeout=60), joblib.parallel_config("dask", wait_for_workers_timeout=60):
    sweep(work.walked, cluster.GRID, seeds=cluster.SEEDS, out={out!r}, report=None)
"""


def start(*command, log):
    """Start a process in a session of its own, so that it can be killed with its children."""
    with open(log, "ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def kill(process):
    """Kill a process that was started here, and its children, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def scheduler(folder):
    """Provide the address of a scheduler on the loopback device."""
    found = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter", "--scheduler-file", str(found))
    process = start(sys.executable, "-m", "distributed.cli.dask_scheduler", *options, log=folder / "scheduler.log")
    try:
        end = time.monotonic() + 60
        while not found.exists() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.2)
        yield json.loads(found.read_text())["address"]
    finally:
        kill(process)


def worker(address, folder, nanny="--no-nanny"):
    """Start a worker of one thread; a nanny starts another one when it is killed."""
    options = ("--nthreads", "1", nanny, "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "60")
    directory = ("--local-directory", str(folder / "workers"))
    return start(
        sys.executable, "-m", "distributed.cli.dask_worker", address, *options, *directory, log=folder / "worker.log"
    )


def main(folder, kills, seconds):
    """Run a sweep on two workers; kill workers, and twice the process that has started the sweep."""
    random.seed(1)
    out, end, number = folder / "out", time.monotonic() + seconds, 0
    with scheduler(folder) as address:
        workers = [worker(address, folder) for _ in range(2)]
        command = [sys.executable, "-c", SWEEP.format(address=address, out=str(out))]
        process, starts = start(*command, log=folder / "sweep.log"), 1
        kept = []
        try:
            while process.poll() is None and time.monotonic() < end:
                time.sleep(random.uniform(0.5, 2.0))
                done = finished(out)
                if not done:
                    continue
                if number < kills:
                    n = random.randrange(2)
                    kill(workers[n])
                    workers[n], number = worker(address, folder), number + 1
                if starts < 3 and len(done) > 40 * starts and process.poll() is None:
                    kill(process)
                    kept.append(done)
                    process, starts = start(*command, log=folder / "sweep.log"), starts + 1
        finally:
            for each in (process, *workers):
                kill(each)
    result = {"kills": number, "starts": starts, "status": process.returncode, "kept": kept}
    print(json.dumps(result))


def finished(out):
    """Return name and time of each run that is complete."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("runs/[0-9a-f]*/run.json")}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
