"""How all pictures look, and what can be given to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from synaptic_sampling._checks import check_instance, check_number

__all__ = ["COLOURS", "NULL_STYLE", "NUM_NULL_POINTS", "axes_of", "check_ratio", "legend", "literal", "log_if_possible"]

#: Colours that people with any vision can tell apart (Okabe and Ito 2008), the strongest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: The null law (noise and l1 only), in every figure.
NULL_STYLE: dict[str, Any] = {"color": "0.15", "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 3}
NUM_NULL_POINTS = 400


def axes_of(ax: Axes | None) -> Axes:
    """Return the axes that are given, or the current ones.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        To be drawn in.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if ax is not None:
        check_instance("ax", ax, Axes)
    return plt.gca() if ax is None else ax


def check_ratio(step_ratio: Any) -> None:
    """Raise an error unless a law can be drawn for this ratio, or none is asked for: before anything is drawn.

    Parameters
    ----------
    step_ratio : object
        What the user gave.

    Raises
    ------
    TypeError, ValueError
        If it is neither a number >= 0, infinity included, nor None.
    """
    if step_ratio is not None and not (isinstance(step_ratio, float) and step_ratio == math.inf):
        check_number("step_ratio", step_ratio, minimum=0.0)


def log_if_possible(ax: Axes) -> None:
    """Let the y axis be logarithmic where curves have values above 0; zeros are left out.

    Parameters
    ----------
    ax : Axes
        With its curves.
    """
    if any((np.asarray(line.get_ydata(), float) > 0).any() for line in ax.get_lines()):
        ax.set_yscale("log", nonpositive="mask")


def literal(name: str) -> str:
    """Return a name as matplotlib shows it in a legend: labels that start with an underscore are left out there.

    Parameters
    ----------
    name : str
        Of a run, any text.

    Returns
    -------
    str
        A label.
    """
    return f" {name}" if name.startswith("_") else name


def legend(ax: Axes, **options: Any) -> None:
    """Add a legend in which the null law stands once, and last; labels are text, not markup.

    Parameters
    ----------
    ax : Axes
        With labels.
    **options
        For ``Axes.legend``.
    """
    handles, labels = ax.get_legend_handles_labels()
    null = [Line2D([], [], **NULL_STYLE)] if any(line.get_gid() == "null law" for line in ax.get_lines()) else []
    if handles or null:
        names = [*labels, *["noise and l1 only"] * len(null)]
        made = ax.legend([*handles, *null], names, **{"frameon": False, "fontsize": "small", **options})
        for text in (*made.get_texts(), made.get_title()):
            text.set_parse_math(False)
