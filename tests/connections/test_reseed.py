"""Another seed for a run that goes on: other noise and other births, the same signs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Connections, DeepR, SoftConnections, SoftDeepR, step
from synaptic_sampling.randomness import key_words

RULE = DeepR(0.1, 1.0, 0.1)
SOFT = SoftDeepR(0.1, 1.0, 0.1, 0.02)  # Its floor lies below what is tracked.


def course(c, rule, seed):
    for _ in range(5):
        step(c, np.zeros(len(c)), rule)
    c.reseed(seed)
    for _ in range(300):
        step(c, np.zeros(len(c)), rule)
    return c.pre.tolist(), c.theta.tolist()


def made(rule):
    if rule is SOFT:
        return SoftConnections.random(30, 30, connections=18, rule=SOFT, depth=4.0, seed=1)
    return Connections.random(30, 30, connections=200, seed=1)


@pytest.mark.parametrize("rule", [RULE, SOFT])
def test_reseed_changes_the_course_and_no_sign(rule):
    c = made(rule)
    model = Connections(30, 30, [], [], seed=1)
    other = course(c, rule, seed=2)
    assert c.seed == 2
    assert rule is RULE or c.deep._key == key_words(2), "those that are only counted follow as well"
    assert course(made(rule), rule, seed=2) == other
    assert course(made(rule), rule, seed=1) != other
    assert_array_equal(c.polarity, model.signs_of(c.pre, c.post))
    assert_array_equal(c.signs_of(c.pre, c.post), c.polarity)
    with pytest.raises(ValueError, match="seed must be"):
        c.reseed(-1)
