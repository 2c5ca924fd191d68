"""Description of a recurrent spiking network that learns by e-prop; it holds no Brian2 objects."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import fail_for_dimension_mismatch
from numpy.typing import NDArray

from synaptic_sampling._checks import check_choice, check_instance, check_integer, check_number
from synaptic_sampling.brian.signals import acts_on_potential, acts_on_soft
from synaptic_sampling.connections.soft import SMALLEST_DEPTH
from synaptic_sampling.rules import Adam, FixedWiring, Rule, Signal

__all__ = ["EpropNetwork", "RatePenalty", "Wiring"]

#: The gradient of each connection, and that of each pair.
PROVIDED = Signal("gradient", accumulated=True), Signal("site_gradient", of="site", accumulated=True)


@dataclass(frozen=True, eq=False)
class Wiring:
    """How two groups of neurons are connected, and how these connections change.

    Parameters
    ----------
    connectivity : float
        Fraction of the possible connections that exist, at the start if their number varies; above 0 and at most 1.
    rule : Rule
        What an update after each batch does, such as ``DeepR(0.08, 0.02, 5e-5, optimizer=Adam())``. It acts on
        existing connections, or is `SoftDeepR`, and no signals but ``gradient`` and ``site_gradient``, that of all
        pairs, are provided. Parameters that are strings of t contain numbers, units and functions of Brian2, but no
        names of your script.
    scale : float
        Initial weights have the size of normal random numbers with standard deviation ``scale/sqrt(k)``, where k is
        the mean number of connections per target neuron, and the sign of their connection.
    signs : str, int or array_like
        Signs of the connections, as for `Rewiring`.
    excitatory : float
        Probability of an excitatory connection where signs are drawn.
    depth, capacity : float, int or None
        For `SoftDeepR`, as for `Rewiring`: how far below 0 a retracted connection has a slot, in units of the noise,
        and the number of slots; these, and not the sites, determine memory and time. Not used for other rules.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    """

    connectivity: float
    rule: Rule
    scale: float = 1.0
    signs: Any = "site"
    excitatory: float = 0.5
    depth: float = 10.0
    capacity: int | None = None

    def __post_init__(self) -> None:
        check_number("connectivity", self.connectivity, above=0.0, maximum=1.0)
        check_instance("rule", self.rule, Rule)
        _check_signals(self.rule)
        check_number("scale", self.scale, above=0.0)
        check_number("excitatory", self.excitatory, minimum=0.0, maximum=1.0)
        check_number("depth", self.depth, minimum=SMALLEST_DEPTH)
        if self.capacity is not None:
            check_integer("capacity", self.capacity, minimum=1, maximum=2**31 - 1)

    @property
    def is_soft(self) -> bool:
        """Return whether the number of connections varies, and retracted ones keep a theta < 0."""
        return acts_on_soft(self.rule)


@dataclass(frozen=True)
class RatePenalty:
    """A penalty on firing rates: ``weight/2 * sum((rate - target)**2)``, shared equally by the steps of a sequence.

    Rates are running averages over ``tau``, which no sequence resets and no test changes.

    Parameters
    ----------
    weight : float
        Weight of the penalty in the loss, with rates in spikes per time step; > 0.
    target : Quantity
        Target rate, such as 10*Hz.
    tau : Quantity
        Time constant of the running average.
    """

    weight: float
    target: Any
    tau: Any = field(default_factory=lambda: 500 * ms)

    def __post_init__(self) -> None:
        check_number("weight", self.weight, above=0.0)
        _check_quantity("target", self.target, 1 / second, "a rate, such as 10*Hz")
        if np.ndim(self.target) or not 0.0 <= float(self.target) < np.inf:
            raise ValueError(f"target must be one rate >= 0, and finite, got {self.target!r}.")
        _check_time("tau", self.tau)


@dataclass(frozen=True, eq=False)
class EpropNetwork:
    """Leaky integrate-and-fire neurons with a leaky readout, all of whose synapses learn by e-prop.

    Inputs reach the neurons through plastic synapses, the neurons are connected recurrently, and each class has one
    readout neuron, a leaky integrator of spikes. e-prop (Bellec et al. 2020, Nature Communications 11:3625) accumulates
    an approximate gradient of the loss in each synapse; after each batch, the rule of its `Wiring` uses it.

    Parameters
    ----------
    lif, alif : int
        Number of neurons with a constant and with an adaptive threshold.
    input, recurrent : Wiring
        Synapses from the inputs and between neurons; ``recurrent=None`` for none.
    readout : Wiring
        Synapses to the readout; by default all of them, trained by ``FixedWiring(0.01, optimizer=Adam())``.
    tau : Quantity
        Membrane time constant: one for all neurons, or one for each.
    tau_adaptation : Quantity
        Time constant of the adaptive thresholds: one for all, or one for each neuron.
    adaptation : float
        Rise of an adaptive threshold per spike, in units of the resting threshold.
    gamma : float
        Height of the pseudo-derivative of a spike.
    tau_readout : Quantity
        Time constant of the readout.
    loss : {'softmax', 'sigmoid'}
        Cross-entropy of the classes, which exclude each other, or of each class separately.
    feedback : {'symmetric', 'random'}
        Learning signals through the readout weights, or through fixed random ones of equal scale.
    rate_penalty : RatePenalty, optional
        By default none.
    dt : Quantity
        Time step.

    Raises
    ------
    DimensionMismatchError
        If a time constant is not a time.
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    """

    lif: int
    alif: int
    input: Wiring
    recurrent: Wiring | None
    readout: Wiring = field(default_factory=lambda: Wiring(1.0, FixedWiring(0.01, optimizer=Adam()), scale=0.3))
    tau: Any = field(default_factory=lambda: 10 * ms)
    tau_adaptation: Any = field(default_factory=lambda: 200 * ms)
    adaptation: float = 0.2
    gamma: float = 0.3
    tau_readout: Any = field(default_factory=lambda: 10 * ms)
    loss: str = "softmax"
    feedback: str = "symmetric"
    rate_penalty: RatePenalty | None = None
    dt: Any = field(default_factory=lambda: 1 * ms)

    def __post_init__(self) -> None:
        check_integer("lif", self.lif, minimum=0, maximum=2**24)
        check_integer("alif", self.alif, minimum=0, maximum=2**24)
        if self.num_neurons < 2:
            raise ValueError(f"lif + alif must be at least 2, got {self.num_neurons}.")
        check_instance("input", self.input, Wiring)
        check_instance("readout", self.readout, Wiring)
        if self.recurrent is not None:
            check_instance("recurrent", self.recurrent, Wiring)
        for name in ("tau", "tau_adaptation"):
            _check_time(name, getattr(self, name), self.num_neurons)
        _check_time("tau_readout", self.tau_readout)
        _check_time("dt", self.dt)
        check_number("adaptation", self.adaptation, minimum=0.0)
        check_number("gamma", self.gamma, above=0.0)
        check_choice("loss", self.loss, ("softmax", "sigmoid"))
        check_choice("feedback", self.feedback, ("symmetric", "random"))
        if self.rate_penalty is not None:
            check_instance("rate_penalty", self.rate_penalty, RatePenalty)

    @property
    def num_neurons(self) -> int:
        """Return the number of recurrent neurons."""
        return self.lif + self.alif

    def decay(self, name: str) -> NDArray[np.float64]:
        """Return the factor by which a variable with this time constant decays per step: one, or one per neuron."""
        return np.exp(-np.asarray(self.dt / getattr(self, name)))


def _check_signals(rule: Rule) -> None:
    """Raise an error for a rule that e-prop cannot train."""
    provided = all(signal.condition or signal in PROVIDED for signal in rule.signals)
    if not provided or (acts_on_potential(rule) and not acts_on_soft(rule)):
        raise ValueError(
            "rule must act on existing connections or be SoftDeepR, and need no signals but gradient and "
            f"site_gradient, as DeepR, FixedWiring and RigLDescent do, got {rule!r}."
        )


def _check_quantity(name: str, value: Any, unit: Any, what: str) -> None:
    """Raise an error unless this is a number or an array with a unit."""
    if not isinstance(value, numbers.Real | np.ndarray):
        raise TypeError(f"{name} must be {what}, got {value!r}.")
    fail_for_dimension_mismatch(value, unit, f"{name} must be {what}")


def _check_time(name: str, value: Any, number: int | None = None) -> None:
    """Raise an error unless this is a time > 0, or an array of ``number`` times."""
    _check_quantity(name, value, second, "a time, such as 10*ms" + " or [10, 20]*ms" * (number is not None))
    shapes = [(), *([(number,)] if number is not None else [])]
    if np.shape(value) not in shapes:
        raise ValueError(f"{name} must be one time{' or one for each neuron' * (number is not None)}, got {value!r}.")
    if not np.all(np.isfinite(np.asarray(value))) or np.min(np.asarray(value)) <= 0:
        raise ValueError(f"{name} must be > 0 and finite, got {value!r}.")
