"""Denormal numbers count as 0 while a network with an active Rewiring runs, as in C++ programs.

Traces of silent neurons decay to them, and then cost up to a hundred times as much. The setting is that of the
processor, for the thread that runs the network: code of network operations and callbacks computes with it, too.
An error in another object of the network ends a run without Brian2 calling ``after_run``; the setting then stays until
a later run with a Rewiring ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from synaptic_sampling._kernels.denormals import flush_denormals, restore_denormals
from synaptic_sampling.brian.standalone.program import is_standalone

__all__ = ["flush", "flushed", "restore"]

#: The setting of each thread before its run.
_BEFORE = threading.local()


def flush() -> None:
    """Take denormal numbers for 0 until ``restore``; may be called again. C++ programs do it themselves."""
    if getattr(_BEFORE, "setting", None) is None and not is_standalone():
        _BEFORE.setting = flush_denormals()


def restore() -> None:
    """Compute with denormal numbers as before ``flush``; may be called again."""
    if getattr(_BEFORE, "setting", None) is not None:
        restore_denormals(_BEFORE.setting)
        _BEFORE.setting = None


@contextmanager
def flushed() -> Iterator[None]:
    """Flush; restore if the block raises an error, which ends the run without Brian2 calling ``after_run``."""
    flush()
    try:
        yield
    except BaseException:
        restore()
        raise
