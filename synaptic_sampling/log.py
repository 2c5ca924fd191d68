"""Every birth and death of a connection, in order; what people look at is computed from here."""

from __future__ import annotations

import json
import logging
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling.events import EVENT, RewiringInfo

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot"]

logger = logging.getLogger(__name__)

#: One row per step: when it was, in seconds of simulated time and in presented samples (NaN where there are none).
TIME = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("samples", "<f8")])

#: One connection from its birth to its death. ``initial``: it was there at the start, its true birth is not known.
LIFE = np.dtype(
    [
        ("pre", "<i4"),
        ("post", "<i4"),
        ("set", "<u2"),
        ("polarity", "i1"),
        ("initial", "?"),
        ("dead", "?"),
        ("birth", "<i8"),
        ("end", "<i8"),
    ]
)

#: Rows that are kept before they become a block on disk; a crash loses at most these.
BLOCK = 16384

MAGIC = b"rewiring log 1\n\x00"
FRAME = struct.Struct("<4sQI")
SETS, EVENTS, TIMES, SNAPSHOT, END = b"SETS", b"EVNT", b"TIME", b"SNAP", b"END "


class LogError(Exception):
    """A log that contradicts itself, is damaged, or is no log."""


class SetInfo(NamedTuple):
    """What is to be known of a set of connections."""

    set_index: int
    num_pre: int
    num_post: int
    num_sites: int
    name: str


class Snapshot(NamedTuple):
    """All connections of a set after a step, slot by slot."""

    step: int
    set_index: int
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    theta: NDArray[Any]
    polarity: NDArray[np.int8]


