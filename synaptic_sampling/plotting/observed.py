"""Survival and loss of connections that were seen in a few imaging sessions, in vivo and in runs, with fitted laws."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter

from synaptic_sampling._checks import check_flag, check_integer, check_number
from synaptic_sampling.observations import Observations
from synaptic_sampling.plotting.style import COLOURS, axes_of, legend, literal
from synaptic_sampling.statistics.observed import (
    Estimate,
    Fit,
    loss_by_weight,
    survival_of_newly_seen,
    survival_of_seen,
)
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["plot_estimate", "plot_loss_by_weight", "plot_observed_survival", "plot_predictions"]

#: Colours and line styles of laws, none of which is that of the data.
LAW_STYLES: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "linestyle": line, "linewidth": 1.2} for line in ("-", "--") for colour in (*COLOURS[1:], "0.3")
)


def plot_estimate(estimate: Estimate, ax: Axes | None = None, *, unit: float = 1.0, **style: Any) -> Axes:
    """Plot an estimate with its 95 % intervals over groups.

    Parameters
    ----------
    estimate : Estimate
        For example from ``statistics.observed.survival_of_seen``. Values that are not known are left out.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    unit : float
        Unit of the x axis: the interval between sessions, for example, to compare studies of different intervals.
    **style
        For ``Axes.errorbar``: label, color, ...

    Returns
    -------
    Axes
        With the points.

    Raises
    ------
    TypeError, ValueError
        If it is not an Estimate, or the unit is not above 0.
    """
    check_kind("estimate", estimate, Estimate)
    length, axes = check_number("unit", unit, above=0.0), axes_of(ax)
    known = np.isfinite(estimate.value) & np.isfinite(estimate.at)
    value = estimate.value[known]
    ends = np.array([value - estimate.low[known], estimate.high[known] - value])
    spread = np.maximum(ends, 0)  # NaN where limits are not known, which draws no bar.
    options = {"marker": "o", "markersize": 4, "linestyle": "none", "elinewidth": 1.0, "capsize": 2, **style}
    axes.errorbar(estimate.at[known] / length, value, yerr=spread, **options)
    return axes


def plot_observed_survival(
    observations: Observations,
    ax: Axes | None = None,
    *,
    newly_seen: bool = False,
    fits: Sequence[Fit] = (),
    **style: Any,
) -> Axes:
    """Plot the fraction of connections that are seen in all imaging sessions until some time, with fitted laws.

    Parameters
    ----------
    observations : Observations
        At equal intervals.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    newly_seen : bool
        Connections first seen in a session, instead of all seen in a session.
    fits : sequence of Fit
        Laws to draw, as fitted to these observations.
    **style
        For ``Axes.errorbar``: label, color, ...

    Returns
    -------
    Axes
        With points, their 95 % intervals over groups, and a line for each law.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or intervals differ.
    """
    check_kind("observations", observations, Observations)
    fresh, laws = check_flag("newly_seen", newly_seen), _check_fits(fits)
    axes = axes_of(ax)
    estimate = (survival_of_newly_seen if fresh else survival_of_seen)(observations)
    plot_estimate(estimate, axes, **{"color": COLOURS[0], **style})
    times = np.append(estimate.at, estimate.at[-1] + estimate.at[1]) if fresh else estimate.at
    for law, line in zip(laws, itertools.cycle(LAW_STYLES), strict=False):
        curve = law.survival_of_newly_seen(times) if fresh else law.survival_of_seen(times)
        axes.plot(estimate.at, curve, label=literal(law.law.name), **line)
    axes.set_xlabel("time since first sight" if fresh else "time since a session")
    axes.set_ylabel("fraction seen in all sessions")
    axes.set_ylim(0, 1.02)
    legend(axes)
    return axes


def plot_predictions(
    observations: Observations, fits: Sequence[Fit], ax: Axes | None = None, *, most: int = 3, **style: Any
) -> Axes:
    """Plot how many newly seen connections are seen again in the next session, if there were only every m-th.

    A connection that is absent in a session in between counts as gone, and as a new one where it returns: studies give
    it a new identity. Points and lines are of the same quantity, in vivo and in runs (``log.observe``), whose
    connections are known by their place. A study of such connections that never made the other sessions would see more
    of them again under laws in which connections return: ``Fit.survival_of_newly_seen``.

    Parameters
    ----------
    observations : Observations
        At equal intervals, with 2 ``most`` + 1 sessions or more.
    fits : sequence of Fit
        Laws, as fitted to all sessions; what they say of m = 2, 3, ... is a prediction.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    most : int
        The largest m.
    **style
        For ``Axes.errorbar``: label, color, ...

    Returns
    -------
    Axes
        With points against the interval between sessions, their 95 % intervals, and a line for each law.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or intervals differ.
    """
    check_kind("observations", observations, Observations)
    laws = _check_fits(fits)
    last = check_integer("most", most, minimum=1, maximum=(len(observations.times) - 1) // 2)
    axes = axes_of(ax)
    factors, series = range(1, last + 1), observations.split_at_absences()
    found = [survival_of_newly_seen(series, every=factor) for factor in factors]
    again = Estimate(*(np.array([column[1] for column in columns]) for columns in zip(*found, strict=True)))
    plot_estimate(again, axes, **{"color": COLOURS[0], "zorder": 3, **style})
    for law, line in zip(laws, itertools.cycle(LAW_STYLES), strict=False):
        curve = [law.at_coarser_looks(factor, 2).newly_seen[1] for factor in factors]
        axes.plot(again.at, curve, label=literal(law.law.name), **line)
    axes.set_xticks(again.at)
    axes.set_xlabel("time between sessions")
    axes.set_ylabel("newly seen connections\nseen again in the next session")
    axes.set_ylim(0, 1)
    legend(axes)
    return axes


def plot_loss_by_weight(
    observations: Observations | Mapping[str, Observations], ax: Axes | None = None, *, classes: int = 6
) -> Axes:
    """Plot the fraction of connections that is gone in the next imaging session against their weight.

    Parameters
    ----------
    observations : Observations, or mapping of str to Observations
        With weights; several by name.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    classes : int
        Number of classes of equally many connections.

    Returns
    -------
    Axes
        With points at the median weight of each class, and their 95 % intervals over groups.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or there are no weights.
    """
    named = observations if isinstance(observations, Mapping) else {"": observations}
    if not 1 <= len(named) <= len(COLOURS):
        raise ValueError(f"observations must be 1 to {len(COLOURS)}, got {len(named)}.")
    found = {name: loss_by_weight(own, classes=classes) for name, own in named.items()}
    axes = axes_of(ax)
    for (name, estimate), colour in zip(found.items(), COLOURS, strict=False):
        plot_estimate(estimate, axes, color=colour, linestyle="-", linewidth=1.0, label=literal(name))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.set_xlabel("weight")
    axes.set_ylabel("fraction gone in the next session")
    axes.set_ylim(bottom=0)
    if isinstance(observations, Mapping):
        legend(axes)
    return axes


def _check_fits(fits: Any) -> Sequence[Fit]:
    if not isinstance(fits, list | tuple) or not all(isinstance(own, Fit) for own in fits):
        raise TypeError(f"fits must be a list of Fit, as returned by statistics.observed.fit, got {fits!r}.")
    return fits
