"""Store and restore while spikes are on their way, on every Brian2: to memory, to a file, into another wiring."""

from __future__ import annotations

import re

import brian2 as b2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import (
    Connections,
    DeepR,
    PruneAndRegrow,
    Rewiring,
    RewiringLog,
    RewiringMonitor,
    connect_exactly,
    join_logs,
)
from synaptic_sampling.brian.internals import queues
from tests.brian.oracle import DT
from tests.brian.random_networks import Pair, Plan
from tests.brian.test_oracle import agree
from tests.brian.test_rewiring import MODEL, network

PLANS = [
    Plan(False, False, {"pre": None, "late": 50, "post": None}, "summed"),
    Plan(True, False, {"pre": 50, "late": None, "post": 1}, "event"),
]
SEED, PERIOD, CUT = 11, 10, 155


def on_their_way(pair):
    return sum(len(row) for s in pair.synapses for p in s._pathways for row in p.queue._full_state()[1])


def built():
    b2.start_scope()
    b2.defaultclock.dt = DT * b2.second
    pair = Pair(PLANS, SEED, PERIOD, 1)
    return pair, pair.build()


def wiring(pair):
    columns = [(s.i[:], s.j[:], s.theta[:], s.gradient[:], s.x[:], s.z[:]) for s in pair.synapses]
    delays = [values for s in pair.synapses for values in queues.delays(s)]
    return [values for column in columns for values in column] + delays


@pytest.fixture(scope="module")
def uninterrupted():
    """One run in two pieces, which is what the plain simulator does in one."""
    b2.prefs.codegen.target = "numpy"
    pair, _ = built()
    pair.advance(CUT)
    assert on_their_way(pair) > 20
    pair.advance(300 - CUT)
    return pair.course(), [np.array(values) for values in wiring(pair)]


@pytest.mark.parametrize("to_file", [True, False])
def test_restore_into_another_wiring_goes_on_as_if_nothing_had_been(uninterrupted, to_file, tmp_path):
    filename = str(tmp_path / "state") if to_file else None
    pair, _ = built()
    pair.advance(CUT)
    stored = on_their_way(pair)
    pair.net.store("middle", filename=filename)
    pair.advance(97)
    if to_file:  # Objects of another process, so to say, which have gone another way.
        pair, _ = built()
        pair.advance(38)
    before = wiring(pair)[0].copy()
    pair.net.restore("middle", filename=filename)
    assert on_their_way(pair) == stored > 20
    pair.advance(300 - CUT)
    assert (wiring(pair)[0] != before).any()
    assert agree(pair.course(), uninterrupted[0])
    for got, expected in zip(wiring(pair), uninterrupted[1], strict=True):
        assert_array_equal(got, expected)


def test_without_the_delays_it_goes_another_way(uninterrupted):
    """Negative control: what Brian2 2.9 alone brings back is not enough."""
    pair, _ = built()
    pair.advance(CUT)
    pair.net.store("middle")
    pair.net.restore("middle")
    for s in pair.synapses:
        queues.restore_delays(s, [np.zeros_like(values) for values in queues.delays(s)])
    pair.advance(300 - CUT)
    assert not agree(pair.course(), uninterrupted[0])


def seeded(seed=None, number=30):
    b2.start_scope()
    inputs = b2.PoissonGroup(10, rates=20 * b2.Hz, name="seeded_inputs")
    neurons = b2.NeuronGroup(8, "v : 1", name="seeded_neurons")
    s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += w", name="seeded")
    connect_exactly(s, connections=number, seed=1)
    rewiring = Rewiring(s, DeepR(0.1, 1.0, 0.1), seed=seed, dt=1 * b2.ms, name="seeds")
    return s, rewiring, network(s, rewiring)


def course(s, rewiring, net):
    net.run(10 * b2.ms)
    return s.theta[:].tolist(), rewiring.i.tolist()


def test_trials_from_a_stored_state_differ_as_brians_random_numbers_do():
    b2.seed(1)
    _, rewiring, net = parts = seeded()
    net.run(5 * b2.ms)
    net.store()
    trials, seeds = [], []
    for n in (1, 2, 3, 1):
        net.restore()
        b2.seed(n)
        trials.append(course(*parts))
        seeds.append(rewiring.seed)
    assert trials[3] == trials[0]
    assert all(trials[n] != trials[m] for n in range(3) for m in range(n))
    assert len(set(seeds)) == 3


