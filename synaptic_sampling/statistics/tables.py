"""Results of statistics as tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from synaptic_sampling._tables import dataframe

__all__ = ["to_pandas"]


def to_pandas(result: Any) -> Any:
    """Return a result of a statistic as a ``pandas.DataFrame``: one column per array, one row per entry.

    Parameters
    ----------
    result : named tuple
        With vectors of one length, such as a survival curve, a life table, turnover over time or against lag.
        Numbers are repeated in each row; fields of other kinds are left out.

    Returns
    -------
    pandas.DataFrame
        With the names of the fields as columns.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If it is not a named tuple, or has no vectors.
    ValueError
        If its vectors differ in length.
    """
    fields = getattr(result, "_fields", None)
    if fields is None:
        raise TypeError(f"result must be a named tuple, as statistics return it, got {result!r}.")
    values = {name: np.asarray(getattr(result, name)) for name in fields}
    vectors = {name: value for name, value in values.items() if value.ndim == 1}
    lengths = {len(value) for value in vectors.values()}
    if not lengths:
        raise TypeError(f"result must have vectors to make a table of, {type(result).__name__} has none.")
    if len(lengths) > 1:
        sizes = ", ".join(f"{name} {len(value)}" for name, value in vectors.items())
        raise ValueError(f"result must have vectors of one length, {type(result).__name__} has: {sizes}.")
    numbers = {name: value for name, value in values.items() if value.ndim == 0 and value.dtype.kind in "iufb"}
    return dataframe({name: (vectors | numbers).get(name) for name in fields if name in vectors | numbers})
