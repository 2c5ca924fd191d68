"""Measure what rewiring costs a Brian2 simulation, against the same simulation without it.

    python -m scripts.benchmark_brian --json FILE
    python -m scripts.benchmark_brian --quick

Leaky integrate-and-fire neurons in steps of 0.1 ms; DEEP R on all synapses with a turnover of about 1 % per event. Both
simulations of a row run in turns, several times, and the fastest of each counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from tqdm import tqdm

from synaptic_sampling import DeepR, Rewiring, connect_exactly

__all__ = ["main"]

#: Connections, neurons, simulated seconds per measurement.
SIZES = ((10_000, 1_000, 2.0), (100_000, 1_000, 2.0), (1_000_000, 10_000, 1.0))
INTERVALS_MS = (10, 100, 1000)
REPETITIONS = 3
RULE = DeepR(learning_rate=0.1, l1=1e-4, temperature=1e-5)


class Simulation:
    """A recurrent network, with or without rewiring.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    interval_ms : float or None
        Between two events; None for no rewiring.
    """

    def __init__(self, connections: int, neurons: int, interval_ms: float | None) -> None:
        group = b2.NeuronGroup(
            neurons, "dv/dt = (1.0008 - v)/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name="group*"
        )
        group.v = np.random.default_rng(1).random(neurons)
        self.synapses = b2.Synapses(
            group,
            group,
            "w = polarity*theta : 1\ntheta : 1\npolarity : 1\ngradient : 1",
            on_pre="v_post += 1e-4*w; gradient += 1e-4",
            name="synapses*",
        )
        connect_exactly(self.synapses, connections=connections, seed=1)
        self.synapses.theta = np.random.default_rng(2).exponential(RULE.temperature / RULE.l1, connections)
        self.synapses.polarity = 1
        self.network = b2.Network(group, self.synapses)
        if interval_ms is not None:
            self.rewiring = Rewiring(self.synapses, RULE, seed=3, dt=interval_ms * b2.ms)
            self.network.add(self.rewiring)

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


def measure(connections: int, neurons: int, duration: float, interval_ms: int) -> list[dict[str, Any]]:
    """Return the rows of the static and of the rewired simulation.

    Parameters
    ----------
    connections, neurons : int
        Sizes.
    duration : float
        Simulated seconds.
    interval_ms : int
        Between two events.

    Returns
    -------
    list of dict
        Two rows.
    """
    both = [Simulation(connections, neurons, interval) for interval in (None, interval_ms)]
    for simulation in both:  # Compiles, and is not counted.
        simulation.seconds(2e-3 * interval_ms)
    times = np.array([[simulation.seconds(duration) for simulation in both] for _ in range(REPETITIONS)]).min(axis=0)
    c = both[1].rewiring.connections
    own = [c._table, c.pre, c.post, c.polarity, c.birth_step]
    bytes_per_synapse = (0.0, sum(values.nbytes for values in own) / connections)
    return [
        {
            "work": f"{neurons} neurons",
            "connections": connections,
            "contender": contender,
            "interval_ms": interval_ms,
            "cpu_s_per_bio_s": seconds / duration,
            "ratio_to_static": seconds / times[0],
            "bytes_per_synapse": size,
        }
        for contender, seconds, size in zip(("static", "ours, DEEP R"), times.tolist(), bytes_per_synapse, strict=True)
    ]


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
    parser = argparse.ArgumentParser(description="Measure what rewiring costs a Brian2 simulation.")
    parser.add_argument("--quick", action="store_true", help="the smallest size only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows go")
    given = parser.parse_args(argv)
    work = [(*size, interval) for size in SIZES[: 1 if given.quick else None] for interval in INTERVALS_MS]
    rows = [row for each in tqdm(work, unit="size") for row in measure(*each)]
    print(f"{'connections':>12} {'every, ms':>9} {'contender':>14} {'s per s':>8} {'ratio':>6} {'bytes':>6}")
    for row in rows:
        print(
            f"{row['connections']:12} {row['interval_ms']:9} {row['contender']:>14} {row['cpu_s_per_bio_s']:8.2f} "
            f"{row['ratio_to_static']:6.2f} {row['bytes_per_synapse']:6.1f}"
        )
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    return rows


if __name__ == "__main__":
    main()
