"""The log keeps every rule of every set, from which step on it holds, and whether a set has signs and a theta."""

from __future__ import annotations

import json

import numpy as np
import pytest

from synaptic_sampling import Connections, DeepR, FixedWiring, LogError, RewiringLog, join_logs, merge_logs, step
from synaptic_sampling.log.file import MAGIC, frame

ONE, OTHER = DeepR(0.1, 0.2, 0.2), DeepR(0.05, 0.2, 0.2)


def noted(log, index=0):
    return [(first, rule["learning_rate"]) for first, rule in log.rules_of(index)]


def some_log(path=None, sets=1):
    log = RewiringLog(path)
    for index in range(sets):
        c = Connections.random(5, 5, 6, seed=1, index=index)
        log.describe(index, num_pre=5, num_post=5, num_sites=25)
        log.snapshot(0, index, c.pre, c.post, c.theta, c.polarity)
    return log


def test_rules_in_their_order():
    log = some_log()
    assert (log.rules_of(), log.rule_of()) == ([], None)
    for first, rule in ((1, ONE), (4, ONE), (7, OTHER), (9, ONE)):
        log.note_rule(first, 0, rule)
    assert noted(log) == [(1, 0.1), (7, 0.05), (9, 0.1)]
    assert log.rule_of()["learning_rate"] == 0.1
    assert log.rules_of(1) == []
    log.annotate(rule=FixedWiring(0.3))
    assert (log.rule_of(0)["class"], log.rule_of(1)["class"]) == ("DeepR", "FixedWiring")


def test_a_rule_that_governed_no_step_is_forgotten():
    log = some_log()
    log.note_rule(1, 0, ONE)
    log.note_rule(5, 0, OTHER)
    log.note_rule(5, 0, ONE)
    assert noted(log) == [(1, 0.1)]
    with pytest.raises(ValueError, match="step must not decrease: a rule was noted at step 1, got step 0"):
        log.note_rule(0, 0, OTHER)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, ONE), "step must be"),
        ((1.5, 0, ONE), "step must be"),
        ((1, -1, ONE), "index must be"),
        ((1, 0, None), "rule must be a rule"),
        ((1, 0, "DeepR"), "rule must be a rule"),
        ((1, 0, DeepR), "rule must be a rule"),
        ((1, 0, [1]), "rule must be a rule"),
    ],
)
def test_what_is_no_rule_is_refused(tmp_path, arguments, message):
    with some_log(tmp_path / "run.rewiring") as log:
        log.flush()
        size = (tmp_path / "run.rewiring").stat().st_size
        with pytest.raises((TypeError, ValueError), match=message):
            log.note_rule(*arguments)
        assert log.rules_of() == []
        log.flush()
        grown = (tmp_path / "run.rewiring").stat().st_size
    assert grown == size


def test_rules_come_back_from_files(tmp_path):
    log = some_log(tmp_path / "run.rewiring", sets=2)
    log.note_rule(1, 0, ONE)
    log.note_rule(1, 1, {"class": "Mine", "rate": np.float64(0.5), "by": "exp(-t/second)"})
    log.note_rule(3, 0, OTHER)
    log.save(tmp_path / "saved.rewiring")
    log.close()
    for path in ("run.rewiring", "saved.rewiring"):
        for opened in (RewiringLog.open(tmp_path / path), RewiringLog.load(tmp_path / path)):
            assert [opened.rules_of(n) for n in (0, 1)] == [log.rules_of(n) for n in (0, 1)]
    opened = RewiringLog.open(tmp_path / "run.rewiring")
    with pytest.raises(LogError, match="opened for reading"):
        opened.note_rule(5, 0, ONE)


def test_rules_of_merged_and_joined_logs():
    first, second = some_log(), some_log()
    first.note_rule(1, 0, ONE)
    second.note_rule(1, 0, OTHER)
    second.note_rule(2, 0, ONE)
    merged = merge_logs([first, second])
    assert (noted(merged, 0), noted(merged, 1)) == ([(1, 0.1)], [(1, 0.05), (2, 0.1)])
    c, parts = Connections.random(5, 5, 6, seed=1), []
    for rule in (ONE, ONE, OTHER):
        part = RewiringLog()
        part.describe(0, num_pre=5, num_post=5, num_sites=25)
        part.note_rule(c.steps_done + 1, 0, rule)
        part.snapshot(c.steps_done, 0, c.pre, c.post, c.theta, c.polarity)
        for _ in range(5):
            part.record(step(c, np.zeros(6), rule))
        part.snapshot(c.steps_done, 0, c.pre, c.post, c.theta, c.polarity)
        parts.append(part)
    assert noted(join_logs(parts)) == [(1, 0.1), (11, 0.05)]


@pytest.mark.parametrize("row", [3, [1], [1, 0, 3], [-1, 0, {}], ["a", 0, {}], [1, 0.5, {}], [1, 0, None], {}])
def test_damaged_rules_are_damage(tmp_path, row):
    (tmp_path / "run.rewiring").write_bytes(MAGIC + frame(b"RULE", json.dumps(row).encode()) + frame(b"END ", b""))
    with pytest.raises(LogError, match="damaged"):
        RewiringLog.open(tmp_path / "run.rewiring")


def test_sets_say_whether_they_have_signs_and_theta(tmp_path):
    log = RewiringLog(tmp_path / "run.rewiring")
    log.describe(0, num_pre=5, num_post=5, num_sites=25, signed=False, has_theta=False)
    log.describe(1, num_pre=5, num_post=5, num_sites=25)
    log.close()
    sets = RewiringLog.open(tmp_path / "run.rewiring").sets
    assert [(about.signed, about.has_theta) for about in sets.values()] == [(False, False), (True, True)]
    for name in ("signed", "has_theta", "multapses"):
        with pytest.raises(TypeError, match=f"{name} must be True or False, got 1"):
            RewiringLog().describe(0, num_pre=5, num_post=5, num_sites=25, **{name: 1})


@pytest.mark.parametrize("values", [[0, 5, 5, 25, ""], [0, 5, 5, 25, "", False, True, True, True]])
def test_sets_of_too_few_or_many_values_are_damage(tmp_path, values):
    content = MAGIC + frame(b"SETS", json.dumps([values]).encode()) + frame(b"END ", b"")
    (tmp_path / "run.rewiring").write_bytes(content)
    with pytest.raises(LogError, match="damaged"):
        RewiringLog.open(tmp_path / "run.rewiring")
