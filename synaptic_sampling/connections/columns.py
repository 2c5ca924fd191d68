"""Arrays of equal length, of which the length may change: with spare room behind, so that growing is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns"]

#: By how much the room is enlarged where it is too small.
GROWTH = 1.25


class Columns:
    """Named arrays, all of length ``number``."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._whole: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array, a view that is good until the next ``resize``."""
        return self._whole[name][: self.number]

    def __setitem__(self, name: str, values: NDArray[Any]) -> None:
        """Take over an array; what is longer than ``number`` is spare room."""
        self._whole[name] = values

    def __delitem__(self, name: str) -> None:
        """Forget an array."""
        del self._whole[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self._whole)

    def resize(self, number: int) -> None:
        """Change the length of all arrays; new places hold anything."""
        for name, values in self._whole.items():
            if number > len(values):
                self._whole[name] = np.empty(int(GROWTH * number) + 1, values.dtype)
                self._whole[name][: self.number] = values[: self.number]
        self.number = number

    def move(self, old: NDArray[np.int32], new: NDArray[np.int32]) -> None:
        """Copy rows to other places, in all arrays."""
        for values in self._whole.values():
            values[new] = values[old]
