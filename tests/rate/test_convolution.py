"""Convolution, pooling and dropout as layers: derivatives, rewiring, invalid input."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, RateNetwork, Trainer
from synaptic_sampling.rate import Linear, ReLU, SparseLinear, Tanh
from synaptic_sampling.rate.layers.convolution import Conv2d, SparseConv2d
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.layers.shapes import Frames, Maps
from synaptic_sampling.rate.layers.storage import Storage
from tests import naive_convolution as naive
from tests.naive_convolution import derivatives

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)


def matrix_of(layer):
    if isinstance(layer, Conv2d):
        return layer.matrix.astype(float)
    matrix, c = np.zeros((layer.out_channels, layer.fan_in)), layer.connections
    matrix[c.post, c.pre] = c.weights
    return matrix


@pytest.mark.parametrize("kind", [SparseConv2d, Conv2d])
@pytest.mark.parametrize("pool", [None, MaxPool2d, AveragePool2d])
@pytest.mark.parametrize(
    "geometry", [((3, 3), 1, 1, (7, 6)), ((2, 5), 2, 1, (9, 11)), ((3, 2), 3, 0, (11, 10)), ((1, 1), 2, 0, (5, 8))]
)
def test_gradients_are_derivatives(rng, kind, pool, geometry):
    """Every entry of every gradient, and of that of the input, against central differences in float64."""
    kernel, stride, padding, size = geometry
    budget = {"connectivity": 0.6} if kind is SparseConv2d else {}
    first = kind(2, 3, kernel, stride, padding, size=size, **budget)
    second = kind(3, 2, (2, 1), 1, 0, **budget)
    net = RateNetwork([first, *([pool(2, 1)] if pool else []), Tanh(), second], RULE, seed=5)
    first.bias[:], second.bias[:] = rng.standard_normal(3), rng.standard_normal(2)
    x = rng.standard_normal((18, net.num_in)).astype(np.float32)
    toward = rng.standard_normal((net.num_out, 18))
    matrices, biases = (
        [matrix_of(layer) for layer in (first, second)],
        [first.bias.astype(float), second.bias.astype(float)],
    )
    images = x.T.reshape(*first.before.shape, -1).astype(float)

    def loss():
        """A weighted sum of the outputs of the network, written plainly."""
        out = naive.convolve(matrices[0], biases[0], images, kernel, stride, padding)
        if pool:
            windows = np.lib.stride_tricks.sliding_window_view(out, (2, 2), (1, 2))
            out = windows.max((4, 5)) if pool is MaxPool2d else windows.mean((4, 5))
        out = naive.convolve(matrices[1], biases[1], np.tanh(out), (2, 1), 1, 0)
        return np.sum(out.reshape(net.num_out, -1) * toward)

    out = net._forward(x, np.arange(18))
    assert np.sum(out[:, :18] * toward) == pytest.approx(loss(), rel=1e-5, abs=1e-4)
    delta = np.zeros_like(out)
    delta[:, :18] = toward
    for layer in reversed(net.layers):
        delta = layer.backward(delta, wanted=True)
    got = [np.asarray(p.gradient) for p in net.parameters]
    for n, layer in enumerate((first, second)):
        slopes = derivatives(loss, matrices[n])
        if kind is SparseConv2d:
            slopes = slopes[layer.connections.post, layer.connections.pre]
        assert_allclose(got[2 * n], slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())
        slopes = derivatives(loss, biases[n])
        assert_allclose(got[2 * n + 1], slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())
    some = images[:, :3, :4, :2]
    slopes = derivatives(loss, some)
    own = delta.reshape(*first.before.shape, -1)[:, :3, :4, :2]
    assert_allclose(own, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())


@pytest.mark.parametrize("geometry", [(3, 1, 1), (5, 2, 2), (2, 3, 0)])
def test_gradients_equal_those_of_pytorch(rng, geometry):
    torch = pytest.importorskip("torch")
    kernel, stride, padding = geometry
    layer = SparseConv2d(3, 4, kernel, stride, padding, connectivity=0.5, size=(11, 9))
    RateNetwork([layer], RULE, seed=2)
    x = rng.standard_normal((layer.num_in, 16)).astype(np.float32)
    delta = rng.standard_normal((layer.num_out, 16)).astype(np.float32)
    images = torch.tensor(np.moveaxis(x.reshape(3, 11, 9, 16), 3, 0).copy(), requires_grad=True)
    weight = torch.tensor(matrix_of(layer).reshape(4, 3, kernel, kernel), dtype=torch.float32, requires_grad=True)
    out = torch.nn.functional.conv2d(images, weight, torch.tensor(layer.bias), stride, padding)
    out.backward(torch.tensor(np.moveaxis(delta.reshape(*layer.after.shape, 16), 3, 0).copy()))
    assert_allclose(
        layer.forward(x).reshape(*layer.after.shape, 16), np.moveaxis(out.detach().numpy(), 0, 3), atol=1e-5
    )
    dx, c = layer.backward(delta, wanted=True), layer.connections
    assert_allclose(dx.reshape(3, 11, 9, 16), np.moveaxis(images.grad.numpy(), 0, 3), atol=1e-5)
    slopes = weight.grad.numpy().reshape(4, -1)[c.post, c.pre]
    assert_allclose(layer.parameters[0].gradient, slopes, rtol=1e-4, atol=1e-4)


def network(rule=RULE, seed=3, budget="layer"):
    layers = [
        SparseConv2d(1, 4, 3, padding=1, connectivity=0.5, size=8),
        MaxPool2d(2),
        ReLU(),
        SparseConv2d(4, 6, 3, 2, 1, connections=40),
        Dropout(0.2),
        AveragePool2d(2),
        SparseLinear(6, 3, connectivity=0.5),
    ]
    return RateNetwork(layers, rule, budget=budget, seed=seed)


def test_layers_learn_their_sizes_from_those_before():
    net = network()
    assert [layer.after.shape for layer in net.layers[:2]] == [(4, 8, 8), (4, 4, 4)]
    assert net.layers[3].after.shape == (6, 2, 2)
    assert net.layers[5].after.shape == (6, 1, 1)
    assert (net.num_in, net.num_out) == (64, 3)


def test_rewiring_keeps_every_budget(rng):
    net = network()
    budgets = [len(c) for c in net.connections]
    assert budgets == [18, 40, 9]
    x, y = rng.standard_normal((96, 64)).astype(np.float32), rng.integers(0, 3, 96)
    trainer = Trainer(net)
    counts = []
    trainer.fit(x, y, epochs=40, batch_size=16, report=None, watch=lambda t: counts.append(t.network.num_connections))
    assert set(counts) == {sum(budgets)}
    assert [len(c) for c in net.connections] == budgets
    assert trainer.log.num_births == trainer.log.num_deaths > 100
    for c in net.connections:
        pre, post, polarity = trainer.log.wiring(trainer.steps_done, c.index)
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)
        assert 0 <= c.pre.min() <= c.pre.max() < c.num_pre


def test_layers_share_one_budget(rng):
    net = network(budget="network")
    x, y, counts = rng.standard_normal((96, 64)).astype(np.float32), rng.integers(0, 3, 96), []
    Trainer(net).fit(
        x, y, epochs=30, batch_size=16, report=None, watch=lambda t: counts.append(t.network.num_connections)
    )
    assert set(counts) == {18 + 40 + 9}
    assert [len(c) for c in net.connections] != [18, 40, 9]


def test_it_learns_where_a_stroke_runs(rng):
    """Vertical or horizontal strokes at random places: no single pixel is informative."""
    x, y = 0.3 * rng.standard_normal((256, 8, 8)), rng.integers(0, 2, 256)
    for image, upright in zip(x, y, strict=True):
        row, column = rng.integers(0, 8, 2)
        image[(slice(None), column) if upright else (row, slice(None))] += 2
    net = network(DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-7), seed=2)
    Trainer(net).fit(x.reshape(256, 64), y, epochs=30, batch_size=16, report=None)
    assert net.accuracy(x.reshape(256, 64), y) > 0.95


def test_dropout_drops_only_while_learning_and_goes_on_after_a_cut(rng, tmp_path):
    x, y = rng.standard_normal((48, 64)).astype(np.float32), rng.integers(0, 3, 48)
    whole = Trainer(network())
    whole.fit(x, y, epochs=2, batch_size=16, report=None)
    assert_array_equal(whole.network.outputs(x), whole.network.outputs(x))
    part = Trainer(network())
    part.fit(x, y, epochs=1, batch_size=16, report=None)
    part.network.outputs(x)
    part.save(tmp_path / "run.npz")
    other = Trainer(network())
    other.load(tmp_path / "run.npz")
    other.fit(x, y, until_epoch=2, batch_size=16, report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, other.network.state()[name])


def test_dropout_scales_what_is_left():
    """Binomial(25600, 0.25): six standard deviations are 416; false alarm below 1e-8."""
    layer = Dropout(0.25)
    layer.outputs_after(100)
    layer.build(1, 2, Storage(FixedWiring(0.1)))
    out = layer.forward(np.ones((100, 256), np.float32), training=True)
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(np.sum(out == 0) - 6400) < 416
    assert_array_equal(layer.backward(np.ones((100, 256), np.float32), wanted=True), out)


def test_sparse_with_every_weight_equals_dense(rng):
    sparse, dense = SparseConv2d(3, 5, 3, 2, 1, connectivity=1.0, size=(9, 7)), Conv2d(3, 5, 3, 2, 1, size=(9, 7))
    RateNetwork([sparse], FixedWiring(0.1), seed=1)
    RateNetwork([dense], FixedWiring(0.1), seed=1)
    dense.matrix[:] = matrix_of(sparse)
    x = rng.standard_normal((sparse.num_in, 32)).astype(np.float32)
    delta = rng.standard_normal((sparse.num_out, 32)).astype(np.float32)
    for _ in range(2):
        assert_allclose(sparse.forward(x), dense.forward(x), atol=1e-5)
        assert_allclose(sparse.backward(delta, wanted=True), dense.backward(delta, wanted=True), atol=1e-5)
    c = sparse.connections
    assert_allclose(sparse.parameters[0].gradient, dense.parameters[0].gradient[c.post, c.pre], rtol=1e-4, atol=1e-4)


def test_memory_is_in_proportion_to_connections_and_activations(rng):
    """2e8 sites would take 800 MB; 10 000 connections and 2 * 3000 planes of 5 x 5 in a batch of 16 take about 60."""
    tracemalloc.start()
    layer = SparseConv2d(3000, 3000, 5, 1, 2, connections=10_000, size=5)
    net = RateNetwork([layer], RULE, seed=1)
    layer.forward(rng.standard_normal((layer.num_in, 16), np.float32))
    layer.backward(rng.standard_normal((layer.num_out, 16), np.float32), wanted=True)
    net.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"connectivity": 0.5, "connections": 3}, TypeError, "either connectivity or connections"),
        ({}, TypeError, "either connectivity or connections"),
        ({"connections": 2 * 3 * 9 + 1}, ValueError, "connections must be between 1 and 54, got 55"),
        ({"connectivity": 0}, ValueError, "connectivity must be > 0"),
        ({"connectivity": 0.5, "stride": 0}, ValueError, "stride must be between 1"),
        ({"connectivity": 0.5, "padding": 3}, ValueError, "padding must be between 0 and 2, got 3"),
        ({"connectivity": 0.5, "kernel": (3, 3, 3)}, ValueError, "kernel must be a number or a pair"),
        ({"connectivity": 0.5, "kernel": 2.5}, TypeError, "kernel must be an integer"),
        ({"connectivity": 0.5, "size": (0, 3)}, ValueError, "size must be between 1"),
        ({"connectivity": 0.5, "bias": 1}, TypeError, "bias must be True or False"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SparseConv2d(2, 3, **{"kernel": 3, **arguments})


def test_layers_that_do_not_fit_are_refused():
    def make(*layers):
        return RateNetwork(list(layers), RULE)

    first = SparseConv2d(1, 2, 3, connectivity=0.5, size=5)
    with pytest.raises(ValueError, match="must know the size of its input; give size"):
        make(SparseConv2d(1, 2, 3, connectivity=0.5))
    with pytest.raises(ValueError, match=r"has 3 planes of \(3, 3\) as input, but the layer before it has \(2, 3, 3\)"):
        make(first, Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match=r"a kernel of \(5, 5\) does not fit in \(3, 3\) with padding 0"):
        make(first, Conv2d(2, 2, 5))
    with pytest.raises(ValueError, match=r"window is larger than its input of 3 x 3"):
        make(first, MaxPool2d(4))
    with pytest.raises(ValueError, match="the layer before it has 18 outputs without height and width"):
        make(Linear(4, 18), MaxPool2d(2))
    with pytest.raises(ValueError, match="cannot be the first layer"):
        make(Dropout(0.5), first)
    with pytest.raises(ValueError, match="rate must be below 1"):
        Dropout(1)
    with pytest.raises(ValueError, match="kernel must be between 1 and 1024"):
        MaxPool2d(0)
    make(Linear(4, 50), SparseConv2d(2, 2, 3, connectivity=0.5, size=5))
    make(first, MaxPool2d(3))
    with pytest.raises(ValueError, match="part of a network already"):
        make(first)


def test_planes_have_a_shape_and_a_size():
    maps = Maps(3, 4, 5)
    assert (int(maps), maps.size, maps.shape) == (60, 60, (3, 4, 5))
    assert maps == Maps(3, 4, 5)
    assert maps != Maps(3, 5, 4)


@pytest.mark.parametrize(
    ("outputs", "accepted"),
    [(None, True), (60, True), (np.int64(60), True), (61, False), (Maps(3, 4, 5), True), (Maps(3, 5, 4), False),
     (Frames(3, 20), False), (Frames(12, 5), False)],
)  # fmt: skip
def test_planes_are_read_from_plain_outputs_or_from_equal_planes(outputs, accepted):
    assert Maps(3, 4, 5).accepts(outputs) == accepted
