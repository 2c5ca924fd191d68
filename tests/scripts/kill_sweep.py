"""Kill sweeps at random moments and resume them; run by a test, in a process that may fork.

python kill_sweep.py FOLDER KILLS
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from tqdm import tqdm

from scripts import sweep_connectivity

#: Of an undisturbed sweep: kills come within this part of it.
PART = 0.5
ARGUMENTS = ["--quick", "--epochs", "1", "--methods", "deepr,fixed", "--connectivity", "0.02,0.1", "--seeds", "2"]


def start(out):
    """Start a sweep in a process of its own, and return its number."""
    pid = os.fork()
    if pid:
        return pid
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    status = 1
    try:
        sweep_connectivity.main([*ARGUMENTS, "--resume", "--out", str(out)])
        status = 0
    finally:
        os._exit(status)


def rows(out):
    """Return what a sweep has found, without what time it took."""
    path = out / "sweep.json"
    if not path.exists():
        return []
    return [{k: v for k, v in row.items() if k != "seconds"} for row in json.loads(path.read_text())["rows"]]


def main(folder, kills):
    random.seed(1)
    reference = folder / "reference"
    tqdm.monitor_interval = 0  # No thread: this process forks.
    # Here, so that the kernels are compiled in all that follow.
    sweep_connectivity.main([*ARGUMENTS, "--out", str(folder / "compiled")])
    began = time.perf_counter()
    assert os.waitpid(start(reference), 0)[1] == 0
    whole, seconds = rows(reference), time.perf_counter() - began
    assert len(whole) == 4 * 5
    done, sweeps, out = 0, 0, folder / "out"
    while done < kills:
        before = rows(out)
        pid = start(out)
        time.sleep(random.uniform(0, PART * seconds))
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        after = rows(out)
        assert after[: len(before)] == before == whole[: len(before)]
        done += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0
        if len(after) == len(whole):
            assert os.waitpid(start(out), 0)[1] == 0
            assert rows(out) == whole
            assert sorted(path.name for path in out.iterdir()) == ["sweep.json", "sweep.png"]
            shutil.rmtree(out)
            sweeps += 1
    print(json.dumps({"kills": done, "sweeps": sweeps, "seconds of a sweep": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
