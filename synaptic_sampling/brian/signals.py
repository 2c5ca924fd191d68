"""Where a Rewiring finds the signals of a rule: in variables of synapses or neurons, or in a string of the rule."""

from __future__ import annotations

from typing import Any

from synaptic_sampling.connections import PotentialConnections
from synaptic_sampling.rules import Rule

__all__ = ["acts_on_potential", "check_signals", "condition_of", "neuron_signals", "shared_signals"]

#: What a Rewiring cannot hand over, and what to do about it.
HINTS = {
    "site": "it is a value for each pair of neurons, connected or not, which no Synapses object has; use DeepR, whose "
    "new connections are placed at random, or step() with a matrix of your own",
}


def check_signals(rule: Any) -> None:
    """Raise an error unless a Rewiring can hand over all signals of a rule.

    Parameters
    ----------
    rule : object
        What the user gave.

    Raises
    ------
    TypeError
        If it is not a rule.
    ValueError
        If a signal has no source here, or the rule's string for it is missing.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be a rule such as DeepR(...) or PruneAndRegrow('w < 0.02'), got {rule!r}.")
    for signal in rule.signals:
        if signal.of in HINTS:
            raise ValueError(f"{type(rule).__name__} needs {signal.name}, but {HINTS[signal.of]}.")
    condition_of(rule)


def condition_of(rule: Rule) -> str | None:
    """Return the string with the condition of a rule, None for a rule without one.

    Parameters
    ----------
    rule : Rule
        The rule.

    Returns
    -------
    str or None
        An expression over synaptic variables.

    Raises
    ------
    ValueError
        If the rule needs a condition and has no string for it.
    """
    for signal in rule.signals:
        if signal.condition:
            text = getattr(rule, signal.name, None)
            if not isinstance(text, str):
                raise ValueError(
                    f"{signal.name} must be a string such as 'w < 0.02' for a Rewiring, got {text!r}; "
                    f"write {type(rule).__name__}('w < 0.02')."
                )
            return text
    return None


def neuron_signals(rule: Rule) -> dict[str, str]:
    """Return the variables of neurons that a rule needs, by signal.

    Parameters
    ----------
    rule : Rule
        The rule; an attribute with the name of the signal holds the name of the variable.

    Returns
    -------
    dict of str to str
        Empty for most rules.
    """
    sides = "presynaptic neuron", "postsynaptic neuron"
    return {signal.name: getattr(rule, signal.name, signal.name) for signal in rule.signals if signal.of in sides}


def shared_signals(rule: Rule) -> tuple[str, ...]:
    """Return the signals of which there is one value for the whole network.

    Parameters
    ----------
    rule : Rule
        The rule.

    Returns
    -------
    tuple of str
        Their names, such as 'reward'.
    """
    return tuple(signal.name for signal in rule.signals if signal.of == "network")


def acts_on_potential(rule: Any) -> bool:
    """Return whether a rule takes synapses for potential connections, some of which are connected.

    Parameters
    ----------
    rule : object
        What the user gave.

    Returns
    -------
    bool
        False for what is not a rule.
    """
    return PotentialConnections in getattr(rule, "storage", ())
