"""Measure the time of a training step on one thread, for this package and others alternately.

    python -m scripts.benchmark_rate --json FILE      # ten minutes or more; also writes a figure
    python -m scripts.benchmark_rate --list
    python -m scripts.benchmark_rate --only LSTM
    python -m scripts.benchmark_rate --quick          # all with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

A step loads a batch and consists of forward pass, loss, backward pass and update; in this package also noise,
elimination, formation and the log of all events. PyTorch and sparseprop are included if they are installed. Processor
times: the median over turns, the lowest and the highest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from scripts import rate_works, rate_works_conv_lstm, rate_works_soft
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.rate_works import CONNECTIVITY, Run, Work
from scripts.results import write_measurement
from synaptic_sampling.plotting.style import in_house_style, plain_ticks

__all__ = ["main", "measure"]

#: Must be 1 before NumPy is loaded: BLAS threads make a short step up to a hundred times slower.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

SECONDS_PER_TURN = 0.04
TURNS, QUICK_TURNS = 15, 5
#: Limits the number of turns of each contender.
SECONDS_PER_CONTENDER = 4.0


def all_works(quick: bool) -> Iterator[tuple[str, Work]]:
    """Yield the benchmark cases of all modules; add a module to add cases."""
    yield from rate_works.works(quick)
    if not quick:
        for name, contenders in rate_works_conv_lstm.works():
            yield name, partial(_repeated, contenders)
        yield from rate_works_soft.works()


def _repeated(contenders: Callable[[], dict[str, Callable[[], Any]]]) -> dict[str, Run]:
    """Replace each function that performs one step by one that performs many."""
    return {name: partial(_repeat, step) for name, step in contenders().items()}


def _repeat(step: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        step()


def measure(work: str, contenders: dict[str, Run], turns: int) -> list[dict[str, Any]]:
    """Return one row for each contender of a case."""
    steps = {}
    for name, run in contenders.items():
        run(1)
        # Doubled until the overhead of a call no longer matters.
        steps[name] = 1
        while _seconds(run, steps[name]) * steps[name] < SECONDS_PER_TURN:
            steps[name] *= 2
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(turns):
        for name, run in contenders.items():
            if sum(times[name]) * steps[name] < SECONDS_PER_CONTENDER or len(times[name]) < 3:
                times[name].append(_seconds(run, steps[name]))
    ours = float(np.median(times["ours"]))
    return [
        {
            "work": work,
            "contender": name,
            "median_us": 1e6 * float(np.median(values)),
            "lowest_us": 1e6 * min(values),
            "highest_us": 1e6 * max(values),
            "turns": len(values),
            "ratio_to_ours": float(np.median(values)) / ours,
        }
        for name, values in times.items()
    ]


def _seconds(run: Run, steps: int) -> float:
    """Return the processor time per step."""
    start = time.process_time()
    run(steps)
    return (time.process_time() - start) / steps


@in_house_style
def draw(rows: Sequence[dict[str, Any]]) -> Figure:
    """Plot the time of a step against connectivity, and the cost per connection against their number."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    own = [row for row in rows if row["work"].startswith(CONNECTIVITY)]
    for name in dict.fromkeys(row["contender"] for row in own):
        line = [row for row in own if row["contender"] == name]
        percent = [float(row["work"].removeprefix(CONNECTIVITY).removesuffix(" %")) for row in line]
        style = {"color": "black", "linewidth": 2.5} if name == "ours" else {}
        left.plot(percent, [row["median_us"] for row in line], "o-", label=name, **style)
    crossing = dense_wins(own)
    if crossing is not None:
        left.axvline(crossing, color="grey", linestyle=":")
        left.annotate(f"dense faster above {crossing:.2g} %", (crossing, left.get_ylim()[1]), ha="right", va="top")
    left.set(xscale="log", yscale="log", xlabel="connectivity (%)", ylabel="µs per step", title=CONNECTIVITY[:-4])
    for prefix, neurons in (("connections ", "in the cache"), ("neurons ", "1e5 connections")):
        line = [row for row in rows if row["work"].startswith(prefix)]
        if not line:
            continue
        values = [int(row["work"].removeprefix(prefix)) for row in line]
        numbers = values if prefix == "connections " else [100_000] * len(line)
        cost = [1e3 * row["median_us"] / number for row, number in zip(line, numbers, strict=True)]
        right.plot(values, cost, "o-", label=f"{prefix.strip()} ({neurons})")
    right.set(xscale="log", yscale="log", xlabel="number", ylabel="ns per connection and step")
    for axes in (left, right):
        plain_ticks(axes.xaxis, axes.yaxis)
        if axes.get_legend_handles_labels()[0]:  # Some selections of cases leave a panel empty.
            # Space for the legend below the lines.
            axes.set_ylim(bottom=axes.get_ylim()[0] / 4)
            axes.legend(ncols=2, loc="lower left")
    return figure


def dense_wins(rows: Sequence[dict[str, Any]]) -> float | None:
    """Return the connectivity above which the fastest dense contender is faster than this package."""
    points = []
    for work in dict.fromkeys(row["work"] for row in rows):
        ratios = [row["ratio_to_ours"] for row in rows if row["work"] == work and row["contender"].endswith("dense")]
        points.append((float(work.removeprefix(CONNECTIVITY).removesuffix(" %")), min(ratios)))
    points.sort()
    for (low, before), (high, after) in pairwise(points):
        if before > 1 >= after:
            part = np.log(before) / np.log(before / after)
            return float(low * (high / low) ** part)
    return None


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON and a figure."""
    parser = Parser("Measure the time of a training step.")
    parser.add_quick("only small cases and few turns")
    parser.add_argument("--only", metavar="TEXT", default="", help="only cases whose names contain TEXT")
    parser.add_argument("--list", action="store_true", help="print the names of the cases, without measuring")
    parser.add_json("file for the results; a figure is written next to it")
    given = parser.parse_measurement(argv)
    if given.list and given.json:
        parser.refuse("--json", "nothing is measured with --list; leave one of them out")
    chosen = [(name, work) for name, work in all_works(given.quick) if given.only in name]
    if not chosen:
        parser.refuse("--only", f"no case has {given.only!r} in its name; --list prints all names")
    if given.list:
        print(*(name for name, _ in chosen), sep="\n")
        return []
    if any(os.environ.get(name) != "1" for name in THREADS):
        parser.error(f"all contenders must use one thread: set {' and '.join(f'{name}=1' for name in THREADS)}.")
    rows: list[dict[str, Any]] = []
    for name, work in tqdm(chosen, unit="case"):
        rows += measure(name, work(), QUICK_TURNS if given.quick else TURNS)
    print(f"{'work':40} {'contender':26} {'us per step':>12} {'lowest':>10} {'highest':>10} {'to ours':>8}")
    for row in rows:
        print(
            f"{row['work']:40} {row['contender']:26} {row['median_us']:12.1f} {row['lowest_us']:10.1f} "
            f"{row['highest_us']:10.1f} {row['ratio_to_ours']:8.2f}"
        )
    if given.json:
        memory = {} if given.quick else _measure_memory()
        write_measurement(given.json, {"rows": rows, "memory": memory}, draw(rows))
    return rows


def _measure_memory() -> dict[str, Any]:
    """Return the memory and time of a huge layer, measured in another process."""
    command = [sys.executable, "-m", "scripts.rate_memory"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