class RewiringLog:
    """Births and deaths in the order of their steps, and the wirings between which they lead.

    The first wiring is a snapshot, not births. From it and the events, every later wiring follows.

    Parameters
    ----------
    path : path-like, optional
        Where to write while recording, so that a crash loses at most the last 16384 events and steps. To be closed
        by ``close`` or a ``with`` statement.

    Attributes
    ----------
    sets : dict of int to SetInfo
        The sets of connections, by index.
    snapshots : list of Snapshot
        In the order of their steps.
    num_births, num_deaths : int
        Counts over all sets.

    Raises
    ------
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.sets: dict[int, SetInfo] = {}
        self.snapshots: list[Snapshot] = []
        self.num_births = self.num_deaths = 0
        self._events, self._times = _Rows(EVENT), _Rows(TIME)
        self._file: IO[bytes] | None = None
        if path is not None:
            self._file = Path(path).open("wb")
            self._file.write(MAGIC)

    def __repr__(self) -> str:
        return f"<RewiringLog: {self.num_births} births, {self.num_deaths} deaths in {len(self._times)} steps>"

    def __enter__(self) -> RewiringLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def events(self) -> NDArray[Any]:
        """Return all births and deaths, an array of ``EVENT``."""
        return self._events.all()

    @property
    def times(self) -> NDArray[Any]:
        """Return one row per step, an array of ``TIME``."""
        return self._times.all()

    @property
    def first_step(self) -> int:
        """Return the step at which the record begins, that of the first snapshot."""
        return min((snapshot.step for snapshot in self.snapshots), default=0)

    @property
    def last_step(self) -> int:
        """Return the last step that was recorded."""
        return int(self._times.last["step"]) if len(self._times) else self.first_step

    def describe(self, index: int, *, num_pre: int, num_post: int, num_sites: int, name: str = "") -> None:
        """Say what a set of connections is, before its first event.

        Parameters
        ----------
        index : int
            Number of the set, as in the events.
        num_pre, num_post : int
            Numbers of neurons on both sides.
        num_sites : int
            Pairs that may be connected.
        name : str
            For pictures.
        """
        self.sets[index] = SetInfo(index, num_pre, num_post, num_sites, name)
        self._write(SETS, json.dumps(list(self.sets.values())).encode())

    def snapshot(
        self, step: int, index: int, pre: ArrayLike, post: ArrayLike, theta: ArrayLike, polarity: ArrayLike
    ) -> None:
        """Keep a copy of all connections of a set.

        Parameters
        ----------
        step : int
            After which step, 0 before the first.
        index : int
            Number of the set.
        pre, post, theta, polarity : array_like, shape (K,)
            Slot by slot.

        Raises
        ------
        ValueError
            If the arrays differ in length.
        """
        taken = Snapshot(
            check_integer("step", step, minimum=0, maximum=2**62),
            index,
            np.array(pre, np.int32),
            np.array(post, np.int32),
            np.array(theta),
            np.array(polarity, np.int8),
        )
        lengths = {len(values) for values in taken[2:]}
        if len(lengths) != 1:
            raise ValueError(f"pre, post, theta and polarity must have equal lengths, got {sorted(lengths)}.")
        self.snapshots.append(taken)
        self._write(SNAPSHOT, _pack(taken))

    def record(self, info: RewiringInfo, *, seconds: float = math.nan, samples: float = math.nan) -> None:
        """Append what a step did; once per step, or once per step and set.

        Parameters
        ----------
        info : RewiringInfo
            What died and what was born; steps without any count too.
        seconds : float
            Simulated time.
        samples : float
            Samples presented since the start.

        Raises
        ------
        ValueError
            If the step is older than the last one.
        """
        last = int(self._times.last["step"]) if len(self._times) else -1
        if info.step < last:
            raise ValueError(f"steps must not go back: step {info.step} came after step {last}.")
        self.num_deaths += info.num_deaths
        self.num_births += info.num_births
        for block in self._events.append(info.events):
            self._write(EVENTS, block.tobytes())
        if info.step > last:
            for block in self._times.append(np.array([(info.step, seconds, samples)], TIME)):
                self._write(TIMES, block.tobytes())

    def wiring(
        self, step: int | None = None, index: int = 0
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
        """Return the connections after a step, by replaying the events since the nearest snapshot before it.

        Parameters
        ----------
        step : int, optional
            The last one by default.
        index : int
            Number of the set.

        Returns
        -------
        pre, post, polarity : ndarray, shape (K,)
            Slot by slot.

        Raises
        ------
        LogError
            If there is no snapshot to begin with, or if an event contradicts the wiring.
        """
        until = self.last_step if step is None else check_integer("step", step, minimum=0, maximum=2**62)
        earlier = [s for s in self.snapshots if s.set_index == index and s.step <= until]
        if not earlier:
            raise LogError(f"no snapshot of set {index} at or before step {until}: nothing to begin the replay with.")
        begin = max(earlier, key=lambda s: s.step)
        events = self.events
        events = events[(events["set"] == index) & (events["step"] > begin.step) & (events["step"] <= until)]
        return _replay(begin, events)

    def lives(self, index: int | None = None) -> NDArray[Any]:
        """Return all connections, each from its birth to its death.

        Parameters
        ----------
        index : int, optional
            Number of the set; all by default.

        Returns
        -------
        ndarray of LIFE
            ``end`` is the step of death, or the last step of the record where not ``dead``. For ``initial`` ones
            ``birth`` is the begin of the record.
        """
        indices = sorted(self.sets or {s.set_index for s in self.snapshots}) if index is None else [index]
        return np.concatenate([_lives(self, n) for n in indices]) if indices else np.empty(0, LIFE)

    def flush(self) -> None:
        """Write what has been recorded so far to disk."""
        if self._file is not None:
            self._write(EVENTS, self._events.rest().tobytes())
            self._write(TIMES, self._times.rest().tobytes())
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the rest to disk and end the file; recording may go on in memory."""
        if self._file is not None:
            self.flush()
            self._write(END, b"")
            self._file.close()
            self._file = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all to a file, whole or not at all.

        Parameters
        ----------
        path : path-like
            The file.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        temporary = Path(path).with_name(f".{Path(path).name}.part")
        with temporary.open("wb") as file:
            file.write(MAGIC)
            for kind, payload in [
                (SETS, json.dumps(list(self.sets.values())).encode()),
                *((SNAPSHOT, _pack(taken)) for taken in self.snapshots),
                (EVENTS, self.events.tobytes()),
                (TIMES, self.times.tobytes()),
                (END, b""),
            ]:
                file.write(FRAME.pack(kind, len(payload), zlib.crc32(payload)) + payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RewiringLog:
        """Read a log; of one whose writer was interrupted, all that reached the disk.

        Parameters
        ----------
        path : path-like
            Written by ``save`` or while recording.

        Returns
        -------
        RewiringLog
            In memory.

        Raises
        ------
        LogError
            If the file is missing, damaged or no log.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error}") from error
        if not content.startswith(MAGIC):
            raise LogError(f"{path} is no rewiring log, or one of another format.")
        log, place = cls(), len(MAGIC)
        while place < len(content):
            place, kind, payload = _frame(content, place, path)
            if kind == END:
                return log
            if payload is None:
                break
            log._take(kind, payload, path)
        logger.warning(
            "%s was not closed: its writer was interrupted; the steps up to %d are here", path, log.last_step
        )
        return log

    def _take(self, kind: bytes, payload: bytes, path: Any) -> None:
        """Add the content of a frame."""
        try:
            if kind == SETS:
                self.sets = {row[0]: SetInfo(*row) for row in json.loads(payload)}
            elif kind == SNAPSHOT:
                self.snapshots.append(_unpack(payload))
            elif kind == EVENTS:
                events = np.frombuffer(payload, EVENT)
                self._events.append(events)
                self.num_births += int(np.count_nonzero(events["kind"] == 1))
                self.num_deaths += int(np.count_nonzero(events["kind"] == -1))
            elif kind == TIMES:
                self._times.append(np.frombuffer(payload, TIME))
            else:
                raise ValueError(f"unknown part {kind!r}")
        except (ValueError, TypeError, KeyError, IndexError, struct.error) as error:
            raise LogError(f"{path} is damaged: {error}") from error

    def _write(self, kind: bytes, payload: bytes) -> None:
        if self._file is not None and (payload or kind == END):
            self._file.write(FRAME.pack(kind, len(payload), zlib.crc32(payload)) + payload)
            self._file.flush()


class _Rows:
    """Rows of a table that grows, in full blocks and one that fills."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._blocks: list[NDArray[Any]] = []
        self._open = np.empty(BLOCK, dtype)
        self._used = self._flushed = 0

    def __len__(self) -> int:
        return sum(map(len, self._blocks)) + self._used

    @property
    def last(self) -> Any:
        """Return the last row."""
        return self._open[self._used - 1] if self._used else self._blocks[-1][-1]

    def append(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """Add rows; return what of the blocks that are full now was not handed out before."""
        full = []
        while len(rows):
            n = min(len(rows), BLOCK - self._used)
            self._open[self._used : self._used + n] = rows[:n]
            self._used += n
            rows = rows[n:]
            if self._used == BLOCK:
                full.append(self.rest())
                self._blocks.append(self._open)
                self._open, self._used, self._flushed = np.empty_like(self._open), 0, 0
        return full

    def rest(self) -> NDArray[Any]:
        """Return the rows of the open block that were not handed out before."""
        rows = self._open[self._flushed : self._used]
        self._flushed = self._used
        return rows

    def all(self) -> NDArray[Any]:
        """Return all rows."""
        return np.concatenate([*self._blocks, self._open[: self._used]])


def _pack(taken: Snapshot) -> bytes:
    about = json.dumps([taken.step, taken.set_index, len(taken.pre), taken.theta.dtype.str]).encode()
    return struct.pack("<I", len(about)) + about + b"".join(values.tobytes() for values in taken[2:])


def _unpack(payload: bytes) -> Snapshot:
    begin = 4 + struct.unpack_from("<I", payload)[0]
    step, index, number, theta = json.loads(payload[4:begin])
    columns = []
    for dtype in (np.dtype("<i4"), np.dtype("<i4"), np.dtype(theta), np.dtype("i1")):
        columns.append(np.frombuffer(payload, dtype, number, begin))
        begin += number * dtype.itemsize
    return Snapshot(step, index, *columns)


def _frame(content: bytes, place: int, path: Any) -> tuple[int, bytes, bytes | None]:
    """Return where the next frame begins, and kind and payload of this one; no payload where the file breaks off."""
    if place + FRAME.size > len(content):
        return len(content), b"", None
    kind, length, check = FRAME.unpack_from(content, place)
    place += FRAME.size
    if length > len(content) - place:
        return len(content), b"", None
    payload = content[place : place + length]
    if zlib.crc32(payload) != check or kind not in {SETS, EVENTS, TIMES, SNAPSHOT, END}:
        raise LogError(f"{path} is damaged at byte {place}.")
    return place + length, kind, payload


def _replay(begin: Snapshot, events: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return the wiring that the events lead to, checking that each of them is possible."""
    pre, post, polarity = begin.pre.tolist(), begin.post.tolist(), begin.polarity.tolist()
    slot_of: dict[tuple[int, int], int] = {pair: slot for slot, pair in enumerate(zip(pre, post, strict=True))}
    for step, i, j, slot, _, kind, sign in events.tolist():
        dead = kind < 0
        if dead and slot_of.pop((i, j), None) != slot:
            raise LogError(f"step {step}: connection {i} -> {j} dies in slot {slot}, where it was not.")
        if not dead:
            if (i, j) in slot_of or not 0 <= slot < len(pre) or slot_of.get((pre[slot], post[slot])) == slot:
                raise LogError(f"step {step}: connection {i} -> {j} is born in slot {slot}, which is not free for it.")
            pre[slot], post[slot], polarity[slot] = i, j, sign
            slot_of[i, j] = slot
    if len(slot_of) != len(pre):
        raise LogError(f"the events leave {len(pre) - len(slot_of)} slots without a connection.")
    return np.array(pre, np.int32), np.array(post, np.int32), np.array(polarity, np.int8)


def _lives(log: RewiringLog, index: int) -> NDArray[Any]:
    """Return the lives of one set: in each slot, deaths end what the birth before them, or the start, began."""
    start = next((s for s in log.snapshots if s.set_index == index), None)
    if start is None:
        raise LogError(f"no snapshot of set {index}: who was there at the start is not known.")
    events = log.events
    events = events[(events["set"] == index) & (events["step"] > start.step)]
    births, deaths = events[events["kind"] > 0], events[events["kind"] < 0]
    born = np.empty(len(start.pre) + len(births), LIFE)
    slots = np.concatenate([np.arange(len(start.pre)), births["slot"]])
    for name in ("pre", "post", "polarity"):
        born[name] = np.concatenate([getattr(start, name), births[name]])
    born["birth"] = np.concatenate([np.full(len(start.pre), start.step), births["step"]])
    born["initial"] = np.arange(len(born)) < len(start.pre)
    born["set"], born["dead"], born["end"] = index, False, log.last_step
    # Both in the order of slots, then of time: the n-th life of a slot ends with the n-th death there.
    lives, ends = np.argsort(slots, kind="stable"), np.argsort(deaths["slot"], kind="stable")
    first_life = np.searchsorted(slots[lives], np.arange(len(start.pre)))
    first_death = np.searchsorted(deaths["slot"][ends], np.arange(len(start.pre)))
    rank = np.arange(len(ends)) - first_death[deaths["slot"][ends]]
    died = lives[first_life[deaths["slot"][ends]] + rank]
    born["dead"][died], born["end"][died] = True, deaths["step"][ends]
    return born
