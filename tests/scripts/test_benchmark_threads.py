"""The benchmark of threads runs."""

from __future__ import annotations

import json

import pytest

from scripts import benchmark_threads


@pytest.mark.slow
def test_it_measures_both(tmp_path, capsys):
    path = tmp_path / "threads.json"
    found = benchmark_threads.main(["--rounds", "1", "--steps", "1", "--json", str(path)])
    assert json.loads(path.read_text()) == {"cases": found}
    assert len(found) == 12
    assert all(row["ratio"] == row["milliseconds_one"] / row["milliseconds_several"] for row in found)
    assert "speech LSTM at 20 %, batch 128" in capsys.readouterr().out
