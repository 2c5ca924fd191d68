"""Pruning and replacement with STDP: neurons find the inputs that fire together.

Of 200 Poisson inputs, 40 fire in common bursts. Spike-timing-dependent plasticity (Song, Miller and Abbott 2000, Nature
Neuroscience 3:919) strengthens their synapses and weakens the others; weak synapses are pruned and replaced at random.
Only a tenth of all possible synapses exist at any time; rewiring explores the others.

    python -m scripts.examples.prune_and_replace
"""

import numpy as np
from brian2 import NeuronGroup, PoissonGroup, Synapses, TimedArray, defaultclock, ms, run, second, seed
from matplotlib import pyplot as plt

from synaptic_sampling import PruneAndRegrow, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.plotting import plot_turnover

seed(2000)
defaultclock.dt = 1 * ms
NUM_INPUTS, NUM_BURSTING = 200, 40

# Bursts of 20 ms at 60 Hz every 100 ms, and 2 Hz in between: 13.6 Hz on average, the constant rate of all others.
in_burst = TimedArray(np.arange(5) == 0, dt=20 * ms)
inputs = PoissonGroup(NUM_INPUTS, rates="(2 + 58*in_burst(t % (100*ms)))*Hz*int(i < 40) + 13.6*Hz*int(i >= 40)")
neurons = NeuronGroup(50, "dv/dt = -v/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
synapses = Synapses(
    inputs,
    neurons,
    """w : 1
       dpre/dt = -pre/(20*ms) : 1 (event-driven)
       dpost/dt = -post/(20*ms) : 1 (event-driven)""",
    on_pre="v_post += w; pre += 1; w = clip(w - 0.016*post, 0, 0.4)",
    on_post="post += 1; w = clip(w + 0.01*pre, 0, 0.4)",
)
connect_exactly(synapses, connectivity=0.1)
synapses.w = "0.1 + 0.1*rand()"
rewiring = Rewiring(synapses, PruneAndRegrow("w < 0.02"), birth={"w": "0.1 + 0.1*rand()"}, dt=500 * ms)
monitor = RewiringMonitor(rewiring)

seconds, fraction = [0], [np.mean(rewiring.i < NUM_BURSTING)]
for _ in range(20):
    run(5 * second)
    seconds.append(seconds[-1] + 5)
    fraction.append(np.mean(rewiring.i < NUM_BURSTING))

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.plot(seconds, np.array(fraction) * 100, "o-", markersize=4)
left.axhline(100 * NUM_BURSTING / NUM_INPUTS, color="0.35", linestyle="--", linewidth=1, label="fraction of the inputs")
left.set(xlabel="time (s)", ylabel="connections from\nbursting inputs (%)", ylim=(0, 100))
left.legend()
plot_turnover(monitor, right)
figure.savefig("prune_and_replace.png")
