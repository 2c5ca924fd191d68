"""Style of all figures: colours, null laws, legends; and checks of common arguments."""

from __future__ import annotations

import math
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterMathtext

from synaptic_sampling._checks import check_instance, check_number

__all__ = [
    "COLOURS",
    "NULL_STYLE",
    "NUM_NULL_POINTS",
    "axes_of",
    "check_ratio",
    "legend",
    "literal",
    "null_style",
    "plain_ticks",
]

#: Colours that can be distinguished with any colour vision (Okabe and Ito 2008), strongest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: Line style of the null law (noise and l1 only) in all figures.
NULL_STYLE: dict[str, Any] = {"color": "0.15", "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 3}
NUM_NULL_POINTS = 400


def axes_of(ax: Axes | None) -> Axes:
    """Return the given axes, or the current ones."""
    if ax is not None:
        check_instance("ax", ax, Axes)
    return plt.gca() if ax is None else ax


def check_ratio(step_ratio: Any) -> None:
    """Raise an error unless ``step_ratio`` is None or a number >= 0, infinity included, before anything is drawn."""
    if step_ratio is not None and not (isinstance(step_ratio, float) and step_ratio == math.inf):
        check_number("step_ratio", step_ratio, minimum=0.0)


def null_style(line: Line2D) -> dict[str, Any]:
    """Return the style of the null law of one of several runs: dashed, in the colour of its curve."""
    return {**NULL_STYLE, "color": line.get_color()}


class PlainTicks(LogFormatterMathtext):
    """Labels a logarithmic axis with 600 in place of 6 x 10^2; whole powers of ten far from 1 stay powers."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick, empty where there is none."""
        shown = super().__call__(x, pos)
        return f"{x:g}" if shown and (1e-3 <= abs(x) < 1e5 or "times" in shown) else shown


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
    handles, labels = ax.get_legend_handles_labels()
    null = [Line2D([], [], **NULL_STYLE)] if any(line.get_gid() == "null law" for line in ax.get_lines()) else []
    if handles or null:
        names = [*labels, *["noise and l1 only"] * len(null)]
        made = ax.legend([*handles, *null], names, **{"frameon": False, "fontsize": "small", **options})
        for text in (*made.get_texts(), made.get_title()):
            text.set_parse_math(False)
