"""The file of a log that is being recorded: opened with consent, claimed, appended to, and cut where a run goes on."""

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

#: Seconds after which rows reach the disk, however few they are.
INTERVAL = 0.5

#: The writers of this process, by path.
_open: weakref.WeakValueDictionary[str, LogWriter] = weakref.WeakValueDictionary()


class LogWriter:
    """Appends frames to a file that no other process writes meanwhile.

    Parameters
    ----------
    path : path-like
        The file.
    mode : {'x', 'a', 'w'}
        Create it, continue it, or replace it.
    block : int
        Rows that are written at once even before their time has come.

    Attributes
    ----------
    path : str
        Absolute.
    is_new : bool
        Whether nothing was in the file, or nothing is left of it.
    events, times : Rows
        What is to be written, given by ``take``.
    times_on_disk : int
        How many of the times are in the file.

    Raises
    ------
    FileExistsError
        If the file exists, holds anything, and the mode is 'x'.
    LogError
        If another process is writing it, or it is to be continued and is no log.
    """

    events: RowsOnDisk
    times: Rows

    def __init__(self, path: str | os.PathLike[str], mode: str, block: int) -> None:
        self.path, self.times_on_disk = os.path.realpath(path), 0
        self._block, self._process, self._due = block, os.getpid(), 0.0
        if mode != "x" and self.path in _open and _open[self.path].is_open:
            logger.warning("the log that was recording to %s was closed; what it records now stays in memory", path)
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
        """Append a frame, and return where it is."""
        # One after the other: together they would be one more copy of a snapshot.
        self._file.write(head(kind, payload))
        self._file.write(payload)
        self._file.flush()
        return FrameAt(kind, self._file.tell() - len(payload), len(payload), zlib.crc32(payload), 0)

    def spool(self) -> None:
        """Write the rows that are not yet in the file; times last, which make the steps count."""
        events, times = self.events.in_memory(), self.times.since(self.times_on_disk)
        if len(events):
            self.events.forget(self.write(EVENTS, events.tobytes())._replace(first_step=int(events["step"][0])))
        if len(times):
            self.write(TIMES, times.tobytes())
            self.times_on_disk += len(times)
        self._due = time.monotonic() + INTERVAL

    def spool_if_due(self) -> None:
        """Write the rows that are not yet in the file, if they are many or the last ones were written a while ago."""
        pending = max(self.events.num_in_memory, len(self.times) - self.times_on_disk)
        if pending >= self._block or time.monotonic() >= self._due:
            self.spool()

    def flush(self) -> None:
        """Write all rows, and wait until the disk has them."""
        self.spool()
        os.fsync(self._file.fileno())

    def take(self, events: RowsOnDisk, times: Rows) -> None:
        """Write these rows from now on; those of the events that are in memory, and the times to come."""
        self.events, self.times, self.times_on_disk = events, times, len(times)

    def cut(self, until: int) -> RowsOnDisk:
        """Drop from the file what belongs to later steps, and whatever is no whole frame; at once or not at all.

        Parameters
        ----------
        until : int
            The last step that stays.

        Returns
        -------
        RowsOnDisk
            The events that are left.
        """
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
        # They were checked when they were read, or written by this process.
        return RowsOnDisk(self.path, events, EVENT, self._block, accept)

    def close(self) -> None:
        """Write what is left and end the file."""
        # A child that was forked has a copy of this object, but the file belongs to its parent.
        if self.is_open and self._process == os.getpid():
            self.flush()
            self.write(END, b"")
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._file.close()

    def _replace(self, end: int, tail: bytes) -> None:
        """Put a file in place of this one that holds the same up to a byte, and then something else."""
        path = Path(self.path)
        temporary = path.with_name(f".{path.name}.part")
        file = temporary.open("w+b")
        try:
            _claim(file, temporary)
            self._file.seek(0)
            for begin in range(0, end, 2**20):
                file.write(self._file.read(min(2**20, end - begin)))
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
    """Open a file for reading and writing, claim it, and return whether it is to be a new log."""
    try:
        file = path.open("x+b")
    except FileExistsError:
        file = path.open("r+b")
    try:
        closed_empty = MAGIC + frame(END, b"")
        start = file.read(len(closed_empty) + 1)
        # Of a writer that was killed before its first frame, or closed without any, nothing can be lost.
        empty = MAGIC.startswith(start) or start == closed_empty
        if mode == "x" and not empty:
            raise FileExistsError(
                f"{path} exists already; continue the log with mode='a', replace it with mode='w', or record to "
                "another path."
            )
        _claim(file, path)
    except BaseException:
        file.close()
        raise
    return file, empty or mode == "w"


def _claim(file: IO[bytes], path: Path) -> None:
    """Keep other processes from recording to a file until this one closes it or ends."""
    try:
        import fcntl  # noqa: PLC0415 (there is none on Windows)
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LogError(f"another log or process records to {path}; close it, or take another path.") from error
    except OSError:  # Some file systems have no locks.
        return


def _left_of(path: str, file: IO[bytes], at: FrameAt, until: int) -> bytes | None:
    """Return what is left of a frame without later steps, None where that is all of it."""
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
