"""The kernel that follows connections equals its reference implementation, event by event, possible or not."""

from __future__ import annotations

import numpy as np
import pytest

from synaptic_sampling._kernels import replay as kernel
from synaptic_sampling._kernels.vacancy import EMPTY
from synaptic_sampling.events import EVENT
from synaptic_sampling.log.replay import LIFE


class Reference:
    """Reference implementation of the kernel, with dicts."""

    def __init__(self, pairs, slots, distinct):
        self.slots, self.distinct = slots, distinct
        self.held = {slot: [*row, 0, True, n] for n, (slot, row) in enumerate(sorted(pairs.items()))}
        self.number, self.left, self.ended = len(pairs), None, []

    def possible(self, step, i, j, slot, kind, sign):
        if not 0 <= slot < self.slots or (self.left is not None) != (kind == 2):
            return False
        if kind < 0:
            if slot not in self.held or tuple(self.held[slot][:3]) != (i, j, sign):
                return False
            if kind == -2:
                self.left = slot, step
            else:
                *row, number = self.held.pop(slot)
                self.ended.append((*row, step, number))
            return True
        if slot in self.held:
            return False
        if kind == 2:
            left, when = self.left
            if when != step or tuple(self.held[left][:3]) != (i, j, sign):
                return False
            self.held[slot] = self.held.pop(left)
            self.left = None
            return True
        if i < 0 or j < 0 or (self.distinct and any((i, j) == tuple(row[:2]) for row in self.held.values())):
            return False
        self.held[slot] = [i, j, sign, step, False, self.number]
        self.number += 1
        return True


def random_events(rng, reference, number):
    """Events that are mostly possible, and often enough not."""
    rows, step = [], 1
    while len(rows) < number:
        step += int(rng.integers(0, 2))
        slot = (
            int(rng.integers(-1, reference.slots + 1)) if rng.random() < 0.02 else int(rng.integers(0, reference.slots))
        )
        there = reference.held.get(slot)
        if there is None or rng.random() < 0.01:
            i, j = rng.integers(-1 if rng.random() < 0.02 else 0, 4, 2).tolist()
            batch = [(step, i, j, slot, 0, 1, int(rng.choice([-1, 1])))]
        elif rng.random() < 0.5:
            batch = [(step, *there[:2], slot, 0, -1, there[2])]
        else:
            to = int(rng.integers(0, reference.slots))
            batch = [(step, *there[:2], slot, 0, -2, there[2]), (step, *there[:2], to, 0, 2, there[2])]
            if rng.random() < 0.05:
                batch = batch[: int(rng.integers(1, 3))][::-1]
        for row in batch:
            rows.append(row)
            if not reference.possible(*row[:4], *row[5:]):
                return rows, len(rows) - 1
    return rows, -1


