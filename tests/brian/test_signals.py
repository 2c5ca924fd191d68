"""Signals that a rule of a user's own declares are those that it gets: each condition, and what is set to 0 again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, Decision, DeepR, Rewiring, RewiringMonitor, Rule, Signal, step
from synaptic_sampling._checks import schedules
from tests.brian.test_standalone import standalone


@dataclass(frozen=True)
class PruneUnlessProtected(Rule):
    """Eliminates where one condition holds and the other one does not."""

    prune: str | None = None
    protect: str | None = None
    p: float = 1.0

    signals: ClassVar = (Signal("prune", condition=True), Signal("protect", condition=True))
    has_theta: ClassVar = False
    keeps_number: ClassVar = True
    num_moments: ClassVar = None

    def decide(self, connections, prune, protect):
        return Decision(np.flatnonzero(prune & ~protect).astype(np.int32))


def wired(model="w : 1\nold : 1"):
    group = b2.NeuronGroup(20, "v : 1")
    s = b2.Synapses(group, group, model)
    s.connect(condition="i != j", p=0.2)
    return s


def test_each_condition_is_evaluated():
    s = wired()
    s.w, s.old = "rand()", "rand()"
    chosen = np.flatnonzero((s.w[:] < 0.5) & ~(s.old[:] > 0.6))
    rewiring = Rewiring(s, PruneUnlessProtected("w < 0.5", "old > 0.6"), seed=1, dt=1 * ms)
    info = rewiring.step()
    assert 0 < len(chosen) < (s.w[:] < 0.5).sum()
    assert_array_equal(np.sort(info.died.slot), chosen)


def test_each_condition_is_checked_and_may_be_changed():
    s = wired()
    with pytest.raises(ValueError, match=r"protect must be a string .* got None; write PruneUnlessProtected\(protect="):
        Rewiring(s, PruneUnlessProtected("w < 0.5"))
    with pytest.raises(TypeError, match="'old' is not a boolean expression"):
        Rewiring(s, PruneUnlessProtected("w < 0.5", "old"))
    rewiring = Rewiring(s, PruneUnlessProtected("w < 0.5", "old < 0.5"), seed=1, dt=1 * ms)
    assert rewiring.step().num_deaths == 0
    with pytest.raises(TypeError, match="'old' is not a boolean expression"):
        rewiring.rule = PruneUnlessProtected("w < 0.5", "old")
    rewiring.rule = PruneUnlessProtected("w < 0.5", "old > 0.5")
    assert rewiring.step().num_deaths == len(s)


@pytest.mark.parametrize("options", [{"of": "network"}, {"of": "presynaptic neuron"}, {"accumulated": True}])
def test_a_condition_belongs_to_connections(options):
    class Wrong(PruneUnlessProtected):
        signals = (Signal("prune", condition=True), Signal("protect", condition=True, **options))

    with pytest.raises(ValueError, match=r"a condition must be a Signal of each connection .* in Wrong; write Signal"):
        Rewiring(wired(), Wrong("w < 0.5", "old > 0.5"))


def test_a_warning_names_each_condition(caplog):
    s = wired()
    rewiring = Rewiring(s, PruneUnlessProtected("w < 0.5", "old > 0.5"), seed=1, dt=1 * ms)
    b2.Network(s.source, s, rewiring).run(4.5 * ms)
    (message,) = [each.getMessage() for each in caplog.records if each.name.startswith("synaptic_sampling")]
    assert "w < 0.5" in message
    assert "old > 0.5" in message


def test_a_condition_of_any_name_may_name_t():
    s = wired()
    rule = PruneUnlessProtected("w < 0.5 and t > 1.5*ms", "t > 2.5*ms")
    assert schedules(rule) == ()
    rewiring = Rewiring(s, rule, birth={"w": "0.1"}, seed=1, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    b2.Network(s.source, s, rewiring, monitor).run(4.5 * ms)
    assert_array_equal(np.unique(monitor.log.events["step"]), [2])
    ((_, noted),) = monitor.log.rules_of(0)
    assert noted["prune"] == "w < 0.5 and t > 1.5*ms"
    # Elsewhere, conditions are arrays.
    c = Connections.random(5, 5, 10, seed=1)
    protected = np.arange(10) < 3
    assert step(c, rule, prune=np.ones(10, bool), protect=protected).num_deaths == 7


def test_a_parameter_called_condition_may_be_a_schedule():
    class Scaled(DeepR):
        condition = "-t/second"

    @dataclass(frozen=True)
    class Varying(Rule):
        condition: str

    assert schedules(Varying("-t/second")) == ("condition",)
    assert schedules(Scaled(0.1, 0.1, 0.1)) == ()


@dataclass(frozen=True)
class Modulated(DeepR):
    """DEEP R with an eligibility, a reward, and an activity, all of which are summed between steps."""

    signals: ClassVar = (
        Signal("eligibility", accumulated=True),
        Signal("reward", of="network", accumulated=True),
        Signal("activity", of="postsynaptic neuron", accumulated=True),
        Signal("drive", of="presynaptic neuron"),
    )

    def decide(self, connections, eligibility, reward, activity, drive):
        gradient = -reward * eligibility * activity[connections.post] * drive[connections.pre]
        return super().decide(connections, gradient=gradient)


MODEL = "theta : 1\npolarity : 1\neligibility : 1\nreward : 1 (shared)"


def modulated(group, source=None, **options):
    s = b2.Synapses(source or group, group, MODEL)
    s.connect("i != j + 2", p=0.5)
    s.theta = 1
    return Rewiring(s, Modulated(0.01, 0.0, 0.0), signs=1, dt=1 * ms, autapses=True, **options)


def test_accumulated_signals_of_any_kind_start_again_at_0():
    group = b2.NeuronGroup(6, "activity : 1\ndrive : 1")
    rewiring = modulated(group[2:], group)
    s = rewiring.synapses
    s.eligibility, s.reward, group.activity, group.drive = 1, 3, 2, 5
    rewiring.step()
    assert_array_equal(s.theta[:], 1 + 0.01 * 3 * 2 * 5)
    assert s.eligibility[:].tolist() == [0] * len(s)
    assert s.reward[:] == 0
    assert group.activity[:].tolist() == [2, 2, 0, 0, 0, 0]
    assert group.drive[:].tolist() == [5] * 6
    before = s.theta[:].copy()
    s.eligibility = 1
    rewiring.step()
    assert_array_equal(s.theta[:], before)


def test_what_is_accumulated_belongs_to_one_rule():
    group = b2.NeuronGroup(6, "activity : 1\ndrive : 1", name="group")
    first = modulated(group[:3], group)
    with pytest.raises(ValueError, match=f"'activity' belongs to '{first.synapses.name}' already"):
        modulated(group[2:], group)
    modulated(group[3:], group)


def test_what_is_accumulated_can_be_set():
    group = b2.NeuronGroup(6, "activity : 1\ndrive : 1", name="group")
    with pytest.raises(ValueError, match="'i' of 'group' must be a variable that can be set, because Modulated"):
        modulated(group, variables={"activity": "i"})
    with pytest.raises(ValueError, match=r"'N' of '.*' must be a variable that can be set, because Modulated accum"):
        modulated(group, variables={"reward": "N"})


@pytest.mark.parametrize("rule", [PruneUnlessProtected("w < 0.5", "t > 1*ms"), Modulated(0.1, 0.1, 0.1)])
def test_a_program_refuses_these_rules(tmp_path, rule):
    with standalone(tmp_path):
        s = wired(f"{MODEL}\nw : 1")
        with pytest.raises(NotImplementedError, match=f"got {type(rule).__name__}"):
            Rewiring(s, rule)
