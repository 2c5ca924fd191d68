"""Figures of degrees, and of the changes of the weights over snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from synaptic_sampling._checks import check_choice, check_index
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.plotting.style import axes_of, legend, plot_law
from synaptic_sampling.statistics.drift import drift, principal_components
from synaptic_sampling.statistics.sources import Source, log_of
from synaptic_sampling.statistics.topology import degrees

__all__ = ["plot_degrees", "plot_drift", "plot_trajectory"]


def plot_degrees(
    log: Source, ax: Axes | None = None, *, step: int | None = None, side: str = "post", index: int = 0, **style: Any
) -> Axes:
    """Plot the degree distribution, with its law for random connectivity.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    step : int, optional
        The step after which it is drawn; the last one by default.
    side : {'post', 'pre'}
        In-degrees or out-degrees.
    index : int
        Index of the set.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With a histogram, as fractions of the neurons. Dashed: the law for random connectivity among all pairs of
        neurons, with or without autapses; not drawn if other pairs are excluded.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the log does not describe the set, or ``side`` is unknown.
    """
    record, axes = log_of(log), axes_of(ax)
    check_choice("side", side, ("pre", "post"))
    if check_index(index) not in record.sets:
        raise ValueError(f"the log does not describe set {index}; its sets are {sorted(record.sets)}.")
    about, (pre, post, _) = record.sets[index], record.wiring(step, index)
    ends, number, others = (
        (post, about.num_post, about.num_pre) if side == "post" else (pre, about.num_pre, about.num_post)
    )
    found = degrees(ends, number)
    held = np.bincount(found)
    # About thirty bars; they are wider if degrees are large.
    width = max(1, -(-len(held) // 30))
    sums = np.add.reduceat(held, np.arange(0, len(held), width))
    edges = np.arange(len(sums) + 1) * width - 0.5
    axes.stairs(sums / number / width, edges, **{"linewidth": 1.5, **style})
    # Without autapses each neuron has one partner less; which neurons other exclusions concern is not known.
    partners = {about.num_pre * about.num_post: others}
    if about.num_pre == about.num_post:
        partners[others * (others - 1)] = others - 1
    if not about.multapses and about.num_sites in partners:
        law = wiring_laws.degree_law(about.num_sites, partners[about.num_sites], len(pre))[: len(held) + width]
        plot_law(axes, np.arange(len(law)), law, name="random connectivity")
    axes.set_xlabel(f"{'in' if side == 'post' else 'out'}-degree")
    axes.set_ylabel("fraction of neurons")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def plot_trajectory(log: Source, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Plot the trajectory of all weights in their first two principal components.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With at least three snapshots.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: color, ...

    Returns
    -------
    Axes
        With a line from a circle (start) to a square (end); dots are snapshots.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If there are too few snapshots.
    """
    record, axes = log_of(log), axes_of(ax)
    number = len(record.snapshot_steps(index))
    if number < 3:
        raise ValueError(
            f"a trajectory requires at least three snapshots, the log has {number}; take more during the run."
        )
    trajectory = principal_components(record, index)
    x, y = trajectory.position[:, 0], trajectory.position[:, 1]
    (line,) = axes.plot(x, y, **{"linewidth": 1.0, "marker": "o", "markersize": 2.5, **style})
    for place, marker in ((0, "o"), (-1, "s")):
        axes.plot(x[place], y[place], marker, color=line.get_color(), markersize=7, markeredgecolor="white")
    axes.set_xlabel(f"first component ({100 * trajectory.explained[0]:.0f} % of the variance)")
    axes.set_ylabel(f"second component ({100 * trajectory.explained[1]:.0f} %)")
    return axes


def plot_drift(log: Source, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Plot the distance of all weights from those of the first snapshot.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With at least two snapshots.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the Euclidean distance between the vectors of all weights, which are 0 where there is no connection.
        Dotted: the distance of weights of the same norm that are orthogonal to the initial ones. When the curve reaches
        it, no more than chance similarity to the start remains.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If there are too few snapshots, or the log contains no weights.
    """
    record, axes = log_of(log), axes_of(ax)
    number = len(record.snapshot_steps(index))
    if number < 2:
        raise ValueError(f"a distance requires at least two snapshots, the log has {number}; take more during the run.")
    found = drift(record, index)
    apart = np.hypot(found.norm[0], found.norm)
    (line,) = axes.plot(found.step, found.from_start, **{"linewidth": 1.2, "marker": "o", "markersize": 3, **style})
    axes.plot(found.step, apart, ":", color=line.get_color(), linewidth=1.2, label="orthogonal to the initial weights")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("distance from the initial weights\n(units of the weights)")
    legend(axes, loc="lower right")
    return axes
