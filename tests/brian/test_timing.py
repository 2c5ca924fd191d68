"""Clocks, changes of dt, interrupts, progress: what a run may meet."""

from __future__ import annotations

import signal

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import (
    DeepR,
    PruneAndRegrow,
    Rewiring,
    RewiringMonitor,
    SynapticSampling,
    connect_exactly,
)
from synaptic_sampling.brian import rewiring
from synaptic_sampling.brian.internals import queues, surgery
from tests.brian.test_rewiring import MODEL, make, network
from tests.brian.test_standalone import standalone

RULE = DeepR(learning_rate=0.1, l1=1.0, temperature=0.1)


def steps_of(**options):
    """Return the times of events, in ms, and the Rewiring."""
    s = make()
    times = []
    rewiring = Rewiring(s, RULE, seed=1, callback=lambda r, _: times.append(round(s.t / ms, 6)), **options)
    net = network(s, rewiring)
    net.run(1.75 * ms)
    net.run(2.3 * ms)
    return times, rewiring


def test_clock_of_the_synapses_and_another_one_give_the_same_events():
    shared, rewiring = steps_of(dt=0.5 * ms)
    assert rewiring.clock is rewiring.synapses.clock
    assert rewiring.interval == 0.5 * ms
    other, own = steps_of(clock=b2.Clock(0.5 * ms))
    assert shared == other == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert own.interval == 0.5 * ms
    assert_array_equal(rewiring.i, own.i)
    uneven, of_a_clock = steps_of(clock=b2.Clock(0.75 * ms))
    assert of_a_clock.interval == 0.75 * ms
    assert len(uneven) == 5
    for dt in (0.75 * ms, 0.01 * ms):
        with pytest.raises(ValueError, match="dt must be a multiple of the synapses' dt"):
            steps_of(dt=dt)


def test_without_dt_the_clock_is_that_of_the_synapses():
    neurons = b2.NeuronGroup(8, "v : 1")
    s = b2.Synapses(neurons, neurons, "w : 1", dt=1 * ms)
    s.connect("i != j", p=0.5)
    rewiring = Rewiring(s, PruneAndRegrow("w < 1"), seed=1)
    monitor = RewiringMonitor(rewiring)
    assert rewiring.clock is s.clock is not neurons.clock
    assert rewiring.interval == 1 * ms
    b2.Network(neurons, s, rewiring, monitor).run(5.5 * ms)
    assert_allclose(monitor.log.times["seconds"], [1e-3, 2e-3, 3e-3, 4e-3, 5e-3])


def between_steps(build=lambda: None, **options):
    """Return what depends on the times of events at 2.5, 5 and 7.5 ms, with steps of the synapses of 1 ms."""
    group = b2.NeuronGroup(8, "v : 1", threshold="False", reset="", dt=0.5 * ms, name="group")
    model = "w : 1\nborn : second\ndx/dt = -x/(5*ms) : 1 (event-driven)"
    s = b2.Synapses(group, group, model, on_pre="x += 1", dt=1 * ms, name="synapses")
    connect_exactly(s, connections=20, seed=1)
    s.w = "1.0*i"
    birth, clock = {"w": "8.0 + t/ms", "born": "t"}, b2.Clock(2.5 * ms, name="of_events")
    rule = PruneAndRegrow("w < t/ms or t > 7.4*ms and w < 4")
    rewiring = Rewiring(s, rule, birth=birth, seed=1, clock=clock, name="rewiring", **options)
    monitor = RewiringMonitor(rewiring, name="monitor")
    b2.Network(group, s, rewiring, monitor, name="net").run(9 * ms)
    build()
    log = monitor.log
    return [np.array(x) for x in (log.times["seconds"], log.events, s.w[:], s.born[:], s.lastupdate[:], s.t)]


def test_events_between_steps_of_the_synapses_have_their_own_times():
    seen = []
    times, events, w, born, updated, now = between_steps(
        callback=lambda r, _: seen.append((r.t / ms, r.synapses.t / ms))
    )
    assert_allclose(seen, np.transpose([[2.5, 5, 7.5]] * 2))
    assert_allclose(times, [2.5e-3, 5e-3, 7.5e-3])
    assert len(events) > 20
    formed = born > 0
    assert set(born[formed]) <= set(times)
    assert_array_equal(w[formed], 8 + 1e3 * born[formed])
    assert_array_equal(updated, born)
    assert_allclose(now, 9e-3)


