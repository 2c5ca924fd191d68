"""Denormal numbers count as 0 while a network with a Rewiring runs, in runtime mode as in C++ programs."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, Rewiring
from tests.brian.conftest import both_targets
from tests.brian.test_standalone import standalone

pytestmark = pytest.mark.usefixtures("exact_flags")

TAU, DT = 1 * ms, 0.1 * ms
#: Traces below 2.2e-308 are denormal, and the smallest one never decays further.
SILENCE = 1000 * TAU
FIXED = FixedWiring(1e-3)
TINY = np.array([1e-310])


def keeps_denormals():
    """Return whether arithmetic keeps them; bits are compared, since comparisons of numbers take them for 0 too."""
    return (TINY * 1.0).view(np.int64)[0] != 0


def network(rule=FIXED, **options):
    """Return a network whose neurons never fire again, and whose traces decay."""
    neurons = b2.NeuronGroup(
        5, "dx/dt = -x/(1.0*ms) : 1", threshold="x > 2", reset="x = 1", method="exact", name="neurons", dt=DT
    )
    neurons.x = "0.5 + 1.6*rand()"
    model = """w = polarity*theta : 1
               theta : 1
               polarity : 1
               dz/dt = -z/(1*ms) : 1 (clock-driven)
               dy/dt = -y/(1*ms) : 1 (event-driven)
               dgradient/dt = (2e-3*z - gradient)/(1.7*ms) : 1 (clock-driven)"""
    synapses = b2.Synapses(
        neurons, neurons, model, on_pre="z += 1; y += 1; x_post += 2e-3*w", method="exact", name="synapses"
    )
    synapses.connect(i=[0, 0, 1, 2, 3, 4], j=[1, 2, 3, 4, 0, 0])
    synapses.theta, synapses.z, synapses.y = "0.1 + 0.1*i", 1, 1
    rewiring = Rewiring(synapses, rule, signs=1, seed=5, dt=10 * TAU, **options)
    seen = b2.StateMonitor(synapses, ("z", "gradient", "theta"), record=True, dt=100 * TAU)
    return b2.Network(neurons, synapses, rewiring, seen)


def everything(net):
    synapses, neurons, seen = net["synapses"], net["neurons"], net.objects
    (monitor,) = (each for each in seen if isinstance(each, b2.StateMonitor))
    values = [synapses.i, synapses.j, synapses.y, synapses.theta, synapses.z, synapses.gradient, neurons.x]
    return [np.array(each[:]) for each in values] + [monitor.z, monitor.gradient, monitor.theta]


@both_targets
def test_traces_reach_0(target):
    net = network()
    net.run(SILENCE)
    assert (net["neurons"].x[:] == 0).all()
    assert (net["synapses"].z[:] == 0).all()
    assert keeps_denormals(), "computed as before the run"


def test_without_a_rewiring_brian2_keeps_them():
    group = b2.NeuronGroup(1, "dx/dt = -x/(1*ms) : 1", method="exact", dt=DT)
    group.x = 1
    b2.Network(group).run(SILENCE)
    assert group.x[0] > 0


@pytest.mark.parametrize("where", ["callback", "later operation", "switched off"])
def test_the_setting_does_not_outlive_a_run(where):
    def fail(*_):
        if where == "callback":
            raise RuntimeError

    net = network(callback=fail)
    (rewiring,) = (each for each in net.objects if isinstance(each, Rewiring))
    during = []

    @b2.network_operation(dt=10 * TAU)
    def look(t):
        during.append(keeps_denormals())
        if where == "switched off" and t > 25 * ms:
            rewiring.active = False

    net.add(look)
    if where == "callback":
        with pytest.raises(RuntimeError):
            net.run(100 * ms)
    else:
        net.run(100 * ms)
    assert not during[0]
    assert keeps_denormals()


def test_after_an_error_elsewhere_the_next_run_ends_the_setting():
    net = network()

    @b2.network_operation(dt=10 * TAU)
    def fail(t):
        if t > 25 * ms:
            raise RuntimeError

    net.add(fail)
    with pytest.raises(RuntimeError):
        net.run(100 * ms)
    net.remove(fail)
    net.run(10 * ms)
    assert keeps_denormals()


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("rule", [FIXED, DeepR(1e-3, l1=1e-2, temperature=1e-5)], ids=["fixed", "deepr"])
def test_runtime_and_program_agree_after_a_long_silence(tmp_path, rule):
    b2.prefs.codegen.target = "cython"
    b2.seed(3)
    net = network(rule)
    net.run(SILENCE)
    expected = everything(net)
    assert (expected[4] == 0).all(), "this would fail without the setting"
    with standalone(tmp_path) as build:
        b2.seed(3)
        net = network(rule)
        net.run(SILENCE)
        build()
        program = everything(net)
    for one, other in zip(expected, program, strict=True):
        assert_array_equal(one, other)
