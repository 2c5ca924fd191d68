"""Train a rate-based and a spiking network on the same digits with DEEP R, and plot both in the same axes.

    python -m scripts.demo

Runs scripts.train_rate and scripts.train_spiking, each with DEEP R and with the same number of fixed connections, and
writes to results/demo: summary.json, figure.png, report.html (all figures and findings from both logs), and for each
run a folder with its log. All of them appear there at the end; until then they are in the subfolder ``unfinished``.
Existing results are replaced only with --overwrite.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from scripts import plot_rewiring
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import results, write_figure
from synaptic_sampling import RewiringLog, report
from synaptic_sampling.plotting import Run, plot_accuracy, plot_comparison
from synaptic_sampling.plotting.style import in_house_style, plain_ticks

__all__ = ["main"]

#: Networks and their arguments; both methods of one network run in parallel. Compiling the spiking network to a program
#: would take longer than running it.
RUNS = {"rate": ["scripts.train_rate", "--seeds", "3"], "spiking": ["scripts.train_spiking", "--device", "runtime"]}
METHODS = ("deepr", "fixed")
SECONDS_BETWEEN_BARS = 2.0
#: A run that does not end on request is killed after this time.
SECONDS_TO_END = 20.0
NAMES = {"rate": "rate-based", "spiking": "spiking"}
#: Names of everything that is written; the first one is written last.
WRITTEN = (
    "summary.json",
    "figure.png",
    *(f"{name}-{method}" for name in RUNS for method in METHODS),
    *plot_rewiring.files(NAMES.values()),
)


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run everything, print the results, and return the summary."""
    parser = Parser("Train a rate-based and a spiking network on the same digits with DEEP R, and compare them.")
    parser.add_quick("short test runs")
    parser.add_out("results/demo")
    given = parser.parse_args(argv)
    start = time.perf_counter()
    with results(parser, given.out, WRITTEN, overwrite=given.overwrite) as folder:
        try:
            summary = run_all(folder, given.quick)
        except RuntimeError as error:
            parser.exit(1, f"{error}\n")
    for name, row in summary.items():
        print(
            f"{NAMES[name]:>10}: {row['connections']} of {row['sites']} connections, test accuracy "
            f"{100 * row['accuracy_deepr']:.1f} % with DEEP R, {100 * row['accuracy_fixed']:.1f} % with fixed ones; "
            f"{row['births']} formed, {row['deaths']} eliminated"
        )
    written = ", ".join(str(given.out / file) for file in ("summary.json", "figure.png", "report.html"))
    print(f"Wrote {written} and the logs in {time.perf_counter() - start:.0f} s.")
    return summary


def run_all(out: Path, quick: bool) -> dict[str, Any]:
    """Run everything, and write summary, figure and report."""
    found = {name: run_both(name, out, quick) for name in RUNS}
    summary = {name: summarise(*both) for name, both in found.items()}
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    figure = draw(found, out)
    write_figure(out / "figure.png", figure)
    plt.close(figure)
    logs = {NAMES[name]: RewiringLog.open(log_of(out, name, *both)) for name, both in found.items()}
    report(logs, out, progress=True)
    return summary


def run_both(name: str, out: Path, quick: bool) -> list[dict[str, Any]]:
    """Train one network with DEEP R and with fixed connections in two processes, and return both summaries."""
    folders = [out / f"{name}-{method}" for method in METHODS]
    runs: list[subprocess.Popen[bytes]] = []
    relays = []
    try:
        for method, folder in zip(METHODS, folders, strict=True):
            command = [sys.executable, "-m", *RUNS[name], "--method", method, "--out", str(folder)]
            command += ["--quick"] * quick
            runs.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
            relays.append(threading.Thread(target=relay, args=(runs[-1], f"{name} {method}")))
            relays[-1].start()
        for thread in relays:
            thread.join()
    finally:
        end(runs)
    failed = [method for method, run in zip(METHODS, runs, strict=True) if run.wait() != 0]
    if failed:
        raise RuntimeError(f"{RUNS[name][0]} --method {failed[0]} failed; see its messages above.")
    return [json.loads((folder / "summary.json").read_text()) for folder in folders]


def end(runs: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes that are still running by SIGTERM, and wait for them."""
    for run in runs:
        run.terminate()
    for run in runs:
        try:
            run.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            run.kill()


def relay(run: subprocess.Popen[bytes], title: str) -> None:
    """Print the standard error of a run line by line with a title, and its progress bar from time to time."""
    assert run.stderr is not None
    shown = time.perf_counter()
    # Without translation of newlines, an update of the bar ends with a carriage return.
    with io.TextIOWrapper(run.stderr, newline="") as lines:
        for line in lines:
            bar = line.endswith("\r")
            if not line.strip() or (bar and time.perf_counter() < shown + SECONDS_BETWEEN_BARS):
                continue
            shown = time.perf_counter()
            print(f"[{title}] {line.strip()}", flush=True)


def summarise(deepr: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    """Return the results of both runs of a network."""
    copied = ("sites", "connections", "connections_min", "connections_max", "births", "deaths", "seeds")
    return {
        "accuracy_deepr": deepr["accuracy_mean"],
        "accuracy_fixed": fixed["accuracy_mean"],
        "accuracies_deepr": deepr["accuracies"],
        "accuracies_fixed": fixed["accuracies"],
        **{name: deepr[name] for name in copied},
        "seconds": deepr["seconds"] + fixed["seconds"],
    }


def log_of(out: Path, name: str, deepr: dict[str, Any], *_: Any) -> Path:
    """Return the path of the log of the first seed with DEEP R."""
    return out / f"{name}-deepr" / f"log-{deepr['seeds'][0]}.rewiring"


@in_house_style
def draw(found: dict[str, list[dict[str, Any]]], out: Path) -> Figure:
    """Plot accuracy, turnover, survival and weights of both networks in the same axes."""
    runs = {
        f"{NAMES[name]}, DEEP R": Run(
            RewiringLog.load(log_of(out, name, deepr)),
            deepr["samples_by_test"],
            deepr["accuracy_by_test"],
            deepr["step_ratio"],
        )
        for name, (deepr, _) in found.items()
    }
    axes = plot_comparison(runs)
    learning = axes[0, 0]
    for line, (name, (_, fixed)) in zip(list(learning.get_lines()), found.items(), strict=True):
        label, colour = f"{NAMES[name]}, fixed connections", line.get_color()
        plot_accuracy(
            fixed["samples_by_test"], fixed["accuracy_by_test"], learning, label=label, color=colour, linestyle=":"
        )
    for ax in axes[0]:  # The rate-based network sees ten times as many samples.
        ax.set_xscale("log")
        plain_ticks(ax.xaxis)
    axes[0, 1].autoscale(axis="y")  # of the spiking network, twenty times as many are replaced
    axes[0, 1].set_yscale("log")
    plain_ticks(axes[0, 1].yaxis)
    learning.set_ylim(60, 100)
    learning.legend(loc="lower right")
    axes[1, 0].set_ylim(1e-4, 1.5)
    return learning.figure


if __name__ == "__main__":
    main()
