"""Laws fitted to presence data by maximum likelihood, and compared on groups that were left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.laws.presence import LAWS, PresenceLaw
from synaptic_sampling.observations import Observations
from synaptic_sampling.statistics.observed.resampling import (
    FEW_GROUPS,
    check_resamples,
    error_and_limits,
    resampled_groups,
)
from synaptic_sampling.statistics.observed.runs import log_probability, runs_of
from synaptic_sampling.statistics.observed.search import AT_END, best_values, profile_limits, refit
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["Fit", "HeldOut", "Prediction", "bootstrap_intervals", "compare_laws", "fit", "held_out"]

#: The law that every other one is compared with on left-out groups.
BASELINE = LAWS["constant"]


@dataclass(frozen=True)
class Fit:
    """A law fitted to observations.

    Attributes
    ----------
    law : PresenceLaw
        The law.
    values : ndarray, shape (parameters,)
        Maximum-likelihood estimates.
    low, high : ndarray, shape (parameters,)
        Their 95 % intervals by profile likelihood. They assume that connections are independent; where dendrites
        differ, those of ``bootstrap_intervals`` are right.
    log_likelihood : float
        Given the look of first sight of each connection.
    number : int
        Number of runs, that is of connections if none was seen again after an absence.
    unit : float
        The interval between two looks, in the unit of time of the observations: the parameters refer to it.
    warnings : tuple of str
        Parameters that the data do not determine.
    """

    law: PresenceLaw
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    log_likelihood: float
    number: int
    unit: float
    warnings: tuple[str, ...] = ()

    @property
    def aic(self) -> float:
        """Return Akaike's information criterion, 2 parameters - 2 log L."""
        return 2.0 * len(self.values) - 2.0 * self.log_likelihood

    @property
    def parameters(self) -> dict[str, tuple[float, float, float]]:
        """Return estimate, lower and upper limit of each parameter, by name."""
        columns = zip(self.values.tolist(), self.low.tolist(), self.high.tolist(), strict=True)
        return {own.name: limits for own, limits in zip(self.law.parameters, columns, strict=True)}

    def survival_of_seen(self, times: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted fraction of those seen at the first look that are seen at all looks until each time.

        Parameters
        ----------
        times : array_like, shape (n,)
            Looks of any spacing from 0 on, in the unit of time of the observations.

        Returns
        -------
        ndarray, shape (n,)
            The first is 1.

        Raises
        ------
        TypeError, ValueError
            If the times do not ascend from 0.
        """
        return self.law.survival_of_seen(self.values, check_array("times", times) / self.unit)

    def survival_of_newly_seen(self, times: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted fraction of those first seen at the second look that are seen at all later looks.

        Parameters
        ----------
        times : array_like, shape (n,)
            Looks of any spacing from 0 on, in the unit of time of the observations; n >= 2.

        Returns
        -------
        ndarray, shape (n - 1,)
            The first is 1.

        Raises
        ------
        TypeError, ValueError
            If the times do not ascend from 0, or are fewer than two.
        """
        return self.law.survival_of_newly_seen(self.values, check_array("times", times) / self.unit)

    def at_coarser_looks(self, factor: int, number: int) -> Prediction:
        """Predict what the same study would have seen at every ``factor``-th look only.

        Studies give a connection that returns after an absence a new identity. So here, too, one that is absent at a
        look in between is gone: compare with ``survival_of_newly_seen(seen.split_at_absences(), every=factor)``. Under
        laws in which connections return, this differs from a study that never made the other looks
        (``survival_of_newly_seen``).

        Parameters
        ----------
        factor : int
            At least 1.
        number : int
            Number of intervals between coarser looks, at least 2.

        Returns
        -------
        Prediction
            At equal intervals of ``factor*unit``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not an integer, or out of range.
        """
        every = check_integer("factor", factor, minimum=1, maximum=1000)
        last = check_integer("number", number, minimum=2, maximum=1000)
        a = self.law.survival_of_seen(self.values, np.arange(every * last + 1))[::every]
        return Prediction(np.arange(last + 1, dtype=float) * (every * self.unit), a, (a[:-1] - a[1:]) / (1.0 - a[1]))


class Prediction(NamedTuple):
    """What a law predicts for looks at equal intervals.

    Attributes
    ----------
    times : ndarray, shape (n,)
        In the unit of time of the observations.
    seen : ndarray, shape (n,)
        Survival of those seen at the first look.
    newly_seen : ndarray, shape (n - 1,)
        Survival of those first seen at a look, since then.
    """

    times: NDArray[np.float64]
    seen: NDArray[np.float64]
    newly_seen: NDArray[np.float64]


class HeldOut(NamedTuple):
    """How much better a law predicts groups that were left out of its fit than one constant rate does.

    Attributes
    ----------
    bits : float
        Gain in log-likelihood per connection, in bits.
    error : float
        Its standard error over groups.
    """

    bits: float
    error: float


def fit(observations: Observations, law: PresenceLaw) -> Fit:
    """Fit a law to presence data by maximum likelihood.

    Parameters
    ----------
    observations : Observations
        From an imaging study, or from ``RewiringLog.observe``.
    law : PresenceLaw
        One of ``laws.presence.LAWS``, or your own.

    Returns
    -------
    Fit
        With profile intervals, and a warning for each parameter that the data do not determine.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or no connection was seen.
    """
    check_kind("law", law, PresenceLaw)
    runs = runs_of(observations)
    counts = runs.counts.sum(axis=0)
    values = best_values(law, runs, counts)
    low, high = profile_limits(law, runs, counts, values)
    log_likelihood = float(counts @ log_probability(law, values, runs))
    warnings = tuple(_undetermined(law, values, low, high))
    return Fit(law, values, low, high, log_likelihood, int(counts.sum()), runs.unit, warnings)


def compare_laws(observations: Observations, laws: Mapping[str, PresenceLaw] = LAWS) -> dict[str, tuple[Fit, HeldOut]]:
    """Fit several laws, and test each on groups that were left out of its fit.

    Parameters
    ----------
    observations : Observations
        With two groups or more.
    laws : mapping of str to PresenceLaw
        By name; all of ``laws.presence.LAWS`` by default.

    Returns
    -------
    dict of str to (Fit, HeldOut)
        By name.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or there is only one group.
    """
    if not isinstance(laws, Mapping) or not laws or not all(isinstance(law, PresenceLaw) for law in laws.values()):
        raise TypeError(f"laws must be a mapping of names to laws, got {laws!r}.")
    fits = {name: fit(observations, law) for name, law in laws.items()}
    return {name: (own, held_out(observations, own)) for name, own in fits.items()}


def held_out(observations: Observations, fitted: Fit) -> HeldOut:
    """Fit a law to all groups but one, predict that one, and compare with one constant rate; in turn for all groups.

    Parameters
    ----------
    observations : Observations
        With two groups or more.
    fitted : Fit
        The law, fitted to all of them.

    Returns
    -------
    HeldOut
        Bits per connection, 0 for the constant rate itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or there is only one group.
    """
    check_kind("fitted", fitted, Fit)
    runs = runs_of(observations)
    counts = runs.counts[runs.counts.sum(axis=1) > 0]
    if len(counts) < 2:
        raise ValueError(f"observations must have two groups or more to leave one out, got {len(counts)}.")
    base = best_values(BASELINE, runs, counts.sum(axis=0))
    gain = np.empty(len(counts))
    for n, own in enumerate(counts):
        rest = counts.sum(axis=0) - own
        gain[n] = own @ log_probability(fitted.law, refit(fitted.law, runs, rest, fitted.values), runs)
        gain[n] -= own @ log_probability(BASELINE, refit(BASELINE, runs, rest, base), runs)
    size = counts.sum(axis=1)
    bits = gain.sum() / size.sum() / np.log(2.0)
    spread = ((gain / np.log(2.0) - bits * size) ** 2).sum() * len(size) / (len(size) - 1)
    return HeldOut(float(bits), float(np.sqrt(spread) / size.sum()))


def bootstrap_intervals(
    observations: Observations, fitted: Fit, *, resamples: int = 400, seed: int = 0
) -> NDArray[np.float64]:
    """Return 95 % intervals of the parameters that hold where groups differ, by resampling whole groups.

    Parameters
    ----------
    observations : Observations
        With two groups or more.
    fitted : Fit
        The law, fitted to all of them.
    resamples : int
        Number of resamples.
    seed : int
        Of the random numbers.

    Returns
    -------
    ndarray, shape (parameters, 2)
        Lower and upper limits: the 2.5 % and 97.5 % quantiles of the refitted values; with fewer than 10 groups, by
        Student's t as in `Estimate`, on the scale of the parameter; by profile likelihood where all refits agree or
        are at the end of the range.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or there is only one group.
    """
    check_kind("fitted", fitted, Fit)
    runs = runs_of(observations)
    number = check_resamples(resamples)
    counts = runs.counts[runs.counts.sum(axis=1) > 0]  # Of groups in which connections were seen.
    groups = len(counts)
    if groups < 2:
        raise ValueError(f"observations must have two groups or more to resample, got {groups}.")
    found = np.array([
        refit(fitted.law, runs, drawn @ counts, fitted.values) for drawn in resampled_groups(groups, number, seed)
    ])  # fmt: skip
    limits = np.column_stack([fitted.low, fitted.high])
    for n, (own, values) in enumerate(zip(fitted.law.parameters, found.T, strict=True)):
        places = own.place(values)
        if np.ptp(places) == 0 or (np.minimum(places, 1.0 - places) < AT_END).all():
            continue  # Resamples say nothing.
        if groups >= FEW_GROUPS:
            limits[n] = np.quantile(values, [0.025, 0.975])
        else:
            _, *ends = error_and_limits(float(own.place(fitted.values[n])), places, groups)
            limits[n] = own.at(np.clip(ends, 0.0, 1.0))
    return limits


def _undetermined(
    law: PresenceLaw, values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> list[str]:
    """Return a warning for each parameter whose estimate or interval reaches the end of its range."""
    said = []
    for own, value, least, most in zip(law.parameters, values, low, high, strict=True):
        limits = f"{own.low:g} to {own.high:g}"
        if min(own.place(value), 1.0 - own.place(value)) < AT_END:
            said.append(f"{own.name} is at the end of its range, {limits}.")
        elif own.place(least) < AT_END or own.place(most) > 1.0 - AT_END:
            said.append(
                f"{own.name} is not determined: its 95 % interval reaches the end of its range, {limits}. The "
                "parameters form a ridge; interpret what they predict, not each of them."
            )
    return said
