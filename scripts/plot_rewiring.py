"""Draw what logs of formations and eliminations show, and write a report: a single, self-contained HTML file.

    python -m scripts.plot_rewiring run.rewiring --out DIR
    python -m scripts.plot_rewiring rate=a.rewiring spiking=b.rewiring --out DIR

Several logs, of spiking and rate-based nets alike, are drawn on the same axes. Writes report.html and each figure as
PNG. A log whose run still goes on is read as far as it has been written.
"""

from __future__ import annotations

import glob
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from tqdm import tqdm

from scripts.common import Parser, count
from scripts.interruption import interruptible
from scripts.report import Picture, answers, null_law_note
from scripts.report_page import page
from scripts.results import results
from synaptic_sampling import LogError, RewiringLog, plotting
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting._style import legend, literal, log_if_possible
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = ["main"]

Logs = dict[str, RewiringLog]

#: Name of the figure of all runs.
COMPARISON = "comparison"


def comparison(logs: Logs) -> Picture:
    """Return turnover, survival and weights of all runs.

    Parameters
    ----------
    logs : dict of str to RewiringLog
        By name.

    Returns
    -------
    Picture
        With four panels; what a log does not hold is said in the place of its curve.
    """
    ratios = {id(log): step_ratio(log) for log in logs.values()}
    views: list[tuple[str, Callable[..., Any]]] = [
        ("Turnover", turnover),
        ("Survival of new connections",
         lambda log, ax, **look: plotting.plot_survival(log, ax, step_ratio=ratios[id(log)], **look)),
        ("Weights", lambda log, ax, **look: plotting.plot_weights(log, ax, step_ratio=ratios[id(log)], **look)),
    ]  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.6), layout="constrained")
    draw_or_say(axes[0, 0], "Survival of existing connections", lambda ax: plotting.plot_brains(logs, ax))
    for ax, (title, draw) in zip(axes.flat[1:], views, strict=True):
        draw_or_say(ax, title, partial(overlay, logs, draw=draw))
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    notes = {name: null_law_note(log) for name, log in logs.items()}
    caption = (
        "Top left: survival of the connections present in the middle of a record, with published spine data (grey), "
        "over time in half-lives; a half-life that the record does not reach is extrapolated. The dashed curve is one "
        "hazard rate for all. Top right: connections formed per time. Bottom: survival of new connections with its "
        "95 % band, and weights at the end. Dashed there: the null law (noise and l1 only), in the colour of each run "
        "where the laws differ; of weights in the limit of small steps, and only where that is near."
        + "".join(f" {name}: {note}" for name, note in notes.items() if note)
    )
    return Picture("Comparison of runs", caption, figure)


def turnover(log: RewiringLog, ax: Any, **look: Any) -> None:
    """Draw connections formed per time, on a logarithmic axis where there are any.

    Parameters
    ----------
    log : RewiringLog
        Of a run.
    ax : Axes
        The panel.
    **look
        color and label.
    """
    plotting.plot_turnover(log, ax, **look)
    log_if_possible(ax)


def overlay(logs: Logs, ax: Any, draw: Callable[..., Any]) -> None:
    """Draw several runs in one panel, each in its colour.

    Parameters
    ----------
    logs : dict of str to RewiringLog
        By name.
    ax : Axes
        The panel.
    draw : callable
        Takes a log, the panel, color and label.

    Raises
    ------
    ValueError
        If none of them can be drawn.
    """
    missing, laws = [], []
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        drawn = len(ax.lines)
        try:
            draw(log, ax, color=colour, label=literal(name))
        except (ValueError, LogError) as error:
            missing.append(textwrap.fill(f"{name}: {error}", 42))
        laws += [(line, colour) for line in ax.lines[drawn:] if line.get_gid() == "null law"]
    if len(laws) > 1:
        for line, colour in laws:  # Which run each belongs to.
            line.set_color(colour)
    if len(missing) == len(logs):
        raise ValueError("\n".join(missing))
    look = {"title_fontsize": "x-small", "frameon": True, "edgecolor": "none", "framealpha": 0.7}
    legend(ax, title="\n".join(missing) or None, **look)


def draw_or_say(ax: Any, title: str, draw: Callable[[Any], Any]) -> None:
    """Fill a panel, or say in its place why it is empty: nothing was eliminated, too few snapshots, no such unit.

    Parameters
    ----------
    ax : Axes
        The panel.
    title : str
        Above it.
    draw : callable
        Takes the panel.
    """
    ax.set_title(title, loc="left", fontweight="bold", fontsize="medium")
    try:
        draw(ax)
    except (ValueError, LogError) as error:
        ax.set_axis_off()
        said = "\n".join(textwrap.fill(line, 48) for line in str(error).splitlines())
        # Out of the layout: a long text would leave no room for the other panels.
        ax.text(0, 0.5, said, fontsize="small", transform=ax.transAxes, in_layout=False, parse_math=False)


