"""Folders of results: written completely or not at all, by one process at a time, and replaced only with consent."""

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
from synaptic_sampling.plotting.style import in_house_style

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["UNFINISHED", "locked", "results", "write_figure", "write_measurement", "write_text"]

#: Subfolder for the results of a run that has not finished.
UNFINISHED = "unfinished"
LOCK = ".lock"


@contextmanager
def results(
    parser: Parser,
    out: Path,
    patterns: Sequence[str],
    *,
    overwrite: bool,
    unfinished: str = UNFINISHED,
    resume: bool | None = None,
) -> Iterator[Path]:
    """Provide a temporary folder for the results of a run, and move them to ``out`` together if the run succeeds.

    The files of an interrupted or failed run stay in the temporary folder. With ``resume``, they are used again; None
    means that no run can. Results beside them are those that the run was started to replace.
    """
    with locked(parser, out):
        temporary = out / unfinished
        with suppress(OSError):
            temporary.rmdir()  # Left by a run that was killed before it wrote anything.
        goes_on = resume and temporary.exists()
        if not goes_on and (there := _matching(out, (*patterns, unfinished))):
            if not overwrite:
                shown = ", ".join(path.name for path in there[:3]) + ", ..." * (len(there) > 3)
                go_on = "--resume to go on, or " if resume is not None and temporary in there else ""
                hint = f"pass {go_on}--overwrite to replace them"
                parser.refuse("--out", f"{out} already contains results ({shown}); {hint}")
            _remove(temporary)
        temporary.mkdir(exist_ok=bool(resume))
        try:
            yield temporary
            _finish(temporary, out, patterns)
        except KeyboardInterrupt as error:
            kept = [str(error)] * bool(str(error))
            if any(temporary.iterdir()):
                instead = " in place of --overwrite" * overwrite
                go_on = f"--resume{instead} goes on from the last checkpoint"
                how = "--overwrite starts again" if resume is None else go_on
                kept.append(f"Its files are in {temporary}; the same command with {how}.")
            raise KeyboardInterrupt(" ".join(kept)) from None
        finally:
            with suppress(OSError):
                temporary.rmdir()


@contextmanager
def locked(parser: Parser, out: Path) -> Iterator[None]:
    """Create a folder and lock it against other runs; the lock ends with the process."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    parser.make_folder("--out", out)
    path = out / LOCK
    try:
        file = path.open("a")
    except OSError as error:
        parser.refuse("--out", f"cannot write to {out}: {error.strerror}")
    with file:
        if not _lock(file):
            parser.refuse(
                "--out", f"another run is writing to {out}; wait until it has finished, or choose another folder"
            )
        try:
            yield
        finally:
            with suppress(OSError):  # Windows does not delete open files.
                path.unlink()
            with suppress(OSError):  # New folders that are still empty.
                for folder in made:
                    folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


@in_house_style
def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, completely or not at all."""
    new = path.with_name(f".{path.name}.new")
    figure.savefig(new, format="png")
    new.replace(path)


def write_measurement(path: Path, content: dict[str, Any], figure: Figure | None = None) -> None:
    """Write measurements as JSON, and a figure under the same name with the suffix .png."""
    figure_path = path.with_suffix(".png")
    text = json.dumps(content, indent=2) + "\n"  # What cannot be serialised replaces nothing.
    if figure is not None:
        figure_path.unlink(missing_ok=True)  # It may belong to another measurement.
    write_text(path, text)
    if figure is not None:
        write_figure(figure_path, figure)


def _lock(file: IO[str]) -> bool:
    """Lock a file as long as it is open; return False if another process has locked or just removed it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except (BlockingIOError, PermissionError, FileNotFoundError):
        return False


def _finish(temporary: Path, out: Path, patterns: Sequence[str]) -> None:
    """Replace old results by new ones; files of the first pattern mark a complete set: removed first, written last."""
    for path in _matching(out, patterns):
        _remove(path)
    last = _matching(temporary, patterns[:1])
    for path in [*(path for path in temporary.iterdir() if path not in last), *last]:
        path.replace(out / path.name)


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
