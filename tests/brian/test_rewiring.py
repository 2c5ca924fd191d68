"""Rewiring at the Brian2 border: what it needs, what it refuses, what follows a birth."""

from __future__ import annotations

import gc

import brian2 as b2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Adam, DeepR, FixedWiring, PruneAndRegrow
from synaptic_sampling.brian import Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.brian.internals import surgery
from tests.brian.conftest import both_targets

RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=0.1)
MODEL = """theta : 1
           gradient : 1
           polarity : 1
           w = polarity*theta : 1"""


def groups(num_pre=10, num_post=8):
    inputs = b2.PoissonGroup(num_pre, rates=20 * Hz)
    return inputs, b2.NeuronGroup(num_post, "dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")


def make(model=MODEL, connections=30, on_pre="v_post += w", **options):
    inputs, neurons = groups()
    synapses = b2.Synapses(inputs, neurons, model, on_pre=on_pre, **options)
    connect_exactly(synapses, connections=connections, seed=3)
    return synapses


def network(synapses, *others):
    return b2.Network(synapses.source, synapses.target, synapses, *others)


def test_events_come_at_dt_and_not_at_the_start():
    s = make()
    rewiring = Rewiring(s, RULE, seed=1, dt=10 * ms)
    monitor = RewiringMonitor(rewiring, samples_per_event=4)
    net = network(s, rewiring, monitor)
    net.run(10 * ms)
    assert rewiring.connections.steps_done == 0
    net.run(0.1 * ms)
    assert rewiring.connections.steps_done == 1
    net.run(89.9 * ms)
    assert rewiring.connections.steps_done == 9
    assert_allclose(monitor.log.times["seconds"], 0.01 * np.arange(1, 10))
    assert_allclose(monitor.log.times["samples"], 4 * np.arange(1, 10))


def test_gradient_is_used_and_set_to_zero():
    s = make(connections=80)
    rewiring = Rewiring(s, DeepR(learning_rate=0.5, l1=0.0, temperature=0.0), dt=10 * ms, signs=-1)
    s.theta = 3.0
    s.gradient = np.linspace(-1, 1, 80)
    expected = 3.0 + 0.5 * np.linspace(-1, 1, 80)
    network(s, rewiring).run(10.1 * ms)
    assert_allclose(s.theta[:], expected)
    assert_array_equal(s.gradient[:], 0)
    assert_array_equal(s.w[:], -s.theta[:])


def test_fixed_wiring_moves_and_does_not_rewire():
    s = make(connections=80)
    rewiring = Rewiring(s, FixedWiring(learning_rate=0.5), dt=10 * ms, signs=1)
    before = rewiring.i
    s.theta = 0.1
    s.gradient = np.linspace(-1, 1, 80)
    network(s, rewiring).run(10.1 * ms)
    assert_allclose(s.w[:], 0.1 - 0.5 * np.linspace(-1, 1, 80))
    assert_array_equal(s.gradient[:], 0)
    assert_array_equal(rewiring.i, before)


def test_variables_can_have_other_names():
    s = make("value : 1\ndEdw : 1\ns_k : integer", on_pre="v_post += s_k*value")
    rewiring = Rewiring(s, RULE, variables={"theta": "value", "gradient": "dEdw", "polarity": "s_k"})
    assert_array_equal(s.s_k[:], rewiring.connections.polarity)
    s.value = 1.0
    rewiring.step()
    assert_array_equal(s.value[:], rewiring.connections.theta)


def test_units_are_followed():
    model = MODEL.replace("theta : 1", "theta : volt").replace("w = polarity*theta : 1", "w = polarity*theta : volt")
    s = make(model.replace("gradient : 1", "gradient : 1/volt"), on_pre="v_post += w/mV")
    s.theta = 10 * mV
    s.gradient = 2 / mV
    rule = DeepR(learning_rate=1 * mV**2, l1=0.5 / mV, temperature=0.0)
    rewiring = Rewiring(s, rule, signs=1)
    rewiring.step()
    assert_allclose(s.theta[:] / mV, 10 - 2.5)


