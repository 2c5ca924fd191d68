"""Gradients of spiking networks by backpropagation through time, on full matrices: the reference for e-prop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.spiking import EpropNetwork

__all__ = ["Constants", "Weights", "backpropagation", "constants", "output"]


class Weights(NamedTuple):
    """Matrices [presynaptic, postsynaptic], and the feedback [neuron, class] of e-prop."""

    input: NDArray[np.float64]
    recurrent: NDArray[np.float64]
    readout: NDArray[np.float64]
    feedback: NDArray[np.float64]


class Constants(NamedTuple):
    """Decays per step (alpha and rho one for each neuron), and constants of the neurons."""

    alpha: NDArray[np.float64]
    rho: NDArray[np.float64]
    kappa: float
    beta: NDArray[np.float64]
    gamma: float
    softmax: bool
    #: Pull per unit of rate, target in spikes per step, decay and increment of the running average.
    penalty: tuple[float, float, float, float] | None = None


def constants(net: EpropNetwork, steps: int = 1) -> Constants:
    """Return the constants of a network; ``steps``: length of a sequence, which the penalty on rates needs."""
    ones = np.ones(net.num_neurons)
    penalty = None
    if net.rate_penalty is not None:
        p = net.rate_penalty
        ratio = float(net.dt / p.tau)
        penalty = p.weight / steps, float(p.target * net.dt), float(np.exp(-ratio)), ratio
    return Constants(
        alpha=ones * net.decay("tau"),
        rho=ones * net.decay("tau_adaptation"),
        kappa=float(net.decay("tau_readout")),
        beta=np.repeat([0.0, net.adaptation], [net.lif, net.alif]),
        gamma=net.gamma,
        softmax=net.loss == "softmax",
        penalty=penalty,
    )


def output(y: NDArray[np.float64], c: Constants) -> NDArray[np.float64]:
    """Return the probabilities of the classes."""
    if c.softmax:
        e = np.exp(y)
        return e / e.sum()
    return 1 / (1 + np.exp(-y))


def backpropagation(
    w: Weights, inputs: NDArray[np.float64], labels: NDArray[np.int32], c: Constants
) -> list[NDArray[np.float64]]:
    """Return the gradients of the three sets, with resets taken as constants and the pseudo-derivative of e-prop.

    ``inputs`` [sequence, step, channel], ``labels`` [sequence, step], -1 where nothing is taught.
    """
    gradients = [np.zeros_like(each) for each in w[:3]]
    for x, label in zip(inputs, labels, strict=True):
        steps = _forward(w, x, label, c)
        n, num_classes = w.readout.shape
        dv, db, dy = np.zeros(n), np.zeros(n), np.zeros(num_classes)
        for current, (before, psi, error) in zip(x[::-1], reversed(steps), strict=True):
            # What the spike of this step changes in the next one.
            dz = c.kappa * (w.readout @ dy) + w.recurrent @ (c.alpha * dv) + c.rho * db
            du = psi * dz
            dv, db, dy = du + c.alpha * dv, c.rho * db - c.beta * du, error + c.kappa * dy
            gradients[0] += np.outer(current, (1 - c.alpha) * dv)
            gradients[1] += np.outer(before, c.alpha * dv)
            gradients[2] += c.kappa * np.outer(before, dy)
    return gradients


def _forward(
    w: Weights, x: NDArray[np.float64], labels: NDArray[np.int32], c: Constants
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Return for each step the spikes of the one before, the pseudo-derivative, and the error of the outputs."""
    n, num_classes = w.readout.shape
    v, b, z, y = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(num_classes)
    steps = []
    for current, label in zip(x, labels, strict=True):
        before = z
        v = c.alpha * (v + z @ w.recurrent - z) + (1 - c.alpha) * (current @ w.input)
        b, y = c.rho * (b + z), c.kappa * (y + z @ w.readout)
        u = v - 1 - c.beta * b
        z = (u > 0).astype(float)
        error = np.zeros(num_classes)
        if label >= 0:
            error = output(y, c) - (np.arange(num_classes) == label)
        steps.append((before, c.gamma * np.clip(1 - np.abs(u), 0, 1), error))
    return steps
