"""What a log contains, in memory or on disk: rows of events and times, snapshots, rules, metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index, check_integer
from synaptic_sampling.log.file import (
    ABOUT,
    END,
    EVENTS,
    MAGIC,
    MAX_STEP,
    RULE,
    SETS,
    SNAPSHOT,
    TIMES,
    LogError,
    check_path,
    frame,
)
from synaptic_sampling.log.rows import Rows, RowsOnDisk
from synaptic_sampling.log.rule_history import RuleHistory
from synaptic_sampling.log.sets import SetInfo
from synaptic_sampling.log.snapshots import Snapshot, pack

__all__ = ["StoredRecord"]


class StoredRecord:
    """Formations and eliminations in the order of their steps, with snapshots, sets, rules and metadata."""

    def __init__(self, events: Rows, times: Rows) -> None:
        self.sets: dict[int, SetInfo] = {}
        self.metadata: dict[str, Any] = {}
        self.snapshots: Sequence[Snapshot] = []
        self._rules = RuleHistory()
        #: Step and set of each snapshot, in the order in which they were taken.
        self.snapshot_keys: list[tuple[int, int]] = []
        self._events, self._times = events, times
        #: Numbers of births and deaths; None until they are counted.
        self._counts: list[int] | None = None

    def __repr__(self) -> str:
        counts = "" if self._counts is None else "{} births, {} deaths in ".format(*self._counts)
        return f"<{type(self).__name__}: {counts}{len(self._times)} steps>"

    @property
    def num_births(self) -> int:
        """Return the number of connections formed, over all sets."""
        return self._count()[0]

    @property
    def num_deaths(self) -> int:
        """Return the number of connections eliminated, over all sets."""
        return self._count()[1]

    @property
    def events(self) -> NDArray[Any]:
        """Return a copy of all events (births, deaths and moves), an array of ``EVENT``."""
        return self._events.since(0)

    @property
    def times(self) -> NDArray[Any]:
        """Return a copy of the time of each step, an array of ``TIME``."""
        return self._times.since(0)

    @property
    def first_step(self) -> int:
        """Return the step at which the record starts, that of the first snapshot."""
        return min((step for step, _ in self.snapshot_keys), default=0)

    @property
    def last_step(self) -> int:
        """Return the last recorded step."""
        return self._times.last_step if len(self._times) else max((step for step, _ in self.snapshot_keys), default=0)

    def rule_of(self, index: int = 0) -> Any:
        """Return the rule of a set at the end of the record.

        Parameters
        ----------
        index : int
            Index of the set.

        Returns
        -------
        dict or None
            The last one of ``rules_of``. If there is none, the rule in the metadata: that of the set in ``rules``, else
            ``rule``, that of all sets; None if there is neither.
        """
        noted = self._rules.of(check_index(index))
        if noted:
            return noted[-1][1]
        rules = self.metadata.get("rules")
        own = rules.get(str(index)) if isinstance(rules, Mapping) else None
        return self.metadata.get("rule") if own is None else own

    def check_step(self, name: str, step: Any) -> int:
        """Return a step, or raise an error that names the argument if it is after the end of the record."""
        number = check_integer(name, step, minimum=0, maximum=MAX_STEP)
        if number > self.last_step:
            raise ValueError(f"{name} must be at most {self.last_step}, the last step of the record, got {number}.")
        return number

    def rules_of(self, index: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return all rules that a set has followed, each with the first step to which it applied.

        Parameters
        ----------
        index : int
            Index of the set.

        Returns
        -------
        list of (int, dict)
            In the order of steps, as passed to ``note_rule``; a parameter that is not a number follows a schedule.
            Empty if no rule was noted: rules in the metadata do not tell for how long they applied.
        """
        return self._rules.of(check_index(index))

    def snapshot_steps(self, index: int = 0) -> NDArray[np.int64]:
        """Return the steps after which there is a snapshot of a set, in ascending order; no snapshot is loaded.

        Parameters
        ----------
        index : int
            Index of the set.

        Returns
        -------
        ndarray of int64
            Each once.
        """
        number = check_index(index)
        return np.unique(np.array([step for step, of in self.snapshot_keys if of == number], np.int64))

    def event_blocks(
        self, index: int | None = None, *, after: int = -1, until: int | None = None
    ) -> Iterator[NDArray[Any]]:
        """Yield the events in order, block by block, for logs that do not fit into memory.

        Parameters
        ----------
        index : int, optional
            Index of the set; all by default.
        after, until : int
            Only events of steps > ``after`` and <= ``until``; all by default.

        Yields
        ------
        ndarray of EVENT
            Do not modify it.

        Raises
        ------
        LogError
            If there is no such set, or the file is damaged.
        """
        known = {*self.sets, *(of for _, of in self.snapshot_keys)}
        if index is not None and check_index(index) not in known and known:
            raise LogError(f"index {index!r} is not a set of the log; its sets are {sorted(known)}.")
        last = MAX_STEP if until is None else check_integer("until", until, minimum=-1, maximum=MAX_STEP)
        for events in self._events.blocks(check_integer("after", after, minimum=-1, maximum=MAX_STEP), last):
            own = np.True_ if index is None else events["set"] == index
            if own.all():  # Not copied.
                yield events
            elif own.any():
                yield events[own]

    def snapshot_at(self, step: int, index: int = 0) -> Snapshot:
        """Return the snapshot of a set after a step.

        Parameters
        ----------
        step : int
            One of ``snapshot_steps``.
        index : int
            Index of the set.

        Returns
        -------
        Snapshot
            The last one if there are several.

        Raises
        ------
        LogError
            If there is no such snapshot.
        """
        return self.snapshots[self._number_at(step, index)]

    def _number_at(self, step: int, index: int, name: str = "step") -> int:
        at = check_integer(name, step, minimum=0, maximum=MAX_STEP)
        if (at, check_index(index)) not in self.snapshot_keys:
            raise LogError(
                f"the log contains no snapshot of set {index} after step {at}; it has some after the steps "
                f"{self.snapshot_steps(index).tolist()[:20]}."
            )
        return len(self.snapshot_keys) - 1 - self.snapshot_keys[::-1].index((at, index))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the log to a file, completely or not at all.

        Parameters
        ----------
        path : path-like
            The file.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError
            If the file already contains the events of this log.
        """
        check_path("path", path)
        if isinstance(self._events, RowsOnDisk) and self._events.is_in(path):
            raise ValueError(f"{path} already contains the events of this log; pass another path.")
        temporary = Path(path).with_name(f".{Path(path).name}.part")
        with temporary.open("wb") as file:
            file.write(MAGIC + frame(SETS, json.dumps(list(self.sets.values())).encode()))
            if self.metadata:
                file.write(frame(ABOUT, json.dumps(self.metadata).encode()))
            for row in self._rules.rows():
                file.write(frame(RULE, json.dumps(row).encode()))
            for taken in self.snapshots:
                file.write(frame(SNAPSHOT, pack(taken)))
            for kind, rows in ((EVENTS, self._events), (TIMES, self._times)):
                for block in rows.blocks(-1, MAX_STEP):
                    file.write(frame(kind, block.tobytes()))
            file.write(frame(END, b""))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def _count(self) -> list[int]:
        if self._counts is None:
            counts = [0, 0]
            for events in self.event_blocks():
                for n, kind in enumerate((1, -1)):
                    counts[n] += int(np.count_nonzero(events["kind"] == kind))
            self._counts = counts
        return self._counts
