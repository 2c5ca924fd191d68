"""How long ``fit`` trains, on which samples, and which checkpoints it accepts."""

from __future__ import annotations

import json
import logging
import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import SGD, Adam, DeepR, FixedWiring, RewiringLog
from synaptic_sampling.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.rate import (
    SET,
    Dropout,
    EachFrame,
    FrameCrossEntropy,
    FrameMeanSquaredError,
    Linear,
    MeanSquaredError,
    RateNetwork,
    ReLU,
    RigL,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Trainer,
    prune,
)
from synaptic_sampling.rate.training import fast_path

RULE = DeepR(learning_rate=0.1, l1=0.02, temperature=1e-4)
X, Y = np.random.default_rng(5).standard_normal((50, 18)).astype(np.float32), np.arange(50) % 4


def network(rule=RULE, **options):
    layers = [SparseLinear(18, 15, connections=60), ReLU(), Dropout(0.1), SparseLinear(15, 4, connections=20)]
    return RateNetwork([*layers, Linear(4, 4)], rule, **{"seed": 3, **options})


def fit(trainer, x=X, y=Y, **options):
    trainer.fit(x, y, **{"batch_size": 12, "report": None, **options})
    return trainer


def interrupted(trainer, step, **options):
    """Train up to the end of a step."""

    def watch(trainer):
        if trainer.steps_done == step:
            raise StopIteration

    with pytest.raises(StopIteration):
        fit(trainer, watch=watch, **options)
    return trainer


def states(trainer):
    return {name: np.array(values) for name, values in trainer.network.state().items()}


def equal(one, two):
    for name, values in states(one).items():
        assert_array_equal(values, states(two)[name])
    assert (one.history, one.steps_done) == (two.history, two.steps_done)


def test_epochs_are_more_and_until_epoch_is_the_total():
    trainer, whole, total = (Trainer(network()) for _ in range(3))
    for n in range(1, 4):
        fit(trainer, epochs=n)
        assert len(trainer.history) == n * (n + 1) // 2
    fit(whole, epochs=6)
    equal(trainer, whole)
    for n in (2, 3, 6):
        fit(total, until_epoch=n)
        assert len(total.history) == n
    equal(total, whole)
    assert [epoch.samples for epoch in whole.history] == [50, 100, 150, 200, 250, 300]


