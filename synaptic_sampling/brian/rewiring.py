"""Let the synapses of a Brian2 script die and be born while the simulation runs."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import BrianObject, Synapses, get_local_namespace
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling import sampler
from synaptic_sampling.brian import expressions, surgery
from synaptic_sampling.brian.connect import allowed_pairs, new_seed
from synaptic_sampling.brian.units import without_units
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules import DeepR, FixedWiring, PruneAndRegrow
from synaptic_sampling.sites import Condition

__all__ = ["Rewiring"]

#: Synapses that are being rewired, and by whom.
_REWIRED: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


class Rewiring(BrianObject):
    """Rewire a ``Synapses`` object in place, by a rule, at regular times of a simulation.

    The number of synapses never changes: a connection that dies leaves its slot to the one born in the same event.
    All that Brian2 knows of a synapse follows: endpoints, degrees, variables, delays, spikes on their way.

    Parameters
    ----------
    synapses : Synapses
        Connected already, with no pair connected twice.
    rule : DeepR, FixedWiring or PruneAndRegrow
        How connections move, die and are born. Learning rates count per event. DeepR needs the synaptic variables
        ``theta``, ``gradient`` (dE/dw, summed by your equations since the last event, set to 0 after it) and
        ``polarity``; the weight is ``w = polarity*theta``.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        Sign of a connection, see `Connections`. Where the synapses have a variable ``polarity``, it is written at
        construction and at each birth.
    excitatory : float
        Probability of +1 where signs are drawn.
    autapses : bool
        Whether a neuron may connect to itself, where both sides are the same neurons.
    candidates : str, array_like or callable, optional
        Which pairs may be connected, for ever: a Brian2 string such as ``'abs(x_pre - x_post) < 200*um'``, an array
        of True and False, pairs of indices, or a function of pre and post. All by default.
    p : str, number, array_like or callable
        With which a drawn pair is accepted, as in ``connect``: ``'exp(-abs(x_pre - x_post)/(100*um))'``.
    birth : dict, optional
        What a newborn's variables are set to, numbers, quantities or strings: ``{'w': '0.2*rand()'}``. All others
        become 0.
    variables : dict, optional
        Your names of the variables that the rule needs: ``{'gradient': 'dEdw'}``.
    seed : int, optional
        0 to 2**64 - 1. By default drawn at construction from NumPy's generator, which Brian2's ``seed`` governs.
    dt : Quantity, optional
        Time between events; the first is at ``t = dt``.
    clock : Clock, optional
        Instead of ``dt``.
    when : str
        Scheduling slot. At the end of a time step, a spike of this step still reaches the old targets; a newborn
        connection hears spikes from the next step on.
    order : int
        Priority within the slot.
    name : str
        Name of the object.

    Attributes
    ----------
    connections : Connections
        Endpoints, signs, ages; ``theta`` is the live array of the synapses.
    rule : DeepR, FixedWiring or PruneAndRegrow
        As given.
    synapses : Synapses
        As given.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, a variable is missing, or the synapses are rewired
        already.
    DimensionMismatchError
        If units do not fit.
    NotImplementedError
        On a standalone device.

    Examples
    --------
    >>> rewiring = Rewiring(S, DeepR(learning_rate=1e-3, l1=1e-4, temperature=1e-6), dt=100*ms)  # doctest: +SKIP
    """

    add_to_magic_network = True
    invalidates_magic_network = False

    def __init__(
        self,
        synapses: Any,
        rule: DeepR | FixedWiring | PruneAndRegrow,
        *,
        signs: str | int | ArrayLike = "site",
        excitatory: float = 0.5,
        autapses: bool = False,
        candidates: str | ArrayLike | Condition | None = None,
        p: str | float | ArrayLike | Condition = 1.0,
        birth: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        seed: int | None = None,
        dt: Any = None,
        clock: Any = None,
        when: str = "end",
        order: int = 0,
        name: str = "rewiring*",
    ) -> None:
        _check_synapses(synapses)
        _check_when(when)
        self._names = _names(synapses, rule, variables)
        self._plain_rule = without_units(rule, synapses, self._names)
        self._birth_values = _check_birth(synapses, birth, self._names)
        self.connections = _adopt(
            synapses,
            allowed_pairs(synapses, autapses, candidates, p, get_local_namespace(level=1)),
            signs=signs,
            excitatory=excitatory,
            seed=new_seed() if seed is None else seed,
            dtype=synapses.variables[self._names["theta"]].dtype if "theta" in self._names else np.float64,
        )
        self.rule, self.synapses = rule, synapses
        self._births: list[expressions.Birth] | None = None
        self._observers: list[Any] = []
        super().__init__(dt=dt, clock=clock, when=when, order=order, name=name)
        self.add_dependency(synapses)
        self._write_polarity(slice(None), self.connections.polarity)
        self._fetch_theta()
        _REWIRED[synapses] = weakref.ref(self)

    def __repr__(self) -> str:
        c, rule = self.connections, type(self.rule).__name__
        return f"<{type(self).__name__} of '{self.synapses.name}' by {rule}, {len(c)} active>"

    @property
    def seed(self) -> int:
        """Return the key of all random numbers."""
        return self.connections.seed

    @property
    def num_active(self) -> int:
        """Return how many connections there are."""
        return len(self.connections)

    @property
    def i(self) -> NDArray[np.int32]:
        """Return the presynaptic index of each connection, a copy."""
        return self.connections.pre.copy()

    @property
    def j(self) -> NDArray[np.int32]:
        """Return the postsynaptic index of each connection, a copy."""
        return self.connections.post.copy()

    def before_run(self, run_namespace: Any) -> None:
        """Check the synapses and compile strings; called by Brian2 before each run.

        Parameters
        ----------
        run_namespace : dict
            What names in strings mean.

        Raises
        ------
        NotImplementedError
            On a standalone device.
        ValueError
            If synapses were added since the construction.
        """
        surgery.check_runtime()
        self._compile(run_namespace)
        self._follow_restore()
        super().before_run(run_namespace)

    def run(self) -> None:
        """Do an event, unless time has only begun; called by Brian2.

        ``active`` may change while a simulation runs; Brian2 itself looks at it before a run only.
        """
        if self.active and self._clock.variables["timestep"].item() > 0:
            self.step()

    def step(self) -> RewiringInfo:
        """Do an event now: move, retract, regrow. To be called by hand only between runs.

        Returns
        -------
        RewiringInfo
            What died and what was born.

        Raises
        ------
        FloatingPointError
            If a gradient or theta is NaN or infinite; names the connection, and nothing has changed.
        ValueError
            If synapses were added since the construction.
        """
        if self._births is None:
            self._compile(get_local_namespace(level=1))
        self._check_number()
        for observer in self._observers:
            observer.begin()
        info = self._decide()
        if len(info.events):
            self._operate(info)
        if "gradient" in self._names:
            self._array("gradient")[:] = 0
        for observer in self._observers:
            observer.observe(self, info, self.synapses.variables["t"].item())
        return info

    def _decide(self) -> RewiringInfo:
        """Move theta in place; return what dies and what is born."""
        if isinstance(self._plain_rule, PruneAndRegrow):
            return sampler.replace(self.connections, self._condition.holds())
        self._fetch_theta()
        return sampler.step(self.connections, self._array("gradient"), self._plain_rule)

    def _operate(self, info: RewiringInfo) -> None:
        """Let Brian2's synapses follow."""
        born = info.born
        surgery.reconnect(self.synapses, born.slot, born.pre, born.post)
        self._write_polarity(born.slot, born.polarity)
        for birth in self._births or ():
            birth.set(born.slot)
        surgery.rebuild_queues(self.synapses)

    def _compile(self, namespace: Any) -> None:
        if isinstance(self.rule, PruneAndRegrow):
            self._condition = expressions.Condition(self.synapses, self.rule.condition, namespace)
        self._births = [
            expressions.Birth(self.synapses, name, value, namespace) for name, value in self._birth_values.items()
        ]

    def _array(self, role: str) -> NDArray[Any]:
        """Return the live array of the variable that has this role in the rule."""
        return self.synapses.variables[self._names[role]].get_value()

    def _fetch_theta(self) -> None:
        """Let the connections work on the synapses' own theta."""
        if "theta" in self._names:
            self.connections.theta = self._array("theta")

    def _write_polarity(self, slots: Any, polarity: NDArray[np.int8]) -> None:
        variable = surgery.per_synapse(self.synapses, self._names.get("polarity", "polarity"))
        if variable is not None:
            variable.get_value()[slots] = polarity

    def _check_number(self) -> None:
        if len(self.synapses) != len(self.connections):
            raise ValueError(
                f"'{self.synapses.name}' has {len(self.synapses)} synapses, but had {len(self.connections)} when "
                f"'{self.name}' was made; call connect() first and make the Rewiring last."
            )

    def _follow_restore(self) -> None:
        """Take on the endpoints of the synapses where ``restore`` has changed them."""
        self._check_number()
        c = self.connections
        pre, post = surgery.endpoints(self.synapses)
        if not (np.array_equal(pre, c.pre) and np.array_equal(post, c.post)):
            polarity = surgery.per_synapse(self.synapses, self._names.get("polarity", "polarity"))
            signs = c.signs_of(pre, post) if polarity is None else polarity.get_value().astype(np.int8)
            c.restore({**c.state(), "pre": pre, "post": post, "polarity": signs})

    def _full_state(self) -> dict[str, Any]:
        """Return what Brian2's ``store`` keeps of this object, and the delays, which Brian2 2.9 forgets."""
        state = {name: np.array(values) for name, values in self.connections.state().items() if name != "theta"}
        return {"connections": state, "delays": surgery.delays(self.synapses)}

    def _restore_from_full_state(self, state: dict[str, Any]) -> None:
        """Take on what ``_full_state`` returned."""
        self.connections.restore({**state["connections"], "theta": self.connections.theta})
        surgery.restore_delays(self.synapses, state["delays"])


