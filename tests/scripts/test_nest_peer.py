"""The network in NEST, where NEST is installed, beside what it is to be compared with."""

from __future__ import annotations

import numpy as np
import pytest

from scripts import benchmark_brian, nest_peer

NUMBER, NEURONS, INTERVAL_MS = 2000, 200, 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not nest_peer.is_installed(), reason="NEST is not installed"),
]


@pytest.fixture(params=nest_peer.CONTENDERS)
def simulation(request):
    simulation = nest_peer.NestSimulation(request.param, NUMBER, NEURONS, INTERVAL_MS)
    yield request.param, simulation
    simulation.close()


def test_number_rate_and_turnover(simulation):
    contender, nest = simulation
    assert nest.seconds(2 * INTERVAL_MS / 1000) > 0
    before = nest.pairs()
    rate = nest.rate()
    after = nest.pairs()
    # A neuron fires every 142 ms: 7 times in most seconds, 6 times in some.
    assert 6 <= rate <= 7.5
    assert before.min() >= 0
    assert before.max() < NEURONS**2
    events = 1000 / INTERVAL_MS if contender == nest_peer.PLASTIC else 1
    gone = len(np.setdiff1d(before, after)) / events
    if contender == nest_peer.STATIC:
        assert len(before) == len(np.unique(before)) == NUMBER
        assert gone == 0
    elif contender == nest_peer.BY_HAND:
        nest.seconds(INTERVAL_MS / 1000)
        assert len(np.setdiff1d(after, nest.pairs())) == nest_peer.TURNOVER * NUMBER
        assert len(np.unique(nest.pairs())) == NUMBER
    else:
        # Its own rule leaves some elements unconnected, and runs out of them in time.
        assert 0.9 * NUMBER < len(after) <= NUMBER
        assert 0.2 * nest_peer.TURNOVER * NUMBER < gone < 1.5 * nest_peer.TURNOVER * NUMBER


def test_the_rows_are_relative_to_nest_itself(monkeypatch):
    monkeypatch.setattr(benchmark_brian, "REPETITIONS", 1)
    rows = {row["contender"]: row for row in benchmark_brian.measure(NUMBER, NEURONS, 0.1)}
    assert rows[nest_peer.STATIC]["ratio_to_static"] == 1.0
    assert rows[nest_peer.BY_HAND]["interval_ms"] == benchmark_brian.NEST_INTERVAL_MS
    assert rows[nest_peer.PLASTIC]["bytes_per_synapse"] is None
