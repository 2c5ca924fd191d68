"""The table of a sweep: one row per run, with the same columns in memory, as CSV and as Parquet."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synaptic_sampling.sweeps.runs import Outcome, write_whole
from synaptic_sampling.sweeps.settings import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TAKEN", "table_of", "write_table"]

_log = logging.getLogger(__name__)

#: Columns that are there in any case.
TAKEN = ("seed", "error")


def table_of(runs: Sequence[Run], outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """Return the table: arguments, seed, results and error of each run."""
    import pandas as pd  # noqa: PLC0415 (optional)

    found = [outcomes[run.key] for run in runs]
    columns: dict[str, list[Any]] = {
        **{name: [run.setting.get(name) for run in runs] for name in _names(run.setting for run in runs)},
        "seed": [run.seed for run in runs],
        **{name: [each.results.get(name) for each in found] for name in _names(each.results for each in found)},
        "error": [each.error for each in found],
    }
    return pd.DataFrame({name: _column(values) for name, values in columns.items()})


def _names(dicts: Any) -> list[str]:
    return list(dict.fromkeys(name for each in dicts for name in each))


def _column(values: Sequence[Any]) -> Any:
    """Return a column of one type; values of different types, and lists, are shown as JSON."""
    import pandas as pd  # noqa: PLC0415 (optional)

    kinds = {type(value) for value in values if value is not None}
    lacks = any(value is None for value in values)
    if kinds == {bool}:
        return pd.array(values, dtype="boolean" if lacks else "bool")
    if kinds == {int}:
        kind = "int64" if max(value for value in values if value is not None) < 2**63 else "uint64"
        return pd.array(values, dtype=kind.replace("u", "U").replace("i", "I", 1) if lacks else kind)
    # An integer that no float equals is shown as it is.
    exact = all(float(value) == value for value in values if isinstance(value, int))
    if kinds == {float} or (kinds == {int, float} and exact):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if not kinds <= {str}:
        values = [None if value is None else json.dumps(value) for value in values]
    return pd.array(values, dtype="string")


def write_table(table: pd.DataFrame, folder: Path) -> None:
    """Write the table as CSV and, where pyarrow is installed, as Parquet."""
    write_whole(folder / "table.csv", table.to_csv(index=False, lineterminator="\n").encode())
    path = folder / "table.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        path.unlink(missing_ok=True)  # It would be that of an earlier call.
        _log.warning("%s is not written, which needs pyarrow: pip install 'synaptic-sampling[sweep]'.", path)
        return
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", index=False)
    write_whole(path, buffer.getvalue())
