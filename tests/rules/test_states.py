"""States of connections: copies, from which a run goes on with the same bits, also where a step was not completed."""

from __future__ import annotations

import pickle
from dataclasses import replace as replaced

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    Budget,
    Connections,
    DeepR,
    PotentialConnections,
    SoftConnections,
    SoftDeepR,
    replace,
    step,
)
from synaptic_sampling.rate import Linear, RateNetwork, ReLU, SparseLinear, Trainer

RULE = DeepR(learning_rate=0.1, l1=2.0, temperature=0.2)
SOFT = SoftDeepR(learning_rate=0.5, l1=0.6, temperature=1.0, connectivity=1 / 13)


class Fails(DeepR):
    """DEEP R whose decision is followed by an exception, as if Ctrl+C came there."""

    def decide(self, connections, gradient):
        super().decide(connections, gradient)
        raise KeyboardInterrupt


class SoftFails(SoftDeepR):
    """The same for soft DEEP R."""

    def decide(self, connections, gradient):
        super().decide(connections, gradient)
        raise KeyboardInterrupt


class Checkerboard:
    """A condition on pairs that fails once when it is told to."""

    fails = False

    def __call__(self, pre, post):
        if self.fails:
            self.fails = False
            raise MemoryError
        return (pre + post) % 2 == 0


def make(kind):
    if kind == "potential":
        return PotentialConnections(12, 10, theta=np.linspace(-0.2, 0.2, 120), seed=3)
    own = {"rule": SOFT} if kind == "soft" else {}
    return (SoftConnections if kind == "soft" else Connections).random(12, 10, 30, seed=3, **own)


def refuses(connections, rule, gradient):
    with pytest.raises(RuntimeError, match=r"ended step \d+ of <.*restore\(\) a state"):
        step(connections, rule, gradient=gradient)


def test_an_error_of_a_user_function_in_the_middle_of_a_step():
    """Otherwise half of the sites would count as vacant, and later steps would connect pairs twice."""
    condition = Checkerboard()
    c = Connections.random(30, 30, 200, candidates=condition, seed=1)
    state, twin = c.state(), Connections.random(30, 30, 200, candidates=condition, seed=1)
    condition.fails = True
    with pytest.raises(MemoryError):
        replace(c, np.arange(200) < 100)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="ended step 1 of <200 connections"):
            replace(c, np.arange(200) >= 150)
        with pytest.raises(RuntimeError, match="ended step 1"):
            c.state()
        with pytest.raises(RuntimeError, match="ended step 1"):
            pickle.loads(pickle.dumps(c)).state()
    c.check_state(state)
    c.restore(state)
    for _ in range(5):
        assert_array_equal(replace(c, np.arange(200) >= 150).events, replace(twin, np.arange(200) >= 150).events)
    assert len(np.unique(c.sites.keys(c.pre, c.post))) == 200


@pytest.mark.parametrize("kind", ["hard", "potential", "soft"])
def test_later_steps_do_not_change_a_state(kind):
    """As they did when states were views: theta stayed, endpoints and numbers of steps were restored."""
    rule = replaced(RULE if kind == "hard" else SOFT, optimizer=Adam())
    c = make(kind)
    step(c, rule, gradient=np.zeros(len(c)))
    state = c.state()
    kept = {name: values.tobytes() for name, values in state.items()}
    for _ in range(5):
        step(c, rule, gradient=np.ones(len(c)))
    c.restore(state)
    for name, values in c.state().items():
        assert values.tobytes() == state[name].tobytes() == kept[name]


def test_further_training_does_not_change_the_state_of_a_network():
    layers = [SparseLinear(8, 6, connectivity=0.5), ReLU(), Linear(6, 2)]
    net = RateNetwork(layers, DeepR(0.05, 1e-3, 1e-6, optimizer=Adam()), seed=1)
    samples, targets = np.random.default_rng(1).standard_normal((32, 8)), np.arange(32) % 2
    Trainer(net).fit(samples, targets, epochs=1, report=None)
    state = net.state()
    kept = {name: values.tobytes() for name, values in state.items()}
    Trainer(net).fit(samples, targets, epochs=1, report=None)
    net.restore(state)
    for name, values in net.state().items():
        assert values.tobytes() == kept[name]


