"""The examples in the documents run unchanged, and links have targets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import brian2 as b2
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from scripts import sweep

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


BEGINNING, *RECIPES = blocks("brian2.md")


@pytest.fixture
def brian():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    b2.seed(1)


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_recipe(number, brian):
    names: dict = {}
    exec(BEGINNING + RECIPES[number], names)
    rewiring = names["rewiring"]
    assert rewiring.sets[0].birth_step.max() >= 2, "a connection was formed after the first event"
    assert ("plot_turnover" in RECIPES[number]) == bool(plt.gca().lines)


def test_example_with_deepr(brian):
    names: dict = {}
    (example,) = blocks("examples.md")
    exec(example, names)
    rewiring = names["rewiring"]
    assert rewiring.connections.steps_done == 99
    assert names["group"].y[:].mean() < 2.7  # Without synapses it is 2.8.
    assert names["S"].w[:].mean() < -0.005
    assert (rewiring.connections.birth_step > 0).sum() > 50
    assert len(np.unique(rewiring.i * 100 + rewiring.j)) == 990


def test_example_with_a_log(capsys):
    names: dict = {}
    loop, example = blocks("log.md")
    exec(loop, names)
    assert names["log"].num_births > 100
    assert names["log"].rule_of(names["c"].index)["class"] == "DeepR"
    exec(example, names)
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.startswith("[1.")
    assert 0 < float(second.strip("[]").split()[-1]) < 1
    assert len(plt.gca().lines) == 2


def test_example_with_observations(capsys):
    names: dict = {}
    (example,) = blocks("observations.md")
    exec(example, names)
    assert len(capsys.readouterr().out.splitlines()) >= 4
    assert len(names["net"].times) == 8
    assert names["mouse"].presence.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert names["law"].parameters["height"][0] > 0
    assert len(plt.gca().containers) == 1


def test_example_with_recordings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for example in blocks("spiking.md"):
        exec(example, names)
    assert names["again"].accuracies == names["result"].accuracies
    assert (tmp_path / "run.npz").exists()
    result = names["result"]
    assert result.accuracies[-1] > 0.8
    assert result.log.num_births > 20
    assert 0.08 < result.connectivity < 0.2


def test_example_of_a_sweep(tmp_path):
    """As a script, whose function other processes must find."""
    (example,) = blocks("sweeps.md")
    (tmp_path / "my_sweep.py").write_text(example)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "my_sweep.py"]
    out = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert "mean       std" in out
    table = pd.read_parquet(tmp_path / "results" / "my_sweep" / "table.parquet")
    assert len(table) == 12
    assert table.error.isna().all()
    assert table.accuracy.max() > 0.8
    assert len(list((tmp_path / "results" / "my_sweep").glob("runs/*/log.rewiring"))) == 12


@pytest.mark.slow
def test_example_of_a_sweep_without_code(tmp_path, monkeypatch):
    (example,) = re.findall(r"```toml\n(.*?)```", (DOCS / "sweeps.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(example)
    table = sweep.main(["sweep.toml", "--part", "7/12"])
    assert table.error.isna().tolist() == [True]
    assert table.accuracy[0] > 0.8


def test_every_page_with_examples_is_run():
    pages = ("README.md", "brian2.md", "examples.md", "log.md", "observations.md", "rate.md", "spiking.md", "sweeps.md")
    run = {*pages, *(path.name for path in DOCS.glob("developer/*.md"))}
    assert {page.name for page in PAGES if "```python\n" in page.read_text()} <= run


def anchors(page):
    """Return the names by which a forge links to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([\w-]+))?\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


def test_every_page_can_be_found():
    """From the README, by links."""
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            targets = re.findall(r"\]\((?!http)([^)#]+\.md)", page.read_text())
            waiting += [(page.parent / target).resolve() for target in targets]
    assert set(PAGES) <= found
