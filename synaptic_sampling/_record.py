"""What can be asked of a record of births and deaths, wherever it is kept; little of it is in memory at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling import _replay
from synaptic_sampling._checks import check_array, check_index, check_integer
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
    LogError,
    SetInfo,
    check_path,
    frame,
)
from synaptic_sampling._replay import Walk, Wiring
from synaptic_sampling._rows import Rows, RowsOnDisk
from synaptic_sampling._rule_history import RuleHistory
from synaptic_sampling._snapshots import Snapshot, pack

__all__ = ["Record"]


class Record:
    """Births and deaths in the order of their steps, and the wirings between which they lead.

    Attributes
    ----------
    sets : dict of int to SetInfo
        The sets of connections, by index.
    metadata : dict
        What ``annotate`` was told: rule, seed, versions, parameters.
    snapshots : sequence of Snapshot
        In the order in which they were taken.
    """

    def __init__(self, events: Rows, times: Rows) -> None:
        self.sets: dict[int, SetInfo] = {}
        self.metadata: dict[str, Any] = {}
        self.snapshots: Sequence[Snapshot] = []
        self._rules = RuleHistory()
        #: Step and set of each snapshot.
        self._taken: list[tuple[int, int]] = []
        self._events, self._times = events, times
        #: Births and deaths; None until they are counted.
        self._counts: list[int] | None = None

    def __repr__(self) -> str:
        counts = "" if self._counts is None else "{} births, {} deaths in ".format(*self._counts)
        return f"<{type(self).__name__}: {counts}{len(self._times)} steps>"

    @property
    def num_births(self) -> int:
        """Return the number of births, over all sets."""
        return self._count()[0]

    @property
    def num_deaths(self) -> int:
        """Return the number of deaths, over all sets."""
        return self._count()[1]

    @property
    def events(self) -> NDArray[Any]:
        """Return a copy of all births, deaths and moves, an array of ``EVENT``."""
        return self._events.since(0)

    @property
    def times(self) -> NDArray[Any]:
        """Return a copy of the rows, one per step, an array of ``TIME``."""
        return self._times.since(0)

    @property
    def first_step(self) -> int:
        """Return the step at which the record begins, that of the first snapshot."""
        return min((step for step, _ in self._taken), default=0)

    @property
    def last_step(self) -> int:
        """Return the last step that was recorded."""
        return self._times.last_step if len(self._times) else max((step for step, _ in self._taken), default=0)

    def rule_of(self, index: int = 0) -> Any:
        """Return the rule of a set at the end of the record.

        Parameters
        ----------
        index : int
            Number of the set.

        Returns
        -------
        dict or None
            The last one of ``rules_of``. Where none was noted, what ``annotate`` was told: that of the set in
            ``rules`` of the metadata, else ``rule``, that of all sets; None where there is neither.
        """
        noted = self._rules.of(check_index(index))
        if noted:
            return noted[-1][1]
        rules = self.metadata.get("rules")
        own = rules.get(str(index)) if isinstance(rules, Mapping) else None
        return self.metadata.get("rule") if own is None else own

    def check_step(self, name: str, step: Any) -> int:
        """Return a step, if it is not beyond the end of the record: what happened later is not known.

        Parameters
        ----------
        name : str
            Of the argument, for the message.
        step : object
            What the user gave.

        Returns
        -------
        int
            The step.

        Raises
        ------
        TypeError, ValueError
            If it is no integer, below 0, or beyond the end.
        """
        number = check_integer(name, step, minimum=0, maximum=MAX_STEP)
        if number > self.last_step:
            raise ValueError(f"{name} must be at most {self.last_step}, the last step of the record, got {number}.")
        return number

    def rules_of(self, index: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return all rules that a set has followed, each with the first step that it governed.

        Parameters
        ----------
        index : int
            Number of the set.

        Returns
        -------
        list of (int, dict)
            In the order of steps, as ``note_rule`` was told; a parameter that is no number follows a schedule. Empty
            where no rule was noted: what ``annotate`` was told does not say for how long it held.
        """
        return self._rules.of(check_index(index))

    def snapshot_steps(self, index: int = 0) -> NDArray[np.int64]:
        """Return the steps after which there is a snapshot of a set, ascending; none is loaded.

        Parameters
        ----------
        index : int
            Number of the set.

        Returns
        -------
        ndarray of int64
            Each once.
        """
        number = check_index(index)
        return np.unique(np.array([step for step, of in self._taken if of == number], np.int64))

    def event_blocks(
        self, index: int | None = None, *, after: int = -1, until: int | None = None
    ) -> Iterator[NDArray[Any]]:
        """Yield events in their order, block by block: what does not fit into memory is read this way.

        Parameters
        ----------
        index : int, optional
            Number of the set; all by default.
        after, until : int
            Events of the steps above ``after``, up to ``until``; all by default.

        Yields
        ------
        ndarray of EVENT
            Not to be written to.

        Raises
        ------
        LogError
            If there is no such set, or the file is damaged.
        """
        known = {*self.sets, *(of for _, of in self._taken)}
        if index is not None and check_index(index) not in known and known:
            raise LogError(f"there is no set {index!r} in the log; there are {sorted(known)}.")
        last = MAX_STEP if until is None else check_integer("until", until, minimum=-1, maximum=MAX_STEP)
        for events in self._events.blocks(check_integer("after", after, minimum=-1, maximum=MAX_STEP), last):
            own = np.True_ if index is None else events["set"] == index
            if own.all():  # Not copied.
                yield events
            elif own.any():
                yield events[own]

    def wiring(self, step: int | None = None, index: int = 0) -> Wiring:
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
        ValueError
            If the step is beyond the end of the record.
        LogError
            If there is no snapshot to begin with, or if an event contradicts the wiring.
        """
        return next(self.wirings([self.last_step if step is None else step], index))

    def wirings(self, steps: ArrayLike, index: int = 0) -> Iterator[Wiring]:
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
            If the steps do not ascend, or go beyond the end of the record.
        LogError
            As from ``wiring``.
        """
        walk, at = None, -1
        for each in np.atleast_1d(check_array("steps", steps, "iu")).tolist():
            step = self.check_step("step", each)
            if step < at:
                raise ValueError(f"steps must ascend, got {step} after {at}.")
            number = self._nearest(index, step)
            if walk is None or self._taken[number][0] > at:
                walk, at = self._walk(number), self._taken[number][0]
            for events in self.event_blocks(index, after=at, until=step):
                walk.feed(events)
            at = step
            yield walk.wiring()

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
            ``birth`` is the begin of the record. Those of each set stand together: first the initial ones, then those
            born, in the order of births.

        Raises
        ------
        LogError
            If there is no snapshot to begin with, or if an event contradicts the wiring.
        """
        found = [np.empty(0, _replay.LIFE)]
        found += [_replay.lives(self._walk(n), self._after(n), self.last_step) for n in self._starts(index)]
        return np.concatenate(found)

    def life_blocks(self, index: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield all lives, block by block, in memory of the connections alone.

        Parameters
        ----------
        index : int, optional
            Number of the set; all by default.

        Yields
        ------
        ndarray of LIFE
            As from ``lives``, in another order: as they end, and last those that have not ended.

        Raises
        ------
        LogError
            As from ``lives``.
        """
        for number in self._starts(index):
            walk = self._walk(number)
            for events in self._after(number):
                yield walk.feed(events)[0]
            yield walk.alive(self.last_step)[0]

    def snapshot_at(self, step: int, index: int = 0) -> Snapshot:
        """Return the snapshot of a set after a step.

        Parameters
        ----------
        step : int
            One of ``snapshot_steps``.
        index : int
            Number of the set.

        Returns
        -------
        Snapshot
            The last one, if there are several.

        Raises
        ------
        LogError
            If there is none.
        """
        return self.snapshots[self._number_at(step, index)]

    def fates(self, step: int, index: int = 0) -> NDArray[Any]:
        """Return how long each connection in a snapshot stayed.

        Parameters
        ----------
        step : int
            One of ``snapshot_steps``.
        index : int
            Number of the set.

        Returns
        -------
        ndarray of LIFE
            In the order of the slots of the snapshot, those without a connection left out; ``birth`` is its step.

        Raises
        ------
        LogError
            If there is no such snapshot, or if an event contradicts it.
        """
        number = self._number_at(step, index)
        return _replay.lives(self._walk(number), self._after(number), self.last_step, born=False)

    def survivors(self, begin: int, end: int, index: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which connections of a snapshot were there all the time until another, and where they are in both.

        Parameters
        ----------
        begin, end : int
            Two of ``snapshot_steps``, begin <= end.
        index : int
            Number of the set.

        Returns
        -------
        former, later : ndarray of int64
            Places among the connections of the one and of the other, slots without a connection left out.

        Raises
        ------
        LogError
            If there are no such snapshots, or if an event contradicts them.
        """
        number, there = self._number_at(begin, index, "begin"), self._number_at(end, index, "end")
        walk = self._walk(number)
        for events in self.event_blocks(index, after=begin, until=end):
            walk.feed(events)
        alive, numbers = walk.alive(end)
        if len(alive) != np.count_nonzero(self.snapshots[there].polarity):
            raise LogError(f"the snapshot of set {index} at step {end} does not follow from the events before it.")
        later = np.flatnonzero(alive["initial"])
        return numbers[later], later

    def _number_at(self, step: int, index: int, name: str = "step") -> int:
        at = check_integer(name, step, minimum=0, maximum=MAX_STEP)
        if (at, check_index(index)) not in self._taken:
            raise LogError(
                f"no snapshot of set {index} after step {at}; there are {self.snapshot_steps(index).tolist()[:20]}."
            )
        return len(self._taken) - 1 - self._taken[::-1].index((at, index))

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
        ValueError
            If it is the file on which the events of this log are.
        """
        check_path("path", path)
        if isinstance(self._events, RowsOnDisk) and self._events.is_in(path):
            raise ValueError(f"{path} holds the events of this log already; save it under another name.")
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

    def _starts(self, index: int | None) -> list[int]:
        """Return the number of the first snapshot of a set, or of each of them."""
        first = {of: n for n, (_, of) in reversed(list(enumerate(self._taken)))}
        wanted = sorted(self.sets or first) if index is None else [check_index(index)]
        for n in wanted:
            if n not in first:
                raise LogError(f"no snapshot of set {n}: who was there at the start is not known.")
        return [first[n] for n in wanted]

    def _nearest(self, index: int, step: int) -> int:
        """Return the number of the last snapshot of a set at or before a step."""
        own = check_index(index)
        earlier = [(at, n) for n, (at, of) in enumerate(self._taken) if of == own and at <= step]
        if not earlier:
            raise LogError(f"no snapshot of set {index} at or before step {step}: nothing to begin the replay with.")
        return max(earlier)[1]

    def _walk(self, number: int) -> Walk:
        """Begin to follow a set at one of the snapshots."""
        index = self._taken[number][1]
        return Walk(self.snapshots[number], index in self.sets and self.sets[index].multapses)

    def _after(self, number: int) -> Iterator[NDArray[Any]]:
        """Yield the events of a set after one of its snapshots."""
        step, index = self._taken[number]
        return self.event_blocks(index, after=step)
