"""Likely mistakes of a script: each is warned of once, by name, with the remedy; correct scripts see no warning."""

from __future__ import annotations

import logging
import re

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV, second

from synaptic_sampling import (
    DeepR,
    FixedWiring,
    PruneAndRegrow,
    Rewiring,
    RewiringMonitor,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    connect_exactly,
)
from synaptic_sampling.brian import mistakes

RULE = DeepR(learning_rate=1e-3, l1=1e-3, temperature=1e-6)
PRIOR = SynapticSampling(1 / second, 0.1, 0.0, 1.0, 1 * ms)
SOFT = SoftDeepR(0.1, 0.1, 1e-3, 0.5)
WEIGHT = "w = polarity*theta : 1"
MODEL = f"{WEIGHT}\ntheta : 1\npolarity : 1\ngradient : 1"
ON_PRE = "v_post += 0.1; gradient += 1"


def build(model=MODEL, on_pre=ON_PRE, theta="0.1 + 0.1*rand()", **options):
    """Return a network of neurons that fire, and synapses with p = 0.3."""
    b2.defaultclock.dt = 0.5 * ms
    neurons = b2.NeuronGroup(12, "v : 1", threshold="v > -1", reset="v = 0", name="neurons")
    s = b2.Synapses(neurons, neurons, model, on_pre=on_pre, name="made", **options)
    s.connect(condition="i != j", p=0.3)
    if theta is not None:
        s.theta = theta
    return b2.Network(neurons, s), s


@pytest.fixture
def said(caplog):
    """Return what the library has warned of."""
    with caplog.at_level(logging.WARNING, logger="synaptic_sampling"):
        yield lambda: [r.getMessage() for r in caplog.records if r.name.startswith("synaptic_sampling")]


def run(net, rewiring, time=10.1 * ms, **namespace):
    """Run a network twice with a Rewiring."""
    net.add(rewiring)
    for _ in range(2):
        net.run(time, namespace=namespace)


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        (RULE, WEIGHT),
        (RULE, "w = polarity*theta*int(theta >= 0) : 1"),
        (RULE, "w = theta*(2*int(polarity > 0) - 1) : 1"),
        (RULE, "w = 3*mV*polarity*theta : volt"),
        (RULE, "w = strength*polarity*theta : 1"),
        (RULE, "inner = polarity*theta : 1\nw = inner : 1"),
        (RULE, "w = polarity*theta*(1 + 0.2*randn()) : 1 (constant over dt)"),
        (RULE, "other : 1"),
        (FixedWiring(1e-3), WEIGHT),
        (SOFT, "w = polarity*theta*int(theta >= 0) : 1"),
        (SOFT, "w = polarity*clip(theta, 0, inf) : 1"),
        (PRIOR, "w = polarity*exp(theta - 3)*int(theta >= 0) : 1"),
    ],
)
def test_weights_that_are_right(said, rule, weight):
    soft = isinstance(rule, SoftDeepR | SynapticSampling)
    net, s = build(MODEL.replace(WEIGHT, weight), theta="0.1*randn()" if soft else "0.1 + 0.1*rand()")
    run(net, Rewiring(s, rule, dt=None if rule is PRIOR else 1 * ms), strength=2.0)
    assert not said()


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        (RULE, "w : 1"),
        (RULE, "w = theta : 1"),
        (RULE, "w = -polarity*theta : 1"),
        (RULE, "w = polarity*theta**2 : 1"),
        (RULE, "w = polarity : 1"),
        (RULE, "w = strength*polarity*(theta + 0.1) : 1"),
        (FixedWiring(1e-3), "w : 1"),
        (SOFT, "w = polarity*theta : 1"),
        (SOFT, "w = polarity*exp(theta)*int(theta >= 0) : 1"),
        (PRIOR, "w = polarity*exp(theta - 3) : 1"),
    ],
)
def test_weights_that_do_not_follow_theta(said, rule, weight):
    soft = isinstance(rule, SoftDeepR | SynapticSampling)
    net, s = build(MODEL.replace(WEIGHT, weight), theta="0.1*randn()" if soft else "0.1 + 0.1*rand()")
    run(net, Rewiring(s, rule, dt=None if rule is PRIOR else 1 * ms), strength=2.0)
    assert len(said()) == 1
    assert re.match(
        r"'w' of 'made' differs from polarity\*theta, which 'rewiring\w*' assumes to be the weight", said()[0]
    )
    assert ("*int(theta >= 0)" in said()[0]) == soft


