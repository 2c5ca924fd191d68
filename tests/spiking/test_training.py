"""Training of spiking networks, in runtime mode and as a program."""

from __future__ import annotations

from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
from brian2 import Hz, ms
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import reset_device

from synaptic_sampling import Adam, DeepR, FixedWiring
from synaptic_sampling.brian.schedules import Schedule
from synaptic_sampling.rules import (
    PruneAndRegrow,
    RigLDescent,
    Rule,
    SETDescent,
    Signal,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
)
from synaptic_sampling.spiking import EpropNetwork, RatePenalty, SequenceTask, Training, Wiring
from synaptic_sampling.spiking.tasks import Presentation
from synaptic_sampling.spiking.training import decayed, factor_of_rates
from tests.brian.test_stream import sources

RULE = DeepR(0.08, 0.05, 1e-3, optimizer=Adam())
#: The floor lies 35 steps of the noise below 0.
SOFT = SoftDeepR(0.08, 0.02, 1e-3, connectivity=0.1, optimizer=Adam())
REPLACING = SETDescent(0.05, optimizer=Adam(), fraction=0.2, every=5)


@pytest.fixture
def numpy_target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def patterns(n=60, framed=False, held=False):
    """Return noisy sequences of three patterns in space and time, or of three that stay the same."""
    rng = np.random.default_rng(3)
    shape = rng.random((3, 12, 10)) < 0.3
    labels = np.arange(n) % 3
    inputs = np.clip(shape[labels] + 0.2 * rng.standard_normal((n, 12, 10)), 0, 2).astype(np.float32)
    if framed:
        labels = np.where(np.arange(12) < 4, -1, labels[:, None])
    inputs = inputs[:, 0] if held else inputs
    return SequenceTask(inputs, labels, train=np.arange(n - 15), test=np.arange(n - 15, n), steps=12)


def network(rule=RULE, **options):
    wiring = {"input": Wiring(0.3, rule, scale=6.0, depth=5), "recurrent": Wiring(0.1, rule, scale=0.5, depth=5)}
    return EpropNetwork(**{"lif": 20, "alif": 10, **wiring, **options})


@pytest.mark.parametrize("framed", [False, True])
def test_it_learns_and_keeps_its_numbers(numpy_target, framed):
    net = network()
    result = Training(net, patterns(framed=framed), epochs=4, batch=4, decay=0.3, seed=1).run()
    assert result.accuracies[-1] > 0.8 > result.training_accuracies[0]
    assert result.samples == [45, 90, 135, 180]
    assert result.log.metadata["last_test"] == {"samples": 180, "accuracy": result.accuracies[-1]}
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


def test_soft_deep_r_learns_with_few_slots(numpy_target):
    """The number of connections fluctuates; weights are those of active ones, and only these are in the log."""
    training = Training(network(SOFT), patterns(), epochs=4, batch=4, decay=0.3, seed=1)
    simulation = training.simulation()
    slots = {name: len(synapses) for name, synapses in simulation.synapses.items()}
    sites = {"input": 300, "recurrent": 870}
    assert all(slots[name] < number for name, number in sites.items())
    result = training.run()
    assert result.accuracies[-1] > 0.8
    assert result.sites == {**sites, "readout": 90}
    births, deaths = result.log.num_births, result.log.num_deaths
    assert births > 20 < deaths != births
    for index, name in enumerate(sites):
        pre, post, w = result.weights[name]
        logged, targets, polarity = result.log.wiring(index=index)
        assert sorted(zip(pre, post, strict=True)) == sorted(zip(logged, targets, strict=True))
        assert len({*zip(pre, post, strict=True)}) == len(w) == len(polarity)
    assert result.connections - 90 == 90 + 87 + births - deaths


def test_only_the_learning_rate_of_soft_deep_r_decays():
    """Its ratio of temperature and l1 determines how far retracted connections may fall."""
    rule = decayed(SOFT, "0.5**(t/second)")
    assert (rule.learning_rate, rule.temperature, rule.l1) == ("0.08*0.5**(t/second)", SOFT.temperature, SOFT.l1)


