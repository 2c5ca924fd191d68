"""Maximum likelihood: values of a law of largest likelihood, and profile intervals, for counts of runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize, minimize_scalar

from synaptic_sampling.laws.presence import PresenceLaw
from synaptic_sampling.statistics.observed.runs import Runs, log_of_terms, log_probability, values_at

__all__ = ["AT_END", "best_values", "profile_limits", "refit"]

#: Minus log likelihood, as a function of places between 0 and 1.
Cost = Callable[[NDArray[np.float64]], float]
#: Half the 95 % quantile of chi squared with one degree of freedom.
DROP = 1.9207
#: Places on the scale of a parameter closer than this to its end count as its end.
AT_END = 2e-3
#: Searches start at so many points of a grid, which differ in a parameter by at least this much of its scale.
MOST_STARTS, APART = 3, 0.15


def best_values(law: PresenceLaw, runs: Runs, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of largest likelihood for counts of runs, searched from the best points of a grid."""
    places, table = _grid(law, runs.series)
    order = np.argsort(-(log_of_terms(table, runs) @ counts), kind="stable")
    starts = [places[order[0]]]
    for place in places[order[: len(order) // 4]]:
        if len(starts) < MOST_STARTS and min(np.abs(place - own).max() for own in starts) > APART:
            starts.append(place)
    cost = _cost(law, runs, counts)
    found = [_search(cost, start, 0.06) for start in starts]
    return _at(law, min(found, key=cost))


def refit(law: PresenceLaw, runs: Runs, counts: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of largest likelihood for other counts of the same runs, searched from given values on."""
    return _at(law, _search(_cost(law, runs, counts), _places(law, start), 0.03))


def profile_limits(
    law: PresenceLaw, runs: Runs, counts: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper ends of the 95 % intervals of all parameters by profile likelihood."""
    cost, best = _cost(law, runs, counts), _places(law, values)
    limits = np.array([[_limit(cost, best, n, end) for end in (0.0, 1.0)] for n in range(len(best))])
    return _at(law, limits[:, 0]), _at(law, limits[:, 1])


@lru_cache(maxsize=64)
def _grid(law: PresenceLaw, series: tuple[tuple[float, ...], ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points at which a search may start, and the law there."""
    places = np.array(list(product(*(np.linspace(0.0, 1.0, own.points) for own in law.parameters))))
    return places, np.array([values_at(law, _at(law, place), series) for place in places])


def _search(cost: Cost, start: NDArray[np.float64], step: float, close: float = 1e-4) -> NDArray[np.float64]:
    """Return the place of least cost near a start, to within ``close``; places are between 0 and 1."""
    if len(start) == 1:
        return np.array([_search_line(lambda place: cost(np.array([place])), float(start[0]), 2.0 * step, 0.1 * close)])
    corners = np.tile(start, (len(start) + 1, 1))
    for n in range(len(start)):
        corners[n + 1, n] += step if start[n] + step <= 1.0 else -step
    options = {"xatol": close, "fatol": 0.1 * close, "initial_simplex": corners, "maxfev": 600}
    return np.asarray(minimize(cost, start, method="Nelder-Mead", bounds=[(0.0, 1.0)] * len(start), options=options).x)


def _search_line(cost: Callable[[float], float], start: float, step: float, close: float) -> float:
    """Return the place of least cost near a start, moving on while it lies at the end of the searched interval."""
    low, high = max(0.0, start - step), min(1.0, start + step)
    place = float(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": close}).x)
    at_low, at_high = 0.0 < low > place - 10.0 * close, 1.0 > high < place + 10.0 * close
    return _search_line(cost, place, 2.0 * step, close) if at_low or at_high else place


def _limit(cost: Cost, best: NDArray[np.float64], index: int, end: float) -> float:
    """Return the place of one parameter on the way to ``end`` at which the profile likelihood has dropped."""
    allowed = cost(best) + DROP
    others = np.delete(best, index)

    @cache  # the inner search starts where the last one ended: asked again, it could find the other sign
    def excess(place: float) -> float:
        nonlocal others
        if not len(best) - 1:
            return cost(np.array([place])) - allowed
        inner = _search(lambda rest: cost(np.insert(rest, index, place)), others, 0.05, 2e-3)
        others = inner
        return cost(np.insert(inner, index, place)) - allowed

    if abs(best[index] - end) < AT_END:
        return end
    inside, step = float(best[index]), 0.02
    while True:
        outside = min(inside + step, end) if end > inside else max(inside - step, end)
        if excess(outside) > 0.0:
            return float(brentq(excess, inside, outside, xtol=1e-5, rtol=1e-5)) if excess(inside) < 0.0 else inside
        if outside == end:
            return end
        inside, step = outside, 2.0 * step


def _cost(law: PresenceLaw, runs: Runs, counts: NDArray[np.float64]) -> Cost:
    return lambda place: -float(counts @ log_probability(law, _at(law, np.clip(place, 0.0, 1.0)), runs))


def _at(law: PresenceLaw, places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([own.at(place) for own, place in zip(law.parameters, places, strict=True)])


def _places(law: PresenceLaw, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip([own.place(value) for own, value in zip(law.parameters, values, strict=True)], 0.0, 1.0)
