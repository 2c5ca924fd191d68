"""Train the recurrent spiking network on the handwritten digits with e-prop, and report its accuracy.

    python -m scripts.train_spiking --method deepr --connectivity 0.01 --seed 1 --out results/spiking
    python -m scripts.train_spiking --method fixed --seeds 3
    python -m scripts.train_spiking --quick

Writes summary.json and, for each seed, the final weights (weights-SEED.npz), the log of formation and elimination
(log-SEED.rewiring) and a figure. All of them appear in --out at the end; until then, the files of finished seeds are in
its subfolder ``unfinished``. Existing results in --out are replaced only with --overwrite.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.data import load_digits
from models.eprop_digits import EpropNetwork, Parameters, Schedule
from scripts.interruption import interruptible
from scripts.training import Result, arguments, check, train_seeds
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = ["main", "train"]

NUM_PIXELS = 64
CONNECTIVITY = 0.01
EPOCHS = 20
#: Images with ``--quick``, for one epoch: a test run of a few seconds.
QUICK_TRAIN, QUICK_TEST = 320, 96


def train(
    *,
    method: str = "deepr",
    connectivity: float | None = None,
    seed: int = 1,
    epochs: int | None = None,
    quick: bool = False,
    log_path: Path | None = None,
    report: Callable[..., None] | str | None = None,
) -> Result:
    """Train one network in one run of Brian2, with a test after each epoch.

    Parameters
    ----------
    method : {'deepr', 'fixed', 'dense'}
        How input and recurrent synapses are trained.
    connectivity : float, optional
        Fraction of the possible connections that exist, above 0 and at most 1; by default 0.01.
    seed : int
        Determines connectivity, weights, order of images, noise and formation.
    epochs : int, optional
        How often each training image is shown; by default 20 times, or once with ``quick``.
    quick : bool
        Present only a few images.
    log_path : Path, optional
        File to which the log is written at the end.
    report : callable or str, optional
        Progress, as for ``brian2.run``.

    Returns
    -------
    Result
        Accuracies, counts, log and weights; can be pickled.
    """
    start = time.perf_counter()
    train_set, test_set = load_digits()
    epochs = epochs or (1 if quick else EPOCHS)
    if quick:
        train_set = train_set[0][:QUICK_TRAIN], train_set[1][:QUICK_TRAIN]
        test_set = test_set[0][:QUICK_TEST], test_set[1][:QUICK_TEST]
    parameters = Parameters()
    schedule = Schedule.epochs(train_set, test_set, epochs=epochs, batch=parameters.batch, seed=seed)
    net = EpropNetwork(schedule, parameters, method=method, connectivity=connectivity or CONNECTIVITY, seed=seed)
    net.run(report)
    if log_path is not None:
        net.monitor.log.save(log_path)
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
        step_ratio=step_ratio(net.monitor.log),
        weights=net.weights(),
    )


def progress(title: str) -> Callable[..., None]:
    """Return a progress report for Brian2's ``run`` that writes lines to standard error."""

    def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        print(f"{title}: {100 * completed:3.0f} %, {float(elapsed):4.0f} s", file=sys.stderr, flush=True)

    return report


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary."""
    parser = arguments(
        "Train the recurrent spiking network on the handwritten digits with e-prop.",
        connectivity=str(CONNECTIVITY),
        epochs=f"{EPOCHS}, 1 with --quick",
        out="results/spiking",
    )
    given = parser.parse_args(argv)
    check(parser, given)
    parameters = Parameters()
    given.connectivity = given.connectivity or CONNECTIVITY
    given.epochs = given.epochs or (1 if given.quick else EPOCHS)
    if given.connectivity * NUM_PIXELS * parameters.num_neurons < 1:
        parser.refuse("--connectivity", f"leaves no connection from the inputs, got {given.connectivity}")
    return train_seeds(train, given, parser, progress, asdict(parameters))


if __name__ == "__main__":
    main()
