"""Memory for feature maps, and checks of the arguments of layers that act on them."""

from __future__ import annotations

from typing import Any

from synaptic_sampling._checks import check_integer
from synaptic_sampling.rate.layers.layer import Activations
from synaptic_sampling.rate.layers.parameters import aligned
from synaptic_sampling.rate.layers.shapes import Maps, Shape

__all__ = ["MAX_SIZE", "check_pair", "maps_before", "planes"]

#: Of heights, widths and kernels.
MAX_SIZE = 2**15


def planes(channels: int, height: int, width: int, batch: int) -> Activations:
    """Return zeros [channel, row, column, batch], aligned."""
    return aligned(channels * height * width, batch).reshape(channels, height, width, batch)


def check_pair(name: str, value: Any) -> tuple[int, int]:
    """Return the height and width in an argument that is one number or a pair, or raise an error that names it."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a number or a pair (height, width), got {value!r}.")
    height, width = (check_integer(name, part, minimum=1, maximum=MAX_SIZE) for part in pair)
    return height, width


def maps_before(layer: object, num_before: int | Shape | None) -> Maps:
    """Return the planes of the layer before, or raise an error if its outputs are not arranged in planes."""
    if not isinstance(num_before, Maps):
        raise ValueError(
            f"{layer} must know the size of its input, but the layer before it has {num_before} outputs without height "
            "and width; start with SparseConv2d(..., size=(height, width)) or Conv2d(..., size=...)."
        )
    return num_before
