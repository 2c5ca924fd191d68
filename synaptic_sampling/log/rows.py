"""Tables ordered by step, and snapshots: in memory, or in a file that is read on demand."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.log.file import MAX_STEP, FrameAt, LogError, read_blocks, read_payload
from synaptic_sampling.log.snapshots import Snapshot, unpack

__all__ = ["Rows", "RowsOnDisk", "SnapshotsOnDisk"]


class Rows:
    """A table in full blocks and one that is being filled: appending never copies earlier rows."""

    def __init__(self, dtype: np.dtype[Any], block: int) -> None:
        self._blocks: list[NDArray[Any]] = []
        self._open = np.empty(block, dtype)
        #: NumPy copies records field by field, which takes thirty times as long as copying bytes.
        self._bytes = np.dtype((np.void, self._open.itemsize))
        self._full = self._used = 0

    def __len__(self) -> int:
        return self._full + self._used

    @property
    def last_step(self) -> int:
        """Return the step of the last row, or -1 if there are none."""
        if not len(self):
            return -1
        return int((self._open[self._used - 1] if self._used else self._blocks[-1][-1])["step"])

    def append(self, rows: NDArray[Any]) -> None:
        """Append a copy of some rows."""
        rows = np.asarray(rows, self._open.dtype)
        while len(rows):
            n = min(len(rows), len(self._open) - self._used)
            self._open[self._used : self._used + n].view(self._bytes)[:] = rows[:n].view(self._bytes)
            self._used += n
            rows = rows[n:]
            if self._used == len(self._open):
                self._full += self._used
                self._blocks.append(self._open)
                self._open, self._used = np.empty_like(self._open), 0

    def since(self, begin: int) -> NDArray[Any]:
        """Return a copy of the rows from row ``begin`` on."""
        rows, place = [self._open[: self._used]], self._full
        for block in reversed(self._blocks):
            if place <= begin:
                break
            rows.append(block)
            place -= len(block)
        return np.concatenate(rows[::-1])[begin - place :]

    def blocks(self, after: int, until: int) -> Iterator[NDArray[Any]]:
        """Yield views of the rows of steps > ``after`` and <= ``until``, block by block."""
        begin = bisect_right(self._blocks, after, key=lambda block: int(block[-1]["step"]))
        for block in [*self._blocks[begin:], self._open[: self._used]]:
            if len(block) and block[0]["step"] > until:
                return
            rows = _between(block, after, until)
            if len(rows):
                yield rows


class RowsOnDisk(Rows):
    """A table in a file, read one block at a time; the last rows may still be in memory."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        frames: Sequence[FrameAt],
        dtype: np.dtype[Any],
        block: int,
        check: Callable[[NDArray[Any]], None],
        until: int = MAX_STEP,
    ) -> None:
        super().__init__(dtype, block)
        self._path, self._frames, self._check, self._until = os.path.abspath(path), list(frames), check, until

    def __len__(self) -> int:
        return sum(map(len, self.blocks(-1, MAX_STEP)))

    def since(self, begin: int) -> NDArray[Any]:
        """Return the rows from row ``begin`` on."""
        return np.concatenate([self._open[:0], *self.blocks(-1, MAX_STEP)])[begin:]

    def is_in(self, path: str | os.PathLike[str]) -> bool:
        """Return whether the rows are in this file."""
        return os.path.realpath(path) == os.path.realpath(self._path)

    @property
    def num_in_memory(self) -> int:
        """Return the number of rows that are not yet in the file."""
        return super().__len__()

    def in_memory(self) -> NDArray[Any]:
        """Return a copy of the rows that are not yet in the file."""
        return super().since(0)

    def forget(self, at: FrameAt) -> None:
        """Drop the rows in memory, which have been written as this frame."""
        self._frames.append(at)
        self._blocks, self._open = [], np.empty_like(self._open)
        self._full = self._used = 0

    def blocks(self, after: int, until: int) -> Iterator[NDArray[Any]]:
        """Yield the rows of steps > ``after`` and <= ``until``, block by block, after reading and checking them."""
        # The first step that a frame claims is trusted only after the block was read: reading starts with a frame that
        # claims to start early enough, and ends with a block that does start too late.
        first = max((n for n, at in enumerate(self._frames) if at.first_step <= after), default=0)
        for block in read_blocks(self._path, self._frames[first:], self._open.dtype, self._check):
            if block[0]["step"] > until:
                return
            rows = _between(block, after, min(until, self._until))
            if len(rows):
                yield rows
        yield from super().blocks(after, until)


class SnapshotsOnDisk(Sequence[Snapshot]):
    """The snapshots of a file, each read on access."""

    def __init__(self, path: str | os.PathLike[str], frames: list[FrameAt]) -> None:
        self._path, self._frames = os.fspath(path), frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, number: Any) -> Any:
        """Read one snapshot, or a slice of them."""
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        try:
            with open(self._path, "rb") as file:
                return unpack(read_payload(self._path, file, self._frames[number]))
        except OSError as error:
            raise LogError(f"{self._path} cannot be read: {error}") from error


def _between(rows: NDArray[Any], after: int, until: int) -> NDArray[Any]:
    begin, end = np.searchsorted(rows["step"], [after, until], side="right")
    return rows[begin:end]
