"""The arrangement of the outputs of a layer, which layers hand on while a network is built."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Frames", "Maps", "Shape"]


class Shape:
    """Outputs that are arranged along several axes; plain outputs are described by their number, an int.

    ``int(outputs)`` is the number of outputs in either case.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the axes; activations are [*shape, batch]."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Return the number of outputs."""
        return math.prod(self.shape)

    def __int__(self) -> int:
        return self.size

    def __str__(self) -> str:
        return str(self.shape)

    def accepts(self, outputs: int | Shape | None) -> bool:
        """Return whether outputs of the layer before can be read as this input; None stands for no layer before."""
        if isinstance(outputs, Shape):
            return outputs.shape == self.shape
        return outputs in {None, self.size}


@dataclass(frozen=True)
class Frames(Shape):
    """A sequence: frame by frame, features together.

    Parameters
    ----------
    steps, features : int
        Number of frames, and of features in each.
    masked : bool
        Whether each frame ends with a mark, which is above 0 if the frame is present. Marks let sequences of different
        lengths form one batch.
    """

    steps: int
    features: int
    masked: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of steps, and of features including the mark."""
        return self.steps, self.features + self.masked


@dataclass(frozen=True)
class Maps(Shape):
    """Planes, from which a convolution knows the size of its input.

    Parameters
    ----------
    channels, height, width : int
        Number and size of the planes.
    """

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height, width."""
        return self.channels, self.height, self.width
