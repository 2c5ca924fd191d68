"""Choose the parameters of a rewiring rule in a spiking network on validation data, with equal effort for each method.

    python -m scripts.tune_spiking --task mnist --connectivity 0.01,0.05 --settings 8 --out results/tuning
    python -m scripts.tune_spiking --task mnist --methods deepr,fixed --out results/tuning --resume
    python -m scripts.tune_spiking --quick

Each method has the same number of settings, which fill its ranges as a Halton sequence on logarithmic scales. Each
setting is trained once, and tested on the sequences kept for validation; the test set is never used. The network is
compiled once for all settings of a method. Writes tuning.json after each run, and prints the best setting of each
method. With --resume, runs in tuning.json are kept and not repeated; with --checkpoint-every, one that is stopped goes
on from its last checkpoint, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.stats import qmc
from tqdm import tqdm

from models.spiking_tasks import METHODS, TASKS, Rates, SpikingTask
from scripts.common import Parser, count, folder_to_read, fractions, names
from scripts.interruption import interruptible
from scripts.resuming import KEEP, add_resume, check_resume
from scripts.runs import Row, Runs, study
from synaptic_sampling.spiking import Training

__all__ = ["RANGES", "main", "pair_of", "parsed", "parser_of", "rates_of", "task_of"]

Range = tuple[float, float]

LEARNING_RATE = (0.01, 0.5)
LANGEVIN = {"learning_rate": LEARNING_RATE, "l1": (0.003, 0.3), "temperature": (3e-6, 1e-3)}
REPLACING = {"learning_rate": LEARNING_RATE, "fraction": (0.03, 0.5), "every": (10.0, 400.0)}
#: From which values the parameters of each method are chosen.
RANGES: Mapping[str, Mapping[str, Range]] = MappingProxyType(
    {
        "deepr": LANGEVIN,
        # Noise that is small beside l1 would have many retracted connections tracked for each active one.
        "soft": {"learning_rate": LEARNING_RATE, "l1": (0.003, 0.05), "temperature": (3e-5, 1e-3)},
        "set": REPLACING,
        "rigl": REPLACING,
        "fixed": {"learning_rate": LEARNING_RATE},
        "dense": {"learning_rate": (5e-4, 0.02)},
    }
)
#: Of the only training run of each setting, and of the sequence of settings.
SEED = 1
#: A run that ends with more than so many times the connections at its start is not chosen.
EXCESS = 1.25


def rates_of(method: str, number: int) -> list[Rates]:
    """Return settings that fill the ranges of a method evenly; the first ones do not depend on the number."""
    ranges = RANGES[method]
    low, high = np.log(np.array([*ranges.values()])).T
    points = np.exp(qmc.scale(qmc.Halton(len(ranges), seed=SEED).random(number), low, high))
    return [Rates(**{name: _rounded(name, value) for name, value in zip(ranges, p, strict=True)}) for p in points]


def _rounded(name: str, value: float) -> Any:
    return round(value) if name == "every" else float(f"{value:.3g}")


def task_of(given: argparse.Namespace) -> SpikingTask:
    """Return the task, with the given number of neurons."""
    task = TASKS[given.task]
    if given.neurons is None:
        return task
    lif = round(given.neurons * task.lif / (task.lif + task.alif))
    return replace(task, lif=lif, alif=given.neurons - lif)


def pair_of(task: SpikingTask, connectivity: float, *, recurrent: bool = True) -> tuple[float, float]:
    """Return the connectivity of input and recurrent synapses, in the ratio that they have in the task.

    Inputs that have all connections in the task keep them. Without ``recurrent`` synapses, their connectivity is 0.
    """
    into, own = task.connectivity
    scaled = into if into == 1.0 else min(1.0, connectivity * into / own)
    return scaled, connectivity if recurrent else 0.0


def validated(
    task: SpikingTask,
    method: str,
    connectivity: float,
    rates: Rates,
    given: argparse.Namespace,
    **checkpoints: Any,
) -> Row:
    """Train once; return the accuracy on validation data, 0 if learning diverged, and the growth in connections."""
    own = replace(task, rates={method: {0.0: rates}, "fixed": {0.0: rates}})
    training = Training(
        own.make(method, pair_of(task, connectivity, recurrent=given.recurrent)),
        own.sequences(given.data_dir, validation=True, quick=given.quick),
        epochs=given.epochs,
        batch=own.batch,
        decay=own.decay,
        seed=SEED,
    )
    try:
        found = training.run(device="cpp_standalone", **checkpoints)
    except RuntimeError as error:  # A program can report a divergence only as text.
        if "learning rate" not in str(error):
            raise
        return {"accuracy": 0.0}
    end = sum(len(columns[0]) for name, columns in found.weights.items() if name != "readout")
    return {
        "accuracy": found.accuracies[-1],
        "growth": end / (end - found.log.num_births + found.log.num_deaths),
        "births": found.log.num_births,
        "rate_hz": found.rate,
        "seconds": found.seconds,
    }


def jobs(given: argparse.Namespace) -> Iterator[Row]:
    """Yield all runs: setting by setting, so that an interrupted search has been equally thorough everywhere."""
    task = task_of(given)
    settings = {method: rates_of(method, given.settings) for method in given.methods}
    for number in range(given.settings):
        for method in given.methods:
            for connectivity in given.connectivity if method != "dense" else [1.0]:
                rates = settings[method][number]
                yield {
                    "task": given.task,
                    "method": method,
                    "connectivity": connectivity,
                    "epochs": given.epochs,
                    "quick": given.quick,
                    "neurons": task.lif + task.alif,
                    "recurrent": given.recurrent,
                    "parameters": {name: getattr(rates, name) for name in RANGES[method]},
                }


def search(given: argparse.Namespace, runs: Runs) -> list[Row]:
    """Perform all missing runs."""
    task = task_of(given)

    def run(job: Row, **checkpoints: Any) -> Row:
        rates = Rates(**job["parameters"])
        return validated(task, job["method"], job["connectivity"], rates, given, **checkpoints)

    return [runs.get(job, partial(run, job)) for job in tqdm([*jobs(given)], unit="run")]


def is_valid(row: Row) -> bool:
    """Return whether a row has everything that is needed to choose."""
    return 0 <= row["accuracy"] <= 1 and row["method"] in METHODS and row["connectivity"] > 0


def best(rows: Sequence[Row]) -> list[Row]:
    """Return the best run of each method at each connectivity, of those that end near it.

    The number of connections varies with soft DEEP R alone; a run is not better for having more of them.
    """
    groups = dict.fromkeys((row["method"], row["connectivity"]) for row in rows)
    found = []
    for group in groups:
        own = [row for row in rows if (row["method"], row["connectivity"]) == group]
        near = [row for row in own if row.get("growth", 1.0) <= EXCESS]
        if near:
            found.append(max(near, key=lambda row: row["accuracy"]))
    return found


def parser_of(description: str, connectivity: str, *, out: str, kept: str) -> Parser:
    """Return a parser for the arguments of this script and of the comparison.

    Parameters
    ----------
    description : str
        What the script does.
    connectivity : str
        The default of ``--connectivity``, in words.
    out : str
        Folder of the results.
    kept : str
        Name of the file of finished runs.
    """
    parser = Parser(description)
    parser.add_argument("--task", choices=TASKS, default="digits", help="data set")
    chosen = [method for method in METHODS if method != "dense"]
    text = f"some of {','.join(METHODS)} (default: {','.join(chosen)})"
    parser.add_argument("--methods", type=names(METHODS), default=chosen, metavar="M[,M...]", help=text)
    text = f"fractions of the possible recurrent connections that exist (default: {connectivity})"
    parser.add_argument("--connectivity", type=fractions, metavar="P[,P...]", help=text)
    text = "passes over the training set (default: that of the task)"
    parser.add_argument("--epochs", type=count(), metavar="N", help=text)
    text = "number of neurons, for example fewer for dense networks (default: that of the task)"
    parser.add_argument("--neurons", type=count(2), metavar="N", help=text)
    text = "leave out the recurrent synapses, to see what they are worth"
    parser.add_argument("--without-recurrence", dest="recurrent", action="store_false", help=text)
    parser.add_quick("short test runs")
    text = "folder of data sets (default: $SYNAPTIC_SAMPLING_DATA)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_out(out)
    add_resume(parser, KEEP.format(kept), default="none")
    return parser


def parsed(parser: Parser, argv: Sequence[str] | None, connectivity: Sequence[float] | None = None) -> Any:
    """Return the arguments, with the defaults that depend on the task; ``connectivity``: the default if it does not."""
    given = parser.parse_args(argv)
    # A checkpoint of a program takes a second or two, about as long as an epoch of many of these runs.
    check_resume(parser, given, default=None)
    task = TASKS[given.task]
    given.connectivity = given.connectivity or connectivity or [task.connectivity[-1]]
    given.epochs = given.epochs or (1 if given.quick else task.epochs)
    return given


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Search, and print the best settings."""
    text = "Choose the parameters of rewiring rules in a spiking network on validation data."
    parser = parser_of(text, "that of the recurrent synapses of the task", out="results/tuning", kept="tuning.json")
    parser.add_argument("--settings", type=count(), default=8, metavar="N", help="number of settings of each method")
    given = parsed(parser, argv)
    path = given.out / "tuning.json"
    load = partial(task_of(given).sequences, given.data_dir, validation=True, quick=given.quick)
    with study(parser, given, path, is_valid, load, Runs) as runs:
        found = search(given, runs)
    for row in best(found):
        accuracy, parameters = 100 * row["accuracy"], ", ".join(f"{k}={v:g}" for k, v in row["parameters"].items())
        print(f"{row['method']} at {100 * row['connectivity']:g} %: {accuracy:.1f} % with {parameters}")
    print(f"wrote tuning.json to {given.out}", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
