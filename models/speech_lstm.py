"""An LSTM that hears spoken digits: sparse with DEEP R, sparse with fixed wiring, or dense.

    39 features in frames of 20 ms - LSTM with 128 units - 10 digits, read after the last frame

All eight matrices of the LSTM are sparse in one set of connections. The readouts, few weights on which all depends,
have a higher connectivity. Parameters were chosen on validation recordings (`load_spoken_digits`), never on those
for testing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from models.spoken_digits import FEATURES, STEPS, load_spoken_digits
from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, SparseLinear, Trainer
from synaptic_sampling.rate.layers import Layer
from synaptic_sampling.rate.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.schedules import Decay
from synaptic_sampling.rate.trainer import Report

__all__ = ["BATCH_SIZE", "CONNECTIVITY", "EPOCHS", "FINAL_RATE", "RULES", "SITES", "make_lstm", "train"]

UNITS, CLASSES = 128, 10
#: Possible connections of each layer that has weights, and the share of them that exists by default.
SITES = (4 * UNITS * (FEATURES + UNITS), UNITS * CLASSES)
CONNECTIVITY = (0.05, 0.3)
BATCH_SIZE = 32
EPOCHS = 20
#: Learning rate and temperature in the end, relative to those at the begin; they fall by a factor after each epoch.
FINAL_RATE = 0.12

RULES = {
    "deepr": DeepR(learning_rate=0.02, l1=0.03, temperature=1e-5, optimizer=Adam()),
    "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
    "dense": FixedWiring(learning_rate=0.003, optimizer=Adam()),
}


def make_lstm(
    rule: DeepR | FixedWiring,
    counts: Sequence[int] | None,
    *,
    budget: str = "layer",
    seed: int = 1,
    steps: int = STEPS,
) -> RateNetwork:
    """Return the network, untrained.

    Parameters
    ----------
    rule : DeepR or FixedWiring
        How it learns.
    counts : sequence of int or None
        Connections of each layer that has weights, at most ``SITES``; None makes dense layers.
    budget : {'layer', 'network'}
        Whether each layer keeps its number of connections, or all together keep their sum.
    seed : int
        Key of all random numbers.
    steps : int
        Frames in a sample.

    Returns
    -------
    RateNetwork
        With equal counts and seeds, networks begin with the same wiring and the same weights.
    """
    layers: list[Layer]
    if counts is None:
        layers = [LSTM(FEATURES, UNITS, steps=steps, masked=True), Linear(UNITS, CLASSES)]
    else:
        layers = [
            SparseLSTM(FEATURES, UNITS, connections=counts[0], steps=steps, masked=True),
            SparseLinear(UNITS, CLASSES, connections=counts[1]),
        ]
    return RateNetwork(layers, rule, budget=budget, seed=seed)


def train(
    method: str = "deepr",
    *,
    connectivity: Sequence[float] = CONNECTIVITY,
    seed: int = 1,
    epochs: int = EPOCHS,
    data_dir: str | os.PathLike[str] | None = None,
    validation: bool = False,
    report: Report | str | None = None,
) -> Trainer:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : sequence of float
        Of each layer that has weights; of no importance where the network is dense.
    seed : int
        Of wiring, weights, order of recordings, noise and births.
    epochs : int
        How often each recording is heard.
    data_dir : path-like, optional
        The folder of all data sets.
    validation : bool
        Whether parameters are being chosen, see `load_spoken_digits`.
    report : callable or str, optional
        Progress, as for ``Trainer.fit``.

    Returns
    -------
    Trainer
        With network, tests and log.
    """
    (samples, labels), test = load_spoken_digits(data_dir, validation=validation)
    counts = [max(1, int(share * sites)) for share, sites in zip(connectivity, SITES, strict=True)]
    net = make_lstm(RULES[method], None if method == "dense" else counts, seed=seed)
    factor = FINAL_RATE ** (1 / epochs)
    trainer = Trainer(net, schedule=Decay(RULES[method], learning_rate=factor, temperature=factor))
    trainer.fit(samples, labels, epochs=epochs, batch_size=BATCH_SIZE, test=test, report=report)
    return trainer
