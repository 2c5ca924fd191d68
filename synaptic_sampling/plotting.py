"""One function per picture: a log or arrays in, matplotlib axes out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from synaptic_sampling.log import RewiringLog
from synaptic_sampling.statistics import exact
from synaptic_sampling.statistics.survival import survival_of_newborns
from synaptic_sampling.statistics.turnover import rewired_per_samples, rewired_per_second
from synaptic_sampling.statistics.weights import strengths

__all__ = ["plot_accuracy", "plot_survival", "plot_turnover", "plot_weights"]

#: Chance alone, in every picture.
NULL_STYLE: dict[str, Any] = {"color": "0.35", "linestyle": (0, (4, 2)), "linewidth": 1.2, "zorder": 1}
NUM_NULL_POINTS = 400


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
    later = curve.time > 0  # No logarithm shows time 0.
    time, low, high = curve.time[later], curve.low[later], curve.high[later]
    (line,) = axes.step(time, curve.probability[later], where="post", **style)
    axes.fill_between(time, low, high, step="post", color=line.get_color(), alpha=0.25, linewidth=0)
    if step_ratio is not None:
        steps = int(curve.time[-1])
        law = exact.survival_of_newborns(step_ratio, min(steps, 20_000))
        shown = np.unique(np.geomspace(1, len(law) - 1, NUM_NULL_POINTS).astype(int))
        axes.plot(shown, law[shown], **{**NULL_STYLE, "color": line.get_color()})
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
        Number of bars.
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
    density, edges = np.histogram(relative, bins=bins, density=True)
    axes.stairs(density, edges, **{"linewidth": 1.5, **style})
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


def _axes(ax: Axes | None) -> Axes:
    return plt.gca() if ax is None else ax


def _log_of(source: Any) -> RewiringLog:
    log = source if isinstance(source, RewiringLog) else getattr(source, "log", None)
    if not isinstance(log, RewiringLog):
        raise TypeError(f"a RewiringLog is needed, or an object with one as its log; got {source!r}.")
    return log
