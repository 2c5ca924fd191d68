"""Soft DEEP R with slots for active and tracked connections against the plain simulator: same spikes, same synapses.

Which connections leave and return is the core's answer, which has tests of its own; here it is carried out edge by
edge.
"""

from __future__ import annotations

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Rewiring, SoftConnections, SoftDeepR, step
from synaptic_sampling.brian.internals import queues, surgery
from tests.brian import oracle
from tests.brian.conftest import both_targets
from tests.brian.test_oracle import PERIOD, SEED, STEPS, agree, delay_of_newborn, edges_of, run_both, wire
from tests.brian.test_potential_oracle import Edge

#: The floor lies 10 steps of the noise below 0, so that many connections are lost and return.
RULE = SoftDeepR(learning_rate=0.05, l1=0.4, temperature=0.02, connectivity=0.1)
DEPTH = 4.0
MODEL = oracle.SYNAPSE.replace("polarity*theta", "polarity*theta*int(theta >= 0)") + "\nconnected : 1"
BIRTH = {"delay": "((7*i + 3*j) % 51)*0.1*ms", "post.delay": "0*ms"}


class Projection(oracle.Projection):
    """Connections in slots; ``core`` decides."""

    def rewire(self, now):
        c = self.core
        c.theta[:] = [edge.theta for edge in self.edges]
        info = step(c, np.array([edge.gradient for edge in self.edges]), self.rule)
        vacated, filled, old, new = c.exchanged
        edges = dict(enumerate(self.edges))
        for slot in vacated.slot.tolist():
            edges.pop(slot).alive = False
        for slot in set(info.born.slot.tolist()) - set(filled.slot.tolist()):
            edges[slot].alive = False
            delays = self.newborn_delays(edges[slot].pre, edges[slot].post)
            edges[slot] = replace(edges[slot], alive=True, delays=delays)
        for slot, pre, post, sign in zip(*(column.tolist() for column in filled), strict=True):
            edges[slot] = Edge(pre, post, sign, 0.0, self.newborn_delays(pre, post), last=now * oracle.DT)
        for before, after in zip(old.tolist(), new.tolist(), strict=True):
            edges[after] = edges.pop(before)
        self.edges = [edges[slot] for slot in range(len(c))]
        for edge, theta in zip(self.edges, c.theta.tolist(), strict=True):
            edge.theta, edge.gradient = theta, 0.0
        self.births.append((info.num_births, len(vacated.slot), len(filled.slot), len(old), info.num_unplaced))


def soft(k, current, source, target, rng):
    """Return synapses that soft DEEP R rewires, who does it, and the same for the plain simulator."""
    s = wire(f"synapses_{k}", current, source, target, rng, MODEL)
    options = {"seed": SEED + k, "depth": DEPTH}
    c = SoftConnections(
        len(source), len(target), s.i[:], s.j[:], rule=RULE, theta=s.theta[:], autapses=source is not target, **options
    )
    interval = PERIOD * oracle.DT * b2.second
    rewiring = Rewiring(s, RULE, dt=interval, birth=BIRTH, name=f"rewiring_{k}", **options)
    projection = Projection(
        len(source), len(target), edges_of(s, Edge)[: len(c)], RULE, SEED + k,
        autapses=source is not target, period=PERIOD, delay_of_newborn=delay_of_newborn,
    )  # fmt: skip
    projection.core = c
    assert_array_equal(s.theta[: len(c)], c.theta)
    return s, rewiring, projection


@both_targets
@pytest.mark.parametrize(("seed", "runs"), [(0, 1), pytest.param(1, 5, marks=pytest.mark.slow)])
def test_equals_oracle(seed, runs):
    got, expected, synapses, projections = run_both(seed, runs, soft)
    for s, p in zip(synapses, projections, strict=True):
        n = len(p.edges)
        totals = np.sum(p.births, axis=0)
        assert (totals[:4] > 10).all(), "all that can happen must happen for this test to mean anything"
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:n], [getattr(e, name) for e in p.edges], atol=1e-12)
            assert_array_equal(getattr(s, name)[n:], 0)
        assert_array_equal(s.connected[:], [*(e.theta >= 0 for e in p.edges), *[0] * (len(s) - n)])
        assert_array_equal(s.i[:n], [e.pre for e in p.edges])
        assert_array_equal(s.j[:n], [e.post for e in p.edges])
        assert_allclose(s.pre.delay[:n] / b2.second, [e.delays["pre"] * oracle.DT for e in p.edges], atol=1e-12)
        groups = surgery.groups(s)
        for degree, ends, number in (("N_outgoing", s.i, groups.num_pre), ("N_incoming", s.j, groups.num_post)):
            assert_array_equal(s.variables[degree].get_value(), np.bincount(ends[:n], minlength=number))
    assert len(got[0]) > 100
    assert len(projections[0].births) == STEPS // PERIOD - 1
    assert agree(got, expected)


@pytest.mark.parametrize("what", ["redirect", "follow"])
def test_without_care_for_the_queues_it_differs(monkeypatch, what):
    monkeypatch.setattr(queues, what, lambda *_: None)
    got, expected, _, _ = run_both(0, make=soft)
    assert not agree(got, expected)
