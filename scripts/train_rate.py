"""Train a rate-based network, and say how well it does.

    python -m scripts.train_rate --method deepr --connectivity 0.05 --seed 1 --out results/rate
    python -m scripts.train_rate --task mnist --seeds 5 --data-dir data
    python -m scripts.train_rate --task mnist --epochs 30 --learning-rate 0.5 --l1 1e-4
    python -m scripts.train_rate --task mnist --method fixed --connections-from results/rate/summary.json
    python -m scripts.train_rate --task speech --connectivity 0.05,0.3 --seeds 3
    python -m scripts.train_rate --quick

Methods: 'deepr'; 'fixed', a random sparse wiring that stays; 'set' and 'rigl', which replace the weakest connections,
at random after each epoch, or where the gradient is large, twenty times; 'dense'; 'prune', dense at first, pruned to
the strongest weights after one and two thirds of the epochs; 'l1', dense with l1 shrinkage, pruned after two thirds.
All learn all tasks. With --budget network DEEP R keeps only the sum over all layers, at the same time per step.

Writes summary.json, and for each seed the weights at the end (weights-SEED.npz), the log of births and deaths
(log-SEED.rewiring) and a figure. They appear in --out together, when all is done; until then they are in its folder
``unfinished``. Results that are in --out already are replaced with --overwrite only.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from models.cifar_cnn import CIFAR10
from models.mlp import DIGITS, MNIST
from models.speech_lstm import SPEECH
from models.task import Data, Task
from scripts.common import Parser, above_zero, file_to_read, folder_to_read, not_negative
from scripts.interruption import interruptible
from scripts.training import Result, arguments, check, train_seeds
from synaptic_sampling import DeepR, FixedWiring, RateNetwork, RewiringLog, Trainer
from synaptic_sampling.rate import SET, RigL, Shrinkage, prune
from synaptic_sampling.rate.progress import Report
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = ["METHODS", "TASKS", "changed", "main", "rule_of", "train"]

#: l1 of shrinkage was chosen by validation, as all parameters of tasks.
TASKS = {
    "digits": DIGITS,
    "mnist": MNIST,
    "cifar10": CIFAR10._replace(l1=0.03),
    "speech": SPEECH._replace(l1=0.3),
}
METHODS = ("deepr", "fixed", "dense", "set", "rigl", "l1", "prune")
PRUNED = ("l1", "prune")
DENSE_AT_FIRST = ("dense", *PRUNED)

#: Of the weights in the log, evenly over a training.
SNAPSHOTS = 20
#: With ``--quick``: enough to see that all works, in seconds.
QUICK_EPOCHS = 5
#: How often RigL rewires, in the first three quarters of a run.
RIGL_TIMES = 20
RIGL_BATCH = 128


def train(
    *,
    task: str = "digits",
    method: str = "deepr",
    connectivity: Sequence[float] | None = None,
    seed: int = 1,
    epochs: int | None = None,
    quick: bool = False,
    budget: str = "layer",
    counts: Sequence[int] | None = None,
    data_dir: Path | None = None,
    validation: bool = False,
    rule: DeepR | FixedWiring | None = None,
    log: RewiringLog | None = None,
    record: bool = True,
    report: Report | str | None = None,
) -> Result:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    task : {'digits', 'mnist', 'cifar10', 'speech'}
        What is to be learned.
    method : str
        How it learns, one of ``METHODS``.
    connectivity : sequence of float, optional
        Share of the sites that hold a connection, one for the network or one for each layer, above 0 and at most 1.
    seed : int
        Of wiring, weights, order of images, noise and births.
    epochs : int, optional
        How often each training image is shown; by default as often as suits the task.
    quick : bool
        A few epochs by default, and few images of some tasks: to try it out.
    budget : {'layer', 'network'}
        What keeps its number of connections; 'network' with DEEP R only.
    counts : sequence of int, optional
        Connections of each layer, instead of a connectivity.
    data_dir : Path, optional
        Folder of the data sets.
    validation : bool
        Leave the test images alone, and test on the last training images instead.
    rule : DeepR or FixedWiring, optional
        Instead of that of the task.
    log : RewiringLog, optional
        Where to record, such as a log on disk, where millions of events take no memory. Not for methods that go on
        with another network ('l1', 'prune').
    record : bool
        Whether births and deaths are recorded, which may be gigabytes.
    report : callable or str, optional
        Progress, as for ``Trainer.fit``.

    Returns
    -------
    Result
        Everything worth keeping; can be pickled.
    """
    start = time.perf_counter()
    if budget == "network" and method != "deepr":
        raise ValueError(
            f"budget 'network' is for method 'deepr', got {method!r}, which keeps each layer's connections."
        )
    chosen = TASKS[task]
    data = chosen.load(data_dir)
    data = chosen.split(data) if validation else data
    if quick and chosen.quick is not None:
        (samples, labels), (tests, wanted) = data
        data = (samples[: chosen.quick], labels[: chosen.quick]), (tests[: chosen.quick], wanted[: chosen.quick])
    counts = list(counts or chosen.counts(connectivity or chosen.connectivity))
    epochs = epochs or (QUICK_EPOCHS if quick else chosen.epochs)
    rule = rule or rule_of(chosen, method)
    net = chosen.make(rule, None if method in DENSE_AT_FIRST else counts, budget=budget, seed=seed)
    batch_size = chosen.batch_sizes.get(method, chosen.batch_size)
    steps = epochs * math.ceil(len(data[0][1]) / batch_size)
    log = log if record else _Snapshots()
    trainer = Trainer(net, log=log, schedule=chosen.schedule(rule, epochs), **_between(method, data, steps))
    numbers = [count_weights(net)]

    def count(trainer: Trainer) -> bool:
        numbers.append(count_weights(trainer.network))
        if len(numbers) % max(1, epochs // SNAPSHOTS) == 0:
            trainer.snapshot()
        return False

    for until, watch, left in _stages(method, epochs, counts, chosen):
        trainer.log.annotate(task=task, method=method)
        trainer.fit(
            *data[0],
            until_epoch=until,
            batch_size=batch_size,
            test=data[1],
            stop=count,
            watch=watch,
            report=report,
        )
        if left is not None:
            trainer = _go_on(trainer, prune(trainer.network, left))
    trainer.log.close()
    seconds = time.perf_counter() - start
    return replace(_result(method, seed, trainer, numbers), seconds=seconds)


def train_on_disk(*, method: str, log_path: Path, **options: Any) -> Result:
    """Train one network with its log on disk.

    Parameters
    ----------
    method : str
        How it learns.
    log_path : Path
        Where to write the log: while training, where one network is trained from start to end.
    **options
        Of ``train``.

    Returns
    -------
    Result
        Of ``train``.
    """
    if method in PRUNED:
        result = train(method=method, **options)
        result.log.save(log_path)
        return result
    with RewiringLog(log_path) as log:
        return train(method=method, log=log, **options)


class _Snapshots(RewiringLog):
    """A log without births and deaths."""

    def record(self, *_: Any, **__: Any) -> None:
        """Leave it."""

    def record_steps(self, *_: Any) -> None:
        """Leave them."""


def _between(method: str, data: Data, steps: int) -> dict[str, Any]:
    """Return what a trainer is to do between epochs or steps."""
    if method == "set":
        return {"between": SET()}
    if method == "rigl":
        batch = min(RIGL_BATCH, len(data[0][1]))
        rigl = RigL(*data[0], batch_size=batch, steps=max(1, steps * 3 // 4))
        return {"between": rigl, "every": max(1, steps * 3 // 4 // RIGL_TIMES)}
    return {}


def _stages(
    method: str, epochs: int, counts: list[int], task: Task
) -> list[tuple[int, Callable[[Trainer], object] | None, list[int] | None]]:
    """Return until which epoch each stage goes, what is done after each of its steps, and what is left of it."""
    third, most = max(1, epochs // 3), max(1, epochs * 2 // 3)
    if method == "l1":
        return [(most, Shrinkage(task.l1), counts), (epochs, None, None)]
    if method == "prune":
        middle = [round(math.sqrt(count * sites)) for count, sites in zip(counts, task.sites, strict=True)]
        return [(third, None, middle), (most, None, counts), (epochs, None, None)]
    return [(epochs, None, None)]


def _go_on(trainer: Trainer, network: RateNetwork) -> Trainer:
    """Return a trainer that goes on with another network where this one ends."""
    other = Trainer(network, schedule=trainer.schedule)
    other.steps_done, other.samples_done, other.history = trainer.steps_done, trainer.samples_done, trainer.history
    return other


def count_weights(network: RateNetwork) -> int:
    """Return the number of weights of a network, those of sparse layers counted anew, biases left out.

    Parameters
    ----------
    network : RateNetwork
        Of sparse layers, or of dense ones.

    Returns
    -------
    int
        The number.
    """
    return network.num_connections or sum(part["w"].size for part in weights_of(network))


def _result(method: str, seed: int, trainer: Trainer, numbers: list[int]) -> Result:
    """Return everything worth keeping."""
    net, log = trainer.network, trainer.log
    weights = weights_of(net)
    return Result(
        method=method,
        seed=seed,
        accuracies=[accuracy for _, accuracy in trainer.tests],
        samples=[samples for samples, _ in trainer.tests],
        sites=net.num_sites or count_weights(net),
        connections=numbers[-1],
        connections_min=min(numbers),
        connections_max=max(*numbers, trainer.most_connections),
        connections_per_layer=[part["w"].size for part in weights],
        births=log.num_births,
        deaths=log.num_deaths,
        seconds=0.0,
        log=log,
        step_ratio=step_ratio(log),
        weights={f"{n}_{name}": values for n, part in enumerate(weights) for name, values in part.items()},
    )


def weights_of(network: RateNetwork) -> list[dict[str, NDArray[Any]]]:
    """Return copies of the weights of each layer that has some, with their endpoints where it is sparse.

    Parameters
    ----------
    network : RateNetwork
        Of layers that are sparse or dense.

    Returns
    -------
    list of dict of str to ndarray
        ``w``, and ``pre`` and ``post`` where it is sparse.
    """
    found = []
    for layer in network.layers:
        c, matrix = getattr(layer, "connections", None), getattr(layer, "matrix", None)
        if c is not None:
            found.append({"pre": c.pre.copy(), "post": c.post.copy(), "w": c.weights})
        elif matrix is not None:
            found.append({"w": matrix.copy()})
    return found


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
        help="what keeps its number of connections: each layer, or the network as a whole (deepr only)",
    )
    text = "summary.json of another run, whose connections per layer are taken instead of --connectivity"
    parser.add_argument("--connections-from", type=file_to_read, metavar="SUMMARY", help=text)
    text = "learning rate (default: that of task and method); the noise per step stays in proportion"
    parser.add_argument("--learning-rate", type=above_zero, metavar="E", help=text)
    parser.add_argument("--l1", type=not_negative, metavar="A", help=f"l1 of DEEP R (default: {own}; deepr only)")
    text = "folder of the data sets (default: that of the variable SYNAPTIC_SAMPLING_DATA, else ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    text = "test on the last training samples, and leave the test set alone"
    parser.add_argument("--validation", action="store_true", help=text)
    return parser


def _check(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse options that contradict each other, and those that the method or the task does not use."""
    check(parser, given)
    if given.budget == "network" and given.method != "deepr":
        why = f"'network' is for method 'deepr', got {given.method!r}, which keeps the connections of each layer"
        parser.refuse("--budget", why)
    if given.l1 is not None and given.method != "deepr":
        parser.refuse("--l1", f"is the l1 of method 'deepr', got {given.method!r}; leave it out")
    if given.connections_from is not None and (given.method == "dense" or given.connectivity is not None):
        other = "--method dense" if given.method == "dense" else "--connectivity"
        parser.refuse("--connections-from", f"cannot be combined with {other}; leave one of them out")
    refuse_data_dir(parser, given)


def refuse_data_dir(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse a folder of data sets for a task that reads none.

    Parameters
    ----------
    parser : Parser
        Of a script with ``--task`` and ``--data-dir``.
    given : Namespace
        What it parsed.
    """
    if given.data_dir is not None and given.task == "digits":
        parser.refuse("--data-dir", "task 'digits' comes with scikit-learn and reads no files; choose another --task")


def _counts(parser: Parser, given: argparse.Namespace, task: Task) -> list[int] | None:
    """Return the connections of each layer that another run had, or None; refuse what does not fit the task."""
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
        wanted = ", ".join(map(str, task.sites))
        why = f"task {given.task!r} has layers of at most {wanted} connections, got {str(found)[:80]}"
        parser.refuse("--connections-from", f"{given.connections_from} does not fit: {why}")
    return found


def _rule(parser: Parser, given: argparse.Namespace, task: Task) -> DeepR | FixedWiring:
    """Return the rule with the learning rate and l1 that were given."""
    try:
        return changed(rule_of(task, given.method), given.learning_rate, given.l1)
    except ValueError as error:
        parser.refuse("--learning-rate" if given.l1 is None else "--learning-rate, --l1", str(error))


def rule_of(task: Task, method: str) -> DeepR | FixedWiring:
    """Return how a method learns a task by default.

    Parameters
    ----------
    task : Task
        With the rules of some methods.
    method : str
        One of ``METHODS``.

    Returns
    -------
    DeepR or FixedWiring
        Its own rule, or that of the fixed or the dense network that it is at first.
    """
    return task.rules.get(method, task.rules["dense" if method in DENSE_AT_FIRST else "fixed"])


def changed(rule: DeepR | FixedWiring, learning_rate: float | None, l1: float | None) -> DeepR | FixedWiring:
    """Return a rule with other parameters; the noise per step stays in proportion to the learning rate.

    Parameters
    ----------
    rule : DeepR or FixedWiring
        Of the task.
    learning_rate, l1 : float or None
        Instead of those of the rule; the latter for DEEP R.

    Returns
    -------
    DeepR or FixedWiring
        Of the same kind.
    """
    eta = rule.learning_rate if learning_rate is None else learning_rate
    if isinstance(rule, FixedWiring):
        return replace(rule, learning_rate=eta)
    temperature = rule.temperature * (eta / rule.learning_rate)
    return replace(rule, learning_rate=eta, l1=rule.l1 if l1 is None else l1, temperature=temperature)


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    dict
        What summary.json holds.
    """
    parser = _parser()
    given = parser.parse_args(argv)
    _check(parser, given)
    task = TASKS[given.task]
    counts, rule = _counts(parser, given, task), _rule(parser, given, task)
    given.connectivity = given.connectivity or list(task.connectivity)
    given.epochs = given.epochs or (QUICK_EPOCHS if given.quick else task.epochs)
    batch_size = task.batch_sizes.get(given.method, task.batch_size)
    kept = {name: getattr(task, name) for name in ("final_rate", "linear", "l1")}
    parameters = {"batch_size": batch_size, "rule": repr(rule), **kept}
    own = ("task", "budget", "data_dir", "validation")
    options = {name: getattr(given, name) for name in own} | {"counts": counts, "rule": rule}
    return train_seeds(partial(train_on_disk, **options), given, parser, lambda _: "bar", parameters)


if __name__ == "__main__":
    main()
