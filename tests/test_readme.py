"""The examples in the README run unchanged and give the stated results; the README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
from matplotlib import pyplot as plt

README = (Path(__file__).parent.parent / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
MAX_LINES = 120


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


def test_example_with_rates(capsys):
    """It gives the numbers that its comments state."""
    names = {}
    exec(EXAMPLES[1], names)
    assert names["trainer"].tests[-1][1] == pytest.approx(0.98, abs=0.012)
    assert np.mean(names["net"].connections[0].pre < 20) == pytest.approx(0.25, abs=0.06)
    assert "births" in capsys.readouterr().out


def test_number_of_examples_and_lines():
    assert len(EXAMPLES) == 2
    assert README.count("\n") < MAX_LINES
