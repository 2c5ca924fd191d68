"""Where a Rewiring finds the signals of a rule: in variables of synapses or neurons, or in a string of the rule."""

from __future__ import annotations

from typing import Any

from synaptic_sampling.connections import PotentialConnections, SoftConnections
from synaptic_sampling.rules import Rule

__all__ = [
    "acts_on_potential",
    "acts_on_soft",
    "check_signals",
    "conditions_of",
    "neuron_signals",
    "only_eliminates",
    "pair_signals",
    "shared_signals",
]


def check_signals(rule: Any) -> None:
    """Raise an error unless ``rule`` is a rule whose conditions are strings about connections."""
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be a rule such as DeepR(...) or PruneAndRegrow('w < 0.02'), got {rule!r}.")
    for signal in rule.signals:
        if signal.condition and (signal.of != "connection" or signal.accumulated):
            raise ValueError(
                f"a condition must be a Signal of each connection that is not accumulated, got {signal} in "
                f"{type(rule).__name__}; write Signal({signal.name!r}, condition=True)."
            )
    conditions_of(rule)


def conditions_of(rule: Rule) -> dict[str, str]:
    """Return the strings with the conditions of a rule, by signal."""
    conditions: dict[str, Any] = {
        signal.name: getattr(rule, signal.name, None) for signal in rule.signals if signal.condition
    }
    for name, text in conditions.items():
        if not isinstance(text, str):
            raise ValueError(
                f"{name} must be a string such as 'w < 0.02' for a Rewiring, got {text!r}; "
                f"write {type(rule).__name__}({name}='w < 0.02')."
            )
    return conditions


def neuron_signals(rule: Rule) -> dict[str, str]:
    """Return the variables of neurons that a rule needs, by signal; an attribute of that name may rename one."""
    sides = "presynaptic neuron", "postsynaptic neuron"
    return {signal.name: getattr(rule, signal.name, signal.name) for signal in rule.signals if signal.of in sides}


def shared_signals(rule: Rule, *, accumulated: bool = False) -> tuple[str, ...]:
    """Return the names of signals with one value for the whole network, such as 'reward'; all, or accumulated ones."""
    shared = [signal for signal in rule.signals if signal.of == "network"]
    return tuple(signal.name for signal in shared if signal.accumulated or not accumulated)


def pair_signals(rule: Rule) -> tuple[str, ...]:
    """Return the names of signals with one value for each pair of neurons, such as 'site_gradient'."""
    return tuple(signal.name for signal in rule.signals if signal.of == "site")


def acts_on_soft(rule: Any) -> bool:
    """Return whether a rule may count retracted connections far below 0; False for what is not a rule."""
    return SoftConnections in getattr(rule, "storage", ())


def acts_on_potential(rule: Any) -> bool:
    """Return whether a rule treats all synapses as potential connections; False for what is not a rule."""
    return PotentialConnections in getattr(rule, "storage", ())


def only_eliminates(rule: Any) -> bool:
    """Return whether a rule eliminates existing connections and forms none; False for what is not a rule."""
    return isinstance(rule, Rule) and not (rule.keeps_number or rule.forms or acts_on_potential(rule))
