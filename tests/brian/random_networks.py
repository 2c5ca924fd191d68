"""Networks of any kind that Brian2 allows, by a plan, in Brian2 and in the plain simulator of ``oracle``."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import brian2 as b2
import numpy as np
from brian2 import second

from synaptic_sampling import DeepR, Rewiring, connect_exactly
from tests.brian import oracle
from tests.brian.oracle import DRIVE, DT, TAU_V, TAU_X, TAU_Z

NUM_INPUTS, NUM_NEURONS, STEPS = 9, 8, 300
RULE = DeepR(learning_rate=0.02, l1=1.0, temperature=2e-3)
CURRENTS = {
    "summed": "dz/dt = -z/tau_z : 1 (clock-driven)\n{current}_post = drive*w*z : 1 (summed)",
    "clocked": "dz/dt = -z/tau_z : 1 (clock-driven)",
    "event": "dz/dt = -z/tau_z : 1 (event-driven)",
}
MODEL = """w = polarity*theta : 1
           theta : 1
           polarity : 1
           gradient : 1
           dx/dt = -x/tau_x : 1 (event-driven)\n"""
ON = {
    "pre": "x += 1; z += 1; gradient += 0.6 - x; v_post += w*(1 + 0.3*z)",
    "late": "gradient += 0.2*x; v_post += 0.3*w",
    "post": "gradient += 0.4*x - 0.1",
}


@dataclass(frozen=True)
class Plan:
    """One projection: where it lies, its pathways with their delays in steps (None: one for each), its current."""

    recurrent: bool
    subgroups: bool
    delays: dict
    current: str


@dataclass
class Projection(oracle.Projection):
    """As in ``oracle``, with more pathways, between subgroups, with three kinds of current."""

    plan: Plan = None
    offsets: tuple = (0, 0)

    def __post_init__(self):
        self.pending = {name: defaultdict(list) for name in self.plan.delays}

    def send(self, pathway, spikes, now):
        side = "post" if pathway == "post" else "pre"
        offset = self.offsets[side == "post"]
        for neuron in spikes:
            for edge in self.edges:
                if getattr(edge, side) == neuron - offset:
                    self.pending[pathway][now + edge.delays[pathway]].append(edge)

    def deliver(self, pathway, now, v):
        for edge in self.pending[pathway].pop(now, []):
            if not edge.alive:
                continue
            if self.plan.current == "event":
                edge.z *= math.exp(-(now * DT - edge.last) / TAU_Z)
            edge.receive(now * DT)
            w, post = edge.polarity * edge.theta, edge.post + self.offsets[1]
            if pathway == "pre":
                edge.x += 1
                edge.z += 1
                edge.gradient += 0.6 - edge.x
                v[post] += w * (1 + 0.3 * edge.z)
            elif pathway == "late":
                edge.gradient += 0.2 * edge.x
                v[post] += 0.3 * w
            else:
                edge.gradient += 0.4 * edge.x - 0.1

    def current(self, number):
        """Return what the synapses let flow into each neuron."""
        sums = np.zeros(number)
        for edge in self.edges if self.plan.current == "summed" else ():
            sums[edge.post + self.offsets[1]] += DRIVE * (edge.polarity * edge.theta) * edge.z
        return sums

    def decay(self):
        """Let z decay by one step, where this is not left to events."""
        for edge in self.edges if self.plan.current != "event" else ():
            edge.z *= math.exp(-DT / TAU_Z)

    def newborn_delays(self, pre, post):
        own = {"pre": (7 * pre + 3 * post) % 51, "late": 0, "post": 0}
        return {name: own[name] if delay is None else delay for name, delay in self.plan.delays.items()}


def simulate(input_spikes, bias, v, projections):
    """Return the spikes (step, neuron) and the course of v at the start of each step."""
    spikes, course = [], []
    # Brian2 runs all pathways of presynaptic spikes, by their names, before those of postsynaptic ones.
    order = [(p, name) for p in projections for name in ("late", "pre")] + [(p, "post") for p in projections]
    order = [(p, name) for p, name in order if name in p.plan.delays]
    for now in range(STEPS):
        course.append(v.copy())
        v += DT * (bias + sum(p.current(len(v)) for p in projections) - v) / TAU_V
        for p in projections:
            p.decay()
        fired = np.flatnonzero(v > 1).tolist()
        spikes += [(now, k) for k in fired]
        for p, name in order:
            p.send(name, fired if name == "post" or p.plan.recurrent else input_spikes.get(now, []), now)
            p.deliver(name, now, v)
        v[fired] = 0.0
        for p in projections:
            if now > 0 and now % p.period == 0:
                p.rewire(now)
    return spikes, np.array(course)


def part(group, whole, rng):
    """Return the group or a part of it, and where it begins."""
    if whole:
        return group, 0
    begin = int(rng.integers(3))
    return group[begin : begin + int(rng.integers(4, len(group) - 2))], begin


@dataclass
class Pair:
    """The same network twice."""

    plans: list
    seed: int
    period: int
    runs: int
    synapses: list = field(default_factory=list)
    projections: list = field(default_factory=list)
    net: object = None

    def add(self, number, plan, inputs, neurons, rng):
        """Make one projection in both."""
        # Brian2 has no subgroups of a SpikeGeneratorGroup.
        source, begin = part(neurons if plan.recurrent else inputs, not (plan.subgroups and plan.recurrent), rng)
        target, end = part(neurons, not plan.subgroups, rng)
        scalar = {name: steps * DT * second for name, steps in plan.delays.items() if steps is not None}
        s = b2.Synapses(
            source, target, MODEL + CURRENTS[plan.current].format(current=f"g_{number}"),
            on_pre={name: ON[name] for name in plan.delays if name != "post"},
            on_post={"post": ON["post"]} if "post" in plan.delays else None,
            delay=scalar, method="exact",
            name=f"s_{number}",
        )  # fmt: skip
        # Between subgroups that overlap, the same neuron may be on both sides.
        autapses = not plan.recurrent or plan.subgroups
        connect_exactly(s, connectivity=0.4, autapses=autapses, seed=self.seed + number)
        s.theta = 0.3 * rng.random(len(s))
        for name, steps in plan.delays.items():
            if steps is None:
                getattr(s, name).delay = rng.choice([0, 1, 50, *range(2, 30)], len(s)) * DT * second
        birth = {f"{name}.delay": 0 * second for name, steps in plan.delays.items() if steps is None}
        if "pre.delay" in birth:
            birth["pre.delay"] = "((7*i + 3*j) % 51)*0.1*ms"
        rewiring = Rewiring(
            s, RULE, seed=self.seed + number, dt=self.period * DT * second, autapses=autapses,
            birth=birth, name=f"rewiring_{number}",
        )  # fmt: skip
        steps = {
            name: np.round(np.broadcast_to(getattr(s, name).delay[:] / second / DT, len(s))).astype(int).tolist()
            for name in plan.delays
        }
        columns = (s.i[:].tolist(), s.j[:].tolist(), s.polarity[:].astype(int).tolist(), s.theta[:].tolist())
        edges = [
            oracle.Edge(*values, {name: own[k] for name, own in steps.items()})
            for k, values in enumerate(zip(*columns, strict=True))
        ]
        self.projections.append(
            Projection(
                len(source), len(target), edges, RULE, self.seed + number, autapses, self.period, None,
                plan=plan, offsets=(begin, end),
            )
        )  # fmt: skip
        self.synapses.append(s)
        return rewiring

    def build(self):
        """Make the network; return the spikes of the inputs, and the first state of the neurons."""
        rng = np.random.default_rng(self.seed)
        when = np.sort(rng.permutation(STEPS - 1)[: STEPS // 2]) + 1
        who = rng.integers(NUM_INPUTS, size=len(when))
        bias, v = rng.uniform(0.8, 2.0, NUM_NEURONS), rng.random(NUM_NEURONS)
        inputs = b2.SpikeGeneratorGroup(NUM_INPUTS, who, when * DT * second, name="inputs")
        summed = [f"g_{n}" for n, plan in enumerate(self.plans) if plan.current == "summed"]
        model = [f"dv/dt = ({' + '.join(['bias', *summed])} - v)/tau_v : 1", *(f"{g} : 1" for g in ["bias", *summed])]
        neurons = b2.NeuronGroup(
            NUM_NEURONS, "\n".join(model), threshold="v > 1", reset="v = 0", method="euler", name="neurons"
        )
        neurons.bias, neurons.v = bias, v
        rewirings = [self.add(n, plan, inputs, neurons, rng) for n, plan in enumerate(self.plans)]
        self.spikes = b2.SpikeMonitor(neurons, name="spikes")
        self.voltage = b2.StateMonitor(neurons, "v", record=True, name="voltage")
        self.net = b2.Network(inputs, neurons, self.synapses, rewirings, self.spikes, self.voltage)
        times = defaultdict(list)
        for step, neuron in zip(when.tolist(), who.tolist(), strict=True):
            times[step].append(neuron)
        return times, bias, v

    def advance(self, steps):
        """Let Brian2 run."""
        constants = {"tau_v": TAU_V * second, "tau_x": TAU_X * second, "tau_z": TAU_Z * second, "drive": DRIVE}
        self.net.run(steps * DT * second, namespace=constants)

    def course(self):
        """Return the spikes (step, neuron) and voltages of Brian2 so far."""
        steps = np.round(self.spikes.t / second / DT).astype(int).tolist()
        return list(zip(steps, self.spikes.i[:].tolist(), strict=True)), self.voltage.v.T

    def run(self):
        """Return spikes and voltages of Brian2, and those of the plain simulator."""
        start = self.build()
        for _ in range(self.runs):
            self.advance(STEPS // self.runs)
        return self.course(), simulate(*start, self.projections)