def test_tests_change_nothing(numpy_target):
    task, net = patterns(), network(rate_penalty=RatePenalty(30.0, 20 * Hz))
    alone = SequenceTask(task.inputs, task.labels, train=task.train)
    results = [Training(net, each, epochs=2, batch=4, decay=0.1, seed=1).run() for each in (task, alone)]
    for name, columns in results[0].weights.items():
        for one, other in zip(columns, results[1].weights[name], strict=True):
            np.testing.assert_array_equal(one, other)
    assert results[1].accuracies == results[1].tests == []
    assert "last_test" not in results[1].log.metadata
    assert results[1].samples == results[0].samples == [45, 90]


def test_what_has_no_label_does_not_count(numpy_target):
    task = patterns()
    # An untrained network; the same tests, one of which has no label.
    labels = task.labels.copy()
    labels[task.test[0]] = -1
    net = network(FixedWiring(1e-9))
    for score, framed in (("sequences", False), ("sequences", True), ("frames", True)):
        own = np.repeat(labels[:, None], 12, axis=1) if framed else labels
        found = [
            Training(net, SequenceTask(task.inputs, own, train=[0, 1], test=test, score=score), seed=1).run().accuracies
            for test in (task.test, task.test[1:])
        ]
        assert found[0] == found[1] != [0.0]


def test_frames_count_equally(numpy_target):
    task = patterns()
    labels = np.repeat(task.labels[:, None], 12, axis=1)
    labels[task.test[:7], 1:] = -1
    simulation = Training(network(), SequenceTask(task.inputs, labels, task.train, task.test), seed=1)
    result = simulation.run()
    # 7 sequences of 1 frame, 8 of 12.
    assert result.accuracies[0] * 103 == pytest.approx(round(result.accuracies[0] * 103), abs=1e-9)


def test_weights_are_those_of_connections(numpy_target):
    rule = PruneAndRegrow("theta < 0.5", regrow=False)
    result = Training(network(rule), patterns(), batch=4, seed=1).run()
    assert result.log.num_deaths > 0
    for index, name in enumerate(("input", "recurrent")):
        pre, post, w = result.weights[name]
        np.testing.assert_array_equal(np.sort(pre), np.sort(result.log.wiring(index=index)[0]))
        assert len(pre) == len(post) == len(w)
        assert np.all(w != 0)


def gradients_before_updates(net, task, spoil=lambda matrix: matrix):
    """Return for each update and set whether a companion has the gradients of the synapses; False if it has none."""
    simulation, found = Training(net, task, batch=4, seed=1).simulation(), []

    def compare():
        for name, c in simulation.companions.items():
            s, matrix = simulation.synapses[name], np.zeros((len(c.source), len(c.target)))
            matrix[c.i[:], c.j[:]] = c.gradient[:]
            found.append((name, np.array_equal(spoil(matrix)[s.i[:], s.j[:]], s.gradient[:])))
            assert s.gradient[:].any()
            assert bool(c.needed[:]) == (np.count_nonzero(matrix) > np.count_nonzero(s.gradient[:]))

    due = np.flatnonzero(simulation.presentation.due) + 1
    clock = simulation.sequence_clock
    watch = b2.NetworkOperation(
        lambda: compare() if clock.variables["timestep"].item() in due else None,
        clock=clock,
        when="start",
        order=-1,
        name="watch",  # Objects of the same order are run in the order of their names, hence this one after synapses.
    )
    simulation.network.add(watch)
    simulation.network.run(simulation.length, namespace={})
    return found


OF_EACH = {"tau": np.linspace(5, 20, 30) * ms, "rate_penalty": RatePenalty(30.0, 20 * Hz), "loss": "sigmoid"}


@pytest.mark.parametrize(
    ("options", "held"),
    [
        ({}, True),
        (OF_EACH, False),
        *(
            pytest.param(*others, marks=pytest.mark.slow)
            for others in [({}, False), (OF_EACH, True), ({"lif": 30, "alif": 0, "feedback": "random"}, False)]
        ),
    ],
)
def test_companions_have_the_gradients_of_the_synapses(numpy_target, options, held):
    """Bit for bit, in the batch before connections are replaced, and none in the others."""
    rules = RigLDescent(0.05, Adam(), 0.2, every=2), RigLDescent(0.05, Adam(), 0.2, every=3)
    wiring = {"input": Wiring(0.3, rules[0], scale=6.0), "recurrent": Wiring(0.1, rules[1], scale=0.5)}
    readout = Wiring(0.5, RigLDescent(0.01, Adam(), 0.2, every=6))
    found = gradients_before_updates(network(**{**wiring, "readout": readout, **options}), patterns(39, held=held))
    for name, every in (("input", 2), ("recurrent", 3), ("readout", 6)):
        assert [same for each, same in found if each == name] == [n % every == 0 for n in range(1, 7)]


