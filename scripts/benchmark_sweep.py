"""Measure how much faster a sweep is with several processes than with one.

    python -m scripts.benchmark_sweep                 # two processes; some minutes
    python -m scripts.benchmark_sweep --n-jobs 8 --json FILE

The same sweep, trainings of the rate-based network on the digits with one seed each, is performed alternately by one
process and by several. Processes that have been started and kernels that have been compiled before are not counted,
since a sweep that is worth distributing takes much longer. The ratio is that of the medians; its range is that of the
ratios of consecutive sweeps.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from scripts.common import Parser, count
from scripts.interruption import interruptible
from scripts.results import write_measurement
from scripts.swept import rate
from synaptic_sampling import sweep

__all__ = ["main"]


def timed(n_jobs: int, seeds: range, epochs: int) -> float:
    """Return how many seconds a sweep takes."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        table = sweep(rate, {"epochs": [epochs]}, seeds=seeds, out=out, n_jobs=n_jobs, report=None)
        seconds = time.perf_counter() - start
    if table["error"].notna().any():
        raise RuntimeError(f"a run has failed: {table['error'].dropna().iloc[0]}")
    return seconds


def measure(n_jobs: int, *, runs: int, repetitions: int, epochs: int) -> dict[str, Any]:
    """Return seconds of all sweeps, and the ratio of their medians."""
    for number in (1, n_jobs):
        timed(number, range(2 * number), 1)
    pairs = [[timed(number, range(1, runs + 1), epochs) for number in (1, n_jobs)] for _ in range(repetitions)]
    one, several = (list(each) for each in zip(*pairs, strict=True))
    return {
        "n_jobs": n_jobs,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "runs": runs,
        "seconds_one": one,
        "seconds_several": several,
        "ratio": statistics.median(one) / statistics.median(several),
        "ratios": [first / second for first, second in pairs],
    }


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print and write."""
    parser = Parser("Measure how much faster a sweep is with several processes than with one.")
    parser.add_argument("--n-jobs", type=count(2), default=2, metavar="N", help="number of processes")
    parser.add_argument("--runs", type=count(), default=16, metavar="N", help="number of runs of each sweep")
    parser.add_argument("--repetitions", type=count(), default=3, metavar="N", help="number of sweeps of each kind")
    parser.add_argument("--epochs", type=count(), default=10, metavar="N", help="epochs of each run")
    parser.add_json("file for the measurements")
    given = parser.parse_measurement(argv)
    found = measure(given.n_jobs, runs=given.runs, repetitions=given.repetitions, epochs=given.epochs)
    for name, seconds in (("1 process", found["seconds_one"]), (f"{given.n_jobs} processes", found["seconds_several"])):
        print(f"{name:>12}: {', '.join(f'{each:.1f}' for each in seconds)} s")
    low, high = min(found["ratios"]), max(found["ratios"])
    load = "" if found["load"] is None else f", load {found['load']:.1f} on {found['cores']} cores"
    print(f"{given.n_jobs} processes are {found['ratio']:.2f} times as fast ({low:.2f} to {high:.2f}){load}")
    if given.json is not None:
        write_measurement(given.json, found)
    return found


if __name__ == "__main__":
    main()
