"""What a user gives to a Rewiring, checked before anything changes."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from brian2 import Synapses

from synaptic_sampling._checks import check_callable, check_integer
from synaptic_sampling.brian import expressions, surgery
from synaptic_sampling.homeostasis import SynapticElements
from synaptic_sampling.rules import DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticSampling

__all__ = [
    "REWIRED",
    "Rule",
    "births_of",
    "check_callback",
    "check_synapses",
    "distinct",
    "names_of",
    "spare_slots",
]

Rule = DeepR | FixedWiring | PruneAndRegrow | SoftDeepR | SynapticElements | SynapticSampling

#: Synapses that are being rewired, and by whom.
REWIRED: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def check_synapses(synapses: Any) -> None:
    """Refuse what is no Synapses object that can be rewired.

    Parameters
    ----------
    synapses : object
        As given by the user.

    Raises
    ------
    TypeError, ValueError
        If it is none, is not connected yet, or is rewired already.
    """
    if not isinstance(synapses, Synapses):
        raise TypeError(f"synapses must be a Synapses object, or a list of some, got {synapses!r}.")
    surgery.check_device()
    surgery.check_brian(synapses)
    if not surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is not connected yet; call connect() before you make a Rewiring.")
    other = REWIRED.get(synapses, lambda: None)()
    if other is not None:
        raise ValueError(
            f"'{synapses.name}' is rewired by '{other.name}' already, one Rewiring per Synapses; "
            f"change its rule by its attribute, or let go of the synapses by its method release()."
        )


def names_of(synapses: Any, rule: Rule, variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the name of each variable that the rule needs, and of the flag ``connected``, which need not be there.

    Parameters
    ----------
    synapses : Synapses
        That are connected.
    rule : object
        As given by the user.
    variables : dict, optional
        The user's names.

    Returns
    -------
    dict of str to str
        By what the rule calls them.

    Raises
    ------
    TypeError, ValueError
        If the rule is none, a name is unknown, or a variable is missing.
    """
    if not isinstance(rule, Rule):
        raise TypeError(
            "rule must be a DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticElements or SynapticSampling, "
            f"got {rule!r}."
        )
    given = _dictionary("variables", variables)
    for role, name in given.items():
        if not isinstance(name, str):
            raise TypeError(f"variables[{role!r}] must be the name of a variable, got {name!r}.")
        if role not in {*rule.variables, "connected"}:
            raise ValueError(f"variables renames {role!r}, but {_what_is_renamed(rule, role, name)}.")
    names = {role: given.get(role, role) for role in rule.variables}
    shared = [name for name in names.values() if list(names.values()).count(name) > 1]
    if shared:
        raise ValueError(f"variables gives {shared[0]!r} to two roles; {', '.join(names)} must be different variables.")
    for role, name in names.items():
        if surgery.per_synapse(synapses, name) is None:
            raise ValueError(
                f"{type(rule).__name__} needs the variable {role!r} of each synapse, and '{synapses.name}' has none "
                f"named {name!r} that can be set; add the line '{name} : 1' to its model, "
                f"or name yours by variables={{{role!r}: ...}}."
            )
    return {**names, "connected": given.get("connected", "connected")}


def _what_is_renamed(rule: Rule, role: str, name: str) -> str:
    """Return what ``variables`` is for with this rule, where the user has renamed something else."""
    kind = type(rule).__name__
    if isinstance(rule, SynapticElements) and role in {"axonal", "dendritic"}:
        return f"elements are variables of neurons, named in the rule itself: {kind}({role}={name!r})"
    if name in rule.variables:
        return f"{kind} needs {name!r}; the names of the rule come first: variables={{{name!r}: {role!r}}}"
    if not rule.variables:
        return f"{kind} needs no variable of synapses; only 'connected' may be renamed"
    return f"{kind} needs {', '.join(rule.variables)}"


def _dictionary(name: str, given: Any) -> dict[str, Any]:
    """Return a copy of a dictionary with names as keys, empty for None."""
    if given is not None and not (isinstance(given, Mapping) and all(isinstance(key, str) for key in given)):
        raise TypeError(f"{name} must be a dictionary such as {{'w': ...}}, got {given!r}.")
    return dict(given or {})


def births_of(synapses: Any, birth: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values for newborns, after a check of their names and units.

    Parameters
    ----------
    synapses : Synapses
        That are connected.
    birth : dict, optional
        As given by the user.
    names : dict
        From ``names_of``.

    Returns
    -------
    dict
        A copy.

    Raises
    ------
    TypeError, ValueError
        If there is no such variable, the rule sets it, or the value is none.
    DimensionMismatchError
        If units differ.
    """
    values = _dictionary("birth", birth)
    for name, value in values.items():
        if name in names.values():
            raise ValueError(f"birth may not set {name!r}: the rule does.")
        if name.rpartition(".")[2] != "delay" and surgery.per_synapse(synapses, name) is None:
            raise ValueError(f"birth sets {name!r}, but '{synapses.name}' has no such variable for each synapse.")
        expressions.check_birth(synapses, name, value)
    return values


def distinct(synapses: Sequence[Any]) -> Sequence[Any]:
    """Return Synapses, unless one of them is there twice, or none.

    Parameters
    ----------
    synapses : sequence
        As given by the user.

    Returns
    -------
    sequence
        The same.

    Raises
    ------
    ValueError
        If they are not different ones.
    """
    if not len(synapses) or len({id(each) for each in synapses}) < len(synapses):
        raise ValueError(f"synapses must be a Synapses object or a list of different ones, got {list(synapses)!r}.")
    return synapses


def spare_slots(projections: Sequence[Any], capacity: Any, several: bool, rule: Any) -> list[int]:
    """Return how many slots are to be added to each Synapses object.

    Parameters
    ----------
    projections : sequence of Projection
        Of the Synapses.
    capacity : object
        As given by the user.
    several : bool
        Whether a list is given.
    rule : Rule
        As given by the user.

    Returns
    -------
    list of int
        For each.

    Raises
    ------
    TypeError, ValueError
        If the capacity is out of range, or these Synapses cannot share a budget by this rule.
    """
    numbers = [projection.number for projection in projections]
    if not several:
        if capacity is None:
            return [0]
        if not isinstance(rule, SynapticElements):
            raise ValueError(
                "capacity is for a list of Synapses, and for SynapticElements; with another rule, one alone never has "
                "more connections than now."
            )
        return [check_integer("capacity", capacity, minimum=numbers[0], maximum=2**31 - 1) - numbers[0]]
    if isinstance(rule, SynapticElements):
        raise ValueError("elements belong to neurons, not to a budget; give each Synapses a Rewiring of its own.")
    if isinstance(rule, SoftDeepR | SynapticSampling):
        raise ValueError(f"{type(rule).__name__} has no budget to share; give each Synapses a Rewiring of its own.")
    if isinstance(rule, PruneAndRegrow) and not rule.regrow:
        raise ValueError("regrow=False leaves nothing to share; give each Synapses a Rewiring of its own.")
    if len({(p.rule, p.dimensions) for p in projections}) > 1:
        raise ValueError("Synapses that share a budget must have variables of the same units.")
    most = sum(numbers)
    if capacity is not None:
        most = check_integer("capacity", capacity, minimum=max(numbers), maximum=2**31 - 1)
    return [most - number for number in numbers]


def check_callback(callback: Any) -> Any:
    """Return a callback, unless it cannot be called.

    Parameters
    ----------
    callback : object
        As given by the user.

    Returns
    -------
    callable or None
        The same.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if callback is not None:
        check_callable("callback", callback)
    return callback
