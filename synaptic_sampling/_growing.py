"""A record that grows: step by step, in memory or into a file, and from an earlier step on where a run does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._log_file import MAX_STEP, LogError, check_events
from synaptic_sampling._log_writer import LogWriter
from synaptic_sampling._record import Record
from synaptic_sampling._rows import Rows
from synaptic_sampling._snapshots import Snapshot
from synaptic_sampling.events import EVENT, RewiringInfo

__all__ = ["TIME", "GrowingRecord", "Wired"]

#: One row per step: when it was, in seconds of simulated time and in presented samples (NaN where there are none).
TIME = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("samples", "<f8")])

#: Endpoints and signs slot by slot, with sign 0 where a slot holds no connection.
Wired = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class GrowingRecord(Record):
    """Births and deaths to which later ones are added.

    Parameters
    ----------
    block : int
        Rows in a block in memory.
    """

    def __init__(self, block: int) -> None:
        super().__init__(Rows(EVENT, block), Rows(TIME, block))
        self._block = block
        self._kept: list[Snapshot] = []
        self.snapshots = self._kept
        self._counts = [0, 0]
        self._reading = False
        #: Snapshots of the step from which the run goes on, which it may take again.
        self._again: list[Snapshot] = []
        #: Whether there is to be something from which to go on.
        self._continues = False
        self._writer: LogWriter | None = None

    def record(self, info: RewiringInfo, *, seconds: float = math.nan, samples: float = math.nan) -> None:
        """Append what a step did; once per step, or once per step and set.

        Parameters
        ----------
        info : RewiringInfo
            What died and what was born; steps without any count too.
        seconds : float
            Simulated time; NaN where it is not known.
        samples : float
            Samples presented since the start; NaN where they are not known.

        Raises
        ------
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If the step is older than the last one, or not that of its events, or a time is negative or infinite.
        """
        self._check_recording()
        if not isinstance(info, RewiringInfo):
            raise TypeError(f"info must be a RewiringInfo, as a step returns it, got {info!r}.")
        _check_rows_of("info.events", info.events, EVENT)
        seconds, samples = _check_time("seconds", seconds), _check_time("samples", samples)
        last = self._times.last_step
        if info.step < last:
            raise ValueError(f"steps must not go back: step {info.step} came after step {last}.")
        if len(info.events) and (info.events["step"] != info.step).any():
            raise ValueError(f"all events of step {info.step} must carry this step.")
        if info.step > last:
            # All before it is complete: a file holds whole steps only.
            if self._writer is not None:
                self._writer.spool_if_due()
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
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If the steps do not ascend, or an event belongs to none of them.
        """
        self._check_recording()
        _check_rows_of("times", times, TIME)
        _check_rows_of("events", events, EVENT)
        if len(times) and (times["step"][0] <= self._times.last_step or (np.diff(times["step"]) <= 0).any()):
            raise ValueError("steps must ascend, and begin after the last one.")
        check_events(times["step"], True, events)
        self._times.append(times)
        born, died = (int(np.count_nonzero(events["kind"] == kind)) for kind in (1, -1))
        self._counts = [self.num_births + born, self.num_deaths + died]
        self._events.append(events)
        if self._writer is not None:
            self._writer.spool_if_due()

    @property
    def is_in_file(self) -> bool:
        """Return whether what is recorded goes to a file."""
        return self._writer is not None and self._writer.is_open

    def flush(self) -> None:
        """Write what has been recorded so far to disk; between steps."""
        if self._writer is not None and self._writer.is_open:
            self._writer.flush()

    def close(self) -> None:
        """Write the rest to disk and end the file; recording may go on in memory."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def continue_from(self, step: int, wirings: Mapping[int, Wired] | None = None) -> None:
        """Go on from a step: what was recorded after it is dropped, in the file too, at once or not at all.

        A run that was interrupted goes on from its last checkpoint, which its log may have outrun. After this, the log
        takes the same steps again, and comes to what it would have been without the interruption.

        Parameters
        ----------
        step : int
            The last one that stays, such as that of a checkpoint.
        wirings : mapping of int to (pre, post, polarity), optional
            The connections of each set after that step, slot by slot, to be compared with the log.

        Raises
        ------
        LogError
            If the log ends before this step, begins after it, or is of another run. Nothing is dropped then.
        TypeError, ValueError
            If the step is no integer >= 0.
        """
        self._check_recording()
        self.check_continues(step, wirings or {})
        self._cut(step)
        self._again = [taken for taken in self._kept if taken.step == step]

    def check_continues(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Check that ``continue_from`` can be called; nothing changes.

        Parameters
        ----------
        step, wirings
            As for ``continue_from``.

        Raises
        ------
        LogError, TypeError, ValueError
            As from ``continue_from``.
        """
        until = check_integer("step", step, minimum=0, maximum=MAX_STEP)
        if self._taken or len(self._times):
            if not self.first_step <= until <= self.last_step:
                raise LogError(
                    f"the log holds the steps {self.first_step} to {self.last_step}, and cannot go on from step "
                    f"{until}; record to a new path, and join the parts with join_logs where they meet."
                )
            self._compare(until, wirings)
        elif until and self._continues:
            raise LogError(f"the log is empty, so that the steps up to {until} are missing; record to a new path.")

    def check_goes_on(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Check that what is recorded next follows from what is recorded already; called by those who record.

        Parameters
        ----------
        step : int
            The last one that was done.
        wirings : mapping of int to (pre, post, polarity)
            As for ``continue_from``.

        Raises
        ------
        LogError
            If the log ends with another step, or with other connections.
        """
        if self._taken and len(self._times) and self.last_step != step:
            raise LogError(
                f"the log ends with step {self.last_step}, but the run that is to be recorded is at step {step}. Load "
                "its checkpoint, drop what is later by continue_from, or record to a new path."
            )
        if self._taken and len(self._times):
            self._compare(step, wirings)

    def _check_recording(self) -> None:
        if self._reading:
            raise LogError("this log was opened for reading; load it to go on recording in memory.")

    def _cut(self, until: int) -> None:
        """Drop what was recorded after a step."""
        counts = list(self._count())
        for events in self.event_blocks(after=until):
            for n, kind in enumerate((1, -1)):
                counts[n] -= int(np.count_nonzero(events["kind"] == kind))
        rows, times = Rows(EVENT, self._block), Rows(TIME, self._block)
        for block in self._times.blocks(-1, until):
            times.append(block)
        if self._writer is not None and self._writer.is_open:
            rows = self._writer.cut(until)
            self._writer.take(rows, times)
        else:
            for block in self.event_blocks(until=until):
                rows.append(block)
        self._events, self._times, self._counts = rows, times, counts
        self._rules.cut(until)
        self.snapshots = self._kept = [taken for taken in self._kept if taken.step <= until]
        self._taken = [taken[:2] for taken in self._kept]

    def _compare(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Refuse connections that are not those of the log after a step."""
        for index, wired in wirings.items():
            if index not in {of for _, of in self._taken}:
                continue
            there = np.flatnonzero(wired[2])
            found = self.wiring(step, index)
            if not all(np.array_equal(found[n], wired[n][there]) for n in range(len(found))):
                raise LogError(
                    f"the connections of set {index} are not those of the log after step {step}: it is of another run. "
                    "Record to a new path."
                )

    def _spool(self) -> None:
        """Write the rows that are not yet in the file, if there is one."""
        if self._writer is not None and self._writer.is_open:
            self._writer.spool()

    def _write(self, kind: bytes, payload: bytes) -> None:
        """Append a frame to the file, if there is one."""
        if self._writer is not None and self._writer.is_open:
            self._writer.write(kind, payload)


def _check_rows_of(name: str, rows: Any, dtype: np.dtype[Any]) -> None:
    own = getattr(rows, "dtype", None)
    if own is not dtype and own != dtype:
        raise TypeError(f"{name} must be an array of {'EVENT' if dtype is EVENT else 'TIME'}, got {rows!r}.")


def _check_time(name: str, value: Any) -> float:
    """Return a time, which may be NaN."""
    if not isinstance(value, float):
        return check_number(name, value, minimum=0.0)
    if math.isinf(value) or value < 0:
        raise ValueError(f"{name} must be finite and >= 0, or NaN where it is not known, got {value}.")
    return value
