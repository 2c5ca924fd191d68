"""Statistical tests of DEEP R samplers against exact laws: each has a statistic and a bound.

A correct sampler passes each test with probability 1 - 1e-6; ``wrong_samplers`` lists what the tests must reject.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm, t

from scripts.wrong_samplers import Step
from synaptic_sampling import Connections, DeepR
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws.posterior import SiteLaw, limit_of_small_steps, site_law, wiring_law

__all__ = [
    "AGES",
    "BURN_IN",
    "CENTRE",
    "CHANCE",
    "FALSE_ALARM",
    "FULL",
    "POSTERIOR",
    "QUICK",
    "STIFFNESS",
    "Law",
    "ages_law",
    "chance",
    "distance_to_posterior",
    "exact_law",
    "mean_law",
    "posterior",
    "rejected",
    "theta_given_wiring",
    "theta_laws",
    "uniformity",
    "vacated_law",
    "wiring_law_test",
]

FALSE_ALARM = 1e-6
#: The rule of all tests without a gradient: r = 0.1.
CHANCE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
#: For tests with a gradient: six sites, each with its own energy, and three connections.
STIFFNESS = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
CENTRE = np.array([0.5, -0.5, 0.7, 0.0, 0.4, 0.9])
LARGEST = 6.0
POSTERIOR = DeepR(learning_rate=0.1, l1=0.2, temperature=0.25)
#: Bins of the age at elimination; the last one contains all longer lifetimes.
AGES = np.array([1, 2, 3, 4, 6, 10, 20, 40])


@dataclass(frozen=True)
class Law:
    """The result of one test: a statistic, and the bound that it must not exceed."""

    name: str
    statistic: float
    bound: float

    @property
    def passed(self) -> bool:
        """Return whether the statistic is within its bound; NaN, from a sampler that does nothing, is not."""
        return bool(self.statistic <= self.bound)


@dataclass(frozen=True)
class Effort:
    """The amount of simulation."""

    sets: int  # independent sets of connections for the null law
    steps: int
    replicas: int  # independent networks for each law of connectivity


FULL = Effort(sets=64, steps=2000, replicas=140_000)
QUICK = Effort(sets=12, steps=200, replicas=3_000)
#: Three times the relaxation time of the null law (1/r^2).
BURN_IN = 300


def chance(do: Step, effort: Effort) -> list[Law]:
    """Test the null law: turnover, lifetimes, theta, formation at vacated sites, invariants."""
    k, side = 500, 40
    zero = np.zeros(k)
    deaths: list[float] = []
    ages = np.zeros(len(AGES) + 1)
    theta: list[NDArray[np.float64]] = []
    returned = expected = variance = 0.0
    violations = 0
    for seed in range(effort.sets):
        c = Connections.random(side, side, k, seed=seed)
        signs = np.zeros((side, side), np.int8)
        count = 0
        for n in range(BURN_IN + effort.steps):
            before = c.pre.copy(), c.post.copy(), c.birth_step.copy()
            info = do(c, zero, CHANCE)
            eliminated = info.died.slot
            violations += _violations(c, signs, k)
            if n < BURN_IN:
                continue
            count += len(eliminated)
            ages += np.bincount(np.searchsorted(AGES, info.step - before[2][eliminated]), minlength=len(AGES) + 1)
            vacated = before[0][eliminated] * side + before[1][eliminated]
            hits = np.isin(info.born.pre * side + info.born.post, vacated).sum()
            chance_of_hit = len(eliminated) / (side * side - k + len(eliminated))
            returned, expected = returned + hits, expected + chance_of_hit * len(eliminated)
            variance += chance_of_hit * (1 - chance_of_hit) * len(eliminated)
        deaths.append(count / effort.steps)
        theta.append(c.theta.copy())
    laws = [
        mean_law("turnover per step", np.array(deaths), k * exact.turnover_rate(CHANCE.step_ratio)),
        ages_law(ages),
        *theta_laws(theta),
        vacated_law(returned, expected, variance),
        Law("number, distinct sites, constant signs, theta >= 0: violations", float(violations), 0.0),
    ]
    return laws


def _violations(c: Connections, signs: NDArray[np.int8], k: int) -> int:
    """Return how many invariants are violated; ``signs`` collects the signs of all sites seen so far."""
    keys = c.pre.astype(np.int64) * c.num_post + c.post
    known = signs[c.pre, c.post]
    changed = (known != 0) & (known != c.polarity)
    signs[c.pre, c.post] = c.polarity
    active = int(np.count_nonzero(c.theta >= 0))
    return int(len(np.unique(keys)) != k) + int(active != k) + int(changed.any())


def mean_law(name: str, values: NDArray[np.float64], expected: float) -> Law:
    """Compare a mean over independent sets with its expectation by Student's t."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0.0:
        return Law(name, math.nan, 0.0)
    return Law(name, float(abs(values.mean() - expected) / error), t.isf(FALSE_ALARM / 2, len(values) - 1))


