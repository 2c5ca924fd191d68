"""Every rule that states the null law of DEEP R follows it, and no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from synaptic_sampling import Connections, DeepR, Rule, step
from synaptic_sampling.laws.deepr import NULL_LAW, survival_of_newborns
from tests.contract.rules import RULES

NUMBER, STEPS = 20_000, 20
LAWFUL = {name: pair.rule for name, pair in RULES.items() if isinstance(pair.rule.law, dict)}


def deviation(rule: Rule, step_ratio: float) -> float:
    """Return the largest deviation of the survival of connections from the law, in standard errors.

    All start at theta = 0, like new ones, and are independent of each other; those formed later are not counted.
    """
    c, alive = Connections.random(250, 250, NUMBER, seed=4), np.ones(NUMBER, bool)
    law, found = survival_of_newborns(step_ratio, STEPS)[1:], []
    for _ in range(STEPS):
        alive[step(c, rule, **without_gradient(rule)).died.slot] = False
        found.append(alive.mean())
    return float((np.abs(found - law) / np.sqrt(law * (1 - law) / NUMBER)).max())


def without_gradient(rule: Rule) -> dict[str, object]:
    return {signal.name: 0.0 if signal.of == "network" else np.zeros(NUMBER) for signal in rule.signals}


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize("name", LAWFUL)
def test_the_stated_law_holds(name):
    """Twenty fractions within 5.5 standard errors: false-alarm rate 1e-6."""
    law = LAWFUL[name].law
    assert law["name"] == NULL_LAW, "no other null law is tested by statistics and report"
    assert deviation(LAWFUL[name], law["step_ratio"]) < 5.5


@dataclass(frozen=True)
class Wrong(DeepR):
    """DEEP R without l1, which states the law with l1."""

    law = DeepR.law

    @property
    def parameters(self):
        eta, _, sigma = super().parameters
        return eta, 0.0, sigma


@pytest.mark.statistical
@pytest.mark.compiled
def test_a_wrong_law_is_rejected():
    rule = DeepR(0.1, 0.1, 0.02)
    assert deviation(Wrong(0.1, 0.1, 0.02), rule.step_ratio) > 11
    assert deviation(rule, 1.2 * rule.step_ratio) > 5.5
