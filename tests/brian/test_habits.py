"""What Brian2 users do with a Rewiring between, before and beside runs."""

from __future__ import annotations

import gc

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    DeepR,
    PruneAndRegrow,
    Rewiring,
    RewiringMonitor,
    SynapticElements,
    SynapticSampling,
    connect_exactly,
)
from tests.brian.test_rewiring import MODEL, RULE, make, network


@pytest.mark.parametrize("rule", [RULE, SynapticSampling(1 / b2.second, 1.0, 0.5, 1.0, 1 * ms)])
def test_signs_that_are_set_are_kept(rule):
    s = make("theta : 1\ngradient : 1\npolarity : 1", on_pre="")
    s.theta, s.polarity = 0.5, "1 - 2*int(i >= 6)"
    before = s.polarity[:].copy()
    rewiring = Rewiring(s, rule, seed=1, dt=1 * ms)
    assert_array_equal(s.polarity[:], before)
    assert_array_equal(rewiring.connections.polarity, before)


def test_signs_of_newborns_are_drawn_by_the_rule_and_asked_for_ones_overwrite():
    s = make()
    s.polarity = "1 - 2*int(i >= 6)"
    rewiring = Rewiring(s, DeepR(0.1, 10.0, 1e-6), signs=np.where(np.arange(10) < 3, 1, -1), seed=1, dt=1 * ms)
    assert_array_equal(s.polarity[:], np.where(s.i[:] < 3, 1, -1))
    network(s, rewiring).run(5.1 * ms)
    assert rewiring.connections.birth_step.max() > 0
    assert_array_equal(s.polarity[:], np.where(s.i[:] < 3, 1, -1))


def test_signs_that_are_neither_set_nor_left_are_refused():
    s = make()
    s.polarity = "int(i >= 6)"
    with pytest.raises(ValueError, match=r"'polarity' of '.*' must be \+1 or -1 for each synapse, or 0 for all"):
        Rewiring(s, RULE)


def test_a_rule_that_needs_no_polarity_lets_it_alone():
    s = make("w : 1\npolarity : 1")
    s.polarity = 7
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5"), birth={"polarity": 5}, seed=1, dt=1 * ms)
    network(s, rewiring).run(1.1 * ms)
    assert set(s.polarity[:]) == {5.0, 7.0}


