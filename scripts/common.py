"""Command-line parsing shared by all scripts: everything is checked before any work, and an error takes one line."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

__all__ = [
    "Parser",
    "count",
    "file_to_read",
    "file_to_write",
    "folder_to_read",
    "folder_to_write",
    "fraction",
    "fractions",
    "names",
    "number",
    "seed",
]

#: A larger count is taken for a typing error.
MOST = 10**6
MOST_SEED = 2**62 - 1


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults other than None and False."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """A command-line parser that reports every error in one line, with exit status 2."""

    def __init__(self, description: str) -> None:
        # Abbreviations would hide typing errors: "--over" is not consent to overwrite.
        super().__init__(description=description, formatter_class=_Formatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print an error message in one line, and exit."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")

    def refuse(self, option: str, why: str) -> NoReturn:
        """Print an error message that names an option, and exit."""
        self.error(f"argument {option}: {why}")

    def add_quick(self, text: str) -> None:
        """Add ``--quick``."""
        self.add_argument("--quick", action="store_true", help=text)

    def add_out(self, default: str) -> None:
        """Add ``--out`` and ``--overwrite``."""
        self.add_argument("--out", type=folder_to_write, default=Path(default), metavar="DIR", help="folder of results")
        self.add_argument("--overwrite", action="store_true", help="replace the results that are in this folder")

    def add_json(self, text: str) -> None:
        """Add ``--json``."""
        self.add_argument("--json", type=file_to_write, metavar="FILE", help=text)

    def make_folder(self, option: str, folder: Path) -> None:
        """Create a folder for results before the work starts, or exit with an error."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.refuse(option, f"cannot create the folder {folder}: {error.strerror}")

    def parse_measurement(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the command line of a script with ``--json``, and create the folder of that file."""
        given = self.parse_args(argv)
        if given.json is not None:
            if given.json.suffix == ".png":
                self.refuse("--json", f"must not end in .png, which is reserved for the figure, got {given.json}")
            self.make_folder("--json", given.json.parent)
        return given


def number(description: str, allowed: Callable[[float], bool]) -> Callable[[str], float]:
    """Return an argument type: a finite number of which ``allowed`` is True."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and allowed(value)):
            raise argparse.ArgumentTypeError(f"must be {description}, got {_short(text)}")
        return value

    return parse


def count(minimum: int = 1, maximum: int = MOST) -> Callable[[str], int]:
    """Return an argument type: an integer between two bounds, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(f"must be an integer between {minimum} and {maximum}, got {_short(text)}")
        return value

    return parse


above_zero = number("a finite number above 0", lambda value: value > 0)
not_negative = number("a finite number, at least 0", lambda value: value >= 0)
#: The argument type of seeds.
seed = count(0, MOST_SEED)


def fraction(text: str) -> float:
    """Parse a connectivity, above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        hint = " (5 % is 0.05)" if 1 < value <= 100 else ""
        raise argparse.ArgumentTypeError(f"connectivity must be above 0 and at most 1, got {_short(text)}{hint}")
    return value


def fractions(text: str) -> list[float]:
    """Parse connectivities separated by commas."""
    return [fraction(part) for part in text.split(",")]


def names(allowed: Sequence[str], kind: str = "method") -> Callable[[str], list[str]]:
    """Return an argument type: some of the allowed names, separated by commas, each at most once."""

    def parse(text: str) -> list[str]:
        found = text.split(",")
        for name in found:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{kind}s are {', '.join(allowed)}, got {_short(name)}")
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"each {kind} can be given once, got {_short(text)}")
        return found

    return parse


def folder_to_write(text: str) -> Path:
    """Parse the path of a folder for results, which need not exist yet."""
    path = _path(text)
    _check_folder(path)
    return path


def file_to_write(text: str) -> Path:
    """Parse the path of a file for results, which is replaced if it exists."""
    path = _path(text)
    if path.is_dir() or text.endswith(os.sep):
        raise argparse.ArgumentTypeError(f"must be a file, got the folder {_short(text)}")
    _check_folder(path.parent)
    return path


def folder_to_read(text: str) -> Path:
    """Parse the path of an existing folder."""
    path = _path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: {_short(text)}")
    return path


def file_to_read(text: str) -> Path:
    """Parse the path of an existing file."""
    path = _path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no such file: {_short(text)}")
    return path


def _path(text: str) -> Path:
    """Return a path that the system accepts and that can be printed."""
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be a path of printable characters, got {_short(text)}")
    try:
        os.stat(text)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{error.strerror}: {_short(text)}") from error
    return Path(text)


def _check_folder(path: Path) -> None:
    """Raise an error for a folder that cannot be created or written to."""
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, got the file {_short(str(there))}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"cannot write to the folder {_short(str(there))}")


def _short(text: str) -> str:
    """Return the text in one line of limited length, quoted unless it is a single word."""
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return shown if re.fullmatch(r"[-+.\w]+", shown, re.ASCII) else repr(shown)
