"""Rate-based networks whose sparse layers rewire themselves."""

from __future__ import annotations

from synaptic_sampling.rate.layers import Linear, ReLU, SparseLinear, Tanh
from synaptic_sampling.rate.losses import CrossEntropy, MeanSquaredError
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.trainer import Evaluation, Trainer

__all__ = [
    "CrossEntropy",
    "Evaluation",
    "Linear",
    "MeanSquaredError",
    "RateNetwork",
    "ReLU",
    "SparseLinear",
    "Tanh",
    "Trainer",
]
