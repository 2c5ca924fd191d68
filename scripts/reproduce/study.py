"""What a study is: the runs that a published result needs, what they say about it, and its figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from scripts.reproduce.runs import Runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMES", "Accuracy", "Claim", "Study", "accuracies", "study_of", "summary"]

#: All names, each of which is a file of this folder.
NAMES = (
    "survival-law",
    "posterior",
    "turnover-kappel2018",
    "wta-kappel2015",
    "reward-kappel2018",
    "lever-kappel2018",
    "shuffle",
    "mnist-connectivity",
    "frames",
    "spiking-rules",
    "cifar10",
)


class Claim(NamedTuple):
    """A statement, and what was found.

    Attributes
    ----------
    claim : str
        The statement, with the bound that must hold.
    ours : float
        What was found: a mean over seeds, if there are several.
    spread : float or None
        Standard deviation over seeds.
    held : bool or None
        Whether the statement holds; None for a number that is only reported.
    unit : str
        Of ``ours`` and ``spread``.
    published : str or None
        The published value; None where there is none, or none is known to us.
    source : str or None
        Where it was published, and how we know it.
    """

    claim: str
    ours: float
    spread: float | None
    held: bool | None
    unit: str = ""
    published: str | None = None
    source: str | None = None


class Accuracy(NamedTuple):
    """A cell of the table of accuracies.

    Attributes
    ----------
    method : str
        Name of the method.
    at : str
        Where it was measured: the connectivity, after the task if there are several.
    ours, spread : float, float or None
        Mean and standard deviation over seeds in percent.
    """

    method: str
    at: str
    ours: float
    spread: float | None


class Study(NamedTuple):
    """How a published result is reproduced.

    Attributes
    ----------
    title : str
        For the page.
    about : str
        What is run, and what limits it, as a paragraph of Markdown.
    seeds : int
        Number of seeds of a full run.
    quick_seeds : int
        Number of seeds of a quick one.
    minutes : float
        Processor time of a full run.
    measure : callable
        From `Runs` to a table with one row per setting and seed.
    claims : callable
        From this table to a list of `Claim`.
    draw : callable
        From this table to a figure.
    accuracies : callable, optional
        From this table to a list of `Accuracy`, which the page shows as a table of methods and places.
    """

    title: str
    about: str
    seeds: int
    quick_seeds: int
    minutes: float
    measure: Callable[[Runs], pd.DataFrame]
    claims: Callable[[pd.DataFrame], list[Claim]]
    draw: Callable[[pd.DataFrame], Figure]
    accuracies: Callable[[pd.DataFrame], list[Accuracy]] | None = None


def study_of(name: str) -> Study:
    """Return the study of this name, whose module is imported only now."""
    return import_module(f"scripts.reproduce.{name.replace('-', '_')}").STUDY


def summary(values: Any) -> tuple[float, float | None]:
    """Return mean and standard deviation of the values of several seeds; no deviation of a single one."""
    numbers = np.asarray(values, float)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else None


def accuracies(
    table: pd.DataFrame, methods: Mapping[str, str], tasks: Mapping[str, str] | None = None
) -> list[Accuracy]:
    """Return the accuracies of all methods, given with their names, by level, or by task and level."""
    found = []
    for task, rows in table.groupby("task", sort=False) if tasks else [("", table)]:
        for level, own in rows.groupby("level"):
            at = f"{tasks[str(task)]}, {100 * level:g} %" if tasks else f"{100 * level:g} %"
            for method in filter(set(own["method"]).__contains__, methods):
                values = summary(100 * own.loc[own["method"] == method, "accuracy"])
                found.append(Accuracy(methods[method], at, *values))
    return found
