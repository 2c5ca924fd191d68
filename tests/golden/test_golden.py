"""Every rule on every storage by every front end does what it did: the same bits of state, log and results.

A test that fails here means that a change reached results. If that is meant, write the new bits by
``python -m tests.golden --write`` and say so in CHANGELOG.md; if not, the change is wrong.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.bits import demo_numbers, read
from tests.golden.digest import digest
from tests.golden.programs import PROGRAMS, fingerprint, section_of

KEPT = read()
MARKS = {"": [], "slow": [pytest.mark.slow], "cython": [pytest.mark.slow, pytest.mark.cython]}

ARRAYS = [
    ("DeepR", "Connections"), ("FixedWiring", "Connections"), ("replace", "Connections"),
    ("pair_elements", "Connections"), ("DeepR", "Budget"), ("FixedWiring", "Budget"), ("replace", "Budget"),
    ("SoftDeepR", "PotentialConnections"), ("SoftDeepR", "SoftConnections"),
    ("SynapticSampling", "PotentialConnections"),
]  # fmt: skip
BRIAN = [
    ("DeepR", "Connections"), ("FixedWiring", "Connections"), ("PruneAndRegrow", "Connections"),
    ("SynapticElements", "Connections"), ("DeepR", "Budget"), ("FixedWiring", "Budget"), ("PruneAndRegrow", "Budget"),
    ("SoftDeepR", "PotentialConnections"), ("SoftDeepR", "SoftConnections"),
    ("SynapticSampling", "PotentialConnections"),
]  # fmt: skip
STANDALONE = [
    ("DeepR", "Connections"), ("FixedWiring", "Connections"), ("PruneAndRegrow", "Connections"),
    ("SoftDeepR", "PotentialConnections"), ("SoftDeepR", "SoftConnections"),
    ("SynapticSampling", "PotentialConnections"),
]  # fmt: skip
FUSED = [("DeepR", "Connections"), ("FixedWiring", "Connections"), ("DeepR", "Budget"), ("FixedWiring", "Budget")]
STEPS = [
    *FUSED, ("FixedWiring", "dense"), ("SET", "Connections"), ("RigL", "Connections"), ("Shrinkage", "dense"),
    ("prune", "dense"), ("prune", "Connections"), ("SoftDeepR", "SoftConnections"),
    ("PruneAndRegrow", "Connections"),
]  # fmt: skip
#: What works where, as the documents say.
WORKS = {
    "arrays": ARRAYS, "brian numpy": BRIAN, "brian cython": BRIAN, "brian standalone": STANDALONE,
    "rate fused": FUSED, "rate steps": STEPS,
}  # fmt: skip


def params():
    return [pytest.param(name, marks=MARKS[program.speed], id=name) for name, program in PROGRAMS.items()]


def demand_machine(kept, section):
    """Skip, and say why, where last bits may differ for other reasons than this package."""
    here = fingerprint(section)
    if here not in kept["fingerprints"]:
        pytest.skip(f"made with other machines or libraries: {kept['fingerprints']}; here {here}")


@pytest.mark.parametrize("name", params())
def test_bits_are_those_that_were(name):
    section = section_of(PROGRAMS[name])
    demand_machine(KEPT[section], section)
    assert digest(PROGRAMS[name].run()) == KEPT[section]["bits"][name], "results differ; see this module's docstring"


@pytest.mark.slow
@pytest.mark.cython
def test_demonstration_gives_the_numbers_it_gave(tmp_path):
    demand_machine(KEPT["demo"], "demo")
    assert demo_numbers(tmp_path) == KEPT["demo"]["numbers"]


def test_every_program_has_bits_and_all_bits_have_a_program():
    kept = {(section, name) for section in KEPT if section != "demo" for name in KEPT[section]["bits"]}
    assert kept == {(section_of(program), name) for name, program in PROGRAMS.items()}


def test_there_is_a_program_for_whatever_works():
    works = {(front, *pair) for front, pairs in WORKS.items() for pair in pairs}
    assert {program.combination for program in PROGRAMS.values()} == works


def kept_of(name):
    return KEPT[section_of(PROGRAMS[name])]["bits"][name]


def test_what_is_stopped_and_resumed_does_what_was_not():
    cut = [name for name in PROGRAMS if name.endswith(", resumed")]
    assert len(cut) > 15
    for name in cut:
        assert kept_of(name) == kept_of(name.removesuffix(", resumed")), name


@pytest.mark.parametrize(
    ("one", "other"),
    [("rate fused", "rate steps"), ("brian numpy", "brian cython"), ("brian numpy", "brian standalone")],
)
def test_two_ways_to_do_the_same_do_the_same(one, other):
    both = [name.removeprefix(one) for name in PROGRAMS if name.startswith(one)]
    both = [name for name in both if other + name in PROGRAMS]
    assert len(both) >= 4
    for name in both:
        assert kept_of(one + name) == kept_of(other + name), name


def test_digests_tell_apart_what_differs():
    events = np.zeros(2, [("step", "<i8"), ("kind", "i1")])
    changed = events.copy()
    changed["kind"][1] = 1
    zeros = np.zeros(4)
    alike = [
        zeros, zeros.astype(np.float32), zeros.reshape(2, 2), -zeros, [zeros], {"a": zeros}, {"b": zeros}, events,
        changed, np.nextafter(zeros, 1), "0", 0, False, None, [[0], []], [[], [0]],
    ]  # fmt: skip
    assert len({digest(each) for each in alike}) == len(alike)
    assert digest({"a": 1, "b": zeros}) == digest({"b": zeros[::-1].astype(">f8"), "a": 1})
    with pytest.raises(TypeError, match="no bits of its own"):
        digest(np.array([object()]))
