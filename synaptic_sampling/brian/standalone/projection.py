"""Rewiring in C++ standalone mode: the generated program makes the same steps as Python, with bit-identical results.

Three code objects: one reads the connections where the Rewiring is created, one runs in every step of its clock and
carries out the events, and one per monitor writes a log that `RewiringLog` reads. What Brian2 does not store of a
connection (sign, age, moments) is kept in additional arrays that Brian2 writes to its results, so that Python can read
them after a run.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import astuple
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables
from numpy.typing import NDArray

from synaptic_sampling.brian import expressions
from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.standalone import program, support
from synaptic_sampling.brian.standalone.moves import move_in_cpp, noise_in_cpp
from synaptic_sampling.brian.standalone.pairs import AcceptedPairs, describe_companion
from synaptic_sampling.brian.standalone.program import name_of
from synaptic_sampling.brian.units import without_units
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.rules import Rule
from synaptic_sampling.rules.base import GradientRule

__all__ = ["StandaloneProjection"]


class StandaloneProjection(Projection):
    """Synapses that the generated program rewires; parameters as in `Projection`."""

    in_program = True
    #: What ``connected`` of slot k is, in C++.
    flag_in_program = "1"

    def __init__(
        self,
        synapses: Any,
        rule: Rule,
        birth: Mapping[str, Any] | None,
        variables: Mapping[str, str] | None,
        companion: Any = None,
    ) -> None:
        support.check_rule(rule)
        super().__init__(synapses, rule, birth, variables, companion)
        self._endpoints_known = False
        #: The pairs that may be connected; potential connections may lie anywhere.
        self.pairs = AcceptedPairs(1, 1, {})
        self._read_at: float | None = None
        self._context: SimpleNamespace | None = None
        #: Time of the last event, where this run is a part of a longer one: all parts have the same code.
        self._until: float | None = None
        #: Arrays that the program reads from files rather than having them in its code: names in C++ and values.
        self._kept: dict[str, tuple[str, NDArray[Any]]] = {}

    @property
    def connections(self) -> Connections:
        """Return the connections as known now, without signs that the user sets; after a run, its final state."""
        self._read()
        if not self._endpoints_known and self._read_at is None:
            raise NotImplementedError(
                f"the program makes the connections of '{self.synapses.name}', as connect() was given a condition or "
                "a probability, or evaluates candidates or p; they are known after a run."
            )
        return self._connections

    @connections.setter
    def connections(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def is_known(self) -> bool:  # type: ignore[override]
        """Return whether the connections are known before the program runs."""
        return self._endpoints_known

    @property
    def number(self) -> int:
        """Return the number of synapses, 1 where it is not known yet."""
        return len(self.synapses) if program.is_known(self.synapses.variables["N"]) else 1

    @property
    def made(self) -> Connections:
        """Return the connections as they were made, known or not."""
        return self._connections

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots; raise an error if they are not known."""
        c = self.connections
        if program.has_failed(self._own["polarity"]):
            raise NotImplementedError(
                "the program has stopped with an error and has no results; see the log of a monitor."
            )
        return c.pre, c.post, c.theta, c.polarity

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make the connections of the synapses, none where they are not known; raise an error for other limits."""
        self.pairs = AcceptedPairs(*pairs)
        support.check_options(self.rule, pairs[2], options)
        super().adopt(pairs, spare, **options)

    def settle(self, owner: Any) -> None:
        """Generate code that reads the connections and writes their signs, at this place of the script."""
        support.check_callback(owner)
        REWIRED[self.synapses] = weakref.ref(owner)
        self._own = self._own_variables(owner)
        self._static = self._describe_connections(owner)
        r = SimpleNamespace(**vars(self._static), **self._describe_start())
        program.make_code(self.synapses, "rewiring_settle", f"{owner.name}_settle*", r=r)()

    def resume(self, state: Mapping[str, NDArray[Any]], *, until: float) -> None:
        """Generate code that takes on a state, at this place of the script; see `Projection`."""
        self._until = until
        number = len(state["pre"])
        for name, variable in self._own.items():
            own = state["steps_done"] if name == "step" else state.get(name, np.zeros(number))
            variable.set_value(np.atleast_1d(own).astype(variable.dtype))
        if self.companion.needed is not None:
            self.companion.needed.set_value(np.array([self.rule.reads_sites(int(state["steps_done"]) + 1)]))

    def compile(self, namespace: Any) -> None:
        """Generate code for the strings of the rule and of new connections."""
        super().compile(namespace)
        types = {self.synapses.variables[self.names[role]].dtype for role in self.rule.variables if role != "polarity"}
        if len(types) > 1:
            raise TypeError(
                f"{' and '.join(self.rule.variables[:-1])} must have the same dtype, got "
                f"{' and '.join(sorted(map(str, types)))}; declare both as float variables."
            )

    def _choose_signs(self, options: dict[str, Any]) -> None:
        self._keeps_signs = options["signs"] is None and "polarity" in self.names
        super()._choose_signs(options)

    def _given_polarity(self) -> None:
        """Return no signs: the program reads those that the user has set."""

    def _find_delays(self) -> None:
        """Do nothing: delays are not known yet."""

    def check_rule(self, rule: Rule) -> None:
        """Raise an error."""
        raise refuse("rule", repr(rule))

    def reseed(self, seed: int) -> None:
        """Raise an error."""
        raise refuse("seed", str(seed))

    def check_release(self) -> None:
        """Raise an error."""
        raise refuse("release")

    def generate(self, owner: Any) -> None:
        """Generate the code of the events of the next run."""
        support.check_callback(owner)
        program.warn_of_flags()
        context = SimpleNamespace(
            **vars(self._static),
            **self._describe_events(owner),
            **self._describe_rule(owner),
            births=[self._describe_birth(owner, birth) for birth in self._births.compiled],
            birth_delays=self._describe_delays(),
            logs=[monitor.describe_for(owner) for monitor in owner.observers if monitor.takes_part()],
        )
        context.codes = [each.code for each in [*context.births, context.condition] if each and each.code]
        # The same code serves several runs, unless something has changed.
        if context != self._context:
            self._context = context
            self._code = program.make_code(self.synapses, "rewiring_event", f"{owner.name}_event*", r=context)
        owner._code_objects[:] = [self._code]
        v = self.synapses.variables
        ends = [v[name] for name in ("_synaptic_pre", "_synaptic_post", "N_outgoing", "N_incoming")]
        pairs = [*self.companion.accumulated, *([self.companion.needed] if self.companion.needed is not None else [])]
        program.forget([*ends, *program.reset_variables(self.synapses), *self._own.values(), *pairs])

    def describe_snapshot(self) -> dict[str, Any]:
        """Return the context of the connections for the code of a monitor."""
        names = ("pre", "post", "pre_offset", "post_offset", "polarity", "step")
        return {
            **{name: getattr(self._static, name) for name in names},
            "theta": self._name("theta") if self.has_theta else None,
            "dtype": self._connections.theta.dtype.str,
        }

    def _describe_start(self) -> dict[str, Any]:
        """Return the context of theta at the start, which must not be negative."""
        return {"theta": self._name("theta") if self.has_theta else None, "theta_name": self.names.get("theta")}

    def theta(self) -> None:
        """Return None: theta is not known before the run."""

    def fetch_theta(self) -> None:
        """Raise an error: only a step by hand needs theta here."""
        raise refuse("step")

    def start_run(self) -> None:
        """Do nothing: standalone mode has no ``restore``."""

    def check_number(self, owner: str) -> None:
        """Raise an error if synapses were added and their number is known; else the program checks it."""
        if self._endpoints_known:
            self._check_same(owner, len(self._connections))
        if self.companion.synapses is not None and program.are_endpoints_known(self.companion.synapses):
            self.companion.check_number(owner)

    def _given_endpoints(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        # Connections cannot be checked before the pairs are known.
        self._endpoints_known = program.are_endpoints_known(self.synapses) and self.pairs.are_known
        if self._endpoints_known:
            return surgery.endpoints(self.synapses)
        return np.empty(0, np.int32), np.empty(0, np.int32)

    def _read(self) -> None:
        """Read the final state of the last run of the program."""
        when = program.when_run()
        if when is None or when == self._read_at or not program.has_results(self._own["polarity"]):
            return
        self._read_at = when
        pre, post = surgery.endpoints(self.synapses)
        own = {name: variable.get_value() for name, variable in self._own.items()}
        theta = self._array("theta") if self.has_theta else np.zeros(len(pre))
        moments = {name: own[name] for name in own if name.startswith("moment")}
        self._make_room(len(pre))
        # The rule cannot change in this mode, so moments start before the first step.
        moments |= {name: np.array(0) for name in ("missing", "optimizer_since")}
        state = {"pre": pre, "post": post, "theta": theta, "steps_done": own["step"][0], **moments}
        state |= {name: own[name] for name in ("polarity", "birth_step")}
        self._connections.restore(self._in_use(state, own))

    def _make_room(self, number: int) -> None:
        """Make room for a state with this number of connections."""
        self._connections.capacity = number

    def _in_use(self, state: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of the slots that are in use: all of them."""
        return state

    def _name(self, role: str) -> str:
        """Return the C++ name of the variable that has this role in the rule."""
        return name_of(self.synapses.variables[self.names[role]])

    def _own_variables(self, owner: Any) -> dict[str, Any]:
        """Return the variables of the connections that Brian2 does not have."""
        variables = Variables(owner)
        variables.add_array("step", size=1, dtype=np.int64, read_only=True)
        variables.add_dynamic_array("polarity", size=0, dtype=np.int8, read_only=True)
        variables.add_dynamic_array("birth_step", size=0, dtype=np.int64, read_only=True)
        for n in range(self.rule.num_moments or 0):
            variables.add_dynamic_array(f"moment{n}", size=0, dtype=self._connections.theta.dtype, read_only=True)
        return dict(variables)

    def _describe_connections(self, owner: Any) -> SimpleNamespace:
        """Return the context of the connections, the same in every run."""
        c, v = self._connections, self.synapses.variables
        sign_rule, sign_table, threshold = c.signs.rule
        factors = self.pairs.describe(partial(self._keep, owner))
        polarity = surgery.per_synapse(self.synapses, self.name_of("polarity"))
        connected = surgery.per_synapse(self.synapses, self.names["connected"])
        updated = surgery.last_update(self.synapses)
        values = [(polarity if self._has_signs else None, "c.polarity[k]"), (connected, self.flag_in_program)]
        return SimpleNamespace(
            name=owner.name,
            num_pre=c.num_pre,
            num_post=c.num_post,
            forbidden=c.sites.forbidden,
            num_sites=0 if factors else c.sites.number,
            factors=factors,
            multapses="true" if c.sites.multapses else "false",
            num_listed=len(c.sites.listed),
            listed=self._keep(owner, "candidates", c.sites.listed),
            sign_rule=sign_rule,
            sign_table=self._keep(owner, "signs", sign_table),
            threshold=self._keep(owner, "threshold", np.array([threshold], np.uint64)),
            key=self._keep(owner, "key", np.array(c.key, np.uint32)),
            pre=name_of(v["_synaptic_pre"]),
            post=name_of(v["_synaptic_post"]),
            pre_offset=int(v["_source_offset"].get_value()),
            post_offset=int(v["_target_offset"].get_value()),
            num_outgoing=name_of(v["N_outgoing"]),
            num_incoming=name_of(v["N_incoming"]),
            moments=[name_of(variable) for name, variable in self._own.items() if name.startswith("moment")],
            storage="existing",
            in_use="nullptr",
            given=0,
            t=name_of(v["t"]),
            last_update=name_of(updated) if updated is not None else None,
            reset=[name_of(variable) for variable in program.reset_variables(self.synapses)],
            pathways=program.pathways(self.synapses),
            multisynaptic_index=program.multisynaptic_index(self.synapses),
            values=[(name_of(variable), value) for variable, value in values if variable is not None],
            replaces=self._describe_replacement(owner),
            companion=describe_companion(self.companion),
            given_polarity=self._name("polarity") if self._keeps_signs else None,
            sign_name=self.names.get("polarity"),
            **{name: name_of(self._own[name]) for name in ("polarity", "birth_step", "step")},
        )

    def _describe_replacement(self, owner: Any) -> str | None:
        """Return the C++ name of interval, number and values of the fractions that are replaced, or None."""
        if self.rule.replaces is None:
            return None
        every, fractions = self.rule.replaces
        return self._keep(owner, "replacement", np.array([every, len(fractions), *fractions], float))

    def _describe_events(self, owner: Any) -> dict[str, Any]:
        """Return the context of the events of a run."""
        return {
            "steps": owner.steps,
            "timestep": name_of(owner.clock.variables["timestep"]),
            "other_clock": program.other_clock(owner.clock, self.synapses),
            "accumulated": [*map(self._name, self.rule.accumulated), *map(name_of, self.companion.accumulated)],
            "rewires": self.rule.forms,
            "switch": None if owner.switch is None else name_of(owner.switch),
        }

    def _describe_rule(self, owner: Any) -> dict[str, Any]:
        """Return the context of the rule: its update, and its parameters for all events or for each."""
        if not self.rule.has_theta:
            (condition,) = self._strings.conditions.values()
            return {"condition": _describe_condition(condition), "first": 0}
        first, times = 0, list[float]()
        if self._strings.schedule is not None:
            first, times = program.events_of_run(owner, self.synapses, self._until)
        table = np.array(self._row(self.rule), float)
        if times:
            table = self._parameters_at(times)
            self.follow_schedule(times[0])
        support.check_parameters(self.rule)
        optimizer: Any = self.rule.optimizer if isinstance(self.rule, GradientRule) else None
        signals = [signal.name for signal in self.rule.signals if signal.of == "connection"]
        move: Any = type(self.rule).move
        return {
            "condition": None,
            "first": first,
            "move": move_in_cpp(move) + noise_in_cpp(move),
            "parameters": self._keep(owner, f"parameters_{owner.steps}_{first}", table),
            "stride": len(self._row(self.rule)) if len(times) > 1 else 0,
            "num_parameters": len(self.rule.parameters),
            "scalar": program.c_type(self.synapses.variables[self.names["theta"]]),
            "theta": self._name("theta"),
            "signal": signals[0] if signals else None,
            "gradient": self._name(signals[0]) if signals else None,
            "optimizer": type(optimizer).__name__,
            "decays": self._keep(owner, "decays", np.array(astuple(optimizer) if optimizer is not None else (), float)),
        }

    def _describe_birth(self, owner: Any, birth: expressions.Birth) -> SimpleNamespace:
        if birth.code is not None:
            return SimpleNamespace(code=birth.code.name, slots=name_of(birth.slots))
        array, value = name_of(birth.variable), np.atleast_1d(np.asarray(birth.value))
        return SimpleNamespace(code=None, array=array, value=self._keep(owner, f"birth_{array}", value))

    def _describe_delays(self) -> list[tuple[str, str]]:
        """Return the names of the delays that new connections are given, for messages and in C++."""
        names = [f"{name}.delay" for name in program.names_of_pathways(self.synapses)]
        arrays = [pathway.delays for pathway in program.pathways(self.synapses)]
        return [(name, array) for name, array in zip(names, arrays, strict=True) if self._births.sets(name)]

    def _keep(self, owner: Any, name: str, values: NDArray[Any]) -> str:
        """Store an array in the program, unless it is there already, and return its C++ name."""
        if not values.size:
            return "nullptr"
        known = self._kept.get(name)
        if known is None or not np.array_equal(known[1], values):
            variables = Variables(owner)
            variables.add_array(
                name, size=values.size, dtype=values.dtype, values=values, read_only=True, constant=True
            )
            self._kept[name] = known = name_of(variables[name]), values
        return known[0]

    def _parameters_at(self, times: list[float]) -> NDArray[np.float64]:
        """Return the parameters of the rule at all these times, one after the other."""
        assert self._strings.schedule is not None
        rules = self._strings.schedule.at_all(times)
        different = {id(rule): rule for rule in rules}
        numbers = {key: without_units(rule, self.synapses, self.names) for key, rule in different.items()}
        return np.array([self._row(numbers[id(rule)]) for rule in rules], float).ravel()

    def _row(self, rule: Any) -> tuple[float, ...]:
        """Return what the program must know of the rule in an event."""
        return rule.parameters


def _describe_condition(condition: expressions.Condition) -> SimpleNamespace:
    return SimpleNamespace(code=condition.code.name, slots=name_of(condition.slots), holds=name_of(condition.answer))
