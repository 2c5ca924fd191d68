"""Survival of new connections while a network learns, against laws that have no free parameter.

A new connection starts at theta = 0 and is eliminated when theta falls below 0. If its steps are symmetric and
exchangeable, it survives n of them with probability C(2n, n)/4^n, whatever their size (Sparre Andersen 1954).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.mlp import DIGITS, MNIST
from models.task import Task
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from synaptic_sampling import SGD, Adam, Connections, DeepR, Momentum, RewiringLog, Trainer, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, in_house_style, legend, plain_ticks
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate import LogLikelihood
from synaptic_sampling.statistics.survival import survival_of_newborns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

AGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LAYERS = ("hidden layer 1", "hidden layer 2", "readout")
TASKS = {"mnist": MNIST, "digits": DIGITS}
#: Plain SGD on the digits, whose task has Adam.
RATE_OF_DIGITS = 0.1
OPTIMIZERS: dict[str, tuple[Any, float]] = {
    "sgd": (SGD(), 1.0),
    "momentum": (Momentum(0.9), 0.1),
    "adam": (Adam(), 0.005),
}
#: Optimizer, labels and l1 of each network that learns.
CONDITIONS = {
    "no l1": ("sgd", "real", False),
    "no l1, random labels": ("sgd", "random", False),
    "l1": ("sgd", "real", True),
    "l1, random labels": ("sgd", "random", True),
    "momentum 0.9": ("momentum", "real", False),
    "Adam": ("adam", "real", False),
}
#: Ages to which the law should hold while a network learns.
LAWFUL = 100
#: Few are older with l1 and random labels.
OLD = 200
#: Below the axis: a band ends here where some seed has no survivor.
BELOW = 1e-9
#: The time constant of synaptic sampling on MNIST is 1e5 steps.
FAR_BELOW = 10


@timed
def learn(*, task: str, optimizer: str, labels: str, l1: bool, epochs: int, seed: int) -> dict[str, Any]:
    """Train a network; return the fractions of new connections of each layer that reach some ages, and accuracy."""
    chosen = TASKS[task]
    trainer, test = _trained(chosen, _rule(chosen, optimizer, l1=l1), epochs, seed, labels=labels)
    curves = {
        f"layer {n} age {age}": value
        for n, part in enumerate(trainer.network.connections)
        for age, value in zip(AGES, _survival(trainer.log, part.index), strict=True)
    }
    return {**curves, "accuracy": trainer.network.accuracy(*test)}


def _rule(task: Task, optimizer: str, *, l1: bool) -> DeepR:
    """Return DEEP R with an optimizer, at the learning rate of the task or one that suits the optimizer."""
    kind, factor = OPTIMIZERS[optimizer]
    rule: Any = task.rules["deepr"]
    rate = factor if optimizer == "adam" else factor * (rule.learning_rate if task is MNIST else RATE_OF_DIGITS)
    return replace(rule, learning_rate=rate, l1=rule.l1 if l1 else 0.0, optimizer=kind)


def _trained(
    task: Task, rule: Any, epochs: int, seed: int, *, labels: str = "real", **options: Any
) -> tuple[Trainer, Any]:
    """Train at a constant learning rate, since steps of different size are not exchangeable."""
    (images, digits), test = task.load(None)
    if labels == "random":
        digits = digits[permutation(seed, Stream.DATA, 0, len(digits))]
    trainer = Trainer(task.make(rule, task.counts(task.connectivity), seed=seed, **options))
    trainer.fit(images, digits, epochs=epochs, batch_size=task.batch_size, report=None)
    return trainer, test


def _survival(log: RewiringLog, index: int | None = None) -> list[float]:
    curve = survival_of_newborns(log, index)
    reached = np.searchsorted(curve.time, AGES, side="right") - 1
    return [float(f"{value:.6g}") for value in curve.probability[reached]]


@timed
def control(*, steps: int, seed: int) -> dict[str, Any]:
    """Rewire without a gradient and without l1; return the fractions of new connections that reach some ages."""
    c, log = Connections.random(300, 100, 2000, seed=seed), RewiringLog()
    rule, still = DeepR(learning_rate=0.1, l1=0.0, temperature=0.2), np.zeros(2000)
    log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites)
    log.snapshot(0, c.index, c.pre, c.post, c.theta, c.polarity)
    for _ in range(steps):
        log.record(step(c, rule, gradient=still))
    return {f"age {age}": value for age, value in zip(AGES, _survival(log), strict=True)}


@timed
def sample(*, task: str, epochs: int, seed: int) -> dict[str, Any]:
    """Learn by synaptic sampling; return the fractions of new connections that reach some ages."""
    chosen = TASKS[task]
    number = len(chosen.load(None)[0][1])
    options: dict[str, Any] = {"signals": {"gradient": LogLikelihood(number)}, "dense_rule": chosen.rules["dense"]}
    trainer, _ = _trained(chosen, chosen.rules["sampling"], epochs, seed, **options)
    return {f"age {age}": value for age, value in zip(AGES, _survival(trainer.log), strict=True)}


def measure(runs: Runs) -> pd.DataFrame:
    """Return the survival in every condition; a quick run learns the digits of scikit-learn."""
    import pandas as pd  # noqa: PLC0415 (optional)

    task, epochs = ("digits", 40) if runs.quick else ("mnist", 10)
    learned = runs(
        learn,
        [
            {"task": task, "optimizer": optimizer, "labels": labels, "l1": l1, "epochs": epochs}
            for optimizer, labels, l1 in CONDITIONS.values()
        ],
    )
    still = runs(control, [{"steps": 1500}])
    sampled = runs(sample, [{"task": task, "epochs": 20 if runs.quick else 2}])
    return pd.concat({"learn": learned, "control": still, "sample": sampled}, names=["kind"])


def law() -> NDArray[np.float64]:
    """Return the law of symmetric exchangeable steps at all ages."""
    return exact.survival_of_newborns(0.0, AGES[-1])[list(AGES)]


def curves(table: pd.DataFrame, condition: str, layer: int) -> NDArray[np.float64]:
    """Return the survival in a layer of networks that learn, a row per seed."""
    learned = table.loc["learn"]
    names = ("optimizer", "labels", "l1")
    chosen = np.all([learned[name] == value for name, value in zip(names, CONDITIONS[condition], strict=True)], axis=0)
    return learned.loc[chosen, [f"layer {layer} age {age}" for age in AGES]].to_numpy(float)


def others(table: pd.DataFrame, kind: str) -> NDArray[np.float64]:
    """Return the survival without layers, a row per seed."""
    return table.loc[kind][[f"age {age}" for age in AGES]].to_numpy(float)


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    return [*_claims_of_learning(table), *_claims_of_old_age(table), *_claims_of_controls(table)]


def _deviation(survival: NDArray[np.float64], expected: NDArray[np.float64], until: int) -> NDArray[np.float64]:
    """Return for each seed the largest deviation from a law up to an age, in percent."""
    early = np.array(AGES) <= until
    return 100 * np.abs(survival / expected - 1)[:, early].max(axis=1)


def _claims_of_learning(table: pd.DataFrame) -> list[Claim]:
    found = []
    for condition in ("no l1", "no l1, random labels"):
        for layer in (0, 1):
            largest, spread = summary(_deviation(curves(table, condition, layer), law(), LAWFUL))
            text = (
                f"{LAYERS[layer]}, SGD, {condition}: largest deviation from C(2n,n)/4^n to age {LAWFUL}, at most 10 %"
            )
            found.append(Claim(text, largest, spread, largest <= 10, "%"))
    for condition, layer in (("no l1", 2), ("momentum 0.9", 0), ("Adam", 0)):
        ratio, spread = summary(curves(table, condition, layer)[:, AGES.index(LAWFUL)] / law()[AGES.index(LAWFUL)])
        text = f"{LAYERS[layer]}, {condition}: survival to age {LAWFUL}, relative to the law"
        if condition == "no l1":
            found.append(Claim(text, ratio, spread, None))
        else:
            found.append(Claim(f"{text}; above 1.1, since steps are correlated", ratio, spread, ratio > 1.1))
    return found


def _claims_of_old_age(table: pd.DataFrame) -> list[Claim]:
    """Return the claims about connections that grow older with real labels than with random ones."""
    old = AGES.index(1000)
    real, random = (curves(table, name, 0)[:, old] / law()[old] for name in ("no l1", "no l1, random labels"))
    found = [
        Claim(f"{LAYERS[0]}, no l1, {name} labels: survival to age 1000, relative to the law", *summary(values), None)
        for name, values in (("real", real), ("random", random))
    ]
    found.append(
        Claim(
            f"{LAYERS[0]}, no l1: more survive to age 1000 with real labels than with random ones, in every seed",
            *summary(real - random),
            bool((real > random).all()),
        )
    )
    survival = {name: curves(table, name, 0) for name in ("l1", "l1, random labels")}
    reached = np.all([values > 0 for values in survival.values()], axis=(0, 1))
    fitted = reached & (np.array(AGES) >= 10) & (np.array(AGES) <= OLD)
    ages = np.array(AGES)[fitted]
    for name, values in survival.items():
        slopes = np.polyfit(np.log(ages), np.log(values[:, fitted]).T, 1)[0]
        text = f"{LAYERS[0]}, {name}: slope on logarithmic axes, ages 10 to {ages[-1]}"
        found.append(Claim(text, *summary(slopes), None))
    return found


def _claims_of_controls(table: pd.DataFrame) -> list[Claim]:
    largest, spread = summary(_deviation(others(table, "control"), law(), LAWFUL))
    text = f"no gradient, no l1: largest deviation from C(2n,n)/4^n up to age {LAWFUL}, at most 3 %"
    found = [Claim(text, largest, spread, largest <= 3, "%")]
    sampled, expected = others(table, "sample"), 1 / np.sqrt(np.array(AGES) + 1)
    largest, spread = summary(_deviation(sampled, expected, FAR_BELOW))
    text = f"synaptic sampling while learning: largest deviation from 1/sqrt(n+1) up to age {FAR_BELOW}, at most 5 %"
    found.append(Claim(text, largest, spread, largest <= 5, "%"))
    at = AGES.index(LAWFUL)
    text = f"synaptic sampling: survival to age {LAWFUL}, relative to 1/sqrt(n+1)"
    return [*found, Claim(text, *summary(sampled[:, at] / expected[at]), None)]


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot survival, and its ratio to the law: mean and range over seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
    for condition, colour in zip(CONDITIONS, COLOURS, strict=True):
        _band(left, curves(table, condition, 0), colour, condition)
        if "l1" not in condition or condition.startswith("no l1"):
            _band(right, curves(table, condition, 0) / law(), colour, condition)
    _band(right, others(table, "control") / law(), "0.5", "no gradient")
    left.plot(AGES, law(), label="C(2n,n)/4^n", **NULL_STYLE)
    right.axhline(1, **NULL_STYLE)
    left.set(xscale="log", yscale="log", ylim=(1e-8, 1), xlabel="age (steps)", ylabel="survival, hidden layer 1")
    right.set(xscale="log", yscale="log", xlabel="age (steps)", ylabel="survival relative to C(2n,n)/4^n")
    plain_ticks(left.xaxis, left.yaxis, right.xaxis)
    ticks = [0.5, 1, 2, 4]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    legend(left, loc="lower left")
    legend(right, loc="upper left")
    return figure


def _band(axes: Axes, values: NDArray[np.float64], colour: str, label: str) -> None:
    mean = values.mean(axis=0)
    axes.plot(AGES, np.where(mean > 0, mean, np.nan), "o-", color=colour, markersize=3, label=label)
    axes.fill_between(AGES, np.maximum(values.min(axis=0), BELOW), values.max(axis=0), color=colour, alpha=0.2, lw=0)


STUDY = Study(
    title="survival of new connections while learning",
    about=(
        "784-300-100-10 learns MNIST by DEEP R at a constant learning rate, with and without l1, with real or random "
        "labels (permuted among the images, so that nothing can be learned but single images), by SGD, momentum or "
        "Adam. In the row without a gradient, noise alone moves theta. Bellec et al. (2018) give no law of survival; "
        "C(2n,n)/4^n is that of symmetric random walks (Sparre Andersen 1954). Bounds are set for hidden layers only: "
        "in the readout, which has few connections and large gradients, fewer survive."
    ),
    seeds=5,
    quick_seeds=2,
    minutes=5,
    measure=measure,
    claims=claims,
    draw=draw,
)
