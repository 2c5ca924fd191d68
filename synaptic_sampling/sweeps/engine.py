"""Perform all runs of a sweep, wherever joblib runs them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from synaptic_sampling._checks import check_integer
from synaptic_sampling._progress import tqdm
from synaptic_sampling.sweeps.clusters import backend_of_runs, is_death
from synaptic_sampling.sweeps.functions import check_calls, name_of
from synaptic_sampling.sweeps.runs import Outcome, finished, finished_meanwhile, open_folder, perform, was_started
from synaptic_sampling.sweeps.settings import Run, part_of, runs_of
from synaptic_sampling.sweeps.tables import TAKEN, table_of, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sweep"]

_log = logging.getLogger(__name__)

MOST_JOBS = 10**6
DIED = "the process that performed this run was killed; was there too little memory?"


def sweep(
    function: Callable[..., Mapping[str, Any]],
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    out: str | os.PathLike[str],
    n_jobs: int | None = None,
    part: tuple[int, int] | None = None,
    report: str | None = "bar",
) -> pd.DataFrame:
    """Call a function with every setting and seed that has no result yet, and return the table of all results.

    Each run gets a folder ``out/runs/KEY`` of its own, where KEY is a hash of arguments and seed. It appears when the
    run has finished, so that an interrupted sweep, called again, goes on where it was. A run that fails is a row with
    its error; the sweep goes on, and tries it again when it is called again. Where runs are performed is decided by
    ``joblib.parallel_config``: in processes of this machine, or on a Dask cluster that shares the folder.

    Parameters
    ----------
    function : callable
        Defined in a module. Takes keyword arguments, ``seed`` among them, and returns a dict of numbers. If it has an
        argument ``folder``, that is an empty folder in which it may write files, ``out/runs/KEY`` in the end. If it
        has an argument ``checkpoint``, that is the path of a file that is kept while the run is not finished, from
        which it can go on after an interruption, as in ``Training.run(checkpoint=checkpoint, resume=True)``.
    grid : dict of lists, or list of dicts
        Values of each argument, all of whose combinations are run; or the settings themselves. Values are numbers,
        strings, True, False, None, and lists and dicts of these. ``{}`` varies the seed alone.
    seeds : sequence of int
        Seeds of each setting, such as ``range(5)``.
    out : path-like
        Folder of this sweep; it may be extended by settings and seeds, and cannot be used for another function.
    n_jobs : int, optional
        Number of processes, -1 for one per core. By default that of the joblib context, 1 without. Each run has one
        thread for linear algebra, so that results do not depend on this number.
    part : tuple of two int, optional
        ``(3, 16)``: perform and return only the third of 16 parts of the runs, without writing the table. A call
        without it collects all.
    report : {'bar', None}
        Whether to show a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row per run, in the order of grid and seeds, and one column per argument, ``seed``, the results, and
        ``error``, which is missing where the run succeeded. Also written to ``out`` as ``table.csv`` and, if pyarrow is
        installed, ``table.parquet``. The same for any number of processes, bit for bit, if the function is.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, the function cannot be called with the arguments of the grid, or
        ``out`` is not the folder of a sweep of this function. Nothing is run or changed then.
    ImportError
        If joblib, pandas or threadpoolctl is not installed.
    KeyboardInterrupt
        If Ctrl+C ended the sweep; runs that have finished are kept.
    """
    name = name_of(function)
    wanted = runs_of(grid, seeds)
    check_calls(function, wanted)
    runs = part_of(wanted, part)
    if n_jobs is not None and check_integer("n_jobs", n_jobs, minimum=-MOST_JOBS, maximum=MOST_JOBS) == 0:
        raise ValueError("n_jobs must be a number of processes, or negative to count from the number of cores, got 0.")
    if report not in ("bar", None):
        raise ValueError(f"report must be 'bar' or None, got {report!r}.")
    _check_packages()
    taken = {*TAKEN, *(argument for run in wanted for argument in run.setting)}
    folder = open_folder(out, name)
    outcomes = {run.key: found for run in runs if (found := finished(folder, run, taken)) is not None}
    left = [run for run in runs if run.key not in outcomes]
    with tqdm(total=len(runs), initial=len(outcomes), unit="run", disable=report is None) as bar:
        try:
            for key, outcome in _performed(_Sweep(function, folder, taken, n_jobs), left):
                outcomes[key] = outcome
                bar.update()
                bar.set_postfix(failed=_failures(outcomes), refresh=False)
        except KeyboardInterrupt:
            kept = len(outcomes) - _failures(outcomes)
            message = f"{folder} contains {kept} of {len(runs)} runs; start the sweep again to go on."
            raise KeyboardInterrupt(message) from None
    for run in runs:
        # Two processes cannot write to one log; the other one may have finished the run since it failed here.
        if outcomes[run.key].error is not None and (found := finished_meanwhile(folder, run, taken)) is not None:
            outcomes[run.key] = found
    table = table_of(runs, outcomes)
    if part is None:
        write_table(table, folder)
    if failed := _failures(outcomes):
        _log.warning("%d of %d runs failed; see the column error and %s.", failed, len(runs), folder / "errors")
    return table


def _failures(outcomes: Mapping[str, Outcome]) -> int:
    return sum(outcome.error is not None for outcome in outcomes.values())


def _check_packages() -> None:
    try:
        import joblib  # noqa: F401, PLC0415 (optional)
        import pandas  # noqa: F401, PLC0415
        import threadpoolctl  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError(f"sweep needs {error.name}: pip install 'synaptic-sampling[sweep]'.") from error


class _Sweep(NamedTuple):
    """What all runs of a sweep have in common."""

    function: Callable[..., Any]
    folder: Path
    taken: Collection[str]
    n_jobs: int | None


def _performed(common: _Sweep, runs: Sequence[Run]) -> Iterator[tuple[str, Outcome]]:
    """Perform runs, and yield key and outcome of each when it has finished."""
    waiting = {run.key: run for run in runs}
    while waiting:
        try:
            for key, outcome in _in_parallel(common, waiting.values()):
                del waiting[key]
                yield key, outcome
        except Exception as error:
            # All runs of that moment are lost. One of them may kill its process every time: it is found if it is alone.
            suspects = [run for run in waiting.values() if was_started(common.folder, run)]
            if not is_death(error) or not suspects:
                raise
            for run in suspects:
                del waiting[run.key]
                yield _alone(common, run)


def _alone(common: _Sweep, run: Run) -> tuple[str, Outcome]:
    """Perform one run; if its process is killed, that is its outcome."""
    try:
        (found,) = _in_parallel(common, [run])
        return found
    except Exception as error:
        if not is_death(error):
            raise
        return run.key, Outcome({}, f"{type(error).__name__}: {DIED}")


def _in_parallel(common: _Sweep, runs: Collection[Run]) -> Iterator[tuple[str, Outcome]]:
    """Have joblib perform runs one by one, in its context."""
    from joblib import Parallel, delayed  # noqa: PLC0415 (optional)

    options = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "all"}
    calls = [delayed(perform)(common.function, run, common.folder, common.taken) for run in runs]
    yield from Parallel(n_jobs=common.n_jobs, backend=backend_of_runs(), **options)(calls)
