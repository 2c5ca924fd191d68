"""What a log looks like on disk: frames, each with its length and a check sum, appended one after the other.

A file that is only ever appended to stays readable to the last whole frame when its writer is killed, which HDF5 does
not promise.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogError", "SetInfo", "Snapshot", "frame", "pack", "read_frames", "unpack"]

#: The 1 is the version of the format.
MAGIC = b"rewiring log 1\n\x00"
FRAME = struct.Struct("<4sQI")
SETS, EVENTS, TIMES, SNAPSHOT, END = KINDS = b"SETS", b"EVNT", b"TIME", b"SNAP", b"END "


class LogError(Exception):
    """A log that contradicts itself, is damaged, or is no log."""


class SetInfo(NamedTuple):
    """What is to be known of a set of connections."""

    set_index: int
    num_pre: int
    num_post: int
    num_sites: int
    name: str
    multapses: bool


class Snapshot(NamedTuple):
    """All connections of a set after a step, slot by slot; polarity 0 where a slot holds none."""

    step: int
    set_index: int
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    theta: NDArray[Any]
    polarity: NDArray[np.int8]


def frame(kind: bytes, payload: bytes) -> bytes:
    """Return a payload with its head.

    Parameters
    ----------
    kind : bytes
        One of ``KINDS``.
    payload : bytes
        Anything.

    Returns
    -------
    bytes
        To be appended to the file.
    """
    return FRAME.pack(kind, len(payload), zlib.crc32(payload)) + payload


def read_frames(path: str | os.PathLike[str]) -> tuple[list[tuple[bytes, memoryview]], bool]:
    """Return the whole frames of a file, and whether it was closed.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    frames : list of (kind, payload)
        In their order, without the last one that closes the file.
    closed : bool
        False if the writer was interrupted; what it was writing then is left out.

    Raises
    ------
    LogError
        If the file is missing, damaged or no log.
    """
    try:
        content = memoryview(Path(path).read_bytes())
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error}") from error
    if content[: len(MAGIC)] != MAGIC:
        raise LogError(f"{path} is no rewiring log, or one of another format.")
    last = frame(END, b"")
    closed = content[-len(last) :] == last
    frames, place, end = [], len(MAGIC), len(content) - len(last) * closed
    while place < end:
        payload_at = place + FRAME.size
        kind, length, check = FRAME.unpack_from(content, place) if payload_at <= end else (b"", end, 0)
        if payload_at + length > end and not closed:
            break
        payload = content[payload_at : payload_at + length]
        if payload_at + length > end or kind not in KINDS or zlib.crc32(payload) != check:
            raise LogError(f"{path} is damaged at byte {place}.")
        frames.append((kind, payload))
        place = payload_at + length
    return frames, closed


def pack(taken: Snapshot) -> bytes:
    """Return a snapshot as bytes.

    Parameters
    ----------
    taken : Snapshot
        Any.

    Returns
    -------
    bytes
        For ``unpack``.
    """
    about = json.dumps([taken.step, taken.set_index, len(taken.pre), taken.theta.dtype.str]).encode()
    return struct.pack("<I", len(about)) + about + b"".join(values.tobytes() for values in taken[2:])


def unpack(payload: memoryview) -> Snapshot:
    """Return the snapshot that was packed.

    Parameters
    ----------
    payload : memoryview
        From ``pack``.

    Returns
    -------
    Snapshot
        Its arrays are views of the payload.

    Raises
    ------
    ValueError, TypeError, struct.error
        If it is none.
    """
    begin = 4 + struct.unpack_from("<I", payload)[0]
    step, index, number, theta = json.loads(bytes(payload[4:begin]))
    dtypes = [np.dtype("<i4"), np.dtype("<i4"), np.dtype(theta), np.dtype("i1")]
    if dtypes[2].kind != "f" or len(payload) != begin + number * sum(dtype.itemsize for dtype in dtypes):
        raise ValueError("a snapshot has the wrong size or type")
    columns = []
    for dtype in dtypes:
        columns.append(np.frombuffer(payload, dtype, number, begin))
        begin += number * dtype.itemsize
    return Snapshot(step, index, *columns)