def panels(name: str, log: RewiringLog) -> Picture:
    """Return eight views of one run.

    Parameters
    ----------
    name : str
        Of the run.
    log : RewiringLog
        Of the run.

    Returns
    -------
    Picture
        With eight panels; what is not in the log is said in the place of its view.
    """
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
    figure, axes = plt.subplots(4, 2, figsize=(9.0, 12.8), layout="constrained")
    for ax, (title, view) in zip(axes.flat, views, strict=True):
        draw_or_say(ax, title, view)
    about = log.sets[index]
    more = f", the largest of {len(log.sets)}" if len(log.sets) > 1 else ""
    signs = "Blue: excitatory connections, orange: inhibitory ones. " if about.signed else ""
    note = null_law_note(log, index)
    law = note or "Dashed: the null law (noise and l1 only), of turnover ratios in the stationary state."
    caption = (
        f"Set {about.name or index}, {about.num_pre} by {about.num_post} neurons{more}. {signs}{law} Dashed, of "
        "in-degrees and of possible connections ever tried: random connectivity. Dotted: weights unrelated to the "
        "initial ones. The trajectory of the weights starts at the circle and ends at the square; noise alone gives "
        "a smooth arch, too. Lags and ages are counted in steps of the rule."
    )
    return Picture(f"{name} in detail", caption, figure)


def _size(log: RewiringLog, index: int) -> int:
    """Return how many connections a set has at the start; -1 where that is not known."""
    try:
        return len(log.wiring(log.first_step, index)[0])
    except LogError:
        return -1


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Read logs, draw, write.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    int
        0; what is wrong ends the script.
    """
    parser = Parser("Draw what logs of formations and eliminations show.")
    parser.add_argument("logs", nargs="+", metavar="[NAME=]LOG", help="files that end in .rewiring")
    parser.add_argument("--film", type=count(2), metavar="N", help="also films of N frames of the matrices, as GIF")
    parser.add_out("results/rewiring")
    given = parser.parse_args(argv)
    try:
        logs = read(given.logs)
    except (LogError, OSError, ValueError) as error:
        parser.refuse("LOG", str(error))
    # A folder of its own: a log that is drawn may be in that of an unfinished run.
    own = "unfinished-report"
    with results(parser, given.out, files(logs), overwrite=given.overwrite, unfinished=own) as folder:
        try:
            write(logs, folder, given.film or 0)
        except LogError as error:
            parser.refuse("LOG", str(error))
    print(f"Wrote {given.out / 'report.html'} and its figures.")
    return 0


def files(names: Iterable[str]) -> list[str]:
    """Return the names of all files that are written.

    Parameters
    ----------
    names : iterable of str
        Of the logs.

    Returns
    -------
    list of str
        The page first; as patterns for ``glob``.
    """
    own = [f"{glob.escape(name)}.{kind}" for name in names for kind in ("png", "gif")]
    return ["report.html", f"{COMPARISON}.png", *own]


def read(named: Sequence[str]) -> Logs:
    """Open logs.

    Parameters
    ----------
    named : sequence of str
        Paths, each perhaps after a name and an equals sign.

    Returns
    -------
    dict of str to RewiringLog
        By name, or by the name of the file.

    Raises
    ------
    LogError
        If one of them is no log.
    ValueError
        If there are more than can be told apart, or two have one name.
    """
    logs: Logs = {}
    for given in named:
        name, _, path = given.rpartition("=")
        name = name or Path(path).stem
        if not name or name == COMPARISON or set(name) & set('/\\:*?"<>|'):
            raise ValueError(f"{name!r} cannot name the figures of a log; name it as in rate={path}.")
        if name in logs:
            raise ValueError(f"two logs are named {name!r}; name them as in rate=a.rewiring spiking=b.rewiring.")
        logs[name] = RewiringLog.open(path)
        if not logs[name].sets:
            raise LogError(f"{path} holds no connections.")
    if len(logs) > len(COLOURS):
        raise ValueError(f"at most {len(COLOURS)} logs can be told apart in one figure, got {len(logs)}.")
    return logs


def write(logs: Logs, out: Path, frames: int = 0) -> None:
    """Write the report and its figures.

    Parameters
    ----------
    logs : dict of str to RewiringLog
        By name.
    out : Path
        The folder.
    frames : int
        Of a film of each connectivity matrix; 0 for none.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs: list[Callable[[], Picture]] = [lambda: comparison(logs)]
    jobs += [lambda name=name, log=log: panels(name, log) for name, log in logs.items()]  # type: ignore[misc]
    pictures, said = [], {}
    with tqdm(total=len(jobs) + len(logs) * (1 + (frames > 0)), unit="part", disable=None) as bar:
        for number, job in enumerate(jobs):
            pictures.append(job())
            name = COMPARISON if number == 0 else list(logs)[number - 1]
            pictures[-1].figure.savefig(out / f"{name}.png", dpi=150)
            bar.update()
        for name, log in logs.items():
            said[name] = answers(log)
            bar.update()
            if frames:
                moving = plotting.animate_connectivity(log, index=min(log.sets), frames=frames)
                moving.save(out / f"{name}.gif", writer="pillow")
                bar.update()
    # A name that came from undecodable bytes is shown by its codes.
    (out / "report.html").write_text(page(logs, pictures, said), encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