def test_the_rule_may_be_changed_between_runs():
    s = make("w : 1")
    rewiring = Rewiring(s, PruneAndRegrow("w < 0"), seed=1, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    net = network(s, rewiring, monitor)
    net.run(3.1 * ms)
    assert monitor.num_births == 0
    rewiring.rule = PruneAndRegrow("w < 1")
    assert rewiring.rule.condition == "w < 1"
    net.run(2 * ms)
    assert monitor.num_births == 60
    with pytest.raises(TypeError, match="rule must be a PruneAndRegrow"):
        rewiring.rule = RULE
    with pytest.raises(TypeError, match="'w' is not a boolean expression"):
        rewiring.rule = PruneAndRegrow("w")
    assert rewiring.rule.condition == "w < 1"


def deaths_with(change, *, rule=PruneAndRegrow("w < 0.5"), delays=False):  # noqa: B008 (rules do not change)
    """Return the number of connections eliminated in each of five events, the log, and theirs; a change follows two."""
    s = make("w : 1\ntheta : 1\npolarity : 1\ngradient : 1", on_pre="v_post += 0*w")
    s.w = "rand()"
    s.theta, s.gradient = 1, -1
    if delays:
        s.delay = "i*0.1*ms"
    numbers = []
    highest = 2.0  # noqa: F841 (names in strings are looked up where run is called)

    def after_event(rewiring, info):
        numbers.append(info.num_deaths)
        if len(numbers) == 2:
            change(rewiring)

    birth = {"w": 0.7} if hasattr(rule, "condition") else {}
    rewiring = Rewiring(s, rule, birth=birth, signs=1, seed=1, dt=1 * ms, callback=after_event)
    monitor = RewiringMonitor(rewiring)
    network(s, rewiring, monitor).run(5.1 * ms)
    return numbers, monitor.log, s


def test_the_rule_may_be_changed_in_a_callback():
    def change(rewiring):
        rewiring.rule = PruneAndRegrow("w < highest")

    numbers, log, s = deaths_with(change)
    assert 0 < numbers[0] < len(s)
    assert numbers[1:] == [0, *[len(s)] * 3]
    noted = [(step, rule["condition"]) for step, rule in log.rules_of(0)]
    assert noted == [(1, "w < 0.5"), (3, "w < highest")]


@pytest.mark.parametrize("before", [0.1, "0.1 + 0*t/ms"])
@pytest.mark.parametrize("after", [0.5, "0.25 + 0.25*int(t > 3.5*ms)"])
def test_rates_and_schedules_may_be_changed_in_a_callback(before, after):
    used = []

    def change(rewiring):
        rewiring.rule = DeepR(after, 0.0, 0.0)
        rewiring.callback = lambda *_: used.append(rewiring.projections[0].rule.learning_rate)

    deaths_with(change, rule=DeepR(before, 0.0, 0.0))
    assert used == ([0.5, 0.5, 0.5] if after == 0.5 else [0.25, 0.5, 0.5])


def test_a_rule_that_cannot_hold_in_a_run_is_refused_before_the_next_event():
    def unknown(rewiring):
        rewiring.rule = PruneAndRegrow("w < nobody")

    def forming(rewiring):
        rewiring.rule = PruneAndRegrow("w < 2")

    with pytest.raises(KeyError, match="nobody"):
        deaths_with(unknown)
    pruning = PruneAndRegrow("w < 0.1", regrow=False)
    with pytest.raises(ValueError, match=r"differ in pre.delay, so the delay of a new one is ambiguous"):
        deaths_with(forming, rule=pruning, delays=True)


def test_another_rule_has_the_same_units():
    s = make("theta : volt\ngradient : 1/volt\npolarity : 1", on_pre="")
    unit = b2.volt**2
    rewiring = Rewiring(s, DeepR(0.1 * unit, 0.1 / b2.volt, 1.0), dt=1 * ms, seed=1)
    with pytest.raises(b2.DimensionMismatchError, match="learning_rate of the rule"):
        rewiring.rule = DeepR(0.1, 0.1 / b2.volt, 1.0)
    rewiring.rule = DeepR(0.2 * unit, 0.0, 0.0)
    s.theta, s.gradient = 1 * b2.volt, -1 / b2.volt * 1
    s.polarity = 1
    rewiring.connections.polarity[:] = 1
    rewiring.step()
    np.testing.assert_allclose(s.theta[:] / b2.volt, 1.2)


def test_synapses_may_be_taken_over_after_release():
    s = make()
    first = Rewiring(s, RULE, seed=1, dt=1 * ms)
    net = network(s, first)
    net.run(2.1 * ms)
    with pytest.raises(ValueError, match=r"rewired by '.*' already, .* its method release\(\)"):
        Rewiring(s, RULE)
    signs = s.polarity[:].copy()
    first.release()
    second = Rewiring(s, DeepR(0.1, 1.0, 0.0), seed=1, dt=1 * ms)
    assert_array_equal(s.polarity[:], signs)
    for late in (first.release, first.step):
        with pytest.raises(RuntimeError, match=f"'{first.name}' no longer controls '{s.name}' because release"):
            late()
    net.remove(first)
    net.add(second)
    net.run(2.1 * ms)
    assert second.connections.steps_done == 2


def test_parked_slots_cannot_be_taken_over():
    s = make("w : 1")
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5", regrow=False), seed=1, dt=1 * ms)
    rewiring.step()
    with pytest.raises(ValueError, match="slots without a connection, and another Rewiring would treat these as"):
        rewiring.release()
    rewiring.step()


def heard(s, net):
    """Return which synapses a spike of each neuron reaches, after all others have arrived."""
    s.got = 0
    s.source.set_spikes(np.arange(10), np.full(10, net.t / ms + 1) * ms)
    net.run(2 * ms)
    return s.got[:]


@pytest.mark.parametrize("restored", [False, True], ids=["released", "restored and released"])
def test_synapses_added_after_release_transmit(restored):
    s, net, rewiring = counted(PruneAndRegrow("w < 0.5"))
    net.run(2 * ms)
    if restored:
        net.store()
        net.run(2 * ms)
        net.restore()
    rewiring.release()
    net.remove(rewiring)
    s.connect(i=np.arange(6, 10), j=np.arange(6, 10))
    assert_array_equal(heard(s, net), np.ones(10))


def counted(rule):
    """Return synapses that count spikes, their network, and a Rewiring."""
    source, target = b2.SpikeGeneratorGroup(10, [], [] * ms), b2.NeuronGroup(10, "v : 1")
    s = b2.Synapses(source, target, "w : 1\ngot : 1", on_pre="got += 1")
    s.connect(i=np.arange(6), j=np.arange(6))
    s.w = "0.2*i"
    rewiring = Rewiring(s, rule, birth={"w": 1}, seed=1, dt=1 * ms)
    return s, b2.Network(source, target, s, rewiring), rewiring


def pruned():
    """Return synapses of which half are parked, and their network, without the Rewiring."""
    s, net, rewiring = counted(PruneAndRegrow("w < 0.5", regrow=False))
    net.run(2.1 * ms)
    net.remove(rewiring)
    return s, net


@pytest.mark.parametrize("added", [False, True])
def test_parked_slots_outlive_their_rewiring(added):
    """No spike reaches them, another Rewiring does not take them for connections, and none are added behind them."""
    s, net = pruned()
    gc.collect()
    assert_array_equal(heard(s, net), [1, 1, 1, 0, 0, 0])
    if added:
        s.connect(i=9, j=9)
    with pytest.raises(ValueError, match="has 3 slots without a connection, and another Rewiring would treat these as"):
        Rewiring(s, PruneAndRegrow("w < 0.01"), birth={"w": 1})
    if added:
        with pytest.raises(b2.BrianObjectException) as raised:
            net.run(1 * ms)
        assert "has 7 synapses, but had 6 when its Rewiring left some" in str(raised.value.__cause__.__cause__)


def test_a_callback_knows_the_time():
    s, times = make(), []
    rewiring = Rewiring(s, RULE, seed=1, dt=1 * ms, callback=lambda rewiring, info: times.append(rewiring.t / ms))
    network(s, rewiring).run(3.1 * ms)
    np.testing.assert_allclose(times, [1, 2, 3])


def test_a_step_by_hand_knows_names_as_they_are_now():
    s = make("w : 1")
    s.w = np.linspace(0, 1, 30)
    rewiring, counts = Rewiring(s, PruneAndRegrow("w < limit"), birth={"w": 1}, seed=1, dt=1 * ms), []
    for limit in (0.1, 0.6):
        counts.append((rewiring.step().num_deaths, int(30 * limit)))
    assert [died for died, _ in counts] == [3, 15], counts


@pytest.mark.parametrize(
    ("condition", "error"),
    [("w - 0.1", TypeError), ("0 < w < 0.1", SyntaxError), ("w <", SyntaxError), ("w", TypeError)],
)
def test_a_string_that_is_no_condition_is_refused_at_once(condition, error):
    s = make("w : 1")
    with pytest.raises(error):
        Rewiring(s, PruneAndRegrow(condition))
    Rewiring(s, PruneAndRegrow("w < known_later"))


@pytest.mark.parametrize("value", [lambda: 3, object(), b"x"])
def test_births_are_values_or_strings(value):
    with pytest.raises(TypeError, match="birth of 'w' must be one value or a string"):
        Rewiring(make("w : 1"), PruneAndRegrow("w < 1"), birth={"w": value})


def test_synapses_onto_synapses():
    s = make("w : 1\nsteps : 1")
    gate = b2.Synapses(s.source, s, on_pre="steps_post += 1")
    connect_exactly(gate, connections=20, seed=1)
    rewiring = Rewiring(gate, PruneAndRegrow("rand() < 0.5"), seed=1, dt=1 * ms)
    network(s, gate, rewiring).run(2.1 * ms)
    assert rewiring.connections.birth_step.max() == 2
    assert len(rewiring.to_networkx().edges) == 20


def test_models_with_flags_and_elements_stay_as_they_are_when_refused():
    s = make(MODEL)
    with pytest.raises(ValueError, match="'axonal'"):
        Rewiring(s, SynapticElements())
    assert not s.polarity[:].any()
