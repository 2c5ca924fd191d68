"""Let the synapses of a Brian2 script die and be born while the simulation runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import BrianObject, Quantity, get_local_namespace, second
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array

from synaptic_sampling import sampler
from synaptic_sampling._checks import check_flag, check_integer, check_seed
from synaptic_sampling.brian import export, surgery, timing
from synaptic_sampling.brian.arguments import Rule, check_callback, distinct, spare_slots
from synaptic_sampling.brian.connect import allowed_pairs, new_seed
from synaptic_sampling.brian.mistakes import Mistakes, check_theta
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.standalone import kind_of_projection
from synaptic_sampling.budget import Budget, check_split
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.homeostasis import SynapticElements, pair_elements
from synaptic_sampling.rules import PruneAndRegrow
from synaptic_sampling.sites import Condition

__all__ = ["Rewiring"]

logger = logging.getLogger(__name__)


class Rewiring(BrianObject):
    """Rewire a ``Synapses`` object in place, by a rule, at regular times of a simulation.

    A connection that dies leaves its slot to the one born in the same event. All that Brian2 knows of a synapse
    follows: endpoints, degrees, variables, delays, spikes on their way.

    Where the number of connections varies (several ``Synapses`` that share a budget, `PruneAndRegrow` without
    regrowth), they stand in the first slots. The spare ones behind them are parked: no spike reaches them, they count
    in no degree, and their variables are 0. Brian2 itself still shows them in ``S.i`` and visits them in clock-driven
    equations and summed variables: where 0 is not neutral there, add ``connected : 1`` to the model, which is 1 for
    connections and 0 for parked slots, and multiply by it. ``i``, ``j`` and monitors show connections only.

    Parameters
    ----------
    synapses : Synapses, or list of them
        Connected already. Several share one budget: what dies in one may be born in any, and the sum stays the same.
    rule : DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticElements or SynapticSampling
        How connections move, die and are born. Learning rates count per event. DeepR needs the synaptic variables
        ``theta``, ``gradient`` (dE/dw, summed by your equations since the last event, set to 0 after it) and
        ``polarity``; the weight is ``w = polarity*theta``. With SoftDeepR and SynapticSampling every synapse is a
        potential connection, a pair may have several, and the weight has to be 0 where theta is negative:
        ``w = polarity*theta*int(theta >= 0)``, or ``w = polarity*w0*exp(theta - theta0)*int(theta >= 0)``. Synaptic
        sampling climbs ``gradient`` (of a reward or likelihood by theta), which is read and left as it is.
        SynapticElements pairs the ``axonal`` and ``dendritic`` elements that your equations let the neurons grow.
        Parameters may change with time: a string of t such as ``'1e-3*exp(-t/(10*second))'``, or a TimedArray,
        evaluated at each event.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like, optional
        Sign of a connection, see `Connections`, written into ``polarity`` at construction and at each birth. By
        default 'site' where the rule needs ``polarity``; signs that you have set already are then kept, and those of
        newborns drawn. Other rules leave a variable of this name alone, unless ``signs`` is given: all
        connections are +1 for them.
    excitatory : float
        Probability of +1 where signs are drawn.
    autapses : bool
        Whether a neuron may connect to itself, where both sides are the same neurons.
    candidates : str, array_like or callable, optional
        Which pairs may be connected, for ever: a Brian2 string such as ``'abs(x_pre - x_post) < 200*um'``, an array
        of True and False, pairs of indices, or a function of pre and post. All by default.
    p : str, number, array_like or callable
        With which a drawn pair is accepted, as in ``connect``: ``'exp(-abs(x_pre - x_post)/(100*um))'``.
    multapses : bool
        Whether two connections may share a pair of neurons.
    max_in_degree, max_out_degree : int or array_like, optional
        The most connections any neuron may have, see `Connections`.
    split : {'vacant', 'density'}
        How several Synapses share newborns, see `Budget`.
    capacity : int, optional
        The most connections that each of several Synapses may have; all of the budget by default. With
        SynapticElements, the most that there may be, by default as many as now. Slots for them are added to the
        Synapses.
    birth : dict, optional
        What a newborn's variables are set to, numbers, quantities or strings: ``{'w': '0.2*rand()'}``. All others
        become 0. ``'delay'`` is that of the pathway pre; others are named: ``{'post.delay': 2*ms}``. Without one, a
        newborn has the delay that all synapses have; where theirs differ, birth has to say it, unless the rule never
        forms a connection (in C++ standalone mode, which cannot know, it is that of the one that died).
    variables : dict, optional
        Your names of the variables that the rule needs: ``{'gradient': 'dEdw'}``.
    seed : int, optional
        0 to 2**64 - 1, of noise, births and drawn signs; two Rewirings with the same one draw the same numbers. By
        default drawn from NumPy's generator, which Brian2's ``seed`` governs, and drawn anew at the first run after
        each ``store`` or ``restore``: trials from a stored state differ. A seed that is given stays, and may be set
        between runs: ``rewiring.seed = 3``. Signs always hang on the first one, since they belong to the model.
    callback : callable, optional
        Called as ``callback(rewiring, info)`` after each event; ``info`` is a `RewiringInfo`.
    dt : Quantity, optional
        Time between events, a multiple of the synapses' own dt; the first is at ``t = dt``. By default there is an
        event in every time step. The clock is that of the synapses, and ``interval`` says what was given here.
    clock : Clock, optional
        Instead of ``dt``, with ticks at any times.
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
        Endpoints, signs, ages; ``theta`` is the live array of the synapses. A list for a list of Synapses.
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
        If C++ standalone mode cannot do it; on other devices.

    Examples
    --------
    >>> rewiring = Rewiring(S, DeepR(learning_rate=1e-3, l1=1e-4, temperature=1e-6), dt=100*ms)  # doctest: +SKIP
    """

    add_to_magic_network = True
    invalidates_magic_network = False

    def __init__(
        self,
        synapses: Any,
        rule: Rule,
        *,
        signs: str | int | ArrayLike | None = None,
        excitatory: float = 0.5,
        autapses: bool = False,
        candidates: str | ArrayLike | Condition | None = None,
        p: str | float | ArrayLike | Condition = 1.0,
        multapses: bool = False,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        split: str = "vacant",
        capacity: int | None = None,
        birth: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        seed: int | None = None,
        callback: Callable[[Rewiring, RewiringInfo], object] | None = None,
        dt: Any = None,
        clock: Any = None,
        when: str = "end",
        order: int = 0,
        name: str = "rewiring*",
    ) -> None:
        timing.check_when(when)
        check_split(split)
        check_callback(callback)
        check_flag("multapses", multapses)
        check_integer("order", order, minimum=-(2**31), maximum=2**31 - 1)
        dt = timing.interval_of(rule, dt, clock)
        several = isinstance(synapses, Sequence) and not isinstance(synapses, str)
        namespace = get_local_namespace(level=1)
        make = kind_of_projection(rule, several)
        self._projections: list[Projection] = [
            make(each, rule, birth, variables) for each in distinct(synapses if several else [synapses])
        ]
        for projection in self._projections:
            projection.check_strings(rule, namespace)
        options = {
            "signs": signs,
            "excitatory": excitatory,
            "multapses": multapses,
            "max_in_degree": max_in_degree,
            "max_out_degree": max_out_degree,
            "seed": new_seed() if seed is None else seed,
        }
        spare = spare_slots(self._projections, capacity, several, rule)
        for index, (projection, more) in enumerate(zip(self._projections, spare, strict=True)):
            pairs = allowed_pairs(projection.synapses, autapses, candidates, p, namespace)
            projection.adopt(pairs, more, index=index, **options)
            check_theta(projection)
        self._shared = Budget(self.sets, split=split) if several else None
        self._rule, self.synapses, self.callback = rule, synapses, callback
        self._draws_seed, self._needs_seed = seed is None, False
        self._observers: list[Any] = []
        self._has_warned = False
        # A second clock would cost Brian2 some microseconds in every step.
        self._interval: Any = None
        own = self._projections[0].synapses.clock
        if dt is not None and clock is None:
            timing.check_multiple(dt, own)
            self._interval, dt, clock = dt, None, own
        super().__init__(dt=dt, clock=clock, when=when, order=order, name=name)
        surgery.name_line_of_user(self)
        self._mistakes = Mistakes(self, self._projections)
        for projection in self._projections:
            self.add_dependency(projection.synapses)
            projection.settle(self)
        self._mistakes.at_construction()

    def __repr__(self) -> str:
        names = ", ".join(f"'{projection.synapses.name}'" for projection in self._projections)
        try:
            number = f", {self.num_active} active"
        except NotImplementedError:  # A program that has yet to run will know.
            number = ""
        return f"<{type(self).__name__} of {names} by {type(self.rule).__name__}{number}>"

    @property
    def sets(self) -> list[Connections]:
        """Return the connections of each Synapses object, a list also where there is only one."""
        return [projection.connections for projection in self._projections]

    @property
    def connections(self) -> Any:
        """Return the connections, a list of them for a list of Synapses."""
        return self.sets[0] if self._shared is None else self.sets

    @property
    def rule(self) -> Rule:
        """Return the rule; another one of the same kind may be set between runs."""
        return self._rule

    @rule.setter
    def rule(self, rule: Rule) -> None:
        if type(rule) is not type(self._rule):
            kind = type(self._rule).__name__
            raise TypeError(f"rule must stay a {kind}, got {rule!r}; for another kind, release() and make a Rewiring.")
        if isinstance(rule, PruneAndRegrow) and self._shared is not None and not rule.regrow:
            raise ValueError("regrow=False leaves nothing to share; give each Synapses a Rewiring of its own.")
        timing.interval_of(rule, self.interval, None)
        namespace = get_local_namespace(level=1)
        for projection in self._projections:
            projection.check_rule(rule)
            projection.check_strings(rule, namespace)
        for projection in self._projections:
            projection.follow_rule(rule)
        self._rule = rule

    @property
    def callback(self) -> Callable[[Rewiring, RewiringInfo], object] | None:
        """Return what is called after each event; may be set at any time."""
        return self._callback

    @callback.setter
    def callback(self, callback: Callable[[Rewiring, RewiringInfo], object] | None) -> None:
        self._callback = check_callback(callback)

    @property
    def seed(self) -> int:
        """Return the key of the random numbers; may be set between runs, and then stays, but for drawn signs."""
        return self._projections[0].made.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._reseed(check_seed(seed))
        self._draws_seed = False

    @property
    def t(self) -> Quantity:
        """Return the time of the simulation, for callbacks."""
        return Quantity(self._seconds, dim=second.dim)

    @property
    def interval(self) -> Quantity:
        """Return the time between events."""
        return self.clock.dt if self._interval is None else self._interval

    @property
    def num_active(self) -> int:
        """Return how many connections there are."""
        return sum(c.num_active for c in self.sets)

    @property
    def i(self) -> NDArray[np.int32]:
        """Return the presynaptic index of each connection, a copy; one Synapses after the other."""
        return np.concatenate([pre[sign != 0] for pre, _, _, sign in self._held()])

    @property
    def j(self) -> NDArray[np.int32]:
        """Return the postsynaptic index of each connection, a copy; one Synapses after the other."""
        return np.concatenate([post[sign != 0] for _, post, _, sign in self._held()])

    def to_scipy(self, weights: str | None = None, synapses: int = 0) -> coo_array:
        """Return the connections as a sparse matrix.

        Parameters
        ----------
        weights : str, optional
            The synaptic variable or subexpression whose values are the entries, in SI units; ones by default.
        synapses : int
            Number of the Synapses object, where there are several.

        Returns
        -------
        coo_array, shape (presynaptic neurons, postsynaptic neurons)
            A connection of value 0 is stored too.

        Raises
        ------
        TypeError, ValueError
            If there is no such variable, or no such Synapses object.
        """
        number = check_integer("synapses", synapses, minimum=0, maximum=len(self._projections) - 1)
        return export.to_matrix(self._projections[number], weights)

    def to_networkx(self, *variables: str) -> Any:
        """Return the connections of all Synapses as a ``networkx.MultiDiGraph``.

        Parameters
        ----------
        *variables : str
            Synaptic variables or subexpressions that edges carry, in SI units.

        Returns
        -------
        MultiDiGraph
            Nodes are (name of a group, index); an edge knows its ``synapses`` by name.

        Raises
        ------
        ImportError
            If networkx is not installed.
        ValueError
            If there is no such variable.
        """
        return export.to_networkx(self._projections, variables)

    def before_run(self, run_namespace: Any) -> None:
        """Check the synapses and compile strings; called by Brian2 before each run.

        Parameters
        ----------
        run_namespace : dict
            What names in strings mean.

        Raises
        ------
        NotImplementedError
            If C++ standalone mode cannot do it; on other devices.
        ValueError
            If synapses were added since the construction, or the time between events is no multiple of dt any more.
        """
        surgery.check_device(self._projections[0].in_program)
        self._check_owner()
        self._follow_store()
        for projection in self._projections:
            projection.check_number(self.name)
            projection.compile(run_namespace)
            projection.follow_restore()
            projection.follow_schedule(self._seconds + float(self.interval))
        self._mistakes.at_start(run_namespace)
        self._steps = timing.steps_between(self)
        self._timestep = self.clock.variables["timestep"].get_value()
        for projection in self._projections:
            projection.generate(self)
        super().before_run(run_namespace)

    def run(self) -> None:
        """Do an event, unless time has only begun; called by Brian2, which looks at ``active`` before a run only."""
        now = self._timestep.item()
        if now % self._steps == 0 and now > 0 and self.active:
            self._step()

    def after_run(self) -> None:
        """Warn of what the run has not done; called by Brian2 after each run."""
        self._mistakes.after_run()
        super().after_run()

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
        namespace = get_local_namespace(level=1)
        self._check_owner()
        self._follow_store()
        for projection in self._projections:
            projection.check_number(self.name)
            projection.compile(namespace)
        self._mistakes.at_start(namespace)
        return self._step()

    def release(self) -> None:
        """Let go of the synapses, which another Rewiring may then have; this one does nothing any more.

        Raises
        ------
        ValueError
            If some slots of the synapses hold no connection: nobody else knows which.
        """
        self._check_owner()
        for projection in self._projections:
            projection.check_release()
        for projection in self._projections:
            projection.release()
        self.active = False

    def _step(self) -> RewiringInfo:
        """Do an event."""
        for projection in self._projections:
            projection.check_number(self.name)
            projection.follow_schedule(self._seconds)
            projection.fetch_theta()
        self._mistakes.before_event()
        with timing.uninterrupted():
            info = self._event()
        self._mistakes.after_event(info)
        if self.callback is not None:
            self.callback(self, info)
        return info

    def _event(self) -> RewiringInfo:
        """Decide what dies and is born, and carry it out."""
        for observer in self._observers:
            observer.begin()
        info = self._decide()
        for index, projection in enumerate(self._projections):
            own = info if self._shared is None else info.of_set(index)
            if len(own.events):
                projection.operate(own)
            projection.clear_gradient()
        for observer in self._observers:
            observer.observe(self, info, self._seconds)
        if info.num_unplaced and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "'%s' had no place for %d newborn connections at t = %g s: all sites or slots are taken that degrees, "
                "candidates and capacity allow; widen these. Said once, num_unplaced tells it of each event.",
                self.name, info.num_unplaced, self._seconds,
            )  # fmt: skip
        return info

    def _decide(self) -> RewiringInfo:
        """Move theta in place; return what dies and what is born."""
        rule = self._projections[0].rule
        if isinstance(rule, PruneAndRegrow):
            pruned = [projection.pruned() for projection in self._projections]
            if self._shared is not None:
                return sampler.replace(self._shared, pruned)
            return sampler.replace(self.connections, pruned[0], births=None if rule.regrow else 0)
        if isinstance(rule, SynapticElements):
            return pair_elements(self.connections, *self._projections[0].elements())
        gradients = [projection.gradient() for projection in self._projections]
        if self._shared is not None:
            return sampler.step(self._shared, gradients, rule)
        return sampler.step(self.connections, gradients[0], rule)

    def shares_seed(self, other: Rewiring) -> bool:
        """Return whether both are in one network, and draw the same random numbers since they were given one seed.

        Parameters
        ----------
        other : Rewiring
            Another one.

        Returns
        -------
        bool
            False for seeds that were drawn.
        """
        given = not self._draws_seed and not other._draws_seed
        return given and self.seed == other.seed and self._network == other._network

    def _check_owner(self) -> None:
        for projection in self._projections:
            projection.check_owner(self)

    def _follow_store(self) -> None:
        """Draw another seed after ``store`` or ``restore``, unless the user has given one.

        So trials from one state differ, as all random numbers of Brian2 do. And since it is drawn in the run that
        follows ``store`` as well, a run that is resumed with Brian2's random state goes on as the first one did.
        """
        if self._needs_seed and self._draws_seed:
            self._reseed(new_seed())
        self._needs_seed = False

    def _reseed(self, seed: int) -> None:
        for projection in self._projections:
            projection.reseed(seed)

    @property
    def _seconds(self) -> float:
        """Return the time of the simulation."""
        return float(self._projections[0].synapses.variables["t"].item())

    def _held(self) -> list[tuple[NDArray[Any], ...]]:
        return [projection.held() for projection in self._projections]

    def _full_state(self) -> list[dict[str, Any]]:
        """Return what Brian2's ``store`` keeps of this object."""
        self._needs_seed = True
        return [projection.state() for projection in self._projections]

    def _restore_from_full_state(self, state: list[dict[str, Any]]) -> None:
        """Take on what ``_full_state`` returned."""
        self._needs_seed = True
        for projection, own in zip(self._projections, state, strict=True):
            projection.restore(own)
