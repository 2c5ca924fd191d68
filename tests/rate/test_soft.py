"""Rules under which the number of connections varies: what a network computes, counts, logs and refuses."""

from __future__ import annotations

import logging
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import (
    Adam,
    Connections,
    DeepR,
    FixedWiring,
    PotentialConnections,
    PruneAndRegrow,
    SoftConnections,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    step,
)
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rate import (
    SET,
    CrossEntropy,
    Decay,
    EachFrame,
    LinearDecay,
    LogLikelihood,
    RateNetwork,
    ReLU,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Trainer,
    prune,
    to_arrays,
    to_scipy,
)
from synaptic_sampling.statistics.drift import weight_vectors
from tests import naive_rate

SOFT = SoftDeepR(learning_rate=0.1, l1=0.02, temperature=2e-4, connectivity=0.03)
SAMPLING = SynapticSampling(1.0, 1.0, -1.0, 1.0, interval=0.01, theta_range=(-4.0, 3.0), w0=0.5, theta0=0.5)
DENSE = FixedWiring(0.05, Adam())
X, Y = np.random.default_rng(5).standard_normal((48, 18)).astype(np.float32), np.arange(48) % 4


def linear(rule=SOFT, **options):
    layers = [SparseLinear(18, 15, connectivity=0.2), ReLU(), SparseLinear(15, 4, connectivity=0.3)]
    return RateNetwork(layers, rule, seed=3, **options)


def sampling(rule=SAMPLING, **options):
    return linear(rule, signals={"gradient": LogLikelihood(48)}, dense_rule=DENSE, **options)


def convolutional(rule=SOFT, **options):
    layers = [SparseConv2d(2, 5, 2, connections=20, size=3), ReLU(), SparseLinear(20, 4, connections=25)]
    return RateNetwork(layers, rule, seed=3, **options)


def recurrent(rule=SOFT, **options):
    first = SparseLSTM(3, 5, connections=60, steps=6, dense=("xg",), output="all")
    layers = [first, EachFrame(SparseLinear(5, 3, connections=9)), SparseLinear(18, 4, connections=30)]
    return RateNetwork(layers, rule, seed=3, **options)


def fit(net, epochs=3, **options):
    trainer = Trainer(net, **options)
    trainer.fit(X, Y, epochs=epochs, batch_size=16, report=None)
    return trainer


def gradients(net, x=X):
    loss = CrossEntropy()
    labels = loss.check_targets(Y[: len(x)], len(x), 4)
    net.gradients(x, labels, loss, training=False)
    return lambda: loss.evaluate(net.present(x), labels)[0]


def active(c):
    """Return the pairs that are connected, with their signs."""
    there = c.theta >= 0
    return {(i, j): s for i, j, s in zip(c.pre[there], c.post[there], c.polarity[there], strict=True)}


def test_a_layer_steps_like_its_connections():
    """The reference implementation: active connections in nested lists, soft DEEP R on connections of our own."""
    net = RateNetwork([SparseLinear(18, 4, connections=20)], SOFT, seed=3, depth=5.0)
    own = SoftConnections.random(18, 4, 20, rule=SOFT, depth=5.0, seed=3, dtype=np.float32)
    own.theta[:20] = np.sqrt(2 / 5) * np.abs(normals(3, Stream.THETA, 0, 20))
    loss, layer = CrossEntropy(), net.layers[0]
    labels = loss.check_targets(Y[:16], 16, 4)
    retracted = 0
    for _ in range(40):
        there = np.flatnonzero(own.theta >= 0)
        wires = own.pre[there], own.post[there]
        out = naive_rate.forward(*wires, own.polarity[there], own.theta[there], layer.bias, X[:16].T)
        delta = naive_rate.cross_entropy(out, labels)[1]
        slope = np.zeros(len(own), np.float32)
        slope[there] = naive_rate.weight_gradient(*wires, X[:16].T, delta)
        net.gradients(X[:16], labels, loss)
        assert_array_equal(net.sparse[0].gradient, slope)
        (info,) = net.step()
        assert info.events.tobytes() == step(own, slope, SOFT).events.tobytes()
        for name, values in own.state().items():
            assert_array_equal(net.connections[0].state()[name], values)
        retracted += len(own) - len(there)
    assert retracted > 50


