"""How scripts that were stopped go on: their options, and what must be as it was."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from scripts.common import Parser, count
from scripts.results import write_text
from synaptic_sampling.checkpoint import CheckpointError, check_same

__all__ = ["KEEP", "OPTIONS", "add_resume", "check_resume", "check_seeds", "keep_options"]

#: The options of a run that has not finished.
OPTIONS = "options.json"
#: What ``--resume`` does where finished runs are rows of a file of this name.
KEEP = "keep the runs in the folder's {}, add those that are missing, and go on with one that was stopped"


def add_resume(
    parser: Parser,
    text: str = "go on from the checkpoints of a run that was stopped",
    *,
    default: str = "none, or 1 with --resume",
) -> None:
    """Add the options of checkpoints; ``text`` says what ``--resume`` does, ``default`` when there are checkpoints."""
    every = f"number of epochs between two checkpoints (default: {default})"
    parser.add_argument("--checkpoint-every", type=count(), metavar="N", help=every)
    parser.add_argument("--resume", action="store_true", help=text)


def check_resume(parser: Parser, given: argparse.Namespace, *, default: int | None = 1) -> None:
    """Refuse to go on with what is replaced at once; set the interval of a run that goes on, if none is given."""
    if given.overwrite and given.resume:
        parser.refuse("--resume", "cannot be combined with --overwrite; leave one of them out")
    if given.resume:
        given.checkpoint_every = given.checkpoint_every or default


def keep_options(parser: Parser, folder: Path, options: dict[str, Any]) -> None:
    """Write the options of a run to its folder; refuse others than those that are there already."""
    path = folder / OPTIONS
    own = json.loads(json.dumps(options))
    try:
        check_same(path, json.loads(path.read_text()), own)
    except FileNotFoundError:
        write_text(path, json.dumps(own, indent=1) + "\n")
    except CheckpointError as error:
        parser.refuse("--resume", f"{error} Use the same options, or --overwrite to start again")
    except ValueError as error:
        parser.refuse("--resume", f"{path} is damaged: {error}; delete it, or pass --overwrite to start again")


def check_seeds(parser: Parser, folder: Path, seeds: range) -> None:
    """Refuse to leave out a seed that has been started: its files would be published, although it has not finished."""
    found = (re.search(r"-(\d+)\.", path.name) for path in folder.iterdir())
    started = sorted({int(each[1]) for each in found if each is not None})
    if left_out := [str(each) for each in started if each not in seeds]:
        parser.refuse(
            "--seeds", f"must include {', '.join(left_out)}, started in {folder}; or pass --overwrite to start again"
        )
