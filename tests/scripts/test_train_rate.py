"""What the training script of the rate-based network writes, and that it learns."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import math
import os
import pickle

import numpy as np
import pytest
from matplotlib import pyplot as plt

from models import data
from models.mlp import DIGITS, MNIST
from models.speech_lstm import SPEECH
from scripts import rate_methods, sweep_connectivity
from scripts.rate_methods import METHODS, TASKS, VARYING, changed, count_weights, train
from scripts.train_rate import main
from synaptic_sampling import FixedWiring, RewiringLog
from synaptic_sampling.reporting.answers import accuracy

SITES = 64 * 300 + 300 * 100 + 100 * 10
K = SITES // 20
STEPS = 43  # per epoch


@pytest.mark.slow
def test_several_processes_write_the_same_files(tmp_path):
    found = {}
    for n in (1, 2):
        out = tmp_path / str(n)
        summary = main(["--quick", "--epochs", "1", "--seeds", "3", "--n-jobs", str(n), "--out", str(out)])
        assert summary["seeds"] == [1, 2, 3]
        # Workers have compiled kernels and data in memory, as a process that trains itself has.
        assert summary["peak_bytes"] > 1e8
        rest = {name: value for name, value in summary.items() if "seconds" not in name and name != "peak_bytes"}
        weights = [dict(np.load(out / f"weights-{seed}.npz")) for seed in (1, 2, 3)]
        hashes = [hashlib.sha256(b"".join(part.tobytes() for part in each.values())).hexdigest() for each in weights]
        events = [RewiringLog.open(out / f"log-{seed}.rewiring").events.tobytes() for seed in (1, 2, 3)]
        found[n] = rest, hashes, events, sorted(path.name for path in out.iterdir())
    assert found[1] == found[2]
    assert len(set(found[1][1])) == 3


def test_quick_run_writes_what_it_says(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    found = main(["--quick", "--seed", "5", "--seeds", "2", "--out", str(out)])
    assert json.loads((out / "summary.json").read_text()) == found
    assert (found["task"], found["method"], found["quick"]) == ("digits", "deepr", True)
    assert (found["connectivity"], found["seed"], found["seeds"]) == ([0.05] * 3, 5, [5, 6])
    assert found["sites"] == SITES
    assert found["connections"] == found["connections_min"] == found["connections_max_ever"] == K
    assert found["connections_per_layer"] == [960, 1500, 50]
    assert found["peak_bytes"] > 1e7
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


class Killed(Exception):
    """Ends a run, as a kill does."""


def killed(monkeypatch, calls, arguments, error=Killed, seen=Killed):
    """Run until the weights are counted for the last of so many times, which comes before a checkpoint."""
    left = iter(range(calls))

    def count(net):
        if next(left, None) is None:
            raise error
        return count_weights(net)

    with monkeypatch.context() as patch:
        patch.setattr(rate_methods, "count_weights", count)
        with pytest.raises(seen):
            main(arguments)


def assert_same(one, other):
    """Compare summaries, weights and logs of two folders."""
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())
    own, others = (json.loads((folder / "summary.json").read_text()) for folder in (one, other))
    for name in own.keys() - {"seconds", "seconds_per_seed", "peak_bytes"}:
        assert own[name] == others[name], name
    for path in one.glob("weights-*.npz"):
        own, others = np.load(path), np.load(other / path.name)
        for name in own:
            np.testing.assert_array_equal(own[name], others[name])
    for path in one.glob("log-*.rewiring"):
        own, others = RewiringLog.load(path), RewiringLog.load(other / path.name)
        assert own.events.tobytes() == others.events.tobytes()
        assert own.times.tobytes() == others.times.tobytes()
        assert own.metadata == others.metadata
        for a, b in zip(own.snapshots, others.snapshots, strict=True):
            assert a[:2] == b[:2]
            for values, more in zip(a[2:], b[2:], strict=True):
                np.testing.assert_array_equal(values, more)


#: 'rigl' rewires between steps, 'prune' has three networks.
RESUMED = ("rigl", "prune")
OTHERS = tuple(method for method in METHODS if method not in RESUMED)


@pytest.mark.parametrize("method", [*RESUMED, *(pytest.param(m, marks=pytest.mark.slow) for m in OTHERS)])
def test_a_run_that_was_stopped_goes_on(method, tmp_path, monkeypatch, capsys):
    """Before the first checkpoint, and later; at the end, nothing shows it."""
    arguments = ["--quick", "--method", method, "--epochs", "4"]
    main([*arguments, "--out", str(tmp_path / "whole")])
    cut = [*arguments, "--out", str(tmp_path / "cut")]
    killed(monkeypatch, 1, [*cut, "--checkpoint-every", "1"])
    for calls in (3, 2):
        killed(monkeypatch, calls, [*cut, "--resume"])
    with pytest.raises(SystemExit):
        main(cut)
    assert "(unfinished); pass --overwrite" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*cut, "--checkpoint-every", "2"])
    assert "(unfinished); pass --resume to go on, or --overwrite" in capsys.readouterr().err
    assert main([*cut, "--resume"])["seconds"] > 0
    assert_same(tmp_path / "whole", tmp_path / "cut")


def test_a_run_that_replaces_another_goes_on(tmp_path, monkeypatch, capsys):
    """As its message says: with --resume in place of --overwrite."""
    arguments = ["--quick", "--epochs", "3"]
    main([*arguments, "--seed", "2", "--out", str(tmp_path / "whole")])
    replaced, out = [*arguments, "--out", str(tmp_path / "cut")], tmp_path / "cut"
    main(replaced)
    before = (out / "summary.json").read_bytes()
    replaced += ["--seed", "2"]
    with pytest.raises(SystemExit):
        main([*replaced, "--resume"])
    assert "already contains results" in capsys.readouterr().err, "nothing was started that goes on"
    killed(monkeypatch, 3, [*replaced, "--overwrite", "--checkpoint-every", "1"], KeyboardInterrupt, SystemExit)
    said = capsys.readouterr().err
    assert "the same command with --resume in place of --overwrite goes on from the last checkpoint." in said
    assert (out / "summary.json").read_bytes() == before
    with pytest.raises(SystemExit):
        main([*replaced, "--checkpoint-every", "1"])
    assert "pass --resume to go on, or --overwrite to replace them" in capsys.readouterr().err
    main([*replaced, "--resume"])
    assert_same(tmp_path / "whole", out)


def test_a_seed_that_was_started_is_not_left_out(tmp_path, monkeypatch, capsys):
    """Its log would be among the results of those that have finished."""
    arguments = ["--quick", "--epochs", "1", "--seed", "9", "--out", str(tmp_path)]
    killed(monkeypatch, 3, [*arguments, "--seeds", "3", "--checkpoint-every", "1"])
    (unfinished,) = tmp_path.iterdir()
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    assert "log-10.rewiring" in before
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--seeds", "1", "--resume"])
    assert "argument --seeds: must include 10, started in " in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in unfinished.iterdir()} == before
    assert main([*arguments, "--seeds", "2", "--resume"])["seeds"] == [9, 10], "the third one was not started"


def test_other_options_are_refused_where_a_run_goes_on(tmp_path, monkeypatch, capsys):
    arguments = ["--quick", "--epochs", "3", "--out", str(tmp_path)]
    killed(monkeypatch, 2, [*arguments, "--checkpoint-every", "1"])
    (unfinished,) = tmp_path.iterdir()
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    assert set(before) == {"checkpoint-1.npz", "log-1.rewiring", "options.json"}
    for others, message in [
        (["--learning-rate", "0.3"], "learning_rate is None there and 0.3 here"),
        (["--method", "set"], "method is 'deepr' there and 'set' here"),
        (["--epochs", "4"], "epochs is 3 there and 4 here"),
        (["--seed", "2"], "seed is 1 there and 2 here"),
        (["--overwrite"], "cannot be combined with --overwrite"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            main([*arguments, *others, "--resume"])
        said = capsys.readouterr().err
        assert "argument --resume: " in said
        assert message in said
    assert {path.name: path.read_bytes() for path in unfinished.iterdir()} == before


def test_a_full_disk_is_reported(tmp_path, monkeypatch, capsys):
    """What was saved stays, and the run goes on from it."""
    arguments = ["--quick", "--epochs", "3", "--out", str(tmp_path), "--checkpoint-every", "1"]
    savez, left = np.savez, iter([True])

    def full(file, **entries):
        if next(left, False):
            return savez(file, **entries)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    said = capsys.readouterr().err
    assert f"argument --out: cannot write to {tmp_path}" in said
    assert "No space left on device; what was saved is intact, and --resume goes on from it" in said
    assert main([*arguments, "--resume"])["samples_by_test"] == [1347 * n for n in (1, 2, 3)]


DENSE_AT_FIRST = {"dense": SITES, "l1": K, "prune": K}


@pytest.mark.parametrize("method", [method for method in METHODS if method not in VARYING])
def test_every_method_learns_and_travels_between_processes(method):
    result = pickle.loads(pickle.dumps(train(method=method, quick=True, seed=2)))
    assert result.births == result.deaths == result.log.num_births
    assert (result.births > 0) == (method in {"deepr", "set", "rigl"})
    assert result.connections == sum(result.connections_per_layer) == DENSE_AT_FIRST.get(method, K)
    assert result.connections_max == (SITES if method in DENSE_AT_FIRST else K)
    assert sum(values.size for name, values in result.weights.items() if name.endswith("_w")) == result.connections
    assert result.sites == SITES
    assert len(result.accuracies) == 5
    assert 0.3 < result.accuracies[-1] <= 1


@pytest.mark.parametrize("method", VARYING)
def test_numbers_that_vary(method):
    result = train(method=method, quick=True, seed=2)
    assert result.births == result.log.num_births > 0
    assert result.births - result.deaths == result.connections - K
    assert result.connections == sum(result.connections_per_layer) != K
    assert result.connections_min <= min(K, result.connections)
    assert result.connections_max >= max(K, result.connections)
    for layer in range(3):
        assert len(result.log.wiring(index=2 * layer)[0]) == result.connections_per_layer[layer]
    assert result.accuracies[-1] > 0.15


@pytest.mark.parametrize("method", ["rigl", "l1", "prune"])
def test_methods_learn_other_tasks(method, monkeypatch, rng):
    """An LSTM: that a convolution does is seen in tests/rate."""
    net = SPEECH.make(SPEECH.rules["dense"], None)
    x, y = np.abs(rng.standard_normal((40, net.num_in))).astype(np.float32), rng.integers(0, 10, 40)
    monkeypatch.setitem(TASKS, "speech", TASKS["speech"]._replace(load=lambda _: ((x, y), (x[:9], y[:9]))))
    result = train(task="speech", method=method, quick=True)
    assert result.connections_per_layer == SPEECH.counts(SPEECH.connectivity)
    assert result.connections_max == (sum(SPEECH.sites) if method in DENSE_AT_FIRST else result.connections)
    assert (result.births > 0) == (method == "rigl")
    assert (result.log.metadata["task"], result.log.metadata["method"]) == ("speech", method)
    assert (result.log.metadata["batch_size"], result.log.metadata["epochs"]) == (32, 5)
    assert result.log.metadata["schedule"]["class"] == "Decay"


@pytest.mark.parametrize(("method", "fewest"), [("l1", 2), ("prune", 3)])
def test_what_is_pruned_learns_on(method, fewest, tmp_path, capsys):
    """With fewer epochs, the last accuracy would be that of the network before it was pruned."""
    result = train(method=method, quick=True, epochs=fewest)
    assert result.details["connections_by_test"][-1] == result.connections == K
    text = f"epochs must be at least {fewest} with method '{method}', which trains on after pruning, got {fewest - 1}."
    with pytest.raises(ValueError, match=text):
        train(method=method, quick=True, epochs=fewest - 1)
    for script, methods in ((main, ["--method", method]), (sweep_connectivity.main, ["--methods", f"deepr,{method}"])):
        with pytest.raises(SystemExit, match="2"):
            script([*methods, "--epochs", str(fewest - 1), "--out", str(tmp_path / "out")])
        assert f"argument --epochs: {text}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_training_need_not_be_recorded():
    whole, bare = (train(quick=True, record=record) for record in (True, False))
    assert whole.births > 0
    assert (bare.births, bare.log.num_births, len(bare.log.snapshots)) == (0, 0, len(whole.log.snapshots))
    assert bare.accuracies == whole.accuracies
    np.testing.assert_array_equal(bare.weights["0_w"], whole.weights["0_w"])


def test_connections_are_counted_anew(monkeypatch):
    def make_leaky(*args, **options):
        net = DIGITS.make(*args, **options)
        c = net.connections[1]
        c.pre[3], c.post[3] = c.pre[5], c.post[5]
        return net

    monkeypatch.setitem(TASKS, "digits", DIGITS._replace(make=make_leaky))
    result = train(method="fixed", quick=True)
    assert (result.connections_min, result.connections) == (K - 1, K - 1)


def test_sparse_methods_begin_alike():
    nets = [DIGITS.make(DIGITS.rules[method], [960, 1500, 50], seed=3) for method in ("deepr", "fixed")]
    for one, two in zip(*(net.connections for net in nets), strict=True):
        for name, values in one.state().items():
            np.testing.assert_array_equal(values, two.state()[name])


def test_connectivity_is_shared_out():
    assert MNIST.counts([0.01, 0.03, 0.3]) == [2352, 900, 300]
    assert DIGITS.counts([0.05]) == [960, 1500, 50]
    assert MNIST.counts([0.01334]) == [2351, 899, 299]  # Rounded down.
    assert MNIST.counts([1.0]) == list(MNIST.sites)
    many = MNIST.counts([0.1])
    assert many[2] == 1000
    assert sum(many) == pytest.approx(26620, abs=2)
    assert many[1] / 30000 == pytest.approx(3 * many[0] / 235200, rel=1e-3)
    with pytest.raises(ValueError, match="connectivity must be one number or 3, got 2"):
        MNIST.counts([0.1, 0.2])


def test_counts_of_another_run_and_one_budget(tmp_path):
    first = main(["--quick", "--budget", "network", "--out", str(tmp_path / "a")])
    assert sum(first["connections_per_layer"]) == first["connections_max_ever"] == K
    assert first["connections_per_layer"] != [960, 1500, 50]
    assert first["budget"] == RewiringLog.load(tmp_path / "a" / "log-1.rewiring").metadata["budget"] == "network"
    arguments = ["--quick", "--method", "fixed", "--out", str(tmp_path / "b")]
    second = main([*arguments, "--connections-from", str(tmp_path / "a" / "summary.json")])
    assert second["connections_per_layer"] == first["connections_per_layer"]
    shares = [n / sites for n, sites in zip(first["connections_per_layer"], DIGITS.sites, strict=True)]
    assert second["connectivity"] == shares != first["connectivity"]
    dense = main(["--quick", "--epochs", "1", "--method", "dense", "--out", str(tmp_path / "c")])
    assert dense["connectivity"] == [1.0] * 3


def test_test_images_can_be_left_alone():
    (images, labels), (held_out, held_labels) = DIGITS.split(DIGITS.load(None))
    assert (len(images), len(labels), len(held_out), len(held_labels)) == (1047, 1047, 300, 300)
    result = train(quick=True, validation=True)
    assert result.samples[0] == 1047


@pytest.mark.parametrize(("options", "tested"), [([], "test"), (["--validation"], "validation")])
def test_accuracies_are_called_what_they_are(options, tested, tmp_path, capsys, monkeypatch):
    labels = []
    monkeypatch.setattr(plt, "close", lambda figure: labels.append(figure.axes[0].get_ylabel()))
    main(["--quick", "--epochs", "1", *options, "--out", str(tmp_path)])
    assert f"seed 1: {tested} accuracy " in capsys.readouterr().err
    assert labels == [f"{tested} accuracy (%)"]
    log = RewiringLog.open(tmp_path / "log-1.rewiring")
    assert [answer.question for answer in accuracy(log, log)] == [f"{tested.capitalize()} accuracy"]


def test_wrong_arguments_are_refused(capsys, tmp_path):
    for arguments, message in [
        (["--connectivity", "1.5"], "connectivity must be above 0 and at most 1, got 1.5"),
        (["--connectivity", "0.1,0.2"], "connectivity must be one number or 3, got 2"),
        (["--task", "mnist", "--data-dir", str(tmp_path)], "a data file is missing: expected "),
        (["--method", "hard"], "invalid choice: 'hard'"),
        (["--task", "speech", "--method", "soft"], "--method: 'soft' has parameters for the tasks digits and mnist"),
        (["--method", "sampling", "--l1", "0.1"], "--l1: belongs to methods 'deepr' and 'soft', got 'sampling'"),
        (["--method", "prune", "--budget", "network"], "--budget: 'network' requires method 'deepr', got 'prune'"),
        (["--task", "speech", "--data-dir", str(tmp_path)], "fsdd_recordings.tar.xz with SHA-256"),
        (["--task", "cifar10", "--data-dir", str(tmp_path)], "data_batch_1 with MD5"),
    ]:
        with pytest.raises(SystemExit):
            main([*arguments, "--quick", "--out", str(tmp_path)])
        assert message in capsys.readouterr().err


def test_rules_have_noise():
    assert DIGITS.rules["deepr"].temperature > 0
    rule = MNIST.rules["deepr"]
    assert rule.noise_scale == pytest.approx(5.2e-6 * rule.learning_rate)


def test_parameters_can_be_changed():
    rule = changed(MNIST.rules["deepr"], 0.8, 1e-3)
    assert (rule.learning_rate, rule.l1) == (0.8, 1e-3)
    assert rule.noise_scale == pytest.approx(5.2e-6 * 0.8)
    assert changed(MNIST.rules["deepr"], None, None) == MNIST.rules["deepr"]
    assert changed(FixedWiring(0.6), 0.3, None) == FixedWiring(0.3)
    soft = changed(MNIST.rules["soft"], 0.5, None)
    assert soft.noise_scale / 0.5 == pytest.approx(MNIST.rules["soft"].noise_scale / MNIST.rules["soft"].learning_rate)
    assert changed(DIGITS.rules["sampling"], 0.5, None).learning_rate == 0.5


@pytest.fixture
def small_mnist(tmp_path, monkeypatch, rng):
    """Four files of MNIST's form, with few images of noise."""
    (tmp_path / "mnist").mkdir()
    for name in data.MNIST_SHA256:
        count = 300 if name.startswith("train") else 50
        content = bytes(16) + rng.integers(0, 256, count * 784, dtype=np.uint8).tobytes()
        if "labels" in name:
            content = bytes(8) + (np.arange(count) % 10).astype(np.uint8).tobytes()
        packed = gzip.compress(content)
        (tmp_path / "mnist" / name).write_bytes(packed)
        monkeypatch.setitem(data.MNIST_SHA256, name, hashlib.sha256(packed).hexdigest())
    return tmp_path


def test_mnist_with_its_defaults(small_mnist, tmp_path):
    found = main(["--task", "mnist", "--epochs", "2", "--data-dir", str(small_mnist), "--out", str(tmp_path / "out")])
    assert (found["connections"], found["connections_per_layer"]) == (3552, [2352, 900, 300])
    assert found["samples_by_test"] == [300, 600]
    log = RewiringLog.load(tmp_path / "out" / "log-1.rewiring")
    assert (log.last_step, log.metadata["batch_size"]) == (2 * math.ceil(300 / 32), 32)
    assert (log.metadata["schedule"]["class"], log.metadata["schedule"]["epochs"]) == ("LinearDecay", 2)


def test_a_method_may_have_batches_of_its_own(small_mnist):
    result = train(task="mnist", method="rigl", epochs=2, data_dir=small_mnist)
    assert result.log.metadata["batch_size"] == 10


@pytest.mark.slow
def test_deepr_recognises_the_digits():
    methods = ("deepr", "fixed", "dense")
    accuracies = {m: np.mean([train(method=m, seed=seed).accuracies[-1] for seed in (1, 2, 3)]) for m in methods}
    assert 0.95 <= accuracies["deepr"] > accuracies["fixed"] > 0.9