@pytest.mark.parametrize("spoil", [np.negative, lambda matrix: np.roll(matrix, 1, axis=1)])
def test_wrong_companions_are_noticed(numpy_target, spoil):
    """Negative controls: a gradient of the other sign, and gradients of other pairs."""
    found = gradients_before_updates(network(RigLDescent(0.05, Adam(), 0.2, every=3)), patterns(27), spoil)
    assert not any(same for _, same in found)


def test_connections_grow_where_the_gradient_is_largest(numpy_target):
    net = network(RigLDescent(0.05, Adam(), 0.2, every=2), recurrent=None)
    simulation = Training(net, patterns(), batch=4, seed=1).simulation()
    c, rewiring = simulation.companions["input"], simulation.rewirings["input"]
    simulation.network.run(8 * simulation.duration, namespace={})
    before, size = set(zip(rewiring.i.tolist(), rewiring.j.tolist(), strict=True)), np.zeros((10, 30))
    size[c.i[:], c.j[:]] = np.abs(c.gradient[:])
    simulation.network.run(net.dt, namespace={})
    after = set(zip(rewiring.i.tolist(), rewiring.j.tolist(), strict=True))
    new, vacant = after - before, {divmod(key, 30) for key in range(300)} - after
    assert len(after) == len(before) == 90
    # Some of the 18 that are replaced may form again at once.
    assert 10 < len(new) <= 18
    assert min(size[pair] for pair in new) > max(size[pair] for pair in vacant)


@pytest.mark.parametrize("seed", [2**62, 2**64 - 1])
def test_all_seeds(numpy_target, seed):
    assert Training(network(), patterns(18), seed=seed).simulation().seed == seed


def test_same_seed_same_bits(numpy_target):
    one, same, other = (Training(network(), patterns(), batch=4, seed=seed).run() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.log.events, same.log.events)
    assert not np.array_equal(one.weights["input"][2], other.weights["input"][2])


@pytest.mark.parametrize("batch", [1, 4, 7, 45, 100])
def test_rates_decrease_from_update_to_update(batch):
    training = Training(network(), patterns(), epochs=3, batch=batch, decay=0.1)
    factor = factor_of_rates(training)
    due = Presentation.of_epochs(training.task, 0, 3, batch=batch, seed=0).due
    times = (np.flatnonzero(due) + 1) * 12 * ms
    schedule = Schedule(decayed(RULE, factor), {})
    rules = [schedule.at(float(t)) for t in times]
    assert schedule.at_all([float(t) for t in times]) == rules
    np.testing.assert_allclose([rule.learning_rate for rule in rules], 0.08 * 0.1 ** np.linspace(0, 1, len(times)))
    np.testing.assert_allclose([rule.temperature for rule in rules], 1e-3 * 0.1 ** np.linspace(0, 1, len(times)))
    assert {rule.l1 for rule in rules} == {RULE.l1}


def test_rates_that_stay_as_they_are():
    assert factor_of_rates(Training(network(), patterns())) is None
    assert factor_of_rates(Training(network(), patterns(), batch=100, decay=0.1)) is None
    assert decayed(RULE, None) is RULE
    scheduled = FixedWiring("1e-3*exp(-t/(1*second))")
    assert decayed(scheduled, "0.5").learning_rate == scheduled.learning_rate


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
        ({"tau": "10*ms"}, TypeError, "tau must be a time, such as 10\\*ms or \\[10, 20\\]\\*ms, got '10\\*ms'"),
        ({"tau": [10 * ms] * 30}, TypeError, "tau must be a time"),
        ({"dt": None}, TypeError, "dt must be a time, such as 10\\*ms, got None"),
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
    with pytest.raises(ValueError, match="excitatory must be <= 1"):
        Wiring(0.1, RULE, excitatory=2)
    with pytest.raises(b2.DimensionMismatchError, match="target must be a rate"):
        RatePenalty(1.0, 10)
    for target in (-1 * Hz, np.nan * Hz, [10] * Hz):
        with pytest.raises(ValueError, match="target must be one rate >= 0"):
            RatePenalty(1.0, target)
    with pytest.raises(ValueError, match="device must be one of 'cpp_standalone', 'runtime', got 'cuda'"):
        Training(network(), patterns()).run(device="cuda")
    with pytest.raises(ValueError, match="decay must be <= 1"):
        Training(network(), patterns(), decay=2)


