"""What a log looks like on disk: frames, each with its length and check sums, appended one after the other.

A file that is only ever appended to stays readable to the last whole frame when its writer is killed, which HDF5 does
not promise. The head of a frame has a check sum of its own, so that a damaged length is not taken for the end.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.replay import (
    BEYOND,
    FINE,
    GOES_BACK,
    NEGATIVE,
    NO_EVENT,
    NO_SET,
    NO_STEP,
    check_rows,
)

__all__ = [
    "FrameAt",
    "LogError",
    "SetInfo",
    "accept",
    "check_events",
    "check_path",
    "check_times",
    "frame",
    "head",
    "read_blocks",
    "read_payload",
    "scan",
]

#: The 2 is the version of the format.
MAGIC = b"rewiring log 2\n\x00"
#: Kind, length and check sum of the payload; the check sum of these three follows.
HEAD = struct.Struct("<4sQI")
CHECK = struct.Struct("<I")
#: With this the payload of events begins.
STEP = struct.Struct("<q")
#: A row of events or of times, of which only the step matters here.
ROW = np.dtype([("step", "<i8"), ("rest", "V16")])
SETS, EVENTS, TIMES, SNAPSHOT, ABOUT, RULE, END = KINDS = b"SETS", b"EVNT", b"TIME", b"SNAP", b"META", b"RULE", b"END "


MAX_STEP = 2**62


class LogError(Exception):
    """A log that contradicts itself, is damaged, or is no log."""


class SetInfo(NamedTuple):
    """Description of a set of connections; the last two fields are missing in files written before they existed."""

    set_index: int
    num_pre: int
    num_post: int
    num_sites: int
    name: str
    multapses: bool
    signed: bool = True
    has_theta: bool = True


class FrameAt(NamedTuple):
    """Where a frame is: place, length and check sum of its payload, and the step with which it says that it begins."""

    kind: bytes
    place: int
    length: int
    check: int
    first_step: int


def check_path(name: str, path: Any) -> str | os.PathLike[str]:
    """Return a path, or raise an error that names the argument.

    Parameters
    ----------
    name : str
        Of the argument.
    path : object
        What the user gave.

    Returns
    -------
    path-like
        The same.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {path!r}.")
    return path


def head(kind: bytes, payload: bytes) -> bytes:
    """Return what stands before a payload.

    Parameters
    ----------
    kind : bytes
        One of ``KINDS``.
    payload : bytes
        Anything.

    Returns
    -------
    bytes
        To be appended to the file, and the payload behind it.
    """
    first = HEAD.pack(kind, len(payload), zlib.crc32(payload))
    return first + CHECK.pack(zlib.crc32(first))


def frame(kind: bytes, payload: bytes) -> bytes:
    """Return a payload with its head.

    Parameters
    ----------
    kind, payload : bytes
        As for ``head``.

    Returns
    -------
    bytes
        To be appended to the file.
    """
    return head(kind, payload) + payload


def scan(path: str | os.PathLike[str]) -> tuple[list[FrameAt], bool]:
    """Find the whole frames of a file; only their heads are read.

    Parameters
    ----------
    path : path-like
        The file; another process may be appending to it.

    Returns
    -------
    frames : list of FrameAt
        In their order, without the last one that closes the file.
    closed : bool
        False if the writer was interrupted, or still writes; what it was writing then is left out.

    Raises
    ------
    LogError
        If the file is missing, no log, or damaged at a head.
    """
    try:
        with Path(path).open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            if file.read(len(MAGIC)) != MAGIC:
                raise LogError(f"{path} is no rewiring log, or one of another format.")
            return _scan(path, file, end)
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error}") from error


def _scan(path: str | os.PathLike[str], file: IO[bytes], end: int) -> tuple[list[FrameAt], bool]:
    frames: list[FrameAt] = []
    place = len(MAGIC)
    while place + HEAD.size + CHECK.size <= end:
        file.seek(place)
        words = file.read(HEAD.size + CHECK.size + STEP.size)
        kind, length, check = HEAD.unpack_from(words)
        payload_at = place + HEAD.size + CHECK.size
        whole = payload_at + length <= end
        known = kind in KINDS and zlib.crc32(words[: HEAD.size]) == CHECK.unpack_from(words, HEAD.size)[0]
        if not known or (kind == END and (length or payload_at != end)):
            raise LogError(f"{path} is damaged at byte {place}.")
        if kind == END:
            return frames, True
        if not whole:
            break
        step = STEP.unpack_from(words, HEAD.size + CHECK.size)[0] if length >= STEP.size else 0
        frames.append(FrameAt(kind, payload_at, length, check, step))
        place = payload_at + length
    return frames, False


