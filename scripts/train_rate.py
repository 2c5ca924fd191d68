"""Train a rate-based network and report its accuracy.

    python -m scripts.train_rate --method deepr --connectivity 0.05 --seed 1 --out results/rate
    python -m scripts.train_rate --task mnist --seeds 5 --data-dir data
    python -m scripts.train_rate --task mnist --epochs 30 --learning-rate 0.5 --l1 1e-4
    python -m scripts.train_rate --task mnist --method fixed --connections-from results/rate/summary.json
    python -m scripts.train_rate --task speech --connectivity 0.05,0.3 --seeds 3
    python -m scripts.train_rate --task cifar10 --checkpoint-every 1      # and --resume, if it was stopped
    python -m scripts.train_rate --quick

Methods: 'deepr'; 'fixed', random sparse connections that stay; 'set' and 'rigl', which replace the weakest connections
by random ones after each epoch, or twenty times by those with the largest gradients; 'dense'; 'prune', dense at first,
pruned to the strongest weights after one and two thirds of the epochs; 'l1', dense with l1 shrinkage, pruned after two
thirds; they need 3 and 2 epochs at least. Every method above learns every task. 'soft', soft DEEP R, and 'sampling',
synaptic sampling, learn digits and mnist; their number of connections varies: --connectivity states that at the start,
the summary that at the end. With --budget network, DEEP R keeps only the total number of connections, not that of each
layer; a step takes the same time.

Writes summary.json and, for each seed, the final weights (weights-SEED.npz), the log of formation and elimination
(log-SEED.rewiring) and a figure. All of them appear in --out at the end; until then they are in its subfolder
``unfinished``. Existing results in --out are replaced only with --overwrite. With --checkpoint-every, each seed has
checkpoints there as well, from which the same command with --resume, in place of any --overwrite, goes on, with
bit-identical results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from models.task import Task
from scripts.common import Parser, above_zero, count, file_to_read, folder_to_read, not_negative
from scripts.interruption import interruptible
from scripts.rate_methods import METHODS, QUICK_EPOCHS, TASKS, VARYING, changed, check_epochs_of, rule_of, train
from scripts.training import arguments, check, train_seeds

__all__ = ["main", "refuse_data_dir", "refuse_epochs"]

#: Tasks with layers whose work is shared by threads.
SHARED = ("cifar10", "speech")


def _parser() -> Parser:
    own = "that of the task"
    parser = arguments(
        "Train a rate-based network.",
        tasks=tuple(TASKS),
        methods=METHODS,
        several=True,
        out="results/rate",
        connectivity=own,
        epochs=f"{own}, {QUICK_EPOCHS} with --quick",
    )
    parser.add_argument(
        "--budget",
        choices=["layer", "network"],
        default="layer",
        help="what has a constant number of connections: each layer, or the network as a whole (deepr only)",
    )
    text = "summary.json of another run; its connections per layer replace --connectivity"
    parser.add_argument("--connections-from", type=file_to_read, metavar="SUMMARY", help=text)
    text = "learning rate (default: that of task and method); the noise per step is scaled with it"
    parser.add_argument("--learning-rate", type=above_zero, metavar="E", help=text)
    text = f"l1 of DEEP R (default: {own}; deepr and soft only)"
    parser.add_argument("--l1", type=not_negative, metavar="A", help=text)
    text = "folder of the data sets (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    text = "test on the last training samples; the test set is not used"
    parser.add_argument("--validation", action="store_true", help=text)
    text = f"threads that share the work of one network; same results (default: 1; tasks {', '.join(SHARED)} only)"
    parser.add_argument("--threads", type=count(maximum=1024), metavar="N", default=1, help=text)
    return parser


def _check(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse contradictory options, and those that the method or the task does not use."""
    check(parser, given)
    if given.budget == "network" and given.method != "deepr":
        why = f"'network' requires method 'deepr', got {given.method!r}, which keeps the number of each layer"
        parser.refuse("--budget", why)
    if given.l1 is not None and given.method not in {"deepr", "soft"}:
        parser.refuse("--l1", f"belongs to methods 'deepr' and 'soft', got {given.method!r}; leave it out")
    if given.method in VARYING and given.method not in TASKS[given.task].rules:
        parser.refuse("--method", f"{given.method!r} has parameters for the tasks digits and mnist, got {given.task!r}")
    if given.connections_from is not None and (given.method == "dense" or given.connectivity is not None):
        other = "--method dense" if given.method == "dense" else "--connectivity"
        parser.refuse("--connections-from", f"cannot be combined with {other}; leave one of them out")
    if given.threads > 1 and given.task not in SHARED:
        parser.refuse("--threads", f"task {given.task!r} has linear layers only, which one thread trains; leave it out")
    refuse_data_dir(parser, given)