@pytest.mark.parametrize(
    "rule",
    [
        DeepR(learning_rate=1.0, l1=0.5, temperature=0.0),
        DeepR(learning_rate=1 * mV**2, l1=0.5 * mV, temperature=0.0),
        DeepR(learning_rate=1 * mV**2, l1=0.5 / mV, temperature=1 * mV),
    ],
)
def test_wrong_units_are_refused(rule):
    s = make(MODEL.replace("theta : 1\n", "theta : volt\n").replace("gradient : 1", "gradient : 1/volt").replace(
        "w = polarity*theta : 1", "w = polarity*theta : volt"), on_pre="v_post += w/mV")  # fmt: skip
    with pytest.raises(b2.DimensionMismatchError, match="of the rule does not fit the units"):
        Rewiring(s, rule)


@pytest.mark.parametrize("missing", ["theta", "gradient", "polarity"])
def test_missing_variable_is_named_with_the_line_to_add(missing):
    model = "\n".join(line for line in MODEL.split("\n")[:3] if missing not in line)
    s = make(model, on_pre="v_post += 0.1")
    with pytest.raises(ValueError, match=f"add the line '{missing} : 1'"):
        Rewiring(s, RULE)


def test_subexpression_is_no_variable():
    s = make("theta : 1\ngradient = 2*theta : 1\npolarity : 1", on_pre="v_post += 0.1")
    with pytest.raises(ValueError, match="'gradient' that can be set"):
        Rewiring(s, RULE)


def test_what_is_refused():
    s = make()
    unconnected = b2.Synapses(s.source, s.target, MODEL)
    for arguments, options, error, message in [
        ((s.source, RULE), {}, TypeError, "synapses must be a Synapses object"),
        ((s, "deepr"), {}, TypeError, "rule must be a rule such as DeepR"),
        ((unconnected, RULE), {}, ValueError, "not connected yet"),
        ((s, RULE), {"variables": {"grad": "gradient"}}, ValueError, "renames 'grad'"),
        ((s, RULE), {"when": "synapses"}, ValueError, "when must be 'end' or 'start'"),
        ((s, RULE), {"when": "after_thresholds"}, ValueError, "when must be"),
        ((s, RULE), {"signs": "random"}, ValueError, "signs must be one of"),
        ((s, RULE), {"seed": -1}, ValueError, "seed must be between"),
        ((s, RULE), {"birth": {"theta": 1}}, ValueError, "birth must not set 'theta'"),
        ((s, RULE), {"birth": {"weight": 1}}, ValueError, "no such variable"),
        ((s, RULE), {"birth": {"delay": 1}}, b2.DimensionMismatchError, "birth of 'delay'"),
        ((s, RULE), {"dt": 5}, b2.DimensionMismatchError, "dt"),
    ]:
        with pytest.raises(error, match=message):
            Rewiring(*arguments, **options)
    rewiring = Rewiring(s, RULE, name="first")
    with pytest.raises(ValueError, match="rewired by 'first' already"):
        Rewiring(s, RULE)
    with pytest.raises(TypeError, match="rewiring must be a Rewiring"):
        RewiringMonitor(s)
    with pytest.raises(TypeError, match="record must be True or False"):
        RewiringMonitor(rewiring, record="theta")
    other = Rewiring(make(), RULE, dt=7 * ms)
    with pytest.raises(ValueError, match="give each a monitor of its own"):
        RewiringMonitor([rewiring, other])


def test_pair_connected_twice_is_refused():
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, MODEL)
    s.connect(i=[0, 0], j=[1, 1])
    with pytest.raises(ValueError, match=r"cannot be rewired: connection 1 \(0 -> 1\) exists twice"):
        Rewiring(s, RULE)


def test_one_delay_for_all_cannot_be_set_at_birth():
    s = make(delay=2 * ms)
    with pytest.raises(ValueError, match="has one delay for all"):
        Rewiring(s, RULE, birth={"delay": 1 * ms})


def test_synapses_added_later_are_noticed():
    s = make()
    rewiring = Rewiring(s, RULE)
    s.connect(i=[0], j=[0])
    with pytest.raises(b2.BrianObjectException) as raised:
        network(s, rewiring).run(1 * ms)
    assert "call connect() first and create the Rewiring last" in str(raised.value.__cause__)


def test_gradient_that_is_not_finite_names_the_connection():
    s = make()
    s.theta = 1.0
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    s.gradient[4] = np.nan
    before = s.theta[:].copy()
    with pytest.raises(FloatingPointError, match=rf"gradient of connection 4 \({s.i[4]} -> {s.j[4]}\) is nan"):
        rewiring.step()
    assert_array_equal(s.theta[:], before)