@pytest.mark.parametrize("step", [1, 4, 5, 7, 10])
@pytest.mark.parametrize("how", [{"epochs": 3}, {"until_epoch": 3}])
def test_an_interrupted_epoch_is_finished_and_counts_as_one(step, how):
    whole, cut = fit(Trainer(network()), epochs=3), interrupted(Trainer(network()), step, epochs=3)
    fit(cut, **({"epochs": 3 - step // 5} if "epochs" in how else how))
    equal(whole, cut)


def test_nothing_to_do_is_said(caplog):
    trainer = fit(Trainer(network()), epochs=2)
    before = trainer.steps_done, len(trainer.log.snapshots)
    with caplog.at_level(logging.WARNING, "synaptic_sampling"):
        fit(trainer, until_epoch=2)
        fit(trainer, until_epoch=1)
    assert [r.getMessage() for r in caplog.records] == [
        f"nothing to train: until_epoch={n}, but 2 epochs are complete; increase it, or use epochs=." for n in (2, 1)
    ]
    assert (trainer.steps_done, len(trainer.log.snapshots)) == before
    for wrong in ({}, {"epochs": 1, "until_epoch": 1}):
        with pytest.raises(
            TypeError, match=r"give either epochs \(further epochs\) or until_epoch \(epochs in total\)"
        ):
            fit(trainer, **wrong)
    for name in ("epochs", "until_epoch"):
        with pytest.raises(ValueError, match=f"{name} must be between 1 and"):
            fit(trainer, **{name: 0})


def test_other_samples_on_a_second_fit_are_shown():
    trainer, shown = fit(Trainer(network()), epochs=2), []
    original = trainer.network.gradients

    def watched(batch, *others):
        shown.extend(batch[:, 0].tolist())
        return original(batch, *others)

    trainer.network.gradients = watched
    fit(trainer, X[:20] + 7, Y[:20], epochs=1)
    assert sorted(shown) == sorted((X[:20] + 7)[:, 0].tolist())
    assert [epoch.samples for epoch in trainer.history] == [50, 100, 120]


def test_other_samples_end_an_epoch_under_way():
    trainer = interrupted(Trainer(network()), 7, epochs=2)
    fit(trainer, X[:20], Y[:20], epochs=1)
    assert [epoch.samples for epoch in trainer.history] == [50, 74, 94]
    same = interrupted(Trainer(network()), 7, epochs=2)
    fit(same, epochs=1, batch_size=1)
    assert [epoch.samples for epoch in same.history] == [50, 100]
    assert same.steps_done == 7 + 26


@pytest.mark.parametrize("step", [7, 10])
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"x": X + 1e-6}, "samples or targets differ"),
        ({"y": Y[::-1]}, "samples or targets differ"),
        ({"x": X[:40], "y": Y[:40]}, "samples or targets differ"),
        ({"batch_size": 10}, "batch_size is 10, but 12 in the checkpoint"),
    ],
)
def test_a_checkpoint_goes_on_with_its_own_data(tmp_path, step, other, message):
    interrupted(Trainer(network()), step, epochs=4).save(tmp_path / "run.npz")
    whole, resumed, free = fit(Trainer(network()), epochs=4), Trainer(network()), Trainer(network())
    resumed.load(tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match=f"{message}.*give the same ones, or use load"):
        fit(resumed, **other, until_epoch=4)
    assert resumed.steps_done == step
    fit(resumed, until_epoch=4)
    equal(whole, resumed)
    free.load(tmp_path / "run.npz", same_data=False)
    fit(free, **other, epochs=1)
    assert free.steps_done > step


def damaged(arrays, about):
    """Yield what is wrong with a checkpoint, and the message for it."""
    for name in ("0/theta", "3/theta", "1/value", "5/value", "0/moment0", "1/moment1"):
        for value in (np.nan, np.inf):
            bad = arrays[name].copy()
            bad.flat[3] = value
            yield {**arrays, name: bad}, about, f"{name[2:]} must be finite"
    for name, k, value, message in [
        ("0/theta", 5, -0.1, "theta must be >= 0 under DeepR, got -0.1.* for connection 5"),
        ("0/polarity", 5, 0, "polarity must hold"),
        ("0/birth_step", 5, 999, "birth_step must be between 0 and"),
        ("0/birth_step", 5, -1, "birth_step must be between 0 and"),
        ("0/pre", 5, 18, "between 0 and 17, got 18"),
        ("0/post", 5, -1, "between 0 and 14, got -1"),
    ]:
        bad = arrays[name].copy()
        bad[k] = value
        yield {**arrays, name: bad}, about, message
    twice = {name: arrays[f"0/{name}"].copy() for name in ("pre", "post")}
    for values in twice.values():
        values[1] = values[0]
    yield {**arrays, "0/pre": twice["pre"], "0/post": twice["post"]}, about, "exists twice"
    yield {**arrays, "0/polarity": -arrays["0/polarity"]}, about, "has another sign here"
    yield {**arrays, "0/theta": arrays["0/theta"].astype(float)}, about, "theta must hold float32"
    yield {**arrays, "0/theta": arrays["0/theta"][:-1]}, about, r"theta must have shape \(60,\)"
    fewer = {f"0/{name}": arrays[f"0/{name}"][:9] for name in ("pre", "post", "theta", "polarity", "birth_step")}
    yield {**arrays, **fewer, "0/moment0": np.zeros(9, "f"), "0/moment1": np.zeros(9, "f")}, about, "has 9 connections"
    for name in arrays:
        if not name[2:].startswith("moment"):
            yield {key: values for key, values in arrays.items() if key != name}, about, "but here it has"
        if name[2:] in {"steps_done", "missing", "optimizer_since"}:
            yield {**arrays, name: np.array(-1)}, about, "must be between 0 and|must be 0 to"
            yield {**arrays, name: np.zeros(2, int)}, about, "must be one number"
    yield {**arrays, "9/theta": np.zeros(3)}, about, "which this network does not have"
    for name, wrong in [
        ("steps_done", [-1, 2.5, None, "5"]),
        ("samples_done", [-1, 55, None]),
        ("position", [-1, 3, "x"]),
        ("rewired_at", [-1, 99]),
        ("most_connections", [-1, None]),
        ("under_way", [None, [], [0.0, 1, 2], [float("nan"), 0, 0, 0], [0.0, -1, 0, 0]]),
        ("history", [None, 3, [[1]], [[50, 0.1, 2.0, [60, 20], 0, 0]], [[50, 0.1, None, [60, -20], 0, 0]]]),
        ("course", [3, ["abc", 12], ["0" * 64, 0]]),
        ("network", ["x"]),
        ("seed", [4]),
        ("signs", [[]]),
    ]:
        for value in wrong:
            yield arrays, {**about, name: value}, ""
        yield arrays, {key: values for key, values in about.items() if key != name}, ""


