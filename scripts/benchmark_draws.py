"""Measure what births cost where degrees are limited, or where only near neurons may be connected.

    python -m scripts.benchmark_draws            # about a minute
    python -m scripts.benchmark_draws --json FILE

Neurons stand on a line, with K connections each. The limits: no postsynaptic neuron may have more than K connections,
so that all are at their limit; in addition no presynaptic one more than K + 1; only pairs up to K places apart may be
connected, so that half of them are; with probability exp(-distance / K); or so, and with the first limit. In each event
1 % of the connections die, and as many are born.
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
#: What limits births, as arguments of `Connections`, from the number of connections per neuron.
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
    """Return one row: the fastest of some repetitions.

    Parameters
    ----------
    limit : str
        A name of the table of limits.
    side : int
        Neurons on each side.
    degree : int
        Connections per neuron.

    Returns
    -------
    dict
        Of the table.
    """
    begin = time.process_time()
    c = Connections.random(side, side, side * degree, seed=1, **LIMITS[limit](degree))
    connect = time.process_time() - begin
    rng = np.random.default_rng(1)
    begin = time.process_time()
    replace(c, rng.random(len(c)) < 0.01)
    first = time.process_time() - begin
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
    parser = Parser("Measure what births cost under limits.")
    parser.add_quick("the smallest network only")
    parser.add_json("where the rows go")
    given = parser.parse_measurement(argv)
    networks = NETWORKS[:1] if given.quick else NETWORKS
    measure("both degrees", 50, 5)  # Compiles.
    rows = [measure(limit, *network) for network in tqdm(networks, unit="network") for limit in LIMITS]
    print(
        f"{'per side':>9} {'connections':>12} {'limit':>13} {'connect, s':>11} {'first, s':>9} {'births':>7} {'ms':>8}"
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
