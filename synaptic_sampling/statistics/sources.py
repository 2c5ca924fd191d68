"""What can be given where a log is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.log.recorder import RewiringLog, Snapshot

__all__ = ["check_kind", "holds_sizes", "log_of", "sizes_in"]


def check_kind(name: str, value: Any, kind: type) -> None:
    """Refuse an object of another kind.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.
    kind : type
        What it must be.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r} ({type(value).__name__}).")


def log_of(source: Any) -> RewiringLog:
    """Return the log that is given, or that of an object that has one.

    Parameters
    ----------
    source : RewiringLog, or an object that has one as ``log``
        For example a RewiringMonitor or a Trainer.

    Returns
    -------
    RewiringLog
        To be asked.

    Raises
    ------
    TypeError
        If it is none, and has none.
    """
    log = source if isinstance(source, RewiringLog) else getattr(source, "log", None)
    if not isinstance(log, RewiringLog):
        raise TypeError(
            f"a RewiringLog is needed, or an object with one as its log, got {source!r}; "
            "a file is opened by RewiringLog.open(path)."
        )
    return log


def sizes_in(log: RewiringLog, taken: Snapshot) -> NDArray[Any]:
    """Return |theta| of the connections in a snapshot, slots without a connection left out.

    Parameters
    ----------
    log : RewiringLog
        That describes the set.
    taken : Snapshot
        From this log.

    Returns
    -------
    ndarray
        In the order of slots.

    Raises
    ------
    ValueError
        If it was taken without weights.
    """
    if not holds_sizes(log, taken):
        name = log.sets[taken.set_index].name if taken.set_index in log.sets else ""
        raise ValueError(
            f"this log holds no weights of {name or f'set {taken.set_index}'}: its rule has no theta, and the "
            "weights of your own equations were not recorded."
        )
    return np.abs(taken.theta[taken.polarity != 0])


def holds_sizes(log: RewiringLog, taken: Snapshot) -> bool:
    """Return whether a snapshot was taken with theta: not if all are NaN, or the set is said to have no theta.

    Parameters
    ----------
    log : RewiringLog
        That describes the set.
    taken : Snapshot
        From this log.

    Returns
    -------
    bool
        True where there are no connections.
    """
    theta, about = taken.theta[taken.polarity != 0], log.sets.get(taken.set_index)
    without = about is not None and not about.has_theta
    return not len(theta) or not (without or np.isnan(theta).all())
