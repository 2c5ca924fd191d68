"""Layers in a row, the rule by which they learn, and one step of learning."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_instance, check_plain, check_seed
from synaptic_sampling._kernels import linear
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling.budget import Budget
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rate.dropout import Dropout
from synaptic_sampling.rate.layers import Layer
from synaptic_sampling.rate.losses import CrossEntropy, Loss
from synaptic_sampling.rate.parameters import Parameter, SparseParameter, aligned
from synaptic_sampling.rules import DeepR, FixedWiring
from synaptic_sampling.sampler import step_checked

__all__ = ["RateNetwork"]

#: Samples that are presented at once where nothing is learned.
PRESENTED_AT_ONCE = 256
#: Integers up to at least this one, and at most the largest byte, are taken for pixels that have not been scaled.
BRIGHT, MAX_BYTE = 128, 255

_log = logging.getLogger(__name__)


class RateNetwork:
    """A feed-forward network of rate-based units, sparse where its layers are.

    Parameters
    ----------
    layers : sequence of Layer
        In the order from input to output.
    rule : DeepR or FixedWiring
        How it learns. Biases and dense layers descend along their gradients with its learning rate and optimizer.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        Signs of connections, see `Connections`.
    budget : {'layer', 'network'}
        'layer': each sparse layer keeps its number of connections. 'network': only their sum is kept, and a newborn
        may come to any vacant site of any layer, all equally likely (see `Budget`).
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.

    Attributes
    ----------
    layers : list of Layer
        As given.
    budget : Budget or None
        What the layers share, if they do.
    rule : DeepR or FixedWiring
        As given; may be replaced between two steps.
    seed : int
        As given.
    num_in, num_out : int
        Numbers of inputs and outputs.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or layers do not fit.

    Examples
    --------
    >>> net = RateNetwork(
    ...     [SparseLinear(784, 300, connectivity=0.01), ReLU(), SparseLinear(300, 10, connectivity=0.3)],
    ...     rule=DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-9),
    ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        rule: DeepR | FixedWiring,
        *,
        signs: str | int | ArrayLike = "site",
        budget: str = "layer",
        seed: int = 0,
    ) -> None:
        if not isinstance(layers, Sequence):
            raise TypeError(f"layers must be a list of layers, got {layers!r}.")
        self.rule = rule
        self.layers, self.seed = list(layers), check_seed(seed)
        if not self.layers:
            raise ValueError("layers must hold at least one layer.")
        if not isinstance(budget, str) or budget not in {"layer", "network"}:
            raise ValueError(f"budget must be 'layer' or 'network', got {budget!r}.")
        num: int | None = None
        for index, layer in enumerate(self.layers):
            if not callable(getattr(layer, "backward", None)):
                raise TypeError(f"layers must hold layers such as SparseLinear or ReLU, got {layer!r}.")
            if layer in self.layers[:index]:
                raise ValueError(f"{layer} stands in two places; make a new layer for each.")
            num = layer.outputs_after(num)
        for index, layer in enumerate(self.layers):
            layer.build(self.seed, index, signs)
        if budget == "network" and not self.connections:
            raise ValueError("budget 'network' is for sparse layers, but all are dense; leave it at 'layer'.")
        self.budget = Budget(self.connections) if budget == "network" else None
        # Only layers with weights can come first.
        self.num_in: int = self.layers[0].num_in  # type: ignore[attr-defined]
        self.num_out = int(num or 0)
        self._input = aligned(self.num_in, 0)
        #: Whether it has been said that samples are not scaled.
        self._warned = False

    def __repr__(self) -> str:
        return f"RateNetwork({self.layers}, {self.rule})"

    @property
    def rule(self) -> DeepR | FixedWiring:
        """Return how it learns."""
        return self._rule

    @rule.setter
    def rule(self, rule: DeepR | FixedWiring) -> None:
        if not isinstance(rule, DeepR | FixedWiring):
            raise TypeError(f"rule must be a DeepR or a FixedWiring, got {rule!r}.")
        check_plain(rule)
        self._rule = rule

    @property
    def parameters(self) -> list[Parameter]:
        """Return what all layers learn."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    @property
    def connections(self) -> list[Connections]:
        """Return the connections of all sparse layers; ``connections[n].index`` is the number of their layer."""
        return [part.connections for part in self.sparse]

    @property
    def sparse(self) -> list[SparseParameter]:
        """Return what the sparse layers learn."""
        return [part for part in self.parameters if isinstance(part, SparseParameter)]

    @property
    def num_sites(self) -> int:
        """Return the number of pairs that may be connected, in all sparse layers."""
        return sum(c.num_sites for c in self.connections)

    @property
    def num_connections(self) -> int:
        """Return how many different pairs are connected in all sparse layers, counted anew."""
        return sum(len(np.unique(c.pre.astype(np.int64) * c.num_post + c.post)) for c in self.connections)

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

    def accuracy(self, samples: ArrayLike, labels: ArrayLike) -> float:
        """Return the share of samples whose largest output is that of their label.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.
        labels : array_like of int, shape (n,)
            What they are.

        Returns
        -------
        float
            0 to 1.

        Raises
        ------
        TypeError, ValueError
            If shapes or types are wrong.
        """
        out = self.outputs(samples)
        return float(np.mean(out.argmax(axis=1) == CrossEntropy().check_targets(labels, len(out), self.num_out)))

    def gradients(self, samples: NDArray[np.float32], targets: NDArray[Any], loss: Loss) -> float:
        """Write the gradient of the mean loss into every parameter.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, num_in)
            A batch, from ``check_samples``.
        targets : ndarray
            From ``loss.check_targets``.
        loss : Loss
            What is to be made small.

        Returns
        -------
        float
            The mean loss.
        """
        for layer in self.layers:
            if isinstance(layer, Dropout):
                layer.drop_next = True
        value, delta = loss.evaluate(self.present(samples), targets)
        for number in range(len(self.layers) - 1, -1, -1):
            delta = self.layers[number].backward(delta, wanted=number > 0)
        return value

    def present(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Show a batch and return the outputs as losses want them; layers remember what backward passes need.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, num_in)
            A batch, from ``check_samples``.

        Returns
        -------
        ndarray of float32, shape (num_out, n padded to a multiple of 16)
            Overwritten by the next call.
        """
        return self._forward(samples, np.arange(len(samples)))

    def step(self) -> list[RewiringInfo]:
        """Let every layer move along its gradient and rewire; either all do, or none.

        Returns
        -------
        list of RewiringInfo
            What died and was born, for each sparse layer; one for all of them where they share a budget.

        Raises
        ------
        FloatingPointError
            If a gradient is NaN or infinite; names layer and connection, and nothing has moved.
        """
        for number, layer in enumerate(self.layers):
            for parameter in layer.parameters:
                try:
                    parameter.check(self.rule)
                except FloatingPointError as error:
                    raise FloatingPointError(f"layer {number}, {layer}: {error}") from error
        if self.budget is None:
            infos = [parameter.step(self.rule) for parameter in self.parameters]
            return [info for info in infos if info is not None]
        sparse = self.sparse
        for parameter in self.parameters:
            if parameter not in sparse:
                parameter.step(self.rule)
        return [step_checked(self.budget, [part.gradient for part in sparse], self.rule)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that learning needs to go on.

        Returns
        -------
        dict of str to ndarray
            By number of the parameter and name, not copied.
        """
        return {
            f"{number}/{name}": values
            for number, parameter in enumerate(self.parameters)
            for name, values in parameter.state().items()
        }

    def restore(self, state: Mapping[str, NDArray[Any]], *, negative: bool | None = None) -> None:
        """Take on the state of an equal network.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        negative : bool, optional
            Whether theta may be negative; by default where the rule is FixedWiring.

        Raises
        ------
        TypeError, ValueError
            If it is the state of another network, or no state that learning can go on from: a value that is not
            finite, a count out of range, a negative theta under DeepR, other signs. Nothing has changed then.
        """
        for parameter, part in zip(self.parameters, self.check_state(state, negative=negative), strict=True):
            parameter.restore(part)

    def check_state(
        self, state: Mapping[str, NDArray[Any]], *, negative: bool | None = None
    ) -> list[dict[str, NDArray[Any]]]:
        """Raise the error that ``restore`` would raise; changes nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        negative : bool, optional
            Whether theta may be negative; by default where the rule is FixedWiring.

        Returns
        -------
        list of dict of str to ndarray
            The part of each parameter.

        Raises
        ------
        TypeError, ValueError
            If it is the state of another network, or no state that learning can go on from.
        """
        check_instance("state", state, Mapping)
        parameters, negative = self.parameters, isinstance(self.rule, FixedWiring) if negative is None else negative
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in parameters]
        for key, values in state.items():
            number, _, name = key.partition("/")
            if not (number.isdigit() and int(number) < len(parts)):
                raise ValueError(f"the state holds {key!r}, which this network has not.")
            parts[int(number)][name] = values
        for place, (parameter, part) in enumerate(zip(parameters, parts, strict=True)):
            own, got = _names(parameter.state()), _names(part)
            if own != got:
                raise ValueError(f"parameter {place} of the state has {got}, but here it has {own}.")
            try:
                parameter.check_state(part, negative=negative)
            except (TypeError, ValueError) as error:
                raise type(error)(f"parameter {place} of the state: {error}") from error
        self._check_numbers(parts)
        return parts

    def _check_numbers(self, parts: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        """Refuse a state of other numbers of connections or of steps than its budgets allow."""
        sparse = [(c.connections, part) for c, part in zip(self.parameters, parts, strict=True) if c in self.sparse]
        if self.budget is None:
            for c, part in sparse:
                got, own = len(part["pre"]) + int(part["missing"]), len(c) + c.missing
                if got != own:
                    raise ValueError(f"layer {c.index} of the state has {got} connections, but here it has {own}.")
            return
        got = sum(len(part["pre"]) for _, part in sparse)
        if got > self.budget.total:
            raise ValueError(f"the state has {got} connections, but the budget is {self.budget.total}.")
        if len({int(part["steps_done"]) for _, part in sparse}) > 1:
            raise ValueError("the state has layers of one budget that have done different numbers of steps.")

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
            If they are no numbers, the shape is wrong, or a value is not finite.
        """
        x = np.ascontiguousarray(check_array("samples", samples), np.float32)
        if x.ndim != 2 or x.shape[1] != self.num_in or not len(x):
            raise ValueError(f"samples must have shape (n, {self.num_in}) with n > 0, got {x.shape}.")
        if not np.isfinite(x).all():
            n, feature = (int(k) for k in np.argwhere(~np.isfinite(x))[0])
            raise ValueError(f"samples must be finite, got {x[n, feature]} as feature {feature} of sample {n}.")
        if not self._warned and _are_bytes(x):
            self._warned = True
            _log.warning("samples of %s are integers from 0 to %g, as of images; divide them by 255.", self, x.max())
        return x

    def input_of(self, width: int) -> NDArray[np.float32]:
        """Return the memory for a batch.

        Parameters
        ----------
        width : int
            Samples in it, a multiple of 16.

        Returns
        -------
        ndarray of float32, shape (num_in, width)
            The same until the width changes.
        """
        if self._input.shape[1] != width:
            self._input = aligned(self.num_in, width)
        return self._input

    def _forward(self, samples: NDArray[np.float32], order: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the outputs [num_out, padded batch] for the samples numbered in ``order``."""
        x = self.input_of(-(-len(order) // LANES) * LANES)
        linear._load_batch(samples, order, x)
        for layer in self.layers:
            x = layer.forward(x)
        return x


def _are_bytes(x: NDArray[np.float32]) -> bool:
    """Return whether samples are pixels from 0 to 255."""
    return bool(BRIGHT <= x.max() <= MAX_BYTE and x.min() >= 0 and (x == np.round(x)).all())


def _names(state: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the names of arrays of a state, but for moments, which come with the first step."""
    return sorted(name for name in state if not name.startswith("moment"))
