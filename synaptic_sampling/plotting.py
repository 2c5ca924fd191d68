"""One function per picture: a log or arrays in, matplotlib axes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.statistics import exact
from synaptic_sampling.statistics.survival import survival_of_newborns
from synaptic_sampling.statistics.turnover import rewired_per_samples, rewired_per_second
from synaptic_sampling.statistics.weights import strengths

__all__ = ["COLOURS", "Run", "plot_accuracy", "plot_comparison", "plot_survival", "plot_turnover", "plot_weights"]

#: Colours that people with any vision can tell apart (Okabe and Ito 2008), the strongest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: Chance alone, in every picture.
NULL_STYLE: dict[str, Any] = {"color": "0.15", "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 3}
NUM_NULL_POINTS = 400
#: A bar of a histogram that holds fewer is joined with its neighbour: on a logarithmic axis single ones are noise.
LEAST_IN_BAR = 5


class Run(NamedTuple):
    """What `plot_comparison` shows of a run; what is None is left out.

    Attributes
    ----------
    log : RewiringLog, or an object that has one as ``log``
        Births and deaths, and a snapshot at the end.
    samples, accuracy : array_like, optional
        As for `plot_accuracy`.
    step_ratio : float, optional
        As for `plot_survival`.
    """

    log: Any
    samples: ArrayLike | None = None
    accuracy: ArrayLike | None = None
    step_ratio: float | None = None


def plot_turnover(log: Any, ax: Axes | None = None, *, per: float = 1000.0, bins: int = 40, **style: Any) -> Axes:
    """Draw how many connections are rewired over time.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With presented samples, or else seconds, in its times.
    ax : Axes, optional
        Where to draw; the current axes by default.
    per : float
        Samples per which births are counted; without samples in the log they are counted per second.
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
        If the log has neither samples nor seconds.
    """
    record, axes = _log_of(log), _axes(ax)
    if np.isfinite(record.times["samples"]).all():
        curve, unit = rewired_per_samples(record, per, bins=bins), f"per {per:g} samples"
        axes.set_xlabel("presented samples")
    else:
        curve, unit = rewired_per_second(record, bins=bins), "per second"
        axes.set_xlabel("time (s)")
    axes.plot(curve.time, curve.rate, **style)
    axes.set_ylabel(f"connections rewired\n{unit}")
    return axes


def plot_survival(
    log: Any, ax: Axes | None = None, *, step_ratio: float | None = None, from_step: int = 0, **style: Any
) -> Axes:
    """Draw how long newborn connections live (Kaplan-Meier, with its 95 % band).

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With births and deaths.
    ax : Axes, optional
        Where to draw; the current axes by default.
    step_ratio : float, optional
        r of the rule (``DeepR.step_ratio``): draws the exact law of chance alone beside it.
    from_step : int
        Births until then do not count.
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
        If none was born.
    """
    record, axes = _log_of(log), _axes(ax)
    curve = survival_of_newborns(record, from_step=from_step)
    shown = (curve.time > 0) & (curve.probability > 0)  # No logarithm shows 0.
    time, low, high = curve.time[shown], curve.low[shown], curve.high[shown]
    (line,) = axes.step(time, curve.probability[shown], where="post", **style)
    axes.fill_between(time, low, high, step="post", color=line.get_color(), alpha=0.25, linewidth=0)
    if step_ratio is not None:
        law = exact.survival_of_newborns(step_ratio, min(int(curve.time[-1]), 20_000))
        steps = np.unique(np.geomspace(1, len(law) - 1, NUM_NULL_POINTS).astype(int))
        steps = steps[law[steps] > low.min() / 2]  # Far below the data it would only stretch the axis.
        axes.plot(steps, law[steps], gid="null law", drawstyle="steps-post", **NULL_STYLE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("steps since birth")
    axes.set_ylabel("share still alive")
    return axes


def plot_weights(weights: Any, ax: Axes | None = None, *, bins: int = 40, **style: Any) -> Axes:
    """Draw how strong connections are, in units of their mean, beside the exponential law of chance alone.

    Parameters
    ----------
    weights : RewiringLog, an object that has one as ``log``, or array_like
        Of a log the last snapshots are taken.
    ax : Axes, optional
        Where to draw; the current axes by default.
    bins : int
        Number of bars; those that would hold fewer than five connections are joined with their neighbours.
    **style
        For ``Axes.stairs``: label, color, ...

    Returns
    -------
    Axes
        With the histogram, as a density; the law is drawn once per axes.

    Raises
    ------
    ValueError
        If all weights are 0.
    """
    axes = _axes(ax)
    logged = isinstance(getattr(weights, "log", weights), RewiringLog)
    values = np.abs(strengths(_log_of(weights)) if logged else np.asarray(weights, float)).ravel()
    if not values.any():
        raise ValueError("all weights are 0; take a snapshot after some learning.")
    relative = values / values.mean()
    density, edges = np.histogram(relative, bins=_edges(relative, bins), density=True)
    axes.stairs(density, edges, **{"linewidth": 1.5, "baseline": None, **style})
    axes.set_yscale("log")
    if not any(line.get_gid() == "null law" for line in axes.get_lines()):
        x = np.linspace(0, edges[-1], NUM_NULL_POINTS)
        axes.plot(x, np.exp(-x), gid="null law", **NULL_STYLE)
    axes.set_xlabel("|w| / mean |w|")
    axes.set_ylabel("density")
    return axes


def plot_accuracy(samples: ArrayLike, accuracy: ArrayLike, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw accuracy over presented samples.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Presented so far.
    accuracy : array_like, shape (n,) or (runs, n)
        0 to 1; of several runs the mean is drawn, and the range as a band.
    ax : Axes, optional
        Where to draw; the current axes by default.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the curve, in percent.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    axes, x, y = _axes(ax), np.asarray(samples, float), 100 * np.atleast_2d(np.asarray(accuracy, float))
    if y.shape[1:] != x.shape:
        raise ValueError(f"accuracy must have shape ({len(x)},) or (runs, {len(x)}), got {np.shape(accuracy)}.")
    (line,) = axes.plot(x, y.mean(axis=0), **style)
    if len(y) > 1:
        axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xlabel("presented samples")
    axes.set_ylabel("test accuracy (%)")
    return axes


def plot_comparison(runs: Mapping[str, Run], axes: Any = None, *, per: float = 1000.0, bins: int = 40) -> Any:
    """Draw learning, turnover, survival and weights of several runs, each in the same four panels.

    Parameters
    ----------
    runs : mapping of str to Run
        By name, for example ``{'rate-based': Run(...), 'spiking': Run(...)}``; each gets a colour of its own. Where
        the wiring was fixed, there is nothing to see of it in two of the panels.
    axes : array of 4 Axes, optional
        Where to draw; a new figure by default.
    per, bins : float, int
        As for `plot_turnover`.

    Returns
    -------
    ndarray of Axes, shape (2, 2)
        Learning, turnover; survival, weights. The figure is ``axes[0, 0].figure``.

    Raises
    ------
    TypeError, ValueError
        If there are no runs, more than there are colours, or one of them cannot be drawn.
    """
    if not 1 <= len(runs) <= len(COLOURS):
        raise ValueError(f"1 to {len(COLOURS)} runs can be told apart, got {len(runs)}.")
    if axes is None:
        _, axes = plt.subplots(2, 2, figsize=(9.0, 6.6), layout="constrained")
    panels = np.asarray(axes, object).reshape(2, 2)
    learning, turnover, survival, weights = panels.flat
    for (name, run), colour in zip(runs.items(), COLOURS, strict=False):
        look: dict[str, Any] = {"color": colour, "label": name}
        if run.samples is not None and run.accuracy is not None:
            plot_accuracy(run.samples, run.accuracy, learning, **look)
        if _log_of(run.log).num_births:
            plot_turnover(run.log, turnover, per=per, bins=bins, **look)
            plot_survival(run.log, survival, step_ratio=run.step_ratio, **look)
            turnover.set_yscale("log", nonpositive="mask")
        plot_weights(run.log, weights, **look)
    for ax, title in zip(panels.flat, ("Learning", "Rewiring", "Survival of newborns", "Weights"), strict=True):
        ax.set_title(title, loc="left", fontweight="bold", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        handles, labels = ax.get_legend_handles_labels()
        null = [line for line in ax.get_lines() if line.get_gid() == "null law"][:1]
        if handles:
            ax.legend([*handles, *null], [*labels, *["chance alone"] * len(null)], frameon=False, fontsize="small")
    return panels


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


def _axes(ax: Axes | None) -> Axes:
    return plt.gca() if ax is None else ax


def _log_of(source: Any) -> RewiringLog:
    log = source if isinstance(source, RewiringLog) else getattr(source, "log", None)
    if not isinstance(log, RewiringLog):
        raise TypeError(f"a RewiringLog is needed, or an object with one as its log; got {source!r}.")
    return log
