"""Compare rewiring rules in recurrent spiking networks: accuracy, turnover and survival of connections.

    python -m scripts.compare_spiking --task mnist --connectivity 0.01,0.02,0.05,0.1 --seeds 5 --out results/rules-mnist
    python -m scripts.compare_spiking --task ecg --methods deepr,fixed --connectivity 0.02 --seeds 5 --resume
    python -m scripts.compare_spiking --quick

The parameters of each method are those of models/spiking_tasks.py, which were chosen on validation data by
scripts.tune_spiking; accuracies are those on the test set. A connectivity is that of the recurrent synapses at the
start; that of the input synapses is in the ratio to it that the task states. Total connectivity includes the dense
readout, and is that at the end, which differs with soft DEEP R. The figure shows connectivities at the end. Writes
compare.json after each run, and compare.md and compare.png, a table and a figure with means and spread over seeds, at
the end. With --resume, runs in compare.json are kept and not repeated; with --checkpoint-every, one that is stopped
goes on from its last checkpoint, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from tqdm import tqdm

from models.spiking_tasks import METHODS, SpikingTask
from scripts.common import count
from scripts.interruption import interruptible
from scripts.results import write_figure, write_text
from scripts.runs import Row, Runs, study
from scripts.tune_spiking import pair_of, parsed, parser_of, task_of
from synaptic_sampling.plotting.style import COLOURS, in_house_style, legend, plain_ticks
from synaptic_sampling.spiking import SpikingResult, Training
from synaptic_sampling.statistics.survival import survival_of_newborns

__all__ = ["draw", "main", "measured", "table"]

NAMES = {"deepr": "DEEP R", "soft": "soft DEEP R", "set": "SET", "rigl": "RigL", "fixed": "fixed", "dense": "dense"}
CONNECTIVITIES = [0.01, 0.02, 0.05, 0.1]
#: Ages, in updates, at which survival is noted.
AGES = tuple(2**k for k in range(15))
#: Possible tick labels of the accuracy axis.
ACCURACIES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)
#: So many of them must be seen.
FEWEST = 3


class Comparison(Runs):
    """All finished runs, with a table and a figure."""

    MADE = (".md", ".png")


def trained(task: SpikingTask, job: Row, given: argparse.Namespace, **checkpoints: Any) -> Row:
    """Train and test one network."""
    data = task.sequences(given.data_dir, quick=job["quick"])
    net = task.make(job["method"], pair_of(task, job["connectivity"], recurrent=given.recurrent))
    training = Training(net, data, epochs=job["epochs"], batch=task.batch, decay=task.decay, seed=job["seed"])
    return measured(training, training.run(device="cpp_standalone", **checkpoints))


def measured(training: Training, result: SpikingResult) -> Row:
    """Return the numbers of a run that are compared.

    Parameters
    ----------
    training : Training
        What was run.
    result : SpikingResult
        What it has led to.

    Returns
    -------
    dict
        ``accuracy`` after the last epoch, ``accuracies`` after all; ``connections`` and ``total_connectivity`` of all
        sets, the readout included; ``growth``: input and recurrent connections at the end over those at the start, 1
        except with soft DEEP R; ``turnover``: connections eliminated per connection and update; ``survival`` of new
        connections to the ages ``AGES``, as far as they were observed; ``operations``: synaptic operations per
        sequence, where a spike, or an input that is not 0, counts once for each of its connections, and all neurons
        fire at the mean rate ``rate_hz``; ``seconds``.
    """
    log = result.log
    plastic = sum(len(result.weights[name][0]) for name in result.weights if name != "readout")
    return {
        "accuracy": result.accuracies[-1],
        "accuracies": result.accuracies,
        "connections": result.connections,
        "total_connectivity": result.connectivity,
        "growth": plastic / (plastic - log.num_births + log.num_deaths),
        "turnover": log.num_deaths / (plastic * (log.last_step - log.first_step)),
        "survival": _survival(log) if log.num_births else [],
        "operations": _operations(training, result),
        "rate_hz": result.rate,
        "seconds": result.seconds,
    }


def _survival(log: Any) -> list[float]:
    """Return the fraction of new connections that reach each age, up to the largest one observed."""
    curve = survival_of_newborns(log)
    return [float(curve.probability[curve.time <= age][-1]) for age in AGES if curve.time[0] <= age <= curve.time[-1]]


def _operations(training: Training, result: SpikingResult) -> float:
    """Return the number of synaptic operations per sequence."""
    task = training.task
    inputs = task.array[task.test if len(task.test) else task.train]
    active = np.count_nonzero(inputs, axis=tuple(range(inputs.ndim - 1))) / len(inputs)
    held = task.num_steps if inputs.ndim == 2 else 1
    from_inputs = held * np.bincount(result.weights["input"][0], minlength=len(active)) @ active
    spikes = result.rate * float(training.net.dt) * task.num_steps
    return float(from_inputs + spikes * sum(len(own[0]) for name, own in result.weights.items() if name != "input"))


def compare(given: argparse.Namespace, runs: Runs) -> list[Row]:
    """Perform all missing runs: seed by seed, so that an interrupted comparison has as many of each method."""
    task = task_of(given)
    jobs = [
        {
            "task": given.task,
            "method": method,
            "connectivity": p,
            "seed": seed,
            "epochs": given.epochs,
            "quick": given.quick,
            "neurons": task.lif + task.alif,
            "recurrent": given.recurrent,
            "rule": repr(task.rule(method, p)),
        }
        for seed in range(1, given.seeds + 1)
        for method in given.methods
        for p in (given.connectivity if method != "dense" else [1.0])
    ]
    return [runs.get(job, partial(trained, task, job, given)) for job in tqdm(jobs, unit="run")]


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: means, and standard deviations of accuracies over seeds."""
    lines = [
        "| connectivity | method | total | test accuracy (%) | turnover per 1000 updates | new ones reach 100 updates "
        "| rate (Hz) | operations per sequence |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (p, method), own in grouped(rows).items():
        accuracy = 100 * np.array([row["accuracy"] for row in own])
        spread = f" ± {accuracy.std(ddof=1):.2f}" if len(own) > 1 else ""
        reached = [_reached(row, 100) for row in own if len(row["survival"]) > 1]
        numbers = (
            f"{100 * p:g} %",
            NAMES[method],
            f"{100 * _mean(own, 'total_connectivity'):.1f} %",
            f"{accuracy.mean():.2f}{spread}",
            f"{1000 * _mean(own, 'turnover'):.3g}",
            f"{100 * np.mean(reached):.0f} %" if reached else "",
            f"{_mean(own, 'rate_hz'):.0f}",
            f"{_mean(own, 'operations'):,.0f}",
        )
        lines.append(f"| {' | '.join(numbers)} |")
    return "\n".join(lines) + "\n"


def grouped(rows: Sequence[Row]) -> dict[tuple[float, str], list[Row]]:
    """Return the rows by connectivity and method, in this order."""
    order = [*NAMES]
    keys = sorted({(row["connectivity"], row["method"]) for row in rows}, key=lambda key: (key[0], order.index(key[1])))
    return {key: [row for row in rows if (row["connectivity"], row["method"]) == key] for key in keys}


def _mean(rows: Sequence[Row], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


def _reached(row: Row, age: float) -> float:
    """Return the survival of new connections to an age, interpolated between the ages that were noted."""
    ages = AGES[: len(row["survival"])]
    return float(np.interp(np.log(age), np.log(ages), row["survival"]))


@in_house_style
def draw(rows: Sequence[Row]) -> Figure:
    """Plot accuracy and turnover against connectivity at the end, and survival at the second smallest connectivity."""
    figure, (accuracy, turnover, survival) = plt.subplots(1, 3, figsize=(12.5, 4.2))
    groups = grouped(rows)
    methods = [method for method in NAMES if any(own == method for _, own in groups) and method != "dense"]
    levels = sorted({p for p, method in groups if method != "dense"})
    shown = levels[min(1, len(levels) - 1)]
    for method in methods:
        own = {p: groups[p, method] for p in levels if (p, method) in groups}
        # A method has the same colour in all figures.
        style = {"color": COLOURS[[*NAMES].index(method)], "label": NAMES[method], "markersize": 4}
        _with_range(accuracy, own, "accuracy", style)
        if any(row["turnover"] for found in own.values() for row in found):
            _with_range(turnover, own, "turnover", style)
        if method != "fixed" and shown in own:
            _survival_curves(survival, own[shown], style)
    if (1.0, "dense") in groups:
        _line_across(accuracy, np.array([row["accuracy"] for row in groups[1.0, "dense"]]))
    accuracy.set(yscale="logit", ylabel="test accuracy (%)")
    _tick(accuracy)
    turnover.set(yscale="log", ylabel="replaced per 1000 connections and update")
    turnover.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    turnover.yaxis.set_major_formatter(lambda value, _: f"{1000 * value:g}")
    for axes in (accuracy, turnover):
        axes.set(xscale="log", xlabel="recurrent connectivity (%)")
        axes.set_xticks(levels, [f"{100 * p:.3g}" for p in levels])
    survival.set(xscale="log", yscale="log", xlabel="age (updates)", ylabel="new connections that reach this age")
    plain_ticks(survival.xaxis, survival.yaxis)
    survival.set_title(f"connectivity {100 * shown:g} %", fontsize="medium")
    for axes in (accuracy, turnover, survival):
        axes.minorticks_off()
        axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    legend(accuracy, loc="lower right")
    return figure


def _with_range(axes: Axes, own: dict[float, list[Row]], name: str, style: dict[str, Any]) -> None:
    """Plot the mean of a number against connectivity at the end, with its range over seeds."""
    values = [np.array([row[name] for row in rows]) for rows in own.values()]
    lowest, highest = (np.array([f(each) for each in values]) for f in (np.min, np.max))
    # The mean of equal numbers may differ from them by rounding.
    mean = np.clip([each.mean() for each in values], lowest, highest)
    connectivity = [p * _mean(rows, "growth") for p, rows in own.items()]
    axes.errorbar(connectivity, mean, np.array([mean - lowest, highest - mean]), fmt="o-", capsize=2, **style)


def _survival_curves(axes: Axes, rows: Sequence[Row], style: dict[str, Any]) -> None:
    """Plot the mean survival of new connections, with its range over seeds."""
    length = min(len(row["survival"]) for row in rows)
    if length:
        curves = np.array([row["survival"][:length] for row in rows])
        axes.plot(AGES[:length], curves.mean(axis=0), "o-", **style)
        axes.fill_between(AGES[:length], curves.min(axis=0), curves.max(axis=0), color=style["color"], alpha=0.2, lw=0)


def _tick(axes: Axes) -> None:
    """Label the accuracies: some of the usual ones, or evenly spaced ones where few of these are in the range."""
    low, high = axes.get_ylim()
    ticks = [tick for tick in ACCURACIES if low <= tick <= high]
    if len(ticks) < FEWEST:
        found = MaxNLocator(FEWEST + 3, steps=[1, 2, 5, 10]).tick_values(low, high)
        ticks = [tick for tick in found if low <= tick <= high]
    axes.set_yticks(ticks, [f"{100 * tick:.4g}" for tick in ticks])


def _line_across(axes: Axes, accuracies: Any) -> None:
    """Mark the accuracy of dense networks: mean and range."""
    axes.axhspan(accuracies.min(), accuracies.max(), color="0.85", linewidth=0)
    axes.axhline(accuracies.mean(), color="0.3", linestyle=":", label="dense")


def is_valid(row: Row) -> bool:
    """Return whether a row has everything that table and figure need."""
    return (
        row["growth"] > 0
        and 0 <= row["accuracy"] <= 1
        and row["method"] in METHODS
        and row["operations"] >= 0 <= len(row["survival"])
    )


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the comparison, write it and plot it."""
    text, default = "Compare rewiring rules in recurrent spiking networks.", ",".join(map(str, CONNECTIVITIES))
    parser = parser_of(text, default, out="results/rules", kept="compare.json")
    parser.add_argument("--seeds", type=count(), default=3, metavar="N", help="number of seeds: 1, 2, ...")
    given = parsed(parser, argv, CONNECTIVITIES)
    path = given.out / "compare.json"
    load = partial(task_of(given).sequences, given.data_dir, quick=given.quick)
    with study(parser, given, path, is_valid, load, Comparison) as runs:
        rows = compare(given, runs)
        write_text(given.out / "compare.md", table(rows))
        written = "compare.json and compare.md"
        if any(row["method"] != "dense" for row in rows):  # Of dense networks alone, there is nothing to plot.
            figure = draw(rows)
            write_figure(path.with_suffix(".png"), figure)
            plt.close(figure)
            written = "compare.json, compare.md and compare.png"
    print(f"wrote {written} to {given.out}")
    return rows


if __name__ == "__main__":
    main()
