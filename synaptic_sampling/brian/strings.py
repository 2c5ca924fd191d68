"""The strings of a rule, compiled: conditions on synapses, and parameters that change with time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synaptic_sampling._checks import schedules
from synaptic_sampling.brian.expressions import Condition
from synaptic_sampling.brian.schedules import Schedule
from synaptic_sampling.brian.signals import conditions_of
from synaptic_sampling.rules import Rule

__all__ = ["RuleStrings"]


class RuleStrings:
    """The strings of a rule; names are looked up in the namespace of the synapses, then in the given one.

    Parameters
    ----------
    rule : Rule
        With units and schedules.
    synapses : Synapses
        Connected already.
    number : int
        As for `Condition`.
    namespace : mapping of str to object
        Names and their values where ``run`` was called.

    Attributes
    ----------
    rule : Rule
        As given.
    conditions : dict of str to Condition
        By the name of the signal.
    schedule : Schedule or None
        None for a rule with constant parameters.
    """

    def __init__(self, rule: Rule, synapses: Any, number: int, namespace: Mapping[str, Any]) -> None:
        self.rule, self._context = rule, (synapses, number, namespace)
        self.conditions = {
            name: Condition(synapses, text, namespace, number) for name, text in conditions_of(rule).items()
        }
        self.schedule = Schedule(rule, {**namespace, **synapses.namespace}) if schedules(rule) else None

    def of(self, rule: Rule) -> RuleStrings:
        """Return the strings of another rule for the same synapses and the same run."""
        return RuleStrings(rule, *self._context)
