"""Studies simulated under a law, and what follows: tests of a fit, and how often the right law is recovered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from synaptic_sampling._checks import check_array, check_number, check_seed
from synaptic_sampling.laws.presence import PresenceLaw
from synaptic_sampling.observations import Observations
from synaptic_sampling.randomness import Stream, uniforms
from synaptic_sampling.statistics.observed.fitting import Fit
from synaptic_sampling.statistics.observed.resampling import check_resamples
from synaptic_sampling.statistics.observed.runs import Runs, log_probability, runs_of
from synaptic_sampling.statistics.observed.search import refit
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["GoodnessOfFit", "goodness_of_fit", "simulate"]


class GoodnessOfFit(NamedTuple):
    """How far data are from a law, next to studies simulated under it.

    Attributes
    ----------
    statistic : float
        2 log likelihood ratio of hazard rates that are free at every age, separately for connections seen from the
        first look on and for newly seen ones, over the law.
    expected : float
        Its mean over simulated studies, each refitted.
    p_value : float
        Fraction of studies, the data included, with a statistic at least as large.
    """

    statistic: float
    expected: float
    p_value: float


def simulate(
    law: PresenceLaw, values: ArrayLike, times: ArrayLike, sizes: ArrayLike, *, unit: float = 1.0, seed: int = 0
) -> Observations:
    """Simulate an imaging study in the stationary state of a law.

    Parameters
    ----------
    law : PresenceLaw
        The law.
    values : array_like
        Its parameters.
    times : array_like, shape (looks,)
        Times of the looks, ascending.
    sizes : array_like of int, shape (groups,)
        Number of connections seen at the first look in each group. At each later look, a Poisson number of new ones is
        seen, with the mean that keeps the number constant.
    unit : float
        Unit of time of the parameters.
    seed : int
        Of the random numbers.

    Returns
    -------
    Observations
        Of all connections seen at least once; those that return are new ones.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, shape or range.
    """
    check_kind("law", law, PresenceLaw)
    looks, key = check_array("times", times).astype(float), check_seed(seed)
    numbers = check_array("sizes", sizes, "iu")
    if numbers.ndim != 1 or not len(numbers) or numbers.min() < 0:
        raise ValueError(f"sizes must be a vector of integers >= 0, got {numbers}.")
    if looks.ndim != 1 or len(looks) < 2 or (np.diff(looks) <= 0).any() or not np.isfinite(looks).all():
        raise ValueError(f"times must be two or more ascending numbers, got {looks}.")
    scaled = (looks - looks[0]) / check_number("unit", unit, above=0.0)
    law.survival_of_seen(values, scaled)  # Refuses values that are none.
    start = check_array("values", values).astype(float)
    first, group = [np.zeros(numbers.sum(), np.int64)], [np.repeat(np.arange(len(numbers)), numbers)]
    for look in range(1, len(looks)):
        gone = 1.0 - law.seen_at_all(start, np.array([0.0, scaled[look] - scaled[look - 1]]))[1]
        born = poisson.ppf(uniforms(key, Stream.STUDY, look, len(numbers)), numbers * max(gone, 0.0)).astype(np.int64)
        first.append(np.full(born.sum(), look, np.int64))
        group.append(np.repeat(np.arange(len(numbers)), born))
    since = np.concatenate(first)
    presence = _draw(law, start, scaled, since, uniforms(key, Stream.STUDY, 0, len(since), index=1))
    return Observations(presence, looks, group=np.concatenate(group))


def goodness_of_fit(observations: Observations, fitted: Fit, *, resamples: int = 200, seed: int = 0) -> GoodnessOfFit:
    """Test whether a fitted law describes how long connections are seen.

    Parameters
    ----------
    observations : Observations
        To which the law was fitted, or others with looks in the same unit of time.
    fitted : Fit
        The law.
    resamples : int
        Number of simulated studies.
    seed : int
        Of the random numbers.

    Returns
    -------
    GoodnessOfFit
        Differences between groups are not tested: ``group_differences`` does.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    check_kind("fitted", fitted, Fit)
    number, key = check_resamples(resamples), check_seed(seed)
    runs = runs_of(observations, fitted.unit)
    found = [_distance(_simulated_runs(observations, fitted, key, n), fitted) for n in range(number)]
    statistic = _distance(runs, fitted)
    return GoodnessOfFit(
        statistic, float(np.mean(found)), (1 + sum(each >= statistic for each in found)) / (1 + number)
    )


def _distance(runs: Runs, fitted: Fit) -> float:
    """Return 2 log likelihood ratio of free hazard rates over the law, refitted."""
    counts = runs.counts.sum(axis=0)
    values = refit(fitted.law, runs, counts, fitted.values)
    return 2.0 * (_free(runs, counts) - float(counts @ log_probability(fitted.law, values, runs)))


def _free(runs: Runs, counts: NDArray[np.float64]) -> float:
    """Return the largest log likelihood if the hazard rate may depend on origin and age in any way."""
    risk: dict[tuple[bool, tuple[float, ...]], NDArray[np.float64]] = {}
    for (before, inner, after), number in zip(runs.kinds, counts, strict=True):
        passed = [*inner, *([] if after is None else [after])]
        for k in range(len(passed)):
            died = k == len(inner)
            risk.setdefault((before is None, tuple(passed[: k + 1])), np.zeros(2))[int(died)] += number
    total = 0.0
    for stayed, died in risk.values():
        for part in (stayed, died):
            total += part * np.log(part / (stayed + died)) if part else 0.0
    return float(total)


def _simulated_runs(observations: Observations, fitted: Fit, key: int, number: int) -> Runs:
    """Return the runs of a study with the same first sights, whose connections then follow the law."""
    seen, imaged = observations.seen, observations.imaged
    rows, groups = [], []
    patterns, row = np.unique(imaged, axis=0, return_inverse=True)
    for n, pattern in enumerate(patterns):
        own, at = np.flatnonzero(row.ravel() == n), np.flatnonzero(pattern)
        fresh = np.diff(np.pad(seen[np.ix_(own, at)], ((0, 0), (1, 0))).astype(np.int8), axis=1) == 1
        who, first = np.nonzero(fresh)
        drawn = uniforms(key, Stream.STUDY, number, len(first), index=2 + n)
        times = observations.times[at] / fitted.unit - observations.times[0] / fitted.unit
        part = np.full((len(first), len(observations.times)), np.nan)
        part[:, at] = _draw(fitted.law, fitted.values, times, first, drawn)
        rows.append(part)
        groups.append(observations.group[own[who]])
    return runs_of(Observations(np.concatenate(rows), observations.times, group=np.concatenate(groups)), fitted.unit)


def _draw(
    law: PresenceLaw,
    values: NDArray[np.float64],
    times: NDArray[np.float64],
    first: NDArray[np.int64],
    drawn: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return presence at all looks of connections of known first sight, each followed until it is first absent."""
    presence = np.zeros((len(first), len(times)))
    for look in np.unique(first).tolist():
        stays = law.seen_at_all(values, times[look:] - times[look])
        if look:
            longer = law.seen_at_all(values, times[look - 1 :] - times[look - 1])
            stays = (stays - longer[1:]) / (1.0 - longer[1])
        own = first == look
        # Seen at the k-th look after the first if the random number is below the survival until then.
        presence[own, look:] = drawn[own, None] < np.minimum.accumulate(np.clip(stays, 0.0, 1.0))
        presence[own, look] = 1.0
    return presence