def test_a_run_resumed_with_the_random_state_goes_on_as_the_first_one():
    b2.seed(1)
    _, _, net = parts = seeded()
    net.run(5 * b2.ms)
    net.store()
    first = course(*parts)
    net.restore(restore_random_state=True)
    assert course(*parts) == first


def test_a_given_seed_stays_and_may_be_set(tmp_path):
    filename = str(tmp_path / "state")
    b2.seed(1)
    s, rewiring, net = seeded(seed=5)
    net.run(5 * b2.ms)
    net.store(filename=filename)
    trials = []
    for given in (None, None, 7, 5):
        parts = s, rewiring, net = seeded(seed=5)
        net.restore(filename=filename)
        if given is not None:
            rewiring.seed = given
            assert rewiring.seed == given
        trials.append(course(*parts))
        c = rewiring.connections
        # Signs belong to the model.
        assert_array_equal(s.polarity[:], Connections(10, 8, c.pre, c.post, seed=5).polarity)
    assert trials[0] == trials[1] == trials[3] != trials[2]
    with pytest.raises(ValueError, match="seed must be"):
        rewiring.seed = -1
    assert rewiring.seed == 5


def test_a_log_in_a_file_is_cut_by_restore_and_goes_on(tmp_path):
    """In the process that stored, and in another one, which continues the file; a new file starts there."""
    path, filename = tmp_path / "run.rewiring", str(tmp_path / "state")

    def build(log):
        s, rewiring, _ = seeded(seed=5)
        monitor = RewiringMonitor(rewiring, log=log, name="in_a_file")
        return monitor, network(s, rewiring, monitor)

    monitor, net = build(path)
    net.run(10 * b2.ms)
    net.store(filename=filename)
    stored = monitor.log.last_step
    net.run(7 * b2.ms)
    whole, last = monitor.log.events, monitor.log.last_step
    assert RewiringLog.open(path).last_step == last == stored + 7
    net.restore(filename=filename)
    assert monitor.log.last_step == RewiringLog.open(path).last_step == stored
    net.run(7 * b2.ms)
    assert_array_equal(monitor.log.events, whole)
    monitor, net = build(RewiringLog(path, mode="a"))
    with pytest.raises(Exception, match=r".") as caught:
        net.run(1 * b2.ms)
    causes = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert f"ends with step {last}" in str(causes[-1])
    net.restore(filename=filename)
    net.run(7 * b2.ms)
    assert_array_equal(monitor.log.events, whole)
    part, net = build(tmp_path / "part.rewiring")
    net.restore(filename=filename)
    net.run(7 * b2.ms)
    assert part.log.first_step == stored
    assert_array_equal(join_logs([monitor.log, part.log]).events, whole)
    with pytest.raises(TypeError, match="log must be"):
        build(3)
    with pytest.raises(FileExistsError):
        build(path)


@pytest.mark.parametrize("delays", [True, False])
def test_restore_brings_back_another_number_of_synapses(tmp_path, delays):
    """As Brian2 does, where ``connect(p=...)`` has made another number in the new script."""
    filename = str(tmp_path / "state")

    def build(number):
        s, rewiring, net = seeded(seed=5, number=number)
        if delays:
            s.delay = 2 * b2.ms
        return s, rewiring, net

    b2.seed(1)
    parts = s, rewiring, net = build(30)
    net.run(5 * b2.ms)
    net.store(filename=filename)
    before = rewiring.i.tolist(), s.theta[:].tolist()
    uninterrupted = course(*parts)
    for number in (20, 45):
        parts = s, rewiring, net = build(number)
        net.restore(filename=filename)
        assert rewiring.num_active == len(s) == 30
        assert (rewiring.i.tolist(), s.theta[:].tolist()) == before
        assert course(*parts) == uninterrupted
        assert rewiring.num_active == 30
        assert not delays or np.allclose(s.delay[:] / b2.ms, 2)


