"""A spiking network that a test sweeps over."""

from __future__ import annotations

import hashlib

import numpy as np

from synaptic_sampling import Adam, DeepR
from synaptic_sampling.spiking import EpropNetwork, SequenceTask, Training, Wiring


def trained(*, learning_rate, l1, temperature, seed, cache, device="cpp_standalone"):
    """Train a small network for an epoch."""
    rng = np.random.default_rng(3)
    labels = np.arange(30) % 3
    inputs = ((rng.random((3, 8, 10)) < 0.3)[labels] + 0.2 * rng.random((30, 8, 10))).astype(np.float32)
    task = SequenceTask(inputs, labels, train=np.arange(24), test=np.arange(24, 30), steps=8)
    rule = DeepR(learning_rate, l1, temperature, optimizer=Adam())
    wiring = {"input": Wiring(0.3, rule, scale=6.0, depth=5), "recurrent": Wiring(0.1, rule, scale=0.5, depth=5)}
    net = EpropNetwork(lif=20, alif=10, **wiring)
    result = Training(net, task, batch=4, seed=seed).run(device=device, cache=cache if device != "runtime" else None)
    bits = hashlib.sha256(b"".join(weights.tobytes() for parts in result.weights.values() for weights in parts))
    return {"births": result.log.num_births, "rate": result.rate, "bits": int(bits.hexdigest()[:15], 16)}
