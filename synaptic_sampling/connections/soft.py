"""Soft DEEP R in memory and time proportional to the connections, however many sites there are.

A retracted connection has neither gradient nor l1: its theta is a walk with Gaussian steps of one size, put back to
theta_min where it falls below. Nothing depends on it until it is at 0 again. So of those that fell below a depth D,
three things are all that will ever be seen: when they come back, where above 0 they land, and at which site.

*When.* At the moment it falls below -D, each draws the time of its return. A walk with steps N(0, 1) that is at x
stays below 0 for more than n steps with the probability that a Brownian motion does so for a time n + 1/4 between a
wall at rho = 0.5826 that absorbs it and one at theta_min - rho that reflects it (rho, the mean overshoot of such walks:
Siegmund 1985; the 1/4 is the variance of the overshoot). The mean time of return is exact up to exp(-2.5 D/sigma),
hence the active share too, and so is any flow in stationarity. The error of the probability is 3e-5 at D = 10
sigma and falls faster than 1/D**2. The time of the Brownian motion is drawn exactly (Muller 1956, walk on spheres).

*How many.* The times are kept as counts: blocks of time that are between 1/128 and 1/64 of the delay long, halved by
a fair coin for each member when they begin. Counts, not connections: a few thousand integers for any number of sites.
The blocks are so fine that a probability changes by less than 2e-5, the mean time by 2e-5 of it. There is no histogram
over depth to be moved, no band with an error of its own; a step costs two draws of coins on average.

*Where.* A walk from far below lands above 0 with the law of the overshoot in the limit, of which it remembers nothing
but exp(-2.5 D/sigma), and independently of the time.

*Which.* A site drawn uniformly from those that nobody follows. This alone differs from the paper: a connection that
has been below -D comes back as any of these. Of all retractions by noise, about the share 1.21/(D/sigma + 1.17) gets
that far. In stationarity without a gradient all sites are alike, and nothing but identities can tell the difference.
While something is learned, forgetting widens the search, and learning is faster for it: a sparse regression with the
floor at 45 sigma had a mean error of 0.45 with all sites stored, 0.35 at D = 10 sigma, 0.18 at 4 sigma. Stored ones
that exchange their theta while they are deep come to the same, so it is the forgetting and nothing else
(``scripts.verify_soft``). Choose D near theta_min where the paper's own dynamics are wanted, at the price of memory.

Considered and not taken: single parameters without a site (memory of all sites); a histogram over depth with bands of
growing width (moves each band by binomials, errs in the variance of each step, and needs bands x bins numbers); a
mean field with Poisson entries (forgets that the numbers add up, is wrong for few).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_number
from synaptic_sampling._kernels.dynamics import BIRTH
from synaptic_sampling._kernels.soft_deep import binomial, land
from synaptic_sampling._kernels.vacancy import remove_all
from synaptic_sampling.connections.deep import Deep, overshoots
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.rewire import Decision, close, cross, form
from synaptic_sampling.connections.sites import MAX_NEURONS, Condition
from synaptic_sampling.connections.slots import wrong_storage
from synaptic_sampling.events import RewiringInfo, events_of, join_events
from synaptic_sampling.randomness import Stream, stream_word, uniforms

__all__ = ["SoftConnections"]

#: Nearer than this to 0, where a walk lands is not independent of where it came from.
SMALLEST_DEPTH = 4.0
#: Noise steps between 0 and theta_min: beyond, hardly any would come back within a run.
LARGEST_SPAN = 1e6


class SoftConnections(Connections):
    """Connections for `SoftDeepR`, and those retracted ones that are not far below 0; the others are only counted.

    Slots hold the connected, theta >= 0, and the retracted, theta < 0, that have not been below
    ``-depth*noise_scale`` since they were retracted. Of those that have, only the times of their return are known, and
    how many share them; each comes back at a site drawn uniformly from those in no slot. Every site is in one of these
    three states: ``num_active + num_tracked + num_deep == num_sites``.

    Memory and time of a step are proportional to the number of slots, about ``1 + r*depth`` times that of the
    connected ones, r = learning_rate*l1/noise_scale. `PotentialConnections` hold all sites. With ``depth`` beyond
    theta_min both do the same.

    The number of slots changes from step to step; the arrays are views that are good until the next one. The weight of
    a retracted one is 0, and its gradient has no effect.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (K,)
        Endpoints of those connected at the start. All other sites are retracted, theta uniform from theta_min to 0.
    rule : SoftDeepR
        By which they will be changed. Later rules may have another learning rate or l1, but the same theta_min, and
        noise of at most a quarter of the depth.
    depth : float
        In units of the noise of ``rule``, at least 4: how far below 0 a retracted connection keeps its site.
    theta : array_like, shape (K,), optional
        Parameters of the connected at the start, >= 0; zeros by default.
    signs : {'site', 'presynaptic'}, int or array_like
        As in `Connections`: the sign of a site is the same whenever it is connected.
    excitatory, autapses, diagonal, candidates, seed, index, dtype
        As in `Connections`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    Notes
    -----
    To draw who is retracted at first takes some nanoseconds per site, once; no memory.
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
        signs: str | int | ArrayLike = "site",
        excitatory: float = 0.5,
        autapses: bool = True,
        diagonal: int = 0,
        candidates: ArrayLike | Condition | None = None,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        if isinstance(signs, str) and signs == "redrawn":
            raise ValueError("signs must be 'site', 'presynaptic', +1, -1 or an array: a site keeps its sign.")
        self._set_depth(rule, depth)
        super().__init__(
            num_pre,
            num_post,
            pre,
            post,
            theta=theta,
            signs=signs,
            excitatory=excitatory,
            autapses=autapses,
            diagonal=diagonal,
            candidates=candidates,
            seed=seed,
            index=index,
            dtype=dtype,
        )
        self.capacity = MAX_NEURONS
        self._retract_the_rest()

    @classmethod
    def random(cls, num_pre: int, num_post: int, connections: int, **options: Any) -> SoftConnections:
        """Return exactly ``connections`` connected ones, all sets of that size equally likely.

        Parameters
        ----------
        num_pre, num_post : int
            Numbers of neurons on both sides.
        connections : int
            How many.
        **options
            Further arguments of the class.

        Returns
        -------
        SoftConnections
            With theta as given, or 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or out of range, or if there are fewer sites than connections.
        """
        others = {name: value for name, value in options.items() if name not in {"rule", "depth", "theta"}}
        wiring = Connections.random(num_pre, num_post, connections, **others)
        return cls(num_pre, num_post, wiring.pre, wiring.post, **options)

    def __repr__(self) -> str:
        """Return numbers of all three states."""
        return (
            f"<{self.num_active} connections from {self.num_pre} to {self.num_post} neurons, "
            f"{self.num_tracked} retracted, {self.num_deep} deep>"
        )

    @property
    def connected(self) -> NDArray[np.bool_]:
        """Return which slots hold a connected one, theta >= 0, a new array."""
        return self.theta >= 0

    @property
    def num_active(self) -> int:
        """Return how many are connected now."""
        return int(np.count_nonzero(self.connected))

    @property
    def num_tracked(self) -> int:
        """Return how many retracted ones have a slot."""
        return len(self) - self.num_active

    @property
    def num_deep(self) -> int:
        """Return how many retracted ones are only counted."""
        return self.deep.number

    @property
    def weights(self) -> NDArray[Any]:
        """Return polarity * theta where connected and 0 elsewhere, a new array."""
        return self.polarity * np.maximum(self.theta, 0)

    def reseed(self, seed: int) -> None:
        """Let all random numbers be those of another seed from now on, except drawn signs, as in `Connections`."""
        super().reseed(seed)
        self.deep.reseed(seed)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next step needs, besides the arguments of the class."""
        return {**super().state(), "wheel": self.deep.wheel, "clock": self.deep.clock}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take on the state of connections that were made with the same arguments."""
        if not isinstance(state, Mapping) or "wheel" not in state:
            raise ValueError(f"the state must be one of SoftConnections, got {state!r}.")
        number = len(state["pre"]) + int(np.sum(state["wheel"]))
        if number != self.num_sites or np.shape(state["wheel"]) != self.deep.wheel.shape:
            raise ValueError(f"the state is one of {number} sites, but there are {self.num_sites}.")
        super().restore(state)
        self.deep.wheel[:], self.deep.clock[:] = state["wheel"], state["clock"]

    def check_rule(self, rule: Any) -> None:
        """Refuse a rule that the deep ones have not been drawn for: another theta_min, or a noise as long as the depth."""
        if type(self) not in rule.storage:
            raise wrong_storage(rule, self)
        if not math.isclose(rule.theta_min, self.theta_min, rel_tol=1e-9):
            raise ValueError(
                f"theta_min of the rule must stay {self.theta_min:g}, got {rule.theta_min:g}: those deep below 0 have "
                "been drawn for it. Change learning_rate alone, or l1 and temperature by one factor."
            )
        if -self.edge < SMALLEST_DEPTH * rule.noise_scale:
            raise ValueError(
                f"noise_scale of the rule must be at most {-self.edge / SMALLEST_DEPTH:g}, a quarter of the depth, got "
                f"{rule.noise_scale:g}: those deep below 0 would come back wrongly. Give a larger depth."
            )

    def active(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which of some slots hold an active connection, theta >= 0."""
        return self.theta[slots] >= 0

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Stop tracking connections below the threshold, form those that return, and close the gaps."""
        died, ascended = cross(self, decision.crossed)
        lost = np.flatnonzero(self.theta < self.edge).astype(np.int32)
        returned, gaps = self._exchange(lost, decision.noise_scale)
        born = events_of(self, np.sort(np.concatenate([ascended, returned])), BIRTH)
        moves = close(self, gaps)
        return RewiringInfo(self.steps_done, join_events([died, born, moves]), len(died), 0, len(moves) // 2)

    def _exchange(self, lost: NDArray[np.int32], sigma: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Vacate the sites of lost connections and fill slots with returning ones; return these slots, and the gaps."""
        scale = (sigma / self.noise_scale) ** 2
        due = self.deep.tick(self.steps_done, scale)
        self.deep.enter(lost, self.theta, sigma, self.theta_min, self.steps_done, scale)
        remove_all(self.table, self.sites.keys(self.pre[lost], self.post[lost]))
        behind = np.arange(len(self), len(self) + max(0, due - len(lost)), dtype=np.int32)
        slots = np.concatenate([lost[:due], behind])
        self._fill(slots, lost, Stream.BIRTH)
        address = np.uint64(self.steps_done), self.stream(Stream.LANDING), *self.key
        land(slots, sigma, *address, overshoots(), self.theta)
        return slots, lost[due:]

    def _fill(self, slots: NDArray[np.int32], freed: NDArray[np.int32], stream: Stream) -> None:
        """Fill slots, ascending, with random sites that no slot holds; theta = 0."""
        keys = self.draw_vacant(slots, freed, stream, self.steps_done)
        self.resize(max([len(self), *(slots[-1:] + 1).tolist()]))
        form(self, slots, keys)

    def _set_depth(self, rule: Any, depth: float) -> None:
        """Keep what the rule says of lengths."""
        if SoftConnections not in getattr(rule, "storage", ()):
            raise TypeError(f"rule must be a SoftDeepR, got {rule!r}.")
        self.depth = check_number("depth", depth, minimum=SMALLEST_DEPTH)
        self.theta_min, self.noise_scale = rule.theta_min, rule.noise_scale
        check_number("-theta_min/noise_scale of the rule", -self.theta_min / self.noise_scale, maximum=LARGEST_SPAN)
        edge = -self.depth * self.noise_scale
        #: Below it, a retracted connection loses its site; nobody does where the floor is not below it.
        self.edge = edge if edge > self.theta_min else -math.inf

    def _retract_the_rest(self) -> None:
        """Let all other sites be retracted: those above the edge in slots, the others counted."""
        connected, rest = len(self), self.num_sites - len(self)
        near = max(self.edge, self.theta_min)
        address = np.uint64(0), stream_word(Stream.DEEP, self.index), *self.key
        # Slot 0 of this stream is no class of the multinomial.
        tracked = int(binomial(rest, near / self.theta_min, 0, *address))
        self._fill(np.arange(connected, connected + tracked, dtype=np.int32), np.empty(0, np.int32), Stream.WIRING)
        self.theta[connected:] = near * uniforms(self.seed, Stream.SOJOURN, 0, tracked, self.index)
        self.deep = Deep(
            rest - tracked, near / self.noise_scale, self.theta_min / self.noise_scale, self.seed, self.index
        )
