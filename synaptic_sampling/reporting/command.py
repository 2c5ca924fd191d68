"""The command ``synaptic-sampling report``, and how it reads logs and tables that are given as words."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.observations import Observations
from synaptic_sampling.observations.tables import columns_of
from synaptic_sampling.reporting.in_vivo import check_observations
from synaptic_sampling.reporting.writing import COMPARISON, IN_VIVO, PAGE, open_logs, report

__all__ = ["files", "main", "read_logs", "read_studies"]


def main(argv: Sequence[str] | None = None) -> int:
    """Write a report on the logs that are named on the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Used instead of the command line.

    Returns
    -------
    int
        0; an error ends the process with status 2 and one line that says what is wrong.
    """
    parser = _parser()
    given = parser.parse_args(argv)
    try:
        logs = read_logs(given.logs)
        there = [name for name in files(logs) if (given.out / name).exists()]
        if there and not given.overwrite:
            parser.error(f"argument --out: {given.out} already contains {there[0]}; --overwrite replaces it")
        studies = read_studies(given.observations, given.by, weights=given.weights)
        page = report(logs, given.out, observations=studies, film=given.film, progress=True)
    except (LogError, OSError, TypeError, ValueError) as error:
        parser.error(" ".join(str(error).split()))
    sys.stdout.write(f"Wrote {page} and its figures.\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("synaptic-sampling", description="Reports on networks that rewire themselves.")
    commands = parser.add_subparsers(required=True, metavar="report")
    own = commands.add_parser("report", help="write one HTML file about one or more runs", allow_abbrev=False)
    own.add_argument("logs", nargs="+", metavar="[NAME=]LOG", help="files that end in .rewiring")
    own.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report")
    own.add_argument("--overwrite", action="store_true", help="replace the report that is in this folder")
    own.add_argument("--observations", type=Path, metavar="FILE", help="CSV table of an imaging study")
    own.add_argument("--by", metavar="COLUMN", help="column of this table that divides it into several studies")
    own.add_argument("--weights", action="store_true", help="the values of this table are weights, not presence")
    own.add_argument("--film", type=int, default=0, metavar="N", help="also films of N frames of the matrices, as GIF")
    return parser


def files(names: Iterable[str]) -> list[str]:
    """Return the names of all files that a report on logs of these names may write."""
    own = [f"{name}.{kind}" for name in names for kind in ("png", "gif")]
    return [PAGE, f"{COMPARISON}.png", f"{IN_VIVO}.png", *own]


def read_logs(named: Sequence[str]) -> dict[str, RewiringLog]:
    """Open logs that are given as paths or NAME=PATH, by name; the name of the file is the default.

    Names and paths may contain "=": the path is the longest part of the word that is the path of a file.

    Raises
    ------
    LogError, OSError, ValueError
        If a file cannot be read as a log, or two logs have one name.
    """
    paths: dict[str, str] = {}
    for given in named:
        name, path = _named(given)
        name = name or Path(path).stem
        if name in paths:
            raise ValueError(f"two logs are named {name!r}; name them as in rate=a.rewiring spiking=b.rewiring.")
        paths[name] = path
    return open_logs(paths)


def _named(given: str) -> tuple[str, str]:
    """Return the name, which may be empty, and the path of a log."""
    parts = given.split("=")
    found = [("=".join(parts[:n]), "=".join(parts[n:])) for n in range(len(parts))]
    return next((each for each in found if os.path.isfile(each[1])), found[-1])


def read_studies(path: Path | None, by: str | None = None, *, weights: bool = False) -> Mapping[str, Observations]:
    """Return the imaging studies of a table by the entries of column ``by``, or by the name of the file.

    Raises
    ------
    OSError, ValueError
        If the table cannot be read, has no such column, or ``by`` or ``weights`` is given without a table.
    """
    if path is None:
        for option, value in (("--by", by), ("--weights", weights)):
            if value:
                raise ValueError(f"argument {option}: needs --observations")
        return {}
    if by is None:
        return check_observations({path.stem: Observations.from_table(path, weights=weights)})
    columns = columns_of(path)
    if by not in columns:
        raise ValueError(f"argument --by: must be one of the columns {', '.join(columns)}, got {by!r}")
    names = list(dict.fromkeys(columns[by].tolist()))
    found = {name: Observations.from_table(path, weights=weights, where={by: name}) for name in names}
    return check_observations(found)
