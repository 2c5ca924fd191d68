"""Soft DEEP R without slots for the deep ones: invariants, memory, exact laws, agreement with all potential ones."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, ks_2samp
from scipy.stats import t as student

from synaptic_sampling import (
    SGD,
    Adam,
    Budget,
    Connections,
    DeepR,
    Momentum,
    PotentialConnections,
    RewiringLog,
    SoftDeepR,
    step,
)
from synaptic_sampling import replace as do_replace
from synaptic_sampling.connections.deep import exit_times, overshoots
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.laws.soft_deepr import soft_law

FALSE_ALARM = 1e-6
#: r = 0.3, the floor 20 steps of the noise below 0.
RULE = SoftDeepR(learning_rate=0.5, l1=0.6, temperature=1.0, connectivity=1 / 13)
#: As in the script of the authors, where a step of l1 is as long as one of the noise.
AUTHORS = SoftDeepR(learning_rate=0.05, l1=1e-5, temperature=2.5e-12, connectivity=0.2)


def zero(c):
    return np.zeros(len(c), c.theta.dtype)


def near_its_law(rule, side, seed, **options):
    """A set with about as many connected as in the limit of small steps, theta exponential."""
    rng = np.random.default_rng(seed)
    number = rng.binomial(side * side, rule.connectivity)
    theta = rng.exponential(rule.temperature / rule.l1, number)
    return SoftConnections.random(side, side, number, rule=rule, theta=theta, seed=seed, **options)


def all_of_them(rule, side, seed):
    """As `near_its_law`, with a slot for each site."""
    rng = np.random.default_rng(seed)
    c = PotentialConnections(side, side, seed=seed)
    c.theta[:] = rule.theta_min * rng.random(len(c))
    number = rng.binomial(side * side, rule.connectivity)
    c.theta[rng.permutation(len(c))[:number]] = rng.exponential(rule.temperature / rule.l1, number)
    return c


# Invariants ---------------------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """Return connections, a rule and the length of the run."""
    num_pre, num_post = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    autapses = draw(st.booleans()) or num_pre != num_post
    candidates = draw(st.sampled_from([None, lambda pre, post: pre <= post]))
    rule = SoftDeepR(
        learning_rate=draw(st.floats(1e-3, 1.0)),
        l1=draw(st.floats(0.01, 3.0)),
        temperature=draw(st.floats(1e-3, 1.0)),
        connectivity=draw(st.floats(0.05, 0.95)),
        optimizer=draw(st.sampled_from([SGD(), Momentum(), Adam()])),
    )
    options = {"autapses": autapses, "candidates": candidates, "seed": draw(st.integers(0, 2**64 - 1))}
    sites = PotentialConnections(num_pre, num_post, autapses=autapses)
    number = sum(candidates is None or i <= j for i, j in zip(sites.pre, sites.post, strict=True))
    c = SoftConnections.random(
        num_pre,
        num_post,
        draw(st.integers(0, number)),
        rule=rule,
        depth=draw(st.floats(4.0, 8.0)),
        signs=draw(st.sampled_from(["site", "presynaptic", 1])),
        index=draw(st.integers(0, 2**16 - 1)),
        dtype=draw(st.sampled_from([np.float32, np.float64])),
        **options,
    )
    assert c.num_sites == number
    return c, rule, draw(st.integers(0, 2**32 - 1))


def check(c, rule, signs):
    pairs = list(zip(c.pre.tolist(), c.post.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert c.num_active + c.num_tracked + c.num_deep == c.num_sites
    assert sorted(c.table[c.table >= 0].tolist()) == sorted(i * c.num_post + j for i, j in pairs)
    assert (c.theta >= max(np.float32(rule.theta_min) * 1.0001, c.threshold * 1.0001)).all()
    assert ((c.weights == 0) | c.connected).all()
    assert c.sites.first_forbidden(c.pre, c.post) is None
    assert (c.deep.wheel >= 0).all()
    for pair, sign in zip(pairs, c.polarity.tolist(), strict=True):
        assert signs.setdefault(pair, sign) == sign


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(histories())
def test_histories(history):
    """In every step: no site twice, none lost, constant signs; events connect successive states."""
    c, rule, seed = history
    rng, signs = np.random.default_rng(seed), {}
    log = RewiringLog()
    log.snapshot(0, c.index, c.pre, c.post, c.theta, np.where(c.connected, c.polarity, 0))
    for n in range(30):
        before = set(zip(c.pre[c.connected].tolist(), c.post[c.connected].tolist(), strict=True))
        # As long as the noise may be, and half of it.
        factor = {3: (c.depth / 4.001) ** 2, 5: 0.25}.get(n % 7, 1.0)
        rule_now = replace(rule, learning_rate=rule.learning_rate * factor)
        info = step(c, rng.standard_normal(len(c)).astype(c.theta.dtype), rule_now)
        log.record(info)
        check(c, rule, signs)
        after = set(zip(c.pre[c.connected].tolist(), c.post[c.connected].tolist(), strict=True))
        died, born = (set(zip(e.pre.tolist(), e.post.tolist(), strict=True)) for e in (info.died, info.born))
        assert after == (before - died) | born
        assert (np.diff(info.died.slot) > 0).all()
        assert (np.diff(info.born.slot) > 0).all()
        lives = [pair in born for pair in zip(c.pre.tolist(), c.post.tolist(), strict=True)]
        assert (c.age[lives] == 0).all()
        assert all((moment[lives] == 0).all() for moment in c.moments)
        if n % 10 == 5:
            c.restore({name: np.array(values) for name, values in c.state().items()})
    pre, post, polarity = log.wiring(index=c.index)
    there = c.connected
    assert pre.tolist() == c.pre[there].tolist()
    assert post.tolist() == c.post[there].tolist()
    assert polarity.tolist() == c.polarity[there].tolist()


@pytest.mark.parametrize("depth", [6.0, 1000.0])
def test_restored_bits(depth):
    """Made anew and restored, the run goes on bit for bit; another seed goes elsewhere."""
    first, second = (near_its_law(RULE, 60, 5, depth=depth) for _ in range(2))
    for _ in range(50):
        step(first, zero(first), RULE)
    second.restore({name: np.array(values) for name, values in first.state().items()})
    other = near_its_law(RULE, 60, 6, depth=depth)
    for _ in range(50):
        infos = [step(c, zero(c), RULE) for c in (first, second, other)]
        assert infos[0].events.tobytes() == infos[1].events.tobytes()
    assert infos[0].events.tobytes() != infos[2].events.tobytes()
    for name, values in first.state().items():
        assert np.array_equal(values, second.state()[name])


def fingerprint():
    """Return a digest of all that twenty steps come to."""
    c, digest = near_its_law(RULE, 15, 2**40, depth=4.0), hashlib.sha256()
    for _ in range(20):
        digest.update(step(c, c.weights * (c.pre - c.post), RULE).events.tobytes())
    for values in c.state().values():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def test_same_bits_in_another_process_without_compilation():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_DISABLE_JIT": "1"}
    script = "from tests.connections.test_soft import fingerprint; print(fingerprint())"
    command = [sys.executable, "-W", "ignore", "-c", script]
    other = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    assert other == fingerprint()


def test_deep_enough_all_are_tracked():
    """With a depth beyond the floor nothing is approximate: the law of the authors' parameters, every site a slot."""
    c = near_its_law(AUTHORS, 30, 1)
    for _ in range(20):
        step(c, zero(c), AUTHORS)
        assert (len(c), c.num_deep) == (900, 0)