def test_a_checkpoint_is_taken_on_whole_or_not_at_all(tmp_path):
    rule = DeepR(learning_rate=0.01, l1=0.02, temperature=1e-4, optimizer=Adam())
    interrupted(Trainer(network(rule)), 7, epochs=3).save(tmp_path / "good.npz")
    arrays, about = load_checkpoint(tmp_path / "good.npz")
    other = fit(Trainer(network(rule)), epochs=1)
    before, count = states(other), 0
    for bad_arrays, bad_about, message in damaged(arrays, about):
        save_checkpoint(tmp_path / "bad.npz", bad_arrays, json.loads(json.dumps(bad_about)))
        with pytest.raises(CheckpointError, match=message or None):
            other.load(tmp_path / "bad.npz")
        count += 1
        for name, values in states(other).items():
            assert_array_equal(values, before[name])
        assert (other.steps_done, len(other.history)) == (5, 1)
    assert count > 80
    other.load(tmp_path / "good.npz")
    assert other.steps_done == 7


def test_a_checkpoint_of_other_signs_rule_or_seed_is_refused(tmp_path):
    fit(Trainer(network()), epochs=1).save(tmp_path / "run.npz")
    mixed = np.random.default_rng(0).choice([-1, 1], 18)
    for other in (
        network(signs="presynaptic"),
        network(signs=1),
        network(seed=4),
        network(FixedWiring(0.1)),
        network(DeepR(learning_rate=0.1, l1=0.02, temperature=1e-5)),
        network(budget="network"),
    ):
        with pytest.raises(CheckpointError, match="of another network"):
            Trainer(other).load(tmp_path / "run.npz")
    one, two = (RateNetwork([SparseLinear(18, 4, connections=9)], RULE, signs=s) for s in (mixed, -mixed))
    Trainer(one).save(tmp_path / "one.npz")
    with pytest.raises(CheckpointError, match="of another network"):
        Trainer(two).load(tmp_path / "one.npz")


def test_theta_below_zero_and_signs_of_weights_without_rewiring(tmp_path):
    """FixedWiring allows theta < 0, and pruning keeps the signs of the weights."""
    pruned = prune(RateNetwork([Linear(18, 15), ReLU(), Linear(15, 4)], FixedWiring(0.5), seed=1), [60, 20])
    trainer = fit(Trainer(pruned), epochs=3)
    assert any((c.theta < 0).any() for c in pruned.connections)
    trainer.save(tmp_path / "run.npz")
    again = prune(RateNetwork([Linear(18, 15), ReLU(), Linear(15, 4)], FixedWiring(0.5), seed=1), [60, 20])
    resumed = Trainer(again)
    resumed.load(tmp_path / "run.npz")
    equal(trainer, resumed)


