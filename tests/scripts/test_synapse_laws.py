"""The analysis of synapses imaged in vivo, on simulated tables of the same form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scripts import synapse_laws, synapse_studies
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.statistics import observed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two tables of simulated synapses that follow a killed walk, and settings that take seconds."""
    head = "cell,dendrite,synapse," + ",".join(f"session{n}" for n in range(8))
    rng = np.random.default_rng(1)
    tables = {"presence": [head], "synapses": [head]}
    for cell, drift in (("pyr", 0.09), ("pv", 0.03)):
        seen = observed.simulate(LAWS["killed walk"], [drift, 1.1], np.arange(8), np.full(8, 60), seed=3)
        for n, row in enumerate(seen.presence):
            start = f"{cell},{cell}{seen.group[n]},{n},"
            tables["presence"].append(start + ",".join(map(str, row)))
            sizes = np.where(row > 0, rng.lognormal(size=8), 0)
            tables["synapses"].append(start + ",".join(f"{size:.3f}" for size in sizes))
    (tmp_path / "in" / "below").mkdir(parents=True)
    for name, lines in tables.items():
        (tmp_path / "in" / "below" / f"melander2021_{name}.csv").write_text("\n".join(lines))
    monkeypatch.setattr(synapse_laws, "LAWS", {name: LAWS[name] for name in synapse_laws.DRAWN})
    for module, name in ((synapse_laws, "RESAMPLES"), (synapse_studies, "RESAMPLES"), (synapse_studies, "STUDIES")):
        monkeypatch.setattr(module, name, 20)
    monkeypatch.setattr(synapse_studies, "LARGE", 500)
    return tmp_path


@pytest.mark.slow
def test_the_whole_analysis(folder, capsys):
    own = ["--data-dir", str(folder / "in"), "--out", str(folder / "out"), "--json", str(folder / "numbers.json")]
    assert synapse_laws.main([*own, "--full"]) == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "laws.json", "predictions.png", "survival.png", "weights.png",
    ]  # fmt: skip
    found = json.loads((folder / "numbers.json").read_text())
    assert found == json.loads((folder / "out" / "laws.json").read_text())
    assert all(isinstance(value, float | int) for value in found["published"].values())
    assert [(own["cell"], own["law"]) for own in found["fits"]] == [
        (cell, law) for cell in ("pyr", "pv") for law in synapse_laws.LAWS
    ]
    keys = {"cell", "law", "log_likelihood", "aic", "bits_held_out", "bits_se", "parameters"}
    assert all(keys <= set(own) for own in found["fits"])
    fits = {own["law"]: own for own in found["fits"] if own["cell"] == "pyr"}
    assert fits["constant"]["bits_held_out"] == 0
    assert fits["killed walk"]["bits_held_out"] > 0.05
    assert fits["killed walk"]["aic"] < fits["constant"]["aic"] - 20
    assert found["recovery"]["pyr"]["constant"] > 0.7
    assert 0.5 < found["coverage"]["pyr"]["bootstrap"] <= 1
    assert found["controls"]["pyr"]["shuffled sessions, misfit p"] < 0.1
    assert found["controls"]["pyr"]["lags in looks instead of days, log likelihood lost"] > 3
    text = capsys.readouterr().out
    assert "killed walk" in text
    assert "coverage, pv" in text


def test_tables_that_are_none(folder, capsys):
    (folder / "in" / "below" / "melander2021_synapses.csv").write_text("cell,session0\npyr,1\n")
    with pytest.raises(SystemExit, match="2"):
        synapse_laws.main(["--data-dir", str(folder / "in"), "--out", str(folder / "out")])
    assert "must have one column per look" in capsys.readouterr().err
    assert not (folder / "out").exists()
