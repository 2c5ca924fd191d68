"""What laws ask of the rules that they are given; a rule is known by its attributes, since laws stand below rules."""

from __future__ import annotations

from typing import Any

from synaptic_sampling._checks import number_of, schedules

__all__ = ["check_constant"]

#: Rules with a law, by an attribute that they alone have.
KINDS = {"step_ratio": "DeepR", "theta_min": "SoftDeepR", "transition": "SynapticSampling"}


def check_constant(rule: Any, attribute: str) -> None:
    """Raise an error unless this is a rule of one kind with constant parameters, for which alone there are laws.

    Parameters
    ----------
    rule : object
        What the user gave.
    attribute : {'step_ratio', 'theta_min', 'transition'}
        By which the rule that it must be is known.

    Raises
    ------
    TypeError
        If it is something else, or one of its parameters changes with time.
    """
    # A property of the class: to ask an object with a schedule for its value would be an error.
    if isinstance(rule, type) or not hasattr(type(rule), attribute):
        raise TypeError(f"rule must be a {KINDS[attribute]}, got {rule!r}.")
    for name in schedules(rule):
        number_of(rule, name)
