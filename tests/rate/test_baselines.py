"""SET, RigL, shrinkage and pruning: which connections are eliminated and formed, their number, and the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, RateNetwork, Trainer
from synaptic_sampling.rate import (
    LSTM,
    SET,
    Conv2d,
    CrossEntropy,
    Dropout,
    EachFrame,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    RigL,
    Shrinkage,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Tanh,
    prune,
)
from synaptic_sampling.rate.export.copies import dense_copy
from synaptic_sampling.rate.training.between import rewire
from synaptic_sampling.rules.base import Signal

DEEP = DeepR(learning_rate=0.1, l1=1e-2, temperature=1e-5)


def make(dense=False, connections=(60, 30)):
    one, two = (Linear(20, 15), Linear(15, 4)) if dense else map(sparse, ((20, 15), (15, 4)), connections)
    return RateNetwork([one, ReLU(), two], FixedWiring(0.1), seed=2)


def sparse(sizes, connections):
    return SparseLinear(*sizes, connections=connections)


def samples(rng, n=60):
    return rng.standard_normal((n, 20)).astype(np.float32), rng.integers(0, 4, n)


@pytest.mark.parametrize("every", [None, 4])
@pytest.mark.parametrize("method", ["set", "rigl"])
def test_budget_is_kept_and_the_log_is_complete(rng, method, every, tmp_path):
    x, y = samples(rng)

    def trainer():
        between = SET(0.25) if method == "set" else RigL(x, y, batch_size=30, steps=60, fraction=0.25)
        return Trainer(make(), between=between, every=every)

    whole, first, second = trainer(), trainer(), trainer()
    whole.fit(x, y, epochs=8, batch_size=10, test=(x, y), report=None)
    assert whole.network.num_connections == whole.most_connections == 90
    times = 7 if every is None else 11
    assert 0 < whole.log.num_births <= times * (15 + 7)
    if method == "set":
        assert whole.log.num_births == times * (15 + 7)
    for c in whole.network.connections:
        pre, post, polarity = whole.log.wiring(index=c.index)
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)
    first.fit(x, y, epochs=3, batch_size=10, test=(x, y), report=None)
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    second.fit(x, y, until_epoch=8, batch_size=10, test=(x, y), report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, second.network.state()[name])
    assert whole.history == second.history


def test_set_replaces_the_weakest():
    trainer = Trainer(make())
    c = trainer.network.connections[0]
    c.theta[:] = np.linspace(-1, 1.1, 60)
    keys = c.sites.keys(c.pre, c.post)
    weak = np.sort(np.argsort(np.abs(c.theta))[:15])
    info = rewire(SET(0.25), trainer, {})[0]
    assert_array_equal(info.died.slot, weak)
    assert (c.theta[weak] == 0).all()
    assert_array_equal(np.delete(c.sites.keys(c.pre, c.post), weak), np.delete(keys, weak))


def test_rigl_grows_where_the_gradient_is_largest(rng):
    """Against the gradient of a dense network that has zeros where there is no connection."""
    x, y = samples(rng)
    trainer, dense = Trainer(make()), make(dense=True)
    for layer, same in zip(trainer.network.layers, dense.layers, strict=True):
        if isinstance(layer, SparseLinear):
            same.matrix[:] = 0
            same.matrix[layer.connections.post, layer.connections.pre] = layer.connections.weights
    dense.gradients(x, y, CrossEntropy())
    rule = RigL(x, y, batch_size=60, steps=10, fraction=0.2)
    c = trainer.network.connections[0]
    weak = np.sort(np.argsort(np.abs(c.theta))[:12])
    survivors = np.delete(c.sites.keys(c.pre, c.post), weak)
    slopes = np.abs(dense.layers[0].parameters[0].gradient.T).ravel()
    slopes[survivors] = 0
    info = {int(part.events["set"][0]): part for part in rule(trainer)}[0]
    assert_array_equal(info.died.slot, weak)
    born = c.sites.keys(info.born.pre, info.born.post)
    assert sorted(born) == sorted(np.argsort(-slopes)[:12])
    assert (c.theta[weak] == 0).all()
    trainer.steps_done = 10
    assert rule(trainer) == []


def test_shrinkage_is_the_proximal_step(rng):
    x, y = samples(rng)
    one, two = make(dense=True), make(dense=True)
    Trainer(one).fit(x, y, epochs=1, batch_size=60, report=None)
    Trainer(two).fit(x, y, epochs=1, batch_size=60, report=None, watch=Shrinkage(0.5))
    for plain, shrunk in zip(one.layers[::2], two.layers[::2], strict=True):
        expected = np.sign(plain.matrix) * np.maximum(np.abs(plain.matrix) - 0.05, 0)
        assert_allclose(shrunk.matrix, expected, atol=1e-7)
        assert (shrunk.matrix == 0).any()


@pytest.mark.parametrize("dense", [True, False])
def test_prune_keeps_the_strongest(rng, dense):
    net = make(dense)
    net.layers[0].bias[:] = rng.standard_normal(15)
    pruned = prune(net, [25, 12])
    for old, new, count in zip(net.layers[::2], pruned.layers[::2], (25, 12), strict=True):
        weights = old.matrix.ravel() if dense else old.connections.weights
        c = new.connections
        assert len(c) == count
        assert_array_equal(np.sort(np.abs(c.weights)), np.sort(np.abs(weights))[-count:])
        assert_array_equal(new.bias, old.bias)
        if dense:
            assert_array_equal(old.matrix[c.post, c.pre], c.weights)
    whole = prune(make(True), [300, 60])
    x, _ = samples(rng)
    assert_allclose(whole.outputs(x), make(True).outputs(x), atol=1e-5)


@dataclass(frozen=True)
class Modulated(FixedWiring):
    """FixedWiring, with a factor of the gradient as a signal of the whole network."""

    signals = (Signal("gradient"), Signal("factor", of="network"))

    def decide(self, connections, gradient, factor):
        return super().decide(connections, gradient=np.float32(factor) * gradient)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (FixedWiring(0.5), {"dense_rule": FixedWiring(0.001)}),
        (DEEP, {"signs": "presynaptic", "budget": "network"}),
        (DEEP, {"signs": -1}),
        (Modulated(0.1), {"signals": {"factor": 0.5}}),
    ],
)
def test_prune_keeps_the_options_of_the_network(rng, rule, options):
    x, y = samples(rng)
    layers = [SparseLinear(20, 15, connections=60), ReLU(), SparseLinear(15, 4, connections=30)]
    net = RateNetwork(layers, rule, seed=5, **options)
    Trainer(net).fit(x, y, epochs=3, report=None)
    for slots in (slice(0, 3), slice(5, 6)):
        net.connections[0].theta[slots] = 0.0  # A weight of 0 has a sign too.
    whole = prune(net, [len(c) for c in net.connections])
    for old, new in zip(net.connections, whole.connections, strict=True):
        order = np.argsort(old.sites.keys(old.pre, old.post))
        assert_array_equal(new.weights, old.weights[order])
        assert_array_equal(new.polarity[new.theta == 0], old.polarity[order][new.theta == 0])
    pruned = prune(net, [25, 12])
    assert (pruned.rule, pruned.options) == (net.rule, net.options)
    assert (pruned.budget is None) == (net.budget is None)
    bias, before = pruned.layers[0].bias.copy(), pruned.connections[0].weights.copy()
    Trainer(pruned).fit(x, y, epochs=1, report=None)
    moved, learned = np.abs(pruned.layers[0].bias - bias).max(), np.abs(pruned.connections[0].weights - before).max()
    assert (moved < 0.01 * learned) == ("dense_rule" in options)
    if pruned.budget is not None:
        assert sum(map(len, pruned.connections)) == 37
        for c in pruned.connections:
            assert_array_equal(c.polarity, c.signs.of(c.pre, c.post))  # Dale's law.


def test_prune_refuses_more_weights_than_there_are():
    with pytest.raises(ValueError, match=r"counts must be at most \[60, 30\], the numbers of weights, got \[61, 3\]"):
        prune(make(), [61, 3])
    with pytest.raises(ValueError, match=r"counts must be at most \[300, 60\], the numbers of weights, got \[3, 61\]"):
        prune(make(dense=True), [3, 61])


def test_rigl_with_signals_of_the_rule(rng):
    """The dense network whose gradients RigL takes does not learn, so it needs no signals and no other rule."""
    x, y = samples(rng)
    layers = [SparseLinear(20, 15, connections=60), ReLU(), SparseLinear(15, 4, connections=30)]
    net = RateNetwork(layers, Modulated(0.1), signals={"factor": 1.0}, seed=5)
    trainer = Trainer(net, between=RigL(x, y, batch_size=40, steps=100))
    trainer.fit(x, y, epochs=2, report=None)
    assert trainer.log.num_births > 0


def make_conv(dense=False):
    layers = [
        Conv2d(2, 3, 3, 1, 1, size=6) if dense else SparseConv2d(2, 3, 3, 1, 1, connections=20, size=6),
        MaxPool2d(2),
        ReLU(),
        Linear(27, 8) if dense else SparseLinear(27, 8, connections=60, bias=False),
        Tanh(),
        Dropout(0.2),
        Linear(8, 4),
    ]
    return RateNetwork(layers, FixedWiring(0.1), seed=2)


def make_lstm(dense=False):
    options = {"steps": 6, "masked": True, "output": "all", "window": 4}
    first = LSTM(5, 7, **options) if dense else SparseLSTM(5, 7, connections=80, dense=("xg", "ho"), **options)
    layers = [first, EachFrame(Linear(7, 3) if dense else sparse((7, 3), 12)), sparse((18, 4), 30)]
    return RateNetwork(layers, FixedWiring(0.1), seed=2)


def some(rng, net, n=40):
    x = np.abs(rng.standard_normal((n, net.num_in))).astype(np.float32)
    return x, rng.integers(0, 4, n)


MAKES = [make_conv, make_lstm]


@pytest.mark.parametrize("make_net", MAKES)
@pytest.mark.parametrize("dense", [True, False])
def test_dense_copy_computes_the_same(rng, make_net, dense):
    net = make_net(dense)
    x, y = some(rng, net)
    Trainer(net).fit(x, y, epochs=2, report=None)
    copy = dense_copy(net)
    assert copy.num_connections == 0
    assert_allclose(copy.outputs(x), net.outputs(x), atol=1e-5)


@pytest.mark.parametrize("make_net", MAKES)
def test_rigl_in_convolutions_and_lstms(rng, make_net):
    net = make_net()
    x, y = some(rng, net)
    trainer = Trainer(net, between=RigL(x, y, batch_size=40, steps=100, fraction=0.3), every=2)
    trainer.fit(x, y, epochs=4, batch_size=10, report=None)
    assert trainer.log.num_births == trainer.log.num_deaths > 20
    for c in net.connections:
        for logged, own in zip(trainer.log.wiring(index=c.index), (c.pre, c.post, c.polarity), strict=True):
            assert_array_equal(logged, own)
        assert len(np.unique(c.sites.keys(c.pre, c.post))) == len(c)
    if make_net is make_lstm:
        c = net.connections[0]
        gate, recurrent = c.post // 7, c.pre >= 5
        assert not np.any((gate == 2) & ~recurrent)
        assert not np.any((gate == 3) & recurrent)


@pytest.mark.parametrize("make_net", MAKES)
def test_rigl_gradient_of_every_site_is_that_of_the_connections(rng, make_net):
    """At a connection, the gradient of its site equals the one by which it learns."""
    net = make_net()
    net.layers = [layer for layer in net.layers if not isinstance(layer, Dropout)]
    x, y = some(rng, net)
    rule = RigL(x, y, batch_size=40, steps=10)
    found = rule._dense_gradients(Trainer(net))
    assert len(found) == len(net.connections)
    net.gradients(x, y, CrossEntropy())
    for (layer, gradient), own in zip(found, net.connections, strict=True):
        assert layer.connections is own
        assert_allclose(gradient[own.post, own.pre], layer.parameters[0].gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("make_net", MAKES)
def test_shrinkage_in_convolutions_and_lstms(rng, make_net):
    net, shrunk = make_net(True), make_net(True)
    x, y = some(rng, net)
    Trainer(net).fit(x, y, epochs=1, batch_size=40, report=None)
    Trainer(shrunk).fit(x, y, epochs=1, batch_size=40, report=None, watch=Shrinkage(0.5))
    for one, two in zip(net.weighted, shrunk.weighted, strict=True):
        if one.connections is None:
            assert_allclose(two.matrix, np.sign(one.matrix) * np.maximum(np.abs(one.matrix) - 0.05, 0), atol=1e-7)
    assert (shrunk.weighted[0].matrix == 0).any()


@pytest.mark.parametrize("make_net", MAKES)
@pytest.mark.parametrize("dense", [True, False])
def test_prune_in_convolutions_and_lstms(rng, make_net, dense):
    net = make_net(dense)
    x, y = some(rng, net)
    Trainer(net).fit(x, y, epochs=2, report=None)
    counts = [18, 11, 9]
    pruned = prune(net, counts)
    assert [len(c) for c in pruned.connections] == counts
    for old, new, count in zip(net.weighted, pruned.weighted, counts, strict=True):
        strengths = np.abs(old.matrix.ravel() if old.connections is None else old.connections.weights)
        assert_array_equal(np.sort(np.abs(new.connections.weights)), np.sort(strengths)[-count:])
        places = new.connections.post, new.connections.pre
        assert_array_equal(old.dense_weights()[places], new.dense_weights()[places])
        assert_array_equal(new.bias, old.bias)
    Trainer(pruned).fit(x, y, epochs=2, report=None)
    every = [layer.matrix.size if layer.connections is None else len(layer.connections) for layer in net.weighted]
    assert_allclose(prune(net, every).outputs(x), net.outputs(x), atol=1e-5)


def test_layers_that_cannot_be_copied_are_refused():
    class Other(Layer):
        parameters = ()

    net = make(dense=True)
    with pytest.raises(ValueError, match=r"counts must hold 2 numbers, one per layer, got 1"):
        prune(net, [25])
    net.layers[1] = Other()
    with pytest.raises(TypeError, match="is of a kind of layer that has no sparse or dense counterpart"):
        prune(net, [25, 12])


def test_nonsense_is_refused(rng):
    x, y = samples(rng)
    for wrong, message in [
        (lambda: SET(1.0), "fraction must be > 0 and < 1, got 1.0"),
        (lambda: SET(0), "fraction must be > 0"),
        (lambda: RigL(x, y, batch_size=0, steps=3), "batch_size must be"),
        (lambda: RigL(x, y, batch_size=3, steps=0), "steps must be"),
        (lambda: Shrinkage(-1.0), "l1 must be > 0"),
        (lambda: Trainer(make(), every=0), "every must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
