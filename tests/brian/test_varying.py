"""Numbers of connections that vary: one budget over several Synapses, pruning without regrowth, parked slots."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV, second
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Budget, Connections, DeepR, PruneAndRegrow, Rewiring, RewiringMonitor, step
from synaptic_sampling.brian.internals import queues, surgery
from tests.brian import oracle
from tests.brian.conftest import both_targets
from tests.brian.test_oracle import (
    NUM_INPUTS,
    NUM_NEURONS,
    PERIOD,
    RULE,
    SEED,
    STEPS,
    agree,
    delay_of_newborn,
    edges_of,
    wire,
)


class SharedProjections:
    """Two projections of the plain simulator that share a budget: what dies in one may be born in the other.

    Who dies and is born is the core's answer, which has tests of its own; here it is carried out edge by edge.
    """

    def __init__(self, projections, budget, capacity):
        self.projections, self.budget, self.capacity = projections, budget, capacity
        self.numbers = []

    def rewire(self, now):
        for p, c in zip(self.projections, self.budget.sets, strict=True):
            c.theta = np.array([e.theta for e in p.edges])
        gradients = [np.array([e.gradient for e in p.edges]) for p in self.projections]
        info = step(self.budget, gradients, RULE)
        for p, c in zip(self.projections, self.budget.sets, strict=True):
            edges = dict(enumerate(p.edges))
            for _, pre, post, slot, index, kind, sign in info.events.tolist():
                if index != c.index:
                    continue
                if kind == -1:
                    edges.pop(slot).alive = False
                elif kind == 1:
                    delays = {"pre": delay_of_newborn(pre, post), "post": 0}
                    edges[slot] = oracle.Edge(pre, post, sign, 0.0, delays, last=now * oracle.DT)
                elif kind == -2:
                    moving = edges.pop(slot)
                else:
                    edges[slot] = moving
            p.edges = [edges[slot] for slot in range(len(edges))]
            for edge, theta in zip(p.edges, c.theta, strict=True):
                edge.theta, edge.gradient = float(theta), 0.0
        self.numbers.append([len(p.edges) for p in self.projections])


def run_both(seed, runs=1, capacity=None):
    rng = np.random.default_rng(seed)
    b2.defaultclock.dt = oracle.DT * second
    when = np.sort(rng.permutation(STEPS - 1)[:400]) + 1
    who = rng.integers(NUM_INPUTS, size=len(when))
    bias = rng.uniform(0.6, 1.3, NUM_NEURONS)
    inputs = b2.SpikeGeneratorGroup(NUM_INPUTS, who, when * oracle.DT * second)
    constants = {"tau_v": 10 * ms, "tau_x": 7 * ms, "tau_z": 4 * ms, "drive": oracle.DRIVE}
    neurons = b2.NeuronGroup(NUM_NEURONS, oracle.NEURON, threshold="v > 1", reset="v = 0", method="euler")
    neurons.bias = bias
    synapses = [
        wire("shared_in", "g_in", inputs, neurons, rng),
        wire("shared_rec", "g_rec", neurons, neurons, rng),
    ]
    rewiring = Rewiring(
        synapses, RULE, seed=SEED, dt=PERIOD * oracle.DT * second, capacity=capacity,
        birth={"delay": "((7*i + 3*j) % 51)*0.1*ms", "post.delay": 0 * second},
    )  # fmt: skip
    monitor = RewiringMonitor(rewiring)
    numbers = [len(c) for c in rewiring.sets]
    projections = []
    for k, (s, number) in enumerate(zip(synapses, numbers, strict=True)):
        shape = (NUM_INPUTS if k == 0 else NUM_NEURONS, NUM_NEURONS)
        projections.append(oracle.Projection(*shape, edges_of(s)[:number], RULE, SEED, k == 0, 10**9, delay_of_newborn))
    limit = sum(numbers) if capacity is None else capacity
    sets = [
        Connections(
            p.num_pre, p.num_post, [e.pre for e in p.edges], [e.post for e in p.edges], autapses=k == 0,
            seed=SEED, index=k, capacity=limit,
        )
        for k, p in enumerate(projections)
    ]  # fmt: skip
    shared = SharedProjections(projections, Budget(sets), limit)
    projections[0].period, projections[0].rewire = PERIOD, shared.rewire
    spikes, voltage = b2.SpikeMonitor(neurons), b2.StateMonitor(neurons, "v", record=True)
    net = b2.Network(inputs, neurons, synapses, rewiring, monitor, spikes, voltage)
    for _ in range(runs):
        net.run(STEPS // runs * oracle.DT * second, namespace=constants)
    times = {}
    for now, neuron in zip(when.tolist(), who.tolist(), strict=True):
        times.setdefault(now, []).append(neuron)
    expected = oracle.simulate(times, bias, projections, STEPS)
    got = list(zip(np.round(spikes.t / second / oracle.DT).astype(int).tolist(), spikes.i[:].tolist(), strict=True))
    return (got, voltage.v.T), expected, synapses, shared, monitor


@both_targets
@pytest.mark.parametrize(("seed", "runs", "capacity"), [(0, 1, None), (3, 5, None), (5, 1, 60)])
def test_one_budget_equals_oracle(seed, runs, capacity):
    got, expected, synapses, shared, monitor = run_both(seed, runs, capacity)
    numbers = np.array(shared.numbers)
    assert (numbers.sum(axis=1) == shared.budget.total).all()
    assert np.ptp(numbers[:, 0]) > 8, "numbers must vary for this test to mean anything"
    for k, (s, p) in enumerate(zip(synapses, shared.projections, strict=True)):
        n = len(p.edges)
        assert len(s) == shared.capacity
        for name in ("theta", "gradient", "polarity", "z", "x"):
            assert_allclose(getattr(s, name)[:n], [getattr(e, name) for e in p.edges], atol=1e-12)
            assert_array_equal(getattr(s, name)[n:], 0)
        assert_array_equal(s.i[:n], [e.pre for e in p.edges])
        assert_array_equal(s.j[:n], [e.post for e in p.edges])
        assert_allclose(s.pre.delay[:n] / second, [e.delays["pre"] * oracle.DT for e in p.edges], atol=1e-12)
        assert_array_equal(s.N_outgoing_pre[:], np.bincount(s.i[:n], minlength=p.num_pre))
        counts = surgery.groups(s)
        assert_array_equal(s.variables["N_outgoing"].get_value(), np.bincount(s.i[:n], minlength=counts.num_pre))
        assert_array_equal(s.variables["N_incoming"].get_value(), np.bincount(s.j[:n], minlength=counts.num_post))
        pre, post, _ = monitor.log.wiring(index=k)
        assert_array_equal(pre, s.i[:n])
        assert_array_equal(post, s.j[:n])
    assert len(got[0]) > 100
    assert agree(got, expected)


def test_without_the_purge_it_differs(monkeypatch):
    monkeypatch.setattr(queues, "redirect", lambda *_: None)
    got, expected, _, _, _ = run_both(0)
    assert not agree(got, expected)


def chain(number=40, **options):
    """Return a source whose neurons all fire at 1 ms, 2 ms, ..., and synapses that count what they deliver."""
    source = b2.SpikeGeneratorGroup(
        10, np.tile(np.arange(10), 100), np.repeat(np.arange(1, 101), 10) * ms, name="chain_source"
    )
    target = b2.NeuronGroup(10, "v : 1", name="chain_target")
    s = b2.Synapses(
        source, target, "w : volt\nconnected : 1\nheard : 1", on_pre="heard += 1; v_post += 1", name="chain"
    )
    s.connect(i=np.arange(number) // 10, j=np.arange(number) % 10)
    return source, target, s


def test_pruning_without_regrowth():
    source, target, s = chain()
    s.w = np.linspace(0, 39, 40) * mV
    rewiring = Rewiring(s, PruneAndRegrow("w < (t/second*1000 - 0.5)*mV", regrow=False), dt=10 * ms)
    monitor = RewiringMonitor(rewiring)
    assert (s.connected[:] == 1).all()
    net = b2.Network(source, target, s, rewiring, monitor)
    net.run(20.5 * ms)
    # At 10 ms those below 10 mV have gone, at 20 ms those below 20 mV.
    assert rewiring.num_active == 20
    assert sorted(s.w[:20] / mV) == pytest.approx(np.arange(20, 40))
    assert_array_equal(s.w[20:], 0)
    assert_array_equal(s.connected[:], np.arange(40) < 20)
    assert sorted(zip(rewiring.i.tolist(), rewiring.j.tolist(), strict=True)) == [
        (k // 10, k % 10) for k in range(20, 40)
    ]
    assert monitor.num_deaths == 20
    assert monitor.num_births == 0
    assert not monitor.born.any()
    assert len(monitor.t) == 20
    assert_array_equal(s.heard[:20], 20)
    assert target.v[:].sum() == 10 * 40 + 10 * 30
    net.run(10 * ms)
    assert rewiring.num_active == 10
    assert target.v[:].sum() == 10 * 40 + 10 * 30 + 10 * 20
    assert s.N_outgoing_pre[:].tolist() == [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]


def test_the_same_run_tells_when_parked_slots_hear_spikes(monkeypatch):
    monkeypatch.setattr(queues, "_prepare", lambda pathway, _: type(pathway).initialise_queue(pathway))
    source, target, s = chain()
    s.w = np.linspace(0, 39, 40) * mV
    rewiring = Rewiring(s, PruneAndRegrow("w < (t/second*1000 - 0.5)*mV", regrow=False), dt=10 * ms)
    b2.Network(source, target, s, rewiring).run(20.5 * ms)
    assert rewiring.num_active == 20
    assert target.v[:].sum() == 20 * 40


def test_parked_slots_stay_neutral_when_all_are_set():
    source, target, s = chain()
    s.w = "i*mV"
    rewiring = Rewiring(s, PruneAndRegrow("w < 2*mV", regrow=False), dt=5 * ms)
    net = b2.Network(source, target, s, rewiring)
    net.run(6 * ms)
    s.w = 5 * mV
    net.run(6 * ms)
    assert rewiring.num_active == 20
    assert_array_equal(s.w[20:], 0)
    assert (s.w[:20] == 5 * mV).all()


def test_store_and_restore_with_parked_slots():
    source, target, s = chain()
    s.w = np.linspace(0, 39, 40) * mV
    rewiring = Rewiring(s, PruneAndRegrow("w < (t/second*1000 - 0.5)*mV", regrow=False), dt=10 * ms)
    net = b2.Network(source, target, s, rewiring)
    net.run(5.5 * ms)
    net.store("whole")
    net.run(5 * ms)
    net.store()
    net.run(20 * ms)
    after = rewiring.num_active, s.w[:].copy(), target.v[:].copy()
    net.restore()
    assert rewiring.num_active == 30
    net.run(20 * ms)
    assert rewiring.num_active == after[0] == 10
    assert_array_equal(s.w[:], after[1])
    assert_array_equal(target.v[:], after[2])
    net.restore("whole")
    assert rewiring.num_active == 40
    net.run(25 * ms)
    assert_array_equal(target.v[:], after[2])


def test_degrees_are_kept():
    source, target, s = chain()
    s.w = "i*mV"
    rewiring = Rewiring(
        s, PruneAndRegrow("rand() < 0.3"), max_in_degree=5, max_out_degree=10, birth={"w": 1 * mV}, dt=2 * ms, seed=1
    )
    b2.Network(source, target, s, rewiring).run(60 * ms)
    assert rewiring.num_active == 40
    assert s.N_incoming_post[:].max() <= 5
    assert s.N_outgoing_pre[:].max() <= 10


def test_multapses():
    source, target, s = chain()
    s.connect(i=[0], j=[0])
    with pytest.raises(ValueError, match="multapses=True"):
        Rewiring(s, PruneAndRegrow("rand() < 0.3"))
    rewiring = Rewiring(s, PruneAndRegrow("rand() < 0.3"), multapses=True, dt=2 * ms, seed=1)
    monitor = RewiringMonitor(rewiring)
    b2.Network(source, target, s, rewiring, monitor).run(60 * ms)
    keys = rewiring.i * 10 + rewiring.j
    assert len(np.unique(keys)) < len(keys) == 41
    assert len(monitor.log.lives()) == 41 + monitor.num_births


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s, o: Rewiring([], PruneAndRegrow("w < 1*mV")), "list of different ones"),
        (lambda s, o: Rewiring([s, s], PruneAndRegrow("w < 1*mV")), "list of different ones"),
        (lambda s, o: Rewiring([s, 3], PruneAndRegrow("w < 1*mV")), "synapses must be a Synapses object"),
        (
            lambda s, o: Rewiring([s, o], PruneAndRegrow("w < 1*mV", regrow=False)),
            "rule must keep the number of connections for a shared budget",
        ),
        (lambda s, o: Rewiring([s, o], PruneAndRegrow("w < 1*mV"), capacity=3), "capacity must be between 40"),
        (lambda s, o: Rewiring(s, PruneAndRegrow("w < 1*mV"), capacity=50), "capacity is for a list"),
        (lambda s, o: Rewiring([s, o], PruneAndRegrow("w < 1*mV"), split="even"), "split must be"),
        (lambda s, o: Rewiring(s, PruneAndRegrow("w < 1*mV"), max_in_degree=1), "max_in_degree allows 1"),
        (lambda s, o: PruneAndRegrow("w < 1*mV", regrow=1), "regrow must be True or False"),
    ],
)
def test_hostile_arguments(make, message):
    _, target, s = chain()
    other = b2.Synapses(target, target, "w : volt", name="other_chain")
    other.connect(i=[0, 1], j=[1, 2])
    number = len(s), len(other)
    with pytest.raises((TypeError, ValueError), match=message):
        make(s, other)
    assert (len(s), len(other)) == number


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([(0, 1), (0, 1)], {}, "exists twice"),
        ([(0, 1), (1, 2)], {"p": "0.5"}, "equally likely"),
        ([(0, 1), (1, 2)], {"callback": 3}, "callback must be"),
        ([(0, 1), (1, 2)], {"dt": 1 * ms, "clock": b2.Clock(1 * ms)}, "clock"),
    ],
)
def test_an_error_in_the_last_argument_leaves_all_synapses_as_they_were(pairs, options, message):
    _, target, s = chain()
    other = b2.Synapses(target, target, "w : volt\nconnected : 1\npolarity : 1", name="other_chain")
    other.connect(i=[i for i, _ in pairs], j=[j for _, j in pairs])
    with pytest.raises((TypeError, ValueError), match=message):
        Rewiring([s, other], PruneAndRegrow("w < 1*mV"), **options)
    assert (len(s), len(other)) == (40, 2)
    for synapses in (s, other):
        assert not synapses.connected[:].any()
    assert not other.polarity[:].any()
    Rewiring(s, PruneAndRegrow("w < 1*mV"))  # Nobody has claimed them.


def test_units_of_a_shared_budget_must_agree():
    group = b2.NeuronGroup(5, "v : 1")
    model = "theta : {unit}\ngradient : 1/{unit}\npolarity : 1"
    synapses = [b2.Synapses(group, group, model.format(unit=unit)) for unit in ("volt", "amp")]
    for s in synapses:
        s.connect(i=[0, 1], j=[1, 2])
    rule = DeepR(learning_rate=1 * mV**2, l1=1 / mV, temperature=1.0)
    with pytest.raises((ValueError, b2.DimensionMismatchError)):
        Rewiring(synapses, rule)


def numbers_within_pairs(pre, post):
    seen = {}
    numbers = []
    for pair in zip(pre.tolist(), post.tolist(), strict=True):
        numbers.append(seen.get(pair, 0))
        seen[pair] = numbers[-1] + 1
    return numbers


@pytest.mark.parametrize("regrow", [True, False])
def test_the_multisynaptic_index_counts_the_connections_of_each_pair(regrow):
    groups = [b2.NeuronGroup(4, "v : 1"), b2.NeuronGroup(3, "v : 1")]
    s = b2.Synapses(*groups, "w : 1", multisynaptic_index="k")
    s.connect(i=np.repeat([0, 1], 12), j=np.tile([0, 1, 2], 8))
    s.w = "i + 10*j + 100*k"
    rewiring = Rewiring(
        s, PruneAndRegrow("rand() < 0.3", regrow=regrow), multapses=True, dt=1 * ms, seed=1, birth={"w": "i + 10*j"}
    )
    net = b2.Network(*groups, s, rewiring)
    largest = set()
    for _ in range(3):
        net.run(2 * ms)
        number = rewiring.num_active
        assert s.k[:number].tolist() == numbers_within_pairs(rewiring.i, rewiring.j)
        assert (s.k[number:] == -1).all()
        largest.add(int(s.k[:].max()))
        # By a string: with S[i, j, k], Brian2 confuses places in the pair with places in all synapses.
        assert s.w["k == 1"].tolist() == s.w[:][s.k[:] == 1].tolist()
    assert max(largest) >= 2
