"""The benchmark of sweeps runs."""

from __future__ import annotations

import json

import pytest

from scripts import benchmark_sweep


@pytest.mark.slow
def test_it_measures_both(tmp_path, capsys):
    path = tmp_path / "sweep.json"
    found = benchmark_sweep.main(["--runs", "2", "--repetitions", "2", "--epochs", "1", "--json", str(path)])
    assert json.loads(path.read_text()) == found
    assert len(found["seconds_one"]) == len(found["seconds_several"]) == 2
    assert min(found["ratios"]) <= found["ratio"] <= max(found["ratios"])
    assert "2 processes are" in capsys.readouterr().out
