"""What a layer learns: sparse weights, which are rewired, and dense ones, which are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.dynamics import first_not_finite
from synaptic_sampling.connections.slots import check_count
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import LAST_STEP
from synaptic_sampling.rules.base import Rule
from synaptic_sampling.rules.stepping import check_step, step_checked

__all__ = ["Active", "DenseParameter", "Parameter", "SparseParameter", "StepCount", "aligned"]

Array = NDArray[Any]

#: One cache line, and one AVX-512 register; NumPy itself promises 16 bytes.
ALIGNMENT = 64


def aligned(rows: int, columns: int) -> NDArray[np.float32]:
    """Return zeros [rows, columns] in float32 that start at a multiple of 64 bytes."""
    memory = np.zeros(4 * rows * columns + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + 4 * rows * columns].view(np.float32).reshape(rows, columns)


class Parameter(Protocol):
    """The contract of what a layer learns.

    ``shared`` has the signals of the rule that do not come from the backward pass: one value for the whole network, or
    a function of the `SparseParameter`.
    """

    def check(self, rule: Any, shared: Mapping[str, Any]) -> None:
        """Raise the error that ``step`` would raise; change nothing."""

    def step(self, rule: Any, shared: Mapping[str, Any]) -> RewiringInfo | None:
        """Learn from the gradient, after ``check``; return the events, or None where nothing can be rewired."""

    def state(self) -> dict[str, Array]:
        """Return everything that the next step depends on, by name, not copied."""

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless it is the state of an equal parameter; ``negative`` allows theta < 0."""

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the state of an equal parameter."""


class Active(NamedTuple):
    """The active connections of a layer during a batch: what its kernels read and write.

    Attributes
    ----------
    pre, post : ndarray of int32, shape (k,)
        Endpoints.
    polarity : ndarray of int8, shape (k,)
        Signs.
    size : ndarray of float32, shape (k,)
        Weights without their sign: theta, unless the rule says otherwise.
    gradient : ndarray of float32, shape (k,)
        Memory for dE/dw; `SparseParameter.keep` takes it over.
    slots : ndarray of int or slice
        Where they are among all slots; ``slice(None)`` if all slots are active, and nothing is copied.
    """

    pre: Array
    post: Array
    polarity: Array
    size: Array
    gradient: Array
    slots: Any

    @property
    def weights(self) -> Array:
        """Return the weights, a new array."""
        return self.polarity * self.size


class SparseParameter:
    """The weights of a set of connections, and dE/dw of each.

    Parameters
    ----------
    connections : Connections, SoftConnections or PotentialConnections
        With theta in float32.
    rule : Rule, optional
        The rule that changes them, which also says what weight a connection has; by default it is theta.

    Attributes
    ----------
    connections : Connections, SoftConnections or PotentialConnections
        The set.
    rule : Rule
        See above; a network replaces it whenever its own rule is replaced.
    """

    def __init__(self, connections: Any, rule: Rule | None = None) -> None:
        self.connections, self.rule = connections, Rule() if rule is None else rule
        self._gradient: Array = np.zeros(len(connections), np.float32)
        #: The signals for the next step, from ``check``.
        self.given: dict[str, Any] = {}

    @property
    def gradient(self) -> Array:
        """Return dE/dw of each slot, shape (K,), 0 where retracted; new when the number of slots has changed."""
        if len(self._gradient) != len(self.connections):
            self._gradient = np.zeros(len(self.connections), np.float32)
        return self._gradient

    def active(self) -> Active:
        """Return the active connections as they are now."""
        c = self.connections
        slots = c.active_slots
        theta = c.theta[slots]
        gradient = self.gradient if isinstance(slots, slice) else np.empty(len(theta), np.float32)
        return Active(c.pre[slots], c.post[slots], c.polarity[slots], self.rule.weight(theta), gradient, slots)

    def keep(self, active: Active) -> None:
        """Take over the gradient of active connections, at the end of ``backward``; that of all others is 0."""
        if not isinstance(active.slots, slice):
            self.gradient[:] = 0
            self.gradient[active.slots] = active.gradient

    def matrix(self) -> Array:
        """Return the weights [postsynaptic, presynaptic] as a dense matrix, zeros where there is no connection."""
        active = self.active()
        matrix = np.zeros((self.connections.num_post, self.connections.num_pre), np.float32)
        matrix[active.post, active.pre] = active.weights
        return matrix

    def cut(self, number: int, gradient: Array) -> None:
        """Keep the first ``number`` slots only, with these gradients."""
        self.connections.resize(number)
        self._gradient = np.array(gradient[:number])

    def check(self, rule: Rule, shared: Mapping[str, Any]) -> None:
        """Raise the error that ``step`` would raise; keep the signals for it, and change nothing else."""
        sources = {signal.name: shared.get(signal.name, self.gradient) for signal in rule.signals}
        self.given = {name: source(self) if callable(source) else source for name, source in sources.items()}
        check_step(self.connections, rule, self.given)

    def step(self, rule: Rule, shared: Mapping[str, Any]) -> RewiringInfo:
        """Perform one step of the rule, after ``check``."""
        return step_checked(self.connections, rule, self.given)

    def state(self) -> dict[str, Array]:
        """Return everything that the next step depends on, see `Connections.live_state`."""
        return self.connections.live_state()

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless ``restore`` accepts the state and training can go on from it; change nothing."""
        self.connections.check_state(state)
        wrong = np.flatnonzero(state["theta"] < 0)
        if len(wrong) and not negative:
            k = wrong[0]
            raise ValueError(f"theta must be >= 0 under DeepR, got {state['theta'][k]} for connection {k}.")

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the state of an equal set of connections."""
        self.connections.restore(state)


class DenseParameter:
    """An array of weights that all exist permanently: a dense matrix, or biases.

    Parameters
    ----------
    value : ndarray of float32
        The entries, updated in place by gradient descent with the learning rate and the optimizer of the rule, but
        without l1 and noise.

    Attributes
    ----------
    value : ndarray of float32
        The entries.
    gradient : ndarray of float32, same shape
        Memory for dE/d(value).
    moments : tuple of ndarray
        State of the optimizer for each entry.
    steps_done, optimizer_since : int
        Number of steps so far, and the step in which the moments were started.
    """

    def __init__(self, value: Array) -> None:
        self.value = value
        self.gradient: Array = np.zeros_like(value)
        self.moments: tuple[Array, ...] = ()
        self.steps_done = self.optimizer_since = 0

    @property
    def moment_age(self) -> Array:
        """Return the number of steps over which the moments of each entry have accumulated, for Adam."""
        return np.full(self.value.size, self.steps_done - self.optimizer_since)

    def begin_moments(self, number: int) -> None:
        """Start ``number`` moments per entry at zero, unless there are as many already; before a step is counted."""
        if len(self.moments) != number:
            self.moments = tuple(np.zeros(self.value.size, self.value.dtype) for _ in range(number))
            self.optimizer_since = self.steps_done

    def check(self, rule: Any, shared: Mapping[str, Any]) -> None:
        """Raise a FloatingPointError that names the first entry whose gradient is NaN or infinite."""
        k = first_not_finite(self.gradient.reshape(-1))
        if k >= 0:
            entry = tuple(int(n) for n in np.unravel_index(k, self.gradient.shape))
            raise FloatingPointError(
                f"gradient of entry {entry} is {self.gradient[entry]}; "
                "lower the learning rate or find where it diverges."
            )

    def step(self, rule: Any, shared: Mapping[str, Any]) -> None:
        """Descend along the gradient."""
        value: Array = self.value.reshape(-1)
        gradient = self.gradient.reshape(-1)
        self.begin_moments(rule.optimizer.num_moments)
        self.steps_done += 1
        # An optimizer uses moments and their ages only, which this class has as connections do.
        slope = rule.optimizer.direction(gradient, self)
        value -= slope * np.float32(rule.learning_rate)

    def state(self) -> dict[str, Array]:
        """Return the values and the state of the optimizer."""
        moments = {f"moment{n}": moment for n, moment in enumerate(self.moments)}
        counts = {name: np.array(getattr(self, name)) for name in ("steps_done", "optimizer_since")}
        return {"value": self.value, **counts, **moments}

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless ``restore`` accepts the state and training can go on from it; change nothing."""
        check_count("optimizer_since", state["optimizer_since"], check_count("steps_done", state["steps_done"], 2**62))
        for name, values in state.items():
            if name == "value" or name.startswith("moment"):
                shape = self.value.shape if name == "value" else (self.value.size,)
                if values.shape != shape or values.dtype != self.value.dtype:
                    raise ValueError(
                        f"{name} must be {self.value.dtype} of shape {shape}, got {values.dtype}, {values.shape}."
                    )
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} must be finite.")

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the state of an equal parameter."""
        self.value[:] = state["value"]
        self.steps_done, self.optimizer_since = int(state["steps_done"]), int(state["optimizer_since"])
        count = sum(name.startswith("moment") for name in state)
        self.moments = tuple(np.array(state[f"moment{n}"]) for n in range(count))


class StepCount:
    """Counts the steps of training, as a parameter does, so that dropout can be resumed from a checkpoint."""

    def __init__(self) -> None:
        self.steps_done = 0

    def check(self, rule: Any, shared: Mapping[str, Any]) -> None:
        """Do nothing: a count has no gradient."""

    def step(self, rule: Any, shared: Mapping[str, Any]) -> None:
        """Count one step."""
        self.steps_done += 1

    def state(self) -> dict[str, Array]:
        """Return the count."""
        return {"steps_done": np.array(self.steps_done)}

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless the state is a count."""
        check_count("steps_done", state["steps_done"], LAST_STEP)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the count."""
        self.steps_done = int(state["steps_done"])
