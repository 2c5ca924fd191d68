"""Rate-based networks whose sparse layers rewire themselves."""

from __future__ import annotations

from synaptic_sampling.rate.activations import ReLU, Tanh
from synaptic_sampling.rate.layers import Linear, SparseLinear
from synaptic_sampling.rate.losses import CrossEntropy, MeanSquaredError
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.trainer import Trainer

__all__ = [
    "CrossEntropy",
    "Linear",
    "MeanSquaredError",
    "RateNetwork",
    "ReLU",
    "SparseLinear",
    "Tanh",
    "Trainer",
]
