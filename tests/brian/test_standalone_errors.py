"""What C++ standalone mode refuses or warns of, and how its program stops."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Adam,
    DeepR,
    Momentum,
    Rewiring,
    RewiringMonitor,
    SynapticElements,
)
from synaptic_sampling.brian.standalone import program
from tests.brian.test_standalone import standalone

MODEL = "theta : 1\npolarity : 1\ngradient : 1\nx : 1"
RULE = DeepR(learning_rate=0.1, l1=0.1, temperature=1e-3)


@pytest.fixture
def build(tmp_path):
    """Let all that is made be a C++ program."""
    with standalone(tmp_path) as build:
        yield build


def make(pairs=((0, 1, 2), (1, 2, 3))):
    """Return synapses of a program."""
    inputs = b2.SpikeGeneratorGroup(4, [0, 1, 3], [0.1, 0.5, 2.2] * ms)
    neurons = b2.NeuronGroup(4, "v : 1")
    s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += theta; gradient += 0.1", delay=0.3 * ms)
    if isinstance(pairs, str):
        s.connect(pairs)
    else:
        s.connect(i=pairs[0], j=pairs[1])
    s.theta = "0.1 + 0.01*i"
    return s


class Own:
    """An optimizer of the user's."""

    num_moments = 0

    def direction(self, gradient, connections):
        return gradient


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (
            SynapticElements("v", "v"),
            {},
            "C.. standalone mode does not support rules that form connections without .* use runtime mode; in a rule",
        ),
        (DeepR(0.1, 0.1, 0.1, optimizer=Own()), {}, "an optimizer of your own .got Own"),
        (RULE, {"max_in_degree": 3}, "got max_in_degree=3"),
        (RULE, {"max_out_degree": 3}, "got max_out_degree=3"),
        (RULE, {"callback": print}, "a callback; record the events with a RewiringMonitor"),
    ],
)
def test_what_is_not_possible_is_refused_at_once(build, rule, options, message):
    with pytest.raises(NotImplementedError, match=message):
        Rewiring(make(), rule, **options)


def test_shared_budget_is_refused(build):
    with pytest.raises(NotImplementedError, match=r"several Synapses that share a budget; .* a Rewiring of its own"):
        Rewiring([make(), make()], RULE)


def test_other_devices_are_refused(build, monkeypatch):
    s = make()
    monkeypatch.setattr(program, "CPPStandaloneDevice", int)
    with pytest.raises(
        NotImplementedError, match=r"supports Brian2's runtime mode and its C.. standalone mode, not CPP"
    ):
        Rewiring(s, RULE)


def test_device_that_is_changed_is_refused(build):
    rewiring = Rewiring(make(), RULE)
    b2.set_device("runtime")
    with pytest.raises(NotImplementedError, match=r"call set_device\(\) first"):
        rewiring.before_run({})


def test_nothing_by_hand(build):
    rewiring = Rewiring(make(), RULE)
    monitor = RewiringMonitor(rewiring)
    with pytest.raises(NotImplementedError, match=r"does not support step\(\); events happen"):
        rewiring.step()
    with pytest.raises(NotImplementedError, match=r"does not support snapshot\(\)"):
        monitor.snapshot()


def test_callback_set_later_is_refused(build):
    s = make()
    rewiring = Rewiring(s, RULE)
    rewiring.callback = print
    with pytest.raises(b2.BrianObjectException) as raised:
        b2.Network(s, s.source, s.target, rewiring).run(1 * ms)
    assert "does not support a callback" in str(raised.value.__cause__)


def test_schedule_on_another_clock_is_refused(build):
    s = make()
    rewiring = Rewiring(s, DeepR("0.1*exp(-t/second)", 0.1, 0.1), clock=b2.Clock(0.13 * ms))
    with pytest.raises(b2.BrianObjectException) as raised:
        b2.Network(s, s.source, s.target, rewiring).run(1 * ms)
    assert "another clock than that of the synapses" in str(raised.value.__cause__)


def test_wiring_made_by_the_program_is_known_later(build):
    rewiring = Rewiring(make("i != j"), RULE, seed=5)
    assert rewiring.seed == 5
    assert repr(rewiring) == f"<Rewiring of '{rewiring.synapses.name}' by DeepR>"
    for name in ("i", "j", "num_active", "connections"):
        with pytest.raises(NotImplementedError, match="the program makes the connections"):
            getattr(rewiring, name)


def test_given_wiring_is_known_at_once(build):
    rewiring = Rewiring(make(), RULE)
    assert_array_equal(rewiring.i, [0, 1, 2])
    assert repr(rewiring) == f"<Rewiring of '{rewiring.synapses.name}' by DeepR, 3 active>"
    assert len(RewiringMonitor(rewiring).log.events) == 0


def test_wrong_wiring_is_refused_at_once(build):
    with pytest.raises(ValueError, match=r"connection 1 \(0 -> 1\) exists twice"):
        Rewiring(make(((0, 0), (1, 1))), RULE)


def seeds(number):
    """Return so many seeds that are drawn."""
    return [Rewiring(make(), RULE).seed for _ in range(number)]


def test_seeds_follow_those_of_brian(build):
    b2.seed(4711)
    drawn = seeds(2)
    b2.seed(4711)
    assert seeds(2) == drawn
    b2.seed(4712)
    assert seeds(2) != drawn
    b2.set_device("runtime")
    b2.seed(4711)
    assert seeds(2) == drawn


