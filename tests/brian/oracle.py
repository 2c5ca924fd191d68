"""A plain simulator that keeps, for each connection, an explicit list of the events on their way through it.

A connection is an object of its own: when it dies, whatever is on its way through it is dropped with it, and the
newborn in its slot is another object. Nothing can be mixed up, so this is what Brian2 with rewiring must equal.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from tests import naive

DT = 1e-4
TAU_V, TAU_X, TAU_Z = 10e-3, 7e-3, 4e-3
DRIVE = 0.3

#: The same network for Brian2.
NEURON = """dv/dt = (bias + g_in + g_rec - v)/tau_v : 1
            bias : 1
            g_in : 1
            g_rec : 1"""
SYNAPSE = """w = polarity*theta : 1
             theta : 1
             polarity : 1
             gradient : 1
             dx/dt = -x/tau_x : 1 (event-driven)
             dz/dt = -z/tau_z : 1 (clock-driven)
             {current}_post = drive*w*z : 1 (summed)"""
ON_PRE = "x += 1; z += 1; gradient += 0.6 - x; v_post += w"
ON_POST = "gradient += 0.4*x - 0.1"


@dataclass(eq=False)
class Edge:
    """One connection, from its birth to its death."""

    pre: int
    post: int
    polarity: int
    theta: float
    delays: dict[str, int]
    last: float = 0.0
    gradient: float = 0.0
    x: float = 0.0
    z: float = 0.0
    alive: bool = True

    @property
    def weight(self) -> float:
        """Return what a spike adds."""
        return self.polarity * self.theta

    def receive(self, t: float) -> None:
        """Let the event-driven trace decay to now."""
        self.x = self.x * math.exp(-(t - self.last) / TAU_X)
        self.last = t


@dataclass
class Projection:
    """The connections between two groups, slot by slot, and what is on its way through them."""

    num_pre: int
    num_post: int
    edges: list[Edge]
    rule: object
    seed: int
    autapses: bool
    period: int
    delay_of_newborn: object
    keep_spikes_of_the_dead: bool = False
    steps_done: int = 0
    births: list[int] = field(default_factory=list)
    pending: dict[str, dict[int, list[Edge]]] = field(
        default_factory=lambda: {"pre": defaultdict(list), "post": defaultdict(list)}
    )

    def send(self, side: str, spikes: list[int], now: int) -> None:
        """Put the spikes of a group on their way."""
        for neuron in spikes:
            for edge in self.edges:
                if getattr(edge, side) == neuron:
                    self.pending[side][now + edge.delays[side]].append(edge)

    def deliver(self, side: str, now: int, v: np.ndarray) -> None:
        """Let arrive what is due now."""
        for edge in self.pending[side].pop(now, []):
            if not edge.alive:
                continue
            edge.receive(now * DT)
            if side == "pre":
                edge.x += 1
                edge.z += 1
                edge.gradient += 0.6 - edge.x
                v[edge.post] += edge.weight
            else:
                edge.gradient += 0.4 * edge.x - 0.1

    def rewire(self, now: int) -> None:
        """Do the step of the paper, by the naive twin."""
        columns = {
            "pre": np.array([e.pre for e in self.edges]),
            "post": np.array([e.post for e in self.edges]),
            "theta": np.array([e.theta for e in self.edges]),
            "polarity": np.array([e.polarity for e in self.edges]),
            "birth_step": np.zeros(len(self.edges)),
        }
        sites = self.num_pre * self.num_post - (0 if self.autapses else self.num_pre)
        slots = SimpleNamespace(
            **columns, num_pre=self.num_pre, num_post=self.num_post, num_sites=sites, autapses=self.autapses,
            seed=self.seed, index=0, steps_done=self.steps_done,
        )  # fmt: skip
        state, events = naive.step(slots, np.array([e.gradient for e in self.edges]), self.rule)
        self.steps_done += 1
        for edge, theta in zip(self.edges, state[2], strict=True):
            edge.theta, edge.gradient = theta, 0.0
        born = [event for event in events if event[5] == 1]
        self.births.append(len(born))
        for _, pre, post, slot, _, _, sign in born:
            self.edges[slot].alive = False
            self.edges[slot] = Edge(pre, post, sign, 0.0, self.newborn_delays(pre, post), last=now * DT)

    def newborn_delays(self, pre: int, post: int) -> dict[str, int]:
        """Return the delays of a newborn, in steps."""
        return {"pre": self.delay_of_newborn(pre, post), "post": 0}


def simulate(input_spikes, bias, projections, steps):
    """Return the spikes (step, neuron) and the course of v, shape (steps, neurons), at the start of each step."""
    (feedforward, recurrent), v = projections, np.zeros(len(bias))
    spikes, course = [], []
    for now in range(steps):
        course.append(v.copy())
        current = np.zeros(len(v))
        for projection in projections:
            sums = np.zeros(len(v))
            for edge in projection.edges:
                sums[edge.post] += DRIVE * edge.weight * edge.z
            current = current + sums
        v += DT * (bias + current - v) / TAU_V
        for projection in projections:
            for edge in projection.edges:
                edge.z *= math.exp(-DT / TAU_Z)
        fired = [int(k) for k in np.flatnonzero(v > 1)]
        spikes += [(now, k) for k in fired]
        sources = {id(feedforward): input_spikes.get(now, []), id(recurrent): fired}
        for side in ("pre", "post"):
            for projection in projections:
                projection.send(side, sources[id(projection)] if side == "pre" else fired, now)
                projection.deliver(side, now, v)
        v[fired] = 0.0
        for projection in projections:
            if now > 0 and now % projection.period == 0:
                projection.rewire(now)
    return spikes, np.array(course)
