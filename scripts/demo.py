"""Train a rate-based and a spiking network on the same digits, both with DEEP R, and draw them in the same axes.

    python -m scripts.demo

Runs scripts.train_rate and scripts.train_spiking, each with DEEP R and with a fixed sparse wiring of as many
connections, and writes to results/demo: summary.json, figure.png, report.html (all pictures of both logs, and what
they answer), and for each run a folder with its log. They appear there together, when all is done; until then they
are in the folder ``unfinished`` in it. Results that are there already are replaced with --overwrite only.
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
from scripts.results import results
from synaptic_sampling import RewiringLog, report
from synaptic_sampling.plotting import Run, plot_accuracy, plot_comparison

__all__ = ["main"]

#: Which networks, with which arguments; both methods of one network run side by side.
RUNS = {"rate": ["scripts.train_rate", "--seeds", "3"], "spiking": ["scripts.train_spiking"]}
METHODS = ("deepr", "fixed")
SECONDS_BETWEEN_BARS = 2.0
#: A run that is told to end and does not is killed after these.
SECONDS_TO_END = 20.0
NAMES = {"rate": "rate-based", "spiking": "spiking"}
#: Names of all that is written; the first comes last.
WRITTEN = (
    "summary.json",
    "figure.png",
    *(f"{name}-{method}" for name in RUNS for method in METHODS),
    *plot_rewiring.files(NAMES.values()),
)


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run all, write summary and figure, and say what was written.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    dict
        What summary.json holds.
    """
    parser = Parser("Train a rate-based and a spiking network on the same digits by DEEP R, and compare them.")
    parser.add_quick("short runs, to see that everything works")
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
            f"{100 * row['accuracy_deepr']:.1f} % with DEEP R, {100 * row['accuracy_fixed']:.1f} % with fixed wiring; "
            f"{row['births']} births, {row['deaths']} deaths"
        )
    written = ", ".join(str(given.out / file) for file in ("summary.json", "figure.png", "report.html"))
    print(f"Wrote {written} and the logs beside them, in {time.perf_counter() - start:.0f} s.")
    return summary


def run_all(out: Path, quick: bool) -> dict[str, Any]:
    """Run all, and write summary, figure and report.

    Parameters
    ----------
    out : Path
        The folder.
    quick : bool
        Only see that all works.

    Returns
    -------
    dict
        What summary.json holds.
    """
    found = {name: run_both(name, out, quick) for name in RUNS}
    summary = {name: summarise(*both) for name, both in found.items()}
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    figure = draw(found, out)
    figure.savefig(out / "figure.png", dpi=150)
    plt.close(figure)
    logs = {NAMES[name]: RewiringLog.open(log_of(out, name, *both)) for name, both in found.items()}
    report(logs, out, progress=True)
    return summary


def run_both(name: str, out: Path, quick: bool) -> list[dict[str, Any]]:
    """Train one network with DEEP R and with fixed wiring, in two processes, and return both summaries.

    Parameters
    ----------
    name : {'rate', 'spiking'}
        Which network.
    out : Path
        Each run gets a folder in it.
    quick : bool
        Only see that all works.

    Returns
    -------
    list of dict
        Of DEEP R and of fixed wiring.

    Raises
    ------
    RuntimeError
        If a run failed.
    """
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
        raise RuntimeError(f"{RUNS[name][0]} --method {failed[0]} failed; its messages stand above.")
    return [json.loads((folder / "summary.json").read_text()) for folder in folders]


def end(runs: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes, those that still run by SIGTERM, and wait for them.

    Parameters
    ----------
    runs : sequence of Popen
        The processes.
    """
    for run in runs:
        run.terminate()
    for run in runs:
        try:
            run.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            run.kill()


def relay(run: subprocess.Popen[bytes], title: str) -> None:
    """Show what a run says, line by line, each with its title; of a progress bar, what it says now and then.

    Parameters
    ----------
    run : Popen
        Whose standard error is read to its end.
    title : str
        Begins each line.
    """
    assert run.stderr is not None
    shown = time.perf_counter()
    # Without translation, a bar that is about to be drawn anew ends with a carriage return.
    with io.TextIOWrapper(run.stderr, newline="") as lines:
        for line in lines:
            bar = line.endswith("\r")
            if not line.strip() or (bar and time.perf_counter() < shown + SECONDS_BETWEEN_BARS):
                continue
            shown = time.perf_counter()
            print(f"[{title}] {line.strip()}", flush=True)


def summarise(deepr: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    """Return what both runs of a network came to.

    Parameters
    ----------
    deepr, fixed : dict
        Their summaries.

    Returns
    -------
    dict
        Accuracies on the test images, mean over seeds; counts of the runs with DEEP R.
    """
    kept = ("sites", "connections", "connections_min", "connections_max", "births", "deaths", "seeds")
    return {
        "accuracy_deepr": deepr["accuracy_mean"],
        "accuracy_fixed": fixed["accuracy_mean"],
        "accuracies_deepr": deepr["accuracies"],
        "accuracies_fixed": fixed["accuracies"],
        **{name: deepr[name] for name in kept},
        "seconds": deepr["seconds"] + fixed["seconds"],
    }


def log_of(out: Path, name: str, deepr: dict[str, Any], *_: Any) -> Path:
    """Return where the log of the first seed with DEEP R is.

    Parameters
    ----------
    out : Path
        Of the demonstration.
    name : {'rate', 'spiking'}
        Which network.
    deepr : dict
        Summary of the runs with DEEP R.
    *_
        Other summaries.

    Returns
    -------
    Path
        The file.
    """
    return out / f"{name}-deepr" / f"log-{deepr['seeds'][0]}.rewiring"


def draw(found: dict[str, list[dict[str, Any]]], out: Path) -> Figure:
    """Draw accuracy, turnover, survival and weights of both networks in the same axes.

    Parameters
    ----------
    found : dict of list
        For each network the summaries of DEEP R and of fixed wiring.
    out : Path
        Where their logs are.

    Returns
    -------
    Figure
        With four panels.
    """
    runs = {
        NAMES[name]: Run(
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
        label, colour = f"{NAMES[name]}, fixed wiring", line.get_color()
        plot_accuracy(
            fixed["samples_by_test"], fixed["accuracy_by_test"], learning, label=label, color=colour, linestyle=":"
        )
    for ax in axes[0]:  # The rate-based net sees ten times as many samples.
        ax.set_xscale("log")
    learning.set_ylim(60, 100)
    learning.legend(frameon=False, fontsize="small", loc="lower right")
    axes[1, 0].set_ylim(1e-4, 1.5)
    return learning.figure


if __name__ == "__main__":
    main()
