"""Figures of the connectivity: events, matrices, films."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_index, check_integer
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.plotting.style import COLOURS, axes_of, legend
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["animate_connectivity", "plot_connectivity", "plot_matrix"]

#: Largest number of dots by default; more make a figure slow, but not clearer.
MOST_DOTS = 20_000
#: Largest number of rows and of columns of a matrix; more neurons share cells.
MOST_CELLS = 400
#: Colours of a matrix: inhibitory, none, excitatory.
SIGNS = ListedColormap([COLOURS[1], "white", COLOURS[0]])


def plot_connectivity(
    log: Source, ax: Axes | None = None, *, index: int = 0, most: int = MOST_DOTS, **style: Any
) -> Axes:
    """Plot a raster of connections formed and eliminated: step and postsynaptic neuron.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    most : int
        Largest number of events that are drawn; if there are more, every n-th one is, and the legend says so.
    **style
        For ``Axes.plot``: markersize, alpha, ...

    Returns
    -------
    Axes
        With two sets of dots.

    Raises
    ------
    TypeError, ValueError
        If there is no log, or an argument is out of range.
    """
    record, axes = log_of(log), axes_of(ax)
    check_index(index)
    check_integer("most", most, minimum=1, maximum=10**7)
    kept, every = _thinned(record, index, most)
    size = np.clip(150 / np.sqrt(max(1, len(kept))), 1.5, 5.0)  # Few dots must be visible, many distinct.
    options = {"linestyle": "none", "marker": ".", "markersize": size, "markeredgewidth": 0, **style}
    for kind, name, colour in ((-1, "eliminated", COLOURS[1]), (1, "formed", COLOURS[0])):
        own = kept[kept["kind"] == kind]
        axes.plot(own["step"], own["post"], label=name, **{"color": colour, **options})
    axes.set_xlabel("step")
    axes.set_ylabel("postsynaptic neuron")
    said = f"1 of {every} events" if every > 1 else None
    legend(axes, title=said, title_fontsize="small", markerscale=9 / size, loc="upper right", frameon=True)
    return axes


def plot_matrix(log: Source, step: int | None = None, ax: Axes | None = None, *, index: int = 0, **style: Any) -> Axes:
    """Plot the connectivity matrix at a step: excitatory connections blue, inhibitory ones orange.

    In a set without signs, all connections are blue.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    step : int, optional
        The step after which it is drawn; the last one by default.
    ax : Axes, optional
        Axes to draw in; the current ones by default.
    index : int
        Index of the set.
    **style
        For ``Axes.imshow``.

    Returns
    -------
    Axes
        With an image. If there are more than 400 neurons on a side, neighbours share a cell, which shows the sign of
        the majority of its connections.

    Raises
    ------
    TypeError
        If there is no log.
    ValueError
        If the log does not describe the set.
    """
    record, axes = log_of(log), axes_of(ax)
    image = _matrix(record, step, index)
    axes.imshow(image, **{**_image_options(), **style}, extent=_extent(record, index))
    axes.set_xlabel("postsynaptic neuron")
    axes.set_ylabel("presynaptic neuron")
    return axes


def animate_connectivity(
    log: Source, steps: ArrayLike | None = None, *, index: int = 0, frames: int = 60, interval: float = 100.0
) -> FuncAnimation:
    """Return an animation of the connectivity matrix.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    steps : array_like of int, optional
        Steps to show; evenly spaced over the record by default.
    index : int
        Index of the set.
    frames : int
        Number of frames, if ``steps`` is not given.
    interval : float
        Milliseconds between frames.

    Returns
    -------
    FuncAnimation
        For ``.save('film.gif', writer='pillow')``, or ``.to_jshtml()`` in a notebook. Keep a reference to it.

    Raises
    ------
    TypeError, ValueError
        If there is no log, or it does not describe the set.
    """
    record = log_of(log)
    if steps is None:
        number = check_integer("frames", frames, minimum=2, maximum=100_000)
        steps = np.linspace(record.first_step, record.last_step, number).round().astype(int)
    shown = np.unique(check_array("steps", steps, "iu"))
    figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    plot_matrix(record, int(shown[0]), ax, index=index)
    image = ax.images[0]

    def draw(step: int) -> list[Any]:
        image.set_data(_matrix(record, int(step), index))
        ax.set_title(f"step {step}", fontsize="medium")
        return [image]

    return FuncAnimation(figure, draw, frames=shown.tolist(), interval=interval, blit=False)


def _thinned(record: RewiringLog, index: int, most: int) -> tuple[NDArray[Any], int]:
    """Return every n-th formation or elimination of a set, and n."""
    total = record.num_births + record.num_deaths
    every = max(1, -(-total // most))
    found, seen = [record.events[:0]], 0
    for events in record.event_blocks(index):
        own = events[np.abs(events["kind"]) == 1]
        found.append(own[-seen % every :: every])
        seen += len(own)
    return np.concatenate(found), every


def _matrix(record: RewiringLog, step: int | None, index: int) -> NDArray[np.float64]:
    """Return the signs of connections; neighbours are summed if there are too many neurons."""
    about = _about(record, index)
    pre, post, polarity = record.wiring(step, index)
    signs = polarity if about.signed else np.ones_like(polarity)
    rows, columns = (min(number, MOST_CELLS) for number in (about.num_pre, about.num_post))
    image = np.zeros((rows, columns))
    np.add.at(image, (pre.astype(np.int64) * rows // about.num_pre, post.astype(np.int64) * columns // about.num_post),
              signs)  # fmt: skip
    return np.sign(image)


def _about(record: RewiringLog, index: int) -> Any:
    if check_index(index) not in record.sets:
        raise ValueError(f"the log does not describe set {index}; its sets are {sorted(record.sets)}.")
    return record.sets[index]


def _image_options() -> dict[str, Any]:
    return {"cmap": SIGNS, "vmin": -1, "vmax": 1, "interpolation": "nearest", "aspect": "auto"}


def _extent(record: RewiringLog, index: int) -> tuple[float, float, float, float]:
    about = _about(record, index)
    return -0.5, about.num_post - 0.5, about.num_pre - 0.5, -0.5
