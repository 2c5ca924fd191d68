"""Which rules and callbacks C++ standalone mode supports."""

from __future__ import annotations

from typing import Any

from synaptic_sampling.brian.capabilities import SOURCES, refuse
from synaptic_sampling.brian.signals import acts_on_potential
from synaptic_sampling.brian.standalone.moves import move_in_cpp, num_parameters
from synaptic_sampling.rules import Rule
from synaptic_sampling.rules.base import GradientRule
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum

__all__ = ["check_callback", "check_parameters", "check_rule"]


def check_rule(rule: Any) -> None:
    """Raise an error unless a program can carry out the rule; objects that are not rules are rejected elsewhere."""
    if not isinstance(rule, Rule):
        return
    kind = type(rule).__name__
    if acts_on_potential(rule):
        raise refuse("potential", kind)
    if rule.grows or not rule.keeps_number:
        raise refuse("number", kind)
    sources = ["condition" if signal.condition else signal.of for signal in rule.signals]
    if not all(SOURCES[source].in_program for source in sources) or len(sources) > 1:
        raise refuse("signals", kind)
    if rule.has_theta:
        _check_move(rule, sources)
    elif sources != ["condition"] or not _class_of(rule, "decide").__module__.startswith("synaptic_sampling."):
        raise refuse("signals", kind)
    if isinstance(rule, GradientRule) and type(rule.optimizer) not in {SGD, Momentum, Adam}:
        raise refuse("optimizer", type(rule.optimizer).__name__)


def _check_move(rule: Rule, sources: list[str]) -> None:
    """Raise an error unless the update can be written in C++, and ``decide`` is known to be that update."""
    kind = type(rule).__name__
    if sources == ["condition"]:
        raise refuse("signals", kind)
    if type(rule).move is None:
        raise refuse("move", kind)
    if _class_of(rule, "move") is not _class_of(rule, "decide"):
        raise refuse("move", f"{kind}, whose decide and move belong to different classes")
    try:
        move_in_cpp(type(rule).move)  # type: ignore[arg-type]
    except TypeError as error:
        raise refuse("move", f"{kind}: {error}") from error


def check_parameters(rule: Rule) -> None:
    """Raise an error unless a rule has as many parameters as its move unpacks."""
    assert type(rule).move is not None
    expected = num_parameters(type(rule).move)  # type: ignore[arg-type]
    if expected != len(rule.parameters):
        raise ValueError(
            f"parameters of {type(rule).__name__} must be {expected} numbers, as many as its move unpacks, "
            f"got {rule.parameters}."
        )


def check_callback(owner: Any) -> None:
    """Raise an error if a Rewiring has a callback."""
    if owner.callback is not None:
        raise refuse("callback")


def _class_of(rule: Rule, name: str) -> type:
    """Return the class that defines an attribute of a rule."""
    return next(each for each in type(rule).__mro__ if name in vars(each))
