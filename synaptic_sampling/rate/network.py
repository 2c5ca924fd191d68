"""A sequence of layers, the rule by which they learn, and one step of learning."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_seed
from synaptic_sampling._kernels import linear
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rate.layers.layer import Layer, outputs_of
from synaptic_sampling.rate.layers.parameters import Parameter, SparseParameter, aligned
from synaptic_sampling.rate.layers.shapes import Frames
from synaptic_sampling.rate.layers.storage import Signs, Storage
from synaptic_sampling.rate.samples import are_bytes, as_samples
from synaptic_sampling.rate.shown import network_html
from synaptic_sampling.rate.signals import Source, check_dense_rule, check_rule, values_of
from synaptic_sampling.rate.state import checked_parts, state_of
from synaptic_sampling.rate.training.losses import CrossEntropy, Loss
from synaptic_sampling.rules.base import GradientRule, Rule
from synaptic_sampling.rules.stepping import step_checked

__all__ = ["RateNetwork"]

#: Number of samples that are presented at once outside training.
PRESENTED_AT_ONCE = 256

_log = logging.getLogger(__name__)


class RateNetwork:
    """A feed-forward network of rate-based units, with sparse and dense layers.

    Parameters
    ----------
    layers : sequence of Layer
        In the order from input to output.
    rule : DeepR, FixedWiring, SoftDeepR, SynapticSampling, or a rule of your own
        The rule by which sparse weights learn; it also decides how connections are stored: by `SoftConnections` for
        `SoftDeepR`, with memory for active connections and those near 0; by `PotentialConnections` for
        `SynapticSampling`, with memory for all sites.
    signals : mapping of str to float, callable or 'gradient', optional
        The sources of the signals of a rule: a number, or a function of the network, for a signal with one value for
        the whole network, such as a reward; 'gradient' for a signal that is dE/dw of every connection, or a function
        of the `SparseParameter` of a layer. The signal ``gradient`` of `DeepR` comes from the backward pass by default;
        that of `SynapticSampling` is a derivative with respect to theta, see `LogLikelihood`.
    dense_rule : FixedWiring, optional
        By its learning rate and optimizer, biases and dense layers learn; by default by those of ``rule``.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        Signs of connections, see `Connections`.
    budget : {'layer', 'network'}
        'layer': each sparse layer keeps its number of connections. 'network': only their sum is kept, and all vacant
        sites of all layers are equally likely for a new connection (see `Budget`).
    depth : float, optional
        With `SoftDeepR`: how far below 0 a retracted connection has a slot, in units of the noise; at least 4
        (default: 10).
    capacity : int, optional
        With `SoftDeepR`: the largest number of slots of any layer; by default it is not limited.
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.

    Attributes
    ----------
    layers : list of Layer
        In the order from input to output.
    budget : Budget or None
        The budget that the layers share, if they share one.
    rule : Rule
        The rule, which may be replaced between two steps by one for the same kind of connections.
    seed : int
        Key of all random numbers.
    num_in, num_out : int
        Numbers of inputs and outputs.
    num_frames : int or None
        Number of frames in which the outputs are arranged; None if they are not.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or the layers do not fit together.

    Examples
    --------
    >>> layers = [SparseLinear(784, 300, connectivity=0.01), ReLU(), SparseLinear(300, 10, connectivity=0.3)]
    >>> net = RateNetwork(layers, rule=DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-9))  # doctest: +SKIP
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        rule: Rule,
        *,
        signals: Mapping[str, Source] | None = None,
        dense_rule: GradientRule | None = None,
        signs: Signs = "site",
        budget: str = "layer",
        depth: float | None = None,
        capacity: int | None = None,
        seed: int = 0,
    ) -> None:
        check_rule(rule, {} if signals is None else signals)
        if not isinstance(layers, Sequence):
            raise TypeError(f"layers must be a list of layers, got {layers!r}.")
        self._sources, self.layers, self.seed = dict(signals or {}), list(layers), check_seed(seed)
        self.storage, outputs = Storage(rule, signs, depth, capacity), outputs_of(self.layers)
        for index, layer in enumerate(self.layers):
            layer.build(self.seed, index, self.storage)
        self.rule = rule
        check_dense_rule(rule, dense_rule, self.parameters)
        self._dense_rule = dense_rule
        self.budget = self.storage.shared(budget, self.connections)
        # Only layers with weights can be the first one.
        self.num_in: int = self.layers[0].num_in  # type: ignore[attr-defined]
        self.num_out = int(outputs)
        self.num_frames = outputs.steps if isinstance(outputs, Frames) else None
        self._input = aligned(self.num_in, 0)
        #: Whether the user has been warned that samples are not scaled.
        self._warned = False
        # Last, so that the layers can be used after an error.
        for layer in (*self.layers, *self.weighted):
            layer.in_network = True

    def __repr__(self) -> str:
        return f"RateNetwork({self.layers}, {self.rule})"

    @property
    def rule(self) -> Rule:
        """Return the rule."""
        return self._rule

    @rule.setter
    def rule(self, rule: Rule) -> None:
        check_rule(rule, self._sources)
        self.storage.check_rule(rule, self.connections)
        self._rule = rule
        for part in self.sparse:
            part.rule = rule

    @property
    def dense_rule(self) -> Any:
        """Return the rule of biases and dense layers, which is that of connections unless another one was given."""
        return self.rule if self._dense_rule is None else self._dense_rule

    @property
    def options(self) -> dict[str, Any]:
        """Return the keyword arguments with which a network of other layers learns as this one does."""
        budget, own = "layer" if self.budget is None else "network", self.storage
        drawn = {"signs": own.signs, "depth": own.depth, "capacity": own.capacity, "seed": self.seed}
        return {"signals": self._sources, "dense_rule": self._dense_rule, "budget": budget, **drawn}

    @property
    def parameters(self) -> list[Parameter]:
        """Return the parameters of all layers."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    @property
    def connections(self) -> list[Any]:
        """Return the connections of all sparse layers; ``connections[n].index`` is the number of their layer."""
        return [part.connections for part in self.sparse]

    @property
    def sparse(self) -> list[SparseParameter]:
        """Return the parameters that are sparse."""
        return [part for part in self.parameters if isinstance(part, SparseParameter)]

    @property
    def weighted(self) -> list[Any]:
        """Return the layers that have weights, including those that are applied to each frame."""
        return [inner for layer in self.layers for inner in layer.weighted]

    @property
    def num_sites(self) -> int:
        """Return the number of pairs that may be connected, in all sparse layers."""
        return sum(c.num_sites for c in self.connections)

    @property
    def num_connections(self) -> int:
        """Return the number of different pairs that are connected, counted in all sparse layers."""
        return sum(len(np.unique(c.sites.keys(c.pre, c.post)[c.active_slots])) for c in self.connections)

    def outputs(self, samples: ArrayLike) -> NDArray[np.float32]:
        """Return the outputs for some samples.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.

        Returns
        -------
        ndarray of float32, shape (n, num_out)
            The outputs.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        x = self.check_samples(samples)
        out = np.empty((len(x), self.num_out), np.float32)
        for start in range(0, len(x), PRESENTED_AT_ONCE):
            order = np.arange(start, min(start + PRESENTED_AT_ONCE, len(x)))
            out[order] = self._forward(x, order)[:, : len(order)].T
        return out

    def predict(self, samples: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each sample, the number of its largest output.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.

        Returns
        -------
        ndarray of int, shape (n,)
            0 to num_out - 1.
        """
        return self.outputs(samples).argmax(axis=1)

    def score(self, samples: ArrayLike, labels: ArrayLike) -> float:
        """Return the fraction of samples whose predicted class is their label; ``accuracy`` is the same.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.
        labels : array_like of int, shape (n,)
            The class of each sample.

        Returns
        -------
        float
            0 to 1.

        Raises
        ------
        TypeError, ValueError
            If shapes or types are wrong.
        """
        predicted = self.predict(samples)
        return float(np.mean(predicted == CrossEntropy().check_targets(labels, len(predicted), self.num_out)))

    accuracy, _repr_html_ = score, network_html

    def gradients(
        self, samples: NDArray[np.float32], targets: NDArray[Any], loss: Loss, *, training: bool = True
    ) -> float:
        """Write the gradient of the mean loss into every parameter.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, num_in)
            A batch, from ``check_samples``.
        targets : ndarray
            From ``loss.check_targets``.
        loss : Loss
            The loss function.
        training : bool
            Whether `Dropout` acts.

        Returns
        -------
        float
            The mean loss.
        """
        value, delta = loss.evaluate(self.present(samples, training=training), targets)
        for number in range(len(self.layers) - 1, -1, -1):
            delta = self.layers[number].backward(delta, wanted=number > 0)
        return value

    def present(self, samples: NDArray[np.float32], *, training: bool = False) -> NDArray[np.float32]:
        """Perform the forward pass for a batch and return the outputs in the layout that losses take.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, num_in)
            A batch, from ``check_samples``.
        training : bool
            Whether `Dropout` acts.

        Returns
        -------
        ndarray of float32, shape (num_out, n padded to a multiple of 16)
            Overwritten by the next call.
        """
        return self._forward(samples, np.arange(len(samples)), training=training)

    def step(self) -> list[RewiringInfo]:
        """Update the parameters of all layers and rewire the sparse ones, or raise an error and change nothing.

        Returns
        -------
        list of RewiringInfo
            The connections eliminated and formed in each sparse layer; one for all layers if they share a budget.

        Raises
        ------
        FloatingPointError
            If a gradient is NaN or infinite; names layer and connection.
        """
        shared, rules = values_of(self.rule, self._sources, self), (self.dense_rule, self.rule)
        for number, layer in enumerate(self.layers):
            for parameter in layer.parameters:
                try:
                    parameter.check(rules[isinstance(parameter, SparseParameter)], shared)
                except FloatingPointError as error:
                    raise FloatingPointError(f"layer {number}, {layer}: {error}") from error
        # Connections come last, so that an exception anywhere leaves this mark in one of them.
        for c in self.connections:
            c.unfinished = True
        for each in self.parameters:
            if each not in self.sparse:
                each.step(self.dense_rule, shared)
        if self.budget is None:
            return [part.step(self.rule, shared) for part in self.sparse]
        own = [part.given for part in self.sparse]
        return [step_checked(self.budget, self.rule, {name: [each[name] for each in own] for name in own[0]})]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that further training depends on.

        Returns
        -------
        dict of str to ndarray
            By the number of the parameter and its name; copies.
        """
        return state_of(self.parameters)

    def restore(self, state: Mapping[str, NDArray[Any]], *, negative: bool | None = None) -> None:
        """Restore the state of an equal network.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        negative : bool, optional
            Whether theta may be negative; by default where the rule is FixedWiring.

        Raises
        ------
        TypeError, ValueError
            If it is the state of another network, or training cannot go on from it: a value is not finite, a count is
            out of range, theta is negative under DeepR, or signs differ. Nothing changes in this case.
        """
        for parameter, part in zip(self.parameters, self.check_state(state, negative=negative), strict=True):
            parameter.restore(part)

    def check_state(
        self, state: Mapping[str, NDArray[Any]], *, negative: bool | None = None
    ) -> list[dict[str, NDArray[Any]]]:
        """Return the part of each parameter, or raise the error that ``restore`` would raise; change nothing."""
        negative = self.rule.signed_theta if negative is None else negative
        return checked_parts(state, self.parameters, self.budget, negative=negative)

    def check_samples(self, samples: ArrayLike) -> NDArray[np.float32]:
        """Return samples as float32, or raise an error.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.

        Returns
        -------
        ndarray of float32
            C-contiguous.

        Raises
        ------
        TypeError, ValueError
            If they are not numbers, the shape is wrong, or a value is not finite.
        """
        x = as_samples(samples, self.num_in)
        if not self._warned and are_bytes(x):
            self._warned = True
            _log.warning("samples of %s are integers from 0 to %g, like pixels; divide them by 255.", self, x.max())
        return x

    def input_of(self, width: int) -> NDArray[np.float32]:
        """Return the memory for a batch of ``width`` columns, the same until the width changes."""
        if self._input.shape[1] != width:
            self._input = aligned(self.num_in, width)
        return self._input

    def _forward(
        self, samples: NDArray[np.float32], order: NDArray[np.int64], *, training: bool = False
    ) -> NDArray[np.float32]:
        """Return the outputs [num_out, padded batch] for the samples numbered in ``order``."""
        x = self.input_of(-(-len(order) // LANES) * LANES)
        linear.load_batch(samples, order, x)
        for layer in self.layers:
            x = layer.forward(x, training=training)
        return x
