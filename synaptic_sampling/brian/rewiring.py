"""Rewire the synapses of a Brian2 script while the simulation runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from brian2 import BrianObject, get_local_namespace
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_flag, check_integer, check_seed
from synaptic_sampling.brian import construction, denormals, timing
from synaptic_sampling.brian.arguments import SEPARATE, check_callback, check_owner, switch_of
from synaptic_sampling.brian.connect import Pairs, new_seed
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.mistakes import Mistakes
from synaptic_sampling.brian.view import View
from synaptic_sampling.connections.budget import Budget, check_split
from synaptic_sampling.connections.sites import PairFunction
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules import Rule, step

__all__ = ["Rewiring"]


class Rewiring(View, BrianObject):
    """Rewire a ``Synapses`` object in place, by a rule, at regular times of a simulation.

    A connection that forms takes the slot of one that is eliminated in the same event. Everything that Brian2 stores
    about a synapse is updated: endpoints, degrees, variables, delays, spikes in flight.

    Where the number of connections varies (several ``Synapses`` that share a budget, `PruneAndRegrow` without regrowth,
    ``depth``), connections occupy the first slots. The spare slots behind them are parked: no spike reaches them, they
    count in no degree, and their variables are 0. Brian2 itself still includes them in ``S.i``, in clock-driven
    equations and in summed variables: where 0 is not neutral there, add ``connected : 1`` to the model, which is 1 for
    connections and 0 for parked slots, and multiply by it. ``i``, ``j`` and monitors contain connections only.

    Parameters
    ----------
    synapses : Synapses, or list of them
        Connected already. Several share one budget: a connection eliminated in one may be replaced in any of them,
        and their total number stays the same.
    rule : Rule
        Which connections are eliminated and formed; one of the package or your own. Learning rates are per event.
        DeepR needs the synaptic variables ``theta``, ``gradient`` (dE/dw, accumulated by your equations since the last
        event, set to 0 after it) and ``polarity``; the weight is ``w = polarity*theta``. For SoftDeepR and
        SynapticSampling every synapse is a potential connection, a pair may have several, and the weight must be 0
        where theta is negative: ``w = polarity*theta*int(theta >= 0)``, or
        ``w = polarity*w0*exp(theta - theta0)*int(theta >= 0)``. Synaptic sampling ascends ``gradient`` (of a reward or
        likelihood with respect to theta), which is read and not reset. SynapticElements pairs the ``axonal`` and
        ``dendritic`` elements of neurons. Parameters may change with time: a string of t such as
        ``'1e-3*exp(-t/(10*second))'``, or a TimedArray, evaluated at each event.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like, optional
        Sign of a connection, see `Connections`, written into ``polarity`` at construction and when a connection forms.
        By default 'site' where the rule needs ``polarity``; signs that are set already are then kept, and those of
        new connections are drawn. Other rules do not use a variable of this name unless ``signs`` is given: all
        connections are +1 for them.
    excitatory : float
        Probability of +1 where signs are drawn.
    autapses : bool
        Whether a neuron may connect to itself, where both sides are the same neurons.
    candidates : str, array_like or callable, optional
        Which pairs may be connected: a Brian2 string such as ``'abs(x_pre - x_post) < 200*um'``, an array of True and
        False, pairs of indices, or a function of pre and post. All by default.
    p : str, number, array_like or callable
        Probability with which a drawn pair is accepted, as in ``connect``: ``'exp(-abs(x_pre - x_post)/(100*um))'``.
    multapses : bool
        Whether two connections may share a pair of neurons.
    max_in_degree, max_out_degree : int or array_like, optional
        The largest number of connections that any neuron may have, see `Connections`.
    split : {'vacant', 'density'}
        How several Synapses share new connections, see `Budget`.
    capacity : int, optional
        The largest number of connections that each of several Synapses may have; by default the whole budget. With
        SynapticElements, the largest possible number, by default the present one. With ``depth``, the largest number
        of slots. Slots for them are added to the Synapses.
    depth : float, optional
        For SoftDeepR with memory and time in proportion to the connections, see `SoftConnections`: the synapses are
        the active connections at the start, all other pairs that may be connected are retracted, and of these only
        those above ``-depth*noise_scale`` have a slot; ``depth=10`` is a good value, 4 the smallest. The noise is that
        at t = 0; ``theta_min`` must not change. If all ``capacity`` slots are in use, returning connections wait; by
        default there are twice as many as are expected to be used.
    birth : dict, optional
        Values of the variables of a new connection, numbers, quantities or strings: ``{'w': '0.2*rand()'}``. All
        others are set to 0. ``'delay'`` is that of the pathway pre; others are named: ``{'post.delay': 2*ms}``. By
        default, a new connection has the delay that all synapses have; where these differ, ``birth`` must set it,
        unless the rule never forms one (in C++ standalone mode, it is the delay of the connection eliminated).
    variables : dict, optional
        Your names of the variables that the rule needs: ``{'gradient': 'dEdw'}``.
    companion : Synapses, optional
        For rules with a value per pair of neurons, such as RigLDescent: Synapses between the same groups at all pairs
        with this value. If they have a shared variable ``needed``, it is 1 while the next event reads the values.
    seed : int, optional
        0 to 2**64 - 1, for noise, new connections and drawn signs; two Rewirings with the same seed draw the same
        numbers. By default drawn from NumPy's generator, which Brian2's ``seed`` controls, and drawn again at the first
        run after each ``store`` or ``restore``, so that trials from a stored state differ. A seed that is given stays;
        it may be changed between runs: ``rewiring.seed = 3``. Signs always depend on the initial seed, because they
        are part of the model.
    enabled : str, optional
        Name of a shared variable of the model, such as ``learning : boolean (shared)``, which your code may change.
        While it is 0, there are no events: no step is counted, and no signal is reset.
    callback : callable, optional
        Called as ``callback(rewiring, info)`` after each event; ``info`` is a `RewiringInfo`.
    dt : Quantity, optional
        Time between events, a multiple of the synapses' own dt; the first is at ``t = dt``. By default the interval of
        the rule, if it has one, else each time step. The clock is that of the synapses, ``interval`` what was given.
    clock : Clock, optional
        Instead of ``dt``, with ticks at any times.
    when : str
        Scheduling slot. At the end of a time step, a spike of this step still reaches the old targets; a new
        connection transmits spikes from the next step on.
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
        If an argument has the wrong type or is out of range, a variable is missing, or another Rewiring controls the
        synapses.
    DimensionMismatchError
        If units do not fit.
    NotImplementedError
        If C++ standalone mode does not support it; on other devices.

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
        candidates: str | ArrayLike | PairFunction | None = None,
        p: str | float | ArrayLike | PairFunction = 1.0,
        multapses: bool = False,
        max_in_degree: ArrayLike | None = None,
        max_out_degree: ArrayLike | None = None,
        split: str = "vacant",
        capacity: int | None = None,
        depth: float | None = None,
        birth: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        companion: Any = None,
        seed: int | None = None,
        enabled: str | None = None,
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
        namespace, several = get_local_namespace(level=1), construction.are_several(synapses)
        self._projections = construction.projections_of(synapses, rule, birth, variables, companion, namespace, depth)
        self._switch = switch_of(synapses, enabled)
        construction.adopt_all(
            self._projections,
            rule,
            several=several,
            capacity=capacity,
            depth=depth,
            pairs=Pairs(autapses, candidates, p),
            namespace=namespace,
            signs=signs,
            excitatory=excitatory,
            multapses=multapses,
            max_in_degree=max_in_degree,
            max_out_degree=max_out_degree,
            seed=new_seed() if seed is None else seed,
        )
        self._shared = Budget(self.sets, split=split) if several else None
        self._rule, self.synapses, self.callback = rule, synapses, callback
        self._draws_seed, self.needs_seed, self._observers = seed is None, False, []
        self._interval = dt
        if clock is None:  # A second clock would cost Brian2 some microseconds in every step.
            clock = self._projections[0].synapses.clock
            timing.check_multiple(dt, clock)
        super().__init__(clock=clock, when=when, order=order, name=name)
        surgery.name_line_of_user(self)
        self._mistakes = Mistakes(self, self._projections)
        if companion is not None:
            self.add_dependency(companion)
        for projection in self._projections:
            self.add_dependency(projection.synapses)
            projection.settle(self)
        self._mistakes.at_construction()

    @property
    def rule(self) -> Rule:
        """Return the rule; another one of the same class may be set, also in a callback, for all following events."""
        return self._rule

    @rule.setter
    def rule(self, rule: Rule) -> None:
        if type(rule) is not type(self._rule):
            kind = type(self._rule).__name__
            raise TypeError(f"rule must be a {kind}, got {rule!r}; for another class, release() and create a Rewiring.")
        if self._shared is not None and not rule.keeps_number:
            raise ValueError(f"rule must keep the number of connections for a shared budget, got {rule!r}; {SEPARATE}")
        timing.interval_of(rule, self.interval, None)
        namespace = get_local_namespace(level=1)
        for projection in self._projections:
            projection.check_rule(rule)
        construction.check_strings(self._projections, rule, namespace)
        for projection in self._projections:
            projection.follow_rule(rule)
        self._rule = rule

    @property
    def callback(self) -> Callable[[Rewiring, RewiringInfo], object] | None:
        """Return the function called after each event; may be set at any time."""
        return self._callback

    @callback.setter
    def callback(self, callback: Callable[[Rewiring, RewiringInfo], object] | None) -> None:
        self._callback = check_callback(callback)

    @property
    def seed(self) -> int:
        """Return the seed; it may be set between runs, and then stays. Drawn signs do not change."""
        return self._projections[0].made.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._reseed(check_seed(seed))
        self._draws_seed = False

    def before_run(self, run_namespace: Any) -> None:
        """Check the synapses and compile strings; called by Brian2 before each run."""
        surgery.check_device(self._projections[0].in_program)
        self._check_owner()
        self._follow_store()
        for projection in self._projections:
            projection.check_number(self.name)
            projection.compile(run_namespace)
            projection.start_run()
            projection.follow_schedule(self.seconds + float(self.interval))
        self._mistakes.at_start(run_namespace)
        self._steps, self._remaining = timing.steps_between(self), 1
        self._timestep = self.clock.variables["timestep"].get_value()
        for projection in self._projections:
            projection.generate(self)
        super().before_run(run_namespace)
        denormals.flush()

    def run(self) -> None:
        """Carry out an event when it is due; called by Brian2 in every time step, in most of which it only counts."""
        self._remaining -= 1
        if not self._remaining:
            self._come_due()

    def after_run(self) -> None:
        """Warn of signals that stayed 0; called by Brian2 after each run."""
        denormals.restore()
        self._mistakes.after_run()
        super().after_run()

    def step(self) -> RewiringInfo:
        """Carry out an event now: update, eliminate, form. Call it between runs only.

        Returns
        -------
        RewiringInfo
            Connections eliminated and formed.

        Raises
        ------
        FloatingPointError
            If a gradient or theta is NaN or infinite. The message names the connection, and nothing has changed.
        ValueError
            If synapses were added since the construction.
        NotImplementedError
            In C++ standalone mode.
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
        """Stop controlling the synapses, so that another Rewiring may; this one then does nothing.

        Raises
        ------
        ValueError
            If some slots of the synapses hold no connection: another Rewiring could not tell which.
        """
        self._check_owner()
        for projection in self._projections:
            projection.check_release()
        for projection in self._projections:
            projection.release()
        self.active = False

    def _come_due(self) -> None:
        """Carry out an event, unless this is the start of a run; Brian2 looks at ``active`` before and after a run."""
        now, switch = self._timestep.item(), self._switch
        self._remaining = self._steps - now % self._steps
        if not self.active:
            denormals.restore()
        elif now % self._steps == 0 and now > 0 and (switch is None or switch.get_value()[0]):
            with denormals.flushed(), timing.synchronized(self.clock, self._projections):
                self._step()

    def _step(self) -> RewiringInfo:
        """Carry out an event, checks included."""
        for projection in self._projections:
            projection.check_number(self.name)
            projection.follow_schedule(self.seconds)
            projection.fetch_theta()
        self._mistakes.before_event()
        with timing.uninterrupted(), timing.whole(self._projections):
            info = self._event()
        self._mistakes.after_event(info)
        if self.callback is not None:
            self.callback(self, info)
        return info

    def _event(self) -> RewiringInfo:
        """Make a step of the rule, apply it to the synapses, and record it."""
        for observer in self._observers:
            observer.begin()
        info = self._decide()
        for index, projection in enumerate(self._projections):
            own = info if self._shared is None else info.of_set(index)
            projection.operate(own)
            projection.clear_accumulated()
        for observer in self._observers:
            observer.observe(self, info, self.seconds)
        return info

    def _decide(self) -> RewiringInfo:
        """Make a step of the rule: theta is updated in place, connections are eliminated and formed."""
        rule, shared = self._projections[0].rule, self._shared
        signals = [projection.signals() for projection in self._projections]
        if shared is None:
            return step(self.connections, rule, **signals[0])
        return step(shared, rule, **{name: [own[name] for own in signals] for name in signals[0]})

    def shares_seed(self, other: Rewiring) -> bool:
        """Return whether both are in one network and were given the same seed, and so draw the same numbers."""
        drawn = self._draws_seed or other._draws_seed
        return not drawn and self.seed == other.seed and self._network == other._network

    def _check_owner(self) -> None:
        for projection in self._projections:
            check_owner(projection.synapses, self)

    def _follow_store(self) -> None:
        """Draw another seed after ``store`` or ``restore``, unless the user has given one.

        So trials from one state differ, as all random numbers of Brian2 do. Since a seed is also drawn in the run that
        follows ``store``, a run resumed with Brian2's random state continues exactly as the first one did.
        """
        if self.needs_seed and self._draws_seed:
            self._reseed(new_seed())
        self.needs_seed = False

    def _reseed(self, seed: int) -> None:
        for projection in self._projections:
            projection.reseed(seed)

    def _full_state(self) -> list[dict[str, Any]]:
        """Return the state for Brian2's ``store``."""
        self.needs_seed = True
        return [projection.state() for projection in self._projections]

    def _restore_from_full_state(self, state: list[dict[str, Any]]) -> None:
        """Restore what ``_full_state`` returned."""
        self.needs_seed = True
        for projection, own in zip(self._projections, state, strict=True):
            projection.restore(own)
