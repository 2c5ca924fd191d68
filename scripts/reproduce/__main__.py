"""Reproduce a published result: perform its runs, and write what they say about it, its figure and the page of all.

    python -m scripts.reproduce --list
    python -m scripts.reproduce survival-law
    python -m scripts.reproduce survival-law --quick --out results/quick
    python -m scripts.reproduce cifar10 --seeds 3 --n-jobs 2 --data-dir data

Writes NAME.json, NAME.png and reproductions.md to --out, and each finished run as a line of runs/NAME.jsonl there.
Finished runs are not repeated: an interrupted command resumes. With --finished no run is performed: the parts of a long
study that are finished are evaluated, and the others are listed.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from models.data import VARIABLE
from scripts.common import Parser, count, folder_to_read, folder_to_write
from scripts.interruption import interruptible
from scripts.reproduce.page import PAGE, ours, page
from scripts.reproduce.runs import Runs
from scripts.reproduce.study import NAMES, Study, study_of
from scripts.results import locked, write_measurement, write_text

__all__ = ["main", "stated"]

OUT = Path("docs/results")


def reproduce(parser: Parser, given: argparse.Namespace) -> dict[str, Any]:
    """Perform the runs of a study, and write what they say."""
    study, path = study_of(given.name), given.out / f"{given.name}.json"
    seeds = given.seeds or (study.quick_seeds if given.quick else study.seeds)
    store, sweeps = given.out / "runs" / f"{given.name}.jsonl", given.out / ".sweeps" / given.name
    runs = Runs(store, sweeps, quick=given.quick, seeds=seeds, n_jobs=given.n_jobs, finished=given.finished)
    # Finished runs may also be evaluated while others are performed.
    with nullcontext() if given.finished else locked(parser, sweeps):
        try:
            table = study.measure(runs)
        except RuntimeError as error:
            parser.error(str(error))
        except ImportError as error:
            parser.error(f"needs {error.name}: pip install 'synaptic-sampling[sweep]'")
    before = _full(path)
    if before and set(runs.missing) - set(before.get("missing", [])):
        parser.refuse("--finished", f"{path} is of more parts, which it would replace; choose another --out")
    found = described(given, study, table, runs)
    figure = study.draw(table)
    write_measurement(path, found, figure)
    plt.close(figure)
    write_text(given.out / PAGE, page(given.out))
    return found


def described(given: argparse.Namespace, study: Study, table: Any, runs: Runs) -> dict[str, Any]:
    """Return what was found, and how."""
    flags = ["--quick"] * given.quick + ["--finished"] * given.finished
    options = [*flags, *([] if given.seeds is None else [f"--seeds {given.seeds}"])]
    seconds = sum(row["results"]["seconds"] for row in runs.used) or table["seconds"].sum()
    return {
        "name": given.name,
        "quick": given.quick,
        "missing": runs.missing,
        "claims": stated(study, table, quick=given.quick),
        "accuracies": [each._asdict() for each in study.accuracies(table)] if study.accuracies else [],
        "settings": _settings(runs),
        "command": " ".join(["python -m scripts.reproduce", given.name, *options]),
        "seeds": table["seed"].nunique(),
        "runs": len(runs.used) or len(table),
        "hours": round(seconds / 3600, 4),
        "processor": _all_of(row.get("processor") for row in runs.used),
        "versions": {
            package: _all_of(row["versions"][package] for row in runs.used)
            for package in (runs.used[-1]["versions"] if runs.used else ())
        },
    }


def _settings(runs: Runs) -> list[dict[str, Any]]:
    """Return the different arguments of the runs that the claims are about: not of those that chose parameters."""
    found = [row["arguments"] for row in runs.used if not row["arguments"].get("validation")]
    return [each for n, each in enumerate(found) if each not in found[:n]]


def _all_of(values: Iterable[str | None]) -> str | None:
    """Return different values, separated by commas; None if one is unknown."""
    found = dict.fromkeys(values)
    return ", ".join(map(str, found)) if found and None not in found else None


def stated(study: Study, table: Any, *, quick: bool) -> list[dict[str, Any]]:
    """Return the claims of a study; a quick run decides none."""
    claims = study.claims(table)
    return [(claim._replace(held=None) if quick else claim)._asdict() for claim in claims]


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--list", action="store_true", help="list all names, and how long they take")
    parser.add_quick("fewer and shorter runs: minutes in all")
    text = "perform no runs: evaluate the parts of a long study that are finished, and list the others"
    parser.add_argument("--finished", action="store_true", help=text)
    parser.add_argument("--seeds", type=count(), metavar="N", help="number of seeds (default: that of the study)")
    parser.add_argument("--n-jobs", type=count(), default=1, metavar="N", help="number of processes")
    text = f"folder of the data sets (default: environment variable {VARIABLE}, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_argument("--out", type=folder_to_write, default=OUT, metavar="DIR", help="folder of results")
    given = parser.parse_args(argv)
    if given.name is None and not given.list:
        parser.refuse("NAME", f"is missing; choose one of {', '.join(NAMES)}")
    return given


def _refuse_worse(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse to replace the results of a full run by those of a quick one or of fewer seeds."""
    path = given.out / f"{given.name}.json"
    before = _full(path)
    if before is None:
        return
    if given.quick:
        parser.refuse("--quick", f"{path} is of a full run, which a quick one would replace; choose another --out")
    seeds = given.seeds or study_of(given.name).seeds
    if seeds < before["seeds"]:
        text = f"{path} is of {before['seeds']} seeds, which {seeds} would replace; choose another --out"
        parser.refuse("--seeds", text)


def _full(path: Path) -> dict[str, Any] | None:
    """Return the results in a file, or None if there are none or only those of a quick run."""
    found = json.loads(path.read_text()) if path.exists() else None
    return None if found is None or found["quick"] else found


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Reproduce one result, and print what was found."""
    parser = Parser("Reproduce a published result.")
    given = _parse(parser, argv)
    if given.list:
        for name in NAMES:
            study = study_of(name)
            print(f"{name:20} {study.minutes:5.0f} min  {study.title}")
        return {}
    _refuse_worse(parser, given)
    if given.data_dir is not None:
        os.environ[VARIABLE] = str(given.data_dir.absolute())  # Also for other processes.
    found = reproduce(parser, given)
    for row in found["claims"]:
        held = {True: "held", False: "NOT HELD", None: ""}[row["held"]]
        print(f"{row['claim']:90} {ours(row):>16} {held}")
    return found


if __name__ == "__main__":
    main()
