"""Finished runs in a file that is written after each of them, so that an interrupted search or comparison continues."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from models.data import DataError
from scripts.common import Parser
from scripts.results import UNFINISHED, locked, write_text

__all__ = ["Row", "Runs", "study"]

Row = dict[str, Any]


class Runs:
    """All finished runs, stored in a file; checkpoints of the others are in a folder beside it.

    Parameters
    ----------
    path : Path
        The file.
    rows : sequence of dict
        Runs that are in the file already.
    checkpoint_every : int, optional
        Number of epochs between two checkpoints of a run; None for no checkpoints.
    """

    #: Suffixes of what is made of all rows, beside the file.
    MADE: tuple[str, ...] = (".png",)

    def __init__(self, path: Path, rows: Sequence[Row] = (), checkpoint_every: int | None = None) -> None:
        self.path, self.rows, self.checkpoint_every = path, list(rows), checkpoint_every

    def get(self, job: Row, run: Callable[..., Row]) -> Row:
        """Return the row of a job, which contains all of its items; perform the run if it is missing.

        ``run`` is called with the arguments of checkpoints, see ``checkpoints``.
        """
        found = self.find(job)
        if found is None:
            found = job | run(**self.checkpoints(job))
            self.add(job, found)
        else:  # Its process may have been killed before it removed them.
            self._remove_checkpoints(job)
        self.tidy()
        return found

    def find(self, job: Row) -> Row | None:
        """Return the row of a job, which contains all of its items; None if it is missing."""
        return next((row for row in self.rows if job.items() <= row.items()), None)

    def checkpoints(self, job: Row) -> dict[str, Any]:
        """Return the arguments by which a run has checkpoints, and goes on from those of an earlier process."""
        if self.checkpoint_every is None:
            return {}
        folder = self.path.parent / UNFINISHED
        folder.mkdir(exist_ok=True)
        path = folder / f"{_name_of(job)}.npz"
        return {"checkpoint": path, "checkpoint_every": self.checkpoint_every, "resume": True}

    def add(self, job: Row, row: Row) -> None:
        """Add the row of a job; its checkpoints are of no more use."""
        self.write([*self.rows, row])
        self._remove_checkpoints(job)

    def _remove_checkpoints(self, job: Row) -> None:
        folder = self.path.parent / UNFINISHED
        for left in folder.glob(f"*{_name_of(job)}*"):
            left.unlink()

    def tidy(self) -> None:
        """Remove the folder of checkpoints if it is empty; not while other processes perform runs."""
        with suppress(OSError):  # Others are in it, or there is none.
            (self.path.parent / UNFINISHED).rmdir()

    def write(self, rows: Sequence[Row]) -> None:
        """Replace all rows."""
        self.rows = list(rows)
        self._remove_made()
        write_text(self.path, json.dumps({"rows": self.rows}, indent=1) + "\n")

    def clear(self) -> None:
        """Remove the file, what was made of it, and all checkpoints: none of it is taken for that of new runs."""
        shutil.rmtree(self.path.parent / UNFINISHED, ignore_errors=True)
        self._remove_made()
        self.path.unlink(missing_ok=True)

    def _remove_made(self) -> None:
        """Remove what was made of other rows, and would no longer belong to the file."""
        for suffix in self.MADE:
            self.path.with_suffix(suffix).unlink(missing_ok=True)

    def left_over(self, go_on: str) -> str:
        """Return what an interruption has left, and how to go on with it; empty if it has left nothing."""
        self.tidy()
        if number := len(self.rows):
            return f"{self.path} contains {number} finished run{'s' * (number > 1)}; {go_on}"
        unfinished = self.path.parent / UNFINISHED
        return f"No run has finished, and {unfinished} has a checkpoint; {go_on}" if unfinished.exists() else ""


AnyRuns = TypeVar("AnyRuns", bound=Runs)


def _name_of(job: Row) -> str:
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def study(
    parser: Parser,
    given: argparse.Namespace,
    path: Path,
    is_valid: Callable[[Row], bool],
    load: Callable[[], object],
    kind: type[AnyRuns],
) -> Iterator[AnyRuns]:
    """Provide the runs that are kept; refuse to replace any without consent, and say how to go on when interrupted.

    Parameters
    ----------
    parser : Parser
        For refusals.
    given : Namespace
        With the options of `scripts.resuming`, ``out`` and ``overwrite``.
    path : Path
        File of the runs, which need not exist.
    is_valid : callable
        Whether a row has everything that is needed; may raise an error for one that has not.
    load : callable
        Reads the data: nothing is replaced if they are missing.
    kind : type
        Class of the runs.
    """
    with locked(parser, given.out):
        try:
            if given.overwrite:
                load()
            runs = kind(path, _kept(parser, given, path, is_valid), given.checkpoint_every)
            if given.overwrite:
                runs.clear()
            try:
                yield runs
            except KeyboardInterrupt:
                instead = " in place of --overwrite" * given.overwrite
                raise KeyboardInterrupt(runs.left_over(f"the same command with --resume{instead} goes on.")) from None
        except DataError as error:
            parser.refuse("--data-dir", str(error))


def _kept(parser: Parser, given: argparse.Namespace, path: Path, is_valid: Callable[[Row], bool]) -> list[Row]:
    """Return the rows of earlier processes; refuse those that may neither be continued nor replaced."""
    if given.overwrite:
        return []
    for there in (path, path.parent / UNFINISHED):
        if there.exists() and not given.resume:
            parser.refuse(
                "--out", f"{there} already exists; pass --resume to continue it, or --overwrite to replace it"
            )
    if not path.exists():
        if given.resume:
            print(f"{path} does not exist: starting with the first run.", file=sys.stderr)
        return []
    try:
        rows = json.loads(path.read_text())["rows"]
        if all(is_valid(row) for row in rows):
            return rows
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        pass
    parser.refuse(
        "--resume", f"{path} is damaged or was not written by this script; move it, or pass --overwrite to replace it"
    )
