"""Signals with one value per pair of neurons come from a companion: synapses at all pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from brian2.groups.group import CodeRunner
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    Connections,
    DeepR,
    Momentum,
    Rewiring,
    RewiringMonitor,
    Signal,
    connect_exactly,
    step,
)
from synaptic_sampling.brian import run_while
from synaptic_sampling.brian.switched import SwitchedCode
from synaptic_sampling.rules import RigL, RigLDescent
from tests.brian.conftest import both_targets
from tests.brian.test_standalone import standalone

N, K, SEED = 12, 40, 3
MODEL = "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1"
PAIRS = "gradient : 1\nneeded : boolean (shared)"
ON_PRE = "gradient += v_post - 0.4"
RULE = RigLDescent(0.05, Adam(), fraction=0.2, every=3, until=26)
NAMES = {"site_gradient": "gradient"}


def sparse(name="sparse"):
    """Return neurons that fire regularly, and sparse synapses between them."""
    neurons = b2.NeuronGroup(
        N, "dv/dt = 1/(5*ms) : 1", threshold="v > 1", reset="v = 0", method="euler", name=f"n_{name}"
    )
    neurons.v = "i/12.0"
    s = b2.Synapses(neurons, neurons, MODEL, on_pre=ON_PRE, delay=0.5 * ms, name=name)
    connect_exactly(s, K, seed=1)
    s.theta = "0.02*((3*i + 5*j) % 11)"
    return neurons, s


def pairs_of(neurons, order=None, on_pre=ON_PRE, model=PAIRS, name="pairs"):
    """Return synapses at all pairs, in the order of the neurons or in another one."""
    c = b2.Synapses(neurons, neurons, model, on_pre=on_pre, delay=0.5 * ms, name=name)
    if order is None:
        c.connect()
    else:
        c.connect(i=order // N, j=order % N)
    return c


class Seen:
    """What `step` makes of the same gradients, event by event."""

    def __init__(self, s, c, rule):
        self.s, self.c, self.rule = s, c, rule
        self.connections = Connections(N, N, s.i[:], s.j[:], theta=np.array(s.theta[:]), autapses=False, seed=SEED)
        self.same, self.read, self.num_births = [], [], 0
        self.before = b2.NetworkOperation(self.remember, dt=1 * ms, when="end", order=-1)

    def remember(self):
        matrix = np.zeros((N, N))
        matrix[self.c.i[:], self.c.j[:]] = self.c.gradient[:]
        self.signals = {"gradient": np.array(self.s.gradient[:]), "site_gradient": matrix}
        self.read.append(bool(self.c.needed[:]))

    def compare(self, rewiring, info):
        own = {signal.name: self.signals[signal.name] for signal in self.rule.signals}
        expected = step(self.connections, self.rule, **own)
        self.same.append(
            np.array_equal(info.events, expected.events) and np.array_equal(self.s.theta[:], self.connections.theta)
        )
        self.num_births += info.num_births
        assert not self.c.gradient[:].any()
        assert "gradient" not in own or not self.s.gradient[:].any()


def run(rule=RULE, order=None, on_pre=ON_PRE):
    """Run a network, and return what `step` does beside it, and the rewiring."""
    neurons, s = sparse()
    c = pairs_of(neurons, order, on_pre)
    seen = Seen(s, c, rule)
    rewiring = Rewiring(s, rule, companion=c, variables=NAMES, dt=1 * ms, seed=SEED, callback=seen.compare)
    b2.Network(neurons, s, c, rewiring, seen.before).run(31.5 * ms)
    return seen, rewiring


@both_targets
@pytest.mark.parametrize("rule", [RULE, RigLDescent(0.05, fraction=0.3, every=2)], ids=["decreasing", "constant"])
def test_an_event_does_what_a_step_does(rule):
    shuffled = np.random.default_rng(1).permutation(N * N)
    results = []
    for order in (None, shuffled):
        seen, rewiring = run(rule, order)
        assert all(seen.same)
        assert len(seen.same) == 31
        # The gradient at 0 ms is not that of an event.
        assert seen.read[1:] == [rule.reads_sites(n) for n in range(1, 32)]
        assert seen.num_births > 25
        results.append((rewiring.i.tolist(), rewiring.j.tolist()))
    assert results[0] == results[1]


def test_other_gradients_lead_to_other_connections():
    """A negative control: the comparison with `step` sees gradients of other pairs."""
    right, wrong = run()[1], run(on_pre="gradient += v_pre - 0.3*i")[1]
    assert right.connections.birth_step.max() == wrong.connections.birth_step.max() > 0
    assert set(zip(right.i, right.j, strict=True)) != set(zip(wrong.i, wrong.j, strict=True))


def test_a_rule_without_descent():
    seen, rewiring = run(RigL(0.2))
    assert all(seen.same)
    assert all(seen.read[1:])
    assert rewiring.connections.birth_step.max() == 31


def test_code_that_is_switched_off_is_not_run(monkeypatch):
    group = b2.NeuronGroup(3, "x : 1\ny : 1\non : boolean (shared)")
    group.run_regularly("on = t > 0.35*ms", dt=0.1 * ms, order=-1)
    run_while(group, "x += 1; y = t/ms", "on", dt=0.2 * ms)
    runs, run_code = [], b2.BrianObject.run
    monkeypatch.setattr(CodeRunner, "run", lambda self: runs.append(self) or run_code(self), raising=False)
    b2.Network(group).run(1 * ms)
    # At 0.4, 0.6 and 0.8 ms.
    assert_array_equal(group.x[:], [3, 3, 3])
    assert sum(isinstance(each, SwitchedCode) for each in runs) == 3
    np.testing.assert_allclose(group.y[:], 0.8)


@pytest.mark.parametrize("code", ["gradient += 0", "gradient += int(j == 3)"])
def test_a_companion_without_values_is_reported(code, caplog):
    neurons, s = sparse()
    c = pairs_of(neurons, on_pre=code)
    rule = RigLDescent(0.05, fraction=0.2, every=2)
    rewiring = Rewiring(s, rule, companion=c, variables=NAMES, dt=1 * ms, name="growth")
    b2.Network(neurons, s, c, rewiring).run(9.5 * ms)
    found = [record.getMessage() for record in caplog.records if "for all pairs" in record.getMessage()]
    expected = ["'gradient' of 'pairs' was 0 for all pairs in the first 3 events of 'growth' that read it"]
    assert [text.split(", so")[0] for text in found] == expected * (code == "gradient += 0")


@dataclass(frozen=True)
class Score(DeepR):
    """A rule of a user with a value per pair that is not accumulated."""

    signals = (*DeepR.signals, Signal("score", of="site"))

    def decide(self, connections, gradient, score):
        assert score[3, 5] == 35.0
        return super().decide(connections, gradient)


def test_values_that_are_not_accumulated_stay():
    neurons, s = sparse()
    c = b2.Synapses(neurons, neurons, "score : 1")
    c.connect()
    c.score = "i*10 + j"
    rewiring = Rewiring(s, Score(0.02, 1.0, 2e-3), companion=c, dt=1 * ms)
    b2.Network(neurons, s, c, rewiring).run(5.5 * ms)
    assert rewiring.connections.steps_done == 5
    assert c.score[3, 5] == 35


ALL = np.arange(N * N)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda n, s: {}, "RigLDescent needs site_gradient of each pair .* pass it as companion="),
        (
            lambda n, s: {"rule": DeepR(0.1, 0.1, 0.1), "companion": pairs_of(n), "variables": None},
            "companion is for rules with a value for each pair .* leave it out for DeepR",
        ),
        (lambda n, s: {"companion": 3}, "companion must be a Synapses object, got 3"),
        (lambda n, s: {"companion": s}, "companion must be Synapses of its own that are not rewired, got 'sparse'"),
        (
            lambda n, s: {"companion": b2.Synapses(n, n, PAIRS, name="free")},
            "'free', the companion, is not connected yet; call connect",
        ),
        (
            lambda n, s: {"companion": pairs_of(sparse("elsewhere")[0])},
            "'pairs', the companion, must connect the same groups as 'sparse'",
        ),
        (lambda n, s: {"companion": pairs_of(n, ALL[2:])}, "each pair that may be connected once, got 0 -> 1 0 times"),
        (lambda n, s: {"companion": pairs_of(n, np.r_[ALL, 5])}, "got 0 -> 5 2 times; connect it by connect"),
        (
            lambda n, s: {"companion": pairs_of(n, model="needed : boolean\ngradient : 1")},
            "'needed' of 'pairs' must be shared by all synapses; write 'needed : boolean .shared.'",
        ),
        (
            lambda n, s: {"companion": pairs_of(n), "variables": None},
            "'pairs', the companion, has no variable 'site_gradient' .* or name yours by variables=",
        ),
        (
            lambda n, s: {"companion": pairs_of(n), "variables": {"site": "x"}},
            "variables renames 'site', but RigLDescent needs .*site_gradient",
        ),
    ],
)
def test_what_is_no_companion_is_refused(options, message):
    neurons, s = sparse()
    with pytest.raises((ValueError, TypeError), match=message):
        Rewiring(s, **{"rule": RULE, "dt": 1 * ms, "variables": NAMES, **options(neurons, s)})
    Rewiring(s, DeepR(0.1, 0.1, 0.1), dt=1 * ms)  # The refusal has no effect.


def test_a_companion_of_several_synapses_is_refused():
    neurons, s = sparse()
    with pytest.raises(ValueError, match=r"companion must be None for a list of Synapses, got .*; give each Synapses"):
        Rewiring([s], RULE, dt=1 * ms, companion=pairs_of(neurons), variables=NAMES)


def test_a_companion_that_is_connected_later_is_refused():
    neurons, s = sparse()
    c = pairs_of(neurons)
    rewiring = Rewiring(s, RULE, companion=c, variables=NAMES, dt=1 * ms)
    c.connect(i=0, j=1)
    with pytest.raises(ValueError, match="'pairs', the companion, has 145 synapses, but had 144 when 'rewiring"):
        rewiring.step()


@pytest.mark.parametrize("switch", ["x", "N", "off", 3])
def test_other_switches_are_refused(switch):
    group = b2.NeuronGroup(3, "x : 1")
    with pytest.raises((ValueError, TypeError), match=r"switch must (name a shared|be the name of a shared) variable"):
        run_while(group, "x += 1", switch)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_program_equals_runtime(tmp_path):
    b2.prefs.codegen.target = "cython"
    expected = [np.array(each) for each in of_two_networks(lambda: None)]
    with standalone(tmp_path) as build:
        for one, other in zip(of_two_networks(build), expected, strict=True):
            assert_array_equal(one, other)


def of_two_networks(build):
    """Return what can be seen of two networks: the program makes the companion of one, and not of the other."""
    net, made = b2.Network(), []
    orders = None, np.random.default_rng(1).permutation(N * N)
    rules = RULE, RigLDescent("0.05/(1 + t/(20*ms))", Momentum(), fraction=0.3, every=2)
    for k, (order, rule) in enumerate(zip(orders, rules, strict=True)):
        neurons, s = sparse(f"sparse_{k}")
        c = pairs_of(neurons, order, name=f"pairs_{k}")
        run_while(c, "gradient += 0.01*v_pre*(i + j)", "needed", when="after_synapses")
        rewiring = Rewiring(s, rule, companion=c, variables=NAMES, dt=1 * ms, seed=SEED, name=f"rewiring_{k}")
        monitor = RewiringMonitor(rewiring, name=f"monitor_{k}")
        net.add(neurons, s, c, rewiring, monitor)
        made.append((s, c, rewiring, monitor))
    for _ in range(2):
        net.run(16.3 * ms)
    build()
    for s, c, rewiring, monitor in made:
        assert monitor.num_births > 25
        arrays = s.i[:], s.j[:], s.theta[:], s.gradient[:], c.gradient[:], c.needed[:]
        yield from (*arrays, monitor.log.events, rewiring.connections.birth_step)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
@pytest.mark.parametrize(
    ("j", "on_pre", "message"),
    [
        ("i", ON_PRE, "'pairs', the companion, must have each pair that may be connected once, got site 0, 1 0 times"),
        (None, "gradient += log(-1.0*int(j == 7))", "site_gradient of site \\d+, 0 is -inf; find out where"),
    ],
)
def test_program_checks_the_companion(tmp_path, capsys, j, on_pre, message):
    with standalone(tmp_path) as build:
        neurons, s = sparse()
        c = b2.Synapses(neurons, neurons, PAIRS, on_pre=on_pre, name="pairs")
        c.connect(j=j)
        rewiring = Rewiring(s, RULE, companion=c, variables=NAMES, dt=1 * ms)
        b2.Network(neurons, s, c, rewiring).run(10 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            build()
    assert re.search(message, capsys.readouterr().out)