@pytest.mark.parametrize("own_dt_kept", [True, False])
def test_restore_to_a_state_of_another_dt_with_spikes_on_their_way(own_dt_kept):
    """Brian2's queues know the dt of their last run only, and would move the spikes: these arrive when they should."""
    inputs = b2.SpikeGeneratorGroup(3, [0, 1, 2, 0], [1, 2, 4.4, 4.8] * b2.ms)
    neurons = b2.NeuronGroup(3, "v : 1")
    s = b2.Synapses(inputs, neurons, "w : 1", on_pre="v_post += 1", delay=3 * b2.ms)
    s.connect()
    arrivals = b2.StateMonitor(neurons, "v", record=[0])
    net = b2.Network(inputs, neurons, s, arrivals, Rewiring(s, PruneAndRegrow("w > 1"), dt=1 * b2.ms))
    net.run(5 * b2.ms)
    net.store()
    net.run(6 * b2.ms)
    uninterrupted = arrivals.t[:].tolist(), arrivals.v[0].tolist()
    b2.defaultclock.dt = 0.2 * b2.ms
    net.run(2 * b2.ms)
    net.restore()
    assert b2.defaultclock.dt == 0.1 * b2.ms
    assert sum(len(row) for row in s.pre.queue._full_state()[1]) == 9
    if not own_dt_kept:
        b2.defaultclock.dt = 0.2 * b2.ms
        with pytest.raises(Exception, match="prepar") as caught:
            net.run(1 * b2.ms)
        assert "dt was changed from 100. us to 200. us while 9 spikes" in str(caught.value.__cause__.__cause__)
        return
    net.run(6 * b2.ms)
    assert (arrivals.t[:].tolist(), arrivals.v[0].tolist()) == uninterrupted


def refused(do):
    """Check that the event that was not completed is named; Brian2 wraps errors before a run."""
    with pytest.raises((RuntimeError, b2.BrianObjectException)) as raised:
        do()
    assert re.search(r"ended step .* restore\(\) a state", str(raised.value.__cause__ or raised.value))


def test_an_event_that_a_function_of_the_user_ended_cannot_be_continued():
    """Half of the sites would count as vacant: refused, and not stored, until ``restore``."""
    fails = []

    def near(pre, post):
        if fails:
            raise fails.pop()
        return (pre + post) % 2 == 0

    b2.start_scope()
    b2.defaultclock.dt = 1 * b2.ms
    neurons = b2.NeuronGroup(30, "v : 1")
    s = b2.Synapses(neurons, neurons, "w : 1")
    connect_exactly(s, 100, candidates=near, autapses=True, seed=1)
    options = {"candidates": near, "autapses": True, "birth": {"w": 0.3}, "dt": 1 * b2.ms, "seed": 3}
    rewiring, courses = Rewiring(s, PruneAndRegrow("w < 0.5"), **options), []
    net = b2.Network(neurons, s, rewiring)
    s.w = np.linspace(0, 1, 100)
    net.run(3 * b2.ms)
    net.store()
    for _ in range(2):
        net.restore()
        net.run(3 * b2.ms)
        courses.append((np.array(s.i[:]), np.array(s.j[:])))
        fails.append(MemoryError())
        with pytest.raises(MemoryError):
            net.run(1 * b2.ms)
        for do in (lambda: net.run(1 * b2.ms), rewiring.step, lambda: net.store("later")):
            refused(do)
    assert_array_equal(courses[0], courses[1])
    assert len(set(zip(*courses[0], strict=True))) == 100


def test_an_event_that_was_not_recorded_cannot_be_continued():
    """Its step is complete, but the log lacks it: refused, and not stored, until ``restore``."""

    class Broken(RewiringMonitor):
        def observe(self, *args):
            if broken:
                raise broken.pop()
            super().observe(*args)

    b2.start_scope()
    b2.defaultclock.dt = 1 * b2.ms
    broken, neurons = [], b2.NeuronGroup(30, "v : 1")
    s = b2.Synapses(neurons, neurons, "w : 1")
    connect_exactly(s, 100, seed=1)
    rewiring = Rewiring(s, PruneAndRegrow("w < 0.5"), birth={"w": "rand()"}, dt=1 * b2.ms, seed=3)
    monitor = Broken(rewiring)
    net = b2.Network(neurons, s, rewiring, monitor)
    net.run(3 * b2.ms)
    net.store()
    broken.append(OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        net.run(1 * b2.ms)
    for do in (lambda: net.run(1 * b2.ms), rewiring.step, lambda: net.store("later")):
        refused(do)
    net.restore()
    net.run(3 * b2.ms)
    assert monitor.log.times["step"].tolist() == list(range(1, rewiring.connections.steps_done + 1))
