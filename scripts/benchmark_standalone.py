"""Measure the speed-up of Brian2's C++ standalone mode over runtime mode for a rewired network.

    python -m scripts.benchmark_standalone --json FILE

The network of ``benchmark_brian`` with 300 neurons and 4500 connections, with and without DEEP R. Both modes are
compiled with flags under which their results are bit-identical, and run alternately several times; the fastest run of
each counts. The processor time of the whole program, and of ``run()`` in runtime mode, is measured without compilation.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brian2 as b2

from scripts.benchmark_brian import RULE, Simulation
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import Rewiring

__all__ = ["main"]

NEURONS, CONNECTIONS, SECONDS, REPETITIONS = 300, 4500, 5.0, 5
INTERVALS_MS = (None, 100, 10)
FLAGS = ["-w", "-O2", "-ffp-contract=off", "-std=c++11"]


def make(interval_ms: float | None) -> Simulation:
    """Return the network, static if ``interval_ms`` is None."""
    b2.start_scope()
    simulation = Simulation(CONNECTIONS, NEURONS)
    if interval_ms is not None:
        simulation.network.add(Rewiring(simulation.synapses, RULE, seed=3, dt=interval_ms * b2.ms))
    return simulation


def program(folder: Path, interval_ms: float | None) -> Callable[[], float]:
    """Build a program; return a function that runs it and returns its processor time."""
    b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
    make(interval_ms).network.run(SECONDS * b2.second)
    b2.device.build(directory=str(folder), run=False, with_output=False)
    b2.device.reinit()
    b2.set_device("runtime")

    def run() -> float:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([folder / "main"], cwd=folder, check=True)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    return run


def measure(interval_ms: float | None) -> dict[str, Any]:
    """Return one row of the table."""
    simulation = make(interval_ms)
    simulation.seconds(0.002)  # Compiles; not measured.
    with tempfile.TemporaryDirectory() as folder:
        run = program(Path(folder), interval_ms)
        pairs = [(simulation.seconds(SECONDS), run()) for _ in range(REPETITIONS)]
    runtime, standalone = (min(times) / SECONDS for times in zip(*pairs, strict=True))
    return {
        "work": f"{NEURONS} neurons, {CONNECTIONS} connections",
        "interval_ms": interval_ms,
        "runtime_s_per_s": runtime,
        "standalone_s_per_s": standalone,
        "ratio": runtime / standalone,
    }


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON."""
    parser = Parser("Compare C++ standalone mode with runtime mode.")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    b2.prefs.codegen.cpp.extra_compile_args_gcc = FLAGS
    rows = [measure(interval) for interval in INTERVALS_MS]
    print(f"{'every, ms':>9} {'runtime, s per s':>17} {'standalone, s per s':>20} {'ratio':>6}")
    for row in rows:
        print(
            f"{row['interval_ms'] or 'never':>9} {row['runtime_s_per_s']:17.3f} {row['standalone_s_per_s']:20.4f} "
            f"{row['ratio']:6.1f}"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
