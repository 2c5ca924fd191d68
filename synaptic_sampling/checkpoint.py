"""Checkpoints: the complete state of a run in one file, written atomically and verified when read."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import logging
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_flag, check_instance, check_integer

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "check_checkpoints",
    "check_same",
    "load_checkpoint",
    "load_latest",
    "save_checkpoint",
    "saved",
]

_log = logging.getLogger(__name__)

FORMAT = 2
#: Reserved names of entries in the file.
ABOUT, DIGEST = "about", "sha256"
PREFIX = "array/"
#: What a message shows of differences between two runs.
SHOWN, LENGTH = 3, 60
#: Errors that the readers of zip, npy and JSON raise for a damaged or foreign file.
READ_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, OverflowError,
               IndexError, NotImplementedError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error)  # fmt: skip


class CheckpointError(Exception):
    """A checkpoint cannot be read, is damaged, or has an unknown format."""


class Checkpoint(NamedTuple):
    """Content of a checkpoint: arrays, and metadata."""

    arrays: dict[str, NDArray[Any]]
    about: dict[str, Any]


def save_checkpoint(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
    *,
    keep_previous: bool = False,
) -> None:
    """Write a checkpoint; an older one at the same path stays intact until the new one is safely on disk.

    Parameters
    ----------
    path : path-like
        The file.
    arrays : mapping of str to ndarray
        Arrays of numbers, of any shape.
    about : mapping of str
        Metadata that can be written as JSON: versions, parameters, seeds.
    keep_previous : bool
        Whether the older one is kept, as ``run.previous.npz`` if the path is ``run.npz``.

    Raises
    ------
    TypeError
        If an array does not hold numbers, ``about`` cannot be written as JSON, one of them is not a
            mapping, or ``path`` is not a path.
    ValueError
        If ``about`` has an entry ``format``, which is reserved.
    OSError
        If the file cannot be written.
    """
    path = _path(path)
    check_instance("arrays", arrays, Mapping)
    check_instance("about", about, Mapping)
    if "format" in about:
        raise ValueError(f"about must not have an entry 'format', got {about['format']!r}; rename it.")
    content = {name: np.ascontiguousarray(values).reshape(np.shape(values)) for name, values in arrays.items()}
    for name, values in content.items():
        if values.dtype.kind not in "biufc":
            raise TypeError(f"array {name!r} must hold numbers, got {values.dtype}.")
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True).encode()
    entries = {PREFIX + name: values for name, values in content.items()}
    entries[ABOUT] = np.frombuffer(text, np.uint8)
    entries[DIGEST] = np.frombuffer(_digest(entries), np.uint8)
    _remove_left(path)
    with _temporary(path) as file:
        try:
            np.savez(file, **entries)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
            if keep_previous and path.exists():
                os.replace(path, _previous(path))
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint and verify that it is bit-identical to what was written.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Checkpoint
        Arrays and metadata.

    Raises
    ------
    TypeError
        If ``path`` is not a path.
    CheckpointError
        If the file is missing, damaged, not a checkpoint, or of a newer format.
    """
    place = _path(path)
    try:
        entries = _read(place)
        digest = entries.pop(DIGEST).tobytes()
        intact = _digest(entries) == digest
        about = json.loads(entries.pop(ABOUT).tobytes())
        version = about.pop("format")
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from error
    if not intact:
        raise CheckpointError(f"{path} is damaged: its content does not match its SHA-256. Use an older checkpoint.")
    if version != FORMAT:
        other = "a newer" if isinstance(version, int) and version > FORMAT else "an older"
        raise CheckpointError(f"{path} has format {version}, readable is {FORMAT}; use {other} synaptic_sampling.")
    return Checkpoint({name.removeprefix(PREFIX): values for name, values in entries.items()}, about)


def saved(path: str | os.PathLike[str]) -> list[Path]:
    """Return the checkpoints at a path that exist: the newest, and the one before it.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    list of Path
        None to two files.
    """
    return [each for each in (_path(path), _previous(_path(path))) if each.exists()]


