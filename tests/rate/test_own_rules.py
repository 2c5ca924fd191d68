"""A rule in a user's own file trains rate-based networks; signals without a source are refused with a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Adam, Budget, DeepR, FixedWiring, RewiringLog, Signal, SynapticElements
from synaptic_sampling.rate import (
    SET,
    Conv2d,
    Decay,
    Dropout,
    EachFrame,
    Layer,
    Linear,
    MaxPool2d,
    RateNetwork,
    ReLU,
    RigL,
    SparseLinear,
    SparseLSTM,
    Trainer,
)
from synaptic_sampling.rules.magnitude import RigL as RigLRule

DEEPR = {"learning_rate": 0.1, "l1": 0.01, "temperature": 1e-4}


@dataclass(frozen=True)
class RewardModulated(DeepR):
    """DEEP R whose gradient is an eligibility trace times minus a reward."""

    signals = (Signal("eligibility"), Signal("reward", of="network"))

    def decide(self, connections, eligibility, reward):
        return super().decide(connections, gradient=np.float32(-reward) * eligibility)


RULE = RewardModulated(**DEEPR)
SOURCES = {"eligibility": "gradient", "reward": -1.0}


def make(rule, **options):
    layers = [SparseLinear(12, 20, connectivity=0.3), ReLU(), Linear(20, 15), SparseLinear(15, 4, connections=17)]
    return RateNetwork(layers, rule, seed=3, **options)


def samples(rng):
    return rng.standard_normal((50, 12)).astype(np.float32), rng.integers(0, 4, 50)


def watched(_trainer):
    """Make the trainer take single steps, as it does with a rule of one's own."""


def equal(one, two):
    assert one.network.state().keys() == two.network.state().keys()
    for name, values in one.network.state().items():
        assert_array_equal(values, two.network.state()[name])
    assert_array_equal(one.log.events, two.log.events)
    assert one.history == two.history


@pytest.mark.parametrize("optimizer", [None, Adam()])
@pytest.mark.parametrize("budget", ["layer", "network"])
@pytest.mark.parametrize("reward", [-1.0, lambda net: -1.0 if net.num_out == 4 else 0.0])
def test_reward_of_minus_one_is_deepr(budget, optimizer, reward):
    changes = {} if optimizer is None else {"optimizer": optimizer}
    own = make(replace(RULE, **changes), signals={**SOURCES, "reward": reward}, budget=budget)
    trainers = [Trainer(own), Trainer(make(DeepR(**DEEPR, **changes), budget=budget))]
    for trainer in trainers:
        trainer.fit(*samples(np.random.default_rng(5)), epochs=4, batch_size=8, report=None)
    assert trainers[0].log.num_births > 20
    assert isinstance(own.budget, Budget) == (budget == "network")
    equal(*trainers)


def test_another_reward_learns_otherwise(rng):
    x, y = samples(rng)
    trainers = [Trainer(make(RULE, signals={**SOURCES, "reward": reward})) for reward in (-1.0, -0.5)]
    for trainer in trainers:
        trainer.fit(x, y, epochs=2, batch_size=8, report=None)
    one, two = (trainer.network.connections[0].theta for trainer in trainers)
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("budget", ["layer", "network"])
def test_resumed_from_a_checkpoint(rng, tmp_path, budget):
    x, y = samples(rng)

    def trainer():
        net = make(RULE, signals={**SOURCES, "reward": lambda net: -0.5 - net.connections[0].steps_done / 50})
        return Trainer(net, schedule=Decay(RULE, 0.9))

    whole, first, second = trainer(), trainer(), trainer()
    whole.fit(x, y, epochs=5, batch_size=8, report=None)
    first.fit(x, y, epochs=2, batch_size=8, report=None)
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    second.fit(x, y, until_epoch=5, batch_size=8, report=None)
    for name, values in whole.network.state().items():
        assert_array_equal(values, second.network.state()[name])
    assert whole.history == second.history


def test_the_log_names_the_rule(rng):
    trainer = Trainer(make(RULE, signals=SOURCES))
    trainer.fit(*samples(rng), epochs=1, batch_size=8, report=None)
    ((step, rule),) = trainer.log.rules_of(0)
    assert (step, rule["class"]) == (1, "RewardModulated")


