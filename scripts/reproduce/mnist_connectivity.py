"""Accuracy on MNIST against connectivity, for all methods, each with parameters of its own at each level."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.mlp import DIGITS, MNIST
from models.task import Task
from scripts.rate_methods import VARYING, train
from scripts.reproduce.ranges import colour_of, ranges
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.search import Round, between, searched
from scripts.reproduce.study import Claim, Study, accuracies, summary
from synaptic_sampling import SGD, DeepR, FixedWiring, Momentum, Rule, SoftDeepR
from synaptic_sampling.plotting.style import in_house_style, legend
from synaptic_sampling.randomness import Stream, uniforms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

TASKS = {"mnist": MNIST, "digits": DIGITS}
#: Fractions of the connections, those of the bounds first.
BOUND, NEAR = 0.0133, 0.02
LEVELS = (BOUND, NEAR, 0.005, 0.003, 0.05, 0.1, 0.2)
LIU = "Liu et al. 2018, DEEP R on a SpiNNaker 2 chip; abstract"
PAPER = "Bellec et al. 2018; second hand"
#: Methods that have as many connections as DEEP R at all times, and others that start with all.
SIMILAR = {
    "with as many connections throughout": ("fixed", "set", "rigl"),
    "that starts with all connections": ("l1", "prune"),
}
TICKS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99)
METHODS = {
    "deepr": "DEEP R",
    "soft": "soft DEEP R",
    "fixed": "fixed connections",
    "set": "SET",
    "rigl": "RigL",
    "l1": "l1 shrinkage and pruning",
    "prune": "magnitude pruning",
    "dense": "dense",
}
#: Ranges of learning rate and l1, from which settings are drawn on logarithmic axes.
RATES = {
    "deepr": (0.2, 2.0),
    "soft": (0.2, 2.0),
    "fixed": (0.1, 2.0),
    "set": (0.1, 2.0),
    "rigl": (0.1, 2.0),
    "l1": (0.05, 1.0),
    "prune": (0.05, 1.0),
    "dense": (0.02, 1.0),
}
#: That of l1 shrinkage is the one over all epochs; shorter runs have as much in all (`shrinkage`).
PENALTIES = {"deepr": (1e-5, 1e-3), "soft": (3e-5, 1e-3), "l1": (1e-6, 3e-4)}
#: Methods that also try momentum, with a learning rate smaller by this factor, and other numbers per layer.
WITH_MOMENTUM, MOMENTUM = ("set", "rigl", "dense"), 0.9
WITH_LAYERS = ("deepr", "fixed", "set", "rigl", "prune", "l1")
#: Noise per learning rate of DEEP R and of soft DEEP R.
NOISE = {"deepr": 5.2e-6, "soft": 2e-5}
EPOCHS = 30
#: The last round is as long as the runs on test images: the longer a run, the smaller the best l1.
ROUNDS = (Round(3, 6), Round(10, 3), Round(EPOCHS, 1))
#: How many times the connections asked for soft DEEP R may have in each round: fewer are left as learning goes on.
TOLERANCES = (2.0, 1.2, 1.05)


@timed
def learn(
    *,
    task: str,
    method: str,
    level: float,
    learning_rate: float,
    l1: float,
    momentum: float,
    layers: str,
    target: float,
    epochs: int,
    validation: bool,
    seed: int,
) -> dict[str, Any]:
    """Train a network; one that diverges has accuracy 0."""
    chosen = TASKS[task]
    try:
        result = train(
            task=task,
            method=method,
            seed=seed,
            epochs=epochs,
            counts=numbers(chosen, level, layers),
            validation=validation,
            rule=_rule(method, learning_rate, l1, momentum, target),
            shrinkage=shrinkage(l1, epochs) if method == "l1" else None,
            record=False,
        )
    except FloatingPointError:
        return {"accuracy": 0.0, "connections": 0, "most": 0}
    return {"accuracy": result.accuracies[-1], "connections": result.connections, "most": result.connections_max}


def shrinkage(l1: float, epochs: int) -> float:
    """Return the l1 of a run so short that it shrinks weights as far as a full one.

    With the same l1 in short and full runs, the search found one that is too strong in full runs: 97.2 % at 1.33 %.
    """
    return l1 * EPOCHS / epochs


def _rule(method: str, learning_rate: float, l1: float, momentum: float, target: float) -> Rule:
    temperature = learning_rate * NOISE.get(method, 0.0) ** 2 / 2
    if method == "deepr":
        return DeepR(learning_rate, l1, temperature)
    if method == "soft":
        return SoftDeepR(learning_rate, l1, temperature, connectivity=target)
    return FixedWiring(learning_rate * (1 - momentum), optimizer=Momentum(momentum) if momentum else SGD())


def numbers(task: Task, level: float, layers: str) -> list[int]:
    """Return the connections of each layer: in proportion to those of the task, or to the neurons on both sides."""
    if layers == "task":
        return task.counts([level])
    sizes = np.array([task.sites[0] // 300, 300, 100, 10])
    return task._replace(connectivity=tuple((sizes[:-1] + sizes[1:]) / np.array(task.sites))).counts([level])


def drawn(method: str, level: float, ends: tuple[float, float], number: int, draw: int) -> list[dict[str, Any]]:
    """Return random settings of a method, the same for every level but for what depends on it."""
    u = uniforms(list(METHODS).index(method), Stream.STUDY, 2 * draw, 5 * number).reshape(number, 5)
    rates = between(ends, u[:, 0])
    penalties = between(PENALTIES[method], u[:, 1]) if method in PENALTIES else np.zeros(number)
    has_layers, has_momentum = (u[:, 2] < 0.5) & (method in WITH_LAYERS), (u[:, 3] < 0.5) & (method in WITH_MOMENTUM)
    return [
        {
            "learning_rate": float(f"{rates[n]:.3g}"),
            "l1": float(f"{penalties[n]:.3g}"),
            "momentum": MOMENTUM if has_momentum[n] else 0.0,
            "layers": "neurons" if has_layers[n] else "task",
            "target": float(f"{level * 0.1 ** u[n, 4]:.3g}") if method == "soft" else 0.0,
        }
        for n in range(number)
    ]


def measure(runs: Runs) -> pd.DataFrame:
    """Choose the parameters of each method at each level, and return its runs on the test images."""
    levels, methods = (LEVELS[1:2], ("deepr", "fixed", "dense")) if runs.quick else (LEVELS, tuple(METHODS))
    points = [(level, method) for level in levels for method in methods if method != "dense"]
    points += [(1.0, method) for method in methods if method == "dense"]
    return runs.parts(
        {f"{100 * level:g} %: {METHODS[method]}": partial(_at, runs, level, method) for level, method in points}
    )


def _at(runs: Runs, level: float, method: str) -> pd.DataFrame:
    """Return the runs on the test images of a method at a level, with the best of its settings."""
    own = {"task": "digits" if runs.quick else "mnist", "method": method, "level": level}
    if runs.quick:
        fixed = {"learning_rate": 0.1, "l1": 3e-3, "momentum": 0.0, "layers": "task", "target": 0.0}
        return runs(learn, [{**own, **fixed, "epochs": 100, "validation": False}])
    best = searched(runs, learn, own, partial(drawn, method, level), RATES[method], ROUNDS, _scores)
    return runs(learn, [{**best, "epochs": EPOCHS, "validation": False}])


def _scores(tried: pd.DataFrame, number: int) -> NDArray[np.float64]:
    """Return accuracies; 0 where the number of connections varies, and exceeds what is allowed."""
    allowed = TOLERANCES[number] * np.array([sum(MNIST.counts([level])) for level in tried["level"]])
    too_many = tried["method"].isin(VARYING).to_numpy() & (tried["connections"].to_numpy() > allowed)
    return np.where(too_many, 0.0, tried["accuracy"].to_numpy())


def accuracy(table: pd.DataFrame, method: str, level: float) -> NDArray[np.float64]:
    """Return the accuracies of a method at a level in percent, one per seed."""
    rows = table[(table["method"] == method) & (table["level"] == level)]
    return 100 * rows.sort_values("seed")["accuracy"].to_numpy(float)


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found, for the parts whose runs are finished."""
    levels, methods = sorted(set(table["level"]) - {1.0}), list(dict.fromkeys(table["method"]))
    found, dense = [], accuracy(table, "dense", 1.0)
    if len(reached := accuracy(table, "deepr", BOUND)):
        mean, spread = summary(reached)
        text = f"DEEP R at {100 * BOUND:g} %: at least 97.8 %"
        found.append(Claim(text, mean, spread, mean >= 97.8, "%", "96.6 %", LIU))
    if len(dense) and len(near := accuracy(table, "deepr", NEAR)):
        loss, spread = summary(dense - near)
        text = f"dense minus DEEP R at {100 * NEAR:g} %: at most 0.5"
        found.append(Claim(text, loss, spread, loss <= 0.5, "points", "about the level of dense", PAPER))
    for level in levels:
        found += [claim for kind in SIMILAR for claim in _lead(table, level, kind)]
        found += _gain_of_soft(table, level)
    found += [claim for method in methods for claim in _most(table, method, NEAR if method != "dense" else 1.0)]
    return found