@pytest.mark.parametrize("make", [linear, convolutional, recurrent])
def test_gradient_is_that_of_active_connections(make):
    net = make()
    fit(net, 2)
    mean_loss = gradients(net)
    for part in net.sparse:
        c = part.connections
        assert type(c) is SoftConnections
        assert 0 < c.num_active < len(c)
        assert not part.gradient[c.theta < 0].any()
        for slot in np.flatnonzero(c.theta > 0.02)[::4]:
            theta, losses = c.theta[slot], []
            for shift in (-0.01, 0.01):
                c.theta[slot] = theta + np.float32(shift)
                losses.append(mean_loss())
            c.theta[slot] = theta
            assert abs((losses[1] - losses[0]) / 0.02 - part.gradient[slot] * c.polarity[slot]) < 6e-3
        before = mean_loss()
        below = np.flatnonzero(c.theta < 0)
        kept = c.theta[below].copy()
        c.theta[below] *= 0.5
        assert mean_loss() == before, "retracted connections carry nothing"
        c.theta[below] = kept


@pytest.mark.parametrize("make", [linear, convolutional, recurrent, sampling])
def test_dense_weights_and_exports_are_those_of_active_connections(make):
    net = make()
    fit(net, 2)
    for layer, part in zip((one for one in net.layers if one.parameters), net.sparse, strict=True):
        there = part.connections.theta >= 0
        assert to_scipy(layer).nnz == there.sum()
        inner = layer.weighted[0]
        dense = inner.dense_weights()
        pre, post = part.connections.pre[there], part.connections.post[there]
        assert_array_equal(to_scipy(layer).toarray()[post, pre], dense[post, pre])
        assert_allclose(np.abs(dense[post, pre]), net.rule.weight(part.connections.theta[there]), rtol=1e-6)
    if make is linear:
        arrays = to_arrays(net)
        hidden = np.maximum(X @ arrays["0.weight"].T + arrays["0.bias"], 0)
        assert_allclose(net.outputs(X), hidden @ arrays["2.weight"].T + arrays["2.bias"], atol=1e-5)


@pytest.mark.parametrize("make", [linear, convolutional, recurrent, sampling])
def test_counts_and_log_are_of_active_connections(make):
    net = make()
    seen = []

    def watch(trainer):
        seen.append([c.num_active for c in trainer.network.connections])

    trainer = Trainer(net, snapshot_every=1)
    start = [c.num_active for c in net.connections]
    assert start == [layer.weighted[0].num_connections for layer in net.layers if layer.parameters]
    trainer.fit(X, Y, epochs=3, batch_size=16, report=None, watch=watch)
    assert len({tuple(numbers) for numbers in seen}) > 2, "numbers vary"
    assert [epoch.connections for epoch in trainer.history] == seen[2::3]
    assert net.num_connections == sum(seen[-1])
    assert trainer.most_connections == max(map(sum, [start, *seen]))
    births, deaths = (sum(getattr(epoch, name) for epoch in trainer.history) for name in ("births", "deaths"))
    assert births - deaths == sum(seen[-1]) - sum(start)
    for c, first in zip(net.connections, start, strict=True):
        pre, post, sign = trainer.log.wiring(c.steps_done, c.index)
        assert {(i, j): s for i, j, s in zip(pre, post, sign, strict=True)} == active(c)
        assert len(trainer.log.wiring(0, c.index)[0]) == first
        assert np.diff(weight_vectors(trainer.log, c.index)[1].indptr).max() <= c.num_sites
        taken = trainer.log.snapshot_at(c.steps_done, c.index)
        assert_array_equal(taken.polarity != 0, c.theta >= 0)


def test_more_memory_than_slots_is_not_needed():
    """9e6 sites: one byte for each would exceed the limit."""
    layers = [SparseLinear(3000, 3000, connections=300), ReLU(), SparseLinear(3000, 4, connections=20)]
    rule = SoftDeepR(0.1, 1e-3, 1e-9, 1e-5)
    tracemalloc.start()
    net = RateNetwork(layers, rule, seed=1)
    x = np.zeros((4, 3000), np.float32)
    loss = CrossEntropy()
    for _ in range(2):
        net.gradients(x, np.zeros(4, np.int64), loss)
        net.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(net.connections[0]) < 50_000
    assert peak < 6e6


