"""What can be given where a log is asked for."""

from __future__ import annotations

from typing import Any

from synaptic_sampling.log import RewiringLog

__all__ = ["log_of"]


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