def _lead(table: pd.DataFrame, level: float, kind: str) -> list[Claim]:
    """Return how far DEEP R is ahead of the best method of a kind, among those that are finished at this level."""
    ours = accuracy(table, "deepr", level)
    found = {method: accuracy(table, method, level) for method in SIMILAR[kind]}
    found = {method: reached for method, reached in found.items() if len(reached)}
    if not len(ours) or not found:
        return []
    best = max(found, key=lambda method: found[method].mean())
    if len(found) == len(SIMILAR[kind]):
        other = f"the best method {kind}, {METHODS[best]}"
    elif len(found) == 1:
        other = METHODS[best]
    else:
        other = f"the better of {' and '.join(METHODS[method] for method in found)}, {METHODS[best]}"
    return [Claim(f"{100 * level:g} %: DEEP R minus {other}", *summary(ours - found[best]), None, "points")]


def _gain_of_soft(table: pd.DataFrame, level: float) -> list[Claim]:
    """Return how far soft DEEP R, which ends with fewer connections, is ahead of DEEP R."""
    soft, hard = (accuracy(table, method, level) for method in ("soft", "deepr"))
    if not len(soft) or not len(hard):
        return []
    left = table.loc[(table["method"] == "soft") & (table["level"] == level), "connections"].mean() / sum(MNIST.sites)
    text = f"{100 * level:g} %: soft DEEP R, which ends with {100 * left:.3g} %, minus DEEP R"
    return [Claim(text, *summary(soft - hard), None, "points")]


