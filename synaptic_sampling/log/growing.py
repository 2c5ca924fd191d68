"""A log that is being recorded, in memory or to a file, and that can be continued from an earlier step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.log.file import MAX_STEP, LogError, check_events
from synaptic_sampling.log.record import Record
from synaptic_sampling.log.rows import Rows
from synaptic_sampling.log.snapshots import Snapshot
from synaptic_sampling.log.writer import LogWriter

__all__ = ["TIME", "GrowingRecord", "Wired"]

#: Time of a step, in seconds of simulated time and in presented samples (NaN if unknown); one row per step.
TIME = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("samples", "<f8")])

#: Endpoints and signs of all slots; the sign is 0 in slots without a connection.
Wired = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class GrowingRecord(Record):
    """A record to which steps are appended."""

    def __init__(self, block: int) -> None:
        super().__init__(Rows(EVENT, block), Rows(TIME, block))
        self._block = block
        self._kept: list[Snapshot] = []
        self.snapshots = self._kept
        self._counts = [0, 0]
        self._reading = False
        #: Snapshots of the step from which the run continues; a run may take them again.
        self._again: list[Snapshot] = []
        #: Whether an existing log is to be continued.
        self._continues = False
        self._writer: LogWriter | None = None

    def record(self, info: RewiringInfo, *, seconds: float = math.nan, samples: float = math.nan) -> None:
        """Append the result of a step; call it once per step, or once per step and set.

        Parameters
        ----------
        info : RewiringInfo
            As returned by ``step``; steps without events are recorded too.
        seconds : float
            Simulated time; NaN if unknown.
        samples : float
            Samples presented since the start; NaN if unknown.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If the step is earlier than the last one or differs from that of its events, or a time is negative or
            infinite.
        """
        self.check_recording()
        if not isinstance(info, RewiringInfo):
            raise TypeError(f"info must be a RewiringInfo, as returned by step(...), got {info!r}.")
        _check_rows_of("info.events", info.events, EVENT)
        seconds, samples = _check_time("seconds", seconds), _check_time("samples", samples)
        last = self._times.last_step
        if info.step < last:
            raise ValueError(
                f"steps must not decrease: info has step {info.step}, but step {last} was recorded already."
            )
        if len(info.events) and (info.events["step"] != info.step).any():
            raise ValueError(f"all events in info must have its step {info.step}.")
        if info.step > last:
            # All earlier steps are complete: files contain complete steps only.
            if self._writer is not None:
                self._writer.spool_if_due()
            self._times.append(np.array([(info.step, seconds, samples)], TIME))
        self._counts = [self.num_births + info.num_births, self.num_deaths + info.num_deaths]
        self._events.append(info.events)

    def record_steps(self, times: NDArray[Any], events: NDArray[Any]) -> None:
        """Append the results of many steps at once.

        Parameters
        ----------
        times : ndarray of TIME
            One row per step.
        events : ndarray of EVENT
            The events of these steps, in order.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If the steps do not ascend, or an event belongs to another step.
        """
        self.check_recording()
        _check_rows_of("times", times, TIME)
        _check_rows_of("events", events, EVENT)
        if len(times) and (times["step"][0] <= self._times.last_step or (np.diff(times["step"]) <= 0).any()):
            raise ValueError("times must contain ascending steps after the last recorded one.")
        check_events(times["step"], True, events)
        self._times.append(times)
        born, died = (int(np.count_nonzero(events["kind"] == kind)) for kind in (1, -1))
        self._counts = [self.num_births + born, self.num_deaths + died]
        self._events.append(events)
        if self._writer is not None:
            self._writer.spool_if_due()

    @property
    def is_in_file(self) -> bool:
        """Return whether the log is being written to a file."""
        return self._writer is not None and self._writer.is_open

    def flush(self) -> None:
        """Write everything recorded so far to disk; call it between steps."""
        if self._writer is not None and self._writer.is_open:
            self._writer.flush()

    def close(self) -> None:
        """Write the rest to disk and close the file; recording can continue in memory."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def continue_from(self, step: int, wirings: Mapping[int, Wired] | None = None) -> None:
        """Discard what was recorded after a step, in the file too, completely or not at all, and continue from there.

        An interrupted run resumes from its last checkpoint; its log may contain later steps, which the run repeats.
        The log then becomes what it would have been without the interruption.

        Parameters
        ----------
        step : int
            The last step to keep, such as that of a checkpoint.
        wirings : mapping of int to (pre, post, polarity), optional
            The connections of each set after that step, one entry per slot; they are compared with the log.

        Raises
        ------
        LogError
            If the log ends before the step, starts after it, or belongs to another run. Nothing is discarded then.
        TypeError, ValueError
            If the step is not an integer >= 0.
        """
        self.check_recording()
        self.check_continues(step, wirings or {})
        self._cut(step)
        self._again = [taken for taken in self._kept if taken.step == step]

    def check_continues(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Raise the errors of ``continue_from``; nothing changes."""
        until = check_integer("step", step, minimum=0, maximum=MAX_STEP)
        if self.snapshot_keys or len(self._times):
            if not self.first_step <= until <= self.last_step:
                raise LogError(
                    f"step {until} cannot be continued from: the log contains steps {self.first_step} to "
                    f"{self.last_step}. Record to a new path, and combine the parts with join_logs."
                )
            self._compare(until, wirings)
        elif until and self._continues:
            raise LogError(f"the log is empty, so the steps up to {until} are missing; record to a new path.")

    def check_goes_on(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Raise unless the log ends with this step and these connections, so that recording can continue."""
        if self.snapshot_keys and len(self._times) and self.last_step != step:
            raise LogError(
                f"the log ends with step {self.last_step}, but the run to be recorded is at step {step}. Load its "
                "checkpoint, discard later steps with continue_from, or record to a new path."
            )
        if self.snapshot_keys and len(self._times):
            self._compare(step, wirings)

    def check_recording(self) -> None:
        """Raise if the log was opened for reading only."""
        if self._reading:
            raise LogError("this log was opened for reading only; use RewiringLog.load(path) to continue it in memory.")

    def _cut(self, until: int) -> None:
        """Discard what was recorded after a step."""
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
        self.snapshot_keys = [taken[:2] for taken in self._kept]

    def _compare(self, step: int, wirings: Mapping[int, Wired]) -> None:
        """Raise unless these are the connections of the log after a step."""
        for index, wired in wirings.items():
            if index not in {of for _, of in self.snapshot_keys}:
                continue
            there = np.flatnonzero(wired[2])
            found = self.wiring(step, index)
            if not all(np.array_equal(found[n], wired[n][there]) for n in range(len(found))):
                raise LogError(
                    f"the connections of set {index} differ from those of the log after step {step}: the log belongs "
                    "to another run. Record to a new path."
                )

    def _spool(self) -> None:
        """Write pending rows, if the log has a file."""
        if self._writer is not None and self._writer.is_open:
            self._writer.spool()

    def _write(self, kind: bytes, payload: bytes) -> None:
        """Append a frame, if the log has a file."""
        if self._writer is not None and self._writer.is_open:
            self._writer.write(kind, payload)


def _check_rows_of(name: str, rows: Any, dtype: np.dtype[Any]) -> None:
    own = getattr(rows, "dtype", None)
    if own is not dtype and own != dtype:
        raise TypeError(f"{name} must be an array of {'EVENT' if dtype is EVENT else 'TIME'}, got {rows!r}.")


def _check_time(name: str, value: Any) -> float:
    """Return a time, or NaN."""
    if not isinstance(value, float):
        return check_number(name, value, minimum=0.0)
    if math.isinf(value) or value < 0:
        raise ValueError(f"{name} must be finite and >= 0, or NaN if unknown, got {value}.")
    return value
