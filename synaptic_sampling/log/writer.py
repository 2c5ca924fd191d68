"""Writing the file of a log: opening, locking, appending, and truncating it where a run is continued."""

from __future__ import annotations

import json
import logging
import os
import struct
import time
import weakref
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from synaptic_sampling.events import EVENT
from synaptic_sampling.log.file import (
    END,
    EVENTS,
    MAGIC,
    ROW,
    RULE,
    SNAPSHOT,
    TIMES,
    FrameAt,
    LogError,
    accept,
    frame,
    head,
    read_payload,
    scan,
)
from synaptic_sampling.log.rows import Rows, RowsOnDisk

__all__ = ["LogWriter"]

logger = logging.getLogger(__name__)

#: Seconds after which pending rows are written, however few they are.
INTERVAL = 0.5

#: The open writers of this process, by path.
_open: weakref.WeakValueDictionary[str, LogWriter] = weakref.WeakValueDictionary()


class LogWriter:
    """Appends frames to a file that no other process can write at the same time."""

    events: RowsOnDisk
    times: Rows

    def __init__(self, path: str | os.PathLike[str], mode: str, block: int) -> None:
        self.path, self.times_on_disk = os.path.realpath(path), 0
        self._block, self._process, self._due = block, os.getpid(), 0.0
        if mode != "x" and self.path in _open and _open[self.path].is_open:
            logger.warning("the log that was recording to %s was closed; further steps of it stay in memory", path)
            _open[self.path].close()
        self._file, self.is_new = _open_file(Path(path), mode)
        if self.is_new:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(MAGIC)
            self._file.flush()
        _open[self.path] = self

    @property
    def is_open(self) -> bool:
        """Return whether frames can be written."""
        return not self._file.closed

    def write(self, kind: bytes, payload: bytes) -> FrameAt:
        """Append a frame, and return its position."""
        # Written separately: joining them would copy the snapshot.
        self._file.write(head(kind, payload))
        self._file.write(payload)
        self._file.flush()
        return FrameAt(kind, self._file.tell() - len(payload), len(payload), zlib.crc32(payload), 0)

    def spool(self) -> None:
        """Write pending rows; times come last, because they complete the steps."""
        events, times = self.events.in_memory(), self.times.since(self.times_on_disk)
        if len(events):
            self.events.forget(self.write(EVENTS, events.tobytes())._replace(first_step=int(events["step"][0])))
        if len(times):
            self.write(TIMES, times.tobytes())
            self.times_on_disk += len(times)
        self._due = time.monotonic() + INTERVAL

    def spool_if_due(self) -> None:
        """Write pending rows if there are many, or if the last ones were written some time ago."""
        pending = max(self.events.num_in_memory, len(self.times) - self.times_on_disk)
        if pending >= self._block or time.monotonic() >= self._due:
            self.spool()

    def flush(self) -> None:
        """Write all rows, and wait until they are on disk."""
        self.spool()
        os.fsync(self._file.fileno())

    def take(self, events: RowsOnDisk, times: Rows) -> None:
        """Set the tables to write: events that are in memory, and times appended from now on."""
        self.events, self.times, self.times_on_disk = events, times, len(times)

    def cut(self, until: int) -> RowsOnDisk:
        """Remove later steps and incomplete frames from the file, completely or not at all; return the events left."""
        self.spool()
        frames, _ = scan(self.path)
        left = [_left_of(self.path, self._file, at, until) for at in frames]
        whole = next((n for n, part in enumerate(left) if part is not None), len(frames))
        end = frames[whole - 1].place + frames[whole - 1].length if whole else len(MAGIC)
        tail = b""
        for at, part in zip(frames[whole:], left[whole:], strict=True):
            payload = read_payload(self.path, self._file, at) if part is None else part
            tail += frame(at.kind, payload) if payload else b""
        if tail:
            self._replace(end, tail)
        else:
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
        events = [at for at in scan(self.path)[0] if at.kind == EVENTS]
        # These events were checked when they were read, or written by this process.
        return RowsOnDisk(self.path, events, EVENT, self._block, accept)

    def close(self) -> None:
        """Write pending rows and close the file."""
        # A forked child process has a copy of this object, but the file belongs to its parent.
        if self.is_open and self._process == os.getpid():
            self.flush()
            self.write(END, b"")
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _replace(self, end: int, tail: bytes) -> None:
        """Replace the file by one with the same content up to byte ``end``, followed by ``tail``."""
        path = Path(self.path)
        temporary = path.with_name(f".{path.name}.part")
        file = temporary.open("w+b")
        try:
            _lock(file, temporary)
            self._file.seek(0)
            for start in range(0, end, 2**20):
                file.write(self._file.read(min(2**20, end - start)))
            file.write(tail)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = file


def _open_file(path: Path, mode: str) -> tuple[IO[bytes], bool]:
    """Open a file for reading and writing, lock it, and return whether a new log starts in it."""
    try:
        file = path.open("x+b")
    except FileExistsError:
        file = path.open("r+b")
    try:
        closed_empty = MAGIC + frame(END, b"")
        start = file.read(len(closed_empty) + 1)
        # A file without frames, of a writer that was killed early or closed without steps, has nothing to lose.
        empty = MAGIC.startswith(start) or start == closed_empty
        if mode == "x" and not empty:
            raise FileExistsError(
                f"{path} already exists; continue the log with mode='a', replace it with mode='w', or record to "
                "another path."
            )
        _lock(file, path)
    except BaseException:
        file.close()
        raise
    return file, empty or mode == "w"


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock a file against other writers until it is closed or this process ends."""
    try:
        import fcntl  # noqa: PLC0415 (not available on Windows)
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LogError(f"another log or process is recording to {path}; close it, or use another path.") from error
    except OSError:  # Some file systems do not support locks.
        return


def _left_of(path: str, file: IO[bytes], at: FrameAt, until: int) -> bytes | None:
    """Return the payload of a frame without later steps; None if it is unchanged."""
    if at.kind == SNAPSHOT:
        file.seek(at.place)
        about = file.read(struct.unpack("<I", file.read(4))[0])
        return b"" if json.loads(about)[0] > until else None
    if at.kind == RULE:
        return b"" if json.loads(read_payload(path, file, at))[0] > until else None
    if at.kind not in (EVENTS, TIMES) or not at.length:
        return None
    file.seek(at.place + at.length - ROW.itemsize)
    if np.frombuffer(file.read(ROW.itemsize), ROW)["step"][0] <= until:
        return None
    rows = np.frombuffer(read_payload(path, file, at), ROW)
    return rows[rows["step"] <= until].tobytes()
