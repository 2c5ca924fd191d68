"""Every rule with each kind of connections on which it acts, signals for it, and its twin: the table of the contract.

A rule whose update is a ``move`` is replayed by the lines of its move (replay.py). Any other brings a plain function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synaptic_sampling import (
    Adam,
    Budget,
    Connections,
    DeepR,
    FixedWiring,
    Momentum,
    PotentialConnections,
    PruneAndRegrow,
    Rule,
    Signal,
    SoftConnections,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    rules,
)
from synaptic_sampling.rules import SET, RigL, RigLDescent, SETDescent
from tests import naive
from tests.contract.replay import Outcome, replay

SEED, SIDE, NUMBER = 3, 12, 40
SOFT = SoftDeepR(learning_rate=0.05, l1=0.2, temperature=0.05, connectivity=0.2)


@dataclass(frozen=True)
class RewardModulated(DeepR):
    """A rule of a user: DEEP R whose gradient is an eligibility trace times a reward."""

    signals: ClassVar[tuple[Signal, ...]] = (Signal("eligibility", accumulated=True), Signal("reward", of="network"))

    def decide(self, connections, eligibility, reward):
        return super().decide(connections, gradient=-reward * eligibility)


def hard(dtype: Any = np.float64) -> Connections:
    c = Connections.random(SIDE, SIDE, NUMBER, autapses=False, seed=SEED, dtype=dtype)
    c.theta[:] = 0.05 * np.random.default_rng(SEED).random(NUMBER)
    return c


def several(dtype: Any = np.float64) -> Budget:
    return Budget([Connections.random(SIDE, SIDE, NUMBER, seed=SEED, index=n, dtype=dtype) for n in range(2)])


def growing(dtype: Any = np.float64) -> Connections:
    return Connections(SIDE, SIDE, [], [], capacity=200, seed=SEED, dtype=dtype)


def potential(dtype: Any = np.float64) -> PotentialConnections:
    theta = np.random.default_rng(SEED).normal(size=SIDE**2)
    return PotentialConnections(SIDE, SIDE, theta=theta, seed=SEED, dtype=dtype)


def soft(dtype: Any = np.float64) -> SoftConnections:
    return SoftConnections.random(SIDE, SIDE, 25, rule=SOFT, depth=4.0, seed=SEED, dtype=dtype)


def reward_modulated(rule, c, eligibility, reward):
    return replay(rule, c, gradient=-reward * eligibility)


def prune(rule, c, condition):
    return Outcome(c.theta.tolist(), [k for k, holds in enumerate(condition) if holds], None if rule.regrow else 0)


def elements(rule, c, axonal, dendritic):
    return Outcome(c.theta.tolist(), *naive.pair_elements(c, axonal, dendritic, c.steps_done))


def weakest(theta, fraction):
    """Return the slots of the smallest weights; of equal ones, the first."""
    order = sorted(range(len(theta)), key=lambda k: abs(theta[k]))
    return sorted(order[: int(Fraction(str(fraction)) * len(theta))])


def set_twin(rule, c):
    theta = c.theta.tolist()
    return Outcome(theta, weakest(theta, rule.fraction))


def set_descent(rule, c, gradient):
    outcome = replay(rule, c, gradient=gradient)
    fraction = 0.0 if c.steps_done % rule.every else rule.fraction
    if rule.until is not None:
        fraction *= 0.0 if c.steps_done >= rule.until else (1 + math.cos(math.pi * c.steps_done / rule.until)) / 2
    return outcome._replace(slots=weakest(outcome.theta, fraction)) if fraction else Outcome(outcome.theta, [], 0)


def rigl_descent(rule, c, gradient, site_gradient):
    outcome = set_descent(rule, c, gradient)
    if outcome.births == 0:
        return outcome
    return outcome._replace(births=largest(c, outcome.slots, site_gradient))


def rigl(rule, c, site_gradient):
    theta = c.theta.tolist()
    slots = weakest(theta, rule.fraction)
    return Outcome(theta, slots, largest(c, slots, site_gradient))


def largest(c, slots, site_gradient):
    """Return the vacant pairs with the largest values, as many as slots are vacated; of equal ones, the first."""
    kept = {pair for k, pair in enumerate(zip(c.pre.tolist(), c.post.tolist(), strict=True)) if k not in slots}
    vacant = [(i, j) for i in range(SIDE) for j in range(SIDE) if i != j and (i, j) not in kept]
    vacant.sort(key=lambda pair: -abs(site_gradient[pair]))
    return sorted(vacant[: len(slots)])


class Pair(NamedTuple):
    """A rule and connections on which it acts."""

    rule: Rule
    make: Callable[..., Any]
    #: Whether the number of connections stays the same.
    constant: bool = True
    #: ``twin(rule, connections, **signals)``: what the rule must do, in plain Python.
    twin: Callable[..., Outcome] = replay


#: The name of the row for rules that are no part of the package, also in docs/guide/works_where.md.
OWN = "a rule of your own"


#: After a comma, a name says what is special about a further row of the same rule.
RULES = {
    "DeepR": Pair(DeepR(0.1, 0.1, 0.02), hard),
    "DeepR, Adam": Pair(DeepR(0.1, 0.1, 0.02, optimizer=Adam()), hard),
    "DeepR, budget": Pair(DeepR(0.1, 0.1, 0.02, optimizer=Momentum()), several),
    "FixedWiring": Pair(FixedWiring(0.1), hard),
    "FixedWiring, budget": Pair(FixedWiring(0.1), several),
    "PruneAndRegrow": Pair(PruneAndRegrow("w < 0.1"), hard, twin=prune),
    "PruneAndRegrow, budget": Pair(PruneAndRegrow(), several, twin=prune),
    "PruneAndRegrow, no regrowth": Pair(PruneAndRegrow("w < 0.1", regrow=False), hard, constant=False, twin=prune),
    "SynapticElements": Pair(SynapticElements(), growing, constant=False, twin=elements),
    "SET": Pair(SET(0.2), hard, twin=set_twin),
    "SETDescent": Pair(SETDescent(0.1, Adam(), fraction=0.2, every=3), hard, twin=set_descent),
    "SETDescent, until": Pair(SETDescent(0.1, fraction=0.5, every=2, until=13), hard, twin=set_descent),
    "RigL": Pair(RigL(0.2), hard, twin=rigl),
    "RigLDescent": Pair(RigLDescent(0.1, Adam(), fraction=0.2, every=3), hard, twin=rigl_descent),
    "RigLDescent, until": Pair(RigLDescent(0.1, fraction=0.5, every=2, until=13), hard, twin=rigl_descent),
    "SoftDeepR": Pair(SOFT, potential, constant=False),
    "SoftDeepR, connections": Pair(SOFT, soft, constant=False),
    "SynapticSampling": Pair(SynapticSampling(1e3, 0.5, 0.0, 1.0, interval=1e-4), potential, constant=False),
    OWN: Pair(RewardModulated(0.1, 0.1, 0.02), hard, twin=reward_modulated),
}


def exported() -> list[str]:
    """Return the names of the rules of the package: the classes exported by synaptic_sampling.rules which decide."""
    classes = {name: getattr(rules, name) for name in rules.__all__ if isinstance(getattr(rules, name), type)}
    return [name for name, own in classes.items() if issubclass(own, Rule) and own.decide is not Rule.decide]


def signals_of(rule: Rule, connections: Any, step: int) -> dict[str, Any]:
    """Return values for the signals of a rule, a function of the step and of what stands in the slots."""
    if isinstance(connections, Budget):
        own = [signals_of(rule, c, step) for c in connections.sets]
        return {signal.name: [each[signal.name] for each in own] for signal in rule.signals}
    return {signal.name: _value(signal, connections, step) for signal in rule.signals}


def _value(signal: Signal, c: Any, step: int) -> Any:
    if signal.of == "network":
        return np.cos(step)
    if signal.of == "site":
        # Some values are equal.
        return np.cos(np.arange(c.num_pre * c.num_post) * (step + 1.0)).reshape(c.num_pre, c.num_post).round(1)
    if signal.of != "connection":
        return np.full(SIDE, 3 + 2 * np.sin(step))
    if signal.condition:
        return (c.pre + step) % 7 == 0
    return np.sin(3 * c.theta + np.arange(len(c)) + step).astype(c.theta.dtype)
