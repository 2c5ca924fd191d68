"""Writing a report: an HTML page, its figures as PNG, and films of the connectivity matrices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from synaptic_sampling._checks import check_integer
from synaptic_sampling._progress import tqdm
from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.observations import Observations
from synaptic_sampling.plotting import COLOURS, animate_connectivity
from synaptic_sampling.plotting.style import in_house_style
from synaptic_sampling.reporting.answers import accuracy, answers
from synaptic_sampling.reporting.figures import ReportFigure, comparison, details
from synaptic_sampling.reporting.in_vivo import check_observations, in_vivo
from synaptic_sampling.reporting.page import page
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["COMPARISON", "IN_VIVO", "PAGE", "open_logs", "report"]

#: Names of the page, and of the figures that show all runs.
PAGE, COMPARISON, IN_VIVO = "report.html", "comparison", "in_vivo"
#: Characters that file names cannot contain on every system.
NOT_IN_NAMES = set('/\\:*?"<>|')
MOST_FRAMES = 100_000


@in_house_style
def report(
    logs: Mapping[str, Source | str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    observations: Mapping[str, Observations] | None = None,
    film: int = 0,
    progress: bool = False,
) -> Path:
    """Write a report on one or more runs, spiking and rate-based alike: a single, self-contained HTML file.

    Parameters
    ----------
    logs : mapping of str to RewiringLog, path-like, or objects that have a log as ``log``
        By name, for example ``{'spiking': monitor, 'rate-based': 'run.rewiring'}``; at most six. Names also name files.
        A `Trainer`, the result of a spiking network, or the log of one that has finished also brings its test accuracy;
        ``log.annotate(validation=True)`` notes that this is an accuracy on validation data.
    out : path-like
        Folder for report.html, comparison.png, in_vivo.png, and NAME.png (and NAME.gif) for each run. It is created
        if necessary; files of these names are replaced.
    observations : mapping of str to Observations, optional
        Imaging studies by name, at most four, beside which the runs are shown as such a study would have seen them; by
        default a published one.
    film : int
        Number of frames of a film of each connectivity matrix, at least 2; 0 for no films.
    progress : bool
        Show a progress bar if the standard error stream is a terminal.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    LogError
        If a file is not a log or is damaged, or a log contains no connections.
    OSError
        If a file cannot be written.
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or a name cannot name files.
    """
    opened, folder, studies = open_logs(logs), Path(out), check_observations(observations)
    frames = check_integer("film", film, minimum=2 if film else 0, maximum=MOST_FRAMES)
    folder.mkdir(parents=True, exist_ok=True)
    figures, said = [], {}
    with tqdm(total=3 + len(opened) * (2 + (frames > 0)), unit="part", disable=None if progress else True) as bar:
        seen = in_vivo(opened, studies)
        bar.update()
        drawings: list[tuple[str, Callable[[], ReportFigure]]] = [
            (COMPARISON, partial(comparison, opened)),
            (IN_VIVO, lambda: seen.figure),
            *((name, partial(details, name, log)) for name, log in opened.items()),
        ]
        for name, draw in drawings:
            figures.append(draw())
            figures[-1].figure.savefig(folder / f"{name}.png", dpi=150)
            bar.update()
        for name, log in opened.items():
            said[name] = [*accuracy(logs[name], log), *answers(log)]
            bar.update()
            if frames:
                moving = animate_connectivity(log, index=min(log.sets), frames=frames)
                moving.save(folder / f"{name}.gif", writer="pillow")
                bar.update()
    # Names decoded from invalid bytes are shown as escape sequences.
    (folder / PAGE).write_text(page(opened, figures, said, seen.rows), encoding="utf-8", errors="backslashreplace")
    return folder / PAGE


def open_logs(logs: Any) -> dict[str, RewiringLog]:
    """Return the logs of a report by name, opened and checked."""
    if not isinstance(logs, Mapping):
        raise TypeError(f"logs must be a mapping of names to logs or paths, got {logs!r}.")
    if not 1 <= len(logs) <= len(COLOURS):
        raise ValueError(
            f"logs must contain 1 to {len(COLOURS)} logs, which can be distinguished in one figure; got {len(logs)}."
        )
    opened = {}
    for name, source in logs.items():
        if not isinstance(name, str) or not name or name in (COMPARISON, IN_VIVO) or set(name) & NOT_IN_NAMES:
            raise ValueError(
                f"{name!r} in logs cannot name the figures of a log; use a valid file name other than "
                f"{COMPARISON!r} and {IN_VIVO!r}."
            )
        opened[name] = RewiringLog.open(source) if isinstance(source, str | os.PathLike) else log_of(source)
        if not opened[name].sets:
            raise LogError(f"log {name!r} contains no connections.")
    return opened
