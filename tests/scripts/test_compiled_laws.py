"""Compiled rules follow their exact laws, and incorrect versions are rejected; what is read from a log is correct."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from scripts import compiled_laws, verify_sampler
from synaptic_sampling import Connections, DeepR, RewiringLog, step


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_rules_follow_their_laws(capsys):
    assert verify_sampler.main(["--device", "cpp_standalone", "--quick"]) == 0
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert "NOT REJECTED" not in said
    assert said.count("rejected by") == len(compiled_laws.WRONG)


def test_ages_and_vacated_sites_are_those_of_the_steps(monkeypatch):
    """With few sites, many connections form where one was just eliminated."""
    monkeypatch.setattr(compiled_laws, "BURN_IN", 20)
    side, k, rule, log = 5, 15, DeepR(0.1, 0.5, 0.2), RewiringLog()
    c, ages, returned, mean = Connections.random(side, side, k, seed=2), [], 0, 0.0
    for n in range(1, 61):
        before = c.pre * side + c.post, c.birth_step.copy()
        info = step(c, rule, gradient=np.zeros(k))
        log.record(info)
        died = info.died.slot
        if n > 20:
            ages += (n - before[1][died]).tolist()
            returned += np.isin(info.born.pre * side + info.born.post, before[0][died]).sum()
            mean += len(died) * len(died) / (side**2 - k + len(died))
    found = compiled_laws.vacated(log.events[log.events["step"] > 20], side, k)
    assert returned > 10
    assert found[0] == returned
    assert found[1] == pytest.approx(mean)
    assert sorted(compiled_laws.ages(log.events)) == sorted(ages)
    assert compiled_laws.violations(log.events, side) == 0
    events = log.events.copy()
    events["polarity"][np.flatnonzero(events["kind"] == 1)[3]] *= -1
    assert compiled_laws.violations(events, side) >= 1
    assert compiled_laws.violations(np.delete(log.events, 5), side) >= 1
