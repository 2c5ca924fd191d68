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
thirds. Every method above learns every task. 'soft', soft DEEP R, and 'sampling', synaptic sampling, learn digits and
mnist; their number of connections varies: --connectivity states that at the start, the summary that at the end. With
--budget network, DEEP R keeps only the total number of connections, not that of each layer; a step takes the same time.

Writes summary.json and, for each seed, the final weights (weights-SEED.npz), the log of formation and elimination
(log-SEED.rewiring) and a figure. All of them appear in --out at the end; until then they are in its subfolder
``unfinished``. Existing results in --out are replaced only with --overwrite. With --checkpoint-every, each seed has
checkpoints there as well, from which the same command with --resume goes on, with bit-identical results.
"""

from __future__ import annotations

import argparse
import json
import math
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
from scripts.common import Parser, above_zero, count, file_to_read, folder_to_read, not_negative
from scripts.interruption import interruptible
from scripts.training import Result, arguments, check, laps, train_seeds
from synaptic_sampling import FixedWiring, RateNetwork, RewiringLog, SynapticSampling, Trainer
from synaptic_sampling.rate import SET, LogLikelihood, RigL, Shrinkage, prune
from synaptic_sampling.rate.training.progress import Report
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = ["METHODS", "TASKS", "VARYING", "changed", "main", "rule_of", "train"]

#: The l1 of shrinkage was chosen on validation data, like all parameters of the tasks.
TASKS = {
    "digits": DIGITS,
    "mnist": MNIST,
    "cifar10": CIFAR10._replace(l1=0.03),
    "speech": SPEECH._replace(l1=0.3),
}
METHODS = ("deepr", "fixed", "dense", "set", "rigl", "l1", "prune", "soft", "sampling")
#: Methods whose number of connections varies.
VARYING = ("soft", "sampling")
PRUNED = ("l1", "prune")
DENSE_AT_FIRST = ("dense", *PRUNED)
#: Tasks with layers whose work is shared by threads.
SHARED = ("cifar10", "speech")

#: Number of snapshots of the weights in the log, evenly spaced over a run.
SNAPSHOTS = 20
#: With ``--quick``: a test run of a few seconds.
QUICK_EPOCHS = 5
#: How many times RigL rewires, within the first three quarters of a run.
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
    rule: Any = None,
    shrinkage: float | None = None,
    log_path: Path | None = None,
    record: bool = True,
    report: Report | str | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    threads: int = 1,
) -> Result:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    task : {'digits', 'mnist', 'cifar10', 'speech'}
        Data set.
    method : str
        One of ``METHODS``.
    connectivity : sequence of float, optional
        Fraction of the sites that are connected, above 0 and at most 1: one number, or one per layer.
    seed : int
        Determines connectivity, weights, order of images, noise and formation.
    epochs : int, optional
        Passes over the training set; by default those of the task.
    quick : bool
        A few epochs by default, and only a few images of some tasks.
    budget : {'layer', 'network'}
        What has a constant number of connections; 'network' only with DEEP R.
    counts : sequence of int, optional
        Connections of each layer, in place of a connectivity.
    data_dir : Path, optional
        Folder of the data sets.
    validation : bool
        Test on the last training images, and do not use the test images.
    rule : Rule, optional
        By default that of the task.
    shrinkage : float, optional
        l1 of method 'l1'; by default that of the task.
    log_path : Path, optional
        File of the log, which then takes no memory; it is that of the last network of methods that have several.
    record : bool
        Whether formation and elimination are recorded, which may take gigabytes.
    report : callable or str, optional
        Progress, as for ``Trainer.fit``.
    checkpoint, checkpoint_every, resume, threads
        As for ``Trainer.fit``; methods with several networks also have a checkpoint of each earlier one, beside it.

    Returns
    -------
    Result
        Accuracies, counts, log and weights; can be pickled.
    """
    lap = laps()
    if budget == "network" and method != "deepr":
        raise ValueError(
            f"budget 'network' requires method 'deepr', got {method!r}, which keeps the number of each layer."
        )
    chosen = TASKS[task] if shrinkage is None else TASKS[task]._replace(l1=shrinkage)
    data = _data(chosen, data_dir, validation=validation, quick=quick)
    counts = list(counts or chosen.counts(connectivity or chosen.connectivity))
    epochs = epochs or (QUICK_EPOCHS if quick else chosen.epochs)
    rule = rule or rule_of(chosen, method)
    options = _sampled(chosen, data) if method == "sampling" else {}
    net = chosen.make(rule, None if method in DENSE_AT_FIRST else counts, budget=budget, seed=seed, **options)
    batch_size = chosen.batch_sizes.get(method, chosen.batch_size)
    steps = epochs * math.ceil(len(data[0][1]) / batch_size)
    schedule, stages = chosen.schedule(rule, epochs), _stages(method, epochs, counts, chosen)

    def note(trainer: Trainer) -> bool:
        trainer.notes["connections"].append(count_weights(trainer.network))
        trainer.notes["seconds"] += lap()
        if len(trainer.notes["connections"]) % max(1, epochs // SNAPSHOTS) == 0:
            trainer.snapshot()
        return False

    trainer: Any = None
    with RewiringLog(log_path, "a" if resume else "x") if record else _Snapshots() as log:
        for n, (kept, until, watch) in enumerate(stages):
            net = net if kept is None else prune(net, kept)
            own = {"log": log, **_between(method, data, steps)} if n == len(stages) - 1 else {"record": False}
            trainer = _following(trainer, Trainer(net, schedule=schedule, **own))
            trainer.log.annotate(task=task, method=method)
            # A network that has been trained to its end is only loaded.
            trainer.fit(
                *data[0],
                until_epoch=until,
                batch_size=batch_size,
                test=data[1],
                stop=note,
                watch=watch,
                report=report,
                checkpoint=_place(checkpoint, n, len(stages)),
                checkpoint_every=checkpoint_every,
                resume=resume,
                threads=threads,
            )
    return replace(_result(method, seed, trainer), seconds=trainer.notes["seconds"] + lap())


def _data(task: Task, data_dir: Path | None, *, validation: bool, quick: bool) -> Data:
    """Return the training set and the test set."""
    data = task.load(data_dir)
    train_set, test_set = task.split(data) if validation else data
    if quick and task.quick is not None:
        n = task.quick
        return (train_set[0][:n], train_set[1][:n]), (test_set[0][:n], test_set[1][:n])
    return train_set, test_set


def _place(checkpoint: Path | None, number: int, total: int) -> Path | None:
    """Return the path of the checkpoint of one of several networks: that of the last one is the path given."""
    if checkpoint is None or number == total - 1:
        return checkpoint
    return checkpoint.with_name(f"{checkpoint.stem}.stage{number + 1}{checkpoint.suffix}")


def _following(before: Trainer | None, trainer: Trainer) -> Trainer:
    """Return a trainer that continues with another network where one before it ends, if there is one."""
    if before is None:
        trainer.notes = {"connections": [count_weights(trainer.network)], "seconds": 0.0}
    else:
        for name in ("steps_done", "samples_done", "history", "notes"):
            setattr(trainer, name, getattr(before, name))
    return trainer


class _Snapshots(RewiringLog):
    """A log that keeps snapshots but no events."""

    def record(self, *_: Any, **__: Any) -> None:
        """Discard an event."""

    def record_steps(self, *_: Any) -> None:
        """Discard events."""


def _sampled(task: Task, data: Data) -> dict[str, Any]:
    """Return the arguments of a network whose weights are sampled, while its biases descend."""
    return {"signals": {"gradient": LogLikelihood(len(data[0][1]))}, "dense_rule": task.rules["dense"]}


def _between(method: str, data: Data, steps: int) -> dict[str, Any]:
    """Return the arguments of a Trainer that rewires between epochs or steps."""
    if method == "set":
        return {"between": SET()}
    if method == "rigl":
        batch = min(RIGL_BATCH, len(data[0][1]))
        rigl = RigL(*data[0], batch_size=batch, steps=max(1, steps * 3 // 4))
        return {"between": rigl, "every": max(1, steps * 3 // 4 // RIGL_TIMES)}
    return {}


def _stages(
    method: str, epochs: int, counts: list[int], task: Task
) -> list[tuple[list[int] | None, int, Callable[[Trainer], object] | None]]:
    """Return for each network the connections that it keeps of the one before, and its last epoch and ``watch``."""
    third, most = max(1, epochs // 3), max(1, epochs * 2 // 3)
    if method == "l1":
        return [(None, most, Shrinkage(task.l1)), (counts, epochs, None)]
    if method == "prune":
        middle = [round(math.sqrt(count * sites)) for count, sites in zip(counts, task.sites, strict=True)]
        return [(None, third, None), (middle, most, None), (counts, epochs, None)]
    return [(None, epochs, None)]


def count_weights(network: RateNetwork) -> int:
    """Return the number of weights of a network without biases; those of sparse layers are recounted."""
    return network.num_connections or sum(part["w"].size for part in weights_of(network))


def _result(method: str, seed: int, trainer: Trainer) -> Result:
    """Return the results of a finished run; its duration is filled in by the caller."""
    net, log, numbers = trainer.network, trainer.log, trainer.notes["connections"]
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
        details={"connections_by_test": numbers[1:]},
        weights={f"{n}_{name}": values for n, part in enumerate(weights) for name, values in part.items()},
    )


def weights_of(network: RateNetwork) -> list[dict[str, NDArray[Any]]]:
    """Return copies of the weights of each layer that has any, with their endpoints if it is sparse."""
    found = []
    for layer in network.layers:
        c, matrix = getattr(layer, "connections", None), getattr(layer, "matrix", None)
        if c is not None:
            weights: Any = layer.parameters[0]
            there = weights.active()
            found.append({"pre": there.pre.copy(), "post": there.post.copy(), "w": there.weights})
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


def _rule(parser: Parser, given: argparse.Namespace, task: Task) -> Any:
    """Return the rule with the given learning rate and l1."""
    try:
        return changed(rule_of(task, given.method), given.learning_rate, given.l1)
    except ValueError as error:
        parser.refuse("--learning-rate" if given.l1 is None else "--learning-rate, --l1", str(error))


def rule_of(task: Task, method: str) -> Any:
    """Return the default rule of a method on a task."""
    return task.rules.get(method, task.rules["dense" if method in DENSE_AT_FIRST else "fixed"])


def changed(rule: Any, learning_rate: float | None, l1: float | None) -> Any:
    """Return a rule with other parameters; the noise per step is scaled with the learning rate."""
    eta = rule.learning_rate if learning_rate is None else learning_rate
    if isinstance(rule, FixedWiring | SynapticSampling):
        return replace(rule, learning_rate=eta)
    temperature = rule.temperature * (eta / rule.learning_rate)
    return replace(rule, learning_rate=eta, l1=rule.l1 if l1 is None else l1, temperature=temperature)


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary."""
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
    own = ("task", "budget", "data_dir", "validation", "threads")
    options = {name: getattr(given, name) for name in own} | {"counts": counts, "rule": rule}
    return train_seeds(partial(train, **options), given, parser, lambda _: "bar", parameters)


if __name__ == "__main__":
    main()
