"""The winner-take-all circuit: postsynaptic potentials, adaptation, learning, and what is counted."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from scripts.reproduce import wta_kappel2015 as study


def circuit(seed=3):
    return study.Circuit(12, 2, seed=seed)


def naive_potentials(rng, rates, times, earlier):
    """Sum over all spikes; times are relative to the start of the step."""
    counts = rng.poisson(rates * study.RULE.interval)
    source = np.repeat(np.arange(len(rates)), counts)
    at = rng.random(len(source)) * study.RULE.interval
    spikes = earlier + list(zip(source, at, strict=True))
    found = np.zeros((len(times), len(rates)))
    for row, t in enumerate(times):
        for i, s in spikes:
            if s <= t:
                found[row, i] += np.exp(-(t - s) / 0.02) - np.exp(-(t - s) / 0.002)
    return found, [(i, s - study.RULE.interval) for i, s in spikes]


def test_potentials_are_sums_over_all_spikes():
    net, earlier = circuit(), []
    net._show("standard")
    rng = np.random.default_rng(1)
    for _ in range(3):
        times = np.sort(rng.random(8)) * study.RULE.interval
        naive, earlier = naive_potentials(copy.deepcopy(net._rng), net._rates, times, earlier)
        np.testing.assert_allclose(net._potentials(times), naive, rtol=1e-9, atol=1e-12)
        assert naive.max() > 0.5


def test_outputs_fire_100_times_a_second_and_adaptation_shares_the_spikes():
    net = circuit()
    net._show("standard")
    for _ in range(600):
        net._step()
    total = net.spikes.sum(axis=0)
    assert total.sum() == pytest.approx(6000, abs=4.9 * np.sqrt(6000))  # Poisson, false alarm 1e-6.
    assert total.min() > 0.8 * total.mean()
    assert np.count_nonzero(net.spikes.sum(axis=1)) == 1, "one cluster was shown"


def test_weights_learn_the_log_of_the_mean_potential(monkeypatch):
    """Without prior and noise, w - OFFSET is the log of the mean potential at an output's spikes, where w is large."""
    net = circuit()
    monkeypatch.setattr(study, "RULE", replace(study.RULE, temperature=0.0, std=1e4))
    net._show("standard")
    net.connections.theta[:] = 3.0
    net._rates = np.r_[np.full(6, 80.0), np.full(6, 40.0)]
    for _ in range(600):
        net._step()
    weights = np.exp(net.connections.theta.reshape(12, -1) - 3.0)
    expected = study.OFFSET + np.log(net._rates * 0.018)  # A spike adds 20 - 2 ms.
    # Fluctuations of the weights lower their means by about 0.1.
    np.testing.assert_allclose(weights.mean(axis=1), expected, atol=0.3)


def test_a_circuit_continues_from_a_copy_with_the_same_noise():
    one = circuit()
    other = copy.deepcopy(one)
    for net in (one, other):
        net._show("standard")
        net._step()
    np.testing.assert_array_equal(one.connections.theta, other.connections.theta)
    assert not np.array_equal(circuit(4).connections.theta, circuit().connections.theta)


def test_what_is_counted():
    found = {}
    before, now = np.array([True, True, True, True, False]), np.array([True, True, True, False, True])
    assert study._noted(found, "EE", 3.5, before, now) is now
    assert found == {"EE formed 3.5": 25.0, "EE eliminated 3.5": 25.0}
    assert study.told_apart(np.array([[30.0, 10.0], [0.0, 60.0]])) == 90.0
    assert study.sessions(3.0, 4.0).tolist() == [3.5, 4.0]
