"""Bad input: an error that names what is wrong, and nothing has changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import SGD, Adam, Connections, DeepR, Momentum, PruneAndRegrow, replace, step

GOOD = {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1}
NONSENSE = [None, "1", [1.0], object(), True, 1j]


@pytest.fixture
def connections():
    c = Connections.random(6, 7, 10, seed=1)
    c.theta[:] = 1.0
    return c


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [*NONSENSE, float("nan"), float("inf"), -1.0])
def test_rule_refuses(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        DeepR(**{**GOOD, name: value})


def test_learning_rate_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"learning_rate must be > 0, got 0"):
        DeepR(learning_rate=0, l1=0, temperature=0)


@pytest.mark.parametrize("make", [Momentum, lambda v: Adam(beta1=v), lambda v: Adam(beta2=v)])
@pytest.mark.parametrize("value", [*NONSENSE, float("nan"), 1.0, -0.1])
def test_optimizers_refuse(make, value):
    with pytest.raises((TypeError, ValueError), match=r"momentum|beta"):
        make(value)


def test_optimizer_must_be_one():
    with pytest.raises(TypeError, match="optimizer must be SGD"):
        DeepR(**GOOD, optimizer="adam")


@pytest.mark.parametrize("condition", [3, "", "  "])
def test_condition_is_checked(condition):
    with pytest.raises((TypeError, ValueError), match="condition"):
        PruneAndRegrow(condition)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connections": 43}, "43 connections do not fit in 42 sites"),
        ({"connections": -1}, "connections must be between 0"),
        ({"connections": 2.5}, "connections must be an integer"),
        ({"num_pre": 0}, "num_pre must be between 1"),
        ({"num_post": "7"}, "num_post must be an integer"),
        ({"seed": -1}, "seed must be between 0"),
        ({"seed": 1.5}, "seed must be an integer"),
        ({"index": 70000}, "index must be between 0"),
        ({"signs": "sites"}, "signs must be one of"),
        ({"signs": 2}, "signs must be one of"),
        ({"signs": [1, -1]}, "signs must have shape"),
        ({"excitatory": 1.5}, "excitatory must be <= 1"),
        ({"autapses": 1}, "autapses must be True or False"),
        ({"dtype": np.int32}, "dtype must be float32 or float64"),
    ],
)
def test_connections_refuse(options, message):
    arguments = {"num_pre": 6, "num_post": 7, "connections": 10, **options}
    with pytest.raises((TypeError, ValueError), match=message):
        Connections.random(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [1, 1]), "exists twice"),
        (([0, 1], [1]), "equal lengths"),
        (([0, 6], [1, 1]), r"pre\[1\] must be between 0 and 5, got 6"),
        (([0.5], [1]), "pre must hold integers"),
        (([[0]], [[1]]), "one dimension"),
    ],
)
def test_endpoints_are_checked(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Connections(6, 7, *arguments)


def test_autapses_are_refused():
    with pytest.raises(ValueError, match=r"connection 1 \(2 -> 2\) is an autapse"):
        Connections(5, 5, [0, 2], [1, 2], autapses=False)
    with pytest.raises(ValueError, match=r"connection 0 \(0 -> 3\) is an autapse"):
        Connections(5, 5, [0], [3], autapses=False, diagonal=3)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_theta_is_checked(value):
    with pytest.raises(ValueError, match="theta must be finite and >= 0"):
        Connections(5, 5, [0, 1], [1, 2], theta=[0.1, value])


def test_polarity_is_checked():
    with pytest.raises(ValueError, match="polarity must hold"):
        Connections(5, 5, [0, 1], [1, 2], polarity=[1, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_gradient_that_is_not_finite_stops_the_step(connections, value):
    before = {name: np.array(v) for name, v in connections.state().items()}
    gradient = np.zeros(10)
    gradient[7] = value
    pair = rf"connection 7 \({connections.pre[7]} -> {connections.post[7]}\)"
    with pytest.raises(FloatingPointError, match=pair):
        step(connections, gradient, DeepR(**GOOD, optimizer=Adam()))
    for name, values in connections.state().items():
        assert_array_equal(values, before[name])


def test_theta_that_is_not_finite_stops_the_step(connections):
    connections.theta[3] = np.nan
    with pytest.raises(FloatingPointError, match="theta of connection 3"):
        step(connections, np.zeros(10), DeepR(**GOOD))


@pytest.mark.parametrize(
    "gradient", [None, [0.0] * 10, np.zeros(10, np.float32), np.zeros(10, int), np.zeros(9), np.zeros((10, 1))]
)
def test_gradient_of_the_wrong_kind(connections, gradient):
    before = connections.theta.copy()
    with pytest.raises((TypeError, ValueError), match="gradient must"):
        step(connections, gradient, DeepR(**GOOD))
    assert_array_equal(connections.theta, before)
    assert connections.steps_done == 0


def test_rule_of_the_wrong_kind(connections):
    with pytest.raises(TypeError, match="rule must be a rule such as DeepR"):
        step(connections, np.zeros(10), SGD())


@pytest.mark.parametrize("retract", [None, np.zeros(10), np.zeros(9, bool)])
def test_retract_of_the_wrong_kind(connections, retract):
    with pytest.raises((TypeError, ValueError), match="retract must"):
        replace(connections, retract)


def test_state_of_other_connections_is_refused(connections):
    other = Connections.random(6, 7, 11, seed=1)
    with pytest.raises(ValueError, match="holds 11 connections, but the capacity is 10"):
        connections.restore(other.state())
    twice = {name: np.array(v) for name, v in connections.state().items()}
    twice["pre"][1], twice["post"][1] = twice["pre"][0], twice["post"][0]
    before = connections.pre.copy()
    with pytest.raises(ValueError, match="exists twice"):
        connections.restore(twice)
    assert_array_equal(connections.pre, before)
