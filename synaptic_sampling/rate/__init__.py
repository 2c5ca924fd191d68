"""Rate-based networks with sparse layers that are rewired during training."""

from __future__ import annotations

from synaptic_sampling.rate.export.arrays import to_arrays, to_scipy
from synaptic_sampling.rate.export.onnx import to_onnx
from synaptic_sampling.rate.layers.activations import ReLU, Tanh
from synaptic_sampling.rate.layers.convolution import Conv2d, SparseConv2d
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.frames import EachFrame
from synaptic_sampling.rate.layers.layer import Layer
from synaptic_sampling.rate.layers.linear import Linear, SparseLinear
from synaptic_sampling.rate.layers.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.signals import LogLikelihood
from synaptic_sampling.rate.training.baselines import RigL, Shrinkage, prune
from synaptic_sampling.rate.training.frame_losses import FrameCrossEntropy, FrameMeanSquaredError
from synaptic_sampling.rate.training.history import History
from synaptic_sampling.rate.training.losses import CrossEntropy, MeanSquaredError
from synaptic_sampling.rate.training.schedules import Decay, LinearDecay, Patience
from synaptic_sampling.rate.training.trainer import Epoch, Trainer
from synaptic_sampling.rules.magnitude import SET

__all__ = [
    "LSTM",
    "SET",
    "AveragePool2d",
    "Conv2d",
    "CrossEntropy",
    "Decay",
    "Dropout",
    "EachFrame",
    "Epoch",
    "FrameCrossEntropy",
    "FrameMeanSquaredError",
    "History",
    "Layer",
    "Linear",
    "LinearDecay",
    "LogLikelihood",
    "MaxPool2d",
    "MeanSquaredError",
    "Patience",
    "RateNetwork",
    "ReLU",
    "RigL",
    "Shrinkage",
    "SparseConv2d",
    "SparseLSTM",
    "SparseLinear",
    "Tanh",
    "Trainer",
    "prune",
    "to_arrays",
    "to_onnx",
    "to_scipy",
]
