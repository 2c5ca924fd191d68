"""Folders of results: written whole or not at all, by one process at a time, and replaced by consent only."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

from scripts.common import Parser

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["UNFINISHED", "locked", "results", "write_figure", "write_measurement", "write_text"]

#: Folder, in that of the results, of those of a run that has not ended.
UNFINISHED = "unfinished"
LOCK = ".lock"


@contextmanager
def results(
    parser: Parser, out: Path, patterns: Sequence[str], *, overwrite: bool, unfinished: str = UNFINISHED
) -> Iterator[Path]:
    """Lend a folder for the results of a run, which go to their place together when it has ended well.

    What an interrupted or failed run has written stays in that folder.

    Parameters
    ----------
    parser : Parser
        Refuses ``--out`` if another run writes to it, or if it holds results that may not be replaced.
    out : Path
        The folder of ``--out``.
    patterns : sequence of str
        Of the names of all results; the first one's is there when all are.
    overwrite : bool
        Whether results may be replaced.
    unfinished : str
        Name of the folder that is lent, in ``out``.

    Yields
    ------
    Path
        An empty folder.

    Raises
    ------
    KeyboardInterrupt
        If the run is interrupted; says where its results are.
    """
    with locked(parser, out):
        lent = out / unfinished
        with suppress(OSError):
            lent.rmdir()  # Of a run that was killed before it wrote anything.
        if there := _matching(out, (*patterns, unfinished)):
            if not overwrite:
                shown = ", ".join(path.name for path in there[:3]) + ", ..." * (len(there) > 3)
                parser.refuse("--out", f"{out} holds results ({shown}); pass --overwrite to replace them")
            _remove(lent)
        lent.mkdir()
        try:
            yield lent
            _finish(lent, out, patterns)
        except KeyboardInterrupt as error:
            kept = [str(error)] * bool(str(error))
            if any(lent.iterdir()):
                kept.append(f"What it wrote is in {lent}; the same command with --overwrite starts again.")
            raise KeyboardInterrupt(" ".join(kept)) from None
        finally:
            with suppress(OSError):
                lent.rmdir()


@contextmanager
def locked(parser: Parser, out: Path) -> Iterator[None]:
    """Make a folder and keep other runs out of it; the lock dies with its process.

    Parameters
    ----------
    parser : Parser
        Refuses ``--out`` if another run writes to it.
    out : Path
        The folder of ``--out``.

    Yields
    ------
    None
        While nobody else has it.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    parser.make_folder("--out", out)
    path = out / LOCK
    try:
        file = path.open("a")
    except OSError as error:
        parser.refuse("--out", f"cannot write to {out}: {error.strerror}")
    with file:
        if not _lock(file):
            parser.refuse("--out", f"another run writes to {out}; wait until it has ended, or choose another folder")
        try:
            yield
        finally:
            with suppress(OSError):  # Windows keeps a file that is open.
                path.unlink()
            with suppress(OSError):  # Folders in which nothing came to be.
                for folder in made:
                    folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    text : str
        Its content.
    """
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    figure : Figure
        To be drawn.
    """
    new = path.with_name(f".{path.name}.new")
    figure.savefig(new, format="png", dpi=150)
    new.replace(path)


def write_measurement(path: Path, content: dict[str, Any], figure: Figure | None = None) -> None:
    """Write what was measured as JSON, and a figure beside it.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    content : dict
        What JSON can hold.
    figure : Figure, optional
        Goes to a file of the same name that ends in .png.
    """
    picture = path.with_suffix(".png")
    if figure is not None:
        picture.unlink(missing_ok=True)  # Lest that of another measurement stays beside this one.
    write_text(path, json.dumps(content, indent=2) + "\n")
    if figure is not None:
        write_figure(picture, figure)


def _lock(file: IO[str]) -> bool:
    """Lock a file as long as it is open; return False if another process has locked it, or removed it just now."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except (BlockingIOError, PermissionError, FileNotFoundError):
        return False


def _finish(lent: Path, out: Path, patterns: Sequence[str]) -> None:
    """Put new results in the place of old ones; the one that says that all are there goes first and comes last."""
    for path in _matching(out, patterns):
        _remove(path)
    last = _matching(lent, patterns[:1])
    for path in [*(path for path in lent.iterdir() if path not in last), *last]:
        path.replace(out / path.name)


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
