"""Points with their range over seeds, and the colour that a method has in all figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling.plotting.style import COLOURS

__all__ = ["SIDES", "apart", "colour_of", "ranges"]

METHODS = ("deepr", "fixed", "dense", "set", "rigl", "soft", "l1", "prune")
SHADES = (*COLOURS, "0.2", "0.6")
#: Factor between the points of two methods at one place of a logarithmic axis.
STEP = 1.03
#: Places of the methods that most figures have, in these steps.
SIDES = {"deepr": -0.5, "fixed": 0.5, "dense": 0.0}


def colour_of(method: str) -> str:
    """Return the colour of a method."""
    return SHADES[METHODS.index(method)]


def apart(at: ArrayLike, side: float) -> NDArray[np.float64]:
    """Return places on a logarithmic axis, moved so that the error bars of several methods are beside each other."""
    return np.asarray(at, float) * STEP**side


def ranges(
    axes: Axes, at: ArrayLike, values: Iterable[NDArray[Any]], *, colour: str, label: str, line: str = "-"
) -> None:
    """Plot means, and bars from the smallest to the largest value.

    Parameters
    ----------
    axes : Axes
        Where to plot.
    at : array_like, shape (n,)
        Places on the first axis.
    values : n ndarrays
        Values of all seeds at each place.
    colour, label, line : str
        Style; an empty ``line`` leaves the points unconnected.
    """
    found = [np.asarray(each, float) for each in values]
    mean, low, high = (np.array([function(each) for each in found]) for function in (np.mean, np.min, np.max))
    errors = np.array([mean - low, high - mean])
    axes.errorbar(at, mean, errors, fmt=f"o{line}", color=colour, markersize=4, capsize=2, label=label)
