"""Every birth and death of a connection, in order; what people look at is computed from here."""

from __future__ import annotations

import json
import logging
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling import _replay
from synaptic_sampling._checks import check_integer
from synaptic_sampling._log_file import (
    END,
    EVENTS,
    MAGIC,
    SETS,
    SNAPSHOT,
    TIMES,
    LogError,
    SetInfo,
    Snapshot,
    frame,
    pack,
    read_frames,
    unpack,
)
from synaptic_sampling._replay import LIFE
from synaptic_sampling._rows import Rows
from synaptic_sampling.events import EVENT, RewiringInfo

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot"]

logger = logging.getLogger(__name__)

#: One row per step: when it was, in seconds of simulated time and in presented samples (NaN where there are none).
TIME = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("samples", "<f8")])

#: Rows that are kept before they become a block on disk; a crash loses at most these.
BLOCK = 16384

MAX_STEP = 2**62
MAX_INDEX = 2**16 - 1


class RewiringLog:
    """Births and deaths in the order of their steps, and the wirings between which they lead.

    The first wiring is a snapshot, not births. From it and the events, every later wiring follows.

    Parameters
    ----------
    path : path-like, optional
        Where to write while recording, so that a crash loses at most the last 16384 events or steps and the step
        then running. To be closed by ``close`` or a ``with`` statement.

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
        self._events, self._times = Rows(EVENT, BLOCK), Rows(TIME, BLOCK)
        self._on_disk = {EVENTS: 0, TIMES: 0}
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
        """Return a copy of all births and deaths, an array of ``EVENT``."""
        return self._events.since(0)

    @property
    def times(self) -> NDArray[Any]:
        """Return a copy of the rows, one per step, an array of ``TIME``."""
        return self._times.since(0)

    @property
    def first_step(self) -> int:
        """Return the step at which the record begins, that of the first snapshot."""
        return min((snapshot.step for snapshot in self.snapshots), default=0)

    @property
    def last_step(self) -> int:
        """Return the last step that was recorded."""
        return int(self._times.last["step"]) if len(self._times) else self.first_step

    def describe(
        self, index: int, *, num_pre: int, num_post: int, num_sites: int, name: str = "", multapses: bool = False
    ) -> None:
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
        multapses : bool
            Whether two connections may share a pair of neurons.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or out of range.
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, got {name!r}.")
        if not isinstance(multapses, bool):
            raise TypeError(f"multapses must be True or False, got {multapses!r}.")
        self.sets[_check_index(index)] = SetInfo(
            int(index),
            check_integer("num_pre", num_pre, minimum=1, maximum=2**31 - 1),
            check_integer("num_post", num_post, minimum=1, maximum=2**31 - 1),
            check_integer("num_sites", num_sites, minimum=0, maximum=MAX_STEP if multapses else num_pre * num_post),
            name,
            multapses,
        )
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
            Slot by slot; polarity 0 where a slot holds no connection.

        Raises
        ------
        TypeError, ValueError
            If the step or the index is out of range, or the arrays differ in length.
        """
        taken = Snapshot(
            check_integer("step", step, minimum=0, maximum=MAX_STEP),
            _check_index(index),
            np.array(pre, np.int32),
            np.array(post, np.int32),
            np.array(theta),
            np.array(polarity, np.int8),
        )
        lengths = {len(values) for values in taken[2:]}
        if len(lengths) != 1:
            raise ValueError(f"pre, post, theta and polarity must have equal lengths, got {sorted(lengths)}.")
        self.snapshots.append(taken)
        self._write(SNAPSHOT, pack(taken))

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
            If the step is older than the last one, or not that of its events.
        """
        last = int(self._times.last["step"]) if len(self._times) else -1
        if info.step < last:
            raise ValueError(f"steps must not go back: step {info.step} came after step {last}.")
        if len(info.events) and (info.events["step"] != info.step).any():
            raise ValueError(f"all events of step {info.step} must carry this step.")
        if info.step > last:
            # All before it is complete: a file holds whole steps only.
            if max(len(self._events) - self._on_disk[EVENTS], len(self._times) - self._on_disk[TIMES]) >= BLOCK:
                self._spool()
            self._times.append(np.array([(info.step, seconds, samples)], TIME))
        self.num_deaths += info.num_deaths
        self.num_births += info.num_births
        self._events.append(info.events)

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
            In the order of slots.

        Raises
        ------
        LogError
            If there is no snapshot to begin with, or if an event contradicts the wiring.
        """
        until = self.last_step if step is None else check_integer("step", step, minimum=0, maximum=MAX_STEP)
        earlier = [s for s in self.snapshots if s.set_index == index and s.step <= until]
        if not earlier:
            raise LogError(f"no snapshot of set {index} at or before step {until}: nothing to begin the replay with.")
        begin = max(earlier, key=lambda s: s.step)
        events = self.events
        events = events[(events["set"] == index) & (events["step"] > begin.step) & (events["step"] <= until)]
        return _replay.replay(begin, events, self._shares_pairs(index))

    def event_blocks(self, index: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield all events in their order, block by block; what does not fit into memory is read this way.

        Parameters
        ----------
        index : int, optional
            Number of the set; all by default.

        Yields
        ------
        ndarray of EVENT
            Not to be written to.
        """
        events = self.events
        yield events if index is None else events[events["set"] == index]

    def wirings(
        self, steps: ArrayLike, index: int = 0
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]]:
        """Yield the connections after each of some steps, in one pass through the events.

        Parameters
        ----------
        steps : array_like of int
            In ascending order.
        index : int
            Number of the set.

        Yields
        ------
        pre, post, polarity : ndarray, shape (K,)
            As from ``wiring``.

        Raises
        ------
        ValueError
            If the steps do not ascend.
        LogError
            As from ``wiring``.
        """
        for step in np.asarray(steps).tolist():
            yield self.wiring(step, index)

    def life_blocks(self, index: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield all lives, block by block: as they end, and last those that have not ended.

        Parameters
        ----------
        index : int, optional
            Number of the set; all by default.

        Yields
        ------
        ndarray of LIFE
            As from ``lives``, in another order.

        Raises
        ------
        LogError
            As from ``lives``.
        """
        yield self.lives(index)

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

        Raises
        ------
        LogError
            If there is no snapshot to begin with, or if an event contradicts the wiring.
        """
        first = {taken.set_index: taken for taken in reversed(self.snapshots)}
        indices = sorted(self.sets or first) if index is None else [index]
        events = self.events
        found = [np.empty(0, LIFE)]
        for n in indices:
            if n not in first:
                raise LogError(f"no snapshot of set {n}: who was there at the start is not known.")
            own = events[(events["set"] == n) & (events["step"] > first[n].step)]
            found.append(_replay.lives(first[n], own, self.last_step, self._shares_pairs(n)))
        return np.concatenate(found)

    def flush(self) -> None:
        """Write what has been recorded so far to disk; between steps."""
        if self._file is not None:
            self._spool()
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
            file.write(MAGIC + frame(SETS, json.dumps(list(self.sets.values())).encode()))
            for taken in self.snapshots:
                file.write(frame(SNAPSHOT, pack(taken)))
            for kind, rows in ((EVENTS, self.events), (TIMES, self.times)):
                file.write(frame(kind, rows.tobytes()))
            file.write(frame(END, b""))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RewiringLog:
        """Read a log; of one whose writer was interrupted, all steps that reached the disk.

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
        frames, closed = read_frames(path)
        log = cls()
        parts: dict[bytes, list[NDArray[Any]]] = {EVENTS: [np.empty(0, EVENT)], TIMES: [np.empty(0, TIME)]}
        try:
            for kind, payload in frames:
                if kind == SETS:
                    for about in json.loads(bytes(payload)):
                        log.describe(about[0], **dict(zip(SetInfo._fields[1:], about[1:], strict=True)))
                elif kind == SNAPSHOT:
                    log.snapshot(*unpack(payload))
                else:
                    parts[kind].append(np.frombuffer(payload, EVENT if kind == EVENTS else TIME))
            events, times = (np.concatenate(parts[kind]) for kind in (EVENTS, TIMES))
            if not closed:
                events = events[events["step"] <= times["step"].max(initial=-1)]
                logger.warning("%s was not closed: its writer was interrupted; %d steps are here", path, len(times))
            log._take(events, times)
        except (ValueError, TypeError, LookupError, RecursionError, struct.error) as error:
            raise LogError(f"{path} is damaged: {error}") from error
        return log

    def _shares_pairs(self, index: int) -> bool:
        return index in self.sets and self.sets[index].multapses

    def _take(self, events: NDArray[Any], times: NDArray[Any]) -> None:
        """Take over all rows at once."""
        if (np.diff(times["step"]) <= 0).any() or (np.diff(events["step"]) < 0).any():
            raise ValueError("its steps go back")
        if not np.isin(events["step"], times["step"]).all():
            raise ValueError("an event belongs to no step")
        if not (np.isin(events["kind"], (-2, -1, 1, 2)) & np.isin(events["polarity"], (-1, 1))).all():
            raise ValueError("an event is no birth, no death and no move, or has no sign")
        self._events.append(events)
        self._times.append(times)
        self.num_births = int(np.count_nonzero(events["kind"] == 1))
        self.num_deaths = int(np.count_nonzero(events["kind"] == -1))

    def _spool(self) -> None:
        """Write the rows that are not yet on disk, of whole steps; times last, which make the steps count."""
        for kind, rows in ((EVENTS, self._events), (TIMES, self._times)):
            if len(rows) > self._on_disk[kind]:
                self._write(kind, rows.since(self._on_disk[kind]).tobytes())
                self._on_disk[kind] = len(rows)

    def _write(self, kind: bytes, payload: bytes) -> None:
        if self._file is not None:
            self._file.write(frame(kind, payload))
            self._file.flush()


def _check_index(index: int) -> int:
    return check_integer("index", index, minimum=0, maximum=MAX_INDEX)
