"""Style of all figures: colours, null laws, legends; and checks of common arguments."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterMathtext
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_instance, check_number

__all__ = [
    "COLOURS",
    "NULL_STYLE",
    "NUM_NULL_POINTS",
    "axes_of",
    "check_ratio",
    "in_house_style",
    "legend",
    "literal",
    "plain_ticks",
    "plot_law",
]

#: Colours that can be distinguished with any colour vision (Okabe and Ito 2008), strongest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: Line style of the null law (noise and l1 only) in all figures.
NULL_STYLE: dict[str, Any] = {"color": "0.15", "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 3}
#: The group of its lines.
LAW = "null law"
NUM_NULL_POINTS = 400
#: Between these, all ticks of a logarithmic axis are short as plain numbers: from 0.001 to 10000.
SHORTEST, LONGEST = 5e-4, 1e5


#: Decorates a function that draws or writes a figure; other figures keep their style.
in_house_style = plt.style.context("synaptic_sampling.plotting.house")


def axes_of(ax: Axes | None) -> Axes:
    """Return the given axes, or the current ones."""
    if ax is not None:
        check_instance("ax", ax, Axes)
    return plt.gca() if ax is None else ax


def check_ratio(step_ratio: Any) -> None:
    """Raise an error unless ``step_ratio`` is None or a number >= 0, infinity included, before anything is drawn."""
    if step_ratio is not None and not (isinstance(step_ratio, float) and step_ratio == math.inf):
        check_number("step_ratio", step_ratio, minimum=0.0)


def plot_law(
    axes: Axes, x: ArrayLike, y: ArrayLike, *, of: Line2D | None = None, name: str = "noise and l1 only", **style: Any
) -> None:
    """Plot a null law dashed, in the colour of the curve that it is the law of, and name it in a legend."""
    colour = {} if of is None else {"color": of.get_color()}
    axes.plot(x, y, gid=LAW, label=name, **{**NULL_STYLE, **colour, **style})
    legend(axes)


class PlainTicks(LogFormatterMathtext):
    """Labels all ticks of a logarithmic axis alike: 600 in place of 6 x 10^2, or powers of ten where numbers are long.

    The axis decides, not each tick, so that 10000 and 10^5 never stand on one axis.
    """

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick, empty where there is none."""
        shown = super().__call__(x, pos)
        ends = np.abs(cast(Axis, self.axis).get_view_interval())
        return f"{x:g}" if shown and ends.min() > SHORTEST and ends.max() < LONGEST else shown


def plain_ticks(*axes: Axis) -> None:
    """Label logarithmic axes with plain numbers where these are short."""
    for axis in axes:
        axis.set_major_formatter(PlainTicks())
        axis.set_minor_formatter(PlainTicks(labelOnlyBase=False, minor_thresholds=(1.0, 0.4)))


def literal(name: str) -> str:
    """Return a label that matplotlib shows in legends, where it omits labels that start with an underscore."""
    return f" {name}" if name.startswith("_") else name


def legend(ax: Axes, **options: Any) -> None:
    """Add a legend in which the null law appears once, as the last entry; labels are not interpreted as markup."""
    laws = [line for line in ax.get_lines() if line.get_gid() == LAW]
    entries = [entry for entry in zip(*ax.get_legend_handles_labels(), strict=True) if entry[0] not in laws]
    if laws:  # Those of several runs have the colours of these.
        drawn = laws[0] if len(laws) == 1 else Line2D([], [], **NULL_STYLE)
        entries.append((drawn, str(laws[0].get_label())))
    if entries:
        made = ax.legend(*zip(*entries, strict=True), **{"frameon": False, "fontsize": "small", **options})
        for text in (*made.get_texts(), made.get_title()):
            text.set_parse_math(False)
