"""Comparison of several runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_array
from synaptic_sampling.plotting.style import COLOURS, axes_of, legend, literal
from synaptic_sampling.plotting.survival import plot_survival
from synaptic_sampling.plotting.turnover import plot_turnover
from synaptic_sampling.plotting.weights import plot_weights
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["Run", "plot_accuracy", "plot_comparison"]


class Run(NamedTuple):
    """Data of a run for `plot_comparison`; None if unavailable.

    Attributes
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations, eliminations, and a snapshot at the end.
    samples, accuracy : array_like, optional
        As for `plot_accuracy`.
    step_ratio : float, optional
        As for `plot_survival`.
    """

    log: Source
    samples: ArrayLike | None = None
    accuracy: ArrayLike | None = None
    step_ratio: float | None = None


def plot_accuracy(samples: ArrayLike, accuracy: ArrayLike, ax: Axes | None = None, **style: Any) -> Axes:
    """Plot accuracy against presented samples.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Number of samples presented so far.
    accuracy : array_like, shape (n,) or (runs, n)
        0 to 1; for several runs, the mean is drawn, with the range as a band.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    **style
        For ``Axes.plot``: label, color, ...

    Returns
    -------
    Axes
        With the curve, in percent.

    Raises
    ------
    ValueError
        If the shapes do not agree.
    """
    axes, x = axes_of(ax), check_array("samples", samples).astype(float)
    y = 100 * np.atleast_2d(check_array("accuracy", accuracy).astype(float))
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"samples must be a vector of finite numbers, got {samples!r}.")
    if y.shape[1:] != x.shape:
        raise ValueError(f"accuracy must have shape ({len(x)},) or (runs, {len(x)}), got {np.shape(accuracy)}.")
    (line,) = axes.plot(x, y.mean(axis=0), **style)
    if len(y) > 1:
        axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xlabel("presented samples")
    axes.set_ylabel("test accuracy (%)")
    return axes


def plot_comparison(runs: Mapping[str, Run], axes: Any = None, *, per: float = 1000.0, bins: int = 40) -> Any:
    """Plot learning, turnover, survival and weights of several runs in four common panels.

    Parameters
    ----------
    runs : mapping of str to Run
        By name, for example ``{'rate-based': Run(...), 'spiking': Run(...)}``; each has its own colour. Runs with fixed
        connectivity do not appear in the panels on turnover and survival.
    axes : array of 4 Axes, optional
        Axes to draw in; a new figure by default.
    per, bins : float, int
        As for `plot_turnover`.

    Returns
    -------
    ndarray of Axes, shape (2, 2)
        Learning, turnover; survival, weights. The figure is ``axes[0, 0].figure``.

    Raises
    ------
    TypeError, ValueError
        If there are no runs, more than colours, or one of them cannot be drawn.
    """
    if not isinstance(runs, Mapping):
        raise TypeError(f"runs must be a mapping of names to Run, got {runs!r}.")
    if not 1 <= len(runs) <= len(COLOURS):
        raise ValueError(f"runs must contain 1 to {len(COLOURS)} runs, which can be distinguished, got {len(runs)}.")
    if axes is None:
        _, axes = plt.subplots(2, 2, figsize=(9.0, 6.6), layout="constrained")
    panels = np.asarray(axes, object)
    if panels.size != 4 or not all(isinstance(ax, Axes) for ax in panels.flat):
        raise TypeError(f"axes must be an array of 4 Axes, got {axes!r}.")
    panels = panels.reshape(2, 2)
    learning, turnover, survival, weights = panels.flat
    for (name, run), colour in zip(runs.items(), COLOURS, strict=False):
        style: dict[str, Any] = {"color": colour, "label": literal(name)}
        if run.samples is not None and run.accuracy is not None:
            plot_accuracy(run.samples, run.accuracy, learning, **style)
        if log_of(run.log).num_births:
            plot_turnover(run.log, turnover, per=per, bins=bins, relative=True, **style)
            plot_survival(run.log, survival, step_ratio=run.step_ratio, **style)
        plot_weights(run.log, weights, step_ratio=run.step_ratio, **style)
    for ax, title in zip(panels.flat, ("Learning", "Turnover", "Survival of new connections", "Weights"), strict=True):
        ax.set_title(title, loc="left", fontweight="bold", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        if ax.get_legend_handles_labels()[0]:
            legend(ax)
    return panels
