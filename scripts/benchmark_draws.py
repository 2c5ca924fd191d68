"""Measure the cost of formation with limited degrees, or where only nearby neurons may be connected.

    python -m scripts.benchmark_draws            # about a minute
    python -m scripts.benchmark_draws --json FILE

Neurons lie on a line, with K connections each. The restrictions: at most K connections per postsynaptic neuron, so that
all are at their limit; in addition, at most K + 1 per presynaptic neuron; only pairs at distances up to K, half of
which are connected; a probability exp(-distance / K); or this probability with the first limit. Each event replaces 1 %
of the connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from scripts.benchmark_sampler import fastest
from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import Connections, replace

__all__ = ["main"]

#: Neurons on each side and connections per neuron.
NETWORKS = ((500, 20), (2_000, 10), (2_000, 100), (10_000, 10), (10_000, 100))
#: Restrictions, as arguments of `Connections`, from the number of connections per neuron.
LIMITS: dict[str, Callable[[int], dict[str, Any]]] = {
    "none": lambda degree: {},
    "in-degree": lambda degree: {"max_in_degree": degree},
    "both degrees": lambda degree: {"max_in_degree": degree, "max_out_degree": degree + 1},
    "candidates": lambda degree: {"candidates": lambda pre, post: np.abs(pre - post) <= degree},
    "probability": lambda degree: {"probability": lambda pre, post: np.exp(-np.abs(pre - post) / degree)},
    "p, in-degree": lambda degree: {**LIMITS["probability"](degree), **LIMITS["in-degree"](degree)},
}
EVENTS = 3


def measure(limit: str, side: int, degree: int) -> dict[str, Any]:
    """Return one row of the table: the fastest of several repetitions."""
    start = time.process_time()
    c = Connections.random(side, side, side * degree, seed=1, **LIMITS[limit](degree))
    connect = time.process_time() - start
    rng = np.random.default_rng(1)
    start = time.process_time()
    replace(c, rng.random(len(c)) < 0.01)
    first = time.process_time() - start
    births: list[int] = []
    seconds = fastest(lambda: births.append(replace(c, rng.random(len(c)) < 0.01).num_births), EVENTS)
    return {
        "limit": limit,
        "sites_per_side": side,
        "connections": len(c),
        "s_to_connect": connect,
        "s_of_first_event": first,
        "births": float(np.mean(births)),
        "ms_per_event": 1e3 * seconds,
    }


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON."""
    parser = Parser("Measure the cost of formation under restrictions.")
    parser.add_quick("only the smallest network")
    parser.add_json("file for the results")
    given = parser.parse_measurement(argv)
    networks = NETWORKS[:1] if given.quick else NETWORKS
    measure("both degrees", 50, 5)  # Compiles; not measured.
    rows = [measure(limit, *network) for network in tqdm(networks, unit="network") for limit in LIMITS]
    print(
        f"{'per side':>9} {'connections':>12} {'limit':>13} {'connect, s':>11} {'first, s':>9} {'formed':>7} {'ms':>8}"
    )
    for row in rows:
        print(
            f"{row['sites_per_side']:9} {row['connections']:12} {row['limit']:>13} {row['s_to_connect']:11.3f} "
            f"{row['s_of_first_event']:9.3f} {row['births']:7.0f} {row['ms_per_event']:8.2f}"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows})
    return rows


if __name__ == "__main__":
    main()
