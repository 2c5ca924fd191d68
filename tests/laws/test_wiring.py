"""Laws of random connectivity against enumeration of all connectivities; laws of overlap against their limits."""

from __future__ import annotations

import itertools
import math

import networkx
import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.statistics import topology


def all_wirings(neurons, number):
    """Every way to put some connections on all pairs of different neurons."""
    sites = [(i, j) for i in range(neurons) for j in range(neurons) if i != j]
    for chosen in itertools.combinations(sites, number):
        yield np.array(chosen, np.int32).reshape(-1, 2).T


@pytest.mark.parametrize(("neurons", "number"), [(3, 0), (3, 1), (3, 3), (3, 6), (4, 2), (4, 3)])
def test_laws_are_means_over_all_wirings(neurons, number):
    census, reciprocity, degrees = [], [], []
    for pre, post in all_wirings(neurons, number):
        census.append(topology.triads(pre, post, neurons))
        reciprocity.append(topology.reciprocity(pre, post))
        degrees.append(np.bincount(topology.degrees(pre, neurons), minlength=min(neurons - 1, number) + 1) / neurons)
    sites = neurons * (neurons - 1)
    for name, expected in wiring_laws.triads(neurons, number).items():
        assert np.mean([each[name] for each in census]) == pytest.approx(expected)
    assert wiring_laws.reciprocity(sites, number) == pytest.approx(np.mean(reciprocity), nan_ok=True)
    assert_allclose(wiring_laws.degree_law(sites, neurons - 1, number), np.mean(degrees, axis=0), atol=1e-12)


def test_visited_share_is_the_mean_over_all_histories():
    """Two of four sites, one connection replaced twice, each time by any of the vacant sites."""
    shares = []
    for first in range(2):  # Which of the two is eliminated does not matter for the count, but is drawn.
        for one in (2, 3, first):
            held = {0, 1, one} - ({first} - {one})
            for second in sorted(held):
                for other in sorted({0, 1, 2, 3} - held | {second}):
                    shares.append((len({0, 1, one}) / 4, len({0, 1, one, other}) / 4))
    law = wiring_laws.visited_share([1, 1], 4, 2)
    assert_allclose(law, [0.5, *np.mean(shares, axis=0)])
    assert_allclose(wiring_laws.visited_share([0, 0], 4, 4), 1.0)
    assert_allclose(wiring_laws.visited_share([2], 4, 2), [0.5, 0.5 + 0.25])


def test_visited_share_where_the_number_of_connections_varies():
    """One of two connections on four sites is eliminated; then two form; then one is eliminated and one forms."""
    shares = []
    for held in ({0}, {1}):  # After the first step.
        for pair in itertools.combinations(sorted({0, 1, 2, 3} - held), 2):
            for dies in sorted(held | set(pair)):
                now = (held | set(pair)) - {dies}
                for last in sorted({0, 1, 2, 3} - now):
                    known = {0, 1, *pair}
                    shares.append((len(known) / 4, len({*known, last}) / 4))
    law = wiring_laws.visited_share([0, 2, 1], 4, 2, deaths=[1, 0, 1])
    assert_allclose(law, [0.5, 0.5, *np.mean(shares, axis=0)])
    assert_allclose(wiring_laws.visited_share([], 4, 2), [0.5])
    for births, deaths in (([1], [3]), ([4], [1]), ([-1], [0]), ([0], [-1]), ([1, 1], [1]), ([0, 4], [1, 0])):
        with pytest.raises(ValueError, match=r"no more deaths than connections|vectors of equal length"):
            wiring_laws.visited_share(births, 4, 2, deaths)


def test_laws_of_overlap_agree_with_each_other():
    r = 0.1
    for n in (1, 10, 50):
        assert exact.overlap(r, 50)[n] == exact.survival_of_all(r, 50)[n]
    assert_allclose(
        exact.overlap(r, 2000, 0.3)[-1], 0.3, atol=1e-6
    )  # In the limit the two time points are independent.
    assert_allclose(exact.overlap(r, 50, 1.0), 1.0, atol=1e-12)  # Where all sites are taken, they stay so.
    assert (np.diff(exact.overlap(r, 100, 0.3)) < 0).all()
    assert_allclose(exact.turnover_ratio(r, 20, 0.3), 1 - exact.overlap(r, 20, 0.3))
    assert exact.overlap(0.0, 3, 0.5).tolist() == [1, 1, 1, 1]
    assert_allclose(exact.survival_of_old(r, 0, 50), exact.survival_of_all(r, 50))
    present = exact.survival_of_all(r, 70)
    assert_allclose(exact.survival_of_old(r, 20, 50), present[20:] / present[20])
    # Golden values of q at r = 0.1: .460172, .327763, .262094.
    assert_allclose(exact.hazard(r, 3), [1 - 0.460172, 1 - 0.327763 / 0.460172, 1 - 0.262094 / 0.327763], atol=5e-6)
    assert exact.established_turnover(r, 0) == exact.turnover_rate(r)
    assert exact.established_turnover(r, 10) == pytest.approx(0.121378 * 0.133419, rel=1e-4)
    with pytest.raises(ValueError, match=r"age must be smaller, got 100: only a fraction of .* gets so old"):
        exact.survival_of_old(2.0, 100, 1)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="connectivity"):
            exact.overlap(r, 3, wrong)