def test_capacity_limits_slots():
    def grown(**options):
        net = RateNetwork([SparseLinear(18, 15, connections=10)], replace(SOFT, l1=0.01), seed=3, depth=5.0, **options)
        most, loss, labels = [len(net.connections[0])], CrossEntropy(), Y[:16]
        for _ in range(60):
            net.gradients(X[:16], labels, loss)
            net.step()
            most.append(len(net.connections[0]))
        return most

    free = grown()
    assert max(grown(capacity=free[0])) <= free[0] < max(free)
    with pytest.raises(ValueError, match=f"capacity must be between {len(linear().connections[0])}"):
        linear(capacity=20)


def test_a_small_floor_gives_every_site_a_slot(caplog):
    with caplog.at_level(logging.WARNING):
        net = linear(replace(SOFT, connectivity=0.5))
    assert len(net.connections[0]) == net.connections[0].num_sites
    assert "every site of layer 0 has a slot of its own" in caplog.text


def test_annealing_keeps_the_floor():
    for schedule, l1 in (
        (LinearDecay(SOFT, 3, 0.1), 0.1),
        (LinearDecay(SOFT, 3, 0.1, temperature=False), 1.0),
        (Decay(SOFT, 0.5, 0.5), 0.25),
        (Decay(SOFT, 0.5), 1.0),
    ):
        last = schedule(2)
        assert last.l1 / SOFT.l1 == pytest.approx(l1)
        assert last.temperature / SOFT.temperature == pytest.approx(l1)
        assert last.theta_min == pytest.approx(SOFT.theta_min, rel=1e-12)
        trainer = fit(linear(), schedule=schedule)
        assert [rule["l1"] for _, rule in trainer.log.rules_of(0)][-1] == last.l1
    with pytest.raises(ValueError, match="theta_min of the rule must stay"):
        linear().rule = replace(SOFT, temperature=SOFT.temperature / 2)