def _most(table: pd.DataFrame, method: str, level: float) -> list[Claim]:
    rows = table[(table["method"] == method) & (table["level"] == level)]
    text = f"most connections at any time at {100 * level:g} %: {METHODS[method]}"
    return [Claim(text, *summary(rows["most"] / 1000), None, "thousand")] if len(rows) else []


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot accuracy against connectivity in the end: mean and range over seeds."""
    figure, axes = plt.subplots(figsize=(7, 4.8))
    sites = sum(TASKS[table["task"].iloc[0]].sites)
    dense = accuracy(table, "dense", 1.0) / 100
    if len(dense):
        axes.axhspan(dense.min(), dense.max(), color="0.85", linewidth=0)
        axes.axhline(dense.mean(), color="0.3", linestyle=":", label="dense")
    for method, rows in table[table["level"] < 1].groupby("method", sort=False):
        at = 100 * rows.groupby("level")["connections"].mean().to_numpy() / sites
        values = [accuracy(table, method, level) / 100 for level in sorted(set(rows["level"]))]
        ranges(axes, at, values, colour=colour_of(method), label=METHODS[method])
    axes.set(xscale="log", yscale="logit", xlabel="final connectivity (%)", ylabel="test accuracy (%)")
    ticks = sorted({100 * level for level in table["level"]} - {100})
    axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks])
    axes.minorticks_off()
    legend(axes, loc="lower right")
    return figure


STUDY = Study(
    title="accuracy on MNIST against connectivity",
    about=(
        "784-300-100-10, 30 epochs, test images; batches of 32 (RigL: 10), the learning rate falls linearly to 1.5 % "
        "of its initial value. For each method and level, 60 random settings of learning rate, l1, connections per "
        "layer (in proportion to 1, 3 and 30 %, or to the neurons on both sides) and, for SET, RigL and dense, "
        "momentum were trained for 3 epochs on 55 000 images, the best six for 10, the best three for 30, and the best "
        "of these was chosen by the last 5000 training images; l1 shrinkage was stronger in short runs, in proportion. "
        "If the best learning rate was within a factor of 1.25 of an end of its range, 20 more settings beyond that "
        "end, up to a factor of 3, joined the search; ranges of l1 were not extended. Soft DEEP R is the best setting "
        "that ended with at most 1.05 times the connections. It ends with fewer, so it is to be compared with the "
        "others at its final connectivity, as in the figure."
    ),
    seeds=5,
    quick_seeds=2,
    minutes=480,
    measure=measure,
    claims=claims,
    draw=draw,
    accuracies=partial(accuracies, methods={**METHODS, "soft": "soft DEEP R, which ends with fewer"}),
)
