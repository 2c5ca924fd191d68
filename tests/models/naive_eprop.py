"""e-prop in plain NumPy on full matrices: the reference implementation of models/eprop_digits.py."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """Matrices [presynaptic, postsynaptic]."""

    input: np.ndarray
    recurrent: np.ndarray
    output: np.ndarray


def hard(u, gamma):
    """Return 1 where the voltage is above the threshold."""
    return (u > 0).astype(float)


def soft(u, gamma):
    """Return a smooth spike, whose derivative is the pseudo-derivative of the hard one."""
    c = np.clip(u, -1, 1)
    return gamma * (0.5 + c - np.sign(c) * c**2 / 2)


def eprop(weights, images, labels, p, *, spike=hard, resets=None):
    """Return the loss, its gradients by e-prop, all spikes and the last outputs.

    ``resets`` [image, step, neuron]: what is subtracted from the voltage instead of the spike. e-prop treats the
    reset as constant, so its gradient equals that of the loss only with given resets.
    """
    num_neurons, num_classes = weights.output.shape
    kappa, rho = np.exp(-1 / p.tau), np.exp(-1 / p.tau_b)
    beta = np.where(np.arange(num_neurons) < p.num_lif, 0.0, p.beta)
    gradients = Weights(*(np.zeros_like(w) for w in weights))
    spikes = np.zeros((len(images), p.steps, num_neurons))
    outputs, loss = np.zeros((len(images), num_classes)), 0.0
    for n, x in enumerate(images):
        v, b, zbar = np.zeros((3, num_neurons))
        xbar, y = np.zeros(len(x)), np.zeros(num_classes)
        traces = [np.zeros((3, *w.shape)) for w in weights[:2]]
        target = np.arange(num_classes) == labels[n]
        for t in range(p.steps):
            v, b = kappa * v + (1 - kappa) * x @ weights.input, rho * b
            xbar, zbar, y = kappa * xbar + (1 - kappa) * x, kappa * zbar, kappa * y
            error = 1 / (1 + np.exp(-y)) - target
            loss += np.sum(np.logaddexp(0, y) - target * y)
            u = v - 1 - beta * b
            psi = p.gamma * np.clip(1 - np.abs(u), 0, 1)
            for pre, (e, slow, filtered), gradient in zip((xbar, zbar), traces, gradients[:2], strict=True):
                slow[:] = rho * (slow + e)
                filtered[:] = kappa * (filtered + e)
                e[:] = psi * (pre[:, None] - beta * slow)
                gradient[:] += filtered * (weights.output @ error)
            gradients.output[:] += np.outer(zbar, error)
            z = spikes[n, t] = spike(u, p.gamma)
            v = v + z @ weights.recurrent - (z if resets is None else resets[n, t])
            b, zbar, y = b + z, zbar + z, y + z @ weights.output
        outputs[n] = y
    return loss, gradients, spikes, outputs
