"""Measure how much faster a training step is when threads share its work.

    python -m scripts.benchmark_threads                  # two threads; a minute
    python -m scripts.benchmark_threads --threads 8 --json FILE

Networks are those of models/cifar_cnn.py and models/speech_lstm.py, with DEEP R. A step is the forward pass, the loss,
the backward pass, the update and the rewiring. Rounds of steps by one thread and by several alternate; the ratio is
that of the fastest rounds, since other processes can only slow a round down.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.cifar_cnn import CIFAR10
from models.speech_lstm import SPEECH
from models.task import Task
from scripts.common import Parser, count
from scripts.interruption import interruptible
from scripts.rate_works_conv_lstm import FRAMES
from scripts.results import write_measurement
from synaptic_sampling.rate import CrossEntropy
from synaptic_sampling.rate.threads import using

__all__ = ["main"]

CASES: tuple[tuple[str, Task, dict[str, Any]], ...] = (
    ("CIFAR-10 conv net", CIFAR10, {}),
    ("speech LSTM", SPEECH, {"steps": FRAMES}),
)
CONNECTIVITIES = (0.05, 0.2)
BATCH_SIZES = (32, 64, 128)


def measure(threads: int, *, rounds: int, steps: int) -> list[dict[str, Any]]:
    """Return milliseconds per step of every network, for one thread and for several, and their ratio."""
    return [
        {"network": name, "connectivity": p, "batch_size": batch, "threads": threads}
        | timed(task, options, p, batch, threads, (rounds, steps))
        for name, task, options in CASES
        for p in CONNECTIVITIES
        for batch in BATCH_SIZES
    ]


def timed(
    task: Task,
    options: dict[str, Any],
    connectivity: float,
    batch: int,
    threads: int,
    length: tuple[int, int],
) -> dict[str, float]:
    """Return milliseconds per step of a network."""
    rounds, steps = length
    scale = connectivity / min(task.connectivity)
    counts = task.counts([min(1.0, own * scale) for own in task.connectivity])
    net, loss, rng = task.make(task.rules["deepr"], counts, **options), CrossEntropy(), np.random.default_rng(1)
    # Above 0, so that no frame is masked.
    x = np.abs(rng.standard_normal((batch, net.num_in))).astype(np.float32)
    labels = rng.integers(0, net.num_out, batch)
    seconds: dict[int, list[float]] = {1: [], threads: []}
    for _ in range(rounds + 1):
        for number, own in seconds.items():
            with using(number):
                start = time.perf_counter()
                for _ in range(steps):
                    net.gradients(x, labels, loss)
                    net.step()
                own.append((time.perf_counter() - start) / steps)
    # The first round loads kernels.
    one, several = (1000 * min(own[1:]) for own in seconds.values())
    return {"milliseconds_one": one, "milliseconds_several": several, "ratio": one / several}


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print and write."""
    parser = Parser("Measure how much faster a training step is when threads share its work.")
    parser.add_argument("--threads", type=count(2, 1024), default=2, metavar="N", help="number of threads")
    parser.add_argument("--rounds", type=count(), default=7, metavar="N", help="number of rounds of each kind")
    parser.add_argument("--steps", type=count(), default=10, metavar="N", help="steps of each round")
    parser.add_json("file for the measurements")
    given = parser.parse_measurement(argv)
    found = measure(given.threads, rounds=given.rounds, steps=given.steps)
    for row in found:
        print(
            f"{row['network']:>18} at {100 * row['connectivity']:g} %, batch {row['batch_size']:3}: "
            f"{row['milliseconds_one']:6.2f} and {row['milliseconds_several']:6.2f} ms, "
            f"{row['ratio']:.2f} times as fast"
        )
    if hasattr(os, "getloadavg"):
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if given.json is not None:
        write_measurement(given.json, {"cases": found})
    return found


if __name__ == "__main__":
    main()
