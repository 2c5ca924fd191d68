"""Survival of existing connections, of runs and in vivo, against time in half-lives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from synaptic_sampling.plotting.style import COLOURS, NULL_STYLE, NUM_NULL_POINTS, axes_of, legend, literal, plain_ticks
from synaptic_sampling.statistics.biology import Observation, published, stays_after
from synaptic_sampling.statistics.comparison import half_life_at_one_rate, survival_in
from synaptic_sampling.statistics.lifetables import halved
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["brains_in_half_lives", "plot_brains"]

MARKERS = ("D", "^", "v", "P", "X", "*")


def brains_in_half_lives() -> dict[str, tuple[list[float], list[float]]]:
    """Return the survival of spines against time in half-lives, for preparations imaged over two or more intervals.

    The half-life is extrapolated from the longest interval, assuming one hazard rate for all. Its own point would lie
    on 2**-t by construction, and is left out. Shorter intervals show whether there is one rate: then they lie on 2**-t;
    if some spines are eliminated early and others persist, they lie below.

    Returns
    -------
    dict of str to (times, fractions)
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
        fractions = [float(np.mean([stays_after(row, day) for row in own if row.days == day])) for day in days]
        unit = days[-1] * math.log(2) / -math.log(fractions[-1])
        found[name] = [day / unit for day in days[:-1]], fractions[:-1]
    return found


def plot_brains(logs: Mapping[str, Source], ax: Axes | None = None) -> Axes:
    """Plot the survival of existing connections, of several runs and of spines in vivo, against time in half-lives.

    Parameters
    ----------
    logs : mapping of str to RewiringLog, or to objects that have one as ``log``
        By name. Each run is followed from the middle of its record on. If fewer than half of its connections are
        eliminated, the half-life is extrapolated from the fraction at the end, as for spines; the label says so.
    ax : Axes, optional
        Axes to draw in; the current ones by default.

    Returns
    -------
    Axes
        With a curve for each run, markers for spines, and a dashed curve for one hazard rate for all. Runs in which no
        connection is eliminated have no curve.

    Raises
    ------
    TypeError, ValueError
        If there are no logs or too many to distinguish, or a run has no connections in the middle of its record.
    """
    axes = axes_of(ax)
    if not isinstance(logs, Mapping) or not 1 <= len(logs) <= len(COLOURS):
        raise ValueError(f"logs must be a mapping of 1 to {len(COLOURS)} names to logs, got {logs!r}.")
    latest = 4.0
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        curve = survival_in(log_of(log), "steps")
        unit, shown = half_life_at_one_rate(curve), curve.time > 0
        if not 0 < unit < math.inf:  # No connection was eliminated.
            continue
        label = literal(name) + ("" if halved(curve.probability[-1]) else " (half-life extrapolated)")
        axes.step(curve.time[shown] / unit, 100 * curve.probability[shown], where="post", color=colour, label=label)
    for (name, (times, fractions)), marker in zip(brains_in_half_lives().items(), MARKERS, strict=False):
        label = f"{name}\n(half-life extrapolated)"
        axes.plot(times, 100 * np.array(fractions), marker, color="0.4", label=label, markersize=6)
    time = np.geomspace(1e-3, latest, NUM_NULL_POINTS)
    axes.plot(time, 100 * 0.5**time, label="one hazard rate for all", **NULL_STYLE)
    axes.set(xscale="log", xlim=(1e-3, latest), ylim=(0, 100))
    plain_ticks(axes.xaxis)
    axes.set_xlabel("time (half-lives)")
    axes.set_ylabel("still present (%)")
    legend(axes, loc="lower left")
    return axes
