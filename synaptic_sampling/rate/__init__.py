"""Rate-based networks whose sparse layers rewire themselves."""

from __future__ import annotations

from synaptic_sampling.rate.activations import ReLU, Tanh
from synaptic_sampling.rate.baselines import SET, RigL, Shrinkage, prune
from synaptic_sampling.rate.layers import Linear, SparseLinear
from synaptic_sampling.rate.losses import CrossEntropy, MeanSquaredError
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.schedules import Decay, Patience
from synaptic_sampling.rate.trainer import Epoch, Trainer

__all__ = [
    "SET",
    "CrossEntropy",
    "Decay",
    "Epoch",
    "Linear",
    "MeanSquaredError",
    "Patience",
    "RateNetwork",
    "ReLU",
    "RigL",
    "Shrinkage",
    "SparseLinear",
    "Tanh",
    "Trainer",
    "prune",
]
