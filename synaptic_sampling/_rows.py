"""A table that grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows"]


class Rows:
    """Rows of a table, in full blocks and one that fills: appending never moves what is there.

    Parameters
    ----------
    dtype : numpy.dtype
        Of a row.
    block : int
        Rows in a block.
    """

    def __init__(self, dtype: np.dtype[Any], block: int) -> None:
        self._blocks: list[NDArray[Any]] = []
        self._open = np.empty(block, dtype)
        self._full = self._used = 0

    def __len__(self) -> int:
        return self._full + self._used

    @property
    def last(self) -> Any:
        """Return the last row."""
        return self._open[self._used - 1] if self._used else self._blocks[-1][-1]

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows.

        Parameters
        ----------
        rows : ndarray
            Copied.
        """
        while len(rows):
            n = min(len(rows), len(self._open) - self._used)
            self._open[self._used : self._used + n] = rows[:n]
            self._used += n
            rows = rows[n:]
            if self._used == len(self._open):
                self._full += self._used
                self._blocks.append(self._open)
                self._open, self._used = np.empty_like(self._open), 0

    def since(self, begin: int) -> NDArray[Any]:
        """Return a copy of the rows from one on.

        Parameters
        ----------
        begin : int
            Number of the first, from 0.

        Returns
        -------
        ndarray
            The rows.
        """
        rows, place = [self._open[: self._used]], self._full
        for block in reversed(self._blocks):
            if place <= begin:
                break
            rows.append(block)
            place -= len(block)
        return np.concatenate(rows[::-1])[begin - place :]