def test_wrong_numbers_are_refused():
    for call in (
        lambda: wiring_laws.degree_law(10, 11, 3),
        lambda: wiring_laws.degree_law(10, 3, 11),
        lambda: wiring_laws.reciprocity(1, 0),
        lambda: wiring_laws.triads(2, 1),
        lambda: wiring_laws.triads(3, 7),
        lambda: wiring_laws.visited_share([3], 4, 2),
        lambda: wiring_laws.visited_share([[1]], 4, 2),
        lambda: wiring_laws.visited_share([math.nan], 4, 2),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()


# ------------------------------------------------------------------------------------------------ topology


def random_graphs(rng, repeats=40):
    for _ in range(repeats):
        neurons = int(rng.integers(1, 9))
        number = int(rng.integers(0, 30))
        yield neurons, rng.integers(0, neurons, (2, number)).astype(np.int32)


def test_motifs_are_those_counted_one_by_one(rng):
    for neurons, (pre, post) in random_graphs(rng):
        joined = np.zeros((neurons, neurons), bool)
        joined[pre, post] = True
        np.fill_diagonal(joined, False)
        both = sum(joined[i, j] and joined[j, i] for i in range(neurons) for j in range(i))
        one = sum(joined[i, j] != joined[j, i] for i in range(neurons) for j in range(i))
        assert topology.dyads(pre, post, neurons) == (both, one, neurons * (neurons - 1) // 2 - both - one)
        expected = 2 * both / joined.sum() if joined.any() else math.nan
        assert topology.reciprocity(pre, post) == pytest.approx(expected, nan_ok=True)
        if neurons >= 3:
            counts = dict.fromkeys(wiring_laws.TRIADS, 0)
            for chosen in itertools.combinations(range(neurons), 3):
                graph = networkx.DiGraph(joined[np.ix_(chosen, chosen)])
                counts[networkx.triad_type(graph)] += 1
            assert topology.triads(pre, post, neurons) == counts


def test_clustering_is_that_of_fagiolo(rng):
    for neurons, (pre, post) in random_graphs(rng):
        a = np.zeros((neurons, neurons))
        a[pre, post] = 1
        np.fill_diagonal(a, 0)
        total, mutual = a.sum(axis=0) + a.sum(axis=1), np.diag(a @ a)
        possible = 2 * (total * (total - 1) - 2 * mutual)
        closed = np.diag(np.linalg.matrix_power(a + a.T, 3))
        expected = np.divide(closed, possible, out=np.zeros(neurons), where=possible > 0).mean()
        assert topology.clustering(pre, post, neurons) == pytest.approx(expected)


def test_spectrum_is_that_of_the_dense_matrix(rng, monkeypatch):
    for neurons, (pre, post) in random_graphs(rng):
        weights = rng.normal(size=len(pre))
        matrix = np.zeros((neurons, neurons))
        np.add.at(matrix, (pre, post), weights)
        got = topology.spectrum(pre, post, weights, neurons)
        assert (np.diff(np.abs(got)) <= 1e-9).all()
        assert_allclose(np.poly(got), np.poly(matrix), atol=1e-9)
    monkeypatch.setattr(topology, "DENSE", 10)
    pre, post = rng.integers(0, 60, (2, 500))
    weights = rng.normal(size=500)
    some = topology.spectrum(pre, post, weights, 60, number=5)
    monkeypatch.undo()
    assert_allclose(np.abs(some[:4]), np.abs(topology.spectrum(pre, post, weights, 60)[:4]))


@pytest.mark.parametrize("count", [topology.dyads, topology.triads, topology.clustering])
def test_wirings_that_cannot_be_are_refused(count):
    for ends in (([0, 1], [1]), ([[0]], [[1]])):
        with pytest.raises(ValueError, match="vectors of equal length"):
            count(*ends, 3)
    for ends in (([0, 3], [1, 1]), ([0, -1], [1, 1])):
        with pytest.raises(ValueError, match="between 0 and 2: both in the same group"):
            count(*ends, 3)


def test_weights_must_fit():
    with pytest.raises(ValueError, match="weights must have the shape of pre"):
        topology.spectrum([0], [1], [1.0, 2.0], 3)
