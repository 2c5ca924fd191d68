"""Draw everything that a log of births and deaths tells, and write it into one page that can be mailed.

    python -m scripts.plot_rewiring run.rewiring --out DIR
    python -m scripts.plot_rewiring rate=a.rewiring spiking=b.rewiring --out DIR

Several logs, of spiking and rate-based nets alike, stand in the same pictures. Writes report.html, which needs nothing
else, and each picture as PNG. A log whose run still goes on is read as far as it has got.
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
from scripts.report import Picture, answers, page, step_ratio
from scripts.results import results
from synaptic_sampling import LogError, RewiringLog, plotting
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting._style import legend

__all__ = ["main"]

Logs = dict[str, RewiringLog]

#: Name of the picture of all runs.
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
    views: list[tuple[str, Callable[..., Any]]] = [
        ("Rewiring", rewiring),
        ("Survival of newborns",
         lambda log, ax, **look: plotting.plot_survival(log, ax, step_ratio=step_ratio(log), **look)),
        ("Weights", plotting.plot_weights),
    ]  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.6), layout="constrained")
    draw_or_say(axes[0, 0], "What stays, beside brains", lambda ax: plotting.plot_brains(logs, ax))
    for ax, (title, draw) in zip(axes.flat[1:], views, strict=True):
        draw_or_say(ax, title, partial(overlay, logs, draw=draw))
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    caption = (
        "Top left: what is there in the middle of a record, over time in half-lives; grey: spines in brains that were "
        "watched for two times. Top right: births per time. Bottom: how long newborns live, and how strong connections "
        "are at the end. Dashed: chance alone, for DEEP R without a gradient, where rules differ in the colour of each."
    )
    return Picture("Runs beside each other", caption, figure)


def rewiring(log: RewiringLog, ax: Any, **look: Any) -> None:
    """Draw births per time, on a logarithmic axis where there are any.

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
    if log.num_births:
        ax.set_yscale("log", nonpositive="mask")


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
            draw(log, ax, color=colour, label=name)
        except ValueError as error:
            missing.append(textwrap.fill(f"{name}: {error}", 42))
        laws += [(line, colour) for line in ax.lines[drawn:] if line.get_gid() == "null law"]
    if len(laws) > 1:
        for line, colour in laws:  # To whom each belongs.
            line.set_color(colour)
    if len(missing) == len(logs):
        raise ValueError("\n".join(missing))
    legend(ax, title="\n".join(missing) or None, title_fontsize="x-small")


def draw_or_say(ax: Any, title: str, draw: Callable[[Any], Any]) -> None:
    """Fill a panel, or say in its place why it is empty: nothing died, too few snapshots, no such unit.

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
    except ValueError as error:
        ax.set_axis_off()
        said = "\n".join(textwrap.fill(line, 48) for line in str(error).splitlines())
        # Out of the layout: a long text would leave no room for the other panels.
        ax.text(0, 0.5, said, fontsize="small", transform=ax.transAxes, in_layout=False)


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
    index = max(log.sets, key=lambda n: len(log.wiring(log.first_step, n)[0]))
    ratio = step_ratio(log, index)
    views: list[tuple[str, Callable[[Any], Any]]] = [
        ("Turnover between two looks", lambda ax: plotting.plot_turnover_ratio(log, ax, step_ratio=ratio, index=index)),
        ("Risk to die by age", lambda ax: plotting.plot_lifetimes(log, ax, step_ratio=ratio, index=index)),
        ("In-degrees at the end", lambda ax: plotting.plot_degrees(log, ax, index=index)),
        ("Births and deaths", lambda ax: plotting.plot_connectivity(log, ax, index=index)),
        ("Connectivity at the end", lambda ax: plotting.plot_matrix(log, None, ax, index=index)),
        ("Sites ever connected", lambda ax: plotting.plot_visited(log, ax, index=index)),
        ("How far the weights have come", lambda ax: plotting.plot_drift(log, ax, index=index)),
        ("Way of the weights", lambda ax: plotting.plot_trajectory(log, ax, index=index)),
    ]
    figure, axes = plt.subplots(4, 2, figsize=(9.0, 12.8), layout="constrained")
    for ax, (title, view) in zip(axes.flat, views, strict=True):
        draw_or_say(ax, title, view)
    about = log.sets[index]
    more = f", the largest of {len(log.sets)}" if len(log.sets) > 1 else ""
    caption = (
        f"Set {about.name or index}, {about.num_pre} by {about.num_post} neurons{more}. Dashed: chance alone, of "
        "in-degrees and of sites: wiring at random. Dotted: weights that have nothing in common with the first. The "
        "way of the weights, seen along the two directions in which they vary most, goes from the circle to the "
        "square; chance alone draws a smooth arch, too. Looks and ages are counted in steps of the rule."
    )
    return Picture(f"{name} in detail", caption, figure)


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
    parser = Parser("Draw what logs of births and deaths tell.")
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
    print(f"Wrote {given.out / 'report.html'} and its pictures.")
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
            raise ValueError(f"{name!r} cannot name the pictures of a log; name it as in rate={path}.")
        if name in logs:
            raise ValueError(f"two logs are named {name!r}; name them as in rate=a.rewiring spiking=b.rewiring.")
        logs[name] = RewiringLog.open(path)
        if not logs[name].sets:
            raise LogError(f"{path} holds no connections.")
    if len(logs) > len(COLOURS):
        raise ValueError(f"at most {len(COLOURS)} logs can be told apart in one picture, got {len(logs)}.")
    return logs


def write(logs: Logs, out: Path, frames: int = 0) -> None:
    """Write the page and its pictures.

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
    (out / "report.html").write_text(page(logs, pictures, said))


if __name__ == "__main__":
    sys.exit(main())
