"""An LSTM that hears spoken digits: sparse with DEEP R, sparse with fixed wiring, or dense.

    39 features in frames of 20 ms - LSTM with 128 units - 10 digits, read after the last frame

All eight matrices of the LSTM are sparse in one set of connections. The ten readouts, few weights on which all depends,
get six times its connectivity. Parameters were chosen on validation recordings (`load_spoken_digits`), never on those
for testing.
"""

from __future__ import annotations

import os

from models.spoken_digits import FEATURES, STEPS, load_spoken_digits
from synaptic_sampling import Adam, DeepR, FixedWiring, Linear, RateNetwork, SparseLinear, Trainer
from synaptic_sampling.rate.layers import Layer
from synaptic_sampling.rate.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.schedules import Decay
from synaptic_sampling.rate.trainer import Report

__all__ = ["BATCH_SIZE", "CONNECTIVITY", "EPOCHS", "RULES", "make_lstm", "train"]

UNITS, CLASSES = 128, 10
BATCH_SIZE = 32
CONNECTIVITY = 0.05
EPOCHS = 20
#: Of the readouts, relative to that of the LSTM.
READOUT_SHARE = 6
#: The learning rate is multiplied by it after each epoch.
DECAY = 0.9

RULES = {
    "deepr": DeepR(learning_rate=0.02, l1=0.03, temperature=1e-5, optimizer=Adam()),
    "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
    "dense": FixedWiring(learning_rate=0.003, optimizer=Adam()),
}


def make_lstm(method: str, *, connectivity: float = CONNECTIVITY, seed: int = 1, steps: int = STEPS) -> RateNetwork:
    """Return the network, untrained.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How it learns.
    connectivity : float
        Share of the weights of the LSTM that exist; of no importance where the network is dense.
    seed : int
        Key of all random numbers.
    steps : int
        Frames in a sample.

    Returns
    -------
    RateNetwork
        Methods 'deepr' and 'fixed' begin with the same wiring and the same weights.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    if method not in RULES:
        raise ValueError(f"method must be one of {', '.join(map(repr, RULES))}, got {method!r}.")
    layers: list[Layer]
    if method == "dense":
        layers = [LSTM(FEATURES, UNITS, steps=steps, masked=True), Linear(UNITS, CLASSES)]
    else:
        layers = [
            SparseLSTM(FEATURES, UNITS, connectivity=connectivity, steps=steps, masked=True),
            SparseLinear(UNITS, CLASSES, connectivity=min(1.0, READOUT_SHARE * connectivity)),
        ]
    return RateNetwork(layers, RULES[method], seed=seed)


def train(
    method: str = "deepr",
    *,
    connectivity: float = CONNECTIVITY,
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
    connectivity : float
        See `make_lstm`.
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
    net = make_lstm(method, connectivity=connectivity, seed=seed)
    trainer = Trainer(net, schedule=Decay(RULES[method], learning_rate=DECAY))
    trainer.fit(samples, labels, epochs=epochs, batch_size=BATCH_SIZE, test=test, report=report)
    return trainer
