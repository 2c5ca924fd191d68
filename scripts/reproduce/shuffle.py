"""Learning one task after the other: MNIST with its class labels permuted after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from models.mlp import DIGITS, MNIST
from models.task import Task
from scripts.reproduce.ranges import colour_of
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from synaptic_sampling import DeepR, FixedWiring, RateNetwork, Trainer
from synaptic_sampling.plotting.style import COLOURS, in_house_style, legend
from synaptic_sampling.randomness import Stream, permutation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Data sets, and how many epochs each task takes.
TASKS: dict[str, tuple[Task, int]] = {"mnist": (MNIST, 1), "digits": (DIGITS, 20)}
NUM_TASKS = 20
METHODS = {
    "deepr": "DEEP R",
    "fixed": "fixed connections",
    "l1": "fixed connections with l1",
    "dense": "dense",
}
#: Learning rates, and l1 of the methods that have one, from which the best are chosen on validation images.
RATES = {
    "deepr": (0.1, 0.3, 0.9, 2.0),
    "fixed": (0.03, 0.1, 0.3, 0.9, 2.0),
    "l1": (0.1, 0.3, 0.9),
    "dense": (0.03, 0.1, 0.3, 0.9),
}
PENALTIES = {"deepr": (1e-4,), "fixed": (0.0,), "l1": (1e-5, 1e-4), "dense": (0.0,)}
#: At this one, the first task is learned less well, and accuracy rises by more.
SLOWER = 0.3
#: Noise per learning rate of DEEP R, as in the authors' code.
NOISE = 1e-5
PAPER = ("rises", "Bellec et al. 2018, a figure that we recall; its values are not known to us")
#: Used for choosing parameters only.
VALIDATION_SEED = 0
#: The last tasks, whose accuracy is compared with that of the first, and whose correlations with as many early ones.
FEW = 3


@timed
def learn(
    *, task: str, method: str, learning_rate: float, l1: float, num_tasks: int, validation: bool, seed: int
) -> dict[str, Any]:
    """Learn tasks in turn; return accuracy after each, and how similar the weights are to those after the last one.

    Accuracy is 0 once a network has diverged.
    """
    chosen, epochs = TASKS[task]
    data = chosen.load(None)
    (images, digits), (others, answers) = chosen.split(data) if validation else data
    net = chosen.make(_rule(method, learning_rate, l1), _counts(chosen, method), seed=seed)
    trainer = Trainer(net, record=False)
    found, before = {f"accuracy {number}": 0.0 for number in range(num_tasks)}, _matrices(net)
    watch = _shrunk(l1) if method == "l1" else None
    for number in range(num_tasks):
        meaning = permutation(seed, Stream.DATA, number, 10) if number else np.arange(10)
        try:
            trainer.fit(images, meaning[digits], epochs=epochs, batch_size=chosen.batch_size, report=None, watch=watch)
        except FloatingPointError:
            break
        found[f"accuracy {number}"] = round(net.accuracy(others, meaning[answers]), 5)
        after = _matrices(net)
        for layer, (old, new) in enumerate(zip(before, after, strict=True)):
            found[f"correlation {layer} {number}"] = round(float(np.corrcoef(old, new)[0, 1]), 4)
        before = after
    return found


def _rule(method: str, learning_rate: float, l1: float) -> DeepR | FixedWiring:
    if method == "deepr":
        return DeepR(learning_rate, l1=l1, temperature=learning_rate * NOISE**2 / 2)
    return FixedWiring(learning_rate)


def _counts(task: Task, method: str) -> list[int] | None:
    return None if method == "dense" else task.counts(task.connectivity)


def _shrunk(l1: float) -> Callable[[Trainer], None]:
    """Return what moves the weights of all connections towards 0 after each step; one at 0 keeps its site."""

    def shrink(trainer: Trainer) -> None:
        rule: Any = trainer.network.rule
        for c in trainer.network.connections:
            amount = c.theta.dtype.type(rule.learning_rate * l1)
            c.theta[:] -= np.clip(c.theta, -amount, amount)

    return shrink


def _matrices(net: RateNetwork) -> list[NDArray[Any]]:
    """Return the weights of all sites of each layer, 0 where there is no connection."""
    found = []
    for layer in net.weighted:
        c = layer.connections
        if c is None:
            found.append(layer.matrix.ravel().copy())
            continue
        dense = np.zeros(c.num_sites, c.theta.dtype)
        dense[c.pre.astype(np.int64) * c.num_post + c.post] = c.weights
        found.append(dense)
    return found


def measure(runs: Runs) -> pd.DataFrame:
    """Choose the parameters of each method on validation images, and return its runs on the test images."""
    import pandas as pd  # noqa: PLC0415 (optional)

    if runs.quick:
        own = {"task": "digits", "num_tasks": 8, "validation": False, "learning_rate": 0.3}
        return runs(learn, [{**own, "method": "deepr", "l1": 3e-4}, {**own, "method": "fixed", "l1": 0.0}])
    tables = []
    for method in METHODS:
        own = {"task": "mnist", "method": method, "num_tasks": NUM_TASKS}
        settings = [{**own, "learning_rate": eta, "l1": a} for eta in RATES[method] for a in PENALTIES[method]]
        tried = runs(learn, [{**each, "validation": True} for each in settings], [VALIDATION_SEED])
        best = settings[int(np.argmax(accuracies(tried)[:, -FEW:].mean(axis=1)))]
        tables.append(runs(learn, [{**best, "validation": False}]))
        if method == "deepr" and best["learning_rate"] != SLOWER:
            tables.append(runs(learn, [{**best, "learning_rate": SLOWER, "validation": False}]))
    return pd.concat(tables, ignore_index=True)


def accuracies(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the accuracies after each task in percent, a row per run."""
    return 100 * _by_task(rows, "accuracy")


