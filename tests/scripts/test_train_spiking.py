"""What the training script of the spiking network writes, and that it learns."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest

from models.spiking_tasks import METHODS, TASKS
from scripts import train_spiking
from scripts.train_spiking import main, train
from synaptic_sampling import RewiringLog

SITES = 150 * 64 + 150 * 149
K = 96 + 224


@pytest.fixture
def numpy_target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


@pytest.fixture
def quick(numpy_target, tmp_path):
    found = main(["--quick", "--device", "runtime", "--seed", "5", "--out", str(tmp_path / "new" / "folder")])
    return found, tmp_path / "new" / "folder"


def test_quick_run_writes_what_it_says(quick):
    found, out = quick
    assert json.loads((out / "summary.json").read_text()) == found
    assert found["task"] == "digits"
    assert found["method"] == "deepr"
    assert found["quick"] is True
    assert found["seeds"] == [5]
    assert found["sites"] == SITES
    assert found["connections"] == found["connections_min"] == found["connections_max"] == K
    assert found["births"] == found["deaths"] > 0
    assert found["accuracy_mean"] == found["accuracies"][0]
    assert found["samples_by_test"] == [320]
    assert found["parameters"]["batch"] == 16
    assert found["step_ratio"] == TASKS["digits"].rule("deepr", 0.01).step_ratio
    assert found["connections_with_readout"] == [K + 1500]
    assert found["connectivity_with_readout"] == [(K + 1500) / (SITES + 1500)]
    assert 5 < found["rate_hz"][0] < 100
    assert found["seconds"] > 0
    assert (out / "figure-5.png").stat().st_size > 10_000

    log = RewiringLog.load(out / "log-5.rewiring")
    assert log.num_births == found["births"]
    assert [about.num_sites for about in log.sets.values()] == [150 * 64, 150 * 149]
    assert log.last_step == 20
    assert log.times["samples"].tolist() == [16.0 * step for step in range(1, 21)]

    weights = np.load(out / "weights-5.npz")
    for index, name in enumerate(("input", "recurrent")):
        pre, post, polarity = log.wiring(index=index)
        np.testing.assert_array_equal(weights[f"{name}_pre"], pre)
        np.testing.assert_array_equal(weights[f"{name}_post"], post)
        assert np.all(weights[f"{name}_w"] * polarity >= 0)
    assert len(weights["readout_w"]) == 1500


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(numpy_target, tmp_path, monkeypatch, capsys):
    options = [
        "--quick",
        "--device",
        "runtime",
        "--epochs",
        "2",
        "--seed",
        "3",
        "--seeds",
        "2",
        "--checkpoint-every",
        "1",
    ]
    whole = main([*options, "--out", str(tmp_path / "whole")])
    tell = train_spiking.tell

    def stop(seed, tested, result):
        tell(seed, tested, result)
        if (seed, len(result.samples)) == (4, 1):
            raise KeyboardInterrupt

    out = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(train_spiking, "tell", stop)
        with pytest.raises(SystemExit):
            main([*options, "--out", str(out)])
    said = capsys.readouterr().err
    assert "the same command with --resume goes on from the last checkpoint" in said
    assert f"seed 4: epoch 1, test accuracy {100 * whole['accuracy_by_test'][1][0]:.1f} %" in said
    with pytest.raises(SystemExit):
        main([*options, "--method", "fixed", "--resume", "--out", str(out)])
    assert "argument --resume: " in capsys.readouterr().err
    summary = main([*options, "--resume", "--out", str(out)])
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}
    for name in summary.keys() - {"seconds", "seconds_per_seed", "seconds_without_compilation", "peak_bytes"}:
        assert summary[name] == whole[name], name
    for seed in (3, 4):
        one, other = (np.load(folder / f"weights-{seed}.npz") for folder in (out, tmp_path / "whole"))
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
        one, other = (RewiringLog.load(folder / f"log-{seed}.rewiring") for folder in (out, tmp_path / "whole"))
        np.testing.assert_array_equal(one.events, other.events)


def test_fixed_wiring_has_no_events_and_travels_between_processes(numpy_target):
    result = pickle.loads(pickle.dumps(train(method="fixed", quick=True, seed=2, device="runtime")))
    assert result.births == result.deaths == result.log.num_births == 0
    assert result.connections == result.connections_min == result.connections_max == K
    assert 0.15 < result.accuracies[-1] <= 1


def test_wrong_connectivity_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["--connectivity", "1.5", "--out", str(tmp_path)])
    assert "connectivity must be above 0 and at most 1, got 1.5" in capsys.readouterr().err


@pytest.mark.parametrize(("method", "stated"), [("deepr", [1.0, 0.02]), ("dense", [1.0, 1.0])])
def test_the_summary_states_the_connectivity_of_the_network(method, stated, monkeypatch, tmp_path):
    monkeypatch.setattr(train_spiking, "train_seeds", lambda train, given, *_: {"connectivity": given.connectivity})
    assert main(["--task", "ecg", "--method", method, "--out", str(tmp_path)])["connectivity"] == stated


def test_without_recurrent_synapses(numpy_target):
    result = train(connectivity=[0.05, 0.0], quick=True, device="runtime")
    assert set(result.weights) == {f"{name}_{part}" for name in ("input", "readout") for part in ("pre", "post", "w")}
    assert result.connections == 480


def test_a_log_notes_that_validation_data_were_tested(numpy_target, tmp_path, monkeypatch):
    monkeypatch.setattr(train_spiking, "TASKS", {"digits": replace(TASKS["digits"], quick=48)})
    for validation in (False, True):
        path = tmp_path / f"{validation}.rewiring"
        train(quick=True, device="runtime", validation=validation, log_path=path)
        assert RewiringLog.load(path).metadata.get("validation", False) is validation


def test_channels_are_those_of_the_data():
    for name in ("digits", "evidence"):
        assert TASKS[name].sequences(quick=True).num_channels == TASKS[name].channels


@pytest.mark.skipif("SYNAPTIC_SAMPLING_DATA" not in os.environ, reason="needs data sets")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "rows", "ecg", "braille", "speech"])
def test_channels_are_those_of_files(name):
    assert TASKS[name].sequences(quick=True).num_channels == TASKS[name].channels


@pytest.mark.slow
def test_soft_deep_r_reports_how_many_connections_are_active(numpy_target, tmp_path):
    """It starts at the connectivity and ends near it; the last number is that of active connections."""
    options = ["--quick", "--method", "soft", "--device", "runtime", "--seed", "5", "--out", str(tmp_path)]
    found = main(options)
    assert found["connections"] == K + found["births"] - found["deaths"]
    assert found["connections_min"] < found["connections_max"]
    assert 0.5 * K < found["connections"] < 2 * K
    assert found["step_ratio"] is None, "the null law of DEEP R is not that of soft DEEP R"
    weights = np.load(tmp_path / "weights-5.npz")
    assert len(weights["input_w"]) + len(weights["recurrent_w"]) == found["connections"]
    assert (weights["input_w"] != 0).all()


def test_every_method_has_parameters_for_every_task():
    for task in TASKS.values():
        for method in METHODS:
            net = task.make(method, task.connectivity)
            assert net.input.connectivity == (1.0 if method == "dense" else task.connectivity[0])
            assert json.dumps(task.described(method))


@pytest.fixture
def cython_target():
    """Compile modules for runtime mode."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "cython"
    yield
    b2.prefs.codegen.target = before


def assert_same_bits(one, other):
    """Compare two results of training."""
    assert one.accuracies == other.accuracies
    np.testing.assert_array_equal(one.log.events, other.log.events)
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, other.weights[name])


@pytest.mark.slow
@pytest.mark.cython
def test_a_program_learns_as_runtime_mode_does(cython_target):
    """At 1 % connectivity, half-way; chance is 10 %."""
    one, other = (train(epochs=10, seed=1, device=device) for device in ("runtime", "cpp_standalone"))
    assert one.accuracies[-1] > 0.84
    assert_same_bits(one, other)


@pytest.mark.skipif("SYNAPTIC_SAMPLING_DATA" not in os.environ, reason="needs data sets")
@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_the_same_bits_in_both_modes(cython_target, name):
    """A few sequences of each; weights that never changed would be equal for any device."""
    one, other = (train(task=name, quick=True, seed=2, device=device) for device in ("runtime", "cpp_standalone"))
    assert one.births > 0
    assert_same_bits(one, other)
