"""Validation of what a user passes to a Rewiring, before anything changes."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from brian2 import Synapses
from brian2.core.variables import ArrayVariable

from synaptic_sampling._checks import check_callable, check_integer, check_number
from synaptic_sampling.brian import expressions
from synaptic_sampling.brian.internals import queues, surgery
from synaptic_sampling.brian.signals import (
    acts_on_potential,
    check_signals,
    neuron_signals,
    pair_signals,
    shared_signals,
)
from synaptic_sampling.rules import Rule

__all__ = [
    "REWIRED",
    "SEPARATE",
    "births_of",
    "check_callback",
    "check_excitatory",
    "check_owner",
    "check_synapses",
    "distinct",
    "names_of",
    "spare_slots",
    "switch_of",
]

#: The Rewiring that controls each Synapses object.
REWIRED: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
#: Default fraction of excitatory connections.
EXCITATORY = 0.5
#: What to do where several Synapses cannot share a budget.
SEPARATE = "give each Synapses a Rewiring of its own."


def check_synapses(synapses: Any) -> None:
    """Raise an error unless ``synapses`` is a connected Synapses object that no Rewiring controls yet."""
    if not isinstance(synapses, Synapses):
        raise TypeError(f"synapses must be a Synapses object, or a list of them, got {synapses!r}.")
    surgery.check_device()
    surgery.check_brian(synapses)
    if not surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is not connected yet; call connect() before creating a Rewiring.")
    other = REWIRED.get(synapses, lambda: None)()
    if other is not None:
        raise ValueError(
            f"'{synapses.name}' is rewired by '{other.name}' already, and only one Rewiring may control it; "
            f"change the attribute rule of '{other.name}', or call its method release() first."
        )
    queues.check_all_in_use(synapses)


def check_owner(synapses: Any, owner: Any) -> None:
    """Raise an error if the Rewiring ``owner`` no longer controls the synapses."""
    if REWIRED.get(synapses, lambda: None)() is not owner:
        raise RuntimeError(
            f"'{owner.name}' no longer controls '{synapses.name}' because release() was called; "
            "remove it from the network."
        )


def names_of(synapses: Any, rule: Rule, variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the name of each variable that the rule needs, and of the optional flag ``connected``.

    Raises an error if ``rule`` is not a rule, ``variables`` renames something else, or a variable is missing.
    """
    check_signals(rule)
    given = _dictionary("variables", variables)
    for role, name in given.items():
        if not isinstance(name, str):
            raise TypeError(f"variables[{role!r}] must be the name of a variable, got {name!r}.")
        if role not in _renamable(rule):
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
    for role in shared_signals(rule):
        names[role] = given.get(role, role)
        variable = synapses.variables.get(names[role])
        if not isinstance(variable, ArrayVariable) or not variable.scalar:
            raise ValueError(
                f"{type(rule).__name__} needs the shared variable {role!r}, and '{synapses.name}' has no shared "
                f"variable named {names[role]!r}; write '{names[role]} : 1 (shared)' in its model, or name yours by "
                f"variables={{{role!r}: ...}}."
            )
        if variable.read_only and role in shared_signals(rule, accumulated=True):
            raise ValueError(
                f"{names[role]!r} of '{synapses.name}' must be a variable that can be set, because "
                f"{type(rule).__name__} accumulates {role!r}, which is set to 0 after each event; write "
                f"'{names[role]} : 1 (shared)' in the model."
            )
    return {**names, "connected": given.get("connected", "connected")}


def _renamable(rule: Rule) -> list[str]:
    """Return the names that ``variables`` may rename; a rule with an attribute of that name renames a signal itself."""
    of_neurons = [signal for signal in neuron_signals(rule) if not hasattr(rule, signal)]
    return [*rule.variables, *shared_signals(rule), *pair_signals(rule), *of_neurons, "connected"]


def _what_is_renamed(rule: Rule, role: str, name: str) -> str:
    """Return what ``variables`` may rename for this rule."""
    kind = type(rule).__name__
    if role in neuron_signals(rule):
        return f"{kind} itself names this variable of the neurons: {kind}({role}={name!r})"
    if name in rule.variables:
        return f"{kind} needs {name!r}; the names of the rule come first: variables={{{name!r}: {role!r}}}"
    allowed = _renamable(rule)[:-1]
    if not allowed:
        return f"{kind} needs no variable of synapses; only 'connected' may be renamed"
    return f"{kind} needs {', '.join(allowed)}"