def test_recording_can_be_switched_off(tmp_path):
    silent, whole = Trainer(network(), record=False, snapshot_every=1), Trainer(network())
    for watch in (None, lambda _: None):
        for trainer in (silent, whole):
            fit(trainer, epochs=2, watch=watch)
    equal(silent, whole)
    assert whole.log.num_births == sum(epoch.births for epoch in silent.history) > 0
    assert not silent.log.snapshots
    assert not len(silent.log.events)
    assert not silent.log.metadata
    with pytest.raises(ValueError, match="record=False leaves the log empty, but log is given"):
        Trainer(network(), log=RewiringLog(), record=False)
    with pytest.raises(TypeError, match="record must be True or False, got 1"):
        Trainer(network(), record=1)


@pytest.mark.parametrize("loss", [FrameCrossEntropy(), FrameMeanSquaredError()])
def test_frames_are_tested_but_for_those_without_a_label(rng, loss):
    net = RateNetwork(
        [SparseLSTM(4, 8, connectivity=0.5, steps=5, output="all"), EachFrame(SparseLinear(8, 3, connectivity=0.5))],
        FixedWiring(0.1),
    )
    x, labels = rng.random((12, 20)), rng.integers(0, 3, (12, 5))
    labels[rng.random((12, 5)) < 0.4] = -1
    targets = labels if isinstance(loss, FrameCrossEntropy) else rng.random((12, 5, 3))
    trainer = Trainer(net, loss)
    trainer.fit(x, targets, epochs=3, batch_size=6, test=(x, labels), report=None)
    found = net.outputs(x).reshape(12, 5, 3).argmax(axis=2)
    right = [found[n, t] == labels[n, t] for n, t in np.ndindex(12, 5) if labels[n, t] >= 0]
    assert len(trainer.tests) == 3
    assert trainer.tests[-1][1] == pytest.approx(sum(right) / len(right))
    with pytest.raises(ValueError, match=r"labels must contain at least one that is not -1\."):
        trainer.fit(x, targets, epochs=1, test=(x, np.full((12, 5), -1)), report=None)


def test_a_loss_of_your_own_may_say_what_accuracy_is(rng):
    class Rounded(MeanSquaredError):
        def accuracy(self, outputs, labels):
            return float(np.mean(np.round(outputs).sum(axis=1) == labels))

    trainer = Trainer(network(), Rounded())
    fit(trainer, y=rng.random((50, 4)), epochs=1, test=(X, Y))
    assert trainer.tests[-1][1] == np.mean(np.round(trainer.network.outputs(X)).sum(axis=1) == Y)


def degrees(c):
    return np.bincount(c.pre, minlength=c.num_pre).max(), np.bincount(c.post, minlength=c.num_post).max()


