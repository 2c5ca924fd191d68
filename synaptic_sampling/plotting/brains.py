"""Runs beside brains: what stays, in units of time that both have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from synaptic_sampling.plotting._style import COLOURS, NULL_STYLE, NUM_NULL_POINTS, axes_of, legend
from synaptic_sampling.statistics._source import log_of
from synaptic_sampling.statistics.biology import Observation, published, stays_after
from synaptic_sampling.statistics.comparison import half_life_at_one_rate, survival_in

__all__ = ["brains_in_half_lives", "plot_brains"]

MARKERS = ("D", "^", "v", "P", "X", "*")


def brains_in_half_lives() -> dict[str, tuple[list[float], list[float]]]:
    """Return the survival of spines in units of their half-life, of preparations that were watched for two times.

    The half-life follows from the longest observation, as if all died at one rate; the shorter ones tell whether they
    do: with one rate they lie on 2**-t, with some that go soon and others that stay, below.

    Returns
    -------
    dict of str to (times, shares)
        By source and preparation.
    """
    rows: dict[str, list[Observation]] = {}
    for quantity in ("survival", "elimination"):
        for row in published(quantity):
            rows.setdefault(f"{row.source}, {row.preparation}", []).append(row)
    found = {}
    for name, own in rows.items():
        days = sorted({row.days for row in own})
        if len(days) < 2:
            continue
        shares = [float(np.mean([stays_after(row, day) for row in own if row.days == day])) for day in days]
        unit = days[-1] * math.log(2) / -math.log(shares[-1])
        found[name] = [day / unit for day in days], shares
    return found


def plot_brains(logs: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw how long connections stay, of several runs and of spines in brains, over time in half-lives.

    Parameters
    ----------
    logs : mapping of str to RewiringLog, or to objects that have one as ``log``
        By name. A run is watched from its middle on. Where fewer than half died then, the half-life follows from the
        share at the end, as it does for brains.
    ax : Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    Axes
        With a curve for each run, markers for brains, and dashed what one rate of death for all would give.

    Raises
    ------
    TypeError, ValueError
        If there are no logs, or more than can be told apart.
    """
    axes = axes_of(ax)
    if not isinstance(logs, Mapping) or not 1 <= len(logs) <= len(COLOURS):
        raise ValueError(f"logs must be a mapping of 1 to {len(COLOURS)} names to logs, got {logs!r}.")
    latest = 4.0
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        curve = survival_in(log_of(log), "steps")
        unit, shown = half_life_at_one_rate(curve), curve.time > 0
        if unit == math.inf:  # Nobody died.
            continue
        axes.step(curve.time[shown] / unit, 100 * curve.probability[shown], where="post", color=colour, label=name)
    for (name, (times, shares)), marker in zip(brains_in_half_lives().items(), MARKERS, strict=False):
        axes.plot(times, 100 * np.array(shares), marker, color="0.4", label=name, markersize=6)
    time = np.geomspace(1e-3, latest, NUM_NULL_POINTS)
    axes.plot(time, 100 * 0.5**time, label="one rate for all", **NULL_STYLE)
    axes.set(xscale="log", xlim=(1e-3, latest), ylim=(0, 100))
    axes.set_xlabel("time (half-lives)")
    axes.set_ylabel("still there (%)")
    legend(axes, loc="lower left")
    return axes
