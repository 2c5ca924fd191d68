"""The examples of the README run as they stand, and do something."""

from __future__ import annotations

import re
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
from matplotlib import pyplot as plt

README = (Path(__file__).parent.parent / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def brian():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    yield
    b2.defaultclock.dt = 0.1 * b2.ms


def test_example_with_a_condition():
    b2.seed(1)
    names = {}
    # The first 8 of the 60 seconds show that it works.
    exec(EXAMPLES[0].replace("run(60*second, report='text')", "run(8*second)"), names)
    assert names["turnover"].num_births == names["turnover"].num_deaths > 100
    assert len(plt.gca().lines) == 1


def test_example_with_deepr():
    b2.seed(1)
    names = {}
    exec(EXAMPLES[1], names)
    rewiring = names["rewiring"]
    assert rewiring.connections.steps_done == 99
    assert names["group"].y[:].mean() < 2.7  # Without synapses it is 2.8.
    assert names["S"].w[:].mean() < -0.005
    assert (rewiring.connections.birth_step > 0).sum() > 50
    assert len(np.unique(rewiring.i * 100 + rewiring.j)) == 990


def test_example_with_rates(capsys):
    names = {}
    exec(EXAMPLES[2], names)
    assert names["trainer"].tests[-1][1] > 0.93
    assert "births" in capsys.readouterr().out


def test_example_with_a_log(capsys):
    names = {}
    exec(EXAMPLES[2] + EXAMPLES[3], names)
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.startswith("[1.")
    assert 0 < float(second.strip("[]").split()[-1]) < 1
    assert len(plt.gca().lines) == 2


def test_there_are_four_examples():
    assert len(EXAMPLES) == 4


def test_table_names_what_exists():
    for name in re.findall(r"`((?:synaptic_sampling|models|scripts|tests|checkpoint)[\w/.]*)`", README):
        found = Path(README and __file__).parent.parent / name
        assert found.exists() or (found.parent / "synaptic_sampling" / name).exists(), name
