"""What works in runtime and in C++ standalone mode: the tables of the code are those of the documents."""

from __future__ import annotations

import re
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest

from synaptic_sampling import Rewiring, Rule, Signal
from synaptic_sampling.brian.capabilities import LIMITS, SOURCES, refuse
from synaptic_sampling.brian.standalone.program import FOLDER

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def rows(page, head):
    """Return the cells of the table with this head."""
    lines = (GUIDE / page).read_text().split(head)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_table_of_signals():
    expected = [[of, one.found_in, "yes" if one.in_program else "no"] for of, one in SOURCES.items()]
    assert rows("brian2.md", "| one value for each | runtime mode | C++ standalone mode |") == expected


def test_table_of_limits():
    assert rows("standalone.md", "| not supported | instead |") == [list(limit) for limit in LIMITS.values()]


def test_each_limit_is_used():
    """A row without code behind it would be a promise that nobody keeps."""
    folder = FOLDER.parents[1]
    code = "\n".join(path.read_text() for path in folder.rglob("*.py") if path.name != "capabilities.py")
    assert set(re.findall(r"refuse\(\"(\w+)\"", code)) == set(LIMITS)


def test_error_names_limit_value_and_remedy():
    text = str(refuse("release", "this"))
    assert text == (
        "Rewiring in C++ standalone mode does not support release() (got this); build a new program, "
        "or remove set_device('cpp_standalone')."
    )


@pytest.mark.parametrize("of", [of for of in SOURCES if of != "condition"])
def test_signals_are_found_as_the_table_says(of):
    class Own(Rule):
        signals = (Signal("own", of=of),)
        has_theta = False
        keeps_number = True

        def decide(self, connections, own):
            raise AssertionError

    in_neurons = "neuron" in of
    group = b2.NeuronGroup(3, "own : 1" if in_neurons else "v : 1")
    shared = " (shared)" if of == "network" else ""
    s = b2.Synapses(group, group, "" if in_neurons else f"own : 1{shared}")
    s.connect(i=np.arange(3), j=np.arange(3)[::-1])
    companion = None
    if of == "site":
        companion = b2.Synapses(group, group, "own : 1")
        companion.connect()
    Rewiring(s, Own(), autapses=True, companion=companion)
