"""DEEP R with e-prop: a recurrent spiking network with 10 % connectivity learns a pattern.

100 leaky integrate-and-fire neurons receive 50 inputs that repeat the same spikes every second; a readout learns to
follow a sum of sines. e-prop (Bellec et al. 2020, Nature Communications 11:3625) provides the gradient of the squared
error at each synapse, summed over a second. DEEP R then updates, prunes and replaces input and recurrent connections.

    python -m scripts.examples.deepr_eprop
"""

import brian2 as b2
import numpy as np
from brian2 import NeuronGroup, SpikeGeneratorGroup, StateMonitor, Synapses, TimedArray, ms, run, second
from matplotlib import pyplot as plt

from synaptic_sampling import Adam, DeepR, FixedWiring, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.plotting import plot_turnover

b2.seed(2020)
b2.defaultclock.dt = 1 * ms
phase = 2 * np.pi * np.arange(1000) / 1000
target = TimedArray(np.sin(phase) + 0.5 * np.sin(2 * phase + 1) + 0.5 * np.sin(3 * phase + 2), dt=1 * ms)
constants = {"tau": 20 * ms, "period": 1 * second, "target": target}
which, when = np.nonzero(np.random.default_rng(1).random((50, 1000)) < 0.02)
inputs = SpikeGeneratorGroup(50, which, when * ms, period=1 * second)
neurons = NeuronGroup(
    100,
    """dv/dt = -v/tau : 1
       psi = 0.3*clip(1 - abs(v - 1), 0, 1) : 1
       learning_signal : 1""",
    threshold="v > 1", reset="v -= 1", method="exact",
)  # fmt: skip
readout = NeuronGroup(1, "dy/dt = -y/tau : 1\nerror = y - target(t % period) : 1", method="exact")
weight = "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ndtrace/dt = -trace/tau : 1 (clock-driven)\n"
eprop = """dfiltered/dt = (psi_post*trace - filtered)/tau : 1 (clock-driven)
           dgradient/dt = learning_signal_post*filtered/period : 1 (clock-driven)"""
direct = """dgradient/dt = error_post*trace/period : 1 (clock-driven)
            learning_signal_pre = w*error_post : 1 (summed)"""
from_inputs = Synapses(inputs, neurons, weight + eprop, on_pre="trace += 1; v_post += w", method="euler")
recurrent = Synapses(neurons, neurons, weight + eprop, on_pre="trace += 1; v_post += w", method="euler")
output = Synapses(neurons, readout, weight + direct, on_pre="trace += 1; y_post += w", method="euler")
for synapses, connectivity, scale in ((from_inputs, 0.1, 0.7), (recurrent, 0.1, 0.2), (output, 1, 0.05)):
    connect_exactly(synapses, connectivity=connectivity)
    synapses.theta = f"{scale}*abs(randn())"
rule = DeepR(learning_rate=0.02, l1=0.1, temperature=5e-5, optimizer=Adam())
rewirings = [Rewiring(s, rule, dt=1 * second, name=f"rewiring_{s.name}") for s in (from_inputs, recurrent)]
rewire_inputs, rewire_recurrent = rewirings
learn_output = Rewiring(output, FixedWiring(learning_rate=0.01, optimizer=Adam()), dt=1 * second)
monitor, course = RewiringMonitor(rewirings), StateMonitor(readout, ["y", "error"], record=0)
run(100 * second, namespace=constants, report="text")

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6))
left.plot((course.error[0] ** 2).reshape(-1, 1000).mean(axis=1))
left.set(xlabel="time (s)", ylabel="mean squared error", ylim=(0, None))
middle.plot(course.y[0][-1000:], label="readout in the last second")
middle.plot((course.y[0] - course.error[0])[-1000:], "--", color="0.35", label="target")
middle.set(xlabel="time (ms)", ylabel="output", ylim=(-2.5, 3.5))
middle.legend()
plot_turnover(monitor, right)
figure.savefig("deepr_eprop.png")
