"""A recurrent spiking network that learns handwritten digits with e-prop and stays sparse by DEEP R.

Leaky integrate-and-fire neurons, a third of them with adaptive thresholds, receive the 64 pixels of an image as
constant currents and are read out by ten leaky integrators. e-prop (Bellec et al. 2020, Nature Communications 11:3625)
is written as Brian2 equations with steps of 1 ms. With every decay at the start of a step, it reads for a synapse i ->
j

    e_ji^t = psi_j^t (z_i^t - beta_j eps_ji^t),     eps_ji^t = rho (eps_ji^{t-1} + e_ji^{t-1})      eligibility
    f_ji^t = kappa (f_ji^{t-1} + e_ji^{t-1}),       dE/dw_ji = sum_t L_j^t f_ji^t                   gradient
    L_j^t = sum_k W_kj (sigmoid(y_k^t) - target_k)                                                  learning signal

where z_i is the trace of presynaptic spikes or currents, filtered like the membrane, psi_j the pseudo-derivative of the
spike, and E the cross-entropy of the ten outputs, summed over the steps of an image. Membranes and readout have the
same time constant, so that one trace serves both. Between images everything except the weights is reset.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Network, NetworkOperation, NeuronGroup, Synapses, TimedArray, ms
from numpy.typing import NDArray

from synaptic_sampling import Adam, DeepR, FixedWiring, Rewiring, RewiringMonitor, connect_exactly
from synaptic_sampling.randomness import Stream, normals, permutation

__all__ = ["METHODS", "EpropNetwork", "Parameters", "Schedule"]

METHODS = ("deepr", "fixed", "dense")
NUM_CLASSES = 10

INPUT = """
x = images((shown(t) + 0.5)*image_time, i) : 1
dzbar/dt = (x - zbar)/tau : 1
"""

NEURONS = """
dv/dt = (current - v)/tau : 1
dzbar/dt = -zbar/tau : 1
db/dt = -b/tau_b : 1
threshold = 1 + beta*b : 1
psi = gamma*clip(1 - abs(v - threshold), 0, 1) : 1
beta : 1 (constant)
current : 1
learning_signal : 1
"""

READOUT = """
dy/dt = -y/tau : 1
error : 1
"""

ERROR = "error = teaching(t)*(1/(1 + exp(-y)) - int(i == label(t)))"

#: For all three sets. The weight is not stored; theta is >= 0 with DEEP R, and of either sign otherwise.
WEIGHT = """
w = polarity*theta : 1
theta : 1
polarity : 1
gradient : 1
"""

TRACES = """
eligibility : 1
slow : 1
filtered : 1
"""

ELIGIBILITY = """
slow = rho*(slow + eligibility)
filtered = kappa*(filtered + eligibility)
eligibility = psi_post*(zbar_pre - beta_post*slow)
gradient += learning_signal_post*filtered
"""

CURRENT = "current_post = w*x_pre : 1 (summed)"

FEEDBACK = """
learning_signal_pre = w*error_post : 1 (summed)
"""


@dataclass(frozen=True)
class Parameters:
    """Parameters of the network and of learning.

    Times are in ms, with steps of 1 ms; voltages in units of the threshold. Learning rates are per event; an event
    follows every ``batch`` images.
    """

    num_lif: int = 100
    num_alif: int = 50
    steps: int = 16  # per image
    tau: float = 10.0  # membranes and readout
    tau_b: float = 200.0  # threshold adaptation
    beta: float = 0.2  # rise of an adaptive threshold per spike
    gamma: float = 0.3  # height of the pseudo-derivative
    batch: int = 16
    input_scale: float = 4.0  # standard deviation of the initial weights, times sqrt(connections per neuron)
    recurrent_scale: float = 0.5
    output_scale: float = 0.3
    learning_rate: float = 0.04
    l1: float = 0.05
    temperature: float = 5e-4
    learning_rate_fixed: float = 0.05  # of sparse networks that do not rewire
    learning_rate_dense: float = 0.003  # of dense networks
    learning_rate_output: float = 0.01

    @property
    def num_neurons(self) -> int:
        """Return the number of recurrent neurons."""
        return self.num_lif + self.num_alif

    @property
    def rule(self) -> DeepR:
        """Return the rule for input and recurrent synapses."""
        return DeepR(self.learning_rate, self.l1, self.temperature, optimizer=Adam())


@dataclass(frozen=True)
class Schedule:
    """The order of the images, and which of them are used for learning.

    The gradient of a batch is applied when the next batch starts, so a schedule should end with a test.

    Attributes
    ----------
    images : ndarray, shape (m, 64)
        Pixels, 0 to 1; each image once.
    shown : ndarray of int, shape (n,)
        Index of the image that is presented.
    labels : ndarray of int, shape (n,)
        Digits of these images.
    teaching : ndarray of bool, shape (n,)
        False for test images, during which nothing changes.
    tests : list of slice
        Positions of the images of each test.
    batch : int
        Images between two events; ``teaching`` is constant within a batch.
    """

    images: NDArray[np.float64]
    shown: NDArray[np.int64]
    labels: NDArray[np.int64]
    teaching: NDArray[np.bool_]
    tests: list[slice]
    batch: int

    @classmethod
    def epochs(
        cls,
        train: tuple[NDArray[Any], NDArray[Any]],
        test: tuple[NDArray[Any], NDArray[Any]],
        *,
        epochs: int,
        batch: int,
        seed: int,
    ) -> Schedule:
        """Return epochs over the training images in random order, each followed by all test images.

        Parameters
        ----------
        train, test : tuple of ndarray
            Images of shape (n, 64) and labels of shape (n,).
        epochs : int
            Number of epochs.
        batch : int
            Images between two events. Training images that do not fill a batch are left out of an epoch; a test is
            padded with images that are not evaluated.
        seed : int
            Seed of the order.

        Returns
        -------
        Schedule
            The schedule of one run.
        """
        num_train, num_test = len(train[1]) // batch * batch, len(test[1])
        testing = np.arange(math.ceil(num_test / batch) * batch) % num_test
        shown, teaching, tests = [], [], []
        for epoch in range(epochs):
            order = permutation(seed, Stream.ORDER, epoch, len(train[1]))[:num_train]
            shown += [order, len(train[1]) + testing]
            teaching += [np.ones(num_train, np.bool_), np.zeros(len(testing), np.bool_)]
            end = sum(map(len, shown))
            tests.append(slice(end - len(testing), end - len(testing) + num_test))
        images, labels = (np.concatenate(parts) for parts in zip(train, test, strict=True))
        which = np.concatenate(shown)
        return cls(images, which, labels[which], np.concatenate(teaching), tests, batch)


class EpropNetwork:
    """The network with its learning and recording, for one run over a schedule.

    Parameters
    ----------
    schedule : Schedule
        The images.
    parameters : Parameters
        Parameters of network and learning.
    method : {'deepr', 'fixed', 'dense'}
        Input and recurrent synapses: DEEP R, the same number of fixed random connections, or all connections.
    connectivity : float
        Fraction of the sites of each of these two sets that are connected.
    seed : int
        0 to 2**62 - 1.

    Attributes
    ----------
    input, recurrent, output : Synapses
        The three sets; ``plastic`` holds the first two.
    rewirings : list of Rewiring
        One for each set; only input and recurrent synapses rewire, and only with DEEP R.
    monitor : RewiringMonitor
        Monitor of input and recurrent synapses, with a snapshot at the start of each epoch.
    network : Network
        The Brian2 network.
    counts : list of int
        Number of input and recurrent connections before the first batch and after each batch.
    """

    def __init__(
        self, schedule: Schedule, parameters: Parameters, *, method: str, connectivity: float, seed: int
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}.")
        self.schedule, self.parameters, self.seed = schedule, parameters, seed
        self.step_clock = Clock(dt=1 * ms, name="step_clock*")
        self.image_clock = Clock(dt=parameters.steps * ms, name="image_clock*")
        self.batch_clock = Clock(dt=parameters.batch * parameters.steps * ms, name="batch_clock*")
        self.namespace = self._namespace()
        self._make_neurons()
        self._make_synapses(1.0 if method == "dense" else connectivity)
        self._make_learning(method)
        self.outputs: list[NDArray[np.float64]] = []
        self.shutter = NetworkOperation(self._next_image, clock=self.image_clock, when="start", name="shutter*")
        groups = self.pixels, self.neurons, self.readout, self.input, self.recurrent, self.output
        self.network = Network(groups, self.shutter, self.rewirings, self.monitor, self.teacher)

    def run(self, report: Callable[..., None] | str | None = None) -> None:
        """Present the whole schedule, once.

        Parameters
        ----------
        report : callable or str, optional
            As for ``brian2.run``.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl+C ended the run early, which Brian2 does not report.
        """
        duration = len(self.schedule.labels) * self.parameters.steps * ms
        self.network.run(duration, report=report, namespace={})
        if self.network.t < duration - 0.5 * ms:
            raise KeyboardInterrupt

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Return the predicted digit at the end of each image."""
        return np.vstack([*self.outputs[1:], self.readout.y]).argmax(axis=1)

    @property
    def accuracies(self) -> list[float]:
        """Return the accuracy in each test."""
        right = self.predictions == self.schedule.labels
        return [float(right[test].mean()) for test in self.schedule.tests]

    @property
    def num_sites(self) -> int:
        """Return the number of possible input and recurrent connections."""
        # There are no autapses.
        return len(self.neurons) * (len(self.pixels) + len(self.neurons) - 1)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return the current endpoints and weights of all connections.

        Returns
        -------
        dict of str to ndarray
            ``input_pre``, ``input_post``, ``input_w``, and likewise for recurrent and output.
        """
        found: dict[str, Any] = {}
        for name in ("input", "recurrent", "output"):
            synapses = getattr(self, name)
            found |= {f"{name}_pre": synapses.i[:], f"{name}_post": synapses.j[:], f"{name}_w": synapses.w[:]}
        return {key: np.array(values) for key, values in found.items()}

    def _namespace(self) -> dict[str, Any]:
        p, plan = self.parameters, self.schedule
        return {
            "tau": p.tau * ms,
            "tau_b": p.tau_b * ms,
            "kappa": math.exp(-1.0 / p.tau),
            "rho": math.exp(-1.0 / p.tau_b),
            "gamma": p.gamma,
            # The only two-dimensional table of Brian2: image n is at time n*image_time.
            "images": TimedArray(plan.images, dt=p.steps * ms, name="images*"),
            "shown": TimedArray(plan.shown.astype(float), dt=p.steps * ms, name="shown*"),
            "image_time": p.steps * ms,
            "label": TimedArray(plan.labels.astype(float), dt=p.steps * ms, name="label*"),
            "teaching": TimedArray(plan.teaching.astype(float), dt=p.steps * ms, name="teaching*"),
        }

    def _make_neurons(self) -> None:
        p = self.parameters
        options = {"namespace": self.namespace, "method": "exact", "clock": self.step_clock}
        self.pixels = NeuronGroup(self.schedule.images.shape[1], INPUT, name="pixels*", **options)
        self.neurons = NeuronGroup(
            p.num_neurons,
            NEURONS,
            threshold="v > threshold",
            reset="v -= 1; b += 1; zbar += 1",
            name="neurons*",
            **options,
        )
        self.neurons.beta[p.num_lif :] = p.beta
        # First the readout, then its error, then the learning signal (a summed variable, updated before its group).
        self.readout = NeuronGroup(NUM_CLASSES, READOUT, order=-3, name="readout*", **options)
        self.readout.run_regularly(ERROR, when="groups", order=-2)

    def _make_synapses(self, connectivity: float) -> None:
        p = self.parameters
        options = {"namespace": self.namespace, "clock": self.step_clock}
        self.input = Synapses(self.pixels, self.neurons, WEIGHT + TRACES + CURRENT, name="input*", **options)
        # No delay: a spike reaches the membrane at the end of its step, so z^{t-1} of e-prop is available in the next.
        self.recurrent = Synapses(
            self.neurons, self.neurons, WEIGHT + TRACES, on_pre="v_post += w", name="recurrent*", **options
        )
        self.output = Synapses(
            self.neurons, self.readout, WEIGHT + FEEDBACK, on_pre="y_post += w", name="output*", **options
        )
        self.plastic = (self.input, self.recurrent)
        self._connect(self.input, 0, connectivity, p.input_scale)
        self._connect(self.recurrent, 1, connectivity, p.recurrent_scale)
        self._connect(self.output, 2, 1.0, p.output_scale)
        for synapses in self.plastic:
            synapses.run_regularly(ELIGIBILITY, when="after_groups")
        self.output.run_regularly("gradient += error_post*zbar_pre", when="after_groups")

    def _connect(self, synapses: Synapses, index: int, connectivity: float, scale: float) -> None:
        """Draw connections and initial weights, the same for all methods."""
        connect_exactly(synapses, connectivity=connectivity, seed=self._seed(index))
        size = scale / math.sqrt(len(synapses) / len(synapses.target))
        synapses.theta = size * np.abs(normals(self.seed, Stream.THETA, 0, len(synapses), index))

    def _make_learning(self, method: str) -> None:
        p = self.parameters
        rules: dict[str, DeepR | FixedWiring] = {
            "deepr": p.rule,
            "fixed": FixedWiring(p.learning_rate_fixed, optimizer=Adam()),
            "dense": FixedWiring(p.learning_rate_dense, optimizer=Adam()),
        }
        rule, readout = rules[method], FixedWiring(p.learning_rate_output, optimizer=Adam())
        # At the start of a step: between the last image of a batch and the first of the next.
        self.rewirings = [
            Rewiring(synapses, own, seed=self._seed(index), clock=self.batch_clock, when="start")
            for index, (synapses, own) in enumerate(
                ((self.input, rule), (self.recurrent, rule), (self.output, readout))
            )
        ]
        self.monitor = RewiringMonitor(self.rewirings[:2], samples_per_event=p.batch)
        self.counts: list[int] = []
        self.teacher = NetworkOperation(self._teach, clock=self.batch_clock, when="before_start", name="teacher*")

    def _next_image(self) -> None:
        """Store the readout at the end of the previous image, and reset everything except the weights."""
        # In NumPy, since run_regularly would take seconds to compile for each group and set.
        self.outputs.append(self.readout.variables["y"].get_value().copy())
        for group, names in (
            (self.pixels, ("zbar",)),
            (self.neurons, ("v", "b", "zbar")),
            (self.readout, ("y",)),
            (self.input, ("eligibility", "slow", "filtered")),
            (self.recurrent, ("eligibility", "slow", "filtered")),
        ):
            for name in names:
                group.variables[name].get_value()[:] = 0

    def _teach(self) -> None:
        """Activate learning and rewiring after a training batch, and deactivate them after a test batch."""
        batch = int(self.batch_clock.variables["timestep"].item())
        taught = batch > 0 and bool(self.schedule.teaching[(batch - 1) * self.schedule.batch])
        for rewiring in self.rewirings:
            rewiring.active = taught
        self.counts.append(sum(_distinct(synapses) for synapses in self.plastic))
        if batch > 0 and not taught and self.schedule.teaching[batch * self.schedule.batch]:
            self.monitor.snapshot()

    def _seed(self, index: int) -> int:
        return 3 * self.seed + index


def _distinct(synapses: Synapses) -> int:
    """Return the number of connected pairs of neurons according to Brian2."""
    pre, post = (synapses.variables[f"_synaptic_{side}"].get_value() for side in ("pre", "post"))
    return len(np.unique(pre.astype(np.int64) * len(synapses.target) + post))