def test_a_stored_weight_that_code_sets_is_right(said):
    net, s = build(MODEL.replace(WEIGHT, "w : 1"), on_pre=f"w = polarity*theta; {ON_PRE}")
    run(net, Rewiring(s, RULE, dt=1 * ms))
    assert not said()


def test_theta_that_is_never_set(said):
    net, s = build(theta=None)
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    run(net, rewiring)
    assert said() == [
        f"'theta' of 'made' is 0 for all synapses at the start of '{rewiring.name}', so all weights are 0; set it "
        "before run(), for example made.theta = '0.1*rand()'."
    ]


def test_theta_that_is_set_after_the_construction(said):
    net, s = build(theta=None)
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    s.theta = 0.1
    run(net, rewiring)
    assert not said()


@pytest.mark.parametrize("rule", [RULE, FixedWiring(1e-3)])
def test_negative_theta_is_an_error(rule):
    net, s = build(theta="0.1 - 0.2*int(i == 3)")
    with pytest.raises(ValueError, match=r"'theta' of 'made' must be >= 0 at the start, got -0\.1 for synapse"):
        Rewiring(s, rule, dt=1 * ms)
    s.theta = 0.1
    rewiring = Rewiring(s, rule, dt=1 * ms)
    s.theta = -0.1
    net.add(rewiring)
    with pytest.raises(b2.BrianObjectException) as raised:
        net.run(1 * ms)
    assert "must be >= 0" in str(raised.value.__cause__)
    with pytest.raises(ValueError, match="must be >= 0"):
        Rewiring(build(theta=-0.1)[1], rule).step()


def test_theta_may_be_negative_later():
    net, s = build(theta="0.1")
    rewiring = Rewiring(s, FixedWiring(1e-3), dt=1 * ms)
    run(net, rewiring)
    s.theta = "-0.1"
    net.run(5 * ms)
    assert (s.theta[:] < 0).any()


def test_signs_that_are_changed_later_are_an_error():
    net, s = build()
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    s.polarity = -1
    net.add(rewiring)
    with pytest.raises(b2.BrianObjectException) as raised:
        net.run(1 * ms)
    assert f"'polarity' of 'made' was changed after '{rewiring.name}' was created; set" in str(raised.value.__cause__)


@pytest.mark.parametrize("rule", [RULE, FixedWiring(1e-3), SOFT])
def test_gradient_that_is_never_written(said, rule):
    weight = "w = polarity*theta*int(theta >= 0) : 1"
    net, s = build(MODEL.replace(WEIGHT, weight), on_pre="v_post += w")
    run(net, Rewiring(s, rule, dt=1 * ms))
    assert len(said()) == 1
    assert "'gradient' of 'made' stayed 0 during the first 10 events of 'rewiring" in said()[0]


@pytest.mark.parametrize(
    ("model", "on_pre"),
    [
        (MODEL.replace("gradient : 1", "gradient : 1 (constant)"), "v_post += w"),
        (MODEL.replace("gradient : 1", "dgradient/dt = 0*v_post/second : 1 (clock-driven)"), "v_post += w"),
        (MODEL, "v_post += w; gradient += 0"),
        (MODEL, "v_post += w; gradient = gradient + 0"),
    ],
)
def test_gradient_that_may_be_0_for_long(said, monkeypatch, model, on_pre):
    net, s = build(model, on_pre)
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    run(net, rewiring, 30.1 * ms)
    assert not said()
    monkeypatch.setattr(mistakes, "PATIENCE", 80)
    net.run(30 * ms)
    assert len(said()) == (0 if "constant" in model else 1)
    assert all("during the first 80 events" in text for text in said())


