"""Keyword arguments of sets of connections: sites and signs are made from them in one place."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, PotentialConnections, SoftConnections, SoftDeepR
from synaptic_sampling.connections import Signs, Sites

SOFT = SoftDeepR(learning_rate=0.05, l1=0.2, temperature=0.05, connectivity=0.2)


def potential(**options):
    return PotentialConnections(3, 3, **options)


def soft(**options):
    return SoftConnections(3, 3, [0], [1], rule=SOFT, **options)


def existing(**options):
    return Connections(3, 3, [0], [1], **options)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (existing, "autapse"),
        (potential, "candidates"),
        (potential, "multapses"),
        (soft, "polarity"),
        (soft, "probability"),
        (soft, "max_in_degree"),
    ],
)
def test_unknown_keyword_is_named(make, option):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'; allowed are autapses"):
        make(**{option: None})


@pytest.mark.parametrize("make", [existing, potential, soft])
@pytest.mark.parametrize(
    ("option", "value"), [("signs", "both"), ("excitatory", 2), ("autapses", 1), ("seed", -1), ("index", 2**16)]
)
def test_wrong_value_is_named(make, option, value):
    with pytest.raises((TypeError, ValueError), match=option):
        make(**{option: value})


@pytest.mark.parametrize("signs", ["site", "presynaptic", "redrawn", -1, [1, -1, 1]])
def test_signs_and_sites_alone_equal_those_of_connections(signs):
    c = Connections.random(3, 4, 8, signs=signs, excitatory=0.3, autapses=False, diagonal=1, seed=5, index=2)
    own = Signs(3, 4, signs=signs, excitatory=0.3, seed=5, index=2)
    assert_array_equal(own.of(c.pre, c.post), c.signs_of(c.pre, c.post))
    assert own.digest == c.signs.digest
    assert own.redrawn == (signs == "redrawn")
    assert_array_equal(Sites(3, 4, autapses=False, diagonal=1).all_keys(), c.sites.all_keys())


def test_signs_depend_on_the_initial_seed():
    c = Connections.random(8, 8, 30, seed=1)
    before = c.signs_of(c.pre, c.post)
    c.reseed(2)
    assert_array_equal(c.signs_of(c.pre, c.post), before)
    other = Connections(8, 8, c.pre, c.post, seed=2)
    assert np.any(other.polarity != before)


def test_values_of_each_connection_may_be_given_to_a_random_draw():
    theta, polarity = np.linspace(0, 1, 20), np.where(np.arange(20) % 3, 1, -1)
    c, plain = Connections.random(10, 10, 20, theta=theta, polarity=polarity), Connections.random(10, 10, 20)
    for got, expected in ((c.theta, theta), (c.polarity, polarity), (c.pre, plain.pre), (c.post, plain.post)):
        assert_array_equal(got, expected)
    for name in ("theta", "polarity"):
        with pytest.raises(ValueError, match=rf"{name} must have shape \(20,\), got \(19,\)"):
            Connections.random(10, 10, 20, **{name: np.ones(19)})
    with pytest.raises(TypeError, match="unexpected keyword argument 'polarity'"):
        soft(polarity=np.ones(3))
