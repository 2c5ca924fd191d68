"""What is no log, no set or no step is refused by name, whatever function it is given to; a holder of a log is not."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_equal

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.statistics import (
    changes,
    comparison,
    drift,
    lifetimes,
    sizes,
    survival,
    topology,
    turnover,
    weights,
)

#: Functions of a log, with the arguments between it and the set.
OF_A_SET = [
    (changes.changes_between, ([0, 5, 10],)),
    (changes.changes_since, ([0, 5, 10],)),
    (changes.turnover_by_lag, ([1, 2],)),
    (comparison.survival_in, ("samples", 5)),
    (drift.weight_vectors, ()),
    (drift.drift, ()),
    (drift.weight_correlations, ()),
    (drift.principal_components, ()),
    (lifetimes.lifetimes_within, (10,)),
    (sizes.matched_sizes, (0, 20)),
    (sizes.size_lifetime, (0,)),
    (survival.table_of_newborns, ()),
    (survival.survival_of_newborns, ()),
    (survival.survival_during, (2, 9)),
    (survival.survival_of_all, (3,)),
    (survival.survival_of_old, (9, 3)),
    (survival.hazard_of_newborns, (None,)),
    (topology.connections_over_time, ()),
    (topology.density, ()),
    (topology.degrees_over_time, ([0, 5],)),
    (turnover.turnover_ratio, (0, 9)),
    (turnover.deaths_beyond_age, (2,)),
    (turnover.established, (2,)),
    (turnover.visited_share, ()),
]
#: The set is given by name, or is the only argument.
OTHERS = [
    (turnover.rewired_per_step, ()),
    (turnover.rewired_per_samples, ()),
    (turnover.rewired_per_second, ()),
    (weights.strengths, ()),
    (comparison.clock, ("samples",)),
]


@pytest.fixture(scope="module")
def log():
    c = Connections.random(10, 10, 30, seed=1)
    c.theta[:] = np.linspace(0.1, 2.0, 30)
    log = RewiringLog()
    log.describe(0, num_pre=10, num_post=10, num_sites=100)
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(1, 21):
        log.record(step(c, np.zeros(30), DeepR(learning_rate=0.1, l1=0.1, temperature=0.2)), samples=n, seconds=n)
    log.snapshot(20, 0, c.pre, c.post, c.theta, c.polarity)
    return log


def name(case):
    return getattr(case, "__name__", "")


def plain(result):
    if not isinstance(result, tuple):
        return result
    return [values.toarray() if hasattr(values, "toarray") else values for values in result]


@pytest.mark.parametrize(("function", "arguments"), OF_A_SET + OTHERS, ids=name)
def test_a_log_is_asked_for(function, arguments, log, tmp_path):
    for nonsense in (None, "run.rewiring", 3, [log], SimpleNamespace(log=None)):
        with pytest.raises(TypeError, match="log must be a RewiringLog, or an object with a RewiringLog as its log"):
            function(nonsense, *arguments)
    expected = plain(function(log, *arguments))
    log.save(tmp_path / "run.rewiring")
    for source in (SimpleNamespace(log=log), RewiringLog.open(tmp_path / "run.rewiring")):
        assert_equal(plain(function(source, *arguments)), expected)


@pytest.mark.parametrize(("function", "arguments"), OF_A_SET, ids=name)
@pytest.mark.parametrize("index", [7, -1, "a", 0.5, math.nan])
def test_there_is_no_such_set(function, arguments, index, log):
    with pytest.raises((LogError, TypeError, ValueError), match=r"set|index must be"):
        function(log, *arguments, index)


@pytest.mark.parametrize(
    "function", [turnover.rewired_per_step, turnover.rewired_per_samples, turnover.rewired_per_second]
)
def test_counts_of_no_set_are_refused(function, log):
    with pytest.raises(LogError, match=r"index 7 is not a set of the log; its sets are \[0\]"):
        function(log, index=7)
    with pytest.raises(ValueError, match="no snapshot to take weights from"):
        weights.strengths(log, index=7)


@pytest.mark.parametrize("wrong", [-1, 0.5, "a", math.nan, ()])
def test_ages_and_steps_are_whole_numbers(log, wrong):
    for call in (
        lambda: turnover.established(log, wrong),
        lambda: turnover.deaths_beyond_age(log, wrong),
        lambda: survival.survival_of_all(log, wrong),
        lambda: survival.survival_of_old(log, 9, wrong),
        lambda: survival.survival_during(log, wrong, 9),
        lambda: survival.survival_of_newborns(log, from_step=wrong),
        lambda: turnover.turnover_ratio(log, wrong, 9),
        lambda: list(log.wirings([wrong])),
        lambda: sizes.size_lifetime(log, wrong),
        lambda: sizes.matched_sizes(log, wrong, 20),
        lambda: log.fates(wrong),
        lambda: list(log.event_blocks(after=0.5 if wrong == -1 else wrong)),
    ):
        with pytest.raises((TypeError, ValueError), match=r"must (be|hold)"):
            call()


def test_runs_are_compared_by_name(log):
    for wrong in ([log], log, None):
        with pytest.raises(TypeError, match="logs must be a mapping"):
            comparison.compare(wrong)
    with pytest.raises(TypeError, match="log must be a RewiringLog"):
        comparison.compare({"one": None})
