"""What newborn connections are given: values, delays of any pathway, signs, the flag ``connected``."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, SoftDeepR, SynapticSampling, connect_exactly
from tests.brian.test_potential import MODEL as POTENTIAL
from tests.brian.test_rewiring import MODEL, RULE, groups, make, network
from tests.brian.test_standalone import standalone

ALL = PruneAndRegrow("True")
#: Moves theta by the gradient alone.
SAMPLING = SynapticSampling(1 / b2.second, 0.0, 1.0, 1.0, 1 * ms)


def wired(model, connections=30, **options):
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, model, **options)
    connect_exactly(s, connections=connections, seed=3)
    return s


def test_a_value_with_a_unit_is_written_for_newborns_alone():
    s = wired("w : volt\nconnected : 1")
    rewiring = Rewiring(s, PruneAndRegrow("i < 5"), birth={"w": 3 * mV}, seed=1)
    s.w, weak = 1 * mV, s.i[:] < 5
    rewiring.step()
    assert 0 < weak.sum() < 30
    assert_allclose(s.w[:] / mV, np.where(weak, 3, 1))
    assert_array_equal(s.connected[:], 1)


def test_delays_of_named_pathways():
    s = wired(MODEL, on_pre={"fast": "v_post += w", "slow": "gradient += 1"}, on_post="gradient += 1")
    rewiring = Rewiring(s, ALL, birth={"slow.delay": "(1 + j)*ms", "post.delay": 2 * ms}, seed=1, dt=1 * ms)
    s.fast.delay = 7 * ms
    network(s, rewiring).run(1.1 * ms)
    assert_allclose(s.slow.delay[:] / ms, 1 + s.j[:])
    assert_allclose(s.post.delay[:] / ms, 2)
    assert_allclose(s.fast.delay[:] / ms, 7, err_msg="newborns have the delay that all have")


def test_which_delay_has_a_newborn_where_delays_differ():
    s = wired(MODEL, on_pre="v_post += w")
    s.pre.delay = "i*ms"
    rewiring = Rewiring(s, ALL, seed=1, dt=1 * ms)
    with pytest.raises(b2.BrianObjectException) as caught:
        network(s, rewiring).run(1 * ms)
    assert "so the delay of a new one is ambiguous; set birth={'pre.delay'" in str(caught.value.__cause__)
    assert rewiring.connections.steps_done == 0


@pytest.mark.parametrize("value", [-1 * ms, np.nan * ms, np.inf * ms])
def test_delays_below_0_are_refused_at_once(value):
    with pytest.raises(ValueError, match=r"birth of 'late\.delay' must be a time >= 0, got"):
        Rewiring(wired("w : 1", on_pre={"late": "v_post += w"}), ALL, birth={"late.delay": value})


def delayed(expression, rule=ALL, model="w : 1"):
    """Return synapses whose new connections have these delays, and their network."""
    s = wired(model, on_pre="v_post += 0.1", name="s")
    return s, network(s, Rewiring(s, rule, birth={"delay": expression}, seed=1, signs=1, dt=1 * ms))


@pytest.mark.parametrize(("rule", "model"), [(ALL, "w : 1"), (SAMPLING, POTENTIAL)], ids=["existing", "potential"])
def test_a_string_that_gives_a_delay_below_0_ends_the_run(rule, model):
    s, net = delayed("(j - 4)*ms", rule, model)
    if rule is SAMPLING:
        s.theta = -1e-9
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is compared below)
        net.run(1.1 * ms)
    k = np.flatnonzero(s.pre.delay[:] < 0 * ms)[0]
    expected = f"birth sets pre.delay of synapse {k} of 's' to {float(s.pre.delay[k]):g} s, but a delay must be >= 0; "
    assert str(caught.value).startswith(expected)
    _, net = delayed("clip(j - 4, 0, 5)*ms")
    net.run(1.1 * ms)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_a_delay_below_0_ends_a_program(tmp_path, capsys):
    s, net = delayed("(j - 4)*ms")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is compared below)
        net.run(1.1 * ms)
    del s, net
    with standalone(tmp_path) as build:
        _, net = delayed("(j - 4)*ms")
        net.run(1.1 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            build()
    assert f"Error: {caught.value}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["delay", "early.delay", "theta.delay"])
def test_a_pathway_that_is_not_there_is_named(name):
    s = wired(MODEL, on_pre={"fast": "v_post += w"})
    with pytest.raises(ValueError, match=f"birth sets '{name}', but .* has no pathway '{name[:-6] or 'pre'}'"):
        Rewiring(s, RULE, birth={name: 1 * ms})


def test_names_in_births_are_found_by_hand_too():
    least = 5  # noqa: F841 (found by Brian2 in the namespace of this function)
    s = wired("w : 1")
    Rewiring(s, ALL, birth={"w": "least + i"}).step()
    assert_array_equal(s.w[:], 5 + s.i[:])


def test_share_of_excitatory_signs():
    s = wired(MODEL, 80)
    rewiring = Rewiring(s, ALL, signs="redrawn", excitatory=1.0)
    rewiring.step()
    assert_array_equal(s.polarity[:], 1)


def test_the_last_update_of_a_newborn_is_its_birth():
    s = wired("w : 1\ndx/dt = -x/(5*ms) : 1 (event-driven)", on_pre="x += 1; v_post += w")
    rewiring = Rewiring(s, PruneAndRegrow("i < 3"), birth={"x": 1}, dt=1 * ms, seed=1)
    s.source.rates = 0 * b2.Hz
    network(s, rewiring).run(4.1 * ms)
    newborn = rewiring.connections.birth_step == 4
    assert newborn.any()
    assert_allclose(s.lastupdate[:][newborn] / ms, 4)
    assert_allclose(s.lastupdate[:] / ms, rewiring.connections.birth_step)


def test_the_last_update_is_that_of_the_birth_in_a_parked_slot_too():
    """A slot may have been parked for long; a trace given at birth would decay over that time."""
    inputs, neurons = groups()
    inputs.rates = 0 * b2.Hz
    pair = [b2.Synapses(inputs, neurons, "w : 1\ndx/dt = -x/(5*ms) : 1 (event-driven)", on_pre="x += 1") for _ in "12"]
    for s in pair:
        connect_exactly(s, connections=20, seed=3)
    rewiring = Rewiring(pair, PruneAndRegrow("rand() < 0.3"), birth={"x": 1}, dt=1 * ms, seed=1)
    numbers = []
    rewiring.callback = lambda r, _: numbers.append(len(r.sets[0]))
    b2.Network(inputs, neurons, pair, rewiring).run(9.1 * ms)
    assert min(np.diff(numbers)) < 0 < max(np.diff(numbers))
    for s, c in zip(pair, rewiring.sets, strict=True):
        assert_allclose(s.lastupdate[: len(c)] / ms, c.birth_step)


@pytest.mark.parametrize("rule", [ALL, SoftDeepR(0.05, 0.004, 0.02, 0.9)])
def test_no_synapse_has_been_updated_in_the_future(rule):
    """The clock is at the end of another simulation when slots are filled before the first run."""
    b2.Network(b2.NeuronGroup(1, "v : 1")).run(50 * ms)
    s = wired(f"{MODEL}\ndx/dt = -x/(5*ms) : 1 (event-driven)", on_pre="x += 1")
    s.source.rates = 0 * b2.Hz
    rewiring = Rewiring(s, rule, depth=None if rule is ALL else 5, birth={"x": 1}, dt=1 * ms, seed=1)
    if rule is ALL:
        rewiring.step()
    assert s.lastupdate[:].max() > 49 * ms
    network(s, rewiring).run(0.9 * ms)
    assert_array_equal(s.lastupdate[:], 0)


def test_a_variable_of_the_user_may_be_named_lastupdate():
    s = wired("w : 1\nlastupdate : 1")
    s.lastupdate = 7
    rewiring = Rewiring(s, PruneAndRegrow("i < 3"), dt=1 * ms, seed=1)
    network(s, rewiring).run(1.1 * ms)
    newborn = rewiring.connections.birth_step == 1
    assert newborn.any()
    assert_array_equal(s.lastupdate[:], np.where(newborn, 0, 7))


def test_the_flag_connected_may_have_another_name():
    inputs, neurons = groups()
    pair = [b2.Synapses(inputs, neurons, "w : 1\nthere : 1") for _ in range(2)]
    for s in pair:
        connect_exactly(s, connections=20, seed=3)
    rewiring = Rewiring(pair, PruneAndRegrow("rand() < 0.5"), variables={"connected": "there"}, seed=1)
    for _ in range(5):
        rewiring.step()
        for s, c in zip(pair, rewiring.sets, strict=True):
            assert_array_equal(s.there[:], np.arange(40) < len(c))
    assert len(rewiring.sets[0]) != 20


def test_what_spare_slots_gather_as_a_gradient_is_cleared():
    inputs, neurons = groups()
    pair = [b2.Synapses(inputs, neurons, MODEL) for _ in range(2)]
    for s in pair:
        connect_exactly(s, connections=20, seed=3)
    rewiring = Rewiring(pair, DeepR(learning_rate=0.1, l1=0.0, temperature=0.0))
    for s in pair:
        s.theta[:20] = 5
        s.gradient = 0.5
    rewiring.step()
    for s in pair:
        assert_array_equal(s.gradient[:], 0)


def test_theta_set_before_the_run_decides_who_is_connected():
    s = b2.Synapses(*groups(), POTENTIAL)
    s.connect()
    s.theta = -1
    rewiring = Rewiring(s, SynapticSampling(1 / b2.second, 0.1, 0.0, 1.0, 10 * ms))
    s.theta = "i - 4.5"
    network(s, rewiring).run(0.1 * ms)
    assert_array_equal(s.connected[:], s.i[:] > 4)


def test_potential_synapses_added_later_are_noticed():
    s = b2.Synapses(*groups(), POTENTIAL)
    s.connect(p=0.5)
    rewiring = Rewiring(s, SynapticSampling(1 / b2.second, 0.1, 0.0, 1.0, 10 * ms))
    s.connect(i=[0], j=[0])
    with pytest.raises(ValueError, match=f"had .* when '{rewiring.name}' was created"):
        rewiring.step()


def test_synapses_added_later_are_noticed_by_hand_too():
    s = make()
    rewiring = Rewiring(s, RULE)
    rewiring.step()
    s.connect(i=[0], j=[0])
    with pytest.raises(ValueError, match="call connect"):
        rewiring.step()


def test_synapses_added_between_runs_do_not_leave_theta_behind():
    """Brian2 may move an array when it grows; what is stepped is the array of now."""
    s = make()
    rewiring = Rewiring(s, DeepR(learning_rate=0.1, l1=0.0, temperature=0.0), signs=1)
    theta = s.variables["theta"]
    theta.resize(4000)
    theta.resize(30)
    s.theta, s.gradient = 5, -1
    rewiring.step()
    assert_allclose(s.theta[:], 5.1)


def test_potential_delays_are_restored():
    s = b2.Synapses(*groups(), POTENTIAL, on_pre="v_post += 1")
    s.connect()
    s.delay = "i*ms"
    rewiring = Rewiring(s, SynapticSampling(1 / b2.second, 0.1, 0.0, 1.0, 10 * ms))
    net = network(s, rewiring)
    net.store()
    s.delay = 0 * ms
    net.restore()
    assert_allclose(s.delay[:] / ms, s.i[:])


@pytest.mark.parametrize("flag", ["polarity : 1", ""])
def test_signs_after_a_restore_into_another_wiring(flag):
    """They are those of the synapses; without a variable for it, those of the sites."""
    s = wired(f"w : 1\n{flag}", 40)
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5"), signs="redrawn" if flag else "site", seed=1, dt=1 * ms)
    c, first = rewiring.connections, s.i[:].copy()
    signs = c.polarity.copy()
    net = b2.Network(s.source, s.target, s)
    net.store()
    rewiring.step()
    assert (s.i[:] != first).any()
    net.restore()  # The Rewiring is no part of the network, and learns of it at the next run only.
    net.add(rewiring)
    net.run(0.1 * ms)
    assert_array_equal(c.pre, first)
    assert_array_equal(c.polarity, signs)
    assert set(signs) == {-1, 1}
