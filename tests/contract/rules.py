"""Every rule with each kind of connections on which it acts, and signals for it: the table of the contract tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
)
from synaptic_sampling.rules.magnitude import SET, RigL, SETDescent

SIDE, NUMBER = 12, 40
SOFT = SoftDeepR(learning_rate=0.05, l1=0.2, temperature=0.05, connectivity=0.2)


@dataclass(frozen=True)
class RewardModulated(DeepR):
    """A rule of a user: DEEP R whose gradient is an eligibility trace times a reward."""

    signals: ClassVar[tuple[Signal, ...]] = (Signal("eligibility", accumulated=True), Signal("reward", of="network"))

    def decide(self, connections, eligibility, reward):
        return super().decide(connections, gradient=-reward * eligibility)


def hard(seed: int = 3) -> Connections:
    c = Connections.random(SIDE, SIDE, NUMBER, autapses=False, seed=seed)
    c.theta[:] = 0.05 * np.random.default_rng(seed).random(NUMBER)
    return c


def several(seed: int = 3) -> Budget:
    return Budget([Connections.random(SIDE, SIDE, NUMBER, seed=seed, index=n) for n in range(2)])


def growing(seed: int = 3) -> Connections:
    return Connections(SIDE, SIDE, [], [], capacity=200, seed=seed)


def potential(seed: int = 3) -> PotentialConnections:
    return PotentialConnections(SIDE, SIDE, theta=np.random.default_rng(seed).normal(size=SIDE**2), seed=seed)


def soft(seed: int = 3) -> SoftConnections:
    return SoftConnections.random(SIDE, SIDE, 25, rule=SOFT, depth=4.0, seed=seed)


class Pair(NamedTuple):
    """A rule and connections on which it acts."""

    rule: Rule
    make: Callable[..., Any]
    #: Whether the number of connections stays the same.
    constant: bool = True


RULES = {
    "DeepR": Pair(DeepR(0.1, 0.1, 0.02), hard),
    "DeepR, Adam": Pair(DeepR(0.1, 0.1, 0.02, optimizer=Adam()), hard),
    "DeepR, budget": Pair(DeepR(0.1, 0.1, 0.02, optimizer=Momentum()), several),
    "FixedWiring": Pair(FixedWiring(0.1), hard),
    "FixedWiring, budget": Pair(FixedWiring(0.1), several),
    "PruneAndRegrow": Pair(PruneAndRegrow(), hard),
    "PruneAndRegrow, budget": Pair(PruneAndRegrow(), several),
    "PruneAndRegrow, no regrowth": Pair(PruneAndRegrow(regrow=False), hard, False),
    "SynapticElements": Pair(SynapticElements(), growing, False),
    "SET": Pair(SET(0.2), hard),
    "SETDescent": Pair(SETDescent(0.1, Adam(), fraction=0.2, every=3), hard),
    "RigL": Pair(RigL(0.2), hard),
    "SoftDeepR": Pair(SOFT, potential, False),
    "SoftDeepR, connections": Pair(SOFT, soft, False),
    "SynapticSampling": Pair(SynapticSampling(0.1, 0.5, 0.0, 1.0, 1.0), potential, False),
    "a user's own": Pair(RewardModulated(0.1, 0.1, 0.02), hard),
}


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
        return np.cos(np.arange(c.num_pre * c.num_post) * (step + 1.0)).reshape(c.num_pre, c.num_post)
    if signal.of != "connection":
        return np.full(SIDE, 3 + 2 * np.sin(step))
    if signal.condition:
        return (c.pre + step) % 7 == 0
    return np.sin(3 * c.theta + np.arange(len(c)) + step)
