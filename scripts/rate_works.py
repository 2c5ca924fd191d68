"""Benchmark cases of scripts.benchmark_rate: multilayer perceptrons, for this package and others.

A case is a name and a function that creates the contenders; each contender is a function that performs a number of
steps. A step loads a batch and consists of forward pass, loss, backward pass and update; contenders that rewire add
noise, elimination and formation in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts import rate_peers
from synaptic_sampling import DeepR, RateNetwork, Trainer
from synaptic_sampling.rate import ReLU, SparseLinear
from synaptic_sampling.rate.training.progress import Shown

__all__ = ["CONNECTIVITY", "MNIST", "SCALING", "Run", "Work", "works"]

Array = NDArray[Any]
#: Performs this number of steps.
Run = Callable[[int], object]
#: Creates the contenders, by name.
Work = Callable[[], dict[str, Run]]

MNIST = (784, 300, 100, 10)
LARGE = (784, 4096, 4096, 10)
MIDDLE = (784, 1024, 1024, 10)
CONNECTIVITIES = (0.01, 0.03, 0.3)
#: Names of the cases that vary one quantity, without its value.
CONNECTIVITY = "784-1024-1024-10 batch 32 at "
SCALING = ("connections ", "neurons ")
RULE = DeepR(learning_rate=0.3, l1=1e-4, temperature=0.3 * 1e-10 / 2)
#: Steps before the measurement, after which turnover is stationary.
WARM_UP = 300
#: Number of images, and of templates per class.
NUM_IMAGES, KINDS = 20_000, 60


def works(quick: bool) -> Iterator[tuple[str, Work]]:
    """Yield the benchmark cases."""
    for batch in (10, 128):
        yield f"784-300-100-10 batch {batch}", partial(contenders, MNIST, CONNECTIVITIES, batch, mask=batch == 10)
    for own in (0.001, 0.01, 0.1) if quick else (0.001, 0.003, 0.01, 0.03, 0.1, 0.3):
        yield f"{CONNECTIVITY}{100 * own:g} %", partial(contenders, MIDDLE, (own, own, 0.3), 32)
    if quick:
        return
    for own in (0.01, 0.001):
        yield (
            f"784-4096-4096-10 batch 16 at {100 * own:g} %",
            partial(contenders, LARGE, (own, own, 0.1), 16, mask=own == 0.01),
        )
    for number in (4_000, 40_000, 400_000, 4_000_000, 10_000_000):
        # A tenth of the sites; the activations of 16 samples fit in the cache.
        side = max(200, round((10 * number) ** 0.5))
        yield f"{SCALING[0]}{number}", partial(alone, side, number)
    for side in (1_000, 10_000, 100_000, 1_000_000):
        yield f"{SCALING[1]}{side}", partial(alone, side, 100_000)


def contenders(
    sizes: Sequence[int], connectivity: Sequence[float], batch: int, *, mask: bool = False
) -> dict[str, Run]:
    """Return all contenders that can train a multilayer perceptron here."""
    samples, labels = images(sizes[0], sizes[-1])
    counts = [int(own * a * b) for own, (a, b) in zip(connectivity, pairwise(sizes), strict=True)]
    return {
        "ours": ours(sizes, counts, batch, samples, labels),
        **rate_peers.peers(sizes, counts, rate_peers.Batches(samples, labels, batch), RULE, mask=mask),
    }


def alone(side: int, number: int) -> dict[str, Run]:
    """Return a case with this package only: a large square sparse layer, followed by a small one."""
    rng = np.random.default_rng(1)
    # Enough samples that small layers train for many steps between two epochs, as in applications.
    count = int(np.clip(2**20 // side, 64, 1024))
    samples, labels = rng.random((count, side), np.float32), rng.integers(0, 10, count)
    # There is nothing to learn: gradients are small, and noise in proportion to theta gives the turnover of MNIST.
    noise = 0.016 * np.sqrt(2 / max(1, number / side))
    rule = DeepR(learning_rate=1e-3, l1=0.0, temperature=noise**2 / 2e-3)
    return {"ours": ours((side, side, 10), (number, 1000), 16, samples, labels, rule=rule, warm_up=3)}


def ours(
    sizes: Sequence[int],
    counts: Sequence[int],
    batch: int,
    samples: Array,
    labels: Array,
    *,
    rule: DeepR = RULE,
    warm_up: int = WARM_UP,
) -> Run:
    """Return the training step of this package, which records every formation and elimination."""
    layers: list[Any] = []
    for (num_in, num_out), count in zip(pairwise(sizes), counts, strict=True):
        layers += [SparseLinear(num_in, num_out, connections=count), ReLU()]
    run = fused(Trainer(RateNetwork(layers[:-1], rule, seed=1)), batch, samples, labels)
    run(warm_up)
    return run


def fused(trainer: Trainer, batch: int, samples: Array, labels: Array) -> Run:
    """Return a function that performs steps on batches in random order, many in one call of compiled code."""
    order, shown = np.random.default_rng(2).permutation(len(samples)), Shown(samples, labels, batch, None)
    place = 0

    def run(steps: int) -> None:
        nonlocal place
        until = trainer.steps_done + steps
        while trainer.steps_done < until:
            place = 0 if place + batch > len(order) else place
            now = min(until - trainer.steps_done, (len(order) - place) // batch)
            before = trainer.samples_done
            trainer.learn_many(shown, order[place:], batch, now)
            place += trainer.samples_done - before

    return run


def images(num_in: int, num_out: int) -> tuple[Array, Array]:
    """Return samples that resemble MNIST: a fifth of the inputs is positive, and classes can be separated."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, KINDS * num_out, NUM_IMAGES)
    templates = rng.standard_normal((KINDS * num_out, num_in), np.float32)
    samples = rng.standard_normal((NUM_IMAGES, num_in), np.float32)
    samples += templates[kinds]
    return np.clip(0.5 * (samples - 1.2), 0, 1), kinds % num_out
