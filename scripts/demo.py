"""Train a rate-based and a spiking network on the same digits, both with DEEP R, and draw them in the same axes.

    python -m scripts.demo

Runs scripts.train_rate and scripts.train_spiking, each with DEEP R and with a fixed sparse wiring of as many
connections, and writes to results/demo: summary.json, figure.png, report.html (all pictures of both logs, and what
they answer), and for each run a folder with its log.
"""

from __future__ import annotations

import argparse
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
from synaptic_sampling import RewiringLog, Run, plot_accuracy, plot_comparison

__all__ = ["main"]

#: Which networks, with which arguments; both methods of one network run side by side.
RUNS = {"rate": ["scripts.train_rate", "--seeds", "3"], "spiking": ["scripts.train_spiking"]}
METHODS = ("deepr", "fixed")
SECONDS_BETWEEN_BARS = 2.0
NAMES = {"rate": "rate-based", "spiking": "spiking"}


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
    parser = argparse.ArgumentParser(description="Rate-based and spiking networks learn the same digits by DEEP R.")
    parser.add_argument("--quick", action="store_true", help="only see that all works")
    parser.add_argument("--out", type=Path, default=Path("results/demo"), metavar="DIR", help="folder for results")
    given = parser.parse_args(argv)
    given.out.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    found = {name: run_both(name, given.out, given.quick) for name in RUNS}
    summary = {name: summarise(*results) for name, results in found.items()}
    path = given.out / "summary.json"
    path.write_text(json.dumps(summary, indent=2) + "\n")
    figure = draw(found, given.out)
    figure.savefig(given.out / "figure.png", dpi=150)
    plt.close(figure)
    plot_rewiring.write(
        {NAMES[name]: RewiringLog.open(log_of(given.out, name, *results)) for name, results in found.items()}, given.out
    )
    for name, row in summary.items():
        print(
            f"{NAMES[name]:>10}: {row['connections']} of {row['sites']} connections, test accuracy "
            f"{100 * row['accuracy_deepr']:.1f} % with DEEP R, {100 * row['accuracy_fixed']:.1f} % with fixed wiring; "
            f"{row['births']} births, {row['deaths']} deaths"
        )
    written = ", ".join(str(given.out / file) for file in ("summary.json", "figure.png", "report.html"))
    print(f"Wrote {written} and the logs beside them, in {time.perf_counter() - begin:.0f} s.")
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
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", *RUNS[name], "--method", method, "--out", str(folder), *["--quick"] * quick],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for method, folder in zip(METHODS, folders, strict=True)
    ]
    relays = [threading.Thread(target=relay, args=(run, f"{name} {m}")) for run, m in zip(runs, METHODS, strict=True)]
    try:
        for thread in relays:
            thread.start()
        for thread in relays:
            thread.join()
    finally:
        for run in runs:
            run.terminate()
    failed = [method for method, run in zip(METHODS, runs, strict=True) if run.wait() != 0]
    if failed:
        raise RuntimeError(f"{RUNS[name][0]} --method {failed[0]} failed; its messages stand above.")
    return [json.loads((folder / "summary.json").read_text()) for folder in folders]


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
