"""An LSTM for spoken digits: sparse with DEEP R, sparse with fixed connections, or dense.

    39 features per frame of 20 ms - LSTM with 128 units - 10 digits, read out after the last frame

All eight matrices of the LSTM form one sparse set of connections. The readout, which has few but important weights, has
a higher connectivity. Parameters were chosen on validation recordings (`load_spoken_digits`), never on test recordings.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.spoken_digits import FEATURES, STEPS, load_spoken_digits
from models.task import Task
from synaptic_sampling import Adam, DeepR, FixedWiring, RateNetwork
from synaptic_sampling.rate import Linear, SparseLinear
from synaptic_sampling.rate.layers.layer import Layer
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM

__all__ = ["SPEECH", "make_lstm"]

UNITS, CLASSES = 128, 10
#: Possible connections of each layer that has weights.
SITES = (4 * UNITS * (FEATURES + UNITS), UNITS * CLASSES)


def make_lstm(
    rule: DeepR | FixedWiring,
    counts: Sequence[int] | None,
    *,
    budget: str = "layer",
    seed: int = 1,
    steps: int = STEPS,
) -> RateNetwork:
    """Return the untrained network.

    Parameters
    ----------
    rule : DeepR or FixedWiring
        Learning rule.
    counts : sequence of int or None
        Connections of each layer that has weights, at most ``SITES``; None makes dense layers.
    budget : {'layer', 'network'}
        What has a constant number of connections: each layer, or the network as a whole.
    seed : int
        Key of all random numbers.
    steps : int
        Frames per sample.

    Returns
    -------
    RateNetwork
        Networks with equal counts and seeds start with the same connections and weights.
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


SPEECH = Task(
    load=load_spoken_digits,
    make=make_lstm,
    sites=SITES,
    num_validation=300,
    batch_size=32,
    epochs=20,
    connectivity=(0.05, 0.3),
    rules={
        "deepr": DeepR(learning_rate=0.02, l1=0.03, temperature=1e-5, optimizer=Adam()),
        "fixed": FixedWiring(learning_rate=0.015, optimizer=Adam()),
        "dense": FixedWiring(learning_rate=0.003, optimizer=Adam()),
    },
    final_rate=0.12,
    quick=64,
)
