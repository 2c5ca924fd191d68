"""Measure the cost of rewiring in a Brian2 simulation, relative to a static one and to one with all pairs connected.

    python -m scripts.benchmark_brian --json FILE
    python -m scripts.benchmark_brian --quick

Leaky integrate-and-fire neurons with time steps of 0.1 ms; DEEP R on all synapses with a turnover of about 1 % per
event. Times are those of the steady state: the difference between a long and a short run, so that the start of a run,
which takes as long as many events, does not hide them. All simulations of one size run alternately, several times, and
the fastest runs of each count. These synapses do next to nothing per spike; the simulation with STDP, in which weak
synapses are pruned and replaced, is compared with its own static version. Memory is stated per connection, in addition
to the static simulation. A slot that is reused for another neuron lies far from the other synapses of that neuron:
"static, slots as rewired" shows the cost of this order in memory alone. NEST is included if it is installed
(``nest_peer``), relative to its own static simulation. Programs in C++ standalone mode are relative to the static
program; both modes are compiled with the flags under which their results are bit-identical.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from brian2.core.variables import DynamicArrayVariable
from tqdm import tqdm

from scripts import nest_peer
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.programs import Program
from scripts.results import write_measurement
from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, connect_exactly
from synaptic_sampling.brian.standalone.program import is_standalone
from synaptic_sampling.spiking.device import compiler_flags

__all__ = ["main"]

#: Connections, neurons, simulated seconds of the short runs.
SIZES = ((4_000, 300, 2.0), (10_000, 1_000, 2.0), (100_000, 1_000, 2.0), (1_000_000, 10_000, 1.0))
#: How many times as long the long runs are.
LONGER = 3
INTERVALS_MS = (10, 100, 1000)
#: Time between two events in all other simulations.
FIXED_INTERVAL_MS = 100
#: Largest number of pairs for which the design with a synapse for every pair is run.
MAX_DENSE = 10**7
REPETITIONS = 3
#: Name of a contender, and the time between its events in ms.
Key = tuple[str, int | None]
#: A simulation of any kind: ``seconds(duration)`` returns the processor time of a run.
Timed = Any
RULE = DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-5)
#: Weights with STDP are initially uniform between 0 and 1, those of new connections are 0: about 1 % are weak.
WEAK = "w < 0.01"


class Simulation:
    """A static recurrent network."""

    model = "w = polarity*theta*int(theta >= 0) : 1\ntheta : 1\npolarity : 1\ngradient : 1"
    on_pre = "v_post += 1e-4*w; gradient += 1e-4"
    on_post: str | None = None

    def __init__(self, connections: int, neurons: int) -> None:
        self.number = connections
        self.group = b2.NeuronGroup(
            neurons, "dv/dt = (1.0008 - v)/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name="group*"
        )
        self.group.v = np.random.default_rng(1).random(neurons)
        self.synapses = b2.Synapses(
            self.group, self.group, self.model, on_pre=self.on_pre, on_post=self.on_post, name="synapses*"
        )
        self.connect()
        self.network = b2.Network(self.group, self.synapses)

    def connect(self) -> None:
        """Create connections with theta from the stationary law of DEEP R in the limit of small steps."""
        connect_exactly(self.synapses, connections=self.number, seed=1)
        self.synapses.theta = np.random.default_rng(2).exponential(RULE.temperature / RULE.l1, self.number)
        self.synapses.polarity = 1

    def seconds(self, duration: float) -> float:
        """Return the processor time of a run."""
        start = time.process_time()
        self.network.run(duration * b2.second)
        return time.process_time() - start

    def bytes(self) -> int:
        """Return the memory of all variables with one value per synapse; Brian2's queues are not counted."""
        pathways = (getattr(self.synapses, name) for name in ("pre", "post") if hasattr(self.synapses, name))
        variables = {v for group in (self.synapses, *pathways) for v in group.variables.values()}
        values = [v.get_value() for v in variables if isinstance(v, DynamicArrayVariable)]
        return sum(own.nbytes for own in values if len(own) == len(self.synapses))


