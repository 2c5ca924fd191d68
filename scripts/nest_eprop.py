"""A spiking network of this package beside the same network with NEST's own e-prop, both with fixed connections.

    python -m scripts.nest_eprop --quick
    python -m scripts.nest_eprop --json FILE     # some minutes; needs NEST 3.9 or later for its columns

100 LIF and 50 ALIF neurons receive 64 Poisson spike trains in sequences of 100 steps of 1 ms, and learn ten classes,
with 10 % of the input and recurrent connections and a dense readout. NEST: eprop_iaf_bsshslm_2020 and its adaptive
companion, cross-entropy, Adam, updates after each batch, with the same initial connections and weights; learning
signals keep the initial readout weights, and a spike takes one step more. Processor time per time step in the steady
state: the difference between a long and a short run.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import BrianLogger
from numpy.typing import NDArray

from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import Adam
from synaptic_sampling.rules import FixedWiring
from synaptic_sampling.spiking import EpropNetwork, SequenceTask, Training, Wiring

__all__ = ["main"]

CHANNELS, CLASSES, STEPS, BATCH = 64, 10, 100, 16
#: Probability of an input spike per step.
RATE = 0.05
LEARNING_RATE = 1e-3
#: Sequences of the short and the long run.
LENGTHS = {"runtime": (16, 48), "cpp_standalone": (160, 1120), "NEST": (32, 192)}
QUICK = {"runtime": (2, 4), "cpp_standalone": (16, 32), "NEST": (16, 32)}


def training_of(number: int) -> Training:
    """Return the training on a number of sequences, class by class the same rates."""
    rng = np.random.default_rng(1)
    shape = rng.random((CLASSES, 1, CHANNELS)) < 0.5
    labels = np.arange(number) % CLASSES
    spikes = rng.random((number, STEPS, CHANNELS)) < 2 * RATE * shape[labels]
    rule = FixedWiring(LEARNING_RATE, optimizer=Adam())
    net = EpropNetwork(
        100,
        50,
        # A spike of one step changes a membrane by a tenth of the weight.
        input=Wiring(0.1, rule, scale=20.0),
        recurrent=Wiring(0.1, rule, scale=0.5),
        readout=Wiring(1.0, rule, scale=0.3),
    )
    return Training(net, SequenceTask(spikes, labels.astype(np.int32)), batch=BATCH, seed=1)


class NestNetwork:
    """The network of a training in NEST, with all input spikes."""

    def __init__(self, training: Training) -> None:
        os.environ["PYNEST_QUIET"] = "1"
        BrianLogger.suppress_name("unused_brian_object")  # The simulation is only read.
        self.nest: Any = importlib.import_module("nest")
        self.training = training
        net, task, simulation = training.net, training.task, training.simulation()
        self.shown = task.array[simulation.presentation.shown], task.labels[simulation.presentation.shown]
        self._start()
        n = net.num_neurons
        self.inputs = self.nest.Create("parrot_neuron", CHANNELS)
        self.neurons = self._neurons(net)
        readout = {"C_m": 1.0, "E_L": 0.0, "loss": "cross_entropy", "tau_m": 10.0, "regular_spike_arrival": False}
        self.readout = self.nest.Create("eprop_readout_bsshslm_2020", CLASSES, readout)
        self._spikes_and_targets()
        factor = {"input": 1.0 - float(net.decay("tau"))}
        for name, source, target in (
            ("input", self.inputs, self.neurons),
            ("recurrent", self.neurons, self.neurons),
            ("readout", self.neurons, self.readout),
        ):
            synapses = simulation.synapses[name]
            weights = np.array(synapses.w[:]) * factor.get(name, 1.0)
            self._connect(source, target, synapses.i[:], synapses.j[:], weights)
        self._feedback(simulation.synapses["readout"], n)

    def _start(self) -> None:
        nest = self.nest
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.FATAL
        nest.set(
            resolution=1.0,
            total_num_virtual_procs=1,
            print_time=False,
            eprop_learning_window=float(STEPS),
            eprop_update_interval=float(STEPS),
            eprop_reset_neurons_on_update=True,
        )

    def _neurons(self, net: EpropNetwork) -> Any:
        common = {
            "C_m": 1.0, "E_L": 0.0, "V_m": 0.0, "V_th": 1.0, "tau_m": 10.0, "t_ref": 0.0, "c_reg": 0.0,
            "surrogate_gradient_function": "piecewise_linear", "surrogate_gradient_height": net.gamma,
            "surrogate_gradient_width": 1.0, "regular_spike_arrival": True,
        }  # fmt: skip
        adaptive = {**common, "adapt_beta": net.adaptation, "adapt_tau": 200.0}
        regular = self.nest.Create("eprop_iaf_bsshslm_2020", net.lif, common)
        return regular + self.nest.Create("eprop_iaf_adapt_bsshslm_2020", net.alif, adaptive)

    def _spikes_and_targets(self) -> None:
        """Create the generators of input spikes and of the targets of the readout."""
        nest, (spikes, labels) = self.nest, self.shown
        train = spikes.reshape(-1, CHANNELS)
        times = [{"spike_times": np.flatnonzero(column) + 1.0} for column in train.T]
        nest.Connect(nest.Create("spike_generator", CHANNELS, times), self.inputs, "one_to_one", {"delay": 1.0})
        # Spikes reach the neurons and the readout after two more steps.
        starts = STEPS * np.arange(len(labels)) + 3.0
        targets = [{"amplitude_times": starts, "amplitude_values": (labels == k).astype(float)} for k in range(CLASSES)]
        generators = nest.Create("step_rate_generator", CLASSES, targets)
        rate = {"synapse_model": "rate_connection_delayed", "delay": 1.0}
        nest.Connect(generators, self.readout, "one_to_one", {**rate, "receptor_type": 2})
        nest.Connect(self.readout, self.readout, "all_to_all", {**rate, "receptor_type": 1, "weight": 1.0})

    def _connect(self, source: Any, target: Any, pre: Any, post: Any, weights: NDArray[np.float64]) -> None:
        self.nest.SetDefaults(
            "eprop_synapse_bsshslm_2020",
            {"optimizer": {"type": "adam", "batch_size": BATCH, "eta": LEARNING_RATE}, "average_gradient": False},
        )
        ends = np.array(source.tolist())[pre], np.array(target.tolist())[post]
        delays = {"delay": np.ones(len(weights)), "weight": weights, "tau_m_readout": np.full(len(weights), 10.0)}
        self.nest.Connect(*ends, "one_to_one", {"synapse_model": "eprop_synapse_bsshslm_2020", **delays})

    def _feedback(self, synapses: Any, number: int) -> None:
        """Send learning signals through the initial readout weights; they do not follow the later ones."""
        weights = np.zeros((number, CLASSES))
        weights[synapses.i[:], synapses.j[:]] = synapses.w[:]
        model = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "delay": 1.0, "weight": weights}
        self.nest.Connect(self.readout, self.neurons, "all_to_all", model)

    def run(self) -> tuple[float, float]:
        """Simulate all sequences; return seconds and the mean firing rate in Hz."""
        counter = self.nest.Create("spike_recorder")
        self.nest.Connect(self.neurons, counter)
        duration = float(STEPS * len(self.shown[1]))
        self.nest.Prepare()
        start = time.process_time()
        self.nest.Run(duration)
        seconds = time.process_time() - start
        self.nest.Cleanup()
        return seconds, 1000.0 * counter.n_events / (duration * len(self.neurons))


def timed(training: Training, device: str, cache: str) -> tuple[float, float]:
    """Return the seconds of a run without compilation, and the mean firing rate in Hz."""
    if device == "NEST":
        return NestNetwork(training).run()
    start = time.process_time()
    result = training.run(device=device, cache=cache if device == "cpp_standalone" else None)
    seconds = time.process_time() - start if device == "runtime" else result.seconds
    return seconds, result.rate


def measure(quick: bool) -> list[dict[str, Any]]:
    """Return a row for each simulator that is installed: the fastest of several pairs of runs."""
    rows = []
    lengths = QUICK if quick else LENGTHS
    with tempfile.TemporaryDirectory() as cache:
        for device, numbers in lengths.items():
            if device == "NEST" and importlib.util.find_spec("nest") is None:
                continue
            trainings = [training_of(number) for number in numbers]
            # The first pair compiles.
            found = [[timed(training, device, cache) for training in trainings] for _ in range(2 if quick else 4)]
            short, long = np.min(np.array(found)[1:, :, 0], axis=0)
            us = 1e6 * (long - short) / (np.diff(numbers)[0] * STEPS)
            rows.append({"device": device, "us_per_step": float(us), "rate_hz": found[-1][-1][1]})
            print(f"{device:>15} {us:10.1f} us per step, {rows[-1]['rate_hz']:5.1f} Hz", flush=True)
    return rows


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print, and write JSON."""
    parser = Parser("Time e-prop in this package and in NEST.")
    parser.add_quick("a test run, whose times mean nothing")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    rows = measure(given.quick)
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
