"""Training of spiking networks, in runtime mode and as a program."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms

from synaptic_sampling import Adam, DeepR, FixedWiring
from synaptic_sampling.rules import SETDescent
from synaptic_sampling.spiking import EpropNetwork, SequenceTask, Training, Wiring
from synaptic_sampling.spiking.training import decayed

RULE = DeepR(0.08, 0.05, 1e-3, optimizer=Adam())
REPLACING = SETDescent(0.05, optimizer=Adam(), fraction=0.2, every=5)


@pytest.fixture
def numpy_target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def patterns(n=60, framed=False):
    """Return noisy sequences of three patterns in space and time."""
    rng = np.random.default_rng(3)
    shape = rng.random((3, 12, 10)) < 0.3
    labels = np.arange(n) % 3
    inputs = np.clip(shape[labels] + 0.2 * rng.standard_normal((n, 12, 10)), 0, 2).astype(np.float32)
    if framed:
        labels = np.where(np.arange(12) < 4, -1, labels[:, None])
    return SequenceTask(inputs, labels, train=np.arange(n - 15), test=np.arange(n - 15, n))


def network(rule=RULE, **options):
    wiring = {"input": Wiring(0.3, rule, scale=6.0), "recurrent": Wiring(0.1, rule, scale=0.5)}
    return EpropNetwork(**{"lif": 20, "alif": 10, **wiring, **options})


@pytest.mark.parametrize("framed", [False, True])
def test_it_learns_and_keeps_its_numbers(numpy_target, framed):
    net = network()
    result = Training(net, patterns(framed=framed), epochs=4, batch=4, decay=0.3, seed=1).run()
    assert result.accuracies[-1] > 0.8 > result.training_accuracies[0]
    assert result.samples == [45, 90, 135, 180]
    # 45 sequences are 11 batches of 4 and one of 1.
    assert result.log.last_step == 48
    assert result.log.num_births == result.log.num_deaths > 20
    assert {name: len(pre) for name, (pre, _, _) in result.weights.items()} == {
        "input": 90, "recurrent": 87, "readout": 90,
    }  # fmt: skip
    assert result.sites == {"input": 300, "recurrent": 870, "readout": 90}
    assert result.connections == 267
    assert result.connectivity == 267 / 1260
    for index, name in enumerate(("input", "recurrent")):
        pre, post, polarity = result.log.wiring(index=index)
        np.testing.assert_array_equal(result.weights[name][0], pre)
        np.testing.assert_array_equal(result.weights[name][1], post)
        assert np.all(result.weights[name][2] * polarity >= 0)


def test_tests_change_nothing(numpy_target):
    task = patterns()
    alone = SequenceTask(task.inputs, task.labels, train=task.train)
    results = [Training(network(), each, batch=4, seed=1).run() for each in (task, alone)]
    for name, columns in results[0].weights.items():
        for one, other in zip(columns, results[1].weights[name], strict=True):
            np.testing.assert_array_equal(one, other)
    assert results[1].accuracies == []
    assert results[1].samples == results[0].samples == [45]


def test_same_seed_same_bits(numpy_target):
    one, same, other = (Training(network(), patterns(), batch=4, seed=seed).run() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.log.events, same.log.events)
    assert not np.array_equal(one.weights["input"][2], other.weights["input"][2])


def test_rates_decrease_with_each_batch():
    rule = decayed(RULE, 0.1, 0.5, 20)
    namespace = {"floor": np.floor, "second": 1.0}
    for batches, factor in ((0, 1.0), (10, 0.1**0.5), (20, 0.1)):
        value = eval(rule.learning_rate, {**namespace, "t": 0.5 * batches})
        assert value == pytest.approx(0.08 * factor)
    assert rule.l1 == RULE.l1
    assert decayed(RULE, 1.0, 0.5, 20) is RULE
    scheduled = FixedWiring("1e-3*exp(-t/(1*second))")
    assert decayed(scheduled, 0.1, 0.5, 20).learning_rate == scheduled.learning_rate


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lif": 1, "alif": 0}, ValueError, "lif \\+ alif must be at least 2, got 1"),
        ({"tau": 10}, b2.DimensionMismatchError, "tau must be a time"),
        ({"tau": np.ones(7) * ms}, ValueError, "tau must be one time or one for each neuron"),
        ({"tau_readout": -1 * ms}, ValueError, "tau_readout must be > 0"),
        ({"loss": "squares"}, ValueError, "loss must be one of 'sigmoid', 'softmax', got 'squares'"),
        ({"feedback": "none"}, ValueError, "feedback must be one of"),
        ({"recurrent": 0.1}, TypeError, "recurrent must be a Wiring, got 0.1"),
        ({"gamma": 0}, ValueError, "gamma must be > 0"),
        ({"rate_penalty": 0.1}, TypeError, "rate_penalty must be a RatePenalty"),
    ],
)
def test_wrong_networks_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        network(**options)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="connectivity must be <= 1"):
        Wiring(1.5, RULE)
    with pytest.raises(TypeError, match="rule must be a Rule, got 'deepr'"):
        Wiring(0.1, "deepr")
    with pytest.raises(ValueError, match="device must be one of 'cpp_standalone', 'runtime', got 'cuda'"):
        Training(network(), patterns()).run(device="cuda")
    with pytest.raises(ValueError, match="decay must be <= 1"):
        Training(network(), patterns(), decay=2)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(
    "rule", [RULE, SETDescent(0.05, optimizer=Adam(), fraction=0.2, every=5)], ids=["deepr", "set"]
)
def test_a_program_has_the_bits_of_runtime_mode(tmp_path, framed, rule):
    options = {"rate_penalty": None, "feedback": "random"} if framed else {}
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "cython"
    try:
        training = Training(network(rule, **options), patterns(framed=framed), epochs=2, batch=4, decay=0.3, seed=1)
        one, other = training.run(), training.run(device="cpp_standalone", cache=tmp_path)
    finally:
        b2.prefs.codegen.target = before
    np.testing.assert_array_equal(one.log.events, other.log.events)
    assert one.log.num_births > 20
    assert one.accuracies == other.accuracies
    assert one.rate == other.rate
    for name, columns in one.weights.items():
        for a, b in zip(columns, other.weights[name], strict=True):
            np.testing.assert_array_equal(a, b)
