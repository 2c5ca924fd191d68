"""One Synapses object of Brian2, seen as connections in slots."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2.utils.stringtools import get_identifiers
from numpy.typing import NDArray

from synaptic_sampling._checks import check_number, schedules
from synaptic_sampling._metadata import plain
from synaptic_sampling.brian import expressions, queues, surgery
from synaptic_sampling.brian.arguments import REWIRED, Rule, births_of, check_synapses, names_of
from synaptic_sampling.brian.elements import Elements
from synaptic_sampling.brian.schedules import Schedule, description
from synaptic_sampling.brian.units import without_units
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.homeostasis import SynapticElements
from synaptic_sampling.rules import FixedWiring, PruneAndRegrow

__all__ = ["Projection"]

#: Probability of +1, unless the user says another.
EXCITATORY = 0.5


class Projection:
    """Synapses, their connections, and what a rule needs to know of them.

    Parameters
    ----------
    synapses : Synapses
        Of the user.
    rule : Rule
        As given by the user, with units.
    birth : dict, optional
        What a newborn's variables are set to.
    variables : dict, optional
        The user's names of what the rule needs.

    Attributes
    ----------
    rule : Rule
        In SI numbers, of the last event where parameters change with time.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, a variable is missing, or the synapses are rewired already.
    DimensionMismatchError
        If units do not fit.
    """

    #: Whether events are done by a C++ program.
    in_program = False
    #: Whether it is known which connections there are.
    is_known = True

    def __init__(
        self,
        synapses: Any,
        rule: Rule,
        birth: Mapping[str, Any] | None,
        variables: Mapping[str, str] | None,
    ) -> None:
        check_synapses(synapses)
        self.synapses = synapses
        #: Of the variables that the rule needs, by its own names for them.
        self.names = names_of(synapses, rule, variables)
        self._elements = Elements(synapses, rule) if isinstance(rule, SynapticElements) else None
        self.rule = without_units(rule, synapses, self.names)
        self._given_rule = rule
        self._schedule: Schedule | None = None
        self._birth_values = births_of(synapses, birth, self.names)
        self._births: list[expressions.Birth] | None = None
        self._delays: list[tuple[NDArray[Any], float]] = []
        self._stored: Mapping[str, Any] | None = None

    @property
    def dimensions(self) -> tuple[Any, ...]:
        """Return the units of the variables that the rule needs."""
        return tuple(self.synapses.variables[self.names[role]].dim for role in type(self.rule).variables)

    @property
    def may_park(self) -> bool:
        """Return whether there are slots without a connection, now or later."""
        prunes_for_good = isinstance(self.rule, PruneAndRegrow) and not self.rule.regrow
        return prunes_for_good or len(self.synapses) > len(self.connections)

    @property
    def multapses(self) -> bool:
        """Return whether two connections may share a pair of neurons."""
        return self.made.sites.multapses

    @property
    def signed(self) -> bool:
        """Return whether connections have signs: the model has a polarity, or the user says how signs are found."""
        return self._has_signs

    @property
    def has_theta(self) -> bool:
        """Return whether the rule moves a theta."""
        return "theta" in self.names

    @property
    def given_rule(self) -> Rule:
        """Return the rule as the user gave it."""
        return self._given_rule

    @property
    def described_rule(self) -> dict[str, Any]:
        """Return the rule for a log, in SI numbers; parameters that change with time are texts of their schedules."""
        varying = {name: description(getattr(self._given_rule, name)) for name in schedules(self._given_rule)}
        return {**plain(self.rule), **varying}

    @property
    def number(self) -> int:
        """Return how many synapses there are, those without a connection too."""
        return len(self.synapses)

    @property
    def connections(self) -> Connections:
        """Return the connections; after ``adopt``. ``theta`` is the live array of the synapses."""
        if self._stored is not None:
            stored, self._stored = self._stored, None
            self._take_on(stored)
        return self._connections

    @connections.setter
    def connections(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def made(self) -> Connections:
        """Return the connections, of which only what never changes is asked: sizes, sites, seed."""
        return self._connections

    def name_of(self, role: str) -> str:
        """Return the user's name of what a rule calls ``theta``, ``gradient``, ``polarity`` or ``connected``."""
        return self.names.get(role, role)

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make the connections that the synapses hold; nothing of Brian2 changes yet.

        Parameters
        ----------
        pairs : tuple
            From ``allowed_pairs``.
        spare : int
            Slots that ``settle`` will add without a connection.
        **options
            Further arguments of `Connections`.

        Raises
        ------
        ValueError
            If they cannot be rewired.
        """
        num_pre, num_post, allowed = pairs
        pre, post = self._given_endpoints()
        has_theta = "theta" in self.names
        options["dtype"] = self.synapses.variables[self.names["theta"]].dtype if has_theta else np.float64
        self._choose_signs(options)
        try:
            self.connections = Connections(
                num_pre, num_post, pre, post, capacity=len(pre) + spare, **allowed, **options
            )
        except ValueError as error:
            raise ValueError(f"'{self.synapses.name}' cannot be rewired: {error}") from error

    def _choose_signs(self, options: dict[str, Any]) -> None:
        """Say how signs are found, and keep those of +1 and -1 that are there already, unless the user says how.

        Where neither the rule nor the user knows of signs, all are +1.
        """
        self._has_signs = options["signs"] is not None or "polarity" in self.names
        drawn = self._has_signs and (options["signs"] is None or isinstance(options["signs"], str))
        if check_number("excitatory", options["excitatory"]) != EXCITATORY and not drawn:
            raise ValueError(
                f"excitatory = {options['excitatory']} has no effect on '{self.synapses.name}', whose signs are not "
                "drawn; leave it out, or give signs='site', 'presynaptic' or 'redrawn'."
            )
        if not self._has_signs:
            options["signs"] = 1
        elif options["signs"] is None:
            options["signs"], options["polarity"] = "site", self._given_polarity()

    def _given_polarity(self) -> NDArray[np.int8] | None:
        """Return the signs that the user has set, if so."""
        values = self._array("polarity")
        if not values.any():
            return None
        wrong = values[np.abs(values) != 1]
        if len(wrong):
            raise ValueError(
                f"{self.names['polarity']!r} of '{self.synapses.name}' must be +1 or -1 for each synapse, or 0 for "
                f"all of them where signs are to be drawn; got {wrong[0]:g}."
            )
        return values.astype(np.int8)

    def settle(self, owner: Any) -> None:
        """Add spare slots, write signs, and let no other Rewiring have these synapses; after all else was checked.

        Parameters
        ----------
        owner : Rewiring
            Who has them.
        """
        c = self.connections
        if c.capacity > len(c):
            surgery.append(self.synapses, c.capacity - len(c))
            surgery.park(self.synapses, len(c))
        surgery.count_multapses(self.synapses, len(c), self.multapses)
        self._write_signs(slice(len(c)), c.polarity)
        self._write(self.names["connected"], slice(len(c)), 1)
        self._claim(owner)

    def _claim(self, owner: Any) -> None:
        self.fetch_theta()
        if self._elements is not None:
            self._elements.claim()
        REWIRED[self.synapses] = weakref.ref(owner)
        queues.watch(self.synapses)

    def compile(self, namespace: Any) -> None:
        """Compile the strings of the rule and of births.

        Parameters
        ----------
        namespace : dict
            What their names mean.
        """
        if isinstance(self.rule, PruneAndRegrow):
            self._condition = expressions.Condition(self.synapses, self.rule.condition, namespace, self.number)
        if schedules(self._given_rule):
            self._schedule = Schedule(self._given_rule, namespace)
        self._births = [
            expressions.Birth(self.synapses, name, value, namespace) for name, value in self._birth_values.items()
        ]
        self._delays = self._delays_of_newborn()

    def _delays_of_newborn(self) -> list[tuple[NDArray[Any], float]]:
        """Return the delays, and that of a newborn, of pathways whose synapses have their own and whose births none."""
        found: list[tuple[NDArray[Any], float]] = []
        if isinstance(self.rule, FixedWiring) or (isinstance(self.rule, PruneAndRegrow) and not self.rule.regrow):
            return found  # No connection is ever born.
        for name, delays in queues.delays_by_name(self.synapses).items():
            if name in self._birth_values or (name == "pre.delay" and "delay" in self._birth_values):
                continue
            used = np.unique(delays[: len(self.connections)])
            if len(used) > 1:
                raise ValueError(
                    f"synapses of '{self.synapses.name}' differ in {name}, so that of a new one is not known; "
                    f"set it by birth={{'{name}': ...}}, a time or a string such as '2*ms*rand()'."
                )
            if len(used):
                found.append((delays, used[0]))
        return found

    def check_strings(self, rule: Rule, namespace: Any) -> None:
        """Refuse a string of a rule that is no condition, as far as its names are known already.

        Parameters
        ----------
        rule : Rule
            Given by the user now.
        namespace : dict
            Where it is given.

        Raises
        ------
        SyntaxError, TypeError
            If it is none.
        """
        if isinstance(rule, PruneAndRegrow):
            expressions.check_early(self.synapses, rule.condition, namespace)

    def check_rule(self, rule: Rule) -> None:
        """Refuse parameters of another unit than the variables have, and elements that are not there.

        Parameters
        ----------
        rule : Rule
            Of the same kind as that of the construction.

        Raises
        ------
        ValueError
            If the neurons do not have the elements.
        DimensionMismatchError
            If units do not fit.
        """
        without_units(rule, self.synapses, self.names)
        if isinstance(rule, SynapticElements):
            Elements(self.synapses, rule)

    def follow_rule(self, rule: Rule) -> None:
        """Take on another rule, from the next run on.

        Parameters
        ----------
        rule : Rule
            That has been checked.
        """
        self._given_rule, self._schedule = rule, None
        self.rule = without_units(rule, self.synapses, self.names)
        if isinstance(rule, SynapticElements):
            self._elements = Elements(self.synapses, rule)
            self._elements.claim()

    def reseed(self, seed: int) -> None:
        """Let all random numbers be those of another seed, except signs.

        Parameters
        ----------
        seed : int
            0 to 2**64 - 1.
        """
        self.connections.reseed(seed)

    def check_owner(self, owner: Any) -> None:
        """Refuse a Rewiring that has let go of the synapses.

        Parameters
        ----------
        owner : Rewiring
            Who wants to do something.

        Raises
        ------
        RuntimeError
            If these synapses are not its own any more.
        """
        if REWIRED.get(self.synapses, lambda: None)() is not owner:
            raise RuntimeError(f"'{owner.name}' has let go of '{self.synapses.name}'; take it out of the network.")

    def check_release(self) -> None:
        """Refuse to let go of synapses of which nobody else knows which hold connections.

        Raises
        ------
        ValueError
            If there are parked slots.
        """
        if len(self.connections) < len(self.synapses):
            raise ValueError(
                f"'{self.synapses.name}' has {len(self.synapses) - len(self.connections)} slots without a connection, "
                "which another Rewiring would take for connections; make the network anew."
            )

    def release(self) -> None:
        """Let another Rewiring have the synapses."""
        del REWIRED[self.synapses]

    def follow_schedule(self, seconds: float) -> None:
        """Take on the rule of a moment, where its parameters change with time.

        Parameters
        ----------
        seconds : float
            Simulated time.
        """
        if self._schedule is not None:
            self.rule = without_units(self._schedule.at(seconds), self.synapses, self.names)

    def generate(self, owner: Any) -> None:
        """Prepare the next run; in C++ standalone mode, events have to become code.

        Parameters
        ----------
        owner : Rewiring
            Whose events these are.
        """

    def pruned(self) -> NDArray[np.bool_]:
        """Return for which connections the condition of the rule holds."""
        return self._condition.holds()[: len(self.connections)].copy()

    def unset_at_birth(self) -> list[str]:
        """Return the variables in the condition that are 0 for a new connection, as birth does not set them."""
        names = sorted(get_identifiers(self.rule.condition)) if isinstance(self.rule, PruneAndRegrow) else []
        owned = [name for name in names if surgery.per_synapse(self.synapses, name) is not None]
        return [name for name in owned if name not in self._birth_values]

    def elements(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return how many axonal elements the presynaptic neurons have, and dendritic ones the postsynaptic."""
        assert self._elements is not None
        return self._elements.numbers()

    def gradient(self) -> NDArray[Any]:
        """Return the gradient of each connection, the live array."""
        return self._array("gradient")[: len(self.connections)]

    def theta(self) -> NDArray[Any] | None:
        """Return theta of each connection, the live array; None where the rule knows of none."""
        return self._array("theta")[: len(self.connections)] if "theta" in self.names else None

    def polarity(self) -> NDArray[Any] | None:
        """Return the signs that stand in the synapses, the live array; None where none are kept there."""
        variable = surgery.per_synapse(self.synapses, self.name_of("polarity")) if self._has_signs else None
        return None if variable is None else variable.get_value()[: len(self.connections)]

    def clear_gradient(self) -> None:
        """Let the next sum begin at 0."""
        if "gradient" in self.names:
            self._array("gradient")[:] = 0

    def fetch_theta(self) -> None:
        """Let the connections work on the synapses' own theta."""
        if "theta" in self.names:
            self.connections.theta = self._array("theta")

    def operate(self, info: RewiringInfo) -> None:
        """Let Brian2's synapses follow.

        Parameters
        ----------
        info : RewiringInfo
            What died, was born and moved, of this set alone.
        """
        born = info.born
        slots = info.slots
        owners = queues.owners(self.synapses, slots)
        surgery.reconnect(self.synapses, info.died, born)
        self._write_signs(born.slot, born.polarity)
        self._write(self.names["connected"], born.slot, 1)
        self._set_births(born.slot)
        if info.num_moves:
            surgery.move(self.synapses, *info.moved)
        if info.num_births != info.num_deaths:
            queues.use_first(self.synapses, len(self.connections))
        surgery.count_multapses(self.synapses, len(self.connections), self.multapses)
        queues.follow(self.synapses, slots, owners)

    def check_number(self, owner: str) -> None:
        """Refuse synapses that were added by others.

        Parameters
        ----------
        owner : str
            Name of the Rewiring.

        Raises
        ------
        ValueError
            If there are more synapses than slots.
        """
        self._check_same(owner, self.connections.capacity)

    def follow_restore(self) -> None:
        """Take on the endpoints of the synapses where ``restore`` has changed them; park what is spare."""
        c = self.connections
        pre, post = (ends[: len(c)] for ends in surgery.endpoints(self.synapses))
        if not (np.array_equal(pre, c.pre) and np.array_equal(post, c.post)):
            polarity = self.polarity()
            signs = c.signs_of(pre, post) if polarity is None else polarity.astype(np.int8)
            c.restore({**c.state(), "pre": pre, "post": post, "polarity": signs})
        if len(c) < c.capacity:
            surgery.park(self.synapses, len(c))
        surgery.count_multapses(self.synapses, len(c), self.multapses)

    def state(self) -> dict[str, Any]:
        """Return what Brian2's ``store`` keeps of this, and the delays, which Brian2 2.9 forgets."""
        state = {name: np.array(values) for name, values in self.connections.state().items() if name != "theta"}
        return {
            "connections": state,
            "delays": queues.delays(self.synapses),
            "time_steps": queues.time_steps(self.synapses),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take on what ``state`` returned.

        Parameters
        ----------
        state : dict
            From ``state``.
        """
        # Brian2 may have yet to bring back the synapses, and not so many as there are now.
        self._stored = state
        queues.restore_delays(self.synapses, state["delays"])
        queues.restore_time_steps(self.synapses, state["time_steps"])
        queues.use_first(self.synapses, len(state["connections"]["pre"]))

    def _take_on(self, state: Mapping[str, Any]) -> None:
        """Let the connections be those that were stored, now that their synapses are back."""
        c = self.connections
        c.capacity = len(self.synapses)
        c.resize(len(state["connections"]["pre"]))
        self.fetch_theta()
        c.restore({**state["connections"], "theta": c.theta})

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots."""
        c = self.connections
        return c.pre, c.post, c.theta, c.polarity

    def _given_endpoints(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the endpoints that ``connect`` has made."""
        return surgery.endpoints(self.synapses)

    def _check_same(self, owner: str, number: int) -> None:
        if len(self.synapses) != number:
            raise ValueError(
                f"'{self.synapses.name}' has {len(self.synapses)} synapses, but had {number} when '{owner}' was made; "
                "call connect() first and make the Rewiring last."
            )

    def _set_births(self, slots: NDArray[np.int32]) -> None:
        for delays, own in self._delays:
            delays[slots] = own
        for birth in self._births or ():
            birth.set(slots)

    def _array(self, role: str) -> NDArray[Any]:
        """Return the live array of the variable that has this role in the rule."""
        return self.synapses.variables[self.names[role]].get_value()

    def _write_signs(self, slots: Any, signs: NDArray[np.int8]) -> None:
        """Set the polarity of some slots, where that is wanted."""
        if self._has_signs:
            self._write(self.names.get("polarity", "polarity"), slots, signs)

    def _write(self, name: str, slots: Any, values: Any) -> None:
        """Set a variable of some slots, if there is one of that name."""
        variable = surgery.per_synapse(self.synapses, name)
        if variable is not None:
            variable.get_value()[slots] = values
