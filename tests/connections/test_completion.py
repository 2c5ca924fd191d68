"""Random connections with limits on the degrees of both sides: drawn wherever they are possible.

Statistical tests have a false-alarm rate of 1e-6 and fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from scipy.stats import chi2

from synaptic_sampling import Connections, FixedWiring
from synaptic_sampling.connections import completion, existing
from synaptic_sampling.connections.sites import Sites
from synaptic_sampling.rate import RateNetwork, SparseLinear

FALSE_ALARM = 1e-6


def largest_number(allowed, most_out, most_in, multapses):
    """The largest number of connections: the maximum flow from a source over pre and post to a sink."""
    num_pre, num_post = allowed.shape
    capacity = np.zeros((num_pre + num_post + 2,) * 2, np.int32)
    pre, post = slice(1, 1 + num_pre), slice(1 + num_pre, -1)
    capacity[0, pre], capacity[post, -1] = most_out, most_in
    capacity[pre, post] = allowed * (10**6 if multapses else 1)
    return maximum_flow(csr_array(capacity), 0, num_pre + num_post + 1).flow_value


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_number_that_is_possible_is_drawn_and_no_larger_one(data):
    num_pre, num_post = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    rng, density = np.random.default_rng(data.draw(st.integers(0, 2**32))), data.draw(st.sampled_from([0.3, 0.6, 1.0]))
    allowed = rng.random((num_pre, num_post)) < density
    allowed[rng.integers(num_pre), rng.integers(num_post)] = True
    kind = data.draw(st.sampled_from(["candidates", "probability", "function", "pairs"]))
    options = {
        "candidates": {"candidates": allowed},
        "probability": {"probability": np.where(allowed, 0.3, 0.0)},
        "function": {"candidates": lambda pre, post: allowed[pre, post]},
        "pairs": {"candidates": np.argwhere(allowed)},
    }[kind]
    options |= {"max_out_degree": rng.integers(0, 4, num_pre), "max_in_degree": rng.integers(0, 4, num_post)}
    options |= {"multapses": data.draw(st.booleans()), "seed": data.draw(st.integers(0, 99))}
    number = largest_number(allowed, options["max_out_degree"], options["max_in_degree"], options["multapses"])
    c = Connections.random(num_pre, num_post, number, **options)  # Checks degrees, pairs and candidates.
    assert len(c) == number
    again = Connections.random(num_pre, num_post, number, **options)
    assert_array_equal(c.pre, again.pre)
    assert_array_equal(c.post, again.post)
    with pytest.raises(ValueError, match=f"{number + 1} connections do not fit"):
        Connections.random(num_pre, num_post, number + 1, **options)


@pytest.mark.parametrize(
    ("size", "degree", "number", "autapses"),
    [(10, 1, 10, False), (10, 3, 30, True), (100, 10, 1000, False), (100, 10, 998, True), (1000, 10, 10_000, True)],
)
def test_regular_networks(size, degree, number, autapses):
    for seed in range(20 if size < 1000 else 2):
        limits = {"max_in_degree": degree, "max_out_degree": degree, "autapses": autapses}
        c = Connections.random(size, size, number, seed=seed, **limits)
        assert len(np.unique(c.sites.keys(c.pre, c.post))) == number
        assert np.bincount(c.pre).max() == np.bincount(c.post).max() == degree


def test_layers_with_regular_degrees():
    for seed in range(5):
        layer = SparseLinear(64, 64, connections=512, max_in_degree=8, max_out_degree=8)
        net = RateNetwork([layer], FixedWiring(0.1), seed=seed)
        assert len(net.connections[0]) == 512


def test_draws_that_are_not_stuck_are_not_changed(monkeypatch):
    limits = {"max_in_degree": 4, "max_out_degree": 4}
    expected = Connections.random(20, 20, 60, seed=1, **limits)
    monkeypatch.setattr(existing, "completed", lambda sites, keys, *_: keys)
    c = Connections.random(20, 20, 60, seed=1, **limits)
    assert_array_equal(c.pre, expected.pre)
    assert_array_equal(c.post, expected.post)


@pytest.mark.parametrize("shuffled", [True, False])
def test_each_connection_is_equally_likely_to_be_exchanged(shuffled, monkeypatch):
    """A ring 0 -> 1 -> 2 -> 0 and a neuron without autapse; not so if neurons are searched in ascending order."""
    if not shuffled:
        monkeypatch.setattr(completion, "permutation", lambda seed, stream, step, n, index: np.arange(n))
    sites = Sites(4, 4, autapses=False, max_in_degree=1, max_out_degree=1)
    ring, counts = sites.keys(np.array([0, 1, 2]), np.array([1, 2, 0])), np.zeros(3)
    for seed in range(1500):
        keys = completion.completed(sites, ring, 4, seed, 0)
        moved = np.flatnonzero(keys[:3] != ring)
        assert len(moved) == 1
        counts[moved[0]] += 1
    assert (((counts - 500) ** 2 / 500).sum() < chi2.isf(FALSE_ALARM, 2)) == shuffled
