"""Logs are opened with consent, go on from a step, and what does not fit is refused before anything changes."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from synaptic_sampling import Connections, DeepR, RewiringMonitor, Trainer, step
from synaptic_sampling.log import recorder as log_module
from synaptic_sampling.log.file import MAGIC, frame
from synaptic_sampling.log.merging import join_logs, merge_logs
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.rate import RateNetwork, SparseLinear
from tests.log.test_log import RULE, equal, event_frame, record, snapshot_frame, time_frame


def recorded(log, until, done=0):
    """Record two sets up to a step, after having done some steps that are not recorded."""
    sets = [Connections.random(20, 15, 40, seed=3, index=n) for n in range(2)]
    for c in sets if not log.snapshots else ():
        log.describe(c.index, num_pre=20, num_post=15, num_sites=c.num_sites)
    for n in range(until + 1):
        for c in sets if n else ():
            info = step(c, np.zeros(40), RULE)
            if n > done:
                log.record(info, samples=n)
        if (n == done and not log.snapshots) or (n > done and n % 10 == 0):
            for c in sets:
                log.snapshot(n, c.index, c.pre, c.post, c.theta, c.polarity)
    return sets


@pytest.fixture(params=[5, 64, 16384])
def block(request, monkeypatch):
    monkeypatch.setattr(log_module, "BLOCK", request.param)


@pytest.fixture
def whole():
    log = RewiringLog()
    recorded(log, 60)
    return log


def test_an_existing_file_needs_consent(tmp_path):
    path = tmp_path / "run.log"
    for content in (None, b"", MAGIC[:5], MAGIC, MAGIC + frame(b"END ", b"")):  # In these there is nothing to lose.
        if content is not None:
            path.write_bytes(content)
        RewiringLog(path).close()
    with RewiringLog(path) as log:
        recorded(log, 20)
    before = path.read_bytes()
    for open_it in (RewiringLog, lambda path: Trainer(net(), log=path), lambda path: join_logs([log], path)):
        with pytest.raises(FileExistsError, match="already exists; continue the log with mode='a', replace it with"):
            open_it(path)
    path.with_name("other").write_bytes(b"not a log")
    with pytest.raises(FileExistsError):
        RewiringLog(path.with_name("other"))
    with pytest.raises(LogError, match="is not a rewiring log"):
        RewiringLog(path.with_name("other"), mode="a")
    assert path.with_name("other").read_bytes() == b"not a log"
    assert path.read_bytes() == before
    RewiringLog(path, mode="w").close()
    assert len(RewiringLog.open(path).times) == 0


def net():
    return RateNetwork([SparseLinear(4, 3, connections=5)], DeepR(0.1, 1e-3, 1e-5), seed=1)


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("until", [0, 1, 9, 10, 33, 60])
def test_a_log_goes_on_from_any_step_to_the_same_bits(tmp_path, block, whole, until, closed):
    path = tmp_path / "run.log"
    log = RewiringLog(path)
    recorded(log, 60)
    log.flush()
    if closed:
        log.close()
    else:
        log._writer.abandon()
        with path.open("ab") as file:
            file.write(frame(b"EVNT", b"torn")[:-2])
    again = RewiringLog(path, mode="a", step=until)
    assert again.last_step == until
    recorded(again, 60, done=until)
    assert equal(again, whole)
    again.close()
    assert equal(RewiringLog.load(path), whole)
    assert os.listdir(tmp_path) == ["run.log"]
    memory = RewiringLog.load(path)
    memory.continue_from(until)
    recorded(memory, 60, done=until)
    assert equal(memory, whole)


def test_whatever_part_of_a_file_was_written_it_goes_on(tmp_path, block, whole, rng):
    log = RewiringLog(tmp_path / "run.log")
    recorded(log, 60)
    log.close()
    content = (tmp_path / "run.log").read_bytes()
    path = tmp_path / "part.log"
    for end in rng.integers(0, len(content) + 1, 25):
        path.write_bytes(content[:end])
        part = RewiringLog(path, mode="a")
        done = part.last_step - (part.last_step % 10 == 0)  # Before the snapshots, of which some may be missing.
        if done < 1:
            part.close()
            continue
        part.continue_from(done)
        recorded(part, 60, done=done)
        part.close()
        assert equal(RewiringLog.load(path), whole)


def test_gaps_and_other_runs_are_refused(tmp_path, whole):
    path = tmp_path / "run.log"
    with RewiringLog(path) as log:
        sets = recorded(log, 30)
    before = path.read_bytes()
    with pytest.raises(LogError, match="step 31 cannot be continued from: the log contains steps 0 to 30"):
        RewiringLog(path, mode="a", step=31)
    with pytest.raises(LogError, match="the log is empty, so the steps up to 7 are missing"):
        RewiringLog(tmp_path / "missing.log", mode="a", step=7)
    wired = {c.index: (c.pre, c.post, c.polarity) for c in sets}
    assert path.read_bytes()[: len(before) - 20] == before[:-20]
    with RewiringLog(path, mode="a") as log:
        log.check_goes_on(30, wired)
        with pytest.raises(LogError, match="ends with step 30, but the run to be recorded is at step 29"):
            log.check_goes_on(29, wired)
        with pytest.raises(
            LogError, match="set 0 differ from those of the log after step 29: the log belongs to another run"
        ):
            log.continue_from(29, wired)
        assert log.last_step == 30
        log.continue_from(30, wired)
    for mode, more, message in (("r", {}, "mode must be"), ("x", {"step": 3}, "step requires a log that is continued")):
        with pytest.raises(ValueError, match=message):
            RewiringLog(path, mode=mode, **more)


def test_parts_that_overlap_are_joined(tmp_path, whole):
    """A run that was killed at 37 and at 44, and went on from 25, from 20, and from 40."""
    parts = []
    for begin, end in ((0, 37), (25, 37), (20, 44), (40, 60)):
        parts.append(RewiringLog())
        recorded(parts[-1], end, done=begin)
    assert equal(join_logs(parts), whole)
    with join_logs(parts, tmp_path / "all.log") as joined:
        assert equal(joined, whole)
    with pytest.raises(ValueError, match="starts at step 40, but the previous one ends at 37: the steps between"):
        join_logs([parts[0], parts[3]])
    with pytest.raises(ValueError, match="starts at step 20, before the first one"):
        join_logs(parts[1:])


OTHER = "import sys; from synaptic_sampling.log import RewiringLog; RewiringLog(sys.argv[1], mode=sys.argv[2])"


def test_two_processes_do_not_write_one_log(tmp_path):
    path = tmp_path / "run.log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    log = RewiringLog(path)
    recorded(log, 10)
    for mode in "aw":
        done = subprocess.run(
            [sys.executable, "-c", OTHER, path, mode], env=environment, capture_output=True, text=True, check=False
        )
        assert "another log or process is recording to" in done.stderr
    log.close()
    assert RewiringLog.open(path).last_step == 10


def test_a_log_that_is_opened_again_leaves_the_file_to_the_new_one(tmp_path, caplog):
    log = RewiringLog(tmp_path / "run.log")
    recorded(log, 10)
    with RewiringLog(tmp_path / "run.log", mode="a") as again:
        assert "was closed; further steps of it stay in memory" in caplog.text
        assert not log.is_in_file
        assert equal(again, log)


def test_the_end_of_the_process_ends_the_file(tmp_path):
    code = (
        "import sys; from tests.log.test_log import record, RewiringLog; log = RewiringLog(sys.argv[1]); record(log, 9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, tmp_path / "run.log"], env=environment, check=True)
    log = RewiringLog.open(tmp_path / "run.log")
    assert log.last_step == 9
    assert log.close() is None


def test_the_log_reaches_the_disk_by_time(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.ERROR)
    now = [100.0]
    monkeypatch.setattr("synaptic_sampling.log.writer.time.monotonic", lambda: now[0])
    with RewiringLog(tmp_path / "run.log") as log:
        c = Connections.random(20, 15, 40, seed=3)
        log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
        seen = []
        for _ in range(20):
            now[0] += 0.1
            log.record(step(c, np.zeros(40), RULE))
            seen.append(c.steps_done - RewiringLog.open(tmp_path / "run.log").last_step)
    assert 4 <= max(seen) <= 6
    assert min(seen) == 1


def test_a_trainer_with_a_path_saves_and_goes_on(tmp_path, rng):
    x, y = rng.random((40, 4)), rng.integers(0, 3, 40)
    trainer = Trainer(net(), log=tmp_path / "run.log")
    trainer.fit(x, y, epochs=1, report=None)
    assert RewiringLog.open(tmp_path / "run.log").last_step == trainer.steps_done == 2
    trainer.save(tmp_path / "two.npz")
    trainer.log.close()
    other = Trainer(net(), log=RewiringLog(tmp_path / "run.log", mode="a"))
    with pytest.raises(LogError, match="ends with step 2, but the run to be recorded is at step 0"):
        other.fit(x, y, epochs=1, report=None)
    other.load(tmp_path / "two.npz")
    fresh = Trainer(net(), log=RewiringLog(tmp_path / "empty.log", mode="a"))
    with pytest.raises(LogError, match="the log is empty"):
        fresh.load(tmp_path / "two.npz")
    assert fresh.network.connections[0].steps_done == fresh.steps_done == 0


@pytest.mark.parametrize("wrong", [3, object(), [], True, 0.5])
def test_a_wrong_object_is_named(tmp_path, wrong):
    log = RewiringLog()
    calls = {
        "log must be": [lambda: Trainer(net(), log=wrong)],
        "path must be": [
            lambda: RewiringLog(wrong),
            lambda: RewiringLog.open(wrong),
            lambda: RewiringLog.load(wrong),
            lambda: log.save(wrong),
        ],
        "info must be": [lambda: log.record(wrong)],
        "times must be": [lambda: log.record_steps(wrong, log.events)],
        "events must be": [lambda: log.record_steps(log.times, wrong)],
        "logs must be": [lambda: merge_logs(wrong), lambda: merge_logs([log, wrong])],
        "parts must be": [lambda: join_logs(wrong), lambda: join_logs([wrong])],
    }
    for message, attempts in calls.items():
        for attempt in attempts:
            if wrong == [] and message in {"logs must be", "parts must be"} and attempt is attempts[0]:
                continue
            with pytest.raises(TypeError, match=message):
                attempt()
    with pytest.raises(TypeError, match="rewiring must be"):
        RewiringMonitor(wrong)


def test_times_are_finite_or_not_known():
    info = step(Connections.random(20, 15, 40, seed=3), np.zeros(40), RULE)
    log = RewiringLog()
    for unit in ("seconds", "samples"):
        for value in (math.inf, -math.inf, np.float64("inf"), -1.0):
            with pytest.raises(ValueError, match=f"{unit} must be finite and >= 0, or NaN"):
                log.record(info, **{unit: value})
        for value in ("3", None, [1.0]):
            with pytest.raises(TypeError, match=f"{unit} must be a real number"):
                log.record(info, **{unit: value})
    log.record(info, seconds=math.nan, samples=np.int64(3))
    assert len(log.times) == 1


SETS = frame(b"SETS", b'[[0, 5, 5, 25, "", false], [2, 9, 4, 36, "", false]]')


@pytest.mark.parametrize(
    "content",
    [
        SETS + event_frame() + time_frame(1),  # 5 -> 5, in a set of 5 by 5 neurons
        snapshot_frame(0, 1, 0, "<f8") + SETS + event_frame(polarity=-1) + time_frame(1),
        SETS
        + snapshot_frame(0, 0, 1, "<f8")[:0]
        + frame(b"EVNT", np.array([(1, 8, 4, 0, 2, 1, 1)], log_module.EVENT).tobytes())
        + time_frame(1),
        SETS + frame(b"EVNT", np.array([(1, 0, 0, 0, 1, 1, 1)], log_module.EVENT).tobytes()) + time_frame(1),
        SETS + frame(b"EVNT", np.array([(1, 0, 0, 0, 9, 1, 1)], log_module.EVENT).tobytes()) + time_frame(1),
    ],
)
def test_neurons_and_sets_beyond_the_header_are_damage(tmp_path, content):
    path = tmp_path / "run.log"
    path.write_bytes(MAGIC + content + frame(b"END ", b""))
    with pytest.raises(
        LogError, match=r"is damaged: an event (has a neuron that does not exist|belongs to an unknown set)"
    ):
        RewiringLog.load(path)


def test_a_slot_that_would_take_all_memory_is_refused():
    log = RewiringLog()
    record(log, 3)
    events = log.events[:1].copy()
    events["step"], events["kind"], events["slot"], events["pre"], events["post"] = 4, 1, 2**31 - 1, 19, 14
    log.record_steps(np.array([(4, 0, 0)], log_module.TIME), events)
    with pytest.raises(LogError, match="slot 2147483647, far above all others"):
        log.wiring()


def test_a_snapshot_has_the_neurons_of_its_set():
    log = RewiringLog()
    log.describe(0, num_pre=5, num_post=4, num_sites=20)
    with pytest.raises(ValueError, match="post must be below 4, the number of neurons of set 0, got 4"):
        log.snapshot(0, 0, [4], [4], [0.0], [1])
