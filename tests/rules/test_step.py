"""The step of the paper: bit-identical to its reference implementation; invariants after every step."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import SGD, Adam, Connections, DeepR, Momentum, replace, step
from synaptic_sampling.randomness import LAST_STEP, Stream, normals
from tests import naive

#: num_pre, num_post, K: empty, one, full, crowded, roomy, a single row, a single column.
SIZES = [(5, 7, 0), (1, 1, 1), (1, 1, 0), (6, 4, 24), (6, 4, 23), (20, 30, 100), (1, 40, 9), (40, 1, 39), (9, 9, 70)]
SIGN_RULES = ["site", "presynaptic", "redrawn", 1, -1]


def drifting_gradient(connections, n):
    """A gradient that depends on the state, so that a wrong state is not forgotten."""
    return np.sin(3.0 * connections.weights + connections.pre - connections.post + n).astype(connections.theta.dtype)


def replay(first, events):
    """Return the set of pairs that the events lead to, checking that each of them is possible."""
    wiring = {(int(pre), int(post)): int(slot) for slot, (pre, post) in enumerate(first)}
    for event in events:
        pair, slot = (int(event["pre"]), int(event["post"])), int(event["slot"])
        if event["kind"] == -1:
            assert wiring.pop(pair) == slot
        else:
            assert pair not in wiring
            wiring[pair] = slot
    return wiring


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("autapses", [True, False])
def test_equals_naive(rng, size, dtype, autapses):
    num_pre, num_post, k = size
    if not autapses and num_pre != num_post:
        pytest.skip("autapses are those of one group")
    c = Connections.random(
        num_pre, num_post, min(k, num_pre * num_post - (0 if autapses else num_pre)), seed=2**63 + 5, dtype=dtype,
        autapses=autapses,
    )  # fmt: skip
    c.theta[:] = 0.2 * rng.random(len(c))
    rule = DeepR(learning_rate=0.1, l1=0.3, temperature=0.02)
    for n in range(60):
        gradient = drifting_gradient(c, n)
        state, events = naive.step(c, gradient, rule)
        info = step(c, gradient, rule)
        for got, expected in zip((c.pre, c.post, c.theta, c.polarity, c.birth_step), state, strict=True):
            assert_array_equal(got, expected)
        assert_array_equal(info.events, naive.as_events(events, info.events.dtype))


@pytest.mark.parametrize("signs", SIGN_RULES)
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(0.8), Adam()])
def test_invariants_over_thousands_of_steps(rng, signs, optimizer):
    c = Connections.random(40, 30, 120, seed=4, signs=signs, excitatory=0.7)
    first = list(zip(c.pre, c.post, strict=True))
    rule = DeepR(learning_rate=0.05, l1=0.1, temperature=0.01, optimizer=optimizer)
    sign_of = dict(zip(first, c.polarity.tolist(), strict=True))
    events = []
    for n in range(2500):
        before = c.pre.copy(), c.post.copy(), c.polarity.copy()
        info = step(c, drifting_gradient(c, n), rule)
        events.append(info.events)
        keys = c.pre.astype(np.int64) * 30 + c.post
        assert len(c) == len(np.unique(keys)) == 120
        assert (c.theta >= 0).all()
        assert info.num_births == info.num_deaths
        assert_array_equal(info.died.pre, before[0][info.died.slot])
        assert_array_equal(info.died.polarity, before[2][info.died.slot])
        assert_array_equal(info.born.post, c.post[info.born.slot])
        assert (c.theta[info.born.slot] == 0).all()
        stayed = np.setdiff1d(np.arange(120), info.died.slot)
        assert_array_equal(c.polarity[stayed], before[2][stayed])
        if signs != "redrawn":
            for pair, sign in zip(zip(info.born.pre, info.born.post, strict=True), info.born.polarity, strict=True):
                assert sign_of.setdefault(pair, sign) == sign
    wiring = replay(first, np.concatenate(events))
    assert len(np.concatenate(events)) > 5000
    assert wiring == {pair: slot for slot, pair in enumerate(zip(c.pre.tolist(), c.post.tolist(), strict=True))}


def test_signs_follow_their_rule():
    c = Connections.random(50, 40, 500, seed=1, signs="presynaptic", excitatory=0.75)
    assert all(len(set(c.polarity[c.pre == i])) <= 1 for i in range(50))
    given = np.where(np.arange(50) % 3 == 0, -1, 1)
    c = Connections.random(50, 40, 500, seed=1, signs=given)
    assert_array_equal(c.polarity, given[c.pre])
    table = np.where(np.add.outer(np.arange(50), np.arange(40)) % 2, -1, 1)
    c = Connections.random(50, 40, 500, seed=1, signs=table)
    assert_array_equal(c.polarity, table[c.pre, c.post])


def test_terms_one_by_one():
    """Exact expectations of theory: each term alone moves theta as its equation says."""
    c = Connections.random(30, 30, 200, seed=9)
    c.theta[:] = 5.0
    gradient = np.linspace(-1, 1, 200)

    def moved(gradient, **rule):
        before = c.theta.copy()
        assert len(step(c, gradient, DeepR(learning_rate=0.1, **rule)).events) == 0
        return c.theta - before

    zero = np.zeros(200)
    assert_array_equal(moved(zero, l1=0.0, temperature=0.0), 0)
    for optimizer in (SGD(), Adam(), Momentum()):
        c.moments = ()
        assert_allclose(moved(zero, l1=0.3, temperature=0.0, optimizer=optimizer), -0.03, rtol=1e-12)
    c.moments = ()
    assert_allclose(moved(gradient, l1=0.0, temperature=0.0), -0.1 * c.polarity * gradient, rtol=1e-9)
    nu = normals(9, Stream.NOISE, c.steps_done + 1, 200)
    assert_allclose(moved(zero, l1=0.0, temperature=0.02), np.sqrt(2 * 0.1 * 0.02) * nu, rtol=1e-9)


def test_first_step_of_a_newborn_under_adam_is_not_inflated():
    """With the global step count in place of its own it would be 2.5 times too long by step 1000."""
    c = Connections.random(10, 10, 20, seed=3)
    c.theta[:] = 100.0
    rule = DeepR(learning_rate=0.01, l1=0.0, temperature=0.0, optimizer=Adam())
    for _ in range(1000):
        step(c, c.polarity * 1.0, rule)
    c.theta[0] = -1.0
    info = step(c, c.polarity * 1.0, rule)
    assert info.born.slot.tolist() == [0]
    step(c, -1.0 * c.polarity, rule)
    assert c.theta[0] == pytest.approx(0.01, rel=1e-6)


def test_a_site_just_vacated_is_vacant_again():
    c = Connections(1, 2, [0], [0], seed=0)
    reborn = 0
    for _ in range(400):
        before = c.post[0]
        replace(c, np.array([True]))
        reborn += c.post[0] == before
    # Binomial(400, 1/2): beyond 5.5 standard deviations once in 2.6e7.
    assert abs(reborn - 200) < 5.5 * 10


def test_full_grid_is_reborn_in_place():
    c = Connections.random(4, 5, 20, seed=2)
    info = replace(c, np.ones(20, bool))
    assert info.num_deaths == info.num_births == 20
    assert len({*zip(c.pre, c.post, strict=True)}) == 20


def test_splitting_a_run_changes_nothing():
    def run(cut):
        c = Connections.random(20, 20, 80, seed=6)
        rule = DeepR(learning_rate=0.1, l1=0.2, temperature=0.05, optimizer=Adam())
        for n in range(50):
            if n == cut:
                state = {name: np.array(values) for name, values in c.state().items()}
                c = Connections.random(20, 20, 80, seed=6)
                c.restore(state)
            step(c, drifting_gradient(c, n), rule)
        return c

    one, two = run(None), run(23)
    for name, values in one.state().items():
        assert_array_equal(values, two.state()[name])


def test_seeds_sets_and_steps_differ():
    a = Connections.random(20, 20, 80, seed=6)
    assert_array_equal(a.pre, Connections.random(20, 20, 80, seed=6).pre)
    assert (a.pre != Connections.random(20, 20, 80, seed=7).pre).any()
    assert (a.pre != Connections.random(20, 20, 80, seed=6, index=1).pre).any()


def test_the_last_step_there_is():
    c = Connections.random(3, 3, 4, seed=1)
    c.steps_done = LAST_STEP - 1
    step(c, np.zeros(4), DeepR(learning_rate=0.1, l1=0.1, temperature=0.1))
    with pytest.raises(ValueError, match="at most 4294967295 steps"):
        step(c, np.zeros(4), DeepR(learning_rate=0.1, l1=0.1, temperature=0.1))
    assert c.steps_done == LAST_STEP


def test_theta_of_exactly_0_is_active():
    c = Connections(3, 3, [0, 1, 2], [0, 1, 2], theta=[0.0, 0.5, 0.0])
    info = step(c, np.zeros(3), DeepR(learning_rate=0.1, l1=0.0, temperature=0.0))
    assert info.num_deaths == 0
    assert_array_equal(c.theta, [0.0, 0.5, 0.0])
