"""The kernels of untracked connections against reference implementations, and the laws of return times and landing."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom, chi2

from synaptic_sampling import SoftDeepR
from synaptic_sampling._kernels import soft_deep
from synaptic_sampling.connections.deep import SHIFT, Deep, exit_times, overshoots, still_below
from synaptic_sampling.laws.soft_deepr import share_still_retracted
from tests import naive_soft

FALSE_ALARM = 1e-6
FLOOR = -30.0
#: A rule with noise of 1 per step whose floor is at FLOOR.
RULE = SoftDeepR(learning_rate=0.5, l1=0.2, temperature=1.0, connectivity=1 / (1 - 0.2 * FLOOR))


def address(rng):
    """Return step, stream, both words of a key."""
    return tuple(np.uint64(word) for word in rng.integers(0, 2**32, 4))


def plain(words):
    return [int(word) for word in words]


@pytest.mark.parametrize("number", [0, 1, 2, 31, 32, 33, 63, 64, 127, 128, 129, 1000])
def test_heads(number, rng):
    for _ in range(20):
        where, first = address(rng), rng.integers(0, 2**20)
        found = soft_deep.count_heads(number, 7, *where, np.uint64(first))
        tosses, attempt = naive_soft.coins(number, [7, *plain(where)], int(first))
        assert found == (sum(tosses), attempt)


@pytest.mark.parametrize("p", [0.0, 1.0, 0.5, 1 / 3, 1e-9, 1 - 2.0**-53])
@pytest.mark.parametrize("number", [0, 1, 200])
def test_binomial(number, p, rng):
    for _ in range(5):
        where = address(rng)
        assert soft_deep.binomial(number, p, 3, *where) == naive_soft.binomial(number, p, 3, *plain(where))


@pytest.mark.parametrize("classes", [1, 2, 8, 64])
@pytest.mark.parametrize("number", [0, 1, 500])
def test_spread(number, classes, rng):
    below = np.append(0.0, np.cumsum(rng.dirichlet(np.ones(classes))))
    below[classes // 2 :] = below[-1]  # Some classes are empty.
    where, counts = address(rng), np.empty(classes, np.int64)
    soft_deep.spread(number, below, *where, counts)
    assert counts.tolist() == naive_soft.spread(number, below.tolist(), 0, classes, *plain(where))
    assert counts.sum() == number


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_wheel(dtype, scale, rng):
    """Many enter, time passes, blocks are split: numbers as in the reference implementation, and none is lost."""
    wheel, twin, clock = np.zeros((soft_deep.LEVELS, soft_deep.RING), np.int64), {}, np.zeros(1)
    theta, inside = -rng.uniform(4, 30, 40).astype(dtype), 0
    for _ in range(400):
        where = address(rng)
        slots = np.flatnonzero(rng.random(40) < 0.2).astype(np.int32)[: rng.integers(0, 9)]
        walk = 1.3, SHIFT, 32.0, scale, int(clock[0])
        soft_deep.enter(slots, theta, *walk, *where, exit_times(), wheel)
        naive_soft.enter(slots.tolist(), theta, *walk, *plain(where), exit_times(), twin)
        inside += len(slots)
        for ticks in rng.choice([0.01, 0.3, 1.0, 2.75], rng.choice([0, 1, 1, 70])):
            before, where = clock[0], address(rng)
            due = soft_deep.advance(wheel, clock, ticks, *where)
            assert clock[0] == before + ticks
            assert due == naive_soft.advance(twin, before, ticks, *plain(where))
            inside -= due
        assert wheel.sum() == sum(twin.values()) == inside
    present = {(level, block): number for (level, block), number in twin.items() if number}
    assert np.count_nonzero(wheel) == len(present)
    for (level, block), number in present.items():
        assert wheel[level, block % soft_deep.RING] == number


def test_whole_ticks_return_as_a_whole(rng):
    """While the noise is that of the first rule, no coin is tossed for a part of a tick."""
    wheel, clock, where = np.zeros((soft_deep.LEVELS, soft_deep.RING), np.int64), np.zeros(1), address(rng)
    wheel[0, 1:64] = np.arange(63)
    assert [soft_deep.advance(wheel, clock, 1.0, *where) for _ in range(64)] == [*range(63), 0]


@pytest.mark.statistical
def test_returns_are_spread_evenly_over_the_steps_of_a_tick():
    """10 000 in a tick of 16 steps: chi2, false-alarm rate 1e-6; all of them in the last step would show."""
    deep = Deep(0, -8.0, FLOOR, 5, 0)
    deep.wheel[0, 1] = 10_000
    due = np.array([deep.advance(n, 1 / 16) for n in range(1, 17)])
    assert due.sum() == 10_000
    assert ((due - 625.0) ** 2 / 625.0).sum() < chi2.isf(FALSE_ALARM, 15)


def test_land(rng):
    theta, slots, where = rng.random(50), np.array([0, 3, 49], np.int32), address(rng)
    expected = naive_soft.land(slots.tolist(), 0.3, *plain(where), overshoots(), theta)
    soft_deep.land(slots, 0.3, *where, overshoots(), theta)
    assert theta.tolist() == expected


def moments(table):
    """Return mean and variance of a function of a normal number, linear between its nodes."""
    z = (np.arange(-7 * 5120, 7 * 5120) + 0.5) / 5120
    mass = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) / 5120
    values = np.interp(z, np.arange(-7 * 256, 7 * 256 + 1) / 256, table)
    return mass @ values, mass @ values**2 - (mass @ values) ** 2


def test_tables():
    """The exit time has mean 1 and variance 2/3, the overshoot -zeta(1/2)/sqrt(2 pi) and 1/4."""
    assert moments(exit_times()) == pytest.approx((1.0, 2 / 3), abs=2e-6)
    assert moments(overshoots()) == pytest.approx((SHIFT, 0.25), abs=2e-6)


def test_tables_do_not_depend_on_last_bits(monkeypatch):
    """As matrix products differ between processors, so does the solution of linear equations here."""
    expected, solve, rng = overshoots(), np.linalg.solve, np.random.default_rng(1)
    monkeypatch.setattr(np.linalg, "solve", lambda a, b: solve(a, b) * (1 + 1e-15 * rng.uniform(-1, 1, len(b))))
    assert overshoots.__wrapped__().tolist() == expected.tolist()


def test_law_of_brownian_motion():
    """Against the plain sum over modes; images and modes join without a step."""
    mode = (2 * np.arange(20_000) + 1) * np.pi / 40
    for time in (0.3, 5.0, 199.999999, 200.000001, 2000.0):
        size = 2 / 20 / mode * (np.cos(4 * mode) - np.cos(15 * mode)) / (mode * 11)
        expected = np.sum(size * np.exp(-(mode**2) * time / 2))
        assert still_below(np.array([time]), 4.0, 15.0, 20.0)[0] == pytest.approx(expected, abs=1e-9)


def due_in_time(theta, number, sigma=1.0):
    """Return how many of those that enter at theta come back in each step with that noise, until all have."""
    deep, slots = Deep(0, -8.0, FLOOR, 5, 0), np.arange(number, dtype=np.int32)
    deep.enter(slots, np.full(number, theta), sigma, FLOOR, 1, sigma**2)
    due = []
    while deep.number:
        due.append(deep.advance(len(due) + 2, sigma**2))
    return np.array(due)


def chi_square(due, law):
    """Return chi2 over its bound, for times in classes of more than 500 expected."""
    number, edges = due.sum(), [0]
    for n in range(1, len(law)):
        if number * (law[edges[-1]] - law[n]) > 500:
            edges.append(n)
    edges[-1] = len(law) - 1
    expected = number * np.append(law[edges[:-1]] - law[edges[1:]], law[-1])
    found = [due[a:b].sum() for a, b in pairwise(edges)]
    found = np.append(found, due[edges[-1] :].sum())
    kept = expected > 0
    return float(((found - expected)[kept] ** 2 / expected[kept]).sum() / chi2.isf(FALSE_ALARM, kept.sum() - 1))


@pytest.mark.statistical
@pytest.mark.parametrize("theta", [-10.3, -17.0, -29.5])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_times_of_return(theta, sigma, monkeypatch):
    """100 000 times against the exact law of the walk; false-alarm rate 1e-6 each; catches a shift left out.

    A tick is a step with noise of 1; with a noise of 2, four of them pass in each step.
    """
    law = share_still_retracted(replace(RULE, learning_rate=RULE.learning_rate * sigma**2), theta, 6000)
    assert chi_square(due_in_time(theta, 100_000, sigma), law) < 1
    monkeypatch.setattr("synaptic_sampling.connections.deep.SHIFT", 0.0)
    assert chi_square(due_in_time(theta, 100_000, sigma), law) > 1.2


@pytest.mark.statistical
def test_too_near_would_show():
    """From -0.3 or -0.6, the time is not that of a Brownian motion: why the depth is at least 4."""
    for theta in (-0.3, -0.6):
        assert chi_square(due_in_time(theta, 300_000), share_still_retracted(RULE, theta, 6000)) > 1.2


@pytest.mark.statistical
def test_first_times_of_all():
    """A million that start anywhere below the threshold, drawn at once: numbers in each tick against the exact law."""
    deep, number = Deep(1_000_000, -8.0, FLOOR, 3, 0), 1_000_000
    nodes, weights = np.polynomial.legendre.leggauss(24)
    depths = -8.0 + (FLOOR + 8.0) * (nodes + 1) / 2
    law = np.sum([w / 2 * share_still_retracted(RULE, x, 400) for x, w in zip(depths, weights, strict=True)], axis=0)
    due = np.array([deep.advance(n, 1.0) for n in range(1, 401)])
    assert deep.number + due.sum() == number
    # Each count is a binomial; 400 of them.
    share = np.maximum(law[:-1] - law[1:], 1e-12)
    bound, least = binom.isf(FALSE_ALARM / 800, number, share), binom.ppf(FALSE_ALARM / 800, number, share)
    assert ((due <= bound) & (due >= least)).all()
    for n in (25, 50, 100, 400):  # Half a tick too early or too late would show in the first of them.
        assert abs(due[:n].sum() - number * (1 - law[n])) < 5.2 * math.sqrt(number * law[n] * (1 - law[n]))


def test_coins_of_each_set_are_its_own():
    """Seed and index decide how a block is halved, and how long those stay that enter."""
    entered, halved = set(), set()
    for seed, index in ((3, 0), (4, 0), (3, 1)):
        deep = Deep(0, -8.0, FLOOR, seed, index)
        deep.enter(np.arange(9, dtype=np.int32), np.full(9, -10.0), 1.0, FLOOR, 1, 1.0)
        entered.add(deep.wheel.tobytes())
        deep.wheel[:] = 0
        deep.wheel[3, 70] = 1000
        halved.add(tuple(deep.advance(n, 1.0) for n in range(1, 600)))
    assert len(entered) == len(halved) == 3


def test_mean_time_is_exact():
    """The sum of the exact law over all steps is distance*(2*span - distance) + 1/4, up to exp(-2.5*depth)."""
    for theta in (-6.0, -10.0, -20.0, -25.0):
        law = share_still_retracted(RULE, theta, 16_000)
        distance, span = SHIFT - theta, 2 * SHIFT - FLOOR
        assert law.sum() - distance * (2 * span - distance) == pytest.approx(0.25, abs=1e-4)


def test_law_of_the_walk_at_its_ends():
    assert share_still_retracted(RULE, -1.5, 1).tolist() == pytest.approx([1.0, ndtr(1.5)], abs=1e-9)
    for wrong in (0.0, FLOOR - 1, float("nan")):
        with pytest.raises(ValueError, match="theta"):
            share_still_retracted(RULE, wrong, 1)
