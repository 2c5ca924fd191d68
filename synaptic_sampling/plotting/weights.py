"""How strong connections are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.plotting.style import NULL_STYLE, NUM_NULL_POINTS, axes_of
from synaptic_sampling.statistics.sources import log_of
from synaptic_sampling.statistics.weights import strengths

__all__ = ["plot_weights"]

#: A bar of a histogram that holds fewer is joined with its neighbour: on a logarithmic axis single ones are noise.
LEAST_IN_BAR = 5
#: Fraction of new connections up to which the exponential law of small steps is drawn.
LARGEST_TURNOVER = 0.05


def plot_weights(
    weights: Any, ax: Axes | None = None, *, bins: int = 40, step_ratio: float | None = None, **style: Any
) -> Axes:
    """Draw how strong connections are, in units of their mean.

    Parameters
    ----------
    weights : RewiringLog, an object that has one as ``log``, or array_like
        Of a log the last snapshots are taken.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    bins : int
        Number of bars; those that would hold fewer than five connections are joined with their neighbours.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): draws the exponential law beside it, to which the stationary law without
        a gradient tends with small steps. It is left out where in each step more than one in twenty connections is
        new, with a weight of 0, for which it does not allow.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With the histogram, as a density; the law, which is the same for all, is drawn once per axes.

    Raises
    ------
    ValueError
        If all weights are 0, or the log holds none.
    """
    axes = axes_of(ax)
    logged = isinstance(getattr(weights, "log", weights), RewiringLog)
    values = np.abs(strengths(log_of(weights)) if logged else check_array("weights", weights).astype(float)).ravel()
    if not np.isfinite(values).all():
        raise ValueError(f"weights must be finite, got {values[~np.isfinite(values)][0]}.")
    if not values.any():
        raise ValueError("all weights are 0; take a snapshot after some learning.")
    relative = values / values.mean()
    density, edges = np.histogram(relative, bins=_edges(relative, bins), density=True)
    axes.stairs(density, edges, **{"linewidth": 1.5, "baseline": None, **style})
    axes.set_yscale("log")
    drawn = any(line.get_gid() == "null law" for line in axes.get_lines())
    if step_ratio and exact.turnover_rate(step_ratio) < LARGEST_TURNOVER and not drawn:
        x = np.linspace(0, edges[-1], NUM_NULL_POINTS)
        axes.plot(x, np.exp(-x), gid="null law", **NULL_STYLE)
    axes.set_xlabel("|w| / mean |w|")
    axes.set_ylabel("density")
    return axes


def _edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return edges of bars of equal width, some joined so that each holds enough; the first begins at 0."""
    number = check_integer("bins", bins, minimum=1, maximum=10**6)
    equal = np.linspace(0.0, values.max(), number + 1)
    held = np.histogram(values, equal)[0]
    edges, waiting = [equal[-1]], 0
    for n in reversed(range(number)):  # From the tail, where they are rare.
        waiting += held[n]
        if waiting >= LEAST_IN_BAR or n == 0:
            edges.append(equal[n])
            waiting = 0
    return np.array(edges[::-1])
