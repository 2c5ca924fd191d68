"""Synaptic sampling from the prior: turnover over two days without learning.

Every pair of 60 neurons has two potential synapses. Their theta diffuse under a Gaussian prior with the parameters of
Kappel et al. 2018 (eNeuro 5(2) ENEURO.0301-17.2018); synapses with theta >= 0 are connected, with weight exp(theta -
3). The turnover ratio and the weights follow exact laws, with which any effect of learning must be compared.

    python -m scripts.examples.spontaneous_turnover
"""

import numpy as np
from brian2 import NeuronGroup, Synapses, defaultclock, run, second, seed
from matplotlib import pyplot as plt
from scipy.stats import truncnorm

from synaptic_sampling import Rewiring, RewiringMonitor, SynapticSampling
from synaptic_sampling.laws import synaptic_sampling as diffusion

seed(2018)
hour = 3600 * second
defaultclock.dt = 0.5 * hour
rule = SynapticSampling(learning_rate=5e-5 / second, temperature=0.1, mean=0.0, std=2.0, interval=0.5 * hour)

neurons = NeuronGroup(60, "v : 1")
synapses = Synapses(
    neurons,
    neurons,
    """w = polarity*exp(theta - 3)*int(theta >= 0) : 1
       theta : 1
       gradient : 1
       polarity : 1""",
)
synapses.connect(condition="i != j", n=2)
synapses.theta = f"{diffusion.stationary_std(rule)}*randn()"  # stationary
rewiring = Rewiring(synapses, rule)
monitor = RewiringMonitor(rewiring)

run(0.5 * hour)  # the first event is after one interval
lags, ratios, start = [0.5, 1, 2, 4, 8, 16, 24, 32, 48], [], synapses.theta[:] >= 0
for last, lag in zip([0, *lags], lags, strict=False):
    run((lag - last) * hour)
    now = synapses.theta[:] >= 0
    ratios.append(np.sum(now != start) / (np.sum(now) + np.sum(start)))

plt.style.use("synaptic_sampling.plotting.house")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
hours = np.linspace(0, 48, 97)
exact = [diffusion.turnover_ratio(diffusion.correlation(rule, n)) for n in range(97)]
left.plot(hours, 100 * np.array(exact), "--", color="0.35", label="exact law")
left.plot(lags, 100 * np.array(ratios), "o", label=f"{len(synapses)} potential synapses")
left.set(xlabel="lag (h)", ylabel="turnover ratio (%)", ylim=(0, 55))
left.legend()
weight, std = np.abs(synapses.w[:][now]), diffusion.stationary_std(rule)
bins = np.linspace(np.exp(-3), 0.3, 40)
right.hist(weight, bins, density=True, alpha=0.6, label=f"{len(weight)} connections after 48 h")
right.plot(bins, truncnorm.pdf(np.log(bins) + 3, 0, np.inf, scale=std) / bins, "--", color="0.35", label="exact law")
right.set(xlabel="weight", ylabel="density")
right.legend()
figure.savefig("spontaneous_turnover.png")