def refuse_data_dir(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse a folder of data sets for a task that reads no files."""
    if given.data_dir is not None and given.task == "digits":
        parser.refuse("--data-dir", "task 'digits' comes with scikit-learn and reads no files; choose another --task")


def refuse_epochs(parser: Parser, given: argparse.Namespace, methods: Sequence[str]) -> None:
    """Refuse fewer epochs than one of the methods needs."""
    try:
        for method in methods:
            check_epochs_of(method, given.epochs)
    except ValueError as error:
        parser.refuse("--epochs", str(error))


def _counts(parser: Parser, given: argparse.Namespace, task: Task) -> list[int] | None:
    """Return the connections per layer of another run, or None; refuse those that do not fit the task."""
    if given.connectivity is not None and len(given.connectivity) not in {1, len(task.sites)}:
        number = len(given.connectivity)
        parser.refuse("--connectivity", f"connectivity must be one number or {len(task.sites)}, got {number}")
    if given.connections_from is None:
        return None
    try:
        found = json.loads(given.connections_from.read_text())["connections_per_layer"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        parser.refuse("--connections-from", f"{given.connections_from} is not the summary.json of a training script")
    fits = isinstance(found, list) and len(found) == len(task.sites)
    if not fits or not all(type(n) is int and 1 <= n <= m for n, m in zip(found, task.sites, strict=True)):
        largest = ", ".join(map(str, task.sites))
        why = f"task {given.task!r} has layers of at most {largest} connections, got {str(found)[:80]}"
        parser.refuse("--connections-from", f"{given.connections_from} does not fit: {why}")
    return found


def _fractions(given: argparse.Namespace, task: Task, counts: list[int] | None) -> list[float]:
    """Return the connectivity that a run has, whichever option states it."""
    if given.method == "dense":
        return [1.0] * len(task.sites)
    if counts is not None:
        return [own / sites for own, sites in zip(counts, task.sites, strict=True)]
    return given.connectivity or list(task.connectivity)


def _rule(parser: Parser, given: argparse.Namespace, task: Task) -> Any:
    """Return the rule with the given learning rate and l1."""
    try:
        return changed(rule_of(task, given.method), given.learning_rate, given.l1)
    except ValueError as error:
        parser.refuse("--learning-rate" if given.l1 is None else "--learning-rate, --l1", str(error))


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary."""
    parser = _parser()
    given = parser.parse_args(argv)
    _check(parser, given)
    task = TASKS[given.task]
    counts, rule = _counts(parser, given, task), _rule(parser, given, task)
    given.connectivity = _fractions(given, task, counts)
    given.epochs = given.epochs or (QUICK_EPOCHS if given.quick else task.epochs)
    refuse_epochs(parser, given, [given.method])
    batch_size = task.batch_sizes.get(given.method, task.batch_size)
    kept = {name: getattr(task, name) for name in ("final_rate", "linear", "l1")}
    parameters = {"batch_size": batch_size, "rule": repr(rule), **kept}
    own = ("task", "budget", "data_dir", "validation", "threads")
    options = {name: getattr(given, name) for name in own} | {"counts": counts, "rule": rule}
    return train_seeds(partial(train, **options), given, parser, lambda _: "bar", parameters)


if __name__ == "__main__":
    main()
