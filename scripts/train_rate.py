"""Train the rate-based network on the handwritten digits, and say how well it does.

    python -m scripts.train_rate --method deepr --connectivity 0.05 --seed 1 --out results/rate
    python -m scripts.train_rate --method fixed --seeds 3
    python -m scripts.train_rate --quick

Writes summary.json, and for each seed the weights at the end (weights-SEED.npz), the log of births and deaths
(log-SEED.rewiring) and a figure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from models.data import load_digits
from models.mlp import BATCH_SIZE, RULES, make_mlp
from scripts.common import Result, arguments, train_seeds
from synaptic_sampling import DeepR, Linear, SparseLinear, Trainer
from synaptic_sampling.rate.trainer import Report

__all__ = ["main", "train"]

CONNECTIVITY = 0.05
EPOCHS = 200
#: With ``--quick``: enough to see that all works, in seconds.
QUICK_EPOCHS = 5


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
    trainer, rule, counts = Trainer(net), RULES[method], []
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
        step_ratio=rule.step_ratio if isinstance(rule, DeepR) else None,
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
    parameters = {"batch_size": BATCH_SIZE, "rule": repr(RULES[given.method])}
    return train_seeds(train, given, lambda _: "bar", parameters)


if __name__ == "__main__":
    main()
