"""SET and RigL in Brian2 against the plain simulator: same spikes, same voltages, same synapses.

The simulator follows every pair of neurons as an object of its own, and asks these for their gradients.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import brian2 as b2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Rewiring
from synaptic_sampling.brian.companion import Companion
from synaptic_sampling.brian.internals import queues
from synaptic_sampling.rules import RigLDescent, SETDescent
from tests import naive
from tests.brian import oracle
from tests.brian.conftest import both_targets
from tests.brian.test_oracle import PERIOD, SEED, STEPS, agree, delay_of_newborn, edges_of, run_both, wire

RULES = [SETDescent(0.002, fraction=0.3, every=2), RigLDescent(0.002, fraction=0.3, every=2)]
BIRTH = {"delay": "((7*i + 3*j) % 51)*0.1*ms", "post.delay": "0*ms"}
#: A pair has a gradient, but no weight. It is scaled, since gradients that differ by rounding alone would be a draw.
PAIR = """gradient : 1
          scale = 1 + 0.01*i + 0.0173*j : 1
          dx/dt = -x/tau_x : 1 (event-driven)"""
ON_PRE, ON_POST = "x += 1; gradient += scale*(0.6 - x)", "gradient += scale*(0.4*x - 0.1)"


@dataclass
class Replacing(oracle.Projection):
    """Connections, the weakest of which are replaced in some events; RigL with an edge of weight 0 for each pair."""

    pairs: list[oracle.Edge] = field(default_factory=list)

    def send(self, side, spikes, now):
        super().send(side, spikes, now)
        for neuron, edge in itertools.product(spikes, self.pairs):
            if getattr(edge, side) == neuron:
                self.pending[side][now + edge.delays[side]].append(edge)

    def rewire(self, now):
        self.steps_done += 1
        for edge in self.edges:
            edge.theta -= self.rule.learning_rate * (edge.polarity * edge.gradient)
        if self.steps_done % self.rule.every == 0:
            self.replace(now)
        for edge in [*self.edges, *self.pairs]:
            edge.gradient = 0.0

    def replace(self, now):
        order = sorted(range(len(self.edges)), key=lambda k: abs(self.edges[k].theta))
        slots = sorted(order[: int(self.rule.fraction * len(self.edges))])
        kept = {(e.pre, e.post) for k, e in enumerate(self.edges) if k not in slots}
        new = self.largest(kept, len(slots)) if self.pairs else self.random(kept, slots)
        for slot, (pre, post) in zip(slots, new, strict=True):
            sign = naive.draw_sign("site", None, 2**31, pre, post, self.num_post, slot, *self.address(2))
            self.edges[slot].alive = False
            self.edges[slot] = oracle.Edge(pre, post, sign, 0.0, self.newborn_delays(pre, post), last=now * oracle.DT)
        self.births.append(len(slots))

    def largest(self, kept, number):
        vacant = [edge for edge in self.pairs if (edge.pre, edge.post) not in kept]
        vacant.sort(key=lambda edge: -abs(edge.gradient) * (1 + 0.01 * edge.pre + 0.0173 * edge.post))
        return sorted((edge.pre, edge.post) for edge in vacant[:number])

    def random(self, kept, slots):
        occupied = {pre * self.num_post + post for pre, post in kept}
        grid = self.num_pre, self.num_post, 2**31 if self.autapses else 0
        keys = naive.draw_by_rejection(slots, [], grid, False, *self.address(1), occupied)
        return [divmod(key, self.num_post) for key in keys]

    def address(self, stream):
        """Return step, stream and key of random numbers."""
        return self.steps_done, stream, self.seed, 0


def replacing(rule):
    """Return a maker of synapses whose weakest are replaced, who does it, and the same for the plain simulator."""

    def make(k, current, source, target, rng):
        s, options, pairs = wire(f"synapses_{k}", current, source, target, rng), {}, []
        autapses = source is not target
        if rule.signals != SETDescent.signals:
            c = b2.Synapses(source, target, PAIR, on_pre=ON_PRE, on_post=ON_POST, method="exact", name=f"pairs_{k}")
            c.connect(condition="True" if autapses else "i != j")
            options = {"companion": c, "variables": {"site_gradient": "gradient"}}
            none = {"pre": 0, "post": 0}
            pairs = [oracle.Edge(i, j, 1, 0.0, none) for i, j in zip(c.i[:].tolist(), c.j[:].tolist(), strict=True)]
        interval = PERIOD * oracle.DT * b2.second
        rewiring = Rewiring(s, rule, seed=SEED + k, dt=interval, birth=BIRTH, name=f"rewiring_{k}", **options)
        rewiring.contained_objects.extend([options["companion"]] if options else [])
        projection = Replacing(
            len(source), len(target), edges_of(s), rule, SEED + k,
            autapses=autapses, period=PERIOD, delay_of_newborn=delay_of_newborn, pairs=pairs,
        )  # fmt: skip
        return s, rewiring, projection

    return make


@both_targets
@pytest.mark.parametrize("rule", RULES)
def test_equals_oracle(rule):
    got, expected, synapses, projections = run_both(1, 1, replacing(rule))
    for s, p in zip(synapses, projections, strict=True):
        assert len(p.births) == (STEPS // PERIOD - 1) // 2
        assert sum(p.births) > 5 * len(s), "every slot must be rewired several times for this test to mean anything"
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:], [getattr(e, name) for e in p.edges], atol=1e-12)
        assert_array_equal(s.i[:], [e.pre for e in p.edges])
        assert_array_equal(s.j[:], [e.post for e in p.edges])
    assert len(got[0]) > 100
    assert agree(got, expected)


def test_with_gradients_of_other_pairs_it_differs(monkeypatch):
    values = Companion.values
    monkeypatch.setattr(Companion, "values", lambda *of: np.roll(values(*of), 1, axis=1))
    got, expected, _, _ = run_both(1, make=replacing(RULES[1]))
    assert not agree(got, expected)


def test_with_the_gradients_of_earlier_batches_it_differs(monkeypatch):
    monkeypatch.setattr(Companion, "begin", lambda *_: None)
    got, expected, _, _ = run_both(1, make=replacing(RULES[1]))
    assert not agree(got, expected)


def test_with_the_spikes_from_before_it_differs(monkeypatch):
    monkeypatch.setattr(queues, "redirect", lambda *_: None)
    got, expected, _, _ = run_both(1, make=replacing(RULES[0]))
    assert not agree(got, expected)
