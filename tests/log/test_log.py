"""The log: replay gives the connectivity, lives are complete, files are read back or refused."""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.log import file as _log_file
from synaptic_sampling.log import recorder as log_module
from synaptic_sampling.log.recorder import LogError, RewiringLog

RULE = DeepR(learning_rate=0.1, l1=0.3, temperature=0.1)


def record(log, num_steps, sets=1, snapshot_every=None):
    """Run some sets of connections without a gradient, and record them."""
    connections = [Connections.random(20, 15, 40, seed=3, index=n) for n in range(sets)]
    for c in connections:
        log.describe(c.index, num_pre=20, num_post=15, num_sites=c.num_sites, name=f"set {c.index}")
        log.snapshot(0, c.index, c.pre, c.post, c.theta, c.polarity)
    for n in range(1, num_steps + 1):
        for c in connections:
            log.record(step(c, np.zeros(40), RULE), seconds=0.1 * n, samples=10 * n)
            if snapshot_every and n % snapshot_every == 0:
                log.snapshot(n, c.index, c.pre, c.post, c.theta, c.polarity)
    return connections


def equal(one, two):
    return (
        one.sets == two.sets
        and (one.num_births, one.num_deaths) == (two.num_births, two.num_deaths)
        and np.array_equal(one.events, two.events)
        and one.times.tobytes() == two.times.tobytes()
        and all(
            a[:2] == b[:2]
            and all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a[2:], b[2:], strict=True))
            for a, b in zip(one.snapshots, two.snapshots, strict=True)
        )
    )


@pytest.mark.parametrize("snapshot_every", [None, 100])
def test_replay_gives_the_wiring(snapshot_every):
    log = RewiringLog()
    for c in record(log, 250, sets=3, snapshot_every=snapshot_every):
        pre, post, polarity = log.wiring(index=c.index)
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)
    assert log.num_births == log.num_deaths == np.count_nonzero(log.events["kind"] == 1) > 5000
    assert log.last_step == len(log.times) == 250


def test_replay_to_a_step_between():
    log, whole = RewiringLog(), RewiringLog()
    c = record(log, 70)[0]
    record(whole, 200)
    assert_array_equal(whole.wiring(70)[0], c.pre)
    assert_array_equal(whole.wiring(0)[0], whole.snapshots[0].pre)


def info(step, *events):
    rows = np.array([(step, i, j, slot, 0, kind, 1) for i, j, slot, kind in events], EVENT)
    return RewiringInfo(
        step, rows, int(np.count_nonzero(rows["kind"] == -1)), 0, int(np.count_nonzero(rows["kind"] == -2))
    )


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(5, 5, 0, -1)], "5 -> 5 is eliminated in slot 0, where it was not"),
        ([(0, 1, 1, -1)], "0 -> 1 is eliminated in slot 1"),
        ([(0, 1, 0, 1)], "0 -> 1 is formed in slot 0, which is not free"),
        ([(0, 1, 0, -1), (1, 2, 0, 1)], "1 -> 2 is formed in slot 0"),
        ([(0, 1, 0, -1), (3, 3, 1, 1)], "3 -> 3 is formed in slot 1"),
        ([(0, 1, 0, -1), (3, 3, -1, 1)], "3 -> 3 is formed in slot -1"),
        ([(0, 1, 0, -1), (0, 1, 0, -1)], "0 -> 1 is eliminated in slot 0"),
    ],
)
def test_contradictions_are_found(events, message):
    log = RewiringLog()
    log.snapshot(0, 0, [0, 1], [1, 2], [0.0, 0.0], [1, 1])
    log.record(info(1, *events))
    with pytest.raises(LogError, match=message):
        log.wiring()
    with pytest.raises(LogError, match=message):
        log.lives()


def test_lives_find_a_site_taken_twice():
    log = RewiringLog()
    log.snapshot(0, 0, [0, 1], [1, 2], [0.0, 0.0], [1, 1])
    log.record(info(1, (0, 1, 0, -1), (1, 2, 0, 1)))
    with pytest.raises(LogError, match="step 1: connection 1 -> 2 is formed in slot 0"):
        log.lives()
    log.record(info(2, (1, 2, 1, -1), (0, 1, 1, 1)))
    with pytest.raises(LogError, match="step 1: connection 1 -> 2 is formed in slot 0"):
        log.lives()


def test_without_a_snapshot_there_is_no_replay():
    with pytest.raises(LogError, match="no snapshot of set 0"):
        RewiringLog().wiring()


def test_steps_do_not_go_back():
    log = RewiringLog()
    log.record(info(2))
    with pytest.raises(ValueError, match="info has step 1, but step 2 was recorded"):
        log.record(info(1))