@pytest.mark.parametrize(
    ("flags", "warns"), [(["-O3", "-ffast-math"], True), (["-O2"], True), (["-O2", "-ffp-contract=off"], False)]
)
def test_warning_of_flags(build, monkeypatch, flags, warns):
    said = []
    monkeypatch.setattr(program.logger, "warn", lambda text, **options: said.append((text, options)))
    b2.prefs.codegen.cpp.extra_compile_args_gcc = flags
    s = make()
    b2.Network(s, s.source, s.target, Rewiring(s, RULE)).run(1 * ms)
    assert len(said) == warns
    for text, options in said:
        assert "For bit-identical results: prefs.codegen.cpp.extra_compile_args_gcc = " in text
        assert options["once"]


def spoiled(variable, value, rule):
    """Return a network in which a gradient or theta is spoiled after 6 ms."""
    s = make()
    gradients = np.zeros((7, 4))
    gradients[6] = value
    spoil = b2.TimedArray(gradients, dt=1 * ms)
    s.namespace.update({"spoil": spoil})
    s.run_regularly(f"{variable} += spoil(t, i)", dt=1 * ms, when="start")
    rewiring = Rewiring(s, rule, dt=0.5 * ms, seed=1)
    monitor = RewiringMonitor(rewiring)
    return b2.Network(s, s.source, s.target, rewiring, monitor), monitor


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("gradient", np.nan, RULE),
        ("gradient", np.inf, RULE),
        ("gradient", np.nan, DeepR(0.1, 0.1, 1e-3, optimizer=Adam())),
        ("theta", np.nan, RULE),
    ],
)
def test_what_is_not_finite_stops_the_program(tmp_path, capsys, variable, value, rule):
    net, expected = spoiled(variable, value, rule)
    with pytest.raises(FloatingPointError) as raised:
        net.run(10 * ms)
    message = str(raised.value)
    with standalone(tmp_path) as build:
        net, monitor = spoiled(variable, value, rule)
        net.run(10 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            build()
        log = monitor.log
        with pytest.raises(NotImplementedError, match="the program has stopped with an error"):
            monitor.rewirings[0].i
    assert f"Error: {message}\n" in capsys.readouterr().out
    assert f"{variable} of connection 0 (" in message
    assert len(log.times) == len(expected.log.times) == 11
    assert_array_equal(log.events, expected.log.events)
    assert len(log.events) > 0


def overflowing():
    """Return a network in which moments overflow, though gradients are finite, in two stretches of the update."""
    neurons = b2.NeuronGroup(30, "v : 1", threshold="v > 1", reset="v = 0")
    s = b2.Synapses(neurons, neurons, MODEL)
    s.connect("i != j")
    s.theta = 10
    s.run_regularly("gradient = 1.7e308*int(k == 0 or k == 500)".replace("k", "(29*i + j - int(j > i))"), dt=1 * ms)
    rewiring = Rewiring(s, DeepR(3e-308, 0, 0, optimizer=Momentum(0.9)), dt=1 * ms, seed=1, signs=1)
    monitor = RewiringMonitor(rewiring)
    return b2.Network(s, neurons, rewiring, monitor), monitor


@pytest.mark.slow
@pytest.mark.cython
def test_moments_that_overflow_do_not_stop_the_program(tmp_path):
    net, expected = overflowing()
    net.run(5 * ms)
    with standalone(tmp_path) as build:
        net, monitor = overflowing()
        net.run(5 * ms)
        build()
        log = monitor.log
    assert len(log.events) > 0
    assert_array_equal(log.events, expected.log.events)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("i == j", "connection 0 (0 -> 0) is an autapse; leave it out or set autapses=True."),
        (
            "i == 2 and j == 0",
            "theta of connection 0 (2 -> 0) must be >= 0 at the start; set it to the magnitude of the weight",
        ),
        ("i != j and j < 3", "connection 3 (1 -> 2) is not a candidate; leave it out or include it in candidates."),
        ("i == 0 and j == 1", "connection 1 (0 -> 1) exists twice; give each pair at most once"),
        ("i == 1 and j == 0", "has 2 synapses, but had 1 when 'rewiring' was created; call connect() first"),
    ],
)
def test_program_checks_the_wiring_that_it_makes(tmp_path, capsys, pairs, message):
    with standalone(tmp_path) as build:
        neurons = b2.NeuronGroup(4, "v : 1", threshold="v > 1", reset="v = 0")
        s = b2.Synapses(neurons, neurons, MODEL)
        s.connect(pairs, n=2 if "twice" in message else 1)
        if "theta" in message:
            s.theta = "0.1 - 0.1*i"
        candidates = np.array([[0, 1], [0, 2], [1, 0], [1, 3]]) if "candidate" in message else None
        rewiring = Rewiring(s, RULE, candidates=candidates, name="rewiring")
        if "call connect" in message:
            s.connect("i == 2 and j == 0")
        b2.Network(neurons, s, rewiring).run(1 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            build()
    assert message in capsys.readouterr().out


@pytest.fixture
def user_header():
    before, b2.prefs.codegen.cpp.headers = b2.prefs.codegen.cpp.headers, ["<cstdlib>"]
    yield
    b2.prefs.codegen.cpp.headers = before


@pytest.mark.slow
@pytest.mark.cython
def test_program_with_a_header_of_the_user(build, user_header):
    s = make()
    rewiring = Rewiring(s, RULE)
    b2.Network(s, s.source, s.target, rewiring).run(1 * ms)
    build()
    assert rewiring.connections.steps_done == 9


def test_headers_start_a_line(build, user_header, tmp_path):
    s = make()
    b2.Network(s, s.source, s.target, Rewiring(s, RULE)).run(1 * ms)
    b2.device.build(directory=str(tmp_path), compile=False, run=False)
    for path in (tmp_path / "code_objects").glob("*.cpp"):
        for line in path.read_text().splitlines():
            assert "#include" not in line or line.startswith("#include"), f"{path.name}: {line}"
