"""Measure the speed-up of Brian2's C++ standalone mode over runtime mode for a rewired network.

    python -m scripts.benchmark_standalone --json FILE

The network of ``benchmark_brian`` with 300 neurons and 4500 connections, with and without DEEP R. Both modes are
compiled with flags under which their results are bit-identical, and run alternately several times. The processor time
is that of the steady state, the difference between a long and a short run, without compilation.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmark_brian import Rewired, Simulation, steady
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.programs import Program
from scripts.results import write_measurement
from synaptic_sampling.spiking.device import compiler_flags

__all__ = ["main"]

#: Simulated seconds of the short runs.
NEURONS, CONNECTIONS, SECONDS = 300, 4500, 5.0
INTERVALS_MS = (None, 100, 10)


def make(interval_ms: float | None) -> Simulation:
    """Return the network, static if ``interval_ms`` is None."""
    if interval_ms is None:
        return Simulation(CONNECTIONS, NEURONS)
    return Rewired(CONNECTIONS, NEURONS, interval_ms)


def measure(interval_ms: float | None) -> dict[str, Any]:
    """Return one row of the table."""
    with tempfile.TemporaryDirectory() as folder, compiler_flags():
        program = Program(functools.partial(make, interval_ms), Path(folder))
        runtime, standalone = steady([make(interval_ms), program], SECONDS)
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
