"""Choosing parameters on validation data: random settings, of which the best are trained longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.reproduce.runs import Function, Runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VALIDATION_SEED", "Round", "between", "chosen", "searched"]

#: Used for choosing parameters, and not for the results.
VALIDATION_SEED = 0
#: A learning rate within this factor of an end of its range is near it; how far the range is then extended.
NEAR, WIDER = 1.25, 3.0
#: Settings drawn from a range, and from its extension, where runs are short.
NUMBERS = (60, 20)


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


def searched(
    runs: Runs,
    function: Function,
    common: Mapping[str, Any],
    draw: Callable[[tuple[float, float], int, int], Sequence[Mapping[str, Any]]],
    ends: tuple[float, float],
    rounds: Sequence[Round],
    score: Callable[[pd.DataFrame, int], NDArray[np.float64]],
    numbers: tuple[int, int] = NUMBERS,
) -> dict[str, Any]:
    """Return the best of random settings; if it lies near an end of the range, that of more settings beyond the end.

    Parameters
    ----------
    runs, function, rounds, score
        See ``chosen``.
    common : dict
        Arguments of ``function`` that all settings have.
    draw : callable
        From a range of learning rates, the number of settings and that of the draw, 0 or 1, to the other arguments.
    ends : (float, float)
        The range.
    numbers : (int, int)
        Settings drawn from the range, and from its extension.
    """
    settings = [{**common, **each} for each in draw(ends, numbers[0], 0)]
    best = chosen(runs, function, settings, rounds, score)
    wider = _beyond(ends, best["learning_rate"])
    if wider is None:
        return best
    settings += [{**common, **each} for each in draw(wider, numbers[1], 1)]
    return chosen(runs, function, settings, rounds, score)


def _beyond(ends: tuple[float, float], value: float) -> tuple[float, float] | None:
    """Return the range beyond the end that a value lies near, or None if it lies near neither."""
    if value * NEAR > ends[1]:
        return ends[1], WIDER * ends[1]
    if value < NEAR * ends[0]:
        return ends[0] / WIDER, ends[0]
    return None


def between(ends: tuple[float, float], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers between two ends, 0 to 1 along a logarithmic axis."""
    return ends[0] * (ends[1] / ends[0]) ** u
