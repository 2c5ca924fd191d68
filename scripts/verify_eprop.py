"""Compare the gradient of e-prop, as the spiking networks compute it, with that of backpropagation through time.

    python -m scripts.verify_eprop --quick         # about a minute
    python -m scripts.verify_eprop --json FILE     # some minutes; also writes a figure

Without recurrent weights both are equal, and always for the readout, up to rounding: prints these laws with statistic,
bound and verdict, and controls that must be rejected. With recurrent weights, e-prop leaves out the paths through other
neurons: prints the cosine between both gradients for each set of synapses, by scale of the recurrent weights and before
and during learning. The network has 100 neurons, LIF or ALIF, and learns the 8x8 digits.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.spiking_tasks import TASKS
from scripts.backpropagation import Weights, backpropagation, constants
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from scripts.sampler_laws import Law
from synaptic_sampling import Adam, FixedWiring
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style
from synaptic_sampling.spiking import EpropNetwork, SequenceTask, Training, Wiring

__all__ = ["Effort", "main", "measure"]

SETS = ("input", "recurrent", "readout")
NEURONS = {"LIF": (100, 0), "ALIF": (0, 100)}
#: Fraction of the input and recurrent connections that exist, and scale of the recurrent weights in the tasks.
CONNECTIVITY, SCALE = 0.1, 0.5
#: Sequences whose gradient is compared.
PROBE = 32
#: The largest difference that is rounding, relative to the largest component, and the smallest of a wrong gradient.
ROUNDING, WRONG = 1e-10, 1e-3


class Effort(NamedTuple):
    """Numbers of seeds, scales of the recurrent weights, and epochs after which gradients are compared."""

    seeds: int
    scales: tuple[float, ...]
    epochs: tuple[int, ...]
    train: int


FULL = Effort(5, (0.125, 0.25, 0.5, 1.0, 2.0, 4.0), (0, 1, 4), 960)
QUICK = Effort(2, (0.25, 1.0), (0, 1), 64)


class Gradients(NamedTuple):
    """For each set, the gradient of its connections by e-prop and by backpropagation."""

    eprop: dict[str, NDArray[np.float64]]
    exact: dict[str, NDArray[np.float64]]

    def difference(self, *names: str) -> float:
        """Return the largest difference in these sets, relative to the largest component of each."""
        pairs = [(self.eprop[name], self.exact[name]) for name in names]
        return max(float(np.abs(ours - exact).max() / np.abs(exact).max()) for ours, exact in pairs)

    def cosine(self, name: str) -> float:
        """Return the cosine between both gradients of a set."""
        ours, exact = self.eprop[name], self.exact[name]
        return float(ours @ exact / np.sqrt((ours @ ours) * (exact @ exact)))


def training(kind: str, seed: int, *, train: int, scale: float = SCALE, epochs: int = 1) -> Training:
    """Return the training of a network of LIF or ALIF neurons on the digits."""
    lif, alif = NEURONS[kind]
    rule = FixedWiring(0.003, optimizer=Adam())
    net = EpropNetwork(
        lif,
        alif,
        input=Wiring(CONNECTIVITY, rule, scale=4.0),
        recurrent=Wiring(CONNECTIVITY, rule, scale=scale),
    )
    digits = TASKS["digits"].sequences()
    # One test after each epoch, in which its last update happens.
    task = SequenceTask(digits.array, digits.labels, train=digits.train[:train], test=digits.test[:1], steps=16)
    return Training(net, task, epochs=epochs, batch=16, seed=seed)


class Probe:
    """A network in runtime mode, whose gradient can be read between two epochs of its training."""

    def __init__(self, training: Training) -> None:
        self.simulation = training.simulation()
        self.epoch = len(training.task.train) + len(training.task.test)
        self.shown = 0

    def learn(self, epochs: int) -> None:
        """Present epochs up to the end of this one; the sequences of earlier probes are not learned."""
        self._run(epochs * self.epoch - self.shown)

    def gradients(self) -> Gradients:
        """Present the next sequences without an update, and return their gradients."""
        s, first = self.simulation, self.shown
        for rewiring in s.rewirings.values():
            rewiring.active = False
        weights = self._weights()
        self._run(PROBE)
        shown = s.presentation.shown[first : self.shown]
        inputs = np.repeat(s.task.array[shown][:, np.newaxis], s.task.num_steps, axis=1) * s.task.scale
        labels = np.repeat(s.task.labels[shown][:, np.newaxis], s.task.num_steps, axis=1)
        matrices = backpropagation(weights, inputs.astype(float), labels, constants(s.net))
        ours, exact = {}, {}
        for name, matrix in zip(SETS, matrices, strict=True):
            synapses = s.synapses[name]
            ours[name] = np.array(synapses.gradient[:])
            exact[name] = matrix[synapses.i[:], synapses.j[:]]
            synapses.gradient = 0
            s.rewirings[name].active = True
        return Gradients(ours, exact)

    def _run(self, sequences: int) -> None:
        self.simulation.network.run(sequences * self.simulation.duration, namespace={})
        self.shown += sequences

    def _weights(self) -> Weights:
        matrices = []
        for name in SETS:
            synapses = self.simulation.synapses[name]
            matrix = np.zeros((len(synapses.source), len(synapses.target)))
            matrix[synapses.i[:], synapses.j[:]] = synapses.w[:]
            matrices.append(matrix)
        into, recurrent, readout = matrices
        return Weights(into, recurrent, readout, readout)


def laws(effort: Effort) -> tuple[list[Law], list[tuple[str, float]]]:
    """Return where both gradients must be equal, and the differences of gradients that are wrong on purpose."""
    equal, wrong = [], []
    for kind in NEURONS:
        probes = [Probe(training(kind, seed, train=PROBE)) for seed in range(effort.seeds)]
        differences = [probe.gradients().difference("readout") for probe in probes]
        equal.append(Law(f"{kind}, recurrent weights, readout", max(differences), ROUNDING))
        differences = [without_recurrence(kind, seed).gradients().difference(*SETS) for seed in range(effort.seeds)]
        equal.append(Law(f"{kind}, no recurrent weights, all synapses", max(differences), ROUNDING))
    differences = []
    for seed in range(effort.seeds):
        probe = without_recurrence("ALIF", seed)
        probe.simulation.neurons.rho = 0  # Only the slow part of the eligibility uses it.
        differences.append(probe.gradients().difference(*SETS[:2]))
    wrong.append(("ALIF, no slow part of the eligibility", min(differences)))
    return equal, wrong


def without_recurrence(kind: str, seed: int) -> Probe:
    """Return a network whose recurrent synapses have the weight 0, but a gradient."""
    probe = Probe(training(kind, seed, train=PROBE))
    probe.simulation.synapses["recurrent"].theta = 0
    return probe


def by_scale(effort: Effort) -> list[dict[str, Any]]:
    """Return the cosines of untrained networks, by scale of their recurrent weights."""
    return [
        measured({"neurons": kind, "scale": scale}, found)
        for kind in NEURONS
        for scale in effort.scales
        for found in [[Probe(training(kind, s, train=PROBE, scale=scale)).gradients() for s in range(effort.seeds)]]
    ]


def by_epoch(effort: Effort) -> list[dict[str, Any]]:
    """Return the cosines before, during and after learning."""
    rows = []
    for kind in NEURONS:
        probes = [
            Probe(training(kind, seed, train=effort.train, epochs=effort.epochs[-1] + 1))
            for seed in range(effort.seeds)
        ]
        for epoch in effort.epochs:
            for probe in probes:
                probe.learn(epoch)
            rows.append(measured({"neurons": kind, "epoch": epoch}, [probe.gradients() for probe in probes]))
    return rows


def measured(about: dict[str, Any], found: Sequence[Gradients]) -> dict[str, Any]:
    """Return a row: mean and standard deviation of the cosines over seeds."""
    row = dict(about)
    for name in SETS[:2]:
        cosines = [gradients.cosine(name) for gradients in found]
        row |= {name: float(np.mean(cosines)), f"{name} sd": float(np.std(cosines, ddof=1))}
    return {**row, "seeds": len(found)}


@in_house_style
def draw(results: dict[str, Any]) -> Figure:
    """Plot the cosines."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    panels = (("scale", "scale of the recurrent weights"), ("epoch", "epochs of learning"))
    for ax, (key, label) in zip(axes, panels, strict=True):
        for kind, color in zip(NEURONS, COLOURS, strict=False):
            rows = [row for row in results[key] if row["neurons"] == kind]
            for name, line in zip(SETS[:2], ("-", "--"), strict=True):
                x, y, sd = ([row[each] for row in rows] for each in (key, name, f"{name} sd"))
                ax.errorbar(x, y, sd, fmt="o" + line, color=color, markersize=4, label=f"{kind}, {name}")
        ticks = sorted({row[key] for row in results[key]})
        if key == "scale":
            ax.set_xscale("log", base=2)
        ax.set(xlabel=label, xticks=ticks, xticklabels=[f"{tick:g}" for tick in ticks])
    axes[0].set_ylabel("cosine with backpropagation through time")
    axes[0].legend()
    return figure


