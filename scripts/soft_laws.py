"""Laws and measurements of soft DEEP R whose deep ones are counted, each against an exact law or all slots."""

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

__all__ = ["agreement", "cost", "errors_by_depth", "identities", "learning", "shares", "times_of_return"]

#: As in the script of the authors: a step of l1 is as long as one of the noise.
AUTHORS = SoftDeepR(learning_rate=0.05, l1=1e-5, temperature=2.5e-12, connectivity=0.2)
TARGETS = (0.005, 0.05, 0.1, 0.2)
#: r = 0.3, noise of 1 per step, the floor 30 steps below 0.
RULE = SoftDeepR(learning_rate=0.5, l1=0.6, temperature=1.0, connectivity=1 / 19)
#: r = 0.1, one connected of a hundred sites.
SPARSE = SoftDeepR(learning_rate=0.1, l1=0.2, temperature=0.2, connectivity=0.01)
DEPTHS = (4.0, 6.0, 10.0, 20.0, 40.0)
#: How far below 0 those land on average that are retracted from a uniform density above.
UNDERSHOOT = math.sqrt(2 * math.pi) / 4
BOUND = float(norm.isf(FALSE_ALARM / 2))


def counted(rule: SoftDeepR, side: int, seed: int, depth: float) -> SoftConnections:
    """Return connections near their law; the deep ones are counted.

    Parameters
    ----------
    rule : SoftDeepR
        The rule.
    side : int
        Neurons on each side.
    seed : int
        Of all.
    depth : float
        Of `SoftConnections`.

    Returns
    -------
    SoftConnections
        Theta of the connected is exponential.
    """
    rng = np.random.default_rng(seed)
    number = int(rng.binomial(side * side, rule.connectivity))
    theta = rng.exponential(rule.temperature / rule.l1, number)
    return SoftConnections.random(side, side, number, rule=rule, theta=theta, seed=seed, depth=depth)


def stored(rule: SoftDeepR, side: int, seed: int, depth: float) -> PotentialConnections:
    """Return connections near their law, with a slot for every site.

    Parameters
    ----------
    rule, side, seed, depth
        As of ``counted``; the depth is of no use.

    Returns
    -------
    PotentialConnections
        As many connected, with the law of theta as in ``counted``.
    """
    rng = np.random.default_rng(seed)
    c = PotentialConnections(side, side, seed=seed)
    c.theta[:] = rule.theta_min * rng.random(len(c))
    number = rng.binomial(side * side, rule.connectivity)
    c.theta[rng.permutation(len(c))[:number]] = rng.exponential(rule.temperature / rule.l1, number)
    return c


def _run(c: Any, rule: SoftDeepR, steps: int) -> Any:
    for _ in range(steps):
        info = step(c, np.zeros(len(c)), rule)
    return info


def shares(quick: bool) -> list[Law]:
    """Return the laws of active share and births, at all targets and with small steps.

    Parameters
    ----------
    quick : bool
        Fewer sites.

    Returns
    -------
    list of Law
        Deviations in standard errors.
    """
    laws, side = [], 200 if quick else 1000
    rules = [(f"target {target:.1%}", replace(AUTHORS, connectivity=target)) for target in TARGETS]
    for name, rule in [*rules, ("small steps, target 5.3%", RULE)]:
        c, law = counted(rule, side, 11, 4.0), soft_law(rule)
        info = _run(c, rule, int((1 if quick else 3) * 8 / math.pi**2 * (rule.theta_min / rule.noise_scale - 1) ** 2))
        for what, found, share in (
            ("active share", c.num_active, law.active_share),
            ("births", info.num_births, law.turnover),
        ):
            z = abs(found - c.num_sites * share) / math.sqrt(c.num_sites * share * (1 - share))
            laws.append(Law(f"{name}: {what} {found / c.num_sites:.6f}, exact {share:.6f}", z, BOUND))
    return laws


def agreement(quick: bool) -> list[Law]:
    """Return the laws that both storages agree: active number, lifetimes, times of return, weights.

    Parameters
    ----------
    quick : bool
        Fewer replicas.

    Returns
    -------
    list of Law
        Minus the logarithm of the probability of such a difference, and that of a false alarm.
    """
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
    for n, name in enumerate(("active number", "lifetimes of newborns", "times of return above the edge", "weights")):
        first, second = found[0][n], found[1][n]
        if n in (1, 2):
            table = np.array([np.bincount(sample, minlength=61) for sample in (first, second)])
            probability = chi2_contingency(table[:, table.sum(axis=0) > 20]).pvalue
        else:
            probability = ks_2samp(first, second).pvalue
        laws.append(Law(f"both storages: {name} (-log10 p)", -math.log10(probability), -math.log10(FALSE_ALARM)))
    return laws


