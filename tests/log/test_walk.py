"""Connections are followed through events that come in any pieces; what is impossible is named."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling.events import EVENT
from synaptic_sampling.log.file import LogError
from synaptic_sampling.log.replay import Walk
from synaptic_sampling.log.snapshots import Snapshot


def snapshot(pairs, step=0):
    pre, post = (np.array(ends, np.int32) for ends in zip(*pairs, strict=True))
    return Snapshot(step, 7, pre, post, np.zeros(len(pairs)), np.ones(len(pairs), np.int8))


def test_events_in_any_pieces_give_the_same(rng):
    """However the events are cut, and though slots and table grow on the way."""
    rows, held, alive = [], {0: (0, 1)}, 1
    for step in range(1, 400):
        if rng.random() < 0.6:
            pair, slot = divmod(int(rng.integers(0, 10**6)), 1000), max(held, default=-1) + 1
            if pair not in held.values():
                held[slot] = pair
                rows.append((step, *pair, slot, 7, 1, 1))
        elif held:
            slot = list(held)[int(rng.integers(len(held)))]
            rows.append((step, *held.pop(slot), slot, 7, -1, 1))
    events = np.array(rows, EVENT)
    whole = Walk(snapshot([(0, 1)]))
    expected, order = whole.feed(events)
    for _ in range(10):
        walk = Walk(snapshot([(0, 1)]))
        cuts = np.sort(rng.integers(0, len(events) + 1, 20))
        parts = [walk.feed(part) for part in np.split(events, cuts)]
        assert_array_equal(np.concatenate([lives for lives, _ in parts]), expected)
        assert_array_equal(np.concatenate([numbers for _, numbers in parts]), order)
        for one, other in zip(walk.wiring(), whole.wiring(), strict=True):
            assert_array_equal(one, other)
    assert list(zip(*(ends.tolist() for ends in whole.wiring()[:2]), strict=True)) == [held[n] for n in sorted(held)]
    assert (expected["set"] == 7).all()
    assert (whole.alive(400)[0]["end"] == 400).all()
    assert alive


def test_a_pair_twice_in_a_snapshot_is_refused():
    with pytest.raises(LogError, match="step 3: connection 4 -> 5 occurs twice in the snapshot"):
        Walk(snapshot([(0, 1), (4, 5), (4, 5)], 3))
    assert len(Walk(snapshot([(4, 5), (4, 5)]), multapses=True).wiring()[0]) == 2


def test_a_connection_that_arrives_nowhere_is_missed():
    walk = Walk(snapshot([(0, 1), (4, 5)]))
    walk.feed(np.array([(2, 0, 1, 0, 7, -2, 1)], EVENT))
    for look in (walk.wiring, lambda: walk.alive(3)):
        with pytest.raises(
            LogError, match="step 2: the connection in slot 0 leaves it, but does not arrive in another one"
        ):
            look()


def test_a_move_ends_in_the_step_in_which_it_began():
    walk = Walk(snapshot([(0, 1), (4, 5)]))
    with pytest.raises(LogError, match="step 3: connection 0 -> 1 is formed in slot 2, which is not free"):
        walk.feed(np.array([(2, 0, 1, 0, 7, -2, 1), (3, 0, 1, 2, 7, 2, 1)], EVENT))
