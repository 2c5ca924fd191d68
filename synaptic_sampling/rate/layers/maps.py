"""Outputs that are planes: how many, how high, how wide."""

from __future__ import annotations

from typing import Any

from synaptic_sampling._checks import check_integer

__all__ = ["Maps", "check_pair", "maps_before"]

#: Of heights, widths, kernels.
MAX_SIZE = 2**15


class Maps(int):
    """A number of outputs that knows in which planes they are arranged: channel, then row, then column.

    What a layer says of its outputs is handed to the next one, and an activation function hands it on: so a layer
    for images learns its size.

    Parameters
    ----------
    channels, height, width : int
        The planes.
    """

    channels: int
    height: int
    width: int

    def __new__(cls, channels: int, height: int, width: int) -> Maps:
        """Return the number."""
        self = super().__new__(cls, channels * height * width)
        self.channels, self.height, self.width = channels, height, width
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height, width."""
        return self.channels, self.height, self.width


def check_pair(name: str, value: Any, *, minimum: int = 1) -> tuple[int, int]:
    """Return a height and a width, or raise an error.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : int or pair of int
        What the user gave: one number is both.
    minimum : int
        Closed bound.

    Returns
    -------
    tuple of int
        Height and width.

    Raises
    ------
    TypeError, ValueError
        If it is neither, or out of bounds.
    """
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a number or a pair (height, width), got {value!r}.")
    height, width = (check_integer(name, part, minimum=minimum, maximum=MAX_SIZE) for part in pair)
    return height, width


def maps_before(layer: object, num_before: int | None) -> Maps:
    """Return the planes that come from the layer before, or raise an error.

    Parameters
    ----------
    layer : object
        For the message.
    num_before : int or None
        What the layer before says of its outputs.

    Returns
    -------
    Maps
        The planes.

    Raises
    ------
    ValueError
        If there is no layer before, or its outputs are no planes.
    """
    if not isinstance(num_before, Maps):
        raise ValueError(
            f"{layer} must know the size of its input, but before it comes {num_before} outputs without height and "
            "width; begin with SparseConv2d(..., size=(height, width)) or Conv2d(..., size=...)."
        )
    return num_before