def test_learns():
    """Soft DEEP R finds the inputs that tell classes apart."""
    rng = np.random.default_rng(1)
    patterns = np.zeros((5, 100))
    patterns[:, :10] = rng.standard_normal((5, 10))
    labels = rng.integers(5, size=1500)
    x = (patterns[labels] + 0.5 * rng.standard_normal((1500, 100))).astype(np.float32)
    rule = SoftDeepR(0.2, 5e-3, 5e-7, 0.02)
    net = RateNetwork(
        [SparseLinear(100, 30, connections=60), ReLU(), SparseLinear(30, 5, connections=30)], rule, seed=1
    )
    trainer = Trainer(net)
    trainer.fit(x[:1000], labels[:1000], epochs=8, test=(x[1000:], labels[1000:]), report=None)
    c = net.connections[0]
    assert trainer.tests[-1][1] > 0.8
    assert np.mean(c.pre[c.theta >= 0] < 10) > 0.3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linear(budget="network"), ValueError, "budget must be 'layer' for SoftDeepR, whose number"),
        (lambda: linear(signs="redrawn"), ValueError, "signs must be .*: a site keeps its sign"),
        (lambda: linear(depth=3.0), ValueError, "depth must be >= 4"),
        (lambda: linear(DeepR(0.1, 0.1, 0.1), capacity=100), ValueError, "capacity applies to rules such as SoftDeepR"),
        (lambda: linear(DeepR(0.1, 0.1, 0.1), depth=10.0), ValueError, "depth applies to rules such as SoftDeepR"),
        (
            lambda: setattr(linear(), "rule", FixedWiring(0.1)),
            ValueError,
            "rule must act on SoftConnections as SoftDeep",
        ),
        (lambda: Trainer(linear(), between=SET()), ValueError, "between must act on SoftConnections"),
        (lambda: prune(linear(), [10, 10]), ValueError, "rule of the network must be one on existing connections"),
        (lambda: linear(SAMPLING), ValueError, r"signals=\{'gradient': LogLikelihood\(number of training samples\)\}"),
        (lambda: linear(SAMPLING, signals={"gradient": "gradient"}), ValueError, "LogLikelihood"),
        (
            lambda: linear(SAMPLING, signals={"gradient": LogLikelihood(48)}),
            ValueError,
            "dense_rule must be given with SynapticSampling",
        ),
        (lambda: linear(dense_rule="sgd"), TypeError, "dense_rule must be a rule with learning rate and optimizer"),
        (lambda: LogLikelihood(0), ValueError, "num_samples must be between 1"),
        (
            lambda: RateNetwork([SparseLinear(4, 4, connections=4, max_in_degree=2)], SOFT),
            ValueError,
            "max_in_degree does not apply to SoftDeepR",
        ),
        (
            lambda: Trainer(linear(DENSE), between=PruneAndRegrow()),
            ValueError,
            "a value of 'condition' for each connection, got None; give a function",
        ),
        (
            lambda: Trainer(linear(DENSE), between=PruneAndRegrow(regrow=False), signals={"condition": np.sign}),
            ValueError,
            "between must form as many connections as it eliminates",
        ),
        (lambda: Trainer(linear(DENSE), between=SynapticElements()), ValueError, "between must form as many"),
        (lambda: Trainer(linear(DENSE), signals={"condition": 1.0}), ValueError, "signals belong to a rule"),
        (lambda: LinearDecay(SOFT, 3, 0.1, temperature=1), TypeError, "temperature must be True or False"),
    ],
)
def test_refused_with_a_reason(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_sampling_follows_the_log_likelihood():
    """The signal is the derivative of -N loss with respect to theta, by finite differences."""
    net = sampling()
    fit(net, 2)
    mean_loss = gradients(net)
    for part in net.sparse:
        c, value = part.connections, LogLikelihood(48)(part)
        assert type(c) is PotentialConnections
        assert len(c) == c.num_sites
        assert not value[c.theta < 0].any()
        for slot in np.flatnonzero(c.theta > 0.05)[::5]:
            theta, losses = c.theta[slot], []
            for shift in (-0.02, 0.02):
                c.theta[slot] = theta + np.float32(shift)
                losses.append(mean_loss())
            c.theta[slot] = theta
            assert abs(-48 * (losses[1] - losses[0]) / 0.04 - value[slot]) < 0.05 + 0.05 * abs(value[slot])


def test_sampling_starts_at_the_prior():
    """Given the number of active connections, theta is drawn from the prior on either side of 0."""
    rule = replace(SAMPLING, mean=-1.64, theta_range=None)
    layers = [SparseLinear(200, 100, connectivity=0.05, bias=False)]
    net = RateNetwork(layers, rule, signals={"gradient": LogLikelihood(9)}, seed=2)
    c = net.connections[0]
    assert c.num_active == 1000
    # Means and variances of N(-1.64, 1) given theta < 0 and given theta >= 0; five standard errors.
    for side, mean, sd in ((c.theta[c.theta < 0], -1.7494, 0.9005), (c.theta[c.theta >= 0], 0.4207, 0.3778)):
        assert abs(side.mean() - mean) < 5 * sd / np.sqrt(len(side))
    assert fit_of_noise(net)


def fit_of_noise(net):
    net.gradients(np.zeros((2, 200), np.float32), np.zeros(2, np.int64), CrossEntropy())
    return net.step()[0].num_births >= 0


def test_a_condition_prunes_between_steps():
    """Of theta, age and gradient; the weights learn by descent."""

    def condition(part):
        c = part.connections
        return (np.abs(c.theta) < 0.05) & (c.age >= 3) & (np.abs(part.gradient) < 0.02)

    net = linear(FixedWiring(0.05))
    expected = []

    def watch(trainer):
        if trainer.steps_done % 2 == 0:
            expected.append([np.flatnonzero(condition(part)) for part in net.sparse])

    trainer = Trainer(net, between=PruneAndRegrow(), signals={"condition": condition}, every=2)
    trainer.fit(X, Y, epochs=4, batch_size=8, report=None, watch=watch)
    assert trainer.log.num_births == trainer.log.num_deaths > 10
    assert [c.num_active for c in net.connections] == trainer.history[0].connections
    deaths = trainer.log.events[trainer.log.events["kind"] == -1]
    slots = np.concatenate([part for parts in expected[:-1] for part in parts])
    assert_array_equal(deaths["slot"], slots)
    assert type(net.connections[0]) is Connections


def test_the_gradient_between_steps_is_that_of_the_last_batch():
    """Also at the start of a call of ``fit``, which compiles kernels before."""
    seen = []

    def condition(part):
        seen.append(part.gradient.copy())
        return np.zeros(len(part.connections), np.bool_)

    for calls in ([2], [1, 1]):
        trainer = Trainer(linear(FixedWiring(0.05)), between=PruneAndRegrow(), signals={"condition": condition})
        for epochs in calls:
            trainer.fit(X, Y, epochs=epochs, batch_size=8, report=None, watch=lambda trainer: None)
    half = len(seen) // 2
    assert half == 2
    for one, other in zip(seen[:half], seen[half:], strict=True):
        assert one.any()
        assert_array_equal(one, other)
