"""Plot accuracy against connectivity, for each method with the best learning rate at each connectivity.

    python -m scripts.sweep_connectivity --task mnist --out results/sweep
    python -m scripts.sweep_connectivity --task mnist --methods deepr,fixed --connectivity 0.01,0.1 --seeds 5
    python -m scripts.sweep_connectivity --task mnist --out results/sweep --resume
    python -m scripts.sweep_connectivity --quick

The default learning rate of a method was chosen at one connectivity and may be unsuitable at another. It is therefore
chosen again among multiples of the default, by one run each on the last training images; the test images are then used
once per seed. All other parameters stay the same. Writes sweep.json after each run, and sweep.png at the end. With
--resume, runs in sweep.json are kept and not repeated: an interrupted sweep continues, and a finished one can be
extended by methods, connectivities or seeds. With --overwrite it starts again; without either option, an existing sweep
is refused. With --checkpoint-every, a run that is stopped goes on from its last checkpoint, too, by the same command
with --resume.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from scripts.common import Parser, count, folder_to_read, fractions, names
from scripts.interruption import interruptible
from scripts.rate_methods import METHODS, TASKS, VARYING, changed, rule_of, train
from scripts.results import write_figure
from scripts.resuming import KEEP, add_resume, check_resume
from scripts.runs import Row, Runs, study
from scripts.train_rate import refuse_data_dir, refuse_epochs
from scripts.training import add_jobs, check_jobs
from synaptic_sampling.plotting.style import COLOURS, in_house_style, legend

__all__ = ["TrainingRuns", "draw", "main"]

CONNECTIVITIES = [0.005, 0.01, 0.0133, 0.02, 0.05, 0.1, 0.2]
NAMES = {"deepr": "DEEP R", "rigl": "RigL", "set": "SET", "fixed": "fixed connections"}
#: Those that keep the number of connections, by which they can be compared.
COMPARED = tuple(method for method in METHODS if method not in VARYING)
METHODS_DRAWN = (*NAMES, "dense")
#: Possible tick labels of the accuracy axis.
ACCURACIES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
#: Relative to the default learning rate; with higher ones, some seeds of DEEP R diverge.
FACTORS = (0.25, 0.5, 1.0)
#: Used for choosing the learning rate, and not for the results.
VALIDATION_SEED = 0


class TrainingRuns(Runs):
    """All finished training runs, stored in a file."""

    data_dir: Path | None = None

    def train(self, factor: float, **job: Any) -> Row:
        """Return the row of a run; train if it is missing."""
        settings, rule = described(factor, **job)
        return self.get(settings, partial(trained, rule, self.data_dir, **job))

    def train_missing(self, runs: Sequence[tuple[float, Row]], n_jobs: int) -> None:
        """Perform those of several runs that are missing, at the same time."""
        from joblib import Parallel, delayed  # noqa: PLC0415 (optional)

        wanted = [(job, *described(factor, **job)) for factor, job in runs]
        missing = [each for each in wanted if self.find(each[1]) is None]
        calls = [
            delayed(trained)(rule, self.data_dir, **job, **self.checkpoints(settings))
            for job, settings, rule in missing
        ]
        results = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator")(calls)
        for (_, settings, _), result in zip(missing, tqdm(results, total=len(calls), unit="run"), strict=True):
            self.add(settings, settings | result)
        self.tidy()


def described(factor: float, **job: Any) -> tuple[Row, Any]:
    """Return all that determines a run, and its rule."""
    task = TASKS[job["task"]]
    rule = rule_of(task, job["method"])
    rule = changed(rule, factor * rule.learning_rate, None)
    defaults = {name: getattr(task, name) for name in ("final_rate", "linear")}
    batch_size = task.batch_sizes.get(job["method"], task.batch_size)
    return {**job, "factor": factor, "rule": repr(rule), "batch_size": batch_size, **defaults}, rule


def trained(rule: Any, data_dir: Path | None, **job: Any) -> Row:
    """Train, and return what is written; a run that diverges has accuracy 0. ``job``: arguments of ``train``."""
    try:
        result = train(**job, rule=rule, data_dir=data_dir, record=False)
    except FloatingPointError:
        return {"accuracy": 0.0}
    return {
        "accuracy": result.accuracies[-1],
        "connections": result.connections,
        "connections_max_ever": result.connections_max,
        "seconds": result.seconds,
    }


def is_valid(row: Row) -> bool:
    """Return whether a row has everything that the figure needs."""
    return 0 <= row["accuracy"] <= 1 and row["method"] in COMPARED and row["connectivity"][0] > 0


def sweep(runs: TrainingRuns, given: argparse.Namespace) -> list[Row]:
    """Perform all missing runs, and return those on the test images."""
    points = [(method, p) for method in given.methods for p in (given.connectivity if method != "dense" else [1.0])]
    before, used, tested = list(runs.rows), [], []

    def trials(method: str, p: float) -> list[tuple[float, Row]]:
        return [(factor, job(method, p, VALIDATION_SEED, True)) for factor in _factors(method)]

    def tests(method: str, p: float) -> list[tuple[float, Row]]:
        accuracies = [runs.train(factor, **each)["accuracy"] for factor, each in trials(method, p)]
        best = _factors(method)[int(np.argmax(accuracies))]
        return [(best, job(method, p, seed, False)) for seed in range(1, given.seeds + 1)]

    def job(method: str, p: float, seed: int, validation: bool) -> Row:
        options = {"task": given.task, "epochs": given.epochs, "quick": given.quick}
        return {"method": method, "connectivity": [p], "seed": seed, "validation": validation, **options}

    if given.n_jobs > 1:
        runs.train_missing([each for point in points for each in trials(*point)], given.n_jobs)
        runs.train_missing([each for point in points for each in tests(*point)], given.n_jobs)
    total = sum(len(_factors(method)) + given.seeds for method, _ in points)
    with tqdm(total=total, unit="run", disable=given.n_jobs > 1) as bar:
        for method, p in points:
            for of_stage in (trials, tests):
                for factor, each in of_stage(method, p):
                    bar.set_postfix(method=method, connectivity=p)
                    used.append(runs.train(factor, **each))
                    bar.update()
            tested += used[-given.seeds :]
    if given.n_jobs > 1:  # In the order in which one process performs them.
        runs.write([*before, *(row for row in used if row not in before)])
    return tested


def _factors(method: str) -> Sequence[float]:
    """Return the learning rates to try; that of dense networks needs no choice."""
    return FACTORS if method != "dense" else (1.0,)


@in_house_style
def draw(rows: Sequence[Row]) -> Figure:
    """Plot accuracy against connectivity: mean and range over seeds."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    for method, colour in zip(dict.fromkeys(row["method"] for row in rows), COLOURS, strict=False):
        own = [row for row in rows if row["method"] == method]
        found = {
            p: np.array([row["accuracy"] for row in own if row["connectivity"] == [p]])
            for p in sorted({row["connectivity"][0] for row in own})
        }
        if method == "dense":
            _line_across(axes, found[1.0])
            continue
        mean, lowest, highest = (np.array([f(values) for values in found.values()]) for f in (np.mean, np.min, np.max))
        style = {"color": colour, "label": NAMES.get(method, method), "capsize": 2, "markersize": 4}
        axes.errorbar(100 * np.array([*found]), mean, np.array([mean - lowest, highest - mean]), fmt="o-", **style)
    axes.set(xscale="log", yscale="logit", xlabel="connectivity (%)", ylabel="test accuracy (%)")
    ticks = sorted({100 * row["connectivity"][0] for row in rows if row["method"] != "dense"})
    axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    low, high = axes.get_ylim()
    ticks = [tick for tick in ACCURACIES if low <= tick <= high]
    axes.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    legend(axes, loc="lower right")
    return figure


