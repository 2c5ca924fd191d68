"""What a layer learns: sparse weights, which rewire, and dense ones, which do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels.dynamics import first_not_finite
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.slots import check_count
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules.base import GradientRule
from synaptic_sampling.rules.stepping import check_step, step_checked

__all__ = ["DenseParameter", "Parameter", "SparseParameter", "aligned"]

Array = NDArray[Any]

#: One cache line, and one AVX-512 register; NumPy itself promises 16 bytes.
ALIGNMENT = 64


def aligned(rows: int, columns: int) -> NDArray[np.float32]:
    """Return zeros [rows, columns] in float32 that begin at a multiple of 64 bytes.

    Parameters
    ----------
    rows, columns : int
        The shape.

    Returns
    -------
    ndarray of float32
        C-contiguous.
    """
    memory = np.zeros(4 * rows * columns + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + 4 * rows * columns].view(np.float32).reshape(rows, columns)


class Parameter(Protocol):
    """The contract of what a layer learns."""

    def check(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Raise the error that ``step`` would raise; changes nothing."""

    def step(self, rule: GradientRule, shared: Mapping[str, float]) -> RewiringInfo | None:
        """Move along the gradient, after ``check``; return what was rewired, None where nothing can be."""

    def state(self) -> dict[str, Array]:
        """Return all that the next step needs, by name, not copied."""

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless it is the state of an equal parameter; ``negative``: whether theta may be."""

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take on the state of an equal parameter."""


