"""The file format of a log: frames with length and checksums, appended one after the other.

An append-only file stays readable up to the last complete frame if its writer is killed, which HDF5 does not
guarantee. The header of a frame has a checksum of its own, so that a damaged length is not mistaken for the end.
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

#: 2 is the version of the format.
MAGIC = b"rewiring log 2\n\x00"
#: Kind, length and checksum of the payload; followed by a checksum of these three.
HEAD = struct.Struct("<4sQI")
CHECK = struct.Struct("<I")
#: The payload of events starts with a step.
STEP = struct.Struct("<q")
#: A row of events or of times; only the step is needed here.
ROW = np.dtype([("step", "<i8"), ("rest", "V16")])
SETS, EVENTS, TIMES, SNAPSHOT, ABOUT, RULE, END = KINDS = b"SETS", b"EVNT", b"TIME", b"SNAP", b"META", b"RULE", b"END "
#: Largest number of a step.
MAX_STEP = 2**62


class LogError(Exception):
    """A log is inconsistent, damaged or missing, or a file is not a log."""


class FrameAt(NamedTuple):
    """Position, length and checksum of the payload of a frame, and the first step that it claims to contain."""

    kind: bytes
    place: int
    length: int
    check: int
    first_step: int


def check_path(name: str, path: Any) -> str | os.PathLike[str]:
    """Return a path, or raise an error that names the argument."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {path!r}.")
    return path


def head(kind: bytes, payload: bytes) -> bytes:
    """Return the header of a payload."""
    first = HEAD.pack(kind, len(payload), zlib.crc32(payload))
    return first + CHECK.pack(zlib.crc32(first))


def frame(kind: bytes, payload: bytes) -> bytes:
    """Return a payload with its header."""
    return head(kind, payload) + payload


def scan(path: str | os.PathLike[str]) -> tuple[list[FrameAt], bool]:
    """Return the complete frames of a file, without the closing one, and whether it was closed; reads headers only."""
    try:
        with Path(path).open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            if file.read(len(MAGIC)) != MAGIC:
                raise LogError(f"{path} is not a rewiring log, or has another format version.")
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
    """Read and verify the payload of a frame."""
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
    """Yield the rows in frames, one frame at a time; ``check`` raises ValueError for impossible rows."""
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


#: Messages on impossible rows.
REASONS = {
    GOES_BACK: "its steps decrease",
    NO_STEP: "an event belongs to no step",
    NO_EVENT: "an event is neither a birth, a death nor a move, or has no sign",
    NEGATIVE: "an event has a negative neuron or slot",
    NO_SET: "an event belongs to an unknown set",
    BEYOND: "an event has a neuron that does not exist in its set",
}

#: For ``check_events`` if the sets are not known.
NO_LIMITS = np.empty((0, 2), np.int64)


def accept(_: NDArray[Any]) -> None:
    """Accept all rows: this process has written them."""


def check_times(rows: NDArray[Any]) -> None:
    """Raise ValueError for times that no log can contain."""
    if rows[0]["step"] < 0 or (np.diff(rows["step"]) <= 0).any():
        raise ValueError("its steps decrease, are repeated or negative")


def check_events(
    steps: NDArray[np.int64], closed: bool, events: NDArray[Any], limits: NDArray[np.int64] = NO_LIMITS
) -> None:
    """Raise ValueError for events that no step can have; in a file that is not closed, later steps may be missing."""
    if not len(events):
        return
    if closed and (not len(steps) or events["step"][-1] > steps[-1]):
        raise ValueError(REASONS[NO_STEP])
    found = check_rows(events, steps, np.searchsorted(steps, events["step"][0]), limits)
    if found != FINE:
        raise ValueError(REASONS[found])
