"""e-prop in Brian2 against its reference implementation, that against finite differences, and what a run changes."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest

from models.eprop_digits import EpropNetwork, Parameters, Schedule
from tests.models.naive_eprop import Weights, eprop, hard, soft

SMALL = Parameters(num_lif=12, num_alif=8, beta=0.5, batch=4, input_scale=6.0, recurrent_scale=2.0, output_scale=2.0)


@pytest.fixture(autouse=True)
def target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def digits(rng, n):
    """Return noisy images of ten patterns, and their labels."""
    labels = np.arange(n) % 10
    return np.clip(patterns()[labels] + 0.1 * rng.standard_normal((n, 64)), 0, 1), labels


def patterns():
    return np.random.default_rng(0).random((10, 64)) < 0.3


def plan(rng, n, batch=4, teaching=True):
    images, labels = digits(rng, n)
    return Schedule(images, np.arange(n), labels, np.full(n, teaching), [slice(0, n)], batch)


def make(schedule, method="deepr", parameters=SMALL, connectivity=0.3, seed=3):
    return EpropNetwork(schedule, parameters, method=method, connectivity=connectivity, seed=seed)


def matrix(synapses, values):
    out = np.zeros((len(synapses.source), len(synapses.target)))
    out[synapses.i[:], synapses.j[:]] = values
    return out


def matrices(net, variable):
    return Weights(*(matrix(s, getattr(s, variable)[:]) for s in (net.input, net.recurrent, net.output)))


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("method", ["deepr", "fixed", "dense"])
def test_brian_sums_the_gradient_of_the_reference(rng, method):
    # One batch, an event, and three images with the weights that the event has left.
    schedule = plan(rng, 7)
    net = make(schedule, method)
    spikes = b2.SpikeMonitor(net.neurons)
    net.network.add(spikes)
    net.run()
    assert [rewiring.connections.steps_done for rewiring in net.rewirings] == [1, 1, 1]
    _, gradients, expected, outputs = eprop(matrices(net, "w"), schedule.images[4:], schedule.labels[4:], SMALL)
    trains = np.zeros((7 * SMALL.steps, SMALL.num_neurons))
    trains[np.rint(spikes.t / b2.ms).astype(int), spikes.i] = 1
    np.testing.assert_array_equal(trains[4 * SMALL.steps :], expected.reshape(-1, SMALL.num_neurons))
    assert expected.sum() > 50
    np.testing.assert_array_equal(net.predictions[4:], outputs.argmax(axis=1))
    for synapses, gradient in zip((net.input, net.recurrent, net.output), gradients, strict=True):
        exist = matrix(synapses, 1.0)
        assert relative(matrix(synapses, synapses.gradient[:]), gradient * exist) < 1e-9


def test_reference_is_the_gradient_of_the_loss_where_eprop_is_exact(rng):
    """Smooth spikes, given resets, and recurrent weights 0: then no path but those that e-prop follows is left."""
    images, labels = digits(rng, 3)
    sizes = ((64, 20), (20, 20), (20, 10))
    weights = Weights(*(scale * rng.standard_normal(size) for scale, size in zip((0.5, 0, 1), sizes, strict=True)))
    resets = eprop(weights, images, labels, SMALL, spike=hard)[2]
    options = {"spike": soft, "resets": resets}
    gradients = eprop(weights, images, labels, SMALL, **options)[1]
    h = 1e-5
    for w, gradient in zip(weights, gradients, strict=True):
        largest = np.argsort(np.abs(gradient), axis=None)[-40:]
        for site in map(tuple, np.array(np.unravel_index(largest, w.shape)).T):
            middle, losses = w[site], []
            for w[site] in (middle + h, middle - h):
                losses.append(eprop(weights, images, labels, SMALL, **options)[0])
            w[site] = middle
            assert (losses[0] - losses[1]) / (2 * h) == pytest.approx(gradient[site], rel=1e-6)


def test_readout_gradient_is_exact_with_real_spikes(rng):
    images, labels = digits(rng, 2)
    sizes = ((64, 20), (20, 20), (20, 10))
    weights = Weights(*(0.5 * rng.standard_normal(size) for size in sizes))
    gradient = eprop(weights, images, labels, SMALL)[1].output
    direction, h = rng.standard_normal(weights.output.shape), 1e-5
    moved = [weights._replace(output=weights.output + step * direction) for step in (h, -h)]
    losses = [eprop(w, images, labels, SMALL)[0] for w in moved]
    assert (losses[0] - losses[1]) / (2 * h) == pytest.approx(np.sum(gradient * direction), rel=1e-6)


@pytest.mark.parametrize("method", ["deepr", "fixed"])
def test_tests_change_nothing(rng, method):
    schedule = plan(rng, 12, teaching=False)
    net = make(schedule, method)
    before = matrices(net, "w")
    net.run()
    for now, then in zip(matrices(net, "w"), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert not any(np.any(values) for values in matrices(net, "gradient"))
    assert net.monitor.num_events == 0


def train(rng, method="deepr", epochs=3, connectivity=0.1):
    sets = digits(rng, 30), digits(rng, 10)
    schedule = Schedule.epochs(*sets, epochs=epochs, batch=4, seed=1)
    net = make(schedule, method, connectivity=connectivity)
    first = [(s.i[:].copy(), s.j[:].copy(), s.polarity[:].copy(), s.w[:].copy()) for s in net.plastic]
    net.run()
    return net, first


def test_budget_signs_and_log_hold_together(rng):
    net, first = train(rng)
    expected = [round(0.1 * 64 * 20), round(0.1 * 20 * 19)]
    assert [len(s) for s in net.plastic] == expected
    assert set(net.counts) == {sum(expected)}
    log = net.monitor.log
    for index, (synapses, (i, j, polarity, _)) in enumerate(zip(net.plastic, first, strict=True)):
        # 30 images are 7 batches, and 3 epochs; tests bring no event.
        assert net.rewirings[index].connections.steps_done == 21
        events = log.events[log.events["set"] == index]
        assert len(events) >= 10
        assert np.all(synapses.theta[:] >= 0)
        edges = dict(zip(zip(i, j, strict=True), polarity, strict=True))
        for e in events:
            edge = (e["pre"], e["post"])
            if e["kind"] < 0:
                assert edges.pop(edge) == e["polarity"]
            else:
                assert edge not in edges
                edges[edge] = e["polarity"]
        assert [snapshot.step for snapshot in log.snapshots if snapshot.set_index == index] == [0, 7, 14, 21]
        now = zip(synapses.i[:], synapses.j[:], strict=True)
        assert edges == dict(zip(now, synapses.polarity[:], strict=True))


@pytest.mark.parametrize("method", ["fixed", "dense"])
def test_without_deepr_the_wiring_stays_and_weights_cross_zero(rng, method):
    net, first = train(rng, method)
    for synapses, (i, j, polarity, w) in zip(net.plastic, first, strict=True):
        np.testing.assert_array_equal(synapses.i[:], i)
        np.testing.assert_array_equal(synapses.j[:], j)
        assert np.mean(synapses.w[:] != w) > 0.8
        np.testing.assert_array_equal(synapses.polarity[:], polarity)
    assert np.any(net.input.w[:] * first[0][3] < 0)
    assert net.monitor.num_events == 0


def test_all_methods_begin_alike(rng):
    deepr, fixed = (matrices(make(plan(rng, 4), method), "w") for method in ("deepr", "fixed"))
    for one, other in zip(deepr, fixed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_learns(rng):
    net, _ = train(rng, epochs=6, connectivity=0.3)
    assert net.accuracies[0] < net.accuracies[-1]
    assert net.accuracies[-1] >= 0.8


def test_same_seed_same_run_and_other_seed_another(rng):
    schedule = plan(rng, 16)
    nets = [make(schedule, seed=seed) for seed in (1, 1, 2)]
    for net in nets:
        net.run()
    weights = [net.input.theta[:] for net in nets]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_schedule_shows_all_and_tests_after_each_epoch(rng):
    train_set, test_set = (rng.random((11, 64)), np.arange(11)), (rng.random((6, 64)), np.arange(100, 106))
    schedule = Schedule.epochs(train_set, test_set, epochs=2, batch=4, seed=5)
    assert len(schedule.labels) == len(schedule.shown) == 2 * (8 + 8)
    assert len(schedule.images) == 11 + 6
    assert schedule.tests == [slice(8, 14), slice(24, 30)]
    orders = []
    for start in (0, 16):
        shown = schedule.labels[start : start + 8]
        orders.append(shown)
        assert len(set(shown)) == 8
        assert set(shown) <= set(range(11))
        assert schedule.teaching[start : start + 16].tolist() == 8 * [True] + 8 * [False]
        np.testing.assert_array_equal(schedule.labels[start + 8 : start + 14], test_set[1])
        np.testing.assert_array_equal(schedule.images[schedule.shown[start + 8 : start + 14]], test_set[0])
        np.testing.assert_array_equal(schedule.images[schedule.shown[start : start + 8]], train_set[0][shown])
    assert not np.array_equal(*orders)


def test_unknown_method_is_refused(rng):
    with pytest.raises(ValueError, match="method must be one of deepr, fixed, dense, got 'sgd'"):
        make(plan(rng, 4), "sgd")
