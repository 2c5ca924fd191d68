"""Measure what a step costs, for many sizes: time per connection and per rewired connection, memory.

    python -m scripts.benchmark_sampler --json FILE      # some minutes; a picture beside the file
    python -m scripts.benchmark_sampler --quick

"Move" is the Langevin step of all connections with its noise and the test for theta < 0. "Rewired" is what each further
connection that is replaced costs (retract, free the site, draw a vacant one, regrow, record both events): the
difference between steps in which about 10 % and 1 % are replaced. "Step" is a whole step with 1 %, checks included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from scripts.common import Parser
from scripts.interruption import interruptible
from scripts.results import write_measurement
from synaptic_sampling import Connections, DeepR, step

__all__ = ["main"]

CONNECTIONS = (10_000, 100_000, 1_000_000, 10_000_000)
SITES_PER_SIDE = (1_000, 10_000, 100_000, 1_000_000)
#: Share of the sites that are occupied, where they are few.
DENSITIES = (0.5, 0.9, 0.99, 1.0)
#: Few and many connections are replaced per step, about 1 and 10 %.
FEW, MANY = (DeepR(learning_rate=0.1, l1=l1, temperature=0.1) for l1 in (0.01, 0.1))
REPETITIONS = 5


def measure(num_connections: int, side: int) -> dict[str, Any]:
    """Return one row: the fastest of some repetitions.

    Parameters
    ----------
    num_connections : int
        K.
    side : int
        Neurons on each side.

    Returns
    -------
    dict
        Of the table.
    """
    c = Connections.random(side, side, num_connections, seed=1, dtype=np.float32)
    zero = np.zeros(num_connections, np.float32)
    steps = max(1, 200_000 // num_connections)
    c.theta[:] = 1e3
    move = fastest(lambda: FEW.decide(c, zero), steps)
    whole, deaths = zip(*(time_steps(c, zero, rule, steps) for rule in (FEW, MANY)), strict=True)
    arrays = [c.table, *(values for name, values in c.state().items() if name != "steps_done")]
    return {
        "connections": num_connections,
        "sites_per_side": side,
        "ns_per_connection": 1e9 * move / num_connections,
        "ns_per_rewired": 1e9 * (whole[1] - whole[0]) / (deaths[1] - deaths[0]),
        "us_per_step": 1e6 * whole[0],
        "share_rewired": [count / num_connections for count in deaths],
        "bytes_per_connection": sum(values.nbytes for values in arrays) / num_connections,
    }


def time_steps(c: Connections, gradient: NDArray[np.float32], rule: DeepR, steps: int) -> tuple[float, float]:
    """Return the seconds of a whole step in the stationary law, and how many connections it replaces.

    Parameters
    ----------
    c : Connections
        Changed.
    gradient : ndarray
        Zero.
    rule : DeepR
        The rule.
    steps : int
        Steps per repetition.

    Returns
    -------
    seconds, rewired : float
        Per step.
    """
    c.theta[:] = rule.temperature / rule.l1 * np.random.default_rng(1).standard_exponential(len(c))
    step(c, gradient, rule)
    deaths: list[int] = []
    seconds = fastest(lambda: deaths.append(step(c, gradient, rule).num_deaths), steps)
    return seconds, float(np.mean(deaths))


def fastest(work: Callable[[], Any], steps: int) -> float:
    """Return the seconds per call in the fastest of some repetitions.

    Parameters
    ----------
    work : callable
        What is measured.
    steps : int
        Calls per repetition.

    Returns
    -------
    float
        Processor time.
    """
    times = []
    for _ in range(REPETITIONS):
        begin = time.process_time()
        for _ in range(steps):
            work()
        times.append((time.process_time() - begin) / steps)
    return min(times)


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Draw both costs over the number of connections, a line for each number of neurons.

    Parameters
    ----------
    rows : list of dict
        The table.

    Returns
    -------
    Figure
        With two panels.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    columns = (("ns_per_connection", "move: ns per connection"), ("ns_per_rewired", "ns per rewired connection"))
    for ax, (column, label) in zip(axes, columns, strict=True):
        for side in SITES_PER_SIDE:
            own = [row for row in rows if row["sites_per_side"] == side]
            ax.plot([r["connections"] for r in own], [r[column] for r in own], "o-", label=f"{side:g} per side")
        ax.set(xscale="log", xlabel="connections", ylabel=label, ylim=(0, None))
    axes[0].legend(frameon=False)
    return figure


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, write JSON and a picture.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    list of dict
        The rows.
    """
    parser = Parser("Measure what a step of the sampler costs.")
    parser.add_quick("small sizes only")
    parser.add_json("where the rows go, a picture beside them")
    given = parser.parse_measurement(argv)
    largest = 100_000 if given.quick else CONNECTIONS[-1]
    sizes = [(k, n) for k in CONNECTIONS for n in SITES_PER_SIDE if k <= min(largest, n * n / 10)]
    dense = [(round(1_000_000 * density), 1_000) for density in DENSITIES if not given.quick]
    rows = [measure(k, n) for k, n in tqdm([*sizes, *dense], unit="size")]
    print(f"{'connections':>12} {'per side':>9} {'move, ns':>9} {'rewired, ns':>12} {'step, us':>10} {'bytes':>6}")
    for row in rows:
        print(
            f"{row['connections']:12} {row['sites_per_side']:9} {row['ns_per_connection']:9.2f} "
            f"{row['ns_per_rewired']:12.0f} {row['us_per_step']:10.1f} {row['bytes_per_connection']:6.1f}"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows}, draw(rows[: len(sizes)]))
    return rows


if __name__ == "__main__":
    main()
