"""Random networks of every kind: Brian2 with rewiring does what the plain simulator does, to the last spike."""

from __future__ import annotations

import brian2 as b2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling.brian.internals import queues
from tests.brian.conftest import both_targets
from tests.brian.oracle import DT
from tests.brian.random_networks import CURRENTS, Pair, Plan
from tests.brian.test_oracle import agree

DELAYS = st.sampled_from([0, 1, 50, None])


@st.composite
def plans(draw):
    """Return a projection; onto a subgroup, Brian2 itself sums currents one step late, which is not our matter."""
    subgroups = draw(st.booleans())
    names = ["pre", *draw(st.sampled_from([[], ["late"], ["post"], ["late", "post"]]))]
    kinds = sorted(set(CURRENTS) - ({"summed"} if subgroups else set()))
    delays = {name: draw(DELAYS) for name in names}
    return Plan(draw(st.booleans()), subgroups, delays, draw(st.sampled_from(kinds)))


PAIRS = st.builds(
    Pair,
    plans=st.lists(plans(), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
    period=st.sampled_from([7, 10, 20]),
    runs=st.sampled_from([1, 3]),
)


def check(pair):
    b2.start_scope()
    b2.defaultclock.dt = DT * b2.second
    got, expected = pair.run()
    assert len(got[0]) > 5
    for s, p in zip(pair.synapses, pair.projections, strict=True):
        assert sum(p.births) > 0, "something must be rewired for this test to mean anything"
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:], [getattr(e, name) for e in p.edges], atol=1e-12)
        assert_array_equal(s.i[:], [e.pre for e in p.edges])
        assert_array_equal(s.j[:], [e.post for e in p.edges])
        for name, steps in p.plan.delays.items():
            if steps is None:
                delays = getattr(s, name).delay[:] / b2.second
                assert_allclose(delays, [e.delays[name] * DT for e in p.edges], atol=1e-12)
    assert agree(got, expected)


def try_all(number):
    """Check so many random networks; always the same ones, and without search for a smaller one, which takes long."""
    settings(max_examples=number, deadline=None, derandomize=True, database=None, phases=[Phase.generate])(
        given(pair=PAIRS)(check)
    )()


def test_random_networks_equal_the_plain_simulator():
    try_all(4)


@pytest.mark.slow
def test_many_random_networks_equal_the_plain_simulator():
    try_all(60)


MIXED = [
    Plan(False, False, {"pre": None, "late": 50, "post": 1}, "summed"),
    Plan(True, True, {"pre": 1, "late": None, "post": None}, "event"),
    Plan(True, False, {"pre": 50, "late": 0}, "clocked"),
]


@both_targets
@pytest.mark.parametrize(("seed", "runs"), [(0, 1), (1, 3)])
def test_three_kinds_at_once(seed, runs):
    check(Pair(MIXED, seed, 10, runs))


def disagreements(number):
    """Return how many of so many networks differ from the plain simulator."""
    count = 0
    for seed in range(number):
        b2.start_scope()
        b2.defaultclock.dt = DT * b2.second
        count += not agree(*Pair(MIXED, seed, 10, 1).run())
    return count


@pytest.mark.parametrize("name", ["redirect", "follow"])
def test_without_purge_or_refresh_every_network_differs(monkeypatch, name):
    monkeypatch.setattr(queues, name, lambda *_: None)
    assert disagreements(2) == 2
