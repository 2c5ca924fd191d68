"""Everything a run needs to go on, in one file: written whole or not at all, and checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Checkpoint", "CheckpointError", "load_checkpoint", "save_checkpoint"]

FORMAT = 1
#: Names within the file that are ours.
ABOUT, DIGEST = "about", "sha256"
PREFIX = "array/"
#: What a damaged or foreign file can make the readers of zip, npy and JSON raise.
READ_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, OverflowError,
               NotImplementedError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error)  # fmt: skip


class CheckpointError(Exception):
    """A checkpoint that cannot be read, is damaged, or is of a format not known here."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    arrays: dict[str, NDArray[Any]]
    about: dict[str, Any]


def save_checkpoint(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write a checkpoint; an older one at the same place stays whole until the new one is safe on disk.

    Parameters
    ----------
    path : path-like
        The file.
    arrays : mapping of str to ndarray
        Numbers, of any shape.
    about : mapping of str
        What can be written as JSON: versions, parameters, seeds.

    Raises
    ------
    TypeError
        If an array does not hold numbers, or ``about`` is not JSON.
    ValueError
        If ``about`` has an entry ``format``, which is the file's own.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if "format" in about:
        raise ValueError(f"about must not have an entry 'format', got {about['format']!r}; give it another name.")
    content = {name: np.ascontiguousarray(values).reshape(np.shape(values)) for name, values in arrays.items()}
    for name, values in content.items():
        if values.dtype.kind not in "biufc":
            raise TypeError(f"array {name!r} must hold numbers, got {values.dtype}.")
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True).encode()
    entries = {PREFIX + name: values for name, values in content.items()}
    entries[ABOUT] = np.frombuffer(text, np.uint8)
    entries[DIGEST] = np.frombuffer(_digest(entries), np.uint8)
    # Not by tempfile, whose files nobody else may read.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            np.savez(file, **entries)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint and check that every bit is as it was written.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Checkpoint
        Arrays, and what was said about them.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, no checkpoint, or of a newer format.
    """
    try:
        entries = _read(Path(path))
        digest = entries.pop(DIGEST).tobytes()
        intact = _digest(entries) == digest
        about = json.loads(entries.pop(ABOUT).tobytes())
        version = about.pop("format")
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from error
    if not intact:
        raise CheckpointError(f"{path} is damaged: its content does not match its SHA-256. Use an older checkpoint.")
    if version != FORMAT:
        raise CheckpointError(f"{path} has format {version}, known here is {FORMAT}; use a newer synaptic_sampling.")
    return Checkpoint({name.removeprefix(PREFIX): values for name, values in entries.items()}, about)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of an npz file without trusting a word of it."""
    entries = {}
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            if item.compress_type != zipfile.ZIP_STORED or item.file_size > size:
                raise ValueError(f"entry {item.filename!r} is not stored as it was written")
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
