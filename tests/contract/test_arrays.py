"""What every rule keeps on arrays: the bits of its twin, errors before effects, exact numbers, a log that replays."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Budget, DeepR, RewiringLog, Rule, Signal, SoftConnections, step
from tests.contract.rules import OWN, RULES, exported, hard, potential, signals_of

STEPS = 30


def sets_of(connections):
    return connections.sets if isinstance(connections, Budget) else (connections,)


def snapshot(connections):
    return [{name: np.array(values) for name, values in c.state().items()} for c in sets_of(connections)]


def same(one, other):
    return all(
        a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
        for a, b in zip(one, other, strict=True)
    )


def run(rule, connections, first=0, last=STEPS):
    return [step(connections, rule, **signals_of(rule, connections, n)) for n in range(first, last)]


@pytest.fixture(params=RULES)
def pair(request):
    return RULES[request.param]


def test_every_rule_of_the_package_has_a_row():
    assert {name.partition(",")[0] for name in RULES} == {*exported(), OWN}
    assert all(type(pair.rule).__name__ == name.partition(",")[0] for name, pair in RULES.items() if name != OWN)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decides_like_its_twin(pair, dtype, monkeypatch):
    """Theta after the update, and the decision, bit for bit, in every step and every set."""
    rule, decide, slots = pair.rule, pair.rule.decide, []

    def compared(self, c, **signals):
        expected = pair.twin(rule, c, **signals)
        decision = decide(c, **signals)
        births = decision.births
        assert_array_equal(c.theta, expected.theta)
        assert_array_equal(decision.crossed if hasattr(c, "connected") else decision.deaths, expected.slots)
        if isinstance(births, np.ndarray):
            births = [divmod(key, c.num_post) for key in births.tolist()]
        assert births == expected.births
        slots.extend(expected.slots)
        return decision

    monkeypatch.setattr(type(rule), "decide", compared)
    run(rule, pair.make(dtype))
    assert slots or not rule.forms, "a comparison of nothing"


def test_same_bits_twice(pair):
    rule, make = pair.rule, pair.make
    one, two = make(), make()
    events = [[info.events.tobytes() for info in run(rule, c)] for c in (one, two)]
    assert events[0] == events[1]
    assert same(snapshot(one), snapshot(two))


def test_stopped_and_resumed(pair):
    rule, make = pair.rule, pair.make
    whole, first, second = make(), make(), make()
    events = [info.events.tobytes() for info in run(rule, whole)]
    run(rule, first, 0, STEPS // 2)
    for old, new in zip(sets_of(first), sets_of(second), strict=True):
        new.restore({name: np.array(values) for name, values in old.state().items()})
    assert [info.events.tobytes() for info in run(rule, second, STEPS // 2)] == events[STEPS // 2 :]
    assert same(snapshot(second), snapshot(whole))


def test_numbers_are_exact(pair):
    rule, c = pair.rule, pair.make()
    before = sum(each.num_active for each in sets_of(c))
    for info in run(rule, c):
        before += info.num_births - info.num_deaths
        assert info.num_births == info.num_deaths or not pair.constant
    assert sum(each.num_active for each in sets_of(c)) == before
    for each in sets_of(c):
        keys = each.sites.keys(each.pre, each.post)
        assert len(np.unique(keys)) == len(keys), "no pair is connected twice"


def test_the_log_replays(pair):
    rule, make = pair.rule, pair.make
    c, log = make(), RewiringLog()
    for own in sets_of(c):
        log.describe(own.index, num_pre=own.num_pre, num_post=own.num_post, num_sites=own.num_sites)
        log.snapshot(0, own.index, own.pre, own.post, own.theta, held(own))
    for info in run(rule, c):
        log.record(info)
    for own in sets_of(c):
        (pre, post), alive = log.wiring(STEPS, own.index)[:2], held(own) != 0
        assert pairs(pre, post) == pairs(own.pre[alive], own.post[alive])


def held(c):
    """Polarity, 0 in slots without an active connection."""
    return np.where(c.theta >= 0, c.polarity, 0).astype(np.int8) if hasattr(c, "connected") else c.polarity


def pairs(pre, post):
    return sorted(zip(pre.tolist(), post.tolist(), strict=True))


def test_errors_change_nothing(pair):
    rule, make = pair.rule, pair.make
    c = make()
    before, good = snapshot(c), signals_of(rule, c, 0)
    for name, value in good.items():
        wrong = [None, "seven", np.zeros((2, 2, 2)), np.array([1.0])]
        if not isinstance(value, list) and np.asarray(value).dtype.kind == "f":
            spoiled = np.array(value, copy=True)
            spoiled.flat[-1] = np.nan
            wrong.append(spoiled if spoiled.ndim else float("nan"))
        for bad in wrong:
            with pytest.raises((TypeError, ValueError, FloatingPointError), match=name):
                step(c, rule, **{**good, name: bad})
    with pytest.raises(TypeError, match=f"{type(rule).__name__} needs"):
        step(c, rule, **good, surplus=1)
    if good:
        with pytest.raises(TypeError, match=f"{type(rule).__name__} needs"):
            step(c, rule)
    assert same(snapshot(c), before)


def test_wrong_parameters_are_refused(pair):
    """A rule checks its numbers when it is created: in compiled code they would cause errors that are hard to read."""
    numbers = [name for name, value in vars(pair.rule).items() if type(value) in {int, float}]
    optional = {each.name for each in fields(pair.rule) if each.default is None}
    for name, wrong in product(numbers, (None, "seven", [1.0], float("nan"))):
        if wrong is None and name in optional:
            continue
        with pytest.raises((TypeError, ValueError), match=name):
            replace(pair.rule, **{name: wrong})


def test_other_connections_are_refused(pair):
    rule = pair.rule
    for make in (hard, potential):
        c = make()
        if not isinstance(c, rule.storage):
            before = snapshot(c)
            with pytest.raises(TypeError, match="connections must be"):
                step(c, rule, **signals_of(rule, c, 0))
            assert same(snapshot(c), before)


def test_soft_connections_take_their_own_rule_alone():
    c = RULES["SoftDeepR, connections"].make()
    assert type(c) is SoftConnections
    with pytest.raises(TypeError, match="connections must be Connections for DeepR, got SoftConnections"):
        step(c, np.zeros(len(c)), DeepR(0.1, 0.1, 0.1))


def test_a_users_rule_is_deepr_with_another_gradient():
    """Reward -1 turns the eligibility into the gradient."""
    mine, deepr = RULES[OWN], RULES["DeepR"]
    a, b = hard(), hard()
    for n in range(STEPS):
        trace = np.sin(a.theta + n)
        one = step(a, mine.rule, eligibility=trace, reward=-1.0)
        two = step(b, deepr.rule, gradient=np.sin(b.theta + n))
        assert one.events.tobytes() == two.events.tobytes()


def test_a_rule_without_decide_says_so():
    class Empty(Rule):
        signals = (Signal("gradient"),)

    with pytest.raises(TypeError, match="Empty must implement decide"):
        step(hard(), Empty(), gradient=np.zeros(40))
