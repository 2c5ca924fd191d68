"""What the gallery needs of the example scripts: a title, a folder of their own, and a fresh Brian2 for each."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import brian2


def reset_brian(config: Any, name: str) -> None:
    """Give the next example a new process's state of Brian2."""
    brian2.start_scope()
    brian2.defaultclock.dt = 0.1 * brian2.ms


def copy_examples(source: Path, target: Path) -> None:
    """Copy the example scripts for the gallery, whose pages need a title: what the docstring says before a colon.

    They are run in their own folder, so that the figures which they save do not appear among the sources.
    """
    target.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("gallery_header.txt"), target / "GALLERY_HEADER.rst")
    for script in sorted(source.glob("[a-z]*.py")):
        text = script.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text), clean=False) or ""
        first, _, rest = docstring.partition("\n")
        title, _, summary = first.partition(": ")
        rest = rest.replace("\n    python -m", "\n::\n\n    python -m")
        page = text.replace(docstring, f"{title}\n{'=' * len(title)}\n\n{summary.capitalize()}\n{rest}", 1)
        copy = target / script.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != page:  # else it need not be run again
            copy.write_text(page, encoding="utf-8")
