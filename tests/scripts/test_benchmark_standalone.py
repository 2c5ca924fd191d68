"""The benchmark of standalone mode, on a network so small that times mean little."""

from __future__ import annotations

import json

import brian2 as b2
import pytest

from scripts import benchmark_standalone


@pytest.fixture(autouse=True)
def small(monkeypatch):
    b2.start_scope()
    for name, value in (("NEURONS", 40), ("CONNECTIONS", 200), ("SECONDS", 2.0), ("INTERVALS_MS", (10,))):
        monkeypatch.setattr(benchmark_standalone, name, value)


@pytest.mark.slow
@pytest.mark.cython
def test_rows_are_as_agreed(tmp_path, capsys):
    rows = benchmark_standalone.main(["--json", str(tmp_path / "rows.json")])
    assert json.loads((tmp_path / "rows.json").read_text()) == {"rows": rows}
    assert [row["interval_ms"] for row in rows] == [10]
    assert rows[0]["ratio"] == rows[0]["runtime_s_per_s"] / rows[0]["standalone_s_per_s"] > 0
    assert "standalone, s per s" in capsys.readouterr().out