def vacated_law(returned: float, expected: float, variance: float) -> Law:
    """Compare how many connections form at sites vacated in the same step with the expected number."""
    deviation = float(abs(returned - expected) / np.sqrt(variance)) if variance else math.nan
    return Law("formation at just-vacated sites", deviation, float(norm.isf(FALSE_ALARM / 2)))


def ages_law(counts: NDArray[np.float64]) -> Law:
    """Compare ages at elimination, without the last bin, with the law of new connections.

    In the stationary state the eliminations per step at age n are proportional to q_(n-1) - q_n, and those at different
    ages are counts of different walks. The last bin, with connections that precede the recording, is left out.
    """
    q = exact.survival_of_newborns(CHANCE.step_ratio, int(AGES[-1]))
    probability = -np.diff(q[np.concatenate([[0], AGES])])
    observed = counts[: len(AGES)]
    expected = max(1.0, observed.sum()) * probability / probability.sum()
    value = float(((observed - expected) ** 2 / expected).sum())
    return Law("ages at elimination (chi2)", value, chi2.isf(FALSE_ALARM, len(AGES) - 1))


def theta_laws(theta: list[NDArray[np.float64]]) -> list[Law]:
    """Compare mean and mean square of the final theta with the stationary law, over independent sets."""
    scale, r = CHANCE.noise_scale, CHANCE.step_ratio
    mean = exact.mean_theta(r)
    square = exact.std_theta(r) ** 2 + mean**2
    return [
        mean_law("mean of theta", np.array([x.mean() for x in theta]) / scale, mean),
        mean_law("mean square of theta", np.array([(x**2).mean() for x in theta]) / scale**2, square),
    ]


def uniformity(do: Step, effort: Effort) -> tuple[Law, Any]:
    """Test that all sets of connected sites are equally likely without a gradient."""
    wirings = wiring_law(np.ones(6), 3)
    counts, _ = _replicas(do, effort.replicas, 25, CHANCE, None, (2, 3))
    return wiring_law_test("connectivity without a gradient (chi2)", counts, wirings), counts


def posterior(do: Step, effort: Effort, eta: float) -> tuple[list[Law], Any]:
    """Test the law of connectivity, and of theta given the connectivity, with a gradient."""
    rule = replace(POSTERIOR, learning_rate=eta)
    sites, law = exact_law(eta)
    counts, values = _replicas(do, effort.replicas, int(8 / eta), rule, _slope, (1, 6))
    return [
        wiring_law_test(f"connectivity with a gradient, learning rate {eta:g} (chi2)", counts, law),
        theta_given_wiring(f"theta given the connectivity, learning rate {eta:g} (chi2)", values, sites),
    ], (counts, law)


def exact_law(eta: float) -> tuple[list[SiteLaw], dict[tuple[int, ...], float]]:
    """Return the exact laws of the six sites and of the connectivity."""
    rule = replace(POSTERIOR, learning_rate=eta)
    sites = [site_law(rule, partial(_site_slope, n), LARGEST) for n in range(len(CENTRE))]
    return sites, wiring_law([site.lifetime for site in sites], 3)


