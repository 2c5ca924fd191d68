"""The documents for developers are true: every example runs, and the tables agree with the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
import yaml
from brian2.devices.device import get_device, runtime_device
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from synaptic_sampling import (
    Connections,
    DeepR,
    FixedWiring,
    PotentialConnections,
    PruneAndRegrow,
    Rewiring,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    step,
)
from synaptic_sampling.brian.internals.surgery import NEWEST, OLDEST
from synaptic_sampling.rate import CrossEntropy, RateNetwork, SparseLinear
from synaptic_sampling.rules.magnitude import SET, RigL
from tests.brian.test_standalone import standalone
from tests.contract.rules import RewardModulated
from tests.test_architecture import ARROWS, LIBRARY
from tests.test_packaging import PYTHONS

ROOT = Path(__file__).parents[1]
DEVELOPER = ROOT / "docs" / "developer"
PAGES = sorted(path.name for path in DEVELOPER.glob("*.md"))
ARCHITECTURE = (DEVELOPER / "architecture.md").read_text()
MAX_EXAMPLE = 40


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DEVELOPER / page).read_text(), re.DOTALL)


def rows(heading):
    """Return the cells of the first table below a heading, without the two lines of its head."""
    section = ARCHITECTURE.split(f"## {heading}\n")[1].split("\n## ")[0]
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


RULES = {
    "DeepR": DeepR(0.1, 0.1, 0.02),
    "FixedWiring": FixedWiring(0.1),
    "SoftDeepR": SoftDeepR(0.1, 0.1, 0.02, 0.2),
    "SynapticSampling": SynapticSampling(0.1, 0.5, 0.0, 1.0, interval=1e-4),
    "PruneAndRegrow": PruneAndRegrow("w < 0.1"),
    "SynapticElements": SynapticElements(),
    "SET": SET(),
    "RigL": RigL(),
    "a rule of your own": RewardModulated(0.1, 0.1, 0.02),
}
#: Rules with units have them in Brian2.
IN_BRIAN = {**RULES, "SynapticSampling": SynapticSampling(0.1 / b2.second, 0.5, 0.0, 1.0, interval=0.1 * b2.ms)}
MODEL = "w : 1\ntheta : 1\npolarity : 1\ngradient : 1\neligibility : 1\nreward : 1 (shared)"
#: Where a rate network finds the signals of a rule of a user.
SOURCES = {"eligibility": "gradient", "reward": 1.0}


def on_arrays(rule):
    one = PotentialConnections if rule.storage[0] is PotentialConnections else Connections
    c = one(6, 6, seed=1) if one is PotentialConnections else Connections.random(6, 6, 9, capacity=20, seed=1)
    signals = {
        "connection": np.zeros(len(c)), "network": 1.0, "site": np.zeros((6, 6)),
        "presynaptic neuron": np.ones(6), "postsynaptic neuron": np.ones(6),
    }  # fmt: skip
    given = {s.name: signals[s.of] > 0 if s.condition else signals[s.of] for s in rule.signals}
    step(c, rule, **given)


def in_brian(rule):
    one, other = (b2.NeuronGroup(6, "axonal : 1\ndendritic : 1") for _ in range(2))
    s = b2.Synapses(one, other, MODEL, name="s")
    s.connect(condition="True" if rule.storage[0] is PotentialConnections else "i <= j")
    options = {"capacity": 36} if isinstance(rule, SynapticElements) else {}
    rewiring = Rewiring(s, rule, **options)
    if get_device() is runtime_device:
        b2.Network(one, other, s, rewiring).run(0.2 * b2.ms)


def in_a_rate_network(rule):
    sources = SOURCES if isinstance(rule, RewardModulated) else None
    net = RateNetwork([SparseLinear(6, 3, connectivity=0.5)], rule=rule, signals=sources, seed=1)
    samples = net.check_samples(np.ones((2, 6)))
    loss = CrossEntropy()
    net.gradients(samples, loss.check_targets([0, 1], 2, 3), loss)
    net.step()


def works(front_end, rule):
    """Return whether a front end accepts a rule and makes a step."""
    try:
        front_end(rule)
    except (TypeError, ValueError, NotImplementedError):
        return False
    return True


@pytest.fixture
def brian():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms
    b2.seed(1)


def test_table_of_rules():
    assert [name.strip("`") for name, *_ in rows("What works where")] == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_table_of_what_works_where(name, brian, tmp_path):
    """The first word of each cell is yes or no."""
    stated = next(cells for rule, *cells in rows("What works where") if rule.strip("`") == name)
    found = [works(on_arrays, RULES[name]), works(in_brian, IN_BRIAN[name])]
    with standalone(tmp_path):
        found.append(works(in_brian, IN_BRIAN[name]))
    found.append(works(in_a_rate_network, RULES[name]))
    assert [cell.split()[0].strip(",;:") for cell in stated] == ["yes" if one else "no" for one in found]


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
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for path in re.findall(r"`((?!results/)[\w.*-]*/[\w./*-]*)`", page.read_text()):
            found = [*ROOT.glob(path), *LIBRARY.glob(path), *LIBRARY.glob(f"*/{path}")]
            assert found, f"{page.name} names {path}"
