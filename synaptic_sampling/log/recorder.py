"""The rewiring log: every formation and elimination of a connection, in order; all statistics are computed from it."""

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
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_index, check_integer
from synaptic_sampling.events import EVENT
from synaptic_sampling.log.file import (
    ABOUT,
    EVENTS,
    MAX_STEP,
    RULE,
    SETS,
    SNAPSHOT,
    TIMES,
    LogError,
    accept,
    check_events,
    check_path,
    check_times,
    read_blocks,
    read_payload,
    scan,
)
from synaptic_sampling.log.growing import TIME, GrowingRecord, Wired
from synaptic_sampling.log.metadata import plain, versions
from synaptic_sampling.log.replay import LIFE
from synaptic_sampling.log.rows import Rows, RowsOnDisk, SnapshotsOnDisk
from synaptic_sampling.log.sets import FEWEST_FIELDS, SetInfo, check_neurons, make_set, neuron_limits
from synaptic_sampling.log.snapshots import Snapshot, are_equal, make, pack, unpack
from synaptic_sampling.log.writer import LogWriter

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot", "Wired", "as_log"]

logger = logging.getLogger(__name__)

#: Number of rows in a block, which is written to disk at once.
BLOCK = 16384


class RewiringLog(GrowingRecord):
    """Every formation and elimination of a connection, in the order of steps.

    The log calls them births and deaths, the terms of birth-death processes. The initial connections are recorded in a
    snapshot, not as births. The connectivity at any later step follows from the snapshot and the events.

    Parameters
    ----------
    path : path-like, optional
        File to write while recording; in memory by default. A process that is killed loses at most the records of its
        last half second, and the last step. ``flush`` writes everything to disk; ``close``, the end of a ``with``
        statement and the end of the process close the file.
    mode : {'x', 'a', 'w'}
        'x' creates the file, which must not exist; 'a' continues an existing log, or creates it, and removes an
        unfinished record at its end; 'w' replaces an existing file.
    step : int, optional
        With mode 'a': the step from which the run continues, see ``continue_from``; by default the last recorded step.

    Attributes
    ----------
    sets : dict of int to SetInfo
        The sets of connections, by index.
    metadata : dict
        What was passed to ``annotate``: rule, seed, versions, parameters.
    snapshots : sequence of Snapshot
        In the order of their steps.

    Raises
    ------
    FileExistsError
        If the file exists and the mode is 'x'.
    LogError
        If the file to continue is damaged or not a log, ends before the step, or is being written by another process.
    OSError
        If the file cannot be written.
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Notes
    -----
    ``load`` reads a file into memory, ``open`` leaves its events on disk; all statistics work with both. In memory,
    each event and each step take 24 bytes. The events of a log that is recorded to a file stay on disk.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, mode: str = "x", *, step: int | None = None) -> None:
        super().__init__(BLOCK)
        if mode not in ("x", "a", "w"):
            raise ValueError(f"mode must be 'x', 'a' or 'w', got {mode!r}.")
        if step is not None and (mode != "a" or path is None):
            raise ValueError("step requires a log that is continued: pass its path and mode='a' too.")
        if path is not None:
            self._record_to(check_path("path", path), mode, step)

    def __enter__(self) -> RewiringLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def annotate(self, **about: Any) -> None:
        """Record how the run was made; the versions of the packages are added.

        Parameters
        ----------
        **about
            Values that JSON can represent, for example ``rule=rule, seed=1, learning_rate=0.1``: numbers, strings,
            lists, arrays, mappings, rules and other dataclasses; other objects are converted by ``str``. A value
            replaces an earlier one of the same name. If sets have different rules, ``rules={0: one, 1: other}`` gives
            them by index of the set, for ``rule_of``.

        Raises
        ------
        LogError
            If the log was opened for reading.
        """
        self.check_recording()
        self.metadata.update({name: plain(value) for name, value in about.items()})
        self.metadata["versions"] = versions()
        self._write(ABOUT, json.dumps(self.metadata).encode())

    def note_rule(self, step: int, index: int, rule: Any) -> None:
        """Record the rule that a set follows from a step on; repeating the current rule has no effect.

        Parameters
        ----------
        step : int
            The first step to which the rule applies: 1 for a rule that applies from the start of a record at step 0.
            It cannot be earlier than that of the last change.
        index : int
            Index of the set.
        rule : dataclass or mapping
            Parameters in SI units. A parameter that changes with time is given as the string of its schedule, to
            distinguish it from a constant.

        Raises
        ------
        LogError
            If the log was opened for reading.
        TypeError, ValueError
            If an argument is of the wrong type, or the step is earlier than that of the last change.
        """
        self.check_recording()
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
        """Describe a set of connections, before its first event.

        Parameters
        ----------
        index : int
            Index of the set, as in the events.
        num_pre, num_post : int
            Numbers of presynaptic and postsynaptic neurons.
        num_sites : int
            Number of pairs that may be connected.
        name : str
            Shown in figures.
        multapses : bool
            Whether several connections may join the same pair of neurons.
        signed : bool
            Whether connections are excitatory or inhibitory; if False, all polarities are 1 and have no meaning.
        has_theta : bool
            Whether the rule uses theta; if False, theta in snapshots has no meaning.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong type or out of range.
        """
        self.check_recording()
        self.sets[check_index(index)] = make_set(
            index, num_pre, num_post, num_sites, name, multapses=multapses, signed=signed, has_theta=has_theta
        )
        self._write(SETS, json.dumps(list(self.sets.values())).encode())

    def snapshot(
        self, step: int, index: int, pre: ArrayLike, post: ArrayLike, theta: ArrayLike, polarity: ArrayLike
    ) -> None:
        """Record all connections of a set.

        Parameters
        ----------
        step : int
            The step after which they are recorded; 0 before the first step.
        index : int
            Index of the set.
        pre, post, theta, polarity : array_like, shape (K,)
            One entry per slot, copied; polarity is 0 in slots without a connection.

        Raises
        ------
        TypeError, ValueError
            If the step or the index is out of range, the arrays differ in length, or a neuron is not in the set.
        """
        self.check_recording()
        taken = check_neurons(make(step, index, pre, post, theta, polarity), self.sets)
        taken = Snapshot(
            *taken[:2], *(np.array(values) for values in taken[2:])
        )  # Copies: the caller may change its arrays.
        for number, known in enumerate(self._again):
            if are_equal(known, taken):
                del self._again[number]
                return
        self._spool()  # Earlier steps are written first: a snapshot in a file never precedes its events.
        self._kept.append(taken)
        self.snapshot_keys.append(taken[:2])
        self._write(SNAPSHOT, pack(taken))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RewiringLog:
        """Open a log for reading; its events stay on disk and are read block by block, once per query.

        Parameters
        ----------
        path : path-like
            Written by ``save`` or while recording. Another process may still be recording to it: the log then contains
            the steps that have reached the disk. Open it again to see later ones.

        Returns
        -------
        RewiringLog
            For queries; it cannot record.

        Raises
        ------
        LogError
            If the file is missing, damaged or not a log. Damaged events are detected when they are read.
        """
        log = cls()
        log._open(path)
        return log

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RewiringLog:
        """Read a log into memory; if its writer was interrupted, all steps that reached the disk.

        Parameters
        ----------
        path : path-like
            Written by ``save`` or while recording.

        Returns
        -------
        RewiringLog
            In memory; recording can continue.

        Raises
        ------
        LogError
            If the file is missing, damaged or not a log.
        """
        log = cls()
        log._open(path)
        events = Rows(EVENT, BLOCK)
        for block in log.event_blocks():
            events.append(block)
        log._events = events
        log.snapshots = log._kept = list(log.snapshots)
        log._reading = False
        log._count()
        return log

    def _open(self, path: str | os.PathLike[str]) -> None:
        """Read a file for queries, and warn if it was not closed."""
        closed, self._reading = self._read(path), True
        if not closed:
            logger.warning(
                "%s was not closed: its writer was interrupted or is still writing; %d steps were read",
                path,
                len(self._times),
            )

    def _read(self, path: str | os.PathLike[str]) -> bool:
        """Read everything but the events, and return whether the file was closed."""
        frames, closed = scan(check_path("path", path))
        parts = {kind: [at for at in frames if at.kind == kind] for kind in (EVENTS, TIMES, SNAPSHOT)}
        try:
            with Path(path).open("rb") as file:
                # Descriptions of sets come first; snapshots are checked against them.
                for at in sorted(frames, key=lambda at: at.kind == SNAPSHOT):
                    if at.kind not in (EVENTS, TIMES):
                        self._take_over(at.kind, read_payload(path, file, at))
            for rows in read_blocks(path, parts[TIMES], TIME, check_times):
                if rows[0]["step"] == self._times.last_step:
                    raise ValueError("a step occurs twice")
                self._times.append(rows)
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error}") from error
        except (ValueError, TypeError, LookupError, RecursionError, struct.error) as error:
            raise LogError(f"{path} is damaged: {error}") from error
        if not closed and len(self._times):  # A snapshot of which earlier steps are missing is of no use.
            there = [step <= self._times.last_step for step, _ in self.snapshot_keys]
            self.snapshot_keys = list(itertools.compress(self.snapshot_keys, there))
            parts[SNAPSHOT] = list(itertools.compress(parts[SNAPSHOT], there))
        self.snapshots = SnapshotsOnDisk(path, parts[SNAPSHOT])
        limits = neuron_limits(self.sets, {index for _, index in self.snapshot_keys})
        check = partial(check_events, self._times.since(0)["step"], closed, limits=limits)
        self._events = RowsOnDisk(path, parts[EVENTS], EVENT, 0, check, self._times.last_step)
        self._counts = None
        return closed

    def _take_over(self, kind: bytes, payload: bytes) -> None:
        """Take over the content of a frame: sets, metadata or rules; of a snapshot only its step and set."""
        if kind == SETS:
            for about in json.loads(payload):
                if not FEWEST_FIELDS <= len(about) <= len(SetInfo._fields):
                    raise ValueError(f"the description of a set has {len(about)} values")
                self.describe(about[0], **dict(zip(SetInfo._fields[1:], about[1:], strict=False)))
        elif kind == ABOUT:
            self.metadata.update(json.loads(payload))
        elif kind == RULE:
            self.note_rule(*json.loads(payload))
        else:
            self.snapshot_keys.append(check_neurons(make(*unpack(payload)), self.sets)[:2])

    def _record_to(self, path: str | os.PathLike[str], mode: str, step: int | None) -> None:
        """Open the file, and take over its content if it is continued."""
        writer, self._continues = LogWriter(path, mode, BLOCK), mode == "a"
        try:
            events = RowsOnDisk(writer.path, [], EVENT, BLOCK, accept)
            self._events = events
            if not writer.is_new:
                self._read(writer.path)
                self._count()  # All events are read once, and thereby checked.
                self.snapshots = self._kept = list(self.snapshots)
            writer.take(events, self._times)
            self._writer = writer
            if step is not None or not writer.is_new:
                self.continue_from(self.last_step if step is None else step)
        except BaseException:
            writer.abandon()
            raise
        weakref.finalize(self, writer.close)


def as_log(log: Any) -> RewiringLog:
    """Return the log to record to: the given one, a new one in a file, or a new one in memory (None)."""
    if log is None or isinstance(log, str | os.PathLike):
        return RewiringLog(log)
    if not isinstance(log, RewiringLog):
        raise TypeError(f"log must be a RewiringLog, a path or None, got {log!r}.")
    log.check_recording()
    return log