@pytest.mark.compiled
def test_memory_for_the_connections_alone():
    """1e8 sites: arrays in proportion to the connections, and nothing else."""
    rule = SoftDeepR(learning_rate=0.1, l1=0.2, temperature=0.2, connectivity=1e-4)
    theta = np.random.default_rng(1).exponential(1.0, 10_000)
    c = SoftConnections.random(10_000, 10_000, 10_000, rule=rule, theta=theta, seed=1)
    for _ in range(20):
        step(c, zero(c), rule)
    assert c.num_active + c.num_tracked + c.num_deep == 10**8
    # The initial law is uniform up to 0: r*depth times the connected in all, twice as many at first.
    assert len(c) < 4 * 10_000
    arrays = [*c.state().values(), c.table]
    assert sum(values.nbytes for values in arrays) < 100 * len(c) + c.deep.wheel.nbytes
    assert c.deep.wheel.nbytes < 60_000


# Errors -------------------------------------------------------------------------------------------------------------


def test_bad_arguments():
    good = {"rule": RULE}
    for name, wrong in {
        "rule": [None, DeepR(0.1, 0.1, 0.1)],
        "depth": [3.9, math.nan, "10", None],
        "theta": [[-1.0], [math.inf]],
        "signs": ["redrawn", "no", 3],
        "seed": [-1],
        "dtype": [int],
    }.items():
        for value in wrong:
            with pytest.raises((TypeError, ValueError), match=name):
                SoftConnections(3, 3, [0], [1], **{**good, name: value})
    with pytest.raises(ValueError, match="noise_scale"):
        SoftConnections(3, 3, [0], [1], rule=replace(RULE, connectivity=1e-7))


