"""Measure the cost of a time step of the spiking networks, in runtime mode, as a compiled program, and in Numba.

    python -m scripts.benchmark_spiking --json FILE     # some minutes; needs MNIST
    python -m scripts.benchmark_spiking --quick         # digits only

Processor time per time step and per sequence in the steady state: the difference between a long and a short run,
neither of which compiles. All contenders run in turns, so that other load on the machine meets all alike, and the
fastest run of each counts. Learning, rewiring, the log and the record of results are included. Runtime mode uses
Cython.
The loop in Numba (scripts/spiking_floor.py) is the floor: the same network with fixed connections, without Brian2.
Before it is timed, it must give the weights of the compiled program.
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
from scripts.programs import processor_time_of_children
from scripts.results import write_measurement
from scripts.spiking_floor import Floor
from synaptic_sampling.spiking import SequenceTask, Training

__all__ = ["main"]

#: Sequences of the short and the long run, in each mode: start-up takes seconds in runtime mode, and varies by tenths.
LENGTHS = {"runtime": (100, 2100), "cpp_standalone": (400, 8400), "numba": (400, 8400)}
CONTENDERS = (
    ("deepr", "runtime"),
    ("deepr", "cpp_standalone"),
    ("fixed", "runtime"),
    ("fixed", "cpp_standalone"),
    ("fixed", "numba"),
)
REPETITIONS = 3
#: Sequences after which the weights of the loop in Numba are compared, and their largest difference, which is rounding,
#: relative to the largest weight.
COMPARED, ROUNDING = 64, 1e-6


def training_of(name: str, method: str, number: int) -> Training:
    """Return the training on a number of sequences, which are shown again where the task has fewer."""
    own = TASKS[name]
    whole = own.sequences()
    task = SequenceTask(
        whole.array,
        whole.labels,
        train=np.arange(number) % len(whole.array),
        steps=whole.num_steps,
        scale=whole.scale,
    )
    return Training(own.make(method, own.connectivity), task, batch=own.batch, seed=1)


def measure(name: str, cache: Path) -> list[dict[str, Any]]:
    """Return the rows of a task without ``ratio``: differences of the fastest long and the fastest short runs."""
    own = TASKS[name]
    pairs = [[training_of(name, method, number) for number in LENGTHS[device]] for method, device in CONTENDERS]
    turns = [
        [[timed(each, device, cache) for each in pair] for pair, (_, device) in zip(pairs, CONTENDERS, strict=True)]
        for _ in range(REPETITIONS + 1)
    ]
    rows = []
    # The first turn compiles.
    for (method, device), fastest in zip(CONTENDERS, np.min(turns[1:], axis=0), strict=True):
        sequence = float(np.diff(fastest)[0] / np.diff(LENGTHS[device])[0])
        rows.append(
            {
                "task": name,
                "method": method,
                "device": device,
                "neurons": own.lif + own.alif,
                "connectivity": own.connectivity,
                "us_per_step": 1e6 * sequence / pairs[0][0].task.num_steps,
                "ms_per_sequence": 1e3 * sequence,
            }
        )
    return rows


def difference(name: str, device: str, cache: Path | None = None) -> float:
    """Return the largest difference between the weights of the loop in Numba and of Brian2, relative to the largest."""
    training = training_of(name, "fixed", COMPARED)
    weights, floor = training.run(device=device, cache=cache).weights, Floor(training)
    floor.run()
    return max(float(np.abs(one.w - weights[each][2]).max() / np.abs(one.w).max()) for each, one in floor.sets.items())


def timed(training: Training, device: str, cache: Path) -> float:
    """Return the processor time of a run: of the program it starts, or of this process."""
    clock = processor_time_of_children if device == "cpp_standalone" else time.process_time
    start = clock()
    if device == "numba":
        Floor(training).run()
    else:
        training.run(device=device, cache=cache)
    return clock() - start


def rows_of(name: str, cache: Path) -> list[dict[str, Any]]:
    """Return the rows of a task; ``ratio`` is the time of a step over that of the loop in Numba."""
    differs = difference(name, "cpp_standalone", cache)
    if differs > ROUNDING:
        raise SystemExit(f"The loop in Numba is not the network of {name}: weights differ by {differs:.1e}.")
    rows = measure(name, cache)
    floor = rows[-1]["us_per_step"]
    return [{**row, "ratio": row["us_per_step"] / floor} for row in rows]


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON."""
    parser = Parser("Measure the cost of a time step of the spiking networks.")
    parser.add_quick("digits only")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    b2.prefs.codegen.target = "cython"
    rows = []
    print(f"{'task':>8} {'method':>8} {'device':>15} {'us per step':>12} {'ms per sequence':>16} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as cache:
        for name in ("digits",) if given.quick else ("digits", "mnist"):
            try:
                found = rows_of(name, Path(cache))
            except DataError as error:
                parser.error(f"{error} Or measure the digits only, with --quick.")
            for row in found:
                numbers = f"{row['us_per_step']:12.2f} {row['ms_per_sequence']:16.3f} {row['ratio']:6.1f}"
                print(f"{name:>8} {row['method']:>8} {row['device']:>15} {numbers}", flush=True)
            rows += found
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
