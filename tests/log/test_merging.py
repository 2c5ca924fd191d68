"""Logs put together: of other sets, and of later steps; nothing is lost, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, DeepR, PruneAndRegrow, step
from synaptic_sampling.log import merging
from synaptic_sampling.log import recorder as log_module
from synaptic_sampling.log.merging import join_logs, merge_logs
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.comparison import compare
from tests.log.test_moves import random_history

RULE = DeepR(learning_rate=0.1, l1=0.3, temperature=0.1)


def take(log, *sets):
    for c in sets:
        log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)


def begin(*sets):
    log = RewiringLog()
    for c in sets:
        log.describe(c.index, num_pre=20, num_post=15, num_sites=c.num_sites, name=f"set {c.index}")
    take(log, *sets)
    return log


def some(number, **about):
    return [Connections.random(20, 15, 40, seed=3, index=n, **about) for n in range(number)]


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_merged_sets_are_those_of_the_logs(where, tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "CHUNK", 500)
    monkeypatch.setattr(log_module, "BLOCK", 64)
    one, two = some(2), some(1, signs="redrawn")
    logs = [begin(*one), begin(*two)]
    logs[1].annotate(seed=4)
    for n in range(1, 131):
        for c in one:
            logs[0].record(step(c, np.zeros(40), RULE), seconds=0.1 * n)
        logs[1].record(step(two[0], np.zeros(40), RULE), samples=10 * n)
        if n == 50:
            take(logs[1], *two)
    if where == "disk":
        for number, log in enumerate(logs):
            log.save(tmp_path / f"{number}.log")
        logs = [RewiringLog.open(tmp_path / f"{number}.log") for number in range(2)]
    with merge_logs(logs, tmp_path / "all.log" if where == "disk" else None) as merged:
        assert merged.num_births == logs[0].num_births + logs[1].num_births
        assert_array_equal(merged.times["seconds"], logs[0].times["seconds"])
        assert_array_equal(merged.times["samples"], logs[1].times["samples"])
        for new, (log, old) in enumerate([(logs[0], 0), (logs[0], 1), (logs[1], 0)]):
            assert merged.sets[new] == log.sets[old]._replace(set_index=new)
            mine, theirs = merged.lives(new), log.lives(old)
            assert (mine["set"] == new).all()
            mine["set"] = old
            assert_array_equal(mine, theirs)
            for when in (0, 70, 130):
                for ours, its in zip(merged.wiring(when, new), log.wiring(when, old), strict=True):
                    assert_array_equal(ours, its)
        assert merged.metadata["merged"][1]["seed"] == 4
    if where == "disk":
        assert_array_equal(RewiringLog.load(tmp_path / "all.log").events, merged.events)


def test_each_set_keeps_its_rule():
    """The metadata of several sets name the rule of each; where they name one for all, it is that of all."""
    other = DeepR(learning_rate=0.1, l1=0.9, temperature=0.1)
    one, two, none = begin(*some(3)), begin(*some(1)), begin(*some(1))
    one.annotate(rule=RULE, rules={1: other})
    two.annotate(rule=other)
    assert [one.rule_of(n)["l1"] for n in (0, 1, 2)] == [0.3, 0.9, 0.3]
    assert none.rule_of() is None
    merged = merge_logs([one, two, none])
    assert [merged.rule_of(n)["l1"] for n in range(4)] == [0.3, 0.9, 0.3, 0.9]
    assert merged.rule_of(4) is None


def test_rules_of_sets_come_back(tmp_path):
    log = begin(*some(2))
    log.annotate(rules={0: RULE, 1: PruneAndRegrow("w < 0.1")})
    log.save(tmp_path / "run.log")
    opened = RewiringLog.open(tmp_path / "run.log")
    assert [opened.rule_of(n)["class"] for n in (0, 1)] == ["DeepR", "PruneAndRegrow"]
    log.annotate(rule=RULE, rules="all the same")
    assert log.rule_of(1)["class"] == "DeepR"


def test_moves_stay_together():
    logs = [random_history(seed, False)[0] for seed in (1, 2)]
    merged = merge_logs(logs)
    for n, log in enumerate(logs):
        assert_array_equal(
            merged.lives(n)[["pre", "post", "birth", "end"]], log.lives()[["pre", "post", "birth", "end"]]
        )


def test_joined_parts_are_the_whole():
    (c,) = some(1)
    parts, whole = [], begin(c)
    for end in (40, 41, 100):
        part = begin(c)
        while c.steps_done < end:
            info = step(c, np.zeros(40), RULE)
            for log in (part, whole):
                log.record(info, samples=info.step)
        take(part, c)
        take(whole, c)
        parts.append(part)
    joined = join_logs(parts)
    assert_array_equal(joined.events, whole.events)
    assert joined.times.tobytes() == whole.times.tobytes()
    assert_array_equal(joined.lives(), whole.lives())
    assert [taken.step for taken in joined.snapshots] == [0, 40, 41, 100]
    with pytest.raises(ValueError, match="starts at step 41, but the previous one ends at 40"):
        join_logs([parts[0], parts[2]])
    parts[1].describe(0, num_pre=30, num_post=15, num_sites=40)
    with pytest.raises(ValueError, match="describe different sets"):
        join_logs(parts)


def test_what_does_not_fit_is_refused():
    (c,), (other,) = some(1), some(1)
    log, short, late = begin(c), begin(other), begin(other)
    for n in range(1, 6):
        log.record(step(c, np.zeros(40), RULE), seconds=n)
        info = step(other, np.zeros(40), RULE)
        late.record(info, seconds=n + 0.5)
        if n < 5:
            short.record(info, seconds=n)
    with pytest.raises(ValueError, match="steps 0 to 5 and 0 to 4 cannot be merged"):
        merge_logs([log, short])
    with pytest.raises(ValueError, match="the seconds of the logs differ"):
        merge_logs([log, late])
    with pytest.raises(ValueError, match="no logs to merge"):
        merge_logs([])
    with pytest.raises(ValueError, match="no logs to join"):
        join_logs([])
    wrong = begin(c)
    wrong._kept[0].pre[:2] = wrong._kept[0].pre[1::-1]
    with pytest.raises(ValueError, match="the connections of set 0 at step 5 differ from those of the previous part"):
        join_logs([log, wrong])


def at_seconds(length, number, **about):
    (c,) = some(1)
    log = begin(c)
    for n in range(1, number + 1):
        log.record(step(c, np.zeros(40), RULE), **about or {"seconds": length * n})
    return log


def test_clocks_that_differ_are_named_with_what_to_do():
    """Steps of 0.1 s and 0.25 s: events would find their order, but an age in steps would mean nothing."""
    other = r"their steps last 0\.1 s and 0\.25 s, .*comparison\.compare\(.*unit='seconds'\)"
    same = "record the sets of one run at the same steps: make both monitors before the run"
    for logs, message in (
        ((at_seconds(0.1, 10), at_seconds(0.25, 4)), "steps 0 to 10 and 0 to 4 cannot be merged; " + other),
        ((at_seconds(0.1, 4), at_seconds(0.25, 4)), "the seconds of the logs differ at the same steps; .* or " + other),
        ((at_seconds(0.1, 10), at_seconds(0.1, 9)), "cannot be merged; " + same),
        ((at_seconds(0.1, 10), at_seconds(0.25, 1)), "cannot be merged; " + same),
        ((at_seconds(0.1, 10), at_seconds(0.1, 9, samples=1)), "cannot be merged; " + same),
    ):
        with pytest.raises(ValueError, match=message):
            merge_logs(logs)
    found = compare({"one": logs[0], "other": at_seconds(0.25, 4)}, unit="seconds")
    assert set(found) == {"one", "other"}
