"""One budget over two projections: connections move to the informative inputs.

Neurons receive two groups of Poisson inputs, of which only the first fires in common bursts. STDP (Song, Miller and
Abbott 2000, Nature Neuroscience 3:919) strengthens its synapses, while those of the second group fall below the
threshold. Both projections share 500 connections: a connection pruned in one may be replaced in either, at any vacant
site with equal probability.

    python -m scripts.examples.one_budget
"""

import numpy as np
from brian2 import NeuronGroup, PoissonGroup, Synapses, TimedArray, defaultclock, ms, run, second, seed
from matplotlib import pyplot as plt

from synaptic_sampling import PruneAndRegrow, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.plotting import plot_turnover

seed(2001)
defaultclock.dt = 1 * ms

# Bursts of 20 ms at 60 Hz every 100 ms, and 2 Hz in between: 13.6 Hz on average, the constant rate of the others.
in_burst = TimedArray(np.arange(5) == 0, dt=20 * ms)
bursting = PoissonGroup(100, rates="(2 + 58*in_burst(t % (100*ms)))*Hz", name="bursting")
steady = PoissonGroup(100, rates="13.6*Hz", name="steady")
neurons = NeuronGroup(50, "dv/dt = -v/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
plastic = {
    "model": """w : 1
                dpre/dt = -pre/(20*ms) : 1 (event-driven)
                dpost/dt = -post/(20*ms) : 1 (event-driven)""",
    "on_pre": "v_post += w; pre += 1; w = clip(w - 0.016*post, 0, 0.4)",
    "on_post": "post += 1; w = clip(w + 0.01*pre, 0, 0.4)",
}
from_bursting = Synapses(bursting, neurons, name="from_bursting", **plastic)
from_steady = Synapses(steady, neurons, name="from_steady", **plastic)
projections = [from_bursting, from_steady]
for synapses in projections:
    connect_exactly(synapses, connections=250)
    synapses.w = "0.1 + 0.1*rand()"
rewiring = Rewiring(projections, PruneAndRegrow("w < 0.02"), birth={"w": "0.1 + 0.1*rand()"}, dt=500 * ms)
monitor = RewiringMonitor(rewiring)

seconds, numbers = [0], [[len(c) for c in rewiring.sets]]
for _ in range(15):
    run(5 * second)
    seconds.append(seconds[-1] + 5)
    numbers.append([len(c) for c in rewiring.sets])

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.stackplot(seconds, np.transpose(numbers), labels=["from bursting inputs", "from steady inputs"], alpha=0.8)
left.set(xlabel="time (s)", ylabel="connections", xlim=(0, seconds[-1]), ylim=(0, 700))
left.legend(loc="upper left")
plot_turnover(monitor, right)
figure.savefig("one_budget.png")
