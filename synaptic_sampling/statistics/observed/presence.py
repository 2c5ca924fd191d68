"""Survival and turnover of connections that were seen at a few looks, with errors over groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from synaptic_sampling._checks import check_flag, check_integer
from synaptic_sampling.observations import Observations
from synaptic_sampling.statistics.observed.resampling import Estimate, Kind, estimate, group_sums
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["GroupDifference", "ObservedChanges", "changes", "group_differences", "survival_of_newly_seen",
           "survival_of_seen"]  # fmt: skip


class ObservedChanges(NamedTuple):
    """Fractions per interval between two looks, each with its error over groups.

    Attributes
    ----------
    formation : Estimate
        Seen at the second look only, per connection seen at the first.
    elimination : Estimate
        Seen at the first look only, per connection seen at the first.
    turnover : Estimate
        (gained + lost)/(N1 + N2).
    """

    formation: Estimate
    elimination: Estimate
    turnover: Estimate


class GroupDifference(NamedTuple):
    """A chi-squared test of whether groups differ in the fraction of connections lost per look."""

    statistic: float
    degrees: int
    p_value: float


def survival_of_seen(
    observations: Observations, *, start: int | None = None, every: int = 1, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Estimate the fraction of connections seen at a look that are seen at all looks until a later one.

    Parameters
    ----------
    observations : Observations
        Connections that were not imaged at one of these looks are left out there.
    start : int, optional
        Index of the first look; by default all are pooled, for which intervals must be equal.
    every : int
        As if only every so many looks had been made.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    Estimate
        Against the time since the first look. Its law is ``seen_at_all`` of ``laws.presence``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or intervals differ and no ``start`` is given.
    """
    check_kind("observations", observations, Observations)
    step = _check_every(observations, every)
    return _survival(observations, _starts(observations, start, 0), step, observations.seen, resamples, seed)