class Stdp(Simulation):
    """The same network with STDP."""

    model = """w : 1
               dx/dt = -x/(20*ms) : 1 (event-driven)
               dy/dt = -y/(20*ms) : 1 (event-driven)"""
    on_pre = "v_post += 1e-4*w; x += 1; w = clip(w - 1e-4*y, 0, 1)"
    on_post = "y += 1; w = clip(w + 1e-4*x, 0, 1)"

    def connect(self) -> None:
        """Create connections with weights of all sizes."""
        connect_exactly(self.synapses, connections=self.number, seed=1)
        self.synapses.w = np.random.default_rng(2).random(self.number)


class Pruned(Stdp):
    """The network with STDP in which weak synapses are replaced."""

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        self.rewiring = Rewiring(self.synapses, PruneAndRegrow(WEAK), seed=1, dt=interval_ms * b2.ms)
        self.network.add(self.rewiring)
        self.rewiring.step()

    def bytes(self) -> int:
        """Return the memory, including that of the connections."""
        return super().bytes() + own_bytes(self.rewiring)


class Rewired(Simulation):
    """The network with DEEP R."""

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        # Each simulation has a seed of its own; a warning tells of equal ones.
        self.rewiring = Rewiring(self.synapses, RULE, seed=int(interval_ms), dt=interval_ms * b2.ms)
        self.network.add(self.rewiring)
        if not is_standalone():
            self.rewiring.step()  # Compiles; not measured.

    def bytes(self) -> int:
        """Return the memory, including that of the connections."""
        return super().bytes() + own_bytes(self.rewiring)


def own_bytes(rewiring: Rewiring) -> int:
    """Return the memory that a Rewiring needs for its connections, in addition to Brian2."""
    c = rewiring.connections
    return sum(own.nbytes for own in (c.table, c.pre, c.post, c.polarity, c.birth_step))


class Dense(Simulation):
    """Soft DEEP R in Brian2's own equations: a synapse for every pair of neurons, as many of them active."""

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        active = connections / neurons**2
        scale, lowest = RULE.noise_scale, -RULE.temperature / RULE.l1 * (1 - active) / active
        self.synapses.run_regularly(
            f"theta = clip(theta - {RULE.learning_rate}*(gradient + {RULE.l1})*int(theta >= 0) + {scale}*randn(), "
            f"{lowest}, inf); gradient = 0",
            dt=interval_ms * b2.ms,
        )

    def connect(self) -> None:
        """Create all potential connections, of which the same number as elsewhere is active."""
        self.synapses.connect()
        rng, number = np.random.default_rng(2), len(self.synapses)
        theta = rng.uniform(-1, 0, number)
        chosen = rng.permutation(number)[: self.number]
        theta[chosen] = rng.exponential(RULE.temperature / RULE.l1, self.number)
        self.synapses.theta = theta
        self.synapses.polarity = 1


class Scattered(Simulation):
    """A static network whose synapses have the order in memory that results from rewiring."""

    def __init__(self, connections: int, neurons: int, like: Rewired) -> None:
        self._like = like
        super().__init__(connections, neurons)

    def connect(self) -> None:
        """Create the connections of the rewired network, slot by slot."""
        self.synapses.connect(i=self._like.rewiring.i, j=self._like.rewiring.j)
        self.synapses.theta = self._like.synapses.theta[:]
        self.synapses.polarity = 1


def measure(connections: int, neurons: int, duration: float) -> list[dict[str, Any]]:
    """Return the rows of all simulations of a size in runtime mode."""
    slow: dict[Key, Simulation] = {("static", None): Simulation(connections, neurons)}
    for interval in INTERVALS_MS:
        slow["ours, DEEP R", interval] = Rewired(connections, neurons, interval)
    if neurons**2 <= MAX_DENSE:
        slow["all pairs, soft DEEP R by hand", FIXED_INTERVAL_MS] = Dense(connections, neurons, FIXED_INTERVAL_MS)
    stdp: dict[Key, Simulation] = {("static, STDP", None): Stdp(connections, neurons)}
    stdp["ours, prune and regrow, STDP", FIXED_INTERVAL_MS] = Pruned(connections, neurons, FIXED_INTERVAL_MS)
    nest = nest_simulations(connections, neurons)
    families: list[dict[Key, Timed]] = [family for family in (slow, stdp, nest) if family]
    made = {key: each for family in families for key, each in family.items()}
    times = dict(zip(made, steady(list(made.values()), duration), strict=True))
    # Last, because the order in memory results from the rewired run.
    ours = slow["ours, DEEP R", min(INTERVALS_MS)]
    assert isinstance(ours, Rewired)
    scattered = "static, slots as rewired", None
    slow[scattered] = Scattered(connections, neurons, ours)
    both = steady([slow["static", None], slow[scattered]], duration)
    times[scattered] = times["static", None] * both[1] / both[0]
    rows = [row for family in families for row in rows_of(family, times, "runtime", connections, neurons)]
    for each in nest.values():
        each.close()
    return rows


