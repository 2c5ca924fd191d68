"""The spiking networks of this package as a loop in Numba: what a time step costs at least, without Brian2.

Neurons, e-prop, Adam and order of the sequences are the same, connections are fixed, and inputs are constant during a
sequence. Connections, weights and order are taken from the Brian2 objects, so that both learn the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from brian2 import BrianLogger
from numpy.typing import NDArray

from synaptic_sampling._numba import jit
from synaptic_sampling.spiking import Training
from synaptic_sampling.spiking.simulation import SETS

__all__ = ["Floor"]

Floats = NDArray[np.float64]


class Neurons(NamedTuple):
    """Decays per step and other constants of a network; ``beta`` is 0 for LIF neurons."""

    alpha: float
    rho: float
    kappa: float
    gamma: float
    softmax: bool
    beta: Floats


class Fixed(NamedTuple):
    """Connections of a set in the order of Brian2, what they have accumulated, and the two moments of Adam."""

    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    w: Floats
    gradient: Floats
    first: Floats
    second: Floats
    learning_rate: float


class Network(NamedTuple):
    """Neurons, sets of connections, and where the recurrent connections of each neuron start."""

    neurons: Neurons
    input: Fixed
    recurrent: Fixed
    readout: Fixed
    starts: NDArray[np.int64]


class Sequences(NamedTuple):
    """Inputs and labels, and which sequences are shown, learned, and followed by an update."""

    inputs: NDArray[Any]
    labels: NDArray[np.int32]
    scale: float
    steps: int
    classes: int
    shown: NDArray[np.int64]
    learning: NDArray[np.bool_]
    due: NDArray[np.bool_]


class Floor:
    """A training with fixed connections, decay 1, one time constant for all neurons and constant inputs.

    Parameters
    ----------
    training : Training
        Its rules are `FixedWiring` with `Adam` and a constant learning rate.
    """

    def __init__(self, training: Training) -> None:
        BrianLogger.suppress_name("unused_brian_object")  # The simulation is only read.
        simulation, net, task = training.simulation(), training.net, training.task
        alpha, rho, kappa = (float(net.decay(name)) for name in ("tau", "tau_adaptation", "tau_readout"))
        beta = np.repeat([0.0, net.adaptation], [net.lif, net.alif])
        neurons = Neurons(alpha, rho, kappa, net.gamma, net.loss == "softmax", beta)
        #: The sets of connections, whose weights a run changes.
        self.sets = {name: _fixed(simulation.synapses[name], getattr(net, name).rule) for name in SETS}
        into, recurrent, readout = (self.sets[name] for name in SETS)
        starts = np.searchsorted(recurrent.pre, np.arange(net.num_neurons + 1))
        self._network = Network(neurons, into, recurrent, readout, starts)
        shown, learning, due, _ = simulation.presentation
        sizes = task.num_steps, task.num_classes
        self._sequences = Sequences(task.array, task.labels, task.scale, *sizes, shown, learning, due)

    def run(self) -> int:
        """Learn all sequences; return how many were classified correctly as they were presented."""
        return int(_run(self._network, self._sequences))


def _fixed(synapses: Any, rule: Any) -> Fixed:
    w = np.array(synapses.w[:])
    pre, post = np.array(synapses.i[:], np.int32), np.array(synapses.j[:], np.int32)
    return Fixed(pre, post, w, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w), float(rule.learning_rate))


@jit
def _run(net: Network, data: Sequences) -> int:
    """Present the sequences, and update all weights where it is due."""
    right = updates = 0
    traces = np.zeros((3, net.recurrent.w.size))
    for position in range(data.shown.size):
        sequence = data.shown[position]
        x, label = data.inputs[sequence].astype(np.float64) * data.scale, data.labels[sequence]
        traces[:] = 0.0
        right += _sequence(net, traces, x, label, data.steps, data.classes, data.learning[position]) == label
        if data.due[position]:
            updates += 1
            for one in (net.input, net.recurrent, net.readout):
                _adam(one, updates)
    return right


@jit
def _sequence(net: Network, traces: Floats, x: Floats, label: int, steps: int, classes: int, learns: bool) -> int:
    """Present a sequence, accumulate its gradient, and return the class with the largest mean output."""
    current, v, b, z_out, z_bar = np.zeros((5, net.neurons.beta.size))
    unit = np.zeros((4, v.size))  # Eligibility, slow part, filtered, and gradient of a synapse with an input of 1.
    y, votes, error = np.zeros((3, classes))
    for k in range(net.input.w.size):
        current[net.input.post[k]] += net.input.w[k] * x[net.input.pre[k]]
    response = 0.0
    for _ in range(steps):
        _errors(net.neurons, y, votes, error, label, learns)
        signal = _readout(net, error, z_out)
        response = 1.0 + (response - 1.0) * net.neurons.alpha
        psi = _decay(net.neurons, current, v, b, z_bar)
        _units(net.neurons, psi, signal, response, unit)
        _eligibilities(net, psi, signal, z_bar, traces)
        _spikes(net, v, b, z_out, z_bar, y)
    for k in range(net.input.w.size):
        net.input.gradient[k] += x[net.input.pre[k]] * unit[3, net.input.post[k]]
    return int(votes.argmax())


@jit
def _errors(c: Neurons, y: Floats, votes: Floats, error: Floats, label: int, learns: bool) -> None:
    """Decay the outputs, and write the derivative of the loss."""
    y *= c.kappa
    p = np.exp(y) / np.exp(y).sum() if c.softmax else 1.0 / (1.0 + np.exp(-y))
    votes += p
    error[:] = p * learns
    error[label] -= learns


@jit
def _readout(net: Network, error: Floats, z_out: Floats) -> Floats:
    """Decay the traces of spikes, accumulate the gradient of the readout, and return the learning signals."""
    signal, one = np.zeros_like(z_out), net.readout
    z_out *= net.neurons.kappa
    for k in range(one.w.size):
        one.gradient[k] += error[one.post[k]] * z_out[one.pre[k]]
        signal[one.pre[k]] += one.w[k] * error[one.post[k]]
    return signal


@jit
def _decay(c: Neurons, current: Floats, v: Floats, b: Floats, z_bar: Floats) -> Floats:
    """Decay the neurons towards their currents, and return the pseudo-derivatives."""
    psi = np.empty_like(v)
    for j in range(v.size):
        v[j] = current[j] + (v[j] - current[j]) * c.alpha
        b[j] *= c.rho
        z_bar[j] *= c.alpha
        psi[j] = c.gamma * min(max(1.0 - abs(v[j] - 1.0 - c.beta[j] * b[j]), 0.0), 1.0)
    return psi


@jit
def _units(c: Neurons, psi: Floats, signal: Floats, response: float, unit: Floats) -> None:
    """Accumulate the gradient of a synapse with an input of 1 to each neuron."""
    eligibility, slow, filtered, gradient = unit
    for j in range(psi.size):
        slow[j] = c.rho * (slow[j] + eligibility[j])
        filtered[j] = c.kappa * (filtered[j] + eligibility[j])
        eligibility[j] = psi[j] * (response - c.beta[j] * slow[j])
        gradient[j] += signal[j] * filtered[j]


@jit
def _eligibilities(net: Network, psi: Floats, signal: Floats, z_bar: Floats, traces: Floats) -> None:
    """Accumulate the gradient of the recurrent synapses."""
    c, one = net.neurons, net.recurrent
    eligibility, slow, filtered = traces
    for k in range(eligibility.size):
        j = one.post[k]
        slow[k] = c.rho * (slow[k] + eligibility[k])
        filtered[k] = c.kappa * (filtered[k] + eligibility[k])
        eligibility[k] = psi[j] * (z_bar[one.pre[k]] - c.beta[j] * slow[k])
        one.gradient[k] += signal[j] * filtered[k]


@jit
def _spikes(net: Network, v: Floats, b: Floats, z_out: Floats, z_bar: Floats, y: Floats) -> None:
    """Find the neurons that spike, reset them, and transmit their spikes."""
    spiking = np.flatnonzero(v > 1.0 + net.neurons.beta * b)
    for i in spiking:
        v[i] -= 1.0
        b[i] += 1.0
        z_out[i] += 1.0
        z_bar[i] += 1.0
    for i in spiking:
        for k in range(net.starts[i], net.starts[i + 1]):
            v[net.recurrent.post[k]] += net.recurrent.w[k]
        for k in range(y.size):  # All neurons are connected to the readout, class by class.
            y[k] += net.readout.w[k * v.size + i]


@jit
def _adam(one: Fixed, age: int) -> None:
    """Update the weights of a set, and clear its gradient."""
    first_scale, second_scale = 1.0 - 0.9**age, 1.0 - 0.999**age
    for k in range(one.w.size):
        g = one.gradient[k]
        one.first[k] = 0.9 * one.first[k] + 0.1 * g
        one.second[k] = 0.999 * one.second[k] + 0.001 * g * g
        one.w[k] -= one.learning_rate * (one.first[k] / first_scale) / (np.sqrt(one.second[k] / second_scale) + 1e-8)
        one.gradient[k] = 0.0