class Scored(Rule):
    """A rule with a value per pair that e-prop does not provide."""

    signals = (Signal("score", of="site"),)


SAMPLING = SynapticSampling(1.0, 1.0, 0.0, 1.0, 0.1)


@pytest.mark.parametrize("rule", [SAMPLING, Scored(), SynapticElements()])
def test_rules_with_other_signals_are_refused(rule):
    with pytest.raises(
        ValueError,
        match="rule must act on existing connections or be SoftDeepR, and need no signals but gradient and site_grad",
    ):
        Wiring(0.1, rule)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"report": "x"}, ValueError, "report must be 'text', 'stdout', 'stderr' or a function, got 'x'"),
        ({"report": 3, "device": "cpp_standalone"}, ValueError, "report must be"),
        ({"log": "x.rewiring", "device": "cpp_standalone"}, ValueError, "log must be None .* use result.log.save"),
        ({"directory": 3, "device": "cpp_standalone"}, TypeError, "directory must be a str or a PathLike, got 3"),
        ({"cache": __file__, "device": "cpp_standalone"}, ValueError, "cache must be a folder"),
    ],
)
def test_wrong_options_of_a_run_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Training(network(), patterns()).run(**options)


@pytest.mark.parametrize("device", ["runtime", "cpp_standalone"])
def test_a_standalone_network_of_the_script_is_kept(tmp_path, device):
    b2.set_device("cpp_standalone", build_on_run=False, directory=str(tmp_path))
    own = b2.get_device()
    try:
        with pytest.raises(RuntimeError, match="the script uses C\\+\\+ standalone mode itself"):
            Training(network(), patterns()).run(device=device)
        b2.Network(b2.NeuronGroup(1, "v : 1")).run(1 * ms)
        reset_device()
        with pytest.raises(RuntimeError, match="the script uses C\\+\\+ standalone mode itself"):
            Training(network(), patterns()).run(device=device)
        assert len(own.networks) == 1
    finally:
        own.reinit()
        b2.set_device("runtime")


def test_an_interrupted_run_does_not_change_the_next_program(tmp_path, monkeypatch):
    code = []

    def compile_source(self, directory, *_):
        code.append(sources(Path(directory)))
        raise KeyboardInterrupt

    monkeypatch.setattr(CPPStandaloneDevice, "compile_source", compile_source)
    training = Training(network(), patterns())
    for name in ("first", "second"):
        # The traceback holds the objects of the first run.
        with pytest.raises(KeyboardInterrupt):
            training.run(device="cpp_standalone", directory=tmp_path / name, cache=tmp_path / "cache")
    assert code[0] == code[1]
    assert b2.get_device() is b2.all_devices["runtime"]


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize(
    ("rule", "framed", "held"),
    [
        (RULE, False, False),
        (RULE, True, False),
        (SETDescent(0.05, optimizer=Adam(), fraction=0.2, every=5), False, True),
        (RigLDescent(0.05, Adam(), 0.2, every=5), True, False),
        (RigLDescent(0.05, Adam(), 0.2, every=5), False, True),
        (SOFT, False, False),
        (SOFT, True, False),
    ],
    ids=["deepr", "deepr-frames", "set-held", "rigl-frames", "rigl-held", "soft", "soft-frames"],
)
def test_a_program_has_the_bits_of_runtime_mode(tmp_path, framed, held, rule):
    options = {"rate_penalty": None, "feedback": "random"} if framed else {}
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "cython"
    try:
        training = Training(
            network(rule, **options), patterns(framed=framed, held=held), epochs=2, batch=4, decay=0.3, seed=1
        )
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
