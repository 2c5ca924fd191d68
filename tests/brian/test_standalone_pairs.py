"""Candidates and probabilities in C++ standalone mode: strings, functions and arrays give the bits of runtime mode."""

from __future__ import annotations

import copy
import gc

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, um
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, SoftDeepR, connect_exactly
from synaptic_sampling.brian import run_program
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone.pairs import AcceptedPairs
from synaptic_sampling.rules import RigLDescent, SETDescent
from tests.brian.test_standalone import differences, standalone

NUM_PRE, NUM_POST = 30, 40
MODEL = "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1"
RULE = DeepR(learning_rate=0.02, l1=1.0, temperature=2e-2)

pytestmark = pytest.mark.usefixtures("exact_flags")


def table(number):
    """Return a number between 0 and 1 for each pair."""
    return np.random.default_rng(number).random((NUM_PRE, NUM_POST))


#: What each Rewiring is given. The values of x are known before the run, those of y and z to the program alone.
PAIRS = {
    "string": lambda _: {"candidates": "abs(y_pre - y_post) < reach/20 and i != 3"},
    "both": lambda number: {
        "candidates": lambda pre, post: table(number)[pre, post] < 0.7,
        "p": "exp(-(z_pre - y_post)**2/(2*(20*um)**2))",
        "multapses": True,
    },
    "mixed": lambda number: {"candidates": "abs(x_pre - x_post) < reach", "p": table(number) ** 2},
}
#: How the program connects where the pairs are not known in advance.
CONNECTED = {"string": PAIRS["string"](0)["candidates"] + " and i != j + 25 and (i + j) % 3 == 0"}
RULES = {"string": PruneAndRegrow("theta < 0.02"), "mixed": SETDescent(0.02, fraction=0.3, every=3)}


class Network:
    """Rewired projections with fixed names; ``number`` changes seeds and values, but not the code of the program."""

    def __init__(self, number, *parts):
        gc.collect()  # Names of objects that are gone are free.
        self.rng = np.random.default_rng(number)
        cells = b2.NeuronGroup(
            NUM_PRE + NUM_POST, "dv/dt = rate : 1\nrate : Hz\nx : meter\ny : meter\nz = x/2 + y/2 : meter",
            threshold="v > 1", reset="v = 0", method="euler", name="cells",
        )  # fmt: skip
        cells.rate, cells.v = self.rng.random(len(cells)) * 300 * b2.Hz, self.rng.random(len(cells))
        cells.x = self.rng.random(len(cells)) * 300 * um
        cells.y = "((i*37) % 101)*3*um"
        self.cells, self.net = cells, b2.Network(cells, name="net")
        self.synapses, self.rewirings = {}, {}
        for name in parts or PAIRS:
            self.add(name, number, **PAIRS[name](number))
        self.monitor = RewiringMonitor(list(self.rewirings.values()), name="monitor")
        self.net.add(self.monitor)

    def add(self, name, number, **options):
        """Make one projection between two parts of the cells."""
        reach = 100 * um  # noqa: F841 (in the strings)
        s = b2.Synapses(
            self.cells[:NUM_PRE], self.cells[NUM_PRE - 5 : NUM_PRE - 5 + NUM_POST], MODEL,
            on_pre="v_post += 0.01*w; gradient += 0.3", delay=0.3 * ms, name=name,
        )  # fmt: skip
        if name in CONNECTED:
            s.connect(CONNECTED[name])
        else:
            known = {each: given for each, given in options.items() if name == "mixed" or callable(given)}
            connect_exactly(s, 100, seed=number, **known)
        s.theta = "0.02*((3*i + 5*j) % 11)"
        birth = {"theta": "0.01*(i % 7) + 0.01"} if name == "string" else None
        self.synapses[name] = s
        self.rewirings[name] = Rewiring(
            s, RULES.get(name, RULE), seed=number, dt=1 * ms, name=f"rewiring_{name}", birth=birth, **options
        )
        self.net.add(s, self.rewirings[name])

    def run(self, build=lambda: None):
        """Simulate in two runs; return all results, copied."""
        for duration in (10.05, 19.95):
            self.net.run(duration * ms)
        build()
        log = self.monitor.log
        seen = {
            "v": [self.cells.v[:]],
            "log": [log.events, log.times["step"]],
            "snapshots": [part for taken in log.snapshots for part in taken],
            "about": [log.metadata, log.sets],
        }
        for name, s in self.synapses.items():
            c = self.rewirings[name].connections
            seen[name] = [s.i[:], s.j[:], s.theta[:], s.polarity[:], s.N_incoming[:], *c.state().values(), c.num_sites]
        return copy.deepcopy(seen)


