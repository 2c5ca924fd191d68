"""Functions that the tests sweep over; in a module, where workers find them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info


def noted(*, x, y="u", seed, folder):
    """Leave a file, and fail where x is 3."""
    (folder / "note.txt").write_text(f"{x} {y} {seed}")
    if x == 3:
        raise ValueError("x is\nthree")
    return {"total": x + 0.1 * seed, "number": np.int64(seed), "large": np.bool_(x > 1)}


def again(*, x, seed):
    """Return anything."""
    return {"total": x * seed}


def kept(*, x, seed):
    """Accept any value."""
    return {"total": 1}


def appended(*, path, seed):
    """Note in a file that there was a call."""
    with open(path, "a") as file:
        file.write(f"{seed}\n")
    return {"pid": os.getpid()}


def deadly(*, x, seed, pause=0.02):
    """Kill the process in one run with x = 2."""
    time.sleep(pause)
    if x == 2 and seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"total": x * seed}


def interrupted(*, flag, seed):
    """Be interrupted at seed 2, while there is a file."""
    if seed == 2 and Path(flag).exists():
        raise KeyboardInterrupt
    return {"total": seed}


def resumed(*, flag, seed, checkpoint):
    """Go on where an earlier call has failed."""
    before = int(checkpoint.read_text()) if checkpoint.exists() else 0
    checkpoint.write_text(str(before + 1))
    if Path(flag).exists():
        raise RuntimeError("stopped")
    return {"calls": before + 1}


def threads(*, seed):
    """Return how many threads BLAS has, and whether another run is going on in this process."""
    _active.append(seed)
    time.sleep(0.02)
    together = len(_active)
    _active.remove(seed)
    return {"threads": max((pool["num_threads"] for pool in threadpool_info()), default=1), "together": together}


_active: list[int] = []


def returned(*, what, seed):
    """Return what is not allowed."""
    return {
        "list": [1.0],
        "text": {"total": "1"},
        "array": {"total": np.zeros(2)},
        "name": {"seed": 1},
        "argument": {"what": 1},
        "number": {1: 1},
        "wide": {"total": 2**63},
        "nan": {"total": float("nan")},
    }[what]


def exits(*, seed):
    """End as a script does."""
    raise SystemExit(3)


def leaves(*, seed):
    """Raise what neither is an Exception nor ends a process."""
    raise GeneratorExit


def ready_before(*, place, seed, folder):
    """See another process finish the same run first."""
    run = folder.parent / folder.name[1:].rpartition("-")[0]
    run.mkdir()
    (run / "run.json").write_text(Path(place).read_text())
    return {"total": 1.0}


KEY = "that of the run with seed 1"


def finished_by_another(*, place, seed, folder):
    """Fail in one run, which another process finishes during the next one."""
    if seed == 1:
        raise RuntimeError("another process writes to the log")
    run = folder.parent / KEY
    run.mkdir()
    (run / "run.json").write_text(Path(place).read_text())
    return {"total": 2.0}


class Trainer:
    """Has a method, which is no function of a module."""

    def train(self, *, seed):
        """Return nothing of interest."""
        return {"total": seed}


def without_seed(*, x):
    """Lack an argument."""
    return {"total": x}


def walked(*, x, pause, seed):
    """Walk at random, for some time."""
    time.sleep(pause)
    steps = np.random.default_rng(seed).standard_normal(1000)
    return {"end": float(steps.sum() * x), "highest": float(np.cumsum(steps).max() * np.exp(x)), "steps": len(steps)}


def faster_and_removed(*, place, seed, folder):
    """See another process finish the same run first, which removes what other processes have left."""
    ready_before(place=place, seed=seed, folder=folder)
    shutil.rmtree(folder)
    (folder / "log.txt").write_text("too late")
    return {"total": 1.0}


class Unwritable(Exception):
    """Has no message."""

    def __str__(self):
        """Fail."""
        raise RuntimeError


def odd_errors(*, x, seed):
    """Raise errors whose messages are no text."""
    raise Unwritable if x == 1 else ValueError("file \udce9")
