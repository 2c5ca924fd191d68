"""The benchmark of logs runs, and what it computes follows the exact laws."""

from __future__ import annotations

import json

import pytest

from scripts import benchmark_log


def test_all_parts_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark_log, "NEURONS", 100)
    monkeypatch.setattr(benchmark_log, "CONNECTIONS", 800)
    path = tmp_path / "run.rewiring"
    found = {}
    for name in benchmark_log.PARTS:
        found[name] = benchmark_log.main(["--events", "30000", "--part", name, str(path)])
        assert json.loads(capsys.readouterr().out) == found[name]
        assert found[name]["seconds"] > 0
        assert found[name]["MiB"] > 10
    assert found["write"]["bytes"] == path.stat().st_size
    assert found["open"]["rule"] == "DeepR"
    assert found["replay"]["connections"] == 800
    assert found["lives"]["lives"] > 15_000
    compared = [found["analyse"][name] for name in ("births per step", "survive 100 steps", "visited")]
    measured, law = zip(*compared, strict=True)
    assert measured == pytest.approx(law, rel=0.2)
