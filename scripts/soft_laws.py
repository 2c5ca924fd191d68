"""Tests and measurements of soft DEEP R with untracked connections, against exact laws or a slot for every site."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import chi2, chi2_contingency, ks_2samp, norm, ttest_ind

from scripts.sampler_laws import FALSE_ALARM, Law
from synaptic_sampling import PotentialConnections, SoftDeepR, step
from synaptic_sampling.connections.deep import SHIFT, still_below
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.laws.soft_deepr import share_still_retracted, soft_law

__all__ = ["agreement", "cost", "errors_by_depth", "fractions", "identities", "learning", "times_of_return"]

#: As in the authors' script: the l1 step equals the noise per step.
AUTHORS = SoftDeepR(learning_rate=0.05, l1=1e-5, temperature=2.5e-12, connectivity=0.2)
TARGETS = (0.005, 0.05, 0.1, 0.2)
#: r = 0.3, noise 1 per step, floor at -30.
RULE = SoftDeepR(learning_rate=0.5, l1=0.6, temperature=1.0, connectivity=1 / 19)
#: r = 0.1; one site in a hundred is connected.
SPARSE = SoftDeepR(learning_rate=0.1, l1=0.2, temperature=0.2, connectivity=0.01)
DEPTHS = (4.0, 6.0, 10.0, 20.0, 40.0)
#: Mean undershoot of connections that are eliminated from a uniform density above 0.
UNDERSHOOT = math.sqrt(2 * math.pi) / 4
BOUND = float(norm.isf(FALSE_ALARM / 2))


def counted(rule: SoftDeepR, side: int, seed: int, depth: float) -> SoftConnections:
    """Return connections close to their stationary law, those below ``depth`` untracked."""
    rng = np.random.default_rng(seed)
    number = int(rng.binomial(side * side, rule.connectivity))
    theta = rng.exponential(rule.temperature / rule.l1, number)
    return SoftConnections.random(side, side, number, rule=rule, theta=theta, seed=seed, depth=depth)


def stored(rule: SoftDeepR, side: int, seed: int, depth: float) -> PotentialConnections:
    """Return connections close to their stationary law, with a slot for every site."""
    rng = np.random.default_rng(seed)
    c = PotentialConnections(side, side, seed=seed)
    c.theta[:] = rule.theta_min * rng.random(len(c))
    number = rng.binomial(side * side, rule.connectivity)
    c.theta[rng.permutation(len(c))[:number]] = rng.exponential(rule.temperature / rule.l1, number)
    return c


def _run(c: Any, rule: SoftDeepR, steps: int) -> Any:
    for _ in range(steps):
        info = step(c, rule, gradient=np.zeros(len(c)))
    return info


def fractions(quick: bool) -> list[Law]:
    """Test active fraction and formation, for all targets and with small steps."""
    laws, side = [], 200 if quick else 1000
    rules = [(f"target {target:.1%}", replace(AUTHORS, connectivity=target)) for target in TARGETS]
    for name, rule in [*rules, ("small steps, target 5.3%", RULE)]:
        c, law = counted(rule, side, 11, 4.0), soft_law(rule)
        info = _run(c, rule, int((1 if quick else 3) * 8 / math.pi**2 * (rule.theta_min / rule.noise_scale - 1) ** 2))
        for what, found, exact in (
            ("active fraction", c.num_active, law.active_share),
            ("formed", info.num_births, law.turnover),
        ):
            z = abs(found - c.num_sites * exact) / math.sqrt(c.num_sites * exact * (1 - exact))
            laws.append(Law(f"{name}: {what} {found / c.num_sites:.6f}, exact {exact:.6f}", z, BOUND))
    return laws


def agreement(quick: bool) -> list[Law]:
    """Test that both storages agree: active number, lifetimes, return times, weights."""
    found = []
    for offset, make in ((0, counted), (10_000, stored)):
        samples: list[list[Any]] = [[], [], [], []]
        for seed in range(30 if quick else 300):
            c = make(RULE, 50, offset + seed, 8.0)
            _run(c, RULE, 200)
            for sample, values in zip(samples, _observe(c, 60), strict=True):
                sample.append(values)
        found.append([np.concatenate(sample) for sample in samples])
    laws = []
    for n, name in enumerate(
        ("active number", "lifetimes of new connections", "return times above the tracking threshold", "weights")
    ):
        first, second = found[0][n], found[1][n]
        if n in (1, 2):
            table = np.array([np.bincount(sample, minlength=61) for sample in (first, second)])
            probability = chi2_contingency(table[:, table.sum(axis=0) > 20]).pvalue
        else:
            probability = ks_2samp(first, second).pvalue
        laws.append(Law(f"both storages: {name} (-log10 p)", -math.log10(probability), -math.log10(FALSE_ALARM)))
    return laws


def _observe(c: Any, steps: int) -> list[Any]:
    """Return the active number, lifetimes, return times of tracked connections, and final weights."""
    born: dict[int, int] = {}
    died: dict[int, int] = {}
    lives, returns = [], []
    for n in range(steps):
        info = step(c, RULE, gradient=np.zeros(len(c)))
        keys = c.pre.astype(np.int64) * c.num_post + c.post
        for key in (info.died.pre.astype(np.int64) * c.num_post + info.died.post).tolist():
            if key in born:
                lives.append(n - born.pop(key))
            died[key] = n
        for key in (info.born.pre.astype(np.int64) * c.num_post + info.born.post).tolist():
            if key in died:
                returns.append(n - died.pop(key))
            born[key] = n
        tracked = set(keys[c.theta >= -8.0 * RULE.noise_scale].tolist())
        died = {key: when for key, when in died.items() if key in tracked}
    return [np.array([c.num_active]), np.array(lives), np.array(returns), c.weights[c.weights != 0]]


def errors_by_depth() -> list[dict[str, float]]:
    """Return the errors of the law of return times by depth, relative to the exact walk; nothing is sampled."""
    rows, floor = [], RULE.theta_min / RULE.noise_scale
    span = 2 * SHIFT - floor
    for depth in (1.0, 2.0, 4.0, 6.0, 10.0, 20.0):
        steps = 30 * int(span**2)
        exact = share_still_retracted(RULE, -depth * RULE.noise_scale, steps)
        distance = SHIFT + depth
        times = np.append(1e-9, np.arange(1, steps + 1) + 0.25)
        ours = still_below(times, distance, distance + 1e-6, span)
        square = [float((2 * np.arange(steps + 1) + 1) @ law) for law in (exact, ours)]
        mean = [float(law.sum()) for law in (exact, ours)]
        spread = [math.sqrt(s - m * m) for s, m in zip(square, mean, strict=True)]
        rows.append(
            {
                "depth": depth,
                "mean": mean[1] / mean[0] - 1,
                "standard deviation": spread[1] / spread[0] - 1,
                "probability": float(np.abs(ours - exact).max()),
            }
        )
    return rows


def times_of_return(quick: bool) -> tuple[list[Law], Any]:
    """Test how many connections return in each step if all of them start below the tracking threshold."""
    side, depth = 300 if quick else 1500, 8.0
    c, floor = SoftConnections(side, side, [], [], rule=RULE, depth=depth, seed=3), RULE.theta_min / RULE.noise_scale
    number = c.num_deep
    node, weight = np.polynomial.legendre.leggauss(32)
    depths = -depth + (floor + depth) * (node + 1) / 2
    laws = [
        w / 2 * share_still_retracted(RULE, x * RULE.noise_scale, 1000) for x, w in zip(depths, weight, strict=True)
    ]
    law = np.sum(laws, axis=0)
    due = np.array([c.deep.advance(n, 1.0) for n in range(1, 1001)])
    expected = number * (law[:-1] - law[1:])
    kept = expected > 20
    value = float(((due - expected)[kept] ** 2 / expected[kept]).sum())
    return [
        Law("untracked connections that return in each of 1000 steps (chi2)", value, chi2.isf(FALSE_ALARM, kept.sum()))
    ], (
        due,
        expected,
    )


def identities(quick: bool) -> list[dict[str, float]]:
    """Return by depth the fraction of formations whose site was forgotten."""
    rows = []
    for depth in DEPTHS:
        c = counted(SPARSE, 300, 1, depth)
        forgotten = births = 0
        _run(
            c, SPARSE, int((1 if quick else 4) * depth**2) + 300
        )  # The profile above the tracking threshold becomes stationary.
        for _ in range(200 if quick else 2000):
            sites = set((c.pre.astype(np.int64) * c.num_post + c.post).tolist())
            info = step(c, SPARSE, gradient=np.zeros(len(c)))
            born = (info.born.pre.astype(np.int64) * c.num_post + info.born.post).tolist()
            births, forgotten = births + len(born), forgotten + sum(key not in sites for key in born)
        rows.append(
            {
                "depth": depth,
                "forgotten": forgotten / births,
                "formula": (UNDERSHOOT + SHIFT) / (depth + 2 * SHIFT),
                "slots per connection": len(c) / c.num_active,
            }
        )
    return rows


def cost(quick: bool) -> list[dict[str, float]]:
    """Return the time per step with both storages at 1 % connectivity, r = 0.1, without a gradient."""
    rows = []
    for number in (10_000,) if quick else (10_000, 100_000, 1_000_000):
        row: dict[str, float] = {"connections": number, "sites": 100 * number}
        for name, make in (("counted", counted), ("stored", stored)):
            if make is stored and number > 100_000:
                continue
            c = make(SPARSE, 10 * math.isqrt(number), 1, 10.0)
            _run(c, SPARSE, 20)
            times = []
            for _ in range(15):
                start = time.perf_counter()
                _run(c, SPARSE, 1)
                times.append(time.perf_counter() - start)
            row[f"{name} ms"] = 1e3 * float(np.median(times))
            row[f"{name} ns per connection"] = 1e9 * float(np.median(times)) / c.num_active
        rows.append(row)
    return rows


def learning(quick: bool) -> tuple[list[Law], dict[str, list[list[float]]]]:
    """Learn a noisy sparse linear map, which changes half way, with both storages.

    Untracked connections forget their sites, which matters here. Nothing else differs: stored connections that exchange
    their theta at random while they would be untracked must learn equally well.
    """
    rule = SoftDeepR(learning_rate=0.05, l1=2e-2, temperature=1e-3, connectivity=0.1)
    steps, seeds = (1000, range(4)) if quick else (4000, range(16))
    curves = {"stored": [_learn(stored(rule, 40, seed, 0.0), rule, seed, steps) for seed in seeds]}
    laws = []
    for depth in (10.0, 4.0):
        ours = [_learn(counted(rule, 40, seed, depth), rule, seed, steps) for seed in seeds]
        threshold = -depth * rule.noise_scale
        exchanging = [_learn(stored(rule, 40, 100 + seed, 0.0), rule, seed, steps, threshold) for seed in seeds]
        curves[f"depth {depth:g}"], curves[f"stored, exchanging below {depth:g}"] = ours, exchanging
        p = ttest_ind(np.mean(ours, axis=1), np.mean(exchanging, axis=1), equal_var=False).pvalue
        laws.append(Law(f"learning, depth {depth:g}: mean error (-log10 p)", -math.log10(p), -math.log10(FALSE_ALARM)))
    return laws, curves


def _learn(c: Any, rule: SoftDeepR, seed: int, steps: int, threshold: float = -math.inf) -> list[float]:
    """Return the test error every 50 steps; connections below ``threshold`` exchange theta until they return."""
    rng, curve = np.random.default_rng(10_000 + seed), []
    # With the signs of the sites, so that it can be learned.
    i, j = (ends.ravel().astype(np.int32) for ends in np.indices((40, 40)))
    sizes = c.signs_of(i, j).reshape(40, 40) * np.abs(rng.normal(0, 0.5, (2, 40, 40)))
    maps = sizes * (rng.random((2, 40, 40)) < 0.05)
    test, exchanging = rng.normal(size=(500, 40)), np.zeros(len(c), bool)
    for n in range(steps):
        true, w = maps[2 * n // steps], np.zeros((40, 40))
        w[c.pre, c.post] = c.weights
        x = rng.normal(size=(20, 40))
        error = x @ (w - true) + 0.1 * rng.normal(size=(20, 40))
        step(c, rule, gradient=(x.T @ error / 20)[c.pre, c.post])
        if threshold > -math.inf:
            exchanging = (exchanging | (c.theta < threshold)) & (c.theta < 0)
            c.theta[exchanging] = rng.permutation(c.theta[exchanging])
        if n % 50 == 49:
            curve.append(float(np.mean((test @ (w - true)) ** 2) / np.mean((test @ true) ** 2)))
    return curve
