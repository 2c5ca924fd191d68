"""Where a rate-based network finds the signals of its rule: the backward pass gives the gradient, the user the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synaptic_sampling._checks import check_number
from synaptic_sampling.connections import Connections
from synaptic_sampling.rules.base import GradientRule

__all__ = ["Source", "check_rule", "shared_values"]

#: Of a signal with one value for the whole network: a number, or a function of the network. 'gradient': the backward
#: pass, for a signal with one value per connection.
Source = float | str | Callable[[Any], float]

HINTS = {
    "connection": "write signals={{{name!r}: 'gradient'}} if it is dE/dw, which the backward pass gives",
    "network": "give a number or a function of the network: signals={{{name!r}: ...}}",
    "site": "give SET or RigL to the Trainer as between=... instead",
}
NO_ACTIVITY = "units of a rate-based network have no elements; use step() with arrays of your own"


def check_rule(rule: Any, sources: Mapping[str, Source]) -> None:
    """Raise an error unless a network can learn by a rule.

    Parameters
    ----------
    rule : object
        What the user gave.
    sources : mapping of str to Source
        Where to find signals other than ``gradient``.

    Raises
    ------
    TypeError
        If it is not a rule with a learning rate that acts on `Connections`, or a source is of the wrong kind.
    ValueError
        If a signal has no source.
    """
    if not isinstance(rule, GradientRule) or Connections not in rule.storage:
        raise TypeError(f"rule must be a DeepR, a FixedWiring, or one of your own derived from them, got {rule!r}.")
    if not isinstance(sources, Mapping):
        raise TypeError(f"signals must be a dictionary such as {{'reward': ...}}, got {sources!r}.")
    own = {signal.name: signal.of for signal in rule.signals}
    for name in sources:
        if name not in own:
            raise ValueError(f"signals names {name!r}, but {type(rule).__name__} needs {', '.join(own) or 'none'}.")
    for name, of in own.items():
        source = sources.get(name, "gradient" if name == "gradient" else None)
        fits = source == "gradient" if of == "connection" else callable(source) or _is_number(name, source)
        if of not in {"connection", "network"} or not fits:
            hint = HINTS.get(of, NO_ACTIVITY).format(name=name)
            raise ValueError(f"signals gives no {name!r} for {type(rule).__name__}, one value per {of}: {hint}.")


def shared_values(rule: GradientRule, sources: Mapping[str, Source], network: Any) -> dict[str, float]:
    """Return the signals of which there is one value for the whole network, as they are now.

    Parameters
    ----------
    rule : GradientRule
        That has been checked.
    sources : mapping of str to Source
        Where to find them.
    network : RateNetwork
        For functions.

    Returns
    -------
    dict of str to float
        By name.
    """
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
