"""e-prop and backpropagation through time on full matrices: the reference of synaptic_sampling.spiking."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """Matrices [presynaptic, postsynaptic], and the feedback [neuron, class]."""

    input: np.ndarray
    recurrent: np.ndarray
    readout: np.ndarray
    feedback: np.ndarray


class Constants(NamedTuple):
    """Decays per step (alpha and rho one for each neuron), and constants of the neurons."""

    alpha: np.ndarray
    rho: np.ndarray
    kappa: float
    beta: np.ndarray
    gamma: float
    softmax: bool
    #: Pull per unit of rate, target in spikes per step, decay and increment of the running average.
    penalty: tuple[float, float, float, float] | None = None


def constants(net, steps=1):
    """Return the constants of an EpropNetwork."""
    ones = np.ones(net.num_neurons)
    penalty = None
    if net.rate_penalty is not None:
        p = net.rate_penalty
        ratio = float(net.dt / p.tau)
        penalty = p.weight / steps, float(p.target * net.dt), np.exp(-ratio), ratio
    return Constants(
        alpha=ones * net.decay("tau"),
        rho=ones * net.decay("tau_adaptation"),
        kappa=float(net.decay("tau_readout")),
        beta=np.repeat([0.0, net.adaptation], [net.lif, net.alif]),
        gamma=net.gamma,
        softmax=net.loss == "softmax",
        penalty=penalty,
    )


def output(y, c):
    if c.softmax:
        e = np.exp(y)
        return e / e.sum()
    return 1 / (1 + np.exp(-y))


def loss_of(y, target, c):
    if c.softmax:
        return np.log(np.exp(y).sum()) - y @ target
    return np.sum(np.logaddexp(0, y) - target * y)


def eprop(w, inputs, labels, c, *, learned=None, slow_term=True):
    """Return the loss, gradients of the three sets, spikes, and outputs y of all steps.

    ``inputs`` [sequence, step, channel], ``labels`` [sequence, step], -1 where nothing is taught; ``learned``
    [sequence]: whether it has a gradient.
    """
    n, num_classes = w.readout.shape
    gradients = [np.zeros_like(each) for each in w[:3]]
    spikes, ys = np.zeros((*labels.shape, n)), np.zeros((*labels.shape, num_classes))
    total = 0.0
    rate = np.zeros(n)
    learned = np.ones(len(inputs)) if learned is None else learned
    for s, x in enumerate(inputs):
        v, b = np.zeros((2, n))
        # The trace of a presynaptic signal, filtered like the membrane of each postsynaptic neuron.
        traces = [np.zeros_like(each) for each in w[:2]]
        eligibility, slow, filtered = ([np.zeros_like(each) for each in w[:2]] for _ in range(3))
        zout, y = np.zeros(n), np.zeros(num_classes)
        for t in range(len(x)):
            v, b, zout, y = c.alpha * v + (1 - c.alpha) * (x[t] @ w.input), c.rho * b, c.kappa * zout, c.kappa * y
            traces[0] = c.alpha * traces[0] + (1 - c.alpha) * x[t][:, None]
            traces[1] = c.alpha * traces[1]
            error = np.zeros(num_classes)
            if labels[s, t] >= 0 and learned[s]:
                target = np.arange(num_classes) == labels[s, t]
                error = output(y, c) - target
                total += loss_of(y, target, c)
            u = v - 1 - c.beta * b
            psi = c.gamma * np.clip(1 - np.abs(u), 0, 1)
            pull = 0.0
            if c.penalty is not None:
                strength, wanted, decay, increment = c.penalty
                rate = decay * rate if learned[s] else rate
                pull = learned[s] * strength * (rate - wanted)
            for k in range(2):
                slow[k] = c.rho * (slow[k] + eligibility[k])
                filtered[k] = c.kappa * (filtered[k] + eligibility[k])
                eligibility[k] = psi * (traces[k] - (c.beta * slow[k] if slow_term else 0.0))
                gradients[k] += (w.feedback @ error) * filtered[k] + pull * eligibility[k]
            gradients[2] += np.outer(zout, error)
            z = spikes[s, t] = (u > 0).astype(float)
            v, b, zout = v + z @ w.recurrent - z, b + z, zout + z
            traces[1] = traces[1] + z[:, None]
            y = y + z @ w.readout
            ys[s, t] = y
            if c.penalty is not None:
                rate = rate + learned[s] * increment * z
    return total, gradients, spikes, ys


def backpropagation(w, inputs, labels, c):
    """Return the gradients by backpropagation through time, with resets as constants and the same pseudo-derivative."""
    n, num_classes = w.readout.shape
    gradients = [np.zeros_like(each) for each in w[:3]]
    for s, x in enumerate(inputs):
        v, b, y, z = np.zeros(n), np.zeros(n), np.zeros(num_classes), np.zeros(n)
        steps = []
        for t in range(len(x)):
            before = z
            v = c.alpha * (v + z @ w.recurrent - z) + (1 - c.alpha) * (x[t] @ w.input)
            b, y = c.rho * (b + z), c.kappa * (y + z @ w.readout)
            u = v - 1 - c.beta * b
            z = (u > 0).astype(float)
            error = np.zeros(num_classes)
            if labels[s, t] >= 0:
                error = output(y, c) - (np.arange(num_classes) == labels[s, t])
            steps.append((before, c.gamma * np.clip(1 - np.abs(u), 0, 1), error))
        dv, db, dy = np.zeros(n), np.zeros(n), np.zeros(num_classes)
        for t in reversed(range(len(x))):
            before, psi, error = steps[t]
            # What the spike of this step changes in the next one.
            dz = c.kappa * (w.readout @ dy) + w.recurrent @ (c.alpha * dv) + c.rho * db
            du = psi * dz
            dv, db, dy = du + c.alpha * dv, c.rho * db - c.beta * du, error + c.kappa * dy
            gradients[0] += np.outer(x[t], (1 - c.alpha) * dv)
            gradients[1] += np.outer(before, c.alpha * dv)
            gradients[2] += c.kappa * np.outer(before, dy)
    return gradients
