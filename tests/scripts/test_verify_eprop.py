"""The comparison of e-prop with backpropagation through time, on networks too small for meaningful cosines."""

from __future__ import annotations

import json

import brian2 as b2
import pytest

from scripts import verify_eprop
from synaptic_sampling.spiking import equations


@pytest.fixture(autouse=True)
def small(monkeypatch):
    target = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    monkeypatch.setattr(verify_eprop, "NEURONS", {"LIF": (20, 0), "ALIF": (0, 20)})
    monkeypatch.setattr(verify_eprop, "PROBE", 4)
    monkeypatch.setattr(verify_eprop, "QUICK", verify_eprop.Effort(2, (0.5,), (0, 1), 6))
    yield
    b2.prefs.codegen.target = target


@pytest.mark.slow
def test_it_passes_and_writes_what_it_prints(tmp_path, capsys):
    path = tmp_path / "eprop.json"
    assert verify_eprop.main(["--quick", "--json", str(path)]) == 0
    results = json.loads(path.read_text())
    assert path.with_suffix(".png").exists()
    assert [row["scale"] for row in results["scale"]] == [0.5] * 2
    assert [row["epoch"] for row in results["epoch"]] == [0, 1] * 2
    for row in results["scale"] + results["epoch"]:
        assert 0.5 < row["input"] < 1 > row["recurrent"] > 0.5
    assert "NOT REJECTED" not in capsys.readouterr().out
    assert [law["passed"] for law in results["laws"]] == [True] * 4


@pytest.mark.slow
def test_a_wrong_gradient_is_found(monkeypatch):
    right = equations.eligibility
    monkeypatch.setattr(
        equations, "eligibility", lambda *of: right(*of).replace("filtered = kappa_post*", "filtered = ")
    )
    equal, _ = verify_eprop.laws(verify_eprop.QUICK._replace(seeds=1))
    assert [law.passed for law in equal] == [True, False] * 2
