"""The examples run as they stand, are short, and draw what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "scripts" / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_short_and_says_how_to_run_it(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 60
    assert f"python -m scripts.examples.{name}\n" in text


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_draws_its_picture(name, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent.parent), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", f"scripts.examples.{name}"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / f"{name}.png").stat().st_size > 20_000
