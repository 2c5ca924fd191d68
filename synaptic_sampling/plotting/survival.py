"""Survival and hazard rates of new connections."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.plotting.style import NUM_NULL_POINTS, axes_of, check_ratio, plain_ticks, plot_law
from synaptic_sampling.statistics.sources import Source, log_of
from synaptic_sampling.statistics.survival import hazard_of_newborns, survival_of_newborns

__all__ = ["plot_lifetimes", "plot_survival"]


def plot_survival(
    log: Source,
    ax: Axes | None = None,
    *,
    step_ratio: float | None = None,
    from_step: int = 0,
    index: int | None = None,
    **style: Any,
) -> Axes:
    """Plot the survival of new connections (Kaplan-Meier estimate with 95 % band).

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): also plots the exact null law (noise and l1 only), which is valid if this
        was the rule throughout (``statistics.null_law.step_ratio``).
    from_step : int
        Connections formed until then are left out.
    index : int, optional
        Index of the set; all by default.
    **style
        For ``Axes.step``: label, color, ...

    Returns
    -------
    Axes
        With the curve.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If no new connection was observed to survive a step.
    """
    record, axes = log_of(log, observed="survival_of_newly_seen"), axes_of(ax)
    check_ratio(step_ratio)
    curve = survival_of_newborns(record, index=index, from_step=from_step)
    shown = (curve.time > 0) & (curve.probability > 0)  # A logarithmic axis cannot show 0.
    if not shown.any():
        raise ValueError("the log contains no new connection that survived a step; record for longer.")
    time, low, high = curve.time[shown], curve.low[shown], curve.high[shown]
    (line,) = axes.step(time, curve.probability[shown], where="post", **style)
    axes.fill_between(time, low, high, step="post", color=line.get_color(), alpha=0.25, linewidth=0)
    if step_ratio is not None:
        law = exact.survival_of_newborns(step_ratio, min(int(curve.time[-1]), 20_000))
        steps = np.unique(np.geomspace(1, len(law) - 1, NUM_NULL_POINTS).astype(int))
        steps = steps[law[steps] > low.min() / 2]  # Far below the data, it would only extend the axis.
        plot_law(axes, steps, law[steps], of=line, drawstyle="steps-post")
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_ticks(axes.xaxis, axes.yaxis)
    axes.set_xlabel("age (steps)")
    axes.set_ylabel("fraction still present")
    return axes


def plot_lifetimes(
    log: Source,
    ax: Axes | None = None,
    *,
    step_ratio: float | None = None,
    from_step: int = 0,
    index: int | None = None,
    **style: Any,
) -> Axes:
    """Plot the hazard rate (eliminations per connection and step) of new connections against age.

    A decreasing hazard rate means that older connections are more stable.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    step_ratio : float, optional
        As for `plot_survival`.
    from_step : int
        Connections formed until then are left out.
    index : int, optional
        Index of the set; all by default.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With the hazard rate and its 95 % band.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If no connection was formed, or none of the new ones was eliminated.
    """
    record, axes = log_of(log, observed="survival_of_newly_seen"), axes_of(ax)
    check_ratio(step_ratio)
    found = hazard_of_newborns(record, index=index, from_step=from_step)
    seen = found.deaths > 0  # A logarithmic axis cannot show 0.
    if not seen.any():
        raise ValueError("the log contains no new connection that was eliminated; record for longer.")
    middle = np.sqrt((found.begin + 1.0) * found.end)[seen]  # Geometric mean of the integer ages in each interval.
    (line,) = axes.plot(middle, found.rate[seen], **{"marker": "o", "markersize": 3, "linewidth": 1.2, **style})
    axes.fill_between(middle, found.low[seen], found.high[seen], color=line.get_color(), alpha=0.25, linewidth=0)
    if step_ratio is not None and len(middle):
        law = exact.hazard(step_ratio, int(min(found.end[seen][-1], 20_000)))
        steps = np.unique(np.geomspace(1, len(law), NUM_NULL_POINTS).astype(int))
        plot_law(axes, steps, law[steps - 1], of=line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_ticks(axes.xaxis, axes.yaxis)
    axes.set_xlabel("age (steps)")
    axes.set_ylabel("hazard rate\n(per connection and step)")
    return axes