def test_gradient_that_others_write(said):
    net, s = build(on_pre="v_post += w")

    @b2.network_operation(dt=1 * ms)
    def learn():
        s.gradient = 0.1

    net.add(learn)
    run(net, Rewiring(s, RULE, dt=1 * ms))
    other_net, other = build(on_pre="v_post += w")
    other.run_regularly("gradient = 0.1*rand()", dt=1 * ms)
    run(other_net, Rewiring(other, RULE, dt=1 * ms))
    assert not said()


def test_synaptic_sampling_from_the_prior_alone(said):
    net, s = build("w = polarity*theta*int(theta >= 0) : 1\ntheta : 1\npolarity : 1\ngradient : 1", "v_post += w")
    run(net, Rewiring(s, PRIOR))
    assert not said()


def dense(model="w : 1", **options):
    """Return synapses between all pairs of 6 inputs and 4 neurons."""
    inputs, neurons = b2.NeuronGroup(6, "x : 1"), b2.NeuronGroup(4, "v : 1")
    s = b2.Synapses(inputs, neurons, model, name="dense")
    s.connect(**options)
    return s


def test_all_pairs_are_connected(said):
    s = dense()
    rewiring = Rewiring(s, PruneAndRegrow("w < 1"))
    assert len(said()) == 1
    assert f"'{rewiring.name}' cannot rewire: all 24 pairs" in said()[0]
    assert "to_scipy('w')" in said()[0]
    assert "W[S.i, S.j]" in said()[0]


def test_all_candidates_are_connected(said):
    s = dense(condition="i != j")
    Rewiring(s, PruneAndRegrow("w < 1"), candidates="i != j")
    assert len(said()) == 1
    neurons = b2.NeuronGroup(5, "v : 1")
    recurrent = b2.Synapses(neurons, neurons, "theta : 1\npolarity : 1\ngradient : 1")
    recurrent.connect(condition="i != j")
    Rewiring(recurrent, RULE)
    assert len(said()) == 2


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (PruneAndRegrow("w < 1", regrow=False), {}),
        (PruneAndRegrow("w < 1"), {"multapses": True}),
        (FixedWiring(1.0), {}),
        (SOFT, {}),
    ],
)
def test_all_pairs_may_be_connected(said, rule, options):
    s = dense("w = polarity*theta*int(theta >= 0) : 1\ntheta : 1\npolarity : 1\ngradient : 1")
    Rewiring(s, rule, **options)
    assert not said()


def test_one_of_two_is_full(said):
    neurons = b2.NeuronGroup(6, "v : 1")
    full, sparse = dense(), b2.Synapses(neurons, neurons, "w : 1")
    sparse.connect(i=[0, 1], j=[1, 2])
    Rewiring([full, sparse], PruneAndRegrow("w < 1"))
    assert not said()


def growing(monitored):
    """Return synapses with elements, and a monitor of some of them, made before the Rewiring."""
    neurons = b2.NeuronGroup(5, "axonal : 1\ndendritic : 1")
    s = b2.Synapses(neurons, neurons, "w : 1", name="growing")
    s.connect(i=[0, 1], j=[1, 2])
    return s, b2.StateMonitor(s, "w", record=monitored, name="states")


def test_monitor_that_does_not_know_the_spare_slots(said):
    s, _kept = growing(True)
    rewiring = Rewiring(s, SynapticElements(), capacity=7)
    assert said() == [
        f"'states' was created with record=True before '{rewiring.name}' added 5 slots to 'growing', and does not "
        "record these; create the monitor after the Rewiring."
    ]


def test_monitors_that_are_right(said):
    s, _kept = growing([0, 1])
    Rewiring(s, SynapticElements(), capacity=7)
    b2.StateMonitor(s, "w", record=True)
    other, _all = growing(True)
    Rewiring(other, PruneAndRegrow("w < 0"))
    assert not said()


