"""The network of ``benchmark_brian`` in NEST: static, with NEST's own structural plasticity, and rewired by a script.

NEST is optional. Its kernel exists once per process, so each simulation has a process of its own, and all can run
alternately. Every neuron fires at the same rate as in Brian2, with equally small weights; a spike takes one step of
0.1 ms, the minimum in NEST. The synapses in NEST have no gradient, which is an advantage for NEST.

"NEST, structural plasticity" is the homeostatic rule of Butz and van Ooyen: half of the neurons lose dendritic elements
and the others gain as many, at a rate that replaces 1 % of the connections per update; it is set up again for each run.
"NEST, rewired by hand" disconnects 1 % at random at each event and connects as many new pairs.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling import Connections

__all__ = ["BY_HAND", "CONTENDERS", "PLASTIC", "STATIC", "NestSimulation", "is_installed"]

STATIC, PLASTIC, BY_HAND = "NEST, static", "NEST, structural plasticity", "NEST, rewired by hand"
#: Simulations, and the largest number of connections for which each is run.
CONTENDERS = {STATIC: 10**6, PLASTIC: 10**5, BY_HAND: 10**5}
#: Fraction of the connections that is replaced in each event.
TURNOVER = 0.01
RESOLUTION_MS = 0.1
NEURON = {
    "E_L": 0.0, "V_th": 1.0, "V_reset": 0.0, "tau_m": 20.0, "C_m": 1.0, "I_e": 1.0008 / 20.0, "t_ref": 0.0,
    # The homeostatic rule depends on calcium, which stays at 0 here, so that the growth rate is constant.
    "beta_Ca": 1e-9,
}  # fmt: skip


def is_installed() -> bool:
    """Return whether NEST is installed."""
    return importlib.util.find_spec("nest") is not None


class NestSimulation:
    """A simulation in its own process."""

    def __init__(self, contender: str, connections: int, neurons: int, interval_ms: float) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, other = spawn.Pipe()
        arguments = other, contender, connections, neurons, interval_ms
        self._process = spawn.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()

    def seconds(self, duration: float) -> float:
        """Return the processor time of a run."""
        return self._ask("seconds", duration)

    def pairs(self) -> NDArray[np.int64]:
        """Return the connections as keys in ascending order."""
        return self._ask("pairs")

    def rate(self) -> float:
        """Simulate another second and return the mean firing rate."""
        return self._ask("rate")

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()

    def _ask(self, *question: Any) -> Any:
        self._pipe.send(question)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(pipe: Connection, contender: str, connections: int, neurons: int, interval_ms: float) -> None:
    """Run a simulation and answer questions about it until the pipe sends None."""
    os.environ["PYNEST_QUIET"] = "1"
    kinds = {STATIC: _Static, PLASTIC: _Plastic, BY_HAND: _ByHand}
    simulation = kinds[contender](connections, neurons, interval_ms)
    while question := pipe.recv():
        try:
            pipe.send(getattr(simulation, question[0])(*question[1:]))
        except Exception as error:
            pipe.send(RuntimeError(f"{contender}: {error}"))


class _Static:
    """Static connections."""

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        self.nest: Any = importlib.import_module("nest")
        self.num_neurons, self.interval = neurons, interval_ms
        self.wiring = Connections.random(neurons, neurons, connections, autapses=False, seed=1)
        self.rng = np.random.default_rng(2)
        self.build()

    def build(self) -> None:
        nest = self.nest
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.set(resolution=RESOLUTION_MS, local_num_threads=1, print_time=False)
        self.neurons = nest.Create("iaf_psc_delta", self.num_neurons, params=NEURON)
        self.neurons.V_m = np.random.default_rng(1).random(self.num_neurons)
        self.connect()

    def connect(self) -> None:
        self.add(self.wiring.pre, self.wiring.post)

    def add(self, pre: NDArray[Any], post: NDArray[Any]) -> None:
        values = {"weight": 1e-5 * self.rng.exponential(1.0, len(pre)), "delay": np.full(len(pre), RESOLUTION_MS)}
        # Node numbers start at 1.
        self.nest.Connect(pre + 1, post + 1, "one_to_one", {"synapse_model": "static_synapse", **values})

    def seconds(self, duration: float) -> float:
        start = time.process_time()
        self.run(1000.0 * duration)
        return time.process_time() - start

    def run(self, milliseconds: float) -> None:
        self.nest.Simulate(milliseconds)

    def pairs(self) -> NDArray[np.int64]:
        return np.sort(self._keys(self.nest.GetConnections(self.neurons, self.neurons)))

    def _keys(self, found: Any) -> NDArray[np.int64]:
        ends = found.get(["source", "target"])  # Both at once takes as long as one of them.
        return (np.array(ends["source"]) - 1) * self.num_neurons + np.array(ends["target"]) - 1

    def rate(self) -> float:
        self.nest.Simulate(1000.0)
        return self.nest.local_spike_counter / self.num_neurons  # Counts from 0 in each call of Simulate.


class _Plastic(_Static):
    """Synaptic elements with a constant growth rate: half of the neurons lose inputs, the others gain as many."""

    def connect(self) -> None:
        nest, n, number = self.nest, self.num_neurons, len(self.wiring)
        nest.structural_plasticity_update_interval = self.interval
        nest.CopyModel("static_synapse", "plastic", {"weight": 1e-5, "delay": RESOLUTION_MS})
        nest.structural_plasticity_synapses = {
            "recurrent": {
                "synapse_model": "plastic", "pre_synaptic_element": "axon", "post_synaptic_element": "dendrite",
                "allow_autapses": False, "allow_multapses": False,
            }
        }  # fmt: skip
        rate = TURNOVER * number / (n / 2) / self.interval
        axons, dendrites = (np.bincount(ends, minlength=n) for ends in (self.wiring.pre, self.wiring.post))
        elements = [
            {"axon": _element(0.0, out), "dendrite": _element(rate if k % 2 else -rate, into)}
            for k, (out, into) in enumerate(zip(axons, dendrites, strict=True))
        ]
        self.neurons.set([{"synaptic_elements": each} for each in elements])
        nest.EnableStructuralPlasticity()
        # The first update connects all elements.
        nest.Simulate(2 * self.interval)
        self.is_fresh = True

    def seconds(self, duration: float) -> float:
        if not self.is_fresh:
            self.build()
        self.is_fresh = False
        return super().seconds(duration)


def _element(growth_rate: float, number: int) -> dict[str, Any]:
    return {"growth_curve": "linear", "growth_rate": growth_rate, "eps": 1.0, "continuous": False, "z": float(number)}


class _ByHand(_Static):
    """Connections that are deleted and created by a script between two calls of Simulate."""

    def run(self, milliseconds: float) -> None:
        for _ in range(max(1, round(milliseconds / self.interval))):
            self.nest.Simulate(min(self.interval, milliseconds))
            self.rewire()

    def rewire(self) -> None:
        found = self.nest.GetConnections(self.neurons, self.neurons)
        chosen = self.rng.permutation(len(found))[: round(TURNOVER * len(found))]
        occupied = np.delete(self._keys(found), chosen)
        for k in chosen.tolist():
            found[k].disconnect()
        n, new = self.num_neurons, np.empty(0, np.int64)
        while len(new) < len(chosen):
            pre, post = self.rng.integers(n, size=(2, 2 * len(chosen)))
            drawn = np.unique((pre * n + post)[pre != post])
            new = self.rng.permutation(np.setdiff1d(drawn, occupied))[: len(chosen)]
        self.add(new // n, new % n)
