"""The fast path of soft DEEP R is bit-identical to the general path, wherever a call ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Adam, Momentum, RateNetwork, SoftDeepR, Trainer
from synaptic_sampling._kernels import soft_deep
from synaptic_sampling._kernels.soft_stack import most_due
from synaptic_sampling.rate import CrossEntropy, Decay, LinearDecay, ReLU, SparseLinear, Tanh
from synaptic_sampling.rate.training import fast_path, soft_path
from tests.rate.test_stack import equal, watched

RULE = SoftDeepR(learning_rate=0.1, l1=0.02, temperature=1e-4, connectivity=0.1)


def make(rule=RULE, activation=ReLU, bias=True, **options):
    layers = [
        SparseLinear(33, 20, connectivity=0.2, bias=bias),
        activation(),
        # So dense that vacant sites are listed instead of searched.
        SparseLinear(20, 15, connections=240, bias=bias),
        SparseLinear(15, 4, connections=50, bias=bias),
    ]
    return RateNetwork(layers, rule, seed=3, **{"depth": 4.5, **options})


@pytest.fixture
def data(rng):
    return rng.standard_normal((75, 33)).astype(np.float32), rng.integers(0, 4, 75)


CASES = {
    "plain": {},
    "no biases, Tanh": {"activation": Tanh, "bias": False, "signs": "presynaptic"},
    "Adam": {"rule": SoftDeepR(0.01, 0.1, 1e-3, 0.2, optimizer=Adam())},
    "momentum": {"rule": SoftDeepR(0.01, 0.1, 1e-3, 0.2, optimizer=Momentum())},
    "all tracked": {"depth": 1000.0},
    "no slot is free at times": {"capacity": 430},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch_size", [7, 40])
def test_same_bits_as_step_by_step(data, monkeypatch, case, batch_size):
    trainers = [Trainer(make(**CASES[case])) for _ in range(4)]
    options = {"epochs": 8, "batch_size": batch_size, "test": data, "report": None}
    trainers[0].fit(*data, **options)
    trainers[1].fit(*data, **options, watch=watched)
    for patched, name, value in ((soft_path, "EVENTS_AT_ONCE", 100), (soft_path, "SPARE", 1.0)):
        monkeypatch.setattr(patched, name, value)  # Calls end because of events; because of too little memory.
        own = trainers[2 if name == "EVENTS_AT_ONCE" else 3]
        own.fit(*data, **options)
        monkeypatch.undo()
    for trainer in trainers[2:] + trainers[:1]:
        equal(trainer, trainers[1])
        assert trainer.most_connections == trainers[1].most_connections
    info = trainers[0].log
    assert info.num_births > 100
    assert info.num_births != info.num_deaths


@pytest.mark.parametrize("schedule", [Decay(RULE, 0.7), LinearDecay(RULE, 8, 0.1)])
def test_rules_that_are_annealed(data, schedule):
    trainers = [Trainer(make(), schedule=schedule) for _ in range(2)]
    for trainer, watch in zip(trainers, (None, watched), strict=True):
        trainer.fit(*data, epochs=8, batch_size=10, report=None, watch=watch)
    equal(*trainers)


def test_all_connections_may_be_lost():
    rule, x, labels = SoftDeepR(0.1, 20.0, 1.0, 0.02), np.ones((10, 2), np.float32), np.arange(10) % 2
    trainers = [Trainer(RateNetwork([SparseLinear(2, 2, connections=1)], rule, seed=3, depth=4.0)) for _ in range(2)]
    fewest = [[], []]
    for trainer, watch, slots in zip(trainers, (None, watched), fewest, strict=True):
        stop = lambda t, slots=slots: slots.append(len(t.network.connections[0]))  # noqa: E731
        trainer.fit(x, labels, epochs=300, batch_size=5, report=None, watch=watch, stop=stop)
    equal(*trainers)
    assert fewest[0] == fewest[1]
    assert min(fewest[0]) == 0


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_an_error_before_the_first_step_changes_nothing(data, monkeypatch, error):
    whole, cut = Trainer(make()), Trainer(make())
    for trainer in (whole, cut):
        trainer.fit(*data, epochs=2, batch_size=10, report=None)

    def fails(*_):
        raise error

    monkeypatch.setattr(soft_path, "views_of", fails)
    with pytest.raises(error):
        cut.fit(*data, epochs=2, batch_size=10, report=None)
    monkeypatch.undo()
    for trainer in (whole, cut):
        trainer.fit(*data, until_epoch=5, batch_size=10, report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, cut.network.state()[name])


def test_a_training_that_goes_on(data, tmp_path):
    whole, parts = Trainer(make()), Trainer(make())
    whole.fit(*data, epochs=6, batch_size=10, report=None)
    parts.fit(*data, epochs=3, batch_size=10, report=None)
    parts.save(tmp_path / "run.npz")
    resumed = Trainer(make(), log=parts.log)
    resumed.load(tmp_path / "run.npz")
    resumed.fit(*data, until_epoch=6, batch_size=10, report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, resumed.network.state()[name])


@dataclass(frozen=True)
class Damped(SoftDeepR):
    """Decides for itself."""

    def decide(self, connections, gradient):
        return super().decide(connections, np.float32(0.5) * gradient)


def test_which_networks_take_this_path():
    assert fast_path.steps_at_once(make(), CrossEntropy()) > 1
    assert soft_path.is_soft(make())
    assert not soft_path.is_soft(make(Damped(0.1, 0.02, 1e-4, 0.1)))
    assert fast_path.steps_at_once(make(Damped(0.1, 0.02, 1e-4, 0.1)), CrossEntropy()) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(data, value):
    x, labels = data
    trainers = [Trainer(make()) for _ in range(2)]
    for trainer, watch in zip(trainers, (None, watched), strict=True):
        trainer.fit(x, labels, epochs=1, batch_size=25, report=None)
        trainer.network.layers[2].bias[0] = value
        with pytest.raises(FloatingPointError, match="layer"):
            trainer.fit(x, labels, epochs=1, batch_size=25, report=None, watch=watch)
    equal(*trainers)


def test_no_more_connections_return_than_announced(rng):
    """Also over several ticks of the clock, and parts of them; the bound is reached."""
    most, reached = 0, 0
    for case in range(300):
        wheel = np.zeros((soft_deep.LEVELS, soft_deep.RING), np.int64)
        wheel[: rng.integers(1, 8)] = rng.integers(0, 3, soft_deep.RING)
        clock, ticks = np.array([float(rng.integers(0, 1000)) + rng.choice([0.0, 0.25])]), rng.choice([0.1, 1.0, 3.5])
        bound = most_due(wheel, clock[0], ticks)
        found = soft_deep.advance(wheel, clock, ticks, *(np.uint64(n) for n in (case, 1, 2, 3)))
        assert found <= bound
        most, reached = max(most, found), reached + (found == bound)
    assert most > 5
    assert reached
