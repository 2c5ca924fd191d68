"""Run a function with all settings and seeds in a file, on the cores of this machine or on a Dask cluster.

    python -m scripts.sweep FILE.toml --n-jobs 4
    python -m scripts.sweep FILE.toml --scheduler tcp://10.0.0.1:8786
    python -m scripts.sweep FILE.toml --part 3/16        # one task of 16, and without --part at the end

The file names a function of keyword arguments, ``seed`` among them, that returns a dict of numbers; the folder of the
results; the seeds, as a list or as their number (1, 2, ...); and the values of each argument:

    function = "scripts.swept:rate"
    out = "results/learning_rates"
    seeds = 5

    [grid]
    learning_rate = [0.1, 0.2, 0.4]
    connectivity = [0.01, 0.05]
    epochs = [10]

In place of [grid], any number of [[grid]] list single settings. Results are in table.csv and table.parquet in that
folder, with a folder for each run in ``runs``. Finished runs are not repeated, so that the same command goes on
where it was stopped, and a file may be extended. The exit status is 1 if a run has failed; docs/sweeps.md says more.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common import Parser, count, file_to_read
from scripts.interruption import interruptible
from synaptic_sampling import sweep

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]

ENTRIES = ("function", "out", "seeds", "grid")
#: A larger number is taken for a seed.
MOST_SEEDS = 10**4


def read(parser: Parser, path: Path) -> dict[str, Any]:
    """Return the entries of a file; refuse one that lacks or has unknown ones."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.refuse("FILE", f"{path} is not a TOML file: {error}")
    unknown, missing = sorted(found.keys() - set(ENTRIES)), [name for name in ENTRIES if name not in found]
    if unknown or missing:
        what = f"has no {missing[0]!r}" if missing else f"has an unknown entry {unknown[0]!r}"
        parser.refuse("FILE", f"{path} {what}; its entries are {', '.join(ENTRIES)}")
    if type(found["seeds"]) is int:
        number = found["seeds"]
        if number > MOST_SEEDS:
            parser.refuse("FILE", f"{path}: seeds = {number} means so many seeds; write seeds = [{number}] for one")
        found["seeds"] = range(1, number + 1)
    return found


def function_of(parser: Parser, name: Any) -> Callable[..., Any]:
    """Return the function that is named 'module:function'; modules of the current folder are found, too."""
    module, _, attribute = str(name).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        parser.refuse(
            "FILE", f"function must be 'module:function' of a module that can be imported, got {name!r}: {error}"
        )


def part(text: str) -> tuple[int, int]:
    """Parse the number of a part and their total."""
    number, slash, total = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"must be I/N, such as 3/16, got {text}")
    most = count()(total)
    return count(1, most)(number), most


@contextmanager
def cluster(parser: Parser, address: str | None) -> Iterator[None]:
    """Have joblib use the Dask cluster of a scheduler, if one is given."""
    if address is None:
        yield
        return
    try:
        import joblib  # noqa: PLC0415 (optional)
        from distributed import Client  # noqa: PLC0415
    except ImportError:
        parser.refuse("--scheduler", "needs Dask: pip install 'synaptic-sampling[sweep,cluster]'")
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError, ImportError) as error:  # An unknown protocol is a ValueError, a time-out an OSError.
        parser.refuse("--scheduler", f"cannot connect to {address}: {error}")
    with client, joblib.parallel_config("dask", wait_for_workers_timeout=600):
        yield


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    parser.add_argument("file", type=file_to_read, metavar="FILE", help="function, folder, seeds and grid, as TOML")
    parser.add_argument("--n-jobs", type=count(), metavar="N", help="number of processes on this machine (default: 1)")
    text = "address of a Dask scheduler, whose workers share this folder"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=text)
    text = "perform the I-th of N parts of the runs, and write no table"
    parser.add_argument("--part", type=part, metavar="I/N", help=text)
    given = parser.parse_args(argv)
    if given.scheduler is not None and given.n_jobs is not None:
        parser.refuse("--n-jobs", "the workers of the cluster decide with --scheduler; leave one of them out")
    return given


@interruptible()
def main(argv: Sequence[str] | None = None) -> pd.DataFrame:
    """Run the sweep of a file, and return its table."""
    parser = Parser("Run a function with all settings and seeds in a file.")
    given = _parse(parser, argv)
    found = read(parser, given.file)
    function = function_of(parser, found["function"])
    with cluster(parser, given.scheduler):
        try:
            options = {"seeds": found["seeds"], "out": found["out"], "n_jobs": given.n_jobs, "part": given.part}
            table = sweep(function, found["grid"], **options)
        except (TypeError, ValueError, ImportError) as error:
            parser.refuse("FILE", f"{given.file}: {error}")
    failed = int(table["error"].notna().sum())
    where = f"wrote table.csv to {found['out']}" if given.part is None else f"{found['out']}: part {given.part[0]}"
    print(f"{where}; {len(table) - failed} runs, {failed} failed")
    return table


if __name__ == "__main__":
    sys.exit(int(main()["error"].notna().any()))
