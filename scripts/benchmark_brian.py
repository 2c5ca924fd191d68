"""Measure what rewiring costs a Brian2 simulation, against the same one without it and against all pairs connected.

    python -m scripts.benchmark_brian --json FILE
    python -m scripts.benchmark_brian --quick

Leaky integrate-and-fire neurons in steps of 0.1 ms; DEEP R on all synapses with a turnover of about 1 % per event. All
simulations of a size run in turns, several times, and the fastest run of each counts. These synapses do next to
nothing per spike; those with STDP, of which weak ones are pruned and replaced, have ratios to their own static
simulation. Memory is that beyond the static simulation's, for each connection. A slot that is given to another
neuron's synapse lies far from its new neighbours: "static, slots as rewired" says what this order in memory costs by
itself. Where NEST is installed it comes too (``nest_peer``); its ratios are to its own static simulation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import brian2 as b2
import numpy as np
from tqdm import tqdm

from scripts import nest_peer
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import DeepR, PruneAndRegrow, Rewiring, connect_exactly

__all__ = ["main"]

#: Connections, neurons, simulated seconds per measurement.
SIZES = ((10_000, 1_000, 2.0), (100_000, 1_000, 2.0), (1_000_000, 10_000, 1.0))
INTERVALS_MS = (10, 100, 1000)
#: Between two events of all others.
FIXED_INTERVAL_MS = 100
#: Up to how many pairs the design with a synapse for every pair of neurons is tried.
MAX_DENSE = 10**7
REPETITIONS = 3
#: Name of a contender, and ms between its events.
Key = tuple[str, int | None]
RULE = DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-5)
#: Weights with STDP begin evenly between 0 and 1, newborn ones at 0: weak are 1 % of all at first, and who stays so.
WEAK = "w < 0.01"


class Simulation:
    """A recurrent network that is static.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    """

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
        """Make connections with theta from the stationary law of DEEP R in small steps."""
        connect_exactly(self.synapses, connections=self.number, seed=1)
        self.synapses.theta = np.random.default_rng(2).exponential(RULE.temperature / RULE.l1, self.number)
        self.synapses.polarity = 1

    def seconds(self, duration: float) -> float:
        """Return the processor time of a run.

        Parameters
        ----------
        duration : float
            Simulated seconds.

        Returns
        -------
        float
            Seconds.
        """
        begin = time.process_time()
        self.network.run(duration * b2.second)
        return time.process_time() - begin

    def bytes(self) -> int:
        """Return the memory of all that is kept for each synapse, besides Brian2's queues."""
        variables = (v.get_value() for v in self.synapses._registered_variables)
        return sum(values.nbytes for values in variables)


class Stdp(Simulation):
    """The same with STDP.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    """

    model = """w : 1
               dx/dt = -x/(20*ms) : 1 (event-driven)
               dy/dt = -y/(20*ms) : 1 (event-driven)"""
    on_pre = "v_post += 1e-4*w; x += 1; w = clip(w - 1e-4*y, 0, 1)"
    on_post = "y += 1; w = clip(w + 1e-4*x, 0, 1)"

    def connect(self) -> None:
        """Make connections with weights of all sizes."""
        connect_exactly(self.synapses, connections=self.number, seed=1)
        self.synapses.w = np.random.default_rng(2).random(self.number)


class Pruned(Stdp):
    """The same where weak synapses are replaced.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    interval_ms : float
        Between two events.
    """

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        self.rewiring = Rewiring(self.synapses, PruneAndRegrow(WEAK), seed=3, dt=interval_ms * b2.ms)
        self.network.add(self.rewiring)
        self.rewiring.step()

    def bytes(self) -> int:
        """Return the memory with that of the connections beside Brian2's."""
        return super().bytes() + own_bytes(self.rewiring)


class Rewired(Simulation):
    """The same with DEEP R.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    interval_ms : float
        Between two events.
    """

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        self.rewiring = Rewiring(self.synapses, RULE, seed=3, dt=interval_ms * b2.ms)
        self.network.add(self.rewiring)
        self.rewiring.step()  # Compiles, and is not counted.

    def bytes(self) -> int:
        """Return the memory with that of the connections beside Brian2's."""
        return super().bytes() + own_bytes(self.rewiring)


def own_bytes(rewiring: Rewiring) -> int:
    """Return the memory that a Rewiring keeps for its connections beside Brian2's.

    Parameters
    ----------
    rewiring : Rewiring
        Of one Synapses.

    Returns
    -------
    int
        Bytes.
    """
    c = rewiring.connections
    return sum(own.nbytes for own in (c.table, c.pre, c.post, c.polarity, c.birth_step))


class Dense(Simulation):
    """As many connected ones among all pairs of neurons, which soft DEEP R in Brian2's own equations connects.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    interval_ms : float
        Between two updates of theta.
    """

    def __init__(self, connections: int, neurons: int, interval_ms: float) -> None:
        super().__init__(connections, neurons)
        share = connections / neurons**2
        scale, lowest = RULE.noise_scale, -RULE.temperature / RULE.l1 * (1 - share) / share
        self.synapses.run_regularly(
            f"theta = clip(theta - {RULE.learning_rate}*(gradient + {RULE.l1})*int(theta >= 0) + {scale}*randn(), "
            f"{lowest}, inf); gradient = 0",
            dt=interval_ms * b2.ms,
        )

    def connect(self) -> None:
        """Make all potential connections, of which about as many are connected."""
        self.synapses.connect()
        rng, number = np.random.default_rng(2), len(self.synapses)
        theta = rng.uniform(-1, 0, number)
        chosen = rng.permutation(number)[: self.number]
        theta[chosen] = rng.exponential(RULE.temperature / RULE.l1, self.number)
        self.synapses.theta = theta
        self.synapses.polarity = 1