def modulated(model, on_pre):
    """Return a network in which other synapses modulate some that are pruned for good."""
    net, s = build(model, "v_post += w", theta=None)
    gate = b2.Synapses(net["neurons"], s, on_pre=on_pre, name="gate")
    gate.connect(p=0.2)
    net.add(gate)
    return net, s


@pytest.mark.parametrize(("flag", "warnings"), [("", 1), ("\nconnected : 1", 0)])
def test_parked_slots_that_others_write_into(said, flag, warnings):
    net, s = modulated("w : 1" + flag, "w_post += 0.1")
    run(net, Rewiring(s, PruneAndRegrow("rand() < 0.01", regrow=False), dt=1 * ms))
    assert len(said()) == warnings
    assert all("'gate' may write into slots of 'made' that hold no connection" in text for text in said())


def test_slots_that_always_hold_a_connection(said):
    net, s = modulated("w : 1", "w_post += 0.1")
    run(net, Rewiring(s, PruneAndRegrow("rand() < 0.01"), dt=1 * ms))
    assert not said()


@pytest.mark.parametrize(("seeds", "warnings"), [((3, 3), 1), ((3, 4), 0), ((None, None), 0)])
def test_one_seed_for_two(said, seeds, warnings):
    neurons = b2.NeuronGroup(9, "v : 1")
    made = []
    for number, seed in enumerate(seeds):
        s = b2.Synapses(neurons, neurons, "w : 1", name=f"s_{number}")
        connect_exactly(s, connections=9)
        made += [s, Rewiring(s, PruneAndRegrow("rand() < 0.1"), seed=seed, name=f"r_{number}", dt=1 * ms)]
    net = b2.Network(neurons, made)
    net.run(2.1 * ms)
    net.run(2.1 * ms)
    assert len(said()) == warnings
    assert all("'r_1' and 'r_0' have the same seed, 3, and draw" in text for text in said())


def test_one_seed_in_two_networks(said):
    nets = []
    for _ in range(2):
        net, s = build()
        net.add(Rewiring(s, RULE, dt=1 * ms, seed=3))
        net.run(2 * ms)
        nets.append(net)
    assert not said()


def test_no_sign_is_invented():
    """Where neither the rule nor the user knows of signs, all connections have +1."""
    net, s = build("w : 1", "v_post += w", theta=None)
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.3"), dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    net.add(monitor)
    run(net, rewiring)
    assert set(monitor.log.events["polarity"]) == {1}
    assert set(rewiring.connections.polarity) == {1}


def test_the_same_births_whether_there_are_signs_or_not():
    found = []
    for signs in (None, "site"):
        b2.start_scope()
        b2.seed(7)
        net, s = build("w : 1", "v_post += w", theta=None)
        rewiring = Rewiring(s, PruneAndRegrow("i == 3"), dt=1 * ms, seed=3, signs=signs)
        run(net, rewiring)
        found.append((s.i[:].copy(), s.j[:].copy()))
    np.testing.assert_array_equal(found[0], found[1])


