"""A monitor logs the rule of each of its sets, and every change of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, TimedArray, defaultclock, ms, second

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.statistics.null_law import stretches

MODEL = "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1"


def synapses(group, model=MODEL):
    made = Synapses(group, group, model)
    connect_exactly(made, connections=60)
    if "theta" in model:
        made.theta = "0.01*rand()"
    return made


def test_rules_of_several_rewirings_and_their_changes():
    defaultclock.dt = 1 * ms
    group = NeuronGroup(20, "v : 1")
    rules = [DeepR(0.01, 1.0, 0.01), DeepR("1e-2*exp(-t/second)", TimedArray([1.0, 2.0], dt=1 * second), 0.01)]
    rewirings = [Rewiring(synapses(group), rule, dt=5 * ms) for rule in rules]
    plain = synapses(group, "w : 1")
    rewirings.append(Rewiring(plain, PruneAndRegrow("w < 0.1"), dt=5 * ms))
    monitor = RewiringMonitor(rewirings)
    network = Network(group, *(each.synapses for each in rewirings), *rewirings, monitor)
    network.run(50 * ms)
    rewirings[0].rule = DeepR(0.02, 1.0, 0.01)
    network.run(50 * ms)
    network.run(50 * ms)
    log = monitor.log
    rates = [(step, rule["learning_rate"]) for step, rule in log.rules_of(0)]
    assert rates in ([(1, 0.01), (10, 0.02)], [(1, 0.01), (11, 0.02)])
    assert rates[1][0] == log.times["step"][log.times["seconds"] < 0.05].max() + 1
    ((step, scheduled),) = log.rules_of(1)
    assert (step, scheduled["learning_rate"], scheduled["temperature"]) == (1, "1e-2*exp(-t/second)", 0.01)
    assert scheduled["l1"] == "TimedArray([1.0, 2.0], dt=1.0*second)"
    assert log.rule_of(2) == {"class": "PruneAndRegrow", "condition": "w < 0.1", "regrow": True, "law": None}
    assert log.rule_of(0)["law"] == rewirings[0].rule.law
    assert [own.step_ratio for own in stretches(log)] == [rule.step_ratio for rule in (rules[0], rewirings[0].rule)]
    ((_, _, ratio, reason),) = stretches(log, 1)
    assert (ratio, reason) == (None, "learning_rate and l1 of DeepR changed with time")
    assert [log.sets[n].has_theta for n in range(3)] == [True, True, False]
    assert [log.sets[n].signed for n in range(3)] == [True, True, False]


@dataclass(frozen=True)
class Clipped(DeepR):
    """A rule of a user's own, which states no law."""

    def decide(self, connections, gradient):
        return super().decide(connections, np.clip(gradient, -1, 1))


class Stated(Clipped):
    law = DeepR.law


@pytest.mark.parametrize(
    ("rule", "ratio", "reason"),
    [
        (Stated(0.01, 1.0, 0.01), DeepR(0.01, 1.0, 0.01).step_ratio, ""),
        (Stated(0.01, 1.0, "0.01 + 0*t/second"), None, "temperature of Stated changed with time"),
        (Clipped(0.01, 1.0, 0.01), None, "none is known for Clipped"),
        (Clipped(0.01, 1.0, "0.01 + 0*t/second"), None, "none is known for Clipped"),
    ],
)
def test_a_rule_of_ones_own_states_its_law(rule, ratio, reason):
    defaultclock.dt = 1 * ms
    group = NeuronGroup(20, "v : 1")
    rewiring = Rewiring(synapses(group), rule, dt=5 * ms)
    monitor = RewiringMonitor(rewiring)
    Network(group, rewiring.synapses, rewiring, monitor).run(20 * ms)
    ((_, _, found, why),) = stretches(monitor.log)
    assert (found, why) == (ratio, reason)


def test_rules_follow_store_and_restore():
    defaultclock.dt = 1 * ms
    group = NeuronGroup(20, "v : 1")
    rewiring = Rewiring(synapses(group), DeepR(0.01, 1.0, 0.01), dt=5 * ms)
    monitor = RewiringMonitor(rewiring)
    network = Network(group, rewiring.synapses, rewiring, monitor)
    network.run(20 * ms)
    network.store()
    rewiring.rule = DeepR(0.02, 1.0, 0.01)
    network.run(20 * ms)
    assert len(monitor.log.rules_of(0)) == 2
    network.restore()
    assert len(monitor.log.rules_of(0)) == 1
    network.run(20 * ms)  # The rule is not part of what Brian2 stores: it stays the second one.
    assert [rule["learning_rate"] for _, rule in monitor.log.rules_of(0)] == [0.01, pytest.approx(0.02)]
