"""Wirings at a time, sparse matrices, graphs; and the log under store and restore."""

from __future__ import annotations

import sys

import brian2 as b2
import networkx
import numpy as np
import pytest
from brian2 import ms, mV, second
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, SynapticSampling, connect_exactly
from tests.brian.test_rewiring import MODEL, make, network

RULE = DeepR(learning_rate=0.1, l1=1.0, temperature=0.1)


def pairs(matrix):
    return sorted(zip(matrix.row.tolist(), matrix.col.tolist(), strict=True))


def test_connectivity_at_any_time():
    s = make()
    seen = [sorted(zip(s.i[:].tolist(), s.j[:].tolist(), strict=True))]
    keep = lambda r, _: seen.append(sorted(zip(r.i.tolist(), r.j.tolist(), strict=True)))  # noqa: E731
    rewiring = Rewiring(s, RULE, seed=2, dt=1 * ms, callback=keep)
    monitor = RewiringMonitor(rewiring)
    net = network(s, rewiring, monitor)
    with pytest.raises(ValueError, match="has recorded nothing yet"):
        monitor.connectivity_at(0 * ms)
    for _ in range(3):
        net.run(10.2 * ms)
    assert len(seen) == 31
    assert seen[3] != seen[4]
    for n, wiring in enumerate(seen):
        assert pairs(monitor.connectivity_at(n * ms)) == wiring
        if n < 30:
            assert pairs(monitor.connectivity_at((n + 0.9) * ms)) == wiring
    assert monitor.connectivity_at(net.t).shape == (10, 8)
    for wrong, error, message in [
        (5, b2.DimensionMismatchError, "t must be a time"),
        (31 * ms, ValueError, "t must be <= 0.03"),
        (-1 * ms, ValueError, "t must be >= 0"),
    ]:
        with pytest.raises(error, match=message):
            monitor.connectivity_at(wrong)
    with pytest.raises(ValueError, match="synapses must be between 0 and 0"):
        monitor.connectivity_at(1 * ms, synapses=1)
    with pytest.raises(AttributeError, match="keeps counts only"):
        RewiringMonitor(rewiring, record=False).connectivity_at(1 * ms)


def test_matrix_has_every_connection_also_those_of_weight_0():
    s = make("theta : 1\ngradient : 1\npolarity : 1\nw = polarity*theta*mV : volt", on_pre="v_post += w/mV")
    rewiring = Rewiring(s, RULE, seed=1)
    s.theta = np.arange(30)
    matrix = rewiring.to_scipy("w")
    assert matrix.shape == (10, 8)
    assert matrix.nnz == 30
    assert_array_equal(matrix.toarray()[s.i[:], s.j[:]], s.polarity[:] * np.arange(30) * 1e-3)
    assert pairs(rewiring.to_scipy()) == sorted(zip(s.i[:], s.j[:], strict=True))
    assert rewiring.to_scipy().data.tolist() == [1] * 30
    with pytest.raises(ValueError, match="no variable 'weight' for each synapse"):
        rewiring.to_scipy("weight")


def test_parked_slots_and_retracted_ones_are_no_connections():
    inputs, neurons = b2.PoissonGroup(6, 1 * b2.Hz), b2.NeuronGroup(5, "v : 1")
    s = b2.Synapses(inputs, neurons, "w : 1")
    connect_exactly(s, connections=20, seed=1)
    s.w = np.arange(20)
    rewiring = Rewiring(s, PruneAndRegrow("w < 8", regrow=False))
    rewiring.step()
    assert sorted(rewiring.to_scipy("w").data) == list(range(8, 20))
    assert rewiring.to_networkx().number_of_edges() == 12
    twice = b2.Synapses(inputs, neurons, MODEL)
    twice.connect(n=2)
    twice.theta = np.linspace(-1, 1, 60)
    sampled = Rewiring(twice, SynapticSampling(1 / second, 0.1, 0.0, 1.0, 1 * second))
    assert sampled.to_scipy("theta").nnz == 30
    assert sampled.to_scipy().tocsr()[5, 4] == 2


def test_graph_knows_the_neurons_behind_subgroups():
    neurons = b2.NeuronGroup(12, "v : 1", threshold="v > 1", reset="v = 0", name="cells")
    one = b2.Synapses(neurons[:6], neurons[4:], MODEL, name="forth")
    two = b2.Synapses(neurons[4:], neurons[:6], MODEL, name="back")
    connect_exactly(one, connections=9, seed=1)
    connect_exactly(two, connections=7, seed=2)
    one.theta, two.theta = np.arange(9), 1
    rewiring = Rewiring([one, two], RULE)
    graph = rewiring.to_networkx("theta", "w")
    assert isinstance(graph, networkx.MultiDiGraph)
    assert set(graph) == {("cells", k) for k in range(12)}
    edges = list(graph.edges(data=True))
    assert len(edges) == 16
    expected = [
        (("cells", i), ("cells", j + 4), float(n))
        for n, (i, j) in enumerate(zip(one.i[:9].tolist(), one.j[:9].tolist(), strict=True))
    ]
    assert sorted((u, v, data["theta"]) for u, v, data in edges if data["synapses"] == "forth") == sorted(expected)
    assert all(data["w"] in (1, -1) for _, _, data in edges if data["synapses"] == "back")


def test_networkx_is_optional(monkeypatch):
    rewiring = Rewiring(make(), RULE)
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match="pip install networkx"):
        rewiring.to_networkx()


@pytest.mark.parametrize("before_any_event", [True, False])
def test_restore_cuts_the_log_back(before_any_event, tmp_path):
    s = make()
    s.theta = 0.2
    rewiring = Rewiring(s, RULE, seed=2, dt=1 * ms)
    monitor, counts = RewiringMonitor(rewiring), RewiringMonitor(rewiring, record=False)
    net = network(s, rewiring, monitor, counts)
    if not before_any_event:
        net.run(10.5 * ms)
    events, births = monitor.log.events.copy(), monitor.num_births
    net.store()
    net.store("file", filename=str(tmp_path / "state"))
    results = []
    for n in range(3):
        if n == 1:
            net.restore()
        elif n == 2:
            net.run(3 * ms)
            net.restore("file", filename=str(tmp_path / "state"))
        if n:
            assert_array_equal(monitor.log.events, events)
            assert monitor.num_births == counts.num_births == births
        b2.seed(4)
        net.run(20 * ms)
        pre, post, _ = monitor.log.wiring()
        assert_array_equal(pre, s.i[:])
        assert_array_equal(post, s.j[:])
        assert monitor.log.sets[0].name == s.name
        results.append((monitor.log.events.tolist(), monitor.t_.tolist(), monitor.num_deaths, len(monitor.log.lives())))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 100


def test_units_of_values_are_dropped_as_said():
    s = make(MODEL.replace("theta : 1", "theta : volt").replace("w = polarity*theta : 1", "w = polarity*theta : volt")
             .replace("gradient : 1", "gradient : 1/volt"), on_pre="v_post += w/mV")  # fmt: skip
    s.theta = 3 * mV
    rewiring = Rewiring(s, DeepR(1 * mV**2, 0.5 / mV, 0.0), signs=1)
    assert set(rewiring.to_scipy("w").data.round(9)) == {0.003}
