"""Rate-based networks whose sparse layers rewire themselves."""

from __future__ import annotations

from synaptic_sampling.rate.activations import ReLU, Tanh
from synaptic_sampling.rate.baselines import SET, RigL, Shrinkage, prune
from synaptic_sampling.rate.convolution import SparseConv2d
from synaptic_sampling.rate.dense_convolution import Conv2d
from synaptic_sampling.rate.dropout import Dropout
from synaptic_sampling.rate.export import to_arrays, to_scipy
from synaptic_sampling.rate.frame_losses import FrameCrossEntropy, FrameMeanSquaredError
from synaptic_sampling.rate.frames import EachFrame
from synaptic_sampling.rate.layers import Linear, SparseLinear
from synaptic_sampling.rate.losses import CrossEntropy, MeanSquaredError
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.onnx import to_onnx
from synaptic_sampling.rate.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.schedules import Decay, LinearDecay, Patience
from synaptic_sampling.rate.trainer import Epoch, Trainer

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
    "Linear",
    "LinearDecay",
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
