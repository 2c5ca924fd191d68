"""Potential connections in Brian2 against the plain simulator: same spikes, same voltages, same synapses.

Several synapses lie between the same two neurons. Those with theta < 0 keep their slots, traces and delays, and are
silent; whatever was on its way through one of them when it is born is dropped.
"""

from __future__ import annotations

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import PotentialConnections, Rewiring, SoftDeepR, SynapticSampling
from synaptic_sampling.brian.internals import queues
from tests import naive
from tests.brian import oracle
from tests.brian.conftest import both_targets
from tests.brian.test_oracle import PERIOD, SEED, STEPS, agree, edges_of, make_synapses, run_both, set_delays

SAMPLING = SynapticSampling(
    learning_rate=10.0, temperature=0.3, mean=0.05, std=0.5, interval=PERIOD * oracle.DT, max_gradient=0.5
)
SOFT = SoftDeepR(learning_rate=0.02, l1=1.0, temperature=2e-2, connectivity=0.4)
MODEL = oracle.SYNAPSE.replace("polarity*theta", "polarity*theta*int(theta >= 0)")


class Edge(oracle.Edge):
    """A potential connection, from one birth to the next."""

    @property
    def weight(self):
        return super().weight if self.theta >= 0 else 0.0


class Projection(oracle.Projection):
    """Potential connections; a newborn is another object with all that its slot held."""

    def rewire(self, now):
        theta = np.array([edge.theta for edge in self.edges])
        gradient = np.array([edge.gradient for edge in self.edges])
        self.steps_done += 1
        address, rule = (self.steps_done, 0, self.seed, 0), self.rule
        if isinstance(rule, SoftDeepR):
            numbers = rule.learning_rate, rule.l1, rule.noise_scale, rule.theta_min
            signs = [edge.polarity for edge in self.edges]
            moved, crossed = naive.soft(gradient, signs, *numbers, *address, theta)
        else:
            clips = rule.max_gradient, -np.inf, np.inf
            moved, crossed = naive.diffuse(gradient, rule.mean, *rule.transition, *clips, *address, theta)
        born = [slot for slot in crossed if moved[slot] >= 0]
        self.births.append(len(born))
        for slot in born:
            self.edges[slot].alive = False
            self.edges[slot] = replace(self.edges[slot], alive=True)
        for edge, value in zip(self.edges, moved, strict=True):
            edge.theta = value
            if isinstance(rule, SoftDeepR):
                edge.gradient = 0.0


def potential(rule):
    """Return a maker of synapses that the rule samples, who does it, and the same for the plain simulator."""

    given = rule
    if isinstance(rule, SynapticSampling):
        given = replace(rule, learning_rate=rule.learning_rate * b2.Hz, interval=rule.interval * b2.second)

    def make(k, current, source, target, rng):
        s = make_synapses(f"synapses_{k}", MODEL.format(current=current), source, target)
        pairs = PotentialConnections(len(source), len(target), autapses=source is not target)
        some = rng.permutation(np.repeat(np.arange(len(pairs)), 2))[: len(pairs)]
        s.connect(i=pairs.pre[some], j=pairs.post[some])
        s.theta = rng.normal(0, 0.3, len(s))
        set_delays(s, rng)
        rewiring = Rewiring(s, given, seed=SEED + k, dt=PERIOD * oracle.DT * b2.second, name=f"rewiring_{k}")
        projection = Projection(
            len(source), len(target), edges_of(s, Edge), rule, SEED + k,
            autapses=True, period=PERIOD, delay_of_newborn=None,
        )  # fmt: skip
        return s, rewiring, projection

    return make


@both_targets
@pytest.mark.parametrize("rule", [SAMPLING, SOFT])
@pytest.mark.parametrize(("seed", "runs"), [(0, 1), (1, 5)])
def test_equals_oracle(rule, seed, runs):
    got, expected, synapses, projections = run_both(seed, runs, potential(rule))
    for s, p in zip(synapses, projections, strict=True):
        assert len(np.unique(s.i[:] * len(s) + s.j[:])) < len(s)
        assert len(p.births) == STEPS // PERIOD - 1
        assert sum(p.births) > 2 * len(s), "most slots must be born several times for this test to mean anything"
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:], [getattr(e, name) for e in p.edges], atol=1e-12)
        assert_array_equal(s.i[:], [e.pre for e in p.edges])
    assert len(got[0]) > 100
    assert agree(got, expected)


def test_with_the_spikes_from_before_a_birth_it_differs(monkeypatch):
    monkeypatch.setattr(queues, "redirect", lambda *_: None)
    got, expected, _, _ = run_both(0, make=potential(SAMPLING))
    assert not agree(got, expected)
