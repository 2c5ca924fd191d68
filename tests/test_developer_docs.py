"""The documents for developers are true: every example runs, and the tables agree with the code."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
import yaml
from brian2.devices.device import get_device, runtime_device
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from synaptic_sampling import PotentialConnections, Rewiring, step
from synaptic_sampling.brian.internals.surgery import NEWEST, OLDEST
from synaptic_sampling.rate import CrossEntropy, LogLikelihood, RateNetwork, SparseLinear
from synaptic_sampling.rules import Units
from tests.brian.test_standalone import standalone
from tests.contract.rules import OWN, exported, signals_of
from tests.contract.rules import RULES as CONTRACT
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


#: The first row of each rule in the table of the contract.
RULES = {name: pair for name, pair in CONTRACT.items() if "," not in name}


def on_arrays(pair):
    c = pair.make()
    step(c, pair.rule, **signals_of(pair.rule, c, 0))


#: How the variable of a signal is declared in Brian2.
NEURONS = {"presynaptic neuron": "{} : 1", "postsynaptic neuron": "{} : 1"}
SYNAPSES = {"connection": "{} : 1", "network": "{} : 1 (shared)"}


def equations(rule, declared, *others):
    return "\n".join([*others, *(declared[s.of].format(s.name) for s in rule.signals if s.of in declared)])


def with_units(rule):
    """Return a rule with the units that its parameters have where theta and the gradient have none."""
    own, units = vars(rule), {name: of(Units(1, 1, b2.second)) for name, of in rule.units.items() if of}
    return replace(rule, **{name: own[name] * unit for name, unit in units.items() if own.get(name) is not None})


def in_brian(pair):
    rule = with_units(pair.rule)
    one, other = (b2.NeuronGroup(6, equations(rule, NEURONS, "v : 1")) for _ in range(2))
    s = b2.Synapses(one, other, equations(rule, SYNAPSES, "w : 1", "theta : 1", "polarity : 1"), name="s")
    s.connect(condition="True" if rule.storage[0] is PotentialConnections else "i <= j")
    options, companions = {"capacity": 36} if rule.grows else {}, []
    if any(signal.of == "site" for signal in rule.signals):
        companions = [b2.Synapses(one, other, equations(rule, {"site": "{} : 1"}), name="companion")]
        companions[0].connect()
        options["companion"] = companions[0]
    rewiring = Rewiring(s, rule, **options)
    if get_device() is runtime_device:
        b2.Network(one, other, s, companions, rewiring).run(2 * rewiring.interval)
        assert rewiring.connections.steps_done > 0


def in_a_rate_network(pair):
    own = "gradient" if pair.rule.linear_weight else LogLikelihood(2)
    sources = {s.name: own if s.of == "connection" else 1.0 for s in pair.rule.signals}
    net = RateNetwork([SparseLinear(6, 3, connectivity=0.5, bias=False)], rule=pair.rule, signals=sources, seed=1)
    samples = net.check_samples(np.ones((2, 6)))
    loss = CrossEntropy()
    net.gradients(samples, loss.check_targets([0, 1], 2, 3), loss)
    net.step()


def works(front_end, pair):
    """Return whether a front end accepts a rule and makes a step."""
    try:
        front_end(pair)
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
    """Every rule of the package has a row, and so have rules of users."""
    assert sorted(name.strip("`") for name, *_ in rows("What works where")) == sorted([*exported(), OWN])


@pytest.mark.parametrize("name", RULES)
def test_table_of_what_works_where(name, brian, tmp_path):
    """The first word of each cell is yes or no."""
    stated = next(cells for rule, *cells in rows("What works where") if rule.strip("`") == name)
    pair = RULES[name]
    found = [works(on_arrays, pair), works(in_brian, pair)]
    with standalone(tmp_path):
        found.append(works(in_brian, pair))
    found.append(works(in_a_rate_network, pair))
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
