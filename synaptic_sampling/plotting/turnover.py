"""How much is rewired: over time, and between two looks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_number
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.plotting.style import NULL_STYLE, NUM_NULL_POINTS, axes_of, check_ratio
from synaptic_sampling.statistics.changes import turnover_by_lag
from synaptic_sampling.statistics.sources import log_of
from synaptic_sampling.statistics.turnover import (
    rewired_per_samples,
    rewired_per_second,
    visited_by_chance,
    visited_share,
)

__all__ = ["plot_turnover", "plot_turnover_ratio", "plot_visited"]

#: Times between two looks, where none are given.
NUM_LAGS = 12
#: Of the y axis, before its unit.
REWIRED = "connections rewired\n"
#: Steps to which the law of chance is drawn: its cost grows as their square.
LONGEST_LAW = 5_000


def plot_turnover(log: Any, ax: Axes | None = None, *, per: float = 1000.0, bins: int = 40, **style: Any) -> Axes:
    """Draw how many connections are rewired over time.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With presented samples or seconds in its times.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    per : float
        Samples per which births are counted; without samples in the log they are counted per second, and so they are
        in axes that hold such a curve already.
    bins : int
        Intervals in which they are counted.
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
        If the log has neither samples nor seconds, or not the unit in which the axes count already.
    """
    record, axes = log_of(log), axes_of(ax)
    check_number("per", per, above=0.0)
    units = {f"per {per:g} samples": "samples", "per second": "seconds"}
    shown = axes.get_ylabel().removeprefix(REWIRED) if axes.lines else ""
    known = [label for label, unit in units.items() if _has(record, unit)]
    label = shown if shown in known else (known or ["per second"])[0]
    if shown.startswith("per ") and label != shown:
        raise ValueError(f"the log cannot be counted {shown}, as the others in these axes are.")
    if units[label] == "samples":
        curve = rewired_per_samples(record, per, bins=bins)
    else:
        curve = rewired_per_second(record, bins=bins)
    axes.plot(curve.time, curve.rate, **style)
    axes.set_xlabel("presented samples" if units[label] == "samples" else "time (s)")
    axes.set_ylabel(REWIRED + label)
    return axes


def _has(log: RewiringLog, unit: str) -> bool:
    """Return whether the time of each step is known in a unit."""
    times = log.times
    return len(times) > 0 and bool(np.isfinite(times[unit]).all())


def plot_turnover_ratio(
    log: Any,
    ax: Axes | None = None,
    *,
    lags: ArrayLike | None = None,
    step_ratio: float | None = None,
    index: int = 0,
    **style: Any,
) -> Axes:
    """Draw the turnover ratio (gained + lost)/(N1 + N2) against the lag between two sessions, as in imaging studies.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    lags : array_like of int, optional
        Steps between the looks; by default from 1 to half of the record, evenly on a logarithmic axis.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): draws the exact null law (noise and l1 only) in the stationary state
        beside it, which holds where this was the rule throughout (``statistics.null_law.step_ratio``).
    index : int
        Index of the set.
    **style
        For ``Axes.errorbar``: label, color, ...

    Returns
    -------
    Axes
        With the mean and standard deviation over ten first looks.

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
    look = {"marker": "o", "markersize": 4, "linewidth": 1.2, "capsize": 2, **style}
    axes.errorbar(found.lag, 100 * found.turnover, 100 * found.spread, **look)
    if step_ratio is not None:
        connectivity = 0.0
        if index in record.sets:
            connectivity = len(record.wiring(record.first_step, index)[0]) / max(1, record.sets[index].num_sites)
        longest = int(min(found.lag[-1], LONGEST_LAW))
        law = exact.turnover_ratio(step_ratio, longest, connectivity)
        axes.plot(np.arange(1, longest + 1), 100 * law[1:], gid="null law", **NULL_STYLE)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("lag (steps)")
    axes.set_ylabel("turnover ratio (%)")
    return axes


def plot_visited(log: Any, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Draw the fraction of possible connections that was ever tried.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        That describes the set, with a snapshot at its start.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the curve; dashed what as many births at random vacant sites would have visited, unless connections may
        share a pair of neurons. Below it, connections come back to where some have been.

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
        axes.plot(law.time[shown], 100 * law.rate[shown], gid="null law", **NULL_STYLE)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("possible connections\never tried (%)")
    return axes
