"""Homeostatic growth: neurons form synaptic elements until their calcium reaches its set point.

The network starts without connections. Each spike increases calcium; axonal and dendritic elements grow while it is
below the set point and retract while it is above (Butz and van Ooyen 2013). After 60 s a quarter of the neurons lose
input, which the network replaces by connections. The figure shows calcium, the number of connections, and the final
in-degrees next to those of random connectivity (dashed).

    python -m scripts.examples.homeostatic_growth
"""

from brian2 import NeuronGroup, StateMonitor, Synapses, defaultclock, ms, run, second, seed
from matplotlib import pyplot as plt

from synaptic_sampling import Rewiring, RewiringMonitor, SynapticElements
from synaptic_sampling.plotting import plot_degrees

seed(2013)
defaultclock.dt = 1 * ms
N = 200
TARGET = 8  # of calcium, about the number of spikes in the last second

neurons = NeuronGroup(
    N,
    """dv/dt = (drive - v)/(20*ms) + 0.3*xi*(20*ms)**-0.5 : 1
       drive : 1
       dcalcium/dt = -calcium/second : 1
       daxonal/dt = (1 - calcium/TARGET)/second : 1
       ddendritic/dt = (1 - calcium/TARGET)/second : 1""",
    threshold="v > 1",
    reset="v = 0; calcium += 1",
    method="euler",
)
neurons.drive = 0.7
synapses = Synapses(neurons, neurons, on_pre="v_post += 0.06", delay=2 * ms)
synapses.connect(condition="False")
rewiring = Rewiring(synapses, SynapticElements(), capacity=30 * N, dt=100 * ms)
turnover = RewiringMonitor(rewiring)
calcium = StateMonitor(neurons, "calcium", record=True, dt=100 * ms)

run(60 * second, report="text")
neurons.drive[: N // 4] = 0.6
run(60 * second, report="text")

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4))
left.plot(calcium.t / second, calcium.calcium[: N // 4].mean(0), label="neurons that lose input")
left.plot(calcium.t / second, calcium.calcium[N // 4 :].mean(0), label="others")
left.axhline(TARGET, color="gray", linestyle="dashed", label="set point")
left.set(xlabel="time (s)", ylabel="calcium (spikes in the last second)", ylim=(0, None))
left.legend()
middle.step(turnover.t / second, (2 * turnover.born - 1).cumsum(), where="post")
middle.set(xlabel="time (s)", ylabel="connections", ylim=(0, None))
plot_degrees(turnover, right)
figure.savefig("homeostatic_growth.png")
