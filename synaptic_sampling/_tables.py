"""What people see of objects in a notebook, and arrays as tables of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

__all__ = ["dataframe", "html_table"]


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
