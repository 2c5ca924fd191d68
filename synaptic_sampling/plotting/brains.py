"""Survival of existing connections, of runs and in vivo, over time in half-lives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, NUM_NULL_POINTS, axes_of, legend, literal
from synaptic_sampling.statistics.biology import Observation, published, stays_after
from synaptic_sampling.statistics.comparison import half_life_at_one_rate, survival_in
from synaptic_sampling.statistics.sources import log_of

__all__ = ["brains_in_half_lives", "plot_brains"]

MARKERS = ("D", "^", "v", "P", "X", "*")


def brains_in_half_lives() -> dict[str, tuple[list[float], list[float]]]:
    """Return the survival of spines in units of their half-life, of preparations that were imaged over two intervals.

    The half-life is extrapolated from the longest interval, as if all had one hazard rate; so its own point would lie
    on 2**-t by construction and is left out. The shorter intervals tell whether there is one rate: then they lie on
    2**-t; if some are eliminated early and others persist, below.

    Returns
    -------
    dict of str to (times, fractions)
        By source and preparation; the longest interval is left out.
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
        found[name] = [day / unit for day in days[:-1]], shares[:-1]
    return found


def plot_brains(logs: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw the survival of existing connections, of several runs and of spines in vivo, over time in half-lives.

    Parameters
    ----------
    logs : mapping of str to RewiringLog, or to objects that have one as ``log``
        By name. A run is followed from its middle on. Where fewer than half are eliminated then, the half-life is
        extrapolated from the fraction at the end, as it is for spines; the label says so.
    ax : Axes, optional
        Axes to draw in; the current ones by default.

    Returns
    -------
    Axes
        With a curve for each run, markers for spines, and dashed what one hazard rate for all would give. Runs in
        which none was eliminated have no curve.

    Raises
    ------
    TypeError, ValueError
        If there are no logs, or more than can be told apart, or a run has no connection in its middle.
    """
    axes = axes_of(ax)
    if not isinstance(logs, Mapping) or not 1 <= len(logs) <= len(COLOURS):
        raise ValueError(f"logs must be a mapping of 1 to {len(COLOURS)} names to logs, got {logs!r}.")
    latest = 4.0
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        curve = survival_in(log_of(log), "steps")
        unit, shown = half_life_at_one_rate(curve), curve.time > 0
        if not 0 < unit < math.inf:  # None was eliminated.
            continue
        label = literal(name) + (" (half-life extrapolated)" if curve.probability[-1] > 0.5 else "")
        axes.step(curve.time[shown] / unit, 100 * curve.probability[shown], where="post", color=colour, label=label)
    for (name, (times, shares)), marker in zip(brains_in_half_lives().items(), MARKERS, strict=False):
        label = f"{name}\n(half-life extrapolated)"
        axes.plot(times, 100 * np.array(shares), marker, color="0.4", label=label, markersize=6)
    time = np.geomspace(1e-3, latest, NUM_NULL_POINTS)
    axes.plot(time, 100 * 0.5**time, label="one hazard rate for all", **NULL_STYLE)
    axes.set(xscale="log", xlim=(1e-3, latest), ylim=(0, 100))
    axes.set_xlabel("time (half-lives)")
    axes.set_ylabel("still present (%)")
    legend(axes, loc="lower left")
    return axes
