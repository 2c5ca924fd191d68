"""What the command lines of all scripts have in common: they are checked before any work, and errors take one line."""

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

#: More than this is a slip of the keyboard.
MOST = 10**6
MOST_SEED = 2**62 - 1


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """A parser of command lines that answers every error in one line, with exit status 2.

    Parameters
    ----------
    description : str
        What the script does.
    """

    def __init__(self, description: str) -> None:
        # An abbreviation would let a slip through: "--over" is no consent.
        super().__init__(description=description, formatter_class=_Formatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong in one line, and exit.

        Parameters
        ----------
        message : str
            Names the option.
        """
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")

    def refuse(self, option: str, why: str) -> NoReturn:
        """Print what is wrong with an option, and exit.

        Parameters
        ----------
        option : str
            Such as '--out'.
        why : str
            What it got, what is allowed, what to do.
        """
        self.error(f"argument {option}: {why}")

    def add_quick(self, text: str) -> None:
        """Add ``--quick``.

        Parameters
        ----------
        text : str
            What it does.
        """
        self.add_argument("--quick", action="store_true", help=text)

    def add_out(self, default: str) -> None:
        """Add ``--out`` and ``--overwrite``.

        Parameters
        ----------
        default : str
            Folder.
        """
        self.add_argument("--out", type=folder_to_write, default=Path(default), metavar="DIR", help="folder of results")
        self.add_argument("--overwrite", action="store_true", help="replace the results that are in this folder")

    def add_json(self, text: str) -> None:
        """Add ``--json``.

        Parameters
        ----------
        text : str
            What it is for.
        """
        self.add_argument("--json", type=file_to_write, metavar="FILE", help=text)

    def make_folder(self, option: str, folder: Path) -> None:
        """Make a folder for results before the work, or exit.

        Parameters
        ----------
        option : str
            Which names the folder, or a file in it.
        folder : Path
            With all that are above it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.refuse(option, f"cannot make the folder {folder}: {error.strerror}")

    def parse_measurement(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the command line of a script that has ``--json``, and make the folder of that file.

        Parameters
        ----------
        argv : sequence of str, optional
            Instead of the command line.

        Returns
        -------
        Namespace
            The arguments.
        """
        given = self.parse_args(argv)
        if given.json is not None:
            if given.json.suffix == ".png":
                self.refuse("--json", f"must not end in .png, which is for the figure beside it, got {given.json}")
            self.make_folder("--json", given.json.parent)
        return given


def number(wanted: str, allowed: Callable[[float], bool]) -> Callable[[str], float]:
    """Return a type of argument: a finite number.

    Parameters
    ----------
    wanted : str
        Which numbers are allowed, for the message.
    allowed : callable
        Whether a number is.

    Returns
    -------
    callable
        For an ArgumentParser.
    """

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and allowed(value)):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {_short(text)}")
        return value

    return parse


def count(minimum: int = 1, maximum: int = MOST) -> Callable[[str], int]:
    """Return a type of argument: an integer.

    Parameters
    ----------
    minimum, maximum : int
        The range, both ends included.

    Returns
    -------
    callable
        For an ArgumentParser.
    """

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
#: The type of an argument that is a seed.
seed = count(0, MOST_SEED)


def fraction(text: str) -> float:
    """Return a connectivity, for an ArgumentParser.

    Parameters
    ----------
    text : str
        A number above 0 and at most 1.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ArgumentTypeError
        If it is none, or out of range.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        hint = " (5 % is 0.05)" if 1 < value <= 100 else ""
        raise argparse.ArgumentTypeError(f"connectivity must be above 0 and at most 1, got {_short(text)}{hint}")
    return value


def fractions(text: str) -> list[float]:
    """Return connectivities, for an ArgumentParser.

    Parameters
    ----------
    text : str
        Numbers above 0 and at most 1, with commas between them.

    Returns
    -------
    list of float
        The numbers.

    Raises
    ------
    ArgumentTypeError
        If one is out of range.
    """
    return [fraction(part) for part in text.split(",")]


def names(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a type of argument: some of these names, each once.

    Parameters
    ----------
    allowed : sequence of str
        All there are.

    Returns
    -------
    callable
        For an ArgumentParser.
    """

    def parse(text: str) -> list[str]:
        found = text.split(",")
        for name in found:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"methods are {', '.join(allowed)}, got {_short(name)}")
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"each method can be named once, got {_short(text)}")
        return found

    return parse


def folder_to_write(text: str) -> Path:
    """Return a folder for results, which need not be there, for an ArgumentParser.

    Parameters
    ----------
    text : str
        Its path.

    Returns
    -------
    Path
        Nothing is in its way.

    Raises
    ------
    ArgumentTypeError
        If there is a file at its place, or above it.
    """
    path = _path(text)
    _check_folder(path)
    return path


def file_to_write(text: str) -> Path:
    """Return a file for results, which is replaced if it is there, for an ArgumentParser.

    Parameters
    ----------
    text : str
        Its path.

    Returns
    -------
    Path
        Nothing is in its way.

    Raises
    ------
    ArgumentTypeError
        If it is a folder, or there is a file where its folder should be.
    """
    path = _path(text)
    if path.is_dir() or text.endswith(os.sep):
        raise argparse.ArgumentTypeError(f"must be a file, got the folder {_short(text)}")
    _check_folder(path.parent)
    return path


def folder_to_read(text: str) -> Path:
    """Return a folder that is there, for an ArgumentParser.

    Parameters
    ----------
    text : str
        Its path.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ArgumentTypeError
        If there is no such folder.
    """
    path = _path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no such folder: {_short(text)}")
    return path


def file_to_read(text: str) -> Path:
    """Return a file that is there, for an ArgumentParser.

    Parameters
    ----------
    text : str
        Its path.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentTypeError
        If there is no such file.
    """
    path = _path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no such file: {_short(text)}")
    return path


def _path(text: str) -> Path:
    """Return a path that the system takes and that can be printed."""
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
    """Refuse a folder that cannot be made or written to."""
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, got the file {_short(str(there))}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"cannot write to the folder {_short(str(there))}")


def _short(text: str) -> str:
    """Return what was typed on one line of bounded length, in quotes unless it is one word."""
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return shown if re.fullmatch(r"[-+.\w]+", shown, re.ASCII) else repr(shown)
