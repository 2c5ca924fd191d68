"""What the training script of the rate-based network writes, and that it learns."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from models.mlp import RULES, make_mlp
from scripts.train_rate import main, train
from synaptic_sampling import RewiringLog

SITES = 64 * 300 + 300 * 100 + 100 * 10
K = SITES // 20
STEPS = 43  # per epoch


def test_quick_run_writes_what_it_says(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    found = main(["--quick", "--seed", "5", "--seeds", "2", "--out", str(out)])
    assert json.loads((out / "summary.json").read_text()) == found
    assert (found["task"], found["method"], found["quick"]) == ("digits", "deepr", True)
    assert (found["connectivity"], found["seed"], found["seeds"]) == (0.05, 5, [5, 6])
    assert found["sites"] == SITES
    assert found["connections"] == found["connections_min"] == found["connections_max"] == K
    assert found["births"] == found["deaths"] > 0
    assert found["accuracy_mean"] == np.mean(found["accuracies"])
    assert found["samples_by_test"] == [1347 * n for n in range(1, 6)]
    assert found["seconds"] > 0
    assert "wrote summary.json" in capsys.readouterr().out
    assert (out / "figure-6.png").stat().st_size > 10_000

    log = RewiringLog.load(out / "log-6.rewiring")
    assert log.last_step == 5 * STEPS
    assert len(log.sets) == 3
    weights = np.load(out / "weights-6.npz")
    for layer, index in enumerate(log.sets):
        pre, post, polarity = log.wiring(index=index)
        np.testing.assert_array_equal(weights[f"{layer}_pre"], pre)
        np.testing.assert_array_equal(weights[f"{layer}_post"], post)
        assert np.all(weights[f"{layer}_w"] * polarity >= 0)


@pytest.mark.parametrize(("method", "connections"), [("fixed", K), ("dense", SITES)])
def test_baselines_have_no_events_and_travel_between_processes(method, connections):
    result = pickle.loads(pickle.dumps(train(method=method, quick=True, seed=2)))
    assert result.births == result.deaths == result.log.num_births == 0
    assert result.connections == result.connections_min == result.connections_max == connections
    assert sum(values.size for name, values in result.weights.items() if name.endswith("_w")) == connections
    assert result.sites == SITES
    assert 0.5 < result.accuracies[-1] <= 1


def test_connections_are_counted_after_every_step(monkeypatch):
    def make_leaky(*args, **options):
        net = make_mlp(*args, **options)
        original, connections = net.step, net.connections[1]

        def step():
            infos = original()
            if connections.steps_done == 7:
                connections.pre[3], connections.post[3] = connections.pre[5], connections.post[5]
            return infos

        net.step = step
        return net

    monkeypatch.setattr("scripts.train_rate.make_mlp", make_leaky)
    result = train(method="fixed", quick=True)
    assert (result.connections_min, result.connections, result.connections_max) == (K - 1, K, K)


def test_sparse_methods_begin_alike():
    for one, two in zip(make_mlp("deepr", seed=3).connections, make_mlp("fixed", seed=3).connections, strict=True):
        for name, values in one.state().items():
            np.testing.assert_array_equal(values, two.state()[name])


def test_wrong_arguments_are_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["--connectivity", "1.5", "--out", str(tmp_path)])
    assert "connectivity must be above 0 and at most 1, got 1.5" in capsys.readouterr().err
    with pytest.raises(ValueError, match="method must be one of 'deepr', 'fixed', 'dense', got 'soft'"):
        make_mlp("soft")


def test_rule_has_noise():
    assert RULES["deepr"].temperature > 0


@pytest.mark.slow
def test_deepr_recognises_the_digits():
    accuracies = {m: np.mean([train(method=m, seed=seed).accuracies[-1] for seed in (1, 2, 3)]) for m in RULES}
    assert 0.95 <= accuracies["deepr"] > accuracies["fixed"] > 0.9
