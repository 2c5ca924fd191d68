"""Figures of the distribution of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.plotting.style import LAW, NUM_NULL_POINTS, axes_of, plain_ticks, plot_law
from synaptic_sampling.statistics.sources import Source
from synaptic_sampling.statistics.weights import strengths

__all__ = ["plot_weights"]

#: Fewest connections in a bar; smaller bars are merged with their neighbours, since single counts are noise.
LEAST_IN_BAR = 5
#: Largest fraction of new connections for which the exponential law of small steps is drawn.
LARGEST_TURNOVER = 0.05


def plot_weights(
    weights: Source | ArrayLike,
    ax: Axes | None = None,
    *,
    bins: int = 40,
    step_ratio: float | None = None,
    **style: Any,
) -> Axes:
    """Plot the distribution of weights, in units of their mean.

    Parameters
    ----------
    weights : RewiringLog, an object that has one as ``log``, or array_like
        For a log, the last snapshots are used.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    bins : int
        Number of bars; those with fewer than five connections are merged with their neighbours.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): also plots the exponential law, to which the stationary null law tends for
        small steps. It is left out if more than one in twenty connections are new in each step, with weight 0, for
        which it does not account.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With the histogram, as a density; the law, which is the same for all runs, is drawn once per axes.

    Raises
    ------
    ValueError
        If all weights are 0, or the log contains none.
    """
    axes = axes_of(ax)
    log = getattr(weights, "log", weights)
    given = strengths(log) if isinstance(log, RewiringLog) else check_array("weights", weights).astype(float)
    values = np.abs(given).ravel()
    if not np.isfinite(values).all():
        raise ValueError(f"weights must be finite, got {values[~np.isfinite(values)][0]}.")
    if not values.any():
        raise ValueError("all weights are 0; take a snapshot after some training.")
    relative = values / values.mean()
    density, edges = np.histogram(relative, bins=_edges(relative, bins), density=True)
    axes.stairs(density, edges, **{"linewidth": 1.5, "baseline": None, **style})
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    drawn = any(line.get_gid() == LAW for line in axes.get_lines())
    if step_ratio and exact.turnover_rate(step_ratio) < LARGEST_TURNOVER and not drawn:
        x = np.linspace(0, edges[-1], NUM_NULL_POINTS)
        plot_law(axes, x, np.exp(-x))
    axes.set_xlabel("|w| / mean |w|")
    axes.set_ylabel("density")
    return axes


def _edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return edges of bars of equal width, some merged so that each has enough counts; the first starts at 0."""
    number = check_integer("bins", bins, minimum=1, maximum=10**6)
    equal = np.linspace(0.0, values.max(), number + 1)
    held = np.histogram(values, equal)[0]
    edges, waiting = [equal[-1]], 0
    for n in reversed(range(number)):  # From the tail, where counts are small.
        waiting += held[n]
        if waiting >= LEAST_IN_BAR or n == 0:
            edges.append(equal[n])
            waiting = 0
    return np.array(edges[::-1])