def load_latest(path: str | os.PathLike[str]) -> Checkpoint | None:
    """Read the newest checkpoint, or the one before it if the newest is damaged.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Checkpoint or None
        None if nothing was saved.

    Raises
    ------
    TypeError
        If ``path`` is not a path.
    CheckpointError
        If all that were saved are damaged.
    """
    damage: list[CheckpointError] = []
    for each in saved(path):
        try:
            found = load_checkpoint(each)
        except CheckpointError as error:
            damage.append(error)
        else:
            for what in damage:
                _log.warning("%s %s is used instead.", what, each)
            return found
    if damage:
        raise damage[0]
    return None


def check_checkpoints(checkpoint: Any, checkpoint_every: Any, resume: Any) -> int:
    """Return the interval of checkpoints, or raise an error unless a run can write them, and resume if it is to.

    Parameters
    ----------
    checkpoint : path-like or None
        The file; None for a run without checkpoints.
    checkpoint_every : int
        Number of epochs between two checkpoints.
    resume : bool
        Whether the run goes on from it.

    Returns
    -------
    int
        ``checkpoint_every``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, the path is not a file in a folder that exists, or there is none to resume.
    FileExistsError
        If the checkpoint exists and the run does not resume.
    """
    each = check_integer("checkpoint_every", checkpoint_every, minimum=1, maximum=2**31 - 1)
    check_flag("resume", resume)
    if checkpoint is None:
        for name, given in (("resume", resume), ("checkpoint_every", each != 1)):
            if given:
                raise ValueError(f"{name} needs checkpoint=, the path of a file; it is None.")
        return each
    check_instance("checkpoint", checkpoint, (str, os.PathLike))
    if os.path.isdir(checkpoint) or not os.path.isdir(os.path.dirname(os.path.abspath(checkpoint))):
        raise ValueError(f"checkpoint must be a file in a folder that exists, got {checkpoint!r}.")
    if not resume and saved(checkpoint):
        raise FileExistsError(f"{checkpoint} exists; pass resume=True to continue from it, or choose another path.")
    return each


def check_same(path: str | os.PathLike[str], stored: Any, own: Any) -> None:
    """Raise an error that says what differs, unless a checkpoint is of the run that goes on from it.

    Parameters
    ----------
    path : path-like
        The checkpoint.
    stored, own : dict
        What describes the run in the checkpoint and the present one: nested dicts of values that JSON can represent.

    Raises
    ------
    CheckpointError
        If they differ.
    """
    different = list(_differences(stored, own))
    if different:
        more = f", and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise CheckpointError(f"{path} is of another run: {'; '.join(different[:SHOWN])}{more}.")


def _differences(stored: Any, own: Any, name: str = "") -> Iterator[str]:
    """Yield what differs between two runs."""
    if isinstance(stored, dict) and isinstance(own, dict):
        for key in sorted(stored.keys() | own.keys()):
            yield from _differences(stored.get(key), own.get(key), f"{name}.{key}".lstrip("."))
    elif stored != own:
        there, here = (text if len(text) <= LENGTH else f"{text[:LENGTH]}..." for text in (repr(stored), repr(own)))
        yield f"{name} is {there} there and {here} here"


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be a path such as 'run.npz', got {path!r}.")
    return Path(path)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of an npz file, which may be crafted."""
    entries = {}
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        items = archive.infolist()
        for item in items:
            if item.compress_type != zipfile.ZIP_STORED or item.file_size > size:
                raise ValueError(f"entry {item.filename!r} is not stored as it was written")
        # In a crafted file entries may overlap, so that the same bytes would be read many times.
        if sum(item.file_size for item in items) > size:
            raise ValueError("its entries overlap")
        for item in items:
            with archive.open(item) as file:
                values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
            if values.nbytes > size:
                raise ValueError(f"entry {item.filename!r} is larger than the file")
            entries[item.filename.removesuffix(".npy")] = values
    return entries


def _digest(entries: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the SHA-256 of all names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(entries):
        values = entries[name]
        total.update(json.dumps([name, values.dtype.str, values.shape]).encode())
        total.update(values.tobytes())
    return total.digest()


def _temporary(path: Path) -> BinaryIO:
    """Return a new file in the folder of ``path``, locked while it is open."""
    while True:
        # Not tempfile, whose files other users cannot read.
        file = path.with_name(f".{path.name}.{secrets.token_hex(4)}").open("xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # Another process removed it before it was locked.


def _remove_left(path: Path) -> None:
    """Remove the files of interrupted saves; files being written are locked."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