@pytest.mark.slow
@pytest.mark.cython
def test_program_equals_runtime(tmp_path):
    """The second network uses the program of the first."""
    for number in (1, 2):
        expected = Network(number).run()
        for name in PAIRS:
            assert expected[name][10].max() > 20, f"{name} has new connections of late events"
        with standalone(tmp_path / str(number)):
            is_new = []
            seen = Network(number).run(
                lambda number=number, is_new=is_new: is_new.append(
                    run_program(tmp_path / str(number), cache=tmp_path / "cache")
                )
            )
        assert differences(seen, expected) == []
        assert is_new == [number == 1]


LEVELS = {
    1.5: "Error: probability must be between 0 and 1, got 1.500000.",
    0.0: "Error: connection 0 (0 -> 1) is not a candidate, or has probability 0; leave it out.",
    0.25: "Error: 'late' and another Rewiring of its monitor have not had their events at the same times",
    0.5: "Error: no vacant site is left for a new connection in step 6; candidates and p must have the same value",
}


def fading(value):
    """Return a network whose pairs have a probability that only the program knows, and that is 0 after 5 ms.

    Another Rewiring has an event in each step of the first one, except for a value of 0.25.
    """
    cells = b2.NeuronGroup(6, "level : 1 (shared, constant)\nx : 1", name="cells")
    cells.level, cells.x = value, "level"
    cells.run_regularly("x *= int(t < 5*ms)", dt=5.5 * ms, when="end", name="fade")
    s = b2.Synapses(cells, cells, "w : 1", name="s")
    s.connect(i=[0, 1, 2], j=[1, 2, 3])
    rewiring = Rewiring(s, PruneAndRegrow("True"), p="x_pre", dt=1 * ms, seed=1, name="rewiring")
    s_2 = b2.Synapses(cells, cells, "w : 1\non : boolean (shared)\npause : second (shared, constant)", name="s_2")
    s_2.connect(i=[0, 1], j=[1, 2])
    s_2.pause = (value == 0.25) * ms
    s_2.run_regularly("on = t < 2*ms or t >= 2*ms + pause", when="start", name="switch")
    late = Rewiring(s_2, PruneAndRegrow("False"), enabled="on", dt=1 * ms, seed=2, name="late")
    monitor = RewiringMonitor([rewiring, late], name="monitor")
    return b2.Network(cells, s, s_2, rewiring, late, monitor, name="net")


