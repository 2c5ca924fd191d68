"""A quantity with a unit is no number; one without dimensions is."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import DimensionMismatchError, Quantity, ms, mV, second

from synaptic_sampling import Adam, Connections, DeepR, PotentialConnections, Rewiring, SynapticSampling, step
from synaptic_sampling._checks import check_array, check_integer, check_number, has_unit
from synaptic_sampling.brian.units import without_units


@pytest.mark.parametrize("value", [1 * ms, ms, np.arange(3) * mV, [1 * ms, 2 * ms], (0, [2 * ms])])
def test_what_has_a_unit(value):
    assert has_unit(value)
    for check in (check_number, check_array):
        with pytest.raises(TypeError, match="x must be a number without a unit, got"):
            check("x", value)
    with pytest.raises(TypeError, match="x must be a number without a unit, got"):
        check_integer("x", value, minimum=0, maximum=9)


def test_variables_of_a_group_have_units():
    group = b2.NeuronGroup(3, "v : volt\nx : 1")
    assert has_unit(group.v)
    assert not has_unit(group.x)
    assert has_unit(group.v[:])


@pytest.mark.parametrize("value", [0.5, "text", None, [1, 2], Quantity(0.5), ms / second, [Quantity(1)], object()])
def test_what_has_none(value):
    assert not has_unit(value)


def test_dimensionless_quantities_are_numbers():
    assert check_number("x", 5 * ms / second) == 0.005
    assert Adam(beta1=Quantity(0.5)).beta1 == 0.5
    assert check_array("x", np.arange(3) * ms / ms).tolist() == [0, 1, 2]


def test_a_rule_with_units_is_for_brian2_alone():
    """A step would take its numbers in SI, silently."""
    c, p = Connections.random(4, 5, 6, seed=1), PotentialConnections(3, 4)
    with pytest.raises(TypeError, match=r"temperature must be a plain number, got .* only Rewiring accepts units"):
        step(c, np.zeros(6), DeepR(0.1, 0.1, 1 * mV))
    with pytest.raises(TypeError, match=r"max_gradient must be a plain number, got"):
        step(p, np.zeros(12), SynapticSampling(0.1, 0.1, 0.0, 1.0, 1.0, max_gradient=1 / mV))
    assert c.steps_done == p.steps_done == 0
    assert step(c, np.zeros(6), DeepR(Quantity(0.1), 0.1, 0.1)).step == 1


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [
        ({"theta_range": (-2 * mV, 5 * mV), "max_gradient": 40 / mV}, None),
        ({"theta_range": (-2.0, 5.0)}, "theta_range"),
        ({"theta_range": (-2 * mV, 5 * ms)}, "theta_range"),
        ({"max_gradient": 40.0}, "max_gradient"),
    ],
)
def test_limits_of_synaptic_sampling_have_the_units_of_theta(limits, wrong):
    b2.prefs.codegen.target = "numpy"
    group = b2.NeuronGroup(4, "v : 1")
    s = b2.Synapses(group, group, "theta : volt\npolarity : 1\ngradient : 1/volt")
    s.connect("i != j")
    rule = SynapticSampling(mV**2 / second, 0.1, 0 * mV, 1 * mV, ms, theta0=3 * mV, **limits)
    if wrong:
        with pytest.raises(DimensionMismatchError, match=wrong):
            Rewiring(s, rule)
    else:
        Rewiring(s, rule)
        plain = without_units(rule, s, {name: name for name in rule.variables})
        assert plain.theta_range == (-0.002, 0.005)
        assert plain.max_gradient == pytest.approx(40_000)


def test_temperature_of_synaptic_sampling_has_no_unit():
    with pytest.raises(TypeError, match="temperature must be a number without a unit"):
        SynapticSampling(0.1, 1 * mV, 0.0, 1.0, 1.0)
