"""Tables of observations: CSV files, DataFrames and mappings of columns, in the wide and the long form."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_flag, check_number

__all__ = ["Table", "columns_of", "read"]

#: Column that names the group of each connection.
GROUP = "group"
#: Columns that name what a connection is part of, from the largest to the smallest: the same name of a dendrite in two
#: cells or animals is that of two dendrites.
NESTED = ("animal", "cell", "dendrite")
#: How pandas begins the names of columns without a name, for example of an index that was saved.
UNNAMED = "Unnamed: "
#: Columns of the long form.
SYNAPSE, TIME, PRESENT, WEIGHT = "synapse", "time", "present", "weight"

Columns = dict[str, NDArray[Any]]


class Table(NamedTuple):
    """What a table holds: values above 0 were seen, NaN were not imaged."""

    values: NDArray[np.float64]
    times: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    group: NDArray[Any] | None


def columns_of(table: Any) -> Columns:
    """Return the columns of a CSV file, a DataFrame or a mapping, by name."""
    if isinstance(table, str | os.PathLike):
        return _read_csv(Path(table))
    names = list(table) if isinstance(table, Mapping) else getattr(table, "columns", None)
    if names is None:
        raise TypeError(
            f"table must be the path of a CSV file, a DataFrame or a mapping of names to columns, got {table!r}; an "
            "array of connections by looks is passed to Observations itself."
        )
    columns = {str(name): np.asarray(table[name]) for name in names}
    if not columns or len({values.shape for values in columns.values()}) != 1:
        raise ValueError("table must have columns of equal length.")
    if next(iter(columns.values())).ndim != 1:
        raise ValueError("table must have columns that are vectors.")
    return columns


def _read_csv(path: Path) -> Columns:
    with path.open(newline="", encoding="utf-8-sig") as file:
        head, *rows = list(csv.reader(file)) or [[]]
    rows = [row for row in rows if row]
    names = [name.strip() for name in head]
    if not rows or len(set(names)) < len(names):
        raise ValueError(f"table must have a first line of different names and at least one row, got {path}.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ValueError(f"table has {len(row)} cells in line {number}, and {len(names)} names, in {path}.")
    return {name: np.array([cell.strip() for cell in cells]) for name, cells in zip(names, zip(*rows, strict=True),
                                                                                  strict=True)}  # fmt: skip


def read(
    columns: Columns, *, group: str | None, missing: float | None, where: Mapping[str, str] | None, weights: bool
) -> Table:
    """Return what the columns hold, in whichever of the two forms."""
    are_weights = check_flag("weights", weights)
    mark = None if missing is None else check_number("missing", missing)
    columns = _rows_where(columns, where)
    own = _group_of(columns, group)
    if {SYNAPSE, TIME} <= set(columns):
        if group not in (None, GROUP):  # That column may be anything, such as a condition that changes with time.
            columns = {name: values for name, values in columns.items() if name != GROUP}
        return _long(columns, own, mark)
    other = {group, *(where or ())}
    looks = _looks_in([name for name in columns if name not in other and not name.startswith(UNNAMED)])
    return _wide(columns, looks, own, mark, are_weights)


def _rows_where(columns: Columns, where: Mapping[str, str] | None) -> Columns:
    if where is None:
        return columns
    if not isinstance(where, Mapping):
        raise TypeError(f"where must be a mapping of columns to texts, got {where!r}.")
    number = len(next(iter(columns.values())))
    kept = np.ones(number, np.bool_)
    for name, text in where.items():
        if name not in columns:
            raise ValueError(f"where names the column {name!r}; the table has {sorted(columns)}.")
        kept &= columns[name].astype(str) == str(text)
    if not kept.any():
        raise ValueError(f"where leaves no row: {dict(where)!r}.")
    return {name: values[kept] for name, values in columns.items()}


def _group_of(columns: Columns, group: str | None) -> NDArray[Any] | None:
    if group is not None and (not isinstance(group, str) or group not in columns):
        raise ValueError(f"group must be one of the columns {sorted(columns)}, got {group!r}.")
    default = next((name for name in (GROUP, *reversed(NESTED)) if name in columns), None)
    name = default if group is None else group
    if name is None:
        return None
    names = columns[name].astype(str)
    if group is not None or name == GROUP:
        return names
    whole = _joined("/", [columns[own] for own in NESTED if own in columns])
    return names if len(np.unique(names)) == len(np.unique(whole)) else whole


def _joined(separator: str, columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    rows = zip(*(own.astype(str).tolist() for own in columns), strict=True)
    return np.array([separator.join(row) for row in rows])


def _numbers(name: str, cells: NDArray[Any], mark: float | None) -> NDArray[np.float64]:
    """Return the numbers in a column; empty cells and the mark are NaN."""
    try:
        values = np.array([np.nan if cell in ("", None) else cell for cell in cells.tolist()], float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} must hold numbers or empty cells: {error}.") from error
    if mark is not None:
        values[values == mark] = np.nan
    return values


def _looks_in(names: Sequence[str]) -> list[tuple[float, str]]:
    """Return the times and names of the columns that are looks, in the order of time."""
    plain, signed = (_families(names, sign) for sign in ("", "[-+]?"))
    # One prefix without signs: a hyphen before every number is no minus sign, as in session-1, session-2, ...
    families = plain if len(plain) == 1 else signed
    if len(families) > 1:
        raise ValueError(
            "table must have one prefix for all columns whose names end in a number, since they are its looks (day-4, "
            f"day0, day4, ...), got {sorted(name for own in families.values() for _, name in own)} with the prefixes "
            f"{sorted(families)}. Rename columns that are no looks or leave them out, and write days instead of dates."
        )
    looks = [look for own in families.values() for look in own]
    if len(looks) < 2:
        raise ValueError(
            "table must have one column per look, named by a prefix and a number (session0, session1, ...), or the "
            f"columns {SYNAPSE!r}, {TIME!r} and {PRESENT!r} or {WEIGHT!r}; its columns are {sorted(names)}."
        )
    if next(iter(families)).endswith("-") and looks == sorted(looks, reverse=True):
        raise ValueError(
            f"table must have looks whose order is clear, got {[name for _, name in looks]}: is the hyphen a minus "
            "sign? If it is, number the looks by the days since the first one; if not, leave it out."
        )
    return sorted(looks)


def _families(names: Sequence[str], sign: str) -> dict[str, list[tuple[float, str]]]:
    """Return numbers and names of the columns that end in a number, by the rest of their name."""
    found: dict[str, list[tuple[float, str]]] = {}
    for name in names:
        parts = re.fullmatch(rf"(.*?)({sign}\d+(?:\.\d+)?)", name)
        if parts:
            found.setdefault(parts[1], []).append((float(parts[2]), name))
    return found


def _wide(
    columns: Columns, looks: list[tuple[float, str]], group: NDArray[Any] | None, mark: float | None, are_weights: bool
) -> Table:
    values = np.column_stack([_numbers(name, columns[name], mark) for _, name in looks])
    return Table(values, np.array([at for at, _ in looks]), np.maximum(values, 0) if are_weights else None, group)


def _long(columns: Columns, group: NDArray[Any] | None, mark: float | None) -> Table:
    if PRESENT not in columns and WEIGHT not in columns:
        raise ValueError(
            f"table must have a column {PRESENT!r} or {WEIGHT!r}, which is 0 where a connection was imaged but absent; "
            f"its columns are {sorted(columns)}."
        )
    name = PRESENT if PRESENT in columns else WEIGHT
    parts = [columns[own] for own in (GROUP, *NESTED, SYNAPSE) if own in columns]
    labels = _joined("\0", parts if group is None else [group, *parts])
    _, first, row = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    times = _numbers(TIME, columns[TIME], None)
    if np.isnan(times).any():
        raise ValueError(f"column {TIME!r} must hold a number in every row.")
    looks, column = np.unique(times, return_inverse=True)
    at = place[row] * len(looks) + column
    if len(np.unique(at)) < len(at):
        raise ValueError("table has two rows for the same connection at the same time.")
    filled = np.full((2, len(order) * len(looks)), np.nan)
    filled[0, at] = _numbers(name, columns[name], mark)
    if WEIGHT in columns:
        filled[1, at] = _numbers(WEIGHT, columns[WEIGHT], mark)
    values, weights = filled.reshape(2, len(order), len(looks))
    return Table(values, looks, weights if WEIGHT in columns else None, None if group is None else group[first[order]])