def test_events_carry_their_step():
    with pytest.raises(ValueError, match="all events in info must have its step 2"):
        RewiringLog().record(info(1, (0, 1, 0, -1))._replace(step=2))


def test_an_event_costs_24_bytes():
    log = RewiringLog()
    events = np.zeros(1000, EVENT)
    events["kind"] = 1
    for n in range(1, 501):
        events["step"] = n
        log.record(RewiringInfo(n, events, 0, 0))
    rows = log._events
    held = sum(block.nbytes for block in rows._blocks) + rows._open.nbytes
    assert held <= 24 * (500_000 + log_module.BLOCK)
    assert len(log.events) == len(rows) == 500_000
    assert_array_equal(rows.since(123_456)["step"], np.arange(123_456, 500_000) // 1000 + 1)
    assert len(rows.since(len(rows))) == 0


def test_log_travels_between_processes():
    log = RewiringLog()
    record(log, 30)
    assert equal(pickle.loads(pickle.dumps(log)), log)


def test_lives_equal_a_plain_account():
    log = RewiringLog()
    record(log, 120, sets=2)
    expected = []
    for n in (0, 1):
        start = log.snapshots[n]
        alive = {slot: (int(i), int(j), 0, True) for slot, (i, j) in enumerate(zip(start.pre, start.post, strict=True))}
        for event in log.events[log.events["set"] == n]:
            if event["kind"] < 0:
                i, j, birth, initial = alive.pop(int(event["slot"]))
                expected.append((n, i, j, birth, int(event["step"]), initial, True))
            else:
                alive[int(event["slot"])] = (int(event["pre"]), int(event["post"]), int(event["step"]), False)
        expected += [(n, i, j, birth, 120, initial, False) for i, j, birth, initial in alive.values()]
    columns = ("set", "pre", "post", "birth", "end", "initial", "dead")
    got = [tuple(life[name].item() for name in columns) for life in log.lives()]
    assert sorted(got) == sorted(expected)
    assert len(log.lives(1)) == sum(life[0] == 1 for life in expected)


def test_file_comes_back(tmp_path):
    log = RewiringLog()
    record(log, 50, sets=2, snapshot_every=20)
    log.save(tmp_path / "run.log")
    assert equal(RewiringLog.load(tmp_path / "run.log"), log)
    assert os.listdir(tmp_path) == ["run.log"]


def test_empty_log_comes_back(tmp_path):
    RewiringLog().save(tmp_path / "run.log")
    log = RewiringLog.load(tmp_path / "run.log")
    assert (len(log.events), len(log.lives()), log.last_step) == (0, 0, 0)


def test_recording_to_disk_equals_memory(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(log_module, "BLOCK", 64)
    with RewiringLog(tmp_path / "run.log") as log:
        record(log, 130, snapshot_every=50)
        log.flush()
        unfinished = RewiringLog.load(tmp_path / "run.log")
        assert "was not closed" in caplog.text
        assert equal(unfinished, log)
        log.record(info(131))
    caplog.clear()
    assert equal(RewiringLog.load(tmp_path / "run.log"), log)
    assert not caplog.records


WRITER = """
import sys
import numpy as np
from tests.log.test_log import record
from synaptic_sampling import log
log.BLOCK = 64
record(log.RewiringLog(sys.argv[1]), 100_000)  # more than are waited for, but not without end
"""


def test_killed_writer_loses_at_most_the_open_block(tmp_path):
    path = tmp_path / "run.log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", WRITER, path], env=environment) as writer:
        # More than one block, so that at least one was written completely, with its times.
        while not path.exists() or path.stat().st_size < 450_000:
            assert writer.poll() is None, "the writer failed, or did not write"
        writer.send_signal(signal.SIGKILL)
    log = RewiringLog.load(path)
    assert len(log.events) > 1000
    assert_is_beginning(log)


def assert_is_beginning(log):
    """All steps that are present are complete: connections, lives and counts are those of that moment."""
    whole = RewiringLog()
    (c,) = record(whole, log.last_step)
    assert log.events.tobytes() == whole.events.tobytes()
    assert log.times.tobytes() == whole.times.tobytes()
    assert (log.num_births, log.num_deaths) == (whole.num_births, whole.num_deaths)
    assert_array_equal(log.wiring()[0], c.pre)
    assert_array_equal(log.lives(), whole.lives())


