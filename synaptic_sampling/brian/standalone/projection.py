"""Rewiring in C++ standalone mode: what Python does step by step, the generated program does with the same bits.

Three code objects: one takes on the connections where the Rewiring is made, one is run in every step of its clock and
does the events, one for each monitor writes a log that `RewiringLog` reads. What connections are besides Brian2's own
arrays (sign, age, moments) stands in arrays that Brian2 writes to its results, so that Python has them after a run.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables
from numpy.typing import NDArray

from synaptic_sampling.brian import expressions
from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.potential import PotentialProjection
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.signals import acts_on_potential
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.program import name_of, refuse
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.rules import Rule
from synaptic_sampling.rules.base import GradientRule
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum

__all__ = ["StandaloneProjection", "kind_of_projection"]


class StandaloneProjection(Projection):
    """Synapses that are rewired by the generated program; parameters as in `Projection`.

    Raises
    ------
    NotImplementedError
        If the program could not do it.
    """

    in_program = True

    def __init__(
        self,
        synapses: Any,
        rule: Rule,
        birth: Mapping[str, Any] | None,
        variables: Mapping[str, str] | None,
    ) -> None:
        _check_rule(rule)
        super().__init__(synapses, rule, birth, variables)
        self._endpoints_known = False
        self._read_at: float | None = None
        self._told: SimpleNamespace | None = None
        self._table: tuple[str, NDArray[np.float64]] | None = None

    @property
    def connections(self) -> Connections:
        """Return the connections as they are known now: after the program has run, as it left them."""
        self._read()
        if not self._endpoints_known and self._read_at is None:
            raise NotImplementedError(
                f"connect() has left it to the program which connections '{self.synapses.name}' has; "
                "this is known after a run."
            )
        return self._connections

    @connections.setter
    def connections(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def is_known(self) -> bool:  # type: ignore[override]
        """Return whether it is known which connections there are; else the program will make them."""
        return self._endpoints_known

    @property
    def number(self) -> int:
        """Return how many synapses there are, 1 where only the program will know."""
        return len(self.synapses) if program.is_known(self.synapses.variables["N"]) else 1

    @property
    def made(self) -> Connections:
        """Return the connections as they were made, known or not."""
        return self._connections

    def held(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[np.int8]]:
        """Return endpoints, theta and polarity of all slots.

        Raises
        ------
        NotImplementedError
            If they are not known, since the program has not run or has failed.
        """
        c = self.connections
        if program.has_failed(self._own["polarity"]):
            raise NotImplementedError("the program has failed and has written no results; see the log of a monitor.")
        return c.pre, c.post, c.theta, c.polarity

    def adopt(self, pairs: tuple[int, int, dict[str, Any]], spare: int, **options: Any) -> None:
        """Make the connections that the synapses hold, or none where only the program will know.

        Parameters
        ----------
        pairs : tuple
            From ``allowed_pairs``.
        spare : int
            0: Synapses share no budget.
        **options
            Further arguments of `Connections`.

        Raises
        ------
        ValueError
            If they cannot be rewired.
        NotImplementedError
            If the program could not draw among these pairs.
        """
        if "probability" in pairs[2]:
            raise refuse("p other than 1 is not possible", "give candidates as an array")
        if callable(pairs[2].get("candidates")):
            raise refuse("candidates cannot be a function", "give an array of True and False, or pairs of indices")
        for name in ("max_in_degree", "max_out_degree"):
            if options[name] is not None:
                raise refuse(f"{name} is not possible", "leave it out")
        super().adopt(pairs, spare, **options)

    def settle(self, owner: Any) -> None:
        """Let the program take on the connections and write their signs, at this place of the script.

        Parameters
        ----------
        owner : Rewiring
            Who has them.
        """
        _check_callback(owner)
        REWIRED[self.synapses] = weakref.ref(owner)
        self._own = self._own_variables(owner)
        self._static = self._describe_connections(owner)
        told = SimpleNamespace(**vars(self._static), theta=None)
        if "theta" in self.names:
            told.theta = name_of(self.synapses.variables[self.names["theta"]])
            told.theta_name, told.sign_name = self.names["theta"], self.names["polarity"]
        program.make_code(self.synapses, "rewiring_settle", f"{owner.name}_settle*", r=told)()

    def compile(self, namespace: Any) -> None:
        """Let Brian2 generate code for the strings of the rule and of births.

        Parameters
        ----------
        namespace : dict
            What their names mean.

        Raises
        ------
        TypeError
            If theta and gradient are of different types.
        """
        super().compile(namespace)
        types = {self.synapses.variables[self.names[r]].dtype for r in ("theta", "gradient") if r in self.names}
        if len(types) > 1:
            raise TypeError(f"gradient and theta must be of one type, got {' and '.join(map(str, types))}.")

    def _given_polarity(self) -> None:
        """Return no signs: only the program will know them."""

    def _delays_of_newborn(self) -> list[tuple[NDArray[Any], float]]:
        """Return no delays: only the program will know them."""
        return []

    def check_rule(self, rule: Rule) -> None:
        """Refuse another rule.

        Parameters
        ----------
        rule : Rule
            Any.
        """
        raise refuse("the rule cannot be changed", "let its parameters be strings of t")

    def reseed(self, seed: int) -> None:
        """Refuse another seed.

        Parameters
        ----------
        seed : int
            Any.
        """
        raise refuse("the seed cannot be changed", "give it to the Rewiring")

    def check_release(self) -> None:
        """Refuse to let go of the synapses."""
        raise refuse("a Rewiring cannot let go of its synapses", "build the program anew")

    def generate(self, owner: Any) -> None:
        """Let the program do the events of the next run.

        Parameters
        ----------
        owner : Rewiring
            Whose events these are.
        """
        _check_callback(owner)
        program.warn_of_flags()
        told = SimpleNamespace(
            **vars(self._static),
            **self._describe_events(owner),
            **self._describe_rule(owner),
            births=[_describe_birth(birth) for birth in self._births or ()],
            logs=[monitor.describe_for(owner) for monitor in owner._observers],
        )
        told.codes = [each.code for each in [*told.births, told.condition] if each and each.code]
        # The same code serves several runs, unless there is something new in it.
        if told != self._told:
            self._told = told
            self._code = program.make_code(self.synapses, "rewiring_event", f"{owner.name}_event*", r=told)
        owner._code_objects[:] = [self._code]
        v = self.synapses.variables
        ends = [v[name] for name in ("_synaptic_pre", "_synaptic_post", "N_outgoing", "N_incoming")]
        program.forget([*ends, *program.reset_variables(self.synapses), *self._own.values()])

    def describe_snapshot(self) -> dict[str, Any]:
        """Return what a monitor's code has to know of the connections."""
        theta = name_of(self.synapses.variables[self.names["theta"]]) if "theta" in self.names else None
        names = ("pre", "post", "pre_offset", "post_offset", "polarity", "step")
        return {
            **{name: getattr(self._static, name) for name in names},
            "theta": theta,
            "dtype": self._connections.theta.dtype.str,
        }

    def theta(self) -> None:
        """Return None: only the program knows it before the run."""

    def fetch_theta(self) -> None:
        """Refuse an event by hand, which alone asks for theta."""
        raise refuse("an event by hand is not possible", "let run() bring it about")

    def follow_restore(self) -> None:
        """Nothing is stored in standalone mode, so there is nothing to follow."""

    def check_number(self, owner: str) -> None:
        """Refuse synapses that were added by others, where their number is known; else the program does.

        Parameters
        ----------
        owner : str
            Name of the Rewiring.

        Raises
        ------
        ValueError
            If there are more synapses than slots.
        """
        if self._endpoints_known:
            self._check_same(owner, len(self._connections))

    def _given_endpoints(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        self._endpoints_known = program.is_known(self.synapses.variables["_synaptic_pre"])
        if self._endpoints_known:
            return surgery.endpoints(self.synapses)
        return np.empty(0, np.int32), np.empty(0, np.int32)

    def _read(self) -> None:
        """Take on what the last run of the program has written."""
        when = program.when_run()
        if when is None or when == self._read_at or not program.has_results(self._own["polarity"]):
            return
        self._read_at = when
        pre, post = surgery.endpoints(self.synapses)
        own = {name: variable.get_value() for name, variable in self._own.items()}
        theta = self._array("theta") if "theta" in self.names else np.zeros(len(pre))
        moments = {name: own[name] for name in own if name.startswith("moment")}
        c = self._connections
        c.capacity = len(pre)
        # The rule cannot be changed in this mode, hence moments start before the first step.
        none = {name: np.array(0) for name in ("missing", "optimizer_since")}
        state = {"pre": pre, "post": post, "theta": theta, "polarity": own["polarity"], **none}
        c.restore({**state, "birth_step": own["birth_step"], "steps_done": own["step"][0], **moments})

    def _own_variables(self, owner: Any) -> dict[str, Any]:
        """Return the variables of the connections that are not Brian2's."""
        variables = Variables(owner)
        variables.add_array("step", size=1, dtype=np.int64, read_only=True)
        variables.add_dynamic_array("polarity", size=0, dtype=np.int8, read_only=True)
        variables.add_dynamic_array("birth_step", size=0, dtype=np.int64, read_only=True)
        for n in range(self.rule.num_moments or 0):
            variables.add_dynamic_array(f"moment{n}", size=0, dtype=self._connections.theta.dtype, read_only=True)
        return dict(variables)

    def _describe_connections(self, owner: Any) -> SimpleNamespace:
        """Return what the code has to know of the connections, in every run the same."""
        c, v = self._connections, self.synapses.variables
        sign_rule, sign_table, threshold = c.signs.rule
        polarity = surgery.per_synapse(self.synapses, self.names.get("polarity", "polarity"))
        connected = surgery.per_synapse(self.synapses, self.names["connected"])
        values = [(polarity if self._has_signs else None, "c.polarity[k]"), (connected, "1")]
        return SimpleNamespace(
            name=owner.name,
            num_pre=c.num_pre,
            num_post=c.num_post,
            forbidden=c.sites.forbidden,
            num_sites=c.num_sites,
            multapses="true" if c.sites.multapses else "false",
            num_listed=len(c.sites.listed),
            listed=_keep(owner, "candidates", c.sites.listed),
            sign_rule=sign_rule,
            sign_table=_keep(owner, "signs", sign_table),
            threshold=threshold,
            key=[int(word) for word in c.key],
            pre=name_of(v["_synaptic_pre"]),
            post=name_of(v["_synaptic_post"]),
            pre_offset=int(v["_source_offset"].get_value()),
            post_offset=int(v["_target_offset"].get_value()),
            num_outgoing=name_of(v["N_outgoing"]),
            num_incoming=name_of(v["N_incoming"]),
            moments=[name_of(variable) for name, variable in self._own.items() if name.startswith("moment")],
            values=[(name_of(variable), value) for variable, value in values if variable is not None],
            **{name: name_of(self._own[name]) for name in ("polarity", "birth_step", "step")},
        )

    def _describe_events(self, owner: Any) -> dict[str, Any]:
        """Return what the code has to know of the events of a run."""
        v, synapses = self.synapses.variables, self.synapses
        return {
            "steps": owner._steps,
            "timestep": name_of(owner.clock.variables["timestep"]),
            "t": name_of(v["t"]),
            "last_update": name_of(v["lastupdate"]) if "lastupdate" in v else None,
            "reset": [name_of(variable) for variable in program.reset_variables(synapses)],
            "pathways": program.pathways(synapses),
            "multisynaptic_index": program.multisynaptic_index(synapses),
            "rewires": self.rule.forms,
        }

    def _describe_rule(self, owner: Any) -> dict[str, Any]:
        """Return what the code has to know of the rule: its parameters, for all events or for each."""
        if not self.rule.has_theta:
            return {"condition": _describe_condition(self._condition), "gradient": None, "first": 0}
        first, times = program.events_of_run(owner, self.synapses) if self._schedule is not None else (0, [])
        parameters = []
        for seconds in times:
            self.follow_schedule(seconds)
            parameters.append(self.rule.parameters)
        if times:
            self.follow_schedule(times[0])
        table = np.array(parameters or self.rule.parameters).ravel()
        if self._table is None or not np.array_equal(table, self._table[1]):
            self._table = _keep(owner, f"parameters_{owner._steps}_{first}", table), table
        theta = self.synapses.variables[self.names["theta"]]
        return {
            "condition": None,
            "first": first,
            "parameters": self._table[0],
            "num_parameters": table.size,
            "scalar": program.c_type(theta),
            "theta": name_of(theta),
            "gradient": name_of(self.synapses.variables[self.names["gradient"]]),
            "optimizer": type(self.rule.optimizer).__name__,
            "decays": [repr(float(value)) for value in astuple(self.rule.optimizer)],
        }


def kind_of_projection(rule: Any, several: bool) -> type[Projection]:
    """Return how synapses are to be rewired, on this device and by this rule.

    Parameters
    ----------
    rule : object
        Not checked yet.
    several : bool
        Whether a list of Synapses is given.

    Returns
    -------
    type
        Of `Projection`.

    Raises
    ------
    NotImplementedError
        If several are to share a budget in a program.
    """
    if not program.is_standalone():
        return PotentialProjection if acts_on_potential(rule) else Projection
    if several:
        raise refuse("Synapses cannot share a budget", "give each Synapses a Rewiring of its own")
    return StandaloneProjection


def _check_rule(rule: Any) -> None:
    """Refuse a rule that the program cannot carry out; what is not a rule is refused elsewhere."""
    if not isinstance(rule, Rule):
        return
    kind, wanted = type(rule).__name__, "use DeepR, FixedWiring or PruneAndRegrow"
    if acts_on_potential(rule) or rule.grows:
        raise refuse(f"{kind} is not possible", wanted)
    if not rule.keeps_number:
        raise refuse("the number of connections cannot vary", "set regrow=True")
    if rule.has_theta and (rule.move is None or [signal.name for signal in rule.signals] != ["gradient"]):
        raise refuse(f"{kind} is not possible, which does not bring its move in C++", wanted)
    if isinstance(rule, GradientRule) and type(rule.optimizer) not in {SGD, Momentum, Adam}:
        raise refuse("an optimizer of your own is not possible", "use SGD(), Momentum() or Adam()")


def _check_callback(owner: Any) -> None:
    if owner.callback is not None:
        raise refuse("a callback is not possible", "record by a RewiringMonitor")


def _keep(owner: Any, name: str, values: NDArray[Any]) -> str:
    """Return the name of an array that the program has with these values."""
    if not values.size:
        return "nullptr"
    variables = Variables(owner)
    variables.add_array(name, size=values.size, dtype=values.dtype, values=values, read_only=True, constant=True)
    return name_of(variables[name])


def _describe_birth(birth: expressions.Birth) -> SimpleNamespace:
    if birth.code is None:
        return SimpleNamespace(code=None, array=name_of(birth.variable), value=program.literal(birth.value))
    return SimpleNamespace(code=birth.code.name, slots=name_of(birth.slots))


def _describe_condition(condition: expressions.Condition) -> SimpleNamespace:
    return SimpleNamespace(code=condition.code.name, slots=name_of(condition.slots), holds=name_of(condition.answer))
