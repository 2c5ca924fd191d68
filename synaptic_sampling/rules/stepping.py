"""The step, the same for every rule: check, let the rule decide, carry the decision out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from numpy.typing import NDArray

from synaptic_sampling._checks import check_plain
from synaptic_sampling.connections.budget import Budget
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.connections.slots import Slots
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules.base import Decision, Rule
from synaptic_sampling.rules.decisions import checked_decision

__all__ = ["check_step", "step", "step_checked"]

#: What ``step`` changes.
Changeable = Connections | PotentialConnections | Budget


@overload
def step(connections: Changeable, rule: Rule, /, **signals: Any) -> RewiringInfo: ...
@overload
def step(connections: Changeable, gradient: NDArray[Any] | Sequence[NDArray[Any]], rule: Rule, /) -> RewiringInfo: ...


def step(connections: Any, first: Any, second: Any = None, /, **signals: Any) -> RewiringInfo:
    """Perform one step of a rule: update theta, eliminate and form connections.

    ``step(connections, values, rule)`` is short for ``step(connections, rule, gradient=values)``.

    Parameters
    ----------
    connections : Connections, PotentialConnections, SoftConnections or Budget
        Changed in place.
    rule : Rule
        For example `DeepR`; the documentation of each rule says on which kind of connections it acts.
    **signals : ndarray or float
        The signals that the rule needs (``rule.signals``), by name. One value per connection: an array of the type of
        theta or of bool, shape (K,); ``gradient`` is dE/dw, so that dE/dtheta is ``polarity`` times it. One value per
        neuron, or one for the whole network. For a `Budget`, a list with one entry per set.

    Returns
    -------
    RewiringInfo
        Which connections were eliminated and formed.

    Raises
    ------
    TypeError, ValueError
        If a signal is missing, superfluous, or of the wrong type or shape, or if the rule does not act on these
        connections; nothing changes then.
    FloatingPointError
        If a signal or theta is NaN or infinite; names the connection; nothing changes then.
    RuntimeError
        If an exception has ended an earlier step of these connections before it was complete (Ctrl+C, or an error in a
        function of yours that the step calls), until ``restore`` is called.

    Notes
    -----
    The order is that of the paper: gradient (through the optimizer), l1, noise, test, refill. A site that has just
    been vacated counts as vacant. A connection formed by `DeepR` has theta = 0 and is active until it is tested in the
    next step; potential connections are formed and eliminated where theta crosses 0.
    """
    rule = first
    if isinstance(second, Rule):
        rule, signals = second, {**signals, "gradient": first}
    elif second is not None:
        raise TypeError(f"rule must be a rule such as DeepR(...), got {second!r}.")
    check_step(connections, rule, signals)
    return step_checked(connections, rule, signals)


def step_checked(connections: Any, rule: Rule, signals: Mapping[str, Any]) -> RewiringInfo:
    """Perform a step without validation; call ``check_step`` first."""
    if not isinstance(connections, Budget):
        info = connections.carry_out(_decide(connections, rule, signals))
        connections.end_step()
        return info
    own = [{name: values[n] for name, values in signals.items()} for n in range(len(connections.sets))]
    info = connections.carry_out([_decide(c, rule, part) for c, part in zip(connections.sets, own, strict=True)])
    for c in connections.sets:
        c.end_step()
    return info


def check_step(connections: Any, rule: Any, signals: Mapping[str, Any]) -> None:
    """Raise the error that ``step`` would raise; change nothing.

    Call this for every set before stepping any of them, so that either all change or none.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be a rule such as DeepR(...), got {rule!r}.")
    _check_names(rule, signals)
    if isinstance(connections, Budget):
        _check_budget(connections, rule, signals)
        return
    if not isinstance(connections, Slots):
        raise TypeError(
            f"connections must be Connections, PotentialConnections, SoftConnections or a Budget, got {connections!r}."
        )
    connections.check_finished()
    if connections.accepted is not rule:  # Rules do not change, hence this is checked once.
        connections.check_rule(rule)
        check_plain(rule)
    rule.check(connections, signals)
    connections.accepted = rule


def _decide(c: Slots, rule: Rule, signals: Mapping[str, Any]) -> Decision:
    c.begin_step(rule.num_moments)
    return checked_decision(rule.decide(c, **signals), c, rule)


def _check_names(rule: Rule, signals: Mapping[str, Any]) -> None:
    """Raise an error for signals that are missing or superfluous."""
    needed = [signal.name for signal in rule.signals]
    if sorted(needed) != sorted(signals):
        asked = ", ".join(f"{name}=..." for name in needed) or "no signal"
        given = ", ".join(signals) or "none"
        raise TypeError(f"{type(rule).__name__} needs {asked}; got {given}.")


def _check_budget(budget: Budget, rule: Rule, signals: Mapping[str, Any]) -> None:
    """Check each set of a budget with its own entry of the signals."""
    if any(signal.of == "site" for signal in rule.signals):
        raise ValueError(
            f"connections must not be a Budget for {type(rule).__name__}, which decides between which neurons new "
            "connections form; call step() for each of its sets."
        )
    if not rule.keeps_number:
        raise ValueError(
            f"connections must not be a Budget for {rule!r}, which does not form as many connections as it eliminates; "
            "call step() for each of its sets, or declare keeps_number = True in a rule of yours that does."
        )
    for name, values in signals.items():
        if not isinstance(values, Sequence) or len(values) != len(budget.sets):
            raise TypeError(f"{name} must be a list of {len(budget.sets)} arrays for {budget!r}.")
    for n, c in enumerate(budget.sets):
        check_step(c, rule, {name: values[n] for name, values in signals.items()})
