"""One Synapses object of Brian2, seen as connections in slots."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.brian.arguments import REWIRED, check_excitatory, check_synapses, names_of
from synaptic_sampling.brian.births import Births
from synaptic_sampling.brian.companion import Companion
from synaptic_sampling.brian.internals import queues, surgery
from synaptic_sampling.brian.neurons import NeuronVariables
from synaptic_sampling.brian.schedules import described
from synaptic_sampling.brian.signals import shared_signals
from synaptic_sampling.brian.strings import RuleStrings
from synaptic_sampling.brian.units import without_units
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules import Rule, Signal

__all__ = ["Projection"]


class Projection:
    """Synapses, their connections, and the signals that a rule needs.

    Parameters
    ----------
    synapses : Synapses
        Connected already.
    rule : Rule
        As given by the user, with units.
    birth : dict, optional
        Values of the variables of a new connection.
    variables : dict, optional
        The user's names of the variables that the rule needs.
    companion : Synapses, optional
        Synapses with a value per pair of neurons.

    Attributes
    ----------
    rule : Rule
        In SI numbers; where parameters change with time, those of the last event.
    given_rule : Rule
        As given by the user.
    names : dict of str to str
        Names of variables, by what the rule calls them.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, a variable is missing, or another Rewiring controls the synapses.
    DimensionMismatchError
        If units do not fit.
    """

    #: Whether a C++ program carries out the events.
    in_program = False
    #: Whether the connections are known before the run.
    is_known = True
    #: The strings of the rule, once compiled.
    _strings: RuleStrings

    def __init__(
        self,
        synapses: Any,
        rule: Rule,
        birth: Mapping[str, Any] | None,
        variables: Mapping[str, str] | None,
        companion: Any = None,
    ) -> None:
        check_synapses(synapses)
        self.synapses = synapses
        self.names = names_of(synapses, rule, variables)
        self._renamed = dict(variables or {})
        self._neurons = NeuronVariables(synapses, rule, self._renamed)
        self.companion = Companion(synapses, rule, companion, self._renamed)
        self.rule, self.given_rule = without_units(rule, synapses, self.names), rule
        self._births = Births(synapses, birth, self.names)
        self._stored: Mapping[str, Any] | None = None

    @property
    def reads_sites(self) -> bool:
        """Return whether the next event reads one value per pair of neurons."""
        return self.rule.reads_sites(self.connections.steps_done + 1)

    @property
    def dimensions(self) -> tuple[Any, ...]:
        """Return the units of the variables that the rule needs."""
        return tuple(self.synapses.variables[self.names[role]].dim for role in self.rule.variables)

    @property
    def may_park(self) -> bool:
        """Return whether some slots hold no connection, now or later."""
        return not self.rule.keeps_number or len(self.synapses) > len(self.connections)

    @property
    def multapses(self) -> bool:
        """Return whether two connections may share a pair of neurons."""
        return self.made.sites.multapses

    @property
    def signed(self) -> bool:
        """Return whether connections have signs: the model has a polarity, or the user specifies signs."""
        return self._has_signs

    @property
    def has_theta(self) -> bool:
        """Return whether the rule has a theta."""
        return "theta" in self.names

    @property
    def described_rule(self) -> dict[str, Any]:
        """Return the rule for a log, in SI numbers."""
        return described(self.rule, self.given_rule)

    @property
    def number(self) -> int:
        """Return the number of synapses, including those without a connection."""
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
        """Return the connections, for what never changes: sizes, sites, seed."""
        return self._connections

    def name_of(self, role: str) -> str:
        """Return the user's name of what a rule calls ``theta``, ``gradient``, ``polarity`` or ``connected``."""
        return self.names.get(role, role)

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make `Connections` of the synapses, with ``spare`` additional slots; Brian2's objects do not change yet.

        ``pairs`` comes from ``allowed_pairs``; ``options`` are further arguments of `Connections`.
        """
        num_pre, num_post, allowed = pairs
        pre, post = self._given_endpoints()
        options["dtype"] = self.synapses.variables[self.names["theta"]].dtype if self.has_theta else np.float64
        self._choose_signs(options)
        try:
            self.connections = Connections(
                num_pre, num_post, pre, post, capacity=len(pre) + spare, **allowed, **options
            )
        except ValueError as error:
            raise ValueError(f"'{self.synapses.name}' cannot be rewired: {error}") from error

    def _choose_signs(self, options: dict[str, Any]) -> None:
        """Choose how signs are found; signs that the synapses have already are kept, unless the user specifies others.

        If neither the rule nor the user mentions signs, all are +1.
        """
        self._has_signs = options["signs"] is not None or "polarity" in self.names
        drawn = self._has_signs and (options["signs"] is None or isinstance(options["signs"], str))
        check_excitatory(self.synapses, options["excitatory"], drawn)
        if not self._has_signs:
            options["signs"] = 1
        elif options["signs"] is None:
            options["signs"], options["polarity"] = "site", self._given_polarity()

    def _given_polarity(self) -> NDArray[np.int8] | None:
        """Return the signs that the user has set, or None."""
        values = self._array("polarity")
        if not values.any():
            return None
        wrong = values[np.abs(values) != 1]
        if len(wrong):
            raise ValueError(
                f"{self.names['polarity']!r} of '{self.synapses.name}' must be +1 or -1 for each synapse, or 0 for "
                f"all of them to have signs drawn; got {wrong[0]:g}."
            )
        return values.astype(np.int8)

    def settle(self, owner: Any) -> None:
        """Add spare slots, write signs, and register ``owner``; called once everything else has been validated."""
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
        self._neurons.claim()
        REWIRED[self.synapses] = weakref.ref(owner)
        queues.watch(self.synapses)

    def compile(self, namespace: Any) -> None:
        """Compile the strings of the rule and of new connections."""
        self._strings = RuleStrings(self.given_rule, self.synapses, self.number, namespace)
        self._births.compile(namespace)
        self._find_delays()
        # Every event writes these in new connections anyway; strings of ``birth`` may read the accumulated signals.
        roles = ["connected"] + ["theta"] * self.has_theta + ["polarity"] * self._has_signs
        roles += self.rule.accumulated * (not self._births.compiled)
        self._written = frozenset(surgery.per_synapse(self.synapses, self.name_of(role)) for role in roles)

    def _find_delays(self) -> None:
        if self.rule.forms:
            self._births.find_delays(len(self.connections))

    def check_rule(self, rule: Rule) -> None:
        """Raise an error unless another rule of the same class fits the units and the variables of the neurons."""
        without_units(rule, self.synapses, self.names)
        NeuronVariables(self.synapses, rule, self._renamed)

    def follow_rule(self, rule: Rule) -> None:
        """Use another rule, which has been checked, from the next event on."""
        self.given_rule, self.rule = rule, without_units(rule, self.synapses, self.names)
        self._neurons = NeuronVariables(self.synapses, rule, self._renamed)
        self._neurons.claim()

    def reseed(self, seed: int) -> None:
        """Use another seed for all random numbers except those of signs."""
        self.connections.reseed(seed)

    def check_release(self) -> None:
        """Raise an error if parked slots exist: another Rewiring could not tell them from connections."""
        queues.check_all_in_use(self.synapses)

    def release(self) -> None:
        """Make the synapses available to another Rewiring."""
        del REWIRED[self.synapses]

    def follow_schedule(self, seconds: float) -> None:
        """Evaluate the parameters that change with time, at this simulated time."""
        if self._strings.rule is not self.given_rule:  # It was set during the run.
            self._strings = self._strings.of(self.given_rule)
            self._find_delays()
        if self._strings.schedule is not None:
            self.rule = without_units(self._strings.schedule.at(seconds), self.synapses, self.names)

    def generate(self, owner: Any) -> None:
        """Prepare the next run; in C++ standalone mode, generate the code of the events."""
        self.companion.announce(self.reads_sites)

    def signals(self) -> dict[str, Any]:
        """Return the signals that the rule needs in this event, by name."""
        return {signal.name: self._signal(signal) for signal in self.rule.signals}

    def _signal(self, signal: Signal) -> Any:
        """Return one signal: live arrays of synaptic variables, copies of everything else."""
        if signal.condition:
            return self._strings.conditions[signal.name].holds()[: len(self.connections)].copy()
        if signal.of == "connection":
            return self._array(signal.name)[: len(self.connections)]
        if signal.of == "network":
            return self._array(signal.name).item()
        if signal.of == "site":
            return self.companion.values(signal.name, self.reads_sites)
        return self._neurons.values(signal.name)

    @property
    def births(self) -> Births:
        """Return what the variables of new connections are set to."""
        return self._births

    def gradient(self) -> NDArray[Any]:
        """Return the gradient of each connection, the live array."""
        return self._array("gradient")[: len(self.connections)]

    def theta(self) -> NDArray[Any] | None:
        """Return theta of each connection, the live array; None for rules without theta."""
        return self._array("theta")[: len(self.connections)] if self.has_theta else None

    def polarity(self) -> NDArray[Any] | None:
        """Return the signs stored in the synapses, the live array; None where none are stored."""
        variable = surgery.per_synapse(self.synapses, self.name_of("polarity"))
        return variable.get_value()[: len(self.connections)] if self._has_signs and variable is not None else None

    def clear_accumulated(self) -> None:
        """Set accumulated signals to 0."""
        for role in (*self.rule.accumulated, *shared_signals(self.rule, accumulated=True)):
            self._array(role)[:] = 0
        self._neurons.clear()
        self.companion.begin(self.reads_sites)

    def fetch_theta(self) -> None:
        """Make the connections work on the synapses' own theta."""
        if self.has_theta:
            self.connections.theta = self._array("theta")

    def operate(self, info: RewiringInfo) -> None:
        """Apply an event of this set to Brian2's synapses: endpoints, variables, delays and spike queues."""
        if not len(info.events):
            return
        born, slots = info.born, info.slots
        owners = queues.owners(self.synapses, slots)
        replaced = 2 * len(slots) == len(info.events)  # Each vacated slot is filled, and no other one.
        surgery.reconnect(self.synapses, info.died, born, self._written if replaced else frozenset())
        self._write_signs(born.slot, born.polarity)
        self._write(self.names["connected"], born.slot, 1)
        self._births.set(born.slot)
        if info.num_moves:
            surgery.move(self.synapses, *info.moved)
        if info.num_births != info.num_deaths:
            queues.use_first(self.synapses, len(self.connections))
        surgery.count_multapses(self.synapses, len(self.connections), self.multapses)
        queues.follow(self.synapses, slots, owners, self._births.change_delays or not replaced)

    def check_number(self, owner: str) -> None:
        """Raise an error if synapses were added after the Rewiring named ``owner`` was created."""
        self._check_same(owner, self.connections.capacity)
        self.companion.check_number(owner)

    def start_run(self) -> None:
        """Read endpoints again if ``restore`` has changed them, park spare slots, and check times of last updates."""
        surgery.limit_last_update(self.synapses)
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
        """Return the state for Brian2's ``store``, including the delays, which Brian2 2.9 forgets."""
        s, state = self.synapses, self.connections.state()
        own = {name: values for name, values in state.items() if name != "theta"}
        return {"connections": own, "delays": queues.delays(s), "time_steps": queues.time_steps(s)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned; the synapses may not be restored yet, and their number may differ."""
        self._stored = state
        queues.restore_delays(self.synapses, state["delays"])
        queues.restore_time_steps(self.synapses, state["time_steps"])
        queues.use_first(self.synapses, len(state["connections"]["pre"]))

    def resume(self, state: Mapping[str, NDArray[Any]], *, until: float) -> None:
        """Take on a state; the synapses have its endpoints, theta and signs. The last event is at time ``until``."""
        self.connections.restore(state)

    def _take_on(self, state: Mapping[str, Any]) -> None:
        """Restore the connections, now that Brian2 has restored the synapses."""
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
                f"'{self.synapses.name}' has {len(self.synapses)} synapses, but had {number} when '{owner}' was "
                "created; call connect() first and create the Rewiring last."
            )

    def _array(self, role: str) -> NDArray[Any]:
        """Return the live array of the variable that has this role in the rule."""
        return self.synapses.variables[self.names[role]].get_value()

    def _write_signs(self, slots: Any, signs: NDArray[np.int8]) -> None:
        """Set the polarity of some slots, where connections have signs."""
        if self._has_signs:
            self._write(self.name_of("polarity"), slots, signs)

    def _write(self, name: str, slots: Any, values: Any) -> None:
        """Set a variable of some slots, if it exists."""
        if (variable := surgery.per_synapse(self.synapses, name)) is not None:
            variable.get_value()[slots] = values