def survival_of_newly_seen(
    observations: Observations, *, start: int | None = None, every: int = 1, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Estimate the fraction of connections first seen at a look that are seen at all looks until a later one.

    Newly seen connections formed at some time since the look before, and most short-lived ones are never seen:
    this is not ``survival.survival_of_newborns``.

    Parameters
    ----------
    observations : Observations
        Connections that were not imaged at one of these looks are left out there.
    start : int, optional
        Index of the look of first sight, at least ``every``; by default all are pooled, for which intervals must be
        equal.
    every : int
        As if only every so many looks had been made.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    Estimate
        Against the time since first sight. Under a law with a_k = P(seen at all of the next k looks | seen), at equal
        intervals: (a_k - a_(k+1))/(1 - a_1).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or intervals differ and no ``start`` is given.
    """
    check_kind("observations", observations, Observations)
    step = _check_every(observations, every)
    fresh = observations.seen.copy()
    fresh[:, step:] &= observations.presence[:, :-step] == 0
    return _survival(observations, _starts(observations, start, step), step, fresh, resamples, seed)


def changes(
    observations: Observations, *, pooled: bool = True, resamples: int = 1000, seed: int = 0
) -> ObservedChanges:
    """Estimate formation, elimination and turnover ratio between successive looks.

    Parameters
    ----------
    observations : Observations
        Of each interval, connections that were imaged at both looks count.
    pooled : bool
        Whether all intervals are pooled; else there is one estimate for each.
    resamples, seed : int
        Of the bootstrap over groups.

    Returns
    -------
    ObservedChanges
        Against the length of the interval if pooled (the mean if they differ), else against the time of its end.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """
    check_kind("observations", observations, Observations)
    together = check_flag("pooled", pooled)
    before, after, both = _pairs(observations)
    counts = np.stack([_by_group(observations, part) for part in (both & before, both & after, before & after)], axis=1)
    at = observations.times[1:]
    if together:
        counts, at = counts.sum(axis=2, keepdims=True), np.array([np.diff(observations.times).mean()])
    n1, n2, kept = counts[:, 0], counts[:, 1], counts[:, 2]

    def of(kind: Kind, number: NDArray[np.float64], events: NDArray[np.float64]) -> Estimate:
        return estimate(at, np.stack([number, events], axis=1), _ratio, kind, resamples, seed)

    return ObservedChanges(
        of("rate", n1, n2 - kept), of("fraction", n1, n1 - kept), of("fraction", n1 + n2, n1 + n2 - 2 * kept)
    )


def group_differences(observations: Observations) -> GroupDifference:
    """Test whether groups lose connections at different rates.

    Parameters
    ----------
    observations : Observations
        With two groups or more.

    Returns
    -------
    GroupDifference
        Pearson's chi squared of the numbers lost and kept between successive looks, per group. It assumes many losses
        per group.

    Raises
    ------
    TypeError, ValueError
        If it is not Observations, or there are fewer than two groups with connections, or no losses.
    """
    check_kind("observations", observations, Observations)
    before, after, both = _pairs(observations)
    n = _by_group(observations, before & both).sum(axis=1)
    lost = _by_group(observations, before & both & ~after).sum(axis=1)[n > 0]
    n = n[n > 0]
    share = lost.sum() / max(1.0, n.sum())
    if len(n) < 2 or not 0 < share < 1:
        raise ValueError(
            f"observations must have losses in two groups or more, got {len(n)} groups, {lost.sum():g} lost."
        )
    statistic = float(((lost - share * n) ** 2 / (share * (1.0 - share) * n)).sum())
    return GroupDifference(statistic, len(n) - 1, float(chi2.sf(statistic, len(n) - 1)))


def _starts(observations: Observations, start: int | None, earliest: int) -> list[int]:
    last = len(observations.times) - 1
    if start is not None:
        return [check_integer("start", start, minimum=earliest, maximum=last)]
    if observations.interval is None:
        raise ValueError(
            "the intervals between the looks of observations differ, so looks cannot be pooled; pass start=, the index "
            "of a look."
        )
    return list(range(earliest, last + 1))


def _check_every(observations: Observations, every: int) -> int:
    return check_integer("every", every, minimum=1, maximum=len(observations.times) - 1)


def _survival(
    observations: Observations, starts: list[int], every: int, followed: NDArray[np.bool_], resamples: int, seed: int
) -> Estimate:
    """Pool the survival from several starts; ``followed`` says which connections are followed from each look on."""
    last = len(observations.times) - 1
    number = (last - starts[0]) // every + 1
    sums = np.zeros((len(observations.groups), 2, number))
    for start in starts:
        imaged, seen = np.ones(len(observations), np.bool_), followed[:, start]
        for k, look in enumerate(range(start, last + 1, every)):
            imaged = imaged & observations.imaged[:, look]
            seen = seen & observations.seen[:, look]
            risk = followed[:, start] & imaged
            for part, which in enumerate((risk, risk & seen)):
                sums[:, part, k] += np.bincount(observations.group[which], minlength=len(sums))
    times = observations.times[starts[0] :: every] - observations.times[starts[0]]
    found = estimate(times, sums, _ratio, "fraction", resamples, seed)
    found.low[0] = found.high[0] = found.value[0]  # All are seen at the look from which on they are followed.
    return found


def _pairs(observations: Observations) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which connections were seen before and after each interval, and which were imaged at both looks."""
    seen, imaged = observations.seen, observations.imaged
    return seen[:, :-1], seen[:, 1:], imaged[:, :-1] & imaged[:, 1:]


def _by_group(observations: Observations, which: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how many connections of each group are marked, shape (groups, intervals)."""
    row, interval = np.nonzero(which)
    shape = len(observations.groups), which.shape[1]
    return group_sums(shape, observations.group[row], interval, [np.ones(len(row))])[:, 0]


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[..., 1, :] / sums[..., 0, :]
