"""Decisions of rules of a user that cannot be carried out: refused before any site is vacated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Budget, Connections, Decision, PotentialConnections, Rule, step


@dataclass(frozen=True)
class Own(Rule):
    """Decides what a function returns."""

    choose: Callable
    keeps_number = True

    def decide(self, connections):
        return self.choose(connections)


@dataclass(frozen=True)
class OwnPotential(Own):
    """The same for potential connections."""

    storage = (PotentialConnections,)


KEY = np.array([3], np.int32)
WRONG = {
    "a list": (lambda c: [3], "must return a Decision, got"),
    "nothing": (lambda c: None, "must return a Decision, got None"),
    "a mask": (lambda c: Decision(c.theta < 1), r"deaths of Own .* got True and False; pass np\.flatnonzero"),
    "floats": (lambda c: Decision(np.array([1.0])), "deaths of Own must hold integers"),
    "two dimensions": (lambda c: Decision(np.zeros((1, 1), int)), r"one dimension, got shape \(1, 1\)"),
    "twice": (lambda c: Decision(np.array([3, 3, 5])), "each slot once, got 3 before 3"),
    "descending": (lambda c: Decision(np.array([5, 3])), "must be ascending, each slot once, got 5 before 3"),
    "negative": (lambda c: Decision(np.array([-1])), "must be from 0 to 19, got -1"),
    "too large": (lambda c: Decision(np.array([3, 20])), "must be from 0 to 19, got 20"),
    "unsigned": (lambda c: Decision(np.array([2**32], np.uint64)), "must be from 0 to 19, got 4294967296"),
    "no neuron": (lambda c: Decision(KEY, np.array([1234])), "births of Own must hold keys from 0 to 99, got 1234"),
    "negative key": (lambda c: Decision(KEY, np.array([-1])), "keys from 0 to 99, got -1"),
    "narrow keys": (lambda c: Decision(KEY, np.array([12], np.int32)), "keys .* of int64.* got int32"),
    "births < 0": (lambda c: Decision(KEY, -1), "births of Own must be between 0"),
    "half a birth": (lambda c: Decision(KEY, 0.5), "births of Own must be an integer"),
    "wanted < 0": (lambda c: Decision(KEY, np.array([12]), wanted=-1), "wanted of Own must be between 0"),
    "crossed": (lambda c: Decision(crossed=KEY), r"crossed of Own must be empty .* Decision\(deaths=slots\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_carried_out_is_refused(case):
    choose, message = WRONG[case]
    c = Connections.random(10, 10, 20, seed=1)
    pre, post, table = c.pre.copy(), c.post.copy(), c.table.copy()
    with pytest.raises((TypeError, ValueError), match=message):
        step(c, Own(choose))
    for values, before in ((c.pre, pre), (c.post, post), (c.table, table)):
        assert_array_equal(values, before)
    with pytest.raises(RuntimeError, match="ended step 1"):
        step(c, Own(lambda c: Decision()))


def test_potential_connections_are_eliminated_by_crossing():
    c = PotentialConnections(4, 5)
    with pytest.raises(ValueError, match=r"deaths of OwnPotential must be empty .* Decision\(crossed=slots\)"):
        step(c, OwnPotential(lambda c: Decision(KEY)))


def test_integers_of_every_type_are_the_same_decision():
    events = []
    for kind in (np.int32, np.int64, np.uint8):
        c = Connections.random(50, 50, 100, seed=1, capacity=1000)
        events.append(step(c, Own(lambda c, kind=kind: Decision(np.arange(3, dtype=kind), kind(100)))).events)
        assert len(c) == 197
    assert_array_equal(events[0], events[1])
    assert_array_equal(events[0], events[2])


def test_a_budget_vacates_no_site_of_another_set():
    sets = [Connections.random(10, 10, 20, seed=1, index=n) for n in range(2)]
    table = sets[0].table.copy()
    with pytest.raises(ValueError, match="each slot once"):
        step(Budget(sets), Own(lambda c: Decision(np.array([3, 3] if c.index else [3]))))
    assert_array_equal(sets[0].table, table)
