"""Layers share memory with those beside them: gradients are those of the same layers with a copy between any two."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import FixedWiring, RateNetwork
from synaptic_sampling.rate import (
    LSTM,
    AveragePool2d,
    Conv2d,
    CrossEntropy,
    Dropout,
    EachFrame,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Tanh,
)


class Between(Layer):
    """x, or a copy in memory that nothing else reads or writes."""

    def __init__(self, copies=False):
        self.parameters, self.copies = [], copies

    def outputs_after(self, num_before):
        return num_before

    def forward(self, x, *, training=False):
        return x.copy() if self.copies else x

    def backward(self, delta, *, wanted):
        return delta.copy() if self.copies else delta


class InPlace(Between):
    """x + 1/2, written over x as the contract allows."""

    def forward(self, x, *, training=False):
        x += np.float32(0.5)
        return x


class Sigmoid(Between):
    """1/(1 + exp(-x)), which keeps its output without a copy."""

    def forward(self, x, *, training=False):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, delta, *, wanted):
        delta *= self.out * (1 - self.out)
        return delta


#: Layers from 4 features to 4, in frames; activations; layers from 2 planes of 4 x 4 to as many.
FRAMES = {
    "linear": lambda: EachFrame(Linear(4, 4)),
    "sparse": lambda: EachFrame(SparseLinear(4, 4, connections=9)),
    "lstm": lambda: LSTM(4, 4, output="all"),
    "sparse lstm": lambda: SparseLSTM(4, 4, connections=60, output="all"),
    "tanh of frames": lambda: EachFrame(Tanh()),
}
ANYWHERE = {"relu": ReLU, "tanh": Tanh, "dropout": lambda: Dropout(0.3), "in place": InPlace, "sigmoid": Sigmoid}
PLANES = {
    "conv": lambda: Conv2d(2, 2, 3, padding=1),
    "conv of points": lambda: Conv2d(2, 2, 1),
    "sparse conv": lambda: SparseConv2d(2, 2, 3, padding=1, connections=20),
    "max": lambda: MaxPool2d(1),
    "average": lambda: AveragePool2d(1),
}


def gradients(layers, num_in, *, training):
    """Return dE/dw of the first layer, and the loss."""
    rng, net = np.random.default_rng(3), RateNetwork(layers, FixedWiring(0.1), seed=2)
    loss = CrossEntropy()
    x = net.check_samples(rng.standard_normal((20, num_in)))
    value = net.gradients(x, loss.check_targets(rng.integers(3, size=20), 20, 3), loss, training=training)
    return value, net.layers[0].parameters[0].gradient


def compare(first, made, last, num_in, *, training=True):
    """Compare two layers between a first and a last one with the same and copies between any two of them."""
    (loss, gradient), other = (
        gradients(
            [first(), *(each for make in made for each in (Between(copies), make())), Between(copies), last()],
            num_in,
            training=training,
        )
        for copies in (True, False)
    )
    assert np.abs(gradient).max() > 0
    assert other[0] == loss
    assert_array_equal(other[1], gradient)


def followed_by(one, kinds):
    """Return all kinds, without a layer that writes over the output of one that keeps no copy of it."""
    return [two for two in kinds if (one, two) != ("sigmoid", "in place")]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("one", [*FRAMES, *ANYWHERE])
def test_pairs_of_layers_of_frames(one, steps):
    kinds = {**FRAMES, **ANYWHERE}
    for two in followed_by(one, kinds):
        for training in (True, False):
            first, last = partial(LSTM, 3, 4, steps=steps, output="all"), partial(Linear, 4 * steps, 3)
            compare(first, (kinds[one], kinds[two]), last, 3 * steps, training=training)


@pytest.mark.parametrize("one", [*PLANES, *ANYWHERE])
def test_pairs_of_layers_of_planes(one):
    kinds = {**PLANES, **ANYWHERE}
    for two in followed_by(one, kinds):
        compare(partial(Conv2d, 1, 2, 1, size=4), (kinds[one], kinds[two]), partial(Linear, 32, 3), 16)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("middle", [(Tanh, Tanh), (Tanh, partial(Dropout, 0.5), Tanh), (Tanh, ReLU, Tanh)])
def test_activations_of_a_plain_layer(middle, training):
    compare(partial(Linear, 6, 5), middle, partial(Linear, 5, 3), 6, training=training)
