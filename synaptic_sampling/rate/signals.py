"""The sources of a rule's signals in a rate-based network: the backward pass, and the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synaptic_sampling._checks import check_number
from synaptic_sampling.connections import Connections
from synaptic_sampling.rules.base import GradientRule

__all__ = ["Source", "check_rule", "shared_values"]

#: For a signal with one value for the whole network: a number, or a function of the network. 'gradient', the result of
#: the backward pass, for a signal with one value per connection.
Source = float | str | Callable[[Any], float]

#: What to do about a signal that has no source, by what it has one value for.
HINTS = {
    "connection": "give signals={{{name!r}: 'gradient'}} if it is dE/dw, which the backward pass computes",
    "network": "give a number or a function of the network, signals={{{name!r}: ...}}",
    "site": "give SET or RigL to the Trainer as between=... instead",
}
NO_ACTIVITY = "layers have no signals per neuron; use step() with arrays of your own"


def check_rule(rule: Any, sources: Mapping[str, Source]) -> None:
    """Raise an error unless a network can learn by a rule with these sources of its signals."""
    if not isinstance(rule, GradientRule) or Connections not in rule.storage:
        raise TypeError(
            "rule must be a DeepR, a FixedWiring, or your own derived from one of them or from GradientRule, "
            f"got {rule!r}."
        )
    if not isinstance(sources, Mapping):
        raise TypeError(f"signals must be a dictionary such as {{'reward': ...}}, got {sources!r}.")
    own = {signal.name: signal.of for signal in rule.signals}
    for name in sources:
        if name not in own:
            allowed = ", ".join(own) or "no signals"
            raise ValueError(f"signals contains {name!r}, but {type(rule).__name__} takes {allowed}; remove it.")
    for name, of in own.items():
        source = sources.get(name, "gradient" if name == "gradient" else None)
        fits = source == "gradient" if of == "connection" else callable(source) or _is_number(name, source)
        if of not in {"connection", "network"} or not fits:
            hint = HINTS.get(of, NO_ACTIVITY).format(name=name)
            owner = "the whole network" if of == "network" else f"each {of}"
            raise ValueError(
                f"signals must give {type(rule).__name__} a value of {name!r} for {owner}, got {source!r}; {hint}."
            )


def shared_values(rule: GradientRule, sources: Mapping[str, Source], network: Any) -> dict[str, float]:
    """Return the present values of those signals that have one value for the whole network."""
    found = {}
    for signal in rule.signals:
        source = sources.get(signal.name)
        if signal.of == "network":
            found[signal.name] = check_number(signal.name, source(network) if callable(source) else source)
    return found


def _is_number(name: str, source: Any) -> bool:
    try:
        check_number(name, source)
    except (TypeError, ValueError):
        return False
    return True
