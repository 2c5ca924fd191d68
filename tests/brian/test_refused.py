"""Bad input to Rewiring: refused at once, with what is wrong and what to do."""

from __future__ import annotations

from types import SimpleNamespace

import brian2 as b2
import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms, mV, second
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, SynapticSampling, connect_exactly
from synaptic_sampling.brian import surgery
from synaptic_sampling.brian.timing import check_when, number_of_steps
from tests.brian.test_rewiring import MODEL, RULE, groups, make, network
from tests.brian.test_varying import chain


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"birth": "w"}, TypeError, "birth must be a dictionary"),
        ({"variables": ["theta"]}, TypeError, "variables must be a dictionary"),
        ({"variables": {"theta": 3}}, TypeError, r"variables\['theta'\] must be the name"),
        ({"birth": {"extra": [1, 2]}}, TypeError, "birth of 'extra' must be one value"),
        ({"birth": {"extra": 1 * mV}}, DimensionMismatchError, "birth of 'extra'"),
        ({"birth": {"lastupdate": 1 * ms}}, ValueError, "no such variable"),
        ({"clock": 3}, TypeError, "clock must be a Clock"),
        ({"dt": "10*ms"}, TypeError, r"dt must be a time such as 100\*ms, got '10\*ms'"),
        ({"dt": {}}, TypeError, "dt must be a time"),
        ({"dt": 3}, DimensionMismatchError, "dt must be a time"),
        ({"order": 2.5}, TypeError, "order must be an integer"),
        ({"order": "x"}, TypeError, "order must be an integer"),
        ({"callback": 3}, TypeError, "callback must be a function"),
        ({"dt": 1 * ms, "clock": b2.Clock(1 * ms)}, ValueError, "either dt or a clock"),
        ({"dt": [1, 2] * ms}, ValueError, "dt must be above 0 and finite"),
        ({"dt": np.nan * ms}, ValueError, "dt must be above 0 and finite"),
        ({"dt": np.inf * ms}, ValueError, "dt must be above 0 and finite"),
    ],
)
def test_arguments(options, error, message):
    s = make(f"{MODEL}\nextra : 1")
    with pytest.raises(error, match=message):
        Rewiring(s, RULE, **options)


@pytest.mark.parametrize("text", ["w", "i + j", "w*2", "w < 1 and i"])
def test_what_is_no_condition(text):
    """NumPy would take a number that is not 0 for true, and all would die."""
    s = make("w : 1")
    with pytest.raises((TypeError, SyntaxError), match=r"is no condition|ought to be boolean"):
        Rewiring(s, PruneAndRegrow(text)).step()
    free = b2.Synapses(s.source, s.target, "w : 1")
    with pytest.raises((TypeError, SyntaxError, KeyError)):
        connect_exactly(free, connections=3, candidates=text)


@pytest.mark.parametrize("text", ["True", "w < 1", "not (w > 1)", "flag", "flag and w < 1", "w < 1 or int(w) == 3"])
def test_what_is_a_condition(text):
    s = make("w : 1\nflag : boolean")
    s.flag = True
    info = Rewiring(s, PruneAndRegrow(text)).step()
    assert info.num_deaths == 30


@pytest.mark.parametrize("options", [{"candidates": "rand() < 0.5"}, {"p": "0.5*rand()"}])
def test_pairs_are_not_chosen_by_chance(options):
    s = b2.Synapses(*groups(), "w : 1")
    with pytest.raises(ValueError, match=r"draws rand\(\), but has to give the same answer"):
        connect_exactly(s, connections=3, **options)


def test_names_of_the_synapses_namespace_are_known_to_candidates():
    inputs, neurons = groups()
    s = b2.Synapses(inputs, neurons, "w : 1", namespace={"reach": 3})
    connect_exactly(s, connections=10, candidates="abs(i - j) < reach", seed=1)
    rewiring = Rewiring(s, PruneAndRegrow("True"), candidates="abs(i - j) < reach", seed=1)
    rewiring.step()
    assert (np.abs(rewiring.i - rewiring.j) < 3).all()


def test_a_device_that_is_changed_before_the_run(monkeypatch):
    s = make()
    rewiring = Rewiring(s, RULE)
    monkeypatch.setattr(surgery, "get_device", lambda: None)
    with pytest.raises(NotImplementedError, match="standalone mode, not NoneType"):
        rewiring.before_run({})


def test_a_queue_that_is_not_known(monkeypatch):
    s = make()
    monkeypatch.setattr(s.pre, "queue", SimpleNamespace(_full_state=lambda: (0.1, [], (1, 1))))
    with pytest.raises(ImportError, match="queue in C"):
        Rewiring(s, RULE)


def test_an_old_version_is_refused(monkeypatch):
    s = make()
    monkeypatch.setattr(b2, "__version__", "2.8.0")
    with pytest.raises(ImportError, match=r"and this is 2\.8\.0"):
        Rewiring(s, RULE)


def test_slots_in_which_it_may_be_done():
    for when in ("start", "end", "before_start", "after_end", "before_end"):
        check_when(when)
    for when in ("before_synapses", "resets", "groups"):
        with pytest.raises(ValueError, match="when must be"):
            check_when(when)


def test_steps_of_a_clock():
    clock = b2.Clock(0.1 * ms)
    assert number_of_steps(0.3 * ms, clock) == 3
    assert number_of_steps(1 * second, clock) == 10000
    assert number_of_steps(0.31 * ms, clock) is None
    assert number_of_steps(1e-12 * ms, clock) is None


