"""The benchmark of spiking networks: its loop in Numba is the same network."""

from __future__ import annotations

import json

import brian2 as b2
import pytest

from scripts import benchmark_spiking, spiking_floor


@pytest.fixture(autouse=True)
def target():
    """Compile nothing with Brian2."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def test_the_loop_in_numba_is_the_network_of_brian(monkeypatch):
    monkeypatch.setattr(benchmark_spiking, "COMPARED", 32)
    assert benchmark_spiking.difference("digits", "runtime") < 1e-9
    # A negative control: another threshold.
    neurons = spiking_floor.Neurons
    monkeypatch.setattr(spiking_floor, "Neurons", lambda *c: neurons(*c[:-1], 0.9 * c[-1]))
    assert benchmark_spiking.difference("digits", "runtime") > benchmark_spiking.ROUNDING


@pytest.mark.slow
def test_the_floor_is_the_last_row(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark_spiking, "CONTENDERS", (("fixed", "runtime"), ("fixed", "numba")))
    monkeypatch.setattr(benchmark_spiking, "LENGTHS", {"runtime": (2, 302), "numba": (100, 4000)})
    monkeypatch.setattr(benchmark_spiking, "REPETITIONS", 1)
    monkeypatch.setattr(benchmark_spiking, "difference", lambda *_: 0.0)
    rows = benchmark_spiking.main(["--quick", "--json", str(tmp_path / "rows.json")])
    assert json.loads((tmp_path / "rows.json").read_text()) == json.loads(json.dumps({"rows": rows}))
    assert [row["device"] for row in rows] == ["runtime", "numba"]
    assert rows[0]["ratio"] > 1 == rows[1]["ratio"]
    assert rows[1]["us_per_step"] > 0
    assert "numba" in capsys.readouterr().out
    monkeypatch.setattr(benchmark_spiking, "difference", lambda *_: 1e-3)
    with pytest.raises(SystemExit, match=r"The loop in Numba is not the network of digits: weights differ by 1\.0e-03"):
        benchmark_spiking.main(["--quick"])