def test_whatever_part_of_a_file_was_written_whole_steps_come_back(tmp_path, monkeypatch, rng):
    monkeypatch.setattr(log_module, "BLOCK", 64)
    log = RewiringLog(tmp_path / "run.log")
    record(log, 60)
    size = (tmp_path / "run.log").stat().st_size
    content = (tmp_path / "run.log").read_bytes()
    log.close()
    steps = set()
    for end in rng.integers(1500, size, 60):
        (tmp_path / "part.log").write_bytes(content[:end])
        part = RewiringLog.load(tmp_path / "part.log")
        steps.add(part.last_step)
        assert_is_beginning(part)
    assert len(steps) > 5
    whole_blocks = RewiringLog()
    record(whole_blocks, 60)
    (tmp_path / "part.log").write_bytes(content)
    lost = len(whole_blocks.events) - len(RewiringLog.load(tmp_path / "part.log").events)
    assert lost < 64 + 2 * 40


def test_damage_is_found(tmp_path, rng):
    path = tmp_path / "run.log"
    log = RewiringLog()
    log.annotate(seed=3)
    log.note_rule(1, 0, RULE)
    record(log, 20)
    log.save(path)
    good = path.read_bytes()
    for content in (b"", b"something else", good[5:], good.replace(b"log 2", b"log 1", 1)):
        path.write_bytes(content)
        with pytest.raises(LogError, match="is not a rewiring log"):
            RewiringLog.load(path)
    with pytest.raises(LogError, match="cannot be read"):
        RewiringLog.load(tmp_path / "missing.log")
    # Heads of frames are few: each of their bits is hit once besides.
    heads = [good.index(kind) + n for kind in _log_file.KINDS for n in range(20)]
    places = [*rng.integers(len(good), size=300), *heads]
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(LogError):
            RewiringLog.load(path)


def snapshot_frame(*about, size=0):
    text = json.dumps(about).encode()
    return _log_file.frame(b"SNAP", struct.pack("<I", len(text)) + text + bytes(size))


def event_frame(*, step=1, slot=0, kind=1, polarity=1):
    return _log_file.frame(b"EVNT", np.array([(step, 5, 5, slot, 0, kind, polarity)], EVENT).tobytes())


def time_frame(*steps):
    return _log_file.frame(b"TIME", np.array([(n, 0, 0) for n in steps], log_module.TIME).tobytes())


@pytest.mark.parametrize(
    "content",
    [
        _log_file.frame(b"SETS", b"[" * 200_000),
        _log_file.frame(b"SETS", b"\xff"),
        _log_file.frame(b"SETS", b"3"),
        _log_file.frame(b"SETS", b'[["a", 1, 1, 1, "x"]]'),
        _log_file.frame(b"SETS", b"[[0, 1]]"),
        _log_file.frame(b"SETS", b'[[0, 2, 2, 5, "more sites than pairs"]]'),
        _log_file.frame(b"SNAP", b""),
        _log_file.frame(b"SNAP", b"\xff" * 8),
        snapshot_frame("x", 0, 1, "<f8", size=17),
        snapshot_frame(0, 0, -1, "<f8", size=17),
        snapshot_frame(0, 0, 2, "<f8", size=17),
        snapshot_frame(0, 0, 1, "|O", size=17),
        snapshot_frame(0, 70_000, 1, "<f8", size=17),
        _log_file.frame(b"EVNT", b"123"),
        event_frame(),
        event_frame(kind=3) + time_frame(1),
        event_frame(polarity=0) + time_frame(1),
        event_frame(step=2) + event_frame(step=1) + time_frame(1, 2),
        time_frame(2, 1),
        time_frame(1, 1),
        _log_file.frame(b"EXEC", b"x"),
        _log_file.frame(b"END ", b""),
    ],
)
def test_hostile_files_are_refused(tmp_path, content):
    path = tmp_path / "run.log"
    body = content if content.startswith(b"END ") else content + _log_file.frame(b"END ", b"")
    path.write_bytes(_log_file.MAGIC + body + (b"and more" if body is content else b""))
    with pytest.raises(LogError, match="is damaged"):
        RewiringLog.load(path)


@pytest.mark.parametrize("slot", [-1, 2])
def test_a_slot_that_is_none_is_refused(slot):
    log = RewiringLog()
    log.snapshot(0, 0, [0, 1], [1, 2], [0.0, 0.0], [1, 1])
    log.record(info(1, (0, 1, slot, -1)))
    for look in (log.wiring, log.lives):
        with pytest.raises(LogError, match=f"0 -> 1 is eliminated in slot {slot}"):
            look()


def test_arrays_of_a_snapshot_must_fit():
    with pytest.raises(ValueError, match="equal length"):
        RewiringLog().snapshot(0, 0, [1, 2], [1], [0.0, 0.0], [1, 1])