def measure_programs(connections: int, neurons: int, duration: float) -> list[dict[str, Any]]:
    """Return the rows of a size in C++ standalone mode."""
    with tempfile.TemporaryDirectory() as folder:
        static = functools.partial(Simulation, connections, neurons)
        family: dict[Key, Timed] = {("static", None): Program(static, Path(folder))}
        for interval in INTERVALS_MS:
            rewired = functools.partial(Rewired, connections, neurons, interval)
            family["ours, DEEP R", interval] = Program(rewired, Path(folder))
        times = dict(zip(family, steady(list(family.values()), duration), strict=True))
    return rows_of(family, times, "standalone", connections, neurons)


def rows_of(
    family: dict[Key, Timed], times: dict[Key, float], mode: str, connections: int, neurons: int
) -> list[dict[str, Any]]:
    """Return the rows of simulations, of which the first is static; ``times`` are seconds per simulated second."""
    static = next(iter(family))
    return [
        {
            "work": f"{neurons} neurons",
            "mode": mode,
            "connections": connections,
            "contender": key[0],
            "interval_ms": key[1],
            "cpu_s_per_bio_s": times[key],
            "ratio_to_static": times[key] / times[static],
            "bytes_per_synapse": bytes_more(each, family[static]),
        }
        for key, each in family.items()
    ]


def bytes_more(simulation: Timed, static: Timed) -> float | None:
    """Return the additional memory per connection relative to the static simulation; None outside of this process."""
    if not isinstance(simulation, Simulation):
        return None
    return (simulation.bytes() - static.bytes()) / simulation.number


def nest_simulations(connections: int, neurons: int) -> dict[Key, nest_peer.NestSimulation]:
    """Return the NEST simulations of a size, the static one first; empty if NEST is not installed."""
    if not nest_peer.is_installed():
        return {}
    return {
        (name, None if name == nest_peer.STATIC else FIXED_INTERVAL_MS): nest_peer.NestSimulation(
            name, connections, neurons, FIXED_INTERVAL_MS
        )
        for name, most in nest_peer.CONTENDERS.items()
        if connections <= most
    }


def steady(simulations: Sequence[Timed], duration: float) -> list[float]:
    """Return the processor time per simulated second of each: the fastest long run less the fastest short one."""
    durations = duration, LONGER * duration
    for each in simulations:  # Compiles; not measured.
        each.seconds(duration)
    turns = [[[each.seconds(length) for length in durations] for each in simulations] for _ in range(REPETITIONS)]
    short, long = np.min(turns, axis=0).T
    return ((long - short) / (durations[1] - durations[0])).tolist()


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, write JSON."""
    parser = Parser("Measure the cost of rewiring in a Brian2 simulation.")
    parser.add_quick("only the smallest size, in runtime mode")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    if not nest_peer.is_installed():
        print("NEST is not installed and is left out.")
    rows = []
    for size in tqdm(SIZES[: 1 if given.quick else None], unit="size"):
        with compiler_flags():
            rows += measure(*size)
        rows += [] if given.quick else measure_programs(*size)
    print(
        f"{'mode':>10} {'connections':>12} {'every, ms':>9} {'contender':>31} {'s per s':>8} {'ratio':>6} {'bytes':>7}"
    )
    for row in rows:
        print(
            f"{row['mode']:>10} {row['connections']:12} {row['interval_ms'] or '':>9} {row['contender']:>31} "
            f"{row['cpu_s_per_bio_s']:8.4f} {row['ratio_to_static']:6.2f} "
            f"{'' if row['bytes_per_synapse'] is None else format(row['bytes_per_synapse'], '.1f'):>7}"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