@pytest.mark.parametrize("method", ["deepr", "set", "rigl", "prune"])
def test_limits_on_degrees_are_kept_by_every_method(method):
    """In linear, convolutional and recurrent layers, after every step; pruning keeps the limits."""
    x = np.random.default_rng(1).standard_normal((48, 32)).astype(np.float32)
    y = np.arange(48) % 3
    for layer, width, into, out in [
        (SparseLinear(32, 20, connections=80, max_in_degree=5, max_out_degree=4), 20, 5, 4),
        (SparseConv2d(2, 9, 3, size=4, connections=60, max_in_degree=8, max_out_degree=5), 36, 8, 5),
        (SparseLSTM(8, 6, steps=4, connections=90, max_in_degree=6, max_out_degree=12), 6, 6, 12),
    ]:
        rule = RULE if method == "deepr" else FixedWiring(0.1)
        net = RateNetwork(
            [layer, SparseLinear(width, 3, connections=min(30, 2 * width), max_in_degree=11)], rule, seed=2
        )
        between = {"set": SET(), "rigl": RigL(x, y, batch_size=48, steps=200)}.get(method)
        trainer, seen = Trainer(net, between=between, every=3), []

        numbers = [len(c) for c in net.connections]

        def watch(trainer, seen=seen, numbers=numbers):
            seen.append([degrees(c) for c in trainer.network.connections])
            assert [len(c) + c.missing for c in trainer.network.connections] == numbers

        trainer.fit(x, y, epochs=20, batch_size=16, report=None, watch=watch)
        seen = np.array(seen)
        assert (seen[:, 0] <= [out, into]).all()
        assert (seen[:, 1, 1] <= 11).all()
        assert method == "prune" or trainer.log.num_births > 20
        for c in net.connections:
            assert_array_equal(trainer.log.wiring(index=c.index)[0], c.pre)
        if method == "prune":
            smaller = prune(net, [40, 10])
            assert degrees(smaller.connections[0]) <= (out, into)
            assert smaller.layers[0].limits.options == net.layers[0].limits.options


def test_limits_that_are_too_low_are_refused():
    for make, message in [
        (
            lambda: SparseLinear(10, 5, connections=11, max_in_degree=2),
            "11 connections .* max_in_degree=2 allows",
        ),
        (lambda: SparseLinear(10, 5, connectivity=0.5, max_out_degree=2), "25 connections .* max_out_degree=2 allows"),
        (lambda: SparseConv2d(1, 3, 3, connections=10, max_in_degree=3), "allows at most 9"),
        (lambda: SparseLSTM(2, 3, connections=13, max_in_degree=1), "allows at most 12"),
        (lambda: SparseLinear(3, 5, connections=15, max_in_degree=2), "allows at most 10"),
        (lambda: SparseLinear(10, 5, connections=3, max_in_degree=-1), "max_in_degree must be >= 0"),
        (lambda: SparseLinear(10, 5, connections=3, max_in_degree=[1, 2]), r"must be one number or have shape \(5,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="max_out_degree must hold integers"):
        SparseLinear(10, 5, connections=3, max_out_degree=2.5)
    layer = SparseLinear(4, 4, connections=8, max_in_degree=[4, 4, 0, 0])
    RateNetwork([layer], RULE)
    assert np.bincount(layer.connections.post).tolist() == [4, 4]


def sparse(optimizer):
    layers = [SparseLinear(18, 15, connections=60), ReLU(), SparseLinear(15, 4, connections=20)]
    return RateNetwork(layers, DeepR(0.1, 0.02, 1e-4, optimizer=optimizer), seed=3)


@pytest.mark.parametrize("make", [network, lambda: sparse(SGD()), lambda: sparse(Adam())])
def test_kernels_are_compiled_before_the_progress_bar_counts(make, capsys, monkeypatch):
    """Ctrl+C then acts at once, and a training is the same with and without it."""
    whole, trainer = (Trainer(make()) for _ in range(2))
    # Where Brian2 has been imported, it has a handler of its own.
    before, outside = states(trainer), signal.getsignal(signal.SIGINT)
    compile_ahead = fast_path.compile_ahead

    def stopped(*arguments):
        compile_ahead(*arguments)
        assert signal.getsignal(signal.SIGINT) is outside
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fast_path, "compile_ahead", stopped)
        with pytest.raises(KeyboardInterrupt):
            fit(trainer, epochs=2, report="bar")
    assert "compiling" in capsys.readouterr().err
    assert (trainer.steps_done, trainer.history, len(trainer.log.times)) == (0, [], 0)
    for name, values in states(trainer).items():
        assert_array_equal(values, before.get(name, np.zeros_like(values)))
    fit(trainer, epochs=2, report="bar")
    fit(whole, epochs=2)
    assert "loss=" in capsys.readouterr().err
    assert trainer.history == whole.history
    for name, values in states(trainer).items():
        assert_array_equal(values, states(whole)[name])
