"""The sources of a rule's signals in a rate-based network: the backward pass, and the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, check_number, check_plain
from synaptic_sampling.rate.layers.parameters import Parameter, SparseParameter, StepCount
from synaptic_sampling.rate.layers.storage import kind_of
from synaptic_sampling.rules.base import GradientRule, Rule, Signal

__all__ = ["LogLikelihood", "Source", "check_dense_rule", "check_rule", "check_sources", "values_of"]

#: For a signal with one value for the whole network: a number, or a function of the network. For one with a value per
#: connection: 'gradient', dE/dw from the backward pass, or a function of the `SparseParameter` of a layer. For one with
#: a value per neuron: such a function.
Source = float | str | Callable[[Any], Any]

#: What to do about a signal that has no source, by what it has one value for.
HINTS = {
    "connection": "give signals={{{name!r}: 'gradient'}} if it is dE/dw, which the backward pass computes",
    "network": "give a number or a function of the network, signals={{{name!r}: ...}}",
    "site": (
        "the backward pass gives gradients of connections only; give RigL to Trainer(between=...), which computes "
        "those of all pairs when it rewires"
    ),
}
OF_THETA = (
    "give signals={{{name!r}: LogLikelihood(number of training samples)}}, the gradient of the log likelihood, or a "
    "function"
)
OF_CONDITION = (
    "give a function of the parameter of a layer, such as signals={{{name!r}: lambda p: p.connections.theta < 0.01}}"
)
OF_NEURONS = "layers have no signals per neuron of their own; give a function of the parameter of a layer"


@dataclass(frozen=True)
class LogLikelihood:
    """A source of signals: the derivative of the log likelihood of all training samples with respect to theta.

    It is -N dE/dw dw/dtheta, where E is the mean loss of the batch: with `CrossEntropy`, minus the log likelihood of a
    sample. `SynapticSampling` then samples the posterior of the weights, given the samples.

    Parameters
    ----------
    num_samples : int
        N, the number of samples in the training set.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer above 0.
    """

    num_samples: int

    def __post_init__(self) -> None:
        check_integer("num_samples", self.num_samples, minimum=1, maximum=2**31)

    def __call__(self, parameter: SparseParameter) -> NDArray[np.float32]:
        """Return the value of each slot, 0 where the connection is retracted.

        Parameters
        ----------
        parameter : SparseParameter
            That of a layer, after the backward pass.

        Returns
        -------
        ndarray of float32, shape (K,)
            Per unit of theta.
        """
        c = parameter.connections
        slots = c.active_slots
        value = np.zeros(len(c), np.float32)
        size = parameter.rule.slope(c.theta[slots])
        value[slots] = -self.num_samples * parameter.gradient[slots] * c.polarity[slots] * size
        return value


def check_rule(rule: Any, sources: Mapping[str, Source]) -> None:
    """Raise an error unless a network can learn by a rule with these sources of its signals."""
    learns = isinstance(rule, Rule) and rule.has_theta and any(map(_teaches, rule.signals))
    if not learns or kind_of(rule) is None:
        raise TypeError(
            "rule must change weights by a gradient, as DeepR, FixedWiring, SoftDeepR, SynapticSampling and rules of "
            f"your own derived from GradientRule do, got {rule!r}; give other rules to Trainer(between=...)."
        )
    check_plain(rule)
    check_sources(rule, sources)


def check_dense_rule(rule: Rule, given: Any, parameters: Sequence[Parameter]) -> None:
    """Raise an error unless the given rule, or that of connections, can train biases and dense layers."""
    if given is not None and not isinstance(given, GradientRule):
        raise TypeError(f"dense_rule must be a rule with learning rate and optimizer as FixedWiring, got {given!r}.")
    if given is not None:
        check_plain(given, "dense_rule")
    needed = not all(isinstance(each, SparseParameter | StepCount) for each in parameters)
    if given is None and needed and not isinstance(rule, GradientRule):
        raise ValueError(
            f"dense_rule must be given with {type(rule).__name__}, which has no optimizer for biases and dense layers: "
            "FixedWiring(learning_rate), for example; or use sparse layers with bias=False."
        )


def check_sources(rule: Rule, sources: Mapping[str, Source]) -> None:
    """Raise an error unless there is a source of each signal of a rule."""
    if not isinstance(sources, Mapping):
        raise TypeError(f"signals must be a dictionary such as {{'reward': ...}}, got {sources!r}.")
    own = {signal.name: signal for signal in rule.signals}
    for name in sources:
        if name not in own:
            allowed = ", ".join(own) or "no signals"
            raise ValueError(f"signals contains {name!r}, but {type(rule).__name__} takes {allowed}; remove it.")
    for name, signal in own.items():
        source = sources.get(name, _default(rule, signal))
        if not _fits(rule, signal, source):
            hint = _hint(rule, signal).format(name=name)
            owner = "the whole network" if signal.of == "network" else f"each {signal.of}"
            raise ValueError(
                f"signals must give {type(rule).__name__} a value of {name!r} for {owner}, got {source!r}; {hint}."
            )


def values_of(rule: Rule, sources: Mapping[str, Source], network: Any) -> dict[str, Any]:
    """Return the present values of signals of the whole network, and the functions behind those of single layers."""
    found: dict[str, Any] = {}
    for signal in rule.signals:
        source = sources.get(signal.name)
        if signal.of == "network":
            found[signal.name] = check_number(signal.name, source(network) if callable(source) else source)
        elif callable(source):
            found[signal.name] = source
    return found


def _teaches(signal: Signal) -> bool:
    """Return whether a signal may tell how theta of a connection is to change."""
    return signal.of == "connection" and not signal.condition


def _default(rule: Rule, signal: Signal) -> str | None:
    """Return the source of a signal that the user does not name: dE/dw, if the rule descends along it."""
    return "gradient" if signal.name == "gradient" and rule.linear_weight else None


def _fits(rule: Rule, signal: Signal, source: Any) -> bool:
    """Return whether a source gives the values of a signal."""
    if signal.of == "network":
        return callable(source) or _is_number(signal.name, source)
    if signal.of == "connection" and isinstance(source, str) and source == "gradient":
        return rule.linear_weight and not signal.condition
    return signal.of != "site" and callable(source)


def _hint(rule: Rule, signal: Signal) -> str:
    """Return what to do about a signal without a source."""
    if signal.condition:
        return OF_CONDITION
    if signal.of == "connection" and not rule.linear_weight:
        return OF_THETA
    return HINTS.get(signal.of, OF_NEURONS)


def _is_number(name: str, source: Any) -> bool:
    try:
        check_number(name, source)
    except (TypeError, ValueError):
        return False
    return True
