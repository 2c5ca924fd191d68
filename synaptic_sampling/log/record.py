"""Queries that replay a log: the connectivity after any step and the life of each connection, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_index
from synaptic_sampling.log import replay, tables
from synaptic_sampling.log.file import LogError
from synaptic_sampling.log.microscope import observe
from synaptic_sampling.log.replay import Walk, Wiring
from synaptic_sampling.log.stored import StoredRecord
from synaptic_sampling.observations import Observations

__all__ = ["Record"]


class Record(StoredRecord):
    """Formations and eliminations, and the connectivity that follows from the first snapshot and the events.

    Attributes
    ----------
    sets : dict of int to SetInfo
        The sets of connections, by index.
    metadata : dict
        What was passed to ``annotate``: rule, seed, versions, parameters.
    snapshots : sequence of Snapshot
        In the order in which they were taken.
    """

    def to_pandas(self, rows: str = "events") -> Any:
        """Return the log as a ``pandas.DataFrame``.

        Parameters
        ----------
        rows : {'events', 'lives'}
            'events': a row for each connection formed or eliminated, with step, seconds and samples where they are
            known, set, pre, post, and kind. 'lives': a row for each connection that has existed, with the columns of
            `lives`.

        Returns
        -------
        pandas.DataFrame
            In the order of ``events``, or of ``lives``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If ``rows`` is neither.
        """
        makers = {"events": tables.event_table, "lives": tables.life_table}
        if rows not in makers:
            raise ValueError(f"rows must be 'events' or 'lives', got {rows!r}.")
        return makers[rows](self)

    def _repr_html_(self) -> str:
        """Return a table of the sets, for notebooks."""
        return tables.summary(self)

    def wiring(self, step: int | None = None, index: int = 0) -> Wiring:
        """Return the connections after a step, by replaying the events since the last snapshot before it.

        Parameters
        ----------
        step : int, optional
            The last step by default.
        index : int
            Index of the set.

        Returns
        -------
        pre, post, polarity : ndarray, shape (K,)
            In the order of their slots.

        Raises
        ------
        ValueError
            If the step is after the end of the record.
        LogError
            If there is no snapshot to start from, or an event contradicts the connectivity.
        """
        return next(self.wirings([self.last_step if step is None else step], index))

    def wirings(self, steps: ArrayLike, index: int = 0) -> Iterator[Wiring]:
        """Yield the connections after each of several steps, in one pass through the events.

        Parameters
        ----------
        steps : array_like of int
            In ascending order.
        index : int
            Index of the set.

        Yields
        ------
        pre, post, polarity : ndarray, shape (K,)
            As from ``wiring``.

        Raises
        ------
        ValueError
            If the steps do not ascend, or one is after the end of the record.
        LogError
            As from ``wiring``.
        """
        walk, at = None, -1
        for each in np.atleast_1d(check_array("steps", steps, "iu")).tolist():
            step = self.check_step("step", each)
            if step < at:
                raise ValueError(f"steps must be in ascending order, got {step} after {at}.")
            number = self._nearest(index, step)
            if walk is None or self.snapshot_keys[number][0] > at:
                walk, at = self._walk(number), self.snapshot_keys[number][0]
            for events in self.event_blocks(index, after=at, until=step):
                walk.feed(events)
            at = step
            yield walk.wiring()

    def lives(self, index: int | None = None) -> NDArray[Any]:
        """Return the life of every connection, from formation to elimination.

        Parameters
        ----------
        index : int, optional
            Index of the set; all by default.

        Returns
        -------
        ndarray of LIFE
            ``end`` is the step of elimination, or the last step of the record if not ``dead``. For ``initial``
            connections ``birth`` is the start of the record. Ordered by set; within a set the initial connections come
            first, then new ones in the order of formation.

        Raises
        ------
        LogError
            If there is no snapshot to start from, or an event contradicts the connectivity.
        """
        found = [np.empty(0, replay.LIFE)]
        found += [replay.lives(self._walk(n), self._after(n), self.last_step) for n in self._starts(index)]
        return np.concatenate(found)

    def life_blocks(self, index: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield the lives of all connections, block by block; memory grows with the number of connections only.

        Parameters
        ----------
        index : int, optional
            Index of the set; all by default.

        Yields
        ------
        ndarray of LIFE
            As from ``lives``, in the order in which they end; those that have not ended come last.

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

    def fates(self, step: int, index: int = 0) -> NDArray[Any]:
        """Return how long each connection in a snapshot persists.

        Parameters
        ----------
        step : int
            One of ``snapshot_steps``.
        index : int
            Index of the set.

        Returns
        -------
        ndarray of LIFE
            In the order of the slots of the snapshot, without empty ones; ``birth`` is the step of the snapshot.

        Raises
        ------
        LogError
            If there is no such snapshot, or an event contradicts it.
        """
        number = self._number_at(step, index)
        return replay.lives(self._walk(number), self._after(number), self.last_step, born=False)

    def survivors(self, begin: int, end: int, index: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which connections of a snapshot persist until another one, and their places in both.

        Parameters
        ----------
        begin, end : int
            Two of ``snapshot_steps``; begin <= end.
        index : int
            Index of the set.

        Returns
        -------
        former, later : ndarray of int64
            Indices among the connections in the first and in the second snapshot, without empty slots.

        Raises
        ------
        LogError
            If there are no such snapshots, or an event contradicts them.
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

    def observe(
        self, times: ArrayLike, *, index: int | None = None, min_weight: float | None = None, min_age: int = 0
    ) -> Observations:
        """Return what an imaging study with a few looks would have seen of this record.

        A connection is known by its pair of neurons: one that is eliminated and formed again between two looks was
        never away. Where several connections may share a pair, each is known by its formation.

        Parameters
        ----------
        times : array_like of int, shape (looks,)
            Steps of the looks, ascending, two or more; a connection is seen if it is present after that step.
        index : int, optional
            Index of the set; all by default.
        min_weight : float, optional
            Detection limit: connections with a smaller abs(theta) are not seen. Needs a snapshot at each look.
        min_age : int
            Connections are seen from this age in steps on. Ages of initial connections are counted from the start of
            the record.

        Returns
        -------
        Observations
            Of all connections seen at least once, with their weights if all looks have snapshots with theta. Their
            group is the postsynaptic neuron, as ``set:neuron``.

        Raises
        ------
        LogError
            If there is no snapshot to start from, or none with weights where a detection limit needs them.
        TypeError, ValueError
            If the times do not ascend or are outside the record, or a limit is negative.
        """
        return observe(self, times, None if index is None else check_index(index), min_weight, min_age)

    def _starts(self, index: int | None) -> list[int]:
        """Return the number of the first snapshot of a set, or of each of them."""
        first = {of: n for n, (_, of) in reversed(list(enumerate(self.snapshot_keys)))}
        chosen = sorted(self.sets or first) if index is None else [check_index(index)]
        for n in chosen:
            if n not in first:
                raise LogError(f"the log contains no snapshot of set {n}, so its initial connections are not known.")
        return [first[n] for n in chosen]

    def _nearest(self, index: int, step: int) -> int:
        """Return the number of the last snapshot of a set at or before a step."""
        own = check_index(index)
        earlier = [(at, n) for n, (at, of) in enumerate(self.snapshot_keys) if of == own and at <= step]
        if not earlier:
            raise LogError(f"the log contains no snapshot of set {index} at or before step {step} to start from.")
        return max(earlier)[1]

    def _walk(self, number: int) -> Walk:
        """Start to follow a set from one of the snapshots."""
        index = self.snapshot_keys[number][1]
        return Walk(self.snapshots[number], index in self.sets and self.sets[index].multapses)

    def _after(self, number: int) -> Iterator[NDArray[Any]]:
        """Yield the events of a set after one of its snapshots."""
        step, index = self.snapshot_keys[number]
        return self.event_blocks(index, after=step)