class SparseParameter:
    """The weights of a set of connections, with dE/dw for each.

    Parameters
    ----------
    connections : Connections
        With theta in float32.

    Attributes
    ----------
    connections : Connections
        As given.
    """

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self._gradient: Array = np.zeros(len(connections), np.float32)

    @property
    def gradient(self) -> Array:
        """Return where the layer writes dE/dw, shape (K,); renewed where the number of connections has changed."""
        if len(self._gradient) != len(self.connections):
            self._gradient = np.zeros(len(self.connections), np.float32)
        return self._gradient

    def cut(self, number: int) -> None:
        """Let the first connections be all that there are; their gradients stay.

        Parameters
        ----------
        number : int
            How many.
        """
        self.connections.resize(number)
        self._gradient = self._gradient[:number]

    def signals(self, rule: GradientRule, shared: Mapping[str, float]) -> dict[str, Any]:
        """Return the signals of a rule: the gradient for each connection, and what is the same for all.

        Parameters
        ----------
        rule : GradientRule
            The rule.
        shared : mapping of str to float
            Signals of the whole network.

        Returns
        -------
        dict
            By name.
        """
        return {signal.name: shared.get(signal.name, self.gradient) for signal in rule.signals}

    def check(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Raise the error that ``step`` would raise; changes nothing.

        Parameters
        ----------
        rule : GradientRule
            The rule.
        shared : mapping of str to float
            Signals of the whole network.
        """
        check_step(self.connections, rule, self.signals(rule, shared))

    def step(self, rule: GradientRule, shared: Mapping[str, float]) -> RewiringInfo:
        """Do one step of the rule, after ``check``.

        Parameters
        ----------
        rule : GradientRule
            The rule.
        shared : mapping of str to float
            Signals of the whole network.

        Returns
        -------
        RewiringInfo
            What died and was born.
        """
        return step_checked(self.connections, rule, self.signals(rule, shared))

    def state(self) -> dict[str, Array]:
        """Return all that the next step needs.

        Returns
        -------
        dict of str to ndarray
            See `Connections.state`.
        """
        return self.connections.state()

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless ``restore`` can take this on, and a run can go on from it; changes nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        negative : bool
            Whether theta may be negative, as under FixedWiring.

        Raises
        ------
        TypeError, ValueError
            Says what is wrong.
        """
        self.connections.check_state(state)
        wrong = np.flatnonzero(state["theta"] < 0)
        if len(wrong) and not negative:
            k = wrong[0]
            raise ValueError(f"theta must be >= 0 under DeepR, got {state['theta'][k]} for connection {k}.")

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take on the state of an equal set of connections.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        """
        self.connections.restore(state)


class DenseParameter:
    """An array in which every entry is a weight for ever: a dense matrix, a bias.

    Parameters
    ----------
    value : ndarray of float32
        The entries, moved in place by gradient descent with the learning rate and the optimizer of the rule: no l1,
        no noise, whatever the rule.

    Attributes
    ----------
    value : ndarray of float32
        As given.
    gradient : ndarray of float32, same shape
        Where the layer writes dE/d(value).
    moments : tuple of ndarray
        What the optimizer remembers of each entry.
    steps_done : int
        Steps so far.
    """

    def __init__(self, value: Array) -> None:
        self.value = value
        self.gradient: Array = np.zeros_like(value)
        self.moments: tuple[Array, ...] = ()
        self.steps_done = self.optimizer_since = 0

    @property
    def moment_age(self) -> Array:
        """Return the steps over which the moments have accumulated, for each entry, as Adam needs it."""
        return np.full(self.value.size, self.steps_done - self.optimizer_since)

    def begin_moments(self, number: int) -> None:
        """Start the moments of an optimizer at zero, unless there are as many already.

        Parameters
        ----------
        number : int
            Of moments per entry. Called before a step is counted.
        """
        if len(self.moments) != number:
            self.moments = tuple(np.zeros(self.value.size, self.value.dtype) for _ in range(number))
            self.optimizer_since = self.steps_done

    def check(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Raise the error that ``step`` would raise; changes nothing.

        Parameters
        ----------
        rule : GradientRule
            The rule.
        shared : mapping of str to float
            Signals of the whole network.

        Raises
        ------
        FloatingPointError
            If the gradient is NaN or infinite; names the entry.
        """
        k = first_not_finite(self.gradient.reshape(-1))
        if k >= 0:
            entry = tuple(int(n) for n in np.unravel_index(k, self.gradient.shape))
            raise FloatingPointError(
                f"gradient of entry {entry} is {self.gradient[entry]}; "
                "lower the learning rate or find where it diverges."
            )

    def step(self, rule: GradientRule, shared: Mapping[str, float]) -> None:
        """Descend along the gradient.

        Parameters
        ----------
        rule : GradientRule
            Its learning rate and optimizer are used.
        shared : mapping of str to float
            Not used.
        """
        value: Array = self.value.reshape(-1)
        gradient = self.gradient.reshape(-1)
        self.begin_moments(rule.optimizer.num_moments)
        self.steps_done += 1
        # An optimizer asks for moments and ages only, which are here as in connections.
        slope = rule.optimizer.direction(gradient, self)  # type: ignore[arg-type]
        value -= slope * np.float32(rule.learning_rate)

    def state(self) -> dict[str, Array]:
        """Return all that the next step needs.

        Returns
        -------
        dict of str to ndarray
            The values and what the optimizer remembers.
        """
        moments = {f"moment{n}": moment for n, moment in enumerate(self.moments)}
        counts = {name: np.array(getattr(self, name)) for name in ("steps_done", "optimizer_since")}
        return {"value": self.value, **counts, **moments}

    def check_state(self, state: Mapping[str, Array], *, negative: bool) -> None:
        """Raise an error unless ``restore`` can take this on, and a run can go on from it; changes nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        negative : bool
            Not used.

        Raises
        ------
        TypeError, ValueError
            Says what is wrong.
        """
        check_count("optimizer_since", state["optimizer_since"], check_count("steps_done", state["steps_done"], 2**62))
        for name, values in state.items():
            if name == "value" or name.startswith("moment"):
                shape = self.value.shape if name == "value" else (self.value.size,)
                if values.shape != shape or values.dtype != self.value.dtype:
                    raise ValueError(
                        f"{name} must hold {self.value.dtype} in shape {shape}, got {values.dtype}, {values.shape}."
                    )
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} must be finite.")

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take on the state of an equal parameter.

        Parameters
        ----------
        state : mapping of str to ndarray
            As ``state`` returns it.
        """
        self.value[:] = state["value"]
        self.steps_done, self.optimizer_since = int(state["steps_done"]), int(state["optimizer_since"])
        count = sum(name.startswith("moment") for name in state)
        self.moments = tuple(np.array(state[f"moment{n}"]) for n in range(count))
