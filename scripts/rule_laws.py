"""Tests of soft DEEP R, synaptic sampling and budgets over several sets against exact laws, with incorrect versions.

A correct sampler passes each test with probability 1 - 1e-6; each incorrect one must be rejected by a test of its rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, multinomial, norm

from scripts.sampler_laws import FALSE_ALARM, Law
from synaptic_sampling import Budget, Connections, DeepR, PotentialConnections, SoftDeepR, SynapticSampling, step
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.laws.soft_deepr import soft_law

__all__ = [
    "BOUND",
    "FULL",
    "LAG",
    "LAWS",
    "QUICK",
    "SOFT",
    "SYNAPTIC",
    "TARGETS",
    "WRONG",
    "budget",
    "fraction_law",
    "soft",
    "synaptic",
    "synaptic_laws",
]

#: A sampler: takes connections, gradient and rule, and performs a step.
Step = Callable[[Any, Any, Any], Any]

#: Soft DEEP R as in the authors' script, where the l1 step equals the noise per step.
SOFT = SoftDeepR(learning_rate=0.05, l1=1e-5, temperature=2.5e-12, connectivity=0.2)
TARGETS = (0.005, 0.05, 0.1, 0.2)
#: Synaptic sampling with long steps, for which the schemes differ.
SYNAPTIC = SynapticSampling(learning_rate=0.25, temperature=0.4, mean=0.0, std=0.8, interval=1.0)
LAG = 3
#: For deviations in standard errors.
BOUND = float(norm.isf(FALSE_ALARM / 2))
#: DEEP R that eliminates most new connections at once, so that the connectivity is forgotten within a few steps.
RESTLESS = DeepR(learning_rate=0.1, l1=2.0, temperature=0.2)
BUDGET_STEPS = 10
BUDGET_TARGETS = np.array([8.0, 8.0, 4.0])


@dataclass(frozen=True)
class Effort:
    """The amount of simulation."""

    side: int  # neurons on each side of the potential connections
    relaxations: float  # duration in units of the slowest relaxation time of soft DEEP R
    replicas: int  # independent budgets


FULL = Effort(side=500, relaxations=3.0, replicas=30_000)
QUICK = Effort(side=100, relaxations=1.0, replicas=300)


def soft(do: Step, effort: Effort) -> list[Law]:
    """Test soft DEEP R: active fraction and formation at each target."""
    laws = []
    for target in TARGETS:
        rule = replace(SOFT, connectivity=target)
        c, law = PotentialConnections(effort.side, effort.side, seed=round(1e4 * target)), soft_law(rule)
        zero, depth = np.zeros(len(c)), -rule.theta_min
        # Uniform below 0, as in the limit of small steps: close to the law.
        c.theta[:] = -depth * (np.arange(len(c)) * 0.6180339887498949 % 1.0)
        slowest = 8 / math.pi**2 * (depth / rule.noise_scale + 1.0) ** 2
        for _ in range(round(effort.relaxations * slowest)):
            info = do(c, zero, rule)
        laws.append(
            fraction_law(f"soft DEEP R, target {target:.1%}: active fraction", c.num_active, len(c), law.active_share)
        )
        laws.append(fraction_law(f"soft DEEP R, target {target:.1%}: formed", info.num_births, len(c), law.turnover))
    return laws


def synaptic(do: Step, effort: Effort) -> list[Law]:
    """Test synaptic sampling with both schemes: mean, variance, correlation, turnover."""
    laws = []
    for rule in (SYNAPTIC, replace(SYNAPTIC, scheme="euler")):
        c = PotentialConnections(effort.side, effort.side, seed=7)
        zero = np.zeros(len(c))
        for _ in range(40):
            do(c, zero, rule)
        first = c.theta.copy()
        for _ in range(LAG):
            do(c, zero, rule)
        laws += synaptic_laws(rule, first, c.theta)
    return laws


def synaptic_laws(rule: SynapticSampling, first: NDArray[np.float64], last: NDArray[np.float64]) -> list[Law]:
    """Compare theta, and theta ``LAG`` steps later, with the stationary law: mean, variance, correlation, turnover."""
    first, last = (theta / diffusion.stationary_std(rule) for theta in (first, last))
    number, rho = len(first), diffusion.correlation(rule, LAG)
    values = {
        "mean": last.mean(),
        "variance": (last @ last / number - 1) / math.sqrt(2),
        "correlation": (first @ last / number - rho) / math.sqrt(1 + rho**2),
    }
    laws = [
        Law(f"synaptic sampling, {rule.scheme}: {name}", float(abs(value)) * math.sqrt(number), BOUND)
        for name, value in values.items()
    ]
    changed, expected = int(np.count_nonzero((first >= 0) != (last >= 0))), diffusion.turnover_ratio(rho)
    return [*laws, fraction_law(f"synaptic sampling, {rule.scheme}: turnover", changed, number, expected)]


def budget(do: Step, effort: Effort) -> list[Law]:
    """Test budgets: connectivity with split='vacant', numbers of the sets with split='density', the total."""
    sites = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3)]
    number_of = {frozenset(pair): n for n, pair in enumerate(combinations(sites, 2))}
    spreads = [(a, b, 5 - a - b) for a in range(6) for b in range(6 - a)]
    counts, numbers, violations = np.zeros(len(number_of)), np.zeros(len(spreads)), 0
    for seed in range(effort.replicas):
        vacant = _budget(seed, [(1, 2), (1, 4)], [1, 1], "vacant")
        density = _budget(seed, [(3, 3), (2, 5), (20, 20)], [2, 2, 1], "density")
        for _ in range(BUDGET_STEPS):
            for b in (vacant, density):
                do(b, [np.zeros(len(c)) for c in b.sets], RESTLESS)
                violations += len(b) != b.total
        connected = frozenset((c.index, j) for c in vacant.sets for j in c.post.tolist())
        spread = tuple(len(c) for c in density.sets)
        if connected in number_of and spread in spreads:
            counts[number_of[connected]] += 1
            numbers[spreads.index(spread)] += 1
    probability = [float(multinomial.pmf(spread, 5, BUDGET_TARGETS / BUDGET_TARGETS.sum())) for spread in spreads]
    return [
        _chi2_law("one budget, split by vacancy: connectivity (chi2)", counts, np.full(len(counts), 1 / len(counts))),
        _chi2_law("one budget, split by density: numbers (chi2)", numbers, np.array(probability)),
        Law("one budget: totals that differ", float(violations), 0.0),
    ]


def _budget(seed: int, shapes: list[tuple[int, int]], numbers: list[int], split: str) -> Budget:
    sets = [
        Connections.random(*shape, number, seed=seed, index=n)
        for n, (shape, number) in enumerate(zip(shapes, numbers, strict=True))
    ]
    return Budget(sets, split=split, targets=BUDGET_TARGETS if split == "density" else None)


def fraction_law(name: str, count: int, number: int, p: float) -> Law:
    """Compare a binomial count with its mean, in standard errors."""
    return Law(name, abs(count - number * p) / math.sqrt(number * p * (1 - p)), BOUND)


def _chi2_law(name: str, counts: NDArray[np.float64], probability: NDArray[np.float64]) -> Law:
    """Compare counts with their law; classes with fewer than five expected counts are pooled."""
    if not counts.sum():
        return Law(name, math.nan, 0.0)
    rare = counts.sum() * probability < 5
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        probability = np.append(probability[~rare], probability[rare].sum())
    expected = counts.sum() * probability
    return Law(name, float(((counts - expected) ** 2 / expected).sum()), chi2.isf(FALSE_ALARM, len(counts) - 1))


def _with_rule(**factors: Any) -> Step:
    """Return a sampler that follows another rule: parameters are multiplied by numbers, or replaced by strings."""

    def do(c: Any, gradient: Any, rule: Any) -> Any:
        values = {name: f if isinstance(f, str) else f * getattr(rule, name) for name, f in factors.items()}
        return step(c, gradient, replace(rule, **values))

    return do


def _still(c: PotentialConnections, gradient: Any, rule: Any) -> Any:
    """Update inactive connections only in every tenth step."""
    before = c.theta.copy()
    info = step(c, gradient, rule)
    if c.steps_done % 10:
        c.theta[before < 0] = before[before < 0]
    return info


def _pulled(c: PotentialConnections, gradient: Any, rule: SoftDeepR) -> Any:
    """Apply l1 to inactive connections, too."""
    below = c.theta < 0
    info = step(c, gradient, rule)
    c.theta[below] = np.maximum(c.theta[below] - rule.learning_rate * rule.l1, rule.theta_min)
    return info


def _formed_at_zero(c: PotentialConnections, gradient: Any, rule: Any) -> Any:
    """Set theta of new connections to 0."""
    info = step(c, gradient, rule)
    c.theta[info.born.slot] = 0.0
    return info


def _other_split(split: str, targets: NDArray[np.float64] | None) -> Step:
    """Return a sampler that distributes new connections among the sets differently."""

    def do(b: Budget, gradient: Any, rule: Any) -> Any:
        wrong = Budget(b.sets, split=split, targets=None if targets is None else targets[: len(b.sets)])
        wrong.total = b.total
        return step(wrong, gradient, rule)

    return do


def _each_by_itself(b: Budget, gradient: Any, rule: Any) -> None:
    """Keep the number of connections of each set."""
    for c, own in zip(b.sets, gradient, strict=True):
        step(c, own, rule)


def _one_too_few(b: Budget, gradient: Any, rule: Any) -> Any:
    """Omit one new connection in the second step."""
    if b.sets[0].steps_done == 1:
        b.total -= 1
    info = step(b, gradient, rule)
    b.total += b.sets[0].steps_done == 2
    return info


#: The tests of each rule.
LAWS: dict[str, Callable[[Step, Effort], list[Law]]] = {"soft": soft, "synaptic": synaptic, "budget": budget}

#: Name, sampler, and the tests that must reject it.
WRONG: dict[str, tuple[Step, str]] = {
    "soft DEEP R: noise times sqrt 2": (_with_rule(temperature=2.0), "soft"),
    "soft DEEP R: l1 doubled": (_with_rule(l1=2.0), "soft"),
    "soft DEEP R: floor twice as deep": (_with_rule(connectivity=0.5), "soft"),
    "soft DEEP R: l1 on inactive connections": (_pulled, "soft"),
    "soft DEEP R: inactive connections mostly stay the same": (_still, "soft"),
    "soft DEEP R: new connections at 0": (_formed_at_zero, "soft"),
    "synaptic sampling: noise times sqrt 2": (_with_rule(temperature=2.0), "synaptic"),
    "synaptic sampling: Euler instead of exact": (_with_rule(scheme="euler"), "synaptic"),
    "synaptic sampling: prior half as wide": (_with_rule(std=0.5), "synaptic"),
    "synaptic sampling: inactive connections mostly stay the same": (_still, "synaptic"),
    "synaptic sampling: new connections at 0": (_formed_at_zero, "synaptic"),
    "one budget: split by the number of all sites": (_other_split("density", np.array([2.0, 4.0, 9.0])), "budget"),
    "one budget: targets ignored": (_other_split("vacant", None), "budget"),
    "one budget: each set keeps its number": (_each_by_itself, "budget"),
    "one budget: one connection missing": (_one_too_few, "budget"),
}
