"""Measure memory and time of a huge sparse layer: 1e7 connections between 1e6 and 1e6 neurons, with a log on disk.

    python -m scripts.rate_memory

Prints one line of JSON.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.training import peak_bytes
from synaptic_sampling import DeepR, RateNetwork, RewiringLog, Trainer
from synaptic_sampling.rate import ReLU, SparseLinear
from synaptic_sampling.rate.layers.layer import Layer

__all__ = ["main"]

SIDE, CONNECTIONS, STEPS, BATCH = 1_000_000, 10_000_000, 3, 16


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train for a few steps, and print peak memory and time per step."""
    Parser("Measure memory and time of a huge sparse layer; there are no options.").parse_args(argv)
    layers: list[Layer] = [
        SparseLinear(SIDE, SIDE, connections=CONNECTIONS),
        ReLU(),
        SparseLinear(SIDE, 10, connections=10_000),
    ]
    network = RateNetwork(layers, DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-9), seed=1)
    samples, labels = np.random.default_rng(1).random((BATCH, SIDE), np.float32), np.arange(BATCH) % 10
    with tempfile.TemporaryDirectory() as folder, RewiringLog(Path(folder) / "log") as log:
        start = time.process_time()
        Trainer(network, log=log).fit(samples, labels, epochs=STEPS, batch_size=BATCH, report=None)
        seconds = (time.process_time() - start) / STEPS
    found: dict[str, Any] = {"connections": CONNECTIONS, "neurons_per_side": SIDE, "peak_bytes": peak_bytes()}
    found |= {"seconds_per_step": seconds}
    print(json.dumps(found))
    return found


if __name__ == "__main__":
    main()
