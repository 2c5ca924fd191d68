"""Local growth: new connections form with a probability that decreases with distance, weak ones are pruned.

Neurons on a ring spike at random, and STDP strengthens synapses between neurons that fire together. The initial
connections do not depend on distance; new ones are accepted with probability exp(-distance/100 um). The figure shows
how the distances between connected neurons decrease.

    python -m scripts.examples.distance_dependent_growth
"""

import numpy as np
from brian2 import NeuronGroup, Synapses, defaultclock, ms, run, second, seed, um
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from synaptic_sampling import PruneAndRegrow, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.plotting import plot_turnover

seed(2018)
defaultclock.dt = 1 * ms
N = 200
SIZE = 2000 * um

model = """dv/dt = (0.9 - v)/(20*ms) + 0.25*xi*(20*ms)**-0.5 : 1
           x : meter"""
neurons = NeuronGroup(N, model, threshold="v > 1", reset="v = 0", method="euler")
neurons.x = "i*SIZE/N"
synapses = Synapses(
    neurons,
    neurons,
    """w : 1
       dpre/dt = -pre/(20*ms) : 1 (event-driven)
       dpost/dt = -post/(20*ms) : 1 (event-driven)""",
    on_pre="v_post += w; pre += 1; w = clip(w - 0.004*post, 0, 0.3)",
    on_post="post += 1; w = clip(w + 0.0036*pre, 0, 0.3)",
)
connect_exactly(synapses, connections=2000)
synapses.w = "0.05 + 0.1*rand()"

RING = "exp(-(SIZE/2 - abs(SIZE/2 - abs(x_pre - x_post)))/(100*um))"
rewiring = Rewiring(synapses, PruneAndRegrow("w < 0.04"), p=RING, birth={"w": "0.05 + 0.1*rand()"}, dt=0.5 * second)
monitor = RewiringMonitor(rewiring)


def distances() -> NDArray[np.float64]:
    """Return the distance of each connection along the ring, in um."""
    apart = abs(neurons.x[synapses.i[:]] - neurons.x[synapses.j[:]]) / um
    return np.asarray(SIZE / um / 2 - abs(SIZE / um / 2 - apart))


before = distances()
run(20 * second, report="text")

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.hist([before, distances()], bins=20, label=["at the start", "after 20 s"])
left.set(xlabel="distance (µm)", ylabel="connections")
left.legend()
plot_turnover(monitor, right)
figure.savefig("distance_dependent_growth.png")
