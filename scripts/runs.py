"""Finished runs in a file that is written after each of them, so that an interrupted search or comparison continues."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.common import Parser
from scripts.results import write_text

__all__ = ["Row", "Runs", "add_resume", "check_resume", "runs_of"]

Row = dict[str, Any]


class Runs:
    """All finished runs, stored in a file.

    Parameters
    ----------
    path : Path
        The file.
    rows : sequence of dict
        Runs that are in the file already.
    """

    def __init__(self, path: Path, rows: Sequence[Row] = ()) -> None:
        self.path, self.rows = path, list(rows)

    def get(self, job: Row, run: Callable[[], Row]) -> Row:
        """Return the row of a job, which contains all of its items; perform the run if it is missing."""
        found = self.find(job)
        if found is None:
            found = job | run()
            self.write([*self.rows, found])
        return found

    def find(self, job: Row) -> Row | None:
        """Return the row of a job, which contains all of its items; None if it is missing."""
        return next((row for row in self.rows if job.items() <= row.items()), None)

    def write(self, rows: Sequence[Row]) -> None:
        """Replace all rows."""
        self.rows = list(rows)
        # A figure of fewer runs would no longer belong to the file.
        self.path.with_suffix(".png").unlink(missing_ok=True)
        write_text(self.path, json.dumps({"rows": self.rows}, indent=1) + "\n")


def add_resume(parser: Parser, name: str) -> None:
    """Add the option to continue with the runs of a file of this name."""
    text = f"keep the runs in the folder's {name}, and add those that are missing"
    parser.add_argument("--resume", action="store_true", help=text)


def check_resume(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse to keep the runs of a file and to replace them at once."""
    if given.overwrite and given.resume:
        parser.refuse("--resume", "cannot be combined with --overwrite; leave one of them out")


def runs_of(parser: Parser, given: argparse.Namespace, path: Path, is_valid: Callable[[Row], bool]) -> Runs:
    """Return the runs that are kept; refuse to change existing ones without consent.

    Parameters
    ----------
    parser : Parser
        For refusals.
    given : Namespace
        With the flags ``overwrite`` and ``resume``.
    path : Path
        File of the runs, which need not exist.
    is_valid : callable
        Whether a row has everything that is needed; may raise an error for one that has not.
    """
    if not path.exists() or given.overwrite:
        if given.resume:
            print(f"{path} does not exist: starting with the first run.", file=sys.stderr)
        return Runs(path)
    if not given.resume:
        parser.refuse("--out", f"{path} already exists; pass --resume to continue it, or --overwrite to replace it")
    try:
        rows = json.loads(path.read_text())["rows"]
        if all(is_valid(row) for row in rows):
            return Runs(path, rows)
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        pass
    parser.refuse(
        "--resume", f"{path} is damaged or was not written by this script; move it, or pass --overwrite to replace it"
    )