def _adopt(synapses: Any, pairs: tuple[int, int, dict[str, Any]], **options: Any) -> Connections:
    """Return the connections that the synapses hold."""
    num_pre, num_post, allowed = pairs
    pre, post = surgery.endpoints(synapses)
    try:
        return Connections(num_pre, num_post, pre, post, **allowed, **options)
    except ValueError as error:
        raise ValueError(f"'{synapses.name}' cannot be rewired: {error}") from error


def _check_synapses(synapses: Any) -> None:
    if not isinstance(synapses, Synapses):
        raise TypeError(f"synapses must be a Synapses object, got {synapses!r}.")
    surgery.check_runtime()
    surgery.check_brian(synapses)
    if not surgery.is_connected(synapses):
        raise ValueError(f"'{synapses.name}' is not connected yet; call connect() before you make a Rewiring.")
    other = _REWIRED.get(synapses, lambda: None)()
    if other is not None:
        raise ValueError(f"'{synapses.name}' is rewired by '{other.name}' already; one Rewiring per Synapses.")


def _check_when(when: Any) -> None:
    slot = str(when).removeprefix("before_").removeprefix("after_")
    if slot not in {"start", "end"}:
        raise ValueError(
            f"when must be 'end' or 'start' (or before or after one of them), got {when!r}; "
            "between spikes and synapses, a rewiring would change the meaning of a time step."
        )


