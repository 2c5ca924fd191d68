"""Train the rate-based network on the handwritten digits, and say how well it does.

    python -m scripts.train_rate --method deepr --connectivity 0.05 --seed 1 --out results/rate
    python -m scripts.train_rate --method fixed --seeds 3
    python -m scripts.train_rate --quick

Writes summary.json, and for each seed the weights at the end (weights-SEED.npz), the log of births and deaths
(log-SEED.rewiring) and a figure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from models.data import load_digits
from models.mlp import BATCH_SIZE, RULES, make_mlp
from scripts.common import arguments, write_summary
from synaptic_sampling import DeepR, Linear, RewiringLog, SparseLinear, Trainer
from synaptic_sampling.plotting import plot_accuracy, plot_survival, plot_turnover, plot_weights
from synaptic_sampling.rate.trainer import Report

__all__ = ["Result", "main", "train"]

CONNECTIVITY = 0.05
EPOCHS = 200
#: With ``--quick``: enough to see that all works, in seconds.
QUICK_EPOCHS = 5


@dataclass(frozen=True)
class Result:
    """What one training came to.

    Attributes
    ----------
    accuracies : list of float
        Share of test images recognised, after each epoch.
    samples : list of int
        Training images presented before each of these tests.
    sites, connections : int
        Of all layers together: possible ones, and those there are.
    connections_min, connections_max : int
        Different connected pairs, counted after every step.
    births, deaths : int
        Of connections.
    seconds : float
        Wall time, compilation, counting and testing included.
    log : RewiringLog
        One set for each layer, numbered as in the network, unless that is dense; snapshots at the begin and the end.
    weights : dict of str to ndarray
        At the end, for layers 0, 1, 2: ``{layer}_pre``, ``{layer}_post`` and ``{layer}_w``, or, where the network is
        dense, ``{layer}_w`` alone, of shape (outputs, inputs).
    """

    method: str
    seed: int
    accuracies: list[float]
    samples: list[int]
    sites: int
    connections: int
    connections_min: int
    connections_max: int
    births: int
    deaths: int
    seconds: float
    log: RewiringLog
    weights: dict[str, NDArray[Any]]


def train(
    *,
    method: str = "deepr",
    connectivity: float = CONNECTIVITY,
    seed: int = 1,
    epochs: int = EPOCHS,
    quick: bool = False,
    report: Report | str | None = None,
) -> Result:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : float
        Share of the sites of each layer that hold a connection, above 0 and at most 1.
    seed : int
        Of wiring, weights, order of images, noise and births.
    epochs : int
        How often each training image is shown.
    quick : bool
        A few epochs only: to try it out.
    report : callable or str, optional
        Progress, as for ``Trainer.fit``.

    Returns
    -------
    Result
        Everything worth keeping; can be pickled.
    """
    start = time.perf_counter()
    (images, labels), test = load_digits()
    net = make_mlp(method, connectivity=connectivity, seed=seed)
    layers = [layer for layer in net.layers if isinstance(layer, Linear | SparseLinear)]
    sites = sum(layer.num_in * layer.num_out for layer in layers)
    trainer, counts = Trainer(net), []
    trainer.fit(
        images,
        labels,
        epochs=QUICK_EPOCHS if quick else epochs,
        batch_size=BATCH_SIZE,
        test=test,
        report=report,
        watch=lambda _: counts.append(net.num_connections or sites),
    )
    return Result(
        method=method,
        seed=seed,
        accuracies=[accuracy for _, accuracy in trainer.tests],
        samples=[samples for samples, _ in trainer.tests],
        sites=sites,
        connections=sum(c.num_active for c in net.connections) or sites,
        connections_min=min(counts),
        connections_max=max(counts),
        births=trainer.log.num_births,
        deaths=trainer.log.num_deaths,
        seconds=time.perf_counter() - start,
        log=trainer.log,
        weights={f"{n}_{name}": values for n, layer in enumerate(layers) for name, values in weights_of(layer).items()},
    )


def weights_of(layer: Linear | SparseLinear) -> dict[str, NDArray[Any]]:
    """Return copies of the weights of a layer, with their endpoints where it is sparse.

    Parameters
    ----------
    layer : Linear or SparseLinear
        Of a network.

    Returns
    -------
    dict of str to ndarray
        ``w``, and ``pre`` and ``post`` where it is sparse.
    """
    if isinstance(layer, Linear):
        return {"w": layer.matrix.copy()}
    c = layer.connections
    return {"pre": c.pre.copy(), "post": c.post.copy(), "w": c.weights}


def draw(result: Result, path: Path) -> None:
    """Draw what one training came to.

    Parameters
    ----------
    result : Result
        Of one seed.
    path : Path
        Where the picture goes.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    plot_accuracy(result.samples, result.accuracies, axes[0, 0], label=result.method)
    weights = [values.ravel() for name, values in result.weights.items() if name.endswith("_w")]
    plot_weights(np.concatenate(weights), axes[1, 1])
    rule = RULES[result.method]
    if result.births and isinstance(rule, DeepR):
        plot_turnover(result.log, axes[0, 1])
        plot_survival(result.log, axes[1, 0], step_ratio=rule.step_ratio)
        axes[1, 0].set_ylim(1e-4, 1.5)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def write(result: Result, out: Path) -> None:
    """Write weights, log and figure of one training.

    Parameters
    ----------
    result : Result
        Of one seed.
    out : Path
        The folder.
    """
    np.savez_compressed(out / f"weights-{result.seed}.npz", **result.weights)  # type: ignore[arg-type]
    result.log.save(out / f"log-{result.seed}.rewiring")
    draw(result, out / f"figure-{result.seed}.png")


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
    description = "Train the rate-based network on the handwritten digits."
    given = arguments(description, connectivity=CONNECTIVITY, epochs=EPOCHS, out="results/rate").parse_args(argv)
    given.out.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(given.seed, given.seed + given.seeds):
        result = train(
            method=given.method,
            connectivity=given.connectivity,
            seed=seed,
            epochs=given.epochs,
            quick=given.quick,
            report="bar",
        )
        write(result, given.out)
        accuracy = 100 * result.accuracies[-1]
        print(f"rate-based, {given.method}, seed {seed}: test accuracy {accuracy:.1f} %", file=sys.stderr)
        results.append(result)
    rule = RULES[given.method]
    step_ratio = rule.step_ratio if isinstance(rule, DeepR) else None
    parameters = {"batch_size": BATCH_SIZE, "rule": repr(rule)}
    found = write_summary(given.out, given, results, parameters=parameters, step_ratio=step_ratio)
    print(f"wrote summary.json, weights, logs and figures to {given.out}")
    return found


if __name__ == "__main__":
    main()
