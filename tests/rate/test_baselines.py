"""SET, RigL, shrinkage and pruning: who dies, who is born, how many there are, and that the log tells it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import CrossEntropy, FixedWiring, Linear, RateNetwork, ReLU, SparseLinear, Trainer
from synaptic_sampling.rate import SET, RigL, Shrinkage, prune


def make(dense=False, connections=(60, 30)):
    one, two = (Linear(20, 15), Linear(15, 4)) if dense else map(sparse, ((20, 15), (15, 4)), connections)
    return RateNetwork([one, ReLU(), two], FixedWiring(0.1), seed=2)


def sparse(sizes, connections):
    return SparseLinear(*sizes, connections=connections)


def samples(rng, n=60):
    return rng.standard_normal((n, 20)).astype(np.float32), rng.integers(0, 4, n)


@pytest.mark.parametrize("every", [None, 4])
@pytest.mark.parametrize("method", ["set", "rigl"])
def test_budget_is_kept_and_the_log_tells_all(rng, method, every, tmp_path):
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
    second.fit(x, y, epochs=8, batch_size=10, test=(x, y), report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, second.network.state()[name])
    assert whole.history == second.history


def test_set_replaces_the_weakest():
    trainer = Trainer(make())
    c = trainer.network.connections[0]
    c.theta[:] = np.linspace(-1, 1.1, 60)
    keys = c.sites.keys(c.pre, c.post)
    weak = np.sort(np.argsort(np.abs(c.theta))[:15])
    info = SET(0.25)(trainer)[0]
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


def test_nonsense_is_refused(rng):
    x, y = samples(rng)
    for wrong, message in [
        (lambda: SET(1.0), "fraction must be < 1, got 1.0"),
        (lambda: SET(0), "fraction must be > 0"),
        (lambda: RigL(x, y, batch_size=0, steps=3), "batch_size must be"),
        (lambda: RigL(x, y, batch_size=3, steps=0), "steps must be"),
        (lambda: Shrinkage(-1.0), "l1 must be > 0"),
        (lambda: Trainer(make(), every=0), "every must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
