"""Rate-based networks, trained by each method on each task of the commands, and tested after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from models.cifar_cnn import CIFAR10
from models.mlp import DIGITS, MNIST
from models.speech_lstm import SPEECH
from models.task import Data, Task
from scripts.checks import check_dense, check_epochs, check_flags
from scripts.training import Result, laps
from synaptic_sampling import FixedWiring, RateNetwork, RewiringLog, SynapticSampling, Trainer
from synaptic_sampling.rate import SET, LogLikelihood, RigL, Shrinkage, prune
from synaptic_sampling.rate.training.progress import Report
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = [
    "METHODS",
    "QUICK_EPOCHS",
    "TASKS",
    "VARYING",
    "changed",
    "check_epochs_of",
    "count_weights",
    "rule_of",
    "train",
    "weights_of",
]

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
#: Fewest epochs of methods that prune: each of their networks is trained for at least one.
FEWEST_EPOCHS = {"l1": 2, "prune": 3}

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
        Fraction of the sites that are connected, above 0 and at most 1: one number, or one per layer. That of 'dense'
        is 1.
    seed : int
        Determines connectivity, weights, order of images, noise and formation.
    epochs : int, optional
        Passes over the training set, at least 2 with 'l1' and 3 with 'prune'; by default those of the task.
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
    check_flags(quick=quick, validation=validation, record=record)
    epochs = (QUICK_EPOCHS if quick else chosen.epochs) if epochs is None else epochs
    check_epochs_of(method, epochs)
    if counts is None:
        counts = chosen.counts(chosen.connectivity if connectivity is None else connectivity)
        check_dense(method, connectivity)
    data = _data(chosen, data_dir, validation=validation, quick=quick)
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
            trainer.log.annotate(task=task, method=method, **{"validation": True} if validation else {})
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
    method: str, epochs: int, counts: Sequence[int], task: Task
) -> list[tuple[Sequence[int] | None, int, Callable[[Trainer], object] | None]]:
    """Return for each network the connections that it keeps of the one before, and its last epoch and ``watch``."""
    third, most = epochs // 3, epochs * 2 // 3
    if method == "l1":
        return [(None, most, Shrinkage(task.l1)), (counts, epochs, None)]
    if method == "prune":
        middle = [round(math.sqrt(count * sites)) for count, sites in zip(counts, task.sites, strict=True)]
        return [(None, third, None), (middle, most, None), (counts, epochs, None)]
    return [(None, epochs, None)]


def check_epochs_of(method: str, epochs: Any) -> None:
    """Raise an error if a method cannot have so many epochs."""
    fewest = FEWEST_EPOCHS.get(method, 1)
    check_epochs(epochs, fewest, f" with method {method!r}, which trains on after pruning" if fewest > 1 else "")


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
