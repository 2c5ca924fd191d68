"""Layers whose work is divided among threads.

A kernel is called once for each part of its outputs: channels, connections, or columns of the batch. Whatever the
number of threads, each output is computed by the same additions in the same order, so that results have the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.lanes import LANES

__all__ = ["columns", "divided", "equal_parts", "parts", "using"]

#: The least work of a kernel, in multiply-adds, that is divided: it takes about five times as long as starting a part.
WORTH_DIVIDING = 2**21


class _Threads(NamedTuple):
    """Threads in use: their number, and the pool of all but the calling one."""

    number: int
    others: ThreadPoolExecutor


_threads: ContextVar[_Threads | None] = ContextVar("threads", default=None)
if hasattr(os, "register_at_fork"):
    # A child process has only the thread that has forked.
    os.register_at_fork(after_in_child=lambda: _threads.set(None))


@contextmanager
def using(number: int) -> Iterator[None]:
    """Divide the work of layers among ``number`` threads."""
    with ThreadPoolExecutor(max(1, number - 1), "synaptic_sampling") as others:
        before = _threads.set(None if number == 1 else _Threads(number, others))
        try:
            yield
        finally:
            _threads.reset(before)


def parts(starts: NDArray[np.int64], work: float) -> list[tuple[int, int]]:
    """Return ranges of groups that hold about equally many connections, one for each thread.

    Parameters
    ----------
    starts : ndarray of int64
        The place of the first connection of each group, and the end of the last group.
    work : float
        Number of multiply-adds of all groups. If it is too small to be divided, there is one range.
    """
    number = _number(work)
    if number == 1:
        return [(0, len(starts) - 1)]
    marks = starts[-1] * np.arange(1, number) / number
    ends = [0, *np.searchsorted(starts[:-1], marks).tolist(), len(starts) - 1]
    return [(start, end) for start, end in pairwise(ends) if start < end]


def equal_parts(size: int, work: float) -> list[tuple[int, int]]:
    """Return ranges of about equally many of ``size`` items, one for each thread."""
    return [(0, size)] if _number(work) == 1 else parts(np.arange(size + 1), work)


def _number(work: float) -> int:
    """Return how many threads share some work."""
    threads = _threads.get()
    return 1 if threads is None or work < WORTH_DIVIDING else threads.number


def columns(batch: int, work: float) -> list[tuple[int, int]]:
    """Return ranges of about equally many columns of a batch, whole vectors of 16 lanes, one for each thread."""
    return [(LANES * start, LANES * end) for start, end in equal_parts(batch // LANES, work)]


def divided(kernel: Callable[..., Any], pieces: Sequence[tuple[Any, ...]]) -> None:
    """Call a kernel for several pieces of its work at the same time, the first one in this thread.

    Parameters
    ----------
    kernel : callable
        Compiled code that releases the GIL.
    pieces : sequence of tuple
        The arguments of each call. No call may write what another one reads or writes.
    """
    threads = _threads.get()
    if threads is None:
        for piece in pieces:
            kernel(*piece)
        return
    running, here = [], list(pieces[:1])
    for piece in pieces[1:]:
        try:
            running.append(threads.others.submit(kernel, *piece))
        except RuntimeError:  # The interpreter is shutting down, and this is not the main thread.
            here.append(piece)
    for piece in here:
        kernel(*piece)
    for one in running:
        one.result()
