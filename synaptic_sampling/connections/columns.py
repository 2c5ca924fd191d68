"""Arrays of equal length that grow cheaply, because spare capacity is allocated behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns"]

#: Factor by which an array is enlarged when its capacity is exhausted.
GROWTH = 1.25


class Columns:
    """Named arrays, all of length ``number``."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._whole: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array: a view that is valid until the next ``resize``."""
        return self._whole[name][: self.number]

    def __setitem__(self, name: str, values: NDArray[Any]) -> None:
        """Store an array, not a copy; elements beyond ``number`` are spare capacity."""
        self._whole[name] = values

    def __delitem__(self, name: str) -> None:
        """Remove an array."""
        del self._whole[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self._whole)

    def resize(self, number: int) -> None:
        """Change the length of all arrays; new elements are uninitialised."""
        for name, values in self._whole.items():
            if number > len(values):
                self._whole[name] = np.empty(int(GROWTH * number) + 1, values.dtype)
                self._whole[name][: self.number] = values[: self.number]
        self.number = number

    def relocate(self, old: NDArray[np.int32], new: NDArray[np.int32]) -> None:
        """Copy rows ``old`` to ``new`` in all arrays; no row is in both."""
        for values in self._whole.values():
            values[new] = values[old]
