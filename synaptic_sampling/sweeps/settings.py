"""The runs of a sweep: settings and seeds, checked, and named by a hash that is the same on every machine."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling._checks import check_integer, check_number, check_seed, has_unit, plain_number

__all__ = ["Run", "part_of", "plain", "runs_of"]

LIST = (list, tuple, range)
ALLOWED = "a number, a string, True, False, None, or a list or dict of these"
#: Each run has a folder; a larger number is taken for a mistake.
MOST_RUNS = 10**6


class Run(NamedTuple):
    """One call of the function.

    Attributes
    ----------
    setting : dict of str
        Its arguments without the seed.
    seed : int
        Its seed.
    key : str
        Hash of both, the name of its folder.
    """

    setting: dict[str, Any]
    seed: int
    key: str


def runs_of(grid: Any, seeds: Any) -> list[Run]:
    """Return all runs of a grid, or raise an error that names what is wrong; the last argument and seeds vary first."""
    numbers = _seeds(seeds)
    settings = _settings(grid)
    _check_number("grid and seeds", len(settings) * len(numbers), "runs")
    seen: dict[Any, dict[str, Any]] = {}
    for setting in settings:
        same = seen.setdefault(_frozen(setting), setting)
        if same is not setting:
            raise ValueError(f"grid has equal settings, {same} and {setting}; leave one of them out.")
    return [Run(setting, seed, _key(setting, seed)) for setting in settings for seed in numbers]


def part_of(runs: list[Run], part: Any) -> list[Run]:
    """Return every n-th run, or all if ``part`` is None."""
    if part is None:
        return runs
    if not isinstance(part, tuple | list) or len(part) != 2:
        raise TypeError(f"part must be two integers such as (3, 16), the third of 16 parts, got {part!r}.")
    total = check_integer("part[1]", part[1], minimum=1, maximum=10**6)
    number = check_integer("part[0]", part[0], minimum=1, maximum=total)
    return runs[number - 1 :: total]


def _settings(grid: Any) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        columns = {_name("grid", name): _values(f"grid[{name!r}]", values) for name, values in grid.items()}
        _check_number("grid", math.prod(map(len, columns.values())), "settings")
        return [dict(zip(columns, chosen, strict=True)) for chosen in itertools.product(*columns.values())]
    if not isinstance(grid, LIST) or not all(isinstance(setting, Mapping) for setting in grid):
        raise TypeError(f"grid must be a dict of lists or a list of dicts, got {grid!r}.")
    if not grid:
        raise ValueError("grid must have at least one setting, got []; use {} to vary the seed alone.")
    return [
        {_name(f"grid[{n}]", name): plain(f"grid[{n}][{name!r}]", value) for name, value in setting.items()}
        for n, setting in enumerate(grid)
    ]


def _values(name: str, values: Any) -> list[Any]:
    if isinstance(values, np.ndarray) and values.ndim == 1 and not has_unit(values):
        values = np.asarray(values).tolist()
    if not isinstance(values, LIST):
        raise TypeError(f"{name} must be a list of values, got {values!r}; for one value, use a list that contains it.")
    if not values:
        raise ValueError(f"{name} must have at least one value, got an empty list.")
    _check_number(name, _length(values), "values")
    return [plain(f"{name}[{n}]", value) for n, value in enumerate(values)]


def _name(where: str, name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(f"the names in {where} must be names of arguments, got {name!r}.")
    return str(name)


def plain(name: str, value: Any) -> Any:
    """Return a value as Python stores it, or raise an error unless it has one representation in JSON."""
    if has_unit(value):
        raise TypeError(
            f"{name} must be without a unit, got {value!r}; divide it by its unit here, and multiply by it in the "
            "function."
        )
    value = plain_number(value)
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, str):
        return _text(name, value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return check_integer(name, value, minimum=-(2**63), maximum=2**63 - 1)
    if isinstance(value, float):
        return check_number(name, value)
    if isinstance(value, list | tuple):
        values = [plain(f"{name}[{n}]", each) for n, each in enumerate(value)]
        return values if isinstance(value, list) else tuple(values)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {_text(name, key): plain(f"{name}[{key!r}]", each) for key, each in value.items()}
    hint = "convert it by tolist()" if isinstance(value, np.ndarray) else "pass what it is made from"
    raise TypeError(f"{name} must be {ALLOWED}, got {value!r} ({type(value).__name__}); {hint}.")


def _text(name: str, text: str) -> str:
    """Return a string that files can hold, or raise an error."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be text that UTF-8 can encode, got {text!r}: {error.reason}.") from error
    return str(text)


def _length(values: Any) -> int:
    """Return the length of a list or range, which may be longer than ``len`` can say."""
    return (values[-1] - values[0]) // values.step + 1 if isinstance(values, range) else len(values)


def _check_number(name: str, number: int, what: str) -> None:
    if number > MOST_RUNS:
        raise ValueError(f"{name} must have at most {MOST_RUNS} {what}, got {number}; is one of them meant as a list?")


def _seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, np.ndarray) and seeds.ndim == 1:
        seeds = seeds.tolist()
    if not isinstance(seeds, LIST):
        raise TypeError(f"seeds must be a list of integers or a range, such as range(5), got {seeds!r}.")
    if not seeds:
        raise ValueError("seeds must have at least one seed, got none.")
    _check_number("seeds", _length(seeds), "values")
    numbers = [check_seed(seed, f"seeds[{n}]") for n, seed in enumerate(seeds)]
    twice = sorted({seed for seed in numbers if numbers.count(seed) > 1}) if len(set(numbers)) < len(numbers) else []
    if twice:
        raise ValueError(f"seeds must differ, but {twice[0]} occurs more than once.")
    return numbers


def _frozen(value: Any) -> Any:
    """Return a value that can be hashed, equal for equal values; 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(each)) for key, each in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _key(setting: dict[str, Any], seed: int) -> str:
    text = json.dumps([setting, seed], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
