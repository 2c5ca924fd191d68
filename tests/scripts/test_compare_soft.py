"""The comparison of soft DEEP R with DEEP R at as many connections."""

from __future__ import annotations

import json

from models.mlp import DIGITS
from scripts import compare_soft


def test_quick_run(tmp_path, capsys):
    rows = compare_soft.main(["--quick", "--epochs", "3", "--json", str(tmp_path / "soft.json")])
    assert json.loads((tmp_path / "soft.json").read_text())["rows"] == rows
    assert (tmp_path / "soft.png").stat().st_size > 10_000
    soft, end, mean = rows
    assert [row["contender"] for row in rows] == list(compare_soft.NAMES)
    assert len({*soft["connections"]}) > 1, "the number varies"
    assert soft["connections"][-1] == sum(soft["connections_per_layer"])
    for hard, number in ((end, soft["connections"][-1]), (mean, sum(soft["connections"]) / 3)):
        assert len({*hard["connections"]}) == 1
        assert abs(hard["connections"][0] - number) <= len(DIGITS.sites), "rounded down in each layer"
    assert "soft DEEP R" in capsys.readouterr().out