def correlations(rows: pd.DataFrame, layer: int) -> NDArray[np.float64]:
    """Return the correlation of the weights of a layer before and after each task, a row per run."""
    return _by_task(rows, f"correlation {layer}")


def _by_task(rows: pd.DataFrame, what: str) -> NDArray[np.float64]:
    number = sum(name.startswith("accuracy") for name in rows)
    return rows[[f"{what} {task}" for task in range(number)]].to_numpy(float)


def rises(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each run the mean accuracy after the last few tasks minus that after the first."""
    values = accuracies(rows)
    return values[:, -FEW:].mean(axis=1) - values[:, 0]


def best(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the runs of each method with its best parameters, which come first."""
    of = {str(method): rows for method, rows in table.groupby("method", sort=False)}
    return {method: rows[rows["learning_rate"] == rows["learning_rate"].iloc[0]] for method, rows in of.items()}


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    of = best(table)
    found = []
    for _, rows in table[table["method"] == "deepr"].groupby("learning_rate", sort=False):
        rise = rises(rows)
        text = f"DEEP R, learning rate {_rate(rows):g}: accuracy of the last {FEW} tasks minus that of the first"
        found.append(Claim(f"{text}, above 0 in every seed", *summary(rise), bool((rise > 0).all()), "points", *PAPER))
        found.append(Claim(f"{text}, at least 5 in every seed", *summary(rise), bool((rise >= 5).all()), "points"))
    rise = rises(of["fixed"])
    text = f"fixed connections at the learning rate chosen by validation ({_rate(of['fixed']):g}): the same; at most 0"
    found.append(Claim(text, *summary(rise), bool(rise.mean() <= 0), "points"))
    for method in ("l1", "dense"):
        if method in of:
            text = f"{METHODS[method]} at the learning rate chosen ({_rate(of[method]):g}): the same"
            found.append(Claim(text, *summary(rises(of[method])), None, "points"))
    for method, rows in of.items():
        text = f"{METHODS[method]}: accuracy after the last {FEW} tasks"
        found.append(Claim(text, *summary(accuracies(rows)[:, -FEW:].mean(axis=1)), None, "%"))
    for _, rows in table[table["method"] == "deepr"].groupby("learning_rate", sort=False):
        found += _claims_of_correlations(rows)
    return found


def _claims_of_correlations(rows: pd.DataFrame) -> list[Claim]:
    """Return by how much the correlation of weights before and after a task rises over tasks, in each layer."""
    changes = []
    for layer in range(3):
        values = correlations(rows, layer)
        changes.append(values[:, -FEW:].mean(axis=1) - values[:, 1 : 1 + FEW].mean(axis=1))
    text = (
        f"DEEP R, learning rate {_rate(rows):g}: rise, over tasks, of the correlation of weights before and after one"
    )
    first, *others = changes
    held = bool((first > 0).all() and (first > others).all())
    known = ("rises, most in layer 1", PAPER[1])
    return [
        Claim(f"{text}, layer 1; above 0, and the largest, in every seed", *summary(first), held, "", *known),
        *(Claim(f"the same, layer {n}", *summary(change), None) for n, change in enumerate(others, 2)),
    ]


def _rate(rows: pd.DataFrame) -> float:
    return float(rows["learning_rate"].iloc[0])


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot accuracy after each task, and correlations of weights: mean and range over seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    for method, rows in best(table).items():
        _band(left, accuracies(rows), colour_of(method), METHODS[method])
    for layer in range(3):
        _band(right, correlations(best(table)["deepr"], layer), COLOURS[layer], f"layer {layer + 1}")
    left.set(ylabel="test accuracy (%)")
    right.set(
        ylabel="correlation of weights\nbefore and after a task",
        title=f"DEEP R, learning rate {_rate(best(table)['deepr']):g}",
    )
    for axes in (left, right):
        axes.set(xlabel="task")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend(axes)
    return figure


def _band(axes: Axes, values: NDArray[np.float64], colour: str, label: str) -> None:
    tasks = np.arange(1, values.shape[1] + 1)
    axes.plot(tasks, values.mean(axis=0), "o-", color=colour, markersize=3, label=label)
    axes.fill_between(tasks, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


STUDY = Study(
    title="learning one permutation of the labels after the other",
    about=(
        "784-300-100-10 with 1.33 % of the connections learns MNIST for one epoch at a time; for each, the class "
        "labels are permuted at random. Weights and connections are kept. For each method, learning rate and l1 were "
        "chosen by the accuracy after the last three of 20 tasks on validation images, one run each. At the best "
        "learning rate of DEEP R, the first task is learned better than at 0.3, so that less is left to rise."
    ),
    seeds=5,
    quick_seeds=3,
    minutes=12,
    measure=measure,
    claims=claims,
    draw=draw,
)
