"""Logs that stay on disk: the same answers as in memory, also while the writer writes, or a clear error."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.log import recorder as log_module
from synaptic_sampling.log.file import MAGIC, frame, scan
from synaptic_sampling.log.recorder import LogError, RewiringLog
from tests.log.test_log import RULE, equal, record
from tests.log.test_moves import random_history

#: Of all that can be asked of it.
GOLDEN = "cb44e6c67e7ecd541d661b188f6e797bad88572da910c0512bb36bbb7b346746"


def answers(log):
    """All that can be asked of a log, as bytes."""
    sets = sorted({index for _, index in log.snapshot_keys})
    parts = [
        log.events.tobytes(),
        log.times.tobytes(),
        json.dumps([log.metadata, log.num_births, log.num_deaths, log.first_step, log.last_step]).encode(),
        json.dumps([about[:6] for about in log.sets.values()]).encode(),
    ]
    for index in sets:
        steps = log.snapshot_steps(index)
        parts += [log.lives(index).tobytes(), steps.tobytes()]
        parts += [values.tobytes() for when in steps.tolist() for values in log.snapshot_at(when, index)[2:]]
        looks = np.linspace(steps[0], log.last_step, 5).astype(int)
        parts += [values.tobytes() for wiring in log.wirings(looks, index) for values in wiring]
        parts.append(log.fates(int(steps[-1]), index).tobytes())
        parts += [places.tobytes() for places in log.survivors(int(steps[0]), int(steps[-1]), index)]
    return b"|".join(parts)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(log_module, "BLOCK", 64)


def saved(path, num_steps=60, sets=2, snapshot_every=20):
    log = RewiringLog()
    log.annotate(rule=RULE, seed=3)
    record(log, num_steps, sets=sets, snapshot_every=snapshot_every)
    log.save(path)
    return log


def test_an_opened_log_answers_as_in_memory(tmp_path, small_blocks, caplog):
    log = saved(tmp_path / "run.log")
    opened = RewiringLog.open(tmp_path / "run.log")
    assert answers(opened) == answers(log)
    assert equal(opened, log)
    assert "run.log" not in caplog.text
    for after, until in ((-1, 0), (0, 1), (7, 7), (7, 8), (20, 41), (59, 60), (60, 70)):
        found = [
            np.concatenate([log.events[:0], *each.event_blocks(1, after=after, until=until)]) for each in (log, opened)
        ]
        events = log.events
        assert_array_equal(
            found[0], events[(events["set"] == 1) & (events["step"] > after) & (events["step"] <= until)]
        )
        assert_array_equal(found[1], found[0])
    assert sum(len(lives) for lives in opened.life_blocks()) == len(log.lives())
    key = ["set", "pre", "post", "birth", "end"]
    assert_array_equal(np.sort(np.concatenate(list(opened.life_blocks())), order=key), np.sort(log.lives(), order=key))


def test_an_opened_log_is_not_recorded_in(tmp_path):
    saved(tmp_path / "run.log")
    opened = RewiringLog.open(tmp_path / "run.log")
    c = Connections.random(20, 15, 40, seed=3)
    attempts = [
        lambda: opened.record(step(c, np.zeros(40), RULE)),
        lambda: opened.record_steps(opened.times[:0], opened.events[:0]),
        lambda: opened.describe(0, num_pre=1, num_post=1, num_sites=1),
        lambda: opened.annotate(seed=1),
        lambda: opened.snapshot(61, 0, [0], [0], [0.0], [1]),
    ]
    before = answers(opened)
    for attempt in attempts:
        with pytest.raises(LogError, match="opened for reading only; use RewiringLog"):
            attempt()
    assert answers(opened) == before
    loaded = RewiringLog.load(tmp_path / "run.log")
    loaded.annotate(seed=1)
    assert loaded.metadata["seed"] == 1


def test_reading_goes_on_while_the_writer_writes(tmp_path, small_blocks):
    """Each reader sees complete steps, as many as have reached the disk; the recording log itself sees all."""
    memory, looks = RewiringLog(), []
    with RewiringLog(tmp_path / "run.log") as log:
        c = Connections.random(20, 15, 40, seed=3)
        for each in (log, memory):
            each.describe(0, num_pre=20, num_post=15, num_sites=300, name="set 0")
            each.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
        for n in range(1, 101):
            info = step(c, np.zeros(40), RULE)
            for each in (log, memory):
                each.record(info, seconds=0.1 * n)
            if n % 10 == 0:
                opened = RewiringLog.open(tmp_path / "run.log")
                looks.append(opened.last_step)
                until = opened.last_step
                assert_array_equal(opened.events, memory.events[memory.events["step"] <= until])
                if until:
                    for one, other in zip(opened.wiring(), memory.wiring(until), strict=True):
                        assert_array_equal(one, other)
                assert_array_equal(log.lives(), memory.lives())
                assert log._events.num_in_memory <= 64 + 2 * 40
    assert looks == sorted(looks)
    assert looks[-1] > 80
    assert answers(log) == answers(memory)
    assert answers(RewiringLog.open(tmp_path / "run.log")) == answers(memory)


def test_recording_goes_on_in_memory_after_close(tmp_path):
    c = Connections.random(20, 15, 40, seed=3)
    log = RewiringLog(tmp_path / "run.log")
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(40):
        log.record(step(c, np.zeros(40), RULE))
        if n == 19:
            log.close()
    assert_array_equal(log.wiring()[0], c.pre)
    assert RewiringLog.load(tmp_path / "run.log").last_step == 20
    log.save(tmp_path / "all.log")
    assert answers(RewiringLog.open(tmp_path / "all.log")) == answers(log)


@pytest.mark.parametrize("closed", [True, False])
def test_no_flipped_bit_gives_a_wrong_answer(tmp_path, small_blocks, rng, closed):
    """Every bit of some heads, and 200 bits anywhere, in a log that was closed and in one whose writer was killed."""
    path = tmp_path / "run.log"
    log = RewiringLog(path)
    log.annotate(seed=3)
    record(log, 25, sets=2, snapshot_every=10)
    log.flush()
    if closed:
        log.close()
    good = path.read_bytes()
    log.close()
    path.write_bytes(good)
    frames, was_closed = scan(path)
    assert was_closed == closed
    expected = answers(RewiringLog.open(path))
    heads = [at.place - 20 + n for at in (frames[0], frames[-1]) for n in range(20)]
    heads += [len(good) - n for n in range(1, 21)]
    places = [(place, bit) for place in heads for bit in range(8)]
    places += [(int(rng.integers(len(good))), int(rng.integers(8))) for _ in range(200)]
    for place, bit in places:
        bad = bytearray(good)
        bad[place] ^= 1 << bit
        path.write_bytes(bad)
        with pytest.raises(LogError):
            assert answers(RewiringLog.open(path)) != expected
    path.write_bytes(good)
    assert answers(RewiringLog.open(path)) == expected


def test_any_bytes_cut_off_or_put_in_leave_whole_steps_or_an_error(tmp_path, small_blocks, rng):
    whole = saved(tmp_path / "whole.log", sets=1, snapshot_every=None)
    good, path = (tmp_path / "whole.log").read_bytes(), tmp_path / "run.log"
    for _ in range(150):
        begin, end = np.sort(rng.integers(0, len(good) + 1, 2)).tolist()
        kind = int(rng.integers(3))
        path.write_bytes([good[:begin], good[:begin] + good[end:], good[:begin] + rng.bytes(8) + good[begin:]][kind])
        try:
            log = RewiringLog.open(path)
            events, times = log.events, log.times
            if log.snapshot_keys:
                log.lives()
        except LogError:
            continue
        assert kind == 0 or begin == end or len(times) == 0 or path.read_bytes() == good
        until = log.last_step
        assert_array_equal(times["step"], np.arange(1, len(times) + 1))
        assert_array_equal(events, whole.events[whole.events["step"] <= until])


def test_a_block_that_lies_about_its_first_step_is_found_out(tmp_path, small_blocks):
    """To find a step, blocks are asked for their first step: none is passed over because of a damaged one."""
    path = tmp_path / "run.log"
    log = saved(path, sets=1, snapshot_every=None)
    good = path.read_bytes()
    blocks = [at for at in scan(path)[0] if at.kind == b"EVNT"]
    for at in blocks:
        for lie in (0, 30, 10**9):
            if lie == at.first_step:
                continue
            bad = bytearray(good)
            bad[at.place : at.place + 8] = int(lie).to_bytes(8, "little")
            path.write_bytes(bad)
            opened = RewiringLog.open(path)
            for when in range(0, 61, 12):
                try:
                    found = opened.wiring(when)
                except LogError:
                    continue
                for one, other in zip(found, log.wiring(when), strict=True):
                    assert_array_equal(one, other)
            with pytest.raises(LogError, match="is damaged"):
                opened.lives()


def test_a_file_that_is_taken_away_is_missed(tmp_path):
    log = saved(tmp_path / "run.log")
    opened = RewiringLog.open(tmp_path / "run.log")
    again = pickle.loads(pickle.dumps(opened))
    assert answers(again) == answers(log)
    (tmp_path / "run.log").unlink()
    for look in (lambda: opened.events, opened.wiring, lambda: opened.snapshots[0]):
        with pytest.raises(LogError, match="cannot be read"):
            look()


@pytest.mark.parametrize("seed", range(5))
def test_moves_are_followed_on_disk(tmp_path, small_blocks, seed):
    log = random_history(seed, False)[0]
    log.save(tmp_path / "run.log")
    opened = RewiringLog.open(tmp_path / "run.log")
    assert answers(opened) == answers(log)


def test_metadata_come_back(tmp_path):
    log = RewiringLog(tmp_path / "run.log")
    log.annotate(
        rule=DeepR(learning_rate=0.1, l1=0.2, temperature=0.3), seed=1, sizes=np.arange(3), share=np.float32(0.5)
    )
    log.annotate(seed=2, note={"who": None, 3: (True, "x")}, other=object)
    log.close()
    got = RewiringLog.open(tmp_path / "run.log").metadata
    assert got == log.metadata
    assert (got["rule"]["class"], got["rule"]["learning_rate"], got["rule"]["temperature"]) == ("DeepR", 0.1, 0.3)
    assert (got["seed"], got["sizes"], got["share"]) == (2, [0, 1, 2], 0.5)
    assert got["note"] == {"who": None, "3": [True, "x"]}
    assert got["other"] == "<class 'object'>"
    assert got["versions"]["numpy"] == np.__version__
    assert "synaptic_sampling" in got["versions"]


def test_many_steps_are_recorded_at_once():
    log, again = RewiringLog(), RewiringLog()
    record(log, 30)
    again.snapshot(*log.snapshots[0])
    for begin in (0, 10, 11):
        times = log.times[begin : [10, 11, 30][[0, 10, 11].index(begin)]]
        inside = np.isin(log.events["step"], times["step"])
        again.record_steps(times, log.events[inside])
    assert_array_equal(again.lives(), log.lives())
    assert (again.num_births, again.num_deaths) == (log.num_births, log.num_deaths)
    times, events = log.times.copy(), log.events.copy()
    times["step"] += 30
    events["step"] += 30
    with pytest.raises(ValueError, match="times must contain ascending steps after the last recorded one"):
        again.record_steps(times[::-1], events)
    with pytest.raises(ValueError, match="times must contain ascending steps after the last recorded one"):
        again.record_steps(log.times, log.events)
    with pytest.raises(ValueError, match="its steps decrease"):
        again.record_steps(times, events[::-1])
    with pytest.raises(ValueError, match="belongs to no step"):
        again.record_steps(times[:-1], events)
    assert again.last_step == 30


def test_a_missing_snapshot_is_named(tmp_path):
    log = saved(tmp_path / "run.log")
    with pytest.raises(
        LogError, match=r"no snapshot of set 1 after step 21; it has some after the steps \[0, 20, 40, 60\]"
    ):
        log.snapshot_at(21, 1)
    with pytest.raises(ValueError, match="steps must be in ascending order, got 3 after 5"):
        list(log.wirings([5, 3]))


def test_a_snapshot_that_does_not_follow_is_found():
    log = RewiringLog()
    (c,) = record(log, 10)
    log.snapshot(10, 0, c.pre[:-1], c.post[:-1], c.theta[:-1], c.polarity[:-1])
    with pytest.raises(LogError, match="at step 10 does not follow from the events"):
        log.survivors(0, 10)


def test_a_log_is_not_saved_over_the_file_it_is_in(tmp_path):
    saved(tmp_path / "run.log")
    opened, before = RewiringLog.open(tmp_path / "run.log"), (tmp_path / "run.log").read_bytes()
    (tmp_path / "link.log").symlink_to(tmp_path / "run.log")
    for name in ("run.log", "link.log"):
        with pytest.raises(ValueError, match="already contains the events of this log; pass another path"):
            opened.save(tmp_path / name)
    assert (tmp_path / "run.log").read_bytes() == before
    opened.save(tmp_path / "copy.log")
    assert answers(RewiringLog.load(tmp_path / "copy.log")) == answers(opened)
    RewiringLog.load(tmp_path / "run.log").save(tmp_path / "run.log")  # In memory, it does not depend on the file.


def test_files_of_format_2_stay_readable():
    """A file that is kept: two sets, moves, a shared pair, metadata, 20 steps."""
    log = RewiringLog.open(Path(__file__).parent / "format_2.rewiring")
    assert hashlib.sha256(answers(log)).hexdigest() == GOLDEN
    assert (log.num_births, log.num_deaths, log.last_step) == (9, 6, 20)
    assert log.metadata["note"] == "kept"
    assert [about[:6] for about in log.sets.values()] == [(0, 9, 9, 81, "", False), (1, 5, 5, 100, "twice", True)]
    assert all(about.signed and about.has_theta for about in log.sets.values())
    assert log.rules_of(0) == []


def test_an_empty_file_of_ours_is_an_empty_log(tmp_path):
    (tmp_path / "run.log").write_bytes(MAGIC + frame(b"END ", b""))
    log = RewiringLog.open(tmp_path / "run.log")
    assert (len(log.events), len(log.times), log.num_births, log.last_step) == (0, 0, 0, 0)