@pytest.mark.parametrize(
    ("rule", "signals", "error", "message"),
    [
        (RULE, None, ValueError, "must give RewardModulated a value of 'eligibility' for each connection, got None"),
        (RULE, {"reward": 1.0}, ValueError, r"give signals=\{'eligibility': 'gradient'\} if it is dE/dw"),
        (RULE, {**SOURCES, "eligibility": 1.0}, ValueError, "'eligibility' for each connection, got 1.0"),
        (RULE, {"eligibility": "gradient"}, ValueError, "give a number or a function of the network"),
        (RULE, {**SOURCES, "reward": "gradient"}, ValueError, "'reward' for the whole network, got 'gradient'"),
        (RULE, {**SOURCES, "reward": np.nan}, ValueError, "'reward' for the whole network, got nan"),
        (RULE, {**SOURCES, "rewrad": 1.0}, ValueError, "signals contains 'rewrad', but RewardModulated takes elig"),
        (RULE, [1.0], TypeError, r"signals must be a dictionary such as \{'reward': ...\}, got \[1.0\]"),
        (DeepR(**DEEPR), {"reward": 1.0}, ValueError, "signals contains 'reward', but DeepR takes gradient"),
        (
            RigLRule(0.3),
            None,
            TypeError,
            r"rule must change weights by a gradient, .* got RigL\(fraction=0.3\); give other rules to Trainer",
        ),
        (SynapticElements(), None, TypeError, "rule must change weights by a gradient"),
    ],
)
def test_refused_with_a_hint(rule, signals, error, message):
    with pytest.raises(error, match=message):
        make(rule, signals=signals)


def test_a_reward_that_is_not_a_number_changes_nothing(rng):
    net = make(RULE, signals={**SOURCES, "reward": lambda _: np.nan})
    trainer, before = Trainer(net), {name: np.array(values) for name, values in net.state().items()}
    with pytest.raises(ValueError, match="reward must be finite"):
        trainer.fit(*samples(rng), epochs=1, batch_size=8, report=None)
    for name, values in net.state().items():
        assert_array_equal(values, before[name])


@dataclass(frozen=True)
class OftenSET(SET):
    """A rule without signals of a user's own."""


def test_between_takes_rules_without_signals(rng):
    x, y = samples(rng)
    trainers = [Trainer(make(FixedWiring(0.1)), between=between, every=3) for between in (SET(0.3), OftenSET(0.3))]
    for trainer in trainers:
        trainer.fit(x, y, epochs=2, batch_size=8, report=None)
    assert trainers[0].log.num_births > 20
    equal(*trainers)
    with pytest.raises(ValueError, match=r"between must be a rule without signals of all pairs, got RigL.*; .*RigL"):
        Trainer(make(FixedWiring(0.1)), between=RigLRule(0.3))
    assert Trainer(make(FixedWiring(0.1)), between=RigL(x, y, batch_size=4, steps=3)).steps_done == 0


class Doubled(Layer):
    """A layer of a user's own without weights."""

    def __init__(self):
        self.parameters = []

    def outputs_after(self, num_before):
        return num_before

    def forward(self, x, *, training=False):
        return 2 * x

    def backward(self, delta, *, wanted):
        return 2 * delta


def test_layers_of_ones_own(rng):
    net = RateNetwork([SparseLinear(12, 20, connectivity=0.3), Doubled(), Linear(20, 4)], DeepR(**DEEPR), seed=1)
    Trainer(net).fit(*samples(rng), epochs=1, batch_size=8, report=None)
    planes = RateNetwork([Conv2d(2, 3, 2, size=4), Doubled(), MaxPool2d(3), Doubled(), Linear(3, 4)], DeepR(**DEEPR))
    Trainer(planes).fit(rng.standard_normal((50, 32)), rng.integers(0, 4, 50), epochs=1, batch_size=8, report=None)
    with pytest.raises(TypeError, match="layers must contain layers"):
        RateNetwork([Linear(12, 4), object()], DeepR(**DEEPR))


def test_dropout_within_each_frame_drops_while_training(rng):
    layers = [SparseLSTM(3, 8, connectivity=0.5, steps=5, output="all"), EachFrame(Dropout(0.5))]
    net = RateNetwork(layers, DeepR(**DEEPR), seed=1)
    x = net.check_samples(rng.standard_normal((16, 15)))
    assert (net.present(x, training=True) == 0).sum() > 100
    assert (net.present(x) == 0).sum() == 0


def test_examples_in_the_documents(capsys, tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "guide" / "rate.md"
    resumed, varying, modulated, pruned = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    states = []
    for number, stops in enumerate([(), (7, 8)]):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        for epochs in (*stops, 20):
            names: dict = {}
            exec(resumed.replace("until_epoch=20", f"until_epoch={epochs}"), names)
        states.append([*names["net"].state().values(), RewiringLog.load("run.rewiring").events])
    assert [values.tobytes() for values in states[0]] == [values.tobytes() for values in states[1]]
    assert len(states[0][-1]) > 20
    names = {}
    exec(varying, names)
    for name in ("soft", "sampling"):
        history = names[name].history
        assert history[-1].loss < 0.8 * history[0].loss
        assert len({sum(epoch.connections) for epoch in history}) > 3, "the number varies"
    capsys.readouterr()
    exec(modulated, names)
    loss, births = capsys.readouterr().out.split()
    assert float(loss) < 0.8 * names["trainer"].history[0].loss
    assert int(births) > 10
    exec(pruned, names)
