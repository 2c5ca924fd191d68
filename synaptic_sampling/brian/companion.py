"""Synapses beside the rewired ones that have a value for each pair of neurons, connected or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Synapses
from numpy.typing import NDArray

from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.connections.sites import Sites
from synaptic_sampling.rules import Rule

__all__ = ["NEEDED", "Companion"]

#: A shared variable of the companion that says whether the next event reads its values.
NEEDED = "needed"


class Companion:
    """The source of signals with one value per pair of neurons; without effect for a rule that has none.

    Parameters
    ----------
    rewired : Synapses
        The synapses that a rule rewires.
    rule : Rule
        The rule.
    synapses : Synapses or None
        The companion: synapses between the same groups, once for each pair that may be connected.
    given : mapping of str to str
        The user's names of the variables.

    Attributes
    ----------
    synapses : Synapses or None
        As given.
    names : dict of str to str
        Names of the variables, by signal.
    needed : ArrayVariable or None
        The shared variable ``needed``, if the companion has one.

    Raises
    ------
    TypeError, ValueError
        If the companion is missing, is not one, or lacks a variable.
    """

    def __init__(self, rewired: Any, rule: Rule, synapses: Any, given: Mapping[str, str]) -> None:
        signals = [signal for signal in rule.signals if signal.of == "site"]
        self.synapses = synapses
        self.names = {signal.name: given.get(signal.name, signal.name) for signal in signals}
        self._accumulated = [self.names[signal.name] for signal in signals if signal.accumulated]
        self.needed: Any = None
        self._keys = np.empty(0, np.int64)
        if synapses is None and not signals:
            return
        self._check(rewired, type(rule).__name__)
        self._shape = len(synapses.source), len(synapses.target)
        if NEEDED in synapses.equations:
            self.needed = surgery.shared_variable(synapses, NEEDED)
            if self.needed is None:
                raise ValueError(
                    f"{NEEDED!r} of '{synapses.name}' must be shared by all synapses; write "
                    f"'{NEEDED} : boolean (shared)', or give the variable another name."
                )

    @property
    def accumulated(self) -> list[Any]:
        """Return the variables that are set to 0 after each event."""
        return [self.synapses.variables[name] for name in self._accumulated]

    def variable(self, signal: str) -> Any:
        """Return the variable of a signal."""
        return self.synapses.variables[self.names[signal]]

    def settle(self, sites: Sites) -> None:
        """Note the order of the pairs; raise an error unless each one that may be connected is there once.

        Where a C++ program makes the companion, it is checked by the program.
        """
        if self.synapses is None or not program.are_endpoints_known(self.synapses):
            return
        keys = sites.keys(*surgery.endpoints(self.synapses))
        times = np.bincount(keys, minlength=sites.num_pre * sites.num_post)[sites.all_keys()]
        wrong = np.flatnonzero(times != 1)
        if len(wrong):
            pre, post = np.divmod(sites.all_keys()[wrong[0]], sites.num_post)
            raise ValueError(
                f"'{self.synapses.name}', the companion, must have each pair that may be connected once, got {pre} -> "
                f"{post} {times[wrong[0]]} times; connect it by connect() without arguments."
            )
        self._keys = keys

    def check_number(self, owner: str) -> None:
        """Raise an error if the companion has been connected further since the Rewiring was created."""
        if self.synapses is not None and len(self.synapses) != len(self._keys):
            raise ValueError(
                f"'{self.synapses.name}', the companion, has {len(self.synapses)} synapses, but had {len(self._keys)} "
                f"when '{owner}' was created; call connect() first and create the Rewiring last."
            )

    def values(self, signal: str, read: bool) -> NDArray[np.float64]:
        """Return the value of each pair, shape (pre, post), 0 for pairs without one, or if they will not be read."""
        if not read:
            return np.broadcast_to(0.0, self._shape)
        matrix = np.zeros(self._shape)
        matrix.ravel()[self._keys] = self.variable(signal).get_value()
        return matrix

    def begin(self, read: bool) -> None:
        """Set accumulated values to 0, and announce whether the next event reads them."""
        for variable in self.accumulated:
            variable.get_value()[:] = 0
        self.announce(read)

    def announce(self, read: bool) -> None:
        """Write whether the next event reads the values."""
        if self.needed is not None:
            self.needed.get_value()[:] = read

    def _check(self, rewired: Any, kind: str) -> None:
        """Raise an error unless this is a companion of the rewired synapses, for a rule that needs one."""
        own, names = self.synapses, ", ".join(self.names)
        if own is None:
            raise ValueError(
                f"{kind} needs {names} of each pair of neurons, connected or not; make a second Synapses between the "
                f"same groups with this variable, connect all pairs, and pass it as companion=... ."
            )
        if not names:
            raise ValueError(
                f"companion is for rules with a value for each pair of neurons, such as RigLDescent, got {own!r}; "
                f"leave it out for {kind}."
            )
        if not isinstance(own, Synapses):
            raise TypeError(f"companion must be a Synapses object, got {own!r}.")
        if own is rewired or REWIRED.get(own, lambda: None)() is not None:
            raise ValueError(f"companion must be Synapses of its own that are not rewired, got '{own.name}'.")
        if not surgery.is_connected(own):
            raise ValueError(f"'{own.name}', the companion, is not connected yet; call connect() first.")
        if _ends(own) != _ends(rewired):
            raise ValueError(
                f"'{own.name}', the companion, must connect the same groups as '{rewired.name}', in this order."
            )
        for signal, name in self.names.items():
            if surgery.per_synapse(own, name) is None:
                raise ValueError(
                    f"{kind} needs {signal!r}, and '{own.name}', the companion, has no variable {name!r} for each "
                    f"synapse; add the line '{name} : 1' to its model, or name yours by variables={{{signal!r}: ...}}."
                )


def _ends(synapses: Any) -> list[tuple[str, int, int]]:
    """Return the groups on both sides: which neurons of which group."""
    sides = synapses.source, synapses.target
    return [(getattr(side, "source", side).id, getattr(side, "start", 0), len(side)) for side in sides]