def stopped(value, tmp_path):
    """Return what a program says that stops, and its log as far as there is one."""
    gc.collect()
    folder = tmp_path / str(value)
    with standalone(folder):
        net = fading(value)
        net.run(10 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            run_program(folder, cache=tmp_path / "cache")
        log = net["monitor"].log if value == 0.5 else None
    return (folder / "results" / "stdout.txt").read_text(), log


@pytest.mark.slow
@pytest.mark.cython
def test_errors_of_the_program(tmp_path):
    """One program stops with all of these errors. The log of the last one can be read, without the number of pairs."""
    for value, message in LEVELS.items():
        text, log = stopped(value, tmp_path)
        assert message in text
    # The other Rewiring, which comes first, has had step 6.
    assert (len(log.times), len(log.events), list(log.sets)) == (6, 30, [1])
    assert len([path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]) == 1


@pytest.fixture
def in_program(tmp_path):
    """Make a program of what is made."""
    with standalone(tmp_path):
        yield


def cells_in_space():
    """Return synapses between cells of which x is known, and y is set by the program."""
    cells = b2.NeuronGroup(20, "x : meter\ny : meter\nz = x + y : meter", name="cells")
    cells.x, cells.y = np.arange(20) * 10 * um, "rand()*mm"
    return b2.Synapses(cells, cells, "theta : 1\npolarity : 1\ngradient : 1", name="s")


NEAR = "abs(x_pre - x_post) < 45*um"


def drawn(s):
    """Return pairs that are drawn by strings."""
    connect_exactly(s, 60, candidates=NEAR, p="exp(-abs(i - j)/5.0)", seed=1)
    return surgery.endpoints(s)


def test_connect_exactly_evaluates_what_is_known(tmp_path):
    expected = drawn(cells_in_space())
    with standalone(tmp_path):
        before = len(b2.device.code_objects)
        assert_array_equal(drawn(cells_in_space()), expected)
        # Those that set y and connect; none to evaluate strings.
        assert len(b2.device.code_objects) == before + 2


def test_what_is_known_is_checked_at_once(in_program):
    s = cells_in_space()
    s.connect(i=[0, 5], j=[3, 9])
    with pytest.raises(ValueError, match=r"connection 1 \(5 -> 9\) is not a candidate, or has probability 0"):
        Rewiring(s, RULE, candidates="abs(x_pre - x_post) < 35*um")
    rewiring = Rewiring(s, RULE, candidates=NEAR, p="exp(-abs(x_pre - x_post)/(50*um))")
    assert rewiring.i.tolist() == [0, 5]
    assert rewiring.connections.num_sites == 2 * (19 + 18 + 17 + 16)


def test_what_the_program_sets_is_known_later(in_program):
    s = cells_in_space()
    s.connect(i=[0, 5], j=[3, 9])
    rewiring = Rewiring(s, RULE, candidates="abs(z_pre - z_post) < 1*mm")
    with pytest.raises(NotImplementedError, match="evaluates candidates or p; they are known after a run"):
        rewiring.connections


NOT_KNOWN = "strings about values that only the program knows .got 'y' of 'cells' in 'abs.z_pre .* set these variables"


def test_connect_exactly_names_what_is_not_known(in_program):
    with pytest.raises(NotImplementedError, match=NOT_KNOWN):
        connect_exactly(cells_in_space(), 60, candidates="abs(z_pre - z_post) < 1*mm")


def test_connect_exactly_comes_before_other_strings(in_program):
    s = cells_in_space()
    s.source.y = "x/2"
    with pytest.raises(NotImplementedError, match=r"got 'x' of 'cells' .* before another string, as in S"):
        connect_exactly(s, 60, candidates=NEAR)


def test_depth_needs_known_pairs(in_program):
    s = cells_in_space()
    s.connect(i=[0, 5], j=[3, 9])
    rule = SoftDeepR(0.05, 0.4, 0.02, 0.1)
    with pytest.raises(NotImplementedError, match=NOT_KNOWN):
        Rewiring(s, rule, depth=10, candidates="abs(z_pre - z_post) < 1*mm")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("rand() < 0.5", ValueError, "draws rand"),
        ("x_pre < no_such_name", KeyError, "no_such_name"),
        ("i + j", TypeError, "is not a boolean expression"),
    ],
)
def test_wrong_strings_are_refused_at_once(in_program, text, error, message):
    s = cells_in_space()
    s.connect(i=[0, 5], j=[3, 9])
    with pytest.raises(error, match=message):
        Rewiring(s, RULE, candidates=text)


def test_probabilities_of_a_rule_with_a_signal_per_pair_are_refused(in_program):
    s = cells_in_space()
    s.connect(i=[0, 5], j=[3, 9])
    every = b2.Synapses(s.source, s.target, "site_gradient : 1", name="every")
    every.connect()
    with pytest.raises(NotImplementedError, match="p other than 1 with a rule that has a signal per pair"):
        Rewiring(s, RigLDescent(0.1), companion=every, p="0.5*int(i < j)")


def test_tables_hold_functions_and_arrays():
    """Where pairs are listed, or no autapses are allowed, a function is asked for no other pairs."""
    asked, stored = [], {}

    def keep(name, values):
        stored[name] = values
        return name

    def ask(pre, post):
        asked.extend(zip(pre.tolist(), post.tolist(), strict=True))
        return pre < post

    pairs = AcceptedPairs(3, 3, {"candidates": ask, "probability": np.full((3, 3), 0.25), "autapses": False})
    factors = pairs.describe(keep)
    assert [factor.code for factor in factors] == [None, None]
    assert set(asked) == {(i, j) for i in range(3) for j in range(3) if i != j}
    assert stored["candidates_table"].dtype == np.bool_
    assert_array_equal(stored["candidates_table"].reshape(3, 3), np.triu(np.ones((3, 3)), 1))
    assert_array_equal(stored["probability_table"].reshape(3, 3), 0.25 * (1 - np.eye(3)))
    stored.clear()
    listed = AcceptedPairs(3, 3, {"candidates": np.array([[0, 1], [2, 0]]), "probability": lambda i, j: 0.1 * (i + j)})
    listed.describe(keep)
    assert stored.keys() == {"probability_table"}
    assert_array_equal(np.flatnonzero(stored["probability_table"]), [1, 6])
