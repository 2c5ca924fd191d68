"""Draw accuracy against connectivity, each method with the learning rate that suits each connectivity.

    python -m scripts.sweep_connectivity --task mnist --out results/sweep
    python -m scripts.sweep_connectivity --task mnist --methods deepr,fixed --connectivity 0.01,0.1 --seeds 5
    python -m scripts.sweep_connectivity --task mnist --out results/sweep --resume
    python -m scripts.sweep_connectivity --quick

The learning rate of a method was chosen at one connectivity, and would be a handicap at another one. So it is chosen
anew, among multiples of that of the task, by one run for each on the last training images; then the test images are
seen once for each seed. Everything else stays as it is. Writes sweep.json after each run, and sweep.png at the end.
With --resume, runs that are in sweep.json are kept and not run again: so an interrupted sweep goes on, and a finished
one gets more methods, connectivities or seeds. With --overwrite it starts afresh; without either, a folder that holds
a sweep is left alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from models.data import DataError
from scripts.common import Parser, count, folder_to_read, fractions, names
from scripts.interruption import interruptible
from scripts.results import locked, write_figure, write_text
from scripts.train_rate import METHODS, TASKS, changed, refuse_data_dir, rule_of, train
from synaptic_sampling.plotting.style import COLOURS, legend

__all__ = ["Runs", "draw", "main"]

Row = dict[str, Any]

CONNECTIVITIES = [0.005, 0.01, 0.0133, 0.02, 0.05, 0.1, 0.2]
NAMES = {"deepr": "DEEP R", "rigl": "RigL", "set": "SET", "fixed": "fixed wiring"}
METHODS_DRAWN = (*NAMES, "dense")
#: Where the axis of accuracy may have numbers.
ACCURACIES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
#: Of the learning rate of the task; with more than that, some seeds of DEEP R diverge.
FACTORS = (0.25, 0.5, 1.0)
#: Of the runs that choose it: none of those that count.
VALIDATION_SEED = 0


class Runs:
    """All runs there are, in a file.

    Parameters
    ----------
    path : Path
        sweep.json, written after each run.
    rows : sequence of dict
        Of runs that were done before.
    data_dir : Path, optional
        Folder of the data sets.

    Attributes
    ----------
    rows : list of dict
        One for each run: what was asked for, and what came of it.
    """

    def __init__(self, path: Path, rows: Sequence[Row] = (), data_dir: Path | None = None) -> None:
        self.path, self.data_dir = path, data_dir
        self.rows = list(rows)

    def get(self, factor: float, **job: Any) -> Row:
        """Return the row of a run, which is done if it is not there.

        Parameters
        ----------
        factor : float
            Learning rate relative to that of the task.
        **job
            Arguments of `train_rate.train`.

        Returns
        -------
        dict
            With ``accuracy``, 0 where learning diverged.
        """
        task = TASKS[job["task"]]
        rule = rule_of(task, job["method"])
        rule = changed(rule, factor * rule.learning_rate, None)
        defaults = {name: getattr(task, name) for name in ("final_rate", "linear")}
        batch_size = task.batch_sizes.get(job["method"], task.batch_size)
        wanted = {**job, "factor": factor, "rule": repr(rule), "batch_size": batch_size, **defaults}
        for row in self.rows:
            if wanted.items() <= row.items():
                return row
        try:
            result = train(**job, rule=rule, data_dir=self.data_dir, record=False)
        except FloatingPointError:
            found: Row = {"accuracy": 0.0}
        else:
            found = {
                "accuracy": result.accuracies[-1],
                "connections": result.connections,
                "connections_max_ever": result.connections_max,
                "seconds": result.seconds,
            }
        self.rows.append(wanted | found)
        self._write()
        return self.rows[-1]

    def _write(self) -> None:
        """Replace the file; a figure of fewer runs goes first."""
        self.path.with_suffix(".png").unlink(missing_ok=True)
        write_text(self.path, json.dumps({"rows": self.rows}, indent=1) + "\n")


def rows_of(path: Path) -> list[Row]:
    """Return the rows of a file.

    Parameters
    ----------
    path : Path
        sweep.json.

    Returns
    -------
    list of dict
        One for each run.

    Raises
    ------
    ValueError
        If it is no such file, or damaged.
    """
    try:
        rows = json.loads(path.read_text())["rows"]
        # What drawing needs.
        if all(0 <= row["accuracy"] <= 1 and row["method"] in METHODS and row["connectivity"][0] > 0 for row in rows):
            return list(rows)
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        pass
    raise ValueError(f"{path} is damaged, or was not written by this script")


def sweep(runs: Runs, given: argparse.Namespace) -> list[Row]:
    """Do all runs that are not there yet.

    Parameters
    ----------
    runs : Runs
        To which they are added.
    given : Namespace
        The arguments.

    Returns
    -------
    list of dict
        The rows that were tested, as they are asked for here.
    """
    shares = [[share] for share in given.connectivity]
    points = [(method, share) for method in given.methods for share in (shares if method != "dense" else [[1.0]])]
    tested = []
    with tqdm(total=sum(len(_factors(method)) + given.seeds for method, _ in points), unit="run") as bar:

        def run(method: str, share: list[float], factor: float, seed: int, validation: bool) -> Row:
            bar.set_postfix(method=method, connectivity=share[0])
            options = {"task": given.task, "epochs": given.epochs, "quick": given.quick}
            row = runs.get(factor, method=method, connectivity=share, seed=seed, validation=validation, **options)
            bar.update()
            return row

        for method, share in points:
            factors = _factors(method)
            trials = [run(method, share, factor, VALIDATION_SEED, True)["accuracy"] for factor in factors]
            best = factors[int(np.argmax(trials))]
            tested += [run(method, share, best, seed, False) for seed in range(1, given.seeds + 1)]
    return tested


def _factors(method: str) -> Sequence[float]:
    """Return the learning rates to be tried; that of a dense network was chosen for a dense network."""
    return FACTORS if method != "dense" else (1.0,)


def draw(rows: Sequence[Row]) -> Figure:
    """Draw accuracy over connectivity: the mean over seeds, with the range.

    Parameters
    ----------
    rows : sequence of dict
        Of the runs that were tested.

    Returns
    -------
    Figure
        Accuracy on a scale of log odds, where 98 and 99 % are as far from each other as 50 and 67 %; what a dense
        network reaches is a line across it.
    """
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for method, colour in zip(dict.fromkeys(row["method"] for row in rows), COLOURS, strict=False):
        own = [row for row in rows if row["method"] == method]
        found = {
            share: np.array([row["accuracy"] for row in own if row["connectivity"] == [share]])
            for share in sorted({row["connectivity"][0] for row in own})
        }
        if method == "dense":
            _line_across(axes, found[1.0])
            continue
        mean, lowest, highest = (np.array([f(values) for values in found.values()]) for f in (np.mean, np.min, np.max))
        look = {"color": colour, "label": NAMES.get(method, method), "capsize": 2, "markersize": 4}
        axes.errorbar(100 * np.array([*found]), mean, np.array([mean - lowest, highest - mean]), fmt="o-", **look)
    axes.set(xscale="log", yscale="logit", xlabel="connectivity (%)", ylabel="test accuracy (%)")
    ticks = sorted({100 * row["connectivity"][0] for row in rows if row["method"] != "dense"})
    axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    low, high = axes.get_ylim()
    ticks = [tick for tick in ACCURACIES if low <= tick <= high]
    axes.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    legend(axes, loc="lower right")
    return figure


def _line_across(axes: Axes, accuracies: Any) -> None:
    """Draw what a dense network reaches, mean and range."""
    axes.axhspan(accuracies.min(), accuracies.max(), color="0.85", linewidth=0)
    axes.axhline(accuracies.mean(), color="0.3", linestyle=":")
    place = (0.01, accuracies.max())
    axes.annotate(
        "dense", place, (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points", fontsize="small"
    )


def _parser() -> Parser:
    parser = Parser("Draw accuracy against connectivity.")
    parser.add_argument("--task", choices=TASKS, default="digits", help="what is learned")
    all_names, default = ",".join(METHODS), ",".join(METHODS_DRAWN)
    text = f"some of {all_names} (default: {default})"
    parser.add_argument("--methods", type=names(METHODS), metavar="M[,M...]", help=text)
    text = f"fractions of the possible connections that exist (default: {','.join(map(str, CONNECTIVITIES))})"
    parser.add_argument("--connectivity", type=fractions, metavar="P[,P...]", help=text)
    parser.add_argument("--seeds", type=count(), default=3, metavar="N", help="number of seeds: 1, 2, ...")
    text = "passes over the training set (default: that of the task)"
    parser.add_argument("--epochs", type=count(), metavar="N", help=text)
    parser.add_quick("short runs, to see that everything works")
    text = "folder of the data sets (default: that of the variable SYNAPTIC_SAMPLING_DATA, else ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_out("results/sweep")
    text = "keep the runs that are in the folder's sweep.json, and do those that are missing"
    parser.add_argument("--resume", action="store_true", help=text)
    return parser


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; refuse those that contradict each other, and those that no method uses."""
    given = parser.parse_args(argv)
    refuse_data_dir(parser, given)
    if given.methods == ["dense"] and given.connectivity is not None:
        parser.refuse("--connectivity", "a dense network has all connections; leave it out, or add to --methods")
    if given.overwrite and given.resume:
        parser.refuse("--resume", "cannot be combined with --overwrite; leave one of them out")
    given.methods = given.methods or list(METHODS_DRAWN)
    given.connectivity = given.connectivity or CONNECTIVITIES
    if len(set(given.connectivity)) < len(given.connectivity):
        parser.refuse("--connectivity", f"each connectivity can be named once, got {given.connectivity}")
    return given


