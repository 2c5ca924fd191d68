"""Logs of sets whose number of connections varies, where connections move between slots, or share a pair."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.log.recorder import LogError, RewiringLog


def info(step, *events):
    rows = np.array([(step, i, j, slot, 0, kind, 1) for i, j, slot, kind in events], EVENT)
    deaths, moves = (int(np.count_nonzero(rows["kind"] == kind)) for kind in (-1, -2))
    return RewiringInfo(step, rows, deaths, 0, moves)


def start(polarity=(1, 1), **about):
    log = RewiringLog()
    log.describe(0, num_pre=9, num_post=9, num_sites=81, **about)
    log.snapshot(0, 0, [0, 1], [1, 2], [0.0, 0.0], polarity)
    return log


def random_history(seed, potential):
    """Return a log and what it must lead to: the connections {slot: pair} and all lives (pair, birth, end or None)."""
    rng, log, held, dead = np.random.default_rng(seed), start(), {0: (0, 1), 1: (1, 2)}, []
    alive = {slot: (pair, 0) for slot, pair in held.items()}
    for step in range(1, 60):
        deaths = [slot for slot in sorted(held) if rng.random() < 0.3]
        events = [(*held[slot], slot, -1) for slot in deaths]
        for slot in deaths:
            dead.append((*alive.pop(slot), step))
            held.pop(slot)
        for _ in range(rng.integers(0, 3)):
            slot = next(n for n in range(100) if n not in held) if not potential else int(rng.integers(0, 50))
            pair = tuple(rng.integers(0, 9, 2).tolist())
            if slot not in held and pair not in held.values():
                held[slot], alive[slot] = pair, (pair, step)
                events.append((*pair, slot, 1))
        while not potential and held and max(held) >= len(held):
            old, new = max(held), next(n for n in range(100) if n not in held)
            events += [(*held[old], old, -2), (*held[old], new, 2)]
            held[new], alive[new] = held.pop(old), alive.pop(old)
        log.record(info(step, *events))
    return log, held, dead + [(pair, birth, None) for pair, birth in alive.values()]


@pytest.mark.parametrize("potential", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_replay_and_lives_follow_every_connection(seed, potential):
    log, held, lives = random_history(seed, potential)
    pre, post, polarity = log.wiring()
    assert list(zip(pre.tolist(), post.tolist(), strict=True)) == [held[slot] for slot in sorted(held)]
    assert (polarity == 1).all()
    found = [
        ((int(life["pre"]), int(life["post"])), int(life["birth"]), int(life["end"]) if life["dead"] else None)
        for life in log.lives()
    ]
    assert sorted(found, key=str) == sorted(lives, key=str)
    assert log.num_deaths == sum(end is not None for *_, end in lives)
    assert log.num_births == len(lives) - 2


@pytest.mark.parametrize("seed", range(3))
def test_moves_are_neither_formations_nor_eliminations_in_tables(seed):
    pytest.importorskip("pandas")
    log = random_history(seed, False)[0]
    assert (log.events["kind"] == -2).any()
    table = log.to_pandas()
    expected = [event for event in log.events.tolist() if event[5] in (1, -1)]
    names = {1: "formed", -1: "eliminated"}
    assert table.columns.tolist() == ["step", "set", "pre", "post", "kind"]
    assert table.to_numpy().tolist() == [[step, of, i, j, names[kind]] for step, i, j, _, of, kind, _ in expected]
    assert (table.kind == "eliminated").sum() == log.num_deaths
    assert (table.kind == "formed").sum() == log.num_births


@pytest.mark.parametrize("seed", range(3))
def test_moves_survive_the_disk(seed, tmp_path):
    log = random_history(seed, False)[0]
    log.save(tmp_path / "run.rewiring")
    again = RewiringLog.load(tmp_path / "run.rewiring")
    assert (again.num_births, again.num_deaths) == (log.num_births, log.num_deaths)
    assert_array_equal(again.lives(), log.lives())


def test_a_slot_may_begin_without_a_connection():
    log = start(polarity=(0, 1))
    log.record(info(1, (0, 1, 0, 1)))
    assert log.wiring(0)[0].tolist() == [1]
    assert log.wiring(1)[0].tolist() == [0, 1]
    assert log.lives()["initial"].tolist() == [True, False]


def test_two_connections_may_share_a_pair_where_they_are_said_to():
    for multapses in (True, False):
        log = start(multapses=multapses)
        log.record(info(1, (0, 1, 5, 1)))
        if multapses:
            assert log.wiring()[0].tolist() == [0, 1, 0]
            assert len(log.lives()) == 3
        else:
            for look in (log.wiring, log.lives):
                with pytest.raises(LogError, match="0 -> 1 is formed in slot 5, which is not free"):
                    look()


@pytest.mark.parametrize(
    "events",
    [
        [(0, 1, 0, -2)],
        [(0, 1, 0, -1), (0, 1, 4, 2)],
        [(0, 1, 0, -2), (1, 2, 4, 2)],
        [(0, 1, 0, -2), (0, 1, 1, 2)],
    ],
)
def test_half_a_move_is_refused(events):
    log = start()
    log.record(info(1, *events))
    with pytest.raises(LogError, match="step 1"):
        log.lives()