def test_an_event_at_a_tick_of_both_clocks_has_the_time_of_the_synapses():
    """Their times differ by rounding: 3*0.1 is not 0.3."""
    times = []
    for options in ({"dt": 0.3 * ms}, {"clock": b2.Clock(0.3 * ms)}):
        s = make()
        rewiring = Rewiring(s, RULE, seed=1, **options)
        monitor = RewiringMonitor(rewiring)
        network(s, rewiring, monitor).run(4 * ms)
        times.append(monitor.log.times["seconds"].tolist())
    assert times[0] == times[1] == [n * 3 * 0.1e-3 for n in range(1, 14)]


@pytest.mark.parametrize("interval", [0.25, 2.5])
def test_schedules_have_the_times_of_events_between_steps(interval):
    s, used = make(dt=1 * ms), []
    rewiring = Rewiring(s, DeepR("t/ms", 0.0, 0.0), clock=b2.Clock(interval * ms))
    rewiring.callback = lambda *_: used.append(rewiring.projections[0].rule.learning_rate)
    network(s, rewiring).run(3 * interval * ms + 0.1 * ms)
    assert_allclose(used, np.array([1, 2, 3]) * interval)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_program_has_the_times_of_events_between_steps(tmp_path):
    expected = between_steps()
    with standalone(tmp_path) as build:
        for found, own in zip(between_steps(build), expected, strict=True):
            assert_array_equal(found, own)


def test_dt_must_be_a_time_above_0():
    with pytest.raises(ValueError, match="dt must be above 0"):
        Rewiring(make(), RULE, dt=0 * ms)


def test_an_interval_that_no_longer_fits_is_refused():
    s = make()
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    b2.defaultclock.dt = 0.3 * ms
    with pytest.raises(b2.BrianObjectException) as raised:
        network(s, rewiring).run(3 * ms)
    assert "no multiple of dt = 0.3 ms" in str(raised.value.__cause__) or "300" in str(raised.value.__cause__)


def test_a_clock_that_no_longer_fits_synaptic_sampling_is_refused():
    s, clock = make(), b2.Clock(1 * ms)
    rewiring = Rewiring(s, SynapticSampling(1 / second, 0.1, 0.0, 1.0, 1 * ms), clock=clock)
    net = network(s, rewiring)
    net.run(2 * ms)
    clock.dt = 2 * ms
    with pytest.raises(b2.BrianObjectException) as raised:
        net.run(2 * ms)
    assert "do not fit the rule's interval of 1. ms" in str(raised.value.__cause__)


@pytest.mark.parametrize("late", [False, True])
def test_dt_may_change_between_runs_unless_spikes_are_on_their_way(late):
    inputs = b2.SpikeGeneratorGroup(1, [0, 0], [1, 20] * ms)
    neurons = b2.NeuronGroup(2, "v : 1")
    s = b2.Synapses(inputs, neurons, "w : 1", on_pre="v_post += 1", delay=5 * ms)
    s.connect(i=0, j=0)
    rewiring = Rewiring(s, PruneAndRegrow("False"), dt=1 * ms, multapses=True)
    net = b2.Network(inputs, neurons, s, rewiring)
    net.run((10 if late else 4) * ms)
    b2.defaultclock.dt = 0.5 * ms
    if not late:
        before = s.pre.queue._full_state()
        with pytest.raises(b2.BrianObjectException) as raised:
            net.run(10 * ms)
        assert "while 1 spikes are in flight" in str(raised.value.__cause__.__cause__)
        assert s.pre.queue._full_state() == before
        b2.defaultclock.dt = 0.1 * ms
    net.run(26 * ms)
    assert neurons.v[0] == 2


