"""Several logs put together: of other sets at the same steps, or of the same sets at later steps."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._snapshots import MAX_INDEX
from synaptic_sampling.events import EVENT
from synaptic_sampling.log import RewiringLog

__all__ = ["join_logs", "merge_logs"]

#: About so many events are put in order at a time.
CHUNK = 2**20


def merge_logs(logs: Sequence[RewiringLog], path: str | os.PathLike[str] | None = None) -> RewiringLog:
    """Put logs of different sets, recorded at the same steps, into one.

    Parameters
    ----------
    logs : sequence of RewiringLog
        Their sets get new numbers: first those of the first log, in their order, then those of the second, and so on.
    path : path-like, optional
        Where to write it, a file that does not exist; in memory by default.

    Returns
    -------
    RewiringLog
        Not yet closed. Its metadata hold those of each log as ``merged``, and the rule of each set in ``rules``.

    Raises
    ------
    FileExistsError
        If there is a file at the path.
    TypeError
        If these are no logs.
    ValueError
        If there are no logs, or they do not have the same steps at the same times: connections that live on beyond the
        end of one record cannot be told from those that were seen to do so, and ages are counted in steps, which mean
        nothing where steps differ in length.
    """
    _check_logs("logs", logs, "merge")
    times = _common_times(logs)
    merged = RewiringLog(path)
    number: list[dict[int, int]] = []
    for log in logs:
        old = sorted({*log.sets, *(index for _, index in log._taken)})
        begin = sum(map(len, number))
        number.append({index: begin + n for n, index in enumerate(old)})
        for index, about in log.sets.items():
            merged.describe(number[-1][index], **{name: getattr(about, name) for name in about._fields[1:]})
    rules = {new: log.rule_of(old) for log, numbers in zip(logs, number, strict=True) for old, new in numbers.items()}
    merged.annotate(merged=[log.metadata for log in logs], rules={n: rule for n, rule in rules.items() if rule})
    for log, numbers in zip(logs, number, strict=True):
        for own, there in numbers.items():
            for first, rule in log.rules_of(own):
                merged.note_rule(first, there, rule)
    for step, which, n in sorted((step, which, n) for which, log in enumerate(logs) for n, (step, _) in _taken(log)):
        taken = logs[which].snapshots[n]
        merged.snapshot(step, number[which][taken.set_index], *taken[2:])
    _copy(merged, times, partial(_events_of, logs, number))
    return merged


def join_logs(parts: Sequence[RewiringLog], path: str | os.PathLike[str] | None = None) -> RewiringLog:
    """Put logs of one run, each of which goes on where the one before ended or was left, into one.

    A part may go on from a step before the end of the one before, as it does after a crash: what the one before holds
    of later steps is left out.

    Parameters
    ----------
    parts : sequence of RewiringLog
        In their order, each beginning with a snapshot of all sets at a step of the one before.
    path : path-like, optional
        Where to write it, a file that does not exist; in memory by default.

    Returns
    -------
    RewiringLog
        Not yet closed. Its metadata are those of the last part, and those of each part as ``joined``.

    Raises
    ------
    FileExistsError
        If there is a file at the path.
    TypeError
        If the parts are no logs.
    ValueError
        If there are no parts, or one does not go on from the one before: with other sets or wirings, or steps between
        them are missing.
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


def _pieces(parts: Sequence[RewiringLog]) -> list[tuple[RewiringLog, int]]:
    """Return the parts of which something is left, each with the step up to which it counts."""
    pieces: list[tuple[RewiringLog, int]] = []
    until = math.inf
    for log in reversed(parts):
        end = int(min(until, log.last_step))
        if log.first_step < until or log is parts[0]:
            pieces.append((log, end))
        until = min(until, log.first_step)
    if until < parts[0].first_step:
        raise ValueError(f"a part begins at step {until:g}, before the first one, which begins at step "
                         f"{parts[0].first_step}; give them in their order.")  # fmt: skip
    return pieces[::-1]