def distance_to_posterior(eta: float) -> float:
    """Return the total variation distance between the exact law of connectivity and the posterior."""
    energies = [partial(_energy, n) for n in range(len(CENTRE))]
    limit = wiring_law([limit_of_small_steps(POSTERIOR, energy, LARGEST) for energy in energies], 3)
    law = exact_law(eta)[1]
    return sum(abs(law[wiring] - limit[wiring]) for wiring in law) / 2


def _energy(site: int, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    energy: NDArray[np.float64] = STIFFNESS[site] / 2 * (theta - CENTRE[site]) ** 2
    return energy


def _site_slope(site: Any, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return dE/dtheta at one site, or at the site of each theta."""
    slope: NDArray[np.float64] = STIFFNESS[site] * (theta - CENTRE[site])
    return slope


def _slope(c: Connections) -> NDArray[np.float64]:
    return _site_slope(c.post, c.theta)


def _replicas(
    do: Step,
    number: int,
    steps: int,
    rule: DeepR,
    slope: Callable[[Connections], NDArray[np.float64]] | None,
    shape: tuple[int, int],
) -> tuple[NDArray[np.int64], list[tuple[int, float]]]:
    """Run independent networks; return the counts of each connectivity, and (site, theta) of all connections."""
    index = {wiring: n for n, wiring in enumerate(wiring_law(np.ones(6), 3))}
    counts, zero = np.zeros(len(index), np.int64), np.zeros(3)
    values: list[tuple[int, float]] = []
    for seed in range(number):
        c = Connections.random(*shape, 3, seed=10**6 + seed, signs=1)
        for _ in range(steps):
            do(c, zero if slope is None else slope(c), rule)
        sites = (c.pre * shape[1] + c.post).tolist()
        wiring = tuple(sorted(sites))
        if wiring in index:
            counts[index[wiring]] += 1
        values += zip(sites, c.theta.tolist(), strict=True)
    return counts, values


def wiring_law_test(name: str, counts: NDArray[np.int64], law: dict[tuple[int, ...], float]) -> Law:
    """Compare the counts of all sets of connected sites with their law."""
    expected = counts.sum() * np.array(list(law.values()))
    value = float(((counts - expected) ** 2 / expected).sum())
    return Law(name, value, chi2.isf(FALSE_ALARM, len(law) - 1))


def theta_given_wiring(name: str, values: list[tuple[int, float]], sites: Sequence[SiteLaw]) -> Law:
    """Bin theta of each site, new connections separately; given the connectivity, all of them are independent."""
    total, freedom = 0.0, 0
    site_of, theta = np.array([v[0] for v in values]), np.array([v[1] for v in values])
    for number, site in enumerate(sites):
        own = theta[site_of == number]
        grid = np.linspace(0, LARGEST, 4001)
        below = site.probability_below(grid)
        cuts = np.interp(np.linspace(site.newborn, 1, 11)[1:-1], below, grid)
        probability = np.diff(np.concatenate([[0, site.newborn], site.probability_below(cuts), [1]]))
        observed = np.bincount(np.where(own == 0, 0, 1 + np.searchsorted(cuts, own)), minlength=11)
        expected = len(own) * probability
        total += float(((observed - expected) ** 2 / expected).sum())
        freedom += 10
    return Law(name, total, chi2.isf(FALSE_ALARM, freedom))


def rejected(do: Step, first: str, effort: Effort) -> str:
    """Return the first test that rejects a sampler, or an empty string."""
    tries: dict[str, Callable[[], list[Law]]] = {
        "chance": lambda: chance(do, effort),
        "connectivity": lambda: [uniformity(do, effort)[0]],
        "gradient": lambda: posterior(do, effort, 0.3)[0],
    }
    for name in sorted(tries, key=lambda name: name != first):
        for law in tries[name]():
            if not law.passed:
                return law.name
    return ""
