"""The benchmark of rewiring in Brian2, on networks too small for meaningful times."""

from __future__ import annotations

import json

import brian2 as b2
import pytest

from scripts import benchmark_brian, nest_peer

KEYS = {
    "work", "mode", "connections", "contender", "interval_ms", "cpu_s_per_bio_s", "ratio_to_static",
    "bytes_per_synapse",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    monkeypatch.setattr(benchmark_brian, "SIZES", ((200, 40, 0.02), (10**9, 1, 1.0)))
    monkeypatch.setattr(benchmark_brian, "INTERVALS_MS", (1, 10))
    monkeypatch.setattr(benchmark_brian, "REPETITIONS", 1)
    monkeypatch.setattr(nest_peer, "is_installed", lambda: False)


def test_rows_are_as_agreed(tmp_path, capsys):
    rows = benchmark_brian.main(["--quick", "--json", str(tmp_path / "rows.json")])
    assert json.loads((tmp_path / "rows.json").read_text()) == {"rows": rows}
    assert all(set(row) == KEYS and row["mode"] == "runtime" for row in rows)
    assert [(row["contender"], row["interval_ms"]) for row in rows] == [
        ("static", None),
        ("ours, DEEP R", 1),
        ("ours, DEEP R", 10),
        ("all pairs, soft DEEP R by hand", 100),
        ("static, slots as rewired", None),
        ("static, STDP", None),
        ("ours, prune and regrow, STDP", 100),
    ]
    assert rows[0]["ratio_to_static"] == rows[5]["ratio_to_static"] == 1.0
    assert rows[0]["bytes_per_synapse"] == 0.0
    assert 0 < rows[1]["bytes_per_synapse"] < 60 < rows[3]["bytes_per_synapse"]
    assert "static, slots as rewired" in capsys.readouterr().out


class Slow:
    """A simulation whose runs take a second to start, and the first three runs of all another one."""

    delays = iter([1.0, 1.0, 1.0])

    def __init__(self, rate):
        self.rate = rate

    def seconds(self, duration):
        return 1.0 + self.rate * duration + next(self.delays, 0.0)


def test_the_start_of_a_run_does_not_count(monkeypatch):
    monkeypatch.setattr(benchmark_brian, "REPETITIONS", 2)
    assert benchmark_brian.steady([Slow(0.1), Slow(0.3)], 2.0) == pytest.approx([0.1, 0.3], rel=1e-12)


@pytest.mark.slow
@pytest.mark.cython
def test_programs_have_rows_too():
    rows = benchmark_brian.measure_programs(200, 40, 0.1)
    assert all(set(row) == KEYS and row["mode"] == "standalone" for row in rows)
    assert [(row["contender"], row["interval_ms"]) for row in rows] == [
        ("static", None),
        ("ours, DEEP R", 1),
        ("ours, DEEP R", 10),
    ]
    assert all(row["bytes_per_synapse"] is None for row in rows)
    assert rows[0]["ratio_to_static"] == 1.0
