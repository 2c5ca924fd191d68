"""Axonal and dendritic elements that grow in Brian2 equations, and the connections they make."""

from __future__ import annotations

import logging

import brian2 as b2
import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Connections,
    Decision,
    Rewiring,
    RewiringMonitor,
    Rule,
    Signal,
    SynapticElements,
    pair_elements,
)
from tests.brian.conftest import both_targets

NEURON = """dv/dt = 0/ms : 1
            axonal : 1
            dendritic : 1"""


def neurons(number, axonal="0", dendritic="0", name="neurons*"):
    group = b2.NeuronGroup(number, NEURON, threshold="v > 1", reset="v = 0", method="euler", name=name)
    group.axonal, group.dendritic = axonal, dendritic
    return group


def empty(source, target, **more):
    synapses = b2.Synapses(source, target, "w : 1\nconnected : 1", on_pre="v_post += w", **more)
    synapses.connect(condition="False")
    return synapses


def degrees(synapses):
    return tuple(synapses.variables[name].get_value().tolist() for name in ("N_outgoing", "N_incoming"))


@both_targets
def test_a_net_grows_from_nothing_and_follows_its_elements(target):
    group = neurons(20, axonal="i % 5", dendritic="4 - i % 5")
    s = empty(group, group, delay=2 * ms)
    rewiring = Rewiring(s, SynapticElements(), capacity=60, birth={"w": 0.25}, multapses=True, seed=3, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    net = b2.Network(group, s, rewiring, monitor)
    net.run(1.5 * ms)
    number = rewiring.num_active
    assert 30 < number <= 40
    out, into = (np.bincount(ends, minlength=20) for ends in (rewiring.i, rewiring.j))
    assert degrees(s) == (out.tolist(), into.tolist())
    assert (out <= np.arange(20) % 5).all()
    assert (into <= 4 - np.arange(20) % 5).all()
    assert s.w[:].tolist() == [0.25] * number + [0.0] * (60 - number)
    assert s.connected[:].tolist() == [1.0] * number + [0.0] * (60 - number)
    group.v[3] = 1.1
    net.run(2.6 * ms)
    assert_array_equal(group.v[:], 0.25 * np.bincount(rewiring.j[rewiring.i == 3], minlength=20))
    group.axonal = 1
    net.run(1 * ms)
    assert np.bincount(rewiring.i).max() == 1
    group.dendritic = 0
    net.run(1 * ms)
    assert rewiring.num_active == 0
    assert degrees(s) == ([0] * 20, [0] * 20)
    group.dendritic = "i % 3"
    net.run(1 * ms)
    assert rewiring.num_active > 10
    pre, post, _ = monitor.log.wiring()
    assert_array_equal(pre, rewiring.i)
    assert_array_equal(post, rewiring.j)


def test_the_wiring_is_that_of_the_core_also_between_subgroups():
    group = neurons(12, axonal="3*rand()", dendritic="3*rand()")
    s = empty(group[:8], group[4:])
    rewiring = Rewiring(s, SynapticElements(), capacity=50, seed=7, dt=1 * ms)
    c = Connections(8, 8, [], [], capacity=50, seed=7, autapses=False, diagonal=-4)
    net = b2.Network(group, s, rewiring)
    for _ in range(4):
        group.axonal, group.dendritic = "4*rand()", "4*rand()"
        pair_elements(c, group.axonal[:8], group.dendritic[4:])
        rewiring.step()
        assert_array_equal(rewiring.i, c.pre)
        assert_array_equal(rewiring.j, c.post)
        assert (rewiring.i != rewiring.j + 4).all()
    assert rewiring.num_active > 5
    net.run(0 * ms)


def test_names_of_ones_own_and_more_than_one_projection_of_a_neuron():
    group = b2.NeuronGroup(6, "boutons : 1\nfar_boutons : 1\nspines : 1", threshold="False")
    group.boutons, group.far_boutons, group.spines = 2, 2, 2
    other = neurons(5, dendritic="3")
    own, away = b2.Synapses(group, group), b2.Synapses(group, other)
    for synapses in (own, away):
        synapses.connect(condition="False")
    both = [
        Rewiring(own, SynapticElements("boutons", "spines"), capacity=20, autapses=True, multapses=True, dt=1 * ms),
        Rewiring(away, SynapticElements("far_boutons"), capacity=20, multapses=True, dt=1 * ms),
    ]
    b2.Network(group, other, own, away, *both).run(3 * ms)
    assert [rewiring.num_active for rewiring in both] == [12, 12]


def test_store_and_restore():
    group = neurons(10, axonal="i % 4", dendritic="3")
    s = empty(group, group)
    rewiring = Rewiring(s, SynapticElements(), capacity=30, seed=1, dt=1 * ms)
    net = b2.Network(group, s, rewiring)
    net.run(2 * ms)
    net.store()

    def go_on():
        group.axonal = "3 - i % 4"
        net.run(3 * ms)
        return rewiring.i.tolist(), rewiring.j.tolist()

    before, course = rewiring.i.tolist(), go_on()
    net.restore()
    assert rewiring.i.tolist() == before
    assert go_on() == course != before


def test_a_capacity_that_is_reached_is_told_once(caplog):
    group = neurons(10, axonal="3", dendritic="3")
    s = empty(group, group)
    rewiring = Rewiring(s, SynapticElements(), capacity=4, seed=1, dt=1 * ms)
    with caplog.at_level(logging.WARNING, logger="synaptic_sampling"):
        b2.Network(group, s, rewiring).run(4 * ms)
    told = [record.getMessage() for record in caplog.records if "could not place" in record.getMessage()]
    assert len(told) == 1
    assert "could not place 26 new connections at t = 0.001 s" in told[0]
    assert rewiring.num_active == 4


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s, o: Rewiring(s, SynapticElements("boutons")), ValueError, "variable 'boutons' of each neuron"),
        (lambda s, o: Rewiring(s, SynapticElements(dendritic="v_")), ValueError, "variable 'v_' of each"),
        (lambda s, o: Rewiring(o, SynapticElements()), ValueError, "'axonal' of each neuron of 'noisy'"),
        (lambda s, o: Rewiring([s], SynapticElements()), ValueError, "reads variables of neurons, .* shared budget"),
        (lambda s, o: Rewiring(s, SynapticElements(), capacity=-1), ValueError, "capacity must be between 0"),
        (lambda s, o: Rewiring(s, SynapticElements(), variables={"gradient": "w"}), ValueError, "needs no variable"),
        (lambda s, o: Rewiring(s, SynapticElements(), variables={"axonal": "a"}), ValueError, r"\(axonal='a'\)"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(make, error, message):
    group, noisy = neurons(4, name="known"), b2.PoissonGroup(3, 5 * b2.Hz, name="noisy")
    s, other = empty(group, group), empty(noisy, group)
    with pytest.raises(error, match=message):
        make(s, other)
    assert len(s) == len(other) == 0
    Rewiring(s, SynapticElements(), capacity=3)


def test_elements_have_no_unit():
    group = b2.NeuronGroup(4, "axonal : volt\ndendritic : 1", name="with_unit")
    s = b2.Synapses(group, group)
    s.connect(condition="False")
    with pytest.raises(DimensionMismatchError, match="variable 'axonal' of 'with_unit' must be dimensionless"):
        Rewiring(s, SynapticElements())


def test_elements_are_counted_for_one_projection():
    group = neurons(10)
    first, second, apart = empty(group, group[:5]), empty(group[5:], group[5:]), empty(group[:5], group[5:])
    with pytest.raises(ValueError, match="capacity"):
        Rewiring(apart, SynapticElements(), capacity=-1)  # What is refused has no part in it.
    Rewiring(first, SynapticElements(), capacity=3)
    with pytest.raises(
        ValueError, match=f"'axonal' belongs to '{first.name}' already, .*; use a separate variable for"
    ):
        Rewiring(apart, SynapticElements(), capacity=3)
    with pytest.raises(ValueError, match="'axonal' belongs to"):
        Rewiring(second, SynapticElements(), capacity=3)
    other = neurons(10)
    halves = empty(other[:5], other[5:]), empty(other[5:], other[:5])
    assert [Rewiring(half, SynapticElements(), capacity=3).num_active for half in halves] == [0, 0]


def test_an_expression_has_to_be_constant_over_dt():
    model = "v : 1\naxonal = 2*v : 1\ndendritic = 3*v : 1 (constant over dt)"
    group = b2.NeuronGroup(4, model, threshold="v > 1", reset="")
    with pytest.raises(ValueError, match=r"'axonal' of '.*' is an expression, .* append '\(constant over dt\)'"):
        Rewiring(empty(group, group), SynapticElements(), capacity=3)
    group.v = 1
    s = empty(group, group)
    rewiring = Rewiring(s, SynapticElements("dendritic"), capacity=30, multapses=True, autapses=True, dt=1 * ms)
    b2.Network(group, s, rewiring).run(1.1 * ms)
    assert rewiring.num_active == 12


class Quiet(Rule):
    """Replaces the connections onto neurons whose activity is above 1."""

    signals = (Signal("activity", of="postsynaptic neuron"),)
    has_theta = False
    keeps_number = True
    num_moments = None

    def decide(self, connections, activity):
        return Decision(np.flatnonzero(activity[connections.post] > 1))


def test_several_synapses_may_read_one_variable_of_neurons():
    group = b2.NeuronGroup(6, "calcium : 1")
    group.calcium = "2*int(i < 3)"
    made = []
    for _ in range(2):
        s = b2.Synapses(group, group, "w : 1")
        s.connect(i=[0, 1, 2], j=[1, 3, 4])
        made += [s, Rewiring(s, Quiet(), variables={"activity": "calcium"}, seed=len(made), dt=1 * ms)]
    monitor = RewiringMonitor(made[1])
    b2.Network(group, *made, monitor).run(1.1 * ms)
    assert monitor.log.events["post"][monitor.log.events["kind"] == -1].tolist() == [1]


def test_a_missing_variable_of_neurons_can_be_renamed_by_variables():
    group = b2.NeuronGroup(6, "calcium : 1")
    s = b2.Synapses(group, group, "w : 1")
    s.connect(i=[0, 1, 2], j=[1, 3, 4])
    with pytest.raises(
        ValueError, match=r"'activity' of each neuron of .* or name yours by variables={'activity': ...}"
    ):
        Rewiring(s, Quiet())
