"""Exactly so many connections."""

from __future__ import annotations

import brian2 as b2
import pytest

from synaptic_sampling.brian import connect_exactly


def synapses(num_pre=9, num_post=11, recurrent=False):
    source = b2.NeuronGroup(num_pre, "v : 1")
    target = source if recurrent else b2.NeuronGroup(num_post, "v : 1")
    return b2.Synapses(source, target, "w : 1")


@pytest.mark.parametrize("connections", [1, 50, 98, 99])
def test_number_is_exact(connections):
    s = synapses()
    connect_exactly(s, connections=connections, seed=1)
    assert len(s) == len({*zip(s.i, s.j, strict=True)}) == connections


@pytest.mark.parametrize(("autapses", "expected"), [(False, 36), (True, 40)])
def test_connectivity_is_a_share_of_the_pairs(autapses, expected):
    s = synapses(9, recurrent=True)
    connect_exactly(s, connectivity=0.5, autapses=autapses, seed=2)
    assert len(s) == expected
    assert autapses or (s.i[:] != s.j[:]).all()


def test_brian_seed_governs_it():
    def drawn(seed):
        b2.seed(seed)
        s = synapses()
        connect_exactly(s, connections=30)
        return s.i[:].tolist(), s.j[:].tolist()

    assert drawn(3) == drawn(3) != drawn(4)


def test_bad_input_is_refused():
    s = synapses()
    for options, error, message in [
        ({}, TypeError, "give either"),
        ({"connections": 3, "connectivity": 0.1}, TypeError, "give either"),
        ({"connectivity": 0.0}, ValueError, "connectivity must be > 0"),
        ({"connectivity": 1.5}, ValueError, "connectivity must be <= 1"),
        ({"connections": 0}, ValueError, "connections must be between 1"),
        ({"connections": 100}, ValueError, "100 connections do not fit in 99 sites"),
        ({"connections": 2.5}, TypeError, "connections must be an integer"),
        ({"connections": 3, "seed": -1}, ValueError, "seed must be between"),
    ]:
        with pytest.raises(error, match=message):
            connect_exactly(s, **options)
    connect_exactly(s, connections=3, seed=1)
    with pytest.raises(ValueError, match="connected already"):
        connect_exactly(s, connections=3, seed=1)