def measure(effort: Effort) -> tuple[bool, dict[str, Any]]:
    """Print all laws, controls and cosines; return whether they hold, and the results."""
    equal, wrong = laws(effort)
    print(f"{'largest difference, relative to the largest component':62} {'found':>9} {'bound':>9}")
    for law in equal:
        print(f"{law.name:62} {law.statistic:9.2g} {law.bound:9.2g}  {'passed' if law.passed else 'FAILED'}")
    for name, least in wrong:
        print(f"{name:62} {least:9.2g} {WRONG:9.2g}  {'rejected' if least > WRONG else 'NOT REJECTED'}")
    results: dict[str, Any] = {}
    for key, rows in (("scale", by_scale(effort)), ("epoch", by_epoch(effort))):
        print(f"\ncosine with backpropagation through time\n{'neurons':>8} {key:>8} {'input':>15} {'recurrent':>15}")
        for row in rows:
            cells = "  ".join(f"{row[name]:6.3f} +- {row[f'{name} sd']:.3f}" for name in SETS[:2])
            print(f"{row['neurons']:>8} {row[key]:8g}  {cells}")
        results[key] = rows
    results["laws"] = [{**asdict(law), "passed": law.passed} for law in equal]
    results["controls"] = [{"name": name, "difference": least, "rejected": least > WRONG} for name, least in wrong]
    return all(law.passed for law in equal) and all(least > WRONG for _, least in wrong), results


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Verify, print, and write JSON and a figure."""
    parser = Parser("Compare e-prop with backpropagation through time.")
    parser.add_quick("a short comparison, about a minute")
    parser.add_json("file for the results; a figure is written next to it")
    given = parser.parse_measurement(argv)
    b2.prefs.codegen.target = "numpy"  # Nothing is compiled; the networks are small.
    holds, results = measure(QUICK if given.quick else FULL)
    if given.json:
        write_measurement(given.json, results, draw(results))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