def _dictionary(name: str, given: Any) -> dict[str, Any]:
    """Return a copy of a dictionary with names as keys, empty for None."""
    if given is not None and not (isinstance(given, Mapping) and all(isinstance(key, str) for key in given)):
        raise TypeError(f"{name} must be a dictionary such as {{'w': ...}}, got {given!r}.")
    return dict(given or {})


def switch_of(synapses: Any, name: str | None) -> ArrayVariable | None:
    """Return the shared variable that switches events on and off; raise an error if it is not one of the model."""
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"enabled must be the name of a shared variable, got {name!r}; for a whole run, set active.")
    if not isinstance(synapses, Synapses):
        raise ValueError(
            f"enabled must name a variable of one Synapses object, not of a list, got {name!r}; {SEPARATE}"
        )
    variable: ArrayVariable | None = surgery.shared_variable(synapses, name)
    if variable is None:
        raise ValueError(
            f"enabled must name a shared variable of '{synapses.name}' that can be set, got {name!r}; add the line "
            f"'{name} : boolean (shared)' to its model."
        )
    return variable


def births_of(synapses: Any, birth: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy of the values for new connections, after validation of names, values and units."""
    values = _dictionary("birth", birth)
    for name, value in values.items():
        if name in names.values():
            raise ValueError(f"birth must not set {name!r}, which the rule sets; leave it out.")
        if name.rpartition(".")[2] != "delay" and surgery.per_synapse(synapses, name) is None:
            raise ValueError(
                f"birth sets {name!r}, but '{synapses.name}' has no such variable for each synapse; "
                "name a variable of its model, or leave it out."
            )
        expressions.check_birth(synapses, name, value)
        if name.rpartition(".")[2] == "delay" and not isinstance(value, str) and not 0 <= float(value) < math.inf:
            raise ValueError(f"birth of {name!r} must be a time >= 0, got {value}.")
    return values


def distinct(synapses: Sequence[Any]) -> Sequence[Any]:
    """Return the Synapses, or raise an error if the list is empty or contains one of them twice."""
    if not len(synapses) or len({id(each) for each in synapses}) < len(synapses):
        raise ValueError(f"synapses must be a Synapses object or a list of different ones, got {list(synapses)!r}.")
    return synapses


def spare_slots(projections: Sequence[Any], capacity: Any, several: bool, rule: Any) -> list[int]:
    """Return how many slots to add to each Synapses object.

    Raises an error if ``capacity`` is out of range, or if the Synapses cannot share a budget under this rule.
    """
    numbers = [projection.number for projection in projections]
    if not several:
        if capacity is None:
            return [0]
        if not rule.grows:
            raise ValueError(
                f"capacity is for a list of Synapses and for rules such as SynapticElements, got {capacity!r}; leave "
                f"it out, since under {type(rule).__name__} a single Synapses never has more connections than now."
            )
        return [check_integer("capacity", capacity, minimum=numbers[0], maximum=2**31 - 1) - numbers[0]]
    if neuron_signals(rule):
        raise ValueError(
            f"{type(rule).__name__} reads variables of neurons, which a shared budget does not support; {SEPARATE}"
        )
    if acts_on_potential(rule):
        raise ValueError(f"{type(rule).__name__} has no budget that could be shared; {SEPARATE}")
    if not rule.keeps_number:
        raise ValueError(f"rule must keep the number of connections for a shared budget, got {rule!r}; {SEPARATE}")
    if len({(p.rule, p.dimensions) for p in projections}) > 1:
        raise ValueError(f"Synapses that share a budget must have variables of the same units; {SEPARATE}")
    most = sum(numbers)
    if capacity is not None:
        most = check_integer("capacity", capacity, minimum=max(numbers), maximum=2**31 - 1)
    return [most - number for number in numbers]


def check_callback(callback: Any) -> Any:
    """Return a callback, or raise an error if it cannot be called."""
    if callback is not None:
        check_callable("callback", callback)
    return callback


def check_excitatory(synapses: Any, excitatory: Any, drawn: bool) -> None:
    """Raise an error if a fraction of excitatory connections is given, but signs are not drawn."""
    if check_number("excitatory", excitatory) != EXCITATORY and not drawn:
        raise ValueError(
            f"excitatory must not be given for '{synapses.name}', whose signs are not drawn, got "
            f"{excitatory}; omit it, or give signs='site', 'presynaptic' or 'redrawn'."
        )
