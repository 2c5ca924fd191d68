"""The demonstration: what it writes, and that it says so when a run fails."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest

from scripts import demo


@pytest.mark.slow
@pytest.mark.cython
def test_demo_writes_summary_logs_and_figure(tmp_path, capsys):
    summary = demo.main(["--quick", "--out", str(tmp_path)])
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    for name, connections in (("rate", 2510), ("spiking", 320)):
        row = summary[name]
        assert row["connections"] == row["connections_min"] == row["connections_max"] == connections
        assert row["births"] == row["deaths"] > 0
        assert 0 < row["accuracy_fixed"] < 1
        assert (tmp_path / f"{name}-deepr" / "log-1.rewiring").exists()
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert "Is it like the brain?" in (tmp_path / "report.html").read_text()
    assert f"Wrote {tmp_path / 'summary.json'}" in capsys.readouterr().out


def test_a_run_that_fails_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(demo.RUNS, "rate", ["scripts.no_such_script"])
    with pytest.raises(RuntimeError, match=r"scripts.no_such_script --method deepr failed"):
        demo.run_both("rate", tmp_path, quick=True)
    assert "No module named scripts.no_such_script" in capsys.readouterr().out


def test_bars_are_shown_now_and_then_and_messages_always(capsys):
    said = b"\r10 %\r20 %\r30 %\nseed 1: 97 %\n"
    demo.relay(SimpleNamespace(stderr=io.BytesIO(said)), "rate deepr")
    assert capsys.readouterr().out == "[rate deepr] 30 %\n[rate deepr] seed 1: 97 %\n"
