"""Parameters that change with time, and what is called at each event."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV, second
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, Rewiring, RewiringMonitor, SoftDeepR, SynapticSampling, connect_exactly
from tests.brian.test_rewiring import MODEL, make, network
from tests.brian.test_standalone import standalone


def thetas(rewiring, s, net, events):
    """Return theta of synapse 0 after each event, and run for so many."""
    course = []
    rewiring.callback = lambda *_: course.append(s.theta[0])
    net.run(events * ms + 0.1 * ms)
    return course


def test_string_of_t_is_evaluated_at_each_event():
    tau = 3 * ms  # noqa: F841 (found by Brian2 in the namespace of this function)
    s = make()
    rewiring = Rewiring(s, DeepR("0.1*exp(-t/tau)", l1="1 + int(t > 2.5*ms)", temperature=0.0), dt=1 * ms, signs=1)
    s.theta = 10
    course = []
    rewiring.callback = lambda *_: course.append(s.theta[0])
    network(s, rewiring).run(4.1 * ms)
    steps = [0.1 * np.exp(-n / 3) * (1 + (n > 2)) for n in (1, 2, 3, 4)]
    assert_allclose(course, 10 - np.cumsum(steps))


def with_names_of_its_own():
    """Return synapses with names of their own, run for 2 events; one name is defined in both places."""
    rate, decay = 0.5, 2.0  # noqa: F841 (found by Brian2 in the namespace of this function)
    s = make(namespace={"rate": 0.25, "own": 3.0})
    s.theta = 10
    rewiring = Rewiring(s, DeepR("rate*(1 + t/ms)", "decay*own + 0*t/ms", 0.0), dt=1 * ms, signs=1, seed=1)
    network(s, rewiring).run(2.1 * ms)
    return s


def test_names_are_looked_up_in_the_namespace_of_the_synapses_first():
    """As in conditions, birth and equations."""
    assert_allclose(with_names_of_its_own().theta[:], 10 - 2 * 3 * 0.25 * (2 + 3))


@pytest.mark.slow
@pytest.mark.cython
def test_a_program_looks_up_names_in_the_namespace_of_the_synapses_first(tmp_path):
    with standalone(tmp_path) as build:
        s = with_names_of_its_own()
        build()
        assert_allclose(s.theta[:], 10 - 2 * 3 * 0.25 * (2 + 3))


def test_the_depth_of_tracking_follows_the_names_of_the_synapses():
    s = make(namespace={"heat": 0.02})
    rule = SoftDeepR(0.05, 0.4, "heat*(1 + t/second)", 0.1)
    assert_allclose(Rewiring(s, rule, depth=10, seed=1).connections.noise_scale, np.sqrt(2 * 0.05 * 0.02))


def with_namespaces(learning_rate, *namespaces):
    """Return a network, its synapses, one for each namespace, and the Rewiring that they share."""
    inputs, neurons = b2.PoissonGroup(9, 5 * b2.Hz), b2.NeuronGroup(8, "v : 1")
    synapses = [b2.Synapses(inputs, neurons, MODEL, namespace=names) for names in namespaces]
    for s in synapses:
        connect_exactly(s, connections=20)
    rewiring = Rewiring(synapses, DeepR(learning_rate, 0.1, 0.0), dt=1 * ms)
    return b2.Network(inputs, neurons, synapses, rewiring), synapses, rewiring


def test_several_synapses_have_one_value_of_a_schedule():
    net, both, _rewiring = with_namespaces("0.1*exp(-t/tau)", {"tau": 1 * ms}, {"tau": 2 * ms})
    with pytest.raises(b2.BrianObjectException) as raised:
        net.run(2 * ms)
    assert "must have the same parameters for all Synapses, got DeepR(learning_rate=0.03" in str(raised.value.__cause__)
    both[1].namespace = both[0].namespace
    net.run(2 * ms)


def test_timed_array_is_evaluated_at_each_event():
    rates = b2.TimedArray([0.1, 0.2, 0.3, 0.4], dt=1 * ms)
    s = make()
    rewiring = Rewiring(s, DeepR(rates, l1=1.0, temperature=0.0), dt=1 * ms, signs=1)
    s.theta = 10
    assert_allclose(thetas(rewiring, s, network(s, rewiring), 3), 10 - np.cumsum([0.2, 0.3, 0.4]))
    assert "TimedArray" in type(rewiring.rule.learning_rate).__name__
    in_a_string = make()
    other = Rewiring(in_a_string, DeepR("2*rates(t)", l1=1.0, temperature=0.0), dt=1 * ms, signs=1)
    in_a_string.theta = 10
    course = []
    other.callback = lambda *_: course.append(in_a_string.theta[0])
    network(in_a_string, other).run(3.1 * ms)
    assert_allclose(course, 10 - 2 * np.cumsum([0.2, 0.3, 0.4]))


def test_units_of_schedules_are_followed():
    model = MODEL.replace("theta : 1", "theta : volt").replace("w = polarity*theta : 1", "w = polarity*theta : volt")
    model = model.replace("gradient : 1", "gradient : 1/volt")
    s = make(model, on_pre="v_post += w/mV")
    s.theta = 10 * mV
    rule = DeepR("mV**2*(1 + t/ms)", l1=b2.TimedArray([0.5, 0.25] / mV, dt=1 * ms), temperature=0.0)
    rewiring = Rewiring(s, rule, signs=1, dt=1 * ms)
    network(s, rewiring).run(1.1 * ms)
    assert_allclose(s.theta[:] / mV, 10 - 2 * 0.25)
    for wrong in ({"learning_rate": "1 + t/ms"}, {"l1": "t"}, {"temperature": b2.TimedArray([1, 2] * mV, dt=1 * ms)}):
        values = {"learning_rate": 1 * mV**2, "l1": 0.5 / mV, "temperature": 0.0, **wrong}
        other = make(model, on_pre="v_post += w/mV")
        with pytest.raises(b2.DimensionMismatchError, match=f"{next(iter(wrong))} of the rule does not fit"):
            Rewiring(other, DeepR(**values)).step()


def test_synaptic_sampling_with_a_temperature_that_falls():
    s = make()
    rule = SynapticSampling(10 / second, "0.5*exp(-t/(2*ms))", 0.0, 1.0, 1 * ms)
    rewiring = Rewiring(s, rule, seed=2)
    used = []
    rewiring.callback = lambda r, _: used.append(r.projections[0].rule.temperature)
    network(s, rewiring).run(3.1 * ms)
    assert_allclose(np.array(used, float), 0.5 * np.exp([-0.5, -1, -1.5]))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("0.1 - t/second", ValueError, r"at t = 100\. ms: learning_rate must be > 0, got"),
        (
            "0.1*nobody*t",
            ValueError,
            "learning_rate = '0.1.nobody.t' cannot be evaluated: name 'nobody' is not defined",
        ),
        ("0.1*t", b2.DimensionMismatchError, "learning_rate of the rule does not fit"),
        ("0.1 + t", b2.DimensionMismatchError, "units do not match"),
        ("0.1*(t", ValueError, "is not an expression"),
        ("vector*t/ms", TypeError, "a single number at any time"),
    ],
)
def test_hostile_schedules_change_nothing(text, error, message):
    vector = np.ones(3)  # noqa: F841 (found by Brian2 in the namespace of this function)
    s = make()
    s.theta = 1.0
    rewiring = Rewiring(s, DeepR(text, 0.1, 0.1), dt=100 * ms)
    before = s.theta[:].copy()
    net = network(s, rewiring)
    with pytest.raises(Exception) as raised:  # noqa: PT011 (Brian2 wraps it if it comes before the run)
        net.run(101 * ms)
    cause = raised.value.__cause__ if isinstance(raised.value, b2.BrianObjectException) else raised.value
    with pytest.raises(error, match=message):
        raise cause
    assert_array_equal(s.theta[:], before)


def test_callback_is_called_after_each_event_with_what_happened():
    s = make()
    seen = []
    rewiring = Rewiring(s, DeepR(0.1, 1.0, 0.1), dt=1 * ms, callback=lambda r, info: seen.append((r, info)))
    monitor = RewiringMonitor(rewiring)
    network(s, rewiring, monitor).run(5.1 * ms)
    assert [info.step for _, info in seen] == [1, 2, 3, 4, 5]
    assert all(r is rewiring for r, _ in seen)
    assert sum(info.num_births for _, info in seen) == monitor.num_births > 0
    with pytest.raises(TypeError, match="callback must be a function"):
        Rewiring(make(), DeepR(0.1, 1.0, 0.1), callback=3)


def test_several_synapses_have_one_value_of_a_schedule_at_all_times():
    """The values differ from the third event on."""
    net, _, rewiring = with_namespaces("0.1*(1 + int(t >= start))", {"start": 3 * ms}, {"start": 5 * ms})
    with pytest.raises(ValueError, match="must have the same parameters for all Synapses, got DeepR"):
        net.run(6 * ms)
    assert [each.steps_done for each in rewiring.sets] == [2, 2]
