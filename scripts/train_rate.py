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
(log-SEED.rewiring) and a figure.
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
from models.data import DataError
from models.mlp import DIGITS, MNIST
from models.speech_lstm import SPEECH
from models.task import Data, Task
from scripts.common import Result, arguments, train_seeds
from synaptic_sampling import DeepR, FixedWiring, RateNetwork, RewiringLog, Trainer
from synaptic_sampling.rate import SET, RigL, Shrinkage, prune
from synaptic_sampling.rate.progress import Report

__all__ = ["METHODS", "TASKS", "changed", "main", "rule_of", "train"]

#: l1 of shrinkage was chosen by validation, as all parameters of tasks.
TASKS = {
    "digits": DIGITS,
    "mnist": MNIST,
    "cifar10": CIFAR10._replace(l1=0.03),
    "speech": SPEECH._replace(l1=0.3),
}
METHODS = ("deepr", "fixed", "dense", "set", "rigl", "l1", "prune")
DENSE_AT_FIRST = ("dense", "l1", "prune")

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
    connections_from: Path | None = None,
    data_dir: Path | None = None,
    validation: bool = False,
    rule: DeepR | FixedWiring | None = None,
    log_folder: Path | None = None,
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
        How often each training image is shown.
    quick : bool
        A few epochs only: to try it out.
    budget : {'layer', 'network'}
        What keeps its number of connections; 'network' with DEEP R only.
    connections_from : Path, optional
        A summary.json, whose connections per layer are taken instead of a connectivity.
    data_dir : Path, optional
        Folder of the data sets.
    validation : bool
        Leave the test images alone, and test on the last training images instead.
    rule : DeepR or FixedWiring, optional
        Instead of that of the task.
    log_folder : Path, optional
        Where to write the log while training, instead of keeping millions of events in memory.
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
    counts = chosen.counts(connectivity or chosen.connectivity)
    if connections_from is not None:
        counts = json.loads(connections_from.read_text())["connections_per_layer"]
    epochs = QUICK_EPOCHS if quick else epochs or chosen.epochs
    rule = rule or rule_of(chosen, method)
    net = chosen.make(rule, None if method in DENSE_AT_FIRST else counts, budget=budget, seed=seed)
    batch_size = chosen.batch_sizes.get(method, chosen.batch_size)
    steps = epochs * math.ceil(len(data[0][1]) / batch_size)
    log = None if log_folder is None else RewiringLog(log_folder / f"log-{seed}.rewiring")
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
    saved = log is not None and trainer.log is log
    return replace(_result(method, seed, trainer, numbers, rule), seconds=seconds, log_is_saved=saved)


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


def _result(method: str, seed: int, trainer: Trainer, numbers: list[int], rule: DeepR | FixedWiring) -> Result:
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
        step_ratio=rule.step_ratio if isinstance(rule, DeepR) else None,
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


def _parser() -> argparse.ArgumentParser:
    parser = arguments(
        "Train a rate-based network.", tasks=tuple(TASKS), methods=METHODS, several=True, out="results/rate"
    )
    parser.add_argument(
        "--budget",
        choices=["layer", "network"],
        default="layer",
        help="what keeps its number of connections; network: deepr only",
    )
    parser.add_argument("--connections-from", type=Path, metavar="SUMMARY", help="connections per layer of another run")
    parser.add_argument("--learning-rate", type=float, metavar="E", help="instead of that of task and method")
    parser.add_argument("--l1", type=float, metavar="A", help="l1 of DEEP R, instead of that of the task")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="data sets; else SYNAPTIC_SAMPLING_DATA, or data")
    parser.add_argument("--validation", action="store_true", help="test on the last training images")
    return parser


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
    task = TASKS[given.task]
    given.connectivity = given.connectivity or list(task.connectivity)
    given.epochs = given.epochs or task.epochs
    rule = changed(rule_of(task, given.method), given.learning_rate, given.l1)
    batch_size = task.batch_sizes.get(given.method, task.batch_size)
    kept = {name: getattr(task, name) for name in ("final_rate", "linear", "l1")}
    parameters = {"batch_size": batch_size, "rule": repr(rule), **kept}
    own = ("task", "budget", "connections_from", "data_dir", "validation")
    options = {name: getattr(given, name) for name in own} | {"log_folder": given.out, "rule": rule}
    try:
        return train_seeds(partial(train, **options), given, lambda _: "bar", parameters)
    except (DataError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
