"""The epochs of a training, as a list, a table and a file."""

from __future__ import annotations

import csv
import os
from typing import Any

from synaptic_sampling._tables import dataframe, html_table
from synaptic_sampling.rate.training.progress import Epoch

__all__ = ["History"]

COLUMNS = ("epoch", "samples", "loss", "accuracy", "connections", "births", "deaths")


class History(list[Epoch]):
    """A list of `Epoch`, which is also a table with one row per epoch.

    Its columns are epoch (1, 2, ...), samples presented so far, mean loss, test accuracy (None without a test),
    connections in all sparse layers together, and the numbers of connections formed and eliminated.
    """

    def _rows(self) -> list[tuple[Any, ...]]:
        return [
            (number, own.samples, own.loss, own.accuracy, sum(own.connections), own.births, own.deaths)
            for number, own in enumerate(self, 1)
        ]

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one row per epoch."""
        rows = self._rows()
        return dataframe({name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)})

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one line per epoch, below a line of names.

        Parameters
        ----------
        path : path-like
            Replaced if it exists.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *self._rows()])

    def _repr_html_(self) -> str:
        """Return the last ten epochs as a table in HTML."""
        last = self._rows()[-10:]
        shown = [(n, samples, f"{loss:.4g}", accuracy, *rest) for n, samples, loss, accuracy, *rest in last]
        return html_table(f"{len(self)} epochs", COLUMNS, shown)
