"""Verify that a training that is killed at random moments, and goes on each time, ends as an uninterrupted one.

    python -m scripts.verify_resume --task mnist --epochs 60 --data-dir DIR     # twice some minutes
    python -m scripts.verify_resume --method prune --kills 5
    python -m scripts.verify_resume --quick                                     # about a minute

scripts.train_rate runs twice in processes of its own: uninterrupted; and with a checkpoint after each epoch, killed by
SIGKILL after random times and started again with --resume. Weights, log (events, times, snapshots, rules, metadata) and
summary must be equal, bit for bit; durations and peak memory are left out. The exit status is 1 if they differ.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common import Parser, count, folder_to_read, seed
from scripts.interruption import interruptible
from scripts.rate_methods import METHODS, TASKS
from scripts.results import UNFINISHED, write_measurement
from synaptic_sampling import RewiringLog
from synaptic_sampling.checkpoint import load_latest
from synaptic_sampling.rate.training.progress import Progress

__all__ = ["differences", "main"]

#: What differs from run to run.
LEFT_OUT = ("seconds", "seconds_per_seed", "peak_bytes")


def train(options: Sequence[str], out: Path, *, until: float | None = None) -> float:
    """Train in another process, which is killed some seconds after it has begun to learn; return its duration."""
    start, command = time.time(), [sys.executable, "-m", "scripts.train_rate", *options, "--out", str(out)]
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said) as process:
            if until is not None:
                wait_until_it_learns(process, out, start)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(until)
                process.kill()  # By SIGKILL; if it has finished, nothing happens.
        if process.returncode not in {0, -signal.SIGKILL}:
            said.seek(0)
            *_, last = ["", *said.read().splitlines()]
            raise RuntimeError(f"scripts.train_rate failed with exit status {process.returncode}: {last}")
    return time.time() - start


def wait_until_it_learns(process: subprocess.Popen[bytes], out: Path, start: float) -> None:
    """Return when a process that was started at a time has opened its log, or has ended."""
    while process.poll() is None:
        logs = (out / UNFINISHED).glob("log-*.rewiring")
        if any(path.stat().st_mtime > start for path in logs):
            return
        time.sleep(0.02)


def cut(
    options: Sequence[str], out: Path, kills: int, learning: float, draw: random.Random
) -> Iterator[dict[str, Any]]:
    """Train with ``kills`` kills; yield the duration of each process, and the epochs that its checkpoint has.

    ``learning`` is how long learning takes, without figures, so that no process is killed after it.
    """
    options = [*options, "--checkpoint-every", "1"]
    for number in range(kills + 1):
        until = draw.uniform(0.3, 1.0) * learning / (kills + 1) if number < kills else None
        seconds = train([*options, *["--resume"] * (number > 0)], out, until=until)
        yield {"killed": number < kills, "seconds": seconds, "epochs": epochs_in(out)}


def epochs_in(out: Path) -> int:
    """Return the number of epochs in the newest checkpoint of a run, 0 if there is none."""
    paths = sorted((out / UNFINISHED).glob("checkpoint-*.npz"))
    found = [load_latest(path) for path in paths if ".previous" not in path.suffixes]
    return max((len(Progress.read(each.about).history) for each in found if each is not None), default=0)


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of everything in which the results in two folders differ."""
    found = [] if _names(one) == _names(other) else ["files"]
    first, second = (json.loads((folder / "summary.json").read_text()) for folder in (one, other))
    found += [name for name in first.keys() | second.keys() if name not in LEFT_OUT and first[name] != second[name]]
    for path in one.glob("weights-*.npz"):
        arrays, others = np.load(path), np.load(other / path.name)
        found += [f"{path.stem} {name}" for name in arrays if arrays[name].tobytes() != others[name].tobytes()]
    for path in one.glob("log-*.rewiring"):
        logs = RewiringLog.open(path), RewiringLog.open(other / path.name)
        found += [f"{path.stem} {name}" for name in _of_log(*logs)]
    return found


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _of_log(one: RewiringLog, other: RewiringLog) -> Iterator[str]:
    """Yield the names of parts in which two logs differ."""
    if not np.array_equal(one.events, other.events):
        yield "events"
    if one.times.tobytes() != other.times.tobytes():
        yield "times"
    if (one.sets, one.metadata) != (other.sets, other.metadata):
        yield "metadata"
    if [one.rules_of(index) for index in one.sets] != [other.rules_of(index) for index in other.sets]:
        yield "rules"
    taken = [[(*each[:2], *(part.tobytes() for part in each[2:])) for each in log.snapshots] for log in (one, other)]
    if taken[0] != taken[1]:
        yield "snapshots"


def verify(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train twice, and return what was done and what differs."""
    options = ["--task", given.task, "--method", given.method, "--seed", str(given.seed)]
    options += ["--quick"] * given.quick
    options += ["--epochs", str(given.epochs)] if given.epochs is not None else []
    options += ["--data-dir", str(given.data_dir)] if given.data_dir is not None else []
    draw, parts = random.Random(given.random), []
    whole = train(options, folder / "whole")
    learning = json.loads((folder / "whole" / "summary.json").read_text())["seconds"]
    print(f"uninterrupted: {whole:.0f} s, of which learning {learning:.0f} s", flush=True)
    for part in cut(options, folder / "cut", given.kills, learning, draw):
        parts.append(part)
        ended = f"killed, epochs saved: {part['epochs']}" if part["killed"] else "finished"
        print(f"process {len(parts)}: {part['seconds']:.0f} s, {ended}", flush=True)
    found = differences(folder / "whole", folder / "cut")
    return {"options": options, "seconds": whole, "parts": parts, "differences": found}


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Verify, print, and write JSON."""
    parser = Parser("Verify that a training that is killed and resumed equals an uninterrupted one.")
    parser.add_argument("--task", choices=TASKS, default="digits", help="data set")
    parser.add_argument("--method", choices=METHODS, default="deepr", help="learning method")
    parser.add_argument(
        "--epochs", type=count(), metavar="N", help="passes over the training set (default: of the task)"
    )
    parser.add_argument("--kills", type=count(), default=3, metavar="N", help="number of kills")
    parser.add_argument("--seed", type=seed, default=1, metavar="S", help="seed of the training")
    parser.add_argument("--random", type=seed, default=1, metavar="S", help="seed of the moments of the kills")
    text = "folder of the data sets (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_quick("a short training")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = verify(given, Path(folder))
        except RuntimeError as error:
            parser.error(str(error))
    print(f"differences: {', '.join(found['differences']) or 'none'}")
    if given.json is not None:
        write_measurement(given.json, found)
    return int(bool(found["differences"]))


if __name__ == "__main__":
    sys.exit(main())
