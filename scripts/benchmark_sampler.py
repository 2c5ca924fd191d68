"""Measure the cost of a step for many sizes: time per connection and per replaced connection, and memory.

    python -m scripts.benchmark_sampler --json FILE      # a few minutes; also writes a figure
    python -m scripts.benchmark_sampler --quick

"Move" is the Langevin update of all connections, with its noise and the test for theta < 0. "Rewired" is the cost per
additional replaced connection (elimination, drawing a vacant site, formation, recording both events): the difference
between steps that replace about 10 % and 1 %. "Step" is a complete step that replaces 1 %, checks included.
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
from synaptic_sampling.plotting.style import in_house_style, plain_ticks

__all__ = ["main"]

CONNECTIONS = (10_000, 100_000, 1_000_000, 10_000_000)
SITES_PER_SIDE = (1_000, 10_000, 100_000, 1_000_000)
#: Fractions of occupied sites in the dense cases.
DENSITIES = (0.5, 0.9, 0.99, 1.0)
#: Rules that replace about 1 % and 10 % of the connections per step.
FEW, MANY = (DeepR(learning_rate=0.1, l1=l1, temperature=0.1) for l1 in (0.01, 0.1))
REPETITIONS = 5


def measure(num_connections: int, side: int) -> dict[str, Any]:
    """Return one row of the table: the fastest of several repetitions."""
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
        "fraction_rewired": [count / num_connections for count in deaths],
        "bytes_per_connection": sum(values.nbytes for values in arrays) / num_connections,
    }


def time_steps(c: Connections, gradient: NDArray[np.float32], rule: DeepR, steps: int) -> tuple[float, float]:
    """Return the time of a step in the stationary state in seconds, and the number of connections it replaces."""
    c.theta[:] = rule.temperature / rule.l1 * np.random.default_rng(1).standard_exponential(len(c))
    step(c, rule, gradient=gradient)
    deaths: list[int] = []
    seconds = fastest(lambda: deaths.append(step(c, rule, gradient=gradient).num_deaths), steps)
    return seconds, float(np.mean(deaths))


def fastest(work: Callable[[], Any], steps: int) -> float:
    """Return the processor time per call in seconds, in the fastest of several repetitions."""
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        for _ in range(steps):
            work()
        times.append((time.process_time() - start) / steps)
    return min(times)


@in_house_style
def draw(rows: list[dict[str, Any]]) -> Figure:
    """Plot both costs against the number of connections, with a line for each number of neurons."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
    columns = (("ns_per_connection", "move: ns per connection"), ("ns_per_rewired", "ns per rewired connection"))
    for ax, (column, label) in zip(axes, columns, strict=True):
        for side in SITES_PER_SIDE:
            own = [row for row in rows if row["sites_per_side"] == side]
            ax.plot([r["connections"] for r in own], [r[column] for r in own], "o-", label=f"{side:g} per side")
        ax.set(xscale="log", xlabel="connections", ylabel=label, ylim=(0, None))
        plain_ticks(ax.xaxis)
    axes[0].legend()
    return figure


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write JSON and a figure."""
    parser = Parser("Measure the cost of a step of the sampler.")
    parser.add_quick("only small sizes")
    parser.add_json("file for the results; a figure is written next to it")
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
