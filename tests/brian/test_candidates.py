"""Candidates as Brian2 users write them: strings about both neurons."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, um

from synaptic_sampling import PruneAndRegrow
from synaptic_sampling.brian import Rewiring, connect_exactly
from tests.brian.conftest import both_targets


def line_of_neurons(n=40, part=slice(None)):
    neurons = b2.NeuronGroup(n, "v : 1\nx : meter", threshold="v > 1", reset="v = 0")
    neurons.x = "i*10*um"
    source = neurons if part == slice(None) else neurons[part]
    return neurons, b2.Synapses(source, neurons, "w : 1", on_pre="v_post += w")


@both_targets
def test_births_within_a_distance():
    reach = 45 * um  # noqa: F841 (found by Brian2 in the namespace of this function)
    neurons, s = line_of_neurons(part=slice(10, 30))
    near = "abs(x_pre - x_post) < reach"
    connect_exactly(s, connections=60, candidates=near, seed=1)
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5"), candidates=near, dt=1 * ms, seed=2)
    seen = set()
    net = b2.Network(neurons, s, rewiring)
    for _ in range(20):
        net.run(3 * ms)
        distance = np.abs(s.i[:] + 10 - s.j[:])
        assert (distance <= 4).all()
        assert (distance > 0).all()
        seen |= {*zip(s.i, s.j, strict=True)}
    # 20 neurons reach 8 others each. A pair is missing in each of 20 looks with probability (1 - 60/160)^20 < 1e-4.
    assert len(seen) > 155
    assert rewiring.connections.num_sites == 160


def test_births_with_a_probability_that_falls_with_distance():
    _, s = line_of_neurons()
    falls = "exp(-abs(x_pre - x_post)/(50*um))"
    connect_exactly(s, connections=200, p=falls, seed=1)
    rewiring = Rewiring(s, PruneAndRegrow("True"), p=falls, seed=2)
    distances = []
    for _ in range(60):
        rewiring.step()
        distances.append(np.abs(s.i[:] - s.j[:]))
    counts = np.bincount(np.concatenate(distances), minlength=40)[1:]
    pairs = 2 * (40 - np.arange(1, 40))
    # Occupied pairs cannot be drawn twice, which flattens the law; at a distance of 15 or more few are occupied.
    share = counts / pairs
    assert share[19] / share[14] == pytest.approx(np.exp(-1), rel=0.25)
    assert share[2] > 2 * share[9] > 4 * share[19]


def test_strings_are_not_part_of_the_network():
    neurons, s = line_of_neurons()
    connect_exactly(s, connections=20, candidates="i < 20", seed=1)
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.5"), candidates="i < 20", dt=1 * ms)
    b2.run(5 * ms)
    assert rewiring.connections.steps_done == 4
    assert {obj.name for obj in b2.collect()} == {neurons.name, s.name, rewiring.name}


def test_arrays_and_functions_are_understood_too():
    _, s = line_of_neurons()
    mask = np.zeros((40, 40), bool)
    mask[:5] = True
    connect_exactly(s, connectivity=0.5, candidates=mask, seed=1)
    assert len(s) == round(0.5 * (5 * 40 - 5))
    rewiring = Rewiring(s, PruneAndRegrow("True"), candidates=lambda pre, post: pre < 5)
    rewiring.step()
    assert (s.i[:] < 5).all()


def test_what_is_refused():
    _, s = line_of_neurons()
    with pytest.raises(ValueError, match="p must be <= 1"):
        connect_exactly(s, connections=3, p=2.0)
    with pytest.raises(ValueError, match="probability must be between 0 and 1"):
        connect_exactly(s, connections=3, p="1.0*i")
    with pytest.raises(KeyError, match="no_such_name"):
        connect_exactly(s, connections=3, candidates="i < no_such_name")
    with pytest.raises(ValueError, match="50 connections do not fit in 39 sites"):
        connect_exactly(s, connections=50, candidates="i == 3", seed=1)
    connect_exactly(s, connections=50, seed=1)
    with pytest.raises(ValueError, match=r"cannot be rewired: connection 0 .* is not a candidate"):
        Rewiring(s, PruneAndRegrow("True"), candidates="i == 39")
