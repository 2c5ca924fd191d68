"""How connections are spread over neurons, and where the weights wander."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from synaptic_sampling._checks import check_choice, check_index
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.plotting.style import NULL_STYLE, axes_of, legend
from synaptic_sampling.statistics.drift import drift, principal_components
from synaptic_sampling.statistics.sources import log_of
from synaptic_sampling.statistics.topology import degrees

__all__ = ["plot_degrees", "plot_drift", "plot_trajectory"]


def plot_degrees(
    log: Any, ax: Axes | None = None, *, step: int | None = None, side: str = "post", index: int = 0, **style: Any
) -> Axes:
    """Draw how many neurons have how many connections, beside the law of random wiring.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        That describes the set.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    step : int, optional
        After which step; the last one by default.
    side : {'post', 'pre'}
        In-degrees or out-degrees.
    index : int
        Index of the set.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With the histogram as fractions of the neurons. Dashed: the law of wiring at random among all pairs of neurons,
        autapses included or not; not drawn where other pairs are excluded.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the log does not describe the set, or ``side`` is another.
    """
    record, axes = log_of(log), axes_of(ax)
    check_choice("side", side, ("pre", "post"))
    if check_index(index) not in record.sets:
        raise ValueError(f"the log does not describe set {index}; it knows {sorted(record.sets)}.")
    about, (pre, post, _) = record.sets[index], record.wiring(step, index)
    ends, number, others = (
        (post, about.num_post, about.num_pre) if side == "post" else (pre, about.num_pre, about.num_post)
    )
    found = degrees(ends, number)
    held = np.bincount(found)
    # About thirty bars: wider ones where degrees are large.
    width = max(1, -(-len(held) // 30))
    sums = np.add.reduceat(held, np.arange(0, len(held), width))
    edges = np.arange(len(sums) + 1) * width - 0.5
    axes.stairs(sums / number / width, edges, **{"linewidth": 1.5, **style})
    # Excluded autapses take one partner from each neuron; of other exclusions it is not known whom they concern.
    partners = {about.num_pre * about.num_post: others}
    if about.num_pre == about.num_post:
        partners[others * (others - 1)] = others - 1
    if not about.multapses and about.num_sites in partners:
        law = wiring_laws.degree_law(about.num_sites, partners[about.num_sites], len(pre))[: len(held) + width]
        axes.plot(np.arange(len(law)), law, gid="null law", **NULL_STYLE)
    axes.set_xlabel(f"{'in' if side == 'post' else 'out'}-degree")
    axes.set_ylabel("fraction of neurons")
    return axes


def plot_trajectory(log: Any, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Draw the trajectory of all weights together in their first two principal components.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With three snapshots or more.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: color, ...

    Returns
    -------
    Axes
        With a line from a circle at the start to a square at the end; dots are snapshots.

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
            f"a trajectory needs three snapshots or more, the log has {number}; take some while the run goes on."
        )
    way = principal_components(record, index)
    x, y = way.position[:, 0], way.position[:, 1]
    (line,) = axes.plot(x, y, **{"linewidth": 1.0, "marker": "o", "markersize": 2.5, **style})
    for place, marker in ((0, "o"), (-1, "s")):
        axes.plot(x[place], y[place], marker, color=line.get_color(), markersize=7, markeredgecolor="white")
    axes.set_xlabel(f"first component ({100 * way.explained[0]:.0f} % of the variance)")
    axes.set_ylabel(f"second component ({100 * way.explained[1]:.0f} %)")
    return axes


def plot_drift(log: Any, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Draw how far all weights together have moved away from those of the first snapshot.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With two snapshots or more.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the Euclidean distance between the vectors of all weights, 0 where there is no connection. Dotted: that of
        weights of the same strength that have nothing in common with the first (at right angles): once the curve is
        there, no more is left of the start than by chance.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If there are too few snapshots, or the log holds no weights.
    """
    record, axes = log_of(log), axes_of(ax)
    number = len(record.snapshot_steps(index))
    if number < 2:
        raise ValueError(f"drift needs two snapshots or more, the log has {number}; take some while the run goes on.")
    found = drift(record, index)
    apart = np.hypot(found.norm[0], found.norm)
    (line,) = axes.plot(found.step, found.from_start, **{"linewidth": 1.2, "marker": "o", "markersize": 3, **style})
    axes.plot(found.step, apart, ":", color=line.get_color(), linewidth=1.2, label="nothing in common")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("distance from the first weights\n(units of the weights)")
    legend(axes, loc="lower right")
    return axes
