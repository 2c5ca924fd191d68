"""The network that is fitted to presence alone: its law is exact, and the script runs on tables of the same form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scripts import synapse_network
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.statistics import observed
from tests.scripts.test_synapse_laws import folder as folder_fixture

folder = folder_fixture


@pytest.mark.statistical
@pytest.mark.parametrize(("memory", "mean"), [(500.0, -2.5), (60.0, 1.2)])
def test_paths_follow_the_fitted_law(memory, mean):
    """|z| < 4.9 at 7 looks, a false-alarm rate of 7e-6; those that return are new, as in the data."""
    seen = synapse_network.paths(memory, mean, 1)
    law = LAWS["synaptic sampling"].survival_of_seen([memory, mean], np.arange(8.0))
    found = observed.survival_of_seen(seen, start=0, resamples=20)
    z = (found.value - law)[1:] / np.sqrt(law * (1 - law) / found.number[0])[1:]
    assert np.abs(z).max() < 4.9
    assert (np.diff(seen.presence, axis=1) == 1).sum(axis=1).max() == 1
    assert (seen.weights[seen.seen] >= 1).all()


@pytest.mark.slow
@pytest.mark.cython
def test_fit_and_prediction(folder, monkeypatch, capsys):
    for name, value in (("ACTIVE", 200), ("POSTSYNAPTIC", 10), ("RESAMPLES", 3)):
        monkeypatch.setattr(synapse_network, name, value)
    assert synapse_network.main(["--data-dir", str(folder / "in"), "--out", str(folder / "out")]) == 0
    found = json.loads((folder / "out" / "network.json").read_text())
    for cell in ("pyr", "pv"):
        own = found[cell]
        assert set(own) == {"fitted", "in vivo", "law", "network", "network with STDP"}
        assert set(own["law"]) == set(own["in vivo"]) == set(own["network"])
        name = "seen, seen again 8 days later"
        assert own["network"][name][0] == pytest.approx(own["law"][name][0], abs=0.06)
        assert own["law"][name][0] == pytest.approx(own["in vivo"][name][0], abs=0.06)
    assert (folder / "out" / "network.png").stat().st_size > 20_000
    assert "correlation of log weights, 4 days" in capsys.readouterr().out
