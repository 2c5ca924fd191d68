"""Histories of many operations, chosen by hypothesis: what must hold holds after each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synaptic_sampling import SGD, Adam, Connections, DeepR, FixedWiring, Momentum, replace, step

SIGNS = ["site", "presynaptic", "redrawn", 1, -1]
OPTIMIZERS = [SGD(), Momentum(), Adam()]
#: Operations per history.
LENGTH = 50


@st.composite
def histories(draw):
    """Return connections and what to do with them."""
    num_pre, num_post = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    autapses = draw(st.booleans()) or num_pre != num_post
    sites = num_pre * num_post - (0 if autapses else num_pre)
    connections = Connections.random(
        num_pre,
        num_post,
        draw(st.integers(0, sites)),
        seed=draw(st.integers(0, 2**64 - 1)),
        signs=draw(st.sampled_from(SIGNS)),
        excitatory=draw(st.floats(0, 1)),
        autapses=autapses,
        index=draw(st.integers(0, 2**16 - 1)),
        dtype=draw(st.sampled_from([np.float32, np.float64])),
    )
    rule = DeepR(
        learning_rate=draw(st.floats(1e-3, 1.0)),
        l1=draw(st.floats(0, 1.0)),
        temperature=draw(st.floats(0, 1.0)),
        optimizer=draw(st.sampled_from(OPTIMIZERS)),
    )
    operations = draw(st.lists(st.sampled_from("ssssrnc"), min_size=LENGTH, max_size=LENGTH))
    return connections, rule, operations, draw(st.integers(0, 2**32 - 1))


def check(c, number, signs):
    pairs = list(zip(c.pre.tolist(), c.post.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)) == number
    assert (c.theta >= 0).all()
    assert (np.abs(c.polarity) == 1).all()
    assert c.autapses or all(i != j for i, j in pairs)
    assert set(c.table[c.table >= 0].tolist()) == {i * c.num_post + j for i, j in pairs}
    assert ((c.birth_step >= 0) & (c.birth_step <= c.steps_done)).all()
    if not c.signs.redrawn:  # Redrawn signs are the only ones that change.
        for pair, sign in zip(pairs, c.polarity.tolist(), strict=True):
            assert signs.setdefault(pair, sign) == sign


def follow(history):
    """Do what a history says, and see after each operation that all holds."""
    c, rule, operations, seed = history
    rng, number, signs = np.random.default_rng(seed), len(c), {}
    wiring = dict(zip(zip(c.pre.tolist(), c.post.tolist(), strict=True), range(number), strict=True))
    for operation in operations:
        gradient = rng.standard_normal(number).astype(c.theta.dtype)
        events = []
        if operation == "s":
            events = step(c, gradient, rule).events
        elif operation == "r":
            events = replace(c, rng.random(number) < rng.random()).events
        elif operation == "n" and number:
            before = {name: np.array(values) for name, values in c.state().items()}
            gradient[rng.integers(number)] = rng.choice([np.nan, np.inf, -np.inf])
            with pytest.raises(FloatingPointError):
                step(c, gradient, rule)
            assert all(np.array_equal(values, before[name]) for name, values in c.state().items())
        elif operation == "c":
            c.restore({name: np.array(values) for name, values in c.state().items()})
        for event in events:
            pair = int(event["pre"]), int(event["post"])
            if event["kind"] < 0:
                assert wiring.pop(pair) == event["slot"]
            else:
                assert wiring.setdefault(pair, int(event["slot"])) == event["slot"]
        assert wiring == {pair: k for k, pair in enumerate(zip(c.pre.tolist(), c.post.tolist(), strict=True))}
        check(c, number, signs)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(histories())
def test_some_histories(history):
    follow(history)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(histories())
def test_thousand_histories(history):
    follow(history)


@pytest.mark.compiled
def test_ten_million_updates():
    c = Connections.random(300, 300, 10_000, seed=5)
    rule, signs = DeepR(learning_rate=0.1, l1=0.1, temperature=0.1), np.zeros(90_000, np.int8)
    for n in range(1000):
        info = step(c, np.sin(c.weights + n), rule)
        keys = c.pre.astype(np.int64) * 300 + c.post
        assert len(np.unique(keys)) == 10_000
        assert (c.theta >= 0).all()
        assert ((signs[keys] == 0) | (signs[keys] == c.polarity)).all()
        signs[keys] = c.polarity
        assert info.num_births == info.num_deaths


def test_fixed_wiring_only_moves():
    c = Connections.random(9, 9, 30, seed=5)
    c.theta[:] = 0.01
    before = c.pre.copy(), c.post.copy(), c.polarity.copy()
    assert len(step(c, np.linspace(-1, 1, 30), FixedWiring(0.5)).events) == 0
    assert (c.theta < 0).any()
    for values, then in zip((c.pre, c.post, c.polarity), before, strict=True):
        np.testing.assert_array_equal(values, then)
    np.testing.assert_allclose(c.weights, 0.01 * before[2] - 0.5 * np.linspace(-1, 1, 30))
