"""What type checkers and editors see of the package: every public name with its type, as it is at run time."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import synaptic_sampling

ROOT = Path(__file__).parents[1]
IMPORTS = (
    "import synaptic_sampling",
    "from synaptic_sampling import *",
    "from synaptic_sampling.rate import *",
    "from synaptic_sampling.statistics import survival",
)
#: What a user may type, and what mypy says of it.
WRONG = {
    "DeepR(learning_rat=3)": 'Unexpected keyword argument "learning_rat" for "DeepR"',
    "DeepR('0.1', None, 0)": 'Argument 2 to "DeepR" has incompatible type "None"',
    "RateNetwork([ReLU], DeepR(1, 0, 0))": 'List item 0 has incompatible type "type[ReLU]"',
    "synaptic_sampling.Conections": 'Module has no attribute "Conections"',
    "Connections.random(3, 4).theta = 'x'": 'Missing positional argument "connections"',
    "survival.survival_of_newborns('run.rewiring')": 'Argument 1 to "survival_of_newborns" has incompatible type "str"',
}


def typed_imports():
    """Return the module of each name that is imported for type checkers alone."""
    tree = ast.parse((ROOT / "synaptic_sampling" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    assert all(isinstance(node, ast.ImportFrom) for node in block.body)
    names = [(alias.name, alias.asname, node.module) for node in block.body for alias in node.names]
    # Only what is imported as itself is exported.
    assert [name for name, shown, _ in names if shown != name] == []
    return {name: module for name, _, module in names}


def test_what_is_typed_is_what_is_loaded():
    typed = typed_imports()
    assert sorted(typed) == synaptic_sampling.__all__
    for name, module in typed.items():
        assert getattr(synaptic_sampling, name) is getattr(sys.modules[module], name)


def test_all_names_are_listed():
    assert set(synaptic_sampling.__all__) | {"__version__"} <= set(dir(synaptic_sampling))
    with pytest.raises(AttributeError, match="'synaptic_sampling' has no attribute 'Conections'"):
        synaptic_sampling.Conections


def blocks():
    """Return every block of Python in the README and the pages of docs, by the name of a file."""
    pages = {path: re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL) for path in PAGES}
    recipes = GUIDE / "brian2.md"
    # There, the first block belongs to each of the others.
    pages[recipes] = [pages[recipes][0] + recipe for recipe in pages[recipes][1:]]
    log = GUIDE / "log.md"  # the tables belong to the second example
    pages[log] = [pages[log][0], pages[log][1] + pages[log][2]]
    for page in CONTINUED:
        pages[page] = ["".join(pages[page])]
    names = {path: f"{path.parent.name}_{path.stem}".lower() for path in pages}
    return {f"{names[page]}_{n}.py": text for page, found in pages.items() for n, text in enumerate(found)}


GUIDE, START = ROOT / "docs" / "guide", ROOT / "docs" / "start"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(GUIDE.glob("*.md")), *START.glob("*.md")]
JOINED = ("spiking", "parameters", "statistics", "baselines", "chips")
#: Pages whose blocks follow each other.
CONTINUED = [*(GUIDE / f"{name}.md" for name in JOINED), *START.glob("*.md")]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Run mypy on all that a user may write, and return its lines for each file."""
    folder = tmp_path_factory.mktemp("user")
    files = {
        "wrong.py": "\n".join([*IMPORTS, *WRONG]),
        "seen.py": "\n".join(f"from synaptic_sampling import {n}; reveal_type({n})" for n in synaptic_sampling.__all__),
        **blocks(),
    }
    for name, text in files.items():
        # The names of Brian2, which is untyped, are not known after a star; elsewhere a name must be.
        unknown = '# mypy: disable-error-code="name-defined"\n' if "from brian2 import *" in text else ""
        (folder / name).write_text(unknown + text)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache")]
    command += ["--config-file", str(ROOT / "pyproject.toml"), *(str(folder / name) for name in files)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return {name: [line for line in out.splitlines() if f"{name}:" in line] for name in files}


def test_mistakes_are_found(said):
    for number, (line, message) in enumerate(WRONG.items(), len(IMPORTS) + 1):
        assert any(f"wrong.py:{number}: error: {message}" in each for each in said["wrong.py"]), line


def test_every_name_has_a_type(said):
    assert len(said["seen.py"]) == len(synaptic_sampling.__all__)
    for name, line in zip(synaptic_sampling.__all__, said["seen.py"], strict=True):
        # The type of a class is that of its constructor.
        assert re.search(r'Revealed type is "(Overload\()?def \(', line), (name, line)


def test_examples_are_typed_correctly(said):
    assert len(blocks()) > 9
    for name in blocks():
        assert said[name] == []