def read_payload(path: str | os.PathLike[str], file: IO[bytes], at: FrameAt) -> bytes:
    """Read what a frame holds.

    Parameters
    ----------
    path : path-like
        For messages.
    file : file
        Open for reading.
    at : FrameAt
        From ``scan``.

    Returns
    -------
    bytes
        Its payload.

    Raises
    ------
    LogError
        If it is not what was written.
    """
    file.seek(at.place)
    payload = file.read(at.length)
    if len(payload) != at.length or zlib.crc32(payload) != at.check:
        raise LogError(f"{path} is damaged at byte {at.place}.")
    return payload


def read_blocks(
    path: str | os.PathLike[str],
    frames: Sequence[FrameAt],
    dtype: np.dtype[Any],
    check: Callable[[NDArray[Any]], None],
) -> Iterator[NDArray[Any]]:
    """Yield the rows that frames hold, one frame at a time, after checking them.

    Parameters
    ----------
    path : path-like
        The file.
    frames : sequence of FrameAt
        From ``scan``.
    dtype : numpy.dtype
        Of a row, with a field ``step``.
    check : callable
        Raises ValueError where a block cannot be one.

    Yields
    ------
    ndarray
        Not empty, the steps in order from the first block to the last.

    Raises
    ------
    LogError
        If the file is damaged, or was taken away.
    """
    last = -1
    try:
        with Path(path).open("rb") as file:
            for at in frames:
                rows = np.frombuffer(read_payload(path, file, at), dtype)
                if len(rows):
                    if rows[0]["step"] < last:
                        raise ValueError(REASONS[GOES_BACK])
                    check(rows)
                    last = int(rows[-1]["step"])
                    yield rows
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise LogError(f"{path} is damaged: {error}") from error


#: What is said of rows that cannot be.
REASONS = {
    GOES_BACK: "its steps go back",
    NO_STEP: "an event belongs to no step",
    NO_EVENT: "an event is no birth, no death and no move, or has no sign",
    NEGATIVE: "an event has a negative neuron or slot",
    NO_SET: "an event belongs to a set that the log does not know",
    BEYOND: "an event has a neuron beyond the number of those that its set has",
}

#: For ``check_events`` where nothing is known of the sets.
NO_LIMITS = np.empty((0, 2), np.int64)


def accept(_: NDArray[Any]) -> None:
    """Accept rows that this process has written itself."""


def check_times(rows: NDArray[Any]) -> None:
    """Refuse rows that no record of times can have.

    Parameters
    ----------
    rows : ndarray of TIME
        Not empty.

    Raises
    ------
    ValueError
        If they are wrong.
    """
    if rows[0]["step"] < 0 or (np.diff(rows["step"]) <= 0).any():
        raise ValueError("its steps go back, come twice, or are negative")


def check_events(
    steps: NDArray[np.int64], closed: bool, events: NDArray[Any], limits: NDArray[np.int64] = NO_LIMITS
) -> None:
    """Refuse rows that no recorded step can have.

    Parameters
    ----------
    steps : ndarray of int64
        All steps of the record.
    closed : bool
        Whether the file was closed; otherwise events may be there of which the step is not, as the last to be written.
    events : ndarray of EVENT
        Any.
    limits : ndarray of int64, shape (sets, 2)
        Numbers of neurons on both sides of each set, 0 where there is no set of this number; may be empty.

    Raises
    ------
    ValueError
        If they are wrong.
    """
    if not len(events):
        return
    if closed and (not len(steps) or events["step"][-1] > steps[-1]):
        raise ValueError(REASONS[NO_STEP])
    found = check_rows(events, steps, np.searchsorted(steps, events["step"][0]), limits)
    if found != FINE:
        raise ValueError(REASONS[found])
