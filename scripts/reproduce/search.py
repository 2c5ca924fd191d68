"""Choosing parameters on validation data: random settings, of which the best are trained longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.reproduce.runs import Function, Runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VALIDATION_SEED", "Round", "between", "chosen"]

#: Used for choosing parameters, and not for the results.
VALIDATION_SEED = 0


class Round(NamedTuple):
    """A round of the search: epochs of each run, and how many settings are kept after it."""

    epochs: int
    kept: int


def chosen(
    runs: Runs,
    function: Function,
    settings: Sequence[Mapping[str, Any]],
    rounds: Sequence[Round],
    score: Callable[[pd.DataFrame, int], NDArray[np.float64]],
) -> dict[str, Any]:
    """Return the best setting, without epochs and ``validation``.

    Parameters
    ----------
    runs : Runs
        Performs what is missing.
    function : callable
        Trains once; takes ``epochs`` and ``validation`` besides the settings.
    settings : sequence of dict
        From which to choose; equal ones are tried once.
    rounds : sequence of Round
        In the last one, one setting is kept.
    score : callable
        From a table of runs and the number of the round to a value per run, the larger the better.
    """
    left: list[dict[str, Any]] = []
    for each in settings:
        if each not in left:
            left.append(dict(each))
    for number, (epochs, kept) in enumerate(rounds):
        tried = runs(function, [{**each, "epochs": epochs, "validation": True} for each in left], [VALIDATION_SEED])
        left = [left[n] for n in np.argsort(-score(tried, number), kind="stable")[:kept]]
    return left[0]


def between(ends: tuple[float, float], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers between two ends, 0 to 1 along a logarithmic axis."""
    return ends[0] * (ends[1] / ends[0]) ** u
