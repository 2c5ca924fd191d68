"""Arguments of the estimators: logs, objects that have a log, and the sizes in snapshots."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.log.recorder import RewiringLog, Snapshot
from synaptic_sampling.observations import Observations

__all__ = ["HasLog", "Source", "check_kind", "holds_sizes", "log_of", "sizes_in"]


class HasLog(Protocol):
    """An object that has a log, such as a RewiringMonitor or a Trainer."""

    @property
    def log(self) -> RewiringLog:
        """Return the log."""


#: What the estimators and figures take.
Source: TypeAlias = RewiringLog | HasLog


def check_kind(name: str, value: Any, kind: type) -> None:
    """Raise TypeError unless the argument is of this class."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise TypeError(f"{name} must be {article} {kind.__name__}, got {value!r} ({type(value).__name__}).")


def log_of(source: Source, *, observed: str = "") -> RewiringLog:
    """Return a log, or the log of an object that has one as ``log``.

    ``observed`` names the function of ``statistics.observed`` that takes observations in place of the caller, for the
    error that refuses them.
    """
    if isinstance(source, Observations):
        instead = f"use statistics.observed.{observed}" if observed else "statistics.observed has estimators for them"
        raise TypeError(
            f"log must be a RewiringLog, got {source!r}: observations lack the exact times of formation and "
            f"elimination that are needed here, since what happens between two looks is not seen; {instead}."
        )
    log = source if isinstance(source, RewiringLog) else getattr(source, "log", None)
    if not isinstance(log, RewiringLog):
        raise TypeError(
            f"log must be a RewiringLog, or an object with a RewiringLog as its log, got {source!r}; "
            "open files with RewiringLog.open(path)."
        )
    return log


def sizes_in(log: RewiringLog, taken: Snapshot) -> NDArray[Any]:
    """Return abs(theta) of the connections in a snapshot, in the order of slots, without empty ones."""
    if not holds_sizes(log, taken):
        name = log.sets[taken.set_index].name if taken.set_index in log.sets else ""
        raise ValueError(
            f"the log contains no weights of {name or f'set {taken.set_index}'}: its rule has no theta, and weights "
            "of your own equations are not recorded."
        )
    return np.abs(taken.theta[taken.polarity != 0])


def holds_sizes(log: RewiringLog, taken: Snapshot) -> bool:
    """Return whether a snapshot contains theta: False if all are NaN, or if the set has no theta."""
    theta, about = taken.theta[taken.polarity != 0], log.sets.get(taken.set_index)
    without = about is not None and not about.has_theta
    return not len(theta) or not (without or np.isnan(theta).all())
