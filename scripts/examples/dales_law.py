"""Dale's law and sparse firing: an excitatory-inhibitory network learns digits.

A recurrent network of 320 excitatory and 80 inhibitory neurons, whose synapses on all targets have the sign of their
neuron, learns the 8x8 digits by e-prop and DEEP R, while a penalty pulls all firing rates towards 10 Hz. The same
network without both constraints is trained beside it; it fires at 130 Hz and is no more accurate: 96.8 +- 0.6 % with
both constraints, 96.5 +- 1.3 % without. With 150 neurons, 30 steps and 8 epochs, both constraints cost some 7 points,
since few neurons at 10 Hz have few spikes by which to tell a digit. Both are C++ programs, compiled once for all seeds;
training them takes several minutes.

    python -m scripts.examples.dales_law
"""

import numpy as np
from brian2 import Hz
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits

from synaptic_sampling import Adam, DeepR
from synaptic_sampling.spiking import EpropNetwork, RatePenalty, SequenceTask, Training, Wiring

EPOCHS, SEEDS = 16, (1, 2, 3)
digits = load_digits()
order = np.random.default_rng(1).permutation(len(digits.target))
task = SequenceTask(digits.data / 16, digits.target, train=order[:1400], test=order[1400:], steps=40)
kinds = np.where(np.arange(400) % 5 < 4, 1, -1)  # In every five neurons, one is inhibitory.


def network(signs: object, penalty: RatePenalty | None) -> EpropNetwork:
    """Return a network; ``signs``: those of the neurons, or how signs of synapses are drawn."""
    rule = DeepR(learning_rate=0.04, l1=0.05, temperature=5e-4, optimizer=Adam())
    readout = DeepR(learning_rate=0.01, l1=0.0, temperature=0.0, optimizer=Adam())
    return EpropNetwork(
        lif=270,
        alif=130,
        input=Wiring(0.05, rule, scale=4.0),
        recurrent=Wiring(0.1, rule, scale=0.5, signs=signs),
        readout=Wiring(0.5, readout, scale=0.3, signs=signs),
        loss="sigmoid",
        rate_penalty=penalty,
    )


networks = {
    "DEEP R, Dale's law, 10 Hz": network(kinds, RatePenalty(weight=1000.0, target=10 * Hz)),
    "DEEP R, neither": network("site", None),
}
plt.style.use("synaptic_sampling.plotting.house")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
for label, net in networks.items():
    trainings = [Training(net, task, epochs=EPOCHS, batch=16, decay=0.1, seed=seed) for seed in SEEDS]
    results = [training.run(device="cpp_standalone") for training in trainings]
    accuracies, rates = 100 * np.array([each.accuracies for each in results]), [each.rate for each in results]
    final = f"{accuracies[:, -1].mean():.1f} +- {accuracies[:, -1].std(ddof=1):.1f} %"
    print(f"{label}: test accuracy {final}, {np.mean(rates):.1f} +- {np.std(rates, ddof=1):.1f} Hz")
    left.errorbar(range(1, EPOCHS + 1), accuracies.mean(axis=0), accuracies.std(axis=0, ddof=1), label=label, capsize=2)
    right.plot(rates, accuracies[:, -1], "o", label=label)
left.set(xlabel="epoch", ylabel="test accuracy (%)", xticks=range(0, EPOCHS + 1, 4))
left.legend(loc="lower right")
right.set(xlabel="mean firing rate (Hz)", ylabel="test accuracy (%)", xlim=(0, None))
figure.savefig("dales_law.png")
