"""Spike queues edited where something has changed, beside queues that Brian2 builds anew."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import second
from numpy.testing import assert_array_equal

from synaptic_sampling.brian.internals import queues

NUM_PRE, NUM_POST, SLOTS, DT = 7, 5, 40, 1e-4
edited = pytest.mark.parametrize("target", ["edited"], indirect=True)


def make(rng, delay=None):
    groups = [b2.NeuronGroup(number, "v : 1", threshold="v > 1") for number in (NUM_PRE + 2, NUM_POST)]
    synapses = b2.Synapses(groups[0][2:], groups[1], on_pre="v_post += 1", on_post="v_pre += 1", delay=delay)
    synapses.connect(i=rng.integers(NUM_PRE, size=SLOTS), j=rng.integers(NUM_POST, size=SLOTS))
    if delay is None:
        synapses.pre.delay = rng.integers(4, size=SLOTS) * DT * second
        synapses.post.delay = 2 * DT * second
    queues.watch(synapses)
    net = b2.Network(*groups, synapses)
    net.run(0 * second)
    return synapses, net


def delivered(queue, first, number):
    """Return what a queue holds after every neuron has fired, in its order, from now on; leave it as it was."""
    before = queue._full_state()
    queue.push(np.arange(first, first + number, dtype=np.int32))
    offset, rows = queue._full_state()
    queue._restore_from_full_state(before)
    return [row for row in rows[offset:] + rows[:offset]]


def check(synapses, number):
    """Compare the queues with others that Brian2 has built from the same synapses."""
    for pathway in synapses._pathways:
        start, stop = pathway.queue._state_tuple[:2]
        fresh = queues.SpikeQueue(start, stop)
        delay = pathway._delays.get_value()
        delay = delay if pathway._delays.scalar else delay[:number]
        fresh.prepare(delay, DT, pathway.synapse_sources.get_value()[:number])
        ours, theirs = (delivered(queue, start, stop - start) for queue in (pathway.queue, fresh))
        assert ours[: len(theirs)] == theirs
        assert not any(ours[len(theirs) :])


def change(synapses, rng, slots, delays=True):
    v = synapses.variables
    v["_synaptic_pre"].get_value()[slots] = rng.integers(NUM_PRE, size=len(slots)) + 2
    v["_synaptic_post"].get_value()[slots] = rng.integers(NUM_POST, size=len(slots))
    if delays:
        for pathway in synapses._pathways:
            pathway._delays.get_value()[slots] = rng.integers(60, size=len(slots)) * DT


def never_anew(monkeypatch):
    def fail(*_):
        raise AssertionError("the queue was built anew")

    monkeypatch.setattr(queues, "_prepare", fail)


@edited
@pytest.mark.parametrize("seed", range(20))
def test_an_edited_queue_equals_one_built_anew(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    one_delay = seed % 3 == 0
    synapses, _ = make(rng, delay=3 * DT * second if one_delay else None)
    never_anew(monkeypatch)
    number = SLOTS
    for _ in range(15):
        slots = np.sort(rng.permutation(SLOTS)[: rng.integers(SLOTS)]).astype(np.int32)
        now = int(rng.integers(1, SLOTS + 1)) if rng.random() < 0.5 else number
        slots = np.union1d(slots, np.arange(min(number, now), max(number, now))).astype(np.int32)
        before = queues.owners(synapses, slots)
        change(synapses, rng, slots, delays=not one_delay)
        queues.use_first(synapses, now)
        queues.follow(synapses, slots, before)
        number = now
        check(synapses, number)


@edited
def test_spikes_on_their_way_are_redirected_as_without_the_editor(monkeypatch, rng):
    states = []
    for patch in (False, True):
        if patch:
            monkeypatch.setattr(queues, "_editor", lambda: None)
        synapses, _ = make(np.random.default_rng(5))
        for pathway in synapses._pathways:
            start, stop = pathway.queue._state_tuple[:2]
            pathway.queue.push(np.arange(start, stop, dtype=np.int32))
        old = np.array([31, 2, 17, 5, 39], np.int32)
        queues.redirect(synapses, old, np.array([-1, 6, -1, 31, 2]))
        states.append([pathway.queue._full_state() for pathway in synapses._pathways])
    assert states[0] == states[1]
    through = [slot for _, rows in states[0] for row in rows for slot in row]
    assert 17 not in through
    assert through.count(31) == 2, "once in each pathway, and not through the slot that was dropped"


@edited
def test_a_queue_that_is_not_as_noted_is_built_anew(rng):
    synapses, _ = make(rng)
    slots = np.array([3], np.int32)
    before = queues.owners(synapses, slots)
    change(synapses, rng, slots)
    queues.follow(synapses, slots, [(before[0] - 1) % NUM_PRE + 2, (before[1] + 1) % NUM_POST])
    check(synapses, SLOTS)


@edited
def test_before_the_first_run_a_queue_is_built_anew(rng):
    synapses, _ = make(rng)
    other = b2.Synapses(synapses.source, synapses.target, on_pre="v_post += 1")
    other.connect(i=[0, 1], j=[1, 2])
    slots = np.array([0], np.int32)
    before = queues.owners(other, slots)
    queues.follow(other, slots, before)
    assert_array_equal(np.concatenate(delivered(other.pre.queue, 2, NUM_PRE)), [0, 1])


def test_the_editor_belongs_to_compiled_code(target):
    assert queues._editor() is None
    b2.prefs.codegen.target = "cython"
    assert queues._editor() is not None


@edited
def test_a_queue_of_a_strange_layout_is_noticed(rng):
    editor, queue = queues._editor(), queues.SpikeQueue(3, 8)
    assert editor.serves(queues._handle(queue), 3, 8)
    assert not editor.serves(queues._handle(queue), 3, 9)
    assert not editor.serves(queues._handle(queue), 2, 8)
