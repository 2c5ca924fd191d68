"""The figures of a report: one that compares all runs, and one with the details of each."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from synaptic_sampling import plotting
from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style, legend, literal
from synaptic_sampling.statistics.null_law import step_ratio, why_no_law

__all__ = ["ReportFigure", "comparison", "details"]


class ReportFigure(NamedTuple):
    """A figure with its title and caption."""

    title: str
    caption: str
    figure: Figure


@in_house_style
def comparison(logs: Mapping[str, RewiringLog]) -> ReportFigure:
    """Return four panels with turnover, survival and weights of all runs."""
    ratios = {id(log): step_ratio(log) for log in logs.values()}
    views: list[tuple[str, Callable[..., Any]]] = [
        ("Turnover", partial(plotting.plot_turnover, relative=True)),
        ("Survival of new connections",
         lambda log, ax, **style: plotting.plot_survival(log, ax, step_ratio=ratios[id(log)], **style)),
        ("Weights", lambda log, ax, **style: plotting.plot_weights(log, ax, step_ratio=ratios[id(log)], **style)),
    ]  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.6))
    _fill_panel(axes[0, 0], "Survival of existing connections", lambda ax: plotting.plot_brains(logs, ax))
    for ax, (title, draw) in zip(axes.flat[1:], views, strict=True):
        _fill_panel(ax, title, partial(_overlay, logs, draw=draw))
    notes = {name: _null_law_note(log) for name, log in logs.items()}
    caption = (
        "Top left: survival of the connections present in the middle of each record, with published spine data (grey), "
        "against time in half-lives; half-lives longer than the record are extrapolated. Dashed: one hazard rate for "
        "all. Top right: connections formed, in percent of all. Bottom: survival of new connections with 95 % band, "
        "and weights at the end. Dashed: the null law (noise and l1 only), in the colour of each run if the laws "
        "differ; for weights the limit of small steps, drawn only if it is a good approximation."
        + "".join(f" {name}: {note}" for name, note in notes.items() if note)
    )
    return ReportFigure("Comparison of runs", caption, figure)


def _overlay(logs: Mapping[str, RewiringLog], ax: Any, draw: Callable[..., Any]) -> None:
    """Draw several runs in one panel, each in its colour."""
    missing = []
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        try:
            draw(log, ax, color=colour, label=literal(name))
        except (ValueError, LogError) as error:
            missing.append(textwrap.fill(f"{name}: {error}", 42))
    if len(missing) == len(logs):
        raise ValueError("\n".join(missing))
    options = {"title_fontsize": "x-small", "frameon": True, "edgecolor": "none", "framealpha": 0.7}
    legend(ax, title="\n".join(missing) or None, **options)


def _fill_panel(ax: Any, title: str, draw: Callable[[Any], Any]) -> None:
    """Fill a panel, or state in its place why it is empty."""
    ax.set_title(title)
    try:
        draw(ax)
    except (ValueError, LogError) as error:
        ax.set_axis_off()
        said = "\n".join(textwrap.fill(line, 48) for line in str(error).splitlines())
        # Not part of the layout: a long text would leave no space for the other panels.
        ax.text(0, 0.5, said, fontsize="small", transform=ax.transAxes, in_layout=False, parse_math=False)


@in_house_style
def details(name: str, log: RewiringLog) -> ReportFigure:
    """Return eight panels on one run."""
    index = max(log.sets, key=partial(_size, log))
    ratio = step_ratio(log, index)
    views: list[tuple[str, Callable[[Any], Any]]] = [
        ("Turnover ratio against lag", lambda ax: plotting.plot_turnover_ratio(log, ax, step_ratio=ratio, index=index)),
        ("Hazard rate by age", lambda ax: plotting.plot_lifetimes(log, ax, step_ratio=ratio, index=index)),
        ("In-degrees at the end", lambda ax: plotting.plot_degrees(log, ax, index=index)),
        ("Connections formed and eliminated", lambda ax: plotting.plot_connectivity(log, ax, index=index)),
        ("Connectivity at the end", lambda ax: plotting.plot_matrix(log, None, ax, index=index)),
        ("Possible connections ever tried", lambda ax: plotting.plot_visited(log, ax, index=index)),
        ("Distance from the initial weights", lambda ax: plotting.plot_drift(log, ax, index=index)),
        ("PCA trajectory of the weights", lambda ax: plotting.plot_trajectory(log, ax, index=index)),
    ]
    figure, axes = plt.subplots(4, 2, figsize=(9.0, 12.8))
    for ax, (title, view) in zip(axes.flat, views, strict=True):
        _fill_panel(ax, title, view)
    about = log.sets[index]
    more = f", the largest of {len(log.sets)}" if len(log.sets) > 1 else ""
    signs = "Blue: excitatory connections, orange: inhibitory ones. " if about.signed else ""
    note = _null_law_note(log, index)
    law = (
        note
        or "Dashed in the first row: the null law (noise and l1 only), for turnover ratios in the stationary state."
    )
    caption = (
        f"Set {about.name or index}, {about.num_pre} by {about.num_post} neurons{more}. {signs}Bars of turnover "
        f"ratios: standard deviation over ten starting times; band of hazard rates: 95 % intervals. {law} Dashed, for "
        "in-degrees and possible connections ever tried: random connectivity. Dotted: weights orthogonal to the "
        "initial ones. The PCA trajectory runs from the circle to the square; noise alone also gives a smooth arch. "
        "Lags and ages are in steps of the rule."
    )
    return ReportFigure(f"{name} in detail", caption, figure)


def _size(log: RewiringLog, index: int) -> int:
    """Return how many connections a set has at the start; -1 where that is not known."""
    try:
        return len(log.wiring(log.first_step, index)[0])
    except LogError:
        return -1


def _null_law_note(log: RewiringLog, index: int | None = None) -> str:
    """Return a sentence for the caption if no null law is drawn: why not."""
    reason = why_no_law(log, index)
    return f"No exact null law is known here: {reason}." if reason else ""