def test_arguments_reach_the_sites():
    """Signs and autapses, of those connected at the start and of all others."""
    for share, sign in ((0.0, -1), (1.0, 1)):
        assert (near_its_law(RULE, 10, 1, excitatory=share).polarity == sign).all()
    c = near_its_law(RULE, 10, 1, depth=1000.0, autapses=False, diagonal=3)
    assert len(c) == c.num_sites == 93
    assert (c.post - c.pre != 3).all()


def test_bad_steps():
    c = near_its_law(RULE, 20, 1)
    before = {name: np.array(values) for name, values in c.state().items()}
    with pytest.raises(TypeError, match="must be Connections for DeepR, got SoftConnections"):
        step(c, zero(c), DeepR(0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="theta_min"):
        step(c, zero(c), replace(RULE, temperature=1.001))
    other = Connections.random(20, 20, 10, seed=1, index=1)
    with pytest.raises(TypeError, match="budget"):
        Budget([other, c])
    assert other.capacity == 10
    with pytest.raises(ValueError, match=r"noise_scale of the rule must be <= 2\.5"):
        step(c, zero(c), replace(RULE, learning_rate=4.0))
    with pytest.raises(ValueError, match="must be a mapping returned by SoftConnections"):
        c.restore(other.state())
    with pytest.raises((TypeError, ValueError), match="must be Connections"):
        do_replace(c, c.connected)
    with pytest.raises(FloatingPointError, match="gradient"):
        step(c, np.full(len(c), np.nan), RULE)
    with pytest.raises(ValueError, match="sites"):
        near_its_law(RULE, 21, 1).restore(before)
    with pytest.raises(ValueError, match="sites"):
        c.restore({**before, "steps_done": np.array(9), "wheel": before["wheel"].ravel()})
    assert all(np.array_equal(values, before[name]) for name, values in c.state().items())


# Laws ---------------------------------------------------------------------------------------------------------------


def deviations(rule, side, steps, first=None, **options):
    """Return deviations of active fraction and births in standard errors, after many steps; made with another rule."""
    c, law = near_its_law(first or rule, side, 7, **options), soft_law(rule)
    for _ in range(steps):
        info = step(c, zero(c), rule)
    number, shares = c.num_sites, np.array([law.active_share, law.turnover, law.turnover])
    found = np.array([c.num_active, info.num_births, info.num_deaths])
    return (found - number * shares) / np.sqrt(number * shares * (1 - shares))


#: Three binomials within it but for once in 1e6.
BOUND = 5.1


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize("connectivity", [0.03, 0.05, 0.2])
def test_active_share_of_the_authors(connectivity):
    """Exact law at steps as long as those of l1: 0.179191 at 20 %. Catches 8 % at 3 %, where most are deep."""
    rule = replace(AUTHORS, connectivity=connectivity)
    if connectivity == 0.2:
        assert soft_law(rule).active_share == pytest.approx(0.179191, abs=1e-6)
    side, steps = (400, 800) if connectivity == 0.03 else (250, 150)
    assert np.abs(deviations(rule, side, steps, depth=4.0)).max() < BOUND


@pytest.mark.statistical
@pytest.mark.compiled
def test_active_share_with_small_steps():
    """r = 0.3, depth 10 of 20; catches 5 %."""
    assert np.abs(deviations(RULE, 400, 600)).max() < BOUND


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize(("noise", "steps"), [(0.5, 2000), (2.0, 300)])
def test_active_share_after_a_change_of_the_learning_rate(noise, steps):
    """The clock of the deep runs on as before; their walk is that of the rule of now."""
    rule = replace(RULE, learning_rate=RULE.learning_rate * noise**2)
    assert np.abs(deviations(rule, 400, steps, first=RULE, depth=max(4.0, 4.0 * noise))).max() < BOUND


@pytest.mark.statistical
@pytest.mark.compiled
@pytest.mark.parametrize(("wrong", "factor"), [("soft.overshoots", 0.0), ("deep.exit_times", 0.5)])
def test_wrong_ones_are_rejected(wrong, factor, monkeypatch):
    """Landing at 0, and a noise of twice the variance in the deep, are seen by the same test."""
    table = factor * {"soft.overshoots": overshoots, "deep.exit_times": exit_times}[wrong]()
    monkeypatch.setattr(f"synaptic_sampling.connections.{wrong}", lambda: table)
    assert np.abs(deviations(RULE, 300, 500, depth=4.0)).max() > BOUND


# Agreement ----------------------------------------------------------------------------------------------------------


def lives(c, rule, steps):
    """Run; return the number of connected in every step, and lifetimes of those born in the first half."""
    counts, ages, born_at = [], [], {}
    for n in range(steps):
        info = step(c, zero(c), rule)
        counts.append(c.num_active)
        for key in (info.died.pre.astype(np.int64) * c.num_post + info.died.post).tolist():
            if born_at.get(key, steps) < steps // 2:
                ages.append(n - born_at[key])
            born_at.pop(key, None)
        for key in (info.born.pre.astype(np.int64) * c.num_post + info.born.post).tolist():
            born_at[key] = n
    ages += [steps] * sum(born < steps // 2 for born in born_at.values())
    return counts, np.minimum(ages, steps // 2)


def two_samples(first, second, edges):
    """Return the probability of such a difference between two samples, in classes."""
    table = np.array([np.histogram(sample, edges)[0] for sample in (first, second)])
    return chi2_contingency(table[:, table.sum(axis=0) > 20]).pvalue


@pytest.mark.statistical
@pytest.mark.compiled
def test_both_storages_agree():
    """Active number, lifetimes, weights, in replicas of 50 by 50 neurons; false-alarm rate 1e-6 for each of three.

    Replicas are independent; all lives of one are those of different connections.
    """
    samples = []
    for offset, make in ((0, near_its_law), (1000, all_of_them)):
        numbers, ages, weights = [], [], []
        for seed in range(24):
            c = make(RULE, 50, offset + seed)
            for _ in range(100):
                step(c, zero(c), RULE)
            counts, own = lives(c, RULE, 40)
            numbers.append(counts[-1])
            ages.append(own)
            weights.append(c.weights[c.connected])
        samples.append([np.array(numbers), np.concatenate(ages), np.concatenate(weights)])
    (numbers, ages, weights), (numbers_2, ages_2, weights_2) = samples
    assert ks_2samp(numbers, numbers_2).pvalue > FALSE_ALARM
    assert two_samples(ages, ages_2, [0, 1, 2, 3, 5, 8, 12, 20, 21]) > FALSE_ALARM
    assert ks_2samp(np.abs(weights), np.abs(weights_2)).pvalue > FALSE_ALARM
    # The number of connected is that of independent sites: its variance is binomial.
    share = soft_law(RULE).active_share
    ratio = 23 * numbers.var(ddof=1) / (2500 * share * (1 - share))
    assert chi2.ppf(FALSE_ALARM / 2, 23) < ratio < chi2.isf(FALSE_ALARM / 2, 23)


@pytest.mark.statistical
@pytest.mark.compiled
def test_from_nobody_connected():
    """A transient from zero connections: numbers in each step, means of 25 replicas of both storages."""
    means, errors = [], []
    for make in (lambda seed: SoftConnections(40, 40, [], [], rule=RULE, depth=6.0, seed=seed), _nobody):
        counts = []
        for seed in range(25):
            c = make(seed)
            counts.append([step(c, zero(c), RULE).num_births for _ in range(300)])
        binned = np.array(counts).reshape(25, 20, 15).sum(axis=2)
        means.append(binned.mean(axis=0))
        errors.append(binned.var(axis=0, ddof=1) / 25)
    z = (means[0] - means[1]) / np.sqrt(errors[0] + errors[1])
    assert np.abs(z).max() < student.isf(FALSE_ALARM / 40, 48)


def _nobody(seed):
    c = PotentialConnections(40, 40, seed=100 + seed)
    c.theta[:] = RULE.theta_min * np.random.default_rng(seed).random(len(c))
    return c
