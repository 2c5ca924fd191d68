"""e-prop in Brian2 against its reference, and that against backpropagation through time."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import Hz, ms

from scripts.backpropagation import Weights, backpropagation, constants
from synaptic_sampling import FixedWiring
from synaptic_sampling.spiking import EpropNetwork, RatePenalty, SequenceTask, Training, Wiring
from synaptic_sampling.spiking.simulation import SETS
from tests.spiking.naive_eprop import eprop

STEPS, CHANNELS, CLASSES = 25, 6, 3
RULE = FixedWiring(1e-3)
#: Options of networks that take different paths through the equations.
NETWORKS = {
    "plain": {},
    "sigmoid": {"loss": "sigmoid"},
    "LIF only": {"lif": 14, "alif": 0},
    "random feedback": {"feedback": "random"},
    "other readout": {"tau_readout": 4 * ms},
    "time constants of each neuron": {
        "tau": np.linspace(5, 20, 14) * ms,
        "tau_adaptation": np.linspace(40, 300, 14) * ms,
    },
    "rates": {"rate_penalty": RatePenalty(30.0, 20 * Hz, tau=50 * ms)},
    "no recurrent synapses": {"recurrent": None},
}


@pytest.fixture(autouse=True)
def target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def network(**options):
    wiring = {"input": Wiring(0.6, RULE, scale=6.0), "recurrent": Wiring(0.4, RULE, scale=1.5)}
    return EpropNetwork(**{"lif": 8, "alif": 6, "adaptation": 0.5, **wiring, **options})


def task(rng, *, held=False, framed=True, n=5):
    """Return sequences with random inputs, and labels of each frame or of each sequence."""
    inputs = rng.random((n, CHANNELS) if held else (n, STEPS, CHANNELS))
    labels = rng.integers(-1, CLASSES, (n, STEPS)) if framed else rng.integers(0, CLASSES, n)
    labels.flat[:CLASSES] = np.arange(CLASSES)
    return SequenceTask(inputs, labels, train=np.arange(n - 1), test=[n - 1], steps=STEPS)


def as_frames(task, shown):
    inputs, labels = task.array[shown] * task.scale, task.labels[shown]
    if inputs.ndim == 2:
        inputs = np.repeat(inputs[:, None], STEPS, axis=1)
    return inputs, np.repeat(labels[:, None], STEPS, axis=1) if labels.ndim == 1 else labels


def matrix(synapses, values):
    out = np.zeros((len(synapses.source), len(synapses.target)))
    out[synapses.i[:], synapses.j[:]] = values
    return out


def weights_of(simulation):
    w = {name: matrix(s, s.w[:]) for name, s in simulation.synapses.items()}
    w.setdefault("recurrent", np.zeros((simulation.net.num_neurons,) * 2))
    readout = simulation.synapses["readout"]
    random = simulation.net.feedback == "random"
    return Weights(*(w[name] for name in SETS), matrix(readout, readout.feedback[:]) if random else w["readout"])


@pytest.mark.parametrize(
    ("name", "held", "framed"),
    [(name, False, True) for name in NETWORKS] + [(name, True, False) for name in NETWORKS] + [("rates", False, False)],
)
def test_brian_accumulates_the_gradient_of_the_reference(rng, name, held, framed):
    net, own = network(**NETWORKS[name]), task(rng, held=held, framed=framed)
    # One batch of all training sequences; the gradient is read before the update.
    simulation = Training(net, own, batch=len(own.train), seed=2).simulation()
    for rewiring in simulation.rewirings.values():
        rewiring.active = False
    trains = b2.SpikeMonitor(simulation.neurons)
    simulation.network.add(trains)
    w = weights_of(simulation)
    simulation.network.run(simulation.length, namespace={})
    shown = simulation.presentation.shown
    inputs, labels = as_frames(own, shown)
    _, gradients, spikes, outputs = eprop(
        w, inputs, labels, constants(net, STEPS), learned=simulation.presentation.learning
    )
    found = np.zeros((len(shown) * STEPS + 1, net.num_neurons))
    found[np.rint(trains.t / ms).astype(int), trains.i] = 1
    np.testing.assert_array_equal(found[:-1], spikes.reshape(-1, net.num_neurons))
    assert 30 < spikes.sum() < 0.8 * spikes.size
    for name, gradient in zip(SETS, gradients, strict=True):
        if name in simulation.synapses:
            synapses = simulation.synapses[name]
            value, expected = matrix(synapses, synapses.gradient[:]), gradient * matrix(synapses, 1.0)
            assert np.abs(value - expected).max() < 1e-10 * np.abs(gradient).max()
    right, counted = simulation.scores()
    if own.score == "frames":
        # The state that a frame sees is that before its own spikes, decayed.
        y = np.concatenate([np.zeros((len(shown), 1, CLASSES)), outputs[:, :-1]], axis=1)
        expected = (y.argmax(axis=2) == labels) & (labels >= 0)
        np.testing.assert_array_equal(right, expected.sum(axis=1))
        np.testing.assert_array_equal(counted, (labels >= 0).sum(axis=1))


@pytest.mark.parametrize("name", ["plain", "sigmoid", "LIF only", "other readout", "time constants of each neuron"])
def test_without_recurrence_eprop_is_backpropagation_through_time(rng, name):
    net = network(**NETWORKS[name])
    n, c = net.num_neurons, constants(net)
    w = [scale * rng.standard_normal(shape) for scale, shape in ((2.0, (CHANNELS, n)), (0, (n, n)), (1, (n, CLASSES)))]
    w = Weights(*w, w[2])
    inputs, labels = as_frames(task(rng), np.arange(5))
    exact = backpropagation(w, inputs, labels, c)
    for ours, theirs in zip(eprop(w, inputs, labels, c)[1], exact, strict=True):
        assert np.abs(ours - theirs).max() < 1e-12 * np.abs(theirs).max()
    # A negative control: without the slow part of the eligibility, adaptive neurons get another gradient.
    wrong = eprop(w, inputs, labels, c, slow_term=False)[1]
    differ = np.abs(wrong[0] - exact[0]).max() > 1e-3 * np.abs(exact[0]).max()
    assert differ == bool(net.alif)


def gradients_of_pytorch(w, inputs, labels, c):
    """Return the gradients of the three sets by PyTorch, with resets as constants."""
    torch = pytest.importorskip("torch")

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, u):
            ctx.save_for_backward(u)
            return (u > 0).to(u.dtype)

        @staticmethod
        def backward(ctx, grad):
            (u,) = ctx.saved_tensors
            return grad * c.gamma * torch.clamp(1 - torch.abs(u), 0, 1)

    tensors = [torch.tensor(each, requires_grad=True) for each in w[:3]]
    alpha, rho, beta = (torch.tensor(each) for each in (c.alpha, c.rho, c.beta))
    loss = torch.zeros((), dtype=torch.float64)
    for x, label in zip(torch.tensor(inputs), labels, strict=True):
        v, b, z = torch.zeros(3, len(alpha), dtype=torch.float64)
        y = torch.zeros(CLASSES, dtype=torch.float64)
        for t in range(STEPS):
            v = alpha * (v + z @ tensors[1] - z.detach()) + (1 - alpha) * (x[t] @ tensors[0])
            b, y = rho * (b + z), c.kappa * (y + z @ tensors[2])
            z = Spike.apply(v - 1 - beta * b)
            if label[t] >= 0:
                target = torch.nn.functional.one_hot(torch.tensor(int(label[t])), CLASSES).to(y.dtype)
                each = -torch.log_softmax(y, 0) * target if c.softmax else torch.nn.functional.softplus(y) - target * y
                loss = loss + each.sum()
    loss.backward()
    return [tensor.grad.numpy() for tensor in tensors]


@pytest.mark.parametrize("recurrent", [0.5, 0.0])
@pytest.mark.parametrize("name", ["plain", "sigmoid", "LIF only", "time constants of each neuron"])
def test_gradients_of_pytorch(rng, name, recurrent):
    net = network(**NETWORKS[name])
    n, c = net.num_neurons, constants(net)
    shapes = (2.0, (CHANNELS, n)), (recurrent, (n, n)), (1.0, (n, CLASSES))
    w = [scale * rng.standard_normal(shape) for scale, shape in shapes]
    w = Weights(*w, w[2])
    inputs, labels = as_frames(task(rng), np.arange(5))
    exact = gradients_of_pytorch(w, inputs, labels, c)

    def difference(gradients):
        return max(np.abs(g - e).max() / np.abs(e).max() for g, e in zip(gradients, exact, strict=True))

    assert difference(backpropagation(w, inputs, labels, c)) < 1e-10
    # With recurrent weights, e-prop leaves out the paths through other neurons.
    assert (difference(eprop(w, inputs, labels, c)[1]) < 1e-10) == (recurrent == 0)
    # A negative control: without the slow part of the eligibility, adaptive neurons get another gradient.
    if net.alif:
        assert difference(eprop(w, inputs, labels, c, slow_term=False)[1]) > 1e-3
