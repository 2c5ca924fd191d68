"""The contract between rules, which decide what happens to connections, and front ends, which provide signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from synaptic_sampling._checks import check_array, check_number
from synaptic_sampling._kernels import dynamics
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.rewire import Decision
from synaptic_sampling.connections.slots import Slots
from synaptic_sampling.randomness import Stream
from synaptic_sampling.rules.optimizers import Optimizer

__all__ = ["Decision", "GradientRule", "Replacement", "Rule", "Signal", "Units", "run_sweep"]


class Units(NamedTuple):
    """The units from which the units of a rule's parameters follow; each supports ``*``, ``/`` and ``**``.

    Attributes
    ----------
    theta, gradient : object
        Units of these variables of a connection.
    time : object
        The second.
    """

    theta: Any
    gradient: Any
    time: Any


class Signal(NamedTuple):
    """An input that a rule needs in each step, besides the connections themselves.

    Attributes
    ----------
    name : str
        Keyword argument of ``step`` and of `Rule.decide`.
    of : {'connection', 'presynaptic neuron', 'postsynaptic neuron', 'network', 'site'}
        What a value belongs to: each connection, each neuron of one side, the whole network, or each pair of neurons.
    condition : bool
        Whether values are True and False rather than numbers.
    accumulated : bool
        Whether the front end sums the signal between steps and resets it to 0 after each step. Only one set of
        connections may use a signal of neurons that is accumulated.
    exclusive : bool
        Whether only one set of connections may use the values, such as numbers of synaptic elements, each of which
        belongs to one connection. Any number of sets may share values that a rule only reads, such as an activity.
    """

    name: str
    of: str = "connection"
    condition: bool = False
    accumulated: bool = False
    exclusive: bool = False

    def check(self, connections: Slots, value: Any) -> None:
        """Raise an error unless a value fits the connections."""
        c = connections
        shapes = {"presynaptic neuron": (c.num_pre,), "postsynaptic neuron": (c.num_post,)}
        if self.of == "network":
            check_number(self.name, value)
        elif self.of != "connection":
            _check_table(self.name, self.of, value, shapes.get(self.of, (c.num_pre, c.num_post)))
        elif self.condition:
            _check_condition(self.name, value, c)
        else:
            check_values(self.name, value, c)


class Replacement(NamedTuple):
    """Which fraction of the weakest connections is replaced by new ones in which steps.

    Attributes
    ----------
    every : int
        Number of steps from one replacement to the next.
    fractions : tuple of float
        Fraction in the first replacement, the second, ...; the last one holds for all that follow.
    """

    every: int
    fractions: tuple[float, ...]

    def fraction_in(self, step: int) -> float:
        """Return the fraction that is replaced in a step, counted from 1; 0 where it is not due."""
        number, rest = divmod(step, self.every)
        return 0.0 if rest or not number else self.fractions[min(number, len(self.fractions)) - 1]


@dataclass(frozen=True, eq=False)  # A log describes every rule by its fields, also one without any.
class Rule:
    """The base class of rules: frozen dataclasses of parameters that decide what happens to connections in a step.

    A subclass declares the signals it needs and the kinds of connections on which it acts, and implements `decide`.
    Every front end that can provide these signals then accepts the rule.

    Attributes
    ----------
    signals : tuple of Signal
        What a front end must provide in each step.
    storage : tuple of type
        Kinds of connections on which the rule acts.
    has_theta : bool
        Whether connections have a sign and a parameter theta that the rule changes.
    """

    signals: ClassVar[tuple[Signal, ...]] = ()
    storage: ClassVar[tuple[type, ...]] = (Connections,)
    has_theta: ClassVar[bool] = True
    #: Whether the number of connections in a set may grow beyond that at the start, so that a capacity is needed.
    grows: ClassVar[bool] = False
    #: Whether theta may become negative.
    signed_theta: ClassVar[bool] = False
    #: Whether the weight is polarity*theta where theta >= 0, and 0 elsewhere.
    linear_weight: ClassVar[bool] = True
    #: The update of theta, a function of (theta, gradient, polarity, nu, parameters), from which C++ is generated; None
    #: if the rule does not change theta, or if its update cannot be translated.
    move: ClassVar[Callable[..., float] | None] = None
    #: For each parameter or signal with a unit, a function that computes it from the units of theta, gradient and time;
    #: None: any unit is allowed.
    units: ClassVar[Mapping[str, Callable[[Units], Any] | None]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Discard an inherited law if ``decide`` has been replaced since, because it may not hold any more."""
        super().__init_subclass__(**options)
        nearest = next(own for own in map(vars, cls.__mro__) if "decide" in own or "law" in own)
        if "law" not in nearest:
            cls.law = Rule.law  # type: ignore[method-assign]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that each connection must have, in the order theta, signals, polarity."""
        own = [signal.name for signal in self.signals if signal.of == "connection" and not signal.condition]
        return ("theta", *own, "polarity") if self.has_theta else tuple(own)

    @property
    def accumulated(self) -> list[str]:
        """The names of the signals of connections that the front end sums between steps."""
        return [signal.name for signal in self.signals if signal.accumulated and signal.of == "connection"]

    @property
    def keeps_number(self) -> bool:
        """Whether as many connections are formed as are eliminated, so that several sets can share a budget."""
        return False

    @property
    def forms(self) -> bool:
        """Whether the rule ever forms connections."""
        return True

    @property
    def num_moments(self) -> int | None:
        """The number of state variables per connection of the optimizer; None leaves the existing ones unchanged."""
        return None

    @property
    def replaces(self) -> Replacement | None:
        """Which of the weakest connections are replaced in which steps; None: those with theta < 0, in each step."""
        return None

    def reads_sites(self, step: int) -> bool:
        """Return whether signals with one value per pair have an effect in a step; front ends may spare them if not."""
        return self.replaces is None or self.replaces.fraction_in(step) > 0.0

    @property
    def parameters(self) -> tuple[float, ...]:
        """The parameters of the update of theta, in SI units."""
        return ()

    def parameters_on(self, connections: Any) -> tuple[float, ...]:
        """Return the parameters of the update of these connections."""
        return self.parameters

    @property
    def law(self) -> Mapping[str, Any] | str | None:
        """The null law, which holds without a gradient, as a log records it; a reason, or None, if none is known.

        ``laws.deepr.null_law(step_ratio)`` is that of DEEP R, which is the only one that statistics and report test.
        A class with a ``decide`` of its own inherits no law, but may state one.
        """
        return None

    def weight(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Return the weights of active connections without their sign; theta itself, not copied, unless overridden."""
        return theta

    def slope(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Return the derivative of ``weight`` at each theta of active connections."""
        return np.ones_like(theta)

    def initial_theta(self, active: NDArray[np.bool_], quantile: NDArray[np.float64], scale: float) -> NDArray[Any]:
        """Return theta of all potential connections at the start of a network.

        Parameters
        ----------
        active : ndarray of bool, shape (M,)
            Which of them are active at the start.
        quantile : ndarray, shape (M,)
            Uniform random numbers in (0, 1).
        scale : float
            Standard deviation of weights that suits the network.

        Returns
        -------
        ndarray, shape (M,)
            Half-normal with this scale, with a negative sign for retracted connections, unless overridden.
        """
        return np.where(active, scale, -scale) * ndtri((1.0 + quantile) / 2.0)

    def annealed(self, learning_rate: float, temperature: float) -> Rule:
        """Return the rule with the learning rate and the temperature, if it has one, multiplied by these factors."""
        factors = {"learning_rate": learning_rate, "temperature": temperature}
        own = {each.name for each in fields(self)} & set(factors)
        return replace(self, **{name: getattr(self, name) * factors[name] for name in own})

    def check(self, connections: Slots, signals: Mapping[str, Any]) -> None:
        """Raise an error unless the signals fit the connections; nothing changes.

        Parameters
        ----------
        connections : Connections, PotentialConnections or SoftConnections
            One set.
        signals : mapping of str to object
            The value of each signal.

        Raises
        ------
        TypeError, ValueError
            If one has the wrong type or shape.
        FloatingPointError
            If a value, or theta, is NaN or infinite; names the connection.
        """
        for signal in self.signals:
            signal.check(connections, signals[signal.name])
        if self.has_theta:
            check_values("theta", connections.theta, connections)

    def decide(self, connections: Any, *values: Any, **signals: Any) -> Decision:
        """Update theta in place, and decide which connections are eliminated and formed.

        Parameters
        ----------
        connections : Connections, PotentialConnections or SoftConnections
            One set; ``steps_done`` is the number of this step.
        *values, **signals : ndarray or float
            The checked value of each signal, by name.

        Returns
        -------
        Decision
            Carried out by the connections.
        """
        raise TypeError(f"{type(self).__name__} must implement decide(connections, **signals).")


class GradientRule(Rule):
    """A rule with a learning rate and an optimizer, which also train biases and dense weights.

    Attributes
    ----------
    learning_rate : float
        eta, > 0, per step.
    optimizer : Optimizer
        Transforms the gradient into the direction of the update.
    """

    learning_rate: float
    optimizer: Optimizer

    @property
    def num_moments(self) -> int | None:
        """The number of state variables per connection of the optimizer."""
        return self.optimizer.num_moments


def run_sweep(
    kernel: Callable[..., int], connections: Slots, slope: NDArray[Any], parameters: tuple[float, ...], *, noisy: bool
) -> NDArray[np.int32]:
    """Update every theta by a compiled sweep; the noise depends only on seed, step and slot.

    Parameters
    ----------
    kernel : callable
        From `sweep`.
    connections : Connections, PotentialConnections or SoftConnections
        Connections whose theta is changed in place.
    slope : ndarray, shape (K,)
        dE/dw, or the direction of the optimizer.
    parameters : tuple of float
        Parameters of the move.
    noisy : bool
        Whether the move has noise.

    Returns
    -------
    ndarray of int32
        The slots in which theta crossed 0, ascending; with ``always_active``, those with theta < 0.
    """
    c = connections
    crossed = np.empty(len(c), np.int32)
    address = np.uint64(c.steps_done), c.stream(Stream.NOISE), *c.key
    return crossed[: kernel(slope, c.polarity, parameters, noisy, *address, c.theta, crossed)]


def check_values(name: str, values: Any, c: Slots) -> None:
    """Raise an error unless there is one finite number for each connection, of the type of theta."""
    if not isinstance(values, np.ndarray) or values.dtype != c.theta.dtype:
        kind = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name} must be an array of {c.theta.dtype} like theta, got {kind}.")
    if values.shape != c.pre.shape:
        raise ValueError(f"{name} must have shape {c.pre.shape}, got {values.shape}.")
    k = dynamics.first_not_finite(values)
    if k >= 0:
        raise FloatingPointError(
            f"{name} of connection {k} ({c.pre[k]} -> {c.post[k]}) is {values[k]} "
            f"in step {c.steps_done + 1}; lower the learning rate, or find out where it diverges."
        )


def _check_condition(name: str, values: Any, c: Slots) -> None:
    if not isinstance(values, np.ndarray) or values.dtype != np.bool_:
        raise TypeError(f"{name} must be an array of bool, got {getattr(values, 'dtype', type(values).__name__)}.")
    if values.shape != c.pre.shape:
        raise ValueError(f"{name} must have shape {c.pre.shape}, got {values.shape}.")


def _check_table(name: str, of: str, values: ArrayLike, shape: tuple[int, ...]) -> None:
    array = check_array(name, values)
    if array.shape != shape:
        number = " by ".join(map(str, shape))
        raise ValueError(f"{name} must have one number for each of {number} {of}s, got shape {array.shape}.")
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        which, where = of.rsplit(maxsplit=1)[-1], ", ".join(map(str, wrong[0]))
        raise FloatingPointError(f"{name} of {which} {where} is {array[tuple(wrong[0])]}; find out where it diverges.")
