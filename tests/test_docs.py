"""The examples in the documents run as they stand, and links have targets."""

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
from synaptic_sampling import DeepR

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
#: What `make docs` leaves in docs/_build is no page.
PAGES = sorted(page for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md")) if "_build" not in page.parts)


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


BEGINNING, *RECIPES = blocks("guide/brian2.md")


@pytest.fixture
def brian():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    b2.seed(1)


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_recipe(number, brian, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(BEGINNING + RECIPES[number], names)
    rewiring = names["rewiring"]
    assert rewiring.sets[0].birth_step.max() >= 2, "a connection was formed after the first event"
    assert ("plot_turnover" in RECIPES[number]) == bool(plt.gca().lines)


def run_page(page, shorter=("", "")):
    """Run the blocks of a page in order, as a reader does, and return the names that they define."""
    names: dict = {}
    for block in blocks(page):
        exec(block.replace(*shorter), names)
    return names


def test_start_install(capsys):
    names = run_page("start/install.md")
    assert 80 < names["info"].num_deaths < 200
    assert "of 200 connections were replaced" in capsys.readouterr().out


def test_start_brian2(brian):
    """The first 20 of the 60 seconds show that it works."""
    try:
        names = run_page("start/brian2.md", ("run(60*second)", "run(20*second)"))
    finally:
        b2.defaultclock.dt = 0.1 * b2.ms
    assert names["monitor"].num_births == names["monitor"].num_deaths > 500
    assert 5 < 100 * names["curve"].rate[-1] / 1000 < 20
    assert len(names["right"].lines) == 1
    rewiring = names["rewiring"]  # of the second example, with DEEP R
    assert rewiring.connections.steps_done in (99, 1000)
    assert names["group"].y[:].mean() < 2.7  # Without synapses it is 2.8.
    assert names["S"].w[:].mean() < -0.005
    assert (rewiring.connections.birth_step > 0).sum() > 50
    assert len(np.unique(rewiring.i * 100 + rewiring.j)) == 990


def test_start_rate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_page("start/rate.md")
    X, y = (names[name][names["test"]] for name in ("X", "y"))
    assert names["net"].score(X, y) > names["fixed"].score(X, y) + 0.1
    assert names["net"].num_connections == names["fixed"].num_connections == 684
    assert np.bincount(names["net"].connections[0].post).max() <= 8
    assert len(names["left"].lines) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"trained.npz", "trained.rewiring", "trained.onnx"}


def test_guide_parameters():
    names = run_page("guide/parameters.md")
    assert names["rule"].step_ratio == pytest.approx(0.022, abs=0.001)
    assert names["rule"].expected_turnover() == pytest.approx(0.031, abs=0.001)
    for turnover in (0.3, 0.01):
        rule = DeepR(0.2, 1e-2, names["temperature_for"](turnover, 0.2, 1e-2))
        assert rule.expected_turnover() == pytest.approx(turnover)
    assert [len(ax.lines) for ax in names["figure"].axes] == [3, 3]


def test_guide_sampling():
    names = run_page("guide/sampling.md")
    expected = names["exact"].turnover_ratio(names["exact"].correlation(names["rule"], 36))
    # About 900 changes, whose standard deviation is below their square root.
    assert abs(names["changed"] - expected * names["total"]) < 4.9 * (expected * names["total"]) ** 0.5


def test_guide_chips():
    names = run_page("guide/chips.md")
    for c in names["net"].connections:
        assert np.bincount(c.post).max() <= 64
        assert all(len(set(c.polarity[c.pre == neuron])) <= 1 for neuron in range(c.num_pre))
    assert names["net"].score(names["X"], names["y"]) > 0.9
    assert np.abs(names["found"][0] - names["net"].outputs(names["X"])).max() < 1e-4
    assert names["weights"].nnz == 1600


def test_guide_determinism():
    names = run_page("guide/determinism.md")
    assert names["once"].birth_step.max() > 50


def test_guide_statistics():
    """Fewer epochs show the same figures."""
    names = run_page("guide/statistics.md", ("epochs=40", "epochs=8"))
    drawn = [len(plt.figure(number).axes) for number in plt.get_fignums()]
    assert drawn == [2, 2, 1, 2, 2, 2]
    laws = [line for number in plt.get_fignums() for ax in plt.figure(number).axes for line in ax.lines
            if line.get_gid() == "null law"]  # fmt: skip
    assert len(laws) == 6, "of turnover ratio, survival, hazard, weights, degrees and sites"
    assert names["run"].log.num_births > 1000


def test_guide_baselines():
    """Fewer epochs and seeds, in which all methods train and have the numbers of connections that the page names."""
    names = run_page("guide/baselines.md", ("30, range(1, 6)", "4, range(1, 3)"))
    assert {len(own) for own in names["accuracy"].values()} == {2}
    assert all(np.mean(own) > 15 for own in names["accuracy"].values())
    assert np.mean(names["accuracy"]["dense"]) > np.mean(names["accuracy"]["fixed connections"]) > 20
    for method in ("DEEP R", "RigL", "SET", "l1, then pruned"):
        assert [len(c) for c in names["methods"][method](1).connections] == [384, 300]


def test_example_with_a_log(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    loop, example, tables = blocks("guide/log.md")
    exec(loop, names)
    assert names["log"].num_births > 100
    assert names["log"].rule_of(names["c"].index)["class"] == "DeepR"
    exec(example, names)
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.startswith("[1.")
    assert 0 < float(second.strip("[]").split()[-1]) < 1
    assert len(plt.gca().lines) == 2
    exec(tables, names)
    assert names["events"].kind.value_counts()["formed"] == names["trainer"].log.num_births
    assert (tmp_path / "history.csv").read_text().startswith("epoch,samples,loss")


def test_example_with_observations(capsys):
    names: dict = {}
    (example,) = blocks("guide/observations.md")
    exec(example, names)
    assert len(capsys.readouterr().out.splitlines()) >= 4
    assert len(names["net"].times) == 8
    assert names["mouse"].presence.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert names["law"].parameters["height"][0] > 0
    assert len(plt.gca().containers) == 1


def test_example_with_recordings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for example in blocks("guide/spiking.md"):
        exec(example, names)
    assert names["again"].accuracies == names["result"].accuracies
    assert (tmp_path / "run.npz").exists()
    result = names["result"]
    assert result.accuracies[-1] > 0.8
    assert result.log.num_births > 20
    assert 0.08 < result.connectivity < 0.2


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.cython
def test_guide_standalone(tmp_path):
    """As a script, with and without the line that makes it a program; both give the same numbers."""
    (example,) = blocks("guide/standalone.md")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = []
    for name, text in (("program", example), ("runtime", re.sub(r"set_device.*\n", "", example))):
        (tmp_path / f"{name}.py").write_text(text)
        command = [sys.executable, f"{name}.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        said.append(re.findall(r"(\d+) synapses formed; (\d+) exist", done.stdout)[0])
    assert (tmp_path / "rewired" / "main.cpp").exists()
    assert [exist for _, exist in said] == ["1000", "1000"]
    assert min(int(formed) for formed, _ in said) > 100


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
    tests = "".join((ROOT / "tests" / name).read_text() for name in ("test_docs.py", "rate/test_own_rules.py"))
    for page in PAGES:
        if (
            page.parent not in (ROOT, DOCS / "developer") and "```python\n" in page.read_text()
        ):  # tests/test_developer_docs.py
            name = page.relative_to(DOCS)
            assert f'"{name}"' in tests or " / ".join(f'"{part}"' for part in name.parts) in tests, page


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
    """From the README, by links and tables of contents."""
    found, waiting = set(), [ROOT / "README.md", DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in found and page.exists():
            found.add(page)
            text = page.read_text()
            targets = re.findall(r"\]\((?!http)([^)#]+\.md)", text)
            for listed in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
                lines = [line for line in listed.splitlines() if line and not line.startswith(":")]
                names = [re.sub(r".*<(.*)>", r"\1", line) for line in lines]
                targets += [str(path) for name in names for path in page.parent.glob(f"{name}.md")]
            waiting += [(page.parent / target).resolve() for target in targets]
    assert set(PAGES) <= found
