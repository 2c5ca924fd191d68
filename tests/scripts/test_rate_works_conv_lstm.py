"""The benchmark of convolution and LSTM measures what it says."""

from __future__ import annotations

import json

from scripts import rate_works_conv_lstm


def test_every_contender_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rate_works_conv_lstm, "CONNECTIVITIES", (0.02,))
    monkeypatch.setattr(rate_works_conv_lstm, "find_spec", lambda _: None)
    monkeypatch.setattr(rate_works_conv_lstm, "BATCH_SIZE", 2)
    rows = rate_works_conv_lstm.main(["--repeats", "1", "--json", str(tmp_path / "out" / "rows.json")])
    assert json.loads((tmp_path / "out" / "rows.json").read_text()) == {"rows": rows}
    assert [(row["work"], row["contender"]) for row in rows] == [
        ("CIFAR-10 conv net batch 2 at 2 %", "ours"),
        ("CIFAR-10 conv net batch 2 at 2 %", "NumPy dense"),
        ("speech LSTM batch 2 at 2 %", "ours"),
        ("speech LSTM batch 2 at 2 %", "NumPy dense"),
    ]
    assert all(0 < row["lowest_us"] <= row["median_us"] <= row["highest_us"] for row in rows)
    assert "speech LSTM batch 2 at 2 %" in capsys.readouterr().out
