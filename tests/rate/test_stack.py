"""The fast path is bit-identical to the general path, wherever a call ends."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Adam, Connections, DeepR, FixedWiring, Momentum, RateNetwork, RewiringLog, Signal, Trainer
from synaptic_sampling._kernels import rewire
from synaptic_sampling._kernels.stack import LayerConnections, LayerState, Moments
from synaptic_sampling.connections.rewire import close
from synaptic_sampling.events import EVENT
from synaptic_sampling.rate import Decay, LinearDecay, MeanSquaredError, Patience, ReLU, SparseLinear, Tanh
from synaptic_sampling.rate.training import fast_path as stack

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)


def make(rule=RULE, activation=ReLU, bias=True, seed=3, signs="site", budget="layer"):
    layers = [
        SparseLinear(33, 20, connectivity=0.2, bias=bias),
        activation(),
        # So dense that vacant sites are listed instead of searched.
        SparseLinear(20, 15, connections=290, bias=bias),
        SparseLinear(15, 4, connections=60, bias=bias),
    ]
    return RateNetwork(layers, rule, seed=seed, signs=signs, budget=budget)


def samples(rng, n=75):
    return rng.standard_normal((n, 33)).astype(np.float32), rng.integers(0, 4, n)


def watched(_trainer):
    """Do nothing after each step; the trainer then takes the general path."""


def equal(one, two):
    """Compare networks, logs and histories, bit for bit."""
    assert one.network.state().keys() == two.network.state().keys()
    for name, values in one.network.state().items():
        assert_array_equal(values, two.network.state()[name])
    for part, other in zip(one.network.sparse, two.network.sparse, strict=True):
        assert_array_equal(part.gradient, other.gradient, strict=True)
    assert_array_equal(one.log.events, two.log.events)
    assert one.log.times.tobytes() == two.log.times.tobytes()  # NaN is not equal to itself.
    assert (one.log.num_births, one.log.num_deaths) == (two.log.num_births, two.log.num_deaths)
    assert one.history == two.history
    assert (one.steps_done, one.samples_done) == (two.steps_done, two.samples_done)


@pytest.mark.parametrize("budget", ["layer", "network"])
@pytest.mark.parametrize("batch_size", [1, 7, 40])
@pytest.mark.parametrize(
    ("rule", "activation", "bias", "signs"),
    [
        (RULE, ReLU, True, "site"),
        (DeepR(learning_rate=0.05, l1=0.1, temperature=0.0), Tanh, False, "redrawn"),
        (DeepR(learning_rate=0.01, l1=0.1, temperature=1e-3, optimizer=Adam()), ReLU, True, "presynaptic"),
        (DeepR(learning_rate=0.01, l1=0.1, temperature=1e-3, optimizer=Momentum()), Tanh, True, 1),
        (FixedWiring(0.1), ReLU, True, "site"),
        (FixedWiring(0.01, optimizer=Adam()), Tanh, False, "site"),
    ],
)
def test_same_bits_as_step_by_step(rng, monkeypatch, batch_size, rule, activation, bias, signs, budget):
    x, y = samples(rng)
    trainers = [Trainer(make(rule, activation, bias, signs=signs, budget=budget)) for _ in range(3)]
    monkeypatch.setattr(stack, "EVENTS_AT_ONCE", 100)  # Some calls end because of it.
    trainers[0].fit(x, y, epochs=6, batch_size=batch_size, test=(x, y), report=None)
    trainers[1].fit(x, y, epochs=6, batch_size=batch_size, test=(x, y), report=None, watch=watched)
    monkeypatch.setattr(stack, "WORK_AT_ONCE", 1)  # One step per call.
    trainers[2].fit(x, y, epochs=6, batch_size=batch_size, test=(x, y), report=None)
    equal(trainers[0], trainers[1])
    equal(trainers[2], trainers[1])
    rewires = isinstance(rule, DeepR)
    assert (trainers[0].log.num_births > 50) == rewires
    for c in trainers[0].network.connections:
        pre, post, polarity = trainers[0].log.wiring(index=c.index)
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)


def test_which_networks_take_the_fast_path(monkeypatch):
    net = make()
    at_once = stack.steps_at_once(net, Trainer(net).loss)
    assert at_once == stack.WORK_AT_ONCE // (132 + 290 + 60)
    assert stack.steps_at_once(net, MeanSquaredError()) == 0
    for layers in ([SparseLinear(3, 3, connections=4), ReLU(), ReLU()],):
        assert stack.steps_at_once(RateNetwork(layers, RULE), Trainer(net).loss) == 0
    shared = make(budget="network")
    assert stack.steps_at_once(shared, Trainer(net).loss) == at_once
    shared.budget.split = "density"
    assert stack.steps_at_once(shared, Trainer(net).loss) == 0
    shared.budget.split = "vacant"
    monkeypatch.setattr(stack, "WORK_AT_ONCE", 3 * 482 - 1)  # Memory for all of them in each of three layers.
    assert stack.steps_at_once(shared, Trainer(net).loss) == 0


@dataclass(frozen=True)
class Stronger(DeepR):
    """Inherits the step, with other parameters."""

    l1: float = 0.05
    temperature: float = 1e-3

    @property
    def parameters(self):
        eta, alpha, sigma = super().parameters
        return eta, 2 * alpha, sigma


@dataclass(frozen=True)
class Frozen(DeepR):
    """Inherits the step, but replaces no connection."""

    forms = False
    signed_theta = True


class Halved(DeepR):
    def decide(self, connections, gradient):
        return super().decide(connections, np.float32(0.5) * gradient)


class Lenient(DeepR):
    def check(self, connections, signals):
        """Accept any gradient."""


class Renamed(DeepR):
    signals = (Signal("gradient"),)


class Remembering(DeepR):
    num_moments = 1


class Slower(DeepR):
    """Biases learn by ``learning_rate``, weights by half of it."""

    @property
    def parameters(self):
        eta, *others = super().parameters
        return eta / 2, *others


@pytest.mark.parametrize("rule", [Stronger(0.1), Frozen(0.1, 0.01, 1e-4)])
def test_a_rule_that_inherits_the_step_takes_the_fast_path(rng, rule):
    x, y = samples(rng)
    trainers = [Trainer(make(rule)) for _ in range(2)]
    assert stack.steps_at_once(trainers[0].network, trainers[0].loss) > 0
    for trainer, watch in zip(trainers, (None, watched), strict=True):
        trainer.fit(x, y, epochs=4, batch_size=10, report=None, watch=watch)
    equal(*trainers)
    assert (trainers[0].log.num_births > 50) == rule.forms
    assert any((c.theta < 0).any() for c in trainers[0].network.connections) == rule.signed_theta


@pytest.mark.parametrize("kind", [Halved, Lenient, Renamed, Remembering, Slower])
def test_a_rule_that_changes_the_step_takes_the_general_path(kind):
    net = make(kind(0.1, 0.01, 1e-4))
    assert stack.steps_at_once(net, Trainer(net).loss) == 0


@pytest.mark.parametrize("budget", ["layer", "network"])
@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_what_is_not_finite_ends_before_the_step(rng, weight, budget):
    """Both paths end at the same step with the same message, and the state is that after the previous step."""
    x, y = samples(rng)
    messages, trainers = [], []
    for watch in (None, watched):
        trainer = Trainer(make(budget=budget))
        trainer.fit(x, y, epochs=2, batch_size=10, report=None, watch=watch)
        trainer.network.connections[1].theta[7] = weight
        before = {name: np.array(values) for name, values in trainer.network.state().items()}
        with pytest.raises(FloatingPointError) as caught:
            trainer.fit(x, y, epochs=4, batch_size=10, report=None, watch=watch)
        messages.append(str(caught.value))
        for name, values in trainer.network.state().items():
            assert_array_equal(values, before[name])
        assert trainer.steps_done == 2 * 8
        trainers.append(trainer)
    assert messages[0] == messages[1]
    assert "in step 17" in messages[0]
    equal(*trainers)


def test_divergence_in_the_middle_of_a_call(rng):
    x, y = samples(rng)
    trainers = [Trainer(make(DeepR(learning_rate=1e4, l1=0.0, temperature=0.0), Tanh)) for _ in range(2)]
    for trainer, watch in zip(trainers, (None, watched), strict=True):
        x[60] = 3e38  # Its products overflow.
        with pytest.raises(FloatingPointError, match="layer 0, SparseLinear"):
            trainer.fit(x, y, epochs=4, batch_size=5, report=None, watch=watch)
    assert trainers[0].steps_done > 0
    equal(*trainers)


def test_close_equals_that_of_the_sampler(rng):
    """With gaps among the first slots, among the last ones, everywhere and nowhere."""
    for _ in range(100):
        size = int(rng.integers(1, 20))
        c = Connections.random(6, 7, size, seed=int(rng.integers(100)), dtype=np.float32, index=2)
        c.theta[:], c.birth_step[:], c.steps_done = rng.random(size), rng.integers(0, 9, size), 11
        c.moments = (rng.random(size).astype(np.float32),) * 2
        gaps = np.flatnonzero(rng.random(size) < rng.random()).astype(np.int32)
        wiring = LayerConnections(c.pre.copy(), c.post.copy(), c.theta.copy(), c.polarity.copy())
        moments = Moments(*(moment.copy() for moment in c.moments), np.empty(0, np.int64), np.empty(0, np.float32), 0)
        slots = LayerState(c.birth_step.copy(), *[None] * 2, moments, *[None] * 4, c.index, None, 0, 0)
        events = np.empty(2 * size, EVENT)
        number = rewire.close(wiring, slots, gaps, size, 11, events)
        assert_array_equal(events[:number], close(c, gaps))
        own = [c.pre, c.post, c.theta, c.polarity, c.birth_step, *c.moments]
        for values, expected in zip([*wiring, slots.birth_step, *moments[:2]], own, strict=True):
            assert_array_equal(values[: len(c)], expected)


def test_interrupted_and_resumed(rng, tmp_path):
    """A signal interrupts a long call; the resumed training is bit-identical to an uninterrupted one."""
    x, y = samples(rng)
    schedule = Decay(RULE, learning_rate=0.999, temperature=0.998)

    def course(seconds):
        trainer = Trainer(make(), schedule=schedule)
        if seconds:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            with pytest.raises(KeyboardInterrupt):
                trainer.fit(x, y, epochs=600, batch_size=5, test=(x, y), report=None)
            trainer.save(tmp_path / "run.npz")
            cut = trainer.steps_done
            trainer = Trainer(make(), schedule=schedule)
            trainer.load(tmp_path / "run.npz")
            assert trainer.steps_done == cut < 600 * 15
        trainer.fit(x, y, until_epoch=600, batch_size=5, test=(x, y), report=None)
        return trainer

    handler = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        whole, parts = course(None), course(0.05)
    finally:
        signal.signal(signal.SIGALRM, handler)
    for name, values in whole.network.state().items():
        assert_array_equal(values, parts.network.state()[name])
    assert whole.history == parts.history


def test_schedule_is_followed(rng):
    x, y = samples(rng)
    schedule = Decay(RULE, learning_rate=0.5, temperature=0.25)
    assert schedule(2) == DeepR(learning_rate=0.025, l1=0.01, temperature=1e-4 / 16)
    assert Decay(FixedWiring(0.4), 0.5)(1) == FixedWiring(0.2)
    trainer, by_hand = Trainer(make(), schedule=schedule), Trainer(make())
    trainer.fit(x, y, epochs=3, batch_size=8, report=None)
    for epoch in range(3):
        by_hand.network.rule = schedule(epoch)
        by_hand.fit(x, y, epochs=1, batch_size=8, report=None)
    equal(trainer, by_hand)


def test_a_straight_line_ends_with_the_last_epoch():
    line = LinearDecay(RULE, epochs=5, final=0.2)
    for epoch, factor in enumerate((1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2)):
        rule = line(epoch)
        assert rule.learning_rate == pytest.approx(factor * RULE.learning_rate)
        assert rule.noise_scale == pytest.approx(factor * RULE.noise_scale)
        assert (rule.l1, rule.optimizer) == (RULE.l1, RULE.optimizer)
    assert LinearDecay(FixedWiring(0.4), 3, 0.5)(1).learning_rate == pytest.approx(0.3)
    assert LinearDecay(FixedWiring(0.4), 1, 0.5)(0) == FixedWiring(0.4)


def test_patience(rng):
    x, y = samples(rng)
    trainer = Trainer(make(FixedWiring(1e-9)))
    trainer.fit(x, y, epochs=50, batch_size=25, test=(x, y), stop=Patience(3), report=None)
    assert len(trainer.history) == 4
    for wrong in (0, 1.5):
        with pytest.raises((TypeError, ValueError), match="epochs must be"):
            Patience(wrong)


def test_history_and_snapshots(rng, tmp_path):
    x, y = samples(rng)
    with RewiringLog(tmp_path / "log") as log:
        trainer = Trainer(make(), log=log, snapshot_every=2)
        trainer.fit(x, y, epochs=5, batch_size=25, report=None)
        assert sorted({taken.step for taken in log.snapshots}) == [0, 6, 12, 15]
    assert [epoch.samples for epoch in trainer.history] == [75, 150, 225, 300, 375]
    assert all(epoch.connections == [132, 290, 60] and epoch.accuracy is None for epoch in trainer.history)
    assert sum(epoch.births for epoch in trainer.history) == log.num_births
    assert trainer.most_connections == 482
    assert_array_equal(RewiringLog.load(tmp_path / "log").events, log.events)


def test_one_budget_for_the_network(rng, tmp_path):
    x, y = samples(rng)

    def trainer():
        layers = [SparseLinear(33, 20, connections=100), ReLU(), SparseLinear(20, 4, connections=40)]
        return Trainer(RateNetwork(layers, RULE, budget="network", seed=2))

    whole, first, second = trainer(), trainer(), trainer()
    counts = []
    whole.fit(x, y, epochs=20, batch_size=10, report=None, watch=lambda t: counts.append(t.history and t.history[-1]))
    assert {sum(epoch.connections) for epoch in whole.history} == {140}
    assert len({tuple(epoch.connections) for epoch in whole.history}) > 1
    assert whole.most_connections == 140
    for c in whole.network.connections:
        assert_array_equal(whole.log.wiring(index=c.index)[0], c.pre)
    first.fit(x, y, epochs=9, batch_size=10, report=None)
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    second.fit(x, y, until_epoch=20, batch_size=10, report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, second.network.state()[name])
    assert second.history == whole.history
    with pytest.raises(ValueError, match="budget must be 'layer' or 'network', got 'all'"):
        RateNetwork([SparseLinear(3, 3, connections=4)], RULE, budget="all")


def test_trainer_refuses():
    for options, error, message in [
        ({"schedule": 0.8}, TypeError, "schedule must be a function or an object that can be called, got 0.8"),
        ({"between": "set"}, TypeError, "between must be a function or an object that can be called"),
        ({"snapshot_every": 0}, ValueError, "snapshot_every must be"),
    ]:
        with pytest.raises(error, match=message):
            Trainer(make(), **options)
    for wrong in [{"rule": "sgd"}, {"rule": RULE, "learning_rate": 0.0}, {"rule": RULE, "temperature": -1.0}]:
        with pytest.raises((TypeError, ValueError), match=r"(rule|learning_rate|temperature) must be"):
            Decay(**wrong)
    for wrong in [{"rule": "sgd"}, {"epochs": 0}, {"epochs": 2.5}, {"final": 0.0}, {"final": 1.5}]:
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(wrong))} must be"):
            LinearDecay(**{"rule": RULE, "epochs": 3, "final": 0.1, **wrong})


@pytest.mark.parametrize("budget", ["layer", "network"])
@pytest.mark.parametrize("late", [Adam(), Momentum()])
def test_same_bits_where_the_optimizer_comes_later(rng, late, budget):
    """Biases, weights, connections formed before and after; plain descent in between resets the moments."""
    x, y = samples(rng)
    rules = [RULE, RULE, replace(RULE, learning_rate=0.01, optimizer=late), RULE, replace(RULE, optimizer=late)]
    trainers = [Trainer(make(budget=budget), schedule=rules.__getitem__) for _ in range(2)]
    for trainer, watch in zip(trainers, (None, watched), strict=True):
        trainer.fit(x, y, epochs=5, batch_size=10, report=None, watch=watch)
        for parameter in trainer.network.parameters:
            assert getattr(parameter, "connections", parameter).optimizer_since == 4 * 8
    equal(*trainers)


def test_limits_on_degrees_need_the_general_path():
    layers = [SparseLinear(9, 4, connections=8, max_in_degree=2)]
    assert stack.steps_at_once(RateNetwork(layers, RULE), Trainer(make()).loss) == 0
