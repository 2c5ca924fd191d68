"""Benchmark cases of scripts.benchmark_rate: soft DEEP R beside DEEP R with as many connections.

Soft DEEP R learns until its number of connections is stationary; DEEP R then gets the same number in each
layer. Both record every event. The rate of formations and eliminations differs: it follows from the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from scripts.rate_works import LARGE, MNIST, RULE, Run, Work, fused, images, ours
from synaptic_sampling import RateNetwork, SoftDeepR, Trainer
from synaptic_sampling.rate import ReLU, SparseLinear
from synaptic_sampling.rate.training.progress import Shown

__all__ = ["works"]

BATCH, WARM_UP = 32, 1000
#: Learning rate, l1 and relative noise; the last two give r = l1/noise and, with the connectivity, the floor.
ETA, L1, NOISE = 0.3, 2e-4, 5e-5


def works() -> Iterator[tuple[str, Work]]:
    """Yield the benchmark cases."""
    for sizes, share in ((MNIST, 0.005), (LARGE, 0.002)):
        yield f"soft DEEP R {'-'.join(map(str, sizes))} batch {BATCH}", partial(contenders, sizes, share)


def contenders(sizes: Sequence[int], share: float) -> dict[str, Run]:
    """Return the training step of both, in the fused path and outside."""
    samples, labels = images(sizes[0], sizes[-1])
    rule = SoftDeepR(ETA, L1, ETA * NOISE**2 / 2, share)
    layers: list[Any] = []
    for num_in, num_out in pairwise(sizes):
        layers += [SparseLinear(num_in, num_out, connectivity=min(0.3, 2 * share + 10 / num_in)), ReLU()]
    trainer = Trainer(RateNetwork(layers[:-1], rule, seed=1, depth=5.0))
    soft = fused(trainer, BATCH, samples, labels)
    soft(WARM_UP)
    counts = [c.num_active for c in trainer.network.connections]
    hard = ours(sizes, counts, BATCH, samples, labels)
    layers = []
    for (num_in, num_out), count in zip(pairwise(sizes), counts, strict=True):
        layers += [SparseLinear(num_in, num_out, connections=count), ReLU()]
    single = _by_step(Trainer(RateNetwork(layers[:-1], RULE, seed=1)), samples, labels)
    own = {"soft DEEP R": soft, "soft DEEP R, step by step": _by_step(trainer, samples, labels)}
    return {"ours": hard, "ours, step by step": single, **own}


def _by_step(trainer: Trainer, samples: Any, labels: Any) -> Callable[[int], None]:
    """Return a function that performs steps one by one, on batches in random order."""
    order = np.random.default_rng(2).permutation(len(samples))
    shown = Shown(samples, labels, BATCH, lambda _: None)
    place = 0

    def run(steps: int) -> None:
        nonlocal place
        for _ in range(steps):
            place = 0 if place + BATCH > len(order) else place
            trainer.learn(shown, order[place : place + BATCH])
            place += BATCH

    return run
