"""Figures of turnover: over time, against lag, and the fraction of possible connections visited."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_number
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.plotting.style import NUM_NULL_POINTS, axes_of, check_ratio, plain_ticks, plot_law
from synaptic_sampling.statistics.changes import turnover_by_lag
from synaptic_sampling.statistics.sources import Source, log_of
from synaptic_sampling.statistics.turnover import (
    rewired_per_samples,
    rewired_per_second,
    visited_by_chance,
    visited_share,
)

__all__ = ["plot_turnover", "plot_turnover_ratio", "plot_visited"]

#: Default number of lags.
NUM_LAGS = 12
#: Label of the y axis, before its unit.
REWIRED, PERCENT = "connections rewired\n", "rewired connections (%)\n"
#: Largest lag to which the null law is drawn: the cost grows as its square.
LONGEST_LAW = 5_000


def plot_turnover(
    log: Source, ax: Axes | None = None, *, per: float = 1000.0, bins: int = 40, relative: bool = False, **style: Any
) -> Axes:
    """Plot the number of connections rewired over time.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With presented samples or seconds as times.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    per : float
        Number of samples per which formations are counted. They are counted per second if the log has no samples, or if
        the axes already contain such a curve.
    bins : int
        Number of intervals in which they are counted.
    relative : bool
        As a percentage of the mean number of connections, which makes runs of different size comparable.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the curve.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the log has neither samples nor seconds, or not the unit of the axes.
    """
    record, axes = log_of(log), axes_of(ax)
    check_number("per", per, above=0.0)
    units = {f"per {per:g} samples": "samples", "per second": "seconds"}
    shown = axes.get_ylabel().partition("\n")[2] if axes.lines else ""
    known = [label for label, unit in units.items() if _has(record, unit)]
    label = shown if shown in known else (known or ["per second"])[0]
    if shown.startswith("per ") and label != shown:
        raise ValueError(f"the log cannot be plotted {shown}, the unit of these axes.")
    if units[label] == "samples":
        curve = rewired_per_samples(record, per, bins=bins)
    else:
        curve = rewired_per_second(record, bins=bins)
    rate = 100 * curve.rate / mean_number(record) if relative else curve.rate
    axes.plot(curve.time, rate, **style)
    if axes.get_yscale() == "linear":
        highest = max(float(np.max(np.asarray(line.get_ydata(), float), initial=0.0)) for line in axes.get_lines())
        axes.set_ylim(0, 1.05 * highest or 1.0)
    axes.set_xlabel("presented samples" if units[label] == "samples" else "time (s)")
    axes.set_ylabel((PERCENT if relative else REWIRED) + label)
    return axes


def mean_number(log: RewiringLog) -> float:
    """Return the number of connections of all sets together, averaged over the steps of the record."""
    lived = sum(int((lives["end"] - lives["birth"]).sum()) for lives in log.life_blocks())
    return lived / max(1, log.last_step - log.first_step)


def _has(log: RewiringLog, unit: str) -> bool:
    """Return whether the log has the time of each step in this unit."""
    times = log.times
    return len(times) > 0 and bool(np.isfinite(times[unit]).all())


def plot_turnover_ratio(
    log: Source,
    ax: Axes | None = None,
    *,
    lags: ArrayLike | None = None,
    step_ratio: float | None = None,
    index: int = 0,
    **style: Any,
) -> Axes:
    """Plot the turnover ratio (gained + lost)/(N1 + N2) against lag, as in imaging studies.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    lags : array_like of int, optional
        Steps between time points; by default from 1 to half of the record, evenly spaced on a logarithmic axis.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): also plots the exact null law (noise and l1 only) in the stationary state,
        which is valid if this was the rule throughout (``statistics.null_law.step_ratio``).
    index : int
        Index of the set.
    **style
        For ``Axes.errorbar``: label, color, ...

    Returns
    -------
    Axes
        With mean and standard deviation over ten starting times.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the record is too short.
    """
    record, axes = log_of(log), axes_of(ax)
    check_ratio(step_ratio)
    if lags is None:
        lags = np.unique(np.geomspace(1, max(1, (record.last_step - record.first_step) // 2), NUM_LAGS).astype(int))
    found = turnover_by_lag(record, lags, index)
    options = {"marker": "o", "markersize": 4, "linewidth": 1.2, "capsize": 2, **style}
    line = axes.errorbar(found.lag, 100 * found.turnover, 100 * found.spread, **options)[0]
    if step_ratio is not None:
        connectivity = 0.0
        if index in record.sets:
            connectivity = len(record.wiring(record.first_step, index)[0]) / max(1, record.sets[index].num_sites)
        longest = int(min(found.lag[-1], LONGEST_LAW))
        law = exact.turnover_ratio(step_ratio, longest, connectivity)
        plot_law(axes, np.arange(1, longest + 1), 100 * law[1:], of=line)
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("lag (steps)")
    axes.set_ylabel("turnover ratio (%)")
    return axes


def plot_visited(log: Source, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Plot the fraction of possible connections ever tried.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set, and a snapshot at its start.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the curve. Dashed: the fraction expected if the same numbers of connections formed at random vacant sites,
        unless connections may share a pair of neurons. Below it, connections return to former sites.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the log does not describe the set, or has no snapshot of it.
    """
    record, axes = log_of(log), axes_of(ax)
    try:
        found = visited_share(record, index)
    except LogError as error:
        raise ValueError(str(error)) from error
    axes.plot(found.time, 100 * found.rate, **{"linewidth": 1.5, **style})
    if not record.sets[index].multapses:
        law = visited_by_chance(record, index)
        shown = np.unique(np.linspace(0, len(law.time) - 1, NUM_NULL_POINTS).astype(int))
        plot_law(axes, law.time[shown], 100 * law.rate[shown], name="at random vacant sites")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("possible connections\never tried (%)")
    return axes