def test_missing_private_part_is_named(monkeypatch):
    s = make()
    monkeypatch.setattr(surgery, "PARTS", ("_pathways", "_no_such_part"))
    with pytest.raises(ImportError, match="lacks what rewiring needs: _no_such_part"):
        Rewiring(s, RULE)


def test_unknown_version_is_refused(monkeypatch):
    s = make()
    monkeypatch.setattr(b2, "__version__", "2.12.0")
    with pytest.raises(ImportError, match=r"supports Brian2 2.9 to 2.11, and this is 2.12.0"):
        Rewiring(s, RULE)


@both_targets
def test_prune_by_condition_and_birth_by_strings():
    b2.seed(5)
    limit = 0.3  # noqa: F841 (found by Brian2 in the namespace of this function)
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, "w : 1\nx : 1\ny : 1", on_pre="v_post += w")
    connect_exactly(s, connections=40)
    s.w = np.linspace(0, 1, 40)
    s.x, s.y = 7.0, 7.0
    rewiring = Rewiring(s, PruneAndRegrow("w < limit"), birth={"w": "2 + rand()", "y": "i + 10*j"}, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    network(s, rewiring, monitor).run(2.1 * ms)
    weak = np.flatnonzero(np.linspace(0, 1, 40) < 0.3)
    assert monitor.num_deaths == monitor.num_births == len(weak)
    assert ((s.w[weak] >= 2) & (s.w[weak] < 3)).all()
    assert len(np.unique(s.w[weak])) == len(weak)
    assert_array_equal(s.x[weak], 0)
    assert_array_equal(s.y[weak], s.i[weak] + 10 * s.j[weak])
    assert_array_equal(np.delete(s.x[:], weak), 7)
    assert_array_equal(monitor.born, np.repeat([False, True], len(weak)))
    assert_allclose(monitor.t / ms, 1.0)
    assert_array_equal(monitor.i[monitor.born], s.i[weak])
    assert len({*zip(s.i, s.j, strict=True)}) == 40


def test_indexing_of_brian_sees_the_new_wiring():
    s = make(connections=20)
    rewiring = Rewiring(s, PruneAndRegrow("True"), seed=8)
    rewiring.step()
    assert_array_equal(s.i[:], rewiring.i)
    assert_array_equal(s.j[:], rewiring.j)
    for i in range(10):
        assert_array_equal(s.indices[i, :], np.flatnonzero(rewiring.i == i))
        assert_array_equal(s.j[f"i == {i}"], rewiring.j[rewiring.i == i])


def test_log_of_runs_and_single_steps_leads_to_the_wiring():
    s = make()
    rewiring = Rewiring(s, DeepR(learning_rate=0.1, l1=1.0, temperature=0.1), seed=2, dt=1 * ms)
    monitor, counts = RewiringMonitor(rewiring), RewiringMonitor(rewiring, record=False)
    net = network(s, rewiring, monitor, counts)
    rewiring.step()
    net.run(50 * ms)
    rewiring.step()
    net.run(50 * ms)
    pre, post, polarity = monitor.log.wiring()
    assert_array_equal(pre, s.i[:])
    assert_array_equal(post, s.j[:])
    assert_array_equal(polarity, s.polarity[:])
    assert counts.num_events == monitor.num_events == len(monitor.i) > 500
    with pytest.raises(AttributeError, match="keeps counts only"):
        _ = counts.t


def test_one_log_of_several():
    one, two = make(), make(connections=20)
    rule = DeepR(learning_rate=0.1, l1=1.0, temperature=0.1)
    rewirings = [Rewiring(s, rule, seed=k, dt=1 * ms) for k, s in enumerate((one, two))]
    monitor = RewiringMonitor(rewirings)
    b2.Network(one.source, one.target, one, two.source, two.target, two, rewirings, monitor).run(30 * ms)
    assert {about.name for about in monitor.log.sets.values()} == {one.name, two.name}
    assert set(monitor.synapses) == {0, 1}
    for number, s in enumerate((one, two)):
        pre, post, _ = monitor.log.wiring(index=number)
        assert_array_equal(pre, s.i[:])
        assert_array_equal(post, s.j[:])


def test_active_can_change_while_a_simulation_runs():
    s = make()
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    pause = b2.NetworkOperation(lambda t: setattr(rewiring, "active", t < 4.5 * ms), dt=1 * ms, when="start")
    network(s, rewiring, pause).run(10 * ms)
    assert rewiring.connections.steps_done == 4


def test_inactive_rewiring_leaves_all_as_it_is():
    s = make()
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    rewiring.active = False
    net = network(s, rewiring)
    net.run(5 * ms)
    assert rewiring.connections.steps_done == 0
    rewiring.active = True
    net.run(5 * ms)
    assert rewiring.connections.steps_done == 5


def test_magic_network_collects_it_even_late():
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w")
    connect_exactly(s, connectivity=0.2)
    b2.run(2 * ms)
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    b2.run(3 * ms)
    assert rewiring.connections.steps_done == 3


def test_same_seed_same_network():
    def wiring(seed):
        b2.start_scope()
        b2.seed(seed)
        s = make()
        rewiring = Rewiring(s, RULE, dt=1 * ms)
        network(s, rewiring).run(20 * ms)
        return rewiring.i.tolist(), s.theta[:].tolist()

    assert wiring(4) == wiring(4) != wiring(5)


@pytest.mark.parametrize("delays", [True, False])
def test_restore_brings_back_wiring_and_delays(delays):
    rng = np.random.default_rng(0)
    rule = DeepR(learning_rate=0.1, l1=1.0, temperature=0.1, optimizer=Adam())
    s = make(connections=40) if delays else make(connections=40, delay=0.3 * ms)
    if delays:
        s.delay = rng.integers(0, 30, 40) * 0.1 * ms
    rewiring = Rewiring(s, rule, seed=3, dt=1 * ms, birth={"delay": "0.1*ms*((i + 2*j) % 17)"} if delays else None)
    net = network(s, rewiring)

    def course():
        spikes = []
        for _ in range(4):
            b2.seed(11)
            net.run(10 * ms)
            spikes.append((s.target.v[:].tolist(), s.theta[:].tolist(), rewiring.i.tolist(), s.delay[:].tolist()
                           if delays else 0))  # fmt: skip
        return spikes

    net.run(15 * ms)
    net.store()
    first = course()
    net.restore()
    assert course() == first


def test_recurrent_subgroups_know_their_autapses():
    neurons = b2.NeuronGroup(20, "v : 1", threshold="v > 1", reset="v = 0")
    s = b2.Synapses(neurons[3:12], neurons[5:17], MODEL)
    assert surgery.groups(s) == (9, 12, -2)
    connect_exactly(s, connectivity=1.0, seed=0)
    assert len(s) == 9 * 12 - 7
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5"))
    for _ in range(20):
        rewiring.step()
        assert (s.i[:] + 3 != s.j[:] + 5).all()
        assert_array_equal(np.bincount(s.i[:] + 3, minlength=12), s.variables["N_outgoing"].get_value()[:12])


def test_subgroup_and_whole_group_share_neurons():
    neurons = b2.NeuronGroup(20, "v : 1", threshold="v > 1", reset="v = 0")
    assert surgery.groups(b2.Synapses(neurons[3:12], neurons, MODEL)) == (9, 20, 3)
    assert surgery.groups(b2.Synapses(neurons, neurons[3:12], MODEL)) == (20, 9, -3)
    other = b2.NeuronGroup(20, "v : 1", threshold="v > 1", reset="v = 0")
    assert surgery.groups(b2.Synapses(neurons[3:12], other, MODEL)) == (9, 20, None)


def test_spike_emitted_before_birth_is_not_delivered():
    inputs = b2.SpikeGeneratorGroup(2, [0, 1], [1, 1] * ms)
    neurons = b2.NeuronGroup(50, "v : 1")
    s = b2.Synapses(inputs, neurons, "w : 1", on_pre="v_post += 1", delay=5 * ms)
    connect_exactly(s, connections=10, seed=0)
    old = s.j[:].copy()
    rewiring = Rewiring(s, PruneAndRegrow("t > 1.5*ms and t < 2.5*ms"), dt=2 * ms, seed=0)
    b2.Network(inputs, neurons, s, rewiring).run(10 * ms)
    assert (s.j[:] != old).any()
    assert_array_equal(neurons.v[:], 0)


def test_memory_of_the_name_is_freed_with_the_rewiring():
    s = make()
    rewiring = Rewiring(s, RULE)
    del rewiring
    gc.collect()
    assert Rewiring(s, RULE, dt=1 * second).num_active == 30
