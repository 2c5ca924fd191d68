"""Simulated imaging studies: how often the right law is recovered, and how often intervals contain the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from synaptic_sampling import Observations
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.statistics import observed
from synaptic_sampling.statistics.observed import Fit
from synaptic_sampling.statistics.observed.runs import log_probability, runs_of
from synaptic_sampling.statistics.observed.search import best_values

__all__ = ["coverage", "recovery"]

CANDIDATES = ("constant", "two states", "walk", "DEEP R")
STUDIES, RESAMPLES = 200, 100
#: Standard deviation over dendrites of the logarithm of the step of the walk.
SPREAD = 0.5
#: Dendrites of the large study that defines the step which a fit to all dendrites estimates.
LARGE = 20_000


def recovery(fits: dict[str, Fit], times: ArrayLike, sizes: NDArray[np.int64]) -> dict[str, float]:
    """Return for each law the fraction of studies simulated under it in which its AIC is the lowest."""
    found = {}
    for truth in CANDIDATES:
        right = 0
        for seen in simulated(fits[truth], times, sizes, f"recovery of {truth}"):
            runs = runs_of(seen)
            counts = runs.counts.sum(axis=0)
            aic = {}
            for name in CANDIDATES:
                values = best_values(LAWS[name], runs, counts)
                aic[name] = 2.0 * len(values) - 2.0 * float(counts @ log_probability(LAWS[name], values, runs))
            right += min(aic, key=lambda name: aic[name]) == truth
        found[truth] = right / STUDIES
    return found


def coverage(fitted: Fit, times: ArrayLike, sizes: NDArray[np.int64]) -> dict[str, float]:
    """Return how often 95 % intervals of the step of a walk contain it: where dendrites are alike, and where not."""
    found = {}
    for name, spread in (("", 0.0), (" where dendrites differ", SPREAD)):
        truth = (
            float(fitted.values[0])
            if not spread
            else float(observed.fit(large(fitted, times, sizes), fitted.law).values[0])
        )
        inside = np.zeros(2)
        for seen in simulated(fitted, times, sizes, f"coverage{name}", spread):
            own = observed.fit(seen, fitted.law)
            ((low, high),) = observed.bootstrap_intervals(seen, own, resamples=RESAMPLES)
            inside += [own.low[0] <= truth <= own.high[0], low <= truth <= high]
        found[f"profile{name}"], found[f"bootstrap{name}"] = (inside / STUDIES).tolist()
    return found


def large(fitted: Fit, times: ArrayLike, sizes: NDArray[np.int64]) -> Observations:
    """Return a study of so many different dendrites that its fit has practically no error."""
    return differing(fitted, times, np.resize(sizes, LARGE), SPREAD, seed=10**6)


def simulated(
    fitted: Fit, times: ArrayLike, sizes: NDArray[np.int64], title: str, spread: float = 0.0
) -> Iterator[Observations]:
    """Yield studies of the given size."""
    for seed in tqdm(range(STUDIES), unit="study", desc=title, disable=None):
        if spread:
            yield differing(fitted, times, sizes, spread, seed)
        else:
            yield observed.simulate(fitted.law, fitted.values, times, sizes, unit=fitted.unit, seed=seed)


def differing(fitted: Fit, times: ArrayLike, sizes: NDArray[np.int64], spread: float, seed: int) -> Observations:
    """Return a study whose dendrites differ in the step of their walk, with a log-normal distribution."""
    # Dendrites of one of these quantiles of the step are simulated together: as many as can differ.
    steps = fitted.values[0] * np.exp(spread * np.random.default_rng(seed).standard_normal(len(sizes)))
    places = np.round(np.log(steps) * 100).astype(np.int64)
    parts, group = [], []
    for place in np.unique(places):
        own = np.flatnonzero(places == place)
        values = [float(np.exp(place / 100))]
        seen = observed.simulate(
            fitted.law, values, times, sizes[own], unit=fitted.unit, seed=1000 * seed + int(place) % 1000
        )
        parts.append(seen.presence)
        group.append(own[np.array(seen.groups, np.int64)[seen.group]])
    return Observations(np.concatenate(parts), times, group=np.concatenate(group))
