"""Structure that must not be lost: arrows, lengths, names. Raising a limit takes a reason in CHANGELOG.md."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import synaptic_sampling
from tests.contract.rules import exported

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "synaptic_sampling"

#: Packages and modules of the library, and which of them each may import (docs/developer/architecture.md).
BASE = {"_checks", "_tables", "_numba", "_kernels", "randomness", "events"}
ARROWS = {
    "_checks": set(),
    "_tables": set(),
    "_progress": set(),
    "_cache": set(),
    "_numba": {"_cache"},
    "_kernels": {"_cache", "_numba"},
    "laws": {"_checks"},
    "randomness": {"_checks", "_kernels"},
    "events": {"_checks"},
    "checkpoint": {"_checks"},
    "observations": {"_checks"},
    "sweeps": {"_checks", "_progress"},
    "connections": BASE,
    "rules": BASE | {"connections", "laws"},
    "log": BASE | {"observations"},
    "statistics": BASE | {"observations", "log", "laws"},
    "plotting": BASE | {"observations", "log", "laws", "statistics"},
    "reporting": {"_checks", "_progress", "observations", "log", "laws", "statistics", "plotting"},
    "brian": BASE | {"checkpoint", "connections", "rules", "log"},
    "rate": BASE | {"_progress", "checkpoint", "connections", "rules", "log"},
    "spiking": BASE | {"checkpoint", "connections", "rules", "log", "brian"},
}
MAX_FLOORS = 9
MAX_BODY, MAX_FILE, MAX_NAMES = 60, 400, 36
#: A rule is recognised by its class outside rules/ on at most so many lines.
MAX_RECOGNISED = 5
RULES = "|".join(exported())


def sources():
    return sorted(path for path in LIBRARY.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path):
    return ast.parse(path.read_text())


def imports_of(path):
    """Yield (module, imported name or None), without those for type checkers alone."""
    hidden = {
        id(node)
        for test in ast.walk(tree(path))
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree(path)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


MODULES = {name_of(path): path for path in sources()}


def edges():
    """Return which modules of the library each of them imports."""
    graph = {}
    for name, path in MODULES.items():
        found = set()
        for module, own in imports_of(path):
            if module.split(".")[0] == "synaptic_sampling":
                whole = f"{module}.{own}"
                found.add(whole if whole in MODULES else module)
        graph[name] = found - {name, "synaptic_sampling"}
    return graph


def room(name):
    return name.split(".")[1] if "." in name else name


def test_arrows():
    wrong = [
        f"{name} -> {other}"
        for name, found in edges().items()
        for other in found
        if "." in name and room(other) != room(name) and room(other) not in ARROWS[room(name)]
    ]
    assert not wrong, "an import that docs/developer/architecture.md does not allow"


def test_arrows_describe_what_there_is():
    assert {room(name) for name in MODULES if "." in name} == set(ARROWS)


def test_no_circles():
    order = TopologicalSorter(edges())
    order.prepare()


def test_floors():
    """The longest chain of packages, each importing the one below."""
    above = {name: set() for name in ARROWS}
    for name, found in edges().items():
        if "." in name:
            above[room(name)] |= {room(other) for other in found} - {room(name)}
    floors = {}
    for name in TopologicalSorter(above).static_order():
        floors[name] = 1 + max((floors[other] for other in above[name]), default=0)
    assert max(floors.values()) <= MAX_FLOORS, floors


def test_statistics_need_no_front_end():
    light = {"statistics", "plotting", "reporting", "log", "laws"}
    heavy = [name for name in light if {"brian", "rate"} & ARROWS[name]]
    assert not heavy


def test_rules_are_recognised_by_class_nowhere_else():
    found = [
        f"{name}:{number}"
        for name, path in MODULES.items()
        if room(name) != "rules"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(rf"isinstance\([^)]*\b({RULES})\b|\"({RULES})\"", line)
        and name != "synaptic_sampling"
        # Names that are re-exported are not questions.
        and not re.fullmatch(rf"\s*\"({RULES})\",?", line)
    ]
    assert len(found) <= MAX_RECOGNISED, found


def functions():
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_functions_are_short():
    long = []
    for path, node in functions():
        body = node.body[1:] if ast.get_docstring(node) else node.body
        length = node.end_lineno - body[0].lineno + 1 if body else 0
        if length > MAX_BODY:
            long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert not long


def test_files_are_short():
    long = {str(path.relative_to(ROOT)): number for path in sources() if (number := lines(path)) > MAX_FILE}
    assert not long


def lines(path):
    return path.read_text().count("\n")


def test_private_names_stay_in_their_module():
    wrong = [
        f"{name} imports {own} from {module}"
        for name, path in MODULES.items()
        for module, own in imports_of(path)
        if module.startswith("synaptic_sampling")
        and own
        and own.startswith("_")
        and not own.startswith("__")
        # Modules and packages that are private as a whole.
        and f"{module}.{own}" not in MODULES
    ]
    assert not wrong


def test_progress_bars_are_widgets_in_notebooks():
    """One module takes tqdm.auto; a bar of plain tqdm would be text in a notebook that can show a widget."""
    starts = re.compile(r"^ *(from|import) tqdm", re.MULTILINE)
    importing = {path.name for path in LIBRARY.rglob("*.py") if starts.search(path.read_text())}
    assert importing == {"_progress.py"}
    assert "from tqdm.auto import tqdm" in (LIBRARY / "_progress.py").read_text()


def test_each_package_has_a_folder_of_tests():
    packages = {path.parent.name.strip("_") for path in LIBRARY.glob("*/__init__.py")}
    assert packages <= {path.parent.name for path in ROOT.glob("tests/*/test_*.py")}


def test_few_public_names():
    assert len(synaptic_sampling.__all__) <= MAX_NAMES


@pytest.mark.parametrize("chain", [("statistics", "log"), ("rate", "rules", "connections", "_kernels")])
def test_the_graph_sees_real_imports(chain):
    """Negative control: imports that are there are found."""
    graph = edges()
    for upper, lower in pairwise(chain):
        assert any(room(name) == upper and room(other) == lower for name, found in graph.items() for other in found)
