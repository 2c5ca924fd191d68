"""Soft DEEP R in memory and time proportional to the connections, however many sites there are.

Retracted connections that fall below a tracking threshold are not stored individually; only the times at which they
return to 0 are sampled and counted. docs/guide/soft_deepr.md has the laws of return times and landing points, their
errors, and the one difference from the paper: a connection returns at a uniformly random untracked site.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling._kernels.dynamics import BIRTH
from synaptic_sampling._kernels.soft_deep import binomial, land
from synaptic_sampling._kernels.vacancy import remove_all
from synaptic_sampling.connections.deep import Deep, overshoots
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.options import SoftOptions, check_options, fixed_signs
from synaptic_sampling.connections.retracting import Retracting
from synaptic_sampling.connections.rewire import Decision, close, cross, form
from synaptic_sampling.connections.sites import MAX_NEURONS
from synaptic_sampling.connections.slots import wrong_storage
from synaptic_sampling.events import Edges, RewiringInfo, events_of, join_events
from synaptic_sampling.randomness import Stream, stream_word, uniforms

__all__ = ["SMALLEST_DEPTH", "Exchange", "SoftConnections"]

NO_SLOTS = np.empty(0, np.int32)
#: Smallest depth, in steps of the noise, at which the landing point is independent of the starting point.
SMALLEST_DEPTH = 4.0
#: Largest distance from 0 to theta_min in steps of the noise; beyond, hardly any connection returns within a run.
LARGEST_SPAN = 1e6


#: Relative difference by which theta in float32, or under a later rule, may lie below theta_min.
FLOOR_ERROR = 1e-6


class Exchange(NamedTuple):
    """What happened to slots in a step, besides crossings of 0: needed by front ends that mirror the slots.

    Attributes
    ----------
    vacated, filled : Edges
        Connections that are not tracked any more, in their former slots; then those that returned, in their new ones.
    old, new : ndarray of int32
        Slots that connections, active or tracked, left at last, and those in which they are now.
    """

    vacated: Edges
    filled: Edges
    old: NDArray[np.int32]
    new: NDArray[np.int32]


class SoftConnections(Retracting, Connections):
    """Connections for `SoftDeepR` that store retracted connections near 0 and only count those far below 0.

    Slots hold active connections (theta >= 0) and tracked ones: retracted (theta < 0), but not below the tracking
    threshold ``-depth*noise_scale`` since they were retracted. For the others, the untracked ones, only the number of
    connections that return at each time is kept; each returns at a site drawn uniformly from those in no slot. Every
    site is in one of these three states: ``num_active + num_tracked + num_deep == num_sites``.

    Memory and the time of a step are proportional to the number of slots, about ``1 + r*depth`` times the number of
    active connections, with r = learning_rate*l1/noise_scale. `PotentialConnections` store all sites. If the threshold
    lies below theta_min, both are equivalent.

    The number of slots changes from step to step; the arrays are views that are valid until the next one. The weight
    of a retracted connection is 0, and its gradient has no effect.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (K,)
        Endpoints of the connections that are active at the start. All other sites are retracted, with theta uniform
        from theta_min to 0.
    rule : SoftDeepR
        The rule that will change them. Later rules may have another learning rate or l1, but must have the same
        theta_min, and noise of at most a quarter of the depth.
    depth : float
        How far below 0 a retracted connection keeps its site, in units of the noise of ``rule``; at least 4.
    theta : array_like, shape (K,), optional
        Parameters of the active connections at the start, >= 0; zeros by default.
    capacity : int, optional
        Largest number of slots; by default it is not limited. A connection that returns when no slot is free
        returns in the next step with a free one, and is counted by ``num_unplaced`` until then.
    seed, index, dtype
        As in `Connections`.
    **options
        ``signs`` and ``excitatory``, as in `Signs` (not 'redrawn'); ``autapses``, ``diagonal`` and ``candidates``, as
        in `Sites`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or if ``capacity`` is less than the number of slots at the
        start.

    Notes
    -----
    Drawing the initial state takes a few nanoseconds per site, once, and no memory.
    """

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        pre: ArrayLike,
        post: ArrayLike,
        *,
        rule: Any,
        depth: float = 10.0,
        theta: ArrayLike | None = None,
        capacity: int | None = None,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
        **options: Unpack[SoftOptions],
    ) -> None:
        check_options(type(self).__name__, options, SoftOptions)
        fixed_signs(options, "a site keeps its sign")
        self._set_depth(rule, depth)
        super().__init__(num_pre, num_post, pre, post, theta=theta, seed=seed, index=index, dtype=dtype, **options)
        self.capacity = MAX_NEURONS
        self._retract_the_rest()
        #: What the last step did to slots.
        self.exchanged = Exchange(self.edges(NO_SLOTS), self.edges(NO_SLOTS), NO_SLOTS, NO_SLOTS)
        if capacity is not None:
            self.capacity = check_integer("capacity", capacity, minimum=len(self), maximum=MAX_NEURONS)

    @classmethod
    def random(cls, num_pre: int, num_post: int, connections: int, **options: Any) -> SoftConnections:
        """Return exactly ``connections`` active connections, all sets of that size equally likely.

        Parameters
        ----------
        num_pre, num_post : int
            Numbers of neurons on both sides.
        connections : int
            Number of active connections.
        **options
            Further arguments of the class.

        Returns
        -------
        SoftConnections
            With the given theta, or 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong type or out of range, or if there are fewer sites than connections.
        """
        own = {"rule", "depth", "theta", "capacity"}
        others = {name: value for name, value in options.items() if name not in own}
        drawn = Connections.random(num_pre, num_post, connections, **others)
        return cls(num_pre, num_post, drawn.pre, drawn.post, **options)

    def __repr__(self) -> str:
        """Return the numbers of connections in all three states."""
        return (
            f"<{self.num_active} connections from {self.num_pre} to {self.num_post} neurons, "
            f"{self.num_tracked} tracked, {self.num_deep} untracked>"
        )

    @property
    def num_tracked(self) -> int:
        """The number of tracked connections: retracted, but in a slot."""
        return len(self) - self.num_active

    @property
    def num_deep(self) -> int:
        """The number of untracked connections: retracted, and only counted."""
        return self.deep.number

    def reseed(self, seed: int) -> None:
        """Use the random numbers of another seed from now on, except for signs, as in `Connections`."""
        super().reseed(seed)
        self.deep.reseed(seed)

    def live_state(self) -> dict[str, NDArray[Any]]:
        """Return what ``state`` returns, not copied: valid until the next step, and not checked."""
        return {**super().live_state(), "wheel": self.deep.wheel, "clock": self.deep.clock}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state of connections that were created with the same arguments."""
        self._check_wheel(state)
        super().restore(state)
        self.deep.wheel[:], self.deep.clock[:] = state["wheel"], state["clock"]

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless ``restore`` accepts this state and a run can continue from it; changes nothing."""
        super().check_state(state)
        self._check_wheel(state)
        low = np.flatnonzero(state["theta"] < self.theta_min * (1.0 + FLOOR_ERROR))
        if len(low):
            raise ValueError(f"theta must be >= {self.theta_min:g}, got {state['theta'][low[0]]} for slot {low[0]}.")

    def _check_wheel(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless each site is in a slot or among the untracked connections of a state."""
        if not isinstance(state, Mapping) or "wheel" not in state:
            raise ValueError(f"state must be a mapping returned by SoftConnections.state(), got {state!r}.")
        wheel, clock = np.asarray(state["wheel"]), np.asarray(state["clock"])
        number = len(state["pre"]) + int(np.sum(wheel))
        if number != self.num_sites or wheel.shape != self.deep.wheel.shape or (wheel < 0).any():
            raise ValueError(f"the state holds {number} sites, but this set has {self.num_sites}.")
        if clock.shape != (1,) or not np.isfinite(clock).all() or clock[0] < 0:
            raise ValueError(f"clock must be one number >= 0, got {clock}.")

    def check_rule(self, rule: Any) -> None:
        """Raise an error for a rule with another theta_min, or with too much noise for the depth."""
        if type(self) not in getattr(rule, "storage", ()):
            raise wrong_storage(rule, self)
        if not math.isclose(rule.theta_min, self.theta_min, rel_tol=1e-9):
            raise ValueError(
                f"theta_min of the rule must stay {self.theta_min:g}, got {rule.theta_min:g}: the return "
                "times have been drawn for it. Change learning_rate only, or l1 and temperature by the same factor."
            )
        if -self.threshold < SMALLEST_DEPTH * rule.noise_scale:
            raise ValueError(
                f"noise_scale of the rule must be <= {-self.threshold / SMALLEST_DEPTH:g}, a quarter of the depth, "
                f"got {rule.noise_scale:g}: return times would be wrong. Create the connections with a larger depth."
            )

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Stop tracking connections below the threshold, form those that return, and close the gaps."""
        died, ascended = cross(self, decision.crossed)
        lost = np.flatnonzero(self.theta < self.threshold).astype(np.int32)
        vacated = self.edges(lost)
        returned, unplaced = self._exchange(lost, decision.noise_scale)
        born = events_of(self, np.sort(np.concatenate([ascended, returned])), BIRTH)
        self.exchanged = Exchange(vacated, self.edges(returned), NO_SLOTS, NO_SLOTS)
        relocations = close(self, lost[len(returned) :])
        events = join_events([died, born, relocations])
        return RewiringInfo(self.steps_done, events, len(died), unplaced, len(relocations) // 2)

    def close(self, gaps: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Remove slots by relocating the last connections into them; return the slots left and their new slots."""
        old, new = super().close(gaps)
        self.exchanged = self.exchanged._replace(old=old, new=new)
        return old, new

    def ticks(self, sigma: float) -> float:
        """Return how far a step with this noise advances the clock of return times."""
        return float((sigma / self.noise_scale) ** 2)

    def edges(self, slots: NDArray[np.int32]) -> Edges:
        """Return copies of endpoints and signs of some slots."""
        return Edges(slots, self.pre[slots], self.post[slots], self.polarity[slots])

    def _exchange(self, lost: NDArray[np.int32], sigma: float) -> tuple[NDArray[np.int32], int]:
        """Vacate the sites of lost connections and fill slots with those that return.

        Returns the slots filled, the first of those lost and then slots behind all others, and how many connections
        found no slot.
        """
        scale = self.ticks(sigma)
        returning = self.deep.advance(self.steps_done, scale)
        due = min(returning, self.capacity - len(self) + len(lost))
        self.deep.postpone(returning - due)
        self.deep.enter(lost, self.theta, sigma, self.theta_min, self.steps_done, scale)
        remove_all(self.table, self.sites.keys(self.pre[lost], self.post[lost]))
        behind = np.arange(len(self), len(self) + max(0, due - len(lost)), dtype=np.int32)
        slots = np.concatenate([lost[:due], behind])
        self._fill(slots, lost, Stream.BIRTH)
        address = np.uint64(self.steps_done), self.stream(Stream.LANDING), *self.key
        land(slots, sigma, *address, overshoots(), self.theta)
        return slots, returning - due

    def _fill(self, slots: NDArray[np.int32], freed: NDArray[np.int32], stream: Stream) -> None:
        """Fill slots, ascending, with random sites that are in no slot; theta = 0."""
        keys = self.draw_vacant(slots, freed, stream, self.steps_done)
        self.resize(max([len(self), *(slots[-1:] + 1).tolist()]))
        form(self, slots, keys)

    def _set_depth(self, rule: Any, depth: float) -> None:
        """Store theta_min, the noise and the tracking threshold, which follow from the rule."""
        if SoftConnections not in getattr(rule, "storage", ()):
            raise TypeError(f"rule must be a SoftDeepR, got {rule!r}.")
        self.depth = check_number("depth", depth, minimum=SMALLEST_DEPTH)
        self.theta_min, self.noise_scale = rule.theta_min, rule.noise_scale
        check_number("-theta_min/noise_scale of the rule", -self.theta_min / self.noise_scale, maximum=LARGEST_SPAN)
        threshold = -self.depth * self.noise_scale
        #: Below it, a retracted connection loses its site; this never happens if the floor is above it.
        self.threshold = threshold if threshold > self.theta_min else -math.inf

    def _retract_the_rest(self) -> None:
        """Retract all other sites: those above the threshold are tracked in slots, the others counted."""
        connected, rest = len(self), self.num_sites - len(self)
        near = max(self.threshold, self.theta_min)
        address = np.uint64(0), stream_word(Stream.DEEP, self.index), *self.key
        # Slot 0 of this stream is not used by the multinomial.
        tracked = int(binomial(rest, near / self.theta_min, 0, *address))
        self._fill(np.arange(connected, connected + tracked, dtype=np.int32), np.empty(0, np.int32), Stream.WIRING)
        self.theta[connected:] = near * uniforms(self.seed, Stream.SOJOURN, 0, tracked, self.index)
        self.deep = Deep(
            rest - tracked, near / self.noise_scale, self.theta_min / self.noise_scale, self.seed, self.index
        )
