"""One budget for several sets: the total is exact, and connectivity follows its exact laws.

Statistical tests have a false-alarm rate of 1e-6 and fixed seeds.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chi2, multinomial, norm

from synaptic_sampling import (
    Adam,
    Budget,
    Connections,
    DeepR,
    FixedWiring,
    PruneAndRegrow,
    RewiringLog,
    SynapticElements,
    replace,
    step,
)

FALSE_ALARM = 1e-6
REPLICAS = 800
RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
#: Most new connections are eliminated at once, so that a state is forgotten within few steps.
RESTLESS = DeepR(learning_rate=0.1, l1=2.0, temperature=0.2)


def make(shapes, numbers, seed=1, **options):
    return [
        Connections.random(*shape, number, seed=seed, index=n, **options)
        for n, (shape, number) in enumerate(zip(shapes, numbers, strict=True))
    ]


def zeros(budget):
    return [np.zeros(len(c), c.theta.dtype) for c in budget.sets]


def pairs(c):
    return list(zip(c.pre.tolist(), c.post.tolist(), strict=True))


def check(budget, info, before):
    """Compare the events with what has happened to the slots; ``before`` is changed into what is there now."""
    for event in info.events.tolist():
        _, pre, post, slot, index, kind, sign = event
        if kind < 0:
            assert before[index].pop(slot) == (pre, post, sign)
        else:
            assert slot not in before[index]
            before[index][slot] = (pre, post, sign)
    assert len(budget) == budget.total - info.num_unplaced
    for c in budget.sets:
        rows = zip(c.pre.tolist(), c.post.tolist(), c.polarity.tolist(), strict=True)
        assert before[c.index] == dict(enumerate(rows))
        assert len(set(pairs(c))) == len(c) <= c.num_sites
        assert (c.theta >= 0).all()
        assert all(len(moment) == len(c) for moment in c.moments)
        assert set(c.table[c.table >= 0].tolist()) == {i * c.num_post + j for i, j in pairs(c)}


def wirings(budget):
    columns = ((c.pre, c.post, c.polarity) for c in budget.sets)
    return {
        n: dict(enumerate(zip(*(values.tolist() for values in rows), strict=True))) for n, rows in enumerate(columns)
    }


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_histories(data):
    shapes = data.draw(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4))
    numbers = [data.draw(st.integers(0, i * j)) for i, j in shapes]
    optimizer = data.draw(st.sampled_from([DeepR.__dataclass_fields__["optimizer"].default_factory(), Adam()]))
    rule = DeepR(learning_rate=0.1, l1=data.draw(st.floats(0, 3)), temperature=0.2, optimizer=optimizer)
    split = data.draw(st.sampled_from(["vacant", "density"]))
    targets = [n + 1 for n in numbers] if split == "density" else None
    budget = Budget(make(shapes, numbers), split=split, targets=targets)
    rng, before, log = np.random.default_rng(data.draw(st.integers(0, 2**32))), wirings(budget), RewiringLog()
    for c in budget.sets:
        log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites)
        log.snapshot(0, c.index, c.pre, c.post, c.theta, c.polarity)
    for n in range(30):
        if n % 5 == 4:
            info = replace(budget, [rng.random(len(c)) < 0.3 for c in budget.sets])
        else:
            info = step(budget, [rng.standard_normal(len(c)) for c in budget.sets], rule)
        check(budget, info, before)
        log.record(info)
    assert len(log.lives()) == budget.total + log.num_births
    for c in budget.sets:
        pre, post, polarity = log.wiring(index=c.index)
        assert pairs(c) == list(zip(pre.tolist(), post.tolist(), strict=True))
        assert_array_equal(polarity, c.polarity)


def wiring_counts(split, targets, replicas, steps=12):
    """Return how often each state of two sets, 1 by 2 and 1 by 4, with 2 connections in total, occurs at the end."""
    sites = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3)]
    number_of = {frozenset(pair): n for n, pair in enumerate(combinations(sites, 2))}
    counts = np.zeros(len(number_of))
    for seed in range(replicas):
        budget = Budget(make([(1, 2), (1, 4)], [1, 1], seed=seed), split=split, targets=targets)
        for _ in range(steps):
            step(budget, zeros(budget), RESTLESS)
        wiring = frozenset((c.index, j) for c in budget.sets for j in c.post.tolist())
        counts[number_of[wiring]] += 1
    return counts


def chi_squared(counts, probability):
    expected = counts.sum() * probability
    return ((counts - expected) ** 2 / expected).sum(), chi2.isf(FALSE_ALARM, len(counts) - 1)


def test_every_wiring_of_all_sets_is_equally_likely_under_vacant():
    """Catches shares that differ by a fifth."""
    counts = wiring_counts("vacant", None, REPLICAS)
    statistic, bound = chi_squared(counts, np.full(15, 1 / 15))
    assert statistic < bound


def test_the_same_law_rejects_a_split_by_size():
    """Negative control: new connections in proportion to the sizes of sets, vacant or not."""
    statistic, bound = chi_squared(wiring_counts("density", [2, 4], REPLICAS), np.full(15, 1 / 15))
    assert statistic > bound


@pytest.fixture(scope="module")
def numbers_under_density():
    """How often 5 connections are spread over three sets as (n0, n1, n2); each set could hold all of them."""
    seen = {}
    for seed in range(REPLICAS):
        budget = Budget(make([(3, 3), (2, 5), (20, 20)], [2, 2, 1], seed=seed), split="density", targets=[8, 8, 4])
        for _ in range(12):
            step(budget, zeros(budget), RESTLESS)
        numbers = tuple(len(c) for c in budget.sets)
        seen[numbers] = seen.get(numbers, 0) + 1
    return seen


@pytest.mark.parametrize(("wanted", "passes"), [([8, 8, 4], True), ([10, 6, 4], False), ([9, 10, 400], False)])
def test_numbers_are_multinomial_under_density(numbers_under_density, wanted, passes):
    """Catches targets that are off by a quarter, and numbers in proportion to the sizes of the sets."""
    share = np.array(wanted) / np.sum(wanted)
    everything = [(a, b, 5 - a - b) for a in range(6) for b in range(6 - a)]
    probability = np.array([multinomial.pmf(numbers, 5, share) for numbers in everything])
    counts = np.array([numbers_under_density.get(numbers, 0) for numbers in everything], float)
    rare = REPLICAS * probability < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    probability = np.append(probability[~rare], probability[rare].sum())
    statistic, bound = chi_squared(counts, probability)
    assert (statistic < bound) == passes


def test_a_full_set_leaves_its_share_to_the_others():
    sets = make([(1, 3), (20, 20)], [1, 60])
    budget = Budget(sets, split="density", targets=[1000, 1])
    for _ in range(50):
        info = step(budget, zeros(budget), RULE)
        assert info.num_unplaced == 0
    assert len(sets[0]) == 3
    assert len(sets[1]) == 58


def test_a_capacity_that_was_given_holds():
    sets = [*make([(9, 9)], [5]), Connections.random(9, 9, 5, seed=1, index=1, capacity=6)]
    budget, largest = Budget(sets), 0
    for _ in range(200):
        step(budget, zeros(budget), RULE)
        largest = max(largest, len(sets[1]))
        assert len(budget) == 10
    assert largest == 6


def test_all_sets_full():
    budget = Budget(make([(2, 2), (1, 3)], [4, 3]))
    for _ in range(20):
        info = step(budget, zeros(budget), RULE)
        assert info.num_births == info.num_deaths
    assert [len(c) for c in budget.sets] == [4, 3]


def test_a_set_may_lose_all_connections_and_win_them_back():
    budget, seen = Budget(make([(4, 4), (4, 4)], [2, 2])), set()
    for _ in range(300):
        step(budget, zeros(budget), RESTLESS)
        seen.add(len(budget.sets[0]))
    assert seen == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("multapses", "first", "second"),
    [(False, 1 / 6, 1 / 6), (True, 1 / 4, 1 / 6)],
)
def test_each_newborn_takes_a_vacant_site_from_those_after_it(multapses, first, second):
    """Two new connections, two sets with two sites each; one that allows multapses is never full."""
    sets = [
        Connections(1, 2, [], [], index=0, seed=8, multapses=multapses, capacity=2),
        Connections(1, 2, [], [], index=1, seed=8, capacity=2),
    ]
    budget, counts = Budget(sets), np.zeros(3)
    for now in range(20_000):
        sets[0].steps_done = now
        counts[budget.share_out(2, [0, 0])[0]] += 1
    expected = len(range(20_000)) * np.array([second, 1 - first - second, first])
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(FALSE_ALARM, 2)


@pytest.mark.parametrize(("second", "passes"), [([2, 3], True), ([0, 1], False)])
def test_two_budgets_with_one_seed_draw_independent_numbers(second, passes):
    """By the correlation over 4000 steps of how many of 20 connections the first set gets."""
    shares = []
    for indices in ([0, 1], second):
        sets = [Connections(40, 40, [], [], seed=1, index=n, capacity=400) for n in indices]
        budget, numbers = Budget(sets), []
        for now in range(4000):
            sets[0].steps_done = now
            numbers.append(budget.share_out(20, [0, 0])[0])
        shares.append(numbers)
    correlated = abs(np.corrcoef(*shares)[0, 1]) > norm.isf(FALSE_ALARM / 2) / np.sqrt(4000)
    assert correlated != passes


def test_what_was_missing_before_is_born_in_the_budget():
    c = make([(4, 4)], [5])[0]
    c.missing = 3
    budget = Budget([c])
    assert budget.total == 8
    info = step(budget, zeros(budget), RULE)
    assert info.num_births == info.num_deaths + 3
    assert (len(budget), info.num_unplaced) == (8, 0)


def test_what_finds_no_place_in_any_set_is_said():
    sets = make([(2, 2), (1, 3)], [4, 2])
    sets[0].missing = 4
    budget = Budget(sets)
    for _ in range(3):
        assert step(budget, zeros(budget), RULE).num_unplaced == 3
        assert len(budget) == 7


def test_one_set_in_a_budget_steps_as_it_does_alone():
    alone, budget = make([(9, 9)], [20])[0], Budget(make([(9, 9)], [20]))
    for n in range(30):
        gradient = np.sin(np.arange(20.0) + n)
        info, whole = step(alone, gradient, RULE), step(budget, [gradient], RULE)
        assert_array_equal(info.events, whole.events)
        assert info.num_deaths == whole.num_deaths
    assert_array_equal(alone.theta, budget.sets[0].theta)


def test_restored_sets_go_on_with_the_same_bits():
    budget = Budget(make([(5, 5), (6, 6)], [10, 10]))
    for _ in range(20):
        step(budget, zeros(budget), RULE)
    states = [{name: np.array(values) for name, values in c.state().items()} for c in budget.sets]
    again = Budget(make([(5, 5), (6, 6)], [10, 10]))
    for c, state in zip(again.sets, states, strict=True):
        c.restore(state)
    for _ in range(20):
        assert_array_equal(step(budget, zeros(budget), RULE).events, step(again, zeros(again), RULE).events)


def test_fixed_wiring_only_moves():
    budget = Budget(make([(5, 5), (6, 6)], [10, 10]))
    info = step(budget, [np.ones(10), np.ones(10)], FixedWiring(0.1))
    assert len(info.events) == 0
    assert_array_equal(budget.sets[1].weights, -0.1)


def test_events_of_one_set():
    budget = Budget(make([(9, 9), (9, 9)], [30, 30]))
    info = step(budget, zeros(budget), RULE)
    parts = [info.of_set(n) for n in (0, 1)]
    for name in ("num_births", "num_deaths", "num_moves"):
        assert sum(getattr(part, name) for part in parts) == getattr(info, name)
    assert all((part.events["set"] == n).all() for n, part in enumerate(parts))
    assert (parts[1].moved[0] >= len(budget.sets[1])).all()


def test_a_bad_gradient_stops_all_sets():
    budget = Budget(make([(5, 5), (6, 6)], [10, 10]))
    before = [{name: np.array(values) for name, values in c.state().items()} for c in budget.sets]
    bad = [np.zeros(10), np.zeros(10)]
    bad[1][3] = np.nan
    with pytest.raises(FloatingPointError, match="gradient of connection 3"):
        step(budget, bad, RULE)
    for wrong in (bad[0], bad[:1], None):
        with pytest.raises(TypeError, match="list of 2 arrays"):
            step(budget, wrong, RULE)
        with pytest.raises(TypeError, match="list of 2 arrays"):
            replace(budget, wrong)
    with pytest.raises(ValueError, match="births must not be given"):
        replace(budget, [np.zeros(10, bool)] * 2, births=3)
    for c, state in zip(budget.sets, before, strict=True):
        assert all(np.array_equal(values, state[name]) for name, values in c.state().items())


@pytest.mark.parametrize("eliminated", [0, 3])
@pytest.mark.parametrize("rule", [PruneAndRegrow(regrow=False), SynapticElements()])
def test_a_rule_that_does_not_keep_the_number_is_refused_before_anything_changes(rule, eliminated):
    budget = Budget(make([(5, 5), (5, 5)], [10, 10]))
    before, signals = [c.state() for c in budget.sets], {"axonal": [np.ones(5)] * 2, "dendritic": [np.ones(5)] * 2}
    signals["condition"] = [np.arange(10) < eliminated] * 2
    with pytest.raises(ValueError, match=rf"must not be a Budget for {type(rule).__name__}\(.*call step\(\) for each"):
        step(budget, rule, **{signal.name: signals[signal.name] for signal in rule.signals})
    for c, state in zip(budget.sets, before, strict=True):
        assert all(np.array_equal(values, state[name]) for name, values in c.state().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: Budget([]), "sets must be a list"),
        (lambda s: Budget(s[0]), "sets must be a list"),
        (lambda s: Budget([s[0], 3]), "sets must be a list"),
        (lambda s: Budget([s[0], s[0]]), "different indices"),
        (lambda s: Budget([s[0], Connections.random(3, 3, 2, seed=9, index=4)]), "the same seed"),
        (lambda s: Budget(s, split="size"), "'vacant' or 'density', got 'size'"),
        (lambda s: Budget(s, targets=[1, 2]), "targets apply only"),
        (lambda s: Budget(s, split="density", targets=[1]), r"shape \(2,\)"),
        (lambda s: Budget(s, split="density", targets=[1, -1]), ">= 0"),
        (lambda s: Budget(s, split="density", targets=[1, np.nan]), "finite"),
        (lambda s: Budget([Connections.random(3, 3, 2, probability=np.full((3, 3), 0.5))]), "equally likely"),
    ],
)
def test_hostile_arguments(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        change(make([(5, 5), (6, 6)], [10, 10]))
