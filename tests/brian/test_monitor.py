"""What RewiringMonitor and the exports keep apart: sets, times, parked slots, begin and end of runs."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV
from numpy.testing import assert_array_equal

from synaptic_sampling import PruneAndRegrow, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.brian import expressions
from tests.brian.test_potential import SAMPLING, made
from tests.brian.test_rewiring import MODEL, RULE, groups, make, network
from tests.brian.test_standalone import standalone
from tests.brian.test_varying import chain


def test_sets_of_several_rewirings_are_counted_on():
    """The first has two sets, so that the second's is number 2."""
    inputs, neurons = groups()
    three = [b2.Synapses(inputs, neurons, "w : 1", name=f"counted_{k}") for k in range(3)]
    for s in three:
        connect_exactly(s, connections=20, seed=3)
    rule = PruneAndRegrow("rand() < 0.5")
    rewirings = [Rewiring(three[:2], rule, seed=1, dt=1 * ms), Rewiring(three[2], rule, seed=2, dt=1 * ms)]
    monitor = RewiringMonitor(rewirings)
    b2.Network(inputs, neurons, three, rewirings, monitor).run(5 * ms)
    assert set(monitor.synapses) == {0, 1, 2}
    assert len(monitor.synapses) == len(monitor.i) == monitor.num_events
    assert 2 in monitor.log.events["kind"], "connections must have moved for this test to mean anything"
    pre, post, _ = monitor.log.wiring(index=2)
    assert_array_equal(pre, three[2].i[:])
    assert_array_equal(post, three[2].j[:])
    assert monitor.log.sets[2].name == "counted_2"
    assert_array_equal(monitor.connectivity_at(4 * ms, synapses=2).sum(), 20)


def test_what_is_kept_of_a_run():
    s = make()
    rewiring = Rewiring(s, RULE, seed=77, dt=1 * ms, when="after_start", order=3)
    monitor = RewiringMonitor(rewiring)
    assert (monitor.when, monitor.order) == ("after_start", 3)
    net = network(s, rewiring, monitor)
    rewiring.step()
    rewiring.step()
    net.run(3.1 * ms)
    net.run(2 * ms)
    assert monitor.log.metadata["seed"] == 77
    assert monitor.log.metadata["interval"] == 0.001
    assert [taken.step for taken in monitor.log.snapshots] == [0, 5, 7]
    assert_array_equal(monitor.log.snapshots[-1].theta, s.theta[:])
    net.store()
    net.restore()
    assert monitor.log.metadata["seed"] == 77


def test_the_wiring_at_the_time_of_an_event_has_seen_it():
    s = make()
    rewiring = Rewiring(s, PruneAndRegrow("True"), seed=7, dt=1 * ms)
    net = network(s, rewiring)
    net.run(3.05 * ms)
    monitor = RewiringMonitor(rewiring)
    net.add(monitor)
    wirings = [{*zip(s.i[:].tolist(), s.j[:].tolist(), strict=True)}]
    for _ in range(3):
        net.run(1 * ms)
        wirings.append({*zip(s.i[:].tolist(), s.j[:].tolist(), strict=True)})
    for t, number in [(3.5, 0), (4, 1), (4.5, 1), (5, 2), (6, 3)]:
        found = monitor.connectivity_at(t * ms)
        assert {*zip(found.row.tolist(), found.col.tolist(), strict=True)} == wirings[number]


