"""Every birth and death of a connection, in order; what people look at is computed from here."""

from __future__ import annotations

import json
import logging
import math
import os
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer
from synaptic_sampling._log_file import (
    ABOUT,
    END,
    EVENTS,
    MAGIC,
    MAX_STEP,
    RULE,
    SETS,
    SNAPSHOT,
    TIMES,
    FrameAt,
    LogError,
    SetInfo,
    Snapshot,
    accept,
    check_events,
    check_times,
    head,
    pack,
    read_blocks,
    read_payload,
    scan,
    unpack,
)
from synaptic_sampling._metadata import plain, versions
from synaptic_sampling._record import Record
from synaptic_sampling._replay import LIFE
from synaptic_sampling._rows import Rows, RowsOnDisk, SnapshotsOnDisk
from synaptic_sampling.events import EVENT, RewiringInfo

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot"]

logger = logging.getLogger(__name__)

#: One row per step: when it was, in seconds of simulated time and in presented samples (NaN where there are none).
TIME = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("samples", "<f8")])

#: Rows that are kept before they become a block on disk; a crash loses at most these.
BLOCK = 16384

MAX_INDEX = 2**16 - 1

#: Fields of a set in files written before sets could be unsigned or without theta.
FEWEST_FIELDS = 6


class RewiringLog(Record):
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
    metadata : dict
        What ``annotate`` was told: rule, seed, versions, parameters.
    snapshots : sequence of Snapshot
        In the order of their steps.

    Raises
    ------
    OSError
        If the file cannot be written.

    Notes
    -----
    ``load`` reads a file into memory, ``open`` leaves it on disk: all statistics work with both. In memory an event
    takes 24 bytes, and a step 24 bytes; of what is recorded to a file, or was opened, the events stay on disk.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(Rows(EVENT, BLOCK), Rows(TIME, BLOCK))
        self._kept: list[Snapshot] = []
        self.snapshots = self._kept
        self._counts = [0, 0]
        self._times_on_disk, self._reading = 0, False
        self._file: IO[bytes] | None = None
        if path is not None:
            self._file = Path(path).open("wb")
            self._file.write(MAGIC)
            self._events = RowsOnDisk(path, [], EVENT, BLOCK, accept)

    def __enter__(self) -> RewiringLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def annotate(self, **about: Any) -> None:
        """Say how the run was made; the versions of the packages are added.

        Parameters
        ----------
        **about
            Anything that JSON can hold, for example ``rule=rule, seed=1, learning_rate=0.1``: numbers, strings, lists,
            arrays, mappings, rules and other dataclasses; of other objects, what ``str`` says. What was said before
            under the same name is replaced. Where sets have different rules, ``rules={0: one, 1: other}`` names them
            by the numbers of the sets, for ``rule_of``.

        Raises
        ------
        LogError
            If the log was opened for reading.
        """
        self._check_recording()
        self.metadata.update({name: plain(value) for name, value in about.items()})
        self.metadata["versions"] = versions()
        self._write(ABOUT, json.dumps(self.metadata).encode())

    def note_rule(self, step: int, index: int, rule: Any) -> None:
        """Record the rule that a set follows from a step on; the same rule again changes nothing.

        Parameters
        ----------
        step : int
            The first step that this rule governs: 1 for a rule that holds from the start of a record at step 0. It is
            never before that of the last change.
        index : int
            Number of the set.
        rule : dataclass or mapping
            In SI numbers. A parameter that changes with time is given as the string of its schedule, so that nobody
            takes it for a constant.

        Raises
        ------
        LogError
            If the log was opened for reading.
        TypeError, ValueError
            If an argument is of the wrong kind, or the step lies before that of the last change.
        """
        self._check_recording()
        first = check_integer("step", step, minimum=0, maximum=MAX_STEP)
        noted = plain(rule)
        if not isinstance(noted, dict):
            raise TypeError(f"rule must be a rule such as DeepR(...), or a mapping, got {rule!r}.")
        if self._rules.take(first, _check_index(index), noted):
            self._write(RULE, json.dumps([first, int(index), noted]).encode())

    def describe(
        self,
        index: int,
        *,
        num_pre: int,
        num_post: int,
        num_sites: int,
        name: str = "",
        multapses: bool = False,
        signed: bool = True,
        has_theta: bool = True,
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
        signed : bool
            Whether connections are excitatory or inhibitory; otherwise the polarity of each is 1 and means nothing.
        has_theta : bool
            Whether the theta of its snapshots is that of connections; otherwise the rule uses none.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or out of range.
        """
        self._check_recording()
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, got {name!r}.")
        for flag, value in (("multapses", multapses), ("signed", signed), ("has_theta", has_theta)):
            if not isinstance(value, bool):
                raise TypeError(f"{flag} must be True or False, got {value!r}.")
        self.sets[_check_index(index)] = SetInfo(
            _check_index(index),
            check_integer("num_pre", num_pre, minimum=1, maximum=2**31 - 1),
            check_integer("num_post", num_post, minimum=1, maximum=2**31 - 1),
            check_integer("num_sites", num_sites, minimum=0, maximum=MAX_STEP if multapses else num_pre * num_post),
            name,
            multapses,
            signed,
            has_theta,
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
        self._check_recording()
        taken = _snapshot(step, index, *(np.array(values) for values in (pre, post, theta, polarity)))
        self._kept.append(taken)
        self._taken.append(taken[:2])
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
        self._check_recording()
        last = self._times.last_step
        if info.step < last:
            raise ValueError(f"steps must not go back: step {info.step} came after step {last}.")
        if len(info.events) and (info.events["step"] != info.step).any():
            raise ValueError(f"all events of step {info.step} must carry this step.")
        if info.step > last:
            # All before it is complete: a file holds whole steps only.
            self._spool(BLOCK)
            self._times.append(np.array([(info.step, seconds, samples)], TIME))
        self._counts = [self.num_births + info.num_births, self.num_deaths + info.num_deaths]
        self._events.append(info.events)

    def record_steps(self, times: NDArray[Any], events: NDArray[Any]) -> None:
        """Append what many steps did, all at a time.

        Parameters
        ----------
        times : ndarray of TIME
            One row for each step.
        events : ndarray of EVENT
            Of these steps, in their order.

        Raises
        ------
        ValueError
            If the steps do not ascend, or an event belongs to none of them.
        """
        self._check_recording()
        if len(times) and (times["step"][0] <= self._times.last_step or (np.diff(times["step"]) <= 0).any()):
            raise ValueError("steps must ascend, and begin after the last one.")
        check_events(times["step"], True, events)
        self._spool(BLOCK)
        self._times.append(times)
        born, died = (int(np.count_nonzero(events["kind"] == kind)) for kind in (1, -1))
        self._counts = [self.num_births + born, self.num_deaths + died]
        self._events.append(events)

    def flush(self) -> None:
        """Write what has been recorded so far to disk; between steps."""
        if self._file is not None:
            self._spool(1)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the rest to disk and end the file; recording may go on in memory."""
        if self._file is not None:
            self.flush()
            self._write(END, b"")
            self._file.close()
            self._file = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RewiringLog:
        """Open a log for reading; its events stay on disk and are read block by block, again for each question.

        Parameters
        ----------
        path : path-like
            Written by ``save`` or while recording; another process may still be recording to it: then all steps are
            there that had reached the disk. Open it again to see more.

        Returns
        -------
        RewiringLog
            To be asked; nothing can be recorded in it.

        Raises
        ------
        LogError
            If the file is missing, damaged or no log. Damage to events is found when they are read.
        """
        frames, closed = scan(path)
        log = cls()
        parts = {kind: [at for at in frames if at.kind == kind] for kind in (EVENTS, TIMES, SNAPSHOT)}
        try:
            with Path(path).open("rb") as file:
                for at in frames:
                    if at.kind not in (EVENTS, TIMES):
                        log._hear(at.kind, read_payload(path, file, at))
            for rows in read_blocks(path, parts[TIMES], TIME, check_times):
                if rows[0]["step"] == log._times.last_step:
                    raise ValueError("a step comes twice")
                log._times.append(rows)
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error}") from error
        except (ValueError, TypeError, LookupError, RecursionError, struct.error) as error:
            raise LogError(f"{path} is damaged: {error}") from error
        if not closed:
            steps = len(log._times)
            logger.warning(
                "%s was not closed: its writer was interrupted, or still writes; %d steps are here", path, steps
            )
        log.snapshots = SnapshotsOnDisk(path, parts[SNAPSHOT])
        check = partial(check_events, log._times.since(0)["step"], closed)
        log._events = RowsOnDisk(path, parts[EVENTS], EVENT, 0, check, log._times.last_step)
        log._counts, log._reading = None, True
        return log

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
            In memory; recording may go on.

        Raises
        ------
        LogError
            If the file is missing, damaged or no log.
        """
        log = cls.open(path)
        events = Rows(EVENT, BLOCK)
        for block in log.event_blocks():
            events.append(block)
        log._events = events
        log.snapshots = log._kept = list(log.snapshots)
        log._reading = False
        log._count()
        return log

    def _hear(self, kind: bytes, payload: bytes) -> None:
        """Take over what a frame says of the sets, of the run, or of a wiring, which is not kept."""
        if kind == SETS:
            for about in json.loads(payload):
                if not FEWEST_FIELDS <= len(about) <= len(SetInfo._fields):
                    raise ValueError(f"a set is described by {len(about)} values")
                self.describe(about[0], **dict(zip(SetInfo._fields[1:], about[1:], strict=False)))
        elif kind == ABOUT:
            self.metadata.update(json.loads(payload))
        elif kind == RULE:
            self.note_rule(*json.loads(payload))
        else:
            self._taken.append(_snapshot(*unpack(payload))[:2])

    def _check_recording(self) -> None:
        if self._reading:
            raise LogError("this log was opened for reading; load it to go on recording in memory.")

    def _spool(self, least: int) -> None:
        """Write the rows that are not yet on disk, if there are enough; times last, which make the steps count."""
        if self._file is None or not isinstance(self._events, RowsOnDisk):
            return
        if max(self._events.num_in_memory, len(self._times) - self._times_on_disk) < least:
            return
        events, times = self._events.in_memory(), self._times.since(self._times_on_disk)
        if len(events):
            self._events.forget(self._write(EVENTS, events.tobytes())._replace(first_step=int(events["step"][0])))
        if len(times):
            self._write(TIMES, times.tobytes())
            self._times_on_disk += len(times)

    def _write(self, kind: bytes, payload: bytes) -> FrameAt:
        """Append a frame to the file, if there is one, and return where it is."""
        place = 0
        if self._file is not None:
            # One after the other: together they would be one more copy of a snapshot.
            self._file.write(head(kind, payload))
            self._file.write(payload)
            self._file.flush()
            place = self._file.tell() - len(payload)
        return FrameAt(kind, place, len(payload), zlib.crc32(payload), 0)


def _check_index(index: int) -> int:
    return check_integer("index", index, minimum=0, maximum=MAX_INDEX)


def _snapshot(step: int, index: int, pre: Any, post: Any, theta: Any, polarity: Any) -> Snapshot:
    """Return a snapshot, if it can be one."""
    taken = Snapshot(
        check_integer("step", step, minimum=0, maximum=MAX_STEP),
        _check_index(index),
        check_array("pre", pre, "iu").astype(np.int32, copy=False),
        check_array("post", post, "iu").astype(np.int32, copy=False),
        check_array("theta", theta),
        check_array("polarity", polarity, "iuf").astype(np.int8, copy=False),
    )
    shapes = {values.shape for values in taken[2:]}
    if len(shapes) != 1 or taken.pre.ndim != 1:
        raise ValueError(f"pre, post, theta and polarity must be vectors of equal lengths, got {sorted(shapes)}.")
    if min(taken.pre.min(initial=0), taken.post.min(initial=0)) < 0:
        raise ValueError("pre and post must be >= 0.")
    return taken
