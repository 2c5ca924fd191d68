"""Train the recurrent spiking network on the handwritten digits by e-prop, and say how well it does.

    python -m scripts.train_spiking --method deepr --connectivity 0.01 --seed 1 --out results/spiking
    python -m scripts.train_spiking --method fixed --seeds 3
    python -m scripts.train_spiking --quick

Writes summary.json, and for each seed the weights at the end (weights-SEED.npz), the log of births and deaths
(log-SEED.rewiring) and a figure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from models.data import load_digits
from models.eprop_digits import EpropNetwork, Parameters, Schedule
from scripts.common import arguments, write_summary
from synaptic_sampling import RewiringLog
from synaptic_sampling.plotting import plot_accuracy, plot_survival, plot_turnover, plot_weights

__all__ = ["Result", "main", "train"]

CONNECTIVITY = 0.01
EPOCHS = 20
#: Images with ``--quick``, one epoch: enough to see that all works, in seconds.
QUICK_TRAIN, QUICK_TEST = 320, 96


@dataclass(frozen=True)
class Result:
    """What one training came to.

    Attributes
    ----------
    accuracies : list of float
        Share of test images recognised, after each epoch.
    samples : list of int
        Training images presented before each of these tests.
    sites, connections : int
        Of input and recurrent synapses together: possible ones, and those there are.
    connections_min, connections_max : int
        Counted after every event.
    births, deaths : int
        Of connections.
    seconds : float
        Wall time, building and testing included.
    log : RewiringLog
        Set 0 holds the input synapses, set 1 the recurrent ones; a snapshot of both at the begin of each epoch.
    weights : dict of str to ndarray
        ``{set}_pre``, ``{set}_post`` and ``{set}_w`` for the sets input, recurrent and output, at the end.
    """

    method: str
    seed: int
    accuracies: list[float]
    samples: list[int]
    sites: int
    connections: int
    connections_min: int
    connections_max: int
    births: int
    deaths: int
    seconds: float
    log: RewiringLog
    weights: dict[str, NDArray[Any]]


def train(
    *,
    method: str = "deepr",
    connectivity: float = CONNECTIVITY,
    seed: int = 1,
    epochs: int = EPOCHS,
    quick: bool = False,
    report: Callable[..., None] | str | None = None,
) -> Result:
    """Train one network in one run of Brian2, with a test after each epoch.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How input and recurrent synapses learn.
    connectivity : float
        Share of the sites that hold a connection, above 0 and at most 1.
    seed : int
        Of wiring, weights, order of images, noise and births.
    epochs : int
        How often each training image is shown.
    quick : bool
        Show little: to try it out.
    report : callable or str, optional
        Progress, as for ``brian2.run``.

    Returns
    -------
    Result
        Everything worth keeping; can be pickled.
    """
    start = time.perf_counter()
    train_set, test_set = load_digits()
    if quick:
        epochs = 1
        train_set = train_set[0][:QUICK_TRAIN], train_set[1][:QUICK_TRAIN]
        test_set = test_set[0][:QUICK_TEST], test_set[1][:QUICK_TEST]
    parameters = Parameters()
    schedule = Schedule.epochs(train_set, test_set, epochs=epochs, batch=parameters.batch, seed=seed)
    net = EpropNetwork(schedule, parameters, method=method, connectivity=connectivity, seed=seed)
    net.run(report)
    return Result(
        method=method,
        seed=seed,
        accuracies=net.accuracies,
        samples=[int(schedule.teaching[: test.start].sum()) for test in schedule.tests],
        sites=net.num_sites,
        connections=sum(map(len, net.plastic)),
        connections_min=min(net.counts),
        connections_max=max(net.counts),
        births=net.monitor.num_births,
        deaths=net.monitor.num_deaths,
        seconds=time.perf_counter() - start,
        log=net.monitor.log,
        weights=net.weights(),
    )


def draw(result: Result, path: Path) -> None:
    """Draw what one training came to.

    Parameters
    ----------
    result : Result
        Of one seed.
    path : Path
        Where the picture goes.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    plot_accuracy(result.samples, result.accuracies, axes[0, 0], label=result.method)
    plot_weights(result.log, axes[1, 1])
    if result.births:
        plot_turnover(result.log, axes[0, 1])
        plot_survival(result.log, axes[1, 0], step_ratio=Parameters().rule.step_ratio)
        axes[1, 0].set_ylim(1e-4, 1.5)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def write(result: Result, out: Path) -> None:
    """Write weights, log and figure of one training.

    Parameters
    ----------
    result : Result
        Of one seed.
    out : Path
        The folder.
    """
    np.savez_compressed(out / f"weights-{result.seed}.npz", allow_pickle=False, **result.weights)
    result.log.save(out / f"log-{result.seed}.rewiring")
    draw(result, out / f"figure-{result.seed}.png")


def progress(title: str) -> Callable[..., None]:
    """Return a report for Brian2's ``run`` that writes lines to the standard error.

    Parameters
    ----------
    title : str
        Begins each line.

    Returns
    -------
    callable
        Takes elapsed time, completed share, start and duration.
    """

    def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        print(f"{title}: {100 * completed:3.0f} %, {float(elapsed):4.0f} s", file=sys.stderr, flush=True)

    return report


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    dict
        What summary.json holds.
    """
    description = "Train the recurrent spiking network on the handwritten digits by e-prop."
    given = arguments(description, connectivity=CONNECTIVITY, epochs=EPOCHS, out="results/spiking").parse_args(argv)
    given.out.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(given.seed, given.seed + given.seeds):
        title = f"seed {seed}"
        result = train(
            method=given.method,
            connectivity=given.connectivity,
            seed=seed,
            epochs=given.epochs,
            quick=given.quick,
            report=progress(title),
        )
        write(result, given.out)
        print(f"{title}: test accuracy {100 * result.accuracies[-1]:.1f} %", file=sys.stderr)
        results.append(result)
    chosen = Parameters()
    found = write_summary(given.out, given, results, parameters=asdict(chosen), step_ratio=chosen.rule.step_ratio)
    print(f"wrote summary.json, weights, logs and figures to {given.out}")
    return found


if __name__ == "__main__":
    main()