@pytest.mark.parametrize("late", [Rewiring, RewiringMonitor])
def test_a_magic_network_goes_on_when_one_is_made_between_runs(late):
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w")
    connect_exactly(s, connections=20, seed=1)
    if late is RewiringMonitor:
        rewiring = Rewiring(s, RULE, dt=1 * ms)
    b2.run(2.05 * ms)
    if late is Rewiring:
        rewiring = Rewiring(s, RULE, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    b2.run(2 * ms)
    assert inputs.t > 4 * ms
    assert len(monitor.log.times) == 2


def test_they_run_only_with_what_they_depend_on():
    s = make()
    rewiring = Rewiring(s, RULE)
    monitor = RewiringMonitor(rewiring)
    with pytest.raises(ValueError, match="has been included in the network but not"):
        b2.Network(s.source, s.target, rewiring).run(1 * ms)
    with pytest.raises(ValueError, match="has been included in the network but not"):
        b2.Network(s.source, s.target, s, monitor).run(1 * ms)


def test_weights_of_a_matrix_are_those_of_its_connections():
    _, target, s = chain()
    s.w = np.linspace(1, 40, 40) * mV
    rewiring = Rewiring([s, other(target)], PruneAndRegrow("w < 10.5*mV"), birth={"w": "(50 + i)*mV"}, seed=1)
    for _ in range(3):
        rewiring.step()
    matrix = rewiring.to_scipy("w")
    assert_array_equal(matrix.data, s.w_[: rewiring.sets[0].num_active])
    with pytest.raises(ValueError, match="no variable 't' for each synapse"):
        rewiring.to_scipy("t")


def test_potential_weights_are_those_of_the_connected():
    _, _, s = made()
    s.fresh = "i + 10*j"
    rewiring = Rewiring(s, SAMPLING)
    matrix = rewiring.to_scipy("fresh")
    assert_array_equal(matrix.data, matrix.row + 10 * matrix.col)


def other(target):
    s = b2.Synapses(target, target, "w : volt", name="other_of_a_matrix")
    s.connect(i=[0, 1], j=[1, 2])
    s.w = 1 * mV
    return s


def test_a_graph_has_all_neurons():
    rewiring = Rewiring(other(b2.NeuronGroup(9, "v : 1")), PruneAndRegrow("w < 1*mV"))
    assert len(rewiring.to_networkx().nodes) == 9


def test_spare_slots_count_in_no_degree_of_a_subgroup():
    neurons = b2.NeuronGroup(12, "v : 1", threshold="v > 1")
    pair = [b2.Synapses(neurons[k : k + 6], neurons[3:9], "w : 1") for k in (2, 4)]
    for s in pair:
        connect_exactly(s, connections=10, seed=1)
    rewiring = Rewiring(pair, PruneAndRegrow("rand() < 0.4"), seed=1)
    for _ in range(4):
        for s, c in zip(pair, rewiring.sets, strict=True):
            # Brian2 counts from the first neuron of the whole group on.
            for degree, ends, begin in (("N_outgoing", c.pre, s.source.start), ("N_incoming", c.post, s.target.start)):
                assert_array_equal(s.variables[degree].get_value(), np.bincount(ends + begin, minlength=begin + 6))
        rewiring.step()


def test_pairs_are_asked_about_piece_by_piece(monkeypatch):
    monkeypatch.setattr(expressions, "PAIRS_AT_ONCE", 7)
    s = b2.Synapses(*groups(), "w : 1")
    ask = expressions.PairExpression(s, "i + 10*j", np.float64, {})
    pre, post = np.divmod(np.arange(80, dtype=np.int32), np.int32(8))
    assert_array_equal(ask(pre, post), pre + 10 * post)
    assert ask(pre[:0], post[:0]).shape == (0,)


def test_connections_stand_in_order():
    s = make(connections=40)
    assert_array_equal(np.argsort(s.i[:] * 8 + s.j[:]), np.arange(40))


def turning_over():
    """Return synapses that are all replaced every millisecond, with two monitors: their network, and what they have."""
    s = make("w : 1")
    rewiring = Rewiring(s, PruneAndRegrow("w < 1"), seed=7, dt=1 * ms, name="rewiring")
    monitors = RewiringMonitor(rewiring, name="turnover"), RewiringMonitor(rewiring, record=False, name="counting")
    return network(s, rewiring, *monitors), rewiring, *monitors


def switch(monitors, active):
    for each in monitors:
        each.active = active


def test_a_monitor_that_is_inactive_records_nothing():
    net, rewiring, *monitors = turning_over()
    switch(monitors, False)
    net.run(2.05 * ms)
    switch(monitors, True)
    net.run(1 * ms)
    wiring = rewiring.i
    switch(monitors, False)
    net.run(3 * ms)
    turnover, counting = monitors
    assert (turnover.num_births, counting.num_births) == (30, 30)
    assert [taken.step for taken in turnover.log.snapshots] == [2, 3]
    assert_array_equal(turnover.log.wiring()[0], wiring)
    assert_array_equal(turnover.connectivity_at(3 * ms).coords[0], wiring)
    with pytest.raises(ValueError, match=r"t must be <= 0\.003"):
        turnover.connectivity_at(4 * ms)
    counting.active = True
    net.run(1 * ms)
    assert counting.num_births == 60


@pytest.mark.parametrize("when", ["run", "step", "snapshot", "restored"])
def test_a_log_has_no_gap(when):
    net, rewiring, turnover, _ = turning_over()
    net.run(2.05 * ms)
    net.store()
    turnover.active = False
    net.run(2 * ms)
    turnover.active = True
    if when == "restored":
        net.restore()
        net.run(1 * ms)
        assert turnover.num_births == 90
        return
    calls = {"run": lambda: net.run(1 * ms), "step": rewiring.step, "snapshot": turnover.snapshot}
    with pytest.raises((ValueError, b2.BrianObjectException)) as raised:
        calls[when]()
    error = raised.value.__cause__ or raised.value
    assert "'turnover' was inactive while events happened, and its log would have a gap; create another" in str(error)
    assert rewiring.connections.steps_done == 4, "and nothing has changed"


def switched_in_parts(build=lambda: None):
    """Return what monitors have of a run in which they are active in the middle third."""
    net, _, *monitors = turning_over()
    for active in (False, True, False):
        switch(monitors, active)
        net.run(2.05 * ms)
    build()
    turnover, counting = monitors
    log = turnover.log
    return log.events, log.times["seconds"], [taken.step for taken in log.snapshots], counting.num_births


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_an_inactive_monitor_of_a_program_records_nothing(tmp_path):
    expected = switched_in_parts()
    assert expected[-1] == 60
    b2.start_scope()
    with standalone(tmp_path) as build:
        got = switched_in_parts(build)
    for one, other in zip(expected, got, strict=True):
        assert_array_equal(one, other)


def test_a_log_of_a_program_has_no_gap(tmp_path):
    with standalone(tmp_path):
        net, _, turnover, _ = turning_over()
        for active in (True, False):
            turnover.active = active
            net.run(1 * ms)
        turnover.active = True
        with pytest.raises(b2.BrianObjectException) as raised:
            net.run(1 * ms)
    assert "its log would have a gap" in str(raised.value.__cause__)