def _check_continuation(before: RewiringLog, after: RewiringLog) -> None:
    if after.first_step > before.last_step:
        raise ValueError(
            f"a part begins at step {after.first_step}, but the one before ended at {before.last_step}: the steps "
            "between them are missing."
        )
    if after.sets != before.sets:
        raise ValueError("the parts describe different sets.")
    for index in sorted({index for _, index in before._taken}):
        left, found = before.wiring(after.first_step, index), after.wiring(after.first_step, index)
        if not all(np.array_equal(left[n], found[n]) for n in range(len(left))):
            raise ValueError(f"set {index} at step {after.first_step} is not as the part before has left it.")


def _append(joined: RewiringLog, log: RewiringLog, until: int) -> None:
    """Append what a part holds up to a step; of a later part without the snapshots with which it begins."""
    taken, same = _taken(log), {index: index for _, index in log._taken}
    if len(joined.times) or joined.snapshots:
        joined.continue_from(joined.last_step)  # Snapshots of this step that both parts took are kept once.
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
        raise TypeError(f"{name} must be a sequence of RewiringLog, got {logs!r}; RewiringLog.open(path) opens a file.")
    if not logs:
        raise ValueError(f"{name} must hold at least one log to {action}, got {logs!r}.")


def _taken(log: RewiringLog) -> list[tuple[int, tuple[int, int]]]:
    """Return the number of each snapshot with its step and set, in the order of steps."""
    return sorted(enumerate(log._taken), key=lambda pair: pair[1][0])


def _common_times(logs: Sequence[RewiringLog]) -> NDArray[Any]:
    """Return the times of all logs, each known from one of them at least, if they agree."""
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
                    f"the {unit} of the logs differ at the same steps; they are of different runs, or "
                    + _what_to_do(logs[0], log)
                )
            times[unit] = np.where(np.isfinite(times[unit]), times[unit], other[unit])
    return times


def _what_to_do(one: RewiringLog, other: RewiringLog) -> str:
    """Return what helps with logs of different steps: an age in steps means nothing where steps differ in length."""
    first, second = (_seconds_per_step(log) for log in (one, other))
    if not math.isnan(first + second) and not math.isclose(first, second, rel_tol=1e-6):
        return (
            f"their steps take {first:g} s and {second:g} s, and all ages are counted in steps. Keep both, and compare "
            "them: statistics.comparison.compare({'one': one, 'other': other}, unit='seconds')."
        )
    return (
        "record the sets of one run at the same steps: make both monitors before the run, or one for "
        "all rewirings, and end both at the same time."
    )


def _seconds_per_step(log: RewiringLog) -> float:
    """Return the mean length of a step; NaN where the log does not tell."""
    times = log.times
    if len(times) < 2:
        return math.nan
    return float((times["seconds"][-1] - times["seconds"][0]) / (times["step"][-1] - times["step"][0]))


def _events_of(logs: Sequence[RewiringLog], number: Sequence[dict[int, int]], after: int, until: int) -> NDArray[Any]:
    """Return the events of some steps in several logs, their sets by new numbers, one log after the other."""
    found = [np.empty(0, EVENT)]
    for log, new in zip(logs, number, strict=True):
        events = np.concatenate([found[0], *log.event_blocks(after=after, until=until)])
        renumber = np.zeros(MAX_INDEX + 1, np.uint16)
        renumber[list(new)] = list(new.values())
        events["set"] = renumber[events["set"]]
        found.append(events)
    return np.concatenate(found)


def _copy(log: RewiringLog, times: NDArray[Any], events_of: Callable[[int, int], NDArray[Any]]) -> None:
    """Append steps and their events, in order, some steps at a time."""
    begin, number = 0, 100
    while begin < len(times):
        some = times[begin : begin + number]
        events = events_of(int(some["step"][0]) - 1, int(some["step"][-1]))
        log.record_steps(some, events[np.argsort(events["step"], kind="stable")])
        begin += len(some)
        number = max(1, CHUNK * len(some) // max(len(some), len(events)))
