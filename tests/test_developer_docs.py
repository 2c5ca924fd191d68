"""The documents for developers are true: every example runs, and the tables agree with the code."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path

import brian2 as b2
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from synaptic_sampling.brian.internals.surgery import NEWEST, OLDEST
from tests.contract.rules import OWN, exported
from tests.test_architecture import ARROWS, LIBRARY
from tests.test_packaging import PYTHONS
from tests.works_where import NAMES, rows_of, title

ROOT = Path(__file__).parents[1]
DEVELOPER = ROOT / "docs" / "developer"
PAGES = sorted(path.name for path in DEVELOPER.glob("*.md"))
WORKS_WHERE = ROOT / "docs" / "guide" / "works_where.md"
MAX_EXAMPLE = 40


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DEVELOPER / page).read_text(), re.DOTALL)


def rows(heading, page=DEVELOPER / "architecture.md"):
    """Return the cells of the first table below a heading, without the two lines of its head."""
    section = page.read_text().split(f"# {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_examples_run(page, brian, tmp_path):
    script = tmp_path / f"{Path(page).stem}.py"
    script.write_text("\n".join(blocks(page)))
    runpy.run_path(str(script))


def test_there_are_examples():
    assert [page for page in PAGES if blocks(page)] == ["new_layer.md", "new_rule.md", "new_statistic.md"]


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_short(page):
    assert all(block.count("\n") < MAX_EXAMPLE for block in blocks(page))


def test_table_of_arrows():
    stated = {name.strip("`/"): set(re.findall(r"`(\w+)/?`", below)) for name, below, _ in rows("Arrows")}
    assert stated == ARROWS


@pytest.fixture
def brian():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms
    b2.seed(1)


@pytest.mark.parametrize("name", NAMES)
def test_table_of_what_works_where(name, brian, tmp_path):
    """Each cell is what the rule does in that front end, or the error with which it is refused."""
    stated = [row for row in rows("What works where", WORKS_WHERE) if row[0].split(",")[0] == title(name)]
    assert stated == rows_of(name, tmp_path), "python -m tests.works_where --write"


def test_table_of_rules():
    """Every rule of the package is in the table of the contract, and so are rules of users."""
    assert sorted(NAMES) == sorted([*exported(), OWN])
    assert {row[0].split(",")[0] for row in rows("What works where", WORKS_WHERE)} == set(map(title, NAMES))


def test_workflow_covers_what_is_supported():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    matrix = jobs["locked"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert [system.partition("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    oldest, newest = (Version(f"{'.'.join(map(str, number))}.0") for number in (OLDEST, NEWEST))
    tried = [SpecifierSet(case["brian2"]) for case in jobs["brian2"]["strategy"]["matrix"]["include"]]
    assert oldest in tried[0]
    assert newest in tried[1]
    assert oldest not in tried[1]


def test_pre_commit_has_the_locked_ruff():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    rev = next(repo["rev"] for repo in repos if "ruff" in repo["repo"])
    assert f"ruff=={rev.removeprefix('v')} " in (ROOT / "requirements.lock").read_text()


def test_paths_exist():
    for page in (page for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if "_build" not in page.parts):
        for path in re.findall(r"`((?!results/|docs/_build/)[\w.*-]*/[\w./*-]*)`", page.read_text()):
            pattern = path.replace("NAME", "*")
            places = ROOT.glob(pattern), LIBRARY.glob(pattern), LIBRARY.glob(f"*/{pattern}"), page.parent.glob(pattern)
            found = [*itertools.chain.from_iterable(places)]
            assert found, f"{page.name} names {path}"
