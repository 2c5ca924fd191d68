"""One run in a folder of its own, which exists completely or not at all."""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling._checks import check_instance, has_unit, plain_number
from synaptic_sampling.sweeps.functions import takes
from synaptic_sampling.sweeps.settings import Run

__all__ = ["Outcome", "finished", "finished_meanwhile", "open_folder", "perform", "was_started", "write_whole"]

ABOUT = "sweep.json"
RUNS, ERRORS, CHECKPOINTS = "runs", "errors", "checkpoints"
RECORD = "run.json"
FORMAT = 1
#: Brian2's state and the threads of BLAS belong to the process: threads of one worker take turns.
_turn = threading.Lock()


class Outcome(NamedTuple):
    """What a run has led to: the numbers that it returned, or an error in one line."""

    results: dict[str, Any]
    error: str | None = None


def open_folder(out: Any, name: str) -> Path:
    """Return the folder of a sweep of the function of this name, which is created if there is none."""
    check_instance("out", out, (str, os.PathLike))
    folder = Path(out).absolute()  # A worker may have another current folder.
    about = folder / ABOUT
    if not about.exists():
        occupied = folder.exists() and (not folder.is_dir() or any(each.name[0] != "." for each in folder.iterdir()))
        if occupied and not about.exists():  # Another process may have started the same sweep meanwhile.
            raise ValueError(f"out must be the folder of a sweep, or empty, got {str(out)!r}; choose another one.")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(about, json.dumps({"format": FORMAT, "function": name}, indent=1).encode())
    try:
        found = json.loads(about.read_text())
        number, other = found["format"], found["function"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{about} is damaged; restore it, or choose another folder.") from error
    if number != FORMAT:
        raise ValueError(f"{about} has format {number}, readable is {FORMAT}; use the version that has written it.")
    if other != name:
        raise ValueError(f"{str(out)!r} contains a sweep of {other}, not of {name}; choose another folder.")
    for each in (RUNS, ERRORS, CHECKPOINTS):
        (folder / each).mkdir(exist_ok=True)
    return folder


def finished(folder: Path, run: Run, taken: Collection[str]) -> Outcome | None:
    """Return the outcome of a run that is in its folder; None if there is none."""
    path = folder / RUNS / run.key / RECORD
    try:
        record = json.loads(path.read_text())
        same, results = [record["arguments"], record["seed"]] == _identity(run), _numbers(record["results"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged; delete its folder, and the run is repeated.") from error
    if not same:
        raise ValueError(f"{path} belongs to other arguments than its folder's name says; delete this folder.")
    _check_names(results, taken)
    return Outcome(results)


def finished_meanwhile(folder: Path, run: Run, taken: Collection[str]) -> Outcome | None:
    """Return the outcome of a run that has failed here, if another process has finished it."""
    with suppress(ValueError):
        if (found := finished(folder, run, taken)) is not None:
            (folder / ERRORS / f"{run.key}.txt").unlink(missing_ok=True)
            return found
    return None


def was_started(folder: Path, run: Run) -> bool:
    """Return whether a process that performed a run was killed."""
    return any((folder / RUNS).glob(f".{run.key}-*"))


def perform(function: Callable[..., Any], run: Run, folder: Path, taken: Collection[str]) -> tuple[str, Outcome]:
    """Perform a run, unless another process has finished it meanwhile; return its key and outcome.

    ``taken``: names that results must not have.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 (optional)

    with _turn, threadpool_limits(1):
        try:
            return run.key, finished(folder, run, taken) or _performed(function, run, folder, taken)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Another process that has finished it meanwhile has removed the folder of this one.
            if (found := finished_meanwhile(folder, run, taken)) is not None:
                return run.key, found
            with suppress(OSError):  # A full disk is what the error is about.
                content = f"{run}\n\n{traceback.format_exc()}".encode(errors="backslashreplace")
                write_whole(folder / ERRORS / f"{run.key}.txt", content)
            return run.key, Outcome({}, _in_one_line(error))


def _in_one_line(error: BaseException) -> str:
    """Return type and message of an error, which its class may fail to write, as text that any file can hold."""
    try:
        message = str(error)
    except Exception:
        message = "its message cannot be written"
    text = " ".join(f"{type(error).__name__}: {message}".split())
    return text.encode(errors="backslashreplace").decode()


def _performed(function: Callable[..., Any], run: Run, folder: Path, taken: Collection[str]) -> Outcome:
    place, checkpoint = folder / RUNS / run.key, folder / CHECKPOINTS / f"{run.key}.npz"
    temporary = place.with_name(f".{run.key}-{secrets.token_hex(4)}")
    temporary.mkdir()
    try:
        available = {"folder": temporary, "checkpoint": checkpoint}
        provided = {name: path for name, path in available.items() if takes(function, name)}
        start = time.perf_counter()
        results = _numbers(function(**run.setting, seed=run.seed, **provided))
        _check_names(results, taken)
        _write_record(temporary / RECORD, run, results, time.perf_counter() - start)
        try:
            temporary.rename(place)
        except OSError:
            if not (place / RECORD).exists():  # Otherwise another process was faster, with the same results.
                raise
        _sync(place.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for left in (*place.parent.glob(f".{run.key}-*"), *checkpoint.parent.glob(f"*{run.key}*")):
        shutil.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            left.unlink()
    (folder / ERRORS / f"{run.key}.txt").unlink(missing_ok=True)
    return Outcome(results)


def _write_record(path: Path, run: Run, results: dict[str, Any], seconds: float) -> None:
    """Write what was run and what it returned, and have the system store all files of the run."""
    from synaptic_sampling import __version__  # noqa: PLC0415 (the package imports this module)

    arguments, seed = _identity(run)
    versions = {"synaptic_sampling": __version__, "python": platform.python_version(), "numpy": np.__version__}
    record = {"arguments": arguments, "seed": seed, "results": results, "seconds": seconds, "versions": versions}
    path.write_text(json.dumps(record, indent=1) + "\n")
    for each in (*path.parent.rglob("*"), path.parent):
        _sync(each)


def _identity(run: Run) -> list[Any]:
    """Return arguments and seed as JSON gives them back."""
    return json.loads(json.dumps([run.setting, run.seed]))


def _numbers(results: Any) -> dict[str, int | float]:
    """Return what a function has returned as numbers of Python, or raise an error unless it is a dict of numbers."""
    if not isinstance(results, Mapping):
        raise TypeError(f"the function must return a dict of numbers, got {results!r}.")
    return {name: _number(name, value) for name, value in results.items()}


def _check_names(results: Collection[Any], taken: Collection[str]) -> None:
    """Raise an error for results that cannot be columns beside those in ``taken``."""
    for name in results:
        if not isinstance(name, str) or not name.isprintable() or name in taken:
            raise ValueError(
                "names of results must be printable strings that differ from those of arguments and from seed and "
                f"error, got {name!r}; rename it."
            )


def _number(name: str, value: Any) -> int | float:
    number = plain_number(value)
    if isinstance(number, np.generic | np.ndarray) and number.ndim == 0:
        number = number.item()
    if has_unit(value) or not isinstance(number, bool | int | float):
        raise TypeError(f"results must be numbers without units, got {value!r} for {name!r}.")
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        raise ValueError(f"results must fit into 64 bits, got {number} for {name!r}; return it as a float.")
    return number


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the system store a file or folder now; Windows does so for no folder."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
