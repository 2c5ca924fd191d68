"""Brian2 with rewiring against the plain simulator: same spikes, same voltages, same synapses."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR
from synaptic_sampling.brian import Rewiring, connect_exactly
from synaptic_sampling.brian.internals import queues
from tests.brian import oracle
from tests.brian.conftest import both_targets

NUM_INPUTS, NUM_NEURONS, STEPS, PERIOD = 12, 9, 2500, 50
RULE = DeepR(learning_rate=0.02, l1=1.0, temperature=2e-3)
SEED = 2018


def delay_of_newborn(i, j):
    return (7 * i + 3 * j) % 51


def make_synapses(name, model, source, target):
    return b2.Synapses(source, target, model, on_pre=oracle.ON_PRE, on_post=oracle.ON_POST, method="exact", name=name)


def set_delays(synapses, rng):
    for pathway in (synapses.pre, synapses.post):
        pathway.delay = rng.choice([0, 1, 50, *range(2, 30)], len(synapses)) * oracle.DT * b2.second


def edges_of(synapses, kind=oracle.Edge):
    steps = [
        np.round(pathway.delay[:] / b2.second / oracle.DT).astype(int) for pathway in (synapses.pre, synapses.post)
    ]
    columns = synapses.i[:], synapses.j[:], synapses.polarity[:], synapses.theta[:], *steps
    return [
        kind(int(i), int(j), int(polarity), float(theta), {"pre": int(pre), "post": int(post)})
        for i, j, polarity, theta, pre, post in zip(*columns, strict=True)
    ]


def wire(name, current, source, target, rng, model=oracle.SYNAPSE):
    """Return synapses at 40 % of the pairs."""
    synapses = make_synapses(name, model.format(current=current), source, target)
    connect_exactly(synapses, connectivity=0.4, seed=int(rng.integers(2**40)))
    synapses.theta = 0.5 * rng.random(len(synapses))
    set_delays(synapses, rng)
    return synapses


def deep_r(k, current, source, target, rng):
    """Return synapses that DEEP R rewires, who does it, and the same for the plain simulator."""
    s = wire(f"synapses_{k}", current, source, target, rng)
    interval, birth = PERIOD * oracle.DT * b2.second, {"delay": "((7*i + 3*j) % 51)*0.1*ms", "post.delay": "0*ms"}
    rewiring = Rewiring(s, RULE, seed=SEED + k, dt=interval, birth=birth, name=f"rewiring_{k}")
    projection = oracle.Projection(
        len(source), len(target), edges_of(s), RULE, SEED + k,
        autapses=source is not target, period=PERIOD, delay_of_newborn=delay_of_newborn,
    )  # fmt: skip
    return s, rewiring, projection


def run_both(seed, runs=1, make=deep_r):
    """Return what both simulators did, from the same start."""
    rng = np.random.default_rng(seed)
    b2.defaultclock.dt = oracle.DT * b2.second
    when = np.sort(rng.permutation(STEPS - 1)[:400]) + 1
    who = rng.integers(NUM_INPUTS, size=len(when))
    bias = rng.uniform(0.6, 1.3, NUM_NEURONS)

    inputs = b2.SpikeGeneratorGroup(NUM_INPUTS, who, when * oracle.DT * b2.second, name="inputs")
    constants = {
        "tau_v": oracle.TAU_V * b2.second,
        "tau_x": oracle.TAU_X * b2.second,
        "tau_z": oracle.TAU_Z * b2.second,
        "drive": oracle.DRIVE,
    }
    neurons = b2.NeuronGroup(
        NUM_NEURONS, oracle.NEURON, threshold="v > 1", reset="v = 0", method="euler", name="neurons"
    )
    neurons.bias = bias
    made = make(0, "g_in", inputs, neurons, rng), make(1, "g_rec", neurons, neurons, rng)
    synapses, rewirings, projections = (list(each) for each in zip(*made, strict=True))
    spikes = b2.SpikeMonitor(neurons)
    voltage = b2.StateMonitor(neurons, "v", record=True)
    net = b2.Network(inputs, neurons, synapses, rewirings, spikes, voltage)
    for _ in range(runs):
        net.run(STEPS // runs * oracle.DT * b2.second, namespace=constants)

    times = {}
    for step, neuron in zip(when.tolist(), who.tolist(), strict=True):
        times.setdefault(step, []).append(neuron)
    expected = oracle.simulate(times, bias, projections, STEPS)
    got = list(zip(np.round(spikes.t / b2.second / oracle.DT).astype(int).tolist(), spikes.i[:].tolist(), strict=True))
    return (got, voltage.v.T), expected, synapses, projections


def agree(got, expected):
    return got[0] == expected[0] and np.abs(got[1] - expected[1]).max() < 1e-12


@both_targets
@pytest.mark.parametrize(("seed", "runs"), [(0, 1), (1, 1), (2, 5)])
def test_equals_oracle(seed, runs):
    got, expected, synapses, projections = run_both(seed, runs)
    for s, p in zip(synapses, projections, strict=True):
        assert len(p.births) == STEPS // PERIOD - 1
        assert sum(p.births) > 5 * len(s), "every slot must be rewired several times for this test to mean anything"
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:], [getattr(e, name) for e in p.edges], atol=1e-12)
        assert_array_equal(s.i[:], [e.pre for e in p.edges])
        assert_array_equal(s.j[:], [e.post for e in p.edges])
        assert_allclose(s.pre.delay[:] / b2.second, [e.delays["pre"] * oracle.DT for e in p.edges], atol=1e-12)
        assert_array_equal(s.N_outgoing_pre[:], np.bincount(s.i[:], minlength=p.num_pre))
        assert_array_equal(s.N_incoming_post[:], np.bincount(s.j[:], minlength=p.num_post))
    assert len(got[0]) > 100
    assert agree(got, expected)


def test_without_the_purge_it_differs(monkeypatch):
    monkeypatch.setattr(queues, "redirect", lambda *_: None)
    got, expected, _, _ = run_both(0)
    assert not agree(got, expected)


def test_without_the_refresh_of_queues_it_differs(monkeypatch):
    monkeypatch.setattr(queues, "follow", lambda *_: None)
    got, expected, _, _ = run_both(0)
    assert not agree(got, expected)
