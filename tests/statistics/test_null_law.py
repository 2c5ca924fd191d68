"""Where a null law holds, and the exact test against it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom, hypergeom

from synaptic_sampling import (
    Connections,
    Decision,
    DeepR,
    FixedWiring,
    PruneAndRegrow,
    RewiringLog,
    Rule,
    SoftDeepR,
    merge_logs,
    step,
)
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.reporting import answers
from synaptic_sampling.statistics import null_law
from synaptic_sampling.statistics.evidence import gather
from synaptic_sampling.statistics.heterogeneity import young_against_old

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)


def record(rules, steps=60, number=150, start=0):
    """Return a log without a gradient; ``rules`` maps the first step of each rule to it."""
    c = Connections.random(30, 30, number, seed=2)
    c.steps_done = start
    log = RewiringLog()
    log.describe(0, num_pre=30, num_post=30, num_sites=900)
    log.snapshot(start, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(start + 1, start + steps + 1):
        if n in rules:
            rule = rules[n]
            log.note_rule(n, 0, rule)
        log.record(step(c, np.zeros(number), rule))
    return log


@pytest.mark.parametrize(
    ("rule", "ratio", "reason"),
    [
        (RULE, RULE.step_ratio, ""),
        (DeepR(0.1, 0.0, 0.1), 0.0, ""),
        (DeepR(0.1, 0.1, 0.0), None, "at temperature 0 there is no noise"),
        (FixedWiring(0.1), None, "none is known for FixedWiring"),
        (PruneAndRegrow("w < 0"), None, "none is known for PruneAndRegrow"),
        (SoftDeepR(0.1, 0.1, 0.1, 0.5), None, "none is known for SoftDeepR"),
        ({"class": "SET", "fraction": 0.3, "weights": {"class": "FixedWiring"}}, None, "none is known for SET"),
        ({"class": "DeepR", "learning_rate": "t", "l1": 1, "temperature": "t"}, None,
         "learning_rate and temperature of DeepR changed with time"),
        ({"class": "DeepR", "learning_rate": 0.1}, None, "the log does not contain all parameters of DeepR"),
        ({"class": "DeepR", "learning_rate": -0.1, "l1": 1, "temperature": 1}, None,
         "the log does not contain all parameters of DeepR"),
        ({}, None, "the log does not name the rule"),
        ({"class": "Mine", "law": {"name": "deepr", "step_ratio": 0.3}}, 0.3, ""),
        ({"class": "Mine", "law": {"name": "deepr"}}, None, "the log does not contain all parameters of Mine"),
        ({"class": "Mine", "law": {"name": "deepr", "step_ratio": "0.3"}}, None,
         "the log does not contain all parameters of Mine"),
        ({"class": "Mine", "law": {"name": "deepr", "step_ratio": -0.3}}, None,
         "the log does not contain all parameters of Mine"),
        ({"class": "Mine", "law": {"name": "another", "step_ratio": 0.3}}, None, "none is known for Mine"),
        ({"class": "Mine", "law": [0.3]}, None, "none is known for Mine"),
        ({"class": "Mine", "law": "it pauses at night"}, None, "it pauses at night"),
        ({"class": "DeepR", "learning_rate": 0.1, "l1": 1, "temperature": 1, "law": None}, None,
         "none is known for DeepR"),
        ({"class": "DeepR", "learning_rate": 0.1, "l1": 0.2, "temperature": 0.2}, RULE.step_ratio, ""),
        (DeepR("0.1*exp(-t/second)", 0.1, 0.1), None, "learning_rate of DeepR changed with time"),
    ],
)  # fmt: skip
def test_each_rule_has_a_law_or_a_reason(rule, ratio, reason):
    log = RewiringLog()
    log.describe(0, num_pre=3, num_post=3, num_sites=9)
    log.snapshot(0, 0, [0], [1], [0.1], [1])
    log.note_rule(1, 0, rule)
    log.record_steps(np.array([(1, 0, 0), (2, 0, 0)], log.times.dtype), log.events)
    assert null_law.stretches(log) == [null_law.Stretch(1, 2, ratio, reason)]
    assert null_law.step_ratio(log) == (ratio or None)
    expected = reason if ratio is None else "" if ratio else "without l1 there is no stationary state"
    assert null_law.why_no_law(log) == expected


@dataclass(frozen=True)
class Clipped(DeepR):
    """Decides in a way of its own and states no law."""

    def decide(self, connections, gradient):
        return super().decide(connections, np.clip(gradient, -1, 1))


class Lawful(Clipped):
    law = DeepR.law


class Clipping:
    decide = Clipped.decide


class Mixed(Clipping, DeepR):
    """Takes its decision from a class that is not a rule."""


class Doubled(DeepR):
    """Inherits the decision, with other parameters."""

    @property
    def parameters(self):
        eta, alpha, sigma = super().parameters
        return eta, 2 * alpha, sigma


@dataclass(frozen=True)
class RandomWalk(Rule):
    """A rule that is derived from no other one: theta makes steps N(-drift, 1), and the law follows from them."""

    drift: float

    @property
    def law(self):
        return exact.null_law(self.drift)

    def decide(self, connections, push=0.0):
        noise = normals(connections.seed, Stream.NOISE, connections.steps_done, len(connections))
        connections.theta += noise - self.drift + push
        return Decision(np.flatnonzero(connections.theta < 0).astype(np.int32))


class Pushed(RandomWalk):
    """Eliminates later than the law that it wrongly states."""

    law = RandomWalk.law

    def decide(self, connections):
        return super().decide(connections, push=0.1)


def test_a_rule_that_decides_otherwise_inherits_no_law():
    given = 0.1, 0.2, 0.2
    assert RULE.law == {"name": "deepr", "step_ratio": RULE.step_ratio}
    assert Clipped(*given).law is None
    assert Mixed(*given).law is None
    assert type("Derived", (Clipped,), {})(*given).law is None
    assert Lawful(*given).law == type("Derived", (Lawful,), {})(*given).law == RULE.law
    assert Doubled(*given).law == {"name": "deepr", "step_ratio": 2 * RULE.step_ratio}
    assert SoftDeepR(0.1, 0.1, 0.1, 0.5).law is FixedWiring(0.1).law is Rule().law is None


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (Lawful(0.1, 0.2, 0.2), "Not rejected"),
        (Doubled(0.1, 0.2, 0.2), "Not rejected"),
        (Clipped(0.1, 0.2, 0.2), "No exact null law is known here: none is known for Clipped."),
        (RandomWalk(0.1), "Not rejected"),
        (Pushed(0.1), "Rejected: new connections persist longer"),
    ],
)
def test_the_report_tests_a_rule_of_ones_own_against_the_law_that_it_states(tmp_path, rule, verdict):
    signals = {} if isinstance(rule, RandomWalk) else {"gradient": np.zeros(400)}
    c = Connections.random(40, 40, 400, seed=2)
    with RewiringLog(tmp_path / "run.rewiring") as log:
        log.describe(0, num_pre=40, num_post=40, num_sites=1600)
        log.note_rule(1, 0, rule)
        log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
        for _ in range(300):
            log.record(step(c, rule, **signals))
    said = answers(RewiringLog.open(tmp_path / "run.rewiring"))[2]
    assert said.verdict.startswith(verdict)


def test_stretches_of_a_rule_that_changes():
    slow = DeepR(0.05, 0.2, 0.2)
    log = record({11: RULE, 31: slow, 51: FixedWiring(0.1)}, start=10)
    assert null_law.stretches(log) == [
        null_law.Stretch(11, 30, RULE.step_ratio, ""),
        null_law.Stretch(31, 50, slow.step_ratio, ""),
        null_law.Stretch(51, 70, None, "none is known for FixedWiring"),
    ]
    assert null_law.step_ratio(log) is None
    assert null_law.why_no_law(log) == "none is known for FixedWiring; the rule changed during the record"


def test_a_rule_that_is_known_late_says_nothing_of_the_steps_before():
    log = record({1: RULE})
    log.note_rule(200, 0, FixedWiring(0.1))  # After the end.
    assert [(own.first, own.last) for own in null_law.stretches(log)] == [(1, 60)]
    late = RewiringLog()
    late.snapshot(0, 0, [0], [1], [0.1], [1])
    late.record_steps(log.times, log.events[:0])
    late.note_rule(21, 0, RULE)
    assert null_law.stretches(late) == [
        null_law.Stretch(1, 20, None, "the log does not name the rule"),
        null_law.Stretch(21, 60, RULE.step_ratio, ""),
    ]


def test_rules_that_were_annotated_hold_unless_a_recorder_of_old_wrote_them():
    log = record({1: RULE})
    plain = RewiringLog()
    plain.describe(0, num_pre=30, num_post=30, num_sites=900)
    plain.snapshot(*log.snapshots[0])
    plain.record_steps(log.times, log.events)
    plain.annotate(rule=RULE)
    assert null_law.step_ratio(plain) == RULE.step_ratio
    for old in ({"interval": 0.01}, {"schedule": None}):
        plain.metadata = {"rule": plain.metadata["rule"], **old}
        assert null_law.step_ratio(plain) is None
        assert "written by an early version" in null_law.why_no_law(plain)
        assert "written by an early version" in null_law.why_no_law(merge_logs([plain, plain]))


def test_sets_of_different_rules():
    one, other = record({1: RULE}), record({1: DeepR(0.05, 0.2, 0.2)})
    merged = merge_logs([one, other])
    assert null_law.step_ratio(merged) is None
    assert null_law.why_no_law(merged) == "the sets follow different rules"
    assert null_law.step_ratio(merged, 0) == RULE.step_ratio
    assert null_law.step_ratio(merge_logs([one, one])) == RULE.step_ratio


@pytest.mark.parametrize("rules", [{1: RULE}, {1: RULE, 20: DeepR(0.05, 0.2, 0.2), 40: FixedWiring(0.1), 45: RULE}])
def test_counts_are_those_of_each_life(rules):
    """Each connection counts in the stretch in which it was formed, with the hazard rate of each of its ages."""
    log = record(rules)
    formed = eliminated = 0
    expected = variance = 0.0
    for life in log.lives(0)[~log.lives(0)["initial"]]:
        for stretch in null_law.stretches(log):
            if stretch.step_ratio is not None and stretch.first <= life["birth"] + 1 <= stretch.last:
                end = min(life["end"], stretch.last)
                hazard = exact.hazard(stretch.step_ratio, int(end - life["birth"]))
                formed += 1
                eliminated += bool(life["dead"] and end == life["end"])
                expected += hazard.sum()
                variance += (hazard * (1 - hazard)).sum()
    found = null_law.newborns_against_null(log)
    assert (found.formed, found.eliminated) == (formed, eliminated)
    assert formed > 300
    assert_allclose([found.expected, found.error], [expected, math.sqrt(variance)])


@pytest.mark.parametrize("probability", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("trials", [1, 7, 60])
def test_evidence_is_exact_for_any_number_of_trials(probability, trials):
    """Its exponential has mean 1 under the hypothesis: so it exceeds 1/p with a probability of at most p (Markov)."""
    counts = np.arange(trials + 1)
    chance = binom.pmf(counts, trials, probability)
    found = [gather(np.array([x]), np.array([trials]), np.array([probability]), np.ones(1)) for x in counts]
    for side in zip(*found, strict=True):
        assert chance @ np.exp(side) == pytest.approx(1.0)
    assert found[0].fewer == max(own.fewer for own in found)
    assert found[-1].more == max(own.more for own in found)
    # The control: with another probability the mean is above 1.
    other = binom.pmf(counts, trials, 1.05 * probability)
    assert other @ np.exp([own.more for own in found]) > 1.0001


def test_evidence_from_classes_is_that_of_their_trials():
    one = gather(np.array([3.0, 2.0]), np.array([10, 20]), np.array([0.5, 0.1]), np.array([1, 2]))
    reordered = gather(np.array([2.0, 3.0]), np.array([20, 10]), np.array([0.1, 0.5]), np.array([2, 1]))
    assert_allclose(one, reordered)
    assert gather(*np.zeros((4, 0))) == (0.0, 0.0)


def test_evidence_that_all_die_is_refuted_by_one_that_lives():
    found = gather(np.array([0.0]), np.array([50]), np.array([1.0]), np.ones(1))
    assert math.isfinite(found.fewer)
    assert found.fewer > 30


def test_young_connections_among_the_eliminated_are_hypergeometric():
    """The binomial bound holds: under the hypothesis the exponential of the evidence has a mean of at most 1."""
    for alive, young, gone in ((20, 5, 3), (20, 15, 12), (6, 3, 6)):
        x = np.arange(gone + 1)
        chance = hypergeom.pmf(x, alive, young, gone)
        more = [gather(np.array([n]), np.array([gone]), np.array([young / alive]), np.ones(1)).more for n in x]
        assert chance @ np.exp(more) <= 1 + 1e-12


def test_young_connections_are_told_from_old_ones():
    log = record({1: RULE}, steps=100)
    assert young_against_old(log).more > 100  # Half of all new connections are eliminated in their first step.
    still = record({1: FixedWiring(0.1)}, steps=5)
    assert young_against_old(still) == (0.0, 0.0)
