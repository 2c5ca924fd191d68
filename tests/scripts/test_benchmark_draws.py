"""The benchmark of constrained formation, on a network too small for meaningful times."""

from __future__ import annotations

import json

from scripts import benchmark_draws


def test_rows_are_as_agreed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark_draws, "NETWORKS", ((60, 6), (80, 6)))
    rows = benchmark_draws.main(["--quick", "--json", str(tmp_path / "rows.json")])
    assert json.loads((tmp_path / "rows.json").read_text()) == {"rows": rows}
    assert [row["limit"] for row in rows] == list(benchmark_draws.LIMITS)
    for row in rows:
        assert (row["sites_per_side"], row["connections"]) == (60, 360)
        assert row["ms_per_event"] > 0 < row["births"]
    assert "both degrees" in capsys.readouterr().out