@pytest.mark.parametrize("kind", ["hard", "potential", "soft"])
def test_an_interrupted_step_can_be_repeated_from_a_state(kind):
    """With the same bits as if nothing had happened."""
    rule, fails = (RULE, Fails(0.1, 2.0, 0.2)) if kind == "hard" else (SOFT, SoftFails(*vars(SOFT).values()))

    c, twin = make(kind), make(kind)
    for one in (c, twin):
        for _ in range(5):
            step(one, rule, gradient=np.zeros(len(one)))
    state = c.state()
    with pytest.raises(KeyboardInterrupt):
        step(c, fails, gradient=np.zeros(len(c)))
    refuses(c, rule, np.zeros(len(c)))
    c.restore(state)
    for _ in range(5):
        own, other = (step(one, rule, gradient=np.zeros(len(one))) for one in (c, twin))
        assert_array_equal(own.events, other.events)
    for name, values in c.state().items():
        assert_array_equal(values, twin.state()[name])


def test_a_budget_refuses_as_a_whole():
    condition = Checkerboard()
    sets = [Connections.random(9, 9, 20, seed=1, index=n, candidates=condition) for n in range(2)]
    budget, states = Budget(sets), [c.state() for c in sets]
    zeros = [np.zeros(20), np.zeros(20)]
    sets[0].sites.number, condition.fails = 41, True
    with pytest.raises(MemoryError):
        replace(budget, [np.ones(20, bool)] * 2)
    refuses(budget, RULE, zeros)
    sets[0].restore(states[0])
    refuses(budget, RULE, zeros)
    sets[1].restore(states[1])
    step(budget, RULE, gradient=zeros)


def test_errors_of_checks_leave_no_mark():
    c = Connections.random(6, 7, 10, seed=1)
    with pytest.raises(FloatingPointError):
        step(c, RULE, gradient=np.full(10, np.nan))
    c.steps_done = 2**32 - 1
    with pytest.raises(ValueError, match="a run has at most"):
        step(c, RULE, gradient=np.zeros(10))
    c.state()
    c.steps_done = 0
    step(c, RULE, gradient=np.zeros(10))


def test_a_state_that_does_not_fit_leaves_no_mixture():
    c = Connections.random(6, 7, 10, seed=1)
    good = c.state()
    with pytest.raises(ValueError, match="broadcast"):
        c.restore({**good, "theta": np.zeros(4)})
    refuses(c, RULE, np.zeros(10))
    c.restore(good)
    step(c, RULE, gradient=np.zeros(10))


def test_a_network_refuses_further_steps_and_is_not_saved(tmp_path):
    layers = [SparseLinear(8, 6, connectivity=0.5), ReLU(), SparseLinear(6, 2, connectivity=0.5)]
    net = RateNetwork(layers, DeepR(0.05, 1e-3, 1e-6), seed=1)
    samples, targets = np.random.default_rng(1).standard_normal((32, 8)), np.arange(32) % 2
    state, rule = net.state(), net.rule
    net.rule = Fails(0.05, 1e-3, 1e-6)
    with pytest.raises(KeyboardInterrupt):
        net.step()
    net.rule = rule
    with pytest.raises(RuntimeError, match="ended step 1"):
        net.step()
    with pytest.raises(RuntimeError, match="ended step 1"):
        Trainer(net).save(tmp_path / "net.npz")
    with pytest.raises(RuntimeError, match="ended step 1"):
        Trainer(net).fit(samples, targets, epochs=1, report=None)
    net.restore(state)
    Trainer(net).fit(samples, targets, epochs=1, report=None)