UNITS = "theta : volt\ngradient : {gradient}\npolarity : {polarity}"


@pytest.mark.parametrize(
    ("polarity", "gradient", "rule", "message"),
    [
        ("volt", "1/volt", DeepR(mV**2, 1 / mV, 0.0), "'polarity' must have no unit"),
        ("1", "1/volt", DeepR(mV**2, 0 * second, 0.0), "l1 of the rule"),
        ("1", "1", SynapticSampling(mV**2 / second, 0.1, 0 * mV, mV, ms), "must have the unit of 1/'theta'"),
        ("1", "1/volt", SynapticSampling(mV**2 / second, 0.1, 0 * mV, mV, ms, theta0=3.0), "theta0"),
    ],
)
def test_units(polarity, gradient, rule, message):
    s = b2.Synapses(*groups(), UNITS.format(polarity=polarity, gradient=gradient))
    s.connect()
    with pytest.raises(DimensionMismatchError, match=message):
        Rewiring(s, rule)


def test_an_interval_that_is_almost_that_of_the_rule():
    rule = SynapticSampling(1 / second, 0.1, 0.0, 1.0, 10 * ms)
    with pytest.raises(ValueError, match="do not fit the rule's interval"):
        Rewiring(make(), rule, dt=10.1 * ms)


def test_a_plain_zero_has_every_unit():
    s = b2.Synapses(*groups(), UNITS.format(polarity="1", gradient="1/volt"))
    s.connect()
    rewiring = Rewiring(s, DeepR(mV**2, l1=0.0, temperature=0))
    assert rewiring._projections[0].rule.l1 == 0.0


def pair():
    _, target, s = chain()
    other = b2.Synapses(target, target, "w : volt", name="other_chain")
    other.connect(i=[0, 1], j=[1, 2])
    return s, other


def test_what_several_must_have_in_common():
    s, other = pair()
    with pytest.raises(ValueError, match="capacity must be between 40"):
        Rewiring([s, other], PruneAndRegrow("w < 1*mV"), capacity=39)
    with pytest.raises(ValueError, match="split must be"):
        Rewiring(s, PruneAndRegrow("w < 1*mV"), split="even")
    group = b2.NeuronGroup(5, "v : 1")
    model = "theta : {unit}\ngradient : 1\npolarity : 1"
    synapses = [b2.Synapses(group, group, model.format(unit=unit)) for unit in ("volt", "amp")]
    for each in synapses:
        each.connect(i=[0, 1], j=[1, 2])
    rule = DeepR(learning_rate="t/ms*mV", l1="t/ms", temperature="t/ms*mV")
    with pytest.raises(ValueError, match="must have variables of the same units"):
        Rewiring(synapses, rule)


def test_split_is_that_of_the_budget():
    rewiring = Rewiring(list(pair()), PruneAndRegrow("w < 1*mV"), split="density")
    assert rewiring._shared.split == "density"


def test_sets_draw_different_numbers():
    rewiring = Rewiring(list(pair()), PruneAndRegrow("w < 1*mV"), seed=1)
    assert [c.index for c in rewiring.sets] == [0, 1]


def test_a_schedule_that_is_wrong_is_noticed_before_the_run():
    s = make()
    rewiring = Rewiring(s, DeepR("0.1*t", 0.1, 0.1), dt=100 * ms)
    with pytest.raises(b2.BrianObjectException):
        network(s, rewiring).run(1 * ms)


def test_names_of_a_schedule_are_those_of_each_run():
    s = make()
    rewiring = Rewiring(s, DeepR("rate + 0*t/ms", l1=1.0, temperature=0.0), dt=1 * ms, signs=1)
    s.theta = 10
    net = network(s, rewiring)
    net.run(1.1 * ms, namespace={"rate": 1})
    net.run(1 * ms, namespace={"rate": 2})
    assert_array_equal(s.theta[:], 7)


def test_a_name_of_the_user_hides_one_of_brian():
    s = make()
    rewiring = Rewiring(s, DeepR("exp + 0*t/ms", l1=1.0, temperature=0.0), dt=1 * ms, signs=1)
    s.theta = 10
    network(s, rewiring).run(1.1 * ms, namespace={"exp": 3})
    assert_array_equal(s.theta[:], 7)


def test_callback_that_is_set_later():
    rewiring = Rewiring(make(), RULE)
    with pytest.raises(TypeError, match="callback must be a function"):
        rewiring.callback = 3
    assert rewiring.callback is None


@pytest.mark.parametrize("wrong", [3, None, "w", [], object()])
def test_what_is_no_synapses_object(wrong):
    with pytest.raises(TypeError, match="synapses must be a Synapses object"):
        connect_exactly(wrong, connections=3)


def test_connectivity_of_no_connection():
    with pytest.raises(ValueError, match=r"connectivity = 0\.001 of \d+ pairs is less than one connection"):
        connect_exactly(b2.Synapses(*groups(), "w : 1"), connectivity=0.001)


@pytest.mark.parametrize("wrong", [3, [], {}, object(), 3 * mV])
def test_names_that_are_none(wrong):
    rewiring = Rewiring(make(), RULE)
    with pytest.raises(TypeError, match="must be names of variables"):
        rewiring.to_scipy(wrong)
    with pytest.raises(TypeError, match="must be names of variables"):
        rewiring.to_networkx(wrong)
