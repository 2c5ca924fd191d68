"""Checks of the rules passed to laws; they are recognised by attributes, since laws do not import rules."""

from __future__ import annotations

from typing import Any

from synaptic_sampling._checks import number_of, schedules

__all__ = ["check_constant"]

#: Rules with a law, by an attribute that identifies them.
KINDS = {"step_ratio": "DeepR", "theta_min": "SoftDeepR", "transition": "SynapticSampling"}


def check_constant(rule: Any, attribute: str) -> None:
    """Raise an error unless this is a rule of one kind with constant parameters.

    Parameters
    ----------
    rule : object
        What the user gave.
    attribute : {'step_ratio', 'theta_min', 'transition'}
        Identifies the kind of rule.

    Raises
    ------
    TypeError
        If it is something else, or one of its parameters changes with time.
    """
    # Tested on the class, since evaluating the property of a rule with a schedule would raise.
    if isinstance(rule, type) or not hasattr(type(rule), attribute):
        raise TypeError(f"rule must be a {KINDS[attribute]}, got {rule!r}.")
    for name in schedules(rule):
        number_of(rule, name)