def _observe(c: Any, steps: int) -> list[Any]:
    """Return the active number; lifetimes, and times of return of those not deeper than 8; weights at the end."""
    born: dict[int, int] = {}
    died: dict[int, int] = {}
    lives, returns = [], []
    for n in range(steps):
        info = step(c, np.zeros(len(c)), RULE)
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
    """Return the errors of the law of the time of return by depth, all relative to the exact walk; nothing is drawn.

    Returns
    -------
    list of dict
        Depth; error of the mean, of the standard deviation; the largest of the probability. Blocks of time add 2e-5.
    """
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
    """Return the law of the numbers that come back in each step, of all that begin below the edge.

    Parameters
    ----------
    quick : bool
        Fewer sites.

    Returns
    -------
    laws : list of Law
        chi2.
    picture : tuple
        Numbers found and expected.
    """
    side, depth = 300 if quick else 1500, 8.0
    c, floor = SoftConnections(side, side, [], [], rule=RULE, depth=depth, seed=3), RULE.theta_min / RULE.noise_scale
    number = c.num_deep
    node, weight = np.polynomial.legendre.leggauss(32)
    depths = -depth + (floor + depth) * (node + 1) / 2
    laws = [
        w / 2 * share_still_retracted(RULE, x * RULE.noise_scale, 1000) for x, w in zip(depths, weight, strict=True)
    ]
    law = np.sum(laws, axis=0)
    due = np.array([c.deep.tick(n, 1.0) for n in range(1, 1001)])
    expected = number * (law[:-1] - law[1:])
    kept = expected > 20
    value = float(((due - expected)[kept] ** 2 / expected[kept]).sum())
    return [Law("births out of the deep in each of 1000 steps (chi2)", value, chi2.isf(FALSE_ALARM, kept.sum()))], (
        due,
        expected,
    )


def identities(quick: bool) -> list[dict[str, float]]:
    """Return by depth which share of the births have forgotten their site.

    Parameters
    ----------
    quick : bool
        Fewer steps.

    Returns
    -------
    list of dict
        Depth, share measured, its limit for small r, slots per connection.
    """
    rows = []
    for depth in DEPTHS:
        c = counted(SPARSE, 300, 1, depth)
        forgotten = births = 0
        _run(c, SPARSE, int((1 if quick else 4) * depth**2) + 300)  # The profile above the edge settles.
        for _ in range(200 if quick else 2000):
            sites = set((c.pre.astype(np.int64) * c.num_post + c.post).tolist())
            info = step(c, np.zeros(len(c)), SPARSE)
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
    """Return milliseconds per step with both storages, one connected of a hundred sites, r = 0.1, no gradient.

    Parameters
    ----------
    quick : bool
        Small ones only.

    Returns
    -------
    list of dict
        Of the medians over steps; the larger storage is left out where it would need gigabytes.
    """
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
                begin = time.perf_counter()
                _run(c, SPARSE, 1)
                times.append(time.perf_counter() - begin)
            row[f"{name} ms"] = 1e3 * float(np.median(times))
            row[f"{name} ns per connection"] = 1e9 * float(np.median(times)) / c.num_active
        rows.append(row)
    return rows


def learning(quick: bool) -> tuple[list[Law], dict[str, list[list[float]]]]:
    """Learn a sparse linear map with noise, which changes half way, with both storages.

    That the deep ones forget their sites makes a difference here. It is the only one: stored ones that exchange their
    theta at random while they are those that would be counted have to learn as the counted do.

    Parameters
    ----------
    quick : bool
        Fewer seeds and steps.

    Returns
    -------
    laws : list of Law
        Minus the logarithm of the probability of such a difference of the mean error, and that of a false alarm.
    curves : dict
        Of each storage: curves of the test error, one per seed, in units of the variance of the targets.
    """
    rule = SoftDeepR(learning_rate=0.05, l1=2e-2, temperature=1e-3, connectivity=0.1)
    steps, seeds = (1000, range(4)) if quick else (4000, range(16))
    curves = {"stored": [_learn(stored(rule, 40, seed, 0.0), rule, seed, steps) for seed in seeds]}
    laws = []
    for depth in (10.0, 4.0):
        ours = [_learn(counted(rule, 40, seed, depth), rule, seed, steps) for seed in seeds]
        edge = -depth * rule.noise_scale
        exchanging = [_learn(stored(rule, 40, 100 + seed, 0.0), rule, seed, steps, edge) for seed in seeds]
        curves[f"depth {depth:g}"], curves[f"stored, exchanging below {depth:g}"] = ours, exchanging
        p = ttest_ind(np.mean(ours, axis=1), np.mean(exchanging, axis=1), equal_var=False).pvalue
        laws.append(Law(f"learning, depth {depth:g}: mean error (-log10 p)", -math.log10(p), -math.log10(FALSE_ALARM)))
    return laws, curves


def _learn(c: Any, rule: SoftDeepR, seed: int, steps: int, edge: float = -math.inf) -> list[float]:
    """Return the test error every 50 steps; who was below the edge exchanges theta with others until it is back."""
    rng, curve = np.random.default_rng(10_000 + seed), []
    # Of the signs that the sites have, so that it can be learned.
    i, j = (ends.ravel().astype(np.int32) for ends in np.indices((40, 40)))
    sizes = c.signs_of(i, j).reshape(40, 40) * np.abs(rng.normal(0, 0.5, (2, 40, 40)))
    maps = sizes * (rng.random((2, 40, 40)) < 0.05)
    test, deep = rng.normal(size=(500, 40)), np.zeros(len(c), bool)
    for n in range(steps):
        true, w = maps[2 * n // steps], np.zeros((40, 40))
        w[c.pre, c.post] = c.weights
        x = rng.normal(size=(20, 40))
        error = x @ (w - true) + 0.1 * rng.normal(size=(20, 40))
        step(c, (x.T @ error / 20)[c.pre, c.post], rule)
        if edge > -math.inf:
            deep = (deep | (c.theta < edge)) & (c.theta < 0)
            c.theta[deep] = rng.permutation(c.theta[deep])
        if n % 50 == 49:
            curve.append(float(np.mean((test @ (w - true)) ** 2) / np.mean((test @ true) ** 2)))
    return curve
