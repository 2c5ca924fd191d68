"""Train the recurrent spiking network on the handwritten digits by e-prop, and say how well it does.

    python -m scripts.train_spiking --method deepr --connectivity 0.015 --seed 1 --out results/spiking
    python -m scripts.train_spiking --method fixed --seeds 3
    python -m scripts.train_spiking --quick

Writes summary.json, and for each seed the weights at the end (weights-SEED.npz) and, with DEEP R, the log of births
and deaths (log-SEED.h5) and a figure of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from models.data import load_digits
from numpy.typing import NDArray

from models.eprop_digits import METHODS, EpropNetwork, Parameters, Schedule
from synaptic_sampling import DeepR, RewiringInfo, RewiringLog
from synaptic_sampling.plotting import plot_accuracy, plot_survival, plot_turnover, plot_weights

__all__ = ["Result", "main", "train"]

#: With ``--quick``: enough to see that all works, in seconds.
QUICK = {"epochs": 1, "train": 320, "test": 96}


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
    log : RewiringLog or None
        Set 0 holds the input synapses, set 1 the recurrent ones; None without DEEP R.
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
    log: RewiringLog | None
    weights: dict[str, NDArray[Any]]

    @property
    def accuracy(self) -> float:
        """Return the share of test images recognised at the end."""
        return self.accuracies[-1]


def train(
    *,
    method: str = "deepr",
    connectivity: float = 0.015,
    seed: int = 1,
    epochs: int = 20,
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
        epochs = QUICK["epochs"]
        train_set = tuple(values[: QUICK["train"]] for values in train_set)
        test_set = tuple(values[: QUICK["test"]] for values in test_set)
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
        births=sum(monitor.num_births for monitor in net.monitors),
        deaths=sum(monitor.num_deaths for monitor in net.monitors),
        seconds=time.perf_counter() - start,
        log=merge([monitor.log for monitor in net.monitors]) if net.monitors else None,
        weights=net.weights(),
    )


def merge(logs: Sequence[RewiringLog]) -> RewiringLog:
    """Return one log of several sets that were rewired in the same steps.

    Parameters
    ----------
    logs : sequence of RewiringLog
        Of one set each.

    Returns
    -------
    RewiringLog
        The n-th log is set n.
    """
    merged = RewiringLog()
    events = []
    for index, log in enumerate(logs):
        (about,) = log.sets.values()
        sizes = {"num_pre": about.num_pre, "num_post": about.num_post, "num_sites": about.num_sites}
        merged.describe(index, **sizes, name=about.name)
        for snapshot in log.snapshots:
            merged.snapshot(snapshot.step, index, *snapshot[2:])
        events.append(log.events)
        events[-1]["set"] = index
    for row in logs[0].times:
        for own in events:
            now = own[slice(*np.searchsorted(own["step"], [row["step"], row["step"] + 1]))]
            deaths = int(np.count_nonzero(now["kind"] < 0))
            merged.record(
                RewiringInfo(int(row["step"]), now, deaths, 0), seconds=row["seconds"], samples=row["samples"]
            )
    return merged


def summary(results: Sequence[Result], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what summary.json holds.

    Parameters
    ----------
    results : sequence of Result
        One per seed.
    arguments : dict
        How the script was called.

    Returns
    -------
    dict
        The arguments, the parameters, means and sums over seeds.
    """
    accuracies = [result.accuracy for result in results]
    return {
        **arguments,
        "parameters": asdict(Parameters()),
        "seeds": [result.seed for result in results],
        "accuracy_mean": float(np.mean(accuracies)),
        "accuracies": accuracies,
        "accuracy_by_epoch": [result.accuracies for result in results],
        "samples_by_epoch": results[0].samples,
        "sites": results[0].sites,
        "connections": results[0].connections,
        "connections_min": min(result.connections_min for result in results),
        "connections_max": max(result.connections_max for result in results),
        "births": sum(result.births for result in results),
        "deaths": sum(result.deaths for result in results),
        "seconds": sum(result.seconds for result in results),
    }


def draw(result: Result, path: Path) -> None:
    """Draw what one training came to.

    Parameters
    ----------
    result : Result
        With a log where DEEP R was at work.
    path : Path
        Where the picture goes.
    """
    p = Parameters()
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    plot_accuracy(result.samples, result.accuracies, axes[0, 0], label=result.method)
    plot_weights(np.abs(np.concatenate([result.weights["input_w"], result.weights["recurrent_w"]])), axes[1, 1])
    if result.log is not None:
        plot_turnover(result.log, axes[0, 1])
        rule = DeepR(p.learning_rate, p.l1, p.temperature)
        plot_survival(result.log, axes[1, 0], step_ratio=rule.step_ratio)
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
    np.savez_compressed(out / f"weights-{result.seed}.npz", **result.weights)
    if result.log is not None:
        result.log.save(out / f"log-{result.seed}.h5")
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


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    Namespace
        With defaults filled in.
    """
    parser = argparse.ArgumentParser(prog="train_spiking", description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=["digits"], default="digits", help="what is learned")
    parser.add_argument("--method", choices=METHODS, default="deepr", help="how input and recurrent synapses learn")
    parser.add_argument("--connectivity", type=float, default=0.015, help="share of the sites that are connected")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--epochs", type=int, default=20, help="how often each image is shown")
    parser.add_argument("--quick", action="store_true", help="one epoch on few images, to try it out")
    parser.add_argument("--out", type=Path, default=Path("results/spiking"), help="folder for what is written")
    return parser.parse_args(argv)


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
    args = arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(args.seed, args.seed + args.seeds):
        results.append(
            train(
                method=args.method,
                connectivity=args.connectivity,
                seed=seed,
                epochs=args.epochs,
                quick=args.quick,
                report=progress(f"{args.method}, seed {seed}"),
            )
        )
        write(results[-1], args.out)
        print(f"{args.method}, seed {seed}: test accuracy {100 * results[-1].accuracy:.1f} %", file=sys.stderr)
    found = summary(results, {**vars(args), "out": str(args.out)})
    (args.out / "summary.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"wrote summary.json, weights, logs and figures to {args.out}")
    return found


if __name__ == "__main__":
    main()