class Scattered(Simulation):
    """The static network whose synapses lie in memory in the order in which rewiring has left them.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    like : Rewired
        After its runs.
    """

    def __init__(self, connections: int, neurons: int, like: Rewired) -> None:
        self._like = like
        super().__init__(connections, neurons)

    def connect(self) -> None:
        """Make the connections of the other one, slot by slot."""
        self.synapses.connect(i=self._like.rewiring.i, j=self._like.rewiring.j)
        self.synapses.theta = self._like.synapses.theta[:]
        self.synapses.polarity = 1


def measure(connections: int, neurons: int, duration: float) -> list[dict[str, Any]]:
    """Return the rows of all simulations of a size, which run in turns.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    duration : float
        Simulated seconds.

    Returns
    -------
    list of dict
        The static one first.
    """
    slow: dict[Key, Simulation] = {("static", None): Simulation(connections, neurons)}
    for interval in INTERVALS_MS:
        slow["ours, DEEP R", interval] = Rewired(connections, neurons, interval)
    if neurons**2 <= MAX_DENSE:
        slow["all pairs, soft DEEP R by hand", FIXED_INTERVAL_MS] = Dense(connections, neurons, FIXED_INTERVAL_MS)
    stdp: dict[Key, Simulation] = {("static, STDP", None): Stdp(connections, neurons)}
    stdp["ours, prune and regrow, STDP", FIXED_INTERVAL_MS] = Pruned(connections, neurons, FIXED_INTERVAL_MS)
    nest = nest_simulations(connections, neurons)
    families: list[dict[Key, Any]] = [family for family in (slow, stdp, nest) if family]
    made = {key: each for family in families for key, each in family.items()}
    times = dict(zip(made, fastest(list(made.values()), duration), strict=True))
    # The two in the memory order of rewiring come last, when there is such an order.
    ours = slow["ours, DEEP R", min(INTERVALS_MS)]
    assert isinstance(ours, Rewired)
    scattered = "static, slots as rewired", None
    slow[scattered] = Scattered(connections, neurons, ours)
    both = fastest([slow["static", None], slow[scattered]], duration)
    times[scattered] = times["static", None] * both[1] / both[0]
    rows = []
    for family in families:
        static = next(iter(family))
        for key, each in family.items():
            rows.append(
                {
                    "work": f"{neurons} neurons",
                    "connections": connections,
                    "contender": key[0],
                    "interval_ms": key[1],
                    "cpu_s_per_bio_s": times[key] / duration,
                    "ratio_to_static": times[key] / times[static],
                    "bytes_per_synapse": bytes_more(each, family[static]),
                }
            )
    for each in nest.values():
        each.close()
    return rows


def bytes_more(simulation: Simulation | nest_peer.NestSimulation, static: Simulation) -> float | None:
    """Return what a simulation keeps beyond the static one, for each connection; NEST's memory is not known.

    Parameters
    ----------
    simulation : Simulation or NestSimulation
        Of any kind.
    static : Simulation
        Of the same kind, without rewiring.

    Returns
    -------
    float or None
        Bytes.
    """
    if isinstance(simulation, nest_peer.NestSimulation):
        return None
    return (simulation.bytes() - static.bytes()) / simulation.number


def nest_simulations(connections: int, neurons: int) -> dict[Key, nest_peer.NestSimulation]:
    """Return NEST's simulations of a size, the static one first; none where NEST is not installed.

    Parameters
    ----------
    connections, neurons : int
        Sizes.

    Returns
    -------
    dict
        By name and interval.
    """
    if not nest_peer.is_installed():
        return {}
    return {
        (name, None if name == nest_peer.STATIC else FIXED_INTERVAL_MS): nest_peer.NestSimulation(
            name, connections, neurons, FIXED_INTERVAL_MS
        )
        for name, most in nest_peer.CONTENDERS.items()
        if connections <= most
    }


def fastest(simulations: Sequence[Simulation | nest_peer.NestSimulation], duration: float) -> list[float]:
    """Return the least processor time of each of some simulations, in several runs in turns.

    Parameters
    ----------
    simulations : sequence of Simulation or NestSimulation
        To be run.
    duration : float
        Simulated seconds.

    Returns
    -------
    list of float
        Seconds.
    """
    for each in simulations:  # Compiles, and is not counted.
        each.seconds(0.002)
    return np.array([[each.seconds(duration) for each in simulations] for _ in range(REPETITIONS)]).min(axis=0).tolist()


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, write JSON.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    list of dict
        The rows.
    """
    parser = Parser("Measure what rewiring costs a Brian2 simulation.")
    parser.add_quick("the smallest size only")
    parser.add_json("where the rows go")
    given = parser.parse_measurement(argv)
    if not nest_peer.is_installed():
        print("NEST is not installed, and is left out.")
    rows = [row for size in tqdm(SIZES[: 1 if given.quick else None], unit="size") for row in measure(*size)]
    print(f"{'connections':>12} {'every, ms':>9} {'contender':>31} {'s per s':>8} {'ratio':>6} {'bytes':>7}")
    for row in rows:
        print(
            f"{row['connections']:12} {row['interval_ms'] or '':>9} {row['contender']:>31} "
            f"{row['cpu_s_per_bio_s']:8.2f} {row['ratio_to_static']:6.2f} "
            f"{'' if row['bytes_per_synapse'] is None else format(row['bytes_per_synapse'], '.1f'):>7}"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