@pytest.mark.parametrize("distinct", [True, False])
def test_kernel_equals_twin(rng, distinct):
    verdicts = []
    for _ in range(150):
        slots = int(rng.integers(0, 12))
        pairs = {}
        for slot in range(slots):
            pair = tuple(rng.integers(0, 4, 2).tolist())
            if rng.random() < 0.5 and not (distinct and any(pair == row[:2] for row in pairs.values())):
                pairs[slot] = (*pair, int(rng.choice([-1, 1])))
        reference = Reference(pairs, slots, distinct)
        rows, wrong = random_events(rng, reference, int(rng.integers(0, 60)) if slots else 0)
        events = np.array(rows, EVENT)
        held, number = np.zeros(slots, LIFE), np.zeros(slots, np.int64)
        for n, (slot, row) in enumerate(sorted(pairs.items())):
            held[slot] = (*row[:2], 0, row[2], True, False, 0, 0)
            number[slot] = n
        table, counters = np.full(64, EMPTY), np.zeros(kernel.NUM_COUNTERS, np.int64)
        if distinct:
            for row in pairs.values():
                kernel.insert(table, row[0] << 32 | row[1])
        counters[kernel.NEXT], counters[kernel.LEFT] = len(pairs), -1
        ended, numbers = np.zeros(len(events), LIFE), np.zeros(len(events), np.int64)
        got = kernel.follow(events, table, distinct, counters, held, number, ended, numbers)
        verdicts.append(wrong >= 0)
        assert got == wrong
        assert counters[kernel.NEXT] == reference.number
        assert counters[kernel.LEFT] == (-1 if reference.left is None else reference.left[0])
        fields = ["pre", "post", "polarity", "birth", "initial"]
        found = [(*life[fields].tolist(), int(n)) for life, n in zip(held, number, strict=True) if life["polarity"]]
        assert found == [tuple(row) for _, row in sorted(reference.held.items())]
        done = counters[kernel.ENDED]
        assert [
            (*life[[*fields, "end"]].tolist(), int(n)) for life, n in zip(ended[:done], numbers, strict=False)
        ] == reference.ended
        assert ended["dead"][:done].all()
        occupied = {row[0] << 32 | row[1] for row in reference.held.values()} if distinct else set()
        assert set(table[table != EMPTY].tolist()) == occupied
    assert 15 < sum(verdicts) < 135


def verdict(events, steps, limits):
    """What the check finds, row by row; ``limits`` are the neurons of each set, or None."""
    last = -1
    for row in events.tolist():
        if row[0] < last:
            return kernel.GOES_BACK
        last = row[0]
        if not len(steps) or row[0] > steps[-1]:
            return kernel.FINE
        if row[0] not in steps:
            return kernel.NO_STEP
        if row[5] not in (-2, -1, 1, 2) or row[6] not in (-1, 1):
            return kernel.NO_EVENT
        if min(row[1:4]) < 0:
            return kernel.NEGATIVE
        if limits and row[4] not in limits:
            return kernel.NO_SET
        if limits and (row[1] >= limits[row[4]][0] or row[2] >= limits[row[4]][1]):
            return kernel.BEYOND
    return kernel.FINE


def test_rows_are_checked_as_by_the_twin(rng):
    found = []
    for _ in range(500):
        steps = np.unique(rng.integers(0, 40, int(rng.integers(0, 60))))
        events = np.zeros(int(rng.integers(0, 20)), EVENT)
        known = steps if len(steps) and rng.random() < 0.9 else np.arange(50)
        events["step"] = np.sort(rng.choice(known, len(events)))
        for name in ("pre", "post", "slot"):
            events[name] = rng.integers(0, 9, len(events))
        events["kind"], events["polarity"] = rng.choice([-2, -1, 1, 2], len(events)), rng.choice([-1, 1], len(events))
        if len(events) and rng.random() < 0.6:
            name = ["step", "pre", "post", "slot", "kind", "polarity"][int(rng.integers(6))]
            events[name][int(rng.integers(len(events)))] = int(rng.integers(-3, 4))
        limits = [None, {0: (9, 9), 2: (12, 9)}, {0: (7, 9), 2: (9, 7)}][int(rng.integers(3))]
        events["set"] = rng.choice([0, 2], len(events)) if rng.random() < 0.8 else rng.integers(0, 5, len(events))
        table = np.array([limits.get(n, (0, 0)) for n in range(3)] if limits else [], np.int64).reshape(-1, 2)
        expected = verdict(events, steps.tolist(), limits)
        begin = np.searchsorted(steps, events["step"][0]) if len(events) else 0
        assert kernel.check_rows(events, steps, begin, table) == expected
        found.append(expected)
    assert set(found) == set(range(7))


def test_sites_are_met_once(rng):
    for number in (0, 1, 50):
        sites = rng.integers(0, 20, number)
        table, new = np.full(128, EMPTY), np.empty(number, np.bool_)
        kernel.meet_each(table, sites, new)
        assert new.tolist() == [site not in sites[:n].tolist() for n, site in enumerate(sites.tolist())]
