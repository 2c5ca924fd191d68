"""Combining logs: of different sets at the same steps, or of the same sets at later steps."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.events import EVENT
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.log.snapshots import MAX_INDEX

__all__ = ["append_log", "join_logs", "merge_logs"]

#: Approximate number of events that are sorted at a time.
CHUNK = 2**20


def merge_logs(logs: Sequence[RewiringLog], path: str | os.PathLike[str] | None = None) -> RewiringLog:
    """Combine logs of different sets, recorded at the same steps, into one.

    Parameters
    ----------
    logs : sequence of RewiringLog
        Their sets are renumbered: those of the first log come first, in order, then those of the second, and so on.
    path : path-like, optional
        File to write, which must not exist; in memory by default.

    Returns
    -------
    RewiringLog
        Not yet closed. Its metadata contain those of each log as ``merged``, and the rule of each set as ``rules``.

    Raises
    ------
    FileExistsError
        If the file exists.
    TypeError
        If ``logs`` is not a sequence of logs.
    ValueError
        If there are no logs, or they do not have the same steps at the same times. Ages are counted in steps, so steps
        of different length cannot be combined, and connections that outlast a record that ends early could not be
        distinguished from others.
    """
    _check_logs("logs", logs, "merge")
    times = _common_times(logs)
    merged = RewiringLog(path)
    number: list[dict[int, int]] = []
    for log in logs:
        old = sorted({*log.sets, *(index for _, index in log.snapshot_keys)})
        start = sum(map(len, number))
        number.append({index: start + n for n, index in enumerate(old)})
        for index, about in log.sets.items():
            merged.describe(number[-1][index], **{name: getattr(about, name) for name in about._fields[1:]})
    rules = {new: log.rule_of(old) for log, numbers in zip(logs, number, strict=True) for old, new in numbers.items()}
    merged.annotate(merged=[log.metadata for log in logs], rules={n: rule for n, rule in rules.items() if rule})
    for log, numbers in zip(logs, number, strict=True):
        for own, there in numbers.items():
            for first, rule in log.rules_of(own):
                merged.note_rule(first, there, rule)
    for step, which, n in sorted((step, which, n) for which, log in enumerate(logs) for n, (step, _) in _numbered(log)):
        taken = logs[which].snapshots[n]
        merged.snapshot(step, number[which][taken.set_index], *taken[2:])
    _copy(merged, times, partial(_events_of, logs, number))
    return merged


def join_logs(parts: Sequence[RewiringLog], path: str | os.PathLike[str] | None = None) -> RewiringLog:
    """Combine logs of one run, each of which continues the previous one, into one.

    A part may start before the end of the previous one, as it does after a crash: later steps of the previous part are
    left out.

    Parameters
    ----------
    parts : sequence of RewiringLog
        In order; each starts with a snapshot of all sets at a step of the previous one.
    path : path-like, optional
        File to write, which must not exist; in memory by default.

    Returns
    -------
    RewiringLog
        Not yet closed. Its metadata are those of the last part, with those of each part as ``joined``.

    Raises
    ------
    FileExistsError
        If the file exists.
    TypeError
        If ``parts`` is not a sequence of logs.
    ValueError
        If there are no parts, or one does not continue the previous one: sets or connections differ, or steps are
        missing between them.
    """
    _check_logs("parts", parts, "join")
    pieces = _pieces(parts)
    for (before, _), (after, _) in itertools.pairwise(pieces):
        _check_continuation(before, after)
    joined = RewiringLog(path)
    for index, about in parts[0].sets.items():
        joined.describe(index, **{name: getattr(about, name) for name in about._fields[1:]})
    joined.annotate(**{**parts[-1].metadata, "joined": [log.metadata for log in parts]})
    for log, until in pieces:
        _append(joined, log, until)
    return joined


def append_log(log: RewiringLog, part: RewiringLog) -> None:
    """Append a later part of the same run to a log, whose metadata stay.

    Parameters
    ----------
    log : RewiringLog
        Of the run so far, changed in place.
    part : RewiringLog
        It starts with a snapshot of all sets at the last step of ``log``.

    Raises
    ------
    ValueError
        If the part does not continue the log: sets or connections differ, or steps are missing. Nothing changes then.
    """
    _check_continuation(log, part)
    _append(log, part, part.last_step)


def _pieces(parts: Sequence[RewiringLog]) -> list[tuple[RewiringLog, int]]:
    """Return the parts that contribute steps, each with the last step to use."""
    pieces: list[tuple[RewiringLog, int]] = []
    until = math.inf
    for log in reversed(parts):
        end = int(min(until, log.last_step))
        if log.first_step < until or log is parts[0]:
            pieces.append((log, end))
        until = min(until, log.first_step)
    if until < parts[0].first_step:
        raise ValueError(f"a part starts at step {until:g}, before the first one, which starts at step "
                         f"{parts[0].first_step}; pass parts in order.")  # fmt: skip
    return pieces[::-1]


def _check_continuation(before: RewiringLog, after: RewiringLog) -> None:
    if after.first_step > before.last_step:
        raise ValueError(
            f"a part starts at step {after.first_step}, but the previous one ends at {before.last_step}: the steps "
            "between them are missing."
        )
    if after.sets != before.sets:
        raise ValueError("the parts describe different sets; they must be logs of the same run.")
    for index in sorted({index for _, index in before.snapshot_keys}):
        left, found = before.wiring(after.first_step, index), after.wiring(after.first_step, index)
        if not all(np.array_equal(left[n], found[n]) for n in range(len(left))):
            raise ValueError(
                f"the connections of set {index} at step {after.first_step} differ from those of the previous part."
            )


def _append(joined: RewiringLog, log: RewiringLog, until: int) -> None:
    """Append a part up to a step; later parts without their first snapshots."""
    taken, same = _numbered(log), {index: index for _, index in log.snapshot_keys}
    if len(joined.times) or joined.snapshots:
        joined.continue_from(joined.last_step)  # Snapshots of this step that both parts contain are kept once.
        for index in same:
            taken.remove(next(one for one in taken if one[1] == (log.first_step, index)))
    for index in same:
        for step, rule in log.rules_of(index):
            if step <= until:
                joined.note_rule(step, index, rule)
    for n, (step, _) in taken:
        if step <= until:
            joined.snapshot(*log.snapshots[n])
    times = log.times
    _copy(joined, times[times["step"] <= until], partial(_events_of, [log], [same]))


def _check_logs(name: str, logs: Any, action: str) -> None:
    if not isinstance(logs, Sequence) or isinstance(logs, str) or not all(isinstance(log, RewiringLog) for log in logs):
        raise TypeError(
            f"{name} must be a sequence of RewiringLog, got {logs!r}; open files with RewiringLog.open(path)."
        )
    if not logs:
        raise ValueError(f"{name} is empty: there are no logs to {action}.")


def _numbered(log: RewiringLog) -> list[tuple[int, tuple[int, int]]]:
    """Return the index of each snapshot with its step and set, in the order of steps."""
    return sorted(enumerate(log.snapshot_keys), key=lambda pair: pair[1][0])


def _common_times(logs: Sequence[RewiringLog]) -> NDArray[Any]:
    """Return the times of all logs, if they agree; a unit is known if one log knows it."""
    times = logs[0].times
    for log in logs[1:]:
        other = log.times
        if log.first_step != logs[0].first_step or not np.array_equal(other["step"], times["step"]):
            raise ValueError(
                f"logs of the steps {logs[0].first_step} to {logs[0].last_step} and {log.first_step} to "
                f"{log.last_step} cannot be merged; " + _what_to_do(logs[0], log)
            )
        for unit in ("seconds", "samples"):
            known = np.isfinite(times[unit]) & np.isfinite(other[unit])
            if (times[unit][known] != other[unit][known]).any():
                raise ValueError(
                    f"the {unit} of the logs differ at the same steps; they belong to different runs, or "
                    + _what_to_do(logs[0], log)
                )
            times[unit] = np.where(np.isfinite(times[unit]), times[unit], other[unit])
    return times


def _what_to_do(one: RewiringLog, other: RewiringLog) -> str:
    """Return advice on logs of different steps: ages in steps cannot be compared if steps differ in length."""
    first, second = (_seconds_per_step(log) for log in (one, other))
    if not math.isnan(first + second) and not math.isclose(first, second, rel_tol=1e-6):
        return (
            f"their steps last {first:g} s and {second:g} s, but all ages are counted in steps. Keep both, and compare "
            "them: statistics.comparison.compare({'one': one, 'other': other}, unit='seconds')."
        )
    return (
        "record the sets of one run at the same steps: make both monitors before the run, or one for "
        "all rewirings, and end both at the same time."
    )


def _seconds_per_step(log: RewiringLog) -> float:
    """Return the mean length of a step; NaN if it is unknown."""
    times = log.times
    if len(times) < 2:
        return math.nan
    return float((times["seconds"][-1] - times["seconds"][0]) / (times["step"][-1] - times["step"][0]))


def _events_of(logs: Sequence[RewiringLog], number: Sequence[dict[int, int]], after: int, until: int) -> NDArray[Any]:
    """Return the events of some steps of several logs, one log after the other, with renumbered sets."""
    found = [np.empty(0, EVENT)]
    for log, new in zip(logs, number, strict=True):
        events = np.concatenate([found[0], *log.event_blocks(after=after, until=until)])
        renumber = np.zeros(MAX_INDEX + 1, np.uint16)
        renumber[list(new)] = list(new.values())
        events["set"] = renumber[events["set"]]
        found.append(events)
    return np.concatenate(found)


def _copy(log: RewiringLog, times: NDArray[Any], events_of: Callable[[int, int], NDArray[Any]]) -> None:
    """Append steps and their events, in order, in chunks."""
    start, number = 0, 100
    while start < len(times):
        some = times[start : start + number]
        events = events_of(int(some["step"][0]) - 1, int(some["step"][-1]))
        log.record_steps(some, events[np.argsort(events["step"], kind="stable")])
        start += len(some)
        number = max(1, CHUNK * len(some) // max(len(some), len(events)))
