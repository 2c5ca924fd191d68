"""The exact law with a gradient: its limits, and the sampler against it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws.posterior import limit_of_small_steps, site_law, wiring_law

STIFFNESS = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
CENTRE = np.array([0.5, -0.5, 0.7, 0.0, 0.4, 0.9])
LARGEST = 6.0


def rule(learning_rate):
    return DeepR(learning_rate=learning_rate, l1=0.2, temperature=0.25)


def laws(learning_rate):
    return [
        site_law(rule(learning_rate), lambda x, a=a, m=m: a * (x - m), LARGEST)
        for a, m in zip(STIFFNESS, CENTRE, strict=True)
    ]


def test_without_a_gradient_it_is_the_law_of_chance():
    given = DeepR(learning_rate=0.1, l1=0.5, temperature=0.2)
    law = site_law(given, np.zeros_like, 40 * given.temperature / given.l1)
    assert law.lifetime == pytest.approx(exact.mean_lifetime(given.step_ratio), rel=1e-8)
    mean = law.theta @ (law.density * law.weight)
    assert mean == pytest.approx(exact.mean_theta(given.step_ratio) * given.noise_scale, rel=1e-8)
    assert law.newborn + law.density @ law.weight == pytest.approx(1, abs=1e-12)
    assert law.probability_below([0, 1e9]) == pytest.approx([law.newborn, 1], abs=1e-9)


def test_it_tends_to_the_posterior_with_the_root_of_the_step():
    z = [
        limit_of_small_steps(rule(1), lambda x, a=a, m=m: a / 2 * (x - m) ** 2, LARGEST)
        for a, m in zip(STIFFNESS, CENTRE, strict=True)
    ]
    limit = np.array(list(wiring_law(z, 3).values()))
    distances = []
    for eta in (0.1, 0.01, 0.003, 0.001):
        law = np.array(list(wiring_law([site.lifetime for site in laws(eta)], 3).values()))
        distances.append(np.abs(law - limit).sum() / 2)
    assert 0.02 > distances[1] > distances[2] > distances[3]
    assert distances[2] / distances[3] == pytest.approx(np.sqrt(3), rel=0.1)


def replicas(number, steps, eta, stale=False):
    """Return the final connections of independent networks with six sites and three connections."""
    counts = dict.fromkeys(wiring_law(np.ones(6), 3), 0)
    given = rule(eta)
    for seed in range(number):
        c = Connections.random(1, 6, 3, seed=seed, signs=1)
        gradient = np.zeros(3)
        for _ in range(steps):
            fresh = STIFFNESS[c.post] * (c.theta - CENTRE[c.post])
            step(c, gradient if stale else fresh, given)
            gradient = fresh
        counts[tuple(sorted(c.post.tolist()))] += 1
    return np.array(list(counts.values()))


def statistic(counts, law):
    expected = counts.sum() * np.array(list(law.values()))
    return ((counts - expected) ** 2 / expected).sum()


@pytest.mark.statistical
@pytest.mark.parametrize("stale", [False, True])
def test_wirings_of_the_sampler_follow_it(stale):
    """chi2 over 20 connectivities, false-alarm rate 1e-6; the gradient of the step before must be rejected."""
    law = wiring_law([site.lifetime for site in laws(0.3)], 3)
    value = statistic(replicas(3000, 30, 0.3, stale), law)
    bound = chi2.isf(1e-6, 19)
    assert (value > bound) == stale, value