def _names(
    synapses: Any, rule: DeepR | FixedWiring | PruneAndRegrow, variables: Mapping[str, str] | None
) -> dict[str, str]:
    """Return the name of each variable that the rule needs."""
    if not isinstance(rule, DeepR | FixedWiring | PruneAndRegrow):
        raise TypeError(f"rule must be a DeepR, FixedWiring or PruneAndRegrow, got {rule!r}.")
    given = dict(variables or {})
    unknown = sorted(set(given) - set(rule.variables))
    if unknown:
        raise ValueError(
            f"variables renames {unknown[0]!r}, but {type(rule).__name__} needs {', '.join(rule.variables) or 'none'}."
        )
    names = {role: given.get(role, role) for role in rule.variables}
    for role, name in names.items():
        if surgery.per_synapse(synapses, name) is None:
            raise ValueError(
                f"{type(rule).__name__} needs the variable {role!r} of each synapse, and '{synapses.name}' has none "
                f"named {name!r} that can be set; add the line '{name} : 1' to its model, "
                f"or name yours by variables={{{role!r}: ...}}."
            )
    return names


def _check_birth(synapses: Any, birth: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values for newborns, after a check of their names and units."""
    values = dict(birth or {})
    for name, value in values.items():
        if name in names.values():
            raise ValueError(f"birth may not set {name!r}: the rule does.")
        if name != "delay" and surgery.per_synapse(synapses, name) is None:
            raise ValueError(f"birth sets {name!r}, but '{synapses.name}' has no such variable for each synapse.")
        expressions.check_birth(synapses, name, value)
    return values
