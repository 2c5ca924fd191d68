"""Measure the cost of writing, opening and analysing a log of ten or a hundred million events.

    python -m scripts.benchmark_log --json results/log.json
    python -m scripts.benchmark_log --full

Each part runs in its own process, so that its peak memory can be measured. The log is that of DEEP R without a
gradient; the statistics are listed next to the exact laws, where these are known.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common import Parser, count
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import Connections, DeepR, LogError, RewiringLog, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.statistics import changes, comparison, survival, topology, turnover
from synaptic_sampling.statistics.lifetables import half_life

__all__ = ["main"]

RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=0.2)  # r = 0.05: 6.9 % are replaced in a step.
NEURONS, CONNECTIONS = 2000, 20_000
SAMPLES_PER_STEP = 10
TIME_POINTS = 20
MIB = 1024.0
#: Fewer events are too few to analyse.
MIN_EVENTS = 100_000


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run all parts and print their costs."""
    parser = Parser("Measure the cost of writing, opening and analysing a log.")
    parser.add_argument("--events", type=count(maximum=10**9), default=10**7, metavar="N", help="number of events")
    parser.add_argument(
        "--full", action="store_true", help="also with a hundred million events, which takes minutes and 2.4 GB on disk"
    )
    parser.add_json("file for the results")
    parser.add_argument("--part", nargs=2, metavar=("NAME", "LOG"), help=argparse.SUPPRESS)
    given = parser.parse_measurement(argv)
    if given.part:
        if given.part[0] not in PARTS:
            parser.refuse("--part", f"must be one of {', '.join(PARTS)}, got {given.part[0]!r}")
        try:
            return run_part(given.part[0], Path(given.part[1]), given.events)
        except (LogError, OSError) as error:
            parser.refuse("--part", str(error))
    if given.events < MIN_EVENTS:
        parser.refuse("--events", f"must be at least {MIN_EVENTS}, got {given.events}")
    found = {str(number): measure(number) for number in [given.events, *[10**8] * given.full]}
    if given.json:
        write_measurement(given.json, found)
    return found


def measure(events: int) -> dict[str, Any]:
    """Write a log with this number of events and analyse it, each part in its own process."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.rewiring"
        for name in PARTS:
            command = [sys.executable, "-m", __spec__.name, "--events", str(events), "--part", name, str(path)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"part {name!r} failed with status {done.returncode}.")
            found[name] = json.loads(done.stdout.splitlines()[-1])
            print(f"{events:>11,} events, {name:>8}: {found[name]['seconds']:6.1f} s, {found[name]['MiB']:6.0f} MiB")
    return found


def run_part(name: str, path: Path, events: int) -> dict[str, Any]:
    """Run one part in this process and print its costs as JSON."""
    start = time.perf_counter()
    found = PARTS[name](path, events)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    result = {"seconds": time.perf_counter() - start, "MiB": peak, **found}
    print(json.dumps(result))
    return result


def write(path: Path, events: int) -> dict[str, Any]:
    """Record a stationary run of DEEP R without a gradient to disk."""
    connections = Connections.random(NEURONS, NEURONS, CONNECTIONS, seed=1)
    zero = np.zeros(CONNECTIONS)
    for _ in range(1000):
        step(connections, RULE, gradient=zero)
    recorded = 0.0
    with RewiringLog(path) as log:
        log.annotate(rule=RULE, seed=1)
        log.describe(0, num_pre=NEURONS, num_post=NEURONS, num_sites=connections.num_sites)
        take_snapshot(log, connections)
        while log.num_births + log.num_deaths < events:
            info = step(connections, RULE, gradient=zero)
            start = time.perf_counter()
            log.record(info, samples=SAMPLES_PER_STEP * info.step)
            recorded += time.perf_counter() - start
        take_snapshot(log, connections)
    return {"seconds of recording": recorded, "bytes": path.stat().st_size, "steps": len(log.times)}


def take_snapshot(log: RewiringLog, connections: Connections) -> None:
    """Record the current connections."""
    c = connections
    log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)


def open_only(path: Path, _: int) -> dict[str, Any]:
    """Open the log and read its metadata."""
    log = RewiringLog.open(path)
    return {"rule": log.metadata["rule"]["class"], "steps": log.last_step - log.first_step}


def replay(path: Path, _: int) -> dict[str, Any]:
    """Replay all events up to the last step."""
    log = RewiringLog.open(path)
    pre, post, _polarity = next(iter(log.wirings([log.first_step, log.last_step - 1])))
    last = log.survivors(log.first_step, log.last_step)
    return {"connections": len(pre), "stayed": len(last[0]), "neurons": int(max(pre.max(), post.max())) + 1}


def analyse(path: Path, _: int) -> dict[str, Any]:
    """Compute turnover, survival, overlap, visited sites and degrees, with the log on disk."""
    log, ratio = RewiringLog.open(path), RULE.step_ratio
    first, last = log.first_step, log.last_step
    births = turnover.rewired_per_step(log).rate
    curve = survival.survival_of_newborns(log)
    alive = survival.survival_of_all(log, first)
    steps = np.linspace(first, last, TIME_POINTS).astype(int)
    at = int(np.searchsorted(curve.time, 100, side="right")) - 1
    found = {
        "births per step": [births.mean(), CONNECTIONS * exact.turnover_rate(ratio)],
        "survive 100 steps": [curve.probability[at], exact.survival_of_newborns(ratio, 100)[100]],
        "deaths beyond 20": [turnover.deaths_beyond_age(log, 20), CONNECTIONS * exact.established_turnover(ratio, 20)],
        "half-life": half_life(alive).value,
        "overlap": changes.changes_since(log, steps).overlap[-1],
        "turnover": changes.changes_between(log, steps).turnover.mean(),
        "visited": [
            turnover.visited_share(log).rate[-1],
            wiring_laws.visited_share(births, NEURONS**2, CONNECTIONS)[-1],
        ],
        "degree SD": topology.degrees_over_time(log, steps).std(),
        "hazard": survival.hazard_of_newborns(log).rate[0],
        "turnover per half-life": comparison.compare({"run": log}, "samples")["run"].turnover_per_half_life,
    }
    return {name: np.asarray(value).tolist() for name, value in found.items()}


def table(path: Path, _: int) -> dict[str, Any]:
    """Build the table of all lifetimes in memory."""
    lives = RewiringLog.open(path).lives()
    return {"lives": len(lives), "bytes": lives.nbytes}


PARTS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "write": write,
    "open": open_only,
    "replay": replay,
    "analyse": analyse,
    "lives": table,
}

if __name__ == "__main__":
    main()