def _line_across(axes: Axes, accuracies: Any) -> None:
    """Mark the accuracy of dense networks: mean and range."""
    axes.axhspan(accuracies.min(), accuracies.max(), color="0.85", linewidth=0)
    axes.axhline(accuracies.mean(), color="0.3", linestyle=":")
    place = (0.01, accuracies.max())
    axes.annotate(
        "dense", place, (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points", fontsize="small"
    )


def _parser() -> Parser:
    parser = Parser("Plot accuracy against connectivity.")
    parser.add_argument("--task", choices=TASKS, default="digits", help="data set")
    all_names, default = ",".join(COMPARED), ",".join(METHODS_DRAWN)
    text = f"some of {all_names} (default: {default})"
    parser.add_argument("--methods", type=names(COMPARED), metavar="M[,M...]", help=text)
    text = f"fractions of the possible connections that exist (default: {','.join(map(str, CONNECTIVITIES))})"
    parser.add_argument("--connectivity", type=fractions, metavar="P[,P...]", help=text)
    parser.add_argument("--seeds", type=count(), default=3, metavar="N", help="number of seeds: 1, 2, ...")
    text = "passes over the training set (default: that of the task)"
    parser.add_argument("--epochs", type=count(), metavar="N", help=text)
    parser.add_quick("short test runs")
    text = "folder of the data sets (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_out("results/sweep")
    add_resume(parser, KEEP.format("sweep.json"))
    add_jobs(parser, "runs")
    return parser


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; refuse contradictory ones, and those that no method uses."""
    given = parser.parse_args(argv)
    refuse_data_dir(parser, given)
    if given.methods == ["dense"] and given.connectivity is not None:
        parser.refuse("--connectivity", "a dense network has all connections; leave it out, or add to --methods")
    check_resume(parser, given)
    check_jobs(parser, given)
    given.methods = given.methods or list(METHODS_DRAWN)
    if given.epochs is not None:
        refuse_epochs(parser, given, given.methods)
    given.connectivity = given.connectivity or CONNECTIVITIES
    if len(set(given.connectivity)) < len(given.connectivity):
        parser.refuse("--connectivity", f"each connectivity can be given once, got {given.connectivity}")
    return given


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the sweep, write it and plot it."""
    parser = _parser()
    given = _parse(parser, argv)
    path = given.out / "sweep.json"
    load = partial(TASKS[given.task].load, given.data_dir)
    with study(parser, given, path, is_valid, load, TrainingRuns) as runs:
        runs.data_dir = given.data_dir
        rows = sweep(runs, given)
        figure = draw(rows)
        write_figure(given.out / "sweep.png", figure)
        plt.close(figure)
    print(f"wrote sweep.json and sweep.png to {given.out}")
    return rows


if __name__ == "__main__":
    main()
