"""The site: tutorials run and are stored with their output, the gallery shows each example, the reference each name."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import runpy
from pathlib import Path

import brian2 as b2
import pytest

import synaptic_sampling

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.ipynb"))
EXAMPLES = sorted((ROOT / "scripts" / "examples").glob("[a-z]*.py"))


def cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_there_are_three_tutorials():
    listed = (DOCS / "tutorials" / "index.md").read_text()
    assert len(TUTORIALS) == 3
    assert all(f"\n{path.stem}\n" in listed for path in TUTORIALS)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_has_been_executed(path):
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs(path, capsys):
    b2.start_scope()
    names: dict = {}
    try:
        for cell in cells(path):
            exec("".join(cell["source"]), names)
    finally:
        b2.defaultclock.dt = 0.1 * b2.ms
    stored = [output for cell in cells(path) for output in cell["outputs"] if output["output_type"] == "stream"]
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) >= sum("".join(output["text"]).count("\n") for output in stored)


def test_gallery_has_a_page_with_a_title_for_each_example(tmp_path):
    """The pages run the same code."""
    setup = runpy.run_path(str(DOCS / "gallery_setup.py"))
    setup["copy_examples"](EXAMPLES[0].parent, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.py")) == [path.name for path in EXAMPLES]
    for path in EXAMPLES:
        title, line, *_ = (tmp_path / path.name).read_text().removeprefix('"""').splitlines()
        assert len(title) == len(line) > 8
        assert set(line) == {"="}
        code = [
            re.sub(r'^""".*?"""', "", text, flags=re.DOTALL)
            for text in (path.read_text(), (tmp_path / path.name).read_text())
        ]
        assert code[0] == code[1]


def public_modules():
    """Return the modules that state what they export, apart from those whose names another module exports."""
    packages = [
        name
        for _, name, _ in pkgutil.walk_packages(synaptic_sampling.__path__, "synaptic_sampling.")
        if not any(part.startswith("_") for part in name.split("."))
    ]
    tops = [name for name in packages if name.count(".") == 1]
    inner = [name for name in packages if name.startswith(("synaptic_sampling.laws.", "synaptic_sampling.statistics."))]
    return [name for name in tops + inner if name.count(".") <= 2 and hasattr(importlib.import_module(name), "__all__")]


def test_reference_lists_every_public_module():
    listed = set(
        re.findall(r"^   (synaptic_sampling[\w.]*)$", (DOCS / "reference" / "index.md").read_text(), re.MULTILINE)
    )
    exported = set(synaptic_sampling.__all__)
    missing = [
        name
        for name in public_modules()
        if name not in listed and not set(importlib.import_module(name).__all__) <= exported
    ]
    # Packages of modules that are listed one by one, and helpers of their package.
    helpers = {"arguments", "quadrature", "sources", "statistics"}
    assert [name for name in missing if name.rpartition(".")[2] not in helpers] == []