def _rows_before(parser: Parser, given: argparse.Namespace, path: Path) -> list[Row]:
    """Return the runs that are kept; refuse a sweep that is there without consent."""
    if not path.exists() or given.overwrite:
        if given.resume:
            print(f"{path} is not there yet: the sweep starts from its first run.", file=sys.stderr)
        return []
    if not given.resume:
        parser.refuse("--out", f"{path} is there; pass --resume to go on with it, or --overwrite to replace it")
    try:
        return rows_of(path)
    except ValueError as error:
        parser.refuse("--resume", f"{error}; move it away, or pass --overwrite to replace it")


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run, write and draw.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    list of dict
        The runs that were tested.
    """
    parser = _parser()
    given = _parse(parser, argv)
    path = given.out / "sweep.json"
    with locked(parser, given.out):
        runs = Runs(path, _rows_before(parser, given, path), given.data_dir)
        try:
            rows = sweep(runs, given)
        except DataError as error:
            parser.refuse("--data-dir", str(error))
        except KeyboardInterrupt:
            go_on = "add --resume to the same command to go on" if runs.rows else "start it again"
            raise KeyboardInterrupt(f"{path} holds the {len(runs.rows)} runs that were done; {go_on}.") from None
        figure = draw(rows)
        write_figure(given.out / "sweep.png", figure)
        plt.close(figure)
    print(f"wrote sweep.json and sweep.png to {given.out}")
    return rows


if __name__ == "__main__":
    main()
