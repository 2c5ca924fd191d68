"""What people see of objects in a notebook, and arrays as tables of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["dataframe", "html_table", "vectors_html"]

#: Rows of a long table that a notebook shows, at the start and at the end.
FIRST, LAST = 6, 3


def dataframe(columns: Mapping[str, Any]) -> Any:
    """Return columns of one length as a ``pandas.DataFrame``.

    Raises
    ------
    ImportError
        If pandas, which the package does not need otherwise, is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise ImportError("a table needs pandas, which is not installed; pip install pandas.") from error
    return pandas.DataFrame(dict(columns))


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a small table as HTML, for the ``_repr_html_`` of an object."""
    lines = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>"] if head else []
    lines += [f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows]
    return f"<div><b>{escape(title)}</b><table>{''.join(lines)}</table></div>"


def vectors_html(result: Any) -> str:
    """Return a named tuple of vectors of one length as HTML, without the rows in the middle."""
    columns = [np.asarray(column) for column in result]
    number = len(columns[0])
    shown = [*range(min(FIRST, number)), *range(max(FIRST, number - LAST), number)]
    rows = [[f"{column[n]:.6g}" for column in columns] for n in shown]
    if number > len(rows):
        rows.insert(FIRST, ["..."] * len(columns))
    return html_table(f"{type(result).__name__}, {number} row{'' if number == 1 else 's'}", result._fields, rows)
