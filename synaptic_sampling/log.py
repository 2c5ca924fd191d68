"""Every birth and death of a connection, in order; what people look at is computed from here."""

from __future__ import annotations

import itertools
import json
import logging
import os
import struct
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer
from synaptic_sampling._growing import TIME, GrowingRecord, Wired
from synaptic_sampling._log_file import (
    ABOUT,
    EVENTS,
    MAX_STEP,
    RULE,
    SETS,
    SNAPSHOT,
    TIMES,
    LogError,
    SetInfo,
    accept,
    check_events,
    check_path,
    check_times,
    read_blocks,
    read_payload,
    scan,
)
from synaptic_sampling._log_writer import LogWriter
from synaptic_sampling._metadata import plain, versions
from synaptic_sampling._replay import LIFE
from synaptic_sampling._rows import Rows, RowsOnDisk, SnapshotsOnDisk
from synaptic_sampling._snapshots import Snapshot, are_equal, check_index, make, pack, unpack
from synaptic_sampling.events import EVENT

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot", "Wired", "as_log"]

logger = logging.getLogger(__name__)

#: Rows that become a block on disk even before the time has come to write them.
BLOCK = 16384


#: Fields of a set in files written before sets could be unsigned or without theta.
FEWEST_FIELDS = 6


class RewiringLog(GrowingRecord):
    """Births and deaths in the order of their steps, and the wirings between which they lead.

    The first wiring is a snapshot, not births. From it and the events, every later wiring follows.

    Parameters
    ----------
    path : path-like, optional
        Where to write while recording, in memory by default. A process that is killed loses at most what it recorded
        in its last half second, and the last step. ``flush`` writes everything, ``close``, a ``with`` statement and
        the end of the process end the file.
    mode : {'x', 'a', 'w'}
        'x' creates the file, which must not exist; 'a' continues the log that is there, if any, and cuts off what its
        writer had not finished; 'w' replaces it.
    step : int, optional
        With mode 'a': the step from which the run goes on, as by ``continue_from``; by default the last one recorded.

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
    FileExistsError
        If the file exists and the mode is 'x'.
    LogError
        If what is to be continued is damaged or no log, does not reach the step, or another process records to it.
    OSError
        If the file cannot be written.
    TypeError, ValueError
        If an argument is of the wrong kind.

    Notes
    -----
    ``load`` reads a file into memory, ``open`` leaves it on disk: all statistics work with both. In memory an event
    takes 24 bytes, and a step 24 bytes; of what is recorded to a file, or was opened, the events stay on disk.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, mode: str = "x", *, step: int | None = None) -> None:
        super().__init__(BLOCK)
        if mode not in ("x", "a", "w"):
            raise ValueError(f"mode must be 'x', 'a' or 'w', got {mode!r}.")
        if step is not None and (mode != "a" or path is None):
            raise ValueError("step says where a log is continued: give it only with a path and mode='a'.")
        if path is not None:
            self._record_to(check_path("path", path), mode, step)

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
        if self._rules.take(first, check_index(index), noted):
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
        self.sets[check_index(index)] = SetInfo(
            check_index(index),
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
            If the step or the index is out of range, the arrays differ in length, or a neuron is none of its set.
        """
        self._check_recording()
        taken = self._checked(make(step, index, pre, post, theta, polarity))
        taken = Snapshot(*taken[:2], *(np.array(values) for values in taken[2:]))  # The arrays of the caller go on.
        for number, known in enumerate(self._again):
            if are_equal(known, taken):
                del self._again[number]
                return
        self._spool()  # The steps that lead to it come first, so that no file holds a wiring without its events.
        self._kept.append(taken)
        self._taken.append(taken[:2])
        self._write(SNAPSHOT, pack(taken))

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
        log, closed = cls._read(path)
        if not closed:
            steps = len(log._times)
            logger.warning(
                "%s was not closed: its writer was interrupted, or still writes; %d steps are here", path, steps
            )
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

    @classmethod
    def _read(cls, path: str | os.PathLike[str]) -> tuple[RewiringLog, bool]:
        """Read all but events, and return whether the file was closed."""
        frames, closed = scan(check_path("path", path))
        log = cls()
        parts = {kind: [at for at in frames if at.kind == kind] for kind in (EVENTS, TIMES, SNAPSHOT)}
        try:
            with Path(path).open("rb") as file:
                # What the sets are comes first, by which snapshots are checked.
                for at in sorted(frames, key=lambda at: at.kind == SNAPSHOT):
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
        if not closed and len(log._times):  # A snapshot without the steps that lead to it says nothing.
            there = [step <= log._times.last_step for step, _ in log._taken]
            log._taken = list(itertools.compress(log._taken, there))
            parts[SNAPSHOT] = list(itertools.compress(parts[SNAPSHOT], there))
        log.snapshots = SnapshotsOnDisk(path, parts[SNAPSHOT])
        check = partial(check_events, log._times.since(0)["step"], closed, limits=log._limits())
        log._events = RowsOnDisk(path, parts[EVENTS], EVENT, 0, check, log._times.last_step)
        log._counts, log._reading = None, True
        return log, closed

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
            self._taken.append(self._checked(make(*unpack(payload)))[:2])

    def _record_to(self, path: str | os.PathLike[str], mode: str, step: int | None) -> None:
        """Open the file, and take over what is in it where it is continued."""
        writer, self._continues = LogWriter(path, mode, BLOCK), mode == "a"
        try:
            events = RowsOnDisk(writer.path, [], EVENT, BLOCK, accept)
            self._events = events
            if not writer.is_new:
                log, _ = self._read(writer.path)
                self.sets, self.metadata, self._taken, self._times = log.sets, log.metadata, log._taken, log._times
                self._rules = log._rules
                self._events, self._counts = log._events, log._count()  # All events are read once, and so checked.
                self.snapshots = self._kept = list(log.snapshots)
            writer.take(events, self._times)
            self._writer = writer
            if step is not None or not writer.is_new:
                self.continue_from(self.last_step if step is None else step)
        except BaseException:
            writer.abandon()
            raise
        weakref.finalize(self, writer.close)

    def _checked(self, taken: Snapshot) -> Snapshot:
        """Return a snapshot, if its neurons are some of its set."""
        about = self.sets.get(taken.set_index)
        for name, ends in () if about is None else (("pre", taken.pre), ("post", taken.post)):
            number, most = getattr(about, f"num_{name}"), int(ends.max(initial=-1))
            if most >= number:
                raise ValueError(f"{name} must be below {number}, the neurons of set {taken.set_index}, got {most}.")
        return taken

    def _limits(self) -> NDArray[np.int64]:
        """Return how many neurons each set has, for ``check_events``."""
        known = {*self.sets, *(of for _, of in self._taken)}
        limits = np.zeros((max(known, default=-1) + 1, 2), np.int64)
        for index in known:
            limits[index] = self.sets[index][1:3] if index in self.sets else 2**31
        return limits


def as_log(log: Any) -> RewiringLog:
    """Return the log in which somebody is to record.

    Parameters
    ----------
    log : RewiringLog, path-like or None
        What the user gave: a log, the path of one that does not exist yet, or nothing.

    Returns
    -------
    RewiringLog
        The same one, a new one in a file, or a new one in memory.

    Raises
    ------
    FileExistsError
        If the path exists.
    LogError
        If the log was opened for reading.
    TypeError
        If it is something else.
    """
    if log is None or isinstance(log, str | os.PathLike):
        return RewiringLog(log)
    if not isinstance(log, RewiringLog):
        raise TypeError(f"log must be a RewiringLog, a path or None, got {log!r}.")
    log._check_recording()
    return log