def test_message_names_the_line_of_the_user():
    net, s = build("w : 1", "v_post += w", theta=None)
    rewiring = Rewiring(s, PruneAndRegrow("weight < 1"), dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    net.add(rewiring)
    with pytest.raises(b2.BrianObjectException) as raised:
        net.run(1 * ms)
    assert f"{__file__}', line" in str(raised.value)
    assert 'PruneAndRegrow("weight < 1")' in str(raised.value)
    for made in (rewiring, monitor):
        assert "synaptic_sampling" not in made._full_creation_stack.replace(__file__, "")


@pytest.mark.parametrize(
    ("rule", "options"),
    [(PruneAndRegrow("rand() < 0.3", regrow=False), {}), (FixedWiring(1e-3), {})],
)
def test_what_is_never_formed_needs_no_delay(rule, options):
    net, s = build()
    s.delay = "2*ms*rand()"
    run(net, Rewiring(s, rule, dt=1 * ms, **options))
    net_that_forms, forms = build()
    forms.delay = "2*ms*rand()"
    with pytest.raises(b2.BrianObjectException) as raised:
        run(net_that_forms, Rewiring(forms, RULE, dt=1 * ms))
    assert "set birth={'pre.delay': ...}" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("rule", "variables", "message"),
    [
        (
            SynapticElements(),
            {"axonal": "a"},
            r"itself names this variable of the neurons: SynapticElements\(axonal='a'\)",
        ),
        (SynapticElements(), {"dendritic": "d"}, r"SynapticElements\(dendritic='d'\)"),
        (PruneAndRegrow("w < 1"), {"w": "weight"}, "needs no variable of synapses; only 'connected' may be renamed"),
        (RULE, {"dEdw": "gradient"}, r"the names of the rule come first: variables=\{'gradient': 'dEdw'\}"),
        (RULE, {"weight": "w"}, "DeepR needs theta, gradient, polarity"),
        (RULE, {"theta": "gradient"}, "gives 'gradient' to two roles; theta, gradient, polarity must be different"),
    ],
)
def test_names_of_what_is_not_there(rule, variables, message):
    with pytest.raises(ValueError, match=message):
        Rewiring(build()[1], rule, variables=variables)


def test_units_of_theta_do_not_matter(said):
    model = "w = polarity*theta : volt\ntheta : volt\npolarity : 1\ngradient : 1/volt"
    net, s = build(model, "v_post += w/mV; gradient += 1/mV", theta="(0.1 + rand())*mV")
    run(net, Rewiring(s, DeepR(1e-3 * mV**2, 1e-3 / mV, 1e-6), dt=1 * ms))
    assert not said()


def prune(condition, theta="0.1 + 0.1*rand()", **options):
    """Return a network, and a Rewiring that prunes in each millisecond."""
    net, s = build("w : 1\nage : 1\nother : 1", on_pre="v_post += 0.1*w", theta=None)
    s.w = theta
    return net, Rewiring(s, PruneAndRegrow(condition), dt=1 * ms, seed=1, name="pruner", **options)


@pytest.mark.parametrize(
    ("condition", "birth", "why"),
    [
        ("w < 0.15", None, "'w' is 0 for a new connection unless birth sets it; give birth={'w': ...}"),
        ("w < 0.11", {"other": 1.0}, "'w' is 0 for a new connection"),
        ("other < 1 and w > 0.05 or w < 0.12", {"w": 0.06}, "'other' is 0 for a new connection"),
        (
            "w < 0.15",
            {"w": "0.1*rand()"},
            "it already holds for the values that birth gives them; give them other values",
        ),
    ],
)
def test_new_connections_that_are_all_eliminated_at_the_next_event(said, condition, birth, why):
    net, rewiring = prune(condition, birth=birth)
    run(net, rewiring)
    (line,) = said()
    assert "connections that 'pruner' has formed so far were eliminated in the next event" in line
    assert repr(condition) in line
    assert why in line


@pytest.mark.parametrize(
    ("condition", "birth"),
    [
        ("w < 0.15", {"w": "0.2*rand()"}),
        ("w < 0.15 and w > 0", None),
        ("rand() < 0.3", None),
        ("w < 0.15", {"w": 0.2}),
    ],
)
def test_new_connections_of_which_some_stay(said, condition, birth):
    """For rand() < 0.3, ten connections in two events are eliminated by chance once in 2e5 runs; the seed is fixed."""
    net, rewiring = prune(condition, birth=birth)
    run(net, rewiring)
    assert rewiring.connections.steps_done == 20
    assert not said()


def test_new_connections_that_learn_before_the_next_event(said):
    """They start at 0, where the condition holds; what counts is whether they persist."""
    net, s = build("w : 1", on_pre="w += 0.2", theta=None)
    s.w = "0.1 + 0.1*rand()"
    run(net, Rewiring(s, PruneAndRegrow("w < 0.15"), dt=1 * ms, seed=1))
    assert not said()
