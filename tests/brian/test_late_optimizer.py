"""An optimizer that is set between two runs."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_allclose

from synaptic_sampling import Adam, FixedWiring, Momentum, Rewiring, connect_exactly


@pytest.mark.parametrize(("optimizer", "size"), [(Adam(), 1.0), (Momentum(), 2.0)])
def test_its_first_step_is_as_long_as_at_the_start(optimizer, size):
    """After a thousand events of plain descent, and after others again; Adam moves by the learning rate."""
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    group = b2.NeuronGroup(5, "v : 1")
    synapses = b2.Synapses(group, group, "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1")
    connect_exactly(synapses, connections=8, seed=1)
    synapses.theta, synapses.gradient = 5.0, 0.0
    rewiring = Rewiring(synapses, FixedWiring(0.1), dt=1 * ms, seed=1)
    network = b2.Network(group, synapses, rewiring)
    for events in (1000, 300):
        rewiring.rule, synapses.gradient = FixedWiring(0.1), 0.0
        network.run(events * ms)
        before = np.array(synapses.theta[:])
        rewiring.rule, synapses.gradient = FixedWiring(0.1, optimizer=optimizer), 2.0
        network.run(1 * ms)
        assert_allclose(np.abs(synapses.theta[:] - before), 0.1 * size, rtol=1e-6)
