"""e-prop on full matrices: the reference of synaptic_sampling.spiking."""

from __future__ import annotations

import numpy as np

from scripts.backpropagation import output


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
