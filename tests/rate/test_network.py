"""Networks: derivatives, sparse layers as dense ones with zeros, exact budgets, interruption anywhere."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from brian2 import volt
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import (
    Adam,
    CheckpointError,
    DeepR,
    FixedWiring,
    Momentum,
    RateNetwork,
    SynapticSampling,
    Trainer,
)
from synaptic_sampling.rate import (
    LSTM,
    SET,
    CrossEntropy,
    Decay,
    Dropout,
    EachFrame,
    Linear,
    LogLikelihood,
    MeanSquaredError,
    ReLU,
    SparseLinear,
    SparseLSTM,
    Tanh,
)
from tests import naive_rate

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)


def make(rule=RULE, activation=Tanh, seed=3, bias=True, num_in=12):
    layers = [
        SparseLinear(num_in, 20, connectivity=0.3, bias=bias),
        activation(),
        Linear(20, 15, bias=bias),
        activation(),
        SparseLinear(15, 4, connections=17, bias=bias),
    ]
    return RateNetwork(layers, rule, seed=seed)


def samples(rng, n=50, num_in=12):
    return rng.standard_normal((n, num_in)).astype(np.float32), rng.integers(0, 4, n)


@pytest.mark.parametrize("activation", [Tanh, ReLU])
@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquaredError()])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_derivatives(rng, activation, loss, bias):
    """Every entry of every gradient against central differences of the plain network in float64."""
    net = make(activation=activation, bias=bias)
    x, labels = samples(rng, 21)
    targets = labels if isinstance(loss, CrossEntropy) else rng.standard_normal((21, 4))
    value = net.gradients(x, loss.check_targets(targets, 21, 4), loss)
    layers = naive_rate.copy_of(net)
    assert value == pytest.approx(naive_rate.loss_of(layers, x, targets), rel=1e-5)
    for parameter, values in zip(net.parameters, naive_rate.values_of(layers), strict=True):
        slopes = np.empty_like(values)
        for k in np.ndindex(values.shape):
            middle = values[k]
            values[k] = middle + 1e-6
            above = naive_rate.loss_of(layers, x, targets)
            values[k] = middle - 1e-6
            slopes[k] = (above - naive_rate.loss_of(layers, x, targets)) / 2e-6
            values[k] = middle
        if slopes.shape != parameter.gradient.shape:
            c = parameter.connections
            slopes = slopes[c.post, c.pre]
        assert_allclose(parameter.gradient, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())


def test_gradient_reaches_a_layer_through_a_layer_without_activation(rng):
    first, second = SparseLinear(6, 5, connections=12), Linear(5, 3)
    net = RateNetwork([first, second], RULE, seed=1)
    x, y = rng.standard_normal((16, 6)).astype(np.float32), rng.integers(0, 3, 16)
    net.gradients(x, y, CrossEntropy())
    odds = np.exp(net.outputs(x).astype(float))
    delta = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[y]) / 16
    c = first.connections
    assert_allclose(first.parameters[0].gradient, (x.T @ delta @ second.matrix)[c.pre, c.post], rtol=1e-4, atol=1e-7)


def test_weights_at_the_start_have_the_size_of_he_et_al():
    """Relative error of a mean of n squares of normals: sqrt(2/n) = 0.010; false alarm at 6 of them below 1e-8."""
    sparse, dense = SparseLinear(400, 200, connectivity=0.25), Linear(400, 50)
    RateNetwork([sparse, ReLU(), Linear(200, 400), dense], RULE, seed=1)
    assert np.mean(sparse.connections.theta.astype(float) ** 2) == pytest.approx(2 / 100, rel=0.06)
    assert np.mean(dense.matrix.astype(float) ** 2) == pytest.approx(2 / 400, rel=0.06)
    assert np.mean(dense.matrix > 0) == pytest.approx(0.5, abs=0.03)


def test_signs_are_those_that_are_asked_for():
    net = RateNetwork([SparseLinear(30, 20, connectivity=0.5)], RULE, signs=-1, seed=1)
    assert (net.connections[0].polarity == -1).all()


def test_another_batch_size_goes_on_where_the_first_ended(rng):
    x, y = samples(rng, 40)
    trainer = Trainer(make())
    trainer.fit(x, y, epochs=1, batch_size=16, report=None)
    trainer.fit(x, y, until_epoch=3, batch_size=40, report=None)
    assert (trainer.steps_done, trainer.samples_done) == (3 + 2, 120)


def test_layers_can_be_used_after_a_mistake():
    first = Linear(3, 4)
    with pytest.raises(ValueError, match="the layer before it has 4 outputs"):
        RateNetwork([first, Linear(5, 2)], RULE)
    RateNetwork([first, Linear(4, 2)], RULE)


SAMPLING = SynapticSampling(1.0, 1.0, mean=-1.0, std=1.0, interval=3e-3, theta_range=(-6, 5))


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        (SAMPLING, {}, {"dense_rule": FixedWiring(0.1)}),
        (RULE, {"budget": "all"}, {"budget": "network"}),
        (RULE, {"signs": np.ones(7)}, {}),  # Which fit the first layer only.
        (RULE, {"dense_rule": FixedWiring("0.1*exp(-t/second)")}, {"dense_rule": FixedWiring(0.1)}),
    ],
)
def test_layers_can_be_used_after_an_error_of_the_network(rng, rule, wrong, right):
    """They are those of a network that was right the first time."""

    def layers():
        first = SparseLSTM(3, 4, connections=60, steps=2, dense=("xg",), output="all")
        return [
            first,
            Tanh(),
            Dropout(0.2),
            EachFrame(SparseLinear(4, 5, connections=9)),
            SparseLinear(10, 3, connections=6),
        ]

    signals = {"signals": {"gradient": LogLikelihood(40)}} if rule is SAMPLING else {}
    again = layers()
    with pytest.raises((TypeError, ValueError)) as caught:
        RateNetwork(again, rule, **signals, **wrong)
    assert "is part of a network" not in str(caught.value)
    networks = [RateNetwork(own, rule, **signals, **right) for own in (again, layers())]
    x = rng.standard_normal((40, 6))
    for net in networks:
        Trainer(net).fit(x, np.arange(40) % 3, epochs=2, batch_size=20, report=None)
        with pytest.raises(ValueError, match="is part of a network already"):
            RateNetwork(net.layers, rule, **signals, **right)
    for name, values in networks[0].state().items():
        assert_array_equal(values, networks[1].state()[name])


def test_a_dropout_belongs_to_one_network():
    """Its key and its count of steps are those of one network."""
    shared = Dropout(0.5)
    RateNetwork([Linear(3, 4), shared], RULE)
    with pytest.raises(ValueError, match=r"Dropout\(0\.5\) is part of a network already"):
        RateNetwork([Linear(3, 4), shared], RULE)


def test_frames_have_each_layer_once():
    shared = Linear(4, 4)
    with pytest.raises(ValueError, match=r"layers must apply each layer once, got Linear\(4, 4\) twice"):
        RateNetwork([LSTM(3, 4, steps=2, output="all"), EachFrame(shared), EachFrame(shared)], RULE)


@pytest.mark.parametrize("wrong", ["0.1*exp(-t/second)", 0.1 * volt])
def test_other_rules_have_plain_parameters(wrong):
    """Otherwise a step would end in an error after some layers have learned, or after an epoch."""
    with pytest.raises(TypeError, match=r"^learning_rate of dense_rule must be a plain number"):
        RateNetwork([SparseLinear(4, 2, connections=3)], RULE, dense_rule=FixedWiring(wrong))
    net = RateNetwork([SparseLinear(4, 2, connections=3)], FixedWiring(0.1))
    with pytest.raises(TypeError, match=r"^learning_rate of between must be a plain number"):
        Trainer(net, between=DeepR(wrong, l1=0.01, temperature=1e-4))


def test_dropout_needs_no_rule():
    """A count of steps does not learn: without biases and dense layers, no rule is needed for them."""
    layers = [
        SparseLinear(4, 5, connections=9, bias=False),
        Dropout(0.2),
        SparseLinear(5, 3, connections=6, bias=False),
    ]
    net = RateNetwork(layers, SAMPLING, signals={"gradient": LogLikelihood(40)})
    Trainer(net).fit(np.eye(4), [0, 1, 2, 0], epochs=2, batch_size=4, report=None)
    assert net.layers[1].clock.steps_done == 2


def test_sparse_equals_dense_with_zeros(rng):
    sparse, dense = SparseLinear(30, 20, connectivity=0.2), Linear(30, 20)
    one, two = RateNetwork([sparse], FixedWiring(0.1), seed=1), RateNetwork([dense], FixedWiring(0.1), seed=1)
    c, matrix = sparse.connections, np.zeros((20, 30), np.float32)
    matrix[c.post, c.pre] = c.weights
    dense.matrix[:] = matrix
    x, y = rng.standard_normal((40, 30)).astype(np.float32), rng.integers(0, 20, 40)
    assert_allclose(one.outputs(x), two.outputs(x), atol=1e-5)
    assert one.gradients(x, y, CrossEntropy()) == pytest.approx(two.gradients(x, y, CrossEntropy()), rel=1e-5)
    assert_allclose(sparse.parameters[0].gradient, dense.parameters[0].gradient[c.post, c.pre], atol=1e-6)


@pytest.mark.parametrize("optimizer", [None, Adam(), Momentum()])
def test_budget_is_exact_after_every_step_and_the_log_tells_all(rng, optimizer):
    rule = RULE if optimizer is None else DeepR(learning_rate=0.01, l1=0.05, temperature=1e-4, optimizer=optimizer)
    net = make(rule)
    trainer = Trainer(net)
    x, y = samples(rng, 200)
    counts = []
    original = net.step

    def counted():
        infos = original()
        counts.append([net.num_connections, *(len(c) for c in net.connections)])
        assert all((c.theta >= 0).all() for c in net.connections)
        return infos

    net.step = counted
    trainer.fit(x, y, epochs=100, batch_size=10, report=None)
    assert len(counts) == 2000
    assert set(map(tuple, counts)) == {(72 + 17, 72, 17)}
    assert trainer.log.num_births == trainer.log.num_deaths > 100
    for c in net.connections:
        pre, post, polarity = trainer.log.wiring(2000, c.index)
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)
    assert trainer.log.times["samples"][-1] == 100 * 200


def test_every_epoch_shows_every_sample_once_in_an_order_of_its_own(rng):
    x, y = samples(rng, 50)

    def orders(seed):
        trainer, shown = Trainer(make(seed=seed)), []
        original = trainer.network.gradients

        def watched(batch, *others):
            shown.extend(batch[:, 0].tolist())
            return original(batch, *others)

        trainer.network.gradients = watched
        trainer.fit(x, y, epochs=3, batch_size=16, report=None)
        return [shown[start : start + 50] for start in (0, 50, 100)]

    all_orders = [*orders(1), *orders(2)]
    for order in all_orders:
        assert sorted(order) == sorted(x[:, 0].tolist())
    assert len(set(map(tuple, all_orders))) == 6
    assert orders(1) == all_orders[:3]


def test_it_learns(rng):
    x, y = samples(rng, 400)
    y = x[:, :4].argmax(axis=1)
    net = make(DeepR(learning_rate=0.2, l1=1e-4, temperature=1e-6))
    Trainer(net).fit(x, y, epochs=60, batch_size=20, report=None)
    assert net.accuracy(x, y) > 0.9


def test_same_seed_same_bits_and_cut_anywhere(rng, tmp_path):
    x, y = samples(rng, 90)
    rule = DeepR(learning_rate=0.01, l1=0.05, temperature=1e-4, optimizer=Adam())

    def course(cut):
        trainer = Trainer(make(rule))
        if cut:
            original, steps = trainer.network.step, []

            def interrupted():
                steps.append(1)
                if len(steps) == cut:
                    os.kill(os.getpid(), signal.SIGINT)
                return original()

            trainer.network.step = interrupted
            with pytest.raises(KeyboardInterrupt):
                trainer.fit(x, y, epochs=7, batch_size=16, report=None)
            assert trainer.steps_done == cut
            trainer.save(tmp_path / "run.npz")
            trainer = Trainer(make(rule))
            trainer.fit(x, y, epochs=1, report=None)
            trainer.load(tmp_path / "run.npz")
        trainer.fit(x, y, until_epoch=7, batch_size=16, report=None)
        return trainer

    whole = course(None)
    for cut in (1, 6, 17, 41):
        other = course(cut)
        assert other.samples_done == whole.samples_done == 7 * 90
        for name, values in whole.network.state().items():
            assert_array_equal(values, other.network.state()[name])
        assert other.log.first_step == cut
        for c in other.network.connections:
            assert_array_equal(other.log.wiring(index=c.index)[0], c.pre)


@pytest.mark.parametrize("optimizer", [None, Adam()])
def test_one_budget_keeps_the_sum_is_logged_and_cut_anywhere(rng, tmp_path, optimizer):
    """Connections move between layers; a training resumed from the middle is bit-identical."""
    x, y = samples(rng, 90)
    options = {} if optimizer is None else {"optimizer": optimizer}
    rule = DeepR(learning_rate=0.03 if options else 0.1, l1=0.05, temperature=1e-4, **options)

    def trainer(budget="network"):
        layers = [SparseLinear(12, 20, connections=72), Tanh(), SparseLinear(20, 4, connections=17)]
        return Trainer(RateNetwork(layers, rule, budget=budget, seed=3), snapshot_every=2)

    whole, first, second = trainer(), trainer(), trainer()
    whole.fit(x, y, epochs=9, batch_size=16, report=None)
    assert {sum(epoch.connections) for epoch in whole.history} == {whole.most_connections} == {89}
    assert len({epoch.connections[0] for epoch in whole.history}) >= 3
    first.fit(x, y, epochs=6, batch_size=16, report=None)
    assert first.history[-1].connections != [72, 17]
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    second.fit(x, y, until_epoch=9, batch_size=16, report=None)
    assert second.history == whole.history
    for name, values in whole.network.state().items():
        assert_array_equal(values, second.network.state()[name])
    for log in (whole.log, second.log):
        for c in whole.network.connections:
            for logged, own in zip(log.wiring(index=c.index), (c.pre, c.post, c.polarity), strict=True):
                assert_array_equal(logged, own)
    with pytest.raises(CheckpointError, match="of another network"):
        trainer("layer").load(tmp_path / "run.npz")


def test_the_log_says_how_it_was_learned(rng):
    x, y = samples(rng, 40)
    decay = Decay(RULE, learning_rate=0.5, temperature=0.25)
    trainer = Trainer(make(), schedule=decay, between=SET(0.2), every=3)
    trainer.fit(x, y, epochs=2, batch_size=8, report=None)
    about = trainer.log.metadata
    assert (about["seed"], about["budget"], about["loss"]) == (3, "layer", "CrossEntropy")
    assert (about["epochs"], about["batch_size"], about["every"]) == (2, 8, 3)
    assert about["rule"]["learning_rate"] == about["schedule"]["rule"]["learning_rate"] == 0.1
    assert about["schedule"]["class"] == "Decay"
    assert (about["schedule"]["learning_rate"], about["schedule"]["temperature"]) == (0.5, 0.25)
    assert about["between"] == {"class": "SET", "fraction": 0.2, "law": None}
    assert "last_test" not in about
    trainer.fit(x, y, until_epoch=3, batch_size=20, test=(x, y), report=None)
    assert (about["epochs"], about["batch_size"], about["rule"]["learning_rate"]) == (3, 20, 0.1)
    assert about["last_test"] == {"samples": 120, "accuracy": trainer.history[-1].accuracy}


def test_the_log_names_a_schedule_that_is_a_function(rng):
    trainer = Trainer(make(), schedule=constant)
    trainer.fit(*samples(rng, 40), epochs=1, report=None)
    assert trainer.log.metadata["schedule"] == "constant"


def constant(_):
    return RULE


def test_interruption_at_the_end_of_an_epoch_leaves_out_no_test(rng):
    x, y = samples(rng, 40)
    trainer = Trainer(make())
    original = trainer.network.step

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        return original()

    trainer.network.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(x, y, epochs=1, batch_size=40, test=(x, y), report=None)
    assert trainer.steps_done == len(trainer.tests) == 1


def test_second_trainer_of_a_network(rng):
    x, y = samples(rng, 40)
    net = make()
    Trainer(net).fit(x, y, epochs=20, report=None)
    second = Trainer(net)
    second.fit(x, y, epochs=5, report=None)
    assert second.log.first_step == 40
    for c in net.connections:
        assert_array_equal(second.log.wiring(index=c.index)[0], c.pre)


def test_training_in_a_thread_needs_no_signals(rng):
    x, y = samples(rng)
    trainer = Trainer(make())
    thread = threading.Thread(target=trainer.fit, args=(x, y), kwargs={"epochs": 2, "report": None})
    thread.start()
    thread.join()
    assert trainer.steps_done == 4


def test_checkpoint_of_another_network_is_refused(tmp_path):
    Trainer(make()).save(tmp_path / "run.npz")
    for other in (make(seed=4), make(num_in=13)):
        with pytest.raises(CheckpointError, match="of another network"):
            Trainer(other).load(tmp_path / "run.npz")
    state = make().state()
    with pytest.raises(ValueError, match="which this network does not have"):
        make().restore({**state, "77/value": np.zeros(3)})
    del state["0/theta"]
    with pytest.raises(ValueError, match=r"parameter 0 of the state has \['birth_step', .*, but here"):
        make().restore(state)


def test_gradient_that_is_not_finite_moves_nothing(rng):
    x, y = samples(rng)
    net = make()
    net.gradients(x, y, CrossEntropy())
    before = {name: np.array(values) for name, values in net.state().items()}
    c = net.connections[1]
    net.layers[4].parameters[0].gradient[5] = np.nan
    message = rf"layer 4, SparseLinear\(15, 4, connections=17\): gradient of connection 5 \({c.pre[5]} -> {c.post[5]}\)"
    with pytest.raises(FloatingPointError, match=message):
        net.step()
    net.gradients(x, y, CrossEntropy())
    net.layers[2].parameters[0].gradient[3, 2] = np.inf
    with pytest.raises(FloatingPointError, match=r"layer 2, Linear\(20, 15\): gradient of entry \(3, 2\) is inf"):
        net.step()
    for name, values in net.state().items():
        assert_array_equal(values, before[name])


def test_report_and_tests(rng):
    x, y = samples(rng, 40)
    trainer, reported = Trainer(make()), []
    trainer.fit(x, y, epochs=3, batch_size=16, test=(x, y), report=lambda *values: reported.append(values))
    assert [values[:2] for values in reported] == [(1, 3), (2, 3), (3, 3)]
    assert [samples for samples, _ in trainer.tests] == [40, 80, 120]
    assert trainer.tests[-1][1] == trainer.network.accuracy(x, y)


def test_watch_is_called_after_every_step_and_may_stop(rng):
    x, y = samples(rng, 40)
    trainer, seen = Trainer(make()), []

    def watch(watched):
        seen.append((watched.steps_done, watched.log.last_step))
        if len(seen) == 4:
            raise StopIteration

    with pytest.raises(StopIteration):
        trainer.fit(x, y, epochs=3, batch_size=16, report=None, watch=watch)
    assert seen == [(1, 1), (2, 2), (3, 3), (4, 4)]
    trainer.fit(x, y, until_epoch=3, batch_size=16, report=None)
    assert trainer.steps_done == 9


def test_layers_refuse():
    for make_layer, error, message in [
        (lambda: SparseLinear(5, 4), TypeError, "give either connectivity"),
        (lambda: SparseLinear(5, 4, connectivity=0.5, connections=3), TypeError, "give either"),
        (lambda: SparseLinear(5, 4, connectivity=0.0), ValueError, "connectivity must be > 0"),
        (lambda: SparseLinear(5, 4, connectivity=1.1), ValueError, "connectivity must be <= 1"),
        (lambda: SparseLinear(5, 4, connections=21), ValueError, "connections must be between 1 and 20"),
        (lambda: SparseLinear(0, 4, connections=1), ValueError, "num_in must be between"),
        (lambda: SparseLinear(5, 4, connections=1, bias=1), TypeError, "bias must be True or False"),
        (lambda: Linear(5, 2.5), TypeError, "num_out must be an integer"),
        (lambda: RateNetwork([], RULE), ValueError, "at least one layer"),
        (lambda: RateNetwork([ReLU()], RULE), ValueError, "cannot be the first layer"),
        (lambda: RateNetwork([Linear(3, 4), Linear(5, 2)], RULE), ValueError, "the layer before it has 4 outputs"),
        (lambda: RateNetwork(["relu"], RULE), TypeError, "layers must contain layers"),
        (lambda: RateNetwork([Linear(3, 4)], "sgd"), TypeError, "rule must change weights by a gradient"),
        (lambda: RateNetwork([Linear(3, 4)], RULE, seed=-1), ValueError, "seed must be between"),
        (lambda: RateNetwork([layer := Linear(3, 3), layer], RULE), ValueError, "layers must contain each layer once"),
        (
            lambda: RateNetwork([Linear(3, 4)], RULE, budget="network"),
            ValueError,
            "budget must be 'layer' in",
        ),
        (lambda: RateNetwork([Linear(3, 4)], RULE, budget="one"), ValueError, "budget must be 'layer' or 'network'"),
        (lambda: RateNetwork(make().layers, RULE), ValueError, "is part of a network already; make a new layer"),
        (lambda: RateNetwork(Linear(3, 3), RULE), TypeError, "layers must be a list"),
        (lambda: Trainer(make(), "ce"), TypeError, "loss must be a CrossEntropy or a MeanSquaredError, got 'ce'"),
        (lambda: Trainer("net"), TypeError, "network must be a RateNetwork"),
    ]:
        with pytest.raises(error, match=message):
            make_layer()


def test_fit_refuses(rng):
    x, y = samples(rng, 40)
    trainer = Trainer(make())
    bad = x.copy()
    bad[7, 3] = np.nan
    for arguments, options, error, message in [
        ((x[:, :5], y), {}, ValueError, r"samples must have shape \(n, 12\) with n > 0, got \(40, 5\)"),
        ((bad, y), {}, ValueError, "got nan as feature 3 of sample 7"),
        ((x[:0], y[:0]), {}, ValueError, r"with n > 0, got \(0, 12\)"),
        ((x, y), {"test": (x, y + 1)}, ValueError, "labels must be between 0 and 3, got 4"),
        ((x, y[:5]), {}, ValueError, r"labels must have shape \(40,\)"),
        ((x, y + 1), {}, ValueError, "labels must be between 0 and 3, got 4"),
        ((x, y * 1.0), {}, TypeError, "labels must be integers"),
        ((x, y), {"epochs": -1}, ValueError, "epochs must be between"),
        ((x, y), {"batch_size": 0}, ValueError, "batch_size must be between"),
        ((x, y), {"report": "text"}, TypeError, "report must be 'bar'"),
    ]:
        with pytest.raises(error, match=message):
            trainer.fit(*arguments, **{"epochs": 1, **options})
    assert trainer.steps_done == 0
    with pytest.raises(ValueError, match=r"targets must have shape \(40, 4\)"):
        MeanSquaredError().check_targets(y, 40, 4)
    with pytest.raises(ValueError, match="targets must be finite"):
        MeanSquaredError().check_targets(np.full((40, 4), np.nan), 40, 4)


def test_gradients_equal_those_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    net = make(activation=ReLU)
    x, y = samples(rng, 37)
    net.gradients(x, y, CrossEntropy())
    values = [torch.tensor(v, requires_grad=True) for v in naive_rate.values_of(naive_rate.copy_of(net))]
    out = torch.from_numpy(x.astype(float))
    for n in range(3):
        out = torch.nn.functional.linear(torch.relu(out) if n else out, values[2 * n], values[2 * n + 1])
    torch.nn.functional.cross_entropy(out, torch.from_numpy(y)).backward()
    for parameter, value in zip(net.parameters, values, strict=True):
        slopes = value.grad.numpy()
        if slopes.shape != parameter.gradient.shape:
            slopes = slopes[parameter.connections.post, parameter.connections.pre]
        assert_allclose(parameter.gradient, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())


def test_predictions_and_their_score(rng):
    layers = [SparseLinear(6, 9, connectivity=0.5), ReLU(), SparseLinear(9, 4, connectivity=0.8)]
    net = RateNetwork(layers, RULE, seed=2)
    x = rng.standard_normal((300, 6))
    predicted = net.predict(x)
    assert predicted.tolist() == [int(np.argmax(row)) for row in net.outputs(x)]
    labels = np.where(np.arange(300) < 75, (predicted + 1) % 4, predicted)
    assert net.score(x, labels) == net.accuracy(x, labels) == 0.75
    with pytest.raises(ValueError, match="samples must have shape"):
        net.predict(x[:, :5])
