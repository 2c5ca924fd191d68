"""What scripts.benchmark_rate measures: works on multilayer perceptrons, and everyone who can do them.

A work is a name and a function that makes the contenders: for each a function that does some steps. A step is:
load a batch, forward, loss, backward, update; for those that rewire also noise, retraction and regrowth in every step.
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
#: Does so many steps.
Run = Callable[[int], object]
#: Makes the contenders, by name.
Work = Callable[[], dict[str, Run]]

MNIST = (784, 300, 100, 10)
LARGE = (784, 4096, 4096, 10)
MIDDLE = (784, 1024, 1024, 10)
SHARES = (0.01, 0.03, 0.3)
#: Names of the works that vary one thing, without its value.
CONNECTIVITY = "784-1024-1024-10 batch 32 at "
SCALING = ("connections ", "neurons ")
RULE = DeepR(learning_rate=0.3, l1=1e-4, temperature=0.3 * 1e-10 / 2)
#: Steps before anything is measured: until then turnover has reached what it stays at.
WARM_UP = 300
#: Pictures, and how many kinds of them each class has.
NUM_PICTURES, KINDS = 20_000, 60


def works(quick: bool) -> Iterator[tuple[str, Work]]:
    """Yield the works.

    Parameters
    ----------
    quick : bool
        Small ones only.

    Yields
    ------
    name : str
        Of the work.
    work : callable
        Makes its contenders.
    """
    for batch in (10, 128):
        yield f"784-300-100-10 batch {batch}", partial(contenders, MNIST, SHARES, batch, mask=batch == 10)
    for share in (0.001, 0.01, 0.1) if quick else (0.001, 0.003, 0.01, 0.03, 0.1, 0.3):
        yield f"{CONNECTIVITY}{100 * share:g} %", partial(contenders, MIDDLE, (share, share, 0.3), 32)
    if quick:
        return
    for share in (0.01, 0.001):
        yield (
            f"784-4096-4096-10 batch 16 at {100 * share:g} %",
            partial(contenders, LARGE, (share, share, 0.1), 16, mask=share == 0.01),
        )
    for number in (4_000, 40_000, 400_000, 4_000_000, 10_000_000):
        # A tenth of the sites, and the activations of 16 samples in the cache.
        side = max(200, round((10 * number) ** 0.5))
        yield f"{SCALING[0]}{number}", partial(alone, side, number)
    for side in (1_000, 10_000, 100_000, 1_000_000):
        yield f"{SCALING[1]}{side}", partial(alone, side, 100_000)


def contenders(sizes: Sequence[int], shares: Sequence[float], batch: int, *, mask: bool = False) -> dict[str, Run]:
    """Return everyone who can do a step of a multilayer perceptron here.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the inputs first.
    shares : sequence of float
        Connectivity of each layer.
    batch : int
        Samples per step.
    mask : bool
        Whether to ask dense matrices under masks too, which takes long.

    Returns
    -------
    dict of str to callable
        By name.
    """
    samples, labels = pictures(sizes[0], sizes[-1])
    counts = [int(share * a * b) for share, (a, b) in zip(shares, pairwise(sizes), strict=True)]
    return {
        "ours": ours(sizes, counts, batch, samples, labels),
        **rate_peers.peers(sizes, counts, rate_peers.Batches(samples, labels, batch), RULE, mask=mask),
    }


def alone(side: int, number: int) -> dict[str, Run]:
    """Return our step on one large sparse layer between equally many neurons, before a small one.

    Parameters
    ----------
    side : int
        Neurons on each side.
    number : int
        Connections.

    Returns
    -------
    dict of str to callable
        With one contender.
    """
    rng = np.random.default_rng(1)
    # So many that small layers learn many steps between two epochs, as they do in life.
    count = int(np.clip(2**20 // side, 64, 1024))
    samples, labels = rng.random((count, side), np.float32), rng.integers(0, 10, count)
    # There is nothing to learn: gradients are kept small, and noise in proportion to theta rewires as much as on MNIST.
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
    """Return our step, with the record of every birth and death.

    Parameters
    ----------
    sizes, counts : sequence of int
        Units and connections of each layer.
    batch, samples, labels : int, ndarray, ndarray
        Samples per step, all of them, and what they are.
    rule : DeepR
        How to learn and rewire.
    warm_up : int
        Steps to do before.

    Returns
    -------
    callable
        Does so many steps.
    """
    layers: list[Any] = []
    for (num_in, num_out), count in zip(pairwise(sizes), counts, strict=True):
        layers += [SparseLinear(num_in, num_out, connections=count), ReLU()]
    trainer = Trainer(RateNetwork(layers[:-1], rule, seed=1))
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

    run(warm_up)
    return run


def pictures(num_in: int, num_out: int) -> tuple[Array, Array]:
    """Return samples that are as MNIST to a network: a fifth of the inputs is above 0, and classes can be told apart.

    Parameters
    ----------
    num_in, num_out : int
        Inputs and classes.

    Returns
    -------
    samples : ndarray of float32, shape (NUM_PICTURES, num_in)
        Between 0 and 1.
    labels : ndarray of int64
        The classes.
    """
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, KINDS * num_out, NUM_PICTURES)
    templates = rng.standard_normal((KINDS * num_out, num_in), np.float32)
    samples = rng.standard_normal((NUM_PICTURES, num_in), np.float32)
    samples += templates[kinds]
    return np.clip(0.5 * (samples - 1.2), 0, 1), kinds % num_out
