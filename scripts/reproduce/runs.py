"""The runs of a study: performed by the sweep engine, and kept in one file with a line per setting and seed."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.results import write_text
from synaptic_sampling import sweep

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Function", "Row", "Runs", "Unfinished", "processor", "timed"]

#: A run: function, arguments, seed, results, and the versions and the processor that it was made with.
Row = dict[str, Any]
Function = Callable[..., dict[str, Any]]


class Unfinished(RuntimeError):
    """Some runs are missing, and none may be performed."""


class Runs:
    """The runs that a study asks for: those in its file, and the others once they have been performed.

    Parameters
    ----------
    path : Path
        The file, with one line of JSON per run. It need not exist.
    folder : Path
        Folder of the sweeps, from which an interrupted one goes on.
    quick : bool
        Whether the study should ask for a few short runs only.
    seeds : int
        Number of seeds: 1, 2, ...
    n_jobs : int
        Number of processes.
    finished : bool
        Whether only finished runs should be used, and none performed.

    Attributes
    ----------
    used : list of dict
        The runs that were asked for, in this order.
    missing : list of str
        Names of the parts that were left out, since not all of their runs are finished.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        *,
        quick: bool = False,
        seeds: int = 1,
        n_jobs: int = 1,
        finished: bool = False,
    ) -> None:
        self.quick, self.seeds = quick, range(1, seeds + 1)
        self._path, self._folder, self._n_jobs, self._finished = path, folder, n_jobs, finished
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self._kept = {_name(row): row for row in rows}
        self.used: list[Row] = []
        self.missing: list[str] = []

    def __call__(
        self, function: Function, settings: Sequence[Mapping[str, Any]], seeds: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """Return a table of arguments, seeds and results of a function of this package.

        Parameters
        ----------
        function : callable
            As for `synaptic_sampling.sweep`.
        settings : sequence of dict
            Its arguments without the seed.
        seeds : sequence of int, optional
            By default those of the study.

        Returns
        -------
        pandas.DataFrame
            One row per setting and seed; settings vary first.

        Raises
        ------
        RuntimeError
            If a run has failed; the others are kept.
        Unfinished
            If runs are missing and only finished ones should be used.
        """
        import pandas as pd  # noqa: PLC0415 (optional)

        seeds = self.seeds if seeds is None else seeds
        for seed in seeds:
            self._perform(function, settings, seed)
        rows = [self._kept[_name(_row(function, setting, seed))] for seed in seeds for setting in settings]
        names = {_name(row) for row in self.used}
        self.used += [row for row in rows if _name(row) not in names]  # A search may ask for a run again.
        return pd.DataFrame([{**row["arguments"], "seed": row["seed"], **row["results"]} for row in rows])

    def parts(self, parts: Mapping[str, Callable[[], pd.DataFrame]]) -> pd.DataFrame:
        """Return the concatenated tables of all parts of a study.

        Parameters
        ----------
        parts : dict
            From the name of a part to a function that asks for its runs and returns their table.

        Returns
        -------
        pandas.DataFrame
            Without the parts that are not finished, if only finished runs should be used.

        Raises
        ------
        Unfinished
            If no part is finished.
        """
        import pandas as pd  # noqa: PLC0415 (optional)

        tables = []
        for name, part in parts.items():
            before = len(self.used)
            try:
                tables.append(part())
            except Unfinished:
                del self.used[before:]
                self.missing.append(name)
        if not tables:
            raise Unfinished("no part of this study is finished; leave out --finished to perform its runs")
        return pd.concat(tables, ignore_index=True)

    def _perform(self, function: Function, settings: Sequence[Mapping[str, Any]], seed: int) -> None:
        """Have the sweep engine perform the runs of a seed that are not kept."""
        missing = [each for each in settings if _name(_row(function, each, seed)) not in self._kept]
        if not missing:
            return
        if self._finished:
            raise Unfinished("not all runs are finished; leave out --finished to perform the others")
        out = self._folder / function.__name__
        try:
            table = sweep(function, missing, seeds=[seed], out=out, n_jobs=self._n_jobs)
        finally:
            self._keep(function, out)
        failed = table["error"].dropna()
        if len(failed):
            raise RuntimeError(f"{len(failed)} runs failed, the first by {failed.iloc[0]}; see {out / 'errors'}.")

    def _keep(self, function: Function, out: Path) -> None:
        """Add the finished runs of a sweep to the file, also those before an interruption."""
        for path in sorted(out.glob("runs/*/run.json")):
            found = json.loads(path.read_text())
            row = _row(function, found["arguments"], found["seed"]) | {
                "results": found["results"],
                "versions": found["versions"],
                "processor": processor(),
            }
            self._kept.setdefault(_name(row), row)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Results keep their order: it is that of the columns of the table.
        write_text(self._path, "".join(f"{json.dumps(row)}\n" for _, row in sorted(self._kept.items())))


def processor() -> str:
    """Return the name of the processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _row(function: Function, arguments: Mapping[str, Any], seed: int) -> Row:
    return {"function": function.__name__, "arguments": dict(arguments), "seed": seed}


def _name(row: Row) -> str:
    """Return what identifies a run."""
    return json.dumps([row["function"], row["arguments"], row["seed"]], sort_keys=True)


def timed(function: Function) -> Function:
    """Have a function also return its processor time as ``seconds``, that of programs it has run included."""

    @wraps(function)
    def run(**arguments: Any) -> dict[str, Any]:
        start = sum(os.times()[:4])
        results = function(**arguments)
        return {**results, "seconds": round(sum(os.times()[:4]) - start, 2)}

    return run