@pytest.fixture
def sigint():
    """Brian2's handler above Python's own, which a process in the background does not have."""
    brian = type(signal.getsignal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, brian(signal.default_int_handler))
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize(
    ("where", "name"),
    [(queues, "drop_spikes"), (queues, "follow"), (surgery, "reconnect"), (surgery, "_reset"), (rewiring, "step")],
)
def test_ctrl_c_within_an_event_leaves_a_valid_network(monkeypatch, where, name, by_hand):
    """The event is completed; then Brian2 ends the run, or KeyboardInterrupt is raised."""
    s = make(connections=40)
    s.delay = np.arange(40) % 30 * 0.1 * ms
    rewiring = Rewiring(s, RULE, birth={"delay": 0 * ms}, seed=3, dt=1 * ms)
    monitor = RewiringMonitor(rewiring)
    net = network(s, rewiring, monitor)
    net.run(3.5 * ms)
    own, handler = getattr(where, name), signal.getsignal(signal.SIGINT)

    def interrupted(*arguments, **signals):
        signal.raise_signal(signal.SIGINT)
        return own(*arguments, **signals)

    monkeypatch.setattr(where, name, interrupted)
    if by_hand:
        with pytest.raises(KeyboardInterrupt):
            rewiring.step()
    else:
        net.run(10 * ms)
        assert net.t < 5 * ms
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is handler
    assert rewiring.connections.steps_done == 4
    check_valid(s, rewiring, monitor)
    net.run(5 * ms)
    check_valid(s, rewiring, monitor)


def check_valid(s, rewiring, monitor):
    """All that is known of the wiring agrees."""
    c = rewiring.connections
    assert_array_equal(s.i[:], c.pre)
    assert_array_equal(s.j[:], c.post)
    assert_array_equal(s.polarity[:], c.polarity)
    assert len({*zip(s.i[:], s.j[:], strict=True)}) == len(c)
    assert_array_equal(s.N_outgoing_pre[:], np.bincount(s.i[:], minlength=c.num_pre))
    assert_array_equal(s.N_incoming_post[:], np.bincount(s.j[:], minlength=c.num_post))
    pre, post, _ = monitor.log.wiring()
    assert_array_equal(pre, c.pre)
    assert_array_equal(post, c.post)


def test_progress_is_reported(capsys):
    s = make()
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    network(s, rewiring).run(5 * ms, report="text")
    assert "100%" in capsys.readouterr().out


@pytest.mark.parametrize("magic", [True, False])
@pytest.mark.parametrize("early", [True, False])
def test_made_before_or_after_the_first_run(magic, early):
    def simulate():
        b2.start_scope()
        inputs = b2.SpikeGeneratorGroup(6, np.arange(60) % 6, np.arange(1, 61) * ms)
        neurons = b2.NeuronGroup(5, "v : 1", threshold="v > 3", reset="v = 0")
        s = b2.Synapses(inputs, neurons, MODEL, on_pre="v_post += 1", delay=2 * ms)
        connect_exactly(s, connections=12, seed=1)
        s.theta = np.linspace(0, 0.2, 12)
        net = b2.Network(inputs, neurons, s)
        rewiring = None
        if early:
            rewiring = Rewiring(s, RULE, seed=2, dt=1 * ms)
            rewiring.active = False
            net.add(rewiring)
        run = b2.run if magic else net.run
        run(10.5 * ms)
        if not early:
            rewiring = Rewiring(s, RULE, seed=2, dt=1 * ms)
            net.add(rewiring)
        rewiring.active = True
        run(40 * ms)
        return neurons.v[:].tolist(), rewiring.i.tolist(), rewiring.connections.steps_done

    v, i, steps = simulate()
    assert steps == 40
    assert (v, i) == REFERENCE.setdefault("it", (v, i)), "the same in all four ways"


REFERENCE: dict = {}


def test_events_every_second_are_no_matter_of_rounding():
    s = make()
    rewiring = Rewiring(s, RULE, dt=1 * second)
    assert rewiring.interval == 1 * second
    net = network(s, rewiring)
    net.run(50 * ms)
    assert rewiring._steps == 10000


def test_a_dt_that_was_changed_in_time_may_stay():
    inputs = b2.SpikeGeneratorGroup(10, range(10), [12] * 10 * ms)
    s = b2.Synapses(inputs, b2.NeuronGroup(8, "v : 1"), MODEL, on_pre="v_post += 1", delay=5 * ms)
    connect_exactly(s, connections=20)
    rewiring = Rewiring(s, RULE, dt=1 * ms)
    net = network(s, rewiring)
    net.run(5 * ms)
    b2.defaultclock.dt = 0.05 * ms
    net.run(8 * ms)
    assert sum(len(row) for row in s.pre.queue._full_state()[1]) > 0
    net.run(1 * ms)
    assert rewiring.connections.steps_done == 13
