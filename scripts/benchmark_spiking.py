"""Measure the cost of a time step of the spiking networks, in runtime mode and as a compiled program.

    python -m scripts.benchmark_spiking --json FILE     # some minutes; needs MNIST
    python -m scripts.benchmark_spiking --quick         # digits only

Processor time per time step and per sequence in the steady state: the difference between a long and a short run,
neither of which compiles. Learning, rewiring, the log and the record of results are included. Runtime mode uses Cython.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np

from models.data import DataError
from models.spiking_tasks import TASKS
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling.spiking import SequenceTask, Training

__all__ = ["main"]

#: Sequences of the short and the long run, in each mode.
LENGTHS = {"runtime": (50, 250), "cpp_standalone": (400, 4400)}
REPETITIONS = 3


def measure(name: str, device: str, cache: Path) -> dict[str, Any]:
    """Return a row of the table: the fastest of several pairs of runs."""
    own = TASKS[name]
    whole = own.sequences()
    trainings = [
        Training(
            own.make("deepr", own.connectivity),
            SequenceTask(whole.array[:n], whole.labels[:n], steps=whole.num_steps, scale=whole.scale),
            batch=own.batch,
            seed=1,
        )
        for n in LENGTHS[device]
    ]
    seconds = [[timed(training, device, cache) for training in trainings] for _ in range(REPETITIONS + 1)]
    # The first pair compiles.
    short, long = np.min(seconds[1:], axis=0)
    sequence = (long - short) / np.diff(LENGTHS[device])[0]
    return {
        "task": name,
        "device": device,
        "neurons": own.lif + own.alif,
        "connectivity": own.connectivity,
        "us_per_step": 1e6 * sequence / whole.num_steps,
        "ms_per_sequence": 1e3 * sequence,
    }


def timed(training: Training, device: str, cache: Path) -> float:
    """Return the seconds of a run without compilation; in runtime mode, of everything."""
    if device == "cpp_standalone":
        return training.run(device=device, cache=cache).seconds
    start = time.process_time()
    training.run()
    return time.process_time() - start


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON."""
    parser = Parser("Measure the cost of a time step of the spiking networks.")
    parser.add_quick("digits only")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    b2.prefs.codegen.target = "cython"
    rows = []
    print(f"{'task':>8} {'device':>15} {'us per step':>12} {'ms per sequence':>16}")
    with tempfile.TemporaryDirectory() as cache:
        for name in ("digits",) if given.quick else ("digits", "mnist"):
            for device in LENGTHS:
                try:
                    rows.append(measure(name, device, Path(cache)))
                except DataError as error:
                    parser.error(f"{error} Or measure the digits only, with --quick.")
                row = rows[-1]
                print(f"{name:>8} {device:>15} {row['us_per_step']:12.1f} {row['ms_per_sequence']:16.3f}", flush=True)
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
