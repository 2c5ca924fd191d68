"""Exported weights compute what the layers compute."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, RateNetwork
from synaptic_sampling.rate import Linear, ReLU, SparseLinear
from synaptic_sampling.rate.export.arrays import to_arrays, to_scipy
from synaptic_sampling.rate.layers.convolution import Conv2d, SparseConv2d
from synaptic_sampling.rate.layers.frames import EachFrame
from synaptic_sampling.rate.layers.pooling import MaxPool2d
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM
from tests import naive_convolution, naive_lstm

RULE = DeepR(0.1, 0.01, 1e-4)


def test_linear_layers(rng):
    layers = [SparseLinear(7, 5, connections=12), ReLU(), Linear(5, 3)]
    net = RateNetwork(layers, RULE, seed=1)
    layers[0].bias[:] = rng.standard_normal(5)
    layers[0].connections.theta[3] = 0
    matrix = to_scipy(layers[0])
    assert (matrix.shape, matrix.nnz, matrix.dtype) == ((5, 7), 12, np.float32)
    arrays = to_arrays(net)
    assert list(arrays) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    x = rng.standard_normal((4, 7)).astype(np.float32)
    hidden = np.maximum(x @ matrix.T + arrays["0.bias"], 0)
    assert_allclose(net.outputs(x), hidden @ arrays["2.weight"].T + arrays["2.bias"], atol=1e-5)
    assert_array_equal(matrix.toarray(), arrays["0.weight"])


def test_arrays_are_copies():
    layers = [SparseLinear(7, 5, connections=12), Linear(5, 3), Conv2d(3, 1, 1, size=1)]
    net = RateNetwork(layers, RULE, seed=1)
    before = to_arrays(net)
    for values in to_arrays(net).values():
        values[:] = 7
    for name, values in to_arrays(net).items():
        assert_array_equal(values, before[name])


@pytest.mark.parametrize("kind", [SparseConv2d, Conv2d])
def test_convolutions(rng, kind):
    budget = {"connectivity": 0.4} if kind is SparseConv2d else {}
    layer = kind(2, 3, (3, 2), 2, 1, size=(7, 6), **budget)
    RateNetwork([layer, MaxPool2d(2)], RULE, seed=1)
    layer.bias[:] = rng.standard_normal(3)
    arrays = to_arrays(layer)
    assert arrays["weight"].shape == (3, 2, 3, 2)
    x = rng.standard_normal((84, 16)).astype(np.float32)
    images = x.reshape(2, 7, 6, 16).astype(float)
    expected = naive_convolution.convolve(arrays["weight"].astype(float), arrays["bias"], images, (3, 2), 2, 1)
    assert_allclose(layer.forward(x), expected.reshape(-1, 16), atol=1e-5)
    if kind is SparseConv2d:
        assert to_scipy(layer).nnz == layer.num_connections


@pytest.mark.parametrize("dense", [None, (), ("xg", "ho")])
def test_lstms(rng, dense):
    layer = LSTM(3, 4, steps=5) if dense is None else SparseLSTM(3, 4, connectivity=0.4, dense=dense, steps=5)
    RateNetwork([layer], RULE, seed=1)
    layer.bias[:] = rng.standard_normal(16)
    arrays = to_arrays(layer)
    assert {name: values.shape for name, values in arrays.items()} == {
        "weight_ih": (16, 3),
        "weight_hh": (16, 4),
        "bias": (16,),
    }
    x = rng.standard_normal((15, 16)).astype(np.float32)
    matrix = np.hstack([arrays["weight_ih"], arrays["weight_hh"]]).astype(float)
    _, (h, _) = naive_lstm.run(matrix, arrays["bias"], x.reshape(5, 3, 16).astype(float), np.ones((5, 16)) > 0)
    assert_allclose(layer.forward(x), h, atol=1e-5)
    if dense is not None:
        assert to_scipy(layer).nnz == layer.num_connections


def test_layers_on_each_frame():
    inner = SparseLinear(4, 2, connections=5)
    net = RateNetwork([LSTM(3, 4, steps=5, output="all"), EachFrame(inner)], RULE, seed=1)
    assert to_scipy(net.layers[1]).nnz == 5
    assert_array_equal(to_arrays(net)["1.weight"], to_scipy(inner).toarray())


def test_what_has_no_connections_is_refused():
    with pytest.raises(TypeError, match="must be a SparseLinear, SparseConv2d or SparseLSTM, got ReLU"):
        to_scipy(ReLU())
    assert to_arrays(ReLU()) == {}
    with pytest.raises(ValueError, match="has no weights before it is part of a RateNetwork"):
        to_arrays(SparseLinear(3, 2, connections=1))
