"""The page of all studies, written from their JSON files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from scripts.reproduce.study import NAMES, Study, study_of

__all__ = ["PAGE", "page"]

PAGE, WIDTH = "reproductions.md", 120
BEGINNING = """# Published results, reproduced

    python -m scripts.reproduce --list
    python -m scripts.reproduce NAME [--quick] [--finished] [--seeds N] [--n-jobs N] [--data-dir DIR] [--out DIR]

Each command performs the runs that have not been made yet, and writes `NAME.json`, its figure and this page; finished
runs are in `runs/NAME.jsonl`, one per line. An interrupted command resumes. With `--finished` no run is performed: the
finished parts of a long study are evaluated, and the others are listed.

*Ours* is a mean and, after ±, a standard deviation over seeds. The last column says whether the claim holds; a dash
marks a number without a bound. Bounds are our own targets, not values of the authors. A bound is compared with the
mean, whatever the spread, unless the claim speaks of every seed or of standard errors. Error bars and bands in the
figures are the range over seeds unless an axis says otherwise. Times are processor times of the runs that the table
is made from.
"""
HELD = {True: "yes", False: "**no**", None: "–"}


def page(folder: Path) -> str:
    """Return the page of the results in a folder."""
    sections = []
    for name in NAMES:
        path = folder / f"{name}.json"
        found = json.loads(path.read_text()) if path.exists() else None
        sections.append(_section(name, study_of(name), found))
    return "\n".join([BEGINNING, *sections])


def _section(name: str, study: Study, found: dict[str, Any] | None) -> str:
    """Return title, claims, command and figure of one study."""
    parts = [f"## {name}: {study.title}\n", f"{fill(study.about, WIDTH, break_on_hyphens=False)}\n"]
    if found is None:
        parts.append(f"Not run yet: `python -m scripts.reproduce {name}`, about {_duration(study.minutes / 60)}.\n")
        return "\n".join(parts)
    if found["quick"]:
        parts.append(
            "**Quick run only**: fewer and shorter runs than the claims are about, some of them of other data, which "
            f"decide none. The full run takes about {_duration(study.minutes / 60)}.\n"
        )
    if found.get("missing"):
        text = (
            f"**Not finished**, and therefore not in the table: {_listed(found['missing'])}. "
            f"`python -m scripts.reproduce {name}` performs these runs; all runs take about "
            f"{_duration(study.minutes / 60)}."
        )
        parts.append(f"{fill(text, WIDTH, break_on_hyphens=False)}\n")
    if not found["claims"]:
        return "\n".join([*parts, "No claim can be evaluated yet.\n"])
    rows = [
        "| claim | published | ours | held |",
        "|---|---|---|---|",
        *(f"| {row['claim']} | {_published(row)} | {ours(row)} | {HELD[row['held']]} |" for row in found["claims"]),
    ]
    parts += ["\n".join(rows) + "\n", *_table(found.get("accuracies", [])), f"![{study.title}]({name}.png)\n"]
    versions = [f"{package} {version}" for package, version in found["versions"].items()]
    made = ", ".join([*[found["processor"]] * (found["processor"] is not None), *versions])
    seeds = f"{found['seeds']} seed" + "s" * (found["seeds"] > 1)
    parts.append(f"*`{found['command']}`: {seeds}, {_duration(found['hours'])}{made and '; '}{made}.*\n")
    return "\n".join(parts)


def _table(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return the accuracies as a table of methods and places, if there are any."""
    if not cells:
        return []
    found = {(cell["method"], cell["at"]): ours({**cell, "unit": ""}) for cell in cells}
    methods, places = (list(dict.fromkeys(cell[key] for cell in cells)) for key in ("method", "at"))
    rows = [
        ["test accuracy (%)", *places],
        ["---"] * (1 + len(places)),
        *([method, *(found.get((method, place), "–") for place in places)] for method in methods),
    ]
    return ["\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"]


def _listed(names: Sequence[str]) -> str:
    """Return names of parts, "where: what", with those of one place together."""
    places: dict[str, list[str]] = {}
    for name in names:
        where, _, what = name.rpartition(": ")
        places.setdefault(where, []).append(what)
    kinds: dict[str, list[str]] = {}
    for where, each in places.items():
        kinds.setdefault(", ".join(each), []).append(where)
    joined = {what: " and ".join(filter(None, [", ".join(where[:-1]), where[-1]])) for what, where in kinds.items()}
    return "; ".join(f"{where}: {what}" for what, where in joined.items())


def _published(row: dict[str, Any]) -> str:
    if row["published"] is None:
        return row["source"] or "–"
    return f"{row['published']} ({row['source']})"


def ours(row: dict[str, Any]) -> str:
    """Return what was found, rounded to the precision of its spread."""
    if row["spread"] is None and not row["unit"] and float(row["ours"]).is_integer():
        return f"{row['ours']:g}"  # A count.
    digits = 2 if row["spread"] is None or row["spread"] < 1 else 1
    spread = "" if row["spread"] is None else f" ± {row['spread']:.{digits}f}"
    return f"{row['ours']:.{digits}f}{spread} {row['unit']}".strip()


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{max(60 * hours, 0.1):.{0 if hours >= 1 / 6 else 1}f} min"
